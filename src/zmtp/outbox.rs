//! Messages to bytes: what waits to be written to an established connection.
//!
//! An [`Outbox`] collects frames, encoded: a [`Rope`] of bytes, in which small frames are copied and a large
//! body is kept by reference, to go out from where its owner put it. An outbox that is being written is a
//! [`Flight`](super::flight::Flight).

use bytes::Bytes;

use super::command::{self, Command, SubscriptionForm};
#[cfg(feature = "curve")]
use super::frame::Header;
use super::frame::{self, MAX_HEADER, MORE};
use super::rope::{Cursor, Piece, Rope};
use super::spent::Spent;
use super::walk::{Unit, Walk};
use crate::message::{Frame, Message, INLINE};
use crate::tuning;

/// Bodies up to this size are copied behind their header; larger ones are kept by reference.
///
/// A copy of 4 KiB costs about as much as what a reference costs elsewhere: two atomic counts, an
/// entry here and another slice for the kernel to walk.
pub(super) const COPY_LIMIT: usize = 4 * 1024;

/// Encoded frames that wait to be written, and how many messages they are.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    rope: Rope,
    /// Where in the copied bytes those message frames begin that are no messages of the user's (subscriptions,
    /// probes, greetings), ascending.
    subscriptions: Vec<usize>,
    messages: usize,
    /// What it holds is bytes without frames: there is nothing to step over, and nothing that another
    /// connection could have again.
    raw: bool,
    /// Bytes at the front of `buffer` that are what a handshake says, and never sealed.
    #[cfg(feature = "curve")]
    unsealed: usize,
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
            self.rope.reserve(2 + INLINE);
            let buffer = self.rope.buffer();
            buffer.extend_from_slice(&[0, len]);
            let end = buffer.len() + usize::from(len);
            buffer.extend_from_slice(window);
            buffer.truncate(end);
        } else {
            self.push_larger(message);
        }
    }

    /// Appends a message that does not live inline, or is of several frames.
    #[inline(never)]
    fn push_larger(&mut self, message: &Message) {
        if let Some(body) = message.shared() {
            return self.push_frame(0, body, Some(body));
        }
        message.for_each_frame(|body, shared, more| {
            self.push_frame(if more { MORE } else { 0 }, body, shared);
        });
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
                self.rope.splice(shared.clone());
            } else {
                self.rope.reserve(body.len());
                self.rope.buffer().extend_from_slice(body);
            }
        });
    }

    /// Appends a message that belongs to the connection, and means nothing on another; not counted as
    /// a message.
    pub(crate) fn push_uncounted(&mut self, message: &Message) {
        self.subscriptions.push(self.rope.copied());
        message.for_each_frame(|body, shared, more| {
            self.push_frame(if more { MORE } else { 0 }, body, shared);
        });
    }

    fn push_frame(&mut self, flags: u8, body: &[u8], shared: Option<&Bytes>) {
        if let (true, Some(shared)) = (body.len() > COPY_LIMIT, shared) {
            frame::put_header(self.rope.buffer(), flags, body.len());
            self.rope.splice(shared.clone());
        } else {
            self.rope.reserve(MAX_HEADER + body.len());
            frame::put_header(self.rope.buffer(), flags, body.len());
            self.rope.buffer().extend_from_slice(body);
        }
    }

    /// Appends a command, which is not counted as a message.
    pub(crate) fn push_command(&mut self, command: &Command) {
        command.encode(self.rope.buffer());
    }

    /// Appends bytes that are no frame: a greeting, or what a handshake says. Never mixed with
    /// messages in one flight, because those are counted by walking the frames.
    pub(crate) fn push_raw(&mut self, bytes: &[u8]) {
        self.rope.buffer().extend_from_slice(bytes);
        #[cfg(feature = "curve")]
        {
            self.unsealed = self.rope.copied();
        }
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
                command::put_subscription(self.rope.buffer(), topic, subscribe);
            }
            SubscriptionForm::Group => command::put_group(self.rope.buffer(), topic, subscribe),
            // RFC 23, "Framing": a message of one frame, 1 or 0 before the topic.
            SubscriptionForm::Message => {
                self.subscriptions.push(self.rope.copied());
                let buffer = self.rope.buffer();
                frame::put_header(buffer, 0, topic.len().saturating_add(1));
                buffer.push(u8::from(subscribe));
                buffer.extend_from_slice(topic);
            }
        }
    }

    /// Appends all that `other` holds: how PUB encodes a message once for many subscribers.
    pub(crate) fn append_copy(&mut self, other: &Outbox) {
        let base = self.rope.copied();
        self.rope.append_copy(&other.rope);
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
        self.rope.bytes()
    }

    /// Whether what it holds is bytes without frames.
    pub(super) fn is_raw(&self) -> bool {
        self.raw
    }

    /// Whether what it holds is worth a write of its own although more is coming.
    #[inline]
    pub(crate) fn has_batch(&self) -> bool {
        let bytes = self.bytes();
        bytes >= tuning::WRITE_BATCH
            && (!self.rope.has_bodies() || bytes >= tuning::WRITE_BATCH_BODIES)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rope.is_empty()
    }

    /// Gives each body kept by reference to `spent`, when all has been written.
    pub(super) fn give_out_bodies(&mut self, spent: &mut Spent) {
        if self.rope.has_bodies() {
            spent.append(self.rope.take_bodies());
        }
    }

    /// Forgets everything, and keeps some of the memory.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.rope.clear();
        self.subscriptions.clear();
        self.messages = 0;
        self.raw = false;
        #[cfg(feature = "curve")]
        {
            self.unsealed = 0;
        }
    }

    /// Whether it holds memory that [`release_memory`](Outbox::release_memory) would give back once it is
    /// empty.
    pub(crate) fn wants_trim(&self) -> bool {
        self.rope.wants_trim()
    }

    /// Gives back what memory is not in use: for connections that have gone quiet.
    pub(crate) fn release_memory(&mut self) {
        self.rope.release_memory();
        self.subscriptions.shrink_to_fit();
    }

    /// Steps over the next message, command or subscription; `None` at the end.
    pub(super) fn step(&self, walk: &mut Walk) -> Option<Unit> {
        if self.raw {
            return None;
        }
        walk.step(&self.rope, &self.subscriptions)
    }

    /// Gives each frame of the next unit behind `walk` to `visit`.
    pub(super) fn visit_frames(&self, walk: Walk, visit: impl FnMut(&[u8])) {
        walk.visit_frames(&self.rope, visit);
    }

    /// Drops the first message, and says how many bytes it took. `None`: there is none.
    pub(crate) fn drop_first(&mut self) -> Option<usize> {
        let before = self.bytes();
        let mut walk = Walk::default();
        while let Some(unit) = self.step(&mut walk) {
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
        while let Some(unit) = self.step(&mut walk) {
            if unit.is_message && walk.bytes > written {
                kept.rope.append_part(&self.rope, unit.start, walk.at);
                kept.messages += 1;
            }
        }
        kept
    }

    /// Takes all messages out again. To be called when it holds nothing else.
    pub(crate) fn take_messages(&mut self) -> Vec<Message> {
        let outbox = std::mem::take(self);
        let mut messages = Vec::with_capacity(outbox.messages);
        let mut frames = Vec::new();
        let mut walk = Walk::default();
        loop {
            let start = walk.at;
            let Some(header) = walk.step_frame(&outbox.rope) else {
                return messages;
            };
            let size = usize::try_from(header.size).unwrap_or_default();
            frames.push(Frame::from(outbox.rope.body(start, header.len, size)));
            if !header.more {
                messages.push(frames.drain(..).collect());
            }
        }
    }

    /// What lies at `at`, as far as it is in one place. `None`: the end.
    #[inline]
    pub(super) fn piece(&self, at: Cursor) -> Option<Piece<'_>> {
        self.rope.piece(at)
    }

    /// The place `n` bytes behind `at`, within the piece that lies there.
    #[inline]
    pub(super) fn after(&self, at: Cursor, n: usize) -> Cursor {
        self.rope.after(at, n)
    }

    /// All that lies behind `at`, if none of it is a body kept by reference.
    #[inline]
    pub(super) fn rest(&self, at: Cursor) -> Option<&[u8]> {
        self.rope.rest(at)
    }
}

