//! One direction of a proxy: receives a batch, and sends it on.

use super::stats::Counts;
use crate::drive::waiting::Wait;
use crate::error::{Error, RecvError, SendErrorKind};
use crate::interest::Interest;
use crate::message::Message;
use crate::socket::DynSocket;

/// Messages that are received together, and sent on under one lock: a few hundred cost hardly less each than
/// this many, and what is held when the other side's room ends is at most this.
const BATCH: usize = 128;

/// Bytes that a batch is meant to have at most, by the size of the messages of the last one: what the proxy
/// holds stays small where messages are large.
const BATCH_BYTES: usize = 256 * 1024;

/// One direction.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) exists: bool,
    /// Received, and not sent on yet: what was left of a batch.
    pub(super) held: Vec<Message>,
    held_bytes: usize,
    /// How many messages make the next batch.
    batch: usize,
    pub(super) waits: Waits,
}

/// What a direction needs to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// A message to receive.
    Message,
    /// Room to send.
    Room,
    /// To be resumed; or it does not exist.
    Nothing,
}

/// What came of a step.
pub(super) enum Step {
    Done,
    Waits,
    Closed,
}

impl Way {
    pub(super) fn new(exists: bool) -> Way {
        Way {
            exists,
            held: Vec::new(),
            held_bytes: 0,
            batch: 1,
            waits: Waits::Nothing,
        }
    }

    /// Sends what is held.
    pub(super) fn send(&mut self, sink: &DynSocket, counts: &Counts) -> Result<Step, Error> {
        while !self.held.is_empty() {
            let before = (self.held.len(), self.held_bytes);
            let outcome = sink.core().send_many(&mut self.held, Wait::Never);
            self.held_bytes = self.held.iter().map(Message::byte_len).sum();
            let (left, bytes_left) = (self.held.len(), self.held_bytes);
            counts.sent.add(before.0 - left, before.1 - bytes_left);
            counts.held.set(self.held.len() as u64);
            match outcome.map_err(|(kind, _)| kind) {
                Ok(_) => {}
                Err(SendErrorKind::WouldBlock) => {
                    self.waits = Waits::Room;
                    return Ok(Step::Waits);
                }
                Err(SendErrorKind::Closed) => return Ok(Step::Closed),
                Err(SendErrorKind::ReactorDied) => return Err(Error::ReactorDied),
                Err(_) => {
                    // Only the first message is the matter.
                    let refused = self.held.remove(0);
                    self.held_bytes -= refused.byte_len();
                    counts.refused.add(1);
                    counts.held.set(self.held.len() as u64);
                }
            }
        }
        Ok(Step::Done)
    }

    /// Receives the next batch, if there is room for any of it.
    pub(super) fn receive(
        &mut self,
        source: &DynSocket,
        sink: &DynSocket,
        counts: &Counts,
    ) -> Result<Step, Error> {
        let look = sink.core().look(None, Interest::WRITABLE);
        if look.closed {
            return Ok(Step::Closed);
        }
        if !look.writable {
            self.waits = Waits::Room;
            return Ok(Step::Waits);
        }
        match source.try_recv_many(&mut self.held, self.batch) {
            Ok(received) => {
                self.held_bytes = self.held.iter().map(Message::byte_len).sum();
                counts.received.add(received, self.held_bytes);
                counts.held.set(received as u64);
                let each = (self.held_bytes / received.max(1)).max(1);
                self.batch = (BATCH_BYTES / each).clamp(1, BATCH);
                Ok(Step::Done)
            }
            Err(RecvError::WouldBlock) => {
                self.waits = Waits::Message;
                Ok(Step::Waits)
            }
            Err(RecvError::Closed) => Ok(Step::Closed),
            Err(error) => Err(error.into()),
        }
    }
}
