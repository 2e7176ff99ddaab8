//! PUSH and PULL: work shared out, results collected ([RFC 30](https://rfc.zeromq.org/spec/30/)).
//!
//! ```text
//!   ventilator: PUSH ----+----> PULL worker PUSH ----+----> PULL: sink
//!                        +----> PULL worker PUSH ----+
//!                        +----> PULL worker PUSH ----+
//! ```
//!
//! A [`Push`](crate::Push) socket sends each message to *one* of its peers, in turn. A
//! [`Pull`](crate::Pull) socket receives from all of its peers, and takes care that a busy one does
//! not keep the others waiting. Messages flow one way.
//!
//! ```
//! use sinew::{Context, Pull, Push};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let work = ctx.socket(Push).bind("inproc://work")?;
//! let results = ctx.socket(Pull).bind("inproc://results")?;
//!
//! for _ in 0..2 {
//!     let work = ctx.socket(Pull).connect("inproc://work")?;
//!     let results = ctx.socket(Push).connect("inproc://results")?;
//!     thread::spawn(move || -> sinew::Result<()> {
//!         // Ends when the context is closed.
//!         for text in &work {
//!             results.send(text.byte_len().to_string())?;
//!         }
//!         Ok(())
//!     });
//! }
//!
//! for text in ["a", "bc", "def"] {
//!     work.send(text)?;
//! }
//! let mut sum = 0;
//! for _ in 0..3 {
//!     sum += results.recv()?.to_str()?.parse::<u32>()?;
//! }
//! assert_eq!(sum, 6);
//! ctx.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who gets which message
//!
//! PUSH deals messages out in turn to the peers that have room. It does not know how long each one
//! takes over them: a peer that is slow fills its queue, then gets no more until it has caught up,
//! and the others get its share.
//!
//! So short tasks may wait behind long ones. Shorter queues (`send_hwm` here, `recv_hwm` there) help
//! over `inproc`, where they are all there is. Over `tcp` and `ipc` the kernel's buffers lie between
//! them, and hold some hundred kilobytes to several megabytes in each direction: thousands of small
//! tasks, whatever the marks say. Where it matters that no task waits while a worker is idle, have the
//! workers ask for work, with REQ and REP. Each then has one task at a time, and the result travels
//! with the next request:
//!
//! ```
//! use sinew::{Context, Rep, Req};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let desk = ctx.socket(Rep).bind("tcp://127.0.0.1:*")?;
//! let workers: Vec<_> = (0..3)
//!     .map(|_| {
//!         let worker = ctx.socket(Req).connect(desk.endpoint()?)?;
//!         Ok(thread::spawn(move || -> sinew::Result<()> {
//!             worker.send("")?;
//!             loop {
//!                 let task = worker.recv()?;
//!                 match task.to_str()? {
//!                     "" => return Ok(()),
//!                     text => worker.send(text.len().to_string())?,
//!                 }
//!             }
//!         }))
//!     })
//!     .collect::<sinew::Result<_>>()?;
//!
//! let mut tasks = ["short", "a very long task", "medium"].into_iter();
//! let (mut sum, mut at_work) = (0, workers.len());
//! while at_work > 0 {
//!     // An empty request is a worker's first; the others bring a result.
//!     sum += desk.recv()?.to_str()?.parse().unwrap_or(0);
//!     let task = tasks.next().unwrap_or_default();
//!     at_work -= usize::from(task.is_empty());
//!     desk.send(task)?;
//! }
//! assert_eq!(sum, 27);
//! for worker in workers {
//!     worker.join().unwrap()?;
//! }
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! A peer that connects late gets its share from then on. To let all workers in before the work
//! begins, have them say so first.
//!
//! # When no peer has room
//!
//! `send` waits, `send_timeout` waits so long, `try_send` does not; both give the message back with
//! the error. PUSH never drops. A peer counts as soon as `connect` named it, even while it is not
//! there: messages queue for it, up to `send_hwm`. A socket that has bound has no peers until one
//! comes. With `immediate`, only connected peers count on both sides.
//!
//! Many small messages go faster in one call: [`send_many`](crate::Socket::send_many) and
//! [`recv_many`](crate::Socket::recv_many).
//!
//! ```
//! use sinew::{Context, Message, Pull, Push};
//!
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).bind("inproc://batches")?;
//! let push = ctx.socket(Push).connect("inproc://batches")?;
//!
//! let mut batch: Vec<Message> = (0..100).map(|n| Message::from(n.to_string())).collect();
//! push.send_many(&mut batch)?;
//!
//! let mut received = Vec::new();
//! while received.len() < 100 {
//!     pull.recv_many(&mut received, 32)?;
//! }
//! assert_eq!(received[99], "99");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a peer dies
//!
//! Messages are delivered once or, if the peer that was to get them dies, not at all. What it had
//! not yet handled is gone with it: what lay in its queue, in the kernel, and, if it had connected
//! to a bound PUSH, what was queued for it there. A PUSH that had itself connected keeps its queue
//! for the peer's return.
//!
//! Where that matters, acknowledge: the example `pipeline` has its sink tell the ventilator what
//! was counted, and the ventilator sends again what was not acknowledged for a while. That is forty
//! lines, and gives the right sum whatever happens to the workers.
