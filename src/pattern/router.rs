//! ROUTER: to the peer that the first frame names, and from all peers, fairly, each message behind the
//! name of its sender (RFC 28, "The ROUTER Socket Type").
//!
//! A peer is known by the routing id that it announced, by one that this side gave it with the
//! `connect` that leads to it, or else by one that is made up. A link without a peer, of which none was
//! given, has none yet: nothing can be sent there.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::capabilities::Capabilities;
use super::parts::directory::{is_made_up, Directory};
use super::parts::fair::Fair;
use super::parts::links::LinkSet;
use super::parts::room::Room;
use super::rules::Rules;
use super::types::{LinkId, Newcomer, PatternSettings, Refusal, Route};
use crate::message::Message;
use crate::peer::{PeerInfo, PeerRefusal};

#[derive(Debug)]
pub(crate) struct Router {
    mandatory: bool,
    handover: bool,
    probe: bool,
    directory: Directory,
    room: Room,
    fair: Fair,
    /// Links whose id the user gave: what their peers announce does not matter.
    given: LinkSet,
    /// For links of `connect` whose peer came back with another id: the ids under which the first messages
    /// that wait there were sent, and how many of each, oldest first.
    former: HashMap<LinkId, VecDeque<(Bytes, usize)>>,
    /// A peer was refused because its id was taken.
    refused: bool,
    /// An id has become free since that may be the one.
    freed: bool,
}

impl Router {
    /// The link that has this id, unless that is `link` itself.
    fn taken_by_another(&self, link: Option<LinkId>, id: &[u8]) -> Option<LinkId> {
        self.directory.find(id).filter(|other| Some(*other) != link)
    }

    fn id_is_free(&mut self) {
        self.room.look_again();
        self.freed |= self.refused;
    }

    /// Gives a link its id. Of the messages that wait there to be received, `unread` are of its last one.
    fn enter(&mut self, link: LinkId, id: Bytes, unread: usize) -> Option<LinkId> {
        if let Some(old) = self.directory.id_of(link).cloned().filter(|old| *old != id) {
            let former = self.former.entry(link).or_default();
            let older: usize = former.iter().map(|(_, count)| count).sum();
            former.push_back((old, unread.saturating_sub(older)));
            self.id_is_free();
        }
        self.directory.enter(link, id)
    }

    /// The id under which the next message of a link was sent.
    #[cold]
    fn former_id(&mut self, link: LinkId) -> Option<Bytes> {
        let former = self.former.get_mut(&link)?;
        while former.front().is_some_and(|(_, count)| *count == 0) {
            former.pop_front();
        }
        let Some((id, count)) = former.front_mut() else {
            self.former.remove(&link);
            return None;
        };
        *count -= 1;
        Some(id.clone())
    }
}

