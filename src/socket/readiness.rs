//! [`Readiness`]: a descriptor for event loops of the program's own.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use super::kind::Kind;
use super::Socket;
use crate::error::Error;
use crate::notifier::Descriptor;

/// A descriptor that is readable while there is news for a socket: for epoll, kqueue, `poll(2)`, and
/// whatever else waits for descriptors (`tokio::io::unix::AsyncFd`, `async_io::Async`, a window
/// system's loop). See [`Socket::readiness`].
///
/// Clones are the same descriptor, which stays open as long as one of them or the socket is there.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Descriptor>);

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Readiness {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl<K: Kind> Socket<K> {
    /// A descriptor that tells an event loop of the program's own when to look at this socket, over
    /// every transport. All calls give the same one.
    ///
    /// **The rule:** wait until it is readable, for reading only; then call what you are waiting to do,
    /// `try_recv`, `try_send` or both, until it says `WouldBlock`
    /// ([`is_would_block`](crate::RecvError::is_would_block)); then wait again. Never read from the
    /// descriptor yourself.
    ///
    /// - It is readable from the time that there may be a message until a receive says `WouldBlock`. So
    ///   a loop that is level-triggered (the default of epoll, `poll(2)`) may take as many as it likes
    ///   at a time; one that is edge-triggered (`EPOLLET`, tokio's and async-io's) has to go on until
    ///   `WouldBlock`.
    /// - After a send that said `WouldBlock` it is readable once a peer has room again, until any call
    ///   says `WouldBlock`. A socket that only sends is worth watching only while something waits to
    ///   be sent.
    /// - When the socket or its context is closed it is readable for ever; calls return `Closed`.
    /// - Now and then it is readable for nothing. `try_recv` then says `WouldBlock`.
    ///
    /// From the first call on, the background thread reads this socket's connections unless a call is
    /// doing it: a thread that waits in [`recv`](Socket::recv) still reads for itself. The cost is that
    /// thread's wake-up for each batch of messages, and two descriptors.
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("inproc://jobs")?;
    /// let push = context.socket(Push).connect("inproc://jobs")?;
    ///
    /// // Any poll will do; this is mio's.
    /// let mut poll = mio::Poll::new()?;
    /// let readiness = pull.readiness()?;
    /// poll.registry().register(
    ///     &mut mio::unix::SourceFd(&std::os::fd::AsRawFd::as_raw_fd(&readiness)),
    ///     mio::Token(0),
    ///     mio::Interest::READABLE,
    /// )?;
    ///
    /// push.send("job")?;
    /// let mut events = mio::Events::with_capacity(8);
    /// let mut jobs = Vec::new();
    /// while jobs.is_empty() {
    ///     poll.poll(&mut events, None)?;
    ///     while let Ok(job) = pull.try_recv() {
    ///         jobs.push(job);
    ///     }
    /// }
    /// assert_eq!(jobs, ["job"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::System`] when the process is out of descriptors.
    pub fn readiness(&self) -> Result<Readiness, Error> {
        self.core().readiness().map(Readiness)
    }
}
