//! [`Frame`], and iterators over the frames of a message.

use std::collections::{vec_deque, VecDeque};
use std::fmt;
use std::iter::FusedIterator;
use std::ops::Deref;

use bytes::Bytes;

use super::error::ConvertErrorKind;
use super::shown::Shown;

/// One frame of a [`Message`](crate::Message): bytes that are cheap to clone and to slice.
///
/// It derefs to `[u8]`, and converts to [`Bytes`], `Vec<u8>` and `String`.
///
/// ```
/// let frame = sinew::Frame::from("body");
/// assert_eq!(frame, "body");
/// assert_eq!(&frame[1..], b"ody");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame(Bytes);

impl Frame {
    /// The frame as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn to_str(&self) -> Result<&str, ConvertErrorKind> {
        std::str::from_utf8(&self.0).map_err(|_| ConvertErrorKind::NotUtf8)
    }

    /// The frame's buffer, to be shared.
    pub(super) fn as_shared(&self) -> &Bytes {
        &self.0
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Frame {
    /// Text as it is, other bytes escaped, cut to a readable length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

impl fmt::Debug for Frame {
    /// As [`Display`](fmt::Display), in quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Shown(&self.0), f)
    }
}

impl From<Bytes> for Frame {
    fn from(body: Bytes) -> Frame {
        Frame(body)
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Bytes {
        frame.0
    }
}

impl From<Frame> for Vec<u8> {
    /// Without a copy when nothing shares the buffer.
    fn from(frame: Frame) -> Vec<u8> {
        Vec::from(frame.0)
    }
}

/// Iterator over the frames of a borrowed [`Message`](crate::Message); see
/// [`Message::frames`](crate::Message::frames).
#[derive(Clone, Debug)]
pub struct Frames<'a>(Stored<'a>);

/// How the frames that are left are stored.
#[derive(Clone, Debug)]
pub(super) enum Stored<'a> {
    One(Option<&'a [u8]>),
    /// Each frame is one length byte and its bytes.
    Packed {
        data: &'a [u8],
        frames: u8,
    },
    Many(vec_deque::Iter<'a, Frame>),
}

impl<'a> Frames<'a> {
    #[inline]
    pub(super) fn new(stored: Stored<'a>) -> Frames<'a> {
        Frames(stored)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.0 {
            Stored::One(frame) => frame.take(),
            Stored::Packed { data, frames } => {
                let (len, rest) = data.split_first()?;
                let (frame, rest) = rest.split_at_checked(usize::from(*len))?;
                *data = rest;
                *frames -= 1;
                Some(frame)
            }
            Stored::Many(frames) => frames.next().map(|frame| &frame[..]),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Stored::One(frame) => usize::from(frame.is_some()),
            Stored::Packed { frames, .. } => usize::from(*frames),
            Stored::Many(frames) => frames.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}
impl FusedIterator for Frames<'_> {}

/// Iterator over the frames of an owned [`Message`](crate::Message); see
/// [`Message::into_frames`](crate::Message::into_frames).
#[derive(Clone, Debug)]
pub struct IntoFrames(vec_deque::IntoIter<Frame>);

impl IntoFrames {
    pub(super) fn new(frames: VecDeque<Frame>) -> IntoFrames {
        IntoFrames(frames.into_iter())
    }
}

impl Iterator for IntoFrames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for IntoFrames {
    fn next_back(&mut self) -> Option<Frame> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for IntoFrames {}
impl FusedIterator for IntoFrames {}
