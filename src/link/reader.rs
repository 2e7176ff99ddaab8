//! The reading half of a link: bytes become messages here, and only here.
//!
//! Having the [`Reader`] is the token to read; it is taken out of the socket's state for one pass
//! and put back with what the pass found.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::message::Message;
use crate::pattern::Excess;
use crate::peer::PeerInfo;
use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::command::{Command, SubscriptionForm};
use crate::zmtp::connection::{Established, Handshake};
use crate::zmtp::decoder::{Decoder, MIN_READ_BUFFER};
use crate::zmtp::ProtocolError;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the peer closed the connection")]
    ByPeer,
    /// The system says that it is broken.
    #[error("the connection broke: {0}")]
    Io(io::Error),
    /// The peer broke the protocol.
    #[error("{0}")]
    Protocol(ProtocolError),
    /// The peer asks for more than it may have.
    #[error("{0}")]
    Excess(Excess),
    #[error("the handshake took longer than handshake_timeout")]
    HandshakeTimeout,
    #[error("the peer did not answer a heartbeat in time")]
    Silent,
    #[error("the peer was silent for longer than it had announced with its heartbeat")]
    PeerTtl,
    #[error("too many connections were in their handshake; this was the oldest")]
    Crowded,
    #[error("the time to linger was over")]
    Linger,
    #[error("closed by this side")]
    ByUs,
}

/// What one pass found. Reused from pass to pass, so that its queues keep their memory.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) messages: VecDeque<Message>,
    pub(crate) commands: Vec<Command>,
    /// Handshake bytes to be sent to the peer.
    pub(crate) reply: Vec<u8>,
    /// The handshake ended well in this pass.
    pub(crate) established: Option<(PeerInfo, SubscriptionForm)>,
    /// Anything came at all.
    pub(crate) heard: bool,
    /// Bytes that came from the kernel.
    pub(crate) read: usize,
    /// Another pass would find something now: bytes left over, or perhaps more in the kernel.
    pub(crate) more: bool,
    pub(crate) ended: Option<Ended>,
}

/// Bytes read and not yet decoded: `data[start..end]`.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    data: Box<[u8]>,
    /// Invariant: `start <= end <= data.len()`.
    start: usize,
    end: usize,
}

impl ReadBuffer {
    pub(crate) fn new() -> Box<ReadBuffer> {
        // The decoder leaves up to so much behind, and must be given more than that.
        const { assert!(tuning::READ_BUFFER > MIN_READ_BUFFER) };
        let data = vec![0; tuning::READ_BUFFER].into_boxed_slice();
        Box::new(ReadBuffer {
            data,
            start: 0,
            end: 0,
        })
    }

    fn bytes(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The free part, after making it as large as it gets.
    fn free(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.data.get_mut(self.end..).unwrap_or_default()
    }
}

/// Leftovers up to this size are kept in a buffer of their own, so that the shared read buffer is
/// free for other links; larger ones keep the shared one.
const CARRY: usize = 1024;

/// The reading half of a link.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: Arc<Stream>,
    stage: Stage,
    /// What the last pass could not decode yet.
    rest: Rest,
}

#[derive(Debug)]
enum Stage {
    Greeting(Box<Handshake>),
    Traffic(Decoder),
    /// What comes is read and thrown away, so that the peer can finish.
    Farewell,
}

#[derive(Debug)]
enum Rest {
    None,
    Carry(Box<[u8]>),
    Buffer(Box<ReadBuffer>),
}

impl Reader {
    pub(crate) fn new(stream: Arc<Stream>, handshake: Handshake) -> Reader {
        Reader {
            stream,
            stage: Stage::Greeting(Box::new(handshake)),
            rest: Rest::None,
        }
    }

    /// From now on, what comes is thrown away.
    pub(crate) fn say_farewell(&mut self) {
        self.stage = Stage::Farewell;
        self.rest = Rest::None;
    }

    /// Reads once, unless enough is left over from last time, and decodes at most `room` messages.
    ///
    /// `spare` is a read buffer that the link may use; it is left there when the link does not need
    /// to keep it.
    pub(crate) fn pass(
        &mut self,
        room: usize,
        spare: &mut Option<Box<ReadBuffer>>,
        pass: &mut Pass,
    ) {
        if let Err(ended) = self.try_pass(room, spare, pass) {
            pass.ended = Some(ended);
        }
    }

    fn try_pass(
        &mut self,
        room: usize,
        spare: &mut Option<Box<ReadBuffer>>,
        pass: &mut Pass,
    ) -> Result<(), Ended> {
        if self.fill_large_body(room, pass)? {
            return Ok(());
        }
        let mut buffer = self.take_buffer(spare);
        let outcome = self.read_and_decode(room, &mut buffer, pass);
        self.keep_rest(buffer, spare);
        outcome
    }

