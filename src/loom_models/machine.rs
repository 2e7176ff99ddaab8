//! What lies outside a miniature socket's lock: a kernel with a connection in it, and the reactor's mail.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::notifier::Wake;
use crate::sync::{Condvar, Mutex};

/// A socket's poll and the connection in it: edge-triggered, with a waker.
#[derive(Default)]
struct Kernel {
    inner: Mutex<Arrived>,
    condvar: Condvar,
}

#[derive(Default)]
struct Arrived {
    /// What the peer has sent and the socket has not read.
    bytes: VecDeque<u32>,
    /// An event that no thread was told of.
    event: bool,
    rung: bool,
    /// The reactor is told of events.
    nested: bool,
}

impl Arrived {
    fn has_news(&self) -> bool {
        self.event || self.rung
    }
}

pub(super) struct Eventfd(pub(super) Arc<Shared>);

impl Wake for Eventfd {
    fn wake(&self) {
        self.0.kernel.inner.lock().rung = true;
        self.0.kernel.condvar.notify_all();
        // The real one would wake the reactor too, to no use: the lease is a caller's.
    }
}

/// What the reactor is asked to do.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) ready: bool,
    pub(super) watch: bool,
    /// Threads that may still write.
    pub(super) writers: usize,
}

/// What lies outside the socket's lock.
#[derive(Default)]
pub(super) struct Shared {
    kernel: Kernel,
    pub(super) mail: Mutex<Mail>,
    pub(super) mail_came: Condvar,
}

impl Shared {
    pub(super) fn tell_reactor(&self, tell: impl FnOnce(&mut Mail)) {
        tell(&mut self.mail.lock());
        self.mail_came.notify_all();
    }

    /// The peer sends.
    pub(super) fn deliver(&self, message: u32) {
        let mut arrived = self.kernel.inner.lock();
        arrived.bytes.push_back(message);
        arrived.event = true;
        let nested = arrived.nested;
        drop(arrived);
        self.kernel.condvar.notify_all();
        if nested {
            self.tell_reactor(|mail| mail.ready = true);
        }
    }

    /// The peer sends something that no caller waits for: a PING.
    pub(super) fn stir(&self) {
        self.kernel.inner.lock().event = true;
        self.kernel.condvar.notify_all();
    }

    /// The reactor is told of events, and at once if there is one.
    pub(super) fn register(&self) {
        let mut arrived = self.kernel.inner.lock();
        arrived.nested = true;
        let news = arrived.has_news();
        drop(arrived);
        if news {
            self.tell_reactor(|mail| mail.ready = true);
        }
    }

    pub(super) fn deregister(&self) {
        self.kernel.inner.lock().nested = false;
    }

    /// Sleeps until there is news, and takes it.
    pub(super) fn sleep(&self) {
        let mut arrived = self.kernel.inner.lock();
        while !arrived.has_news() {
            arrived = self.kernel.condvar.wait(arrived, None);
        }
        (arrived.event, arrived.rung) = (false, false);
    }

    /// A poll that does not wait.
    pub(super) fn poll_now(&self) {
        let mut arrived = self.kernel.inner.lock();
        (arrived.event, arrived.rung) = (false, false);
    }

    pub(super) fn read(&self) -> VecDeque<u32> {
        std::mem::take(&mut self.kernel.inner.lock().bytes)
    }
}
