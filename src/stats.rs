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
    /// whose requester has gone; what a closed connection took with it unsent; what a peer had not
    /// acknowledged when `disconnect` or `close` gave it up; and messages that a peer refused
    /// ([`EventKind::MessageDropped`](crate::EventKind::MessageDropped)).
    pub dropped: u64,
    /// Peers that are there: the handshake is through.
    pub peers: usize,
}

/// What became of a socket's messages; see [`Socket::close`](crate::Socket::close) and
/// [`Context::close`](crate::Context::close).
#[must_use = "it tells how many messages are not known to have arrived"]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Messages that `send` accepted and that are not known to have reached a peer's system when linger
    /// was over, or when a connection ended before that: those that were still queued, and those that
    /// this system held because the peer's had not acknowledged them.
    ///
    /// Zero means that the system of a peer (over `ipc` and `inproc`, this one) has all that was there to
    /// be delivered when closing began. Whether the peer's program has read it cannot be known: a peer
    /// that dies takes with it what it had not read, and that is not counted here. For that, have the
    /// peer answer (REQ and REP).
    ///
    /// It can be too high: the system counts in bytes, so that of what it held up to a third more may be
    /// counted, or one write more; and what was on its way may still arrive, above all with a linger
    /// of zero. Only Linux tells what is not acknowledged; elsewhere what the system took counts as
    /// delivered.
    pub undelivered: u64,
}
