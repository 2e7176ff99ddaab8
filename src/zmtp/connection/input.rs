//! The half of a connection that goes with the reader: bytes in, messages and commands out.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::handshake::{Established, Handshake};
#[cfg(feature = "curve")]
use super::opening::Opening;
use super::raw::Raw;
use crate::message::Message;
use crate::peer::PeerInfo;
use crate::security::authenticator::Question;
use crate::security::pending::Verdict;
use crate::zmtp::body::{BodyGap, BufferPool};
use crate::zmtp::command::Command;
use crate::zmtp::decoder::{Decoder, MAX_COMMANDS};
use crate::zmtp::error::ProtocolError;
use crate::zmtp::mechanism::Local;
use crate::zmtp::outbox::Outbox;
#[cfg(feature = "curve")]
use crate::zmtp::sealing::Sealer;

/// A greeting and a READY without a routing id of its own take less: no need to grow.
const HELLO: usize = 128;

/// What came, by one call or several. Reused, so that its queues keep their memory.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) messages: VecDeque<Message>,
    pub(crate) commands: Vec<Command>,
    /// Bytes came from the peer, whether or not they made anything whole.
    pub(crate) heard: bool,
    /// Handshake bytes to be sent to the peer, also when the handshake failed.
    pub(crate) reply: Vec<u8>,
    /// The authenticator is to be asked about the peer. [`Input::answer`] goes on; nothing is taken before.
    pub(crate) question: Option<Box<Question>>,
    /// The handshake ended well.
    pub(crate) established: Option<PeerInfo>,
    /// What seals all that goes to the peer from then on.
    #[cfg(feature = "curve")]
    pub(crate) sealer: Option<Sealer>,
}

/// How far the peer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its greeting is not there, or is not one.
    Greeting,
    /// It has greeted in a version that this side speaks.
    Handshake,
    Traffic,
    /// What it sends is thrown away.
    Discarding,
}

/// The half of a connection that goes with the reader. It needs no lock, no clock and nothing of the
/// other half.
#[derive(Debug)]
pub(crate) struct Input {
    state: State,
    /// Where the decoder gets buffers for large bodies.
    pool: Option<Arc<dyn BufferPool>>,
}

#[derive(Debug)]
enum State {
    Handshake(Box<Handshake>),
    Traffic(Decoder),
    #[cfg(feature = "curve")]
    Sealed(Box<(Opening, Decoder)>),
    Raw(Raw),
    /// What was under way is kept until the reader is dropped, without a lock: an authenticator may go with it, and
    /// that has code of the user's.
    Discarding {
        _handshake: Option<Box<Handshake>>,
    },
}

impl Input {
    /// Begins a connection: the half that takes what the peer says, and what is said to the peer
    /// first, which depends on nothing that it says.
    pub(crate) fn open(local: Local, pool: Option<Arc<dyn BufferPool>>) -> (Input, Outbox) {
        let mut handshake = Handshake::new(local);
        let mut bytes = Vec::with_capacity(HELLO);
        handshake.start(&mut bytes);
        let mut hello = Outbox::default();
        hello.push_raw(&bytes);
        let input = Input {
            state: State::Handshake(Box::new(handshake)),
            pool,
        };
        (input, hello)
    }

