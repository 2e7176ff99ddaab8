//! Pollers that watch a socket: each is told once that there may be something for it, and not again before
//! it has looked and found nothing.
//!
//! A poller does not take what it is told of: it is no substitute for a task that waits, and each of them
//! is told.

use std::task::Waker;

use super::change::Change;
use crate::interest::Interest;

/// Names a poller's entry in the list of a socket. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PollerId(u64);

/// | Field | What holds |
/// |---|---|
/// | `armed` | the poller has looked and found nothing of its interest, and nothing changed since. While false the socket is on the poller's ready list, or about to be put there |
/// | `waker` | the library's own: to clone and to call it takes no lock but the ready list's |
#[derive(Debug)]
struct Entry {
    id: PollerId,
    interest: Interest,
    armed: bool,
    waker: Waker,
}

/// The pollers that watch one socket: commonly none, or one.
#[derive(Debug, Default)]
pub(crate) struct Pollers {
    entries: Vec<Entry>,
    last_id: u64,
}

impl Pollers {
    /// A poller watches from now on. It is not armed: it is to look first.
    pub(crate) fn add(&mut self, interest: Interest, waker: Waker) -> PollerId {
        self.last_id += 1;
        let id = PollerId(self.last_id);
        self.entries.push(Entry {
            id,
            interest,
            armed: false,
            waker,
        });
        id
    }

    /// Its interest is another now. It is not armed: it is to look first.
    pub(crate) fn modify(&mut self, id: PollerId, interest: Interest) {
        if let Some(entry) = self.entry(id) {
            entry.interest = interest;
            entry.armed = false;
        }
    }

    pub(crate) fn remove(&mut self, id: PollerId) {
        self.entries.retain(|entry| entry.id != id);
        if self.entries.is_empty() {
            self.entries = Vec::new();
        }
    }

    /// The poller has looked, and found nothing of its interest: the next change is to be told.
    pub(crate) fn arm(&mut self, id: PollerId) {
        if let Some(entry) = self.entry(id) {
            entry.armed = true;
        }
    }

    /// Something changed: gives the wakers of those that are to be told.
    #[inline]
    pub(crate) fn change(&mut self, change: Change, wakers: &mut Vec<Waker>) {
        for entry in &mut self.entries {
            if entry.armed && concerns(change, entry.interest) {
                entry.armed = false;
                wakers.push(entry.waker.clone());
            }
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&mut self, id: PollerId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }
}

fn concerns(change: Change, interest: Interest) -> bool {
    match change {
        Change::Messages => interest.is_readable(),
        Change::Room => interest.is_writable(),
        // Peers that come bring room, and one that is lost may be what a receive tells of.
        Change::Any => !interest.is_none(),
        Change::Closed => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pollers: &mut Pollers, change: Change) -> usize {
        let mut wakers = Vec::new();
        pollers.change(change, &mut wakers);
        wakers.len()
    }

    #[test]
    fn a_poller_is_told_once_until_it_has_looked_and_found_nothing() {
        let mut pollers = Pollers::default();
        let id = pollers.add(Interest::READABLE, Waker::noop().clone());
        assert_eq!(told(&mut pollers, Change::Messages), 0, "it looks first");
        pollers.arm(id);
        assert_eq!(told(&mut pollers, Change::Messages), 1);
        assert_eq!(told(&mut pollers, Change::Messages), 0);
        pollers.arm(id);
        pollers.remove(id);
        assert_eq!(told(&mut pollers, Change::Closed), 0);
        assert!(pollers.is_empty());
    }

    #[test]
    fn a_poller_is_told_of_what_it_is_interested_in_and_of_the_end() {
        let both = Interest::READABLE | Interest::WRITABLE;
        let expected = [
            (Interest::NONE, [0, 0, 0, 1]),
            (Interest::READABLE, [1, 0, 1, 1]),
            (Interest::WRITABLE, [0, 1, 1, 1]),
            (both, [1, 1, 1, 1]),
        ];
        for (interest, expected) in expected {
            let mut pollers = Pollers::default();
            let id = pollers.add(Interest::NONE, Waker::noop().clone());
            pollers.modify(id, interest);
            let changes = [Change::Messages, Change::Room, Change::Any, Change::Closed];
            let seen = changes.map(|change| {
                pollers.arm(id);
                told(&mut pollers, change)
            });
            assert_eq!(seen, expected, "{interest:?}");
        }
    }

    #[test]
    fn every_poller_of_a_socket_is_told() {
        let mut pollers = Pollers::default();
        for _ in 0..3 {
            let id = pollers.add(Interest::READABLE, Waker::noop().clone());
            pollers.arm(id);
        }
        assert_eq!(told(&mut pollers, Change::Messages), 3);
    }
}
