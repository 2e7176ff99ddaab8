//! The lease: the Leader/Followers pattern for one socket. Of all threads that wait for it, one leads: it
//! has the driver and sleeps in it; the others follow, asleep on a condition variable.
//!
//! A socket's *driver* (its poll, and what goes with it) is in one of three places:
//!
//! ```text
//!             enter                       leave
//!   at home ────────► with a caller ─────────────► at home, leased
//!      ▲                  (polls, reads, writes)        │
//!      │                                                │ no visit for a while: reclaim
//!      └──────────── the reactor drives ◄───────────────┘
//! ```
//!
//! The thread that has the driver in its hands drives: the token is the thing itself. All of this is
//! plain data inside the socket's one lock, so that no fence and no atomic takes part.
//!
//! # Kept by the reactor
//! A task or a foreign poll sleeps where no event of the socket's poll reaches it. With the lease at
//! home and a caller's, an event would be seen only at the reactor's next look. So from the first time
//! that one of them waits the reactor [keeps](Lease::keep) the lease: it is told of all events, and a caller
//! that wants to drive is a *guest*, which takes the driver while it is at home and gives it back. If the
//! reactor was turned away meanwhile, it drives once when the guest has left.

/// Which thread is told when events come while the driver is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The socket's poll is registered with the reactor, which drives.
    Reactor,
    /// A caller drove last and is expected back; the reactor looks from time to time whether it
    /// still comes.
    Caller,
}

/// What a caller that enters must do before it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nothing: the lease was a caller's already, or stays the reactor's.
    Held,
    /// The lease was the reactor's: take the socket's poll out of the reactor's, and have the
    /// reactor watch the lease.
    TakenOver,
}

/// What the thread that leaves must do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parting {
    /// A follower waits for its turn to drive: wake one of them.
    pub(crate) wake_follower: bool,
    /// The reactor had stopped watching this lease: tell it to watch again.
    pub(crate) tell_reactor: bool,
    /// The reactor was turned away: have it drive.
    pub(crate) drive: bool,
}

/// What the reactor finds when it looks after a lease.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tick<D> {
    /// A caller came by since the last look: look again later.
    Busy,
    /// A caller sleeps inside: stop looking; it says so when it leaves.
    Inside,
    /// The lease has lapsed: here is the driver. Register the socket's poll again, drive once, and
    /// give the driver back with [`Lease::leave_reactor`].
    Lapsed(D),
    /// The reactor has it already, or there is nothing to drive.
    Mine,
}

/// Where a socket's driver is, and which thread is told of its events.
///
/// | Field | What holds |
/// |---|---|
/// | `driver` | `None` while a thread drives, and before there is anything to drive |
/// | `owner` | `Caller`: the reactor watches, or a caller is inside |
/// | `kept` | once true, true for ever; then `owner` is `Caller` only while a caller is inside that entered before |
/// | `guest` | a caller has the driver and `owner` is `Reactor`; false while the driver is at home |
/// | `missed` | only while `guest`: the reactor was told of an event and found the driver gone |
/// | `sleeping` | only while `driver` is `None` |
/// | `rung` | only while `sleeping`: the sleeper's waker was rung; once is enough |
#[derive(Debug)]
pub(crate) struct Lease<D> {
    driver: Option<D>,
    owner: Owner,
    kept: bool,
    guest: bool,
    missed: bool,
    sleeping: bool,
    rung: bool,
    /// Callers waiting on the condition variable.
    followers: usize,
    /// Whether a caller entered or left since the last tick.
    visited: bool,
    /// The reactor watches this lease.
    watched: bool,
}

impl<D> Default for Lease<D> {
    fn default() -> Self {
        Lease {
            driver: None,
            owner: Owner::Reactor,
            kept: false,
            guest: false,
            missed: false,
            sleeping: false,
            rung: false,
            followers: 0,
            visited: false,
            watched: false,
        }
    }
}

impl<D> Lease<D> {
    /// Puts the driver where it can be taken, once it exists.
    pub(crate) fn install(&mut self, driver: D) {
        self.driver = Some(driver);
    }

    /// A caller wants to drive. `None`: another thread does.
    pub(crate) fn enter(&mut self) -> Option<(D, Entry)> {
        let driver = self.driver.take()?;
        if self.kept {
            self.guest = true;
            return Some((driver, Entry::Held));
        }
        self.visited = true;
        let entry = match self.owner {
            Owner::Caller => Entry::Held,
            Owner::Reactor => Entry::TakenOver,
        };
        self.owner = Owner::Caller;
        if entry == Entry::TakenOver {
            self.watched = true;
        }
        Some((driver, entry))
    }

    /// The holder is about to sleep in its poll, or has woken up.
    pub(crate) fn set_sleeping(&mut self, sleeping: bool) {
        self.sleeping = sleeping;
        self.rung = false;
    }

    /// A caller gives the driver back.
    pub(crate) fn leave(&mut self, driver: D) -> Parting {
        self.driver = Some(driver);
        self.sleeping = false;
        self.guest = false;
        self.visited = true;
        let tell_reactor = self.owner == Owner::Caller && !self.watched;
        if tell_reactor {
            self.watched = true;
        }
        Parting {
            wake_follower: self.followers > 0,
            tell_reactor,
            drive: std::mem::take(&mut self.missed),
        }
    }

