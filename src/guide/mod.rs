//! A guide to the library, a page for each subject. Its examples are compiled and run as tests.
//!
//! | Page | Read it for |
//! |---|---|
//! | [`which_socket`] | questions that lead to a type |
//! | [`pipeline`] | PUSH and PULL: sharing work out, collecting results, flow control |
//! | [`pub_sub`] | PUB and SUB: topics, late and slow subscribers |
//! | [`xpub_xsub`] | XPUB and XSUB: subscriptions as messages, proxies, last values |
//! | [`req_rep`] | REQ and REP: taking turns, time-outs, a server that dies |
//! | [`dealer_pair`] | DEALER and PAIR: both ways without turns; one peer alone |
//! | [`router_dealer`] | ROUTER: many peers by name; who is refused, what is dropped; STREAM: bare TCP |
//! | [`client_server`] | CLIENT, SERVER, SCATTER, GATHER, PEER, CHANNEL, RADIO, DISH: messages of one frame; DGRAM and udp |
//! | [`transports`] | endpoints: `tcp`, `ipc`, `inproc`, `udp`; bind or connect |
//! | [`options`] | queues and their limits, conflate, heartbeats, hostile peers |
//! | [`options_of_libzmq`] | every option of libzmq, and what it is here |
//! | [`untrusted`] | a network you do not trust: what bounds what, and how much that is |
//! | [`securing`] | who is let in, as whom, and to what: passwords, addresses, a closure, ZAP, topics |
//! | [`lifecycle`] | contexts, threads, closing, lingering, reconnecting, watching |
//! | [`observing`] | statistics, monitors, metrics, logs; whom a message is from |
//! | [`errors`] | one `?` for a whole program; which errors are part of the work |
//! | [`event_loops`] | tokio and other loops, Ctrl-C |
//! | [`several_sockets`] | a poller for any number of sockets; proxies between two |
//! | [`from_zeromq`] | rust-zmq and pyzmq beside sinew, and what is different |
//! | [`from_brokers`] | the words of RabbitMQ and ActiveMQ: queues, exchanges, acknowledgements, TTL, and what is not offered |
//! | [`from_channels`] | `std::sync::mpsc` and crossbeam beside sinew |
//!
//! The words are ZeroMQ's. A **message** is one or more **frames**, and arrives whole or not at
//! all. A **socket** is not a connection but one end of a pattern with any number of **peers**; it
//! **binds** to endpoints where peers may come, and **connects** to endpoints where peers are, or
//! will be. A **context** holds sockets together.
//!
//! ```
//! use sinew::{Context, Pull, Push};
//!
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:0")?;
//! let push = ctx.socket(Push).connect(pull.endpoint()?)?;
//! push.send("hello")?;
//! assert_eq!(pull.recv()?, "hello");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! What goes over the wire is ZMTP 3.1 ([RFC 37](https://rfc.zeromq.org/spec/37/)), so that the
//! other end may be any ZeroMQ program since version 4.0.

pub mod client_server;
pub mod dealer_pair;
pub mod errors;
pub mod event_loops;
pub mod from_brokers;
pub mod from_channels;
pub mod from_zeromq;
pub mod lifecycle;
pub mod observing;
pub mod options;
pub mod options_of_libzmq;
pub mod pipeline;
pub mod pub_sub;
pub mod req_rep;
pub mod router_dealer;
pub mod securing;
pub mod several_sockets;
pub mod transports;
pub mod untrusted;
pub mod which_socket;
pub mod xpub_xsub;

// The README's program is compiled and run with the pages' examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
