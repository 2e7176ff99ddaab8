//! Whom a message was received from.

use std::sync::Arc;

use super::{Message, Received, Repr};
use crate::peer::PeerInfo;

impl Message {
    /// The peer that a received message came from: its address, type and routing id, and the properties that it
    /// announced. `None` unless the socket was told to keep them
    /// ([`message_metadata`](crate::Options::message_metadata)).
    ///
    /// It is the peer at the time when it sent the message, also once it has gone: the messages of a
    /// connection share it. It stays with the message while frames are added and taken off, and with
    /// its clones; it does not go with it when that is sent again, and has no part in comparisons.
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).message_metadata(true).bind("tcp://127.0.0.1:*")?;
    /// let push = context.socket(Push).property("X-Role", "sensor").connect(pull.endpoint()?)?;
    /// push.send("12 degrees")?;
    ///
    /// let message = pull.recv()?;
    /// let peer = message.peer().unwrap();
    /// assert_eq!(peer.property("X-Role"), Some(&b"sensor"[..]));
    /// assert!(peer.address.as_ref().unwrap().starts_with("127.0.0.1:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peer(&self) -> Option<&Arc<PeerInfo>> {
        match &self.repr {
            Repr::Received(it) => Some(&it.peer),
            _ => None,
        }
    }

    /// Has the message tell whom it is from.
    pub(crate) fn set_peer(&mut self, peer: Arc<PeerInfo>) {
        self.clear_peer();
        let message = std::mem::take(self);
        self.repr = Repr::Received(Box::new(Received { message, peer }));
    }

    /// Takes that away.
    pub(crate) fn clear_peer(&mut self) {
        if let Repr::Received(it) = &mut self.repr {
            *self = std::mem::take(&mut it.message);
        }
    }

    /// Makes it what is queued and received: with at least one frame, and without word of the peer that
    /// this socket's program had it from, which is no affair of the next receiver's.
    #[inline]
    pub(crate) fn prepare_to_send(&mut self) {
        // The first two variants: a single comparison.
        if let Repr::Blank | Repr::Received(_) = self.repr {
            self.prepare_unusual();
        }
    }

    #[cold]
    fn prepare_unusual(&mut self) {
        self.clear_peer();
        self.fill_blank();
    }

    /// What `change` makes of a message inside the word of its peer.
    pub(super) fn map_received(mut self, change: impl FnOnce(Message) -> Message) -> Message {
        if let Repr::Received(it) = &mut self.repr {
            it.message = change(std::mem::take(&mut it.message));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::SocketType;
    use crate::{Frame, Frames};
    use bytes::Bytes;

    fn peer(id: &str) -> Arc<PeerInfo> {
        let mut peer = PeerInfo::new(SocketType::Dealer);
        peer.routing_id = Some(Bytes::copy_from_slice(id.as_bytes()));
        Arc::new(peer)
    }

    fn received(message: impl Into<Message>) -> Message {
        let mut message = message.into();
        message.set_peer(peer("me"));
        message
    }

    fn told(message: &Message) -> Option<&[u8]> {
        message.peer()?.routing_id.as_deref()
    }

    /// Messages of every form.
    fn shapes() -> Vec<Message> {
        let long = "x".repeat(300);
        vec![
            Message::from(""),
            Message::from("small"),
            Message::from(["", "a", ""]),
            Message::from(long.clone()),
            Message::from(["a", &long, ""]),
            Message::from("routed").with_routing_id(7),
            Message::from(long.clone()).with_routing_id(7),
            Message::from("grouped").in_group("g"),
        ]
    }

    #[test]
    fn a_received_message_is_what_it_is_without_its_peer() {
        for plain in shapes() {
            let with = received(plain.clone());
            assert_eq!(told(&with), Some(&b"me"[..]));
            assert_eq!(with, plain);
            assert_eq!(with.len(), plain.len());
            assert_eq!(with.byte_len(), plain.byte_len());
            assert_eq!(with.is_empty(), plain.is_empty());
            assert_eq!(with.first(), plain.first());
            assert_eq!(with.as_bytes(), plain.as_bytes());
            assert_eq!(with.get(1), plain.get(1));
            assert_eq!(with.routing_id(), plain.routing_id());
            assert_eq!(with.group(), plain.group());
            assert_eq!(format!("{with} {with:?}"), format!("{plain} {plain:?}"));
            assert_eq!(with.memory(), plain.memory() + 80);
            assert!(with.frames().eq(plain.frames()));
            let visited = |message: &Message| {
                let mut seen = Vec::new();
                message.for_each_frame(|frame, shared, more| {
                    assert!(shared.is_none_or(|it| it == frame));
                    seen.push((frame.to_vec(), more));
                });
                seen
            };
            assert_eq!(visited(&with), visited(&plain));
            assert!(with.clone().into_frames().eq(plain.clone().into_frames()));
            let frames = |message: &Message| Vec::<Frame>::from(message.clone());
            assert_eq!(frames(&with), frames(&plain));
            let bytes = |message: Message| Bytes::try_from(message).map_err(|it| it.kind());
            assert_eq!(bytes(with.clone()), bytes(plain.clone()));
        }
    }

    #[test]
    fn the_peer_stays_while_a_message_is_taken_apart_and_put_together() {
        for plain in shapes() {
            let steps: [fn(&mut Message); 9] = [
                |it| it.push_back("b"),
                |it| it.push_back(vec![7; 100]),
                |it| it.push_back_slice(b"s"),
                |it| it.push_front("f"),
                |it| it.push_front_shared(&Bytes::from_static(b"shared")),
                |it| drop(it.pop_front()),
                |it| drop(it.pop_back()),
                |it| it.put_group_first(),
                |it| _ = it.take_group(),
            ];
            for step in steps {
                let (mut with, mut plain) = (received(plain.clone()), plain.clone());
                step(&mut with);
                step(&mut plain);
                assert_eq!(with, plain);
                assert_eq!(
                    (with.len(), with.is_empty()),
                    (plain.len(), plain.is_empty())
                );
                assert_eq!(with.group(), plain.group());
                assert_eq!(told(&with), Some(&b"me"[..]));
            }
            let maps: [fn(Message) -> Message; 6] = [
                |it| it.with_routing_id(9),
                |it| it.with_routing_id(0),
                |it| it.in_group("other"),
                |it| it.routed_to("id"),
                |it| it.split_id().1,
                Message::into_owned,
            ];
            for map in maps {
                let (with, plain) = (map(received(plain.clone())), map(plain.clone()));
                assert_eq!(with, plain);
                assert_eq!(with.routing_id(), plain.routing_id());
                assert_eq!(with.group(), plain.group());
                assert_eq!(told(&with), Some(&b"me"[..]));
                assert_eq!(told(&with.clone()), Some(&b"me"[..]));
            }
            let mut rest = received(plain.clone());
            let behind = rest.take_behind_first();
            assert_eq!(behind, plain.clone().split_id().1);
        }
        let two = received(["a", "b"]);
        let error = Bytes::try_from(two).unwrap_err();
        assert_eq!(told(error.message()), Some(&b"me"[..]));
    }

    #[test]
    fn what_is_sent_tells_of_no_peer() {
        for plain in shapes() {
            let mut message = received(plain.clone());
            message.prepare_to_send();
            assert_eq!(message, plain);
            assert_eq!(message.peer(), None);
            let mut plain_too = plain.clone();
            plain_too.prepare_to_send();
            assert_eq!(plain_too, plain);
        }
        let mut none = received("only");
        none.pop_front();
        assert!(none.is_empty() && none.frames().eq(Frames::clone(&Message::new().frames())));
        none.prepare_to_send();
        assert_eq!((none.len(), &none), (1, &Message::from("")));
        let mut blank = Message::new();
        blank.prepare_to_send();
        assert_eq!(blank, "");
    }

    #[test]
    fn another_peer_takes_the_place_of_the_last() {
        let mut message = received("m");
        message.set_peer(peer("you"));
        assert_eq!(told(&message), Some(&b"you"[..]));
        message.clear_peer();
        message.clear_peer();
        assert_eq!((told(&message), &message), (None, &Message::from("m")));
    }
}
