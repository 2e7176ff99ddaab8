//! Monitors in a poller: watched as sockets are.

use std::sync::Arc;

use super::ready_list::Entry;
use super::slots::{address_of, Source};
use super::Poller;
use crate::error::Error;
use crate::interest::Interest;
use crate::monitor::Monitor;

impl<Key: Copy> Poller<Key> {
    /// Watches a [`Monitor`]: it is readable while an event waits. Once its socket is closed and all events
    /// are taken, or when it is dropped, that is told as [`closed`](crate::PollEvent::closed), once, and it has left the
    /// poller then.
    ///
    /// ```
    /// use sinew::{Context, Interest, Poller, Pull};
    ///
    /// let pull = Context::new().socket(Pull).open()?;
    /// let monitor = pull.monitor();
    /// let mut poller = Poller::new()?;
    /// poller.add(&pull, "messages", Interest::READABLE)?;
    /// poller.add_monitor(&monitor, "events")?;
    ///
    /// pull.bind("inproc://watched")?;
    /// let event = poller.wait(None)?.next().unwrap();
    /// assert!(event.key == "events" && event.readable);
    /// assert_eq!(monitor.try_recv()?.to_string(), "inproc://watched: listening");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::AlreadyPolled`] when it is in this poller.
    pub fn add_monitor(&mut self, monitor: &Monitor, key: Key) -> Result<(), Error> {
        let queue = monitor.queue();
        if self.slots.monitor(address_of(queue)).is_some() {
            return Err(Error::AlreadyPolled);
        }
        let entry = Entry {
            list: Arc::clone(&self.list),
            key: self.slots.next_place(),
        };
        let id = queue.add_poller(Arc::new(entry).into());
        let source = Source::Monitor(Arc::downgrade(queue), id);
        let place = self.slots.insert(key, Interest::READABLE, source);
        self.slots.list(place);
        Ok(())
    }

    /// Watches a monitor no longer.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller, or has left it, its socket being closed.
    pub fn remove_monitor(&mut self, monitor: &Monitor) -> Result<(), Error> {
        let place = self.slots.monitor(address_of(monitor.queue()));
        let place = place.ok_or(Error::NotPolled)?;
        self.remove_slot(place);
        Ok(())
    }
}
