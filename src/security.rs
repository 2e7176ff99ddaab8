//! [`Security`]: which mechanism the connections of a socket have, and with what.

pub(crate) mod authenticator;
pub(crate) mod pending;
#[cfg(feature = "plain")]
pub(crate) mod plain;
#[cfg(feature = "plain")]
mod secret;

#[cfg(feature = "plain")]
use std::sync::Arc;

#[cfg(feature = "plain")]
use plain::{Credentials, Users};

/// The security mechanism of a socket's connections over tcp and ipc, in its role, with what it needs.
///
/// Secrets are shared, not copied: they are in one place of memory, which is wiped when the last socket
/// and the last set of settings that have them are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Security {
    /// Every peer is let in, and nothing is hidden.
    #[default]
    Null,
    /// Says a name and a password to the server.
    #[cfg(feature = "plain")]
    PlainClient(Arc<Credentials>),
    /// Lets in who has the name and the password of one of these users.
    #[cfg(feature = "plain")]
    PlainServer(Arc<Users>),
}

impl Security {
    /// Whether connections are let in without a word of who they are.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Security::Null)
    }

    /// Whether this side proves who it is, and the other does not.
    pub(crate) fn is_client(&self) -> bool {
        match self {
            Security::Null => false,
            #[cfg(feature = "plain")]
            Security::PlainClient(_) => true,
            #[cfg(feature = "plain")]
            Security::PlainServer(_) => false,
        }
    }

    /// The setting that chose it.
    pub(crate) fn setting(&self) -> &'static str {
        match self {
            Security::Null => "none",
            #[cfg(feature = "plain")]
            Security::PlainClient(_) => "plain_client",
            #[cfg(feature = "plain")]
            Security::PlainServer(_) => "plain_server",
        }
    }

    /// What is wrong with it, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        match self {
            Security::Null => None,
            #[cfg(feature = "plain")]
            Security::PlainClient(credentials) => credentials.fault(),
            #[cfg(feature = "plain")]
            Security::PlainServer(users) => users.fault(),
        }
    }
}
