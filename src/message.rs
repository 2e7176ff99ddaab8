//! [`Message`] and [`Frame`]: what sockets carry.
//!
//! A message is one or more frames, sent and received whole. Small messages live inside the
//! `Message` value itself, so that they cost no allocation on either side; larger frames are
//! [`Bytes`], so that an owned buffer is sent without a copy and a clone shares it.

mod convert;
mod ends;
mod equal;
mod error;
pub(crate) mod extract;
mod frame;
mod group;
mod inline;
mod memory;
mod pack;
mod print;
mod received;
mod routed;
mod shown;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::ops::Index;
use std::sync::Arc;

use bytes::Bytes;

use crate::peer::PeerInfo;
use frame::Stored;

pub use error::ConvertErrorKind;
pub use frame::{Frame, Frames, IntoFrames};

/// Bytes that a message holds inside itself, without an allocation.
///
/// 69 makes `Message` 72 bytes: the smallest multiple of eight in which a 64-byte body, the size
/// that charts of messaging libraries show, still fits. At 56 (a 64-byte `Message`) a 64-byte body needs two allocations
/// and two frees a message, which costs far more than moving eight bytes more.
pub(crate) const INLINE: usize = 69;

/// Bytes that each frame of a message takes beyond its body, unless they all live inside it.
pub(crate) const FRAME: usize = size_of::<Frame>();

/// One or more frames, sent and received as a unit.
///
/// Anything that looks like bytes becomes a message of one frame; arrays, vectors and iterators of
/// such things, and tuples of unlike ones, become a message of several. Owned buffers (`Vec<u8>`,
/// `String`, `Box<[u8]>`, [`Bytes`]) are not copied when they are larger than what a message holds
/// inside itself.
///
/// A message that was received has at least one frame. One that is built may have none, as after
/// [`Message::new`]; it is sent as one empty frame.
///
/// # One frame, or several
/// The first frame is never taken for the whole: [`to_str`](Message::to_str),
/// [`as_bytes`](Message::as_bytes) and the conversions to `String`, `Vec<u8>` and [`Bytes`] fail for
/// a message of several frames, and comparing one with a string or bytes is `false`. Where frames
/// have their meanings, take them by number ([`Message::get`], `message[0]`), or all at once:
///
/// ```
/// use sinew::{Frame, Message};
///
/// let message = Message::from(("weather.oslo", 7u32.to_be_bytes(), vec![1, 2, 3]));
/// assert!(message.to_str().is_err());
/// assert_eq!(message.get_str(0)?, "weather.oslo");
/// assert_eq!(message[2], [1, 2, 3]);
/// let [topic, number, body] = <[Frame; 3]>::try_from(message)?;
/// assert_eq!(topic, "weather.oslo");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Memory
/// Messages of a stream share the buffers that they were received into: each larger body is a slice
/// of one of 64 KiB, which is free when the last of its messages is dropped. A socket lets at most
/// 32 of these buffers out at a time, and copies what comes while they are out: whatever a program
/// keeps, it holds at most 2 MiB a socket beyond what it keeps. [`Message::into_owned`] gives a message
/// that shares nothing.
///
/// A body made with [`Bytes::from_owner`] is dropped by whichever thread is done with it, when that
/// thread holds nothing of the socket's: the owner's `Drop` may call sockets, wait for them, and panic.
/// The thread may be the context's own, and while the `Drop` waits there, that thread serves no other
/// socket.
///
/// ```
/// use sinew::Message;
///
/// let one = Message::from("hello");
/// assert_eq!(one, "hello");
///
/// let two = Message::from(["topic", "body"]);
/// assert_eq!(two.len(), 2);
/// assert_eq!(two, ["topic", "body"]);
/// assert_eq!(two.get(1), Some(&b"body"[..]));
///
/// let many: Message = (0..3).map(|n| n.to_string()).collect();
/// assert_eq!(many, ["0", "1", "2"]);
/// ```
#[derive(Clone)]
pub struct Message {
    repr: Repr,
}

