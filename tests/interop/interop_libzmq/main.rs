//! Every promise that involves a peer, kept with the real libzmq at the other end.
//!
//! Both ends live in this process, except where one of them has to be killed or frozen: those are child
//! processes running this same test binary (see `child`). Every wait has a deadline and ends with an event: a
//! message, or what a monitor reports.

mod authenticator;
mod child;
mod conflate;
mod dealer;
mod ends;
mod family;
mod limits;
#[path = "../../../benches/compare/lines.rs"]
mod lines;
mod liveness;
mod pair;
mod pipeline;
mod proxy;
mod pubsub;
mod radio_dish;
mod reqrep;
mod router;
mod security;
mod single;
mod stream;
mod support;
mod udp;
mod xpubsub;