impl Rules for Router {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        prefetches: true,
        names_senders: true,
        streams: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Router {
        Router {
            mandatory: settings.mandatory,
            handover: settings.handover,
            probe: settings.probe_router,
            directory: Directory::new(settings.seed),
            room: Room::default(),
            fair: Fair::default(),
            given: LinkSet::default(),
            former: HashMap::new(),
            refused: false,
            freed: false,
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.mandatory = settings.mandatory;
        self.handover = settings.handover;
        self.probe = settings.probe_router;
    }

    fn attach(&mut self, link: LinkId) {
        self.set_room(link, true);
    }

    /// RFC 28: a ROUTER knows each peer by a routing id of its own. libzmq leaves a second peer with
    /// the same one connected and never reads it; here it is refused, or takes over.
    fn admit(&mut self, link: LinkId, new: Newcomer<'_>) -> Result<Option<LinkId>, PeerRefusal> {
        if self.given.contains(link) {
            return Ok(None);
        }
        let announced = new.peer.routing_id.clone();
        let Some(id) = announced.filter(|id: &Bytes| !id.is_empty()) else {
            let had = self.directory.id_of(link);
            if had.is_none_or(|id| !is_made_up(id)) {
                let id = self.directory.make_up();
                self.enter(link, id, new.unread);
            }
            return Ok(None);
        };
        if let Some(other) = self.taken_by_another(Some(link), &id) {
            if !self.handover || self.given.contains(other) {
                self.refused = true;
                return Err(PeerRefusal::RoutingIdTaken);
            }
        }
        self.room.look_again();
        Ok(self.enter(link, id, new.unread))
    }

    fn place_for(&mut self, link: Option<LinkId>, peer: &PeerInfo) -> Result<(), PeerRefusal> {
        let given = link.is_some_and(|link| self.given.contains(link));
        let id = peer.routing_id.as_ref().filter(|_| !given);
        if id.is_some_and(|id| self.taken_by_another(link, id).is_some()) {
            self.refused = true;
            return Err(PeerRefusal::RoutingIdTaken);
        }
        Ok(())
    }

    fn has_new_place(&mut self) -> bool {
        std::mem::take(&mut self.freed)
    }

    fn give_id(&mut self, link: LinkId, id: &[u8]) -> Result<(), Refusal> {
        if self.directory.find(id).is_some() {
            return Err(Refusal::RoutingIdTaken);
        }
        self.directory.enter(link, Bytes::copy_from_slice(id));
        self.given.insert(link);
        Ok(())
    }

    fn retire(&mut self, link: LinkId) {
        self.room.set(link, false);
        if self.directory.strike(link) {
            self.id_is_free();
        }
    }

    fn write_closed(&mut self, link: LinkId) {
        self.retire(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.room.set(link, false);
        self.fair.detach(link);
        self.given.remove(link);
        self.former.remove(&link);
        if self.directory.remove(link) {
            self.id_is_free();
        }
    }

    fn probe(&self) -> bool {
        self.probe
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.room.set(link, room);
    }

    #[inline]
    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.room.is_worth_a_try()
    }

    /// RFC 28: the first frame names the peer, and goes no further; what cannot be routed, or finds the
    /// peer's queue full, is discarded, unless the user asked to be told. What is nothing but a name is
    /// no message.
    #[inline(never)]
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let found = self.directory.find(message.first());
        match found.filter(|_| message.len() > 1) {
            Some(link) if self.room.contains(link) => Route::Addressed(link),
            _ if !self.mandatory => Route::Drop,
            Some(_) => {
                self.room.wait();
                Route::Wait
            }
            None => Route::Refused(Refusal::Unroutable),
        }
    }

