//! Byte strings to small numbers, compactly, with "which keys are prefixes of this?" in one descent.
//!
//! A path-compressed radix tree in three flat arenas: nodes, blocks of child entries, and label
//! bytes. Nothing is recursive, so the depth that a peer's topics give it costs no stack, and a
//! node's id stays the same as long as its key has a value, so that others may note it down.
//!
//! With a million keys a descent costs what it misses in the caches. Most of its levels are nodes
//! that have neither value nor label, and there it reads blocks only: the entry of such a child
//! says where the child's block is. A block of up to twelve children is one cache line.

use super::blocks::{grow, Block, Blocks};

/// Where a key is kept; stable as long as the key has a value.
pub(crate) type NodeId = u32;

/// No node. The arenas stay smaller than this; see [`Radix::has_space`].
const NONE: u32 = u32::MAX;

const ROOT: NodeId = 0;

/// In a child's entry: what follows is no id but the block of a child without value and label.
const DIRECT: u32 = 1 << 31;

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
    /// The children of each node. See `entry_of`.
    blocks: Blocks,
    labels: Vec<u8>,
    /// Keys that have a value.
    keys: usize,
    /// The sum of all nodes' `len`. Labels of equal bytes may share them; see `join_labels`.
    label_bytes_used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: NodeId,
    /// `labels[label..label + len]` follow `first`, which is kept in the parent's block too.
    label: u32,
    len: u32,
    /// 0: this is only where ways part.
    value: u32,
    block: Block,
    children: u16,
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
            blocks: Blocks::default(),
            labels: Vec::new(),
            keys: 0,
            label_bytes_used: 0,
        }
    }
}

impl Radix {
    /// How many keys have a value.
    pub(crate) fn len(&self) -> usize {
        self.keys
    }

    /// Writes the key of a node into `key`; nothing when the node is no more.
    pub(crate) fn key(&self, id: NodeId, key: &mut Vec<u8>) {
        key.clear();
        let mut node = match self.nodes.get(id as usize) {
            Some(node) if node.value != 0 => node,
            _ => return,
        };
        while node.parent != NONE {
            key.extend(self.label(node).iter().rev());
            key.push(node.first);
            node = self.node(node.parent);
        }
        key.reverse();
    }

    /// The node of `key`, made if need be. The caller gives it a value at once.
    pub(crate) fn insert(&mut self, key: &[u8]) -> Result<NodeId, Full> {
        if !self.has_space(key.len()) {
            return Err(Full);
        }
        let mut id = ROOT;
        let mut rest = key;
        while let Some((&byte, tail)) = rest.split_first() {
            let Some((_, entry)) = self.look_up(self.node(id), byte) else {
                return Ok(self.add_leaf(id, byte, tail));
            };
            let child = self.child_of(entry);
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
            let (_, entry) = self.look_up(self.node(id), byte)?;
            id = self.child_of(entry);
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
            self.keys += usize::from(value != 0);
            self.keys -= usize::from(was != 0);
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
            let mut block = node.block;
            loop {
                let Some((&byte, tail)) = rest.split_first() else {
                    return;
                };
                let Some((_, entry)) = self.blocks.look_up(block, byte) else {
                    return;
                };
                rest = tail;
                if entry & DIRECT == 0 {
                    node = self.node(entry);
                    break;
                }
                block = Block::from_number(entry & !DIRECT);
            }
            match rest.strip_prefix(self.label(node)) {
                Some(tail) => rest = tail,
                None => return,
            }
        }
    }

