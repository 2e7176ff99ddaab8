//! PUB and SUB: one tells, many listen ([RFC 29](https://rfc.zeromq.org/spec/29/)).
//!
//! A [`Pub`](crate::Pub) socket sends each message to every peer that has subscribed to it. A
//! [`Sub`](crate::Sub) socket receives what it has subscribed to from all of its publishers.
//!
//! ```
//! use sinew::{Context, Pub, Sub};
//!
//! let ctx = Context::new();
//! let publisher = ctx.socket(Pub).bind("inproc://news")?;
//! let subscriber = ctx.socket(Sub).subscribe("weather.").connect("inproc://news")?;
//!
//! publisher.send(["sport.chess", "a draw"])?;
//! publisher.send(["weather.oslo", "rain"])?;
//!
//! let message = subscriber.recv()?;
//! assert_eq!(message.get_str(0)?, "weather.oslo");
//! assert_eq!(message.get_str(1)?, "rain");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Topics
//!
//! A subscription is a prefix of the message's *first frame*, compared byte by byte: `weather.`
//! takes `weather.oslo` and `weather.`, not `weather`. The empty subscription takes everything; a
//! socket that has subscribed to nothing receives nothing. Put the topic into a frame of its own,
//! so that it ends where it ends.
//!
//! A socket may subscribe and unsubscribe at any time, before and after connecting. The same
//! subscription made twice needs two `unsubscribe` to be gone. After a reconnect the subscriptions
//! are made again.
//!
//! Publishers filter: what a subscriber has not asked for is not sent to it. Subscriptions go
//! upstream as SUBSCRIBE and CANCEL commands to peers of ZMTP 3.1, and as the messages that mean
//! the same to peers of 3.0 ([RFC 37](https://rfc.zeromq.org/spec/37/)).
//!
//! # Who comes late
//!
//! PUB sends to those who are there. Over `tcp` and `ipc` a subscriber is there when its connection
//! is up *and its subscription has travelled to the publisher*; what was published before is not
//! kept. What a publisher sends at once after `bind` or `connect` reaches no subscriber.
//!
//! Where the beginning matters, and the publisher knows how many subscribers there will be, it
//! waits for them:
//!
//! ```
//! use sinew::{Context, Pub, Sub};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*")?;
//! let subscriber = ctx.socket(Sub).subscribe("news.").connect(publisher.endpoint()?)?;
//!
//! publisher.wait_for_subscribers("news.", 1, Duration::from_secs(60))?;
//! publisher.send("news.first")?;
//! assert_eq!(subscriber.recv()?, "news.first");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! It is the subscription that is waited for, not the connection, so that nothing published after
//! that is missed. Where the publisher does not know: let the subscriber say that it hears, on another pair of sockets,
//! while the publisher repeats a greeting; or let it ask for the state so far with
//! [REQ](super::req_rep) and use the published messages as changes to it.
//!
//! ```
//! use sinew::{Context, Pub, Pull, Push, RecvError, Sub};
//! use std::{thread, time::Duration};
//!
//! let ctx = Context::new();
//! let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:0")?;
//! let news = publisher.endpoint()?;
//! let ready = ctx.socket(Pull).bind("inproc://ready")?;
//!
//! let subscriber = thread::spawn({
//!     let ctx = ctx.clone();
//!     move || -> sinew::Result<String> {
//!         let subscriber = ctx.socket(Sub).subscribe("").connect(news)?;
//!         subscriber.recv()?;
//!         ctx.socket(Push).connect("inproc://ready")?.send("I hear you")?;
//!         loop {
//!             let message = subscriber.recv()?;
//!             if message != "anybody?" {
//!                 return Ok(message.to_string());
//!             }
//!         }
//!     }
//! });
//!
//! loop {
//!     publisher.send("anybody?")?;
//!     match ready.recv_timeout(Duration::from_millis(10)) {
//!         Err(RecvError::TimedOut) => continue,
//!         heard => break drop(heard?),
//!     }
//! }
//! publisher.send("now it begins")?;
//! assert_eq!(subscriber.join().unwrap()?, "now it begins");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is slow
//!
//! `send` on a PUB does not wait. When a subscriber's queue is at its mark (`send_hwm` messages or
//! `send_hwm_bytes`), it misses this message, all frames of it; the others get it. What was dropped
//! is counted in [`stats`](crate::Socket::stats). A subscriber that must not miss anything numbers
//! the messages, notices a gap, and asks for what is missing.
//!
//! With `no_drop`, `send` waits instead until every matching subscriber has room: nothing is lost,
//! and the slowest one sets the pace for all.
