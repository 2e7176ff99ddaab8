//! A publisher's subscriptions: which peers have which topics.

use super::blocks::grow;
use super::radix::{NodeId, Radix};
use crate::pattern::types::{Excess, LinkId, MAX_TOPIC};

/// What one link's subscriptions may take, by the estimate of [`cost_of`]: some three million topics
/// of 20 bytes, well beyond any subscriber we have heard of, so that a peer which subscribes to
/// noise for ever loses its connection before it has taken the machine's memory.
pub(crate) const MAX_BYTES_PER_LINK: usize = 256 * 1024 * 1024;

/// What a subscription takes beside its topic: a leaf, at worst one more node where it branches
/// off, their entries, and the note in its link's list.
const COST_BESIDE_TOPIC: usize = 64;

/// Stale notes a link's list may hold beside as many as it has live ones.
const SPARE_NOTES: usize = 64;

/// Topic prefixes and the links that want them.
///
/// A link is subscribed to a topic or it is not: it does not count. RFC 29 lets "A" twice need two
/// cancellations, but the most common subscriber sends every subscription and only the last
/// cancellation; counting, we would feed it for ever.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    /// Topics to [`Holder`]s.
    topics: Radix,
    /// The seats of each topic that has several: sorted, and at least two. Free ones are empty.
    groups: Vec<Vec<u32>>,
    free_groups: Vec<u32>,
    /// What the tree calls a subscriber is its index here, its *seat*: a link that goes leaves its
    /// topics behind under the old seat, and a link of the same number that comes before they are
    /// forgotten takes another one. All others have the seat of their own number.
    subscribers: Vec<Subscriber>,
    /// The seat of each link, or `NO_SEAT`.
    seats: Vec<u32>,
    /// Seats that were given back, each once; some may be taken again.
    free_seats: Vec<u32>,
    /// How many links have another seat than that of their own number.
    strays: usize,
    /// Seats that were left and whose topics are still in the tree.
    departed: Vec<u32>,
    /// How many pairs of seat and topic there are.
    live: usize,
    /// How many of them are of departed seats.
    stale: usize,
    /// How many peers there were.
    peers: PeerNumber,
}

const NO_SEAT: u32 = u32::MAX;

/// A subscriber whose link has gone, or a seat that is free.
const GONE: LinkId = LinkId::MAX;

/// What is known of a link.
#[derive(Debug)]
struct Subscriber {
    /// Whose seat this is, or `GONE`.
    link: LinkId,
    /// Whether a link has it, or topics of one that has gone.
    taken: bool,
    /// Whether it is among the free seats.
    listed: bool,
    /// Where its topics are. May name nodes it left since, or one node twice: what walks the
    /// list asks the node. At most `2 * live + SPARE_NOTES` long.
    notes: Vec<NodeId>,
    live: usize,
    /// The sum of `cost_of` its topics.
    cost: usize,
    /// Tells the peer that has the seat from all that had it before.
    peer: PeerNumber,
}

/// Tells one peer from all others that a publisher ever had, also those that had its link before.
pub(crate) type PeerNumber = u64;

/// What a subscription changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// No peer had the topic before.
    First,
    /// Others had it, and this link had not.
    Another,
    /// Nothing: this link had it already.
    Again,
}

/// What the end of a subscription changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// No peer has the topic any more.
    Last,
    /// Others still have it, or peers that are gone and not yet forgotten.
    Others,
}

/// Hears of a topic of a departed peer; see [`Trie::tell_departed`].
type Tell<'a> = &'a mut dyn FnMut(PeerNumber, &[u8], Left);

/// The peers that have a topic, as a value of the tree: 0 is none, a number is a seat and one more, and a
/// number with the top bit is an index into the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    One(u32),
    Group(usize),
}

const GROUP: u32 = 1 << 31;

