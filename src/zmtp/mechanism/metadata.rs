//! What each side says of itself at the end of a handshake, whatever the mechanism (RFC 37, "Metadata").

use bytes::Bytes;

use super::Local;
use crate::peer::{PeerInfo, SocketType};
use crate::zmtp::command::Properties;
use crate::zmtp::error::{peer_text, ProtocolError};

const SOCKET_TYPE: &str = "Socket-Type";
const IDENTITY: &str = "Identity";

/// What this side says.
pub(super) fn ours(local: &Local) -> Properties {
    let kind = local.socket_type;
    let name = Bytes::from_static(kind.name().as_bytes());
    let mut properties = vec![(SOCKET_TYPE.to_owned(), name)];
    // RFC 37, "The NULL mechanism": only these types announce an identity. libzmq sends theirs
    // even when it is empty.
    if kind.announces_routing_id() {
        properties.push((IDENTITY.to_owned(), local.routing_id.clone()));
    }
    properties.extend_from_slice(&local.properties);
    properties
}

/// Judges what the peer says.
pub(super) fn check(ours: SocketType, properties: Properties) -> Result<PeerInfo, ProtocolError> {
    let mut kind = None;
    let mut identity = None;
    let mut others = Vec::new();
    for (name, value) in properties {
        // RFC 37, "Metadata": names are compared without regard to case.
        if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            kind.get_or_insert(value);
        } else if name.eq_ignore_ascii_case(IDENTITY) {
            identity.get_or_insert(value);
        } else {
            others.push((name, value));
        }
    }
    let kind = check_socket_type(ours, &kind.ok_or(ProtocolError::MissingSocketType)?)?;
    let mut peer = PeerInfo::new(kind);
    // RFC 37, "The NULL mechanism": what other types say of their identity has no meaning.
    if kind.announces_routing_id() {
        peer.routing_id = identity.map(check_routing_id).transpose()?.flatten();
    }
    peer.properties = others;
    Ok(peer)
}

fn check_socket_type(ours: SocketType, name: &[u8]) -> Result<SocketType, ProtocolError> {
    std::str::from_utf8(name)
        .ok()
        .and_then(|name| name.parse().ok())
        .filter(|kind| ours.talks_to(*kind))
        .ok_or_else(|| ProtocolError::SocketTypeMismatch {
            ours,
            peer: peer_text(name),
        })
}

/// RFC 37, "The NULL mechanism": at most 255 bytes; those that start with zero are for ids that a
/// ROUTER makes up itself. Empty is the same as none.
fn check_routing_id(id: Bytes) -> Result<Option<Bytes>, ProtocolError> {
    let fault = match id.first() {
        None => return Ok(None),
        Some(0) => "it starts with a zero byte",
        Some(_) if id.len() > 255 => "it is longer than 255 bytes",
        Some(_) => return Ok(Some(id)),
    };
    Err(ProtocolError::InvalidRoutingId { fault })
}

/// The reason in an ERROR command, said from the peer's point of view.
pub(super) fn refusal(ours: SocketType, fault: &ProtocolError) -> String {
    match fault {
        ProtocolError::SocketTypeMismatch { peer, .. } => {
            format!("a {ours} socket cannot talk to a {peer} socket")
        }
        ProtocolError::InvalidRoutingId { fault } => format!("invalid Identity: {fault}"),
        // Those of other mechanisms have other names for it.
        _ => "no Socket-Type in READY".to_owned(),
    }
}
