//! Byte strings to small numbers, compactly, with "which keys are prefixes of this?" in one descent.
//!
//! A path-compressed radix tree in three flat arenas: nodes, blocks of child entries, and label
//! bytes. Nothing is recursive, so the depth that a peer's topics give it costs no stack, and a
//! node's id stays the same as long as its key has a value, so that others may note it down.
//!
//! With a million keys a descent costs what it misses in the caches. Most of its levels are nodes
//! that have neither value nor label, and there it reads blocks only: the entry of such a child
//! says where the child's block is. A block of up to twelve children is one cache line.

use super::blocks::{Block, Blocks};
use super::labels::Labels;
use super::nodes::{Node, Nodes, ROOT};

/// Where a key is kept; stable as long as the key has a value.
pub(crate) use super::nodes::NodeId;

/// In a child's entry: what follows is no id but the block of a child without value and label.
const IS_BLOCK: u32 = 1 << 31;

/// A map from byte strings to values other than 0.
#[derive(Debug, Default)]
pub(crate) struct Radix {
    /// Every node but the root has a value or at least two children (but see `merge_if_thin`).
    nodes: Nodes,
    /// The children of each node. See `entry_of`.
    blocks: Blocks,
    labels: Labels,
    /// Keys that have a value.
    keys: usize,
}

