//! Whether the peer of a connection lives, and showing it that this side does (RFC 37,
//! "Heartbeating"). Plain data; the time is an argument.
//!
//! Each question has at most one timer a connection, whatever the peer sends: who sets one is told
//! when it is due, and asks again then.

use std::time::{Duration, Instant};

/// How often a paused side shows that it lives to a peer whose PINGs it has not seen: the bounds of
/// a quarter of the time that the connection has been read without one, because a peer's first PING
/// comes after its interval, and its time-out is as long unless it is set.
const UNASKED: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The same towards a peer whose interval is known: the bounds of a third of it.
const ASKED: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What a timer found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// Nothing was heard for as long as was agreed.
    Silent,
    /// All is well, or nobody knows yet: look again then.
    LookAt(Instant),
    /// Nothing to look for any more.
    Done,
}

#[derive(Debug)]
pub(crate) struct Liveness {
    /// When the connection was established.
    since: Instant,
    /// Passes that heard something; wraps.
    heard: u32,
    /// The oldest PING of ours that nothing was heard after: when, and `heard` then.
    pinged: Option<(Instant, u32)>,
    /// A timer will look whether it was answered.
    watches_ping: bool,
    /// The peer asked to be given up when it is silent for so long.
    ttl: Option<Duration>,
    /// The timer that will look whether it was.
    watches_ttl: Option<TtlWatch>,
    /// When the peer's last PING was read, and the shortest pause before one.
    last_ping: Option<Instant>,
    interval: Option<Duration>,
    /// A timer will show the peer that this side lives.
    shows: bool,
}

#[derive(Clone, Copy, Debug)]
struct TtlWatch {
    since: Instant,
    heard: u32,
    at: Instant,
}

impl Liveness {
    pub(crate) fn new(now: Instant) -> Liveness {
        Liveness {
            since: now,
            heard: 0,
            pinged: None,
            watches_ping: false,
            ttl: None,
            watches_ttl: None,
            last_ping: None,
            interval: None,
            shows: false,
        }
    }

    /// Something came: whatever it is, the peer lives.
    #[inline]
    pub(crate) fn hear(&mut self) {
        self.heard = self.heard.wrapping_add(1);
    }

    /// Whether the peer sends PINGs, and so goes on sending whatever this side does.
    pub(crate) fn is_pinged(&self) -> bool {
        self.last_ping.is_some()
    }

    /// A PING goes out. Gives when to look for an answer, unless a timer does already.
    pub(crate) fn ping(&mut self, now: Instant, timeout: Duration) -> Option<Instant> {
        let heard = self.heard;
        if self.pinged.is_none_or(|(_, then)| then != heard) {
            self.pinged = Some((now, heard));
        }
        if self.watches_ping {
            return None;
        }
        // A time-out beyond all times is none.
        let at = now.checked_add(timeout)?;
        self.watches_ping = true;
        Some(at)
    }

    /// The timer for the answer is due. A side that is `deaf`, because it does not read now or has
    /// not yet, cannot say that there was none.
    pub(crate) fn ping_due(&mut self, now: Instant, timeout: Duration, deaf: bool) -> Pulse {
        self.watches_ping = false;
        let Some((asked, heard)) = self.pinged else {
            return Pulse::Done;
        };
        if heard != self.heard {
            self.pinged = None;
            return Pulse::Done;
        }
        if deaf {
            self.pinged = Some((now, heard));
        } else if asked.checked_add(timeout).is_some_and(|at| at <= now) {
            return Pulse::Silent;
        }
        let asked = if deaf { now } else { asked };
        let Some(at) = asked.checked_add(timeout) else {
            return Pulse::Done;
        };
        self.watches_ping = true;
        Pulse::LookAt(at)
    }

    /// The peer sent a PING, which names a time in tenths of a second; zero asks for nothing. Gives
    /// when to look whether it was silent, unless a timer does by then already.
    pub(crate) fn pinged_by_peer(&mut self, now: Instant, ttl: u16) -> Option<Instant> {
        if let Some(last) = self.last_ping.replace(now) {
            let pause = now.saturating_duration_since(last);
            // Those that were held up arrive together.
            if pause >= ASKED.0 {
                self.interval = Some(self.interval.map_or(pause, |known| known.min(pause)));
            }
        }
        self.ttl = (ttl > 0).then(|| Duration::from_millis(u64::from(ttl) * 100));
        let at = now.checked_add(self.ttl?)?;
        if self.watches_ttl.is_some_and(|watch| watch.at <= at) {
            return None;
        }
        self.watches_ttl = Some(TtlWatch {
            since: now,
            heard: self.heard,
            at,
        });
        Some(at)
    }

    /// Whether the timer that was set for then still counts.
    pub(crate) fn watches_ttl_at(&self, at: Instant) -> bool {
        self.watches_ttl.is_some_and(|watch| watch.at == at)
    }

    /// The timer for the peer's own time, set for `at`, is due.
    pub(crate) fn ttl_due(&mut self, at: Instant, now: Instant, deaf: bool) -> Pulse {
        if !self.watches_ttl_at(at) {
            return Pulse::Done;
        }
        let (Some(watch), Some(ttl)) = (self.watches_ttl.take(), self.ttl) else {
            return Pulse::Done;
        };
        let silent = watch.heard == self.heard && !deaf;
        // The time may have changed since the timer was set.
        let since = if silent { watch.since } else { now };
        let Some(at) = since.checked_add(ttl) else {
            return Pulse::Done;
        };
        if silent && at <= now {
            return Pulse::Silent;
        }
        self.watches_ttl = Some(TtlWatch {
            since,
            heard: self.heard,
            at,
        });
        Pulse::LookAt(at)
    }

