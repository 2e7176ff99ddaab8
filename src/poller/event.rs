//! What a poller tells, and what ends its wait.

use std::sync::Arc;

use super::ready_list::ReadyList;

/// What a [`Poller`](crate::Poller) tells of one socket or descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PollEvent<Key = usize> {
    /// What it was added with.
    pub key: Key,
    /// A receive, or a read of a descriptor, would not wait. Only if that was asked for.
    pub readable: bool,
    /// A send, or a write to a descriptor, would not wait. Only if that was asked for.
    pub writable: bool,
    /// A socket is closed, or a descriptor was closed while it was in the poller. It has left the poller; this
    /// is told once. `readable` and `writable` are set as asked for, because calls return at once, with an
    /// error.
    pub closed: bool,
    /// A descriptor is in an error state (as `POLLERR`). Never for a socket.
    pub error: bool,
}

/// What [`Poller::wait`](crate::Poller::wait) found: an iterator that borrows nothing, so that the poller may be changed while
/// it runs.
#[derive(Debug)]
pub struct PollEvents<Key = usize>(pub(super) std::vec::IntoIter<PollEvent<Key>>);

impl<Key> Iterator for PollEvents<Key> {
    type Item = PollEvent<Key>;

    fn next(&mut self) -> Option<PollEvent<Key>> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<Key> ExactSizeIterator for PollEvents<Key> {}

/// Ends a [`Poller`](crate::Poller)'s wait from another thread. Clones wake the same poller.
#[derive(Clone, Debug)]
pub struct PollerWaker(pub(super) Arc<ReadyList>);

impl PollerWaker {
    /// Has the wait that goes on, or else the next one, return without waiting any longer. Calls before that
    /// are one.
    pub fn wake(&self) {
        self.0.wake();
    }
}
