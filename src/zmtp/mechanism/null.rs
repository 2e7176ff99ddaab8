//! NULL: no security, each side says READY (RFC 37, "The NULL mechanism").

use super::{metadata, Local, Progress};
use crate::zmtp::command::Command;
use crate::zmtp::error::{peer_text, ProtocolError};

/// Waits for the peer's READY, having sent its own.
#[derive(Debug)]
pub(crate) struct ExpectReady;

impl ExpectReady {
    /// Sends READY without waiting for the peer's: RFC 23 demands that of both sides, RFC 37 of the
    /// connecting one, and a binding side may do it too; libzmq always does.
    pub(crate) fn start(&self, local: &Local, out: &mut Vec<u8>) {
        Command::Ready(metadata::ours(local)).encode(out);
    }

    pub(crate) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match Command::parse(body)? {
            Command::Ready(properties) => {
                let peer = metadata::check(local.socket_type, properties);
                if let Err(fault) = &peer {
                    // RFC 37, "The NULL mechanism": tell the peer why before hanging up, else its
                    // user only sees a connection that comes and goes.
                    Command::Error(metadata::refusal(local.socket_type, fault)).encode(out);
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
