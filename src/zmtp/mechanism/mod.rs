//! Security mechanisms: what each side says between the greeting and the first message.
//!
//! A closed set. NULL is the only one so far; PLAIN and CURVE become variants beside it.

mod null;

use bytes::Bytes;

use super::error::ProtocolError;
use crate::peer::{PeerInfo, SocketType};
use null::ExpectReady;

/// This side of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) socket_type: SocketType,
    /// Announced by those types that may; empty for none. At most 255 bytes, not starting with 0.
    pub(crate) routing_id: Bytes,
    /// The most bytes that a received message may have, all its frames together.
    pub(crate) max_message_size: Option<u64>,
    /// The most bytes of memory that a received message may take; zero means any.
    pub(crate) recv_hwm_bytes: usize,
    /// The most frames that a received message may have; zero means any number.
    pub(crate) max_message_frames: usize,
}

/// A mechanism, in the state in which it waits for the peer's next command.
#[derive(Debug)]
pub(crate) enum Mechanism {
    Null(ExpectReady),
}

/// Where a command of the peer has taken a mechanism.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack, once a handshake"
)]
pub(crate) enum Progress {
    /// No mechanism gives this yet: NULL takes a single command. PLAIN and CURVE take several.
    #[allow(dead_code, reason = "for PLAIN and CURVE")]
    Waits(Mechanism),
    Done(PeerInfo),
}

impl Mechanism {
    pub(crate) fn new(_local: &Local) -> Mechanism {
        Mechanism::Null(ExpectReady)
    }

    /// The name in the greeting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Mechanism::Null(_) => "NULL",
        }
    }

    /// Says what this side says without knowing anything of the peer, right behind its greeting.
    pub(crate) fn start(&self, local: &Local, out: &mut Vec<u8>) {
        match self {
            Mechanism::Null(state) => state.start(local, out),
        }
    }

    /// Takes one command of the peer. What it writes to `out` has to be sent even if it fails.
    pub(crate) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Mechanism::Null(state) => state.handle_command(local, body, out),
        }
    }
}