    /// The connection is not read now, nor the peer's PINGs with it. Gives when to show the peer that
    /// this side lives, unless a timer does already.
    pub(crate) fn pause(&mut self, now: impl FnOnce() -> Instant) -> Option<Instant> {
        if self.shows {
            return None;
        }
        self.shows = true;
        Some(self.next_show(now()))
    }

    /// That timer is due. Gives when to do it again, if the connection is still not read.
    pub(crate) fn show_due(&mut self, now: Instant, paused: bool) -> Option<Instant> {
        self.shows = paused;
        paused.then(|| self.next_show(now))
    }

    fn next_show(&self, now: Instant) -> Instant {
        let third = |time: Duration| (time / 3).clamp(ASKED.0, ASKED.1);
        let up = now.saturating_duration_since(self.since);
        let unasked = (up / 4).clamp(UNASKED.0, UNASKED.1);
        let pause = match (self.interval, self.ttl) {
            (Some(interval), ttl) => third(ttl.map_or(interval, |ttl| ttl.min(interval))),
            (None, Some(ttl)) => third(ttl).min(unasked),
            (None, None) => unasked,
        };
        // At most five seconds: cannot overflow where a clock can be read.
        now.checked_add(pause).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_peer_is_silent_when_nothing_follows_a_ping_for_the_whole_timeout() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        assert_eq!(peer.ping(start, ms(100)), Some(start + ms(100)));
        // One timer, however many PINGs go out and however long the time-out is.
        for n in 1..100 {
            assert_eq!(peer.ping(start + ms(n), ms(100)), None);
        }
        assert_eq!(
            peer.ping_due(start + ms(100), ms(100), false),
            Pulse::Silent
        );
    }

    #[test]
    fn the_timeout_counts_from_the_first_ping_that_nothing_followed() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        peer.ping(start, ms(100));
        peer.hear();
        peer.ping(start + ms(60), ms(100));
        peer.ping(start + ms(80), ms(100));
        let next = Pulse::LookAt(start + ms(160));
        assert_eq!(peer.ping_due(start + ms(100), ms(100), false), next);
        assert_eq!(
            peer.ping_due(start + ms(160), ms(100), false),
            Pulse::Silent
        );
        // Heard in time, and no PING since: the next one asks again.
        peer.hear();
        assert_eq!(peer.ping_due(start + ms(161), ms(100), false), Pulse::Done);
        let at = start + ms(300);
        assert_eq!(peer.ping(at, ms(100)), Some(at + ms(100)));
    }

    #[test]
    fn a_side_that_does_not_read_calls_nobody_silent() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        peer.ping(start, ms(100));
        let again = Pulse::LookAt(start + ms(200));
        assert_eq!(peer.ping_due(start + ms(100), ms(100), true), again);
        let at = peer.pinged_by_peer(start, 1).unwrap();
        assert_eq!(peer.ttl_due(at, start + ms(100), true), again);
        let silent = peer.ttl_due(start + ms(200), start + ms(200), false);
        assert_eq!(silent, Pulse::Silent);
    }

    #[test]
    fn a_peer_that_alternates_its_ttl_has_one_timer() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        let mut timers = 0;
        for n in 0..100_000 {
            let ttl = if n % 2 == 0 { 65_535 } else { 0 };
            timers += usize::from(peer.pinged_by_peer(start, ttl).is_some());
        }
        assert_eq!(timers, 1);
        // An earlier time has a timer of its own, and the first one no longer counts.
        let late = start + ms(6_553_500);
        let early = start + ms(200);
        assert_eq!(peer.pinged_by_peer(start, 2), Some(early));
        assert!(peer.watches_ttl_at(early) && !peer.watches_ttl_at(late));
        assert_eq!(peer.ttl_due(late, late, false), Pulse::Done);
        assert_eq!(peer.ttl_due(early, early, false), Pulse::Silent);
    }

    #[test]
    fn a_time_that_grew_counts_in_full() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        assert_eq!(peer.pinged_by_peer(start, 1), Some(start + ms(100)));
        assert_eq!(peer.pinged_by_peer(start, 5), None);
        let later = Pulse::LookAt(start + ms(500));
        assert_eq!(peer.ttl_due(start + ms(100), start + ms(100), false), later);
    }

    #[test]
    fn a_paused_side_shows_itself_three_times_in_the_peers_interval() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        // Nothing is known: often.
        assert_eq!(peer.pause(|| start), Some(start + UNASKED.0));
        assert_eq!(peer.pause(|| start), None);
        assert_eq!(peer.show_due(start + ms(100), true), Some(start + ms(200)));
        assert_eq!(peer.show_due(start + ms(200), false), None);
        for n in 0..5 {
            peer.pinged_by_peer(start + ms(300 * n), 0);
            // Held up behind the last one: says nothing.
            peer.pinged_by_peer(start + ms(300 * n + 1), 0);
        }
        let now = start + ms(2000);
        let next = peer.pause(|| now).unwrap() - now;
        assert!((ms(95)..=ms(100)).contains(&next), "{next:?}");
        // A connection that was read for long without a PING has a patient peer.
        let mut quiet = Liveness::new(start);
        let now = start + Duration::from_secs(3600);
        assert_eq!(quiet.pause(|| now), Some(now + UNASKED.1));
    }

    #[test]
    fn times_beyond_all_times_are_none() {
        let start = Instant::now();
        let mut peer = Liveness::new(start);
        assert_eq!(peer.ping(start, Duration::MAX), None);
        assert_eq!(peer.ping_due(start, Duration::MAX, true), Pulse::Done);
    }
}
