//! ZMTP 3.1 and 3.0: bytes to messages and back, and nothing else.
//!
//! Pure: no I/O, no clock, no threads; the time is an argument.
//!
//! From the wire upward: [`greeting`] and [`frame`] are the shapes, [`command`] what travels in
//! command frames, [`mechanism`] which side speaks when before the first message. [`decoder`] makes messages
//! of bytes, [`outbox`] bytes of messages, in a [`rope`]; [`flight`] sees them off. [`connection`] is one connection
//! from its first byte to its last: its text has the states.

pub(crate) mod body;
pub(crate) mod command;
pub(crate) mod connection;
pub(crate) mod decoder;
mod error;
pub(crate) mod flight;
mod frame;
mod greeting;
mod intake;
mod mechanism;
pub(crate) mod outbox;
mod rope;
#[cfg(feature = "curve")]
pub(crate) mod sealed;
#[cfg(feature = "curve")]
pub(crate) mod sealing;
mod small;
mod source;
pub(crate) mod spent;
mod walk;

#[cfg(feature = "internals")]
pub mod bench_support;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

#[cfg(test)]
mod simulation;

pub(crate) use error::ProtocolError;
