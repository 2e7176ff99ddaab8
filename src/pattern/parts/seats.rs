//! The subscribers of a publisher: which link each is, how much it has subscribed to, and where.

use super::blocks::grow;
use super::radix::NodeId;
use crate::pattern::types::LinkId;

/// Stale notes a seat's list may hold beside as many as it has live ones.
const SPARE_NOTES: usize = 64;

/// Tells one peer from all others that a publisher ever had, also those that had its link before.
pub(crate) type PeerNumber = u64;

const NO_SEAT: u32 = u32::MAX;

/// A subscriber whose link has gone, or a seat that is free.
const GONE: LinkId = LinkId::MAX;

/// What a tree of topics calls a subscriber is its *seat*: a link that goes leaves its topics behind
/// under the old seat, and a link of the same number that comes before they are forgotten takes another
/// one. All others have the seat of their own number.
///
/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `subscribers` | `of`, and what counts topics | one a seat, by its number |
/// | `seats` | `of`, `depart` | the seat of each link, or `NO_SEAT` |
/// | `free` | a seat that is given back | each once; some may be taken again |
/// | `strays` | `of`, `depart` | how many links have another seat than that of their own number |
/// | `departed` | `depart`; `forget` empties it | seats that were left and whose topics are still in the tree |
/// | `live` | `add`, `remove` | the sum of the seats' |
/// | `stale` | `depart`, `remove` | what of it is of departed seats |
/// | `peers` | `of` | how many there ever were |
#[derive(Debug, Default)]
pub(super) struct Seats {
    subscribers: Vec<Subscriber>,
    seats: Vec<u32>,
    free: Vec<u32>,
    strays: usize,
    departed: Vec<u32>,
    live: usize,
    stale: usize,
    peers: PeerNumber,
}

/// What is known of a seat.
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
    /// An estimate of the memory that its topics take.
    cost: usize,
    /// Tells the peer that has the seat from all that had it before.
    peer: PeerNumber,
}

/// What is found when a departed seat is looked at.
pub(super) enum Departed {
    /// It had a topic at this node, unless it left that before.
    Had {
        seat: u32,
        peer: PeerNumber,
        node: NodeId,
    },
    /// It had no more topics, and is free.
    Free,
    /// There is none.
    None,
}

impl Seats {
    /// Without any seat, and without forgetting how many peers there were.
    pub(super) fn clear(&mut self) {
        *self = Seats {
            peers: self.peers,
            ..Seats::default()
        };
    }

