//! The rules of ZeroMQ's patterns, between our own sockets and against raw peers, each test named
//! after its rule.

mod attendance;
mod authenticator;
mod bodies;
mod closing;
mod conflate;
#[cfg(feature = "curve")]
mod curve;
mod dealer;
mod endpoints;
mod face;
mod greetings;
mod inproc;
mod limits;
mod live_options;
mod metadata;
mod monitor;
mod networks;
mod options;
mod pair;
mod peer_stats;
mod peers;
mod pipeline;
mod plain;
mod poller;
mod proxy;
mod pub_sub;
mod radio_dish;
mod refusal;
mod req_rep;
mod requester;
mod router;
mod single;
mod stream;
mod support;
mod table;
mod udp;
mod wire;
mod xpub;
mod xsub;
