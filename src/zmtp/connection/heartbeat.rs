//! Whether the peer of a connection lives, and showing it that this side does (RFC 37,
//! "Heartbeating"). Plain data; the time is an argument.
//!
//! Four questions, each with its time: when to send the next PING, when to look for an answer to the
//! last one, when to look whether the peer kept the time to live that it announced, and, while the
//! connection is not read, when to show the peer that this side lives. [`Heartbeat::poll_timeout`]
//! is the earliest of them, so that a connection needs one timer, whatever its peer sends.

use std::time::{Duration, Instant};

use crate::tuning;
use crate::zmtp::command::{Command, PingContext};

/// How often a paused side shows that it lives to a peer that may send PINGs, and has sent none while
/// it was read: the bounds of a quarter of that time, because the first PING of libzmq comes after
/// its interval, and its time-out is as long unless it is set. The time that passes while nothing is
/// read says nothing of the interval, so it does not count.
const UNASKED: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The same towards a peer that has sent one PING, as this library does before its first message: it
/// has an interval, of which is known that no second PING came while the connection was read. More
/// often than this is not worth the wake-ups, so a peer should have 50 ms to answer.
const ASKED_ONCE: Duration = Duration::from_millis(25);

/// The same towards a peer whose interval is known: the bounds of a third of it. The upper one is for
/// time-outs that are much shorter than the interval.
const ASKED: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// How this side sends PINGs, and what it expects of its peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heartbeats {
    /// The pause between two PINGs; `None`: this side sends none.
    interval: Option<Duration>,
    /// How long a peer may be silent after a PING.
    timeout: Duration,
    /// What a PING tells the peer: tenths of a second of silence after which it shall give this
    /// side up; zero asks for nothing.
    ttl: u16,
}

impl Heartbeats {
    /// No PINGs.
    #[cfg(any(test, fuzzing))]
    pub(crate) const NONE: Heartbeats = Heartbeats {
        interval: None,
        timeout: Duration::MAX,
        ttl: 0,
    };

    /// What the options ask for. Without a time-out of its own, a peer has one interval to answer, and a
    /// few seconds at least.
    pub(crate) fn new(
        interval: Option<Duration>,
        timeout: Option<Duration>,
        ttl: Option<Duration>,
    ) -> Heartbeats {
        let patience = || interval.map(|interval| interval.max(tuning::HEARTBEAT_PATIENCE));
        let timeout = timeout.or_else(patience).unwrap_or(Duration::MAX);
        // The wire counts tenths of a second in 16 bits.
        let ttl = ttl.unwrap_or_default().as_millis() / 100;
        Heartbeats {
            interval: interval.map(|interval| interval.max(tuning::HEARTBEAT_LEAST)),
            timeout: timeout.max(tuning::HEARTBEAT_LEAST),
            ttl: u16::try_from(ttl).unwrap_or(u16::MAX),
        }
    }

    /// The command that this side sends.
    pub(super) fn ping(&self, context: PingContext) -> Command {
        Command::Ping {
            ttl: self.ttl,
            context,
        }
    }

    pub(super) fn are_on(&self) -> bool {
        self.interval.is_some()
    }
}

/// In which way a peer was silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nothing came after a PING, for as long as this side's time-out.
    NoAnswer,
    /// Nothing came for as long as the peer itself had announced.
    PeerTtl,
}

/// What has become due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// Send a PING.
    pub(super) ping: bool,
    /// Send a PONG that was not asked for.
    pub(super) show: bool,
    pub(super) silent: Option<Silence>,
}

/// The clockwork of one established connection.
///
/// | Field | Set | Cleared |
/// |---|---|---|
/// | `next_ping` | at the start and with each PING, if this side sends any | never |
/// | `pinged`, `answer_at` | with a PING, unless one before it waits for an answer | when the time-out finds one, or none |
/// | `ttl_watch` | by a PING with a time to live that ends before the one watched | when it is due and the peer was silent |
/// | `show_at` | when the connection is not read any more | when it is due and the connection is read |
/// | `read`, `read_since` | when the connection is not read any more, and read again | by a PING |
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// Since when the connection is read, unless it is not; and how long it was read before that. Both
    /// without a PING of the peer's.
    read_since: Instant,
    read: Duration,
    /// Passes that heard something; wraps.
    heard: u32,
    next_ping: Option<Instant>,
    /// The oldest PING of ours that nothing was heard after: when, and `heard` then.
    pinged: Option<(Instant, u32)>,
    /// When to look whether it was answered.
    answer_at: Option<Instant>,
    /// The peer asked to be given up when it is silent for so long.
    ttl: Option<Duration>,
    ttl_watch: Option<TtlWatch>,
    /// When the peer's last PING was read, and the shortest pause before one.
    last_ping: Option<Instant>,
    interval: Option<Duration>,
    /// When to show the peer that this side lives.
    show_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct TtlWatch {
    since: Instant,
    heard: u32,
    at: Instant,
}

