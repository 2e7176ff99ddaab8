//! Admission control: whether a listener of the socket may accept one more connection.
//!
//! Three bounds, each of which makes the listeners stop accepting, so that callers wait in the
//! kernel's queue: accepted connections, those of them that are in their handshake, and what
//! connections that are gone have left to be received. Time is an argument.
//!
//! How handshakes compete for places, and what a flood is: [`pending`](super::pending).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::pending::{unless_zero, Pending};
use crate::link::high_water::HighWater;
use crate::options::Options;
use crate::reactor::timers::deadline;
use crate::reactor::ConnectionId;
use crate::tuning;

/// Why listeners do not accept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Connections,
    Handshakes,
    Departed,
}

impl Bound {
    /// The reason, for monitors.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Bound::Connections => "there are max_connections connections",
            Bound::Handshakes => "max_pending_handshakes connections are in their handshake",
            Bound::Departed => {
                "what peers that are gone have left to be received is as much as recv_hwm or \
                 recv_hwm_bytes allow"
            }
        }
    }
}

/// What a listener that wants to accept is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entrance {
    Open,
    /// Not before there is room, which is told, or this instant.
    Shut(Bound, Option<Instant>),
}

/// How many connections there are of each sort that has a bound, and what listeners are told for it.
///
/// | Field | What holds |
/// |---|---|
/// | `connections` | accepted ones, from `enter` to `leave`, each once |
/// | `pending` | those of them between `begin_handshake` and `end_handshake` or `leave` |
/// | `departed` | what links without a connection have to be received, from `depart` to `received` |
/// | `waiting` | set by an `ask` that said no, cleared by one that said yes and by `may_resume`, which is told once |
#[derive(Debug)]
pub(crate) struct Admission {
    connections: usize,
    most_connections: usize,
    pending: Pending,
    /// What links whose connection is gone have in their inboxes, all together.
    departed: HighWater,
    /// Why a listener was told to wait, which will be told when to go on.
    waiting: Option<Bound>,
    /// A timer runs after which a listener that waits may ask again.
    asks_again: bool,
    /// A timer runs for the oldest handshake.
    watches_oldest: bool,
    /// When monitors were told last that listeners do not accept.
    told_shut: Option<Instant>,
}

impl Admission {
    pub(crate) fn new(options: &Options) -> Admission {
        Admission {
            connections: 0,
            most_connections: unless_zero(options.max_connections),
            pending: Pending::new(options.max_pending_handshakes),
            departed: HighWater::new(options.recv_hwm, options.recv_hwm_bytes),
            waiting: None,
            asks_again: false,
            watches_oldest: false,
            told_shut: None,
        }
    }

    /// The settings are others now.
    pub(super) fn set_bounds(&mut self, options: &Options) {
        self.most_connections = unless_zero(options.max_connections);
        self.pending.set_most(options.max_pending_handshakes);
        self.departed
            .set_limits(options.recv_hwm, options.recv_hwm_bytes);
    }

    /// A listener wants to accept one connection.
    pub(super) fn ask(&mut self, now: Instant) -> Entrance {
        let entrance = if self.connections >= self.most_connections {
            Entrance::Shut(Bound::Connections, None)
        } else if self.departed.is_full() {
            Entrance::Shut(Bound::Departed, None)
        } else {
            match self.pending.ask(now) {
                Ok(()) => Entrance::Open,
                Err(until) => Entrance::Shut(Bound::Handshakes, until),
            }
        };
        self.waiting = match entrance {
            Entrance::Open => None,
            Entrance::Shut(bound, _) => Some(bound),
        };
        entrance
    }

    /// A listener may ask again at this time: whether a timer is to be set for it.
    pub(super) fn ask_again(&mut self) -> bool {
        !std::mem::replace(&mut self.asks_again, true)
    }

    /// That timer is due.
    pub(crate) fn asks_again(&mut self) {
        self.asks_again = false;
    }

    /// Listeners do not accept: whether monitors are to be told so, which is done now and then.
    pub(super) fn tells_shut(&mut self, now: Instant) -> bool {
        let last = self
            .told_shut
            .and_then(|at| deadline(at, tuning::SHUT_EVENTS));
        let tells = last.is_none_or(|next| next <= now);
        if tells {
            self.told_shut = Some(now);
        }
        tells
    }

    /// When the oldest handshake has had its time, if no timer is set for that.
    pub(super) fn watch_oldest(&mut self, timeout: Duration) -> Option<Instant> {
        if self.watches_oldest {
            return None;
        }
        let at = deadline(self.pending.oldest_since()?, timeout)?;
        self.watches_oldest = true;
        Some(at)
    }

    /// The timer of the oldest handshake is due: another one may be set.
    pub(super) fn watched_oldest(&mut self) {
        self.watches_oldest = false;
    }

