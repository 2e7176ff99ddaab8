//! Settings and limits.
//!
//! Every setting is a method of [`SocketBuilder`](crate::SocketBuilder), with its unit and default
//! in its text. Times are [`Duration`](std::time::Duration)s; where "for ever" or "off" makes sense,
//! it is `None`. The defaults are libzmq's, except where those are a trap.
//!
//! ```
//! use sinew::{Context, Push};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let push = ctx
//!     .socket(Push)
//!     .send_hwm(10_000)
//!     .linger(Duration::from_secs(5))
//!     .heartbeat_interval(Duration::from_secs(10))
//!     .connect("tcp://127.0.0.1:5555")?;
//! # push.disconnect("tcp://127.0.0.1:5555")?;
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Changing one's mind
//!
//! All settings but two (`conflate`, and XPUB's `manual`) can be changed while the socket lives, and read back:
//!
//! ```
//! use sinew::{Context, Pull};
//! use std::time::Duration;
//!
//! let pull = Context::new().socket(Pull).bind("tcp://127.0.0.1:*")?;
//! pull.set_options(|now| now.recv_hwm(10).heartbeat_interval(Duration::from_secs(5)))?;
//! assert_eq!(pull.options().recv_hwm, 10);
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! [`set_options`](crate::Socket::set_options) has the table of what counts at once, and what for
//! peers to come.
//!
//! # Queues have limits
//!
//! Every peer has a queue on either side, and every queue a high-water mark: `send_hwm` and
//! `recv_hwm` in messages (default 1000, as in libzmq), `send_hwm_bytes` and `recv_hwm_bytes` in
//! bytes; zero means none. At the mark PUSH, REQ, DEALER and PAIR wait, and PUB and ROUTER drop; once a mark was reached,
//! there is room again when half of the queue has gone. A receiver at its mark stops reading that
//! connection, so that its peer's queue fills in turn.
//!
//! Between two processes a message may thus wait in four places: the sender's queue, the kernel's
//! two buffers, and the receiver's queue. A mark of 10 does not mean that the eleventh message
//! waits; it means that memory is bounded.
//!
//! ```
//! use sinew::{Context, Push, SendErrorKind};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let push = ctx
//!     .socket(Push)
//!     .send_hwm(2)
//!     .linger(Duration::ZERO)
//!     .connect("inproc://nobody-yet")?;
//! push.send("one")?;
//! push.send("two")?;
//! let error = push.try_send("three").unwrap_err();
//! assert_eq!(error.kind(), SendErrorKind::WouldBlock);
//! assert_eq!(error.into_message(), "three");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Only what is new
//!
//! Of prices, positions and states it is often only the last that is wanted. With `conflate` a message
//! replaces the one that waits: the only one ([`Conflate::Last`](crate::Conflate::Last)), or that with the same
//! first frame, such as a topic ([`Conflate::ByFirstFrame`](crate::Conflate::ByFirstFrame)). Such a queue is never full, so that a
//! slow receiver costs the sender neither time nor memory, and gets what is true when it looks:
//!
//! ```
//! use sinew::{Conflate, Context, Pub, Sub};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let prices = ctx.socket(Pub).conflate(Conflate::ByFirstFrame).bind("inproc://new prices")?;
//! let slow = ctx.socket(Sub).subscribe("").connect("inproc://new prices")?;
//! prices.wait_for_subscribers("", 1, Duration::from_secs(60))?;
//! for price in 0..1000 {
//!     prices.send(["gold", &price.to_string()])?;
//! }
//! assert_eq!(slow.recv()?, ["gold", "999"]);
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Peers that are silent
//!
//! A connection whose other machine lost its power looks alive to TCP for a long time. With
//! `heartbeat_interval` the socket sends a PING when it is due; a peer from which nothing comes
//! within `heartbeat_timeout` after that (by default the interval, and three seconds at least) loses its connection, which is
//! then made anew.
//! `heartbeat_ttl` asks the peer to do the same to us. PINGs are answered in the background, however
//! busy the program is ([RFC 37](https://rfc.zeromq.org/spec/37/)).
//!
//! Leave them off on a RADIO that libzmq's DISHes connect to, and on those DISHes: libzmq 4.3.5 takes a PING or PONG
//! to a DISH for a broken message, and ends the connection.
//!
//! `handshake_timeout` (30 s) bounds how long a new connection may take to say who it is.
//!
//! # Peers that are hostile
//!
//! `max_message_size` is checked on a frame's header, before any of it is stored; a peer that sends
//! more loses its connection. It is off by default, as in libzmq: set it on every socket that
//! strangers can reach. Without it, too, memory grows with the bytes that have arrived, never with
//! a length that a peer has only declared. Set `recv_hwm_bytes` with it: it bounds what one peer
//! can make this process hold. [`untrusted`](crate::guide::untrusted) has the table of all bounds.
//!
//! # Speed
//!
//! The defaults are the fast ones. `busy_poll` lets a blocked call spin so long before it sleeps,
//! which saves the wake-up of some ten microseconds and costs a processor meanwhile. Leave
//! `send_buffer` and `recv_buffer` alone: the kernel tunes them as it goes, until they are set.
