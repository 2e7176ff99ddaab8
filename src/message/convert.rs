//! What becomes a message. What a message becomes: `extract`.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::frame::Frame;
use super::{Message, Repr, INLINE};

impl From<Frame> for Message {
    fn from(frame: Frame) -> Message {
        Message::from(Bytes::from(frame))
    }
}

impl From<&Frame> for Message {
    fn from(frame: &Frame) -> Message {
        Message::from(frame.clone())
    }
}

impl From<&Message> for Message {
    /// A clone, which shares larger bodies.
    fn from(message: &Message) -> Message {
        message.clone()
    }
}

impl From<&Frame> for Frame {
    /// A clone, which shares the bytes.
    fn from(frame: &Frame) -> Frame {
        frame.clone()
    }
}

impl From<Bytes> for Message {
    /// Small bodies move into the message itself; larger ones stay where they are.
    fn from(body: Bytes) -> Message {
        if body.len() <= INLINE {
            Message::copy_from_slice(&body)
        } else {
            Message {
                repr: Repr::One(body),
            }
        }
    }
}

impl From<&[u8]> for Frame {
    fn from(body: &[u8]) -> Frame {
        Frame::from(Bytes::copy_from_slice(body))
    }
}

impl From<&[u8]> for Message {
    #[inline]
    fn from(body: &[u8]) -> Message {
        Message::copy_from_slice(body)
    }
}

/// Things that are borrowed: copied, inline where they fit.
macro_rules! from_borrowed {
    ($([$($params:tt)*] $kind:ty),* $(,)?) => {$(
        impl<$($params)*> From<$kind> for Frame {
            fn from(body: $kind) -> Frame {
                let bytes: &[u8] = body.as_ref();
                Frame::from(bytes)
            }
        }

        impl<$($params)*> From<$kind> for Message {
            #[inline]
            fn from(body: $kind) -> Message {
                let bytes: &[u8] = body.as_ref();
                Message::copy_from_slice(bytes)
            }
        }
    )*};
}

from_borrowed! {
    [] &str,
    [] &&str,
    [] &&[u8],
    [const N: usize] &&[u8; N],
    [] &String,
    [] &Vec<u8>,
    [const N: usize] &[u8; N],
    [const N: usize] [u8; N],
}

/// Things that own their bytes: moved, not copied, unless they fit inline.
macro_rules! from_owned {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Frame {
            fn from(body: $kind) -> Frame {
                Frame::from(Bytes::from(body))
            }
        }

        impl From<$kind> for Message {
            fn from(body: $kind) -> Message {
                if body.len() <= INLINE {
                    let bytes: &[u8] = body.as_ref();
                    Message::copy_from_slice(bytes)
                } else {
                    Message { repr: Repr::One(Bytes::from(body)) }
                }
            }
        }
    )*};
}

from_owned!(Vec<u8>, String, Box<[u8]>, BytesMut);

/// Things that may be either: what `from_utf8_lossy` gives.
macro_rules! from_cow {
    ($($kind:ty),*) => {$(
        impl From<Cow<'_, $kind>> for Frame {
            fn from(body: Cow<'_, $kind>) -> Frame {
                Frame::from(body.into_owned())
            }
        }

        impl From<Cow<'_, $kind>> for Message {
            fn from(body: Cow<'_, $kind>) -> Message {
                match body {
                    Cow::Borrowed(body) => Message::from(body),
                    Cow::Owned(body) => Message::from(body),
                }
            }
        }
    )*};
}

from_cow!(str, [u8]);

impl From<&Bytes> for Frame {
    /// Shares the bytes.
    fn from(body: &Bytes) -> Frame {
        Frame::from(body.clone())
    }
}

impl From<&Bytes> for Message {
    fn from(body: &Bytes) -> Message {
        Message::from(body.clone())
    }
}

impl<T: Into<Frame>> FromIterator<T> for Message {
    /// One frame an item; an empty iterator gives a message without frames.
    fn from_iter<I: IntoIterator<Item = T>>(frames: I) -> Message {
        let mut message = Message::new();
        message.extend(frames);
        message
    }
}

impl<T: Into<Frame>> Extend<T> for Message {
    /// Appends one frame an item.
    fn extend<I: IntoIterator<Item = T>>(&mut self, frames: I) {
        for frame in frames {
            self.push_back(frame);
        }
    }
}

