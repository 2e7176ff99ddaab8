//! Brokerless messaging: ZeroMQ's socket patterns over TCP, Unix-domain sockets and memory.

// floor 0: words
mod message;
mod peer;

// floor 1: rules
mod zmtp;

pub use message::{Frame, Frames, IntoFrames, Message};
pub use peer::{PeerInfo, SocketType, UnknownSocketType};

#[cfg(feature = "internals")]
#[doc(hidden)]
pub use zmtp::bench_support;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use zmtp::fuzzing;
