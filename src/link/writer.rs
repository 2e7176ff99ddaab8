//! The writing half of a link: what is queued becomes bytes on the wire here, and only here.
//!
//! Having the [`Writer`] is the token to write; it is taken out of the socket's state for one pass
//! and put back. Whoever holds it takes along what others queue meanwhile.

use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::encoder::{Flight, Outbox};

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
}

impl Writer {
    pub(crate) fn new(stream: Arc<Stream>) -> Writer {
        Writer {
            stream,
            flight: Flight::default(),
            asked_for_room: false,
            spoke: false,
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
            self.flight.load(queued);
        }
        !self.flight.is_empty()
    }

    /// Writes until all is gone, the kernel is full, or the turn is over.
    pub(crate) fn pass(&mut self) -> Wrote {
        let mut turn = 0;
        while !self.flight.is_empty() {
            if turn >= tuning::TURN {
                return Wrote::Turn;
            }
            match self.write_once() {
                Ok(0) => return Wrote::Failed(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.flight.advance(written);
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

    /// Messages and bytes that are not wholly in the kernel yet.
    pub(crate) fn unwritten(&mut self) -> (usize, usize) {
        // Greetings hold no message, and no frame that could be counted.
        let messages = match self.flight.messages() {
            0 => 0,
            loaded => loaded.saturating_sub(self.flight.completed_messages()),
        };
        (messages, self.flight.bytes())
    }

    /// Gives back every message that the peer cannot have received whole.
    pub(crate) fn rewind(&self) -> Outbox {
        self.flight.unfinished()
    }
}
