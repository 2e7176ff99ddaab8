//! [`ReconnectStop`]: when a link gives up.

/// When a connection of `connect` is not tried again; see
/// [`Options::reconnect_stop`](crate::Options::reconnect_stop).
///
/// ```
/// use sinew::{Context, Dealer, ReconnectStop};
///
/// let stop = ReconnectStop::never().on_refused().on_handshake_failed();
/// let dealer = Context::new().socket(Dealer).reconnect_stop(stop).connect("tcp://127.0.0.1:5555")?;
/// # Ok::<(), sinew::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectStop {
    /// When the system says that nobody listens there. Default false.
    pub refused: bool,
    /// When a connection ends in its handshake: the peer is of a type that does not fit, speaks something
    /// else, closes, or takes too long. Default false.
    pub handshake_failed: bool,
    /// When the connection is lost after [`disconnect`](crate::Socket::disconnect), although something
    /// is queued for the peer and linger is not over. Default false.
    pub after_disconnect: bool,
}

impl ReconnectStop {
    /// Always tried again.
    pub fn never() -> ReconnectStop {
        ReconnectStop::default()
    }

    /// Given up when nobody listens.
    #[must_use = "the setting is in what is returned"]
    pub fn on_refused(mut self) -> ReconnectStop {
        self.refused = true;
        self
    }

    /// Given up when the handshake fails.
    #[must_use = "the setting is in what is returned"]
    pub fn on_handshake_failed(mut self) -> ReconnectStop {
        self.handshake_failed = true;
        self
    }

    /// Given up when the connection is lost after `disconnect`.
    #[must_use = "the setting is in what is returned"]
    pub fn after_disconnect(mut self) -> ReconnectStop {
        self.after_disconnect = true;
        self
    }
}
