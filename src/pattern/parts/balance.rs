//! Sending in turn: round robin over the links that have room.

use super::links::{LinkSet, Rotation};
use crate::pattern::types::LinkId;

/// RFC 28 and RFC 30 ("PUSH", "REQ" and "DEALER", outgoing messages): outgoing messages go to the
/// peers in a round robin, and a peer whose queue is full is left out until it has room.
#[derive(Debug, Default)]
pub(crate) struct Balance {
    attached: LinkSet,
    /// Always a subset of `attached`.
    with_room: Rotation,
}

impl Balance {
    pub(crate) fn attach(&mut self, link: LinkId) {
        self.attached.insert(link);
        self.with_room.set(link, true);
    }

    pub(crate) fn detach(&mut self, link: LinkId) {
        self.attached.remove(link);
        self.with_room.set(link, false);
    }

    #[inline]
    pub(crate) fn set_room(&mut self, link: LinkId, room: bool) {
        self.with_room
            .set(link, room && self.attached.contains(link));
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        !self.with_room.is_empty()
    }

    /// Whose turn it is to get a message; the turn is then spent.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<LinkId> {
        self.with_room.next()
    }

    /// The link that has its turn when `link` has had its own; with `None`, the one whose turn it is.
    pub(crate) fn turn_after(&self, link: Option<LinkId>) -> Option<LinkId> {
        self.with_room.turn_after(link)
    }

    /// Turns were taken, as [`turn_after`](Balance::turn_after) says, the last by `link`.
    pub(crate) fn had_turn(&mut self, link: LinkId) {
        self.with_room.had_turn(link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn everybody_with_room_gets_a_turn() {
        let mut balance = Balance::default();
        assert_eq!(balance.next(), None);
        for link in 0..3 {
            balance.attach(link);
        }
        let turns: Vec<_> = (0..6).filter_map(|_| balance.next()).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
        balance.set_room(1, false);
        let turns: Vec<_> = (0..4).filter_map(|_| balance.next()).collect();
        assert_eq!(turns, [0, 2, 0, 2]);
    }

    #[test]
    fn a_link_that_was_full_keeps_its_place() {
        let mut balance = Balance::default();
        (0..4).for_each(|link| balance.attach(link));
        balance.set_room(2, false);
        assert_eq!(balance.next(), Some(0));
        balance.set_room(2, true);
        let turns: Vec<_> = (0..4).filter_map(|_| balance.next()).collect();
        assert_eq!(turns, [1, 2, 3, 0]);
    }

    #[test]
    fn late_news_of_a_detached_link_is_ignored() {
        let mut balance = Balance::default();
        balance.attach(5);
        balance.detach(5);
        balance.set_room(5, true);
        assert!(!balance.has_room());
        assert_eq!(balance.next(), None);
    }

    proptest! {
        /// While nothing changes, n turns serve each of n links with room exactly once.
        #[test]
        fn is_fair_after_any_history(
            steps in prop::collection::vec((0..4u8, 0..100usize), 0..300)
        ) {
            let mut balance = Balance::default();
            let mut naive: BTreeMap<usize, bool> = BTreeMap::new();
            for (step, link) in steps {
                match step {
                    0 => { balance.attach(link); naive.insert(link, true); }
                    1 => { balance.detach(link); naive.remove(&link); }
                    2 => {
                        balance.set_room(link, false);
                        naive.entry(link).and_modify(|room| *room = false);
                    }
                    _ => {
                        balance.set_room(link, true);
                        naive.entry(link).and_modify(|room| *room = true);
                    }
                }
                let with_room: Vec<_> =
                    naive.iter().filter(|(_, room)| **room).map(|(link, _)| *link).collect();
                prop_assert_eq!(balance.has_room(), !with_room.is_empty());
                // Turns that are looked at are those that are then taken, and spending some of them
                // is taking them.
                let mut ahead = None;
                let mut seen = Vec::new();
                for _ in &with_room {
                    ahead = balance.turn_after(ahead);
                    seen.extend(ahead);
                }
                prop_assert_eq!(seen.len(), with_room.len());
                if let Some(last) = seen.get(link % seen.len().max(1)) {
                    balance.had_turn(*last);
                    seen.rotate_left(1 + link % with_room.len());
                }
                let taken: Vec<_> = with_room.iter().filter_map(|_| balance.next()).collect();
                prop_assert_eq!(seen, taken);
                let mut turns: Vec<_> = with_room.iter().filter_map(|_| balance.next()).collect();
                turns.sort_unstable();
                prop_assert_eq!(turns, with_room);
            }
        }
    }
}
