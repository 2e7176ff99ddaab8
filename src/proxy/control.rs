//! [`ProxyHandle`]: steers a proxy from other threads, and counts what it forwards.

use std::fmt;
use std::sync::Arc;

use crate::message::{Frame, Message};
use crate::poller::PollerWaker;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What one of a proxy's two sockets has received and sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyTraffic {
    /// Messages that the proxy has received from this socket.
    pub received: u64,
    /// The bytes of their frames.
    pub received_bytes: u64,
    /// Messages that the proxy has sent on this socket.
    pub sent: u64,
    /// The bytes of their frames.
    pub sent_bytes: u64,
}

/// What a proxy has forwarded so far.
///
/// Every message received is sent, refused or held: while the proxy does not run, the sum is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyStats {
    /// Of the frontend.
    pub frontend: ProxyTraffic,
    /// Of the backend.
    pub backend: ProxyTraffic,
    /// Messages that were received and not sent on yet: part of one batch each way, because the peers' room
    /// came to an end within it. The next [`run`](crate::Proxy::run) goes on with them.
    pub held: u64,
    /// Messages that the other socket refused, because no peer has the routing id that they begin with (a
    /// mandatory ROUTER), or because they are too long.
    pub refused: u64,
    /// Messages of which the capture socket did not get its copy, because no peer of it had room.
    pub uncaptured: u64,
}

impl fmt::Display for ProxyStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProxyStats {
            frontend, backend, ..
        } = self;
        write!(
            f,
            "to the backend {} messages, {} bytes; to the frontend {} messages, {} bytes",
            backend.sent, backend.sent_bytes, frontend.sent, frontend.sent_bytes
        )
    }
}

/// One direction's counts, changed by the proxy's thread alone.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) received: Count,
    pub(super) received_bytes: Count,
    pub(super) sent: Count,
    pub(super) sent_bytes: Count,
    pub(super) held: Count,
    pub(super) refused: Count,
    pub(super) uncaptured: Count,
}

/// A number for others to read. One thread changes it, so that no order is needed, and what it orders nothing
/// else by.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a proxy and its handles share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    paused: AtomicBool,
    terminated: AtomicBool,
    pub(super) to_backend: Counts,
    pub(super) to_frontend: Counts,
}

impl Shared {
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    pub(super) fn terminate(&self) {
        self.terminated.store(true, Ordering::Release);
    }

    /// Whether the run is to end. It is told once: the proxy may run again.
    pub(super) fn take_terminated(&self) -> bool {
        self.terminated.load(Ordering::Acquire) && self.terminated.swap(false, Ordering::AcqRel)
    }

    pub(super) fn stats(&self) -> ProxyStats {
        let traffic = |of: &Counts, back: &Counts| ProxyTraffic {
            received: of.received.get(),
            received_bytes: of.received_bytes.get(),
            sent: back.sent.get(),
            sent_bytes: back.sent_bytes.get(),
        };
        let (out, back) = (&self.to_backend, &self.to_frontend);
        ProxyStats {
            frontend: traffic(out, back),
            backend: traffic(back, out),
            held: out.held.get() + back.held.get(),
            refused: out.refused.get() + back.refused.get(),
            uncaptured: out.uncaptured.get() + back.uncaptured.get(),
        }
    }
}

/// Steers a [`Proxy`](crate::Proxy) from any thread. Clones steer the same proxy.
#[derive(Clone)]
pub struct ProxyHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) waker: PollerWaker,
}

impl ProxyHandle {
    /// Has the proxy receive nothing more for now. Messages wait in its sockets, and then in those of its
    /// peers.
    pub fn pause(&self) {
        self.shared.set_paused(true);
        self.waker.wake();
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.shared.set_paused(false);
        self.waker.wake();
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.shared.is_paused()
    }

    /// Ends the [`run`](crate::Proxy::run) that goes on, or else the next one, once.
    pub fn terminate(&self) {
        self.shared.terminate();
        self.waker.wake();
    }

    /// What the proxy has forwarded so far.
    pub fn stats(&self) -> ProxyStats {
        self.shared.stats()
    }
}

impl fmt::Debug for ProxyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHandle")
            .field("paused", &self.is_paused())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// What a control socket asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Pause,
    Resume,
    Terminate,
    Statistics,
    Unknown,
}

impl Command {
    pub(super) fn parse(command: &[u8]) -> Command {
        match command {
            b"PAUSE" => Command::Pause,
            b"RESUME" => Command::Resume,
            b"TERMINATE" => Command::Terminate,
            b"STATISTICS" => Command::Statistics,
            _ => Command::Unknown,
        }
    }
}

/// The answer to STATISTICS: eight numbers in eight frames, of 64 bits in the machine's order, as
/// `zmq_proxy_steerable` gives them.
pub(super) fn statistics(stats: &ProxyStats) -> Message {
    let of = |traffic: &ProxyTraffic| {
        [
            traffic.received,
            traffic.received_bytes,
            traffic.sent,
            traffic.sent_bytes,
        ]
    };
    let numbers = [of(&stats.frontend), of(&stats.backend)];
    let frames = numbers.as_flattened().iter();
    frames
        .map(|number| Frame::from(&number.to_ne_bytes()[..]))
        .collect()
}
