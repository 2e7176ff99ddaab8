//! Byte strings to small numbers, compactly, with "which keys are prefixes of this?" in one descent.
//!
//! A path-compressed radix tree in three flat arenas: nodes, blocks of child entries, and label
//! bytes. Nothing is recursive, so the depth that a peer's topics give it costs no stack, and a
//! node's id stays the same as long as its key has a value, so that others may note it down.
//!
//! With a million keys a descent costs what it misses in the caches. Most of its levels are nodes
//! that have neither value nor label, and there it reads blocks only: the entry of such a child
//! says where the child's block is. A block of up to twelve children is one cache line.

/// Where a key is kept; stable as long as the key has a value.
pub(crate) type NodeId = u32;

/// No node, no block. The arenas stay smaller than this; see [`Radix::has_space`].
const NONE: u32 = u32::MAX;

const ROOT: NodeId = 0;

/// How many children the blocks of each class hold: what fits into [`LINES`] beside the owner and
/// the keys, or a half and a quarter of a cache line. The last class is indexed by the byte itself,
/// which a search of more than a hundred keys does not beat.
const CAPACITY: [u16; 9] = [2, 5, 12, 24, 37, 50, 76, 101, 256];

/// The words before the children's entries: the owner, and the keys, four a word.
const HEAD: [usize; CAPACITY.len()] = [2, 3, 4, 7, 11, 14, 20, 27, 1];

/// The cache lines a block of each class takes; those below `WHOLE_LINE` take less than one.
const LINES: [usize; CAPACITY.len()] = [1, 1, 1, 2, 3, 4, 6, 8, 17];

/// The class whose blocks are one cache line.
const WHOLE_LINE: u8 = 2;

/// The class whose blocks are a plain table of 256 children.
const DENSE: u8 = CAPACITY.len() as u8 - 1;

const WORDS_PER_LINE: usize = 16;

/// What blocks are counted in: the smallest has this many words.
const WORDS_PER_UNIT: usize = 4;

/// In a child's entry: no id, but class and block of a child without value and label.
const DIRECT: u32 = 1 << 31;

/// Where the class stands in such an entry; the block is below.
const CLASS_SHIFT: u32 = 27;

/// Label bytes that may lie unused before they are collected, beside one a node and as many as are
/// in use: enough that a small tree never bothers.
const SPARE_LABEL_BYTES: usize = 4096;

/// A map from byte strings to values other than 0.
#[derive(Debug)]
pub(crate) struct Radix {
    /// `nodes[0]` is the root. A free node has no value, no label and no children, and its
    /// `parent` is the next free one. Every node but the root has a value or at least two children
    /// (but see `merge_if_thin`).
    nodes: Vec<Node>,
    free_node: u32,
    /// Blocks of children. First the node that owns it. Then, in all classes but `DENSE`: the
    /// children's first bytes, four a word, and as many entries; behind those in use the keys mean
    /// nothing and the entries are `NONE`. In `DENSE`: 256 entries or `NONE`. See `entry_of`.
    lines: Vec<Line>,
    /// The first free block of each class; its first word is the next one.
    free_blocks: [u32; CAPACITY.len()],
    labels: Vec<u8>,
    /// The sum of all nodes' `len`; never more than `labels.len()`.
    label_bytes_used: usize,
}

/// Aligned, so that what fits into a cache line does not lie across two.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([u32; WORDS_PER_LINE]);

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: NodeId,
    /// `labels[label..label + len]` follow `first`, which is kept in the parent's block too.
    label: u32,
    len: u32,
    /// 0: this is only where ways part.
    value: u32,
    /// Meaningless without children. In units of `WORDS_PER_UNIT`.
    block: u32,
    /// `children <= CAPACITY[class]`.
    children: u16,
    class: u8,
    first: u8,
}

/// The tree cannot number any more nodes or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Default for Radix {
    fn default() -> Self {
        Radix {
            nodes: vec![Node::new(NONE, 0, 0, 0)],
            free_node: NONE,
            lines: Vec::new(),
            free_blocks: [NONE; CAPACITY.len()],
            labels: Vec::new(),
            label_bytes_used: 0,
        }
    }
}

