//! Coming from ZeroMQ: rust-zmq and pyzmq beside sinew.
//!
//! The patterns, endpoints and options are ZeroMQ's, and so is what goes over the wire: programs may
//! be moved one at a time. These lines are one program in three libraries.
//!
//! ```text
//! rust-zmq                                        pyzmq
//! let ctx = zmq::Context::new();                  ctx = zmq.Context()
//! let rep = ctx.socket(zmq::REP)?;                rep = ctx.socket(zmq.REP)
//! rep.set_rcvhwm(10)?;                            rep.rcvhwm = 10
//! rep.bind("tcp://127.0.0.1:*")?;                 rep.bind("tcp://127.0.0.1:*")
//! let at = rep.get_last_endpoint()?.unwrap();     at = rep.last_endpoint
//! let req = ctx.socket(zmq::REQ)?;                req = ctx.socket(zmq.REQ)
//! req.connect(&at)?;                              req.connect(at)
//! req.send_multipart(["add", "1"], 0)?;           req.send_multipart([b"add", b"1"])
//! let parts = rep.recv_multipart(0)?;             parts = rep.recv_multipart()
//! rep.send("2", 0)?;                              rep.send_string("2")
//! let reply = req.recv_string(0)?.unwrap();       reply = req.recv_string()
//! ```
//!
//! ```
//! use sinew::{Context, Rep, Req};
//!
//! let ctx = Context::new();
//! let rep = ctx.socket(Rep).recv_hwm(10).bind("tcp://127.0.0.1:*")?;
//! let req = ctx.socket(Req).connect(rep.endpoint()?)?;
//! req.send(["add", "1"])?;
//! let parts = rep.recv()?;
//! assert_eq!(parts, ["add", "1"]);
//! rep.send("2")?;
//! let reply = String::try_from(req.recv()?)?;
//! assert_eq!(reply, "2");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! | rust-zmq | pyzmq | sinew |
//! |---|---|---|
//! | `recv_bytes(0)` | `recv()` | [`recv`](crate::Socket::recv), always a whole [`Message`](crate::Message) |
//! | `recv(.., DONTWAIT)`, `EAGAIN` | `recv(zmq.NOBLOCK)`, `zmq.Again` | [`try_recv`](crate::Socket::try_recv), `is_would_block()` |
//! | `set_rcvtimeo(100)` | `rcvtimeo = 100` | [`recv_timeout`](crate::Socket::recv_timeout), for each call |
//! | `send(.., SNDMORE)` | `send(.., zmq.SNDMORE)` | one `send` with all frames: an array, a tuple, an iterator |
//! | `set_sndhwm`, `set_rcvhwm` | `sndhwm`, `rcvhwm` | [`send_hwm`](crate::SocketBuilder::send_hwm), [`recv_hwm`](crate::SocketBuilder::recv_hwm), and the same in bytes |
//! | `set_linger(1000)` | `linger = 1000` | [`linger`](crate::SocketBuilder::linger), 30 s by default |
//! | `set_subscribe(b"a")` | `subscribe(b"a")` | [`subscribe`](crate::Socket::subscribe), or on the builder |
//! | `set_identity` | `identity` | [`routing_id`](crate::SocketBuilder::routing_id) |
//! | `set_router_mandatory`, `set_router_handover`, `set_probe_router` | `router_mandatory`, `router_handover`, `probe_router` | [`mandatory`](crate::SocketBuilder::mandatory), [`handover`](crate::SocketBuilder::handover), [`probe_router`](crate::SocketBuilder::probe_router) |
//! | `set_connect_routing_id`, then `connect` | `connect_routing_id`, then `connect` | [`connect_with_id`](crate::Socket::connect_with_id) |
//! | (not there) | `stream_notify` | [`stream_notify`](crate::SocketBuilder::stream_notify) |
//! | `set_req_relaxed`, `set_req_correlate` | `req_relaxed`, `req_correlate` | [`relaxed`](crate::SocketBuilder::relaxed), [`correlate`](crate::SocketBuilder::correlate) |
//! | (not there) | `xpub_nodrop` | [`no_drop`](crate::SocketBuilder::no_drop) |
//! | (not there) | `xpub_verbose`, `xpub_verboser` | [`verbose`](crate::SocketBuilder::verbose), [`verboser`](crate::SocketBuilder::verboser) |
//! | (not there) | `xpub_manual`, then `subscribe` | [`manual`](crate::SocketBuilder::manual), then [`subscribe_peer`](crate::Socket::subscribe_peer) |
//! | (not there) | `xpub_welcome_msg` | [`welcome_message`](crate::SocketBuilder::welcome_message) |
//! | (not there) | `invert_matching` | [`invert_matching`](crate::SocketBuilder::invert_matching) |
//! | (not there) | `topics_count` | [`topics`](crate::Socket::topics) |
//! | `set_conflate` | `conflate` | [`conflate`](crate::SocketBuilder::conflate), which keeps messages whole; of all, or of each topic |
//! | (not there) | `CLIENT`, `SERVER`, `RADIO`, `DISH` and the other drafts | the types of these names: [`client_server`](super::client_server) |
//! | `set_immediate` | `immediate` | [`immediate`](crate::SocketBuilder::immediate) |
//! | `set_maxmsgsize` | `maxmsgsize` | [`max_message_size`](crate::SocketBuilder::max_message_size) |
//! | `set_reconnect_ivl`, `_max` | `reconnect_ivl`, `_max` | [`reconnect_interval`](crate::SocketBuilder::reconnect_interval), [`reconnect_interval_max`](crate::SocketBuilder::reconnect_interval_max) |
//! | `set_heartbeat_ivl`, `_timeout`, `_ttl` | `heartbeat_ivl`, `_timeout`, `_ttl` | [`heartbeat_interval`](crate::SocketBuilder::heartbeat_interval), [`heartbeat_timeout`](crate::SocketBuilder::heartbeat_timeout), [`heartbeat_ttl`](crate::SocketBuilder::heartbeat_ttl) |
//! | `set_handshake_ivl`, `set_connect_timeout` | `handshake_ivl`, `connect_timeout` | [`handshake_timeout`](crate::SocketBuilder::handshake_timeout), [`connect_timeout`](crate::SocketBuilder::connect_timeout) |
//! | `set_sndbuf`, `set_rcvbuf`, `set_tos` | `sndbuf`, `rcvbuf`, `tos` | [`send_buffer`](crate::SocketBuilder::send_buffer), [`recv_buffer`](crate::SocketBuilder::recv_buffer), [`tos`](crate::SocketBuilder::tos) |
//! | `set_tcp_keepalive` and `_idle`, `_intvl`, `_cnt` | the same | [`tcp_keepalive`](crate::SocketBuilder::tcp_keepalive), a [`KeepAlive`](crate::KeepAlive) |
//! | `set_backlog`, `set_ipv6` | `backlog`, `ipv6` | [`backlog`](crate::SocketBuilder::backlog), [`ipv6`](crate::SocketBuilder::ipv6) |
//! | `ctx.set_io_threads(2)` | `zmq.Context(2)` | [`reactor_threads`](crate::ContextBuilder::reactor_threads) of [`Context::builder`](crate::Context::builder) |
//! | `get_last_endpoint()` | `last_endpoint` | [`endpoint`](crate::Socket::endpoint), an [`Endpoint`](crate::Endpoint) |
//! | `monitor` and a PAIR socket | `get_monitor_socket()` | [`monitor`](crate::Socket::monitor), an iterator of [`Event`](crate::Event)s |
//! | (C: `zmq_ctx_shutdown`) | | [`Context::shutdown`](crate::Context::shutdown) |
//! | `ctx.destroy()` | `ctx.term()` | [`Context::close`](crate::Context::close), which closes the sockets too, as pyzmq's `ctx.destroy()` does |
//! | `ETERM` | `zmq.ContextTerminated` | `is_closed()` |
//! | `get_fd()`, `get_events()` | `FD`, `EVENTS` | [`readiness`](crate::Socket::readiness), then `try_recv` or `try_send` until `WouldBlock` |
//! | `zmq::poll` | `zmq.Poller` | [`Poller`](crate::Poller), see [`several_sockets`](super::several_sockets) |
//! | `zmq::proxy`, `proxy_steerable` | `zmq.proxy` | [`proxy`](crate::proxy()), [`Proxy`](crate::Proxy) |
//!
//! The rest, option by option: [`options_of_libzmq`](super::options_of_libzmq).
//!
//! # Events of a monitor
//!
//! | libzmq | [`EventKind`](crate::EventKind) |
//! |---|---|
//! | `CONNECTED`, `CONNECT_DELAYED`, `CONNECT_RETRIED` | `Connected`, `Connecting`, `ConnectRetried`; a try that failed is `ConnectFailed`, and the last one `ConnectGivenUp` |
//! | `LISTENING`, `BIND_FAILED` | `Listening`, `BindFailed` |
//! | `ACCEPTED`, `ACCEPT_FAILED` | `Accepted`, `AcceptFailed`; `AcceptPaused` at a bound |
//! | `HANDSHAKE_SUCCEEDED` | `HandshakeSucceeded` |
//! | `HANDSHAKE_FAILED_NO_DETAIL`, `_PROTOCOL`, `_AUTH` | `HandshakeFailed`, whose [`Reason`](crate::Reason) has a [`kind`](crate::ReasonKind) |
//! | `DISCONNECTED` | `Disconnected`, with a `Reason` |
//! | `CLOSED` | `Closed` |
//! | `CLOSE_FAILED` | none: what `close` of a descriptor says is nothing a program can act on |
//! | `MONITOR_STOPPED` | the iterator ends, and `recv` says `Closed` |
//! | `PIPES_STATS` | [`Socket::peers`](crate::Socket::peers), when it is asked |
//!
//! # What is different
//!
//! - **Sockets are `Send` and `Sync`.** Any number of threads may use one; there is no need for an
//!   inproc socket in front of each thread. Clones are handles to the same socket.
//! - **Options come before the socket**, on the builder. What is to change later does so in one
//!   call, [`set_options`](crate::Socket::set_options), all of it or nothing;
//!   [`options`](crate::Socket::options) reads them back.
//! - **Closing is bounded.** Linger is 30 s instead of for ever, and `close` tells how many messages
//!   are not known to have arrived. Closing a context closes its sockets instead of waiting until the program
//!   has closed each.
//! - **A REQ whose peer dies** gets [`PeerGone`](crate::RecvError::PeerGone) instead of waiting for
//!   ever.
//! - **Types say what a socket can do.** A `Socket<Push>` has no `recv`; the dynamic
//!   [`DynSocket`](crate::DynSocket) has all verbs, and errors.
//! - **Queues are bounded in bytes** as well as in messages, and reconnection backs off.
//! - **A second peer with the same routing id** is refused by a ROUTER and reported, instead of staying
//!   connected and never being heard.
//! - **Security:** PLAIN and, with the feature `curve`, CURVE, with lists of users and keys, a closure, or a ZAP
//!   handler ([`securing`](super::securing)). Nobody is let in unless a list, a handler or a setting says so.
