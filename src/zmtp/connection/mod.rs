//! One connection, from its first byte to its last: handshake, traffic, heartbeats.

mod handshake;
mod heartbeat;
mod input;
mod session;

pub(crate) use super::mechanism::Local;
#[cfg(any(test, fuzzing))]
pub(crate) use handshake::Handshake;
pub(crate) use heartbeat::{Heartbeats, Silence};
pub(crate) use input::{Arrived, Input, Phase};
pub(crate) use session::{Event, Flow, Session};
