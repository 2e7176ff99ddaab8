//! What the reactor does for a socket: the other hands on the same work.

use std::io;
use std::sync::{Arc, Weak};

use super::core::{Core, Guard};
use super::state::State;
use super::waiting::PASSES;
use crate::endpoint::Endpoint;
use crate::lease::Tick;
use crate::monitor::EventKind;
use crate::reactor::{Command, Drive, Handle, Place, Timer, Watch};
use crate::transport::Stream;

impl Drive for Core {
    fn on_ready(&self) {
        let mut state = self.lock();
        // Somebody drives, or has been here since: then it is theirs.
        let Some(driver) = state.lease.enter_reactor() else {
            return self.unlock(state);
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

    fn on_help(&self, helper: Handle) {
        self.help(helper);
    }

    fn on_timer(&self, timer: Timer) {
        self.on_link_timer(timer);
    }

    fn is_current(&self, timer: Timer) -> bool {
        self.lock().is_current(timer)
    }

    fn has_link(&self, place: Place) -> bool {
        self.lock().link(place).is_some()
    }

    fn may_accept(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.admit(endpoint)
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

    fn on_reactor_died(&self) {
        self.end_without_reactor();
    }
}

impl Core {
    /// Links wait for a pass, of which the last one moved so many bytes: asks for help if there is
    /// some and it pays.
    #[inline]
    pub(super) fn share<'a>(
        &'a self,
        mut state: Guard<'a>,
        links: usize,
        bytes: usize,
    ) -> Guard<'a> {
        let Some(helper) = state.helpers.hire(links, bytes) else {
            return state;
        };
        drop(state);
        self.ask(&helper);
        self.lock()
    }

    #[cold]
    fn ask(&self, helper: &Handle) {
        // A command that is never run, because the context is at its end, must keep nobody alive.
        let me: Weak<dyn Drive> = self.me.clone();
        helper.send(Command::Help(me));
    }

    /// A reactor has come to help: one turn.
    pub(super) fn help(&self, helper: Handle) {
        let mut state = self.lock();
        let mut found = false;
        for _ in 0..PASSES {
            if let Some(key) = state.due.pop() {
                state = self.flush(state, key);
            } else if !state.ready.is_empty() {
                state = self.serve(state, 1);
            } else {
                break;
            }
            found = true;
            // Whoever drives may be asleep, and shall see at once what was brought.
            self.unlock(state);
            state = self.lock();
        }
        state.helpers.learn(found);
        if state.is_shared_work() {
            // The helper's other sockets first.
            self.unlock(state);
            return self.ask(&helper);
        }
        state.helpers.dismiss(helper);
        if !state.ready.is_empty() {
            // The last link is the driver's again.
            state.tell_driver();
        }
        self.unlock(state);
    }
}

impl State {
    /// Whether there is still more than one hand can do: a lone link, or what others are about to
    /// finish, is not.
    fn is_shared_work(&self) -> bool {
        !self.due.is_empty() || !self.ready.is_empty() && self.ready.len() + self.reading > 1
    }
}
