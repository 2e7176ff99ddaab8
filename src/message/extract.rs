//! What a message becomes, and what is said when it cannot.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

use super::error::ConvertErrorKind;
use super::frame::{Frame, Frames, IntoFrames};
use super::{Message, Received, Repr};

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
        if let Repr::Received(it) = message.repr {
            let Received { message, peer } = *it;
            return Bytes::try_from(message).map_err(|mut error| {
                error.message.set_peer(peer);
                error
            });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gives_itself_back_when_it_is_not_what_was_asked_for() {
        let two = Message::from(["a", "b"]);
        let error = Bytes::try_from(two.clone()).unwrap_err();
        let kind = ConvertErrorKind::FrameCount {
            expected: 1,
            frames: 2,
        };
        assert_eq!((error.kind(), error.message()), (kind, &two));
        assert_eq!(error.into_message(), two);
        let error = String::try_from(two.clone()).unwrap_err();
        assert_eq!(error.into_message(), two);
        let error = <[Frame; 3]>::try_from(two.clone()).unwrap_err();
        assert_eq!(error.into_message(), two);
        let binary = Message::from([0xffu8, 0xfe]);
        let error = String::try_from(binary.clone()).unwrap_err();
        assert_eq!(error.kind(), ConvertErrorKind::NotUtf8);
        assert_eq!(error.into_message(), binary);
    }
}
