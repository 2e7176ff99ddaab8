//! [`Monitor`]: what happens to a socket's connections, as events.

mod reason;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::error::RecvError;
use crate::message::Frame;
use crate::peer::{PeerInfo, PeerRefusal, SocketType};
use crate::reactor::timers::deadline;
use crate::sync::{Condvar, Mutex};
use crate::tuning;

pub use reason::{Reason, ReasonKind};

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
    /// `bind` listens.
    Listening,
    /// `bind` could not listen; its caller has the error too.
    BindFailed {
        /// What was wrong.
        reason: String,
    },
    /// `connect` was called; the connection is being made in the background.
    Connecting,
    /// A connection was made by `connect`; the handshake comes next.
    Connected,
    /// A try to connect failed; the text says why.
    ConnectFailed {
        /// What the system said.
        reason: String,
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
    /// A listener could not accept; it goes on after a pause.
    AcceptFailed {
        /// What the system said.
        reason: String,
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
    /// A subscription of a peer was taken back (PUB).
    Unsubscribed {
        /// The topic.
        topic: bytes::Bytes,
    },
    /// A listener was closed by `unbind`, or a connection that was waiting to be tried again by
    /// `disconnect` or `close`.
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

/// The events of one socket, from the moment it was made; see
/// [`Socket::monitor`](crate::Socket::monitor).
///
/// Holds at most 1024 events, and at most 256 KiB of them: when they are not taken, the oldest go, and
/// [`missed`](Monitor::missed) counts them. Several monitors of a socket share the events. It never
/// holds up the socket.
#[derive(Debug)]
pub struct Monitor(Arc<EventQueue>);

/// The queue between a socket and one [`Monitor`].
#[derive(Debug)]
pub(crate) struct EventQueue {
    inner: Mutex<Queued>,
    condvar: Condvar,
}

#[derive(Debug, Default)]
struct Queued {
    /// Shared with the socket's other monitors.
    events: VecDeque<Arc<Event>>,
    /// What they cost together.
    bytes: usize,
    missed: u64,
    /// The socket is gone: what is queued is the last.
    ended: bool,
}

impl Queued {
    fn take(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(event.cost());
        Some(event)
    }
}

impl Event {
    /// About the memory that it takes.
    fn cost(&self) -> usize {
        let text = match &self.kind {
            EventKind::ConnectFailed { reason }
            | EventKind::AcceptPaused { reason }
            | EventKind::BindFailed { reason }
            | EventKind::AcceptFailed { reason } => reason.len(),
            EventKind::HandshakeFailed { reason } | EventKind::Disconnected { reason } => {
                reason.len()
            }
            EventKind::Subscribed { topic } | EventKind::Unsubscribed { topic } => topic.len(),
            _ => 0,
        };
        let address = self.peer_address.as_ref().map_or(0, String::len);
        let peer = self.peer.as_ref().map_or(0, PeerInfo::cost);
        size_of::<Event>() + text + address + peer
    }
}

impl EventQueue {
    pub(crate) fn new() -> Arc<EventQueue> {
        Arc::new(EventQueue {
            inner: Mutex::new(Queued::default()),
            condvar: Condvar::new(),
        })
    }

    pub(crate) fn push(&self, event: Arc<Event>) {
        let cost = event.cost();
        let mut queued = self.inner.lock();
        while queued.events.len() >= tuning::MONITOR_EVENTS
            || queued.bytes + cost > tuning::MONITOR_BYTES && !queued.events.is_empty()
        {
            queued.take();
            queued.missed += 1;
        }
        queued.bytes += cost;
        queued.events.push_back(event);
        drop(queued);
        self.condvar.notify_one();
    }

    pub(crate) fn end(&self) {
        self.inner.lock().ended = true;
        self.condvar.notify_all();
    }
}

impl Monitor {
    pub(crate) fn new(queue: Arc<EventQueue>) -> Monitor {
        Monitor(queue)
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// `Closed` once the socket is closed and all events are taken.
    pub fn recv(&self) -> Result<Event, RecvError> {
        self.take(None)
    }

    /// The next event, if there is one now.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, `Closed` as for [`Monitor::recv`].
    pub fn try_recv(&self) -> Result<Event, RecvError> {
        match self.take(Some(Instant::now())) {
            Err(RecvError::TimedOut) => Err(RecvError::WouldBlock),
            other => other,
        }
    }

    /// Waits for the next event, but no longer than `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when none came, `Closed` as for [`Monitor::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Event, RecvError> {
        self.take(deadline(Instant::now(), timeout))
    }

    /// Waits for the next event until `deadline` at the latest. One that is there is taken also when
    /// the deadline has passed.
    ///
    /// # Errors
    /// `TimedOut` when none came, `Closed` as for [`Monitor::recv`].
    pub fn recv_deadline(&self, deadline: Instant) -> Result<Event, RecvError> {
        self.take(Some(deadline))
    }

    /// The events as they come, waiting for each, until the socket is closed and all are taken; `for
    /// event in &monitor` is the same.
    ///
    /// ```
    /// use sinew::{Context, Pull};
    ///
    /// let pull = Context::new().socket(Pull).open()?;
    /// let monitor = pull.monitor();
    /// pull.bind("inproc://here")?;
    /// drop(pull);
    /// let lines: Vec<_> = monitor.iter().map(|event| event.to_string()).collect();
    /// assert_eq!(lines[0], "inproc://here: listening");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn iter(&self) -> Events<'_> {
        Events(self)
    }

    /// The events that are there now; ends instead of waiting.
    pub fn try_iter(&self) -> TryEvents<'_> {
        TryEvents(self)
    }

    /// How many events went unseen because they were not taken in time.
    pub fn missed(&self) -> u64 {
        self.0.inner.lock().missed
    }

    fn take(&self, deadline: Option<Instant>) -> Result<Event, RecvError> {
        let mut queued = self.0.inner.lock();
        loop {
            if let Some(event) = queued.take() {
                drop(queued);
                return Ok(Arc::unwrap_or_clone(event));
            }
            if queued.ended {
                return Err(RecvError::Closed);
            }
            let left = match deadline {
                None => None,
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => Some(left),
                    _ => return Err(RecvError::TimedOut),
                },
            };
            queued = self.0.condvar.wait(queued, left);
        }
    }
}

