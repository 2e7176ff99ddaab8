//! [`Stats`]: what a socket has done so far.

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
