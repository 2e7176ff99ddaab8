use std::sync::atomic::{AtomicU64, Ordering};

use crate::socket::{option, Kind, Socket};
use crate::{Error, Result};

/// The events that tests wait for, as bits.
pub mod event {
    /// A connection was made (before its handshake).
    pub const CONNECTED: u16 = 0x0001;
    /// A connection failed or was lost and is tried again.
    pub const CONNECT_RETRIED: u16 = 0x0004;
    /// The socket listens on an endpoint.
    pub const LISTENING: u16 = 0x0008;
    /// A peer's connection was accepted (before its handshake).
    pub const ACCEPTED: u16 = 0x0020;
    /// A connection was closed.
    pub const CLOSED: u16 = 0x0080;
    /// An established connection was lost.
    pub const DISCONNECTED: u16 = 0x0200;
    /// The peer went away during the handshake.
    pub const HANDSHAKE_FAILED_NO_DETAIL: u16 = 0x0800;
    /// The handshake is complete: messages can flow.
    pub const HANDSHAKE_SUCCEEDED: u16 = 0x1000;
    /// The peer broke the protocol during the handshake.
    pub const HANDSHAKE_FAILED_PROTOCOL: u16 = 0x2000;
    /// The peer does not let this side in: the value is the status that it gave.
    pub const HANDSHAKE_FAILED_AUTH: u16 = 0x4000;
    /// Every event.
    pub const ALL: u16 = 0xffff;
}

/// Something that happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which one, of [`event`].
    pub id: u16,
    /// What it says about it: a descriptor, an error number or an interval.
    pub value: u32,
    /// The endpoint it happened at.
    pub endpoint: String,
}

/// Receives the events of one socket.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
}

impl Monitor {
    pub(crate) fn attach(watched: &Socket, events: u16) -> Result<Monitor> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "inproc://libzmq-peer-monitor-{}",
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        watched.start_monitor(&name, events)?;
        let socket = watched.context().socket(Kind::Pair)?;
        socket.set_int(option::LINGER, 0)?;
        socket.connect(&name)?;
        Ok(Monitor { socket })
    }

    /// The next event, or [`Error::AGAIN`] after so many milliseconds without one.
    pub fn recv_timeout(&self, milliseconds: i32) -> Result<Event> {
        self.socket.set_int(option::RCVTIMEO, milliseconds)?;
        let parts = self.socket.recv_multipart()?;
        parse(&parts).ok_or(Error::FSM)
    }
}

/// Two parts: event number and value in the machine's byte order, then the endpoint.
fn parse(parts: &[Vec<u8>]) -> Option<Event> {
    let (head, endpoint) = (parts.first()?, parts.get(1)?);
    Some(Event {
        id: u16::from_ne_bytes(head.get(..2)?.try_into().ok()?),
        value: u32::from_ne_bytes(head.get(2..6)?.try_into().ok()?),
        endpoint: String::from_utf8_lossy(endpoint).into_owned(),
    })
}
