//! The nodes of a radix tree, in one flat arena.

use std::ops::{Index, IndexMut};

use super::blocks::{grow, Block};
use super::labels::Label;

/// Where a node is.
pub(crate) type NodeId = u32;

/// No node. The arena stays smaller than this.
const NONE: NodeId = NodeId::MAX;

pub(super) const ROOT: NodeId = 0;

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) parent: NodeId,
    /// The bytes after `first`, which is kept in the parent's block too.
    pub(super) label: Label,
    /// 0: this is only where ways part.
    pub(super) value: u32,
    pub(super) block: Block,
    pub(super) children: u16,
    pub(super) first: u8,
}

impl Node {
    /// A node without a value and without children.
    pub(super) fn new(parent: NodeId, first: u8, label: Label) -> Node {
        Node {
            parent,
            label,
            value: 0,
            block: Block::NONE,
            children: 0,
            first,
        }
    }
}

/// A free node has no value, no label and no children, and its `parent` is the next free one. The root has
/// no parent.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    free: NodeId,
}

impl Default for Nodes {
    /// The root alone.
    fn default() -> Nodes {
        Nodes {
            nodes: vec![Node::new(NONE, 0, Label::default())],
            free: NONE,
        }
    }
}

impl Nodes {
    /// How many there are, free ones included.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        let id = self.free;
        if id != NONE {
            self.free = self[id].parent;
            self[id] = node;
            return id;
        }
        grow(&mut self.nodes, 1);
        self.nodes.push(node);
        self.nodes.len() as NodeId - 1
    }

    /// A node is no more.
    pub(super) fn free(&mut self, id: NodeId) {
        self[id] = Node::new(self.free, 0, Label::default());
        self.free = id;
    }

    pub(super) fn labels_mut(&mut self) -> impl Iterator<Item = &mut Label> {
        self.nodes.iter_mut().map(|node| &mut node.label)
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn heap_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }
}

impl Index<NodeId> for Nodes {
    type Output = Node;

    #[inline]
    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }
}

impl IndexMut<NodeId> for Nodes {
    #[inline]
    fn index_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_24_bytes() {
        assert_eq!(size_of::<Node>(), 24);
    }

    #[test]
    fn the_places_of_nodes_that_went_are_taken_again() {
        let mut nodes = Nodes::default();
        let leaf = |first| Node::new(ROOT, first, Label::default());
        let [a, b, c] = [1, 2, 3].map(|first| nodes.add(leaf(first)));
        nodes.free(b);
        nodes.free(a);
        assert_eq!([nodes.add(leaf(4)), nodes.add(leaf(5))], [a, b]);
        assert_eq!([a, b, c].map(|id| nodes[id].first), [4, 5, 3]);
        assert_eq!(nodes.len(), 4);
        assert!(nodes.get(c + 1).is_none());
    }
}
