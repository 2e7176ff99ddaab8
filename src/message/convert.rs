//! What becomes a message, what a message becomes, and how it is shown.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};

use super::error::ConvertErrorKind;
use super::frame::{Frame, Frames, IntoFrames};
use super::shown::show_frames;
use super::{Message, Repr, INLINE};

// ----- shown -----

impl fmt::Display for Message {
    /// The frames with `|` between them: text as it is, other bytes escaped, cut to a readable
    /// length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_frames(f, self.frames(), " | ", fmt::Display::fmt)
    }
}

impl fmt::Debug for Message {
    /// The frames in quotes, escaped, and cut to a readable length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message[")?;
        show_frames(f, self.frames(), ", ", fmt::Debug::fmt)?;
        f.write_str("]")
    }
}

// ----- into a message -----

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

// ----- out of a message -----

/// A message could not become what was asked for: why, and the message itself, unchanged.
///
/// ```
/// use sinew::Message;
///
/// let error = String::try_from(Message::from(["topic", "body"])).unwrap_err();
/// assert_eq!(error.to_string(), "the message has 2 frames, not 1");
/// assert_eq!(error.into_message(), ["topic", "body"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    kind: ConvertErrorKind,
    // Boxed: a message is 72 bytes, and every conversion returns this type on its way.
    message: Box<Message>,
}

impl ConvertError {
    fn new(kind: ConvertErrorKind, message: Message) -> ConvertError {
        ConvertError {
            kind,
            message: Box::new(message),
        }
    }

    /// Why the message could not become it.
    pub fn kind(&self) -> ConvertErrorKind {
        self.kind
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The message, to be used otherwise.
    pub fn into_message(self) -> Message {
        *self.message
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for ConvertError {}

/// Gives the message back, in the error, unless it has exactly one frame.
impl TryFrom<Message> for Bytes {
    type Error = ConvertError;

    fn try_from(message: Message) -> Result<Bytes, ConvertError> {
        if let Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) = message.repr {
            return Ok(body);
        }
        match message.as_bytes() {
            Ok(body) => Ok(Bytes::copy_from_slice(body)),
            Err(kind) => Err(ConvertError::new(kind, message)),
        }
    }
}

/// Gives the message back, in the error, unless it has exactly one frame.
impl TryFrom<Message> for Vec<u8> {
    type Error = ConvertError;

    fn try_from(message: Message) -> Result<Vec<u8>, ConvertError> {
        Bytes::try_from(message).map(Vec::from)
    }
}

/// Gives the message back, in the error, unless it has exactly one frame.
impl TryFrom<Message> for Frame {
    type Error = ConvertError;

    fn try_from(message: Message) -> Result<Frame, ConvertError> {
        Bytes::try_from(message).map(Frame::from)
    }
}

/// Gives the message back, in the error, unless it has exactly one frame of UTF-8.
impl TryFrom<Message> for String {
    type Error = ConvertError;

    fn try_from(message: Message) -> Result<String, ConvertError> {
        match Vec::try_from(message).map(String::from_utf8)? {
            Ok(text) => Ok(text),
            Err(error) => {
                let message = Message::from(error.into_bytes());
                Err(ConvertError::new(ConvertErrorKind::NotUtf8, message))
            }
        }
    }
}

/// Gives the frame back, in the error, as a message of its own, unless it is UTF-8.
impl TryFrom<Frame> for String {
    type Error = ConvertError;

    fn try_from(frame: Frame) -> Result<String, ConvertError> {
        Message::from(frame).try_into()
    }
}

/// Gives the message back, in the error, unless it has exactly `N` frames.
///
/// ```
/// use sinew::{Frame, Message};
///
/// let [topic, body] = <[Frame; 2]>::try_from(Message::from(["topic", "body"]))?;
/// assert_eq!((topic.to_str()?, body.to_str()?), ("topic", "body"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<const N: usize> TryFrom<Message> for [Frame; N] {
    type Error = ConvertError;

    fn try_from(message: Message) -> Result<[Frame; N], ConvertError> {
        let frames = message.len();
        <[Frame; N]>::try_from(Vec::from(message)).map_err(|message| {
            let kind = ConvertErrorKind::FrameCount {
                expected: N,
                frames,
            };
            ConvertError::new(kind, Message::from(message))
        })
    }
}

impl From<Message> for Vec<Frame> {
    fn from(message: Message) -> Vec<Frame> {
        message.into_deque().into()
    }
}

impl From<Message> for VecDeque<Frame> {
    fn from(message: Message) -> VecDeque<Frame> {
        message.into_deque()
    }
}

impl From<Message> for Vec<Vec<u8>> {
    fn from(message: Message) -> Vec<Vec<u8>> {
        message.into_frames().map(Vec::from).collect()
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
