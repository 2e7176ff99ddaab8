//! On a network you do not trust.
//!
//! A socket that strangers can reach holds memory and descriptors for them. Everything that a peer
//! can make it hold has a bound; this page says which, and what to set.
//!
//! # What bounds what
//!
//! | What | Bound | Default | At the bound |
//! |---|---|---|---|
//! | Accepted connections of a socket | [`max_connections`] | 65,536 | callers wait in the kernel's queue |
//! | Of those, in their handshake | [`max_pending_handshakes`] | 1024 | callers wait; what takes over 2 s makes room; in a flood, half of the places an address |
//! | Time for a handshake | [`handshake_timeout`] | 30 s | the connection is closed |
//! | Bytes of a greeting and each handshake command | fixed | 64 B, 8 KiB | the connection is closed |
//! | Callers in the kernel's queue | [`backlog`] | 4096 | the kernel turns them away |
//! | Messages received from a peer and not taken | [`recv_hwm`] | 1000 | the peer is not read |
//! | Their bytes | [`recv_hwm_bytes`] | 256 MiB | the peer is not read |
//! | Messages, and bytes, that peers which are gone have left | the same two, once for all of them | | no caller is accepted until half is received |
//! | Bytes of one message | [`max_message_size`], or else [`recv_hwm_bytes`] | 256 MiB | the connection is closed |
//! | Frames of one message | [`max_message_frames`] | 65,536 | the connection is closed |
//! | Bytes of one datagram (udp) | [`max_datagram_size`] | 8192 | it is discarded, and counted |
//! | Messages queued for a peer | [`send_hwm`] | 1000 | the sender waits; PUB drops |
//! | Their bytes | [`send_hwm_bytes`] | 256 MiB | the same |
//! | A silent peer that is connected | [`heartbeat_interval`], [`heartbeat_timeout`] | off | the connection is closed |
//! | Events that wait at a [`Monitor`](crate::Monitor) | fixed | 1024, 256 KiB | the oldest go, and are counted |
//! | Reactor threads of a context | [`reactor_threads`](crate::ContextBuilder::reactor_threads) | 1, at most 64 | |
//! | Threads that look names up, for a context | fixed | 4 | names wait |
//!
//! Zero, or `None`, switches a bound off. Monitors report a listener that does not accept
//! ([`AcceptPaused`](crate::EventKind::AcceptPaused)), once a second at most.
//!
//! # How much that is
//!
//! - **Memory**: connections x (2 x `recv_hwm_bytes` + `send_hwm_bytes`), and once `recv_hwm_bytes`
//!   more for peers that are gone. With the defaults that is far more than a machine has: choose
//!   marks so that the product fits. The mark counts twice because a message that is still coming
//!   is held beside those that wait, and may take as much; `max_message_size` makes that less.
//! - **Descriptors**: one for each connection, one for each listener, three for each socket and three
//!   for each reactor thread. A process that is out of them accepts nothing for 100 ms at a time and
//!   says so (`AcceptFailed`). Keep `max_connections` below `ulimit -n`.
//! - **Time**: `handshake_timeout` for one that says nothing, heartbeats for one that falls silent
//!   later. Without heartbeats a connection whose machine is gone stays as long as TCP lets it.
//!
//! ```
//! use sinew::{Context, Pull};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let pull = ctx
//!     .socket(Pull)
//!     .max_message_size(1 << 20)
//!     .max_message_frames(16)
//!     .recv_hwm(100)
//!     .recv_hwm_bytes(4 << 20)
//!     .max_connections(500) // at most 2.5 GB in all
//!     .max_pending_handshakes(100)
//!     .handshake_timeout(Duration::from_secs(5))
//!     .heartbeat_interval(Duration::from_secs(10))
//!     .heartbeat_timeout(Duration::from_secs(30))
//!     .bind("tcp://127.0.0.1:0")?;
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Who is let in
//!
//! Without a security mechanism every machine that can reach the port is a peer.
//! [`plain_server`](crate::SocketBuilder::plain_server) lets in those that say a name and a password, in clear:
//! enough where others cannot read the link, such as ipc or a tunnel. With the feature `curve` there are
//! `curve_client` and `curve_server`: both sides prove who they are by their keys, and all that passes is
//! encrypted. Peers without the mechanism, or with another, are refused. An [`Authenticator`](crate::Authenticator) decides besides, by lists or by code of yours:
//! [Securing a socket](super::securing). Monitors say who was refused, and
//! [`PeerInfo::user`](crate::PeerInfo#structfield.user) who is there.
//!
//! # What is not protected yet
//!
//! - Without CURVE every machine on the way can read and change what passes.
//! - Over udp there is no handshake, and so no mechanism, which `bind` and `connect` refuse there: every machine
//!   that can reach the port is heard, under any address that it makes up. A DGRAM that answers with more than it
//!   was asked can be turned against others.
//! - A flood from many addresses can take all the places for handshakes; honest peers then get in
//!   as often as they are lucky. Bounds keep this process alive, they do not keep it reachable.
//! - A peer that has shaken hands holds its connection for as long as it answers heartbeats:
//!   `max_connections` of them lock all others out.
//!
//! [`max_datagram_size`]: crate::Options::max_datagram_size
//! [`max_connections`]: crate::Options::max_connections
//! [`max_pending_handshakes`]: crate::Options::max_pending_handshakes
//! [`handshake_timeout`]: crate::Options::handshake_timeout
//! [`backlog`]: crate::Options::backlog
//! [`recv_hwm`]: crate::Options::recv_hwm
//! [`recv_hwm_bytes`]: crate::Options::recv_hwm_bytes
//! [`max_message_size`]: crate::Options::max_message_size
//! [`max_message_frames`]: crate::Options::max_message_frames
//! [`send_hwm`]: crate::Options::send_hwm
//! [`send_hwm_bytes`]: crate::Options::send_hwm_bytes
//! [`heartbeat_interval`]: crate::Options::heartbeat_interval
//! [`heartbeat_timeout`]: crate::Options::heartbeat_timeout
