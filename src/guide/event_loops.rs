//! Event loops: sockets beside tokio, a window system, or a loop of your own.
//!
//! There is no `async` in this version. Two ways lead into a loop: a descriptor that the loop watches,
//! and a thread that hands messages over.
//!
//! # A loop that waits for descriptors
//!
//! [`readiness`](crate::Socket::readiness) gives a descriptor that is readable while there is news for
//! the socket: for epoll, kqueue, `poll(2)`, tokio's `AsyncFd`, a window system. Whatever the transport,
//! and whether or not another thread is at work on the socket, the loop is woken as soon as there is a
//! message, or room to send again where a send had found none. There is one rule: after each wake-up
//! call what you are waiting to do until it says `WouldBlock`, and only then sleep again.
//!
//! ```
//! use mio::unix::SourceFd; // any poll will do
//! use mio::{Events, Interest, Poll, Token};
//! use sinew::{Context, Dealer, Message};
//! use std::os::fd::AsRawFd;
//!
//! let ctx = Context::new();
//! let echo = ctx.socket(Dealer).bind("tcp://127.0.0.1:*")?;
//! let asks = ctx.socket(Dealer).connect(echo.endpoint()?)?;
//!
//! let mut poll = Poll::new()?;
//! let sockets = [&echo, &asks];
//! for (number, socket) in sockets.iter().enumerate() {
//!     let readiness = socket.readiness()?;
//!     let mut source = SourceFd(&readiness.as_raw_fd());
//!     poll.registry().register(&mut source, Token(number), Interest::READABLE)?;
//! }
//!
//! let mut to_send: Vec<Message> = (0..100).map(|n: u32| n.to_be_bytes().into()).collect();
//! let mut answers = 0;
//! let mut events = Events::with_capacity(16);
//! while answers < 100 {
//!     // Both, for either may be what the last wake-up was for.
//!     asks.try_send_many(&mut to_send)?;
//!     while asks.try_recv().is_ok() {
//!         answers += 1;
//!     }
//!     while let Ok(question) = echo.try_recv() {
//!         echo.try_send(question)?; // a peer that asks too much is not answered here
//!     }
//!     if answers < 100 {
//!         poll.poll(&mut events, None)?;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In a tokio program the descriptor goes into an `AsyncFd`:
//!
//! ```text
//! let ready = AsyncFd::with_interest(socket.readiness()?, Interest::READABLE)?;
//! let message = loop {
//!     let mut guard = ready.readable().await?;   // before the try, so that nothing is missed
//!     match socket.try_recv() {
//!         Err(error) if error.is_would_block() => guard.clear_ready(),
//!         outcome => break outcome?,
//!     }
//! };
//! ```
//!
//! # A thread that hands over
//!
//! A loop that cannot watch descriptors, or should not be bothered with each message, gets them from a
//! thread that receives and hands over through the loop's own channel:
//!
//! ```
//! use sinew::{Context, Message, Pull, Push};
//! use std::sync::mpsc;
//! use std::thread;
//!
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).bind("inproc://jobs")?;
//!
//! // In a tokio program: `tokio::sync::mpsc::channel(100)`, and `blocking_send` in the thread.
//! let (to_loop, from_thread) = mpsc::sync_channel::<Message>(100);
//! let bridge = thread::spawn(move || {
//!     // Ends when the context is closed, or the loop is gone.
//!     for message in &pull {
//!         if to_loop.send(message).is_err() {
//!             break;
//!         }
//!     }
//! });
//!
//! ctx.socket(Push).connect("inproc://jobs")?.send("job")?;
//! // In a tokio task: `from_thread.recv().await`.
//! assert_eq!(from_thread.recv().unwrap(), "job");
//!
//! ctx.shutdown();
//! bridge.join().unwrap();
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! The channel is bounded, so that a loop that is behind is felt by the peers: the thread waits, the
//! socket's queue fills, and the connection is no longer read.
//!
//! Sending is the easy direction. [`try_send`](crate::Socket::try_send) never waits for room, and may
//! be called from a task; where it says [`is_would_block`](crate::SendError::is_would_block), the
//! message comes back. A publisher's `send` does not wait at all, unless `no_drop` is set. For
//! everything else, a thread that takes from a channel and sends is the mirror of the one above.
//!
//! # The trap: a receive that is given up
//!
//! `tokio::time::timeout(time, spawn_blocking(move || socket.recv()))` gives up *waiting for the
//! thread*; it does not end the thread's `recv`. That goes on, takes the next message, and drops it; and
//! the runtime waits for it at its end, for ever if no message comes. The time belongs into the call:
//!
//! ```
//! use sinew::{Context, Pull};
//! use std::thread;
//! use std::time::Duration;
//!
//! let pull = Context::new().socket(Pull).bind("inproc://quiet")?;
//! // In a tokio program: `tokio::task::spawn_blocking`.
//! let outcome = thread::spawn(move || pull.recv_timeout(Duration::from_millis(10))).join().unwrap();
//! assert!(outcome.unwrap_err().is_timeout());
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! What ends a `recv` without a time-out is closing: another handle's
//! [`close`](crate::Socket::close), or [`Context::shutdown`](crate::Context::shutdown).
//!
//! # Several sockets in one place
//!
//! [`Poller`](crate::Poller) waits for any number of them, and for descriptors of yours: see
//! [several sockets](super::several_sockets).
//!
//! # Ctrl-C
//!
//! A handler of your choice (the `ctrlc` crate, `signal-hook`, tokio's `ctrl_c`) calls
//! [`Context::shutdown`](crate::Context::shutdown) on a clone of the context: blocked calls return
//! `Closed`, and loops over sockets end. `main` then calls [`Context::close`](crate::Context::close),
//! which waits for what was sent, at most as long as linger says, and reports what did not arrive. Not
//! the handler: `main` may return while it waits, and the program with it.
