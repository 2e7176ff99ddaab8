//! [`Slots`]: what is in a poller, where it is, and what of it is to be looked at.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};

use slab::Slab;

use super::system::Watched;
use crate::drive::core::Core;
use crate::interest::Interest;
use crate::monitor::EventQueue;
use crate::waiters::pollers::PollerId;

/// What a poller knows of one socket or descriptor.
#[derive(Debug)]
pub(super) struct Slot<Key> {
    pub(super) key: Key,
    pub(super) interest: Interest,
    pub(super) source: Source,
    /// It is in the list of what is to be looked at.
    listed: bool,
}

#[derive(Debug)]
pub(super) enum Source {
    Socket(Weak<Core>, PollerId),
    Monitor(Weak<EventQueue>, PollerId),
    Descriptor(Watched),
}

/// The address of what a socket's handles share: its own as long as a slot holds a weak reference to it.
pub(super) fn name_of(core: &Core) -> usize {
    std::ptr::from_ref(core) as usize
}

/// The address of a monitor's queue, in the same way.
pub(super) fn address_of(queue: &Arc<EventQueue>) -> usize {
    Arc::as_ptr(queue) as usize
}

/// | Field | What holds |
/// |---|---|
/// | `sockets`, `monitors`, `descriptors` | the place of each slot, by its source's name or descriptor |
/// | `listed` | the places of the slots that say so, each once |
#[derive(Debug)]
pub(super) struct Slots<Key> {
    slots: Slab<Slot<Key>>,
    sockets: HashMap<usize, usize>,
    monitors: HashMap<usize, usize>,
    descriptors: HashMap<RawFd, usize>,
    listed: Vec<usize>,
}

impl<Key> Slots<Key> {
    pub(super) fn new() -> Slots<Key> {
        Slots {
            slots: Slab::new(),
            sockets: HashMap::new(),
            monitors: HashMap::new(),
            descriptors: HashMap::new(),
            listed: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many of them are sockets.
    pub(super) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// How many of them are descriptors.
    pub(super) fn descriptors(&self) -> usize {
        self.descriptors.len()
    }

    /// The place of the socket of this name.
    pub(super) fn socket(&self, name: usize) -> Option<usize> {
        self.sockets.get(&name).copied()
    }

    /// The place of the monitor whose queue is at this address.
    pub(super) fn monitor(&self, address: usize) -> Option<usize> {
        self.monitors.get(&address).copied()
    }

    /// The place of a descriptor.
    pub(super) fn descriptor(&self, fd: RawFd) -> Option<usize> {
        self.descriptors.get(&fd).copied()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Slot<Key>> {
        self.slots.get(place)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Slot<Key>> {
        self.slots.get_mut(place)
    }

    /// The place that the next one will have.
    pub(super) fn next_place(&self) -> usize {
        self.slots.vacant_key()
    }

    /// Takes in one that is not there, and tells its place.
    pub(super) fn insert(&mut self, key: Key, interest: Interest, source: Source) -> usize {
        let place = self.slots.vacant_key();
        match &source {
            Source::Socket(core, _) => self.sockets.insert(core.as_ptr() as usize, place),
            Source::Monitor(queue, _) => self.monitors.insert(queue.as_ptr() as usize, place),
            Source::Descriptor(watched) => self.descriptors.insert(watched.fd(), place),
        };
        self.slots.insert(Slot {
            key,
            interest,
            source,
            listed: false,
        })
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, place: usize) -> Option<Source> {
        let slot = self.slots.try_remove(place)?;
        if slot.listed {
            self.listed.retain(|listed| *listed != place);
        }
        match &slot.source {
            Source::Socket(core, _) => self.sockets.remove(&(core.as_ptr() as usize)),
            Source::Monitor(queue, _) => self.monitors.remove(&(queue.as_ptr() as usize)),
            Source::Descriptor(watched) => self.descriptors.remove(&watched.fd()),
        };
        Some(slot.source)
    }

    /// Takes all out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Source> + '_ {
        self.listed.clear();
        self.sockets.clear();
        self.monitors.clear();
        self.descriptors.clear();
        self.slots.drain().map(|slot| slot.source)
    }

    /// Has one looked at in the next wait.
    pub(super) fn list(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place) {
            if !std::mem::replace(&mut slot.listed, true) {
                self.listed.push(place);
            }
        }
    }

    /// What is to be looked at now. It is not listed any more.
    pub(super) fn take_listed(&mut self) -> Vec<usize> {
        let listed = std::mem::take(&mut self.listed);
        for place in &listed {
            if let Some(slot) = self.slots.get_mut(*place) {
                slot.listed = false;
            }
        }
        listed
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn descriptor(fd: RawFd) -> Source {
        Source::Descriptor(Watched::new(fd))
    }

    fn fd_of(source: &Source) -> RawFd {
        match source {
            Source::Descriptor(watched) => watched.fd(),
            Source::Socket(..) | Source::Monitor(..) => panic!("no descriptor"),
        }
    }

    #[test]
    fn what_is_in_is_found_and_what_is_out_is_not() {
        let mut slots = Slots::new();
        let places = [5, 6, 7].map(|fd| {
            let place = slots.next_place();
            let inserted = slots.insert(fd, Interest::READABLE, descriptor(fd));
            assert_eq!(inserted, place);
            place
        });
        assert_eq!(
            (slots.len(), slots.sockets(), slots.descriptors()),
            (3, 0, 3)
        );
        let gone = slots.remove(places[1]).unwrap();
        assert_eq!((fd_of(&gone), slots.descriptor(6)), (6, None));
        assert!(slots.remove(places[1]).is_none() && slots.get(places[1]).is_none());
        assert_eq!(slots.descriptor(7), Some(places[2]));
        assert_eq!(slots.get(places[2]).map(|slot| slot.key), Some(7));
        let mut left: Vec<_> = slots.drain().map(|source| fd_of(&source)).collect();
        left.sort_unstable();
        assert_eq!(
            (left, slots.is_empty(), slots.descriptors()),
            (vec![5, 7], true, 0)
        );
    }

    #[test]
    fn what_is_to_be_looked_at_is_listed_once_and_only_while_it_is_there() {
        let mut slots = Slots::new();
        let places = [5, 6].map(|fd| slots.insert(fd, Interest::READABLE, descriptor(fd)));
        for place in [places[0], places[1], places[0], 99] {
            slots.list(place);
        }
        assert!(slots.remove(places[1]).is_some());
        assert_eq!(slots.take_listed(), [places[0]]);
        assert_eq!(slots.take_listed(), []);
        slots.list(places[0]);
        assert_eq!(slots.take_listed(), [places[0]]);
    }
}
