//! Messages to bytes: the sending half of an established connection.
//!
//! An [`Outbox`] collects frames, encoded; a [`Flight`] is one that is being written. Small frames
//! lie encoded in one buffer; a large body is kept by reference at its place between those bytes,
//! and goes out from where its owner put it.

use std::io::IoSlice;

use bytes::Bytes;

use super::command::{self, Command, SubscriptionForm};
use super::frame::{self, Header, MAX_HEADER, MORE};
use super::spent::Spent;
use crate::discard::discard;
use crate::message::{Message, INLINE};

/// Bodies up to this size are copied behind their header; larger ones are kept by reference.
///
/// A copy of 4 KiB costs about as much as what a reference costs elsewhere: two atomic counts, an
/// entry here and another slice for the kernel to walk.
const COPY_LIMIT: usize = 4 * 1024;

/// The capacity that an outbox keeps when it is emptied.
///
/// A stream whose receiver is the slower end fills its outbox to the high-water mark again and
/// again: a megabyte with the default mark and messages of 1 KiB. Giving that back and asking for it
/// anew each time costs more than writing it. Connections that have gone quiet give it back with
/// `release_memory`.
const KEEP: usize = 2 * 1024 * 1024;

/// A page of buffer is not worth the way to the allocator and back, so that much is always kept.
const LITTLE: usize = 4 * 1024;

/// What a stream's buffer grows by: the size that its senders write.
const BATCH: usize = 64 * 1024;

/// Encoded frames that wait to be written, and how many messages they are.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// All headers, and all bodies but those in `bodies`.
    buffer: Vec<u8>,
    /// Bodies that are not in the buffer, each right behind its header.
    bodies: Vec<Splice>,
    /// Where in `buffer` those message frames begin that are subscriptions, ascending.
    subscriptions: Vec<usize>,
    /// Bytes of `bodies`.
    spliced: usize,
    messages: usize,
}

#[derive(Clone, Debug)]
struct Splice {
    /// Where in the buffer the body belongs: before the byte with this index.
    at: usize,
    body: Bytes,
}

impl Drop for Splice {
    fn drop(&mut self) {
        // Writers drop bodies on the reactor's thread, which a panic of the user's must not end.
        discard(std::mem::take(&mut self.body));
    }
}

impl Outbox {
    pub(crate) fn new() -> Outbox {
        Outbox::default()
    }

    /// Appends a message.
    #[inline]
    pub(crate) fn push(&mut self, message: &Message) {
        self.messages += 1;
        if let Some((window, len)) = message.window() {
            // Copying the whole window, whose size the compiler knows, and cutting the copy costs a
            // few moves; copying just the body costs a call.
            self.reserve(2 + INLINE);
            self.buffer.extend_from_slice(&[0, len]);
            let end = self.buffer.len() + usize::from(len);
            self.buffer.extend_from_slice(window);
            self.buffer.truncate(end);
        } else {
            message.for_each_frame(|body, shared, more| {
                self.push_frame(if more { MORE } else { 0 }, body, shared);
            });
        }
    }

    fn push_frame(&mut self, flags: u8, body: &[u8], shared: Option<&Bytes>) {
        if let (true, Some(shared)) = (body.len() > COPY_LIMIT, shared) {
            frame::put_header(&mut self.buffer, flags, body.len());
            self.splice(self.buffer.len(), shared);
        } else {
            self.reserve(MAX_HEADER + body.len());
            frame::put_header(&mut self.buffer, flags, body.len());
            self.buffer.extend_from_slice(body);
        }
    }

    fn splice(&mut self, at: usize, body: &Bytes) {
        self.spliced = self.spliced.saturating_add(body.len());
        self.bodies.push(Splice {
            at,
            body: body.clone(),
        });
    }

    /// Appends a command, which is not counted as a message.
    pub(crate) fn push_command(&mut self, command: &Command) {
        command.encode(&mut self.buffer);
    }

