//! One message, one datagram: the form that messages have over udp, where there are no connections.
//!
//! No RFC says it; it is libzmq's. A datagram of a RADIO is the length of the group in one byte, the group
//! and the body. That of a DGRAM is the body alone: the first of the message's two frames is the address
//! of the other end, which the system's own headers carry.

use std::net::SocketAddr;

use crate::message::Message;
use crate::tuning::LARGEST_DATAGRAM;

/// What a datagram has before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The group, behind its length (RADIO, DISH).
    Group,
    /// Nothing (DGRAM).
    Bare,
}

/// The message of a datagram that came from `from`; its first frame is the group, or that address. `None`:
/// it is not of that form.
pub(crate) fn decode(form: Form, bytes: &[u8], from: SocketAddr) -> Option<Message> {
    match form {
        Form::Group => {
            let (&length, rest) = bytes.split_first()?;
            let (group, body) = rest.split_at_checked(usize::from(length))?;
            Some(Message::from([group, body]))
        }
        Form::Bare => Some(Message::from([from.to_string().as_bytes(), bytes])),
    }
}

/// The address that a first frame names; `None` if it names none.
pub(crate) fn address_in(frame: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(frame).ok()?.parse().ok()
}

/// A datagram, and where it goes if not where all of its endpoint go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) to: Option<SocketAddr>,
}

/// Where a datagram is put together; kept for its memory.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// A byte for the length of the group, and behind it all frames.
    bytes: Vec<u8>,
    /// Bytes of the first frame.
    first: usize,
    frames: usize,
}

