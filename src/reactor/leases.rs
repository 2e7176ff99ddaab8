//! [`Leases`]: sockets whose lease is a caller's, at which the reactor looks from time to time.

use std::time::{Duration, Instant};

use super::order::{SocketId, Watch};
use super::timers::deadline;
use crate::tuning;

pub(super) struct Leases {
    sockets: Vec<SocketId>,
    /// When to look at all of them; it means nothing while there are none.
    next: Instant,
    /// How long a lease lasts without a visit: [`tuning::LEASE`], but in tests.
    time: Duration,
}

impl Leases {
    pub(super) fn new(now: Instant) -> Leases {
        Leases {
            sockets: Vec::new(),
            next: now,
            time: tuning::LEASE,
        }
    }

    /// A caller has taken the lease of a socket.
    pub(super) fn add(&mut self, id: SocketId, now: Instant) {
        if self.sockets.is_empty() {
            self.look_later(now);
        }
        if !self.sockets.contains(&id) {
            self.sockets.push(id);
        }
    }

    pub(super) fn remove(&mut self, id: SocketId) {
        self.sockets.retain(|leased| *leased != id);
    }

    /// When to look next, if there is anything to look at.
    pub(super) fn next(&self) -> Option<Instant> {
        (!self.sockets.is_empty()).then_some(self.next)
    }

    /// Looks at each, and keeps those that are to be looked at again; `None` is gone.
    pub(super) fn look(&mut self, mut look: impl FnMut(SocketId) -> Option<Watch>, now: Instant) {
        self.sockets.retain(|id| look(*id) == Some(Watch::Again));
        self.look_later(now);
    }

    fn look_later(&mut self, now: Instant) {
        self.next = deadline(now, self.time).unwrap_or(now);
    }

    #[cfg(test)]
    pub(super) fn set_time(&mut self, time: Duration) {
        self.time = time;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_looked_at_until_it_is_no_callers_any_more() {
        let now = Instant::now();
        let mut leases = Leases::new(now);
        assert_eq!(leases.next(), None);
        leases.add(1, now);
        leases.add(2, now + tuning::LEASE / 2);
        leases.add(1, now + tuning::LEASE / 2);
        let due = now + tuning::LEASE;
        assert_eq!(leases.next(), Some(due), "the first one set the time");
        let mut seen = Vec::new();
        let look = |id| {
            seen.push(id);
            (id == 2).then_some(Watch::Again)
        };
        leases.look(look, due);
        assert_eq!(seen, [1, 2]);
        assert_eq!(leases.next(), Some(due + tuning::LEASE));
        leases.look(|_| Some(Watch::Stop), due);
        assert_eq!(leases.next(), None);
        leases.add(3, due);
        leases.remove(3);
        assert_eq!(leases.next(), None);
    }
}
