//! What can go wrong with a request.

use super::send::SendError;

/// Why a request got no reply; see [`Socket::request`](crate::Socket::request).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request was sent to no peer. It is in the error, unchanged.
    #[error(transparent)]
    NotSent(#[from] SendError),
    /// It was sent, or waits for its peer to come, and no reply came within the time given.
    #[error("no reply came in time")]
    TimedOut,
    /// The peer that was asked has gone, so no reply can come. Whether it acted on the request is not
    /// known.
    #[error("the peer that was asked is gone; send the request again if that does no harm")]
    PeerGone,
    /// The socket or its context was closed.
    #[error("the socket is closed")]
    Closed,
    /// The reactor thread that served the socket has panicked; see
    /// [`Error::ReactorDied`](crate::Error::ReactorDied).
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
}

impl RequestError {
    /// Whether the time given was over, before or after the request was sent.
    pub fn is_timeout(&self) -> bool {
        match self {
            RequestError::NotSent(error) => error.is_timeout(),
            other => *other == RequestError::TimedOut,
        }
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(&self) -> bool {
        match self {
            RequestError::NotSent(error) => error.is_closed(),
            other => *other == RequestError::Closed,
        }
    }

    /// Whether a call that does not wait would have had to: no request is sent by such a call.
    pub(super) fn is_would_block(&self) -> bool {
        matches!(self, RequestError::NotSent(error) if error.is_would_block())
    }
}
