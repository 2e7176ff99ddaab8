//! [`ProxyHandle`]: steers a proxy from other threads.

use std::fmt;
use std::sync::Arc;

use super::stats::{Counts, ProxyStats};
use crate::poller::PollerWaker;
use crate::sync::atomic::{AtomicBool, Ordering};

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
        ProxyStats::of(&self.to_backend, &self.to_frontend)
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_once_and_a_pause_until_it_is_over() {
        let shared = Shared::default();
        assert!(!shared.take_terminated());
        shared.terminate();
        shared.terminate();
        assert!(shared.take_terminated());
        assert!(!shared.take_terminated(), "it was told");
        shared.set_paused(true);
        assert!(shared.is_paused() && shared.is_paused());
        shared.set_paused(false);
        assert!(!shared.is_paused());
    }
}