    /// Makes room for so many more bytes.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.buffer.capacity() - self.buffer.len() < more {
            self.grow(more);
        }
    }

    /// A lone message gets what it needs; what looks like a stream gets a whole batch at once instead
    /// of doubling its way there.
    #[cold]
    fn grow(&mut self, more: usize) {
        let stream = if self.buffer.capacity() >= LITTLE {
            BATCH
        } else {
            0
        };
        self.buffer.reserve(more.max(stream));
    }

    /// Appends bytes that are no frame: a greeting, or what a handshake says. Never mixed with
    /// messages in one flight, because those are counted by walking the frames.
    pub(crate) fn push_raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends a subscription, or takes one back; not counted as a message in either form.
    pub(crate) fn push_subscription(
        &mut self,
        topic: &[u8],
        subscribe: bool,
        form: SubscriptionForm,
    ) {
        match form {
            SubscriptionForm::Command => {
                command::put_subscription(&mut self.buffer, topic, subscribe);
            }
            // RFC 23, "Framing": a message of one frame, 1 or 0 before the topic.
            SubscriptionForm::Message => {
                self.subscriptions.push(self.buffer.len());
                frame::put_header(&mut self.buffer, 0, topic.len().saturating_add(1));
                self.buffer.push(u8::from(subscribe));
                self.buffer.extend_from_slice(topic);
            }
        }
    }

    /// Appends all that `other` holds: how PUB encodes a message once for many subscribers.
    pub(crate) fn append_copy(&mut self, other: &Outbox) {
        let base = self.buffer.len();
        self.reserve(other.buffer.len());
        self.buffer.extend_from_slice(&other.buffer);
        for splice in &other.bodies {
            self.splice(base + splice.at, &splice.body);
        }
        self.subscriptions
            .extend(other.subscriptions.iter().map(|at| base + at));
        self.messages += other.messages;
    }

    /// Messages that were pushed.
    #[inline]
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes to be written, commands and framing included.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len().saturating_add(self.spliced)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets everything, and keeps at most `KEEP` of buffer.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        self.bodies.clear();
        self.bodies.shrink_to(KEEP / size_of::<Splice>());
        self.subscriptions.clear();
        self.spliced = 0;
        self.messages = 0;
    }

    /// Gives back what memory is not in use: for connections that have gone quiet.
    pub(crate) fn release_memory(&mut self) {
        if self.buffer.capacity() > LITTLE {
            self.buffer.shrink_to_fit();
        }
        self.bodies.shrink_to_fit();
        self.subscriptions.shrink_to_fit();
    }

    /// Drops the first message, and says how many bytes it took. `None`: there is none.
    pub(crate) fn drop_first(&mut self) -> Option<usize> {
        let before = self.bytes();
        let mut walk = Walk::default();
        while let Some(unit) = walk.next(self) {
            if unit.is_message {
                *self = self.messages_after(walk.bytes);
                return Some(before.saturating_sub(self.bytes()));
            }
        }
        None
    }

    /// A copy of those messages whose last byte lies behind the first `written` bytes.
    fn messages_after(&self, written: usize) -> Outbox {
        let mut kept = Outbox::new();
        let mut walk = Walk::default();
        while let Some(unit) = walk.next(self) {
            if unit.is_message && walk.bytes > written {
                kept.append_unit(self, &unit, &walk);
            }
        }
        kept
    }

    /// Appends what lies in `from` between the start of `unit` and the end of it.
    fn append_unit(&mut self, from: &Outbox, unit: &Unit, end: &Walk) {
        let base = self.buffer.len();
        let text = from.buffer.get(unit.buffer_start..end.buffer);
        self.buffer.extend_from_slice(text.unwrap_or_default());
        let bodies = from.bodies.get(unit.bodies_start..end.bodies);
        for splice in bodies.unwrap_or_default() {
            self.splice(
                base + splice.at.saturating_sub(unit.buffer_start),
                &splice.body,
            );
        }
        self.messages += 1;
    }
}

/// A position in an outbox that steps from one message, command or subscription to the next, by
/// reading the frame headers again: counting what a partial write has finished needs no record per
/// message while all goes well.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    /// Bytes of the buffer that lie behind.
    buffer: usize,
    /// Bodies that lie behind.
    bodies: usize,
    /// Bytes of both that lie behind.
    bytes: usize,
    /// Subscriptions that lie behind.
    subscriptions: usize,
}

