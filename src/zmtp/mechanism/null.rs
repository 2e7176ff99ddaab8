//! NULL: no security, each side says READY (RFC 37, "The NULL mechanism").

use super::access::{self, Claim};
use super::{metadata, Local, Mechanism, Progress};
use crate::zmtp::command::Command;
use crate::zmtp::error::{peer_text, ProtocolError};

/// Waits for the peer's READY, having sent its own, unless an authenticator is to let the peer in first.
#[derive(Debug)]
pub(crate) struct ExpectReady;

impl ExpectReady {
    /// Sends READY without waiting for the peer's: RFC 23 demands that of both sides, RFC 37 of the
    /// connecting one, and a binding side may do it too; libzmq always does.
    ///
    /// A peer that calls, and that an authenticator is to decide on, is told nothing before that has: to it
    /// READY means that it is welcome. The side that calls does not wait for that, or the two could wait for each other.
    pub(crate) fn start(&self, local: &Local, out: &mut Vec<u8>) {
        if !self.is_late(local) {
            Command::Ready(metadata::ours(local)).encode(out);
        }
    }

    /// The peer is let in.
    pub(crate) fn admitted(&self, local: &Local, out: &mut Vec<u8>) {
        if self.is_late(local) {
            Command::Ready(metadata::ours(local)).encode(out);
        }
    }

    fn is_late(&self, local: &Local) -> bool {
        local.access.as_ref().is_some_and(|access| access.accepted)
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
                let decision = access::admit(local, "NULL", peer?, Claim::Nothing);
                let decision = decision.map_err(|refusal| access::refuse(refusal, out))?;
                Ok(Progress::decided(
                    decision,
                    Mechanism::Null(self),
                    local,
                    out,
                ))
            }
            Command::Error(reason) => Err(super::refused(reason)),
            other => Err(ProtocolError::UnexpectedCommand {
                name: peer_text(other.name().as_bytes()),
            }),
        }
    }
}
