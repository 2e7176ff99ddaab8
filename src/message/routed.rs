//! Routing ids: the first frame of what a ROUTER sends and receives.

use bytes::Bytes;

use super::{Frame, Message, Repr};

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