impl Trie {
    /// Subscribes a link.
    pub(crate) fn subscribe(&mut self, link: LinkId, topic: &[u8]) -> Result<Joined, Excess> {
        if topic.len() > MAX_TOPIC {
            return Err(Excess::TopicTooLong);
        }
        if self.subscribers.len() >= GROUP as usize - 2 || self.groups.len() >= GROUP as usize - 1 {
            return Err(Excess::TooManySubscriptions);
        }
        let seat = self.seat(link);
        if let Some(id) = self.topics.find(topic) {
            if self.holds(id, seat) {
                return Ok(Joined::Again);
            }
        }
        let cost = self.subscribers[seat as usize].cost + cost_of(topic);
        if cost > MAX_BYTES_PER_LINK {
            return Err(Excess::TooManySubscriptions);
        }
        let id = match self.topics.insert(topic) {
            Ok(id) => id,
            Err(_) => return Err(Excess::TooManySubscriptions),
        };
        let first = self.topics.value(id) == 0;
        self.join(id, seat);
        self.live += 1;
        self.note(seat, id, cost);
        Ok(if first {
            Joined::First
        } else {
            Joined::Another
        })
    }

    /// Ends a subscription; `None` when there was none.
    pub(crate) fn unsubscribe(&mut self, link: LinkId, topic: &[u8]) -> Option<Left> {
        let &seat = self.seats.get(link)?;
        let id = self.topics.find(topic)?;
        let left = self.leave(id, seat)?;
        self.live -= 1;
        if let Some(subscriber) = self.subscribers.get_mut(seat as usize) {
            subscriber.live -= 1;
            subscriber.cost -= cost_of(topic);
        }
        Some(left)
    }

    /// The number of the peer that a link has.
    pub(crate) fn peer(&mut self, link: LinkId) -> PeerNumber {
        let seat = self.seat(link);
        self.subscribers[seat as usize].peer
    }

    /// Whether a link still has this peer.
    pub(crate) fn is_peer(&self, link: LinkId, peer: PeerNumber) -> bool {
        let seat = self.seats.get(link).filter(|seat| **seat != NO_SEAT);
        let subscriber = seat.and_then(|seat| self.subscribers.get(*seat as usize));
        subscriber.is_some_and(|subscriber| subscriber.peer == peer)
    }

    /// Ends all of a link's subscriptions, at once and whatever their number: they match nothing from
    /// now on. Their memory is given back by [`forget_departed`](Trie::forget_departed), or now when
    /// no other link has any.
    pub(crate) fn drop_link(&mut self, link: LinkId) {
        self.depart(link);
        if self.stale == self.live {
            *self = Trie {
                peers: self.peers,
                ..Trie::default()
            };
        }
    }

    /// The same, for a caller that wants to hear of each topic from
    /// [`tell_departed`](Trie::tell_departed): none is forgotten before.
    pub(crate) fn depart(&mut self, link: LinkId) {
        let Some(seat) = self.seats.get_mut(link) else {
            return;
        };
        let seat = std::mem::replace(seat, NO_SEAT);
        let Some(subscriber) = self.subscribers.get_mut(seat as usize) else {
            return;
        };
        subscriber.link = GONE;
        self.strays -= usize::from(seat as usize != link);
        self.stale += subscriber.live;
        self.departed.push(seat);
    }

    /// Whether there is something for [`forget_departed`](Trie::forget_departed).
    pub(crate) fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    /// Takes topics of departed links out of the tree, at most `most` of them. True: there are more.
    pub(crate) fn forget_departed(&mut self, most: usize) -> bool {
        self.forget(most, None)
    }

    /// The same, and tells of each topic: which peer had it, and whether any peer still has it.
    pub(crate) fn tell_departed(
        &mut self,
        most: usize,
        mut tell: impl FnMut(PeerNumber, &[u8], Left),
    ) -> bool {
        self.forget(most, Some(&mut tell))
    }

