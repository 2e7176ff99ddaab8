//! A publisher's subscriptions: which peers have which topics.

use super::fanout::Fanout;
use super::holders::{Held, Holders};
use super::radix::{NodeId, Radix};
use super::seats::{Departed, Seats};
use crate::pattern::types::{Excess, LinkId, MAX_TOPIC};

pub(crate) use super::seats::PeerNumber;

/// What one link's subscriptions may take, by the estimate of [`cost_of`]: some three million topics
/// of 20 bytes, well beyond any subscriber we have heard of, so that a peer which subscribes to
/// noise for ever loses its connection before it has taken the machine's memory.
pub(crate) const MAX_BYTES_PER_LINK: usize = 256 * 1024 * 1024;

/// What a subscription takes beside its topic: a leaf, at worst one more node where it branches
/// off, their entries, and the note in its link's list.
const COST_BESIDE_TOPIC: usize = 64;

/// Topic prefixes and the links that want them.
///
/// A link is subscribed to a topic or it is not: it does not count. RFC 29 lets "A" twice need two
/// cancellations, but the most common subscriber sends every subscription and only the last
/// cancellation; counting, we would feed it for ever.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    /// Topics to numbers of `holders`.
    topics: Radix,
    holders: Holders,
    /// What the holders of topics are.
    seats: Seats,
}

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

impl Trie {
    /// Subscribes a link.
    pub(crate) fn subscribe(&mut self, link: LinkId, topic: &[u8]) -> Result<Joined, Excess> {
        if topic.len() > MAX_TOPIC {
            return Err(Excess::TopicTooLong);
        }
        if !self.holders.has_space(self.seats.len()) {
            return Err(Excess::TooManySubscriptions);
        }
        let seat = self.seats.of(link);
        if let Some(id) = self.topics.find(topic) {
            if self.holders.holds(self.topics.value(id), seat) {
                return Ok(Joined::Again);
            }
        }
        if self.seats.cost(seat) + cost_of(topic) > MAX_BYTES_PER_LINK {
            return Err(Excess::TooManySubscriptions);
        }
        let id = match self.topics.insert(topic) {
            Ok(id) => id,
            Err(_) => return Err(Excess::TooManySubscriptions),
        };
        let before = self.topics.value(id);
        let holders = self.holders.join(before, seat);
        if holders != before {
            self.topics.set_value(id, holders);
        }
        let (topics, holders) = (&self.topics, &self.holders);
        let holds = |id| holders.holds(topics.value(id), seat);
        self.seats.add(seat, id, cost_of(topic), holds);
        Ok(if before == 0 {
            Joined::First
        } else {
            Joined::Another
        })
    }

    /// Ends a subscription; `None` when there was none.
    pub(crate) fn unsubscribe(&mut self, link: LinkId, topic: &[u8]) -> Option<Left> {
        let seat = self.seats.find(link)?;
        let id = self.topics.find(topic)?;
        let left = self.leave(id, seat)?;
        self.seats.remove(seat, cost_of(topic));
        Some(left)
    }

    /// The number of the peer that a link has.
    pub(crate) fn peer(&mut self, link: LinkId) -> PeerNumber {
        let seat = self.seats.of(link);
        self.seats.peer(seat).unwrap_or_default()
    }

    /// Whether a link still has this peer.
    pub(crate) fn is_peer(&self, link: LinkId, peer: PeerNumber) -> bool {
        let seat = self.seats.find(link);
        seat.and_then(|seat| self.seats.peer(seat)) == Some(peer)
    }

    /// Ends all of a link's subscriptions, at once and whatever their number: they match nothing from
    /// now on. Their memory is given back by [`forget_departed`](Trie::forget_departed), or now when
    /// no other link has any.
    pub(crate) fn drop_link(&mut self, link: LinkId) {
        if self.seats.depart(link) && self.seats.are_all_departed() {
            self.topics = Radix::default();
            self.holders = Holders::default();
            self.seats.clear();
        }
    }

    /// The same, for a caller that wants to hear of each topic from
    /// [`tell_departed`](Trie::tell_departed): none is forgotten before.
    pub(crate) fn depart(&mut self, link: LinkId) {
        self.seats.depart(link);
    }

    /// Whether there is something for [`forget_departed`](Trie::forget_departed).
    pub(crate) fn has_departed(&self) -> bool {
        self.seats.has_departed()
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
            let (seat, peer, id) = match self.seats.forget() {
                Departed::Had { seat, peer, node } => (seat, peer, node),
                Departed::Free => continue,
                Departed::None => break,
            };
            if tell.is_some() {
                self.topics.key(id, &mut topic);
            }
            if let Some(left) = self.leave(id, seat) {
                self.seats.remove_departed();
                if let Some(tell) = &mut tell {
                    tell(peer, &topic, left);
                }
            }
        }
        self.has_departed()
    }

    /// Takes a seat off a node; `None` when it is not there.
    fn leave(&mut self, id: NodeId, seat: u32) -> Option<Left> {
        let before = self.topics.value(id);
        let holders = self.holders.leave(before, seat)?;
        if holders != before {
            self.topics.set_value(id, holders);
        }
        Some(if holders == 0 {
            Left::Last
        } else {
            Left::Others
        })
    }

    /// Offers a message whose first frame is `topic` to the links that want it: once for each of their
    /// topics that is a prefix of it. Takes no longer for links or topics that do not match.
    // Whether it is inlined is a fifth of a publication to one subscriber, and not to be left to how the
    // compiler happens to divide the crate.
    #[inline(always)]
    pub(crate) fn offer(&self, topic: &[u8], fanout: &mut Fanout) {
        if !self.seats.are_plain() {
            // Links have other seats than their own, or departed links have some: for a moment after
            // a link has gone.
            return self.matching(topic, |link| fanout.offer(link));
        }
        self.topics.prefixes(topic, |holders| {
            match self.holders.get(holders) {
                Held::Nobody => {}
                Held::One(seat) => fanout.offer(seat as LinkId),
                Held::Several(seats) => fanout.offer_all(seats),
            }
            true
        });
    }

    /// Visits the links that want a message whose first frame is `topic`, as often as they are offered it.
    #[cold]
    pub(crate) fn matching(&self, topic: &[u8], mut visit: impl FnMut(LinkId)) {
        let mut visit = |seat| {
            if let Some(link) = self.seats.link(seat) {
                visit(link);
            }
        };
        self.topics.prefixes(topic, |holders| {
            match self.holders.get(holders) {
                Held::Nobody => {}
                Held::One(seat) => visit(seat),
                Held::Several(seats) => seats.iter().for_each(|seat| visit(*seat)),
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
        self.seats.counts().1
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.topics.heap_bytes() + self.holders.heap_bytes() + self.seats.heap_bytes()
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
        assert_eq!(trie.seats.counts().0, 1001);
        // The next link under its number has nothing of it.
        trie.subscribe(0, &7u32.to_be_bytes()).unwrap();
        assert_eq!(matching(&trie, &7u32.to_be_bytes()), [0]);
        assert!(matching(&trie, &8u32.to_be_bytes()).is_empty());
        for left in (0..10).rev() {
            assert!(trie.forget_departed(100));
            assert_eq!(trie.seats.counts().0, 2 + left * 100);
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
            prop_assert_eq!(trie.seats.counts(), (naive.len(), naive.len()));
            trie.seats.check();
        }
    }
}