/// Waits for each event; see [`Monitor::iter`].
#[derive(Debug)]
#[must_use = "iterators do nothing until they are asked for events"]
pub struct Events<'a>(&'a Monitor);

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.recv().ok()
    }
}

/// Takes the events that are there; see [`Monitor::try_iter`].
#[derive(Debug)]
#[must_use = "iterators do nothing until they are asked for events"]
pub struct TryEvents<'a>(&'a Monitor);

impl Iterator for TryEvents<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

impl<'a> IntoIterator for &'a Monitor {
    type Item = Event;
    type IntoIter = Events<'a>;

    fn into_iter(self) -> Events<'a> {
        self.iter()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_prints_a_line_of_a_log() {
        let mut event = event(2);
        assert_eq!(event.to_string(), "inproc://x: connecting again in 2000 ms");
        event.peer_address = Some("127.0.0.1:5".into());
        event.kind = EventKind::Subscribed {
            topic: "news.\n".into(),
        };
        let line = r#"inproc://x, peer 127.0.0.1:5: the peer subscribed to "news.\n""#;
        assert_eq!(event.to_string(), line);
    }

    fn event(n: u64) -> Event {
        Event {
            kind: EventKind::ConnectRetried {
                after: Duration::from_secs(n),
            },
            endpoint: Arc::new("inproc://x".parse().unwrap()),
            peer_address: None,
            peer: None,
        }
    }

    #[test]
    fn the_oldest_events_go_when_nobody_takes_them() {
        let queue = EventQueue::new();
        let monitor = Monitor::new(Arc::clone(&queue));
        assert_eq!(monitor.try_recv(), Err(RecvError::WouldBlock));
        for n in 0..tuning::MONITOR_EVENTS as u64 + 3 {
            queue.push(Arc::new(event(n)));
        }
        assert_eq!(monitor.missed(), 3);
        assert_eq!(monitor.recv(), Ok(event(3)));
        queue.end();
        while monitor.try_recv().is_ok() {}
        assert_eq!(monitor.recv(), Err(RecvError::Closed));
    }

    #[test]
    fn large_events_that_nobody_takes_are_bounded_by_their_bytes() {
        let queue = EventQueue::new();
        let monitor = Monitor::new(Arc::clone(&queue));
        let large = |first: u8| {
            let mut event = event(0);
            let mut topic = vec![0; tuning::MONITOR_BYTES / 4];
            topic[0] = first;
            let topic = topic.into();
            event.kind = EventKind::Subscribed { topic };
            Arc::new(event)
        };
        (0..10).for_each(|n| queue.push(large(n)));
        assert_eq!(monitor.missed(), 7);
        assert_eq!(monitor.recv().unwrap(), *large(7));
        // One that is larger than the bound is held alone.
        let mut huge = event(0);
        huge.peer_address = Some("x".repeat(2 * tuning::MONITOR_BYTES));
        queue.push(Arc::new(huge.clone()));
        assert_eq!(monitor.recv().unwrap(), huge);
        assert_eq!(monitor.missed(), 9);
        queue.push(Arc::new(event(1)));
        assert_eq!(monitor.recv().unwrap(), event(1));
    }
}
