//! Seeing what happens: numbers, events, metrics, logs, and whom a message is from.
//!
//! | Question | Answer |
//! |---|---|
//! | how many messages went, and how many were lost? | [`stats`](crate::Socket::stats) |
//! | who is there, what waits for each, how far away is it? | [`peers`](crate::Socket::peers) |
//! | what happens to connections, and why? | [`monitor`](crate::Socket::monitor), or the features `log` and `tracing` |
//! | is somebody there yet? | [`wait_for_peers`](crate::Socket::wait_for_peers), [`wait_for_subscribers`](crate::Socket::wait_for_subscribers) |
//! | who sent this message? | [`Message::peer`](crate::Message::peer) |
//! | how does it look on a dashboard? | [`Context::export_metrics`](crate::Context), feature `metrics` |
//!
//! All of it is counted as messages go, whether it is asked for or not, and exact: at any time, what the peers
//! of a PUSH were sent adds up to what the socket has sent. What that costs is in `docs/performance.md`.
//!
//! # What peers say of themselves
//!
//! A socket announces its type and, if it has one, its routing id to each peer. An application adds what it
//! likes: [properties](crate::Options::properties), whose names begin with `X-`. The peer finds them in the
//! [`PeerInfo`](crate::PeerInfo) of an event, of [`peers`](crate::Socket::peers), and, if it has asked for that
//! with [`message_metadata`](crate::Options::message_metadata), of each message that it receives:
//!
//! ```
//! use sinew::{Context, Pull, Push};
//!
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).message_metadata(true).bind("tcp://127.0.0.1:*")?;
//! for room in ["kitchen", "attic"] {
//!     let push = ctx.socket(Push).property("X-Room", room).connect(pull.endpoint()?)?;
//!     push.send("21.5")?;
//! }
//! let mut rooms: Vec<String> = Vec::new();
//! for message in pull.iter().take(2) {
//!     // The peer has gone meanwhile; the message still tells.
//!     let peer = message.peer().unwrap();
//!     rooms.push(String::from_utf8(peer.property("X-Room").unwrap().to_vec())?);
//! }
//! rooms.sort();
//! assert_eq!(rooms, ["attic", "kitchen"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing vouches for what a peer announces: it is for finding one's way, and not for deciding who may.
//!
//! # Metrics
//!
//! With the feature `metrics`, [`Context::export_metrics`](crate::Context) tells all sockets' figures to whatever
//! recorder the program has installed for the [`metrics`](https://docs.rs/metrics) facade. It is called when the values
//! are wanted, in a handler that renders them for Prometheus, say, or every few seconds by a thread; in between nothing
//! is done, and messages cost nothing for it.
//!
#![cfg_attr(feature = "metrics", doc = "```")]
#![cfg_attr(not(feature = "metrics"), doc = "```ignore")]
//! use sinew::{Context, Pull, Push};
//!
//! // For instance: let prometheus = PrometheusBuilder::new().install_recorder()?;
//! let ctx = Context::new();
//! let pull = ctx.socket(Pull).bind("inproc://work")?;
//! let push = ctx.socket(Push).connect("inproc://work")?;
//! push.send("hello")?;
//!
//! // In the handler of GET /metrics:
//! ctx.export_metrics();
//! // prometheus.render()
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Name | Kind | Labels | What it is |
//! |---|---|---|---|
//! | `sinew_sent_messages_total`, `sinew_sent_bytes_total` | counter | `socket_type`, `endpoint` | what was accepted for peers: [`PeerStats::sent`](crate::PeerStats) |
//! | `sinew_received_messages_total`, `sinew_received_bytes_total` | counter | `socket_type`, `endpoint` | what came from peers |
//! | `sinew_reconnects_total` | counter | `socket_type`, `endpoint` | peers that came again after their connection was lost |
//! | `sinew_events_total` | counter | `socket_type`, `endpoint`, `event` | the events of a [monitor](crate::EventKind), by their names, but for subscriptions |
//! | `sinew_delivered_messages_total` | counter | `socket_type` | messages given to the application: [`Stats::received`](crate::Stats) |
//! | `sinew_dropped_messages_total` | counter | `socket_type` | [`Stats::dropped`](crate::Stats) |
//! | `sinew_peers` | gauge | `socket_type`, `endpoint` | peers that are there |
//! | `sinew_send_queue_messages`, `sinew_send_queue_bytes` | gauge | `socket_type`, `endpoint` | what waits to be sent |
//! | `sinew_recv_queue_messages`, `sinew_recv_queue_bytes` | gauge | `socket_type`, `endpoint` | what waits to be received |
//! | `sinew_round_trip_seconds` | histogram | `socket_type`, `endpoint` | the last answer of each peer to a heartbeat, once each time |
//!
//! `endpoint` is the one that was given to `bind` or `connect`, and never a peer's own address, so that there are as many
//! series as endpoints, however many peers come. Sockets of one type at one endpoint are told together.
//! Counters tell what was added since the last time, and nothing is lost with a peer or a socket that has gone;
//! gauges are set to how things stand in this context. If two contexts have the same type at the same endpoint, their
//! gauges overwrite each other.
//!
//! # Logs
//!
//! With the feature `log`, and with the feature `tracing`, each event of each socket is told at debug level under
//! the target `sinew`, and at info level that a closed socket still lingers after a second. A `tracing`
//! event has fields: `socket_type`, `endpoint`, `peer` (its address), `peer_type`, and `event`, which
//! is the event's name in [`EventKind`](crate::EventKind). Choose one of the two; with both, everything is said twice.