impl<T: Into<Frame>, const N: usize> From<[T; N]> for Message {
    /// One frame an element; an empty array gives a message without frames.
    fn from(frames: [T; N]) -> Message {
        frames.into_iter().collect()
    }
}

impl<T: Into<Frame>> From<Vec<T>> for Message {
    /// One frame an element; an empty vector gives a message without frames.
    fn from(frames: Vec<T>) -> Message {
        frames.into_iter().collect()
    }
}

impl<'a, T> From<&'a [T]> for Message
where
    &'a T: Into<Frame>,
{
    /// One frame an element, copied unless it is a [`Frame`] or [`Bytes`]; an empty slice gives a message
    /// without frames.
    fn from(frames: &'a [T]) -> Message {
        frames.iter().collect()
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for Message
where
    &'a T: Into<Frame>,
{
    /// One frame an element, copied unless it is a [`Frame`] or [`Bytes`].
    fn from(frames: &'a [T; N]) -> Message {
        frames.iter().collect()
    }
}

impl<'a, T> From<&'a Vec<T>> for Message
where
    &'a T: Into<Frame>,
{
    /// One frame an element, copied unless it is a [`Frame`] or [`Bytes`]; an empty vector gives a
    /// message without frames.
    fn from(frames: &'a Vec<T>) -> Message {
        frames.iter().collect()
    }
}

/// Things that are not alike, in one message.
macro_rules! from_tuples {
    ($($($kind:ident)*;)*) => {$(
        impl<$($kind: Into<Frame>),*> From<($($kind,)*)> for Message {
            /// One frame an element.
            #[allow(non_snake_case, reason = "each name stands for a type and for its value")]
            fn from(($($kind,)*): ($($kind,)*)) -> Message {
                let mut message = Message::new();
                $(message.push_back($kind);)*
                message
            }
        }
    )*};
}

from_tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ConvertErrorKind;

    #[test]
    fn what_rust_people_hold_becomes_a_message() {
        let body = b"body".to_vec();
        assert_eq!(Message::from("body"), "body");
        assert_eq!(Message::from(String::from("body")), "body");
        assert_eq!(Message::from(&body[..]), "body");
        assert_eq!(Message::from(body.clone()), "body");
        assert_eq!(Message::from(*b"body"), "body");
        assert_eq!(Message::from(b"body"), "body");
        assert_eq!(Message::from(Bytes::from_static(b"body")), "body");
        assert_eq!(Message::from(body.clone().into_boxed_slice()), "body");
        assert_eq!(Message::from(vec![body.clone(), body.clone()]).len(), 2);
        assert_eq!(
            Message::from([Bytes::from(body.clone()), Bytes::new()]).len(),
            2
        );
        assert_eq!(["a", "b", "c"].into_iter().collect::<Message>().len(), 3);
        // Several frames that are only lent.
        let texts = vec![String::from("a"), String::from("b")];
        for lent in [
            Message::from(&texts),
            Message::from(&texts[..]),
            Message::from(&["a", "b"]),
            Message::from(&["a", "b"][..]),
            Message::from(&[Frame::from("a"), Frame::from("b")]),
            Message::from(&[b"a", b"b"]),
        ] {
            assert_eq!(lent, ["a", "b"]);
        }
    }

    #[test]
    fn a_large_owned_buffer_is_not_copied() {
        let body = vec![7; 4096];
        let at = body.as_ptr();
        let message = Message::from(body);
        assert_eq!(message.as_bytes().unwrap().as_ptr(), at);
        let back = Vec::<u8>::try_from(message).unwrap();
        assert_eq!(back.as_ptr(), at);
    }

    #[test]
    fn unlike_things_become_frames_and_come_out_again() {
        let message = Message::from(("topic", [1u8, 2], vec![3u8; 100], String::from("end")));
        assert_eq!(message.len(), 4);
        assert_eq!(message[1], [1, 2]);
        assert_eq!(message.get_str(3), Ok("end"));
        assert_eq!(
            message.get_str(4),
            Err(ConvertErrorKind::NoSuchFrame {
                index: 4,
                frames: 4
            })
        );
        assert_eq!(message.get_str(0), Ok("topic"));
        let parts = Vec::<Vec<u8>>::from(message.clone());
        assert_eq!(parts[2], [3; 100]);
        let [topic, .., end] = <[Frame; 4]>::try_from(message).unwrap();
        assert_eq!((topic.to_str(), end.to_str()), (Ok("topic"), Ok("end")));
    }
}
