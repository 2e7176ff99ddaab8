//! The choice of a security mechanism, for a socket and for a set of settings.

#![cfg(any(feature = "curve", feature = "plain"))]

use std::sync::Arc;

use super::builder::SocketBuilder;
use super::kind::Kind;
use crate::options::Options;
#[cfg(feature = "curve")]
use crate::security::curve;
#[cfg(feature = "curve")]
use crate::security::keys::{KeyPair, PublicKey};
#[cfg(feature = "plain")]
use crate::security::plain::{Credentials, Users};
use crate::security::Security;

/// Writes the choice of a mechanism twice, for a socket and for a set of settings.
#[cfg(feature = "plain")]
macro_rules! plain {
    ($to:ident$(<$kind:ident: $bound:ident>)?: $self:ident => $options:expr) => {
        impl$(<$kind: $bound>)? $to$(<$kind>)? {
            /// Proves to servers who this is, by a name and a password (PLAIN, RFC 24), to which both go **in
            /// clear**: anybody on the way can read them. Replaces any other mechanism.
            ///
            /// For connections over tcp and ipc, whoever bound; those over inproc are within one program. Only
            /// servers of the same mechanism are talked to, and the password is said to no others. One that
            /// refuses it is called again as one that cannot be reached, after the pauses of
            /// [`reconnect_interval`](Options#structfield.reconnect_interval), and monitors say
            /// [`HandshakeFailed`](crate::EventKind::HandshakeFailed) with
            /// [`ReasonKind::Authentication`](crate::ReasonKind::Authentication).
            ///
            /// `name` and `password` have at most 255 bytes each, or the socket is not opened.
            ///
            /// ```
            /// use sinew::{Context, Pull, Push, ReasonKind, EventKind};
            ///
            /// let context = Context::new();
            /// let pull = context
            ///     .socket(Pull)
            ///     .plain_server([("anna", "secret"), ("bert", "geheim")])
            ///     .bind("tcp://127.0.0.1:*")?;
            /// let push = context
            ///     .socket(Push)
            ///     .plain_client("anna", "secret")
            ///     .connect(pull.endpoint()?)?;
            /// push.send("hello")?;
            /// assert_eq!(pull.recv()?, "hello");
            /// assert_eq!(pull.peers()[0].info.as_ref().unwrap().user.as_deref(), Some("anna"));
            /// # Ok::<(), sinew::Error>(())
            /// ```
            #[must_use = "the setting is in what is returned"]
            pub fn plain_client(
                mut $self,
                name: impl AsRef<[u8]>,
                password: impl AsRef<[u8]>,
            ) -> Self {
                let credentials = Credentials::new(name.as_ref(), password.as_ref());
                $options.security = Security::PlainClient(Arc::new(credentials));
                $self
            }

            /// Lets in only peers that say the name and the password of one of `users` (PLAIN, RFC 24): pairs of
            /// texts. Replaces any other mechanism.
            ///
            /// For connections over tcp and ipc, whoever bound; peers over inproc are not asked. Names and
            /// passwords come **in clear**: anybody on the way can read them. Peers with another mechanism, or
            /// none, are refused; so is everybody when there are no users. Each peer's
            /// [`PeerInfo::user`](crate::PeerInfo#structfield.user) tells who it is. A name may be there twice, with
            /// an old and a new password. [`set_options`](crate::Socket::set_options) changes the users for the
            /// connections to come.
            ///
            /// See [`plain_client`](Self::plain_client) for an example.
            #[must_use = "the setting is in what is returned"]
            pub fn plain_server<N, P>(mut $self, users: impl IntoIterator<Item = (N, P)>) -> Self
            where
                N: AsRef<[u8]>,
                P: AsRef<[u8]>,
            {
                let users = users.into_iter();
                let users = users.map(|(name, it)| Credentials::new(name.as_ref(), it.as_ref()));
                $options.security = Security::PlainServer(Arc::new(Users::new(users)));
                $self
            }
        }
    };
}

