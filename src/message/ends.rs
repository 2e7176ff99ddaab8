//! Frames that are put on a message, or taken off it, at either end; and all of them by value.

use std::collections::VecDeque;

use super::frame::{Frame, IntoFrames};
use super::{Message, Repr};

impl Message {
    /// Appends a frame. Constant cost, on average.
    pub fn push_back(&mut self, frame: impl Into<Frame>) {
        if let Repr::Received(it) = &mut self.repr {
            return it.message.push_back(frame);
        }
        let frame = frame.into();
        if self.is_empty() {
            *self = Message::from(frame);
        } else if !self.pack_back(&frame) {
            self.spill(|frames| frames.push_back(frame));
        }
    }

    /// Appends a copy of `body` as a frame, without an allocation while the message stays small.
    pub(crate) fn push_back_slice(&mut self, body: &[u8]) {
        if let Repr::Received(it) = &mut self.repr {
            return it.message.push_back_slice(body);
        }
        if self.is_empty() {
            *self = Message::copy_from_slice(body);
        } else if !self.pack_back(body) {
            self.spill(|frames| frames.push_back(Frame::from(body)));
        }
    }

    /// Puts a frame before all others. Constant cost, on average.
    pub fn push_front(&mut self, frame: impl Into<Frame>) {
        if let Repr::Received(it) = &mut self.repr {
            return it.message.push_front(frame);
        }
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
            Repr::Received(it) => it.message.pop_front(),
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
        if let Repr::Received(it) = &mut self.repr {
            return it.message.pop_back();
        }
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

    pub(super) fn into_deque(self) -> VecDeque<Frame> {
        match self.repr {
            Repr::Blank | Repr::Inline { .. } => self.frames().map(Frame::from).collect(),
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => {
                VecDeque::from([Frame::from(body)])
            }
            Repr::Many(frames) => frames,
            Repr::Received(it) => it.message.into_deque(),
        }
    }

    /// Turns whatever this is into a list of frames, and changes that.
    pub(super) fn spill(&mut self, change: impl FnOnce(&mut VecDeque<Frame>)) {
        let mut frames = std::mem::take(self).into_deque();
        change(&mut frames);
        self.repr = Repr::Many(frames);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

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