impl Radix {
    /// The node of `key`, made if need be. The caller gives it a value at once.
    pub(crate) fn insert(&mut self, key: &[u8]) -> Result<NodeId, Full> {
        if !self.has_space(key.len()) {
            return Err(Full);
        }
        let mut id = ROOT;
        let mut rest = key;
        while let Some((&byte, tail)) = rest.split_first() {
            let Some(slot) = self.slot(self.node(id), byte) else {
                return Ok(self.add_leaf(id, byte, tail));
            };
            let child = self.child_of(self.word(slot));
            let label = self.label(self.node(child));
            let common = common_prefix(label, tail);
            id = if common < label.len() {
                self.split(child, common)
            } else {
                child
            };
            rest = &tail[common..];
        }
        Ok(id)
    }

    /// The node of `key`, if there is one; it may have no value.
    pub(crate) fn find(&self, key: &[u8]) -> Option<NodeId> {
        let mut id = ROOT;
        let mut rest = key;
        while let Some((&byte, tail)) = rest.split_first() {
            id = self.child_of(self.word(self.slot(self.node(id), byte)?));
            rest = tail.strip_prefix(self.label(self.node(id)))?;
        }
        Some(id)
    }

    /// The value of a node; 0 when it has none or is no more.
    #[inline]
    pub(crate) fn value(&self, id: NodeId) -> u32 {
        self.nodes.get(id as usize).map_or(0, |node| node.value)
    }

    /// Gives a node that is there a value; 0 takes its key out of the map.
    pub(crate) fn set_value(&mut self, id: NodeId, value: u32) {
        if let Some(node) = self.nodes.get_mut(id as usize) {
            let was = std::mem::replace(&mut node.value, value);
            // Leaves, which most are, stand in their parent's block by their ids anyway.
            if (was == 0) != (value == 0) && node.len == 0 && node.children > 0 {
                self.relink(id);
            }
            if value == 0 {
                self.prune(id);
            }
        }
    }

    /// Visits the values of all keys that are prefixes of `text`, shortest first, until `visit`
    /// says false.
    #[inline]
    pub(crate) fn prefixes(&self, text: &[u8], mut visit: impl FnMut(u32) -> bool) {
        let mut node = self.node(ROOT);
        let mut rest = text;
        loop {
            if node.value != 0 && !visit(node.value) {
                return;
            }
            if node.children == 0 {
                return;
            }
            let (mut block, mut class) = (node.block, node.class);
            loop {
                let Some((&byte, tail)) = rest.split_first() else {
                    return;
                };
                let Some((_, entry)) = self.look_up(block, class, byte) else {
                    return;
                };
                rest = tail;
                if entry & DIRECT == 0 {
                    node = self.node(entry);
                    break;
                }
                (block, class) = block_in(entry);
            }
            match rest.strip_prefix(self.label(node)) {
                Some(tail) => rest = tail,
                None => return,
            }
        }
    }

