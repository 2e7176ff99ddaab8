//! What the two roles of CURVE (RFC 26) need: keys, those that are let in, and what is random.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::cipher::Shared;
use super::keys::{KeyPair, PublicKey, SecretKey};

/// A client: whom it calls, and what it proves to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) server: PublicKey,
    pub(crate) keys: KeyPair,
}

impl Client {
    pub(crate) fn fault(&self) -> Option<String> {
        let usable = Shared::between(&self.server, self.keys.secret()).is_some();
        (!usable).then(|| {
            "the server's key of curve_client is none that a server can have the secret of".into()
        })
    }
}

/// A server: what it proves to be, and which clients it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) keys: KeyPair,
    allowed: Allowed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// Not said yet.
    Unsaid,
    Any,
    These(BTreeSet<PublicKey>),
}

impl Server {
    pub(crate) fn new(keys: KeyPair) -> Server {
        Server {
            keys,
            allowed: Allowed::Unsaid,
        }
    }

    /// Lets in these as well; as soon as some are named, no others.
    pub(crate) fn allow(&mut self, more: impl IntoIterator<Item = PublicKey>) {
        let mut keys = match std::mem::replace(&mut self.allowed, Allowed::Any) {
            Allowed::These(keys) => keys,
            Allowed::Unsaid | Allowed::Any => BTreeSet::new(),
        };
        keys.extend(more);
        self.allowed = Allowed::These(keys);
    }

    pub(crate) fn allow_any(&mut self) {
        self.allowed = Allowed::Any;
    }

    /// Whether the client that has proved to have the secret of this key is let in.
    pub(crate) fn allows(&self, key: &PublicKey) -> bool {
        match &self.allowed {
            Allowed::Unsaid => false,
            Allowed::Any => true,
            Allowed::These(keys) => keys.contains(key),
        }
    }

    /// Whether nothing was said of whom it lets in.
    pub(crate) fn names_nobody(&self) -> bool {
        self.allowed == Allowed::Unsaid
    }

    pub(crate) fn fault(&self) -> Option<String> {
        (self.allowed == Allowed::Unsaid).then(|| {
            "curve_server says nothing of whom it lets in; name keys with allow, let in everybody \
             with allow_any_key, or have an authenticator decide"
                .into()
        })
    }
}

/// Bytes of [`Fresh`].
pub(crate) const FRESH: usize = 32 + 96 + 16;

/// The random numbers of one connection, which are used for no other.
#[derive(Clone)]
pub(crate) struct Fresh(Box<Zeroizing<[u8; FRESH]>>);

impl Fresh {
    /// `bytes`: what nobody can guess.
    pub(crate) fn new(bytes: Box<Zeroizing<[u8; FRESH]>>) -> Fresh {
        Fresh(bytes)
    }

    fn part<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut part = [0; N];
        for (to, from) in part.iter_mut().zip(self.0.iter().skip(at)) {
            *to = *from;
        }
        part
    }

    /// The pair that lives as long as the connection.
    pub(crate) fn keys(&self) -> KeyPair {
        KeyPair::from(SecretKey::from_bytes(self.part(0)))
    }

    /// A server's cookie.
    pub(crate) fn cookie(&self) -> [u8; 96] {
        self.part(32)
    }

    /// The long nonce of WELCOME, or of a client's vouch.
    pub(crate) fn nonce(&self) -> [u8; 16] {
        self.part(32 + 96)
    }
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fresh(..)")
    }
}
