//! What becomes a message, what a message becomes, and what it is equal to.

use bytes::Bytes;

use super::{Frame, Frames, IntoFrames, Message, Repr, INLINE};

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.frames().eq(other.frames())
    }
}

impl Eq for Message {}

impl PartialEq<[u8]> for Message {
    /// True for a message of one frame with these bytes.
    fn eq(&self, other: &[u8]) -> bool {
        self.len() == 1 && self.as_bytes() == other
    }
}

impl PartialEq<&[u8]> for Message {
    fn eq(&self, other: &&[u8]) -> bool {
        *self == **other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Message {
    fn eq(&self, other: &&[u8; N]) -> bool {
        *self == other[..]
    }
}

impl PartialEq<str> for Message {
    fn eq(&self, other: &str) -> bool {
        *self == *other.as_bytes()
    }
}

impl PartialEq<&str> for Message {
    fn eq(&self, other: &&str) -> bool {
        *self == *other.as_bytes()
    }
}

impl AsRef<[u8]> for Message {
    /// The first frame.
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Bytes {
        frame.0
    }
}

impl From<Frame> for Message {
    fn from(frame: Frame) -> Message {
        Message::from(frame.0)
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
        Frame(Bytes::copy_from_slice(body))
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
                Frame(Bytes::from(body))
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

from_owned!(Vec<u8>, String, Box<[u8]>);

impl From<Bytes> for Frame {
    fn from(body: Bytes) -> Frame {
        Frame(body)
    }
}

impl<T: Into<Frame>> FromIterator<T> for Message {
    /// One frame an item; an empty iterator gives a message of one empty frame.
    fn from_iter<I: IntoIterator<Item = T>>(frames: I) -> Message {
        let mut frames = frames.into_iter().map(Into::into);
        let Some(first) = frames.next() else {
            return Message::new();
        };
        let mut message = Message::from(first);
        for frame in frames {
            message.push_back(frame);
        }
        message
    }
}

impl<T: Into<Frame>, const N: usize> From<[T; N]> for Message {
    /// One frame an element; an empty array gives a message of one empty frame.
    fn from(frames: [T; N]) -> Message {
        frames.into_iter().collect()
    }
}

impl<T: Into<Frame>> From<Vec<T>> for Message {
    /// One frame an element; an empty vector gives a message of one empty frame.
    fn from(frames: Vec<T>) -> Message {
        frames.into_iter().collect()
    }
}

/// Gives the message back when it has more than one frame.
impl TryFrom<Message> for Bytes {
    type Error = Message;

    fn try_from(message: Message) -> Result<Bytes, Message> {
        match message.repr {
            Repr::One(body) => Ok(body),
            Repr::Empty => Ok(Bytes::new()),
            Repr::Inline { frames: 1, .. } => Ok(Bytes::copy_from_slice(message.as_bytes())),
            _ => Err(message),
        }
    }
}

/// Gives the message back when it has more than one frame.
impl TryFrom<Message> for Vec<u8> {
    type Error = Message;

    fn try_from(message: Message) -> Result<Vec<u8>, Message> {
        Bytes::try_from(message).map(Vec::from)
    }
}

/// Gives the message back when it has more than one frame or is not UTF-8.
impl TryFrom<Message> for String {
    type Error = Message;

    fn try_from(message: Message) -> Result<String, Message> {
        match Vec::try_from(message).map(String::from_utf8)? {
            Ok(text) => Ok(text),
            Err(error) => Err(Message::from(error.into_bytes())),
        }
    }
}

impl From<Message> for Vec<Frame> {
    fn from(message: Message) -> Vec<Frame> {
        message.into_vec()
    }
}

impl IntoIterator for Message {
    type Item = Frame;
    type IntoIter = IntoFrames;

    fn into_iter(self) -> IntoFrames {
        self.into_frames()
    }
}

impl<'a> IntoIterator for &'a Message {
    type Item = &'a [u8];
    type IntoIter = Frames<'a>;

    fn into_iter(self) -> Frames<'a> {
        self.frames()
    }
}
