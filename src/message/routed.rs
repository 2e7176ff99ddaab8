//! Routing ids: the first frame of what a ROUTER sends and receives, and the number that a SERVER's messages
//! have.

use std::num::NonZeroU32;

use bytes::Bytes;

use super::{Frame, Message, Repr};

/// The numbers of SERVER and PEER.
impl Message {
    /// The number of the peer that a message of a SERVER or a PEER came from, or goes to: never zero.
    /// `None` for messages of other sockets, and of several frames.
    pub fn routing_id(&self) -> Option<u32> {
        match &self.repr {
            Repr::Routed(_, id) => Some(id.get()),
            Repr::Received(it) => it.message.routing_id(),
            _ => None,
        }
    }

    /// The message with the number of the peer that a SERVER or a PEER shall send it to. The number goes
    /// with the value, and not over the wire. Zero takes it away; a message of several frames,
    /// which those sockets do not send, stays as it is.
    ///
    /// ```
    /// let message = sinew::Message::from("hello").with_routing_id(7);
    /// assert_eq!(message.routing_id(), Some(7));
    /// assert_eq!(message, "hello");
    /// ```
    #[must_use = "the number is in what is returned"]
    pub fn with_routing_id(mut self, routing_id: u32) -> Message {
        if let Repr::Received(_) = self.repr {
            return self.map_received(|message| message.with_routing_id(routing_id));
        }
        self.clear_routing_id();
        self.fill_blank();
        if let (Some(id), 1) = (NonZeroU32::new(routing_id), self.len()) {
            if let Some(body) = self.pop_front() {
                self.repr = Repr::Routed(body.into(), id);
            }
        }
        self
    }

    /// Takes the number away.
    pub(crate) fn clear_routing_id(&mut self) {
        match &mut self.repr {
            Repr::Routed(body, _) => self.repr = Repr::One(std::mem::take(body)),
            Repr::Received(it) => it.message.clear_routing_id(),
            _ => {}
        }
    }
}

impl Message {
    /// The message behind a routing id: what a ROUTER sends to the peer of that id.
    ///
    /// ```
    /// let message = sinew::Message::from(["", "body"]).routed_to("worker");
    /// assert_eq!(message, ["worker", "", "body"]);
    /// ```
    #[must_use = "the routing id is in what is returned"]
    pub fn routed_to(mut self, routing_id: impl Into<Frame>) -> Message {
        self.fill_blank();
        self.push_front(routing_id);
        self
    }

    /// The routing id of its sender, which is the first frame of what a ROUTER receives, and the message
    /// behind it. The two are put together again by [`routed_to`](Message::routed_to).
    ///
    /// ```
    /// let (sender, message) = sinew::Message::from(["worker", "", "body"]).split_id();
    /// assert_eq!(sender, "worker");
    /// assert_eq!(message, ["", "body"]);
    /// ```
    pub fn split_id(mut self) -> (Frame, Message) {
        let id = self.pop_front().unwrap_or_default();
        (id, self)
    }

    /// Puts a shared frame before all others: copied where the message stays small, else without a copy.
    pub(crate) fn push_front_shared(&mut self, frame: &Bytes) {
        if let Repr::Received(it) = &mut self.repr {
            return it.message.push_front_shared(frame);
        }
        if self.is_empty() {
            *self = Message::from(Frame::from(frame.clone()));
        } else if !self.pack_front(frame) {
            self.spill(|frames| frames.push_front(Frame::from(frame.clone())));
        }
    }

    /// Takes out all frames but the first, which is left to be dropped: it may be the user's.
    pub(crate) fn take_behind_first(&mut self) -> Message {
        let mut rest = std::mem::take(self);
        let several_inline = matches!(rest.repr, Repr::Inline { frames: 2.., .. });
        // Inline frames are nobody's, and need not be made frames of their own to be dropped.
        if !several_inline || !rest.skip_front() {
            if let Some(first) = rest.pop_front() {
                *self = Message::from(first);
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_with_a_single_frame_and_its_clones_and_with_nothing_else() {
        for size in [0, 1, 69, 70, 5000] {
            let body = vec![7; size];
            let message = Message::from(body.clone()).with_routing_id(9);
            assert_eq!(message.clone().routing_id(), Some(9));
            assert_eq!(message.clone().into_owned().routing_id(), Some(9));
            assert_eq!(message, Message::from(body.clone()));
            assert_eq!((message.len(), message.byte_len()), (1, size));
            assert_eq!(message.as_bytes().unwrap(), body);
            assert_eq!(message.clone().with_routing_id(10).routing_id(), Some(10));
            assert_eq!(message.clone().with_routing_id(0).routing_id(), None);
            let mut two = message.clone();
            two.push_back("more");
            assert_eq!(two, Message::from([&body[..], b"more"]));
            assert_eq!(two.with_routing_id(9).routing_id(), None);
            let mut rest = message;
            assert_eq!(rest.pop_front().unwrap(), body[..]);
            assert!(rest.is_empty());
        }
        assert_eq!(Message::new().with_routing_id(9), "");
    }

    #[test]
    fn an_id_is_put_before_and_taken_off_messages_of_any_shape() {
        let long = "x".repeat(300);
        let shapes = [
            Message::from("small"),
            Message::from(""),
            Message::from(["", "a", ""]),
            Message::from(long.clone()),
            Message::from(["a", &long]),
            Message::from([long.as_str(), "a", ""]),
        ];
        for body in shapes {
            for id in ["me", &"y".repeat(255)] {
                let mut shared = body.clone();
                shared.push_front_shared(&Bytes::copy_from_slice(id.as_bytes()));
                let routed = body.clone().routed_to(id);
                assert_eq!(shared, routed);
                assert_eq!(routed[0], *id.as_bytes());
                let mut rest = routed.clone();
                assert_eq!(rest.take_behind_first(), body);
                assert!(rest.is_empty() || rest == id);
                let (taken, rest) = routed.split_id();
                assert_eq!((taken, rest), (Frame::from(id), body.clone()));
            }
        }
        assert_eq!(Message::new().routed_to("me"), ["me", ""]);
        assert_eq!(
            Message::new().split_id(),
            (Frame::default(), Message::new())
        );
        let mut blank = Message::new();
        blank.push_front_shared(&Bytes::from_static(b"me"));
        assert_eq!(blank, "me");
    }
}
