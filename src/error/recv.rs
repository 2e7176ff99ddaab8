//! What can go wrong with a receive.

/// Why no message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// Nothing is there, and the call was told not to wait.
    #[error("no message is waiting")]
    WouldBlock,
    /// Nothing came within the time given.
    #[error("no message came in time")]
    TimedOut,
    /// The socket or its context was closed.
    #[error("the socket is closed")]
    Closed,
    /// The reactor thread that served the socket has panicked; see
    /// [`Error::ReactorDied`](crate::Error::ReactorDied).
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
    /// REQ: no request is out. REP: the last request has not been answered.
    #[error("send before you receive again: REQ and REP take turns")]
    MustSendFirst,
    /// REQ: the peer that was asked has gone, so no reply can come. A new request may be sent.
    #[error("the peer that was asked is gone; send the request again")]
    PeerGone,
    /// This type of socket does not receive.
    #[error("this type of socket cannot receive")]
    Unsupported,
}

impl RecvError {
    /// Whether the time given was over.
    pub fn is_timeout(self) -> bool {
        self == RecvError::TimedOut
    }

    /// Whether the call was told not to wait, and would have had to.
    pub fn is_would_block(self) -> bool {
        self == RecvError::WouldBlock
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(self) -> bool {
        self == RecvError::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_at_most_one_of_those_that_programs_ask_for() {
        let asked = |error: RecvError| {
            [
                error.is_would_block(),
                error.is_timeout(),
                error.is_closed(),
            ]
        };
        assert_eq!(asked(RecvError::WouldBlock), [true, false, false]);
        assert_eq!(asked(RecvError::TimedOut), [false, true, false]);
        assert_eq!(asked(RecvError::Closed), [false, false, true]);
        for other in [
            RecvError::ReactorDied,
            RecvError::MustSendFirst,
            RecvError::PeerGone,
            RecvError::Unsupported,
        ] {
            assert_eq!(asked(other), [false; 3], "{other}");
        }
    }
}
