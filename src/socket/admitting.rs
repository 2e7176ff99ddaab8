//! What [`admission`](super::admission) decides, done: listeners that wait, and strangers that go.

use std::sync::Arc;
use std::time::Instant;

use super::actions::Action;
use super::admission::Entrance;
use super::core::Core;
use super::state::{Life, State};
use crate::endpoint::Endpoint;
use crate::link::reader::Ended;
use crate::link::{Origin, Stage};
use crate::monitor::EventKind;
use crate::reactor::timers::deadline;
use crate::reactor::{Place, Timer};
use crate::tuning;

impl Core {
    /// A listener wants to accept one connection. False: not now; the reactor is told when.
    pub(super) fn admit(&self, endpoint: &Arc<Endpoint>) -> bool {
        let mut locked = self.lock();
        let state = locked.engine();
        if state.life != Life::Open {
            return false;
        }
        let now = Instant::now();
        match state.admission.ask(now) {
            Entrance::Open => true,
            Entrance::Shut(bound, until) => {
                if let Some(at) = until.filter(|_| !state.accept_timer) {
                    state.accept_timer = true;
                    state.set_timer(at, Timer::Accept);
                }
                let last = state
                    .told_shut
                    .and_then(|at| deadline(at, tuning::SHUT_EVENTS));
                if last.is_none_or(|next| next <= now) {
                    state.told_shut = Some(now);
                    let reason = bound.reason().to_owned();
                    state.report_endpoint(endpoint, EventKind::AcceptPaused { reason });
                }
                false
            }
        }
    }

    /// An accepted connection has begun. If its handshake did not end at once, it is one of those that
    /// are pending, and may crowd out another one, or be crowded out itself.
    pub(super) fn admit_stranger(&self, state: &mut State, place: Place, now: Instant) {
        let Some(link) = state.link(place) else {
            return;
        };
        let Some(wire) = link
            .wire
            .as_ref()
            .filter(|_| link.stage == Stage::Handshake)
        else {
            return;
        };
        let (address, said) = (wire.stream.peer_ip(), link.peer_spoke);
        let links = &state.links;
        let silent = |place: Place| links.get(place.link).is_some_and(|link| !link.peer_spoke);
        let pending = &mut state.admission.pending;
        if let Some(gone) = pending.enter(place, address, now, said, silent) {
            state.end_wire(gone.link, Ended::Crowded);
            if gone != place {
                self.after_io(state, gone);
            }
        }
        self.watch_pending(state);
    }

    /// Sets the timer for the oldest handshake, unless it runs.
    fn watch_pending(&self, state: &mut State) {
        let Some(timeout) = self.options.handshake_timeout else {
            return;
        };
        if state.pending_timer {
            return;
        }
        let oldest = state.admission.pending.oldest_since();
        if let Some(at) = oldest.and_then(|since| deadline(since, timeout)) {
            state.pending_timer = true;
            state.set_timer(at, Timer::Pending);
        }
    }

    /// The oldest handshakes may have taken too long.
    pub(super) fn end_overdue(&self, state: &mut State, now: Instant) {
        state.pending_timer = false;
        let Some(timeout) = self.options.handshake_timeout else {
            return;
        };
        while let Some(place) = state.admission.pending.overdue(timeout, now) {
            state.end_wire(place.link, Ended::HandshakeTimeout);
            self.after_io(state, place);
        }
        state.resume_accepting();
        self.watch_pending(state);
    }
}

impl State {
    /// The connection of a link is gone, or about to go with it: what it took may be another's.
    pub(super) fn release_connection(&mut self, place: Place, origin: Origin) {
        if origin == Origin::Accepted {
            self.admission.leave(place);
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
