//! Brokerless messaging: ZeroMQ's socket patterns over TCP, UDP, Unix-domain sockets and memory.
//!
//! Programs link this crate and talk to each other directly. It speaks ZMTP 3.1, so the other end may
//! be any ZeroMQ program in any language.
//!
//! ```
//! use sinew::{Context, Rep, Req};
//!
//! fn main() -> sinew::Result<()> {
//!     let context = Context::new();
//!     let rep = context.socket(Rep).bind("tcp://127.0.0.1:*")?;
//!     let req = context.socket(Req).connect(rep.endpoint()?)?;
//!
//!     req.send("who is there?")?;
//!     assert_eq!(rep.recv()?, "who is there?");
//!     rep.send(["it", "is", "me"])?;
//!     assert_eq!(req.recv()?, ["it", "is", "me"]);
//!     Ok(())
//! }
//! ```
//!
//! # Types by task
//!
//! | Task | Types |
//! |---|---|
//! | make sockets | [`Context`], [`ContextBuilder`], [`SocketBuilder`], [`Options`], [`KeepAlive`], [`Conflate`], [`ReconnectStop`], [`Network`], [`SocksProxy`] |
//! | choose a pattern | [`Push`], [`Pull`], [`Pub`], [`Sub`], [`Req`], [`Requester`], [`Rep`], [`Dealer`], [`Router`], [`Pair`], [`Xpub`], [`Xsub`], [`Stream`], [`Client`], [`Server`], [`Scatter`], [`Gather`], [`Peer`], [`Channel`], [`Radio`], [`Dish`], [`Dgram`]; at run time [`SocketType`] |
//! | decide who is let in | [`Authenticator`], [`Pending`], [`Candidate`], [`Admission`] |
//! | send and receive | [`Socket`], [`DynSocket`], [`Iter`], [`TryIter`] |
//! | build and read messages | [`Message`], [`Frame`], [`Frames`], [`IntoFrames`] |
//! | say where | [`Endpoint`] and its parts [`TcpEndpoint`], [`IpcEndpoint`], [`InprocEndpoint`], [`UdpEndpoint`], [`Host`] |
//! | handle errors | [`Error`], [`Result`], [`SendError`] and its [`SendErrorKind`], [`RecvError`], [`SendManyError`], [`RequestError`], [`WaitError`], [`EndpointError`], [`NetworkError`], [`ConvertError`] and its [`ConvertErrorKind`], [`UnknownSocketType`] |
//! | wait for several | [`Poller`], [`Interest`], [`PollEvent`], [`PollEvents`], [`PollerWaker`] |
//! | forward | [`proxy()`], [`Proxy`], [`ProxyHandle`], [`ProxyStats`], [`ProxyTraffic`] |
//! | watch | [`Monitor`], [`Events`], [`TryEvents`], [`Event`], [`EventKind`], [`Reason`] and its [`ReasonKind`], [`PeerInfo`], [`PeerRefusal`], [`Stats`], [`PeerStats`] with [`Traffic`], [`QueueStats`] and [`Drops`] |
//! | change settings | [`Socket::options`], [`Socket::set_options`] |
//! | wait in an event loop of the program's own | [`Socket::readiness`], [`Readiness`] |
//! | end | [`Socket::close`], [`Context::close`], [`Context::shutdown`], [`CloseReport`] |
//! | write generic code | [`Kind`], [`Sends`], [`Receives`], [`Subscribes`], [`Publishes`], [`ShowsSubscriptions`], [`Matches`], [`Conflates`], [`Requests`], [`Addresses`], [`Routes`], [`Forwards`], [`Probes`], [`Streams`], [`Numbers`], [`Joins`], [`Datagrams`], [`Greets`], [`TellsDisconnects`], [`TellsHiccups`] |
//!
//! # Patterns
//!
//! | Sockets | What happens to a message | When no peer can take it | Guide |
//! |---|---|---|---|
//! | [`Push`] to [`Pull`] | one of the peers gets it, in turn | `send` waits | [`pipeline`](guide::pipeline) |
//! | [`Pub`] to [`Sub`] | every peer that subscribed to a prefix of its first frame gets it | it is dropped and counted; with [`no_drop`](Options::no_drop), `send` waits | [`pub_sub`](guide::pub_sub) |
//! | [`Req`] to [`Rep`] | one of the peers gets it and answers | `send` waits | [`req_rep`](guide::req_rep) |
//! | [`Dealer`] to [`Rep`], [`Dealer`] or [`Router`] | one of the peers gets it, in turn; replies come as they come | `send` waits | [`dealer_pair`](guide::dealer_pair) |
//! | [`Router`] to [`Req`], [`Dealer`] or [`Router`] | the peer whose routing id is the first frame gets it | it is dropped and counted; with [`mandatory`](Options::mandatory), `send` waits, or fails if there is no such peer | [`router_dealer`](guide::router_dealer) |
//! | [`Xpub`] to [`Xsub`] | as PUB and SUB; and back, every XPUB gets what an XSUB sends | it is dropped and counted | [`xpub_xsub`](guide::xpub_xsub) |
//! | [`Stream`] to programs that speak no ZMTP | the peer whose routing id is the first frame gets its bytes | `send` waits, or fails if there is no such peer | [`router_dealer`](guide::router_dealer#stream) |
//! | [`Client`] to [`Server`] | one of the servers gets it, in turn; a server's goes to the client whose number it has; of one frame, as with all below but `Pair` | `send` waits; a server's fails if there is no such client | [`client_server`](guide::client_server) |
//! | [`Scatter`] to [`Gather`] | one of the peers gets it, in turn | `send` waits | [`client_server`](guide::client_server) |
//! | [`Peer`] to [`Peer`] | the peer whose number it has gets it | `send` waits, or fails if there is no such peer | [`client_server`](guide::client_server) |
//! | [`Channel`] to [`Channel`] | the one peer gets it | `send` waits | [`client_server`](guide::client_server) |
//! | [`Radio`] to [`Dish`] | every peer that is in its group gets it | it is dropped and counted; with [`no_drop`](Options::no_drop), `send` waits | [`client_server`](guide::client_server#radio-and-dish) |
//! | [`Dgram`] to whatever has an address | its datagram goes to the address that is the first frame, over udp alone | `send` waits while this system takes no more | [`client_server`](guide::client_server#over-udp-radio-dish-and-dgram) |
//! | [`Pair`] to [`Pair`] | the one peer gets it | `send` waits | [`dealer_pair`](guide::dealer_pair) |
//!
//! # Verbs by socket
//!
//! | | `Push` | `Pull` | `Pub` | `Sub` | `Req` | `Rep` | `Dealer` | `Router` | `Pair` | `Xpub` | `Xsub` | `Stream` | `Radio` | `Dish` |
//! |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
//! | [`bind`](Socket::bind), [`connect`](Socket::connect), [`unbind`](Socket::unbind), [`disconnect`](Socket::disconnect) | x | x | x | x | x | x | x | x | x | x | x | x | x | x |
//! | [`send`](Socket::send), [`try_send`](Socket::try_send), [`send_timeout`](Socket::send_timeout), [`send_deadline`](Socket::send_deadline), [`send_many`](Socket::send_many), [`try_send_many`](Socket::try_send_many), [`send_many_timeout`](Socket::send_many_timeout), [`send_many_deadline`](Socket::send_many_deadline) | x | | x | | x, in turn | x, in turn | x | x | x | x | x | x | x | |
//! | [`recv`](Socket::recv), [`try_recv`](Socket::try_recv), [`recv_timeout`](Socket::recv_timeout), [`recv_deadline`](Socket::recv_deadline), [`recv_many`](Socket::recv_many), [`try_recv_many`](Socket::try_recv_many), [`recv_many_timeout`](Socket::recv_many_timeout), [`recv_many_deadline`](Socket::recv_many_deadline), [`iter`](Socket::iter), [`try_iter`](Socket::try_iter) | | x | | x | x, in turn | x, in turn | x | x | x | x | x | x | | x |
//! | [`subscribe`](Socket::subscribe), [`unsubscribe`](Socket::unsubscribe) | | | | x | | | | | | | x | | | |
//! | [`join`](Socket::join), [`leave`](Socket::leave) | | | | | | | | | | | | | | x |
//! | [`wait_for_subscribers`](Socket::wait_for_subscribers) | | | x | | | | | | | x | | | x | |
//! | [`topics`](Socket::topics) | | | x | x | | | | | | x | x | | | |
//! | [`subscribe_peer`](Socket::subscribe_peer), [`unsubscribe_peer`](Socket::unsubscribe_peer), [`send_to_peer`](Socket::send_to_peer) | | | | | | | | | | x | | | | |
//! | [`connect_with_id`](Socket::connect_with_id) | | | | | | | | x | | | | x | | |
//! | [`connect_peer`](Socket::connect_peer) | | | | | | | | | | | | x | | |
//! | [`monitor`](Socket::monitor), [`stats`](Socket::stats), [`wait_for_peers`](Socket::wait_for_peers), [`peers`](Socket::peers), [`monitor_with_snapshot`](Socket::monitor_with_snapshot), [`options`](Socket::options), [`endpoint`](Socket::endpoint), [`is_closed`](Socket::is_closed), [`close`](Socket::close) | x | x | x | x | x | x | x | x | x | x | x | x | x | x |
//! | [`set_options`](Socket::set_options), [`readiness`](Socket::readiness), [`socket_type`](Socket::socket_type), [`last_endpoint`](Socket::last_endpoint), [`into_dynamic`](Socket::into_dynamic) | x | x | x | x | x | x | x | x | x | x | x | x | x | x |
//!
//! [`Client`], [`Server`], [`Peer`], [`Channel`] and [`Dgram`] have the verbs of `Pair`, [`Scatter`] those of `Push` and
//! [`Gather`] those of `Pull`; [`Peer`] has [`connect_for_id`](Socket::connect_for_id) too. A [`Requester`] is a `Req` that
//! threads share: it has [`request`](Socket::request), [`request_timeout`](Socket::request_timeout) and
//! [`request_deadline`](Socket::request_deadline) in the place of `send` and `recv`.
//!
//! A verb that a socket does not have does not compile; a [`DynSocket`] has all of them, and gives
//! errors. The [`guide`] has a page for each pattern, and for [transports](guide::transports),
//! [options](guide::options), [networks that you do not trust](guide::untrusted),
//! [lifecycle](guide::lifecycle), [errors](guide::errors), [event loops](guide::event_loops),
//! [several sockets](guide::several_sockets), [every option of libzmq](guide::options_of_libzmq), for users of
//! [ZeroMQ](guide::from_zeromq), of [a broker](guide::from_brokers) or of [channels](guide::from_channels), and
//! a page that answers [which socket do I need](guide::which_socket).
//!
//! # Features
//! - `plain` (on by default): the security mechanism PLAIN, [`plain_client`](SocketBuilder::plain_client) and
//!   [`plain_server`](SocketBuilder::plain_server).
//! - `curve`: the security mechanism CURVE: the module `curve`, the setters `curve_client` and
//!   `curve_server`. Needs Rust 1.89.
//! - `log`: says what happens to connections through the `log` facade, at debug level, and at info
//!   level that a closed socket still lingers after a second. Silent without it.
//! - `tracing`: the same as events of `tracing`, with fields.
//! - `metrics`: [statistics for the `metrics` facade](guide::observing), told when they are asked for.
//! - `internals`: for the crate's own benchmarks; not covered by the version number.
//!
//! # Platforms
//! Unix systems. Tested on Linux.

