//! [`Message`] and [`Frame`]: what sockets carry.
//!
//! A message is one or more frames, sent and received whole. Small messages live inside the
//! `Message` value itself, so that they cost no allocation on either side; larger frames are
//! [`Bytes`], so that an owned buffer is sent without a copy and a clone shares it.

mod convert;

use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;

/// Bytes that a message holds inside itself, without an allocation.
///
/// 69 makes `Message` 72 bytes: the smallest multiple of eight in which a 64-byte body, the size
/// everybody charts, still fits. At 56 (a 64-byte `Message`) a 64-byte body needs two allocations
/// and two frees a message, which costs far more than moving eight bytes more.
pub(crate) const INLINE: usize = 69;

/// One or more frames, sent and received as a unit.
///
/// Anything that looks like bytes becomes a message of one frame; arrays, vectors and iterators of
/// such things become a message of several. Owned buffers (`Vec<u8>`, `String`, `Box<[u8]>`,
/// [`Bytes`]) are not copied when they are larger than what a message holds inside itself.
///
/// Messages of a stream share the buffers that they were received into: each larger body is a slice
/// of one of 64 KiB, which is free when the last of its messages is dropped. All messages together
/// never hold more than about four times their size; a program that keeps a few small ones out of a
/// large stream for long should keep copies ([`Message::copy_from_slice`]).
///
/// ```
/// use sinew::Message;
///
/// let one = Message::from("hello");
/// assert_eq!(one, "hello");
///
/// let two = Message::from(["topic", "body"]);
/// assert_eq!(two.len(), 2);
/// assert_eq!(two.frame(1), Some(&b"body"[..]));
///
/// let many: Message = (0..3).map(|n| n.to_string()).collect();
/// assert_eq!(many.frames().collect::<Vec<_>>(), [b"0", b"1", b"2"]);
/// ```
#[derive(Clone)]
pub struct Message {
    repr: Repr,
}

#[derive(Clone)]
enum Repr {
    /// One empty frame. As cheap as can be, because it is what stays behind when a message is moved
    /// out of its place.
    Empty,
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
    /// Invariant: never empty.
    Many(Vec<Frame>),
}

impl Message {
    /// A message of one empty frame, which is the smallest message there is.
    pub const fn new() -> Self {
        Message { repr: Repr::Empty }
    }

    /// A message of one frame holding a copy of `body`.
    ///
    /// Bodies of up to 69 bytes need no allocation.
    #[inline]
    pub fn copy_from_slice(body: &[u8]) -> Self {
        if body.len() <= INLINE {
            let mut data = [0; INLINE];
            copy_small(&mut data, body);
            // The cast cannot cut: INLINE fits a byte.
            Message {
                repr: Repr::Inline {
                    frames: 1,
                    len: body.len() as u8,
                    data,
                },
            }
        } else {
            Message {
                repr: Repr::One(Bytes::copy_from_slice(body)),
            }
        }
    }

