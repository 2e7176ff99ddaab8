//! Brokerless messaging: ZeroMQ's socket patterns over TCP, Unix-domain sockets and memory.

pub mod guide;

// floor 0: words
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

// For the crate's own benchmarks; not part of what the version number promises.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use pattern::bench_support as routing_bench;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use zmtp::bench_support as codec_bench;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use zmtp::fuzzing;

pub use context::{Context, ContextBuilder};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Error, RecvError, SendError, SendErrorKind, SendManyError};
pub use message::{Frame, Frames, IntoFrames, Message};
pub use monitor::{Event, EventKind, Monitor};
pub use options::{KeepAlive, Options};
pub use peer::{PeerInfo, SocketType, UnknownSocketType};
pub use socket::{
    Asks, CloseReport, DynSocket, Kind, Pub, Publishes, Pull, Push, Receives, Rep, Req, Sends,
    Socket, SocketBuilder, Sub, Subscribes,
};
pub use stats::Stats;
