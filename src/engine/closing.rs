//! Closing and linger: all links end, what was not delivered is counted, and with the last link the
//! socket is gone.

use super::actions::Action;
use super::{Engine, Life};
use crate::link::ending::Cause;
use crate::waiters::Change;

impl<D> Engine<D> {
    /// Begins the end of every link, or hastens it.
    pub(crate) fn end_all(&mut self, cause: Cause) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.end_link(key, cause);
        }
    }

    /// Tells the log what closing waits for, and how long it may.
    #[cfg(feature = "log")]
    pub(crate) fn say_lingering(&mut self) {
        let mut messages = 0;
        let mut first = None;
        for (_, link) in self.links.iter() {
            let waiting = link.undelivered();
            messages += waiting;
            first = first.or((waiting > 0).then(|| link.endpoint.to_string()));
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
    pub(crate) fn check_closed(&mut self) {
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
