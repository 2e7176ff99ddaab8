//! Whether a server lets a client in. All mechanisms ask here, and nowhere else.
//!
//! A refused client is told the same whatever was wrong with it.

#[cfg(feature = "plain")]
use crate::security::plain::{Credentials, Users};

use super::Local;
use crate::peer::PeerInfo;
use crate::security::Security;
use crate::zmtp::command::Command;
use crate::zmtp::error::ProtocolError;

/// Who a client has proved to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim<'a> {
    /// The name of a user, whose password it knows.
    #[cfg(feature = "plain")]
    User(&'a [u8]),
}

/// Whether a client may go on that says a name and a password. RFC 24 has it answered before the client
/// says what it is.
#[cfg(feature = "plain")]
pub(super) fn knows(users: &Users, said: &Credentials) -> bool {
    users.know(said)
}

/// Decides whether a client is let in, when all that there is to know of it is known: what it has proved
/// to be, its type, its routing id and its properties (`peer`), where it calls from (`local.peer_address`) and what this side's
/// settings are (`local.security`). Gives the peer with the name of its user, or `None`: it is refused.
pub(super) fn admit(local: &Local, mut peer: PeerInfo, claim: Claim<'_>) -> Option<PeerInfo> {
    match (&local.security, claim) {
        // Its password was asked for before.
        #[cfg(feature = "plain")]
        (Security::PlainServer(_), Claim::User(name)) => {
            peer.user = Some(String::from_utf8_lossy(name).into_owned());
            Some(peer)
        }
        _ => None,
    }
}

/// Tells a client that it is refused, as libzmq does: with a status code of ZAP (RFC 27).
pub(super) fn refuse(out: &mut Vec<u8>) -> ProtocolError {
    Command::Error("400".to_owned()).encode(out);
    ProtocolError::AuthenticationFailed
}
