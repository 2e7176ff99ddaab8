//! REQ and REP: questions and answers ([RFC 28](https://rfc.zeromq.org/spec/28/)).
//!
//! A [`Req`](crate::Req) socket sends a request to one of its peers, in turn, and receives that
//! peer's reply. A [`Rep`](crate::Rep) socket receives requests from all of its peers, fairly, and
//! sends each reply to the one who asked.
//!
//! ```
//! use sinew::{Context, Rep, Req};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let server = ctx.socket(Rep).bind("tcp://127.0.0.1:0")?;
//! let client = ctx.socket(Req).connect(server.endpoint()?)?;
//! thread::spawn(move || -> sinew::Result<()> {
//!     // Ends when the context is closed.
//!     for request in &server {
//!         server.send(request.to_str()?.to_uppercase())?;
//!     }
//!     Ok(())
//! });
//!
//! client.send("hello")?;
//! assert_eq!(client.recv()?, "HELLO");
//! ctx.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Taking turns
//!
//! REQ sends, then receives, then sends; REP receives, then sends, then receives. A call out of
//! turn is an error that says so, and changes nothing:
//!
//! ```
//! use sinew::{Context, RecvError, Rep, Req, SendErrorKind};
//!
//! let ctx = Context::new();
//! let server = ctx.socket(Rep).bind("inproc://turns")?;
//! let client = ctx.socket(Req).connect("inproc://turns")?;
//!
//! assert_eq!(client.recv().unwrap_err(), RecvError::MustSendFirst);
//! client.send("first")?;
//! let error = client.send("second").unwrap_err();
//! assert_eq!(error.kind(), SendErrorKind::MustReceiveFirst);
//! assert_eq!(error.into_message(), "second");
//!
//! assert_eq!(server.recv()?, "first");
//! server.send("reply")?;
//! assert_eq!(client.recv()?, "reply");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! So a server answers every request, also one that it does not understand: with an error of the
//! application's, in a frame that says so. One that returns instead, as the `?` behind `to_str` above
//! does, can be ended by any client with a request that is no text.
//!
//! # A server that dies
//!
//! While a client waits and the peer that it asked goes away, `recv` returns
//! [`PeerGone`](crate::RecvError::PeerGone): no reply can come any more. The socket may send again
//! at once, to another peer or to the same one when it is back; it reconnects by itself. Whether
//! the request was carried out cannot be known: make requests that may be repeated, or number them.
//!
//! A request that is not yet on its way, because no peer is there, waits in the queue.
//!
//! # A server that is slow
//!
//! A time-out leaves the turn as it is: the reply may still come. To give it up and ask again, use
//! `relaxed`, and with it `correlate`, which numbers the requests so that a late reply is not taken
//! for the answer to a later question:
//!
//! ```
//! use sinew::{Context, RecvError, Rep, Req};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let server = ctx.socket(Rep).bind("inproc://slow")?;
//! let client = ctx.socket(Req).relaxed(true).correlate(true).connect("inproc://slow")?;
//!
//! client.send("first try")?;
//! let error = client.recv_timeout(Duration::from_millis(10)).unwrap_err();
//! assert_eq!(error, RecvError::TimedOut);
//! client.send("second try")?;
//!
//! // The server answers both; the client takes only the reply to its last request.
//! for reply in ["to the first", "to the second"] {
//!     server.recv()?;
//!     server.send(reply)?;
//! }
//! assert_eq!(client.recv()?, "to the second");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without `correlate` the first message of the peer that was asked is taken for its answer, also one
//! that it sent before the request reached it. A REP sends nothing unasked. A faulty or hostile peer may,
//! and so may a ROUTER whose program answers twice: the client may then be one answer behind for good.
//! Use `correlate` wherever the peer is not a REP of your own. It costs one frame of four bytes, and the
//! peer must give the envelope back whole, as REP does.
//!
//! # On the wire
//!
//! REQ puts an empty frame before the request, and REP gives back everything up to and including
//! the first empty frame before its reply: the envelope. Brokers between the two, with ROUTER and
//! DEALER sockets, add their own frames in front and find them again on the way back, through any
//! number of stages. `correlate` adds one more frame of this kind. Requests without an empty frame
//! are not delivered, and a reply to a peer that has gone is dropped.
//!
//! # Many requests at once
//!
//! A [`Requester`](crate::Requester) is a REQ for programs with many threads: instead of `send` and
//! `recv` it has [`request`](crate::Socket::request), which any number of threads call on clones of one
//! socket. Each gets the reply to its own request, or its own time-out
//! ([`request_timeout`](crate::Socket::request_timeout)), or hears that the peer that it asked is gone.
//!
//! ```
//! use sinew::{Context, Rep, Requester};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let server = ctx.socket(Rep).bind("inproc://clock")?;
//! let client = ctx.socket(Requester).connect("inproc://clock")?;
//! std::thread::spawn(move || -> sinew::Result<()> {
//!     for _question in &server {
//!         server.send("noon")?;
//!     }
//!     Ok(())
//! });
//! let reply = client.request_timeout("what time is it?", Duration::from_secs(10))?;
//! assert_eq!(reply, "noon");
//! # ctx.shutdown();
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! REP handles one request at a time, and two sockets cannot bind one endpoint. To answer several
//! requests at once, give each thread a REP socket with an endpoint of its own, and have the clients
//! connect to all of them: a REQ sends its requests to its peers in turn.
//!
//! ```
//! use sinew::{Context, Rep, Req};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let client = ctx.socket(Req).open()?;
//! for name in ["one", "two"] {
//!     let server = ctx.socket(Rep).bind("tcp://127.0.0.1:*")?;
//!     client.connect(server.endpoint()?)?;
//!     thread::spawn(move || -> sinew::Result<()> {
//!         for _request in &server {
//!             server.send(name)?;
//!         }
//!         Ok(())
//!     });
//! }
//! client.send("who are you?")?;
//! let first = client.recv()?;
//! client.send("who are you?")?;
//! assert_ne!(client.recv()?, first);
//! ctx.shutdown();
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! Or turn it round: the REQ binds, and any number of REP sockets connect to it, in its process or
//! others. A client with one thread that wants several answers at once uses a [DEALER](super::dealer_pair), and a server
//! that answers in any order a [ROUTER](super::router_dealer).