    fn forget(&mut self, most: usize, mut tell: Option<Tell<'_>>) -> bool {
        let mut topic = Vec::new();
        for _ in 0..most {
            let Some(&seat) = self.departed.last() else {
                break;
            };
            let Some(subscriber) = self.subscribers.get_mut(seat as usize) else {
                break;
            };
            if let Some(id) = subscriber.notes.pop() {
                let peer = subscriber.peer;
                if tell.is_some() {
                    self.topics.key(id, &mut topic);
                }
                if let Some(left) = self.leave(id, seat) {
                    self.live -= 1;
                    self.stale -= 1;
                    if let Some(tell) = &mut tell {
                        tell(peer, &topic, left);
                    }
                }
                continue;
            }
            self.departed.pop();
            let listed = subscriber.listed;
            *subscriber = Subscriber {
                listed: true,
                ..Subscriber::default()
            };
            if !listed {
                self.free_seats.push(seat);
            }
        }
        self.has_departed()
    }

    /// The seat of a link; a new one if it has none.
    fn seat(&mut self, link: LinkId) -> u32 {
        if link >= self.seats.len() {
            self.seats.resize(link + 1, NO_SEAT);
        }
        if self.seats[link] == NO_SEAT {
            let own = link as u32;
            if link >= self.subscribers.len() {
                self.subscribers.resize_with(link + 1, Subscriber::default);
            }
            let seat = if self.subscribers[link].taken {
                self.strays += 1;
                self.another_seat()
            } else {
                own
            };
            self.peers += 1;
            let subscriber = &mut self.subscribers[seat as usize];
            (subscriber.link, subscriber.taken) = (link, true);
            subscriber.peer = self.peers;
            self.seats[link] = seat;
        }
        self.seats[link]
    }

    /// A seat that is free.
    fn another_seat(&mut self) -> u32 {
        while let Some(seat) = self.free_seats.pop() {
            let subscriber = &mut self.subscribers[seat as usize];
            subscriber.listed = false;
            if !subscriber.taken {
                return seat;
            }
        }
        self.subscribers.push(Subscriber::default());
        self.subscribers.len() as u32 - 1
    }

    /// Visits the links that want a message whose first frame is `topic`: once for each of their
    /// topics that is a prefix of it. Takes no longer for links or topics that do not match.
    #[inline]
    pub(crate) fn matching(&self, topic: &[u8], mut visit: impl FnMut(LinkId)) {
        if self.strays == 0 && self.departed.is_empty() {
            return self.visit_seats(topic, |seat| visit(seat as LinkId));
        }
        self.visit_seats(topic, |seat| match self.subscribers.get(seat as usize) {
            Some(subscriber) if subscriber.link != GONE => visit(subscriber.link),
            _ => {}
        });
    }

    /// The same for seats, those of departed links included.
    #[inline]
    fn visit_seats(&self, topic: &[u8], mut visit: impl FnMut(u32)) {
        self.topics.prefixes(topic, |value| {
            match Holder::from_value(value) {
                Holder::Nobody => {}
                Holder::One(seat) => visit(seat),
                Holder::Group(group) => self
                    .groups
                    .get(group)
                    .into_iter()
                    .flatten()
                    .for_each(|seat| visit(*seat)),
            }
            true
        });
    }

    /// How many topics there are; those of departed links count until they are forgotten.
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// How many pairs of link and topic there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.live - self.stale
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn heap_bytes(&self) -> usize {
        let groups: usize = self.groups.iter().map(|links| links.capacity() * 4).sum();
        let notes: usize = self
            .subscribers
            .iter()
            .map(|subscriber| subscriber.notes.capacity() * size_of::<NodeId>())
            .sum();
        self.topics.heap_bytes()
            + groups
            + notes
            + self.groups.capacity() * size_of::<Vec<u32>>()
            + self.free_groups.capacity() * 4
            + self.subscribers.capacity() * size_of::<Subscriber>()
            + (self.seats.capacity() + self.free_seats.capacity() + self.departed.capacity()) * 4
    }

    fn holds(&self, id: NodeId, seat: u32) -> bool {
        match Holder::from_value(self.topics.value(id)) {
            Holder::Nobody => false,
            Holder::One(other) => other == seat,
            Holder::Group(group) => self.groups[group].binary_search(&seat).is_ok(),
        }
    }

