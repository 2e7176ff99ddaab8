//! NULL: no security, each side says READY (RFC 37, "The NULL mechanism").

use bytes::Bytes;

use super::{Local, Progress};
use crate::peer::{PeerInfo, SocketType};
use crate::zmtp::command::{Command, Properties};
use crate::zmtp::error::{peer_text, ProtocolError};

const SOCKET_TYPE: &str = "Socket-Type";
const IDENTITY: &str = "Identity";

/// Waits for the peer's READY, having sent its own.
#[derive(Debug)]
pub(crate) struct ExpectReady;

impl ExpectReady {
    /// Sends READY without waiting for the peer's: RFC 23 demands that of both sides, RFC 37 of the
    /// connecting one, and a binding side may do it too; libzmq always does.
    pub(crate) fn start(&self, local: &Local, out: &mut Vec<u8>) {
        let kind = local.socket_type;
        let name = Bytes::from_static(kind.name().as_bytes());
        let mut properties = vec![(SOCKET_TYPE.to_owned(), name)];
        // RFC 37, "The NULL mechanism": only these types announce an identity. libzmq sends theirs
        // even when it is empty.
        if kind.announces_routing_id() {
            properties.push((IDENTITY.to_owned(), local.routing_id.clone()));
        }
        Command::Ready(properties).encode(out);
    }

    pub(crate) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match Command::parse(body)? {
            Command::Ready(properties) => {
                let peer = check_ready(local.socket_type, properties);
                if let Err(fault) = &peer {
                    // RFC 37, "The NULL mechanism": tell the peer why before hanging up, else its
                    // user only sees a connection that comes and goes.
                    Command::Error(refusal(local.socket_type, fault)).encode(out);
                }
                peer.map(Progress::Done)
            }
            Command::Error(reason) => Err(ProtocolError::PeerError { reason }),
            other => Err(ProtocolError::UnexpectedCommand {
                name: peer_text(other.name().as_bytes()),
            }),
        }
    }
}

/// The reason in an ERROR command, said from the peer's point of view.
fn refusal(ours: SocketType, fault: &ProtocolError) -> String {
    match fault {
        ProtocolError::SocketTypeMismatch { peer, .. } => {
            format!("a {ours} socket cannot talk to a {peer} socket")
        }
        ProtocolError::InvalidRoutingId { fault } => format!("invalid Identity: {fault}"),
        _ => "no Socket-Type in READY".to_owned(),
    }
}

fn check_ready(ours: SocketType, properties: Properties) -> Result<PeerInfo, ProtocolError> {
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
