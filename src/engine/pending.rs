//! The accepted connections that are in their handshake, and which of them goes when there are too many.
//!
//! An honest handshake may take a while, and an attacker can open connections faster than any
//! number of places is worth. So no caller is sent away as long as all places turn over: when they are
//! taken, callers wait. Only a connection that has held its place for [`PATIENCE`] gives it to the
//! next one.
//!
//! Once as many were sent away for their age as there are places, this is a flood: the kernel's
//! queue is full of the same callers, so that it drops the first packet of an honest one, which tries
//! again only after seconds. From then on, until none was crowded out for [`FLOOD_OVER`],
//! every caller is accepted and judged at once:
//!
//! - An address that has half of the places (IPv6: a /64 network, which is what one customer gets)
//!   gets no more: its newcomers compete with its own. So a flood from one address leaves the
//!   others half of the places.
//! - The place of a newcomer is taken from a connection that has said nothing for
//!   [`SILENT_PATIENCE`], or else has not finished after [`SLOW_PATIENCE`]. So every handshake that
//!   is quicker than that and has a place keeps it.
//! - A newcomer that has said something already, as ZeroMQ peers do with their first packet, may
//!   also take the place of a silent one.
//! - Otherwise the newcomer is the one to go. It is told at once and can try again, and its chance
//!   is the share of places that come free meanwhile: with 1024 places, 20,000 callers a second
//!   from its own address and nothing said at first, about one in three.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::reactor::timers::deadline;
use crate::reactor::ConnectionId;

/// How long a handshake may hold a place that another caller waits for: several round trips over the
/// worst of links, with a lost packet or two.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// In a flood, how long a connection may say nothing: what a good handshake takes between two
/// continents.
const SILENT_PATIENCE: Duration = Duration::from_millis(150);

/// In a flood, how long a handshake that has begun may take.
const SLOW_PATIENCE: Duration = Duration::from_millis(300);

/// How long no caller must have been crowded out before a flood is over: longer than a caller whose first
/// packets were dropped waits before it sends the next one.
const FLOOD_OVER: Duration = Duration::from_secs(10);

/// In a flood, how many of the oldest connections are looked at to find one that is to go. Bounds
/// what a newcomer costs.
const LOOKED_AT: usize = 64;

/// Where a connection comes from, as far as an attacker that opens many cannot choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    V4(Ipv4Addr),
    Net64([u16; 4]),
    /// A Unix-domain peer.
    Local,
}

impl Source {
    fn of(address: Option<IpAddr>) -> Source {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Source::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Source::Net64([a, b, c, d])
            }
            None => Source::Local,
        }
    }
}

/// An accepted connection that is, or was, in its handshake.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: ConnectionId,
    since: Instant,
    source: Source,
}

impl Entry {
    fn is_older_than(&self, age: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= age
    }
}

/// The accepted connections whose handshake did not end at once.
///
/// | Field | What holds |
/// |---|---|
/// | `members` | at most `most`, but in a flood while newcomers of other sources have less than their share |
/// | `order` | every member once, by its `since`; at most twice as many entries as members, and [`LOOKED_AT`] |
/// | `by_source` | how many of `members` are of each source; none at zero |
/// | `flood` | set when `outstayed` reaches `most`; cleared with it when none was crowded out for [`FLOOD_OVER`] |
#[derive(Debug)]
pub(super) struct Pending {
    most: usize,
    /// Those that are in their handshake, by link: the connection's generation, and where it is from.
    members: HashMap<usize, (u32, Source)>,
    /// The same, oldest first, and some that are not in it any more.
    order: VecDeque<Entry>,
    by_source: HashMap<Source, usize>,
    /// How many were sent away for their age, each within [`FLOOD_OVER`] of the one before.
    outstayed: usize,
    /// When the last one was sent away, for its age or in a flood.
    last_crowded: Option<Instant>,
    /// Every caller is accepted, and judged at once.
    flood: bool,
}

impl Pending {
    pub(super) fn new(most: usize) -> Pending {
        Pending {
            most: unless_zero(most),
            members: HashMap::new(),
            order: VecDeque::new(),
            by_source: HashMap::new(),
            outstayed: 0,
            last_crowded: None,
            flood: false,
        }
    }

    /// As many places as this from now on; zero means that there is no end of them.
    pub(super) fn set_most(&mut self, most: usize) {
        self.most = unless_zero(most);
    }

    /// Whether all places are taken, and callers wait for one.
    pub(super) fn is_full(&self) -> bool {
        self.members.len() >= self.most && !self.flood
    }

    /// Ends a flood that is over.
    fn calm_down(&mut self, now: Instant) {
        let quiet = self
            .last_crowded
            .is_none_or(|last| now.saturating_duration_since(last) >= FLOOD_OVER);
        if quiet {
            self.outstayed = 0;
            self.flood = false;
        }
    }