    /// Visits every key, in no order that means anything.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        let mut reversed = Vec::new();
        for start in self.nodes.iter().filter(|node| node.value != 0) {
            reversed.clear();
            let mut node = start;
            while node.parent != NONE {
                reversed.extend(self.label(node).iter().rev());
                reversed.push(node.first);
                node = self.node(node.parent);
            }
            reversed.reverse();
            visit(&reversed);
        }
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.lines.capacity() * size_of::<Line>()
            + self.labels.capacity()
    }

    #[inline]
    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    #[inline]
    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    #[inline]
    fn label(&self, node: &Node) -> &[u8] {
        &self.labels[node.label as usize..][..node.len as usize]
    }

    /// Whether one more key certainly fits what 32-bit indices reach.
    fn has_space(&self, key: usize) -> bool {
        // An insert makes at most two nodes and grows at most two blocks.
        const GROWTH: usize = 2 * LINES[DENSE as usize];
        const MOST: usize = (1 << CLASS_SHIFT) / (WORDS_PER_LINE / WORDS_PER_UNIT);
        self.nodes.len() + 2 < DIRECT as usize
            && self.lines.len() + GROWTH < MOST
            && self.labels.len().saturating_add(key) < NONE as usize
    }

    fn add_leaf(&mut self, parent: NodeId, first: u8, tail: &[u8]) -> NodeId {
        let label = self.push_label(tail);
        let id = self.new_node(Node::new(parent, first, label, tail.len() as u32));
        self.add_child(parent, first, id);
        id
    }

    /// Cuts the label of `lower` after `at` bytes and returns the new node above the cut.
    fn split(&mut self, lower: NodeId, at: usize) -> NodeId {
        let old = *self.node(lower);
        let cut = old.label as usize + at;
        let first = self.labels[cut];
        let upper = self.new_node(Node::new(old.parent, old.first, old.label, at as u32));
        self.replace_child(old.parent, old.first, upper);
        let node = self.node_mut(lower);
        node.parent = upper;
        node.first = first;
        node.label = cut as u32 + 1;
        node.len = old.len - at as u32 - 1;
        self.label_bytes_used -= 1;
        self.add_child(upper, first, lower);
        upper
    }

    /// Removes what a node without a value no longer justifies.
    fn prune(&mut self, id: NodeId) {
        let node = *self.node(id);
        if id != ROOT {
            match node.children {
                0 => {
                    self.remove_child(node.parent, node.first);
                    self.free_node(id);
                    self.merge_if_thin(node.parent);
                }
                _ => self.merge_if_thin(id),
            }
        }
        let root = self.node(ROOT);
        if root.children == 0 && root.value == 0 {
            // Gives the memory back.
            *self = Radix::default();
        } else {
            self.collect_labels();
        }
    }

    /// Replaces a node that has no value and one child by that child.
    fn merge_if_thin(&mut self, id: NodeId) {
        let upper = *self.node(id);
        if id == ROOT || upper.value != 0 || upper.children != 1 {
            return;
        }
        let lower_id = self.only_child(&upper);
        let lower = *self.node(lower_id);
        let len = upper.len + 1 + lower.len;
        if self.labels.len() + len as usize >= NONE as usize {
            // Four gigabytes of labels: better a node too many than one that cannot be numbered.
            return;
        }
        let label = self.join_labels(&upper, &lower);
        self.label_bytes_used += 1;
        let node = self.node_mut(lower_id);
        node.parent = upper.parent;
        node.first = upper.first;
        node.label = label;
        node.len = len;
        self.replace_child(upper.parent, upper.first, lower_id);
        self.free_block(upper.block, upper.class);
        // What its label was now belongs to the lower node.
        self.node_mut(id).len = 0;
        self.free_node(id);
    }

    /// Where the label of `upper`, the first byte of `lower` and the label of `lower` stand in a row.
    fn join_labels(&mut self, upper: &Node, lower: &Node) -> u32 {
        let between = upper.label as usize + upper.len as usize;
        // Mostly they still do, from before they were split.
        if between + 1 == lower.label as usize && self.labels[between] == lower.first {
            return upper.label;
        }
        let joined = [self.label(upper), &[lower.first], self.label(lower)].concat();
        grow(&mut self.labels, joined.len());
        let at = self.labels.len() as u32;
        self.labels.extend_from_slice(&joined);
        at
    }

    fn push_label(&mut self, label: &[u8]) -> u32 {
        let at = self.labels.len() as u32;
        grow(&mut self.labels, label.len());
        self.labels.extend_from_slice(label);
        self.label_bytes_used += label.len();
        at
    }

    /// Packs the labels when most of what is held is unused. A pass over all nodes is paid for by
    /// at least as many bytes that became unused since the last.
    fn collect_labels(&mut self) {
        let used = self.label_bytes_used;
        if self.labels.len() <= 2 * used + self.nodes.len() + SPARE_LABEL_BYTES {
            return;
        }
        let mut packed = Vec::with_capacity(used);
        for node in &mut self.nodes {
            let label = &self.labels[node.label as usize..][..node.len as usize];
            node.label = packed.len() as u32;
            packed.extend_from_slice(label);
        }
        self.labels = packed;
    }

    fn new_node(&mut self, node: Node) -> NodeId {
        let id = self.free_node;
        if id != NONE {
            self.free_node = self.node(id).parent;
            *self.node_mut(id) = node;
            return id;
        }
        grow(&mut self.nodes, 1);
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    fn free_node(&mut self, id: NodeId) {
        self.label_bytes_used -= self.node(id).len as usize;
        *self.node_mut(id) = Node::new(self.free_node, 0, 0, 0);
        self.free_node = id;
    }

    #[inline]
    fn word(&self, at: usize) -> u32 {
        self.lines[at / WORDS_PER_LINE].0[at % WORDS_PER_LINE]
    }

    #[inline]
    fn word_mut(&mut self, at: usize) -> &mut u32 {
        &mut self.lines[at / WORDS_PER_LINE].0[at % WORDS_PER_LINE]
    }

    /// What the parent's block says of a node: its id, or rather where its block is when that is all
    /// there is to know of it.
    fn entry_of(&self, id: NodeId) -> u32 {
        let node = self.node(id);
        if node.value == 0 && node.len == 0 && node.children > 0 {
            DIRECT | u32::from(node.class) << CLASS_SHIFT | node.block
        } else {
            id
        }
    }

    /// The child that an entry stands for.
    fn child_of(&self, entry: u32) -> NodeId {
        if entry & DIRECT == 0 {
            return entry;
        }
        let (block, _) = block_in(entry);
        self.word(first_word(block))
    }

    /// Tells the parent's block what became of a node.
    fn relink(&mut self, id: NodeId) {
        if id != ROOT {
            let node = self.node(id);
            self.replace_child(node.parent, node.first, id);
        }
    }

    /// The word with the entry of the child whose key starts with `byte`.
    #[inline]
    fn slot(&self, node: &Node, byte: u8) -> Option<usize> {
        if node.children == 0 {
            return None;
        }
        let (slot, _) = self.look_up(node.block, node.class, byte)?;
        Some(slot)
    }

    /// The word with the entry for `byte` in a block, and the entry.
    #[inline]
    fn look_up(&self, block: u32, class: u8, byte: u8) -> Option<(usize, u32)> {
        let at = first_word(block);
        let slot = match class {
            // Numbers the compiler knows: the way through a block is what a descent waits for.
            WHOLE_LINE => self.slot_in_line::<WHOLE_LINE>(at, byte)?,
            1 => self.slot_in_line::<1>(at, byte)?,
            0 => self.slot_in_line::<0>(at, byte)?,
            DENSE => at + HEAD[usize::from(DENSE)] + usize::from(byte),
            _ => self.slot_in_lines(at, class, byte)?,
        };
        let entry = self.word(slot);
        (entry != NONE).then_some((slot, entry))
    }

    #[inline]
    fn slot_in_line<const CLASS: u8>(&self, at: usize, byte: u8) -> Option<usize> {
        let line = &self.lines[at / WORDS_PER_LINE].0;
        let [_, a, b, c] = *line[at % WORDS_PER_LINE..].first_chunk()?;
        let position = position_in([a, b, c], byte);
        let slot = at + HEAD[usize::from(CLASS)] + position;
        (position < usize::from(CAPACITY[usize::from(CLASS)])).then_some(slot)
    }

    fn slot_in_lines(&self, at: usize, class: u8, byte: u8) -> Option<usize> {
        let head = HEAD[usize::from(class)];
        let keys = (at + 1..at + head).map(|at| self.word(at));
        let position = position_of(keys, byte)?;
        (position < usize::from(CAPACITY[usize::from(class)])).then_some(at + head + position)
    }

    fn replace_child(&mut self, parent: NodeId, first: u8, child: NodeId) {
        if let Some(slot) = self.slot(self.node(parent), first) {
            *self.word_mut(slot) = self.entry_of(child);
        }
    }

    fn only_child(&self, node: &Node) -> NodeId {
        let children = 0..usize::from(CAPACITY[usize::from(node.class)]);
        children
            .map(|index| self.child_at(node, index).1)
            .find(|entry| *entry != NONE)
            .map_or(ROOT, |entry| self.child_of(entry))
    }

    fn add_child(&mut self, parent: NodeId, first: u8, child: NodeId) {
        let node = *self.node(parent);
        let grows = node.children == CAPACITY[usize::from(node.class)];
        if node.children == 0 {
            let block = self.new_block(0, parent);
            let node = self.node_mut(parent);
            node.block = block;
            node.class = 0;
        } else if grows {
            self.move_children(parent, node.class + 1);
        }
        let entry = self.entry_of(child);
        let now = *self.node(parent);
        self.put_child(&now, usize::from(now.children), first, entry);
        self.node_mut(parent).children += 1;
        if grows || node.children == 0 {
            self.relink(parent);
        }
    }

    fn remove_child(&mut self, parent: NodeId, first: u8) {
        let node = *self.node(parent);
        let Some(slot) = self.slot(&node, first) else {
            return;
        };
        let last = usize::from(node.children) - 1;
        if node.class == DENSE {
            *self.word_mut(slot) = NONE;
        } else {
            // The last child takes the place of the one that goes.
            let head = first_word(node.block) + HEAD[usize::from(node.class)];
            let (key, entry) = self.child_at(&node, last);
            self.put_child(&node, slot - head, key, entry);
            *self.word_mut(head + last) = NONE;
        }
        self.node_mut(parent).children -= 1;
        if last == 0 {
            self.free_block(node.block, node.class);
            self.relink(parent);
        } else if last * 4 <= usize::from(CAPACITY[usize::from(node.class)]) && last >= 4 {
            // Half full after the move, so that the next few changes do not move it back.
            let roomy = CAPACITY
                .iter()
                .position(|most| usize::from(*most) >= last * 2);
            let class = roomy.map_or(DENSE, |class| class as u8);
            if class < node.class {
                self.move_children(parent, class);
                self.relink(parent);
            }
        }
    }

    /// Moves the children of a node to a block of another class, which must hold them. The caller
    /// links the node anew.
    fn move_children(&mut self, id: NodeId, class: u8) {
        let old = *self.node(id);
        let block = self.new_block(class, id);
        let new = Node {
            block,
            class,
            ..old
        };
        let mut moved = 0;
        for index in 0..usize::from(CAPACITY[usize::from(old.class)]) {
            if moved == usize::from(old.children) {
                break;
            }
            let (key, entry) = self.child_at(&old, index);
            if entry != NONE {
                self.put_child(&new, moved, key, entry);
                moved += 1;
            }
        }
        self.free_block(old.block, old.class);
        *self.node_mut(id) = new;
    }

    /// The entry number `index` of a node's block: a key and what stands for its child, or `NONE`.
    fn child_at(&self, node: &Node, index: usize) -> (u8, u32) {
        let at = first_word(node.block);
        let entry = self.word(at + HEAD[usize::from(node.class)] + index);
        if node.class == DENSE {
            return (index as u8, entry);
        }
        let key = self.word(at + 1 + index / 4) >> (8 * (index % 4));
        (key as u8, entry)
    }

    fn put_child(&mut self, node: &Node, index: usize, key: u8, entry: u32) {
        let at = first_word(node.block);
        let head = HEAD[usize::from(node.class)];
        if node.class == DENSE {
            *self.word_mut(at + head + usize::from(key)) = entry;
            return;
        }
        let shift = 8 * (index % 4);
        let word = self.word_mut(at + 1 + index / 4);
        *word = *word & !(0xff << shift) | u32::from(key) << shift;
        *self.word_mut(at + head + index) = entry;
    }

    fn new_block(&mut self, class: u8, owner: NodeId) -> u32 {
        let block = self.take_block(class);
        let at = first_word(block);
        let words = LINES[usize::from(class)] * WORDS_PER_LINE >> WHOLE_LINE.saturating_sub(class);
        for at in at..at + words {
            *self.word_mut(at) = NONE;
        }
        *self.word_mut(at) = owner;
        block
    }

    /// A free block; halves a larger one, or adds lines, if there is none.
    fn take_block(&mut self, class: u8) -> u32 {
        let free = self.free_blocks[usize::from(class)];
        if free != NONE {
            self.free_blocks[usize::from(class)] = self.word(first_word(free));
            return free;
        }
        if class < WHOLE_LINE {
            // Not deep: a line is halved at most twice.
            let block = self.take_block(class + 1);
            self.free_block(block + (1 << class), class);
            return block;
        }
        let at = self.lines.len();
        let lines = LINES[usize::from(class)];
        grow(&mut self.lines, lines);
        self.lines.resize(at + lines, Line([NONE; WORDS_PER_LINE]));
        (at * WORDS_PER_LINE / WORDS_PER_UNIT) as u32
    }

    fn free_block(&mut self, block: u32, class: u8) {
        *self.word_mut(first_word(block)) = self.free_blocks[usize::from(class)];
        self.free_blocks[usize::from(class)] = block;
    }
}