/// The tree cannot number any more nodes or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Radix {
    /// How many keys have a value.
    pub(crate) fn len(&self) -> usize {
        self.keys
    }

    /// Writes the key of a node into `key`; nothing when the node is no more.
    pub(crate) fn key(&self, id: NodeId, key: &mut Vec<u8>) {
        key.clear();
        if self.value(id) == 0 {
            return;
        }
        let mut at = id;
        while at != ROOT {
            let node = &self.nodes[at];
            key.extend(self.label(node).iter().rev());
            key.push(node.first);
            at = node.parent;
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
            let Some((_, entry)) = self.look_up(&self.nodes[id], byte) else {
                return Ok(self.add_leaf(id, byte, tail));
            };
            let child = self.child_of(entry);
            let label = self.label(&self.nodes[child]);
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
            let (_, entry) = self.look_up(&self.nodes[id], byte)?;
            id = self.child_of(entry);
            rest = tail.strip_prefix(self.label(&self.nodes[id]))?;
        }
        Some(id)
    }

    /// The value of a node; 0 when it has none or is no more.
    #[inline]
    pub(crate) fn value(&self, id: NodeId) -> u32 {
        self.nodes.get(id).map_or(0, |node| node.value)
    }

    /// Gives a node that is there a value; 0 takes its key out of the map.
    pub(crate) fn set_value(&mut self, id: NodeId, value: u32) {
        if let Some(node) = self.nodes.get_mut(id) {
            let was = std::mem::replace(&mut node.value, value);
            self.keys += usize::from(value != 0);
            self.keys -= usize::from(was != 0);
            // Leaves, which most are, stand in their parent's block by their ids anyway.
            if (was == 0) != (value == 0) && node.label.is_empty() && node.children > 0 {
                self.relink(id);
            }
            if value == 0 {
                self.prune(id);
            }
        }
    }

    /// Visits the values of all keys that are prefixes of `text`, shortest first, until `visit`
    /// says false.
    #[inline(always)]
    pub(crate) fn prefixes(&self, text: &[u8], mut visit: impl FnMut(u32) -> bool) {
        let mut node = &self.nodes[ROOT];
        // Subscribers of everything alone: they get by without what the way down needs.
        if node.value != 0 && !visit(node.value) || node.children == 0 {
            return;
        }
        let mut rest = text;
        loop {
            let mut block = node.block;
            loop {
                let Some((&byte, tail)) = rest.split_first() else {
                    return;
                };
                let Some((_, entry)) = self.blocks.look_up(block, byte) else {
                    return;
                };
                rest = tail;
                if entry & IS_BLOCK == 0 {
                    node = &self.nodes[entry];
                    break;
                }
                block = Block::from_number(entry & !IS_BLOCK);
            }
            match rest.strip_prefix(self.label(node)) {
                Some(tail) => rest = tail,
                None => return,
            }
            if node.value != 0 && !visit(node.value) || node.children == 0 {
                return;
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
        self.nodes.heap_bytes() + self.blocks.heap_bytes() + self.labels.heap_bytes()
    }

    #[inline]
    fn label(&self, node: &Node) -> &[u8] {
        self.labels.get(node.label)
    }

    /// Whether one more key certainly fits what 32-bit indices reach.
    fn has_space(&self, key: usize) -> bool {
        // An insert makes at most two nodes and grows at most two blocks.
        self.nodes.len() + 2 < IS_BLOCK as usize
            && self.blocks.has_space_for(2)
            && self.labels.has_space(key)
    }

    fn add_leaf(&mut self, parent: NodeId, first: u8, tail: &[u8]) -> NodeId {
        let label = self.labels.push(tail);
        let id = self.nodes.add(Node::new(parent, first, label));
        self.add_child(parent, first, id);
        id
    }

    /// Cuts the label of `lower` after `at` bytes and returns the new node above the cut.
    fn split(&mut self, lower: NodeId, at: usize) -> NodeId {
        let old = self.nodes[lower];
        let (above, first, below) = self.labels.split(old.label, at);
        let upper = self.nodes.add(Node::new(old.parent, old.first, above));
        self.replace_child(old.parent, old.first, upper);
        let node = &mut self.nodes[lower];
        node.parent = upper;
        node.first = first;
        node.label = below;
        self.add_child(upper, first, lower);
        upper
    }

    /// Removes what a node without a value no longer justifies.
    fn prune(&mut self, id: NodeId) {
        let node = self.nodes[id];
        if id != ROOT {
            match node.children {
                0 => {
                    self.remove_child(node.parent, node.first);
                    self.labels.free(node.label);
                    self.nodes.free(id);
                    self.merge_if_thin(node.parent);
                }
                _ => self.merge_if_thin(id),
            }
        }
        let root = &self.nodes[ROOT];
        if root.children == 0 && root.value == 0 {
            // Gives the memory back.
            *self = Radix::default();
        } else if self.labels.want_collecting(self.nodes.len()) {
            self.labels.collect(self.nodes.labels_mut());
        }
    }

    /// Replaces a node that has no value and one child by that child.
    fn merge_if_thin(&mut self, id: NodeId) {
        let upper = self.nodes[id];
        if id == ROOT || upper.value != 0 || upper.children != 1 {
            return;
        }
        let Some(entry) = self.blocks.entries(upper.block).next() else {
            return;
        };
        let lower_id = self.child_of(entry);
        let lower = self.nodes[lower_id];
        let Some(label) = self.labels.join(upper.label, lower.first, lower.label) else {
            // Four gigabytes of labels: better a node too many than one that cannot be numbered.
            return;
        };
        let node = &mut self.nodes[lower_id];
        node.parent = upper.parent;
        node.first = upper.first;
        node.label = label;
        self.replace_child(upper.parent, upper.first, lower_id);
        self.blocks.free(upper.block);
        self.nodes.free(id);
    }

    /// What the parent's block says of a node: its id, or rather where its block is when that is all
    /// there is to know of it.
    fn entry_of(&self, id: NodeId) -> u32 {
        let node = &self.nodes[id];
        if node.value == 0 && node.label.is_empty() && node.children > 0 {
            IS_BLOCK | node.block.number()
        } else {
            id
        }
    }

    /// The child that an entry stands for.
    fn child_of(&self, entry: u32) -> NodeId {
        if entry & IS_BLOCK == 0 {
            return entry;
        }
        self.blocks.owner(Block::from_number(entry & !IS_BLOCK))
    }

    /// Tells the parent's block what became of a node.
    fn relink(&mut self, id: NodeId) {
        if id != ROOT {
            let node = &self.nodes[id];
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
        if let Some((place, _)) = self.look_up(&self.nodes[parent], first) {
            self.blocks.replace(place, self.entry_of(child));
        }
    }

    fn add_child(&mut self, parent: NodeId, first: u8, child: NodeId) {
        let child = (first, self.entry_of(child));
        let was = self.nodes[parent];
        let children = usize::from(was.children);
        let block = self.blocks.add(was.block, children, parent, child);
        let node = &mut self.nodes[parent];
        node.block = block;
        node.children += 1;
        if block != was.block {
            self.relink(parent);
        }
    }

    fn remove_child(&mut self, parent: NodeId, first: u8) {
        let was = self.nodes[parent];
        let Some((place, _)) = self.look_up(&was, first) else {
            return;
        };
        let children = usize::from(was.children);
        let block = self.blocks.remove(was.block, children, place);
        let node = &mut self.nodes[parent];
        node.block = block;
        node.children -= 1;
        if block != was.block {
            self.relink(parent);
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
        for id in 0..radix.nodes.len() as NodeId {
            let node = &radix.nodes[id];
            label_bytes += radix.label(node).len();
            for byte in 0..=255 {
                if let Some((_, entry)) = radix.look_up(node, byte) {
                    let child_id = radix.child_of(entry);
                    let child = &radix.nodes[child_id];
                    assert_eq!((child.parent, child.first), (id, byte));
                    assert_eq!(entry, radix.entry_of(child_id));
                    assert!(child.value != 0 || child.children >= 2);
                }
            }
        }
        assert_eq!(label_bytes, radix.labels.counts().0);
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
        let (used, there) = radix.labels.counts();
        assert!(used > there);
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