/// What a walk stepped over.
struct Unit {
    buffer_start: usize,
    bodies_start: usize,
    is_message: bool,
}

impl Walk {
    /// Steps over the next unit; `None` at the end.
    fn next(&mut self, outbox: &Outbox) -> Option<Unit> {
        let mut unit = Unit {
            buffer_start: self.buffer,
            bodies_start: self.bodies,
            is_message: true,
        };
        if outbox.subscriptions.get(self.subscriptions) == Some(&self.buffer) {
            self.subscriptions += 1;
            unit.is_message = false;
        }
        loop {
            let header = self.step(outbox)?;
            unit.is_message &= !header.command;
            if !header.more {
                return Some(unit);
            }
        }
    }

    /// Steps over one frame. Outboxes hold whole frames that this side wrote, so it only fails at
    /// the end.
    fn step(&mut self, outbox: &Outbox) -> Option<Header> {
        let header = Header::parse(outbox.buffer.get(self.buffer..)?).ok()??;
        let size = usize::try_from(header.size).ok()?;
        self.buffer += header.len;
        self.bytes += header.len + size;
        // A body by reference is not empty and has its own header right before it, so it cannot
        // be mistaken for that of an empty frame.
        match outbox.bodies.get(self.bodies) {
            Some(splice) if splice.at == self.buffer => self.bodies += 1,
            _ => self.buffer += size,
        }
        Some(header)
    }
}

/// An outbox that is being written.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    outbox: Outbox,
    /// Where the next byte to write is: `buffer`, `bodies` and `bytes` count what was written.
    /// A body that is written in part still counts as ahead in `bodies`.
    cursor: Walk,
    /// How much of the body at the cursor was written.
    in_body: usize,
    /// How far the messages have been counted.
    counted: Walk,
    completed: usize,
    /// Bodies of loads that are written.
    spent: Spent,
}

