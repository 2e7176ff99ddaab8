//! The hot path of decoding: small messages of one frame, many at a time.

use std::collections::VecDeque;

use crate::message::{Message, INLINE};

/// Input shorter than this goes frame by frame: it holds one message, or a few that wait for
/// answers.
const LONE: usize = 256;

/// Messages that are built at a time: enough to forget the cost of a batch, and few enough to stay in
/// the first-level cache.
const BUILT: usize = 32;

/// Takes runs of frames that are messages of their own and fit inline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SmallFrames {
    /// The largest frame that may go this way: fits inline and within the limits.
    limit: u8,
}

impl SmallFrames {
    /// Of at most `largest` bytes, if that is less than fits inline.
    pub(super) fn up_to(largest: u64) -> SmallFrames {
        // Cannot cut: INLINE is below 256.
        let limit = largest.min(INLINE as u64) as u8;
        SmallFrames { limit }
    }

    /// The hot path: runs of frames that are messages of their own and fit inline.
    ///
    /// They are found first, then the queue is extended by as many empty messages, then those are
    /// filled where they lie. Built elsewhere and pushed one by one, each would go over the stack,
    /// written and read back in pieces of different sizes, which stalls the processor for longer
    /// than all else takes.
    #[inline]
    pub(super) fn take(
        &self,
        rest: &mut &[u8],
        room: &mut usize,
        messages: &mut VecDeque<Message>,
    ) {
        // A lone message is not worth a batch.
        if rest.len() < LONE {
            return;
        }
        while let Some(first) = self.frame(rest) {
            let mut batch = [(first.0, 0); BUILT];
            let mut found = 0;
            let mut at = *rest;
            for slot in batch.iter_mut().take(*room) {
                let Some((window, size, after)) = self.frame(at) else {
                    break;
                };
                *slot = (window, size);
                found += 1;
                at = after;
            }
            let batch = batch.get(..found).unwrap_or_default();
            let before = messages.len();
            messages.extend(batch.iter().map(|_| Message::new()));
            for (message, (window, size)) in messages.range_mut(before..).zip(batch) {
                message.fill_from_window(window, *size);
            }
            *rest = at;
            *room -= found;
            if found < BUILT {
                break;
            }
        }
    }

    /// The frame at the start of `input`, if it is one for the hot path and the input goes on for
    /// as much as a message holds inline: the window on it, its size, and what comes after it.
    #[inline(always)]
    fn frame<'a>(&self, input: &'a [u8]) -> Option<(&'a [u8; INLINE], u8, &'a [u8])> {
        // No flags: short, last of its message, not a command.
        let Some((&[0, size], body)) = input.split_first_chunk() else {
            return None;
        };
        if size > self.limit {
            return None;
        }
        Some((body.first_chunk()?, size, body.get(usize::from(size)..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken of `input`: the bodies, and how many bytes are left.
    fn taken(limit: u64, input: &[u8], mut room: usize) -> (Vec<Vec<u8>>, usize) {
        let mut messages = VecDeque::new();
        let mut rest = input;
        SmallFrames::up_to(limit).take(&mut rest, &mut room, &mut messages);
        let bodies = messages.iter().map(|m| m.first().to_vec()).collect();
        (bodies, rest.len())
    }

    #[test]
    fn runs_of_small_messages_are_taken_up_to_the_first_that_is_not_one() {
        let run = b"\0\x02ab\0\0".repeat(100);
        for other in [&b"\x01\x01m"[..], b"\x04\x05\x04PONG", b"\0\x46", b"\x80\0"] {
            let padding = [0xee; 300];
            let input = [&run[..], other, &padding].concat();
            let (bodies, left) = taken(u64::MAX, &input, usize::MAX);
            assert_eq!(bodies.len(), 200);
            assert!(bodies
                .chunks(2)
                .all(|pair| pair[0] == b"ab" && pair[1].is_empty()));
            assert_eq!(left, other.len() + padding.len());
        }
    }

    #[test]
    fn no_more_are_taken_than_there_is_room_for_and_none_over_the_limit() {
        let input = b"\0\x02ab".repeat(200);
        assert_eq!(taken(u64::MAX, &input, 33).0.len(), 33);
        assert_eq!(taken(1, &input, 33).0.len(), 0);
        // What holds one message, or a few, is left to the ordinary way.
        assert_eq!(taken(u64::MAX, &input[..LONE - 1], 33).0.len(), 0);
    }
}
