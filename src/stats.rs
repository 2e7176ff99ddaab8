//! [`Stats`]: what a socket has done so far; [`PeerStats`]: the same of each peer; [`CloseReport`]: what it
//! could not do in the end.

use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::peer::{PeerInfo, SocketType};

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
    /// acknowledged when `disconnect` or `close` gave it up; what the system refused to send as a
    /// datagram; messages that a peer refused
    /// ([`EventKind::MessageDropped`](crate::EventKind::MessageDropped)); and what was replaced while it
    /// waited ([`Conflate`](crate::Conflate)).
    pub dropped: u64,
    /// Peers that are there: the handshake is through. An endpoint of udp is one, whatever is behind it.
    pub peers: usize,
}

/// One peer of a socket: who it is, what went to it and came from it, and what waits; see
/// [`Socket::peers`](crate::Socket::peers).
///
/// Counts are since the peer came, or, for one that `connect` named, since that: they go on over its
/// reconnections. Bytes are counted as the high-water marks count them: to peers over tcp and ipc the
/// encoded bytes; from them, and both ways over inproc, what messages take in memory (see
/// [`Options::recv_hwm_bytes`](crate::Options::recv_hwm_bytes)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStats {
    /// The endpoint of `bind` or `connect` that it came by.
    pub endpoint: Endpoint,
    /// Its address, while there is a connection: `ip:port`, or what the system knows of a Unix-domain
    /// peer. `None` over inproc. Over udp where datagrams go, and `*` at an endpoint that was bound.
    pub address: Option<String>,
    /// What it said of itself, while it is there.
    pub info: Option<PeerInfo>,
    /// Whether it is there: the handshake is through. One that `connect` named is listed also while it
    /// is not.
    pub connected: bool,
    /// What `send` accepted for it, that which still waits included.
    pub sent: Traffic,
    /// What came from it, that which still waits to be received included. Zero where the type of
    /// socket does not receive.
    pub received: Traffic,
    /// What waits to be sent to it, or to be wholly taken by the system.
    pub send_queue: QueueStats,
    /// What waits to be received from it; a batch of which a part was received counts whole until it is
    /// used up.
    pub recv_queue: QueueStats,
    /// Messages that were dropped instead of queued for it, or after that; of a socket that conflates also
    /// those that came from it and were replaced.
    pub dropped: Drops,
    /// How often it came again after its connection was lost. Zero for peers that were accepted: each
    /// of their connections is another peer.
    pub reconnects: u32,
    /// How long its last answer to a heartbeat took, from the time that the PING was handed over for
    /// writing to the time that the PONG was read: what the peer's program, if it is busy, and this one's
    /// take is in it. `None` before the first, and without
    /// [`heartbeat_interval`](crate::Options::heartbeat_interval).
    pub round_trip: Option<Duration>,
}

impl PeerStats {
    /// The peer's type, while it is there.
    pub fn socket_type(&self) -> Option<SocketType> {
        self.info.as_ref().map(|info| info.socket_type)
    }

    /// The routing id that the peer announced, if it is there and did.
    pub fn routing_id(&self) -> Option<&[u8]> {
        self.info.as_ref()?.routing_id.as_deref()
    }
}

/// Messages that went one way, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Whole messages.
    pub messages: u64,
    /// Their bytes: as [`PeerStats`] counts them, or [`ProxyTraffic`](crate::ProxyTraffic).
    pub bytes: u64,
}

/// What waits in one queue of one peer, and how much may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Messages that wait.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
    /// The high-water mark in messages: `send_hwm` or `recv_hwm`, over inproc those of both ends
    /// together. `None` is none.
    pub most_messages: Option<usize>,
    /// The high-water mark in bytes.
    pub most_bytes: Option<usize>,
}

/// Messages for one peer that were dropped, or from it if they were conflated when they came, by the cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// Its queue was full (PUB, XPUB, XSUB), or, of one that conflates, too many keys waited in it.
    pub full: u64,
    /// It ended several connections in a row within the message
    /// ([`EventKind::MessageDropped`](crate::EventKind::MessageDropped)).
    pub refused: u64,
    /// Another message of its key came while it waited ([`Conflate`](crate::Conflate)).
    pub conflated: u64,
    /// The system refused to send it as a datagram (udp): there is no way to its address, say. Of what is
    /// sent and lost on its way nobody knows.
    pub unsent: u64,
    /// Datagrams that came and were discarded (udp): larger than
    /// [`max_datagram_size`](crate::Options::max_datagram_size), or without a whole group before the body. They
    /// are no messages, and not counted in [`Stats::dropped`].
    pub malformed: u64,
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
    /// of zero. Of a connection that is reset it counts what was not acknowledged at that moment. Over
    /// `ipc` nothing tells what a peer that is gone had read, so that what it had may be counted too. Only
    /// Linux tells what is not acknowledged; elsewhere what the system took counts as delivered, and after a
    /// reset, as far as it was known to be.
    pub undelivered: u64,
}