impl Heartbeat {
    pub(super) fn new(now: Instant, beats: &Heartbeats) -> Heartbeat {
        Heartbeat {
            read_since: now,
            read: Duration::ZERO,
            heard: 0,
            next_ping: beats.interval.and_then(|after| now.checked_add(after)),
            pinged: None,
            answer_at: None,
            ttl: None,
            ttl_watch: None,
            last_ping: None,
            interval: None,
            show_at: None,
        }
    }

    /// Something came: whatever it is, the peer lives.
    #[inline]
    pub(super) fn hear(&mut self) {
        self.heard = self.heard.wrapping_add(1);
    }

    /// Whether the peer sends PINGs, and so goes on sending whatever this side does.
    pub(super) fn is_pinged(&self) -> bool {
        self.last_ping.is_some()
    }

    /// The next time at which [`handle_timeout`](Self::handle_timeout) may find something.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let ttl_at = self.ttl_watch.map(|watch| watch.at);
        let times = [self.next_ping, self.answer_at, ttl_at, self.show_at];
        times.into_iter().flatten().min()
    }

    /// Says what is due. `unread`: the peer may have said something that was not read, so that its
    /// silence means nothing. `paused`: the connection is not read now, nor the peer's PINGs.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        beats: &Heartbeats,
        unread: bool,
        paused: bool,
    ) -> Due {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let mut due = Due::default();
        if is_due(self.answer_at) && self.has_no_answer(now, beats.timeout, unread) {
            due.silent = Some(Silence::NoAnswer);
        }
        if is_due(self.ttl_watch.map(|watch| watch.at)) && self.is_past_ttl(now, unread) {
            due.silent = Some(Silence::PeerTtl);
        }
        if is_due(self.next_ping) {
            due.ping = true;
            self.ping(now, beats);
        }
        if is_due(self.show_at) {
            due.show = true;
            self.show_at = paused.then(|| self.next_show(now));
            self.read_since = now;
        }
        due
    }

    /// A PING goes out.
    fn ping(&mut self, now: Instant, beats: &Heartbeats) {
        self.next_ping = beats.interval.and_then(|after| now.checked_add(after));
        let heard = self.heard;
        if self.pinged.is_none_or(|(_, then)| then != heard) {
            self.pinged = Some((now, heard));
        }
        if self.answer_at.is_none() {
            // A time-out beyond all times is none.
            self.answer_at = now.checked_add(beats.timeout);
        }
    }

    /// It is time to look for an answer: whether the peer is taken for dead.
    fn has_no_answer(&mut self, now: Instant, timeout: Duration, unread: bool) -> bool {
        self.answer_at = None;
        let Some((asked, heard)) = self.pinged else {
            return false;
        };
        if heard != self.heard {
            self.pinged = None;
            return false;
        }
        let asked = if unread { now } else { asked };
        self.pinged = Some((asked, heard));
        let at = asked.checked_add(timeout);
        self.answer_at = at.filter(|at| *at > now);
        at.is_some_and(|at| at <= now)
    }

    /// The peer sent a PING, which names a time in tenths of a second; zero asks for nothing.
    pub(super) fn pinged_by_peer(&mut self, now: Instant, ttl: u16) {
        (self.read, self.read_since) = (Duration::ZERO, now);
        if let Some(last) = self.last_ping.replace(now) {
            let pause = now.saturating_duration_since(last);
            // Those that were held up arrive together.
            if pause >= ASKED.0 {
                self.interval = Some(self.interval.map_or(pause, |known| known.min(pause)));
            }
        }
        self.ttl = (ttl > 0).then(|| Duration::from_millis(u64::from(ttl) * 100));
        let Some(at) = self.ttl.and_then(|ttl| now.checked_add(ttl)) else {
            return;
        };
        if self.ttl_watch.is_none_or(|watch| at < watch.at) {
            self.ttl_watch = Some(TtlWatch {
                since: now,
                heard: self.heard,
                at,
            });
        }
    }

    /// The time that the peer announced is over: whether the peer was silent for as long.
    fn is_past_ttl(&mut self, now: Instant, unread: bool) -> bool {
        let (Some(watch), Some(ttl)) = (self.ttl_watch.take(), self.ttl) else {
            return false;
        };
        let silent = watch.heard == self.heard && !unread;
        // The time may have changed since it was noted.
        let since = if silent { watch.since } else { now };
        let Some(at) = since.checked_add(ttl) else {
            return false;
        };
        if silent && at <= now {
            return true;
        }
        self.ttl_watch = Some(TtlWatch {
            since,
            heard: self.heard,
            at,
        });
        false
    }

    /// The connection is not read now, nor the peer's PINGs with it: from now on the peer is shown
    /// that this side lives.
    pub(super) fn pause(&mut self, now: impl FnOnce() -> Instant) {
        if self.show_at.is_none() {
            let now = now();
            // What waits unread may be PINGs: only time in which they would have been seen counts.
            self.read += now.saturating_duration_since(self.read_since);
            self.show_at = Some(self.next_show(now));
        }
    }

    fn next_show(&self, now: Instant) -> Instant {
        let third = |time: Duration| (time / 3).clamp(ASKED.0, ASKED.1);
        let unasked = match self.last_ping {
            Some(_) => (self.read / 4).clamp(ASKED_ONCE, ASKED.1),
            None => (self.read / 4).clamp(UNASKED.0, UNASKED.1),
        };
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

    /// A PING every 60 ms, and 100 ms to answer.
    fn beats() -> Heartbeats {
        Heartbeats::new(Some(ms(60)), Some(ms(100)), None)
    }

    /// Lets the clockwork run to `until`, and gives the first silence it finds, with its time.
    fn run(peer: &mut Heartbeat, beats: &Heartbeats, until: Instant) -> Option<(Instant, Silence)> {
        while let Some(at) = peer.poll_timeout().filter(|at| *at <= until) {
            if let Some(silence) = peer.handle_timeout(at, beats, false, false).silent {
                return Some((at, silence));
            }
        }
        None
    }

    #[test]
    fn options_are_bounded_by_what_the_wire_and_a_poll_can_count() {
        let least = Heartbeats::new(Some(Duration::ZERO), Some(Duration::ZERO), Some(ms(99)));
        assert_eq!(least.interval, Some(tuning::HEARTBEAT_LEAST));
        assert_eq!(least.timeout, tuning::HEARTBEAT_LEAST);
        assert_eq!(least.ttl, 0);
        let most = Heartbeats::new(Some(ms(20)), None, Some(Duration::MAX));
        assert_eq!((most.timeout, most.ttl), (ms(3000), u16::MAX));
        let slow = Heartbeats::new(Some(ms(20_000)), None, None);
        assert_eq!((slow.timeout, slow.ttl), (ms(20_000), 0));
    }

    #[test]
    fn a_peer_is_silent_when_nothing_follows_a_ping_for_the_whole_timeout() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &beats());
        let found = run(&mut peer, &beats(), start + ms(10_000));
        // Although more PINGs went out meanwhile.
        assert_eq!(found, Some((start + ms(160), Silence::NoAnswer)));
        // It is not found again and again.
        assert!(peer.poll_timeout().is_none_or(|at| at > start + ms(160)));
    }

    #[test]
    fn the_timeout_counts_from_the_first_ping_that_nothing_followed() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &beats());
        assert_eq!(run(&mut peer, &beats(), start + ms(60)), None);
        peer.hear();
        // PINGs at 120, 180 and 240; the first look is at 160.
        let found = run(&mut peer, &beats(), start + ms(10_000));
        assert_eq!(found, Some((start + ms(220), Silence::NoAnswer)));
    }

    #[test]
    fn a_peer_that_is_heard_in_every_timeout_is_kept() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &beats());
        for n in 0..1000 {
            assert_eq!(run(&mut peer, &beats(), start + ms(90 * n)), None, "{n}");
            peer.hear();
        }
    }

    #[test]
    fn a_side_that_has_not_read_calls_no_peer_silent() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &beats());
        peer.pinged_by_peer(start, 1);
        for n in 1..100 {
            let now = start + ms(n * 100);
            let due = peer.handle_timeout(now, &beats(), true, false);
            assert_eq!(due.silent, None, "{n}");
        }
        let found = run(&mut peer, &beats(), start + ms(20_000));
        assert!(
            found.is_some_and(|(at, _)| at >= start + ms(10_000)),
            "{found:?}"
        );
    }

    #[test]
    fn the_time_to_live_of_the_earliest_ping_is_watched_first() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &Heartbeats::NONE);
        for n in 0..1000 {
            peer.pinged_by_peer(start, if n % 2 == 0 { 65_535 } else { 0 });
        }
        assert_eq!(peer.poll_timeout(), Some(start + ms(6_553_500)));
        peer.pinged_by_peer(start, 2);
        assert_eq!(peer.poll_timeout(), Some(start + ms(200)));
        let found = run(&mut peer, &Heartbeats::NONE, start + ms(10_000));
        assert_eq!(found, Some((start + ms(200), Silence::PeerTtl)));
    }

    #[test]
    fn a_time_to_live_that_grew_counts_in_full() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &Heartbeats::NONE);
        peer.pinged_by_peer(start, 1);
        peer.pinged_by_peer(start, 5);
        assert_eq!(peer.poll_timeout(), Some(start + ms(100)));
        let found = run(&mut peer, &Heartbeats::NONE, start + ms(10_000));
        assert_eq!(found, Some((start + ms(500), Silence::PeerTtl)));
    }

    /// When a side that stops reading at `at`, and does not begin again, shows itself until `until`.
    fn shows(peer: &mut Heartbeat, at: Instant, until: Instant) -> Vec<Instant> {
        peer.pause(|| at);
        peer.pause(|| panic!("the clock is read once a pause"));
        let mut shown = Vec::new();
        while let Some(next) = peer.poll_timeout().filter(|next| *next <= until) {
            assert!(
                peer.handle_timeout(next, &Heartbeats::NONE, true, true)
                    .show
            );
            shown.push(next);
        }
        shown
    }

    #[test]
    fn a_paused_side_shows_itself_three_times_in_the_peers_interval() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &Heartbeats::NONE);
        for n in 0..5 {
            peer.pinged_by_peer(start + ms(300 * n), 0);
            // Held up behind the last one: says nothing.
            peer.pinged_by_peer(start + ms(300 * n + 1), 0);
        }
        let shown = shows(&mut peer, start + ms(2000), start + ms(3000));
        assert!((9..=11).contains(&shown.len()), "{shown:?}");
    }

    #[test]
    fn a_side_that_reads_again_shows_itself_once_more_and_then_never() {
        let start = Instant::now();
        let mut peer = Heartbeat::new(start, &Heartbeats::NONE);
        peer.pause(|| start);
        let at = peer.poll_timeout().unwrap();
        assert!(
            peer.handle_timeout(at, &Heartbeats::NONE, false, false)
                .show
        );
        assert_eq!(peer.poll_timeout(), None);
    }

    #[test]
    fn time_in_which_no_ping_could_be_read_does_not_make_the_peer_patient() {
        let start = Instant::now();
        let mut busy = Heartbeat::new(start, &Heartbeats::NONE);
        let (mut now, end) = (start + ms(300), start + ms(30_000));
        while now < end {
            let shown = shows(&mut busy, now, now + ms(5000));
            let late = shown.windows(2).find(|pair| pair[1] - pair[0] > ms(150));
            assert_eq!(late, None);
            // It is read for a moment, in which there is one message more and no PING.
            now = shown[shown.len() - 1] + ms(150);
            assert!(
                busy.handle_timeout(now, &Heartbeats::NONE, false, false)
                    .show
            );
        }
    }

    #[test]
    fn a_connection_that_was_read_for_long_without_a_ping_has_a_patient_peer() {
        let start = Instant::now();
        let mut quiet = Heartbeat::new(start, &Heartbeats::NONE);
        let now = start + Duration::from_secs(3600);
        let shown = shows(&mut quiet, now, now + ms(60_000));
        assert_eq!(shown.len(), 12);
    }

    #[test]
    fn times_beyond_all_times_are_none() {
        let start = Instant::now();
        let never = Heartbeats::new(Some(ms(50)), Some(Duration::MAX), None);
        let mut peer = Heartbeat::new(start, &never);
        assert_eq!(run(&mut peer, &never, start + ms(1000)), None);
        let no_ping = Heartbeats::new(Some(Duration::MAX), None, None);
        assert_eq!(Heartbeat::new(start, &no_ping).poll_timeout(), None);
    }
}