impl Node {
    fn new(parent: NodeId, first: u8, label: u32, len: u32) -> Node {
        Node {
            parent,
            label,
            len,
            value: 0,
            block: NONE,
            children: 0,
            class: 0,
            first,
        }
    }
}

/// Where a block starts.
#[inline]
fn first_word(block: u32) -> usize {
    block as usize * WORDS_PER_UNIT
}

/// Block and class that a `DIRECT` entry tells.
#[inline]
fn block_in(entry: u32) -> (u32, u8) {
    let class = (entry & !DIRECT) >> CLASS_SHIFT;
    (entry & ((1 << CLASS_SHIFT) - 1), class as u8)
}

/// The first place of `byte` among twelve, or one beyond. Without branches that depend on the
/// place: no processor foresees the digits of a topic.
#[inline]
fn position_in([a, b, c]: [u32; 3], byte: u8) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let wanted = u64::from(byte) * ONES;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let low = zeros((u64::from(a) | u64::from(b) << 32) ^ wanted);
    // The upper half is made to differ.
    let high = zeros((u64::from(c) ^ wanted) | u64::from(u32::MAX) << 32);
    let (zeros, before) = if low != 0 { (low, 0) } else { (high, 8) };
    before + zeros.trailing_zeros() as usize / 8
}

