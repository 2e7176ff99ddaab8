//! STREAM: peers that speak no ZMTP but bare TCP, each by a routing id that is made up here.
//!
//! What comes is pieces of a peer's bytes, behind its id, cut where the system cut them. A piece without
//! bytes is the library's own: the peer is there, or is gone. What is sent is bytes for the peer that the
//! first frame names; none at all ends the connection. No RFC; libzmq's `zmq_socket(3)` describes it.

use bytes::Bytes;

use super::capabilities::Capabilities;
use super::parts::directory::Directory;
use super::parts::numbered::Numbered;
use super::rules::Rules;
use super::types::{LinkId, Newcomer, PatternSettings, Refusal, Route};
use crate::message::Message;
use crate::peer::PeerRefusal;

#[derive(Debug)]
pub(crate) struct Stream {
    notify: bool,
    peers: Numbered,
}

impl Rules for Stream {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        raw: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Stream {
        Stream {
            notify: settings.stream_notify,
            peers: Numbered::new(settings.seed),
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.notify = settings.stream_notify;
    }

    fn attach(&mut self, link: LinkId) {
        self.peers.name(link, Directory::make_up);
        self.set_room(link, true);
    }

    fn admit(&mut self, link: LinkId, _: Newcomer<'_>) -> Result<Option<LinkId>, PeerRefusal> {
        self.peers.name(link, Directory::make_up);
        Ok(None)
    }

    fn give_id(&mut self, link: LinkId, id: &[u8]) -> Result<(), Refusal> {
        self.peers.give_id(link, id)
    }

    fn make_up_id(&mut self) -> Option<Bytes> {
        Some(self.peers.directory.make_up())
    }

    fn notes(&self) -> bool {
        self.notify
    }

    fn retire(&mut self, link: LinkId) {
        self.peers.retire(link);
    }

    fn write_closed(&mut self, link: LinkId) {
        self.retire(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.peers.detach(link);
    }

    fn set_room(&mut self, link: LinkId, room: bool) {
        self.peers.room.set(link, room);
    }

    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.peers.fair.set_readable(link, readable);
    }

    fn has_room(&self) -> bool {
        self.peers.room.is_worth_a_try()
    }

    /// The first frame names the peer; what is behind it goes out as it is, and if that is nothing the
    /// connection ends. As in libzmq, a peer that is not there is always told, and a full one waited for.
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let found = self.peers.directory.find(message.first());
        let Some(link) = found.filter(|_| message.len() > 1) else {
            return Route::Refused(Refusal::Unroutable);
        };
        if message.byte_len() == message.first().len() {
            self.peers.directory.strike(link);
            return Route::Close(link);
        }
        if !self.peers.room.contains(link) {
            self.peers.room.wait();
            return Route::Wait;
        }
        Route::Raw(link)
    }

    fn next(&mut self) -> Option<LinkId> {
        self.peers.fair.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        self.peers.fair.return_turn(link);
    }

    fn incoming(&mut self, link: LinkId, mut message: Message) -> Result<Message, Message> {
        let Some(id) = self.peers.directory.id_of(link) else {
            return Err(message);
        };
        message.push_front_shared(id);
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::{PeerInfo, SocketType};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn stream() -> Stream {
        Stream::new(&PatternSettings {
            seed: 7,
            ..PatternSettings::default()
        })
    }

    fn come(stream: &mut Stream, link: LinkId) -> Vec<u8> {
        stream.attach(link);
        let peer = PeerInfo::new(SocketType::Stream);
        let new = Newcomer {
            peer: &peer,
            unread: 0,
        };
        assert_eq!(stream.admit(link, new), Ok(None));
        let piece = stream.incoming(link, "piece".into()).unwrap();
        assert_eq!((piece.len(), &piece[1]), (2, &b"piece"[..]));
        piece[0].to_vec()
    }

    #[test]
    fn each_peer_gets_an_id_and_bytes_go_to_the_one_that_is_named() {
        let mut stream = stream();
        let (one, other) = (come(&mut stream, 0), come(&mut stream, 1));
        assert_eq!((one.len(), one[0]), (5, 0));
        assert_ne!(one, other);
        let to = |id: &[u8]| Message::from([id, b"bytes"]);
        assert_eq!(stream.route(&mut to(&other)), Route::Raw(1));
        assert_eq!(stream.route(&mut to(&one)), Route::Raw(0));
        let unroutable = Route::Refused(Refusal::Unroutable);
        assert_eq!(stream.route(&mut to(b"nobody")), unroutable);
        assert_eq!(stream.route(&mut Message::from(one.clone())), unroutable);
        stream.set_room(0, false);
        assert_eq!(stream.route(&mut to(&one)), Route::Wait);
        assert!(!stream.has_room());
        stream.retire(0);
        assert!(stream.has_room(), "to be told");
        assert_eq!(stream.route(&mut to(&one)), unroutable);
    }

    #[test]
    fn nothing_behind_the_id_ends_the_connection_once() {
        let mut stream = stream();
        let id = come(&mut stream, 0);
        let end = || Message::from([&id[..], b""]);
        stream.set_room(0, false);
        assert_eq!(stream.route(&mut end()), Route::Close(0), "full or not");
        let unroutable = Route::Refused(Refusal::Unroutable);
        assert_eq!(stream.route(&mut end()), unroutable);
        // What it sent before is still its own.
        assert_eq!(stream.incoming(0, "late".into()).unwrap()[0], id[..]);
    }

    #[test]
    fn a_link_keeps_its_id_over_its_connections_and_may_be_given_one() {
        let mut stream = stream();
        assert_eq!(stream.give_id(0, b"given"), Ok(()));
        assert_eq!(stream.give_id(1, b"given"), Err(Refusal::RoutingIdTaken));
        assert_eq!(come(&mut stream, 0), b"given");
        assert_eq!(come(&mut stream, 0), b"given");
        let made = stream.make_up_id().unwrap();
        assert_eq!(stream.give_id(1, &made), Ok(()));
        assert_eq!(come(&mut stream, 1), made);
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((0..5u8, 0..5usize), 0..100)) {
            let mut stream = stream();
            // By link: its id, whether messages go there, and whether there is room.
            let mut links: BTreeMap<LinkId, (Vec<u8>, bool, bool)> = BTreeMap::new();
            let mut all = Vec::new();
            for (step, link) in steps {
                match step {
                    0 if !links.contains_key(&link) => {
                        let id = come(&mut stream, link);
                        prop_assert!(!all.contains(&id), "an id is never given again");
                        all.push(id.clone());
                        links.insert(link, (id, true, true));
                    }
                    1 => {
                        stream.retire(link);
                        links.entry(link).and_modify(|it| it.1 = false);
                    }
                    2 => {
                        stream.detach(link);
                        links.remove(&link);
                    }
                    3 | 4 => if let Some(it) = links.get_mut(&link).filter(|it| it.1) {
                        it.2 = step == 3;
                        stream.set_room(link, it.2);
                    }
                    _ => {}
                }
                for id in &all {
                    let found = links.iter().find(|(_, it)| it.0 == *id && it.1);
                    let expected = match found {
                        Some((link, it)) if it.2 => Route::Raw(*link),
                        Some(_) => Route::Wait,
                        None => Route::Refused(Refusal::Unroutable),
                    };
                    prop_assert_eq!(stream.route(&mut Message::from([&id[..], b"x"])), expected);
                }
            }
        }
    }
}