/// The same of CURVE.
#[cfg(feature = "curve")]
macro_rules! curve {
    ($to:ident$(<$kind:ident: $bound:ident>)?: $self:ident => $options:expr) => {
        impl$(<$kind: $bound>)? $to$(<$kind>)? {
            /// Talks to servers that prove to have the secret of the key `server`, and proves to them to have that
            /// of `keys` (CURVE, RFC 25 and 26). All that goes either way is encrypted, and cannot be changed,
            /// replayed or cut short unnoticed. Replaces any other mechanism.
            ///
            /// For connections over tcp and ipc, whoever bound; those over inproc are within one program. A server
            /// that has another key, or does not let this one in, is called again as one that cannot be reached,
            /// after the pauses of [`reconnect_interval`](Options#structfield.reconnect_interval), and monitors
            /// say [`HandshakeFailed`](crate::EventKind::HandshakeFailed).
            ///
            /// ```
            /// use sinew::curve::KeyPair;
            /// use sinew::{Context, Pull, Push};
            ///
            /// let (server, client) = (KeyPair::generate()?, KeyPair::generate()?);
            /// let context = Context::new();
            /// let pull = context
            ///     .socket(Pull)
            ///     .curve_server(&server)
            ///     .allow([client.public()])
            ///     .bind("tcp://127.0.0.1:*")?;
            /// let push = context
            ///     .socket(Push)
            ///     .curve_client(server.public(), &client)
            ///     .connect(pull.endpoint()?)?;
            /// push.send("hello")?;
            /// assert_eq!(pull.recv()?, "hello");
            /// let user = pull.peers()[0].info.as_ref().unwrap().user.clone();
            /// assert_eq!(user, Some(client.public().to_string()));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use = "the setting is in what is returned"]
            pub fn curve_client(mut $self, server: PublicKey, keys: impl Into<KeyPair>) -> Self {
                let keys = keys.into();
                $options.security = Security::CurveClient(Arc::new(curve::Client { server, keys }));
                $self
            }

            /// Proves to clients to have the secret of `keys`, of which they have to know the public one (CURVE,
            /// RFC 25 and 26), and lets in those that [`allow`](Self::allow) names, or everybody with
            /// [`allow_any_key`](Self::allow_any_key); without either the socket is not opened. Replaces any other
            /// mechanism.
            ///
            /// Peers without the mechanism, or with another one, are refused. Each peer's
            /// [`PeerInfo::user`](crate::PeerInfo#structfield.user) tells its key.
            /// [`set_options`](crate::Socket::set_options) changes who is let in for the connections to come.
            ///
            /// See [`curve_client`](Self::curve_client) for an example.
            #[must_use = "the setting is in what is returned"]
            pub fn curve_server(mut $self, keys: impl Into<KeyPair>) -> Self {
                let server = curve::Server::new(keys.into());
                $options.security = Security::CurveServer(Arc::new(server));
                $self
            }

            /// Has a [`curve_server`](Self::curve_server) let in the clients that have the secrets of these keys.
            /// May be called several times, and with no keys at all, which lets nobody in.
            #[must_use = "the setting is in what is returned"]
            pub fn allow(mut $self, keys: impl IntoIterator<Item = PublicKey>) -> Self {
                $options.security.change_server(|server| server.allow(keys));
                $self
            }

            /// Has a [`curve_server`](Self::curve_server) let in every client, whatever its key: what goes over
            /// the wire is encrypted, and who is at the other end is not known.
            #[must_use = "the setting is in what is returned"]
            pub fn allow_any_key(mut $self) -> Self {
                $options.security.change_server(curve::Server::allow_any);
                $self
            }
        }
    };
}

#[cfg(feature = "curve")]
curve!(SocketBuilder<K: Kind>: self => self.options);
#[cfg(feature = "curve")]
curve!(Options: self => self);

#[cfg(feature = "plain")]
plain!(SocketBuilder<K: Kind>: self => self.options);
#[cfg(feature = "plain")]
plain!(Options: self => self);