    /// Reads the body of a large frame straight into its place. False: there is none under way.
    fn fill_large_body(&mut self, room: usize, pass: &mut Pass) -> Result<bool, Ended> {
        let Stage::Traffic(decoder) = &mut self.stage else {
            return Ok(false);
        };
        if room == 0 {
            return Ok(false);
        }
        let mut turn = 0;
        while let Some(gap) = decoder.body_gap() {
            let wanted = gap.missing.min(gap.buffer.capacity() - gap.buffer.len());
            let got = match self.stream.read_uninit(gap.buffer, wanted) {
                Ok(0) => return Err(Ended::ByPeer),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(Ended::Io(error)),
            };
            pass.heard = true;
            pass.read += got;
            decoder
                .body_filled(&mut pass.messages, &mut pass.commands)
                .map_err(Ended::Protocol)?;
            turn += got;
            if turn >= tuning::TURN {
                pass.more = true;
                return Ok(true);
            }
        }
        if turn > 0 {
            pass.more = true;
        }
        Ok(turn > 0)
    }

    fn take_buffer(&mut self, spare: &mut Option<Box<ReadBuffer>>) -> Box<ReadBuffer> {
        match std::mem::replace(&mut self.rest, Rest::None) {
            Rest::Buffer(buffer) => buffer,
            Rest::None => spare.take().unwrap_or_else(ReadBuffer::new),
            Rest::Carry(carry) => {
                let mut buffer = spare.take().unwrap_or_else(ReadBuffer::new);
                if let Some(space) = buffer.data.get_mut(..carry.len()) {
                    space.copy_from_slice(&carry);
                    (buffer.start, buffer.end) = (0, carry.len());
                }
                buffer
            }
        }
    }

    fn keep_rest(&mut self, buffer: Box<ReadBuffer>, spare: &mut Option<Box<ReadBuffer>>) {
        if buffer.is_empty() {
            *spare = Some(buffer);
        } else if buffer.bytes().len() <= CARRY {
            self.rest = Rest::Carry(buffer.bytes().into());
            let mut buffer = buffer;
            (buffer.start, buffer.end) = (0, 0);
            *spare = Some(buffer);
        } else {
            self.rest = Rest::Buffer(buffer);
        }
    }

    fn read_and_decode(
        &mut self,
        room: usize,
        buffer: &mut ReadBuffer,
        pass: &mut Pass,
    ) -> Result<(), Ended> {
        // A pass that had no room left whole frames behind: those first.
        if !buffer.is_empty() {
            self.decode(room, buffer, pass)?;
            if pass.messages.len() >= room {
                pass.more = true;
                return Ok(());
            }
        }
        let free = buffer.free();
        let space = free.len();
        let got = match self.stream.read(free) {
            Ok(0) => return Err(Ended::ByPeer),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(Ended::Io(error)),
        };
        buffer.end += got;
        pass.heard = true;
        pass.read += got;
        // A read that came back short has emptied the kernel's buffer: the next bytes come with an
        // event of their own, because the poll is edge-triggered.
        pass.more = got == space;
        self.decode(room, buffer, pass)?;
        pass.more |= pass.messages.len() >= room && !buffer.is_empty();
        Ok(())
    }

    fn decode(
        &mut self,
        room: usize,
        buffer: &mut ReadBuffer,
        pass: &mut Pass,
    ) -> Result<(), Ended> {
        if let Stage::Greeting(handshake) = &mut self.stage {
            let step = handshake
                .handle_input(buffer.bytes(), &mut pass.reply)
                .map_err(Ended::Protocol)?;
            buffer.consume(step.consumed);
            let Some(established) = step.done else {
                return Ok(());
            };
            let Established {
                peer,
                subscriptions,
                decoder,
            } = established;
            pass.established = Some((peer, subscriptions));
            self.stage = Stage::Traffic(decoder);
        }
        match &mut self.stage {
            Stage::Traffic(decoder) => {
                let room = room.saturating_sub(pass.messages.len());
                let used = decoder
                    .decode(buffer.bytes(), room, &mut pass.messages, &mut pass.commands)
                    .map_err(Ended::Protocol)?;
                buffer.consume(used);
                // A large body went on in a buffer of its own: what is missing is still in the
                // kernel.
                pass.more |= decoder.body_gap().is_some();
            }
            Stage::Farewell => buffer.consume(usize::MAX),
            Stage::Greeting(_) => {}
        }
        Ok(())
    }
}
