//! Security mechanisms: what each side says between the greeting and the first message.
//!
//! A closed set, of which a socket has one, with its role in it ([`Security`]). Both sides have to have
//! the same: a peer of another mechanism is refused on its greeting, so that there is no way down to a weaker one.

mod access;
mod metadata;
mod null;
#[cfg(feature = "plain")]
mod plain;

use bytes::Bytes;

use super::command::Properties;
use super::error::ProtocolError;
use crate::peer::{PeerInfo, SocketType};
use crate::security::authenticator::{Access, Question};
use crate::security::pending::{Admission, Refusal};
use crate::security::Security;
use access::Decision;
use null::ExpectReady;

/// This side of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) socket_type: SocketType,
    /// Announced by those types that may; empty for none. At most 255 bytes, not starting with 0.
    pub(crate) routing_id: Bytes,
    /// Announced besides, by every mechanism.
    pub(crate) properties: Properties,
    /// The most bytes that a received message may have, all its frames together.
    pub(crate) max_message_size: Option<u64>,
    /// The most bytes of memory that a received message may take; zero means any.
    pub(crate) recv_hwm_bytes: usize,
    /// The most frames that a received message may have; zero means any number.
    pub(crate) max_message_frames: usize,
    pub(crate) security: Security,
    /// What decides on the peer besides, if anything does.
    pub(crate) access: Option<Access>,
}

/// A mechanism, in the state in which it waits for the peer's next command.
#[derive(Debug)]
pub(crate) enum Mechanism {
    Null(ExpectReady),
    #[cfg(feature = "plain")]
    PlainClient(plain::Client),
    #[cfg(feature = "plain")]
    PlainServer(plain::Server),
}

/// Where a command of the peer has taken a mechanism.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack, once a handshake"
)]
pub(crate) enum Progress {
    /// Only NULL takes a single command.
    #[cfg_attr(not(feature = "plain"), allow(dead_code))]
    Waits(Mechanism),
    /// The authenticator is to be asked whether this peer is let in: then [`Mechanism::admitted`], or
    /// [`refuse`].
    Asks(Mechanism, PeerInfo, Box<Question>),
    Done(PeerInfo),
}

impl Progress {
    /// Says what is said to a peer that is let in, if it is.
    fn decided(
        decision: Decision,
        mechanism: Mechanism,
        local: &Local,
        out: &mut Vec<u8>,
    ) -> Progress {
        match decision {
            Decision::Asked(peer, question) => Progress::Asks(mechanism, peer, question),
            Decision::Admitted(peer) => {
                mechanism.admitted(local, out);
                Progress::Done(peer)
            }
        }
    }
}

impl Mechanism {
    pub(crate) fn new(local: &Local) -> Mechanism {
        match &local.security {
            Security::Null => Mechanism::Null(ExpectReady),
            #[cfg(feature = "plain")]
            Security::PlainClient(credentials) => {
                Mechanism::PlainClient(plain::Client::new(credentials))
            }
            #[cfg(feature = "plain")]
            Security::PlainServer(users) => Mechanism::PlainServer(plain::Server::new(users)),
        }
    }

    /// The name in the greeting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Mechanism::Null(_) => "NULL",
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) | Mechanism::PlainServer(_) => "PLAIN",
        }
    }

    /// Whether this side is the server of a mechanism that has one.
    pub(crate) fn is_server(&self) -> bool {
        match self {
            Mechanism::Null(_) => false,
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) => false,
            #[cfg(feature = "plain")]
            Mechanism::PlainServer(_) => true,
        }
    }

    /// Says what this side says without knowing anything of the peer, right behind its greeting.
    pub(crate) fn start(&self, local: &Local, out: &mut Vec<u8>) {
        match self {
            Mechanism::Null(state) => state.start(local, out),
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) | Mechanism::PlainServer(_) => {}
        }
    }

    /// Says what this side says once the peer's greeting has named the same mechanism.
    pub(crate) fn greeted(&self, out: &mut Vec<u8>) {
        match self {
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(state) => state.greeted(out),
            _ => {
                let _ = out;
            }
        }
    }

    /// Says what this side says to a peer that is let in, at the end of the handshake.
    pub(crate) fn admitted(&self, local: &Local, out: &mut Vec<u8>) {
        match self {
            Mechanism::Null(state) => state.admitted(local, out),
            #[cfg(feature = "plain")]
            Mechanism::PlainServer(state) => state.admitted(local, out),
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) => {}
        }
    }

    /// Takes one command of the peer. What it writes to `out` has to be sent even if it fails.
    pub(crate) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Mechanism::Null(state) => state.handle_command(local, body, out),
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(state) => state.handle_command(local, body, out),
            #[cfg(feature = "plain")]
            Mechanism::PlainServer(state) => state.handle_command(local, body, out),
        }
    }
}

/// The authenticator has let a peer in as this.
pub(super) fn admit_as(admission: Admission, peer: &mut PeerInfo) {
    if admission.user.is_some() {
        peer.user = admission.user;
    }
    peer.topics = admission.topics;
    peer.properties.splice(0..0, admission.properties);
}

/// The authenticator has refused a peer, which is told so. Gives how its connection ends.
pub(super) fn refuse(refusal: Refusal, out: &mut Vec<u8>) -> ProtocolError {
    access::refuse(refusal, out)
}

/// The server has refused, and says why. Three digits are a status code of ZAP (RFC 27), by which libzmq
/// and this library tell that it is the credentials that are not accepted.
fn refused(reason: String) -> ProtocolError {
    match reason.as_str() {
        "300" | "400" | "500" => ProtocolError::AuthenticationRefused { reason },
        _ => ProtocolError::PeerError { reason },
    }
}