impl Draft {
    /// Begins another message.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.push(0);
        (self.first, self.frames) = (0, 0);
    }

    /// Appends a frame. What no datagram could hold is counted, and not copied.
    pub(crate) fn push_frame(&mut self, frame: &[u8]) {
        if self.frames == 0 {
            self.first = frame.len();
        }
        self.frames += 1;
        if self.bytes.len() + frame.len() > 2 * LARGEST_DATAGRAM {
            // More than two frames are of no form.
            self.frames = usize::MAX / 2;
            return;
        }
        self.bytes.extend_from_slice(frame);
    }

    /// The datagram of at most `most` bytes that the frames are. `None`: they are none.
    pub(crate) fn finish(&mut self, form: Form, most: usize) -> Option<Datagram<'_>> {
        if self.frames != 2 {
            return None;
        }
        let (bytes, to) = match form {
            Form::Group => {
                let length = u8::try_from(self.first).ok()?;
                *self.bytes.first_mut()? = length;
                (&self.bytes[..], None)
            }
            Form::Bare => {
                let (address, body) = self.bytes.get(1..)?.split_at_checked(self.first)?;
                let to = match address {
                    [] => None,
                    address => Some(address_in(address)?),
                };
                (body, to)
            }
        };
        (bytes.len() <= most).then_some(Datagram { bytes, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from() -> SocketAddr {
        "10.0.0.7:5".parse().unwrap()
    }

    fn draft(frames: &[&[u8]]) -> Draft {
        let mut draft = Draft::default();
        draft.clear();
        frames.iter().for_each(|frame| draft.push_frame(frame));
        draft
    }

    #[test]
    fn a_radios_datagram_is_the_length_of_the_group_the_group_and_the_body() {
        let mut draft = draft(&[b"oslo", b"12 degrees"]);
        let datagram = draft.finish(Form::Group, 15).unwrap();
        assert_eq!(
            (datagram.bytes, datagram.to),
            (&b"\x04oslo12 degrees"[..], None)
        );
        let message = decode(Form::Group, datagram.bytes, from()).unwrap();
        assert_eq!(message, ["oslo", "12 degrees"]);
        assert!(draft.finish(Form::Group, 14).is_none(), "one byte too many");
    }

    #[test]
    fn a_group_and_a_body_may_be_empty_but_not_the_datagram() {
        assert!(decode(Form::Group, b"", from()).is_none());
        assert_eq!(decode(Form::Group, b"\0", from()).unwrap(), ["", ""]);
        assert_eq!(decode(Form::Group, b"\x01g", from()).unwrap(), ["g", ""]);
        assert_eq!(decode(Form::Group, b"\0b", from()).unwrap(), ["", "b"]);
        assert_eq!(
            draft(&[b"", b""]).finish(Form::Group, 1).unwrap().bytes,
            b"\0"
        );
    }

    #[test]
    fn a_group_longer_than_its_datagram_is_none() {
        assert!(decode(Form::Group, b"\x02g", from()).is_none());
        assert!(decode(Form::Group, b"\xff", from()).is_none());
        // libzmq once took the byte for a signed number.
        let mut longest = vec![255];
        longest.extend([b'g'; 255]);
        let message = decode(Form::Group, &longest, from()).unwrap();
        assert_eq!((message[0].len(), message[1].len()), (255, 0));
        assert!(draft(&[&[b'g'; 256], b""])
            .finish(Form::Group, 9999)
            .is_none());
    }

    #[test]
    fn a_bare_datagram_is_the_body_and_the_first_frame_is_the_address() {
        let message = decode(Form::Bare, b"body", from()).unwrap();
        assert_eq!(message, ["10.0.0.7:5", "body"]);
        assert_eq!(decode(Form::Bare, b"", from()).unwrap(), ["10.0.0.7:5", ""]);
        for (address, to) in [("10.0.0.7:5", Some(from())), ("", None)] {
            let mut draft = draft(&[address.as_bytes(), b"body"]);
            let datagram = draft.finish(Form::Bare, 4).unwrap();
            assert_eq!((datagram.bytes, datagram.to), (&b"body"[..], to));
            assert!(draft.finish(Form::Bare, 3).is_none());
        }
        for address in ["10.0.0.7", "host:5", "\u{ff}", "10.0.0.7:5 "] {
            assert!(draft(&[address.as_bytes(), b"body"])
                .finish(Form::Bare, 9)
                .is_none());
        }
    }

    #[test]
    fn messages_that_are_no_datagram_cost_no_memory() {
        let large = vec![7; 10 * LARGEST_DATAGRAM];
        let mut draft = draft(&[b"g", &large, &large]);
        assert!(draft.finish(Form::Group, usize::MAX).is_none());
        assert!(draft.bytes.len() < 10);
        for frames in [&[][..], &[b"g".as_slice()], &[b"g", b"b", b"c"]] {
            assert!(self::draft(frames).finish(Form::Group, 99).is_none());
            assert!(self::draft(frames).finish(Form::Bare, 99).is_none());
        }
    }

    proptest! {
        #[test]
        fn what_is_made_reads_back(
            group in prop::collection::vec(any::<u8>(), 0..300),
            body in prop::collection::vec(any::<u8>(), 0..300),
            most in 0..700usize,
        ) {
            let mut draft = draft(&[&group, &body]);
            let made = draft.finish(Form::Group, most).map(|it| it.bytes.to_vec());
            let fits = group.len() <= 255 && 1 + group.len() + body.len() <= most;
            prop_assert_eq!(made.is_some(), fits);
            if let Some(bytes) = made {
                let message = decode(Form::Group, &bytes, from()).unwrap();
                prop_assert_eq!(message, [&group[..], &body[..]]);
            }
        }

        #[test]
        fn any_datagram_is_a_group_and_a_body_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..600)
        ) {
            match decode(Form::Group, &bytes, from()) {
                Some(message) => {
                    let frames: Vec<_> = message.iter().collect();
                    let made = draft(&frames).finish(Form::Group, bytes.len()).unwrap().bytes.to_vec();
                    prop_assert_eq!(made, bytes);
                }
                None => {
                    let length = bytes.first().map(|length| usize::from(*length));
                    prop_assert!(length.is_none_or(|length| length + 1 > bytes.len()));
                }
            }
        }

        #[test]
        fn addresses_read_back(ip in any::<std::net::IpAddr>(), port in any::<u16>()) {
            let from = SocketAddr::new(ip, port);
            let message = decode(Form::Bare, b"x", from).unwrap();
            prop_assert_eq!(address_in(&message[0]), Some(from));
        }
    }
}
