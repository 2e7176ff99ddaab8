//! [`Notifier`]: wakes what waits for a socket.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mio::unix::pipe;

use crate::sync::{Condvar, MutexGuard};
use crate::waiters::Wakeups;

/// The means to wake what waits for one socket. What to wake is found under the socket's lock
/// ([`Wakeups`]); the waking comes after the lock is released.
#[derive(Debug)]
pub(crate) struct Notifier<W = mio::Waker> {
    condvar: Condvar,
    waker: OnceLock<W>,
    descriptor: OnceLock<Arc<Descriptor>>,
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

impl<W: Wake> Notifier<W> {
    pub(crate) fn new() -> Notifier<W> {
        Notifier {
            condvar: Condvar::new(),
            waker: OnceLock::new(),
            descriptor: OnceLock::new(),
        }
    }

    /// Sets the waker of the socket's poll, once that exists.
    pub(crate) fn set_waker(&self, waker: W) {
        // A second poll for one socket is never made; if it were, the first waker stays.
        let _ = self.waker.set(waker);
    }

    /// The descriptor that a foreign poll watches, if one was asked for.
    pub(crate) fn descriptor(&self) -> Option<&Arc<Descriptor>> {
        self.descriptor.get()
    }

    /// The descriptor for a foreign poll, made now if need be.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn make_descriptor(&self) -> io::Result<&Arc<Descriptor>> {
        if let Some(descriptor) = self.descriptor.get() {
            return Ok(descriptor);
        }
        let made = Arc::new(Descriptor::new()?);
        Ok(self.descriptor.get_or_init(|| made))
    }

    /// Wakes those that were found waiting. To be called without the lock: a task's waker is the user's.
    #[inline]
    pub(crate) fn notify(&self, wakeups: Wakeups) {
        if wakeups.poll {
            if let Some(waker) = self.waker.get() {
                waker.wake();
            }
        }
        if wakeups.followers {
            self.condvar.notify_all();
        }
        if wakeups.descriptor {
            if let Some(descriptor) = self.descriptor.get() {
                descriptor.set();
            }
        }
        for task in wakeups.tasks {
            task.wake();
        }
    }

    /// Passes the turn to drive on to a caller that waits for it.
    #[inline]
    pub(crate) fn notify_one(&self) {
        self.condvar.notify_one();
    }

    /// Waits to be notified.
    pub(crate) fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        self.condvar.wait(guard, timeout)
    }
}

/// What a foreign poll watches: a pipe, because its readability means the same to every system and to
/// every way to ask for it, also where descriptors of polls do not nest.
#[derive(Debug)]
pub(crate) struct Descriptor {
    sender: pipe::Sender,
    receiver: pipe::Receiver,
}

impl Descriptor {
    fn new() -> io::Result<Descriptor> {
        let (sender, receiver) = pipe::new()?;
        receiver.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        Ok(Descriptor { sender, receiver })
    }

    /// Makes it readable.
    pub(crate) fn set(&self) {
        // It fails only when it is full, which is readable.
        let _ = (&self.sender).write(&[1]);
    }

    /// Makes it unreadable. What [`Notifier::notify`] is about to do may come after it: readable for no
    /// reason is harmless.
    pub(crate) fn clear(&self) {
        // There are as many bytes as threads were in `set` at once, no more.
        let mut bytes = [0; 64];
        while (&self.receiver)
            .read(&mut bytes)
            .is_ok_and(|read| read == bytes.len())
        {}
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn is_readable(descriptor: &Descriptor) -> bool {
        let found = (&descriptor.receiver).read(&mut [0]);
        found.is_ok_and(|read| read == 1)
    }

    #[test]
    fn a_descriptor_is_readable_from_when_it_is_set_until_it_is_cleared() {
        let notifier = Notifier::<mio::Waker>::new();
        assert!(notifier.descriptor().is_none());
        let descriptor = Arc::clone(notifier.make_descriptor().unwrap());
        assert!(Arc::ptr_eq(
            &descriptor,
            notifier.make_descriptor().unwrap()
        ));
        assert!(!is_readable(&descriptor));
        (0..100_000).for_each(|_| descriptor.set());
        descriptor.clear();
        assert!(!is_readable(&descriptor));
        let descriptor_only = Wakeups {
            descriptor: true,
            ..Wakeups::default()
        };
        notifier.notify(descriptor_only);
        assert!(is_readable(&descriptor));
    }
}