    /// From now on the reactor is to be told of all events. If a caller left the lease at home, here is
    /// the driver: register the socket's poll again, give it back with [`Lease::leave_reactor`], and
    /// have the reactor drive.
    pub(crate) fn keep(&mut self) -> Option<D> {
        if std::mem::replace(&mut self.kept, true) {
            return None;
        }
        self.surrender()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Whether a caller that is about to leave has to hand the lease to the reactor, as after
    /// [`Lease::keep`], instead of [leaving](Lease::leave).
    pub(crate) fn is_due(&self) -> bool {
        self.kept && self.owner == Owner::Caller
    }

    /// The reactor wants to drive, having been told of events. `None`: it is not its turn.
    pub(crate) fn enter_reactor(&mut self) -> Option<D> {
        if self.owner != Owner::Reactor {
            return None;
        }
        self.missed |= self.guest;
        self.driver.take()
    }

    /// The reactor gives the driver back, or a caller does that hands the lease to it.
    pub(crate) fn leave_reactor(&mut self, driver: D) -> Parting {
        self.driver = Some(driver);
        self.sleeping = false;
        self.owner = Owner::Reactor;
        Parting {
            wake_follower: self.followers > 0,
            ..Parting::default()
        }
    }

    /// The reactor looks after a lease it watches.
    pub(crate) fn tick(&mut self) -> Tick<D> {
        if self.owner == Owner::Reactor {
            self.watched = false;
            return Tick::Mine;
        }
        if std::mem::take(&mut self.visited) {
            return Tick::Busy;
        }
        self.watched = false;
        match self.driver.take() {
            None => Tick::Inside,
            Some(driver) => {
                self.owner = Owner::Reactor;
                Tick::Lapsed(driver)
            }
        }
    }

    /// No caller will come any more: like a [`tick`](Lease::tick) long after the last visit.
    pub(crate) fn surrender(&mut self) -> Option<D> {
        self.visited = false;
        match self.tick() {
            Tick::Lapsed(driver) => Some(driver),
            _ => None,
        }
    }

    /// Whether the reactor drives what no event tells, when it is asked to; otherwise a caller is
    /// inside, or comes by.
    pub(crate) fn is_reactors(&self) -> bool {
        self.owner == Owner::Reactor && !self.guest
    }

    /// Whether events that come now are seen, by and by: by the reactor, which is told of them or
    /// looks at the lease, or by the thread that drives.
    #[cfg(all(test, loom))]
    pub(crate) fn is_looked_after(&self) -> bool {
        let at_home = self.driver.is_some();
        let seen = self.owner == Owner::Reactor || self.watched || !at_home;
        seen && !(at_home && self.is_due())
    }

    /// A caller is going to wait on the condition variable, or has come back.
    pub(crate) fn follow(&mut self, waiting: bool) {
        if waiting {
            self.followers += 1;
        } else {
            self.followers = self.followers.saturating_sub(1);
        }
    }

    /// Whether callers sleep, in the poll or on the condition variable.
    pub(crate) fn has_sleepers(&self) -> bool {
        self.sleeping || self.followers > 0
    }

    /// Whether callers wait on the condition variable.
    #[inline]
    pub(crate) fn has_followers(&self) -> bool {
        self.followers > 0
    }

    /// Whether a caller sleeps in the poll whose waker was not rung yet; it counts as rung now.
    #[inline]
    pub(crate) fn ring(&mut self) -> bool {
        self.sleeping && !std::mem::replace(&mut self.rung, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lease with the driver `1` at home, its last driver a caller.
    fn left() -> Lease<u8> {
        let mut lease = Lease::default();
        lease.install(1);
        let (driver, entry) = lease.enter().unwrap();
        assert_eq!(entry, Entry::TakenOver);
        let parting = lease.leave(driver);
        assert_eq!(parting, Parting::default());
        lease
    }

    #[test]
    fn a_lease_that_no_caller_visits_goes_back_to_the_reactor() {
        let mut lease = left();
        assert_eq!(lease.tick(), Tick::Busy);
        assert!(lease.enter_reactor().is_none());
        assert_eq!(lease.tick(), Tick::Lapsed(1));
        lease.leave_reactor(1);
        assert_eq!(lease.tick(), Tick::Mine);
        assert_eq!(lease.enter_reactor(), Some(1));
    }

    #[test]
    fn a_lease_that_is_kept_is_handed_over_at_once_and_never_taken_over_again() {
        let mut lease = left();
        assert_eq!(lease.keep(), Some(1));
        lease.leave_reactor(1);
        assert_eq!(lease.keep(), None);
        assert_eq!(lease.enter(), Some((1, Entry::Held)));
        assert!(!lease.is_due());
        assert_eq!(lease.leave(1), Parting::default());
        assert!(lease.is_reactors());
    }

    #[test]
    fn a_caller_that_is_inside_when_the_lease_is_kept_hands_it_over_when_it_leaves() {
        let mut lease = left();
        assert_eq!(lease.enter(), Some((1, Entry::Held)));
        assert_eq!(lease.keep(), None);
        assert!(lease.is_due());
        lease.leave_reactor(1);
        assert!(lease.is_reactors() && !lease.is_due());
    }

    #[test]
    fn a_reactor_that_a_guest_turned_away_drives_when_the_guest_has_left() {
        let mut lease = Lease::default();
        lease.install(1);
        lease.keep();
        for missed in [false, true] {
            assert!(lease.enter().is_some());
            assert!(!lease.is_reactors(), "what no event tells is the guest's");
            if missed {
                assert!(lease.enter_reactor().is_none());
            }
            assert_eq!(lease.leave(1).drive, missed);
        }
        assert!(!lease.leave(1).drive, "it is told once");
    }

    #[test]
    fn a_sleeper_is_rung_once_a_sleep() {
        let mut lease = Lease::default();
        lease.install(1);
        lease.enter();
        assert!(!lease.ring());
        for _ in 0..2 {
            lease.set_sleeping(true);
            assert!(lease.ring() && !lease.ring());
        }
    }
}
