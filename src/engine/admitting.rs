//! What [`admission`](super::admission) decides, done: listeners that wait, and pending handshakes that go.

use std::sync::Arc;
use std::time::Instant;

use super::actions::Action;
use super::admission::Entrance;
use super::{Engine, Life};
use crate::endpoint::Endpoint;
use crate::link::ended::Ended;
use crate::link::{Origin, Stage};
use crate::monitor::EventKind;
use crate::reactor::{ConnectionId, Timer};

impl<D> Engine<D> {
    /// A listener wants to accept one connection. False: not now; the reactor is told when.
    pub(crate) fn may_accept(&mut self, endpoint: &Arc<Endpoint>, now: Instant) -> bool {
        if self.life != Life::Open {
            return false;
        }
        match self.admission.ask(now) {
            Entrance::Open => true,
            Entrance::Shut(bound, until) => {
                if let Some(at) = until {
                    if self.admission.ask_again() {
                        self.set_timer(at, Timer::Accept);
                    }
                }
                if self.admission.tells_shut(now) {
                    let reason = bound.reason().to_owned();
                    self.report_endpoint(endpoint, EventKind::AcceptPaused { reason });
                }
                false
            }
        }
    }

    /// A listener has brought a connection: makes a link for it. `None`: calls are served no more.
    pub(crate) fn accept(
        &mut self,
        endpoint: &Arc<Endpoint>,
        now: Instant,
    ) -> Option<ConnectionId> {
        if self.life != Life::Open {
            return None;
        }
        let id = self.add_link(Origin::Accepted, Stage::Handshake, endpoint);
        if let Some(gone) = self.admission.enter(now) {
            self.end_connection(gone.link, Ended::Crowded);
            self.advance(gone);
        }
        Some(id)
    }

    /// An accepted connection has begun. If its handshake did not end at once, it is one of those that
    /// are pending, and may crowd out another one, or be crowded out itself.
    pub(super) fn admit_stranger(&mut self, id: ConnectionId, now: Instant) {
        let Some(link) = self.link(id).filter(|link| link.is_in_handshake()) else {
            return;
        };
        let Some(connection) = link.connection() else {
            return;
        };
        let (address, said) = (connection.stream().peer_ip(), link.has_heard());
        let links = &self.links;
        let silent = |id: ConnectionId| links.get(id.link).is_some_and(|link| !link.has_heard());
        let admission = &mut self.admission;
        if let Some(gone) = admission.begin_handshake(id, address, now, said, silent) {
            self.end_connection(gone.link, Ended::Crowded);
            if gone != id {
                self.advance(gone);
            }
        }
        self.watch_pending();
    }

    /// Sets the timer for the oldest handshake, unless it runs.
    fn watch_pending(&mut self) {
        let Some(timeout) = self.options.handshake_timeout else {
            return;
        };
        if let Some(at) = self.admission.watch_oldest(timeout) {
            self.set_timer(at, Timer::Pending);
        }
    }

    /// The oldest handshakes may have taken too long.
    pub(super) fn end_overdue(&mut self, now: Instant) {
        self.admission.watched_oldest();
        let Some(timeout) = self.options.handshake_timeout else {
            return;
        };
        while let Some(id) = self.admission.overdue(timeout, now) {
            self.end_connection(id.link, Ended::HandshakeTimeout);
            self.advance(id);
        }
        self.resume_accepting();
        self.watch_pending();
    }
}

impl<D> Engine<D> {
    /// The connection of a link is gone, or about to go with it: what it took may be another's.
    pub(super) fn release_connection(&mut self, id: ConnectionId, origin: Origin) {
        if origin == Origin::Accepted {
            self.admission.leave(id);
            self.resume_accepting();
        }
    }

    /// Messages of a link, whose connection is gone or not, were received, or will not be.
    #[inline]
    pub(super) fn note_received(&mut self, departed: bool, messages: usize, bytes: usize) {
        if departed {
            self.admission.received(messages, bytes);
            self.resume_accepting();
        }
    }

    /// Has listeners that wait ask again, if there is room now.
    pub(super) fn resume_accepting(&mut self) {
        if self.admission.may_resume() {
            self.actions.push(Action::Accept);
        }
    }
}