    /// Visits every key, in no order that means anything.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        let mut key = Vec::new();
        for id in 0..self.nodes.len() as NodeId {
            if self.value(id) != 0 {
                self.key(id, &mut key);
                visit(&key);
            }
        }
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.blocks.heap_bytes()
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
        self.nodes.len() + 2 < DIRECT as usize
            && self.blocks.has_space_for(2)
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
        let Some(entry) = self.blocks.entries(upper.block).next() else {
            return;
        };
        let lower_id = self.child_of(entry);
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
        self.blocks.free(upper.block);
        // What its label was now belongs to the lower node.
        self.node_mut(id).len = 0;
        self.free_node(id);
    }

    /// Where the label of `upper`, the first byte of `lower` and the label of `lower` stand in a row.
    fn join_labels(&mut self, upper: &Node, lower: &Node) -> u32 {
        let between = upper.label as usize + upper.len as usize;
        // Mostly they still do, from before they were split. An empty label lies anywhere, so the byte
        // between may be another label's; it is the right byte, and nothing overwrites it.
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

    /// What the parent's block says of a node: its id, or rather where its block is when that is all
    /// there is to know of it.
    fn entry_of(&self, id: NodeId) -> u32 {
        let node = self.node(id);
        if node.value == 0 && node.len == 0 && node.children > 0 {
            DIRECT | node.block.number()
        } else {
            id
        }
    }

    /// The child that an entry stands for.
    fn child_of(&self, entry: u32) -> NodeId {
        if entry & DIRECT == 0 {
            return entry;
        }
        self.blocks.owner(Block::from_number(entry & !DIRECT))
    }

    /// Tells the parent's block what became of a node.
    fn relink(&mut self, id: NodeId) {
        if id != ROOT {
            let node = self.node(id);
            self.replace_child(node.parent, node.first, id);
        }
    }

    /// The place of the entry for the child whose key starts with `byte`, and the entry.
    fn look_up(&self, node: &Node, byte: u8) -> Option<(usize, u32)> {
        if node.children == 0 {
            return None;
        }
        self.blocks.look_up(node.block, byte)
    }

    fn replace_child(&mut self, parent: NodeId, first: u8, child: NodeId) {
        if let Some((place, _)) = self.look_up(self.node(parent), first) {
            self.blocks.replace(place, self.entry_of(child));
        }
    }

    fn add_child(&mut self, parent: NodeId, first: u8, child: NodeId) {
        let child = (first, self.entry_of(child));
        let was = *self.node(parent);
        let children = usize::from(was.children);
        let block = self.blocks.add(was.block, children, parent, child);
        let node = self.node_mut(parent);
        node.block = block;
        node.children += 1;
        if block != was.block {
            self.relink(parent);
        }
    }

    fn remove_child(&mut self, parent: NodeId, first: u8) {
        let was = *self.node(parent);
        let Some((place, _)) = self.look_up(&was, first) else {
            return;
        };
        let children = usize::from(was.children);
        let block = self.blocks.remove(was.block, children, place);
        let node = self.node_mut(parent);
        node.block = block;
        node.children -= 1;
        if block != was.block {
            self.relink(parent);
        }
    }
}

impl Node {
    fn new(parent: NodeId, first: u8, label: u32, len: u32) -> Node {
        Node {
            parent,
            label,
            len,
            value: 0,
            block: Block::NONE,
            children: 0,
            first,
        }
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
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
            assert!(node.label as usize + node.len as usize <= radix.labels.len());
            for byte in 0..=255 {
                if let Some((_, entry)) = radix.look_up(node, byte) {
                    let child_id = radix.child_of(entry);
                    let child = radix.node(child_id);
                    assert_eq!((child.parent, child.first), (id as u32, byte));
                    assert_eq!(entry, radix.entry_of(child_id));
                    assert!(child.value != 0 || child.children >= 2);
                }
            }
        }
        assert_eq!(label_bytes, radix.label_bytes_used);
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
    fn labels_may_share_bytes() {
        let mut radix = Radix::default();
        for (value, key) in [&b"c"[..], b"ba", b"ca"].iter().enumerate() {
            let id = radix.insert(key).unwrap();
            radix.set_value(id, value as u32 + 1);
        }
        let short = radix.find(b"c").unwrap();
        radix.set_value(short, 0);
        // The label of "ba" serves "ca" too.
        assert!(radix.label_bytes_used > radix.labels.len());
        check(&radix);
        let id = radix.find(b"ba").unwrap();
        radix.set_value(id, 0);
        check(&radix);
        assert_eq!(prefixes_of(&radix, b"cab"), [3]);
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
            prop_assert_eq!(radix.len(), naive.len());
            prop_assert_eq!(keys, naive.into_keys().collect::<Vec<_>>());
        }
    }
}
