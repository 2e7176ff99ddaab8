//! What the fuzzers run: one function a target, of any bytes at all, which panics when a property of
//! the library does not hold for them.
//!
//! The functions are here and not beside the fuzzers so that `cargo test` can run them too, with the
//! inputs that the fuzzers found worth keeping (`fuzz/corpus`) and some made of those; see `replay`.
//! `fuzz/README.md` says how to run the fuzzers.

mod connection;
#[cfg(feature = "curve")]
mod curve;
mod datagram;
mod decoder;
mod encoder;
mod endpoint;
mod envelopes;
mod input;
mod message;
mod passes;
mod socks;
mod topics;

#[cfg(test)]
mod replay;

pub use crate::zmtp::fuzzing::{command, handshake};
pub use connection::connection;
#[cfg(feature = "curve")]
pub use curve::{certificate, curve, keys};
pub use datagram::datagram;
pub use decoder::decoder;
pub use encoder::encoder;
pub use endpoint::endpoint;
pub use envelopes::envelopes;
pub use message::message;
pub use passes::passes;
pub use socks::socks;
pub use topics::topics;

#[cfg(test)]
type Target = (&'static str, fn(&[u8]));

/// Every target by its name, which is that of its corpus and of its program as well.
#[cfg(test)]
const TARGETS: &[Target] = &[
    #[cfg(feature = "curve")]
    ("certificate", certificate),
    ("command", command),
    ("connection", connection),
    #[cfg(feature = "curve")]
    ("curve", curve),
    ("datagram", datagram),
    ("decoder", decoder),
    ("encoder", encoder),
    ("endpoint", endpoint),
    ("envelopes", envelopes),
    ("handshake", handshake),
    #[cfg(feature = "curve")]
    ("keys", keys),
    ("message", message),
    ("passes", passes),
    ("socks", socks),
    ("topics", topics),
];
