//! Endpoints: where sockets meet.
//!
//! A socket may bind and connect to any number of endpoints, of any transports, in any order, and
//! stop with [`unbind`](crate::Socket::unbind) and [`disconnect`](crate::Socket::disconnect). As a
//! rule the side whose address is known binds, whichever pattern it plays: a PULL may connect to
//! many bound PUSH sockets as well as the other way round.
//!
//! | Endpoint | Bind | Connect |
//! |---|---|---|
//! | `tcp://192.0.2.7:5555`, `tcp://[2001:db8::7]:5555` | that address | that peer |
//! | `tcp://name:5555` | the interface of that name, else the host | the host, by DNS |
//! | `tcp://*:5555` | every interface | |
//! | `tcp://127.0.0.1:0`, `tcp://127.0.0.1:*` | a free port | |
//! | `tcp://192.0.2.1:0;192.0.2.7:5555` | | that peer, calling from `192.0.2.1` |
//! | `ipc:///run/app.sock`, `ipc://app.sock` | that file | that file |
//! | `ipc://@name` | an abstract name (Linux) | the same |
//! | `ipc://*` | a fresh file in a private temporary folder | |
//! | `inproc://name` | a name within the context | the same |
//! | `udp://192.0.2.7:5555`, `udp://name:5555` | datagrams to that address, or interface | datagrams to that host |
//! | `udp://*:5555` | datagrams to every interface | |
//! | `udp://239.0.0.1:5555`, `udp://eth0;239.0.0.1:5555`, `udp://eth0;[ff02::1]:5555` | joins that multicast group, on that interface | datagrams to that group, by that interface |
//!
//! An endpoint that cannot be used gives an error that names what is wrong with it:
//!
//! ```
//! use sinew::{Context, Pull};
//!
//! let error = Context::new().socket(Pull).bind("tcp://127.0.0.1").unwrap_err();
//! assert!(error.to_string().contains("no port"));
//! ```
//!
//! # tcp
//!
//! With port 0 or `*` the system picks a free port; `bind` returns the endpoint with the real one,
//! and so does [`endpoint`](crate::Socket::endpoint). It is also what `unbind` wants.
//!
//! Connecting never waits and never fails because the peer is not there: messages queue until it
//! is. Host names are resolved in the background, and every address of theirs is tried. Small
//! messages are not held back (TCP_NODELAY is on).
//!
//! # ipc
//!
//! Unix-domain sockets: the same protocol between processes of one machine, without TCP's cost.
//! Permissions of the file and its folder say who may connect. A file left behind by a program that
//! was killed is replaced; binding one that a living program has is refused. A path has at most 107
//! bytes. Where an endpoint is asked for, a [`Path`](std::path::Path) is one, and a
//! [`SocketAddr`](std::net::SocketAddr) is one of `tcp`.
//!
//! # inproc
//!
//! Threads of one context. Messages move from one socket's memory to the other's: no bytes are
//! encoded, no thread and no kernel is between them. Names belong to the [`Context`](crate::Context);
//! connecting before binding is fine. The high-water mark of such a link is the sum of both sides'.
//!
//! ```
//! use sinew::{Context, Pull, Push};
//!
//! let ctx = Context::new();
//! let push = ctx.socket(Push).connect("inproc://anywhere")?;
//! push.send("early")?;
//! let pull = ctx.socket(Pull).bind("inproc://anywhere")?;
//! assert_eq!(pull.recv()?, "early");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # udp
//!
//! For RADIO, DISH and DGRAM alone: one message, one datagram, without connections, and to many at once where the
//! host is a multicast group. See [`client_server`](super::client_server#over-udp-radio-dish-and-dgram).
//!
//! # Who is at the other end
//!
//! A connection begins with a greeting and a handshake ([RFC 37](https://rfc.zeromq.org/spec/37/)),
//! in which both sides say which pattern they play. A PUSH that finds a SUB at the other end closes
//! the connection, and the [monitor](crate::Socket::monitor) says why. Peers that speak ZMTP 3.0 or
//! 3.1 are accepted; older ones are refused. How peers prove who they are, and how
//! what they say is encrypted, is on the page about [networks that you do not trust](super::untrusted).
