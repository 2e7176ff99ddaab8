//! Why a connection ended.

use std::io;

use crate::pattern::Excess;
use crate::peer::PeerRefusal;
use crate::zmtp::ProtocolError;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the peer closed the connection")]
    ByPeer,
    /// A peer of ZMTP 2.0 closes when it finds more than it expects behind our signature.
    #[error(
        "the peer closed the connection on our greeting; it may speak ZMTP older than 3.0, or none"
    )]
    OnGreeting,
    #[error(
        "the peer closed the connection during the handshake; it may refuse this type of socket"
    )]
    InHandshake,
    /// The system says that it is broken.
    #[error("the connection broke: {0}")]
    Io(io::Error),
    /// The peer broke the protocol.
    #[error("{0}")]
    Protocol(ProtocolError),
    /// The peer asks for more than it may have.
    #[error("{0}")]
    Excess(Excess),
    /// The pattern does not take the peer on.
    #[error("{0}")]
    Refused(PeerRefusal),
    /// The pattern took on another peer in the place of this one.
    #[error("another peer with the same routing id took its place (handover)")]
    Replaced,
    #[error("the handshake took longer than handshake_timeout")]
    HandshakeTimeout,
    #[error("the peer did not answer a heartbeat in time")]
    Silent,
    #[error("the peer was silent for longer than it had announced with its heartbeat")]
    PeerTtl,
    #[error("too many connections are in their handshake, and this one has not finished its own")]
    Crowded,
    #[error("the time to linger was over")]
    Linger,
    #[error("closed by this side")]
    ByUs,
}

impl Ended {
    /// Whether the peer ended it, or its system, without a word of what was wrong.
    pub(crate) fn is_by_peer(&self) -> bool {
        matches!(self, Ended::ByPeer | Ended::Io(_))
    }

    /// Whether the peer did what no peer may do, so that the next connection will hardly be better.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(self, Ended::Protocol(_) | Ended::Excess(_))
    }
}
