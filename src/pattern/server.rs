//! SERVER (RFC 41) and PEER (RFC 51): to the peer whose number the message has, and from all peers, fairly,
//! each message with the number of its sender.
//!
//! A number is made up for each peer, is not zero, and is not given to another while that is there.

use bytes::Bytes;

use super::capabilities::Capabilities;
use super::parts::directory::Directory;
use super::parts::numbered::Numbered;
use super::rules::Rules;
use super::types::{LinkId, Newcomer, PatternSettings, Refusal, Route};
use crate::message::Message;
use crate::peer::PeerRefusal;

#[derive(Debug)]
pub(crate) struct Server {
    peers: Numbered,
}

/// The id of five bytes that has this number.
fn id_of(number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, a, b, c, d]
}

/// The number of an id that was made up.
pub(crate) fn number_of(id: &[u8]) -> u32 {
    match id {
        [_, a, b, c, d] => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

/// RFC 41 ("The SERVER Socket Type"): the number is not zero.
fn make_up(directory: &mut Directory) -> Bytes {
    loop {
        let id = directory.make_up();
        if number_of(&id) != 0 {
            return id;
        }
    }
}

impl Rules for Server {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        prefetches: true,
        names_senders: true,
        streams: true,
        single: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Server {
        Server {
            peers: Numbered::new(settings.seed),
        }
    }

    fn attach(&mut self, link: LinkId) {
        self.peers.name(link, make_up);
        self.set_room(link, true);
    }

    /// RFC 41 and 51: a peer does not choose its number.
    fn admit(&mut self, link: LinkId, _: Newcomer<'_>) -> Result<Option<LinkId>, PeerRefusal> {
        self.peers.name(link, make_up);
        Ok(None)
    }

    fn give_id(&mut self, link: LinkId, id: &[u8]) -> Result<(), Refusal> {
        self.peers.give_id(link, id)
    }

    fn make_up_id(&mut self) -> Option<Bytes> {
        Some(make_up(&mut self.peers.directory))
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

    /// RFC 41 and 51: a message goes to the peer of its number; one for a peer that is not there is
    /// refused, and a full one waited for.
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let number = message.routing_id();
        let found = number.and_then(|number| self.peers.directory.find(&id_of(number)));
        let Some(link) = found else {
            return Route::Refused(Refusal::Unroutable);
        };
        if !self.peers.room.contains(link) {
            self.peers.room.wait();
            return Route::Wait;
        }
        // The number is this side's own, and nothing to the peer.
        message.clear_routing_id();
        Route::To(link)
    }

    fn next(&mut self) -> Option<LinkId> {
        self.peers.fair.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        self.peers.fair.return_turn(link);
    }

    fn is_alone(&self, link: LinkId) -> bool {
        self.peers.fair.is_alone(link)
    }

    fn incoming(&mut self, link: LinkId, message: Message) -> Result<Message, Message> {
        match self.peers.directory.id_of(link) {
            Some(id) => Ok(message.with_routing_id(number_of(id))),
            None => Err(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn server(seed: u32) -> Server {
        Server::new(&PatternSettings {
            seed,
            ..PatternSettings::default()
        })
    }

    fn come(server: &mut Server, link: LinkId) -> u32 {
        server.attach(link);
        let message = server.incoming(link, "hello".into()).unwrap();
        assert_eq!(message, "hello");
        message.routing_id().unwrap()
    }

    fn to(number: u32) -> Message {
        Message::from("m").with_routing_id(number)
    }

    #[test]
    fn each_peer_has_a_number_that_is_not_zero() {
        let mut server = server(u32::MAX);
        assert_eq!(come(&mut server, 0), u32::MAX);
        assert_eq!(come(&mut server, 1), 1);
        let mut message = to(1);
        assert_eq!(server.route(&mut message), Route::To(1));
        assert_eq!((message.routing_id(), message), (None, "m".into()));
    }

    #[test]
    fn a_message_without_a_number_or_for_nobody_is_refused_and_a_full_peer_waited_for() {
        let mut server = server(5);
        assert_eq!(come(&mut server, 0), 5);
        let refused = Route::Refused(Refusal::Unroutable);
        assert_eq!(server.route(&mut "m".into()), refused);
        assert_eq!(server.route(&mut to(6)), refused);
        server.set_room(0, false);
        let mut message = to(5);
        assert_eq!(server.route(&mut message), Route::Wait);
        assert_eq!(message.routing_id(), Some(5));
        assert!(!server.has_room());
        server.retire(0);
        assert!(server.has_room());
        assert_eq!(server.route(&mut message), refused);
        // What it had sent is still of it.
        let late = server.incoming(0, "late".into()).unwrap();
        assert_eq!(late.routing_id(), Some(5));
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((0..5u8, 0..5usize), 0..100)) {
            let mut server = server(u32::MAX - 10);
            let mut links: BTreeMap<LinkId, (u32, bool, bool)> = BTreeMap::new();
            let mut all = Vec::new();
            for (step, link) in steps {
                match step {
                    0 if !links.contains_key(&link) => {
                        let number = come(&mut server, link);
                        prop_assert!(number != 0 && !all.contains(&number));
                        all.push(number);
                        links.insert(link, (number, true, true));
                    }
                    1 => {
                        server.retire(link);
                        links.entry(link).and_modify(|it| it.1 = false);
                    }
                    2 => {
                        server.detach(link);
                        links.remove(&link);
                    }
                    3 | 4 => if let Some(it) = links.get_mut(&link).filter(|it| it.1) {
                        it.2 = step == 3;
                        server.set_room(link, it.2);
                    }
                    _ => {}
                }
                for number in &all {
                    let found = links.iter().find(|(_, it)| it.0 == *number && it.1);
                    let expected = match found {
                        Some((link, it)) if it.2 => Route::To(*link),
                        Some(_) => Route::Wait,
                        None => Route::Refused(Refusal::Unroutable),
                    };
                    prop_assert_eq!(server.route(&mut to(*number)), expected);
                }
            }
        }
    }
}