    /// Whether one more caller may be accepted. If not: when the oldest gives its place.
    pub(super) fn ask(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        self.calm_down(now);
        if !self.is_full() {
            return Ok(());
        }
        match self.oldest() {
            Some(oldest) if !oldest.is_older_than(PATIENCE, now) => {
                Err(deadline(oldest.since, PATIENCE))
            }
            // It goes when a caller has come: see `make_room`.
            _ => Ok(()),
        }
    }

    /// A caller was accepted: a handshake that has outstayed goes for it, if all places are taken. A
    /// listener that asks does not know yet whether a caller waits, so that asking alone must send none away.
    pub(super) fn make_room(&mut self, now: Instant) -> Option<ConnectionId> {
        if !self.is_full() {
            return None;
        }
        let oldest = self.oldest()?;
        if !oldest.is_older_than(PATIENCE, now) {
            return None;
        }
        self.outstayed += 1;
        self.flood = self.outstayed >= self.most;
        self.last_crowded = Some(now);
        self.leave(oldest.id);
        Some(oldest.id)
    }

    /// A connection that was accepted has not finished its handshake at once. `said`: what it has
    /// said so far is something; `silent` tells of others whether they have said nothing. Gives the
    /// one that is to go, which may be the new one.
    pub(super) fn enter(
        &mut self,
        id: ConnectionId,
        address: Option<IpAddr>,
        now: Instant,
        said: bool,
        silent: impl Fn(ConnectionId) -> bool,
    ) -> Option<ConnectionId> {
        let entry = Entry {
            id,
            since: now,
            source: Source::of(address),
        };
        // What is not in its handshake any more is mostly what was oldest.
        let _ = self.oldest();
        let victim = self.crowded_out_by(&entry, said, silent);
        if victim.is_some() {
            self.last_crowded = Some(now);
        }
        if victim == Some(id) {
            return victim;
        }
        if let Some(victim) = victim {
            self.leave(victim);
        }
        self.members.insert(id.link, (id.generation, entry.source));
        *self.by_source.entry(entry.source).or_default() += 1;
        if self.order.len() > 2 * self.members.len() + LOOKED_AT {
            let members = &self.members;
            self.order.retain(|entry| is_member(members, entry.id));
        }
        self.order.push_back(entry);
        victim
    }

    /// In a flood: which connection goes for a newcomer; it may be that itself.
    fn crowded_out_by(
        &self,
        newcomer: &Entry,
        said: bool,
        silent: impl Fn(ConnectionId) -> bool,
    ) -> Option<ConnectionId> {
        if !self.flood {
            return None;
        }
        let share = (self.most / 2).max(1);
        let taken = |source| self.by_source.get(source).copied().unwrap_or(0);
        let over_share = taken(&newcomer.source) >= share;
        if !over_share && self.members.len() < self.most {
            return None;
        }
        let now = newcomer.since;
        let mut slow = None;
        let mut quiet = None;
        let mut greedy = None;
        let living = self
            .order
            .iter()
            .filter(|entry| is_member(&self.members, entry.id));
        for entry in living.take(LOOKED_AT) {
            if over_share && entry.source != newcomer.source {
                continue;
            }
            if silent(entry.id) {
                if entry.is_older_than(SILENT_PATIENCE, now) {
                    return Some(entry.id);
                }
                quiet = quiet.or(Some(entry.id));
            } else if entry.is_older_than(SLOW_PATIENCE, now) {
                slow = slow.or(Some(entry.id));
            }
            if !over_share && taken(&entry.source) > share {
                greedy = greedy.or(Some(entry.id));
            }
        }
        let quiet = quiet.filter(|_| said);
        slow.or(quiet).or(greedy).or(Some(newcomer.id))
    }

