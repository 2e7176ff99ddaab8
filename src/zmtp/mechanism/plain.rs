//! PLAIN: the client says a name and a password, in clear (RFC 24).
//!
//! ```text
//! client  HELLO ──────►            ◄── WELCOME, or ERROR  server
//!         INITIATE ───►            ◄── READY, or ERROR
//! ```
//!
//! The client says nothing before the server's greeting has named the same mechanism: else a password
//! would go to whatever listens there.

use std::sync::Arc;

use super::access::{self, Claim};
use super::{metadata, Local, Progress};
use crate::security::pending::Refusal;
use crate::security::plain::{Credentials, Users};
use crate::zmtp::command::{self, Command};
use crate::zmtp::error::{peer_text, ProtocolError};
use crate::zmtp::mechanism::Mechanism;

/// How a PLAIN server of libzmq 4.3.5 begins its ERROR: a slip of the pen makes of the length 5 and the E one
/// byte. (Its PLAIN clients expect the same, and take ours for an unexpected command.)
const ERROR_OF_LIBZMQ: &[u8] = b"^RROR";

/// A client, in the state in which it waits for the server's next command.
#[derive(Debug)]
pub(crate) struct Client {
    credentials: Arc<Credentials>,
    /// What it said was welcome, and it waits for READY.
    welcome: bool,
}

impl Client {
    pub(super) fn new(credentials: &Arc<Credentials>) -> Client {
        Client {
            credentials: Arc::clone(credentials),
            welcome: false,
        }
    }

    /// The server speaks PLAIN.
    pub(super) fn greeted(&self, out: &mut Vec<u8>) {
        command::put_texts(
            out,
            "HELLO",
            &[self.credentials.name(), self.credentials.password()],
        );
    }

    pub(super) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        // The server is known by nothing but its word, so that this lets nobody in.
        if let Some(data) = body.strip_prefix(ERROR_OF_LIBZMQ) {
            return Err(super::refused(command::parse_error(data)?));
        }
        let (name, data) = command::split_name(body)?;
        match name {
            b"WELCOME" if !self.welcome => {
                if !data.is_empty() {
                    return Err(command::malformed("WELCOME", "it says more than its name"));
                }
                command::put_metadata(out, "INITIATE", &metadata::ours(local));
                Ok(Progress::Waits(Mechanism::PlainClient(Client {
                    welcome: true,
                    ..self
                })))
            }
            b"READY" if self.welcome => {
                let properties = command::parse_metadata("READY", data)?;
                metadata::check(local.socket_type, properties).map(Progress::Done)
            }
            b"ERROR" => Err(super::refused(command::parse_error(data)?)),
            _ => Err(unexpected(name)),
        }
    }
}

/// A server, in the state in which it waits for the client's next command.
#[derive(Debug)]
pub(crate) struct Server {
    users: Arc<Users>,
    /// Who the client says it is, once it may go on, and whether that was true: if not, the authenticator
    /// decides.
    user: Option<(Arc<Credentials>, bool)>,
}

impl Server {
    pub(super) fn new(users: &Arc<Users>) -> Server {
        Server {
            users: Arc::clone(users),
            user: None,
        }
    }

    /// The client is let in.
    pub(super) fn admitted(&self, local: &Local, out: &mut Vec<u8>) {
        command::put_metadata(out, "READY", &metadata::ours(local));
    }

    pub(super) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let (name, data) = command::split_name(body)?;
        match (name, self.user) {
            (b"HELLO", None) => {
                let said = parse_hello(data)?;
                let Some(proved) = access::knows(local, &self.users, &said) else {
                    return Err(access::refuse(Refusal::Unproved, out));
                };
                command::put_texts(out, "WELCOME", &[]);
                Ok(Progress::Waits(Mechanism::PlainServer(Server {
                    users: self.users,
                    user: Some((Arc::new(said), proved)),
                })))
            }
            (b"INITIATE", Some((said, proved))) => {
                let properties = command::parse_metadata("INITIATE", data)?;
                let peer = metadata::check(local.socket_type, properties).inspect_err(|fault| {
                    Command::Error(metadata::refusal(local.socket_type, fault)).encode(out);
                })?;
                let decision = access::admit(local, "PLAIN", peer, Claim::User { said, proved });
                let decision = decision.map_err(|refusal| access::refuse(refusal, out))?;
                let server = Mechanism::PlainServer(Server {
                    users: self.users,
                    user: None,
                });
                Ok(Progress::decided(decision, server, local, out))
            }
            (b"ERROR", _) => Err(ProtocolError::PeerError {
                reason: command::parse_error(data)?,
            }),
            _ => Err(unexpected(name)),
        }
    }
}

/// RFC 24: a name and a password, each with its length before it, and nothing else.
fn parse_hello(data: &[u8]) -> Result<Credentials, ProtocolError> {
    let fault = |fault| command::malformed("HELLO", fault);
    let (name, rest) = command::split_short(data).ok_or(fault("the name is cut off"))?;
    let (password, rest) = command::split_short(rest).ok_or(fault("the password is cut off"))?;
    if !rest.is_empty() {
        return Err(fault("something follows the password"));
    }
    Ok(Credentials::new(name, password))
}

fn unexpected(name: &[u8]) -> ProtocolError {
    ProtocolError::UnexpectedCommand {
        name: peer_text(name),
    }
}