    /// Adds a seat that is not there yet.
    fn join(&mut self, id: NodeId, seat: u32) {
        let holder = match Holder::from_value(self.topics.value(id)) {
            Holder::Nobody => Holder::One(seat),
            Holder::One(other) => Holder::Group(self.new_group(seat.min(other), seat.max(other))),
            Holder::Group(group) => {
                let seats = &mut self.groups[group];
                if let Err(at) = seats.binary_search(&seat) {
                    seats.insert(at, seat);
                }
                return;
            }
        };
        self.topics.set_value(id, holder.into_value());
    }

    /// Takes a seat off a node; `None` when it is not there.
    fn leave(&mut self, id: NodeId, seat: u32) -> Option<Left> {
        match Holder::from_value(self.topics.value(id)) {
            Holder::One(other) if other == seat => {
                self.topics.set_value(id, 0);
                return Some(Left::Last);
            }
            Holder::Group(group) => {
                let seats = &mut self.groups[group];
                let at = seats.binary_search(&seat).ok()?;
                seats.remove(at);
                if let [last] = seats[..] {
                    *seats = Vec::new();
                    self.free_groups.push(group as u32);
                    self.topics.set_value(id, Holder::One(last).into_value());
                }
            }
            _ => return None,
        }
        Some(Left::Others)
    }

    fn new_group(&mut self, low: u32, high: u32) -> usize {
        let seats = vec![low, high];
        if let Some(group) = self.free_groups.pop() {
            self.groups[group as usize] = seats;
            return group as usize;
        }
        self.groups.push(seats);
        self.groups.len() - 1
    }

    /// Notes where a subscriber's new topic is.
    fn note(&mut self, seat: u32, id: NodeId, cost: usize) {
        let subscriber = &mut self.subscribers[seat as usize];
        subscriber.cost = cost;
        subscriber.live += 1;
        grow(&mut subscriber.notes, 1);
        subscriber.notes.push(id);
        if subscriber.notes.len() > 2 * subscriber.live + SPARE_NOTES {
            let mut notes = std::mem::take(&mut subscriber.notes);
            notes.retain(|id| self.holds(*id, seat));
            notes.sort_unstable();
            notes.dedup();
            self.subscribers[seat as usize].notes = notes;
        }
    }
}

impl Default for Subscriber {
    fn default() -> Subscriber {
        Subscriber {
            link: GONE,
            taken: false,
            listed: false,
            notes: Vec::new(),
            live: 0,
            cost: 0,
            peer: 0,
        }
    }
}

impl Holder {
    #[inline]
    fn from_value(value: u32) -> Holder {
        if value & GROUP != 0 {
            Holder::Group((value & !GROUP) as usize)
        } else {
            value.checked_sub(1).map_or(Holder::Nobody, Holder::One)
        }
    }

    fn into_value(self) -> u32 {
        match self {
            Holder::Nobody => 0,
            Holder::One(seat) => seat + 1,
            Holder::Group(group) => group as u32 | GROUP,
        }
    }
}