enum Repr {
    /// No frame. As cheap as can be, because it is what stays behind when a message is moved out of
    /// its place.
    Blank,
    /// Any other, with word of the peer that sent it. What a message is and has, it is and has inside.
    Received(Box<Received>),
    /// All frames live in `data[..len]`.
    ///
    /// With `frames == 1` that is the frame; with more, each frame is one length byte and its
    /// bytes. Invariant: `frames >= 1` and `len <= INLINE`.
    Inline {
        frames: u8,
        len: u8,
        data: [u8; INLINE],
    },
    One(Bytes),
    /// The only frame, and the number of the peer that it is from or for.
    Routed(Bytes, NonZeroU32),
    /// The only frame, and the group that it is of: at most 255 bytes once it was sent.
    Grouped(Bytes, Bytes),
    /// Invariant: never empty. A deque, because envelopes come and go at the front.
    Many(VecDeque<Frame>),
}

/// A message, and the peer that sent it.
#[derive(Clone)]
struct Received {
    /// Never one that tells of a peer itself.
    message: Message,
    peer: Arc<PeerInfo>,
}

impl Message {
    /// A message without frames, to be built. Sent as it is, it goes as one empty frame.
    ///
    /// ```
    /// let mut message = sinew::Message::new();
    /// assert!(message.is_empty());
    /// message.push_back("only");
    /// assert_eq!(message, "only");
    /// ```
    pub const fn new() -> Self {
        Message { repr: Repr::Blank }
    }

    /// How many frames the message has; at least one when it was received.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Inline { frames, .. } => usize::from(*frames),
            Repr::Blank => 0,
            Repr::One(_) | Repr::Routed(..) | Repr::Grouped(..) => 1,
            Repr::Many(frames) => frames.len(),
            Repr::Received(it) => it.message.len(),
        }
    }

    /// Whether the message has no frame, as after [`Message::new`]. A message of one empty frame has
    /// one.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match &self.repr {
            Repr::Blank => true,
            Repr::Received(it) => it.message.is_empty(),
            _ => false,
        }
    }

    /// The bytes of all frames together, without any framing.
    #[inline]
    pub fn byte_len(&self) -> usize {
        match &self.repr {
            Repr::Blank => 0,
            Repr::Inline { frames: 1, len, .. } => usize::from(*len),
            // Each of several inline frames spends one byte on its length.
            Repr::Inline { frames, len, .. } => {
                usize::from(*len).saturating_sub(usize::from(*frames))
            }
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => body.len(),
            Repr::Many(frames) => frames.iter().map(|frame| frame.len()).sum(),
            Repr::Received(it) => it.message.byte_len(),
        }
    }

    /// Frame number `index`, counted from zero; `message[index]` is the same for one that is there.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        match &self.repr {
            Repr::Many(frames) => frames.get(index).map(|frame| &frame[..]),
            Repr::Received(it) => it.message.get(index),
            _ => self.frames().nth(index),
        }
    }

    /// Frame number `index`, counted from zero, as text.
    ///
    /// # Errors
    /// When there is no such frame, or it is not UTF-8.
    pub fn get_str(&self, index: usize) -> Result<&str, ConvertErrorKind> {
        let frame = self.get(index).ok_or(ConvertErrorKind::NoSuchFrame {
            index,
            frames: self.len(),
        })?;
        std::str::from_utf8(frame).map_err(|_| ConvertErrorKind::NotUtf8)
    }

    /// The bytes of the only frame.
    ///
    /// # Errors
    /// When the message does not have exactly one.
    #[inline]
    pub fn as_bytes(&self) -> Result<&[u8], ConvertErrorKind> {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => Ok(&data[..usize::from(*len)]),
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => Ok(body),
            Repr::Received(it) => it.message.as_bytes(),
            _ => self.exactly_one_frame(),
        }
    }

    #[cold]
    fn exactly_one_frame(&self) -> Result<&[u8], ConvertErrorKind> {
        match self.get(0) {
            Some(only) if self.len() == 1 => Ok(only),
            _ => Err(ConvertErrorKind::FrameCount {
                expected: 1,
                frames: self.len(),
            }),
        }
    }

    /// The only frame as text.
    ///
    /// # Errors
    /// When the message does not have exactly one frame, or that is not UTF-8.
    pub fn to_str(&self) -> Result<&str, ConvertErrorKind> {
        std::str::from_utf8(self.as_bytes()?).map_err(|_| ConvertErrorKind::NotUtf8)
    }

    /// The first frame, whatever follows it; no bytes when there is none.
    #[inline]
    pub(crate) fn first(&self) -> &[u8] {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => &data[..usize::from(*len)],
            Repr::One(body) => body,
            _ => self.first_of_uncommon(),
        }
    }

    /// Gives a message without frames the one empty frame that it is sent as, so that what is queued
    /// and received always has one.
    #[inline]
    pub(crate) fn fill_blank(&mut self) {
        if let Repr::Blank = self.repr {
            *self = Message::copy_from_slice(&[]);
        }
    }

    /// All frames, first to last.
    #[inline]
    pub fn frames(&self) -> Frames<'_> {
        Frames::new(match &self.repr {
            Repr::Blank => Stored::One(None),
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => Stored::One(Some(&data[..usize::from(*len)])),
            Repr::Inline { frames, len, data } => Stored::Packed {
                data: &data[..usize::from(*len)],
                frames: *frames,
            },
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => {
                Stored::One(Some(body))
            }
            Repr::Many(frames) => Stored::Many(frames.iter()),
            Repr::Received(it) => return it.message.frames(),
        })
    }

    /// The same as [`Message::frames`], under the name that collections have for it.
    #[inline]
    pub fn iter(&self) -> Frames<'_> {
        self.frames()
    }

    /// Visits each frame with, where it has one, its shareable buffer.
    pub(crate) fn for_each_frame(&self, mut visit: impl FnMut(&[u8], Option<&Bytes>, bool)) {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => visit(&data[..usize::from(*len)], None, false),
            Repr::Blank => visit(&[], None, false),
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => {
                visit(body, Some(body), false)
            }
            Repr::Many(frames) => {
                let last = frames.len().saturating_sub(1);
                for (index, frame) in frames.iter().enumerate() {
                    visit(frame, Some(frame.as_shared()), index < last);
                }
            }
            Repr::Received(it) => it.message.for_each_frame(visit),
            Repr::Inline { frames, .. } => {
                let last = usize::from(*frames).saturating_sub(1);
                for (index, frame) in self.frames().enumerate() {
                    visit(frame, None, index < last);
                }
            }
        }
    }
}