    /// How many frames the message has; at least one.
    #[allow(
        clippy::len_without_is_empty,
        reason = "a message is never without a frame"
    )]
    #[inline]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Inline { frames, .. } => usize::from(*frames),
            Repr::Empty | Repr::One(_) => 1,
            Repr::Many(frames) => frames.len(),
        }
    }

    /// The bytes of all frames together, without any framing.
    #[inline]
    pub fn byte_len(&self) -> usize {
        match &self.repr {
            Repr::Empty => 0,
            Repr::Inline { frames: 1, len, .. } => usize::from(*len),
            // Each of several inline frames spends one byte on its length.
            Repr::Inline { frames, len, .. } => {
                usize::from(*len).saturating_sub(usize::from(*frames))
            }
            Repr::One(body) => body.len(),
            Repr::Many(frames) => frames.iter().map(|frame| frame.len()).sum(),
        }
    }

    /// Frame number `index`, counted from zero.
    pub fn frame(&self, index: usize) -> Option<&[u8]> {
        self.frames().nth(index)
    }

    /// The first frame.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => &data[..usize::from(*len)],
            Repr::Empty => &[],
            Repr::Inline { .. } | Repr::Many(_) => self.frames().next().unwrap_or_default(),
            Repr::One(body) => body,
        }
    }

    /// The first frame as text.
    ///
    /// # Errors
    /// When the first frame is not UTF-8.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.as_bytes())
    }

    /// All frames, first to last.
    #[inline]
    pub fn frames(&self) -> Frames<'_> {
        Frames(match &self.repr {
            Repr::Empty => FramesRepr::One(Some(&[])),
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => FramesRepr::One(Some(&data[..usize::from(*len)])),
            Repr::Inline { len, data, .. } => FramesRepr::Packed(&data[..usize::from(*len)]),
            Repr::One(body) => FramesRepr::One(Some(body)),
            Repr::Many(frames) => FramesRepr::Many(frames.iter()),
        })
    }

    /// Makes this a message of a single frame: the first `size` bytes of `window`, or as much of them
    /// as fits.
    ///
    /// For the decoder, which writes messages where they stay. All of the window is copied, a few
    /// moves, where a copy of just `size` bytes is a call; what lies behind the frame is never
    /// looked at again.
    #[inline(always)]
    pub(crate) fn fill_from_window(&mut self, window: &[u8; INLINE], size: u8) {
        self.repr = Repr::Inline {
            frames: 1,
            // Cannot cut: INLINE fits a byte.
            len: size.min(INLINE as u8),
            data: *window,
        };
    }

    /// The only frame, if it lives inline: the whole inline space, and how much of that it is.
    #[inline]
    pub(crate) fn window(&self) -> Option<(&[u8; INLINE], u8)> {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => Some((data, *len)),
            _ => None,
        }
    }

    /// Visits each frame with, where it has one, its shareable buffer.
    pub(crate) fn for_each_frame(&self, mut visit: impl FnMut(&[u8], Option<&Bytes>, bool)) {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => visit(&data[..usize::from(*len)], None, false),
            Repr::Empty => visit(&[], None, false),
            Repr::One(body) => visit(body, Some(body), false),
            Repr::Many(frames) => {
                let last = frames.len().saturating_sub(1);
                for (index, frame) in frames.iter().enumerate() {
                    visit(frame, Some(&frame.0), index < last);
                }
            }
            Repr::Inline { frames, .. } => {
                let last = usize::from(*frames).saturating_sub(1);
                for (index, frame) in self.frames().enumerate() {
                    visit(frame, None, index < last);
                }
            }
        }
    }

    /// Appends a frame.
    pub fn push_back(&mut self, frame: impl Into<Frame>) {
        let frame = frame.into();
        if !self.pack_back(&frame) {
            self.spill(|frames| frames.push(frame));
        }
    }

    /// Appends a copy of `body` as a frame, without an allocation while the message stays small.
    pub(crate) fn push_back_slice(&mut self, body: &[u8]) {
        if !self.pack_back(body) {
            self.spill(|frames| frames.push(Frame::from(body)));
        }
    }

    /// Puts a frame before all others.
    pub fn push_front(&mut self, frame: impl Into<Frame>) {
        let frame = frame.into();
        if !self.pack_front(&frame) {
            self.spill(|frames| frames.insert(0, frame));
        }
    }

    /// Takes the first frame off; `None`, and the message unchanged, when it is the only one.
    ///
    /// ```
    /// let mut message = sinew::Message::from(["envelope", "body"]);
    /// assert_eq!(message.pop_front().as_deref(), Some(&b"envelope"[..]));
    /// assert_eq!(message, "body");
    /// assert!(message.pop_front().is_none());
    /// ```
    pub fn pop_front(&mut self) -> Option<Frame> {
        if self.len() == 1 {
            return None;
        }
        if let Repr::Many(frames) = &mut self.repr {
            let first = frames.remove(0);
            if frames.len() == 1 {
                if let Some(only) = frames.pop() {
                    *self = Message::from(only);
                }
            }
            return Some(first);
        }
        let mut frames = self.frames();
        let first = frames.next().map(Frame::from)?;
        let mut rest = frames.next().map(Message::copy_from_slice)?;
        for frame in frames {
            rest.push_back_slice(frame);
        }
        *self = rest;
        Some(first)
    }

    /// The frames, by value.
    pub fn into_frames(self) -> IntoFrames {
        IntoFrames(self.into_vec().into_iter())
    }

    fn into_vec(self) -> Vec<Frame> {
        match self.repr {
            Repr::Empty | Repr::Inline { .. } => self.frames().map(Frame::from).collect(),
            Repr::One(body) => vec![Frame(body)],
            Repr::Many(frames) => frames,
        }
    }

    /// The inline frames, to be changed.
    fn inline_mut(&mut self) -> Option<(&mut u8, &mut u8, &mut [u8; INLINE])> {
        if let Repr::Empty = self.repr {
            self.repr = Repr::Inline {
                frames: 1,
                len: 0,
                data: [0; INLINE],
            };
        }
        match &mut self.repr {
            Repr::Inline { frames, len, data } => Some((frames, len, data)),
            _ => None,
        }
    }

    /// Packs one more frame behind the inline ones; false when it does not fit.
    fn pack_back(&mut self, frame: &[u8]) -> bool {
        let Some((frames, len, data)) = self.inline_mut() else {
            return false;
        };
        let used = usize::from(*len);
        // Going from one frame to two, the first one gets its length byte too.
        let first = usize::from(*frames == 1);
        let total = used + first + 1 + frame.len();
        if total > INLINE {
            return false;
        }
        if first == 1 {
            data.copy_within(..used, 1);
            data[0] = *len;
        }
        let at = used + first;
        data[at] = frame.len() as u8;
        data[at + 1..total].copy_from_slice(frame);
        *frames += 1;
        *len = total as u8;
        true
    }

    /// Packs one more frame before the inline ones; false when it does not fit.
    fn pack_front(&mut self, frame: &[u8]) -> bool {
        let Some((frames, len, data)) = self.inline_mut() else {
            return false;
        };
        let used = usize::from(*len);
        let first = usize::from(*frames == 1);
        let ahead = 1 + frame.len() + first;
        let total = used + ahead;
        if total > INLINE {
            return false;
        }
        data.copy_within(..used, ahead);
        if first == 1 {
            data[ahead - 1] = *len;
        }
        data[0] = frame.len() as u8;
        data[1..1 + frame.len()].copy_from_slice(frame);
        *frames += 1;
        *len = total as u8;
        true
    }

    /// Turns whatever this is into a vector of frames, and changes that.
    fn spill(&mut self, change: impl FnOnce(&mut Vec<Frame>)) {
        let mut frames = std::mem::take(self).into_vec();
        change(&mut frames);
        self.repr = Repr::Many(frames);
    }
}

