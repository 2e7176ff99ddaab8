//! What the reactor does for a socket: the other hands on the same work.

use std::io;
use std::sync::Arc;

use super::core::Core;
use crate::endpoint::Endpoint;
use crate::lease::Tick;
use crate::monitor::EventKind;
use crate::reactor::{Drive, Place, Timer, Watch};
use crate::transport::Stream;

impl Drive for Core {
    fn on_ready(&self) {
        let mut state = self.lock();
        // Somebody drives, or has been here since: then it is theirs.
        let Some(driver) = state.lease.enter_reactor() else {
            return;
        };
        state = self.drive_for_reactor(state, driver);
        self.unlock(state);
    }

    fn on_watch(&self) -> Watch {
        let mut state = self.lock();
        match state.lease.tick() {
            Tick::Busy => Watch::Again,
            Tick::Inside | Tick::Mine => Watch::Stop,
            Tick::Lapsed(driver) => {
                drop(state);
                self.hand_to_reactor();
                state = self.lock();
                state = self.drive_for_reactor(state, driver);
                self.unlock(state);
                Watch::Stop
            }
        }
    }

    fn on_sweep(&self) -> bool {
        let mut state = self.lock();
        let found = !state.dirty.is_empty();
        state = self.flush_dirty(state);
        let hot = state.heat.sweep(found);
        if !hot && !state.dirty.is_empty() {
            // It cooled down while something was being queued: write that too.
            state = self.flush_dirty(state);
        }
        self.unlock(state);
        hot
    }

    fn on_timer(&self, timer: Timer) {
        self.on_link_timer(timer);
    }

    fn on_accepted(&self, endpoint: &Arc<Endpoint>, stream: Stream) {
        self.adopt_accepted(endpoint, stream);
    }

    fn on_accept_failed(&self, endpoint: &Arc<Endpoint>, error: io::Error) {
        let mut state = self.lock();
        let reason = error.to_string();
        state.report_endpoint(endpoint, EventKind::AcceptFailed { reason });
        self.unlock(state);
    }

    fn on_connected(&self, place: Place, outcome: io::Result<Stream>) {
        self.adopt_connected(place, outcome);
    }
}
