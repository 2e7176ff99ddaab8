//! What a connection tells its owner.

use bytes::Bytes;

use super::heartbeat::Silence;
use crate::peer::PeerInfo;
use crate::zmtp::error::ProtocolError;

/// What the peer of a connection did, or did not do, that its owner has to act on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The handshake ended well: messages go both ways, if this peer is welcome.
    Established(PeerInfo),
    /// The peer subscribes to a topic.
    Subscribed(Bytes),
    /// The peer takes a subscription back.
    Cancelled(Bytes),
    /// The peer joins a group.
    Joined(Bytes),
    /// The peer leaves a group.
    Left(Bytes),
    /// The peer says that it gives this connection up, and why.
    Failed(ProtocolError),
    /// The peer was silent for too long.
    Silent(Silence),
}
