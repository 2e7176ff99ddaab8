//! ZMTP 3.1 and 3.0: bytes to messages and back, and nothing else.
//!
//! Pure: no I/O, no clock, no threads. A connection is first a [`connection::Handshake`]; when that
//! is done it is a [`decoder::Decoder`] for what comes in, and an [`encoder::Outbox`] with its
//! [`encoder::Flight`] for what goes out.
//!
//! From the wire upward: [`greeting`] and [`frame`] are the shapes, [`command`] what travels in
//! command frames, [`mechanism`] who speaks when before the first message.

pub(crate) mod body;
pub(crate) mod command;
pub(crate) mod connection;
pub(crate) mod decoder;
pub(crate) mod encoder;
mod error;
mod frame;
mod greeting;
mod intake;
mod mechanism;

#[cfg(feature = "internals")]
pub mod bench_support;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

#[cfg(test)]
mod simulation;

pub(crate) use error::ProtocolError;
