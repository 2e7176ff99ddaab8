//! What changes of a socket, for those that wait for it.

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// There may be messages where there were none.
    Messages,
    /// There may be room to send where there was none.
    Room,
    /// Anything: peers came or went.
    Any,
    /// The socket is closed: every call says so from now on.
    Closed,
}