    /// Whether a listener waits and should ask again now.
    pub(super) fn may_resume(&mut self) -> bool {
        let room = self.connections < self.most_connections && !self.departed.is_full();
        let resume = match self.waiting {
            None => false,
            Some(Bound::Handshakes) => room && !self.pending.is_full(),
            // Though all places for handshakes may be taken: a listener that asks learns when one comes free.
            Some(_) => room,
        };
        if resume {
            self.waiting = None;
        }
        resume
    }

    /// A connection was accepted. Gives the one that is to go for it, if any.
    pub(crate) fn enter(&mut self, now: Instant) -> Option<ConnectionId> {
        self.connections += 1;
        self.pending.make_room(now)
    }

    /// A connection that was accepted has not finished its handshake at once ([`Pending::enter`]).
    pub(super) fn begin_handshake(
        &mut self,
        id: ConnectionId,
        address: Option<IpAddr>,
        now: Instant,
        said: bool,
        silent: impl Fn(ConnectionId) -> bool,
    ) -> Option<ConnectionId> {
        self.pending.enter(id, address, now, said, silent)
    }

    /// A handshake is done, if it was one of those that are pending.
    pub(super) fn end_handshake(&mut self, id: ConnectionId) {
        self.pending.leave(id);
    }

    /// Takes out the oldest handshake, if it has taken this long.
    pub(super) fn overdue(&mut self, timeout: Duration, now: Instant) -> Option<ConnectionId> {
        self.pending.overdue(timeout, now)
    }

    /// An accepted connection is gone.
    pub(crate) fn leave(&mut self, id: ConnectionId) {
        self.connections = self.connections.saturating_sub(1);
        self.pending.leave(id);
    }

    /// A connection is gone, and has left messages to be received.
    pub(super) fn depart(&mut self, messages: usize, bytes: usize) {
        self.departed.add(messages, bytes);
    }

    /// Messages of a connection that is gone were received.
    pub(crate) fn received(&mut self, messages: usize, bytes: usize) {
        self.departed.sub(messages, bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::pending::PATIENCE;
    use super::*;

    const A: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));

    fn id(n: usize) -> ConnectionId {
        ConnectionId {
            link: n,
            generation: n as u32,
        }
    }

    #[test]
    fn the_number_of_connections_and_what_is_left_of_them_shut_the_entrance() {
        let options = Options {
            max_connections: 1,
            recv_hwm: 2,
            ..Options::default()
        };
        let mut admission = Admission::new(&options);
        let now = Instant::now();
        assert_eq!(admission.ask(now), Entrance::Open);
        assert_eq!(admission.enter(now), None);
        assert_eq!(admission.ask(now), Entrance::Shut(Bound::Connections, None));
        assert!(!admission.may_resume());
        admission.depart(2, 100);
        admission.leave(id(1));
        assert!(!admission.may_resume());
        assert_eq!(admission.ask(now), Entrance::Shut(Bound::Departed, None));
        admission.received(1, 50);
        assert!(admission.may_resume());
        assert!(!admission.may_resume(), "it is told once");
        assert_eq!(admission.ask(now), Entrance::Open);
    }

    #[test]
    fn room_for_a_connection_is_told_though_all_handshakes_are_taken() {
        let options = Options {
            max_connections: 2,
            max_pending_handshakes: 1,
            ..Options::default()
        };
        let mut admission = Admission::new(&options);
        let now = Instant::now();
        // One is there, and one says nothing.
        admission.enter(now);
        admission.enter(now);
        let silent = admission.pending.enter(id(2), A, now, false, |_| true);
        assert_eq!(silent, None);
        assert_eq!(admission.ask(now), Entrance::Shut(Bound::Connections, None));
        admission.leave(id(1));
        assert!(admission.may_resume());
        assert_eq!(
            admission.ask(now),
            Entrance::Shut(Bound::Handshakes, Some(now + PATIENCE))
        );
        assert!(!admission.may_resume(), "it would ask again and again");
        admission.pending.leave(id(2));
        assert!(admission.may_resume());
    }

    #[test]
    fn each_timer_runs_once_and_monitors_are_told_now_and_then() {
        let mut admission = Admission::new(&Options::default());
        assert!(admission.ask_again() && !admission.ask_again());
        admission.asks_again();
        assert!(admission.ask_again());
        let now = Instant::now();
        assert!(admission.tells_shut(now) && !admission.tells_shut(now));
        assert!(admission.tells_shut(now + tuning::SHUT_EVENTS));
        let timeout = Duration::from_secs(9);
        assert_eq!(admission.watch_oldest(timeout), None, "there is none");
        admission.pending.enter(id(1), A, now, false, |_| true);
        assert_eq!(admission.watch_oldest(timeout), Some(now + timeout));
        assert_eq!(admission.watch_oldest(timeout), None, "it runs");
        admission.watched_oldest();
        assert_eq!(admission.watch_oldest(timeout), Some(now + timeout));
    }
}
