//! Brokerless messaging: ZeroMQ's socket patterns over TCP, Unix-domain sockets and memory.

// floor 0: words
mod message;
mod peer;

// floor 1: rules
#[allow(dead_code)] // until the socket core is there
mod pattern;

#[cfg(feature = "internals")]
#[doc(hidden)]
pub use pattern::bench_support as routing_bench;

pub use message::{Frame, Frames, IntoFrames, Message};
pub use peer::{PeerInfo, SocketType, UnknownSocketType};
