//! The writing half of a link: what is queued becomes bytes on the wire here, and only here.
//!
//! Having the [`Writer`] is the token to write; it is taken out of the socket's state for one pass
//! and put back. Whoever holds it takes along what others queue meanwhile.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::progress::Progress;
use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::encoder::{Flight, Outbox};
use crate::zmtp::spent::Spent;

/// Pieces handed to the kernel in one `writev`. Small messages share one piece, and a body that is one
/// of its own has more than 4 KiB: a write has at most fifteen of those, and what stands between.
const SLICES: usize = 32;

/// How a pass ended.
#[derive(Debug)]
pub(crate) enum Wrote {
    /// Everything is in the kernel.
    All,
    /// The turn is over; there is more.
    Turn,
    /// The kernel takes no more now.
    Blocked,
    /// The connection is broken.
    Failed(io::Error),
}

/// The writing half of a link.
#[derive(Debug)]
pub(crate) struct Writer {
    stream: Arc<Stream>,
    flight: Flight,
    /// The socket's poll was asked to say when this stream takes bytes again.
    pub(crate) asked_for_room: bool,
    /// Messages went this way, and not only handshakes, commands and subscriptions.
    spoke: bool,
    /// Bytes that the kernel took.
    written: u64,
    /// Messages of all flights so far.
    loaded: u64,
    progress: Progress,
    /// Of the bytes written, at least so many are acknowledged by the peer's system: what it said last.
    /// A connection that was reset can no longer be asked.
    acknowledged: u64,
    /// Writing failed.
    failed: bool,
}

impl Writer {
    pub(crate) fn new(stream: Arc<Stream>) -> Writer {
        Writer {
            stream,
            flight: Flight::default(),
            asked_for_room: false,
            spoke: false,
            written: 0,
            loaded: 0,
            progress: Progress::default(),
            acknowledged: 0,
            failed: false,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_empty()
    }

    /// Whether it holds on to more memory than an idle connection should.
    pub(crate) fn is_fat(&self) -> bool {
        self.flight.is_fat()
    }

    /// Gives back the memory of the last flight, once that is gone.
    pub(crate) fn release_memory(&mut self) {
        if self.flight.is_empty() {
            self.flight.release_memory();
        }
    }

    /// Takes out the bodies that were written, to be dropped where no token and no lock is held.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Spent> {
        self.flight.take_spent()
    }

    /// Whether the peer may have messages of ours still to read.
    pub(crate) fn has_spoken(&self) -> bool {
        self.spoke
    }

    pub(crate) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Takes over what is queued, if the last flight is gone. False: there is nothing to write.
    pub(crate) fn load(&mut self, queued: &mut Outbox) -> bool {
        if self.flight.is_empty() && !queued.is_empty() {
            self.spoke |= queued.messages() > 0;
            self.loaded += queued.messages() as u64;
            self.flight.load(queued);
        }
        !self.flight.is_empty()
    }

    /// Writes until all is gone, the kernel is full, or the turn is over.
    pub(crate) fn pass(&mut self) -> Wrote {
        let wrote = self.write_a_turn();
        match wrote {
            Wrote::Failed(_) => self.failed = true,
            // A peer that is behind may be lost with what the system holds for it.
            Wrote::Blocked => self.ask_acknowledged(false, false),
            Wrote::All | Wrote::Turn => {}
        }
        wrote
    }

    fn write_a_turn(&mut self) -> Wrote {
        let mut turn = 0;
        while !self.flight.is_empty() {
            if turn >= tuning::TURN {
                return Wrote::Turn;
            }
            match self.write_once() {
                Ok(0) => return Wrote::Failed(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.flight.advance(written);
                    self.written += written as u64;
                    turn += written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Wrote::Blocked,
                Err(error) => return Wrote::Failed(error),
            }
        }
        Wrote::All
    }

    fn write_once(&self) -> io::Result<usize> {
        match self.flight.only_slice() {
            Some(all) => self.stream.write(all.get(..tuning::WRITE).unwrap_or(all)),
            None => self.write_pieces(),
        }
    }

    fn write_pieces(&self) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.flight.slices(&mut slices, tuning::WRITE);
        self.stream
            .write_vectored(slices.get(..count).unwrap_or_default())
    }

    /// Messages and bytes that are not wholly in the kernel yet; to be asked after each pass, because
    /// what is not left has gone.
    pub(crate) fn unwritten(&mut self) -> (usize, usize) {
        // Greetings hold no message, and no frame that could be counted.
        let messages = match self.flight.messages() {
            0 => 0,
            loaded => loaded.saturating_sub(self.flight.completed_messages()),
        };
        self.progress
            .reached(self.written, self.loaded.saturating_sub(messages as u64));
        (messages, self.flight.bytes())
    }

    /// Messages that the kernel took whole.
    pub(crate) fn written_messages(&self) -> u64 {
        self.progress.messages()
    }

    /// Asks the system how much of what was written the peer's system has acknowledged; where it cannot
    /// say, all is taken for acknowledged. `finished`: the peer was told that no more comes, which the
    /// system counts as one byte more. `ended`: the peer has ended in good order, so that the
    /// answer holds although the connection is over. Never waits.
    pub(crate) fn ask_acknowledged(&mut self, finished: bool, ended: bool) {
        if self.failed {
            return;
        }
        match self.stream.unacknowledged() {
            None => self.acknowledged = self.written,
            Some(0) if !ended && self.stream.is_over() => {}
            Some(bytes) => self.note_unacknowledged(self.written, bytes, finished),
        }
    }

    /// The system has said how many bytes are not acknowledged, when at least `written` were written.
    pub(crate) fn note_unacknowledged(&mut self, written: u64, bytes: usize, finished: bool) {
        let bytes = bytes.saturating_sub(usize::from(finished)) as u64;
        let acknowledged = written.saturating_sub(bytes);
        self.acknowledged = self.acknowledged.max(acknowledged);
    }

    /// Bytes that the kernel took.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// At most how many messages the kernel took whole that the peer's system had not acknowledged
    /// when it was asked last: never fewer, and more by one pass at most.
    pub(crate) fn unacknowledged_messages(&self) -> u64 {
        self.progress.messages_after(self.acknowledged)
    }

    /// Whether a message was written in part.
    pub(crate) fn is_within_message(&mut self) -> bool {
        self.flight.is_within_message()
    }

    /// Gives back every message that the peer cannot have received whole.
    pub(crate) fn rewind(&self) -> Outbox {
        self.flight.unfinished()
    }
}
