//! [`Event`]: something that happened to a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::reason::Reason;
use crate::endpoint::Endpoint;
use crate::message::Frame;
use crate::peer::{PeerInfo, PeerRefusal, SocketType};

/// Something that happened to a connection of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The endpoint of `bind` or `connect` that it happened to.
    pub endpoint: Arc<Endpoint>,
    /// The address of the peer, once there is a connection: `ip:port`, or what the system knows of
    /// a Unix-domain peer.
    pub peer_address: Option<String>,
    /// What the peer said of itself, once the handshake is through.
    pub peer: Option<PeerInfo>,
}

/// The kinds of [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// `bind` listens, or receives datagrams.
    Listening,
    /// `bind` could not listen; its caller has the error too.
    BindFailed {
        /// What was wrong.
        reason: Reason,
    },
    /// `connect` was called; the connection is being made in the background.
    Connecting,
    /// A connection was made by `connect`; the handshake comes next. Over udp there is none of both:
    /// datagrams can be sent.
    Connected,
    /// A try to connect failed.
    ConnectFailed {
        /// Why: what the system said, or the SOCKS proxy.
        reason: Reason,
    },
    /// The next try to connect comes after this pause.
    ConnectRetried {
        /// The pause.
        after: Duration,
    },
    /// Connecting was given up: `reconnect_attempts` were used up.
    ConnectGivenUp,
    /// A listener accepted a connection; the handshake comes next.
    Accepted,
    /// The socket's listeners do not accept for now: one of its bounds is reached, and callers wait in
    /// the kernel's queue until there is room. Told once a second at most.
    AcceptPaused {
        /// Which bound it is.
        reason: String,
    },
    /// A listener could not accept, and goes on after a pause; or it turned a caller away that is from no network
    /// of [`accept_from`](crate::Options::accept_from).
    AcceptFailed {
        /// What the system said, or that the caller is [unwelcome](crate::ReasonKind::Unwelcome).
        reason: Reason,
    },
    /// The peer is there, and messages can go.
    HandshakeSucceeded,
    /// The connection was closed before the peer was there; the text says whose fault it was.
    HandshakeFailed {
        /// What was wrong, such as the ZMTP version or the socket type of the peer.
        reason: Reason,
    },
    /// A peer was there and was not taken on (PAIR); its connection was closed. One of `connect` is
    /// tried again.
    PeerRefused {
        /// Why.
        reason: PeerRefusal,
    },
    /// A connection that was up has ended.
    Disconnected {
        /// Why.
        reason: Reason,
    },
    /// A message was dropped: the peer ended several connections in a row while it was being sent, as
    /// a peer does that refuses it, and it held up all that was behind it. It counts in
    /// [`Stats::dropped`](crate::Stats::dropped).
    MessageDropped {
        /// The message's size, framing included.
        bytes: usize,
        /// The connections that were lost within it.
        attempts: u32,
    },
    /// A subscription of a peer was applied (PUB): from now on it gets what matches.
    Subscribed {
        /// The topic.
        topic: bytes::Bytes,
    },
    /// A peer may not subscribe to this topic, as an [`Authenticator`](crate::Authenticator) has it: the subscription was
    /// not applied (PUB, XPUB; of a RADIO, the group). The connection stays.
    SubscriptionRefused {
        /// The topic.
        topic: bytes::Bytes,
    },
    /// A subscription of a peer was taken back (PUB).
    Unsubscribed {
        /// The topic.
        topic: bytes::Bytes,
    },
    /// A listener was closed by `unbind`, or a connection that was waiting to be tried again by
    /// `disconnect` or `close`; over udp also what was `Connected`.
    Closed,
}

impl Event {
    /// The type of the peer, once the handshake is through.
    pub fn socket_type(&self) -> Option<SocketType> {
        self.peer.as_ref().map(|peer| peer.socket_type)
    }

    /// The routing id that the peer announced, once the handshake is through, if it did.
    pub fn routing_id(&self) -> Option<&[u8]> {
        self.peer.as_ref()?.routing_id.as_deref()
    }
}

