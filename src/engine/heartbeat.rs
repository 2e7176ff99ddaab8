//! Heartbeats of established connections (RFC 37, "Heartbeating"): their timers, and what is done when one
//! is due.

use std::time::Instant;

use super::Engine;
use crate::reactor::{ConnectionId, Timer};

impl<D> Engine<D> {
    /// A timer that a connection asked for is due. True: it may have something to write.
    pub(crate) fn handle_session_timeout(
        &mut self,
        id: ConnectionId,
        at: Instant,
        now: Instant,
    ) -> bool {
        let beats = self.heartbeats;
        let waits = self.work.is_to_be_read(id.link);
        let Some(link) = self.link(id).filter(|link| link.awaits_timer(at)) else {
            return false;
        };
        if let Some(event) = link.handle_timeout(now, &beats, waits) {
            self.handle_event(id, event);
        }
        self.watch_session(id);
        true
    }

    /// Sets the timer that a connection asks for, unless one runs that comes as early.
    pub(super) fn watch_session(&mut self, id: ConnectionId) {
        if let Some(at) = self.link(id).and_then(|link| link.session().next_timer()) {
            self.set_timer(at, Timer::Session { id, at });
        }
    }
}
