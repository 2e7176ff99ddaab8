//! [`EventQueue`]: the events that a monitor has not taken, bounded by their number and their bytes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::event::Event;
use crate::error::RecvError;
use crate::interest::Interest;
use crate::sync::{Condvar, Mutex};
use crate::tuning;
use crate::waiters::pollers::{PollerId, Pollers};
use crate::waiters::Change;

/// The queue between a socket and one [`Monitor`](super::Monitor).
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
    /// The socket is gone, or the monitor is: what is queued is the last.
    ended: bool,
    pollers: Pollers,
}

/// What a poller finds when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Event,
    Nothing,
    /// No event is there, and none will come.
    End,
}

impl Queued {
    fn take(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(event.cost());
        Some(event)
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
        if queued.ended {
            return;
        }
        while queued.events.len() >= tuning::MONITOR_EVENTS
            || queued.bytes + cost > tuning::MONITOR_BYTES && !queued.events.is_empty()
        {
            queued.take();
            queued.missed += 1;
        }
        queued.bytes += cost;
        queued.events.push_back(event);
        let mut told = Vec::new();
        queued.pollers.change(Change::Messages, &mut told);
        drop(queued);
        self.condvar.notify_one();
        told.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn end(&self) {
        let mut queued = self.inner.lock();
        queued.ended = true;
        let mut told = Vec::new();
        queued.pollers.change(Change::Closed, &mut told);
        drop(queued);
        self.condvar.notify_all();
        told.into_iter().for_each(Waker::wake);
    }

    /// The monitor is dropped: nothing is received any more.
    pub(super) fn abandon(&self) {
        let events = std::mem::take(&mut self.inner.lock().events);
        drop(events);
        self.end();
    }

    /// A poller watches from now on; it is to look first. `waker` is the library's own: it is called under a
    /// socket's lock too.
    pub(crate) fn add_poller(&self, waker: Waker) -> PollerId {
        let mut queued = self.inner.lock();
        queued.pollers.add(Interest::READABLE, waker)
    }

    pub(crate) fn remove_poller(&self, id: PollerId) {
        self.inner.lock().pollers.remove(id);
    }

    /// Whether there is an event, or no more will come. If neither, the next change is told to `id`.
    pub(crate) fn look(&self, id: PollerId) -> Sight {
        let mut queued = self.inner.lock();
        if !queued.events.is_empty() {
            return Sight::Event;
        }
        if queued.ended {
            return Sight::End;
        }
        queued.pollers.arm(id);
        Sight::Nothing
    }

    /// How many events made room for later ones.
    pub(super) fn missed(&self) -> u64 {
        self.inner.lock().missed
    }

    /// The next event; `None`: waits for ever.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Result<Event, RecvError> {
        let mut queued = self.inner.lock();
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
            queued = self.condvar.wait(queued, left);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::monitor::EventKind;

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
        assert_eq!(queue.take(Some(Instant::now())), Err(RecvError::TimedOut));
        for n in 0..tuning::MONITOR_EVENTS as u64 + 3 {
            queue.push(Arc::new(event(n)));
        }
        assert_eq!(queue.missed(), 3);
        assert_eq!(queue.take(None), Ok(event(3)));
        queue.end();
        while queue.take(Some(Instant::now())).is_ok() {}
        assert_eq!(queue.take(None), Err(RecvError::Closed));
    }

    #[test]
    fn large_events_that_nobody_takes_are_bounded_by_their_bytes() {
        let queue = EventQueue::new();
        let large = |first: u8| {
            let mut event = event(0);
            let mut topic = vec![0; tuning::MONITOR_BYTES / 4];
            topic[0] = first;
            let topic = topic.into();
            event.kind = EventKind::Subscribed { topic };
            Arc::new(event)
        };
        (0..10).for_each(|n| queue.push(large(n)));
        assert_eq!(queue.missed(), 7);
        assert_eq!(queue.take(None).unwrap(), *large(7));
        // One that is larger than the bound is held alone.
        let mut huge = event(0);
        huge.peer_address = Some("x".repeat(2 * tuning::MONITOR_BYTES));
        queue.push(Arc::new(huge.clone()));
        assert_eq!(queue.take(None).unwrap(), huge);
        assert_eq!(queue.missed(), 9);
        queue.push(Arc::new(event(1)));
        assert_eq!(queue.take(None).unwrap(), event(1));
    }
}