/// Copies a body that fits, most sizes in two moves that may overlap: a copy whose size the compiler
/// does not know is a call, which costs as much as all else that a small message needs.
#[inline]
fn copy_small(to: &mut [u8; INLINE], body: &[u8]) {
    match body.len() {
        8..=16 => copy_ends::<8>(to, body),
        17..=32 => copy_ends::<16>(to, body),
        33..=64 => copy_ends::<32>(to, body),
        size => to[..size].copy_from_slice(body),
    }
}

/// Copies a body of `N` to `2 * N` bytes.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8; INLINE], body: &[u8]) {
    if let (Some(first), Some(last)) = (body.first_chunk::<N>(), body.last_chunk::<N>()) {
        to[..N].copy_from_slice(first);
        to[body.len() - N..body.len()].copy_from_slice(last);
    }
}

impl Default for Message {
    /// A message of one empty frame.
    fn default() -> Self {
        Message::new()
    }
}

impl fmt::Debug for Message {
    /// Shows each frame as text or bytes, cut to a readable length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message")?;
        f.debug_list().entries(self.frames().map(Shown)).finish()
    }
}

/// A frame for a human: escaped, and cut after `Shown::MOST` bytes so that a log line stays one.
struct Shown<'a>(&'a [u8]);

impl Shown<'_> {
    /// As much as fits a line of a terminal beside the rest.
    const MOST: usize = 64;
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(Self::MOST)];
        write!(f, "\"{}\"", shown.escape_ascii())?;
        if self.0.len() > Self::MOST {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

/// One frame of a [`Message`]: bytes that are cheap to clone and to slice.
///
/// ```
/// let frame = sinew::Frame::from("body");
/// assert_eq!(&frame[..], b"body");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Frame(Bytes);

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

/// Iterator over the frames of a borrowed [`Message`]; see [`Message::frames`].
#[derive(Clone, Debug)]
pub struct Frames<'a>(FramesRepr<'a>);

