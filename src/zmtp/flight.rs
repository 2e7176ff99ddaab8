//! An outbox on its way: what of it goes into the next write, what the kernel has taken, and what has to
//! be sent again when the connection is lost.

use std::io::IoSlice;

#[cfg(feature = "curve")]
use super::frame::Header;
use super::outbox::Outbox;
use super::rope::Cursor;
use super::spent::Spent;
use super::walk::Walk;

/// An outbox that is being written.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    outbox: Outbox,
    /// Where the next byte to write is.
    cursor: Cursor,
    /// Bytes before the cursor: those that the kernel took.
    written: usize,
    /// How far the messages have been counted. Invariant: at most `written`.
    counted: Walk,
    completed: usize,
    /// Bodies of loads that are written.
    spent: Spent,
}

impl Flight {
    #[cfg(test)]
    pub(crate) fn new() -> Flight {
        Flight::default()
    }

    /// Takes over what `from` holds, if the last load has been written; leaves it an empty outbox
    /// with the memory of the last one. Does nothing while there is something to write.
    pub(crate) fn load(&mut self, from: &mut Outbox) {
        if !self.is_empty() {
            return;
        }
        self.outbox.clear();
        std::mem::swap(&mut self.outbox, from);
        self.restart();
        self.completed = 0;
    }

    fn restart(&mut self) {
        self.cursor = Cursor::default();
        self.written = 0;
        self.counted = Walk::default();
    }

