//! From the first socket to the last: contexts, threads, closing, and what happens in between.
//!
//! # Contexts and threads
//!
//! A [`Context`](crate::Context) holds sockets together: `inproc` names are its own, and its
//! background threads, the reactor, serve all of its sockets. One for a program is enough. Clones
//! are the same context. Threads start with the first socket that needs them.
//!
//! Sockets are `Send + Sync`, their methods take `&self`, and clones are handles to the same
//! socket. Two threads that receive from one socket share its messages out.
//!
//! # Away and back
//!
//! Connecting does not wait. While the peer is away, messages queue up to the high-water mark, and
//! the connection is tried again: after `reconnect_interval` (100 ms), doubling up to
//! `reconnect_interval_max` (2 s), each pause a little longer at random so that a thousand clients
//! do not return in step; for ever, unless `reconnect_attempts` says otherwise. SUB sockets make
//! their subscriptions again.
//!
//! When a connection breaks, the side that had connected keeps what it had queued, for the peer's
//! return; the side that had bound discards it, for it cannot know who will come. A message that
//! was half-way is not delivered in part.
//!
//! # Closing and lingering
//!
//! `send` returns when the socket has accepted a message, not when the peer has it. So closing
//! waits until the peers have taken what was accepted, at most as long as `linger` says: 30 s by
//! default, `None` for ever, zero not at all. [`close`](crate::Socket::close) tells how many
//! messages are not known to have [reached a peer's system](crate::CloseReport::undelivered):
//!
//! ```
//! use sinew::{Context, Push};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let push = ctx
//!     .socket(Push)
//!     .linger(Duration::from_millis(10))
//!     .connect("inproc://nobody")?;
//! push.send("to nobody")?;
//! assert_eq!(push.close().undelivered, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Zero means that all have, not that the peers' programs have read them: what a peer had
//! in its queue when it died, only an answer of its own would have told.
//!
//! Dropping the last handle of a socket lingers too, but has no way to report. At the end of a
//! program, close the sockets whose messages matter, or all at once with
//! [`Context::close`](crate::Context::close), which waits for all of them and reports the sum.
//!
//! Closing wakes the threads that are blocked in calls on the socket, and their calls return
//! `Closed`. [`Context::shutdown`](crate::Context::shutdown) does so for all sockets of the context
//! and does not wait for linger, which is how threads that serve are told to stop.
//!
//! A request of a REQ whose REP was closed with it, by the same `Context::close`, has nobody to go to and
//! is waited for as long as `linger` says, then counted. Give such sockets a short linger.
//!
//! Threads that serve:
//!
//! ```
//! use sinew::{Context, Pull, RecvError};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:0")?;
//! let server = thread::spawn(move || loop {
//!     match pull.recv() {
//!         Ok(message) => println!("{message:?}"),
//!         Err(error) => return error,
//!     }
//! });
//! ctx.shutdown();
//! assert_eq!(server.join().unwrap(), RecvError::Closed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Watching
//!
//! [`monitor`](crate::Socket::monitor) gives a stream of what happens to a socket's connections:
//! listening, accepted, connected, handshake done or failed and why, disconnected, retried.
//! [`stats`](crate::Socket::stats) counts messages sent, received and dropped. With the crate's
//! feature `log`, the same events go to the `log` facade.
//!
//! # Forking
//!
//! A child made with `fork` has the parent's sockets but not its threads. Do not use them there:
//! make a new context after `exec`, or in the child.
