//! [`Stats`]: what a socket has done so far; [`CloseReport`]: what it could not do in the end.

/// Counts since the socket was made. One snapshot is consistent in itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages accepted from the application, as often as they were queued for a peer: a PUB
    /// counts a message once for each subscriber that gets it.
    pub sent: u64,
    /// Messages given to the application.
    pub received: u64,
    /// Messages lost by the rules: PUB, once for each subscriber whose queue was full; REP, replies
    /// whose requester has gone; and what a closed connection took with it unsent.
    pub dropped: u64,
    /// Peers that are there: the handshake is through.
    pub peers: usize,
}

/// What became of a socket's messages; see [`Socket::close`](crate::Socket::close) and
/// [`Context::close`](crate::Context::close).
#[must_use = "it tells how many messages were not handed over"]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Messages that `send` accepted and that were not handed over when linger was over.
    ///
    /// Zero means that all went to the peers' side: into an inproc peer's queue, or through the
    /// system to the machine of a peer. It does not mean that a peer's program has seen them: only
    /// an answer of its own can tell that.
    pub undelivered: u64,
}
