//! Security mechanisms: what each side says between the greeting and the first message.
//!
//! A closed set, of which a socket has one, with its role in it ([`Security`]). Both sides have to have
//! the same: a peer of another mechanism is refused on its greeting, so that there is no way down to a weaker one.

mod access;
#[cfg(feature = "curve")]
mod curve;
mod metadata;
mod null;
#[cfg(feature = "plain")]
mod plain;

use bytes::Bytes;

use super::command::Properties;
use super::error::ProtocolError;
#[cfg(feature = "curve")]
use super::sealing::Seals;
use crate::peer::{PeerInfo, SocketType};
use crate::security::authenticator::{Access, Question};
#[cfg(feature = "curve")]
use crate::security::curve::Fresh;
use crate::security::pending::{Admission, Refusal};
use crate::security::Security;
#[cfg(feature = "curve")]
use access::Claim;
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
    /// Random numbers for this connection alone, if its mechanism needs any.
    #[cfg(feature = "curve")]
    pub(crate) fresh: Option<Fresh>,
}

/// A mechanism, in the state in which it waits for the peer's next command.
#[derive(Debug)]
pub(crate) enum Mechanism {
    Null(ExpectReady),
    #[cfg(feature = "plain")]
    PlainClient(plain::Client),
    #[cfg(feature = "plain")]
    PlainServer(plain::Server),
    #[cfg(feature = "curve")]
    CurveClient(curve::Client),
    #[cfg(feature = "curve")]
    CurveServer(curve::Server),
    /// It cannot even begin, and says nothing.
    #[cfg(feature = "curve")]
    Unable,
}

/// Where a command of the peer has taken a mechanism.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack, once a handshake"
)]
pub(crate) enum Progress {
    /// Only NULL takes a single command.
    #[cfg_attr(not(any(feature = "curve", feature = "plain")), allow(dead_code))]
    Waits(Mechanism),
    /// The authenticator is to be asked whether this peer is let in: then [`Mechanism::admitted`], or
    /// [`refuse`].
    Asks(Mechanism, PeerInfo, Box<Question>),
    Done(PeerInfo),
    /// And all that comes now is sealed, both ways.
    #[cfg(feature = "curve")]
    Sealed(PeerInfo, Box<Seals>),
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
                #[cfg(feature = "curve")]
                if let Some(seals) = mechanism.seals() {
                    return Progress::Sealed(peer, seals);
                }
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
            #[cfg(feature = "curve")]
            Security::CurveClient(config) => local
                .fresh
                .as_ref()
                .and_then(|fresh| curve::Client::new(config, fresh))
                .map_or(Mechanism::Unable, Mechanism::CurveClient),
            #[cfg(feature = "curve")]
            Security::CurveServer(config) => local
                .fresh
                .as_ref()
                .map(|fresh| curve::Server::new(config, fresh))
                .map_or(Mechanism::Unable, Mechanism::CurveServer),
            #[cfg(feature = "curve")]
            Security::Misfit(_) => Mechanism::Unable,
        }
    }

    /// The name in the greeting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Mechanism::Null(_) => "NULL",
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) | Mechanism::PlainServer(_) => "PLAIN",
            #[cfg(feature = "curve")]
            Mechanism::CurveClient(_) | Mechanism::CurveServer(_) | Mechanism::Unable => "CURVE",
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
            #[cfg(feature = "curve")]
            Mechanism::CurveClient(_) | Mechanism::Unable => false,
            #[cfg(feature = "curve")]
            Mechanism::CurveServer(_) => true,
        }
    }

    /// Says what this side says without knowing anything of the peer, right behind its greeting.
    pub(crate) fn start(&self, local: &Local, out: &mut Vec<u8>) {
        match self {
            Mechanism::Null(state) => state.start(local, out),
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) | Mechanism::PlainServer(_) => {}
            #[cfg(feature = "curve")]
            Mechanism::CurveClient(state) => state.start(out),
            #[cfg(feature = "curve")]
            Mechanism::CurveServer(_) | Mechanism::Unable => {}
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
            #[cfg(feature = "curve")]
            Mechanism::CurveServer(state) => state.admitted(local, out),
            #[cfg(feature = "curve")]
            Mechanism::CurveClient(_) | Mechanism::Unable => {}
            #[cfg(feature = "plain")]
            Mechanism::PlainClient(_) => {}
        }
    }

    /// What opens and seals all that comes behind the handshake, of a server that has let its client in.
    #[cfg(feature = "curve")]
    pub(crate) fn seals(&self) -> Option<Box<Seals>> {
        match self {
            Mechanism::CurveServer(state) => state.seals(),
            _ => None,
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
            #[cfg(feature = "curve")]
            Mechanism::CurveClient(state) => state.handle_command(local, body, out),
            #[cfg(feature = "curve")]
            Mechanism::CurveServer(state) => state.handle_command(local, body, out),
            #[cfg(feature = "curve")]
            Mechanism::Unable => Err(ProtocolError::NoKeys),
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
