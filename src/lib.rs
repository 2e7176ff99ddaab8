//! Brokerless messaging: ZeroMQ's socket patterns over TCP, Unix-domain sockets and memory.
//!
//! Programs link this crate and talk to each other directly. It speaks ZMTP 3.1, so the other end may
//! be any ZeroMQ program in any language.
//!
//! ```
//! use sinew::{Context, Rep, Req};
//!
//! let context = Context::new();
//! let rep = context.socket(Rep).bind("tcp://127.0.0.1:*")?;
//! let req = context.socket(Req).connect(&rep.last_endpoint().unwrap().to_string())?;
//!
//! req.send("who is there?")?;
//! assert_eq!(rep.recv()?, "who is there?");
//! rep.send(["it", "is", "me"])?;
//! assert_eq!(req.recv()?.len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Context`] makes [`Socket`]s: one of the types [`Push`], [`Pull`], [`Pub`], [`Sub`], [`Req`],
//! [`Rep`], [`Dealer`] and [`Pair`], which have only the verbs of their pattern, or a [`DynSocket`]
//! chosen at run time. They carry [`Message`]s. The [`guide`] has a page for each pattern, and for
//! transports, options and lifecycle.
//!
//! # Features
//! - `log`: says what happens to connections through the `log` facade, at debug level, and at info
//!   level that a closed socket still lingers after a second. Silent without it.
//! - `internals`: for the crate's own benchmarks; not covered by the version number.
//!
//! # Platforms
//! Unix systems. Tested on Linux.

pub mod guide;

// floor 0: words
mod discard;
mod endpoint;
mod error;
mod message;
mod options;
mod peer;
mod tuning;

// floor 1: rules
mod heat;
mod lease;
mod pattern;
mod zmtp;

// floor 2: passages
mod signal;
mod sync;
mod transport;

// floor 3: links and drivers
mod link;
mod reactor;

// floor 4: sockets
mod context;
mod monitor;
mod socket;
mod stats;

#[cfg(all(test, loom))]
mod loom_models;

// What the fuzzers run, and `cargo test` after them.
#[cfg(any(all(test, not(loom)), fuzzing))]
#[cfg_attr(
    not(fuzzing),
    allow(unreachable_pub, reason = "exported to the fuzzers only")
)]
#[doc(hidden)]
pub mod fuzzing;

// For the crate's own benchmarks; not part of what the version number promises.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use pattern::bench_support as routing_bench;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use zmtp::bench_support as codec_bench;

pub use context::{Context, ContextBuilder};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Error, RecvError, SendError, SendErrorKind, SendManyError};
pub use message::convert::ConvertError;
pub use message::{ConvertErrorKind, Frame, Frames, IntoFrames, Message};
pub use monitor::{Event, EventKind, Monitor};
pub use options::{KeepAlive, Options};
pub use peer::{PeerInfo, PeerRefusal, SocketType, UnknownSocketType};
pub use socket::{
    Asks, CloseReport, Dealer, DynSocket, Kind, Pair, Pub, Publishes, Pull, Push, Receives, Rep,
    Req, Sends, Socket, SocketBuilder, Sub, Subscribes,
};
pub use stats::Stats;
