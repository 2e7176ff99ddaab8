//! Whether a peer is let in. All mechanisms ask here, and nowhere else.
//!
//! A client whose proof is wrong is told the same whatever was wrong with it.

#[cfg(feature = "curve")]
use crate::security::keys::PublicKey;
#[cfg(feature = "plain")]
use std::sync::Arc;

use super::Local;
use crate::peer::PeerInfo;
#[cfg(feature = "plain")]
use crate::security::authenticator::Access;
use crate::security::authenticator::Question;
use crate::security::pending::{Candidate, Refusal};
#[cfg(feature = "plain")]
use crate::security::plain::{Credentials, Users};
#[cfg(feature = "curve")]
use crate::security::Security;
use crate::zmtp::command::Command;
use crate::zmtp::error::ProtocolError;

/// Who a peer says that it is.
#[derive(Debug)]
pub(super) enum Claim {
    /// It says nothing: NULL.
    Nothing,
    /// It has said the name and the password of a user. `proved`: [`knows`] knew them.
    #[cfg(feature = "plain")]
    User {
        said: Arc<Credentials>,
        proved: bool,
    },
    /// It has the secret of this key.
    #[cfg(feature = "curve")]
    Key(PublicKey),
}

/// What is decided on a peer.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack, once a handshake"
)]
pub(super) enum Decision {
    Admitted(PeerInfo),
    /// The authenticator decides, and answers later.
    Asked(PeerInfo, Box<Question>),
}

/// Whether a client may go on that says a name and a password. RFC 24 has it answered before the client
/// says what it is. `Some(true)`: they are those of a user; `Some(false)`: nothing knows them, but the authenticator
/// decides on such.
#[cfg(feature = "plain")]
pub(super) fn knows(local: &Local, users: &Users, said: &Credentials) -> Option<bool> {
    let decides = |access: &Access| access.authenticator.decides_on_passwords();
    let known = users.know(said);
    (known || local.access.as_ref().is_some_and(decides)).then_some(known)
}

/// Decides whether a peer is let in, when all that there is to know of it is known: what it has proved
/// to be, its type, its routing id and its properties (`peer`), and where it is. The error is to be told to it ([`refuse`]).
pub(super) fn admit(
    local: &Local,
    mechanism: &'static str,
    #[cfg_attr(
        not(any(feature = "curve", feature = "plain")),
        allow(unused_mut, reason = "a user names it")
    )]
    mut peer: PeerInfo,
    claim: Claim,
) -> Result<Decision, Refusal> {
    #[cfg(feature = "plain")]
    let (mut user, mut unproved) = (None, false);
    #[cfg(feature = "curve")]
    let mut key = None;
    match claim {
        Claim::Nothing => {}
        #[cfg(feature = "plain")]
        Claim::User { said, proved } => {
            peer.user = Some(String::from_utf8_lossy(said.name()).into_owned());
            unproved = !proved;
            user = Some(said);
        }
        #[cfg(feature = "curve")]
        Claim::Key(own) => {
            peer.user = Some(own.to_string());
            if !lets_in(local, &own) {
                return Err(Refusal::Unproved);
            }
            key = Some(own);
        }
    }
    if let Some(access) = &local.access {
        if !access.authenticator.takes_address(access.ip) {
            return Err(Refusal::Address);
        }
        if access.authenticator.asks() {
            let candidate = Candidate {
                address: access.address.clone(),
                ip: access.ip,
                mechanism,
                peer: peer.clone(),
                #[cfg(feature = "plain")]
                said: user,
                #[cfg(feature = "plain")]
                unproved,
                #[cfg(feature = "curve")]
                key,
            };
            let question = Question {
                authenticator: access.authenticator.clone(),
                candidate,
            };
            return Ok(Decision::Asked(peer, Box::new(question)));
        }
    }
    #[cfg(feature = "plain")]
    if unproved {
        return Err(Refusal::Unproved);
    }
    Ok(Decision::Admitted(peer))
}

/// Whether the client with this key may be let in: it is on the list, or there is none and the authenticator
/// decides.
#[cfg(feature = "curve")]
fn lets_in(local: &Local, key: &PublicKey) -> bool {
    let Security::CurveServer(server) = &local.security else {
        return false;
    };
    let access = local.access.as_ref();
    let asks = access.is_some_and(|access| access.authenticator.asks());
    server.allows(key) || asks && server.names_nobody()
}

/// Tells a peer that it is refused, as libzmq does: with a status code of ZAP (RFC 27), or, for now, by silence, so
/// that it calls again.
pub(super) fn refuse(refusal: Refusal, out: &mut Vec<u8>) -> ProtocolError {
    if refusal != Refusal::NotNow {
        Command::Error(refusal.status().to_owned()).encode(out);
    }
    ProtocolError::Refused(refusal)
}