pub mod guide;

// layer 0: types
mod discard;
mod endpoint;
mod error;
mod interest;
mod message;
mod network;
mod options;
mod peer;
mod security;
mod socks;
mod tuning;

// layer 1: rules, without I/O, clock or threads
mod datagram;
mod heat;
mod pattern;
mod waiters;
mod zmtp;

// layer 2: the system: locks, the clock, byte streams
mod certificates;
mod clock;
mod entropy;
mod notifier;
mod sync;
mod transport;

// layer 3: links, and the reactor
mod link;
mod reactor;

// layer 4: the engine, one socket as a machine
mod engine;
mod monitor;
mod stats;

// layer 5: what locks the engine, does its I/O and waits
mod context;
mod drive;

// layer 6: sockets, the typed face
mod poller;
mod proxy;
mod socket;

#[cfg(all(test, loom))]
mod loom_models;
#[cfg(all(test, not(loom)))]
mod simulation;

// What the fuzzers run, and `cargo test` after them.
#[cfg(any(all(test, not(loom)), fuzzing))]
#[cfg_attr(
    not(fuzzing),
    allow(unreachable_pub, reason = "exported to the fuzzers only")
)]
#[doc(hidden)]
pub mod fuzzing;

// For the crate's own benchmarks; not part of what the version number promises.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use pattern::bench_support as routing_bench;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use zmtp::bench_support as codec_bench;

