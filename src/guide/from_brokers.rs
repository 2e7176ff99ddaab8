//! Coming from RabbitMQ, ActiveMQ or ZeroMQ: what a broker's words are here, and which are not offered.
//!
//! A broker is a program in the middle: it takes messages, keeps them, and hands them out. Here nothing is
//! in the middle. The queue is in the two programs themselves: what was sent waits in the sender's socket
//! until the receiver's takes it. That saves a program to run and a hop on the way. It also means that a
//! message is lost with the process that holds it: **nothing is written to a disk**.
//!
//! | RabbitMQ | ActiveMQ, JMS | ZeroMQ | Here |
//! |---|---|---|---|
//! | broker | broker | (none) | none; a [proxy](super::xpub_xsub#a-proxy) where one address is wanted |
//! | connection, channel | connection, session | socket | a [`Socket`](crate::Socket): shared by threads, it connects again by itself |
//! | producer, publisher | producer | PUSH, PUB | [`Push`](crate::Push) or [`Pub`](crate::Pub) |
//! | consumer | consumer | PULL, SUB | [`Pull`](crate::Pull) or [`Sub`](crate::Sub) |
//! | queue, and its name | queue | endpoint | an [endpoint](super::transports); [the queues](super::options) are at both ends |
//! | direct exchange | queue | ROUTER, or a topic | [a name, or a topic](#exchanges-and-bindings) |
//! | fan-out exchange | topic | PUB | [PUB, and the empty subscription](#exchanges-and-bindings) |
//! | topic exchange | wildcards | PUB | [PUB, and prefixes](#exchanges-and-bindings) |
//! | headers exchange | selectors | (none) | not offered; [the consumer chooses](#exchanges-and-bindings) |
//! | binding | subscription | connect, subscribe | `connect`, and [`subscribe`](crate::Socket::subscribe) |
//! | acknowledgement | acknowledgement | (none) | [a message back](#acknowledgement-and-prefetch) |
//! | prefetch | prefetch limit | high-water mark | [consumers that ask](#acknowledgement-and-prefetch) |
//! | publisher confirm | | (none) | the same message back; [`close`](crate::Socket::close) tells what no peer's system took |
//! | durable, persistent | persistent | (none) | not offered |
//! | message and queue TTL | expiration | (none) | [a frame](#ttl-and-priority) |
//! | priority | priority | (none) | [the receiver's](#ttl-and-priority) |
//! | length limit | memory limit | high-water mark | [`send_hwm`](crate::Options::send_hwm), and in bytes |
//! | exclusive consumer | exclusive consumer | PAIR | [`Pair`](crate::Pair): a second one is refused |
//! | reply-to, correlation id | reply-to, correlation id | REQ, REP | [`Req`](crate::Req), [`Rep`](crate::Rep); [`Dealer`](crate::Dealer), [`Router`](crate::Router) |
//! | consistent-hash exchange | message groups | ROUTER | [`Router`](crate::Router); the sender computes the name |
//! | dead letters | dead letters | (none) | a failed send gives [the message back](crate::SendError); what is dropped by the rules is [counted](crate::Stats::dropped) |
//! | transactions | transactions | (none) | not offered; a message of several frames arrives whole or not at all |
//! | federation, shovel | network of brokers | proxy | a [proxy](super::xpub_xsub#a-proxy) |
//! | management | console | monitor | [`stats`](crate::Socket::stats), [`peers`](crate::Socket::peers), [`monitor`](crate::Socket::monitor) |
//! | users, permissions, virtual hosts | the same | CURVE, PLAIN | keys or passwords of a list; no rights by topic yet: see [`untrusted`](super::untrusted) |
//!
//! # A queue
//!
//! A producer, a consumer, and between them what each of them holds. Either may come first.
//! Several consumers share the messages, in turn; several producers are heard in turn.
//!
//! ```
//! use sinew::{Context, Pull, Push};
//!
//! let ctx = Context::new();
//! let producer = ctx.socket(Push).connect("inproc://jobs")?;
//! producer.send("is there a consumer?")?;
//!
//! let consumer = ctx.socket(Pull).bind("inproc://jobs")?;
//! assert_eq!(consumer.recv()?, "is there a consumer?");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Exchanges and bindings
//!
//! The publisher is the exchange, and a binding is a subscription: a prefix of the first frame.
//!
//! ```
//! use sinew::{Context, Pub, Sub};
//!
//! let ctx = Context::new();
//! let exchange = ctx.socket(Pub).bind("inproc://logs")?;
//!
//! // Fan-out: everything. Direct: one key, with an end of its own, so that "error" is not "errors".
//! let fan_out = ctx.socket(Sub).subscribe("").connect("inproc://logs")?;
//! let direct = ctx.socket(Sub).subscribe("error.").connect("inproc://logs")?;
//! // Topic: a prefix, as "kernel.#" is. For "*.critical" take more, and choose.
//! let topic = ctx.socket(Sub).subscribe("kernel.").connect("inproc://logs")?;
//! let any = ctx.socket(Sub).subscribe("").connect("inproc://logs")?;
//! let mut critical = any.iter().filter(|message| message[0].ends_with(b".critical."));
//! // Headers: the consumer reads them.
//! let all = ctx.socket(Sub).subscribe("").connect("inproc://logs")?;
//! let mut from_here = all.iter().filter(|message| message.get(1) == Some(b"host=here"));
//!
//! for key in ["error.", "errors.", "kernel.critical."] {
//!     exchange.send([key, "host=here", "what happened"])?;
//! }
//! assert_eq!(fan_out.try_iter().count(), 3);
//! assert_eq!(direct.try_iter().count(), 1);
//! assert_eq!(topic.try_iter().count(), 1);
//! assert_eq!(critical.next().unwrap()[0], *b"kernel.critical.");
//! assert_eq!(from_here.next().unwrap()[0], *b"error.");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! What differs: a publisher keeps nothing for a subscriber that is not there. One that was away asks for
//! what it missed (the example `replicate`), or is told the last value of each topic (the example
//! `last_value_cache`).
//!
//! To one consumer by its name, a direct exchange with a queue for each, is a ROUTER:
//!
//! ```
//! use sinew::{Context, Dealer, Router};
//!
//! let ctx = Context::new();
//! let exchange = ctx.socket(Router).bind("inproc://by name")?;
//! let anna = ctx.socket(Dealer).routing_id("anna").connect("inproc://by name")?;
//! exchange.send(["anna", "for you alone"])?;
//! assert_eq!(anna.recv()?, "for you alone");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Acknowledgement and prefetch
//!
//! A socket delivers a message at most once, and does not know whether the consumer has done with it what it
//! should. For "at least once" the consumer says so, and the producer keeps each message until then. The same
//! answer asks for the next one: a consumer that asks twice at first has a prefetch of two.
//!
//! ```
//! use sinew::{Context, Dealer, Message, Router};
//! use std::collections::{BTreeMap, VecDeque};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let queue = ctx.socket(Router).bind("inproc://acknowledged")?;
//! let consumer = ctx.socket(Dealer).connect("inproc://acknowledged")?;
//! thread::spawn(move || -> sinew::Result<()> {
//!     consumer.send("")?;
//!     consumer.send("")?;
//!     for job in &consumer {
//!         // [number, job]; when the work is done, the number goes back.
//!         consumer.send(&job[0])?;
//!     }
//!     Ok(())
//! });
//!
//! let mut waiting = VecDeque::from([("1", "wash"), ("2", "iron"), ("3", "fold")]);
//! let mut not_acknowledged = BTreeMap::new();
//! while !(waiting.is_empty() && not_acknowledged.is_empty()) {
//!     let (consumer, done) = queue.recv()?.split_id();
//!     not_acknowledged.remove(done.to_str()?);
//!     if let Some((number, job)) = waiting.pop_front() {
//!         queue.send(Message::from([number, job]).routed_to(consumer))?;
//!         not_acknowledged.insert(number, job);
//!     }
//! }
//! # ctx.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is left to do is to give a message to another consumer when the one that had it is gone. The example
//! `scheduler` does, and counts each job once though it may be done twice; `pipeline` does it for PUSH and
//! PULL, where the acknowledgements go their own way. With REQ and REP, prefetch is one, and the reply
//! acknowledges: [`req_rep`](super::req_rep), and the example `lazy_pirate`.
//!
//! # TTL and priority
//!
//! The queues of a socket are first in, first out, and forget nothing by time. Both are a frame, which the
//! receiver heeds:
//!
//! ```
//! use sinew::{Context, Frame, Message, Pull, Push};
//! use std::collections::BinaryHeap;
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//!
//! fn since_1970() -> Duration {
//!     SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
//! }
//!
//! let ctx = Context::new();
//! let consumer = ctx.socket(Pull).bind("inproc://with priorities")?;
//! let producer = ctx.socket(Push).connect("inproc://with priorities")?;
//! let good_until = |ttl| (since_1970() + ttl).as_secs().to_be_bytes();
//! producer.send((good_until(Duration::from_secs(3600)), "1", "may wait"))?;
//! producer.send((good_until(Duration::from_secs(3600)), "9", "is urgent"))?;
//! producer.send((0u64.to_be_bytes(), "9", "is too old"))?;
//!
//! let now = since_1970().as_secs().to_be_bytes();
//! let is_good = |message: &Message| message[0] >= now[..];
//! let mut queue: BinaryHeap<[Frame; 2]> = BinaryHeap::new();
//! for message in consumer.try_iter().filter(is_good) {
//!     let [_, priority, body] = <[Frame; 3]>::try_from(message)?;
//!     queue.push([priority, body]);
//! }
//! assert_eq!(queue.pop().unwrap()[1], "is urgent");
//! assert_eq!(queue.pop().unwrap()[1], "may wait");
//! assert!(queue.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A few priorities are as well a socket each, of which the urgent one is asked first.
//!
//! # Durable
//!
//! Not offered. What was accepted and is not yet taken is in the memory of the sender, what was taken and not
//! yet received in that of the receiver. A program that ends in order loses nothing of it:
//! [`linger`](crate::Options::linger) waits until it is delivered, and [`close`](crate::Socket::close) says
//! what was not. A program that is killed loses it. Where that must not be, the producer writes a message
//! down before it sends it, and strikes it out when it is acknowledged; or take a broker: that is what it is
//! for.