    #[inline]
    fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        self.fair.return_turn(link);
    }

    fn is_alone(&self, link: LinkId) -> bool {
        self.fair.is_alone(link)
    }

    #[inline]
    fn incoming(&mut self, link: LinkId, mut message: Message) -> Result<Message, Message> {
        if !self.former.is_empty() {
            if let Some(id) = self.former_id(link) {
                message.push_front_shared(&id);
                return Ok(message);
            }
        }
        match self.directory.id_of(link) {
            Some(id) => {
                message.push_front_shared(id);
                Ok(message)
            }
            // Nothing is received of a link whose peer was not admitted.
            None => Err(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::SocketType;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn router(settings: PatternSettings) -> Router {
        Router::new(&settings)
    }

    fn plain() -> Router {
        router(PatternSettings::default())
    }

    fn mandatory() -> Router {
        router(PatternSettings {
            mandatory: true,
            ..PatternSettings::default()
        })
    }

    fn peer(id: &str) -> PeerInfo {
        let mut peer = PeerInfo::new(SocketType::Dealer);
        peer.routing_id = (!id.is_empty()).then(|| Bytes::copy_from_slice(id.as_bytes()));
        peer
    }

    fn come_after(
        router: &mut Router,
        link: LinkId,
        id: &str,
        unread: usize,
    ) -> Result<Option<LinkId>, PeerRefusal> {
        router.attach(link);
        let peer = peer(id);
        let new = Newcomer {
            peer: &peer,
            unread,
        };
        router.admit(link, new)
    }

    fn come(router: &mut Router, link: LinkId, id: &str) -> Result<Option<LinkId>, PeerRefusal> {
        come_after(router, link, id, 0)
    }

    fn route(router: &mut Router, id: &[u8]) -> Option<LinkId> {
        let mut message = Message::from([id, b"body"]);
        match router.route(&mut message) {
            Route::Addressed(link) => Some(link),
            Route::Drop => None,
            other => panic!("{other:?}"),
        }
    }

    fn heard(router: &mut Router, link: LinkId) -> Message {
        router.incoming(link, "body".into()).unwrap()
    }

    #[test]
    fn a_message_goes_to_the_peer_that_its_first_frame_names_and_nowhere_else() {
        let mut router = plain();
        assert_eq!(come(&mut router, 0, "a"), Ok(None));
        assert_eq!(come(&mut router, 1, "b"), Ok(None));
        assert_eq!(route(&mut router, b"b"), Some(1));
        assert_eq!(route(&mut router, b"a"), Some(0));
        assert_eq!(route(&mut router, b"c"), None);
        assert_eq!(route(&mut router, b""), None);
        router.set_room(0, false);
        assert_eq!(route(&mut router, b"a"), None);
        assert!(router.has_room(), "it never waits");
        router.detach(1);
        assert_eq!(route(&mut router, b"b"), None);
    }

    #[test]
    fn a_name_with_nothing_behind_it_goes_nowhere() {
        let mut router = plain();
        come(&mut router, 0, "a").unwrap();
        assert_eq!(router.route(&mut "a".into()), Route::Drop);
        let mut router = mandatory();
        come(&mut router, 0, "a").unwrap();
        let refused = Route::Refused(Refusal::Unroutable);
        assert_eq!(router.route(&mut "a".into()), refused);
    }

    #[test]
    fn mandatory_tells_an_unknown_peer_and_waits_for_a_full_one() {
        let mut router = mandatory();
        come(&mut router, 0, "a").unwrap();
        let unroutable = Route::Refused(Refusal::Unroutable);
        assert_eq!(router.route(&mut ["b", "m"].into()), unroutable);
        router.set_room(0, false);
        let mut message = Message::from(["a", "m"]);
        assert_eq!(router.route(&mut message), Route::Wait);
        assert_eq!(message, ["a", "m"]);
        assert!(!router.has_room());
        router.set_room(0, true);
        assert!(router.has_room());
        assert_eq!(router.route(&mut message), Route::Addressed(0));
        router.set_room(0, false);
        assert_eq!(router.route(&mut message), Route::Wait);
        router.retire(0);
        assert!(router.has_room(), "to be told");
        assert_eq!(router.route(&mut message), unroutable);
    }

    #[test]
    fn a_peer_without_an_id_gets_one_of_five_bytes_that_begins_with_zero() {
        let mut router = router(PatternSettings {
            seed: 0x0102_0304,
            ..PatternSettings::default()
        });
        come(&mut router, 0, "").unwrap();
        come(&mut router, 1, "").unwrap();
        assert_eq!(heard(&mut router, 0).get(0), Some(&[0, 1, 2, 3, 4][..]));
        assert_eq!(heard(&mut router, 1).get(0), Some(&[0, 1, 2, 3, 5][..]));
        assert_eq!(route(&mut router, &[0, 1, 2, 3, 5]), Some(1));
        // The same link, and so the same name, after a new connection.
        come(&mut router, 1, "").unwrap();
        assert_eq!(route(&mut router, &[0, 1, 2, 3, 5]), Some(1));
    }

    #[test]
    fn a_second_peer_of_an_id_is_refused_and_the_first_undisturbed() {
        let mut router = plain();
        come(&mut router, 0, "a").unwrap();
        assert_eq!(come(&mut router, 1, "a"), Err(PeerRefusal::RoutingIdTaken));
        assert_eq!(route(&mut router, b"a"), Some(0));
        router.detach(1);
        assert_eq!(route(&mut router, b"a"), Some(0));
        assert!(!router.has_new_place());
        router.retire(0);
        assert!(router.has_new_place());
        assert!(!router.has_new_place(), "it is told once");
        assert_eq!(come(&mut router, 1, "a"), Ok(None));
        assert_eq!(heard(&mut router, 0), ["a", "body"]);
        assert_eq!(route(&mut router, b"a"), Some(1));
    }

    #[test]
    fn with_handover_the_second_peer_takes_over_and_the_first_is_still_heard() {
        let mut router = router(PatternSettings {
            handover: true,
            ..PatternSettings::default()
        });
        come(&mut router, 0, "a").unwrap();
        assert_eq!(
            router.place_for(None, &peer("a")),
            Err(PeerRefusal::RoutingIdTaken)
        );
        assert_eq!(come(&mut router, 1, "a"), Ok(Some(0)));
        router.retire(0);
        assert_eq!(heard(&mut router, 0), ["a", "body"]);
        router.detach(0);
        assert_eq!(route(&mut router, b"a"), Some(1));
    }

    #[test]
    fn what_came_before_a_peer_came_back_with_a_new_id_is_of_the_old_one() {
        let mut router = plain();
        come(&mut router, 0, "a").unwrap();
        assert_eq!(heard(&mut router, 0), ["a", "body"]);
        assert_eq!(come_after(&mut router, 0, "b", 2), Ok(None));
        assert_eq!(route(&mut router, b"a"), None);
        assert_eq!(route(&mut router, b"b"), Some(0));
        assert_eq!(come_after(&mut router, 0, "c", 3), Ok(None));
        for id in ["a", "a", "b", "c", "c"] {
            assert_eq!(heard(&mut router, 0), [id, "body"]);
        }
        assert!(router.former.is_empty());
    }

    #[test]
    fn a_link_that_was_given_its_id_keeps_it_whatever_its_peer_announces() {
        let mut router = router(PatternSettings {
            handover: true,
            ..PatternSettings::default()
        });
        assert_eq!(router.give_id(0, b"here"), Ok(()));
        assert_eq!(router.give_id(1, b"here"), Err(Refusal::RoutingIdTaken));
        router.attach(0);
        assert_eq!(route(&mut router, b"here"), Some(0), "before it is there");
        assert_eq!(come(&mut router, 0, "there"), Ok(None));
        assert_eq!(route(&mut router, b"there"), None);
        assert_eq!(
            come(&mut router, 1, "here"),
            Err(PeerRefusal::RoutingIdTaken)
        );
        router.detach(0);
        assert_eq!(come(&mut router, 0, "there"), Ok(None));
        assert_eq!(route(&mut router, b"there"), Some(0));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Come(LinkId, u8, usize),
        Retire(LinkId),
        Detach(LinkId),
        Room(LinkId, bool),
        Hear(LinkId),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4usize, 0..4u8, 0..3usize).prop_map(|(l, id, more)| Step::Come(l, id, more)),
            1 => (0..4usize).prop_map(Step::Retire),
            1 => (0..4usize).prop_map(Step::Detach),
            2 => (0..4usize, any::<bool>()).prop_map(|(l, room)| Step::Room(l, room)),
            4 => (0..4usize).prop_map(Step::Hear),
        ]
    }

    /// What a naive router knows of a link: whether it is routed to, its room, and the sender of each
    /// message that waits there.
    #[derive(Default)]
    struct Model {
        id: Option<u8>,
        routed: bool,
        room: bool,
        waiting: Vec<u8>,
    }

    proptest! {
        #[test]
        fn behaves_like_a_list_of_peers(
            handover: bool,
            steps in prop::collection::vec(step(), 0..100)
        ) {
            let mut router = router(PatternSettings { handover, ..PatternSettings::default() });
            let mut links: BTreeMap<LinkId, Model> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Come(link, id, more) => {
                        let unread = links.get(&link).map_or(0, |link| link.waiting.len());
                        let text = char::from(b'a' + id).to_string();
                        let other = links.iter()
                            .find(|(key, other)| **key != link && other.routed && other.id == Some(id))
                            .map(|(key, _)| *key);
                        let came = come_after(&mut router, link, &text, unread);
                        let model = links.entry(link).or_default();
                        model.room = true;
                        if other.is_some() && !handover {
                            prop_assert_eq!(came, Err(PeerRefusal::RoutingIdTaken));
                            continue;
                        }
                        prop_assert_eq!(came, Ok(other));
                        model.id = Some(id);
                        model.routed = true;
                        model.waiting.extend(vec![id; more]);
                        if let Some(other) = other.and_then(|other| links.get_mut(&other)) {
                            other.routed = false;
                        }
                    }
                    Step::Retire(link) => {
                        router.retire(link);
                        if let Some(model) = links.get_mut(&link) {
                            (model.routed, model.room) = (false, false);
                        }
                    }
                    Step::Detach(link) => {
                        router.detach(link);
                        links.remove(&link);
                    }
                    Step::Room(link, room) => {
                        if let Some(model) = links.get_mut(&link) {
                            router.set_room(link, room);
                            model.room = room;
                        }
                    }
                    Step::Hear(link) => {
                        let Some(model) = links.get_mut(&link) else { continue };
                        if model.waiting.is_empty() {
                            continue;
                        }
                        let id = char::from(b'a' + model.waiting.remove(0)).to_string();
                        prop_assert_eq!(heard(&mut router, link), [id.as_str(), "body"]);
                    }
                }
                for id in 0..4u8 {
                    let expected = links.iter()
                        .find(|(_, link)| link.routed && link.room && link.id == Some(id))
                        .map(|(key, _)| *key);
                    prop_assert_eq!(route(&mut router, &[b'a' + id]), expected);
                }
            }
        }
    }
}
