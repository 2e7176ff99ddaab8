//! Messages to bytes: what waits to be written to an established connection.
//!
//! An [`Outbox`] collects frames, encoded. Small frames lie in one buffer; a large body is kept by
//! reference at its place between those bytes, and goes out from where its owner put it. An outbox
//! that is being written is a [`Flight`](super::flight::Flight).

use bytes::Bytes;

use super::command::{self, Command, SubscriptionForm};
use super::frame::{self, Header, MAX_HEADER, MORE};
use crate::discard::discard;
use crate::message::{Message, INLINE};
use crate::tuning;

/// Bodies up to this size are copied behind their header; larger ones are kept by reference.
///
/// A copy of 4 KiB costs about as much as what a reference costs elsewhere: two atomic counts, an
/// entry here and another slice for the kernel to walk.
pub(super) const COPY_LIMIT: usize = 4 * 1024;

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
    /// Where in `buffer` those message frames begin that are no messages of the user's (subscriptions,
    /// probes, greetings), ascending.
    subscriptions: Vec<usize>,
    /// Bytes of `bodies`.
    spliced: usize,
    messages: usize,
    /// What it holds is bytes without frames: there is nothing to step over, and nothing that another
    /// connection could have again.
    raw: bool,
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

    /// Appends a message without its first frame, which named the peer that it goes to.
    pub(crate) fn push_addressed(&mut self, message: &Message) {
        self.messages += 1;
        let mut named = false;
        message.for_each_frame(|body, shared, more| {
            if std::mem::replace(&mut named, true) {
                self.push_frame(if more { MORE } else { 0 }, body, shared);
            }
        });
    }

    /// Appends the bytes of all frames but the first, which named the peer that they go to: no header
    /// is put before them. Such an outbox has nothing else in it.
    pub(crate) fn push_unframed(&mut self, message: &Message) {
        self.messages += 1;
        self.raw = true;
        let mut named = false;
        message.for_each_frame(|body, shared, _| {
            if !std::mem::replace(&mut named, true) {
                return;
            }
            if let (true, Some(shared)) = (body.len() > COPY_LIMIT, shared) {
                self.splice(self.buffer.len(), shared);
            } else {
                self.reserve(body.len());
                self.buffer.extend_from_slice(body);
            }
        });
    }

    /// Appends a message that belongs to the connection, and means nothing on another; not counted as
    /// a message.
    pub(crate) fn push_uncounted(&mut self, message: &Message) {
        self.subscriptions.push(self.buffer.len());
        message.for_each_frame(|body, shared, more| {
            self.push_frame(if more { MORE } else { 0 }, body, shared);
        });
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

    /// Makes room for this number of further bytes.
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
            SubscriptionForm::Group => command::put_group(&mut self.buffer, topic, subscribe),
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
        self.raw |= other.raw;
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

    /// Whether what it holds is bytes without frames.
    pub(super) fn is_raw(&self) -> bool {
        self.raw
    }

    /// Whether what it holds is worth a write of its own although more is coming.
    #[inline]
    pub(crate) fn has_batch(&self) -> bool {
        let bytes = self.bytes();
        bytes >= tuning::WRITE_BATCH && (self.spliced == 0 || bytes >= tuning::WRITE_BATCH_BODIES)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Framed bodies have their headers in the buffer.
        self.buffer.is_empty() && self.bodies.is_empty()
    }

    /// Gives each body kept by reference to `take`, when all has been written.
    pub(super) fn take_bodies(&mut self, mut take: impl FnMut(Bytes)) {
        // A lone small message has none: not even an empty drain.
        if !self.bodies.is_empty() {
            for mut splice in self.bodies.drain(..) {
                take(std::mem::take(&mut splice.body));
            }
        }
    }

    /// Forgets everything, and keeps at most `KEEP` of buffer.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        self.bodies.clear();
        self.bodies.shrink_to(KEEP / size_of::<Splice>());
        self.subscriptions.clear();
        self.spliced = 0;
        self.messages = 0;
        self.raw = false;
    }

    /// Whether it holds memory that [`release_memory`](Outbox::release_memory) would give back once it is
    /// empty.
    pub(crate) fn wants_trim(&self) -> bool {
        self.buffer.capacity() > LITTLE
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

    /// A copy of those messages whose last byte lies behind the first `written` bytes. Of bytes without
    /// frames only how many messages they were: the middle of a stream is nothing to begin another with.
    pub(super) fn messages_after(&self, written: usize) -> Outbox {
        let mut kept = Outbox::new();
        if self.raw && written < self.bytes() {
            kept.messages = self.messages;
        }
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

/// A place in an outbox, told by what lies before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    /// Bytes of the buffer.
    buffer: usize,
    /// Whole bodies.
    bodies: usize,
    /// Bytes of the body that this place is in; zero in the buffer.
    in_body: usize,
}

/// Bytes that lie one behind the other in memory.
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// A body kept by reference, or the rest of one.
    pub(super) is_body: bool,
}

