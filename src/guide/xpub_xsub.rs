//! XPUB and XSUB: PUB and SUB whose subscriptions are messages
//! ([RFC 29](https://rfc.zeromq.org/spec/29/)).
//!
//! An [`Xpub`](crate::Xpub) socket sends as a PUB does, and receives: a message of a byte 1 and the
//! topic when a topic gets its first subscriber, and of a byte 0 and the topic when it loses the last
//! one. An [`Xsub`](crate::Xsub) socket receives as a SUB does, and sends: the same messages, to
//! subscribe and to take that back. Any other message of an XSUB goes to all of its XPUB peers. Each
//! of the two talks to PUB and SUB as well.
//!
//! ```
//! use sinew::{Context, Sub, Xpub};
//!
//! let ctx = Context::new();
//! let publisher = ctx.socket(Xpub).bind("inproc://prices")?;
//! let subscriber = ctx.socket(Sub).subscribe("gold").connect("inproc://prices")?;
//!
//! // Nothing is computed that nobody wants.
//! assert_eq!(publisher.recv()?, "\u{1}gold");
//! publisher.send(["gold", "63.20"])?;
//! assert_eq!(subscriber.recv()?, ["gold", "63.20"]);
//!
//! drop(subscriber);
//! assert_eq!(publisher.recv()?, "\u{0}gold");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # A proxy
//!
//! Between the two, publishers and subscribers need to know only one address: messages go down,
//! subscriptions go up.
//!
//! ```
//! use sinew::{proxy, Context, Pub, Sub, Xpub, Xsub};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let (inner, outer) = ("inproc://publishers", "inproc://subscribers");
//! let frontend = ctx.socket(Xsub).bind(inner)?;
//! let backend = ctx.socket(Xpub).bind(outer)?;
//! let forwarder = thread::spawn(move || proxy(&frontend, &backend));
//!
//! let publisher = ctx.socket(Pub).connect(inner)?;
//! let subscriber = ctx.socket(Sub).subscribe("news.").connect(outer)?;
//! while subscriber.try_recv().is_err() {
//!     publisher.send("news.today")?; // until the subscription has come through
//! }
//! # ctx.shutdown();
//! # forwarder.join().unwrap()?;
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Which subscriptions are received
//!
//! | Setting | A subscription is received | and its end |
//! |---|---|---|
//! | none | if nobody had the topic | if nobody has the topic any more |
//! | [`verbose`](crate::SocketBuilder::verbose) | always | if nobody has the topic any more |
//! | [`verboser`](crate::SocketBuilder::verboser) | always | always |
//! | [`manual`](crate::SocketBuilder::manual) | always, and is not applied | always, and is not applied |
//!
//! A peer that is lost ends all of its subscriptions. A subscription is a message of one frame: one of
//! several frames is the application's, whatever its frames begin with (libzmq looks at each of
//! them, unless ZMQ_ONLY_FIRST_SUBSCRIBE is set). Subscriptions are received before what XSUB peers
//! send; at most 64 in a row while such a message waits.
//!
//! Subscriptions are applied when they come, also while the application does not receive. What it is
//! told of them is bounded: as many notes as [`recv_hwm`](crate::Options::recv_hwm) are kept one by
//! one. Beyond that a change that takes back the last one about its topic, which the application has
//! not yet received, takes that one out instead. So a peer that subscribes and cancels a million times
//! fills nothing; and a program that has received all there is knows which topics are wanted.
//!
//! # Deciding by hand
//!
//! With [`manual`](crate::SocketBuilder::manual) the application answers: what it gives to
//! [`subscribe_peer`](crate::Socket::subscribe_peer) is what the peer of the last message is
//! subscribed to, and what it gives to [`send_to_peer`](crate::Socket::send_to_peer) goes to this peer
//! alone. That makes a cache of last values, which tells one who comes late how things stand:
//!
//! ```
//! use sinew::{Context, Sub, Xpub};
//! use std::collections::HashMap;
//!
//! let ctx = Context::new();
//! let cache = ctx.socket(Xpub).manual(true).bind("inproc://cache")?;
//! let values = HashMap::from([("gold", "63.20"), ("silver", "0.74")]);
//!
//! let late = ctx.socket(Sub).subscribe("gold").connect("inproc://cache")?;
//! let note = cache.recv()?;
//! if let Some((1, topic)) = note.get(0).and_then(|frame| frame.split_first()) {
//!     let topic = std::str::from_utf8(topic)?;
//!     cache.subscribe_peer(topic)?;
//!     if let Some(value) = values.get(topic) {
//!         cache.send_to_peer([topic, value])?;
//!     }
//! }
//! assert_eq!(late.recv()?, ["gold", "63.20"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A peer that subscribed to a prefix of many topics is sent all of their values, as the example
//! `last_value_cache` does. libzmq's way,
//! [`manual_last_value`](crate::SocketBuilder::manual_last_value), is there too: the next message sent after
//! `subscribe_peer` goes to this peer alone, whatever it is. So something must be sent then, or the next news
//! would be for this peer alone.
//!
//! [`welcome_message`](crate::SocketBuilder::welcome_message) is sent to each peer when it comes. It
//! receives that if it subscribed to it, as it does any message.
//!
//! # What is dropped
//!
//! An XPUB drops for a subscriber that is full, as a PUB does, or waits with
//! [`no_drop`](crate::SocketBuilder::no_drop). An XSUB drops for a publisher that is full; its
//! subscriptions are never dropped.
