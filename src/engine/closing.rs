//! Links are seen off: what was accepted is delivered as far as linger allows, and what was not is counted.

use std::time::Duration;

use super::actions::Action;
use super::{Engine, Life};
use crate::link::{Stage, Wire};
use crate::monitor::EventKind;
use crate::reactor::{Place, Timer};
use crate::waiters::Change;

impl<D> Engine<D> {
    /// A link gets no more messages, and goes once what it has queued is delivered or the linger
    /// time is over.
    pub(crate) fn see_off(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.leaving = true;
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let leave = Timer::Leave {
            link: key,
            epoch: link.epoch,
        };
        let flushed = link.is_flushed();
        match link.stage {
            Stage::Farewell | Stage::Draining => return,
            _ if link.pipe.is_some() && flushed => return self.remove_link(key),
            Stage::Waiting if flushed => {
                self.report(key, EventKind::Closed);
                return self.remove_link(key);
            }
            // It may have been asked for nothing: a stranger, or a socket that only receives.
            Stage::Handshake if flushed => {
                self.set_timer_after(Duration::ZERO, Timer::Farewell(place));
            }
            Stage::Up if flushed && link.pipe.is_none() => self.bid_farewell(key),
            Stage::Up if link.pipe.is_none() => self.watch_acknowledged(key),
            _ => {}
        }
        if let Some(linger) = self.options.linger {
            self.set_timer_after(linger, leave);
        }
    }

    /// A link at the beginning of linger.
    pub(crate) fn see_off_for_good(&mut self, key: usize) {
        let receives_only = !self.pattern.can().sends;
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        // Nothing is received any more: what fills the inbox must not keep the end of the connection,
        // which comes behind it, from being read.
        let (unread, paused) = link.recv_queue.forget();
        let stranger = link.stage == Stage::Handshake && link.is_flushed();
        let silent = link.is_flushed() && link.wire.as_ref().is_some_and(Wire::was_silent);
        let draining = link.stage == Stage::Draining;
        let connected = link.wire.is_some();
        self.actions.discard(unread);
        if draining {
            return self.remove_link(key);
        }
        if stranger || silent || receives_only && connected {
            // Nothing of ours is on its way.
            let place = self.give_up(key);
            return self.after_io(place);
        }
        if paused {
            self.work.read_later(key);
            self.tell_driver();
        }
        self.see_off(key);
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
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let place = self.give_up(key);
            self.after_io(place);
        }
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
