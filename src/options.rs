//! [`Options`]: every setting of a socket, with its meaning, unit, default and cost.

mod conflate;
mod defaults;
mod fault;
mod keepalive;
mod properties;
mod reconnect;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::message::Message;
use crate::network::Network;
use crate::security::authenticator::Authenticator;
use crate::security::Security;
use crate::socks::SocksProxy;

pub use conflate::Conflate;
pub(crate) use fault::routing_id_fault;
pub use keepalive::KeepAlive;
pub use reconnect::ReconnectStop;

/// The settings of one socket.
///
/// Most programs never name this type: [`SocketBuilder`](crate::SocketBuilder) has a setter for
/// each field. It is public so that a program can keep a set of settings and use it for several
/// sockets ([`SocketBuilder::options`](crate::SocketBuilder::options)).
///
/// Defaults are libzmq's unless a field's text says otherwise.
///
/// ```
/// use std::time::Duration;
///
/// let options = sinew::Options::new().linger(Duration::from_secs(5)).recv_hwm(10);
/// assert_eq!(options.linger, Some(Duration::from_secs(5)));
/// assert_eq!(options.send_hwm, 1000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Messages that may wait to be sent to one peer; zero means no limit. Default 1000.
    ///
    /// A socket whose peers are all at this mark blocks (PUSH, REQ, DEALER, PAIR) or drops (PUB, ROUTER). After the mark
    /// was reached, there is room again once half of the queue has gone.
    pub send_hwm: usize,
    /// Messages of one peer that may wait to be received; zero means no limit. Default 1000.
    ///
    /// At this mark the peer's connection is no longer read, so that the peer feels it. What peers
    /// that are gone have left to be received may be once more as much, all of them together; at that
    /// the listeners stop accepting until half of it is received.
    pub recv_hwm: usize,
    /// Bytes that may wait to be sent to one peer; zero means no limit. Default 256 MiB; libzmq has
    /// no such bound.
    ///
    /// What is counted is what it takes: over tcp and ipc the bytes that go over the wire, two to nine
    /// for each frame beside its body; over inproc as for `recv_hwm_bytes`. A single message larger
    /// than this is taken when nothing else waits.
    pub send_hwm_bytes: usize,
    /// Bytes of one peer's messages that may wait to be received; zero means no limit. Default
    /// 256 MiB; libzmq has no such bound.
    ///
    /// What is counted is the memory that messages take: 72 bytes each, of which up to 69 are its
    /// body, the bodies that are larger than that, and 32 for each of several frames that do not fit
    /// in the 72 together. At this mark the peer's connection is no longer read; what its last read
    /// had brought comes on top, 64 KiB of the wire, or 256 KiB of a large body.
    ///
    /// It bounds a single message too, which is held until it is whole: a peer that sends one whose
    /// frames (bodies, and 32 bytes for each but the first) are larger than this loses its connection,
    /// and monitors say so. So one peer makes a socket hold at most twice this much. Zero takes that
    /// bound away as well: then only `max_message_size` bounds what a message takes while it comes.
    pub recv_hwm_bytes: usize,
    /// How long closing waits for peers to take what was accepted; `None` waits for ever. Default
    /// 30 s; libzmq's default is to wait for ever, which hangs programs whose peer never returns.
    pub linger: Option<Duration>,
    /// Largest frame accepted from a peer, in bytes; `None` means any. Default `None`.
    ///
    /// Checked on the frame's header, before any of it is stored. It also bounds the bytes of all
    /// frames of one message together. A peer that sends more loses its connection. Without it, a
    /// message of a peer is bounded by `recv_hwm_bytes`, 256 MiB unless set.
    /// Zero accepts only empty messages.
    pub max_message_size: Option<u64>,
    /// Most frames of a message accepted from a peer; zero means no limit. Default 65,536.
    ///
    /// A frame costs some fifty bytes beside its body, however small that is. A peer that sends more
    /// loses its connection.
    pub max_message_frames: usize,
    /// Connections that this socket's listeners may have accepted at once, all together; zero means no
    /// limit. Default 65,536. Connections of `connect` and inproc peers do not count.
    ///
    /// At this bound the listeners stop accepting: callers wait in the kernel's queue
    /// ([`backlog`](Options::backlog)) until a connection has gone, and monitors say
    /// [`AcceptPaused`](crate::EventKind::AcceptPaused). Set it to the peers that you expect, and
    /// below the descriptors that the process may have (`ulimit -n`), of which each takes one.
    pub max_connections: usize,
    /// Accepted connections that may be in their handshake at once; zero means no limit. Default
    /// 1024.
    ///
    /// At this bound the listeners stop accepting, as for `max_connections`. A handshake that takes
    /// longer than two seconds then gives its place to a caller that waits. When as many were sent
    /// away for that as there are places, it is a flood, and until none was for ten seconds every
    /// caller is accepted and judged at once: an address (IPv6: a /64 network) that holds half of
    /// the places gets no further ones, its callers compete for those; a handshake keeps its place
    /// for 150 ms while its peer says nothing, and for 300 ms in all; who finds no place loses the
    /// connection, and may try again.
    pub max_pending_handshakes: usize,
    /// Pause before a lost or refused connection is tried again. Default 100 ms. Up to half of the
    /// pause is added at random, so that peers do not come back in step. Zero is taken as 1 ms;
    /// `Duration::MAX` never tries again.
    pub reconnect_interval: Duration,
    /// The pause doubles after each failed try, and after each connection that brought no message and
    /// took none, up to this. Default 2 s; libzmq does not back off by default. A value below
    /// `reconnect_interval`, such as zero, means no back-off.
    pub reconnect_interval_max: Duration,
    /// How often a connection is tried again in a row before it is given up; `None` means for ever.
    /// Default `None`. `Some(0)` never reconnects.
    pub reconnect_attempts: Option<u32>,
    /// How long one try to connect may take, the name's look-up included; `None` leaves it to the
    /// system. Default `None`. Zero is refused.
    pub connect_timeout: Option<Duration>,
    /// How long a new connection may take for greeting and handshake together; `None` means no
    /// limit. Default 30 s. Zero is refused.
    pub handshake_timeout: Option<Duration>,
    /// Pause between two PINGs to a peer; `None` sends none. Default `None` (RFC 37, heartbeating).
    /// Zero is refused; less than a millisecond is taken as one.
    pub heartbeat_interval: Option<Duration>,
    /// How long to wait for anything from the peer after a PING before its connection is closed and
    /// made anew; `None` takes `heartbeat_interval`, and three seconds if that is shorter. Default `None`;
    /// libzmq's default is the interval however short it is. Zero is refused; less than a
    /// millisecond is taken as one. Without effect unless `heartbeat_interval` is set.
    ///
    /// A peer that does not read because its application does not receive cannot see the PING; from
    /// sinew it goes on hearing that it is there, several times an interval and at least every 250 ms,
    /// because it hears of the heartbeats before the first message. Less than 100 ms may cut what is
    /// merely busy, and so may any time-out where machines have more to do than processors.
    pub heartbeat_timeout: Option<Duration>,
    /// What PINGs tell the peer: close this connection when nothing came for so long. Rounded down
    /// to tenths of a second, at most 6553.5 s, more is taken as that; `None` tells nothing. Default
    /// `None`. Less than a tenth is refused. Without effect unless `heartbeat_interval` is set.
    pub heartbeat_ttl: Option<Duration>,
    /// Queue only for peers that are connected. Default false: a message may be queued for a peer
    /// that `connect` named and that is not there yet.
    pub immediate: bool,
    /// DEALER, ROUTER, CLIENT, SERVER and PEER: what each new peer is sent before anything else, on
    /// every connection anew, over every transport. Default: a message without frames, which sends
    /// nothing.
    ///
    /// For a peer that has to learn at once that this socket is there, or is there again: a worker that
    /// says that it is ready. It does not count in [`Stats`](crate::Stats), nor towards high-water marks. A
    /// ROUTER puts no routing id before it. Other types refuse the setting, and CLIENT, SERVER
    /// and PEER one of several frames.
    pub hello_message: Message,
    /// ROUTER, SERVER and PEER: what is received of a peer that has gone, behind all that it sent: from a
    /// ROUTER behind its routing id, from the others with its number. Default: a message
    /// without frames, which tells nothing.
    ///
    /// Only of peers that called this socket, and not of those that it called itself. Other
    /// types refuse the setting, and SERVER and PEER one of several frames.
    pub disconnect_message: Message,
    /// DEALER, CLIENT and PEER: what is received of a peer that this socket called, when the connection to
    /// it is lost, behind all that it sent. The socket connects again by itself. Default: a
    /// message without frames, which tells nothing.
    ///
    /// Other types refuse the setting, and CLIENT and PEER one of several frames.
    pub hiccup_message: Message,
    /// When a lost or refused connection is not tried again but given up, as if
    /// [`reconnect_attempts`](Options::reconnect_attempts) were spent. Default: never.
    ///
    /// What was queued for the peer is then lost, and counted.
    pub reconnect_stop: ReconnectStop,
    /// The routing id announced to ROUTER peers: 1 to 255 bytes, not starting with a zero byte;
    /// empty means none. Default empty. Used by REQ, DEALER and ROUTER.
    pub routing_id: Bytes,
    /// What is announced to peers besides, names and values, over every transport: properties of the
    /// application's own, which a peer reads in its [`PeerInfo`](crate::PeerInfo::property). Default none.
    ///
    /// A name is `X-` and 1 to 253 of the characters `A` to `Z`, `a` to `z`, `0` to `9`, `-`, `_`, `.` and `+`
    /// (RFC 23), and there is one of a name, whatever its case; a value is any bytes. At most 24, and
    /// 7 KiB together, of which each takes 5 bytes besides. Peers are told when they connect: what is
    /// changed later, later peers are told. They are no secret, and a peer can announce whatever it likes.
    /// A STREAM has no use for them: its peers speak no ZMTP.
    pub properties: Vec<(String, Bytes)>,
    /// Whether messages tell which peer they were received from ([`Message::peer`]). Default false.
    ///
    /// True costs an allocation of 80 bytes a message, which counts towards the marks in bytes, and an atomic
    /// count; false costs nothing. From when it is set, for what comes then. What tells of a peer itself,
    /// a ROUTER's routing id, a SERVER's number, costs nothing of it; and what an XPUB receives of its
    /// subscribers' subscriptions is from no peer.
    pub message_metadata: bool,
    /// Connections that the kernel queues for a listener. Default 4096 (libzmq: 100); the system
    /// cuts it to its own limit, and takes zero as the least that it has.
    pub backlog: u32,
    /// Whether `*` binds IPv6 as well as IPv4, and host names may resolve to IPv6 addresses.
    /// Default false. Numeric IPv6 endpoints work either way.
    pub ipv6: bool,
    /// RADIO, DISH and DGRAM over udp: bytes of a datagram, at most. Default 8192, which is what libzmq
    /// receives; it cuts what is longer. 1 to 65,507.
    ///
    /// A message that makes a larger one is refused by `send`
    /// ([`SendErrorKind::TooLarge`](crate::SendErrorKind::TooLarge)), also by a RADIO that has other
    /// peers beside those over udp; a larger one that comes is discarded and counted
    /// ([`Drops::malformed`](crate::Drops::malformed)). The datagram of a RADIO and a DISH has the group
    /// before the body, and a byte. What is larger than a packet of the network, often 1500 bytes less
    /// 28, is cut up by the system, and lost with any of its pieces.
    pub max_datagram_size: usize,
    /// RADIO and DGRAM over udp: networks that a multicast goes through, at most (IP_MULTICAST_TTL,
    /// IPV6_MULTICAST_HOPS): 1 stays in the own one, 0 on this machine. Default 1.
    pub multicast_hops: u8,
    /// RADIO and DGRAM over udp: whether sockets of this machine that joined the group get what is sent
    /// to it (IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP). Default true.
    pub multicast_loop: bool,
    /// TCP keep-alive. Default: what the system does.
    pub tcp_keepalive: KeepAlive,
    /// Size of the kernel's send buffer (SO_SNDBUF) in bytes; `None` leaves it to the system, which
    /// tunes it as it goes. Default `None`. Zero is refused; the system keeps it within its limits.
    pub send_buffer: Option<usize>,
    /// Size of the kernel's receive buffer (SO_RCVBUF) in bytes; `None` leaves it to the system.
    /// Default `None`. Zero is refused; the system keeps it within its limits.
    pub recv_buffer: Option<usize>,
    /// Type-of-service byte of outgoing packets (IP_TOS, IPV6_TCLASS); `None` leaves it. Default
    /// `None`.
    pub tos: Option<u8>,
    /// Priority of outgoing packets (SO_PRIORITY), for the queues of this machine; `None` leaves it, which
    /// `tos` may set too. Default `None`. tcp, on Linux only. More than 6 needs the capability
    /// CAP_NET_ADMIN. Not of messages: those of one peer never overtake each other.
    pub packet_priority: Option<u32>,
    /// How long what was sent may go unacknowledged before the system ends the connection
    /// (TCP_USER_TIMEOUT; libzmq: TCP_MAXRT); `None` leaves it to the system, which tries for about a
    /// quarter of an hour. Default `None`. tcp, on Linux only. Counted in milliseconds; less than one is
    /// refused.
    pub tcp_user_timeout: Option<Duration>,
    /// The network device over which tcp connections and datagrams go (SO_BINDTODEVICE), such as `eth0`, whatever the
    /// routes say; `None` leaves it to the system. Default `None`. Linux only.
    ///
    /// Without permission (Linux before 5.7 wants CAP_NET_RAW), or without such a device, `bind` says so,
    /// and of `connect` each try fails ([`ConnectFailed`](crate::EventKind::ConnectFailed)).
    pub bind_to_device: Option<String>,
    /// The networks from which tcp listeners accept callers; with none, from everywhere. Default none.
    ///
    /// Another caller's connection is closed before anything is read from it, and monitors say
    /// [`AcceptFailed`](crate::EventKind::AcceptFailed). ipc, inproc and udp do not ask.
    pub accept_from: Vec<Network>,
    /// The proxy that is asked for tcp connections (SOCKS 5, RFC 1928); `None` makes them itself. Default
    /// `None`.
    ///
    /// Host names are looked up by the proxy, and interfaces are not known there. `connect_timeout` bounds
    /// call and negotiation together. Monitors tell the proxy's address as the peer's.
    pub socks_proxy: Option<SocksProxy>,
    /// How long a blocked caller spins on its connections before it sleeps. Default zero: it sleeps
    /// at once. `Duration::MAX` never sleeps.
    ///
    /// Spinning saves the wake-up (some ten microseconds of a round trip) and costs a processor
    /// for as long as it lasts. It never spins outside of calls.
    pub busy_poll: Duration,
    /// PUSH, PULL, PUB, SUB, DEALER: which of the messages that wait for a peer, or of those that came from
    /// it and wait to be received, replace each other. Default [`Conflate::Off`]: none do.
    ///
    /// Other types refuse the setting. It cannot be changed once the socket is open. A socket that conflates
    /// sends and receives message by message, without the shortcuts that streams have.
    pub conflate: Conflate,
    /// PUB: block instead of dropping when a matching subscriber's queue is full. Default false.
    ///
    /// One slow subscriber then holds up all of them.
    pub no_drop: bool,
    /// ROUTER: tell when a message cannot be routed, instead of dropping it. Default false.
    ///
    /// [`SendErrorKind::Unroutable`](crate::SendErrorKind::Unroutable) then says that the first frame is no
    /// peer's routing id, and a send to a peer whose queue is full waits. Both give the message back.
    pub mandatory: bool,
    /// ROUTER: a new peer that announces the routing id of another takes its place, and the other's
    /// connection is closed for good. Default false: the new one is refused.
    ///
    /// For peers that come back with the same id before it was noticed that they had gone. What the
    /// other had sent can still be received; what was queued for it is dropped and counted. Peers of
    /// the same context (inproc) are never half gone, and take no one's place.
    pub handover: bool,
    /// ROUTER, DEALER, REQ: send an empty message first to each new peer, so that a ROUTER there
    /// learns of this socket before it sends anything. Default false.
    ///
    /// The peer receives it as a message, and has to ignore it.
    pub probe_router: bool,
    /// PUB, XPUB, SUB, XSUB: messages go to those peers, or are wanted, that no subscription matches.
    /// Default false. Both ends of a connection must set it: a SUB that does not throws away all that
    /// such a PUB sends it.
    pub invert_matching: bool,
    /// XPUB: the application receives every subscription, not only the first to its topic. Default
    /// false. Ends of subscriptions are still received only when nobody has the topic any more.
    pub verbose: bool,
    /// XPUB: the application receives every subscription, and every end of one. Default false. For
    /// a proxy whose subscribers are counted further up.
    pub verboser: bool,
    /// XPUB: subscriptions of peers are received and not applied; the application says what each gets
    /// ([`subscribe_peer`](crate::Socket::subscribe_peer)). Default false. Every subscription of
    /// every peer is received then, and every end of one.
    pub manual: bool,
    /// XPUB: as `manual`, and the next message after each
    /// [`subscribe_peer`](crate::Socket::subscribe_peer) goes to that peer alone, if its
    /// subscriptions match it: the last value of the topic, say. Default false.
    ///
    /// This is libzmq's way. It is the *next* message, whatever it is: with nothing to tell a new peer,
    /// something must be sent all the same, or the next news would be for that peer alone.
    /// [`send_to_peer`](crate::Socket::send_to_peer) has no such trap, and wants only `manual`.
    pub manual_last_value: bool,
    /// XPUB: what each new peer is sent before anything else. Default: nothing, which is a message
    /// without frames.
    ///
    /// A SUB receives it if it subscribed to a prefix of it, as it does any message.
    pub welcome_message: Message,
    /// SUB, XSUB: publishers are told of every `unsubscribe`, also while the topic is still wanted
    /// because it was subscribed to more often. Default false.
    pub verbose_unsubscribe: bool,
    /// STREAM: a peer that has connected, and one that has gone, is told by a message of its routing id and
    /// an empty frame. Default true.
    pub stream_notify: bool,
    /// REQ: a new request may be sent before the reply to the last one came, which is then given
    /// up. Default false.
    pub relaxed: bool,
    /// REQ: requests carry a number, and only the reply with that number is accepted. Default false.
    ///
    /// Recommended with `relaxed`. The peer must return envelopes whole, as REP and ROUTER do.
    pub correlate: bool,
    /// Set by `plain_client` and its like, and not shown: it has secrets.
    pub(crate) security: Security,
    /// Set by `authenticator`, and not shown: it has code of the user's.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
}

impl Options {
    /// The defaults. Each setting has a setter of its name, and so has
    /// [`SocketBuilder`](crate::SocketBuilder).
    pub fn new() -> Options {
        Options::default()
    }
}
