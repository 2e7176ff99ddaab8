//! The lease: who drives a socket's connections now.
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
//! Whoever holds the driver value is the one who drives: the token is the thing itself. All of this
//! is plain data inside the socket's one lock, so that no fence and no atomic takes part.

/// Who is told when events come while nobody holds the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The socket's poll is registered with the reactor, which drives.
    Reactor,
    /// A caller drove last and is expected back; the reactor looks from time to time whether it
    /// still comes.
    Caller,
}

/// What the one who enters must do before it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nothing: the lease was a caller's already.
    Held,
    /// The lease was the reactor's: take the socket's poll out of the reactor's, and have the
    /// reactor watch the lease.
    TakenOver,
}

/// What the one who leaves must do after it has let go of the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parting {
    /// Somebody waits for its turn to drive: wake one of them.
    pub(crate) wake_follower: bool,
    /// The reactor had stopped watching this lease: tell it to watch again.
    pub(crate) tell_reactor: bool,
}

/// What somebody who changed the socket's state must do so that waiting callers see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ring {
    /// A caller sleeps in the socket's poll: ring its waker.
    pub(crate) poll: bool,
    /// Callers wait for their turn: notify the condition variable.
    pub(crate) followers: bool,
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

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Lease<D> {
    /// `None` while somebody drives, and before there is anything to drive.
    driver: Option<D>,
    owner: Owner,
    /// The holder of the driver sleeps in its poll. Only true while `driver` is `None`.
    sleeping: bool,
    /// The sleeper's waker was rung already; rung once is enough.
    rung: bool,
    /// Callers waiting on the condition variable.
    followers: usize,
    /// Whether a caller entered or left since the last tick.
    visited: bool,
    /// The reactor watches this lease. While `owner` is `Caller`, either this is true or a caller is
    /// inside.
    watched: bool,
}

impl<D> Default for Lease<D> {
    fn default() -> Self {
        Lease {
            driver: None,
            owner: Owner::Reactor,
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

    /// A caller wants to drive. `None`: somebody else does.
    pub(crate) fn enter(&mut self) -> Option<(D, Entry)> {
        let driver = self.driver.take()?;
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
        self.visited = true;
        let tell_reactor = self.owner == Owner::Caller && !self.watched;
        if tell_reactor {
            self.watched = true;
        }
        Parting {
            wake_follower: self.followers > 0,
            tell_reactor,
        }
    }

    /// The reactor wants to drive, having been told of events. `None`: it is not its turn.
    pub(crate) fn enter_reactor(&mut self) -> Option<D> {
        if self.owner == Owner::Reactor {
            self.driver.take()
        } else {
            None
        }
    }

    /// The reactor gives the driver back.
    pub(crate) fn leave_reactor(&mut self, driver: D) -> Parting {
        self.driver = Some(driver);
        Parting {
            wake_follower: self.followers > 0,
            tell_reactor: false,
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
        match self.driver.take() {
            None => {
                self.watched = false;
                Tick::Inside
            }
            Some(driver) => {
                self.owner = Owner::Reactor;
                self.watched = false;
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

    /// Whether the reactor is the one who drives between calls.
    pub(crate) fn is_reactors(&self) -> bool {
        self.owner == Owner::Reactor
    }

    /// Whether events that come now find somebody, by and by: the reactor, which is told of them or
    /// looks at the lease, or the one who drives.
    #[cfg(all(test, loom))]
    pub(crate) fn is_looked_after(&self) -> bool {
        self.owner == Owner::Reactor || self.watched || self.driver.is_none()
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

    /// Something changed that waiting callers want to see.
    #[inline]
    pub(crate) fn ring(&mut self) -> Ring {
        let poll = self.sleeping && !self.rung;
        if poll {
            self.rung = true;
        }
        Ring {
            poll,
            followers: self.followers > 0,
        }
    }
}
