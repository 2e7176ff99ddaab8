//! Closing and linger: all links end, what was not delivered is counted, and with the last link the
//! socket is gone.

use std::time::{Duration, Instant};

use super::actions::Action;
use super::{Bound, Engine, Life};
use crate::link::ending::Cause;
use crate::reactor::Timer;
use crate::stats::CloseReport;
use crate::waiters::Change;

impl<D> Engine<D> {
    /// Serves no call any more. Gives what the socket was bound to; `None` if that was done before.
    pub(crate) fn begin_close(&mut self) -> Option<Vec<Bound>> {
        if self.life != Life::Open {
            return None;
        }
        self.life = Life::Lingering;
        Some(std::mem::take(&mut self.bound))
    }

    /// Begins the end of every link. Gives the time that they have for it, if that is bounded and there are
    /// any left.
    pub(crate) fn begin_linger(&mut self) -> Option<Duration> {
        self.end_all(Cause::Close);
        let linger = self.options.linger?;
        if linger.is_zero() {
            self.end_linger();
            return None;
        }
        (!self.links.is_empty()).then_some(linger)
    }

    /// The time to linger is over at this instant.
    pub(crate) fn linger_until(&mut self, at: Instant) {
        self.set_timer(at, Timer::Linger);
    }

    /// Calls that wait learn that it is over; from then on the reactor drives. Gives the driver, if a caller
    /// had the lease.
    pub(crate) fn end_calls(&mut self) -> Option<D> {
        #[cfg(any(feature = "log", feature = "tracing"))]
        self.set_timer_after(crate::tuning::LINGER_NOTICE, Timer::StillLingering);
        self.check_closed();
        self.notify(Change::Closed);
        let driver = self.waiters.surrender();
        if driver.is_none() {
            self.actions.push(Action::Watch);
        }
        driver
    }

    /// What `close` tells, once the last link is gone.
    pub(crate) fn close_report(&self) -> Option<CloseReport> {
        let undelivered = self.ledger.undelivered();
        (self.life == Life::Closed).then_some(CloseReport { undelivered })
    }

    /// The reactor has panicked: ends everything at once. What was queued is lost and counted. Gives what the
    /// socket was bound to; `None` if it is closed already.
    pub(crate) fn end_without_reactor(&mut self) -> Option<Vec<Bound>> {
        if self.life == Life::Closed {
            return None;
        }
        self.reactor_died = true;
        // What is lost from here on counts as undelivered.
        self.life = Life::Lingering;
        let bound = std::mem::take(&mut self.bound);
        self.end_all(Cause::GiveUp);
        self.check_closed();
        Some(bound)
    }

    /// Begins the end of every link, or hastens it.
    fn end_all(&mut self, cause: Cause) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.end_link(key, cause);
        }
    }

    /// Tells the log what closing waits for, and how long it may.
    #[cfg(any(feature = "log", feature = "tracing"))]
    pub(super) fn say_lingering(&mut self) {
        let mut messages = 0;
        let mut first = None;
        for (_, link) in self.links.iter() {
            let waiting = link.undelivered();
            messages += waiting;
            first = first.or((waiting > 0).then(|| link.endpoint().to_string()));
        }
        if let (Life::Lingering, Some(first)) = (self.life, first) {
            let most = self.options.linger.map_or_else(
                || "for ever".to_owned(),
                |linger| format!("at most {linger:?}"),
            );
            let text = format!(
                "is closed and lingers, {most}: {messages} messages wait for peers, the first at {first}"
            );
            self.actions.push(Action::LogLinger(text));
        }
    }

    /// The time to linger is over.
    pub(crate) fn end_linger(&mut self) {
        if self.life != Life::Lingering {
            return;
        }
        self.end_all(Cause::LingerOver);
        self.check_closed();
    }

    /// Once the last link is gone, so is the socket.
    pub(super) fn check_closed(&mut self) {
        if self.life != Life::Lingering || !self.links.is_empty() {
            return;
        }
        self.life = Life::Closed;
        for monitor in self.monitors.drain(..) {
            monitor.end();
        }
        self.actions.push(Action::Remove);
        self.actions.push(Action::Leave);
        self.notify(Change::Closed);
    }
}
