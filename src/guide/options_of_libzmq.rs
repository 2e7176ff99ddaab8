//! Every option of libzmq, and what it is here.
//!
//! Settings are fields of [`Options`](crate::Options) with a setter each on the
//! [builder](crate::SocketBuilder); most can be changed [on a live socket](crate::Socket::set_options).
//!
//! # Of a context
//!
//! | libzmq | Here |
//! |---|---|
//! | `IO_THREADS` | [`reactor_threads`](crate::ContextBuilder::reactor_threads) of a context |
//! | `MAX_SOCKETS`, `SOCKET_LIMIT` | no limit but the process's descriptors |
//! | `THREAD_PRIORITY`, `THREAD_SCHED_POLICY`, `THREAD_AFFINITY_CPU_ADD`, `THREAD_AFFINITY_CPU_REMOVE` | not offered: the standard library has no such setting; a program may set them for its process |
//! | `THREAD_NAME_PREFIX` | not offered: threads are named `sinew/...` |
//! | `MAX_MSGSZ` | `max_message_size` of a socket (libzmq's has no effect) |
//! | `MSG_T_SIZE` | a [`Message`](crate::Message) has 72 bytes |
//! | `ZERO_COPY_RECV` | always, where it pays |
//! | `IPV6` | `ipv6` of a socket |
//! | `BLOCKY` | `linger` of a socket: 30 s by default, and not for ever |
//!
//! # Of a socket: queues and time
//!
//! | libzmq | Here |
//! |---|---|
//! | `SNDHWM`, `RCVHWM` | `send_hwm`, `recv_hwm`; in bytes `send_hwm_bytes`, `recv_hwm_bytes` |
//! | `SNDTIMEO`, `RCVTIMEO` | an argument of each call: `send_timeout`, `recv_timeout`, `recv_deadline` |
//! | `LINGER` | `linger` |
//! | `MAXMSGSIZE` | `max_message_size`, `max_message_frames` |
//! | `IMMEDIATE`, `DELAY_ATTACH_ON_CONNECT` | `immediate` |
//! | `RECONNECT_IVL`, `RECONNECT_IVL_MAX`, `RECONNECT_STOP` | `reconnect_interval`, `reconnect_interval_max`, `reconnect_attempts`, `reconnect_stop` |
//! | `CONNECT_TIMEOUT`, `HANDSHAKE_IVL` | `connect_timeout`, `handshake_timeout` |
//! | `HEARTBEAT_IVL`, `HEARTBEAT_TIMEOUT`, `HEARTBEAT_TTL` | `heartbeat_interval`, `heartbeat_timeout` (by default the interval, but not less than 3 s), `heartbeat_ttl` |
//! | `BACKLOG` | `backlog` |
//! | `BUSY_POLL` | `busy_poll`, which spins in the call and not in the system |
//! | `IN_BATCH_SIZE`, `OUT_BATCH_SIZE` | not offered: no measurement wanted others than the built-in ones |
//! | `AFFINITY` | not offered: sockets are dealt out to the reactor threads, which help each other |
//!
//! # Of a socket: patterns
//!
//! | libzmq | Here |
//! |---|---|
//! | `ROUTING_ID`, `IDENTITY` | `routing_id` |
//! | `CONNECT_ROUTING_ID`, `CONNECT_RID` | [`connect_with_id`](crate::Socket::connect_with_id), for the one `connect` |
//! | `ROUTER_MANDATORY`, `ROUTER_HANDOVER`, `PROBE_ROUTER` | `mandatory`, `handover`, `probe_router` |
//! | `ROUTER_NOTIFY` | `disconnect_message`, and [monitors](crate::Socket::monitor) |
//! | `ROUTER_RAW`, `STREAM_NOTIFY` | the type [`Stream`](crate::Stream), and `stream_notify` |
//! | `REQ_CORRELATE`, `REQ_RELAXED` | `correlate`, `relaxed`; for many threads the type [`Requester`](crate::Requester) |
//! | `SUBSCRIBE`, `UNSUBSCRIBE` | `subscribe`, `unsubscribe`; of an XPUB by hand `subscribe_peer`, `unsubscribe_peer` |
//! | `XPUB_VERBOSE`, `XPUB_VERBOSER`, `XPUB_MANUAL`, `XPUB_MANUAL_LAST_VALUE`, `XPUB_WELCOME_MSG` | `verbose`, `verboser`, `manual`, `manual_last_value` (better: `send_to_peer`), `welcome_message` |
//! | `XPUB_NODROP` | `no_drop` |
//! | `XSUB_VERBOSE_UNSUBSCRIBE` | `verbose_unsubscribe` |
//! | `ONLY_FIRST_SUBSCRIBE` | always, and more: only a message of one frame subscribes, as RFC 23 has it; see [below](#only_first_subscribe) |
//! | `INVERT_MATCHING` | `invert_matching` |
//! | `TOPICS_COUNT` | [`topics`](crate::Socket::topics) |
//! | `CONFLATE` | [`conflate`](crate::Conflate), which keeps messages whole, and can keep the last of each topic |
//! | `HELLO_MSG`, `DISCONNECT_MSG`, `HICCUP_MSG` | `hello_message`, `disconnect_message`, `hiccup_message` |
//! | `METADATA` | `properties`, whose setter adds one; of what a message was received from, it tells with `message_metadata` |
//! | `TYPE`, `LAST_ENDPOINT`, `RCVMORE` | `socket_type`, `last_endpoint`; messages come whole |
//! | `FD`, `EVENTS` | [`readiness`](crate::Socket::readiness), which is level-triggered |
//! | `THREAD_SAFE` | every socket is |
//!
//! ## `ONLY_FIRST_SUBSCRIBE`
//!
//! An XSUB's messages to an XPUB are subscriptions, or the program's own. In libzmq each *frame* that begins with a byte 0 or 1
//! is a subscription, also the third frame of a message of the program's, which is then not received, and subscribes its sender to
//! what it happens to hold. The option leaves that to the first frame, so that it takes a message apart still: one that begins so
//! subscribes, and what is received are its other frames. Here a message is one thing: a subscription is a message of
//! one frame ([RFC 23](https://rfc.zeromq.org/spec/23/), "Framing"), and a message of several is received as it was sent,
//! whatever is in it. There is nothing to switch: a program that wants both sends two messages, which libzmq reads alike with and
//! without the option. To an XPUB of libzmq, do not begin a frame with these bytes.
//!
//! # Of a socket: networks
//!
//! | libzmq | Here |
//! |---|---|
//! | `SNDBUF`, `RCVBUF`, `TOS`, `PRIORITY` | `send_buffer`, `recv_buffer`, `tos`, `packet_priority` |
//! | `TCP_KEEPALIVE`, `TCP_KEEPALIVE_CNT`, `TCP_KEEPALIVE_IDLE`, `TCP_KEEPALIVE_INTVL` | `tcp_keepalive` |
//! | `TCP_MAXRT` | `tcp_user_timeout` |
//! | `BINDTODEVICE` | `bind_to_device` |
//! | `TCP_ACCEPT_FILTER` | `accept_from` |
//! | `IPC_FILTER_PID`, `IPC_FILTER_UID`, `IPC_FILTER_GID` | not offered: the standard library does not tell who is at the other end (stable Rust); the permissions of the socket's file and its directory say who may call |
//! | `USE_FD` | [`bind_descriptor`](crate::Socket::bind_descriptor) |
//! | `SOCKS_PROXY`, `SOCKS_USERNAME`, `SOCKS_PASSWORD` | `socks_proxy` |
//! | `IPV6`, `IPV4ONLY` | `ipv6` |
//! | `LOOPBACK_FASTPATH` | not offered: it is Windows' |
//! | `MULTICAST_HOPS`, `MULTICAST_LOOP` | `multicast_hops`, `multicast_loop`, of RADIO and DGRAM over udp |
//! | `MULTICAST_MAXTPDU`, `RATE`, `RECOVERY_IVL` | not offered: they are of pgm, which is another protocol with a library of its own. Over udp `max_datagram_size` bounds a message |
//! | `NORM_...` | not offered: NORM is another protocol with a library of its own |
//! | `VMCI_...` | not offered: VMCI is VMware's, between its machines |
//! | `WSS_...` | not offered: there is no WebSocket yet |
//!
//! tipc has no options, and is not offered either: Linux alone has it, and hardly any of its systems load it.
//!
//! # Of a socket: security
//!
//! | libzmq | Here |
//! |---|---|
//! | `MECHANISM` | NULL, or what the setters below choose |
//! | `PLAIN_SERVER` | [the users of the server](crate::SocketBuilder::plain_server), or [a closure or a ZAP handler](super::securing) |
//! | `PLAIN_USERNAME`, `PLAIN_PASSWORD` | [the client's](crate::SocketBuilder::plain_client) |
//! | `ZAP_DOMAIN`, `ZAP_ENFORCE_DOMAIN` | [an authenticator that asks a ZAP handler](crate::Authenticator::zap), which is always enforced: without a handler nobody is let in |
//! | `CURVE_SERVER`, `CURVE_SECRETKEY` | `curve_server`, with the feature `curve`: the server's keys, and the keys of clients that are let in |
//! | `CURVE_SERVERKEY`, `CURVE_PUBLICKEY`, `CURVE_SECRETKEY` | `curve_client`: the server's key, and the client's own |
//! | `GSSAPI_...` | not offered: it needs a Kerberos library, in C |