    /// Begins a connection whose peer speaks no ZMTP. Nothing is said to it first.
    pub(crate) fn open_raw() -> Input {
        Input {
            state: State::Raw(Raw::default()),
            pool: None,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match &self.state {
            State::Handshake(handshake) if handshake.has_greeting() => Phase::Handshake,
            State::Handshake(_) => Phase::Greeting,
            State::Traffic(_) | State::Raw(_) => Phase::Traffic,
            #[cfg(feature = "curve")]
            State::Sealed(_) => Phase::Traffic,
            State::Discarding { .. } => Phase::Discarding,
        }
    }

    /// From now on, what comes is thrown away.
    pub(crate) fn discard(&mut self) {
        let nothing = State::Discarding { _handshake: None };
        if let State::Handshake(handshake) = std::mem::replace(&mut self.state, nothing) {
            self.state = State::Discarding {
                _handshake: Some(handshake),
            };
        }
    }

    /// Takes what it can use off the start of `bytes`, until there are `room` whole messages in
    /// `arrived`, or [`MAX_COMMANDS`] more commands. A handshake needs no room.
    ///
    /// Gives how many bytes it took. The rest has to be given again, with more behind it; it is shorter
    /// than [`MIN_READ_BUFFER`](crate::zmtp::decoder::MIN_READ_BUFFER) unless
    /// [`is_full`](Self::is_full). After an error the connection is beyond repair.
    pub(crate) fn handle_input(
        &mut self,
        bytes: &[u8],
        room: usize,
        arrived: &mut Arrived,
    ) -> Result<usize, ProtocolError> {
        let mut used = 0;
        if let State::Handshake(handshake) = &mut self.state {
            let step = handshake.handle_input(bytes, &mut arrived.reply)?;
            used = step.consumed;
            if step.question.is_some() {
                arrived.question = step.question;
            }
            let Some(established) = step.done else {
                return Ok(used);
            };
            self.begin_traffic(established, arrived);
        }
        let rest = bytes.get(used..).unwrap_or_default();
        match &mut self.state {
            State::Traffic(decoder) => {
                let room = room.saturating_sub(arrived.messages.len());
                let (messages, commands) = (&mut arrived.messages, &mut arrived.commands);
                used += decoder.decode(rest, room, messages, commands)?;
            }
            #[cfg(feature = "curve")]
            State::Sealed(sealed) => used += open(sealed, rest, room, arrived)?,
            State::Raw(raw) => {
                let (messages, peer) = (&mut arrived.messages, &mut arrived.established);
                used = raw.handle_input(bytes, room, messages, peer);
            }
            State::Discarding { .. } => used = bytes.len(),
            State::Handshake(_) => {}
        }
        Ok(used)
    }

    /// The authenticator has answered the question that came; the input that was left has to be given again.
    pub(crate) fn answer(
        &mut self,
        verdict: Verdict,
        arrived: &mut Arrived,
    ) -> Result<(), ProtocolError> {
        if let State::Handshake(handshake) = &mut self.state {
            if let Some(done) = handshake.answer(verdict, &mut arrived.reply)? {
                self.begin_traffic(done, arrived);
            }
        }
        Ok(())
    }

    /// The same for bytes of which messages may keep slices. Only for traffic: nothing is shared
    /// before, and nothing kept after it.
    pub(crate) fn handle_shared_input(
        &mut self,
        bytes: &Bytes,
        room: usize,
        arrived: &mut Arrived,
    ) -> Result<usize, ProtocolError> {
        let decoder = match &mut self.state {
            State::Traffic(decoder) => decoder,
            #[cfg(feature = "curve")]
            State::Sealed(sealed) => return open(sealed, bytes, room, arrived),
            _ => return Ok(bytes.len()),
        };
        let room = room.saturating_sub(arrived.messages.len());
        decoder.decode_shared(bytes, room, &mut arrived.messages, &mut arrived.commands)
    }

    fn begin_traffic(&mut self, established: Established, arrived: &mut Arrived) {
        let mut decoder = established.decoder;
        arrived.established = Some(established.peer);
        #[cfg(feature = "curve")]
        if let Some(seals) = established.seals {
            arrived.sealer = Some(seals.sealer);
            let opening = Opening::new(seals.opener, &decoder);
            self.state = State::Sealed(Box::new((opening, decoder)));
            return;
        }
        if let Some(pool) = self.pool.take() {
            decoder.use_pool(pool);
        }
        self.state = State::Traffic(decoder);
    }

    /// Whether what [`handle_input`](Self::handle_input) left may hold whole frames, because
    /// `arrived` has all that it may. What a handshake leaves is never whole.
    pub(crate) fn is_full(&self, room: usize, arrived: &Arrived) -> bool {
        let full = arrived.messages.len() >= room || arrived.commands.len() >= MAX_COMMANDS;
        full && self.phase() == Phase::Traffic
    }

    /// Whether there are bodies near the start of `bytes` that messages would share.
    pub(crate) fn has_bodies_to_share(&self, bytes: &[u8]) -> bool {
        matches!(&self.state, State::Traffic(decoder) if decoder.has_bodies_to_share(bytes))
    }

    /// The large body that is being received on its own, with room to read into; `None` when the next
    /// bytes are for [`handle_input`](Self::handle_input).
    ///
    /// Not to be filled without room for one more message: that may complete one.
    pub(crate) fn body_gap(&mut self) -> Option<BodyGap<'_>> {
        match &mut self.state {
            State::Traffic(decoder) => decoder.body_gap(),
            #[cfg(feature = "curve")]
            State::Sealed(sealed) => sealed.0.body_gap(),
            State::Handshake(_) | State::Raw(_) | State::Discarding { .. } => None,
        }
    }

    /// To be called when bytes were put into the [gap](Self::body_gap): delivers the frame if it is
    /// complete now.
    pub(crate) fn body_filled(&mut self, arrived: &mut Arrived) -> Result<(), ProtocolError> {
        let (messages, commands) = (&mut arrived.messages, &mut arrived.commands);
        match &mut self.state {
            State::Traffic(decoder) => {
                decoder.body_filled(messages, commands)?;
            }
            #[cfg(feature = "curve")]
            State::Sealed(sealed) => {
                let (opening, decoder) = &mut **sealed;
                opening.body_filled(decoder, messages, commands)?;
            }
            State::Handshake(_) | State::Raw(_) | State::Discarding { .. } => {}
        }
        Ok(())
    }
}

/// Has what is sealed in `bytes` opened and decoded, as far as there is room; gives how many bytes that took.
#[cfg(feature = "curve")]
fn open(
    sealed: &mut (Opening, Decoder),
    bytes: &[u8],
    room: usize,
    arrived: &mut Arrived,
) -> Result<usize, ProtocolError> {
    let (opening, decoder) = sealed;
    let room = room.saturating_sub(arrived.messages.len());
    opening.decode(
        decoder,
        bytes,
        room,
        &mut arrived.messages,
        &mut arrived.commands,
    )
}
