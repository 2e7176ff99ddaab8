//! Messages to bytes: the sending half of an established connection.
//!
//! An [`Outbox`] collects frames, encoded; a [`Flight`] is one that is being written. Small frames
//! lie encoded in one buffer; a large body is kept by reference at its place between those bytes,
//! and goes out from where its owner put it.

use std::io::IoSlice;

use bytes::Bytes;

use super::command::{self, Command, SubscriptionForm};
use super::frame::{self, Header, MAX_HEADER, MORE};
use crate::message::{Message, INLINE};

/// Bodies up to this size are copied behind their header; larger ones are kept by reference.
///
/// A copy of 4 KiB costs about as much as what a reference costs elsewhere: two atomic counts, an
/// entry here and another slice for the kernel to walk.
const COPY_LIMIT: usize = 4 * 1024;

/// The capacity that an outbox keeps when it is emptied: as much as one turn of a connection writes.
const KEEP: usize = 256 * 1024;

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
            self.buffer.reserve(2 + INLINE);
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
            self.buffer.reserve(MAX_HEADER + body.len());
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

    /// Forgets everything, and keeps at most 256 KiB of buffer.
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
        self.buffer.shrink_to_fit();
        self.bodies.shrink_to_fit();
        self.subscriptions.shrink_to_fit();
    }

    /// Drops commands and subscriptions, which mean nothing on another connection.
    pub(crate) fn keep_messages(&mut self) {
        *self = self.messages_after(0);
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
}

impl Flight {
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

    /// Fills `slices` from the front with what is to be written next, and says how many it took.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut cursor = (self.cursor.buffer, self.cursor.bodies, self.in_body);
        let mut used = 0;
        for slot in slices {
            let Some(piece) = self.piece(cursor) else {
                break;
            };
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
        self.cursor.bytes = self.cursor.bytes.saturating_add(n);
        if self.is_empty() {
            // Let go of large bodies now, not at the next load.
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
        self.outbox.clear();
        self.cursor = Walk::default();
        self.in_body = 0;
        self.counted = Walk::default();
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

    /// After the connection was lost: those messages that were not written to their last byte, from
    /// their first one. Commands and subscriptions are dropped: they belong to the connection.
    ///
    /// The peer cannot have received any of them whole. Those that were written may be lost, but
    /// sending them again could deliver them twice, which RFC 37 forbids.
    pub(crate) fn rewind(&mut self) -> Outbox {
        let kept = self.outbox.messages_after(self.cursor.bytes);
        self.finish();
        self.outbox.release_memory();
        kept
    }

    /// Gives back what memory is not in use: for connections that have gone quiet.
    pub(crate) fn release_memory(&mut self) {
        self.outbox.release_memory();
    }
}
