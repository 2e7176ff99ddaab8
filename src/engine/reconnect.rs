//! Reconnecting, the decision: a link of `connect` that has lost its connection, or could not get one, tries again
//! after a pause, or is given up. What it goes by is [`retry`](crate::link::retry); the try is `reactor/connect`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actions::Action;
use super::Engine;
use crate::link::ending::Cause;
use crate::link::retry::pause;
use crate::monitor::{EventKind, Reason};
use crate::reactor::{ConnectionId, Timer};

impl<D> Engine<D> {
    /// Has a link without a connection connect, after the pause that is due.
    fn try_again(&mut self, key: usize) {
        let options = Arc::clone(&self.options);
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if options.reconnect_stop.after_disconnect && link.is_leaving() {
            link.retry().stop();
        }
        let Some(setbacks) = link.retry().next(options.reconnect_attempts) else {
            self.report(key, EventKind::ConnectGivenUp);
            return self.end_link(key, Cause::GiveUp);
        };
        let (first, most) = (options.reconnect_interval, options.reconnect_interval_max);
        let after = pause(first, most, setbacks, self.jitter.next());
        self.report(key, EventKind::ConnectRetried { after });
        self.connect_link(key, after);
    }

    /// A try to connect has brought a connection: names it. `None`: the link is gone, or wants it no more.
    pub(crate) fn connected(&mut self, id: ConnectionId) -> Option<ConnectionId> {
        let generation = self.next_generation();
        let link = self.link(id)?;
        link.begin_handshake();
        Some(link.renew(generation))
    }

    /// A try to connect has failed. `refused`: nothing listens there.
    pub(crate) fn connect_failed(&mut self, id: ConnectionId, reason: Reason, refused: bool) {
        if self.link(id).is_none() {
            return;
        }
        let key = id.link;
        self.report(key, EventKind::ConnectFailed { reason });
        if refused && self.options.reconnect_stop.refused {
            if let Some(link) = self.links.get_mut(key) {
                link.retry().stop();
            }
        }
        self.try_again(key);
        self.check_closed();
    }

    /// Has a link connect.
    pub(super) fn connect_link(&mut self, key: usize, after: Duration) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let endpoint = Arc::clone(link.endpoint());
        self.actions.push(Action::Connect {
            id: link.id(),
            endpoint,
            after,
        });
    }

    /// A handshake that did not end at once is given its time; accepted ones have one timer together.
    pub(crate) fn bound_handshake(&mut self, id: ConnectionId, accepted: bool, now: Instant) {
        if !self.is_in_handshake(id) {
            return;
        }
        if accepted {
            return self.admit_stranger(id, now);
        }
        if let Some(timeout) = self.options.handshake_timeout {
            self.set_timer_after(timeout, Timer::Handshake(id));
        }
    }

    /// Whether a connection is there, and its handshake not done.
    pub(super) fn is_in_handshake(&mut self, id: ConnectionId) -> bool {
        self.link(id).is_some_and(|link| link.is_in_handshake())
    }

    /// A connection of `connect` is gone, and what it had not taken is queued for the next one, which is
    /// tried for.
    pub(super) fn reconnect(&mut self, key: usize) {
        let generation = self.next_generation();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.renew(generation);
        link.renew_settings(&self.options);
        let queued = link.send_queue().messages();
        // The pattern knows that what is left in the inbox may hold the answer, or mere noise.
        self.pattern.connection_lost(key, queued);
        self.update_room(key);
        self.wake_waiters();
        self.try_again(key);
    }
}