impl fmt::Display for Event {
    /// The endpoint, the peer if there is one, and what happened, as a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint)?;
        if let Some(address) = &self.peer_address {
            write!(f, ", peer {address}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl EventKind {
    /// What it is called here.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            EventKind::Listening => "Listening",
            EventKind::BindFailed { .. } => "BindFailed",
            EventKind::Connecting => "Connecting",
            EventKind::Connected => "Connected",
            EventKind::ConnectFailed { .. } => "ConnectFailed",
            EventKind::ConnectRetried { .. } => "ConnectRetried",
            EventKind::ConnectGivenUp => "ConnectGivenUp",
            EventKind::Accepted => "Accepted",
            EventKind::AcceptPaused { .. } => "AcceptPaused",
            EventKind::AcceptFailed { .. } => "AcceptFailed",
            EventKind::HandshakeSucceeded => "HandshakeSucceeded",
            EventKind::HandshakeFailed { .. } => "HandshakeFailed",
            EventKind::PeerRefused { .. } => "PeerRefused",
            EventKind::Disconnected { .. } => "Disconnected",
            EventKind::MessageDropped { .. } => "MessageDropped",
            EventKind::Subscribed { .. } => "Subscribed",
            EventKind::Unsubscribed { .. } => "Unsubscribed",
            EventKind::SubscriptionRefused { .. } => "SubscriptionRefused",
            EventKind::Closed => "Closed",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Listening => f.write_str("listening"),
            EventKind::BindFailed { reason } => write!(f, "could not listen: {reason}"),
            EventKind::Connecting => f.write_str("connecting"),
            EventKind::Connected => f.write_str("connected, the handshake comes next"),
            EventKind::ConnectFailed { reason } => write!(f, "could not connect: {reason}"),
            EventKind::ConnectRetried { after } => {
                write!(f, "connecting again in {} ms", after.as_millis())
            }
            EventKind::ConnectGivenUp => f.write_str("gave up connecting"),
            EventKind::Accepted => f.write_str("accepted, the handshake comes next"),
            EventKind::AcceptPaused { reason } => write!(f, "not accepting for now: {reason}"),
            EventKind::AcceptFailed { reason } => {
                write!(f, "could not accept a connection: {reason}")
            }
            EventKind::HandshakeSucceeded => f.write_str("ready, messages can go"),
            EventKind::HandshakeFailed { reason } => write!(f, "the handshake failed: {reason}"),
            EventKind::PeerRefused { reason } => write!(f, "the peer was refused: {reason}"),
            EventKind::Disconnected { reason } => write!(f, "the connection ended: {reason}"),
            EventKind::Subscribed { topic } => {
                write!(f, "the peer subscribed to {:?}", Frame::from(topic))
            }
            EventKind::SubscriptionRefused { topic } => {
                write!(f, "the peer may not subscribe to {:?}", Frame::from(topic))
            }
            EventKind::Unsubscribed { topic } => {
                write!(f, "the peer unsubscribed from {:?}", Frame::from(topic))
            }
            EventKind::MessageDropped { bytes, attempts } => write!(
                f,
                "a message of {bytes} bytes was dropped: the peer ended {attempts} connections within it"
            ),
            EventKind::Closed => f.write_str("closed by this side"),
        }
    }
}

impl Event {
    /// About the memory that it takes.
    pub(super) fn cost(&self) -> usize {
        let text = match &self.kind {
            EventKind::AcceptPaused { reason } => reason.len(),
            EventKind::ConnectFailed { reason }
            | EventKind::BindFailed { reason }
            | EventKind::AcceptFailed { reason }
            | EventKind::HandshakeFailed { reason }
            | EventKind::Disconnected { reason } => reason.len(),
            EventKind::Subscribed { topic }
            | EventKind::SubscriptionRefused { topic }
            | EventKind::Unsubscribed { topic } => topic.len(),
            _ => 0,
        };
        let address = self.peer_address.as_ref().map_or(0, String::len);
        let peer = self.peer.as_ref().map_or(0, PeerInfo::cost);
        size_of::<Event>() + text + address + peer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_prints_a_line_of_a_log() {
        let mut event = Event {
            kind: EventKind::ConnectRetried {
                after: Duration::from_secs(2),
            },
            endpoint: Arc::new("inproc://x".parse().unwrap()),
            peer_address: None,
            peer: None,
        };
        assert_eq!(event.to_string(), "inproc://x: connecting again in 2000 ms");
        event.peer_address = Some("127.0.0.1:5".into());
        event.kind = EventKind::Subscribed {
            topic: "news.\n".into(),
        };
        let line = r#"inproc://x, peer 127.0.0.1:5: the peer subscribed to "news.\n""#;
        assert_eq!(event.to_string(), line);
    }
}
