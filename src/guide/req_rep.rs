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
//! let endpoint = server.last_endpoint().ok_or("not bound")?.to_string();
//! thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     // Ends with an error when the context is closed.
//!     loop {
//!         let request = server.recv()?;
//!         server.send(request.to_str()?.to_uppercase())?;
//!     }
//! });
//!
//! let client = ctx.socket(Req).connect(&endpoint)?;
//! client.send("hello")?;
//! assert_eq!(client.recv()?, "HELLO");
//! ctx.close();
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
//! # A server that dies
//!
//! While a client waits and the peer that it asked goes away, `recv` returns
//! [`PeerGone`](crate::RecvError::PeerGone): no reply can come any more. The socket may send again
//! at once, to another peer or to the same one when it is back; it reconnects by itself. Whether
//! the request was carried out nobody can tell: make requests that may be repeated, or number them.
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
//! # On the wire
//!
//! REQ puts an empty frame before the request, and REP gives back everything up to and including
//! the first empty frame before its reply: the envelope. Brokers between the two, with ROUTER and
//! DEALER sockets, add their own frames in front and find them again on the way back, through any
//! number of stages. `correlate` adds one more frame of this kind. Requests without an empty frame
//! are not delivered, and a reply to a peer that has gone is dropped.
//!
//! REP handles one request at a time. For many at once, use several REP sockets, for instance one
//! in each thread.