impl Outbox {
    /// What lies at `at`, as far as it is in one place. `None`: the end.
    pub(super) fn piece(&self, at: Cursor) -> Option<Piece<'_>> {
        let next = self.bodies.get(at.bodies);
        let (bytes, is_body) = match next {
            Some(splice) if splice.at <= at.buffer => (splice.body.get(at.in_body..), true),
            Some(splice) => (self.buffer.get(at.buffer..splice.at), false),
            None => (self.buffer.get(at.buffer..), false),
        };
        let bytes = bytes.filter(|bytes| !bytes.is_empty())?;
        Some(Piece { bytes, is_body })
    }

    /// The place `n` bytes behind `at`, within the piece that lies there.
    pub(super) fn after(&self, at: Cursor, n: usize) -> Cursor {
        match self.bodies.get(at.bodies) {
            Some(splice) if splice.at <= at.buffer => {
                let in_body = at.in_body + n;
                if in_body >= splice.body.len() {
                    Cursor {
                        bodies: at.bodies + 1,
                        in_body: 0,
                        ..at
                    }
                } else {
                    Cursor { in_body, ..at }
                }
            }
            _ => Cursor {
                buffer: at.buffer + n,
                ..at
            },
        }
    }

    /// All that lies behind `at`, if none of it is a body kept by reference.
    #[inline]
    pub(super) fn rest(&self, at: Cursor) -> Option<&[u8]> {
        if at.bodies >= self.bodies.len() {
            self.buffer.get(at.buffer..)
        } else {
            None
        }
    }
}

/// A position in an outbox that steps from one message, command or subscription to the next, by
/// reading the frame headers again: counting what a partial write has finished needs no record per
/// message while all goes well.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walk {
    /// Bytes of the buffer that lie behind.
    buffer: usize,
    /// Bodies that lie behind.
    bodies: usize,
    /// Bytes of both that lie behind.
    pub(super) bytes: usize,
    /// Subscriptions that lie behind.
    subscriptions: usize,
}

/// What a walk stepped over.
pub(super) struct Unit {
    buffer_start: usize,
    bodies_start: usize,
    pub(super) is_message: bool,
}

impl Walk {
    /// Steps over the next unit; `None` at the end.
    pub(super) fn next(&mut self, outbox: &Outbox) -> Option<Unit> {
        if outbox.raw {
            return None;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::command::PingContext;
    use crate::zmtp::fuzzing::naive;

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

    fn all_of(outbox: Outbox) -> Vec<u8> {
        let mut all = Vec::new();
        let mut cursor = Cursor::default();
        while let Some(piece) = outbox.piece(cursor) {
            all.extend_from_slice(piece.bytes);
            cursor = outbox.after(cursor, piece.bytes.len());
        }
        assert_eq!(all.len(), outbox.bytes());
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
}
