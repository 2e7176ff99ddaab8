//! [`Message`] and [`Frame`]: what sockets carry.
//!
//! A message is one or more frames, sent and received whole. Small messages live inside the
//! `Message` value itself, so that they cost no allocation on either side; larger frames are
//! [`Bytes`], so that an owned buffer is sent without a copy and a clone shares it.

pub(crate) mod convert;
mod equal;
mod error;
mod frame;
mod group;
mod memory;
mod pack;
mod routed;
mod shown;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::ops::Index;

use bytes::Bytes;

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

    /// How many frames the message has; at least one when it was received.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Inline { frames, .. } => usize::from(*frames),
            Repr::Blank => 0,
            Repr::One(_) | Repr::Routed(..) | Repr::Grouped(..) => 1,
            Repr::Many(frames) => frames.len(),
        }
    }

    /// Whether the message has no frame, as after [`Message::new`]. A message of one empty frame has
    /// one.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.repr, Repr::Blank)
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
        }
    }

    /// Frame number `index`, counted from zero; `message[index]` is the same for one that is there.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        match &self.repr {
            Repr::Many(frames) => frames.get(index).map(|frame| &frame[..]),
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
        })
    }

    /// The same as [`Message::frames`], under the name that collections have for it.
    #[inline]
    pub fn iter(&self) -> Frames<'_> {
        self.frames()
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
            Repr::Inline { frames, .. } => {
                let last = usize::from(*frames).saturating_sub(1);
                for (index, frame) in self.frames().enumerate() {
                    visit(frame, None, index < last);
                }
            }
        }
    }

    /// Appends a frame. Constant cost, on average.
    pub fn push_back(&mut self, frame: impl Into<Frame>) {
        let frame = frame.into();
        if self.is_empty() {
            *self = Message::from(frame);
        } else if !self.pack_back(&frame) {
            self.spill(|frames| frames.push_back(frame));
        }
    }

    /// Appends a copy of `body` as a frame, without an allocation while the message stays small.
    pub(crate) fn push_back_slice(&mut self, body: &[u8]) {
        if self.is_empty() {
            *self = Message::copy_from_slice(body);
        } else if !self.pack_back(body) {
            self.spill(|frames| frames.push_back(Frame::from(body)));
        }
    }

    /// Puts a frame before all others. Constant cost, on average.
    pub fn push_front(&mut self, frame: impl Into<Frame>) {
        let frame = frame.into();
        if self.is_empty() {
            *self = Message::from(frame);
        } else if !self.pack_front(&frame) {
            self.spill(|frames| frames.push_front(frame));
        }
    }

    /// Takes the first frame off; `None` when there is none left. Constant cost.
    ///
    /// ```
    /// let mut message = sinew::Message::from(["envelope", "body"]);
    /// assert_eq!(message.pop_front().unwrap(), "envelope");
    /// assert_eq!(message, "body");
    /// assert_eq!(message.pop_front().unwrap(), "body");
    /// assert_eq!(message.pop_front(), None);
    /// ```
    pub fn pop_front(&mut self) -> Option<Frame> {
        match &mut self.repr {
            Repr::Blank => None,
            Repr::Inline { frames, .. } if *frames > 1 => self.unpack_front(),
            Repr::Many(frames) => {
                let first = frames.pop_front();
                if frames.len() == 1 {
                    if let Some(only) = frames.pop_front() {
                        *self = Message::from(only);
                    }
                } else if frames.is_empty() {
                    self.repr = Repr::Blank;
                }
                first
            }
            _ => std::mem::take(self).into_frames().next(),
        }
    }

    /// Takes the last frame off; `None` when there is none left. Constant cost, but for a message that
    /// lives inside itself, whose few frames are looked at.
    ///
    /// ```
    /// let mut message = sinew::Message::from(["topic", "body"]);
    /// assert_eq!(message.pop_back().unwrap(), "body");
    /// assert_eq!(message, "topic");
    /// assert_eq!(message.pop_back().unwrap(), "topic");
    /// assert_eq!(message.pop_back(), None);
    /// ```
    pub fn pop_back(&mut self) -> Option<Frame> {
        let many = matches!(self.repr, Repr::Many(_));
        let mut frames = std::mem::take(self).into_deque();
        let last = frames.pop_back();
        if many && frames.len() > 1 {
            self.repr = Repr::Many(frames);
        } else {
            self.extend(frames);
        }
        last
    }

    /// The frames, by value.
    pub fn into_frames(self) -> IntoFrames {
        IntoFrames::new(self.into_deque())
    }

    fn into_deque(self) -> VecDeque<Frame> {
        match self.repr {
            Repr::Blank | Repr::Inline { .. } => self.frames().map(Frame::from).collect(),
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => {
                VecDeque::from([Frame::from(body)])
            }
            Repr::Many(frames) => frames,
        }
    }

    /// Turns whatever this is into a list of frames, and changes that.
    fn spill(&mut self, change: impl FnOnce(&mut VecDeque<Frame>)) {
        let mut frames = std::mem::take(self).into_deque();
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
    use proptest::prelude::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

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
        assert_eq!(message.as_bytes().unwrap().as_ptr(), at);
        let back = Vec::<u8>::try_from(message).unwrap();
        assert_eq!(back.as_ptr(), at);
    }

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
    fn messages_and_frames_are_ordered_and_found_by_their_bytes() {
        let ordered = [
            Message::new(),
            Message::from(""),
            Message::from(["", "z"]),
            Message::from("a"),
            Message::from(["a", ""]),
            Message::from(vec![b'a'; 100]),
            Message::from("b"),
        ];
        assert!(ordered.is_sorted() && ordered.windows(2).all(|two| two[0] != two[1]));
        let (frame, alone) = (Frame::from("a"), Message::from("a"));
        assert_eq!(alone, frame);
        assert_eq!(frame, alone);
        assert_ne!(Message::from(["a", "b"]), frame);
        let seats = std::collections::HashMap::from([(Frame::from("topic"), 7)]);
        assert_eq!(seats.get(&b"topic"[..]), Some(&7));
    }

    #[test]
    fn frames_come_off_at_either_end() {
        for count in 0..40 {
            for size in [0, 1, 30, 100] {
                let frame = |n: usize| vec![n as u8; size];
                let mut message: Message = (0..count).map(frame).collect();
                for n in (0..count).rev() {
                    assert_eq!(message.pop_back(), Some(Frame::from(frame(n))));
                    assert_eq!(message.len(), n);
                    assert_eq!(message, (0..n).map(frame).collect::<Message>());
                }
                assert_eq!(message.pop_back(), None);
                assert!(message.is_empty());
            }
        }
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
    fn frames_pushed_to_a_new_message_are_all_it_has() {
        let mut back = Message::new();
        back.push_back("only");
        assert_eq!(back, "only");
        let mut front = Message::new();
        front.push_front(vec![7; 1000]);
        assert_eq!((front.len(), front.byte_len()), (1, 1000));
        let mut slice = Message::new();
        slice.push_back_slice(b"");
        assert_eq!((slice.len(), slice.is_empty()), (1, false));
        let mut extended = Message::new();
        extended.extend(["a", "b"]);
        assert_eq!(extended, ["a", "b"]);
        assert!(std::iter::empty::<Frame>().collect::<Message>().is_empty());
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

    #[test]
    #[should_panic = "the len is 2 but the index is 2"]
    fn an_index_behind_the_last_frame_panics_as_a_slice_does() {
        let _ = &Message::from(["a", "b"])[2];
    }

    /// Frames that move when another goes would make this quadratic: hours, not an instant.
    #[test]
    fn pushing_and_popping_at_the_front_moves_no_other_frame() {
        let mut message = Message::from(vec![0; 100]);
        let body = Bytes::from(vec![1; 100]);
        for _ in 0..1_000_000 {
            message.push_front(body.clone());
        }
        for _ in 0..1_000_000 {
            assert_eq!(message.pop_front().unwrap().len(), 100);
        }
        assert_eq!(message, vec![0; 100]);
    }

    #[test]
    fn equal_messages_hash_alike_however_they_are_stored() {
        fn hash(message: &Message) -> u64 {
            let mut hasher = DefaultHasher::new();
            message.hash(&mut hasher);
            hasher.finish()
        }
        let packed = Message::from(["a", "b"]);
        let mut popped = Message::from((vec![0; 100], "x", "a", "b"));
        popped.pop_front();
        popped.pop_front();
        assert_eq!(packed, popped);
        assert_eq!(hash(&packed), hash(&popped));
        // Where one frame ends counts.
        assert_ne!(hash(&packed), hash(&Message::from("ab")));
    }

    #[test]
    fn printing_is_readable_and_bounded() {
        let large = Message::from(vec![b'x'; 1_000_000]);
        assert!(format!("{large:?}").len() < 200);
        assert!(large.to_string().len() < 200);
        let many: Message = (0..100_000).map(|n| n.to_string()).collect();
        assert!(format!("{many:?}").len() < 200);
        assert!(many.to_string().len() < 200, "{many}");

        let message = Message::from(("naïve \"it's\"\n", [0u8, 0xff], ""));
        assert_eq!(message.to_string(), r#"naïve "it's"\n | \0\xff | "#);
        let quoted = r#"Message["naïve \"it's\"\n", "\0\xff", ""]"#;
        assert_eq!(format!("{message:?}"), quoted);
        // A letter of several bytes is not cut in two.
        let letters = Message::from("é".repeat(100));
        assert!(!letters.to_string().contains("\\x"), "{letters}");
        let letters = Message::from(format!("x{}", "é".repeat(100)));
        assert!(!letters.to_string().contains("\\x"), "{letters}");
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
                        let expected = (!naive.is_empty()).then(|| naive.remove(0));
                        prop_assert_eq!(popped, expected);
                    }
                }
                prop_assert_eq!(frames_of(&message), naive.clone());
                prop_assert_eq!(message.len(), naive.len());
                prop_assert_eq!(message.byte_len(), naive.iter().map(Vec::len).sum::<usize>());
                prop_assert_eq!(message.frames().len(), naive.len());
                prop_assert_eq!(message.first(), naive.first().map_or(&[][..], |first| first));
                for (index, frame) in naive.iter().enumerate() {
                    prop_assert_eq!(&message[index], &frame[..]);
                }
                if naive.is_empty() {
                    continue;
                }
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
