//! What a proxy has forwarded: counted by its thread, read by any.

use std::fmt;

use crate::stats::Traffic;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What one of a proxy's two sockets has received and sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyTraffic {
    /// What the proxy has received from this socket; the bytes are those of the frames.
    pub received: Traffic,
    /// What the proxy has sent on this socket; the bytes are those of the frames.
    pub sent: Traffic,
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

impl ProxyStats {
    pub(super) fn of(to_backend: &Counts, to_frontend: &Counts) -> ProxyStats {
        let traffic = |from_it: &Counts, to_it: &Counts| ProxyTraffic {
            received: from_it.received.get(),
            sent: to_it.sent.get(),
        };
        let both =
            |count: fn(&Counts) -> &Count| count(to_backend).get() + count(to_frontend).get();
        ProxyStats {
            frontend: traffic(to_backend, to_frontend),
            backend: traffic(to_frontend, to_backend),
            held: both(|way| &way.held),
            refused: both(|way| &way.refused),
            uncaptured: both(|way| &way.uncaptured),
        }
    }
}

impl fmt::Display for ProxyStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProxyStats {
            frontend, backend, ..
        } = self;
        write!(
            f,
            "to the backend {} messages, {} bytes; to the frontend {} messages, {} bytes",
            backend.sent.messages, backend.sent.bytes, frontend.sent.messages, frontend.sent.bytes
        )
    }
}

/// One direction's counts, changed by the proxy's thread alone.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) received: Moved,
    pub(super) sent: Moved,
    pub(super) held: Count,
    pub(super) refused: Count,
    pub(super) uncaptured: Count,
}

/// Messages, and the bytes of their frames.
#[derive(Debug, Default)]
pub(super) struct Moved {
    messages: Count,
    bytes: Count,
}

impl Moved {
    pub(super) fn add(&self, messages: usize, bytes: usize) {
        self.messages.add(messages as u64);
        self.bytes.add(bytes as u64);
    }

    fn get(&self) -> Traffic {
        Traffic {
            messages: self.messages.get(),
            bytes: self.bytes.get(),
        }
    }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_one_side_goes_out_at_the_other() {
        let (out, back) = (Counts::default(), Counts::default());
        out.received.add(3, 300);
        out.sent.add(2, 200);
        out.held.set(1);
        back.received.add(7, 70);
        back.sent.add(6, 60);
        back.refused.add(1);
        let stats = ProxyStats::of(&out, &back);
        let traffic = |messages, bytes| Traffic { messages, bytes };
        let frontend = ProxyTraffic {
            received: traffic(3, 300),
            sent: traffic(6, 60),
        };
        let backend = ProxyTraffic {
            received: traffic(7, 70),
            sent: traffic(2, 200),
        };
        assert_eq!((stats.frontend, stats.backend), (frontend, backend));
        assert_eq!((stats.held, stats.refused, stats.uncaptured), (1, 1, 0));
        assert_eq!(
            stats.to_string(),
            "to the backend 2 messages, 200 bytes; to the frontend 6 messages, 60 bytes"
        );
    }
}