impl Default for Message {
    /// A message without frames, as [`Message::new`].
    fn default() -> Self {
        Message::new()
    }
}

impl Index<usize> for Message {
    type Output = [u8];

    /// Frame number `index`, counted from zero.
    ///
    /// # Panics
    /// When there is no such frame, as with a slice; [`Message::get`] does not.
    #[track_caller]
    fn index(&self, index: usize) -> &[u8] {
        match self.get(index) {
            Some(frame) => frame,
            // Says how many there are, in the words that a slice has for it, and, as a slice's own
            // index does, at the caller's line.
            None => self.frames().collect::<Vec<_>>()[..][index],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_72_bytes() {
        assert_eq!(size_of::<Message>(), 72);
    }

    #[test]
    fn the_first_frame_is_never_taken_for_the_whole() {
        let two = Message::from(["a", "b"]);
        assert!(two.to_str().is_err() && two.as_bytes().is_err());
        assert_ne!(two, "a");
        assert_ne!(two, *b"a");
        let large = Message::from([vec![b'x'; 100], Vec::new()]);
        assert_ne!(large, vec![b'x'; 100]);
        assert!(Vec::<u8>::try_from(large).is_err());
        let none = Message::new();
        assert!(none.to_str().is_err());
        assert_ne!(none, Message::from(""));
    }

    #[test]
    fn a_frame_that_is_not_there_is_missed_at_the_callers_line() {
        use std::sync::{Arc, Mutex};
        let seen = Arc::new(Mutex::new(None));
        let here = std::thread::current().id();
        let before: Arc<dyn Fn(&std::panic::PanicHookInfo<'_>) + Send + Sync> =
            Arc::from(std::panic::take_hook());
        let (to_tell, others) = (Arc::clone(&seen), Arc::clone(&before));
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == here {
                *to_tell.lock().unwrap() = info.location().map(|at| at.line());
            } else {
                others(info);
            }
        }));
        let message = Message::from(["a", "b"]);
        let line = line!() + 1;
        let outcome = std::panic::catch_unwind(|| message[7].len());
        std::panic::set_hook(Box::new(move |info| before(info)));
        assert!(outcome.is_err());
        assert_eq!(*seen.lock().unwrap(), Some(line));
    }

    #[test]
    #[should_panic = "the len is 2 but the index is 2"]
    fn an_index_behind_the_last_frame_panics_as_a_slice_does() {
        let _ = &Message::from(["a", "b"])[2];
    }
}
