//! [`ReadyList`]: the sockets that a poller is to look at next, which other threads put there.

use std::sync::Arc;
use std::task::Wake;

use crate::notifier;
use crate::sync::Mutex;

/// The keys of sockets that have something new, and what ends the poller's sleep.
///
/// A key is put here at most once between two looks at its socket: the socket's own
/// [`Pollers`](crate::waiters::pollers::Pollers) see to that, under the socket's lock. This lock is taken with
/// no other one held, and asks for none.
#[derive(Debug)]
pub(crate) struct ReadyList<W = mio::Waker> {
    state: Mutex<State>,
    waker: W,
}

/// | Field | What holds |
/// |---|---|
/// | `sleeping` | the poller sleeps, or is about to; then `keys` is empty and `woken` false. What changes that takes it back, and rings |
/// | `woken` | the poller is to come back without an event, once |
#[derive(Debug, Default)]
struct State {
    keys: Vec<usize>,
    sleeping: bool,
    woken: bool,
}

impl<W: notifier::Wake> ReadyList<W> {
    pub(crate) fn new(waker: W) -> ReadyList<W> {
        ReadyList {
            state: Mutex::new(State::default()),
            waker,
        }
    }

    /// A socket has something new.
    pub(crate) fn push(&self, key: usize) {
        self.change(|state| state.keys.push(key));
    }

    /// The poller is to come back, also without an event.
    pub(crate) fn wake(&self) {
        self.change(|state| state.woken = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        let ring = std::mem::take(&mut state.sleeping);
        drop(state);
        if ring {
            self.waker.wake();
        }
    }

    /// Moves the keys to `keys`. True: the poller was woken since it was asked last.
    pub(crate) fn take(&self, keys: &mut Vec<usize>) -> bool {
        let mut state = self.state.lock();
        keys.append(&mut state.keys);
        std::mem::take(&mut state.woken)
    }

    /// The poller has nothing to look at and is going to sleep. False: there is something now.
    pub(crate) fn sleep(&self) -> bool {
        let mut state = self.state.lock();
        state.sleeping = state.keys.is_empty() && !state.woken;
        state.sleeping
    }

    /// The poller has come back from its sleep.
    pub(crate) fn awake(&self) {
        self.state.lock().sleeping = false;
    }
}

/// What a socket calls to have itself put on a poller's list.
pub(crate) struct Entry<W = mio::Waker> {
    pub(crate) list: Arc<ReadyList<W>>,
    pub(crate) key: usize,
}

impl<W: notifier::Wake + Send + Sync> Wake for Entry<W> {
    fn wake(self: Arc<Self>) {
        self.list.push(self.key);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl notifier::Wake for &Rings {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_a_poller_that_sleeps_is_rung_for_and_once() {
        let rings = Rings::default();
        let list = ReadyList::new(&rings);
        let rung = || rings.0.load(Ordering::Relaxed);
        list.push(1);
        assert!(!list.sleep(), "there is something");
        let mut keys = Vec::new();
        assert!(!list.take(&mut keys));
        assert!(list.sleep());
        assert_eq!((rung(), &*keys), (0, &[1][..]));
        list.push(2);
        list.push(3);
        list.wake();
        assert_eq!(rung(), 1);
        list.awake();
        assert!(list.take(&mut keys), "it was woken");
        assert!(!list.take(&mut keys), "it was told");
        assert_eq!((rung(), &*keys), (1, &[1, 2, 3][..]));
    }
}