#[cfg(feature = "curve")]
impl Outbox {
    /// What lies between `at` and the end of what a handshake says.
    pub(super) fn unsealed(&self, at: Cursor) -> &[u8] {
        let rest = self.rope.copied_behind(at).unwrap_or_default();
        let bytes = self.unsealed.saturating_sub(at.buffer);
        rest.get(..bytes).unwrap_or_default()
    }

    /// The frames from `at` on, which is where one begins: header, and body.
    pub(super) fn frames(&self, mut at: Cursor) -> impl Iterator<Item = (Header, &[u8])> {
        std::iter::from_fn(move || {
            let header = Header::parse(self.rope.copied_behind(at)?).ok()??;
            let size = usize::try_from(header.size).ok()?;
            let body = self.rope.body_behind(at, header.len, size)?;
            at = self.rope.behind_frame(at, header.len, size);
            Some((header, body))
        })
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
    fn messages_come_out_as_they_were_put_in() {
        let large = Bytes::from(vec![7; COPY_LIMIT + 1]);
        let all = [
            Message::from("hi"),
            Message::from(["a", ""]),
            Message::from(vec![1; 300]),
            Message::from(large.clone()),
            Message::from([Bytes::new(), large.clone(), large]),
            Message::from(""),
        ];
        let mut outbox = Outbox::new();
        for message in &all {
            outbox.push(message);
        }
        assert_eq!(outbox.take_messages(), all);
        assert!(outbox.is_empty() && outbox.messages() == 0);
        assert!(outbox.take_messages().is_empty());
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
