//! A connection from its first byte to its first message.

use super::command::{self, SubscriptionForm};
use super::decoder::Decoder;
use super::error::ProtocolError;
use super::frame::Header;
use super::greeting::{self, Greeting};
use super::mechanism::{Mechanism, Progress};
use crate::peer::PeerInfo;

pub(crate) use super::mechanism::Local;

/// The largest command that is accepted before the peer is known.
///
/// The largest useful one holds a type, a routing id of 255 bytes and what properties an
/// application adds. Whoever has not said who it is gets no more room than a read buffer has
/// anyway: see [`MIN_READ_BUFFER`](super::decoder::MIN_READ_BUFFER).
pub(crate) const MAX_HANDSHAKE_COMMAND: usize = 8 * 1024;

/// The handshake of one connection, in either role: ZMTP with NULL is symmetric.
///
/// The greeting goes out whole and at once, so it is always sent, even to a peer whose own is
/// refused (RFC 37, "The greeting", demands that of whoever reads one). READY follows as soon as
/// the peer's greeting has shown the same mechanism. It could go out right behind the greeting,
/// since libzmq reads exactly 64 bytes before it looks at frames. But all that this wins is half a
/// round trip for what the binding side sends first, and it costs the diagnosis: a peer of another
/// mechanism closes with our READY unread, the kernel makes that a reset, and the reset can throw
/// away the peer's greeting, which alone says what is wrong.
#[derive(Debug)]
pub(crate) struct Handshake {
    local: Local,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectGreeting(Mechanism),
    ExpectCommand(Mechanism, Greeting),
    /// Over: what comes now is not for the handshake.
    Done,
    Failed(ProtocolError),
}

/// What [`Handshake::handle_input`] did.
#[derive(Debug)]
pub(crate) struct Step {
    /// Bytes of the input that were used up. What follows them has to be given again, with more
    /// behind it, or to the decoder if the handshake is done.
    pub(crate) consumed: usize,
    pub(crate) done: Option<Established>,
}

/// A connection that is ready for messages.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) peer: PeerInfo,
    /// How this peer wants to be told of subscriptions.
    pub(crate) subscriptions: SubscriptionForm,
    /// For all bytes after the handshake's.
    pub(crate) decoder: Decoder,
}

impl Handshake {
    pub(crate) fn new(local: Local) -> Handshake {
        let mechanism = Mechanism::new(&local);
        Handshake {
            local,
            state: State::ExpectGreeting(mechanism),
        }
    }

    /// Writes the greeting. To be called once, when the connection is there.
    pub(crate) fn start(&mut self, out: &mut Vec<u8>) {
        if let State::ExpectGreeting(mechanism) = &self.state {
            greeting::put(out, mechanism.name());
        }
    }

    /// Takes what the peer sent, and writes answers to `out`.
    ///
    /// On an error, `out` still has to be sent before the connection is closed: it may hold the
    /// ERROR command that tells the peer why. A failed handshake repeats its error.
    pub(crate) fn handle_input(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        let mut rest = input;
        let done = self.advance(&mut rest, out).inspect_err(|fault| {
            self.state = State::Failed(fault.clone());
        })?;
        Ok(Step {
            consumed: input.len().saturating_sub(rest.len()),
            done,
        })
    }

    /// Steps from state to state while `input` has what they wait for.
    fn advance(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Established>, ProtocolError> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::ExpectGreeting(mechanism) => {
                    let Some(greeting) = take_greeting(input)? else {
                        self.state = State::ExpectGreeting(mechanism);
                        return Ok(None);
                    };
                    greeting.check_mechanism(mechanism.name())?;
                    mechanism.start(&self.local, out);
                    self.state = State::ExpectCommand(mechanism, greeting);
                }
                State::ExpectCommand(mechanism, greeting) => {
                    let Some(body) = take_command(input)? else {
                        self.state = State::ExpectCommand(mechanism, greeting);
                        return Ok(None);
                    };
                    match mechanism.handle_command(&self.local, body, out)? {
                        Progress::Waits(mechanism) => {
                            self.state = State::ExpectCommand(mechanism, greeting);
                        }
                        Progress::Done(peer) => return Ok(Some(self.establish(peer, greeting))),
                    }
                }
                State::Done => return Ok(None),
                State::Failed(fault) => return Err(fault),
            }
        }
    }

    fn establish(&self, mut peer: PeerInfo, greeting: Greeting) -> Established {
        peer.version = greeting.version;
        Established {
            peer,
            subscriptions: match greeting.version {
                (3, 0) => SubscriptionForm::Message,
                _ => SubscriptionForm::Command,
            },
            decoder: Decoder::new(self.local.max_message_size),
        }
    }
}

fn take_greeting(input: &mut &[u8]) -> Result<Option<Greeting>, ProtocolError> {
    let greeting = Greeting::parse(input)?;
    if greeting.is_some() {
        *input = input.get(greeting::SIZE..).unwrap_or_default();
    }
    Ok(greeting)
}

/// Takes one whole command frame off the input and gives its body.
fn take_command<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, ProtocolError> {
    let Some(header) = Header::parse(input)? else {
        return Ok(None);
    };
    if !header.command {
        return Err(ProtocolError::UnexpectedMessage);
    }
    let size = command::check_size(header.size, MAX_HANDSHAKE_COMMAND)?;
    let Some((body, rest)) = input
        .get(header.len..)
        .and_then(|after| after.split_at_checked(size))
    else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(body))
}
