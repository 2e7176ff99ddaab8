//! [`Security`]: which mechanism the connections of a socket have, and with what.

pub(crate) mod authenticator;
#[cfg(feature = "curve")]
pub(crate) mod certificate;
#[cfg(feature = "curve")]
pub(crate) mod cipher;
#[cfg(feature = "curve")]
pub(crate) mod curve;
#[cfg(feature = "curve")]
pub(crate) mod keys;
pub(crate) mod pending;
#[cfg(feature = "plain")]
pub(crate) mod plain;
#[cfg(feature = "plain")]
mod secret;
#[cfg(feature = "curve")]
pub(crate) mod z85;

#[cfg(any(feature = "curve", feature = "plain"))]
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
    /// Proves to the server who it is, of which it knows the key.
    #[cfg(feature = "curve")]
    CurveClient(Arc<curve::Client>),
    /// Proves to clients who it is, and lets in some of them, by their keys.
    #[cfg(feature = "curve")]
    CurveServer(Arc<curve::Server>),
    /// A setting that goes with another mechanism than the one that was chosen, and what is wrong with that. No
    /// socket is opened with it.
    #[cfg(feature = "curve")]
    Misfit(&'static str),
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
            #[cfg(feature = "curve")]
            Security::CurveClient(_) => true,
            #[cfg(feature = "curve")]
            Security::CurveServer(_) | Security::Misfit(_) => false,
        }
    }

    /// Changes what a CURVE server goes by.
    #[cfg(feature = "curve")]
    pub(crate) fn change_server(&mut self, change: impl FnOnce(&mut curve::Server)) {
        match self {
            Security::CurveServer(server) => change(Arc::make_mut(server)),
            _ => {
                *self = Security::Misfit(
                    "allow and allow_any_key say whom a curve_server lets in; call that one first",
                );
            }
        }
    }

    /// Whether each connection needs random numbers of its own.
    #[cfg(feature = "curve")]
    pub(crate) fn needs_fresh(&self) -> bool {
        matches!(self, Security::CurveClient(_) | Security::CurveServer(_))
    }

    /// Whether it is the same mechanism in the same role, with whatever keys.
    pub(crate) fn is_like(&self, other: &Security) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The setting that chose it.
    pub(crate) fn setting(&self) -> &'static str {
        match self {
            Security::Null => "none",
            #[cfg(feature = "plain")]
            Security::PlainClient(_) => "plain_client",
            #[cfg(feature = "plain")]
            Security::PlainServer(_) => "plain_server",
            #[cfg(feature = "curve")]
            Security::CurveClient(_) => "curve_client",
            #[cfg(feature = "curve")]
            Security::CurveServer(_) => "curve_server",
            #[cfg(feature = "curve")]
            Security::Misfit(_) => "allow",
        }
    }

    /// What is wrong with it, in words. `asks`: an authenticator decides on each peer.
    pub(crate) fn fault(
        &self,
        #[cfg_attr(not(feature = "curve"), allow(unused_variables))] asks: bool,
    ) -> Option<String> {
        match self {
            Security::Null => None,
            #[cfg(feature = "plain")]
            Security::PlainClient(credentials) => credentials.fault(),
            #[cfg(feature = "plain")]
            Security::PlainServer(users) => users.fault(),
            #[cfg(feature = "curve")]
            Security::CurveClient(client) => client.fault(),
            #[cfg(feature = "curve")]
            Security::CurveServer(server) => server.fault().filter(|_| !asks),
            #[cfg(feature = "curve")]
            Security::Misfit(fault) => Some((*fault).to_owned()),
        }
    }
}
