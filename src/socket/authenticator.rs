//! The setting by which a socket asks an [`Authenticator`].

use std::sync::Arc;

use super::builder::SocketBuilder;
use super::kind::Kind;
use crate::options::Options;
use crate::security::authenticator::Authenticator;

impl<K: Kind> SocketBuilder<K> {
    /// Decides which peers are let in over tcp and ipc, beside the mechanism. Default: none does.
    ///
    /// See [`Authenticator`]. [`set_options`](crate::Socket::set_options) changes it for the connections to come.
    pub fn authenticator(mut self, authenticator: impl Into<Option<Authenticator>>) -> Self {
        self.options = self.options.authenticator(authenticator);
        self
    }
}

impl Options {
    /// Decides which peers are let in over tcp and ipc, beside the mechanism. Default: none does.
    ///
    /// See [`Authenticator`].
    #[must_use = "the setting is in what is returned"]
    pub fn authenticator(mut self, authenticator: impl Into<Option<Authenticator>>) -> Self {
        self.authenticator = authenticator.into().map(Arc::new);
        self
    }
}