    /// Whether all has been written.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.written >= self.outbox.bytes()
    }

    /// Bytes that are still to be written.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.outbox.bytes().saturating_sub(self.written)
    }

    /// All that is to be written, if it lies in one place.
    #[inline]
    pub(crate) fn only_slice(&self) -> Option<&[u8]> {
        self.outbox.rest(self.cursor)
    }

    /// Fills `slices` from the front with what one write is to take, and says how many that are: at most
    /// `copied` bytes, or `spliced` bytes if a body kept by reference begins within the first `copied`.
    pub(crate) fn slices<'a>(
        &'a self,
        slices: &mut [IoSlice<'a>],
        copied: usize,
        spliced: usize,
    ) -> usize {
        let mut cursor = self.cursor;
        let (mut used, mut taken, mut most) = (0, 0, copied);
        for slot in slices {
            let Some(piece) = self.outbox.piece(cursor).filter(|_| taken < most) else {
                break;
            };
            if piece.is_body {
                most = spliced;
            }
            let bytes = piece.bytes.get(..most - taken).unwrap_or(piece.bytes);
            taken += bytes.len();
            *slot = IoSlice::new(bytes);
            cursor = self.outbox.after(cursor, bytes.len());
            used += 1;
        }
        used
    }

    /// For links that send messages and not bytes: gives each frame of the next message to `visit`, and says
    /// how many bytes to [advance](Flight::advance) by when it is sent. `None`: all are.
    pub(crate) fn next_message(&mut self, visit: impl FnMut(&[u8])) -> Option<usize> {
        self.completed_messages();
        let start = self.counted;
        let mut end = start;
        self.outbox.step(&mut end)?;
        self.outbox.visit_frames(start, visit);
        Some(end.bytes - start.bytes)
    }

    /// What of a handshake is still to be written, which is never sealed.
    #[cfg(feature = "curve")]
    pub(super) fn unsealed(&self) -> &[u8] {
        self.outbox.unsealed(self.cursor)
    }

    /// The frames that are still to be written, if the last one was written whole.
    #[cfg(feature = "curve")]
    pub(super) fn frames(&self) -> impl Iterator<Item = (Header, &[u8])> {
        self.outbox.frames(self.cursor)
    }

    /// To be told how many bytes the kernel took.
    pub(crate) fn advance(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        self.written = self.written.saturating_add(n);
        if self.is_empty() {
            // Large bodies are given out now, not at the next load: see `take_spent`.
            self.completed = self.outbox.messages();
            self.finish();
            return;
        }
        let mut left = n;
        while left > 0 {
            let Some(piece) = self.outbox.piece(self.cursor) else {
                break;
            };
            let step = left.min(piece.bytes.len());
            self.cursor = self.outbox.after(self.cursor, step);
            left -= step;
        }
    }

    fn finish(&mut self) {
        self.outbox.give_out_bodies(&mut self.spent);
        self.outbox.clear();
        self.restart();
    }

    /// Takes out the bodies that were written whole, to be dropped where nothing is held.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Spent> {
        self.spent.take()
    }

    /// Messages of this load; zero once all of it is written.
    pub(crate) fn messages(&self) -> usize {
        self.outbox.messages()
    }

    /// Messages of this load that were written to their last byte.
    pub(crate) fn completed_messages(&mut self) -> usize {
        let mut walk = self.counted;
        while let Some(unit) = self.outbox.step(&mut walk) {
            if walk.bytes > self.written {
                break;
            }
            self.counted = walk;
            self.completed += usize::from(unit.is_message);
        }
        self.completed
    }

    /// Whether a message was written in part, and not to its last byte.
    pub(crate) fn is_within_message(&mut self) -> bool {
        self.messages() > 0 && {
            self.completed_messages();
            self.written > self.counted.bytes && !self.outbox.is_raw()
        }
    }

    /// After the connection was lost: those messages that were not written to their last byte, from
    /// their first one. Commands and subscriptions are dropped: they belong to the connection. The
    /// flight, with bodies that it may be the last to hold, stays as it is.
    ///
    /// The peer cannot have received any of them whole. Those that were written may be lost, but
    /// sending them again could deliver them twice, which RFC 37 forbids.
    pub(crate) fn unfinished(&self) -> Outbox {
        self.outbox.messages_after(self.written)
    }

    /// The same, and forgets the rest.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn rewind(&mut self) -> Outbox {
        let kept = self.unfinished();
        self.finish();
        self.completed = 0;
        self.outbox.release_memory();
        kept
    }

    /// Whether it holds memory that [`release_memory`](Flight::release_memory) would give back.
    pub(crate) fn wants_trim(&self) -> bool {
        self.outbox.wants_trim()
    }

    /// Gives back what memory is not in use: for connections that have gone quiet.
    pub(crate) fn release_memory(&mut self) {
        self.outbox.release_memory();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::zmtp::command::{Command, PingContext, SubscriptionForm};
    use crate::zmtp::frame::MAX_HEADER;
    use crate::zmtp::fuzzing::naive;
    use crate::zmtp::outbox::COPY_LIMIT;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn ping() -> Command {
        Command::Ping {
            ttl: 1,
            context: PingContext::default(),
        }
    }

    /// What is still to be written, in `at_most` slices.
    fn written(flight: &Flight, at_most: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); at_most];
        let used = flight.slices(&mut slices, usize::MAX, usize::MAX);
        slices[..used]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect()
    }

    fn all_of(outbox: Outbox) -> Vec<u8> {
        let mut outbox = outbox;
        let bytes = outbox.bytes();
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        let all = written(&flight, 1000);
        assert_eq!(all.len(), bytes);
        all
    }

    fn clone_of(outbox: &Outbox) -> Outbox {
        let mut copy = Outbox::new();
        copy.append_copy(outbox);
        copy
    }

    #[test]
    fn a_message_that_was_begun_is_known() {
        let mut flight = Flight::new();
        let mut outbox = Outbox::new();
        outbox.push(&Message::from("one"));
        outbox.push(&Message::from("two"));
        flight.load(&mut outbox);
        assert!(!flight.is_within_message());
        for (step, within) in [(1, true), (4, false), (4, true), (1, false)] {
            flight.advance(step);
            assert_eq!(flight.is_within_message(), within);
        }
    }

    #[test]
    fn bytes_without_frames_go_as_they_are_and_are_never_sent_again() {
        let large = vec![7; COPY_LIMIT + 1];
        let mut outbox = Outbox::new();
        outbox.push_unframed(&Message::from([&b"id"[..], &large]));
        outbox.push_unframed(&Message::from(["id", "ab", "c"]));
        assert_eq!((outbox.messages(), outbox.is_empty()), (2, false));
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        let all = [&large[..], b"abc"].concat();
        assert_eq!(written(&flight, 8), all);
        flight.advance(large.len() + 1);
        assert_eq!(written(&flight, 8), b"bc");
        assert!(!flight.is_within_message());
        let lost = flight.unfinished();
        assert_eq!((lost.messages(), lost.is_empty()), (2, true));
        flight.advance(2);
        assert_eq!(flight.completed_messages(), 2);
        assert_eq!(flight.unfinished().messages(), 0);
        // The next load has frames, or not.
        outbox.push(&Message::from("framed"));
        flight.load(&mut outbox);
        flight.advance(8);
        assert_eq!(flight.completed_messages(), 1);
    }

    #[test]
    fn messages_are_taken_one_by_one_with_their_frames() {
        let large = vec![7; COPY_LIMIT + 1];
        let mut outbox = Outbox::new();
        outbox.push(&Message::from("one"));
        outbox.push(&Message::from([&b"two"[..], &large, b""]));
        outbox.push(&Message::from(["", "3"]));
        let bytes = outbox.bytes();
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        let mut all = Vec::new();
        let mut taken = 0;
        while !flight.is_empty() {
            for _ in 0..2 {
                // Until it is sent, it is the next.
                let mut frames = Vec::new();
                let bytes = flight
                    .next_message(|frame| frames.push(frame.to_vec()))
                    .unwrap();
                all.push((frames, bytes));
            }
            let (_, bytes) = all.pop().unwrap();
            flight.advance(bytes);
            taken += bytes;
        }
        assert_eq!(taken, bytes);
        assert_eq!(flight.next_message(|_| panic!("all are sent")), None);
        let frames: Vec<_> = all.into_iter().map(|(frames, _)| frames).collect();
        let expected = [
            vec![b"one".to_vec()],
            vec![b"two".to_vec(), large, Vec::new()],
            vec![Vec::new(), b"3".to_vec()],
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn large_bodies_are_not_copied() {
        let body = Bytes::from(vec![7; COPY_LIMIT + 1]);
        let mut outbox = Outbox::new();
        outbox.push(&Message::from(body.clone()));
        outbox.push(&Message::from([Bytes::from_static(b"a"), body.clone()]));
        outbox.push(&Message::from(body.slice(1..)));
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(flight.slices(&mut slices, usize::MAX, usize::MAX), 5);
        assert_eq!(slices[1].as_ptr(), body.as_ptr());
        assert_eq!(slices[3].as_ptr(), body.as_ptr());
        assert_eq!(slices[4].len(), MAX_HEADER + COPY_LIMIT);
    }

    #[test]
    fn few_slices_still_make_progress() {
        let body = Bytes::from(vec![7; COPY_LIMIT + 1]);
        let mut outbox = Outbox::new();
        for _ in 0..5 {
            outbox.push(&Message::from(body.clone()));
            outbox.push(&Message::from("x"));
        }
        let expected = all_of(clone_of(&outbox));
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        let mut got = Vec::new();
        while !flight.is_empty() {
            let piece = written(&flight, 3);
            assert!(!piece.is_empty());
            let n = piece.len().min(1000);
            got.extend_from_slice(&piece[..n]);
            flight.advance(n);
        }
        assert_eq!(got, expected);
        assert_eq!(flight.completed_messages(), 10);
    }

    /// A write of many small frames, and one of a large body, are best at different sizes.
    #[test]
    fn a_write_is_short_until_a_large_body_is_in_it() {
        let lengths = |flight: &Flight, copied, spliced| {
            let mut slices = [IoSlice::new(&[]); 8];
            let used = flight.slices(&mut slices, copied, spliced);
            slices[..used].iter().map(|it| it.len()).collect::<Vec<_>>()
        };
        let large = COPY_LIMIT + 1000;
        let mut outbox = Outbox::new();
        // 100 bytes of small frames, the large one, and 100 bytes again.
        for body in [98, large, 98] {
            outbox.push(&Message::from(vec![7; body]));
        }
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        assert!(flight.only_slice().is_none());
        assert_eq!(lengths(&flight, 50, 9999), [50]);
        assert_eq!(
            lengths(&flight, 109, 9999),
            [109],
            "the next one begins with it"
        );
        assert_eq!(lengths(&flight, 110, 9999), [109, large, 100]);
        assert_eq!(lengths(&flight, 110, 1109), [109, 1000]);
        flight.advance(1109);
        assert_eq!(lengths(&flight, 50, 1000), [1000]);
        assert_eq!(lengths(&flight, 50, large), [large - 1000, 100]);
        flight.advance(large - 1000);
        assert_eq!(lengths(&flight, 50, 9999), [50], "it is gone");
        assert_eq!(flight.only_slice().map(<[u8]>::len), Some(100));
    }

    #[test]
    fn a_flight_in_the_air_takes_nothing_more() {
        let mut flight = Flight::new();
        let mut outbox = Outbox::new();
        outbox.push(&Message::from("a"));
        flight.load(&mut outbox);
        assert!(outbox.is_empty());
        outbox.push(&Message::from("b"));
        flight.load(&mut outbox);
        assert_eq!(outbox.messages(), 1);
        assert_eq!(flight.bytes(), 3);
        flight.advance(3);
        assert!(flight.is_empty());
        assert_eq!(flight.completed_messages(), 1);
        flight.load(&mut outbox);
        assert_eq!(flight.completed_messages(), 0);
        assert_eq!(written(&flight, 1), b"\x00\x01b");
    }

    #[test]
    fn messages_of_a_load_are_counted_until_the_next_and_a_loss() {
        let mut outbox = Outbox::new();
        outbox.push(&Message::from("a"));
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        flight.advance(3);
        flight.advance(0);
        assert_eq!(flight.completed_messages(), 1);
        assert!(flight.rewind().is_empty());
        assert_eq!(flight.completed_messages(), 0);
    }

    #[test]
    fn written_bodies_are_given_out_at_once_to_be_dropped() {
        let body = Bytes::from(vec![7; 100_000]);
        let mut outbox = Outbox::new();
        outbox.push(&Message::from(body.clone()));
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        assert!(!body.is_unique());
        assert!(flight.take_spent().is_none());
        flight.advance(100_000 + MAX_HEADER);
        assert!(!body.is_unique(), "nothing is dropped while it is written");
        drop(flight.take_spent());
        assert!(body.is_unique());
        assert_eq!(flight.completed_messages(), 1);
    }

    #[derive(Clone, Debug)]
    enum Item {
        Message(Vec<Vec<u8>>),
        Ping,
        Subscribe(SubscriptionForm),
    }

    fn an_item() -> impl Strategy<Value = Item> {
        let body = prop_oneof![
            0..9usize,
            68..72usize,
            250..260usize,
            4090..4100usize,
            9000..9001usize
        ];
        let body = (body, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]);
        prop_oneof![
            6 => prop::collection::vec(body, 1..4).prop_map(Item::Message),
            1 => Just(Item::Ping),
            1 => Just(Item::Subscribe(SubscriptionForm::Command)),
            1 => Just(Item::Subscribe(SubscriptionForm::Message)),
        ]
    }

    fn push(outbox: &mut Outbox, item: &Item) {
        match item {
            Item::Message(frames) => outbox.push(&Message::from(frames.clone())),
            Item::Ping => outbox.push_command(&ping()),
            Item::Subscribe(form) => outbox.push_subscription(b"topic", true, *form),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// For every cut: what was delivered before it and what is rewound are the original
        /// sequence, nothing lost and nothing twice.
        #[test]
        fn rewinding_loses_nothing_and_repeats_nothing(
            items in prop::collection::vec(an_item(), 0..14),
            steps in prop::collection::vec(1..5000usize, 1..5),
        ) {
            let mut outbox = Outbox::new();
            let mut ends = Vec::new();
            let mut originals = Vec::new();
            let mut scratch = Outbox::new();
            for (index, item) in items.iter().enumerate() {
                // Every other one as PUB does it.
                if index % 2 == 0 {
                    push(&mut outbox, item);
                } else {
                    scratch.clear();
                    push(&mut scratch, item);
                    outbox.append_copy(&scratch);
                }
                if let Item::Message(frames) = item {
                    originals.push(Message::from(frames.clone()));
                    ends.push(outbox.bytes());
                }
            }
            prop_assert_eq!(outbox.messages(), originals.len());
            let total = outbox.bytes();

            // Each cut near an edge, and some in between.
            let near = |end: &usize| end.saturating_sub(3)..=end + 3;
            let mut cuts: Vec<usize> = ends.iter().flat_map(near).collect();
            cuts.extend((0..total).step_by(977));
            cuts.extend(0..total.min(40));
            cuts.extend([0, total]);
            for cut in cuts.into_iter().filter(|cut| *cut <= total) {
                let mut flight = Flight::new();
                flight.load(&mut clone_of(&outbox));
                let mut at = 0;
                for step in steps.iter().cycle() {
                    let n = (*step).min(cut - at);
                    flight.advance(n);
                    at += n;
                    let expected = ends.iter().filter(|end| **end <= at).count();
                    if n % 2 == 0 {
                        prop_assert_eq!(flight.completed_messages(), expected);
                    }
                    if at == cut {
                        break;
                    }
                }
                let delivered = ends.iter().filter(|end| **end <= cut).count();
                prop_assert_eq!(flight.bytes(), total - cut);
                prop_assert_eq!(flight.completed_messages(), delivered);
                let rewound = flight.rewind();
                prop_assert!(flight.is_empty());
                prop_assert_eq!((flight.messages(), flight.completed_messages()), (0, 0));
                prop_assert_eq!(rewound.messages(), originals.len() - delivered);
                let again = naive(&all_of(rewound), None);
                prop_assert_eq!(&again.messages[..], &originals[delivered..]);
                prop_assert!(again.commands.is_empty());
            }
        }
    }
}