/// The first place of `byte` among bytes that are packed four a word.
#[inline]
fn position_of(words: impl Iterator<Item = u32>, byte: u8) -> Option<usize> {
    const ONES: u32 = 0x0101_0101;
    let wanted = u32::from(byte) * ONES;
    words.enumerate().find_map(|(index, word)| {
        let differing = word ^ wanted;
        // The lowest bit set marks the lowest byte that is zero; those above may be false.
        let zeros = differing.wrapping_sub(ONES) & !differing & (ONES << 7);
        (zeros != 0).then(|| index * 4 + zeros.trailing_zeros() as usize / 8)
    })
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Makes room by a sixteenth at a time: a million subscriptions should not reserve two million.
pub(crate) fn grow<T>(arena: &mut Vec<T>, more: usize) {
    if arena.capacity() - arena.len() < more {
        arena.reserve_exact(more.max(arena.len() / 16).max(4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn prefixes_of(radix: &Radix, text: &[u8]) -> Vec<u32> {
        let mut values = Vec::new();
        radix.prefixes(text, |value| {
            values.push(value);
            true
        });
        values
    }

    /// Everything the fields' comments promise.
    fn check(radix: &Radix) {
        let mut label_bytes = 0;
        for (id, node) in radix.nodes.iter().enumerate() {
            label_bytes += node.len as usize;
            for byte in 0..=255 {
                if let Some(slot) = radix.slot(node, byte) {
                    let child_id = radix.child_of(radix.word(slot));
                    let child = radix.node(child_id);
                    assert_eq!((child.parent, child.first), (id as u32, byte));
                    assert_eq!(radix.word(slot), radix.entry_of(child_id));
                    assert!(child.value != 0 || child.children >= 2);
                }
            }
        }
        assert_eq!(label_bytes, radix.label_bytes_used);
        assert!(label_bytes <= radix.labels.len());
    }

    #[test]
    fn a_node_is_24_bytes() {
        assert_eq!(size_of::<Node>(), 24);
    }

    #[test]
    fn finds_prefixes_shortest_first() {
        let mut radix = Radix::default();
        for (value, key) in ["", "a", "abc", "abd", "b"].iter().enumerate() {
            let id = radix.insert(key.as_bytes()).unwrap();
            radix.set_value(id, value as u32 + 1);
        }
        assert_eq!(prefixes_of(&radix, b"abcdef"), [1, 2, 3]);
        assert_eq!(prefixes_of(&radix, b"ab"), [1, 2]);
        assert_eq!(prefixes_of(&radix, b"zz"), [1]);
    }

    #[test]
    fn a_node_keeps_its_id_while_its_key_has_a_value() {
        let mut radix = Radix::default();
        let long = radix.insert(b"abcdef").unwrap();
        radix.set_value(long, 1);
        let short = radix.insert(b"abx").unwrap();
        radix.set_value(short, 2);
        assert_eq!(radix.find(b"abcdef"), Some(long));
        radix.set_value(short, 0);
        assert_eq!(radix.find(b"abcdef"), Some(long));
        assert_eq!(radix.value(long), 1);
        check(&radix);
    }

    #[test]
    fn an_emptied_tree_holds_no_memory() {
        let mut radix = Radix::default();
        let ids: Vec<_> = (0..10_000u32)
            .map(|n| {
                let id = radix
                    .insert(&n.wrapping_mul(2_654_435_761).to_be_bytes())
                    .unwrap();
                radix.set_value(id, n + 1);
                id
            })
            .collect();
        check(&radix);
        ids.into_iter().for_each(|id| radix.set_value(id, 0));
        check(&radix);
        assert!(radix.heap_bytes() <= size_of::<Node>());
    }

    #[test]
    fn labels_that_came_and_went_are_collected() {
        let mut radix = Radix::default();
        let stays = radix.insert(b"stays").unwrap();
        radix.set_value(stays, 1);
        for n in 0..1000u32 {
            let mut key = vec![b'x'; 1000];
            key.extend(n.to_be_bytes());
            let id = radix.insert(&key).unwrap();
            radix.set_value(id, 2);
            radix.set_value(id, 0);
        }
        check(&radix);
        assert!(radix.heap_bytes() < 20_000, "{}", radix.heap_bytes());
        assert_eq!(radix.find(b"stays"), Some(stays));
    }

    /// CVE-2021-20236 was a recursion as deep as a topic is long.
    #[test]
    fn depth_costs_no_stack() {
        let deep = vec![b'd'; 64 * 1024];
        let lengths = || (1..1024).chain((1024..=deep.len()).step_by(64));
        let mut radix = Radix::default();
        for len in lengths() {
            let id = radix.insert(&deep[..len]).unwrap();
            radix.set_value(id, 7);
        }
        assert_eq!(prefixes_of(&radix, &deep).len(), lengths().count());
        let shortest_first: Vec<_> = lengths().collect();
        for len in shortest_first.into_iter().rev() {
            let id = radix.find(&deep[..len]).unwrap();
            radix.set_value(id, 0);
        }
        assert_eq!(radix.nodes.len(), 1);
    }

    proptest! {
        #[test]
        fn behaves_like_an_ordered_map(
            steps in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(0..4u8, 0..7), 1..100u32), 0..200),
            wide in prop::collection::vec((any::<u8>(), any::<bool>()), 0..600),
        ) {
            let mut radix = Radix::default();
            let mut naive: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
            let wide = wide.into_iter().map(|(byte, insert)| (insert, vec![byte, 3, 3], 9));
            for (index, (insert, key, value)) in steps.into_iter().chain(wide).enumerate() {
                if insert {
                    let id = radix.insert(&key).unwrap();
                    radix.set_value(id, value);
                    naive.insert(key.clone(), value);
                } else {
                    if let Some(id) = radix.find(&key).filter(|id| radix.value(*id) != 0) {
                        radix.set_value(id, 0);
                    }
                    naive.remove(&key);
                }
                let expected: Vec<_> = (0..=key.len())
                    .filter_map(|len| naive.get(&key[..len]).copied())
                    .collect();
                prop_assert_eq!(prefixes_of(&radix, &key), expected);
                if index % 16 == 0 {
                    check(&radix);
                }
            }
            check(&radix);
            let mut keys = Vec::new();
            radix.for_each(|key| keys.push(key.to_vec()));
            keys.sort();
            prop_assert_eq!(keys, naive.into_keys().collect::<Vec<_>>());
        }
    }
}
