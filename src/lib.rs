//! Brokerless messaging: ZeroMQ's socket patterns over TCP, Unix-domain sockets and memory.

// floor 0: words
mod message;
mod peer;

pub use message::{Frame, Frames, IntoFrames, Message};
pub use peer::{PeerInfo, SocketType, UnknownSocketType};
