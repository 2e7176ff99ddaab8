//! ROUTER: many peers behind one address, each known by name
//! ([RFC 28](https://rfc.zeromq.org/spec/28/)); and STREAM, the same for programs that speak no ZeroMQ.
//!
//! A [`Router`](crate::Router) socket knows each of its peers by a **routing id**. The first frame of each
//! message that it receives is the id of the sender; the first frame of each message that it sends is
//! the id of the peer that shall get it, which gets what is behind it. Its peers are REQ, DEALER and
//! ROUTER sockets.
//!
//! ```
//! use sinew::{Context, Dealer, Router};
//!
//! let ctx = Context::new();
//! let server = ctx.socket(Router).bind("tcp://127.0.0.1:*")?;
//! let anna = ctx.socket(Dealer).routing_id("anna").connect(server.endpoint()?)?;
//! let otto = ctx.socket(Dealer).connect(server.endpoint()?)?;
//! anna.send("from anna")?;
//! otto.send("from otto")?;
//!
//! // In any order, and answered in any other.
//! let mut requests = vec![server.recv()?.split_id(), server.recv()?.split_id()];
//! requests.sort_by_key(|(_, request)| request.to_string());
//! let (id, request) = requests.remove(0);
//! assert_eq!((&*id, request), (&b"anna"[..], "from anna".into()));
//! server.send(["anna", "for", "anna"])?;
//! // One that announces no id has one made up: a zero byte, and four more.
//! let (id, _) = requests.remove(0);
//! assert_eq!((id.len(), id[0]), (5, 0));
//! server.send(sinew::Message::from("for otto").routed_to(id))?;
//!
//! assert_eq!(anna.recv()?, ["for", "anna"]);
//! assert_eq!(otto.recv()?, "for otto");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! [`Message::split_id`](crate::Message::split_id) takes the id off, and
//! [`Message::routed_to`](crate::Message::routed_to) puts one before a message. A REQ puts an empty frame
//! before its request and wants it back: leave it where it is, `id`, `""`, reply.
//!
//! # Ids
//!
//! - A peer announces its id with [`routing_id`](crate::SocketBuilder::routing_id): 1 to 255 bytes, not
//!   starting with zero. The same program that comes back with the same id is the same peer.
//! - A made-up id is good for as long as the connection; where this side connected, for as long as that
//!   `connect`.
//! - [`connect_with_id`](crate::Socket::connect_with_id) gives the peer that it leads to an id of your
//!   own choice. Messages for it can be sent, and wait, before it is there.
//!
//! Two peers may not have the same id. The second is **refused**: its connection is closed, the monitor
//! is told by [`PeerRefused`](crate::EventKind::PeerRefused) with
//! [`RoutingIdTaken`](crate::PeerRefusal::RoutingIdTaken), and the first notices nothing. (libzmq leaves
//! it connected and never reads it.) The refused peer tries again, with growing pauses, until the id is
//! free. A peer that comes back before it was noticed that it had gone is refused until then: heartbeats
//! shorten that, and [`handover`](crate::Options::handover) has the new connection take the place of the
//! old one at once.
//!
//! # A message that cannot be routed
//!
//! If no peer has the id, or the queue to it is full, the message is dropped and counted in
//! [`Stats::dropped`](crate::Stats::dropped): a server that answers thousands of clients does not wait for
//! the one that has gone. With [`mandatory`](crate::Options::mandatory) both are told instead:
//!
//! ```
//! use sinew::{Context, Router, SendErrorKind};
//!
//! let server = Context::new().socket(Router).mandatory(true).bind("tcp://127.0.0.1:*")?;
//! let error = server.send(["nobody", "hello"]).unwrap_err();
//! assert_eq!(error.kind(), SendErrorKind::Unroutable);
//! let message = error.into_message();
//! # assert_eq!(message, ["nobody", "hello"]);
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! While the peer's queue is full, `send` then waits, `send_timeout` fails with `TimedOut` and `try_send` with
//! `WouldBlock`; a peer that goes while a `send` waits for it makes that fail with `Unroutable`.
//!
//! # Who speaks first
//!
//! A ROUTER can send to a peer that connected to it as soon as that is there, but has to know its id, which
//! a message tells. With [`probe_router`](crate::Options::probe_router) a DEALER, REQ or ROUTER sends an empty
//! message to each new peer for that; the ROUTER receives the id with an empty frame behind it.
//!
//! Two ROUTERs can talk when each knows how the other is called: by `routing_id` on both, or by
//! `connect_with_id`.
//!
//! # STREAM
//!
//! A [`Stream`](crate::Stream) socket has peers that speak bare TCP: web servers, telnet, devices. What a
//! peer sends comes in pieces, cut where the network cut them, each behind the peer's routing id. What
//! is sent behind an id goes to that peer as it is. A piece without bytes tells that the peer has come,
//! or has gone; an empty frame that is sent ends the connection, once everything before it is sent.
//!
//! ```
//! use sinew::{Context, Message, Stream};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! let server = Context::new().socket(Stream).bind("tcp://127.0.0.1:*")?;
//! let mut client = TcpStream::connect(server.endpoint()?.socket_addr().unwrap())?;
//! client.write_all(b"time?\n")?;
//!
//! let (id, nothing) = server.recv()?.split_id();
//! assert_eq!(nothing, "", "the client is there");
//! let mut line = Vec::new();
//! while !line.ends_with(b"\n") {
//!     let (from, piece) = server.recv()?.split_id();
//!     assert_eq!(from, id);
//!     line.extend_from_slice(piece.as_bytes()?);
//! }
//! server.send(Message::from("noon\n").routed_to(id.clone()))?;
//! server.send(Message::from("").routed_to(id))?;
//!
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert_eq!(answer, "noon\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`connect_peer`](crate::Socket::connect_peer) connects and says by which id the peer is known;
//! [`connect_with_id`](crate::Socket::connect_with_id) has you choose it. A connection that is lost is made
//! again, under the same id, and what had been queued for it is dropped and counted: the middle of
//! a stream is nothing to begin another with. To a peer that is not there `send` fails with `Unroutable`; for one whose
//! queue is full it waits. `tcp` and `ipc` only; there is no handshake, and so no handshake time-out and no
//! heartbeat, and `max_message_size` means nothing.