/// Keys of the security mechanism CURVE (RFC 25 and 26): what
/// [`curve_client`](SocketBuilder::curve_client) and [`curve_server`](SocketBuilder::curve_server) take.
#[cfg(feature = "curve")]
pub mod curve {
    pub use crate::security::keys::{KeyError, KeyPair, PublicKey, SecretKey};
}

pub use context::{Context, ContextBuilder};
pub use endpoint::{
    Endpoint, EndpointError, Host, InprocEndpoint, IpcEndpoint, TcpEndpoint, UdpEndpoint,
};
pub use error::{
    Error, RecvError, RequestError, Result, SendError, SendErrorKind, SendManyError, WaitError,
};
pub use interest::Interest;
pub use message::extract::ConvertError;
pub use message::{ConvertErrorKind, Frame, Frames, IntoFrames, Message};
pub use monitor::{Event, EventKind, Events, Monitor, Reason, ReasonKind, TryEvents};
pub use network::{Network, NetworkError};
pub use options::{Conflate, KeepAlive, Options, ReconnectStop};
pub use peer::{PeerInfo, PeerRefusal, SocketType, UnknownSocketType};
pub use poller::{PollEvent, PollEvents, Poller, PollerWaker};
pub use proxy::{proxy, Forwards, Proxy, ProxyHandle, ProxyStats, ProxyTraffic};
pub use security::authenticator::Authenticator;
pub use security::pending::{Admission, Candidate, Pending};
#[doc(hidden)]
pub use socket::TaskSocket;
pub use socket::{
    Addresses, Channel, Client, Conflates, Datagrams, Dealer, Dgram, Dish, DynSocket, Gather,
    Greets, Iter, Joins, Kind, Matches, Numbers, Pair, Peer, Probes, Pub, Publishes, Pull, Push,
    Radio, Readiness, Receives, Rep, Req, Requester, Requests, Router, Routes, Scatter, Sends,
    Server, ShowsSubscriptions, Socket, SocketBuilder, Stream, Streams, Sub, Subscribes,
    TellsDisconnects, TellsHiccups, TryIter, Xpub, Xsub,
};
pub use socks::SocksProxy;
pub use stats::{CloseReport, Drops, PeerStats, QueueStats, Stats, Traffic};