    /// A connection is not in its handshake any more, if it was.
    pub(super) fn leave(&mut self, id: ConnectionId) {
        let Slot::Occupied(member) = self.members.entry(id.link) else {
            return;
        };
        if member.get().0 != id.generation {
            return;
        }
        let (_, source) = member.remove();
        if let Slot::Occupied(mut count) = self.by_source.entry(source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Since when the oldest has been in its handshake.
    pub(super) fn oldest_since(&mut self) -> Option<Instant> {
        self.oldest().map(|entry| entry.since)
    }

    /// Takes out the oldest, if its handshake has taken this long.
    pub(super) fn overdue(&mut self, timeout: Duration, now: Instant) -> Option<ConnectionId> {
        let oldest = self.oldest()?;
        if !oldest.is_older_than(timeout, now) {
            return None;
        }
        self.leave(oldest.id);
        Some(oldest.id)
    }

    fn oldest(&mut self) -> Option<Entry> {
        while let Some(entry) = self.order.front() {
            if is_member(&self.members, entry.id) {
                return Some(*entry);
            }
            self.order.pop_front();
        }
        None
    }
}

fn is_member(members: &HashMap<usize, (u32, Source)>, id: ConnectionId) -> bool {
    members
        .get(&id.link)
        .is_some_and(|(generation, _)| *generation == id.generation)
}

/// Settings of zero mean that there is no bound.
pub(super) fn unless_zero(most: usize) -> usize {
    if most == 0 {
        usize::MAX
    } else {
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    const B: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));

    fn id(n: usize) -> ConnectionId {
        ConnectionId {
            link: n,
            generation: n as u32,
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A crowd that says nothing.
    struct Crowd {
        pending: Pending,
        now: Instant,
        next: usize,
    }

    impl Crowd {
        fn new(most: usize) -> Crowd {
            Crowd {
                pending: Pending::new(most),
                now: Instant::now(),
                next: 0,
            }
        }

        /// One more calls from `address`. Gives its place unless it was sent away, or had to wait.
        fn call(&mut self, address: Option<IpAddr>, said: bool) -> Option<ConnectionId> {
            if self.pending.ask(self.now).is_err() {
                return None;
            }
            self.pending.make_room(self.now);
            self.next += 1;
            let new = id(self.next);
            let gone = self
                .pending
                .enter(new, address, self.now, said, |id| id.link % 1000 != 0);
            (gone != Some(new)).then_some(new)
        }

        fn is_in(&self, id: ConnectionId) -> bool {
            is_member(&self.pending.members, id)
        }

        /// All places are held by some that outstay, until it counts as a flood.
        fn flood(&mut self) {
            while !self.pending.flood {
                while self.call(A, false).is_some() {}
                self.now += PATIENCE;
            }
        }
    }

    #[test]
    fn callers_wait_while_all_places_are_taken_by_handshakes_that_are_not_old() {
        let mut crowd = Crowd::new(4);
        let first: Vec<_> = (0..4).map(|_| crowd.call(A, false).unwrap()).collect();
        let since = crowd.now;
        crowd.now += ms(300);
        assert_eq!(crowd.pending.ask(crowd.now), Err(Some(since + PATIENCE)));
        assert!(first.iter().all(|id| crowd.is_in(*id)));
        // One has finished: there is room for one.
        crowd.pending.leave(first[2]);
        assert!(crowd.call(A, false).is_some());
        assert_eq!(crowd.call(A, false), None);
    }

    #[test]
    fn a_handshake_that_is_old_gives_its_place_to_who_waits_the_oldest_first() {
        let mut crowd = Crowd::new(2);
        let first = crowd.call(A, false).unwrap();
        crowd.now += ms(1500);
        let second = crowd.call(A, false).unwrap();
        crowd.now += ms(500);
        // Whether a caller waits is not known when the listener asks.
        assert_eq!(crowd.pending.ask(crowd.now), Ok(()));
        assert!(crowd.is_in(first));
        assert_eq!(crowd.pending.make_room(crowd.now), Some(first));
        assert!(crowd.is_in(second));
    }

    #[test]
    fn a_flood_from_one_address_leaves_the_others_half_of_the_places() {
        let mut crowd = Crowd::new(16);
        crowd.flood();
        let mut others = Vec::new();
        for n in 0..1000 {
            crowd.now += Duration::from_micros(50);
            crowd.call(A, n % 2 == 0);
            if n % 130 == 0 {
                others.push(crowd.call(B, false).expect("the others have places"));
            }
        }
        assert_eq!(others.len(), 8);
        assert!(others.iter().all(|id| crowd.is_in(*id)));
    }

    #[test]
    fn who_is_let_in_during_a_flood_from_its_own_address_has_its_time() {
        let mut crowd = Crowd::new(1024);
        crowd.flood();
        let (mut tries, mut through) = (0, 0);
        // Twenty thousand callers a second, and among them one that tries again after 100 ms.
        for _ in 0..30 {
            tries += 1;
            let good = crowd.call(A, false);
            for _ in 0..2000 {
                crowd.now += Duration::from_micros(50);
                crowd.call(A, false);
            }
            if let Some(good) = good {
                assert!(crowd.is_in(good), "100 ms were not granted");
                crowd.pending.leave(good);
                through += 1;
            }
        }
        assert!(through > 0, "none of {tries} got in");
        // One that says its part with its first packet gets in at once.
        let prompt = crowd.call(A, true).unwrap();
        assert!(crowd.is_in(prompt));
    }

    #[test]
    fn a_flood_is_over_when_none_was_crowded_out_for_a_while() {
        let mut crowd = Crowd::new(4);
        crowd.flood();
        // Places that come free for a moment are no sign of it.
        let all: Vec<_> = crowd.pending.order.iter().map(|entry| entry.id).collect();
        all.into_iter().for_each(|id| crowd.pending.leave(id));
        assert!(crowd.pending.by_source.is_empty());
        assert!(crowd.call(A, false).is_some());
        assert!(crowd.pending.flood);
        crowd.now += FLOOD_OVER;
        while crowd.call(A, false).is_some() {}
        assert!(!crowd.pending.flood);
        assert_eq!(crowd.pending.members.len(), 4);
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let of = |text: &str| Source::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[test]
    fn stale_entries_do_not_pile_up() {
        let mut crowd = Crowd::new(8);
        for _ in 0..10_000 {
            let id = crowd.call(A, false).unwrap();
            crowd.pending.leave(id);
        }
        assert!(crowd.pending.order.len() <= 2 * LOOKED_AT);
    }
}
