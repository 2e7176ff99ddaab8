//! PAIR: one peer, both ways (RFC 31).
//!
//! The first link there is has the place of the peer, also while `connect` still looks for it. Any
//! other is refused until the place is free.

use std::collections::VecDeque;

use super::capabilities::Capabilities;
use super::rules::Rules;
use super::types::{LinkId, Newcomer, PatternSettings, Route};
use crate::message::Message;
use crate::peer::{PeerInfo, PeerRefusal};

#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// The link that has the place.
    peer: Option<LinkId>,
    /// Whether the peer's queue takes another message; false without a peer.
    room: bool,
    /// Whether the peer's link holds a message; false without a peer.
    readable: bool,
    /// The place has become free, and that was not told yet.
    vacated: bool,
    /// Links of former peers whose last messages are not received yet, oldest first.
    former: VecDeque<LinkId>,
}

impl Pair {
    fn is_peer(&self, link: LinkId) -> bool {
        self.peer == Some(link)
    }

    /// The link to be heard: what a former peer sent comes before what its successor sends.
    #[inline]
    fn first(&self) -> Option<LinkId> {
        let former = self.former.front().copied();
        former.or(self.peer.filter(|_| self.readable))
    }

    /// Gives the place away.
    fn vacate(&mut self) {
        self.peer = None;
        self.vacated = true;
        self.room = false;
        self.readable = false;
    }
}

