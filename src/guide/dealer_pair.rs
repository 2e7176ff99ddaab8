//! DEALER and PAIR: messages both ways, in any order ([RFC 28](https://rfc.zeromq.org/spec/28/),
//! [RFC 31](https://rfc.zeromq.org/spec/31/)).
//!
//! A [`Dealer`](crate::Dealer) socket sends each message to *one* of its peers, in turn, as PUSH
//! does, and receives from all of them, fairly, as PULL does. It need not take turns: it is a REQ
//! that may have many requests under way. Its peers are REP, DEALER and ROUTER sockets.
//!
//! ```
//! use sinew::{Context, Dealer, Rep};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let client = ctx.socket(Dealer).bind("inproc://questions")?;
//! for _ in 0..2 {
//!     let server = ctx.socket(Rep).connect("inproc://questions")?;
//!     thread::spawn(move || -> sinew::Result<()> {
//!         // Ends when the context is closed.
//!         for request in &server {
//!             server.send(request.byte_len().to_string())?;
//!         }
//!         Ok(())
//!     });
//! }
//!
//! // A REP wants an empty frame before the request, and puts it before its reply.
//! for request in ["a", "bc", "def", "ghij"] {
//!     client.send(["", request])?;
//! }
//! let mut sum = 0;
//! for _ in 0..4 {
//!     let reply = client.recv()?;
//!     sum += reply.get_str(1)?.parse::<u32>()?;
//! }
//! assert_eq!(sum, 10);
//! ctx.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Messages pass unchanged both ways: the frames before an empty one, which REQ and REP keep to
//! themselves, are yours to write and to read. Replies come in the order in which they are ready;
//! put a number into the request to know which is which, and a time-out of your own behind it:
//! a request to a peer that dies before it answers is not reported.
//!
//! DEALER never drops. Without a peer that has room, `send` waits. `routing_id` is the name by which
//! a ROUTER peer knows it.
//!
//! # PAIR
//!
//! A [`Pair`](crate::Pair) socket has one peer, another PAIR, and both send and receive when they
//! like: a two-way channel, between two threads or two hosts.
//!
//! ```
//! use sinew::{Context, Pair};
//!
//! let ctx = Context::new();
//! let one = ctx.socket(Pair).bind("inproc://line")?;
//! let other = ctx.socket(Pair).connect("inproc://line")?;
//! one.send("first")?;
//! one.send("second")?;
//! other.send("meanwhile")?;
//! assert_eq!(other.recv()?, "first");
//! assert_eq!(one.recv()?, "meanwhile");
//! assert_eq!(other.recv()?, "second");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without its peer, or while that has no room, `send` waits. What `connect` named has the place
//! of the peer from then on, there or not; where only `bind` was called, the first to come gets it.
//! Any other peer is refused: its connection is closed, and
//! [`PeerRefused`](crate::EventKind::PeerRefused) tells the monitor. On the side of the refused one
//! a connection was made and lost again: it tries again, with growing pauses, until the place is
//! free, and what it had written to such a connection over `tcp` or `ipc` is lost with it.
//!
//! When the peer goes, the place is free at once, and what the peer had sent can still be received
//! before anything that its successor sends.