/// An estimate of the memory a subscription takes.
fn cost_of(topic: &[u8]) -> usize {
    topic.len() + COST_BESIDE_TOPIC
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn matching(trie: &Trie, topic: &[u8]) -> Vec<LinkId> {
        let mut links = Vec::new();
        trie.matching(topic, |link| links.push(link));
        links.sort_unstable();
        links.dedup();
        links
    }

    #[test]
    fn two_subscriptions_end_with_one_cancellation() {
        let mut trie = Trie::default();
        assert_eq!(trie.subscribe(3, b"A"), Ok(Joined::First));
        assert_eq!(trie.subscribe(3, b"A"), Ok(Joined::Again));
        assert_eq!(trie.subscribe(4, b"A"), Ok(Joined::Another));
        assert_eq!(trie.unsubscribe(4, b"A"), Some(Left::Others));
        assert_eq!(trie.unsubscribe(3, b"A"), Some(Left::Last));
        assert_eq!(trie.unsubscribe(3, b"A"), None);
        assert!(matching(&trie, b"A").is_empty());
    }

    #[test]
    fn the_empty_topic_matches_everything() {
        let mut trie = Trie::default();
        trie.subscribe(1, b"").unwrap();
        assert_eq!(matching(&trie, b""), [1]);
        assert_eq!(matching(&trie, b"anything"), [1]);
    }

    #[test]
    fn a_link_that_goes_leaves_the_others_alone() {
        let mut trie = Trie::default();
        for link in 0..5 {
            trie.subscribe(link, b"all").unwrap();
            trie.subscribe(link, format!("own {link}").as_bytes())
                .unwrap();
        }
        trie.drop_link(2);
        assert_eq!(matching(&trie, b"all"), [0, 1, 3, 4]);
        assert!(matching(&trie, b"own 2").is_empty());
        assert_eq!(matching(&trie, b"own 3"), [3]);
        assert_eq!(trie.len(), 8);
    }

    #[test]
    fn a_link_that_goes_is_forgotten_in_slices() {
        let mut trie = Trie::default();
        trie.subscribe(1, b"other").unwrap();
        for n in 0..1000u32 {
            trie.subscribe(0, &n.to_be_bytes()).unwrap();
        }
        trie.drop_link(0);
        assert_eq!(trie.len(), 1);
        assert_eq!(trie.live, 1001);
        // The next link under its number has nothing of it.
        trie.subscribe(0, &7u32.to_be_bytes()).unwrap();
        assert_eq!(matching(&trie, &7u32.to_be_bytes()), [0]);
        assert!(matching(&trie, &8u32.to_be_bytes()).is_empty());
        for left in (0..10).rev() {
            assert!(trie.forget_departed(100));
            assert_eq!(trie.live, 2 + left * 100);
        }
        assert!(!trie.forget_departed(1));
        assert_eq!(matching(&trie, &7u32.to_be_bytes()), [0]);
        assert_eq!(matching(&trie, b"other"), [1]);
    }

    #[test]
    fn the_topics_of_a_link_that_goes_are_told_with_its_peer() {
        let mut trie = Trie::default();
        trie.subscribe(0, b"shared").unwrap();
        trie.subscribe(1, b"shared").unwrap();
        trie.subscribe(0, b"own").unwrap();
        let (gone, stays) = (trie.peer(0), trie.peer(1));
        trie.depart(0);
        assert!(!trie.is_peer(0, gone) && trie.is_peer(1, stays));
        assert_ne!(trie.peer(0), gone, "another one under the same number");
        let mut told = Vec::new();
        let tell = |peer, topic: &[u8], left| told.push((peer, topic.to_vec(), left));
        assert!(!trie.tell_departed(10, tell));
        let expected = [(&b"own"[..], Left::Last), (b"shared", Left::Others)];
        assert_eq!(
            told,
            expected.map(|(topic, left)| (gone, topic.to_vec(), left))
        );
        assert_eq!(trie.topics(), 1);
    }

    #[test]
    fn a_topic_beyond_the_bound_is_an_excess() {
        let mut trie = Trie::default();
        assert_eq!(trie.subscribe(0, &vec![0; MAX_TOPIC]), Ok(Joined::First));
        assert_eq!(
            trie.subscribe(0, &vec![0; MAX_TOPIC + 1]),
            Err(Excess::TopicTooLong)
        );
        assert_eq!(trie.len(), 1);
    }

    #[test]
    fn a_link_that_never_stops_subscribing_is_stopped() {
        let mut trie = Trie::default();
        trie.subscribe(1, b"a neighbour").unwrap();
        let mut topic = vec![0; MAX_TOPIC];
        let refused = (0..u32::MAX).find(|n| {
            topic[..4].copy_from_slice(&n.to_be_bytes());
            trie.subscribe(0, &topic).is_err()
        });
        assert_eq!(refused, Some((MAX_BYTES_PER_LINK / cost_of(&topic)) as u32));
        assert_eq!(trie.subscribe(1, b"more"), Ok(Joined::First));
        trie.drop_link(0);
        assert_eq!(matching(&trie, b"a neighbour"), [1]);
    }

    #[test]
    fn coming_and_going_does_not_grow() {
        let mut trie = Trie::default();
        trie.subscribe(1, b"stays").unwrap();
        for n in 0..20_000u32 {
            let topic = (n % 7).to_be_bytes();
            trie.subscribe(0, &topic).unwrap();
            trie.unsubscribe(0, &topic);
        }
        assert!(trie.heap_bytes() < 4096, "{}", trie.heap_bytes());
        trie.drop_link(0);
        assert_eq!(trie.len(), 1);
    }

    /// A spread of numbers, so that topics share no long prefixes.
    fn scrambled(n: u64) -> u64 {
        (n + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
            .wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn a_subscription_takes_few_bytes_beside_its_topic() {
        const COUNT: u64 = 100_000;
        let random = |n: u64| {
            let mut topic = scrambled(n).to_be_bytes().to_vec();
            topic.extend(scrambled(n ^ COUNT).to_be_bytes());
            topic.extend(b"tail");
            topic
        };
        type Shape = (&'static str, fn(u64) -> Vec<u8>);
        let shapes: [Shape; 3] = [
            ("numbered", |n| format!("sensor/{n:08}/temp").into_bytes()),
            ("hexadecimal", |n| {
                format!("{:020x}", u128::from(scrambled(n)) * 7919).into_bytes()
            }),
            ("random", random),
        ];
        for (name, shape) in shapes {
            let mut trie = Trie::default();
            for n in 0..COUNT {
                trie.subscribe(0, &shape(n)).unwrap();
            }
            assert_eq!(trie.len(), COUNT as usize);
            let each = trie.heap_bytes() as f64 / COUNT as f64;
            println!("{name}: {each:.1} bytes a subscription");
            // A million fill the nodes better than these, and take less each.
            assert!(each <= 68.0, "{name}: {each}");
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_list_of_subscriptions(
            steps in prop::collection::vec(
                (0..10u8, 0..5usize, prop::collection::vec(0..3u8, 0..5)), 0..300)
        ) {
            let mut trie = Trie::default();
            let mut naive: BTreeSet<(usize, Vec<u8>)> = BTreeSet::new();
            for (step, link, topic) in steps {
                match step {
                    // One that goes leaves its key to the next, and its topics to be forgotten by and by.
                    8 | 9 => { trie.forget_departed(link); }
                    0 => { trie.drop_link(link); naive.retain(|(other, _)| *other != link); }
                    1 | 2 => {
                        prop_assert_eq!(
                            trie.unsubscribe(link, &topic).is_some(),
                            naive.remove(&(link, topic.clone()))
                        );
                    }
                    _ => {
                        let joined = trie.subscribe(link, &topic).unwrap();
                        let new = naive.insert((link, topic.clone()));
                        prop_assert_eq!(joined != Joined::Again, new);
                    }
                }
                prop_assert_eq!(trie.len(), naive.len());
                let mut expected: Vec<_> = naive
                    .iter()
                    .filter(|(_, prefix)| topic.starts_with(prefix))
                    .map(|(link, _)| *link)
                    .collect();
                expected.dedup();
                prop_assert_eq!(matching(&trie, &topic), expected);
            }
            while trie.forget_departed(2) {}
            prop_assert_eq!((trie.live, trie.stale), (naive.len(), 0));
            let seated = trie.seats.iter().filter(|seat| **seat != NO_SEAT).count();
            prop_assert_eq!(trie.subscribers.iter().filter(|it| it.taken).count(), seated);
            prop_assert_eq!(
                trie.subscribers.iter().filter(|it| it.listed).count(),
                trie.free_seats.len()
            );
            let stray = |(link, seat): (usize, &u32)| *seat != NO_SEAT && *seat as usize != link;
            prop_assert_eq!(trie.seats.iter().enumerate().filter(|it| stray(*it)).count(), trie.strays);
            for subscriber in &trie.subscribers {
                prop_assert!(subscriber.notes.len() <= 2 * subscriber.live + SPARE_NOTES + 300);
            }
        }
    }
}
