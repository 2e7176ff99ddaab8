//! The bell: how somebody who waits for a socket is woken.

use std::sync::OnceLock;
use std::time::Duration;

use crate::lease::{Parting, Ring};
use crate::sync::{Condvar, MutexGuard};

/// Wakes the callers of one socket: the one that sleeps in the socket's poll through that poll's
/// waker, all others through a condition variable.
///
/// What to ring is decided under the socket's lock ([`Ring`]); the ringing itself, a system call,
/// comes after the lock is released.
#[derive(Debug)]
pub(crate) struct Bell<W = mio::Waker> {
    condvar: Condvar,
    waker: OnceLock<W>,
}

/// What ends a sleep in a poll: the system's waker, or a model's.
pub(crate) trait Wake {
    /// Ends the sleep that goes on, or else the next one. Calls before that are one.
    fn wake(&self);
}

impl Wake for mio::Waker {
    #[inline]
    fn wake(&self) {
        // The only failure is a full counter, which means that it rings already.
        let _ = mio::Waker::wake(self);
    }
}

impl<W: Wake> Bell<W> {
    pub(crate) fn new() -> Bell<W> {
        Bell {
            condvar: Condvar::new(),
            waker: OnceLock::new(),
        }
    }

    /// Sets the waker of the socket's poll, once that exists.
    pub(crate) fn set_waker(&self, waker: W) {
        // A second poll for one socket is never made; if it were, the first waker stays.
        let _ = self.waker.set(waker);
    }

    /// Wakes those who were found waiting.
    #[inline]
    pub(crate) fn ring(&self, ring: Ring) {
        if ring.poll {
            if let Some(waker) = self.waker.get() {
                waker.wake();
            }
        }
        if ring.followers {
            self.condvar.notify_all();
        }
    }

    /// Passes the turn to drive on to somebody who waits for it.
    #[inline]
    pub(crate) fn part(&self, parting: Parting) {
        if parting.wake_follower {
            self.condvar.notify_one();
        }
    }

    /// Waits for a ring.
    pub(crate) fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        self.condvar.wait(guard, timeout)
    }
}
