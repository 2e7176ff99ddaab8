//! What a poller knows of one socket or descriptor.

use std::sync::Weak;

use super::system::Watched;
use crate::drive::core::Core;
use crate::interest::Interest;
use crate::waiters::pollers::PollerId;

#[derive(Debug)]
pub(super) struct Slot<Key> {
    pub(super) key: Key,
    pub(super) interest: Interest,
    pub(super) source: Source,
    /// It is in the poller's list of what is to be looked at.
    pub(super) listed: bool,
}

#[derive(Debug)]
pub(super) enum Source {
    Socket(Weak<Core>, PollerId),
    Descriptor(Watched),
}

/// The address of what a socket's handles share: its own as long as a slot holds a weak reference to it.
pub(super) fn name_of(core: &Core) -> usize {
    std::ptr::from_ref(core) as usize
}