    /// How many seats there are.
    pub(super) fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// The seat of a link; a new one if it has none.
    pub(super) fn of(&mut self, link: LinkId) -> u32 {
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
                self.another()
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
    fn another(&mut self) -> u32 {
        while let Some(seat) = self.free.pop() {
            let subscriber = &mut self.subscribers[seat as usize];
            subscriber.listed = false;
            if !subscriber.taken {
                return seat;
            }
        }
        self.subscribers.push(Subscriber::default());
        self.subscribers.len() as u32 - 1
    }

    /// The seat of a link, if it has one.
    pub(super) fn find(&self, link: LinkId) -> Option<u32> {
        self.seats
            .get(link)
            .copied()
            .filter(|seat| *seat != NO_SEAT)
    }

    /// Whether each seat is of the link of its own number.
    #[inline]
    pub(super) fn are_plain(&self) -> bool {
        self.strays == 0 && self.departed.is_empty()
    }

    /// Whose seat it is; `None` when that link has gone.
    pub(super) fn link(&self, seat: u32) -> Option<LinkId> {
        let subscriber = self.subscribers.get(seat as usize)?;
        (subscriber.link != GONE).then_some(subscriber.link)
    }

    /// The number of the peer that has a seat.
    pub(super) fn peer(&self, seat: u32) -> Option<PeerNumber> {
        let subscriber = self.subscribers.get(seat as usize);
        subscriber.map(|subscriber| subscriber.peer)
    }

    /// What the topics of a seat take, as was estimated.
    pub(super) fn cost(&self, seat: u32) -> usize {
        self.subscribers[seat as usize].cost
    }

    /// A seat has a topic more, at this node; `holds` says of a node whether it still has that one's.
    pub(super) fn add(
        &mut self,
        seat: u32,
        node: NodeId,
        cost: usize,
        holds: impl Fn(NodeId) -> bool,
    ) {
        self.live += 1;
        let subscriber = &mut self.subscribers[seat as usize];
        subscriber.cost += cost;
        subscriber.live += 1;
        let notes = &mut subscriber.notes;
        grow(notes, 1);
        notes.push(node);
        if notes.len() > 2 * subscriber.live + SPARE_NOTES {
            notes.retain(|node| holds(*node));
            notes.sort_unstable();
            notes.dedup();
        }
    }

    /// A seat whose link is there has a topic less.
    pub(super) fn remove(&mut self, seat: u32, cost: usize) {
        self.live -= 1;
        if let Some(subscriber) = self.subscribers.get_mut(seat as usize) {
            subscriber.live -= 1;
            subscriber.cost -= cost;
        }
    }

    /// A departed seat has a topic less.
    pub(super) fn remove_departed(&mut self) {
        self.live -= 1;
        self.stale -= 1;
    }

    /// The link goes; its seat keeps the topics until they are forgotten. False: it had no seat.
    pub(super) fn depart(&mut self, link: LinkId) -> bool {
        let Some(seat) = self.find(link) else {
            return false;
        };
        self.seats[link] = NO_SEAT;
        let Some(subscriber) = self.subscribers.get_mut(seat as usize) else {
            return false;
        };
        subscriber.link = GONE;
        self.strays -= usize::from(seat as usize != link);
        self.stale += subscriber.live;
        self.departed.push(seat);
        true
    }

    pub(super) fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    /// Whether all topics are of departed seats.
    pub(super) fn are_all_departed(&self) -> bool {
        self.stale == self.live
    }

    /// Looks at one topic of a departed seat, which is then forgotten here.
    pub(super) fn forget(&mut self) -> Departed {
        let Some(&seat) = self.departed.last() else {
            return Departed::None;
        };
        let Some(subscriber) = self.subscribers.get_mut(seat as usize) else {
            return Departed::None;
        };
        if let Some(node) = subscriber.notes.pop() {
            let peer = subscriber.peer;
            return Departed::Had { seat, peer, node };
        }
        self.departed.pop();
        let listed = subscriber.listed;
        *subscriber = Subscriber {
            listed: true,
            ..Subscriber::default()
        };
        if !listed {
            self.free.push(seat);
        }
        Departed::Free
    }

    /// How many pairs of seat and topic there are, and how many of them are of links that are there.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.live, self.live - self.stale)
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn heap_bytes(&self) -> usize {
        let subscribers = self.subscribers.iter();
        let notes = subscribers.map(|it| it.notes.capacity() * size_of::<NodeId>());
        notes.sum::<usize>()
            + self.subscribers.capacity() * size_of::<Subscriber>()
            + (self.seats.capacity() + self.free.capacity() + self.departed.capacity()) * 4
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

#[cfg(test)]
impl Seats {
    /// What must hold between the fields, whatever has happened.
    pub(super) fn check(&self) {
        let seated = self.seats.iter().filter(|seat| **seat != NO_SEAT).count();
        let taken = self.subscribers.iter().filter(|it| it.taken).count();
        assert_eq!(taken, seated + self.departed.len());
        let listed = self.subscribers.iter().filter(|it| it.listed).count();
        assert_eq!(listed, self.free.len());
        let stray = |(link, seat): (usize, &u32)| *seat != NO_SEAT && *seat as usize != link;
        let strays = self.seats.iter().enumerate().filter(|it| stray(*it));
        assert_eq!(strays.count(), self.strays);
        for (link, &seat) in self.seats.iter().enumerate() {
            assert!(seat == NO_SEAT || self.link(seat) == Some(link));
        }
        for subscriber in &self.subscribers {
            let most = 2 * subscriber.live + SPARE_NOTES;
            // Topics that were left since the last was added are still noted.
            assert!(subscriber.notes.len() <= most + 300);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_that_comes_back_before_it_is_forgotten_has_another_seat_and_is_another_peer() {
        let mut seats = Seats::default();
        let first = seats.of(3);
        assert_eq!((first, seats.of(3)), (3, 3));
        seats.add(first, 7, 10, |_| true);
        assert!(seats.are_plain() && seats.depart(3) && !seats.depart(3));
        assert!(!seats.are_plain() && seats.are_all_departed());
        assert_eq!((seats.find(3), seats.link(first)), (None, None));
        let second = seats.of(3);
        assert_ne!(second, first);
        assert_ne!(seats.peer(first), seats.peer(second));
        assert_eq!((seats.cost(first), seats.cost(second)), (10, 0));
        assert!(matches!(
            seats.forget(),
            Departed::Had {
                seat: 3,
                node: 7,
                ..
            }
        ));
        seats.remove_departed();
        assert!(matches!(seats.forget(), Departed::Free));
        assert!(matches!(seats.forget(), Departed::None));
        seats.check();
        // Its own seat is free, but for this link it is too late.
        assert_eq!(seats.find(3), Some(second));
        assert!(!seats.are_plain());
        seats.depart(3);
        while !matches!(seats.forget(), Departed::None) {}
        assert_eq!(seats.of(3), 3);
        assert!(seats.are_plain());
    }

    proptest! {
        #[test]
        fn whatever_comes_and_goes_each_link_has_one_seat(
            steps in prop::collection::vec((0..4u8, 0..6usize), 0..200)
        ) {
            let mut seats = Seats::default();
            let mut peers = std::collections::BTreeMap::new();
            for (step, link) in steps {
                match step {
                    0 => prop_assert_eq!(seats.depart(link), peers.remove(&link).is_some()),
                    1 => {
                        if let Departed::Had { .. } = seats.forget() {
                            seats.remove_departed();
                        }
                    }
                    _ => {
                        let seat = seats.of(link);
                        let peer = seats.peer(seat).unwrap();
                        prop_assert_eq!(*peers.entry(link).or_insert(peer), peer);
                        if step == 2 {
                            seats.add(seat, 0, 1, |_| true);
                        }
                    }
                }
                seats.check();
            }
        }
    }
}