impl Rules for Pair {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        prefetches: true,
        balances: true,
        streams: true,
        ..Capabilities::NONE
    };

    fn new(_: &PatternSettings) -> Pair {
        Pair::default()
    }

    fn attach(&mut self, link: LinkId) {
        if self.peer.is_none() {
            self.peer = Some(link);
            self.room = true;
        }
    }

    /// RFC 31: there is never more than one peer.
    fn admit(&mut self, link: LinkId, new: Newcomer<'_>) -> Result<Option<LinkId>, PeerRefusal> {
        self.attach(link);
        self.place_for(Some(link), new.peer).map(|()| None)
    }

    fn place_for(&mut self, link: Option<LinkId>, _: &PeerInfo) -> Result<(), PeerRefusal> {
        if self.peer.is_none() || self.peer == link {
            Ok(())
        } else {
            Err(PeerRefusal::Paired)
        }
    }

    fn has_new_place(&mut self) -> bool {
        std::mem::take(&mut self.vacated)
    }

    /// The place is free at once: a peer that comes back must not have to wait until the user,
    /// whose program may only send, has received what it sent before.
    fn retire(&mut self, link: LinkId) {
        if self.is_peer(link) {
            if self.readable {
                self.former.push_back(link);
            }
            self.vacate();
        }
    }

    fn detach(&mut self, link: LinkId) {
        self.set_readable(link, false);
        if self.is_peer(link) {
            self.vacate();
        }
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        if self.is_peer(link) {
            self.room = room;
        }
    }

    #[inline]
    fn set_readable(&mut self, link: LinkId, readable: bool) {
        if self.is_peer(link) {
            self.readable = readable;
        } else if !readable {
            self.former.retain(|former| *former != link);
        }
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.room
    }

    /// RFC 31: blocks without a peer, or while its queue is full.
    #[inline]
    fn route(&mut self, _: &mut Message) -> Route<'_> {
        match self.peer {
            Some(link) if self.room => Route::To(link),
            _ => Route::Wait,
        }
    }

    fn turn_after(&self, _: Option<LinkId>) -> Option<LinkId> {
        self.peer.filter(|_| self.room)
    }

    #[inline]
    fn next(&mut self) -> Option<LinkId> {
        self.first()
    }

    /// There are no turns: all of a link comes before anything of the next.
    #[inline]
    fn is_alone(&self, link: LinkId) -> bool {
        self.first() == Some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::SocketType;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn come(pair: &mut Pair, link: LinkId) -> Result<(), PeerRefusal> {
        pair.attach(link);
        let peer = PeerInfo::new(SocketType::Pair);
        let new = Newcomer {
            peer: &peer,
            unread: 0,
        };
        pair.admit(link, new)
            .map(|replaced| assert_eq!(replaced, None))
    }

    fn place_for(pair: &mut Pair, link: Option<LinkId>) -> Result<(), PeerRefusal> {
        pair.place_for(link, &PeerInfo::new(SocketType::Pair))
    }

    fn route(pair: &mut Pair) -> Option<LinkId> {
        match pair.route(&mut "m".into()) {
            Route::To(link) => Some(link),
            Route::Wait => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_without_a_peer() {
        let mut pair = Pair::default();
        assert_eq!((route(&mut pair), pair.next()), (None, None));
        assert!(!pair.has_room());
        assert_eq!(come(&mut pair, 0), Ok(()));
        assert_eq!(route(&mut pair), Some(0));
        pair.detach(0);
        assert_eq!((route(&mut pair), pair.has_room()), (None, false));
    }

    #[test]
    fn waits_while_its_peer_is_full() {
        let mut pair = Pair::default();
        come(&mut pair, 3).unwrap();
        pair.set_room(3, false);
        assert_eq!((route(&mut pair), pair.has_room()), (None, false));
        pair.set_room(3, true);
        assert_eq!((route(&mut pair), pair.has_room()), (Some(3), true));
    }

    #[test]
    fn a_second_peer_is_refused_and_has_no_part() {
        let mut pair = Pair::default();
        come(&mut pair, 0).unwrap();
        assert_eq!(come(&mut pair, 1), Err(PeerRefusal::Paired));
        assert_eq!(place_for(&mut pair, None), Err(PeerRefusal::Paired));
        assert_eq!(place_for(&mut pair, Some(1)), Err(PeerRefusal::Paired));
        pair.set_readable(1, true);
        pair.set_room(1, false);
        assert_eq!((route(&mut pair), pair.next()), (Some(0), None));
        pair.detach(1);
        assert_eq!(route(&mut pair), Some(0));
    }

    #[test]
    fn the_peer_that_connect_looks_for_has_the_place() {
        let mut pair = Pair::default();
        pair.attach(0);
        assert_eq!(route(&mut pair), Some(0), "it is queued for");
        assert_eq!(come(&mut pair, 1), Err(PeerRefusal::Paired));
        assert_eq!(place_for(&mut pair, Some(0)), Ok(()));
        assert_eq!(come(&mut pair, 0), Ok(()));
        pair.connection_lost(0, 0);
        assert_eq!(come(&mut pair, 1), Err(PeerRefusal::Paired));
    }

    #[test]
    fn who_was_refused_may_come_when_the_place_is_free() {
        let mut pair = Pair::default();
        come(&mut pair, 0).unwrap();
        come(&mut pair, 1).unwrap_err();
        pair.detach(0);
        assert_eq!(place_for(&mut pair, Some(1)), Ok(()));
        assert_eq!(place_for(&mut pair, None), Ok(()));
        assert_eq!(route(&mut pair), None, "it has no connection now");
        assert_eq!(come(&mut pair, 1), Ok(()));
        assert_eq!(route(&mut pair), Some(1));
    }

    #[test]
    fn a_successor_is_taken_at_once_and_heard_after_its_predecessor() {
        let mut pair = Pair::default();
        come(&mut pair, 5).unwrap();
        pair.set_readable(5, true);
        pair.retire(5);
        assert!(!pair.has_room());
        come(&mut pair, 2).unwrap();
        pair.set_readable(2, true);
        assert_eq!(route(&mut pair), Some(2));
        assert_eq!([pair.next(), pair.next()], [Some(5); 2]);
        pair.set_readable(5, false);
        pair.detach(5);
        assert_eq!([pair.next(), pair.next()], [Some(2); 2]);
    }

    proptest! {
        /// Whatever links come and go: one peer at a time, sent to and heard only while it is there.
        #[test]
        fn there_is_never_more_than_one_peer(
            steps in prop::collection::vec((0..6u8, 0..5usize), 0..200)
        ) {
            let mut pair = Pair::default();
            let mut known = BTreeSet::new();
            let mut peer: Option<(LinkId, bool, bool)> = None;
            let mut former: Vec<LinkId> = Vec::new();
            for (step, link) in steps {
                let is_peer = peer.is_some_and(|(peer, ..)| peer == link);
                match step {
                    0 if !former.contains(&link) => {
                        known.insert(link);
                        let free = peer.is_none();
                        if free {
                            peer = Some((link, true, false));
                        }
                        prop_assert_eq!(come(&mut pair, link).is_ok(), free || is_peer);
                    }
                    1 => {
                        known.remove(&link);
                        former.retain(|former| *former != link);
                        peer = peer.filter(|_| !is_peer);
                        pair.detach(link);
                    }
                    2 if is_peer => {
                        if peer.is_some_and(|(_, _, readable)| readable) {
                            former.push(link);
                        }
                        peer = None;
                        pair.retire(link);
                    }
                    3 | 4 if known.contains(&link) => {
                        let yes = step == 3;
                        if let Some((_, room, _)) = peer.as_mut().filter(|_| is_peer) {
                            *room = yes;
                        }
                        pair.set_room(link, yes);
                    }
                    5 if known.contains(&link) => {
                        if let Some((_, _, readable)) = peer.as_mut().filter(|_| is_peer) {
                            *readable = true;
                        }
                        pair.set_readable(link, true);
                    }
                    _ => {}
                }
                let to = peer.filter(|(_, room, _)| *room).map(|(link, ..)| link);
                prop_assert_eq!((route(&mut pair), pair.has_room()), (to, to.is_some()));
                let readable = peer.filter(|(.., readable)| *readable).map(|(link, ..)| link);
                prop_assert_eq!(pair.next(), former.first().copied().or(readable));
            }
        }
    }
}