#[derive(Clone, Debug)]
enum FramesRepr<'a> {
    One(Option<&'a [u8]>),
    Packed(&'a [u8]),
    Many(std::slice::Iter<'a, Frame>),
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.0 {
            FramesRepr::One(frame) => frame.take(),
            FramesRepr::Packed(data) => {
                let (len, rest) = data.split_first()?;
                let (frame, rest) = rest.split_at_checked(usize::from(*len))?;
                *data = rest;
                Some(frame)
            }
            FramesRepr::Many(frames) => frames.next().map(|frame| &frame[..]),
        }
    }
}

/// Iterator over the frames of an owned [`Message`]; see [`Message::into_frames`].
#[derive(Debug)]
pub struct IntoFrames(std::vec::IntoIter<Frame>);

impl Iterator for IntoFrames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IntoFrames {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_72_bytes() {
        assert_eq!(size_of::<Message>(), 72);
    }

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
    }

    #[test]
    fn bodies_of_every_size_are_copied_whole() {
        let body: Vec<u8> = (1..=200).collect();
        for size in 0..=body.len() {
            let message = Message::copy_from_slice(&body[..size]);
            assert_eq!(message, body[..size]);
            assert_eq!(message.byte_len(), size);
        }
    }

    #[test]
    fn a_large_owned_buffer_is_not_copied() {
        let body = vec![7; 4096];
        let at = body.as_ptr();
        let message = Message::from(body);
        assert_eq!(message.as_bytes().as_ptr(), at);
        let back = Vec::<u8>::try_from(message).unwrap();
        assert_eq!(back.as_ptr(), at);
    }

    #[test]
    fn a_message_gives_itself_back_when_it_is_not_what_was_asked_for() {
        let two = Message::from(["a", "b"]);
        assert_eq!(Bytes::try_from(two.clone()).unwrap_err(), two);
        assert_eq!(String::try_from(two.clone()).unwrap_err(), two);
        let binary = Message::from([0xffu8, 0xfe]);
        assert_eq!(String::try_from(binary.clone()).unwrap_err(), binary);
    }

    #[test]
    fn debug_is_bounded() {
        let text = format!("{:?}", Message::from(vec![b'x'; 1_000_000]));
        assert!(text.len() < 200, "{text}");
    }

    /// The naive twin: a vector of vectors.
    fn frames_of(message: &Message) -> Vec<Vec<u8>> {
        message.frames().map(<[u8]>::to_vec).collect()
    }

    fn a_frame() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..4),
            prop::collection::vec(any::<u8>(), 30..100),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_vector_of_frames(
            first in a_frame(),
            steps in prop::collection::vec((0..3u8, a_frame()), 0..12),
        ) {
            let mut message = Message::from(first.clone());
            let mut naive = vec![first];
            for (step, frame) in steps {
                match step {
                    0 => { message.push_back(frame.clone()); naive.push(frame); }
                    1 => { message.push_front(frame.clone()); naive.insert(0, frame); }
                    _ => {
                        let popped = message.pop_front().map(|frame| frame.to_vec());
                        let expected = (naive.len() > 1).then(|| naive.remove(0));
                        prop_assert_eq!(popped, expected);
                    }
                }
                prop_assert_eq!(frames_of(&message), naive.clone());
                prop_assert_eq!(message.len(), naive.len());
                prop_assert_eq!(message.byte_len(), naive.iter().map(Vec::len).sum::<usize>());
                prop_assert_eq!(message.as_bytes(), &naive[0][..]);
                let mut visited = Vec::new();
                message.for_each_frame(|frame, _, more| visited.push((frame.to_vec(), more)));
                prop_assert_eq!(visited.len(), naive.len());
                prop_assert!(visited.iter().rev().skip(1).all(|(_, more)| *more));
                prop_assert!(!visited.last().unwrap().1);
            }
            let rebuilt: Message = message.clone().into_frames().collect();
            prop_assert_eq!(rebuilt, message);
        }
    }
}
