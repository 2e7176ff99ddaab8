//! Listening at a descriptor that listens already.

use std::os::fd::OwnedFd;

use super::kind::Kind;
use super::Socket;
use crate::endpoint::Endpoint;
use crate::error::Error;

impl<K: Kind> Socket<K> {
    /// Listens at a descriptor that listens already: one that a service manager hands over (socket
    /// activation), or a listener of the standard library's. Returns its endpoint, at which it can be
    /// [unbound](Socket::unbind).
    ///
    /// The descriptor is this socket's from now on, made non-blocking, and closed with it. The file of
    /// an ipc listener stays when it is. Its backlog stays as it was set.
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    /// use std::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let context = Context::new();
    /// let pull = context.socket(Pull).open()?;
    /// let endpoint = pull.bind_descriptor(listener)?;
    /// let push = context.socket(Push).connect(endpoint)?;
    /// push.send("hello")?;
    /// assert_eq!(pull.recv()?, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is no listener for tcp, or for ipc with a name in UTF-8; when the socket is closed.
    pub fn bind_descriptor(&self, descriptor: impl Into<OwnedFd>) -> Result<Endpoint, Error> {
        self.core().bind_descriptor(descriptor.into())
    }
}
