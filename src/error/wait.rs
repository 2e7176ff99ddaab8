//! [`WaitError`]: why peers that were waited for did not come.

/// Why a call that waits for peers came back without them; see
/// [`Socket::wait_for_peers`](crate::Socket::wait_for_peers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// Fewer had come within the time given.
    #[error("{there} of {wanted} peers were there in time")]
    TimedOut {
        /// How many were there at the end.
        there: usize,
        /// How many were waited for.
        wanted: usize,
    },
    /// The socket or its context was closed.
    #[error("the socket is closed")]
    Closed,
    /// The reactor thread that served the socket has panicked; see [`Error::ReactorDied`](super::Error::ReactorDied).
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
    /// Peers do not subscribe at this type of socket.
    #[error("this type of socket has no subscribers")]
    Unsupported,
}

impl WaitError {
    /// Whether the time given was over.
    pub fn is_timeout(self) -> bool {
        matches!(self, WaitError::TimedOut { .. })
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(self) -> bool {
        self == WaitError::Closed
    }
}
