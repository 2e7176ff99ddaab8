//! Groups: the field that a RADIO sends by and a DISH receives by.

use super::{Frame, Message, Repr};

impl Message {
    /// The group that a message of a DISH was sent to, or that a RADIO shall send it to. `None` for messages
    /// of other sockets, and of several frames.
    pub fn group(&self) -> Option<&[u8]> {
        match &self.repr {
            Repr::Grouped(_, group) => Some(group),
            Repr::Received(it) => it.message.group(),
            _ => None,
        }
    }

    /// The message as one of a group, for a RADIO to send. A group is up to 255 bytes, which need not be
    /// text; it may be empty. Other sockets send the message without it. A message of several frames,
    /// which a RADIO does not send, stays as it is.
    ///
    /// Costs an allocation for the group, and one for a body that lived inside the message.
    ///
    /// ```
    /// let message = sinew::Message::from("12 degrees").in_group("weather");
    /// assert_eq!(message.group(), Some(&b"weather"[..]));
    /// assert_eq!(message, "12 degrees");
    /// ```
    #[must_use = "the group is in what is returned"]
    pub fn in_group(mut self, group: impl Into<Frame>) -> Message {
        if let Repr::Received(_) = self.repr {
            return self.map_received(|message| message.in_group(group));
        }
        self.fill_blank();
        if self.len() == 1 {
            if let Some(body) = self.pop_front() {
                self.repr = Repr::Grouped(body.into(), group.into().into());
            }
        }
        self
    }

    /// Makes the group the first of two frames, as it goes over a stream (RFC 48).
    pub(crate) fn put_group_first(&mut self) {
        if let Repr::Received(it) = &mut self.repr {
            it.message.put_group_first();
        } else if let Repr::Grouped(body, group) = &mut self.repr {
            let (body, group) = (std::mem::take(body), std::mem::take(group));
            *self = Message::from(Frame::from(body));
            self.push_front(Frame::from(group));
        }
    }

    /// The reverse. False: it is no message of a group.
    pub(crate) fn take_group(&mut self) -> bool {
        if let Repr::Received(it) = &mut self.repr {
            return it.message.take_group();
        }
        if self.len() == 2 {
            if let (Some(group), Some(body)) = (self.pop_front(), self.pop_front()) {
                self.repr = Repr::Grouped(body.into(), group.into());
            }
        }
        self.group().is_some()
    }

    /// The group of a message, whether it is in its place or still the first of two frames.
    pub(crate) fn group_or_first(&self) -> Option<&[u8]> {
        match self.group() {
            None if self.len() == 2 => Some(self.first()),
            group => group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_goes_with_a_single_frame_and_its_clones_and_with_nothing_else() {
        for size in [0, 1, 69, 70, 5000] {
            let body = vec![7; size];
            let message = Message::from(body.clone()).in_group("g");
            assert_eq!(message.clone().group(), Some(&b"g"[..]));
            assert_eq!(message.clone().into_owned().group(), Some(&b"g"[..]));
            assert_eq!(message, Message::from(body.clone()));
            assert_eq!((message.len(), message.byte_len()), (1, size));
            assert_eq!(message.as_bytes().unwrap(), body);
            assert_eq!(message.clone().in_group("").group(), Some(&b""[..]));
            assert_eq!(message.clone().with_routing_id(1).group(), None);
            let routed = message.clone().with_routing_id(1).in_group("h");
            assert_eq!(
                (routed.routing_id(), routed.group()),
                (None, Some(&b"h"[..]))
            );
            let mut two = message.clone();
            two.push_back("more");
            assert_eq!(two, Message::from([&body[..], b"more"]));
            assert_eq!(two.in_group("g").group(), None);
            let mut rest = message;
            assert_eq!(rest.pop_front().unwrap(), body[..]);
            assert!(rest.is_empty());
        }
        assert_eq!(Message::new().in_group("g"), "");
    }

    #[test]
    fn a_group_becomes_the_first_of_two_frames_and_is_taken_from_there() {
        for size in [0, 1, 69, 70, 5000] {
            for group in [0, 1, 60, 255] {
                let (body, group) = (vec![7; size], vec![b'g'; group]);
                let mut message = Message::from(body.clone()).in_group(group.clone());
                message.put_group_first();
                assert_eq!(message, Message::from([&group[..], &body[..]]));
                assert_eq!(message.group_or_first(), Some(&group[..]));
                assert!(message.take_group());
                assert_eq!(message.group(), Some(&group[..]));
                assert_eq!(message.group_or_first(), Some(&group[..]));
                assert_eq!(message, body);
                assert!(message.take_group(), "it has it already");
            }
        }
        for mut other in [Message::from("one"), Message::from(["a", "b", "c"])] {
            let same = other.clone();
            assert!(!other.take_group());
            assert_eq!(other.group_or_first(), None);
            assert_eq!(other, same);
        }
    }
}
