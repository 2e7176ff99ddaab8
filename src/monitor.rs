//! [`Monitor`]: what happens to a socket's connections, as events.

mod event;
mod queue;
mod reason;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::RecvError;
use crate::reactor::timers::deadline;

pub use event::{Event, EventKind};
pub(crate) use queue::{EventQueue, Sight};
pub use reason::{Reason, ReasonKind};

/// The events of one socket, from the moment it was made; see
/// [`Socket::monitor`](crate::Socket::monitor).
///
/// Holds at most 1024 events, and at most 256 KiB of them: when they are not taken, the oldest go, and
/// [`missed`](Monitor::missed) counts them. Several monitors of a socket share the events. It never
/// holds up the socket. A [`Poller`](crate::Poller) can watch it ([`add_monitor`](crate::Poller::add_monitor)).
#[derive(Debug)]
pub struct Monitor(Arc<EventQueue>);

impl Drop for Monitor {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Monitor {
    pub(crate) fn new(queue: Arc<EventQueue>) -> Monitor {
        Monitor(queue)
    }

    pub(crate) fn queue(&self) -> &Arc<EventQueue> {
        &self.0
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// `Closed` once the socket is closed and all events are taken.
    pub fn recv(&self) -> Result<Event, RecvError> {
        self.0.take(None)
    }

    /// The next event, if there is one now.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, `Closed` as for [`Monitor::recv`].
    pub fn try_recv(&self) -> Result<Event, RecvError> {
        match self.0.take(Some(Instant::now())) {
            Err(RecvError::TimedOut) => Err(RecvError::WouldBlock),
            other => other,
        }
    }

    /// Waits for the next event, but no longer than `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when none came, `Closed` as for [`Monitor::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Event, RecvError> {
        self.0.take(deadline(Instant::now(), timeout))
    }

    /// Waits for the next event until `deadline` at the latest. One that is there is taken also when
    /// the deadline has passed.
    ///
    /// # Errors
    /// `TimedOut` when none came, `Closed` as for [`Monitor::recv`].
    pub fn recv_deadline(&self, deadline: Instant) -> Result<Event, RecvError> {
        self.0.take(Some(deadline))
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
        self.0.missed()
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
    fn events_are_taken_in_order_until_the_socket_is_gone() {
        let queue = EventQueue::new();
        let monitor = Monitor::new(Arc::clone(&queue));
        let event = |kind| Event {
            kind,
            endpoint: Arc::new("inproc://x".parse().unwrap()),
            peer_address: None,
            peer: None,
        };
        let (first, last) = (event(EventKind::Listening), event(EventKind::Closed));
        assert_eq!(monitor.try_recv(), Err(RecvError::WouldBlock));
        let passed = monitor.recv_deadline(Instant::now());
        assert_eq!(passed, Err(RecvError::TimedOut));
        for event in [&first, &last] {
            queue.push(Arc::new(event.clone()));
        }
        assert_eq!(monitor.recv_timeout(Duration::MAX), Ok(first));
        assert!(monitor.try_iter().eq([last.clone()]));
        queue.push(Arc::new(last.clone()));
        queue.end();
        assert!(monitor.iter().eq([last]));
        assert_eq!(monitor.try_recv(), Err(RecvError::Closed));
    }
}
