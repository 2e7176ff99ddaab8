//! Coming from channels: `std::sync::mpsc` and crossbeam beside sinew.
//!
//! A PUSH socket is a sender and a PULL socket a receiver, except that the other end may be in
//! another process or on another machine, may not be there yet, and may go and come back. Within one
//! process, `inproc` is the transport that is like a channel. This is a channel:
//!
//! ```
//! use std::sync::mpsc;
//! use std::thread;
//!
//! let (sender, receiver) = mpsc::sync_channel(1000);
//! thread::spawn(move || sender.send("hello".to_string()));
//! for text in receiver {
//!     println!("{text}");
//! }
//! ```
//!
//! And this is the same with sockets:
//!
//! ```
//! use sinew::{Context, Pull, Push};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let receiver = ctx.socket(Pull).bind("inproc://texts")?;
//! let sender = ctx.socket(Push).connect("inproc://texts")?;
//! thread::spawn(move || sender.send("hello"));
//! for text in &receiver {
//!     println!("{}", text.to_str()?);
//!     // A socket does not end when its peers go: others may come.
//!     break;
//! }
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! | A channel | A socket |
//! |---|---|
//! | `sender.clone()` | a clone, the same socket; or another PUSH that connects |
//! | `try_recv`, `recv_timeout`, `recv_deadline` | the same |
//! | `for value in &receiver`, `try_iter` | the same, until the socket or its context is closed |
//! | bounded by its capacity | bounded by both ends' high-water marks, 1000 messages each, and by bytes |
//! | values of any type, moved | bytes in frames; a `Vec<u8>` or `Bytes` is moved within the process, not copied |
//! | `Err(SendError(value))` when the receiver is gone | messages queue for its return; [`SendError`](crate::SendError) gives the message back when the socket was closed |
//! | the iterator ends when all senders are gone | it does not: send a message that means "the end", or close |
//! | `select!` | a thread for each socket, or one PULL that all senders connect to |
//! | broadcast | PUB and SUB |
//! | a reply channel inside the message | REQ and REP |
//!
//! # Which to take
//!
//! Between threads of one program, for values that are never to leave it, a channel is simpler and
//! faster. Take sockets when an end may move into another process, when a pattern does what you would
//! build otherwise (sharing work out fairly, subscriptions, replies), or when both are wanted at once:
//! one PULL may bind `inproc` and `tcp` and receive from both.
//!
//! ```
//! use sinew::{Context, Pull, Push};
//!
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).bind("inproc://jobs")?;
//! let outside = pull.bind("tcp://127.0.0.1:*")?;
//!
//! let here = ctx.socket(Push).connect("inproc://jobs")?;
//! let there = Context::new().socket(Push).connect(outside)?;
//! here.send("from a thread")?;
//! there.send("from anywhere")?;
//! let (one, two) = (pull.recv()?, pull.recv()?);
//! assert_ne!(one, two);
//! # Ok::<(), sinew::Error>(())
//! ```