impl Flight {
    /// Whether it holds memory that [`release_memory`](Flight::release_memory) would give back.
    pub(crate) fn is_fat(&self) -> bool {
        self.outbox.buffer.capacity() > LITTLE
    }

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
        self.cursor = Walk::default();
        self.in_body = 0;
        self.counted = Walk::default();
        self.completed = 0;
    }

    /// Whether all has been written.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.cursor.bytes >= self.outbox.bytes()
    }

    /// Bytes that are still to be written.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.outbox.bytes().saturating_sub(self.cursor.bytes)
    }

    /// All that is to be written, if it lies in one place.
    #[inline]
    pub(crate) fn only_slice(&self) -> Option<&[u8]> {
        if self.outbox.bodies.is_empty() {
            self.outbox.buffer.get(self.cursor.buffer..)
        } else {
            None
        }
    }

    /// Fills `slices` from the front with what is to be written next, at most so many bytes, and says
    /// how many it took.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>], most: usize) -> usize {
        let mut cursor = (self.cursor.buffer, self.cursor.bodies, self.in_body);
        let mut used = 0;
        let mut room = most;
        for slot in slices {
            let Some(piece) = self.piece(cursor).filter(|_| room > 0) else {
                break;
            };
            let piece = piece.get(..room).unwrap_or(piece);
            room -= piece.len();
            *slot = IoSlice::new(piece);
            cursor = self.after(cursor, piece.len());
            used += 1;
        }
        used
    }

    /// What lies at a cursor, as far as it is in one place.
    fn piece(&self, (buffer, bodies, in_body): (usize, usize, usize)) -> Option<&[u8]> {
        let piece = match self.outbox.bodies.get(bodies) {
            Some(splice) if splice.at <= buffer => splice.body.get(in_body..),
            Some(splice) => self.outbox.buffer.get(buffer..splice.at),
            None => self.outbox.buffer.get(buffer..),
        };
        piece.filter(|piece| !piece.is_empty())
    }

    /// Where a cursor is `n` bytes further on, within the piece that lies at it.
    fn after(
        &self,
        (buffer, bodies, in_body): (usize, usize, usize),
        n: usize,
    ) -> (usize, usize, usize) {
        match self.outbox.bodies.get(bodies) {
            Some(splice) if splice.at <= buffer => {
                if in_body + n >= splice.body.len() {
                    (buffer, bodies + 1, 0)
                } else {
                    (buffer, bodies, in_body + n)
                }
            }
            _ => (buffer + n, bodies, 0),
        }
    }

    /// To be told how many bytes the kernel took.
    pub(crate) fn advance(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        self.cursor.bytes = self.cursor.bytes.saturating_add(n);
        if self.is_empty() {
            // Large bodies are given out now, not at the next load: see `take_spent`.
            self.completed = self.outbox.messages;
            self.finish();
            return;
        }
        let mut left = n;
        while left > 0 {
            let cursor = (self.cursor.buffer, self.cursor.bodies, self.in_body);
            let Some(piece) = self.piece(cursor) else {
                break;
            };
            let step = left.min(piece.len());
            (self.cursor.buffer, self.cursor.bodies, self.in_body) = self.after(cursor, step);
            left -= step;
        }
    }

    fn finish(&mut self) {
        for mut splice in self.outbox.bodies.drain(..) {
            self.spent.push(std::mem::take(&mut splice.body));
        }
        self.outbox.clear();
        self.cursor = Walk::default();
        self.in_body = 0;
        self.counted = Walk::default();
    }

    /// Takes out the bodies that were written whole, to be dropped where nothing is held.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Spent> {
        self.spent.take()
    }

    /// Messages of this load; zero once all of it is written.
    pub(crate) fn messages(&self) -> usize {
        self.outbox.messages
    }

    /// Messages of this load that were written to their last byte.
    pub(crate) fn completed_messages(&mut self) -> usize {
        let mut walk = self.counted;
        while let Some(unit) = walk.next(&self.outbox) {
            if walk.bytes > self.cursor.bytes {
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
            self.cursor.bytes > self.counted.bytes
        }
    }

    /// After the connection was lost: those messages that were not written to their last byte, from
    /// their first one. Commands and subscriptions are dropped: they belong to the connection.
    ///
    /// The peer cannot have received any of them whole. Those that were written may be lost, but
    /// sending them again could deliver them twice, which RFC 37 forbids.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn rewind(&mut self) -> Outbox {
        let kept = self.unfinished();
        self.finish();
        self.completed = 0;
        self.outbox.release_memory();
        kept
    }

    /// The same, and leaves the flight, with bodies that it may be the last to hold, as it is.
    pub(crate) fn unfinished(&self) -> Outbox {
        self.outbox.messages_after(self.cursor.bytes)
    }

    /// Gives back what memory is not in use: for connections that have gone quiet.
    pub(crate) fn release_memory(&mut self) {
        self.outbox.release_memory();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::command::PingContext;
    use crate::zmtp::fuzzing::naive;
    use proptest::prelude::*;

    impl Outbox {
        /// Drops commands and subscriptions, which mean nothing on another connection.
        pub(crate) fn keep_messages(&mut self) {
            *self = self.messages_after(0);
        }
    }

    fn ping() -> Command {
        Command::Ping {
            ttl: 1,
            context: PingContext::default(),
        }
    }

    /// What is still to be written, in `at_most` slices.
    fn written(flight: &Flight, at_most: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); at_most];
        let used = flight.slices(&mut slices, usize::MAX);
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

    #[test]
    fn frames_have_the_bytes_of_the_standard() {
        let mut outbox = Outbox::new();
        outbox.push(&Message::from("hi"));
        outbox.push(&Message::from(["a", ""]));
        outbox.push(&Message::from(vec![b'x'; 255]));
        outbox.push(&Message::from(vec![b'y'; 256]));
        assert_eq!(outbox.messages(), 4);
        let mut expected = b"\x00\x02hi\x01\x01a\x00\x00\x00\xff".to_vec();
        expected.extend_from_slice(&[b'x'; 255]);
        expected.extend_from_slice(b"\x02\0\0\0\0\0\0\x01\0");
        expected.extend_from_slice(&[b'y'; 256]);
        assert_eq!(all_of(outbox), expected);
    }

    #[test]
    fn topics_cross_the_long_edge_with_the_name_in_front() {
        for len in 0..=300 {
            let topic = vec![b't'; len];
            for subscribe in [true, false] {
                let mut outbox = Outbox::new();
                outbox.push_subscription(&topic, subscribe, SubscriptionForm::Command);
                let name = if subscribe { 10 } else { 7 };
                let bytes = all_of(outbox);
                let header = if name + len > 255 { 9 } else { 2 };
                assert_eq!(bytes[0], if header == 9 { 6 } else { 4 }, "{len}");
                assert_eq!(bytes.len(), header + name + len);
                let topic = Bytes::from(topic.clone());
                let command = if subscribe {
                    Command::Subscribe(topic)
                } else {
                    Command::Cancel(topic)
                };
                assert_eq!(naive(&bytes, None).commands, [command]);
            }
        }
    }

    #[test]
    fn subscriptions_of_a_3_0_peer_are_messages_that_do_not_count() {
        for len in [0, 3, 245, 246, 253, 254, 255, 256] {
            let topic = vec![b't'; len];
            for subscribe in [true, false] {
                let mut outbox = Outbox::new();
                outbox.push_subscription(&topic, subscribe, SubscriptionForm::Message);
                assert_eq!(outbox.messages(), 0);
                let bytes = all_of(outbox);
                assert_eq!(bytes[0], if len >= 255 { 2 } else { 0 }, "{len}");
                let message = [&[u8::from(subscribe)], &topic[..]].concat();
                assert_eq!(naive(&bytes, None).messages, [Message::from(message)]);
            }
        }
        let mut outbox = Outbox::new();
        outbox.push_subscription(b"A", true, SubscriptionForm::Message);
        assert_eq!(all_of(outbox), b"\x00\x02\x01A");
    }

    #[test]
    fn the_first_message_can_be_dropped() {
        for first in [3, COPY_LIMIT + 1] {
            let mut outbox = Outbox::new();
            outbox.push(&Message::from([
                Bytes::from(vec![1; first]),
                Bytes::from_static(b"x"),
            ]));
            let size = outbox.bytes();
            outbox.push(&Message::from("second"));
            assert_eq!(outbox.drop_first(), Some(size));
            assert_eq!(outbox.messages(), 1);
            assert_eq!(outbox.drop_first(), Some(8));
            assert_eq!(outbox.drop_first(), None);
            assert!(outbox.is_empty());
        }
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
    fn large_bodies_are_not_copied() {
        let body = Bytes::from(vec![7; COPY_LIMIT + 1]);
        let mut outbox = Outbox::new();
        outbox.push(&Message::from(body.clone()));
        outbox.push(&Message::from([Bytes::from_static(b"a"), body.clone()]));
        outbox.push(&Message::from(body.slice(1..)));
        let mut flight = Flight::new();
        flight.load(&mut outbox);
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(flight.slices(&mut slices, usize::MAX), 5);
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

    fn clone_of(outbox: &Outbox) -> Outbox {
        let mut copy = Outbox::new();
        copy.append_copy(outbox);
        copy
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

    #[test]
    fn memory_is_kept_within_bounds_and_given_back() {
        let mut outbox = Outbox::new();
        for _ in 0..100_000 {
            outbox.push(&Message::from("0123456789"));
        }
        outbox.clear();
        assert!(outbox.is_empty());
        assert!((1..=KEEP).contains(&outbox.buffer.capacity()));
        outbox.release_memory();
        assert_eq!(outbox.buffer.capacity(), 0);
    }

    #[test]
    fn keeping_messages_drops_the_rest() {
        let mut outbox = Outbox::new();
        outbox.push_subscription(b"t", true, SubscriptionForm::Message);
        outbox.push(&Message::from("a"));
        outbox.push_command(&ping());
        outbox.push(&Message::from(["b", "c"]));
        outbox.keep_messages();
        assert_eq!(outbox.messages(), 2);
        assert_eq!(all_of(outbox), b"\x00\x01a\x01\x01b\x00\x01c");
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
