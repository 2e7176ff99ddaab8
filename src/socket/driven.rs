//! What the reactor does for a socket: the other hands on the same work.

use std::io;
use std::sync::{Arc, Weak};

use super::core::Core;
use super::locked::Locked;
use super::state::State;
use super::waiting::PASSES;
use crate::endpoint::Endpoint;
use crate::lease::Tick;
use crate::monitor::EventKind;
use crate::reactor::{Command, Drive, Handle, Place, Timer, Watch};
use crate::transport::Stream;

impl Drive for Core {
    fn on_ready(&self) {
        let mut locked = self.lock();
        // Another thread drives, or has been here since: then it is theirs.
        if let Some(driver) = locked.engine().lease.enter_reactor() {
            self.drive_for_reactor(&mut locked, driver);
        }
    }

    fn on_watch(&self) -> Watch {
        let mut locked = self.lock();
        match locked.engine().lease.tick() {
            Tick::Busy => Watch::Again,
            Tick::Inside | Tick::Mine => Watch::Stop,
            Tick::Lapsed(driver) => {
                locked.unlocked(|| self.hand_to_reactor());
                self.drive_for_reactor(&mut locked, driver);
                Watch::Stop
            }
        }
    }

    fn on_sweep(&self) -> bool {
        let mut locked = self.lock();
        let found = !locked.engine().dirty.is_empty();
        self.flush_dirty(&mut locked);
        let state = locked.engine();
        let hot = state.heat.sweep(found);
        if !hot && !state.dirty.is_empty() {
            // It cooled down while something was being queued: write that too.
            self.flush_dirty(&mut locked);
        }
        hot
    }

    fn on_help(&self, helper: Handle) {
        self.help(helper);
    }

    fn on_timer(&self, timer: Timer) {
        self.on_link_timer(timer);
    }

    fn is_current(&self, timer: Timer) -> bool {
        self.lock().engine().is_current(timer)
    }

    fn has_link(&self, place: Place) -> bool {
        self.lock().engine().link(place).is_some()
    }

    fn may_accept(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.admit(endpoint)
    }

    fn on_accepted(&self, endpoint: &Arc<Endpoint>, stream: Stream) {
        self.adopt_accepted(endpoint, stream);
    }

    fn on_accept_failed(&self, endpoint: &Arc<Endpoint>, error: io::Error) {
        let mut locked = self.lock();
        let state = locked.engine();
        let reason = error.to_string();
        state.report_endpoint(endpoint, EventKind::AcceptFailed { reason });
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
    pub(super) fn share(&self, locked: &mut Locked<'_>, links: usize, bytes: usize) {
        if let Some(helper) = locked.engine().helpers.hire(links, bytes) {
            locked.unlocked(|| self.ask(&helper));
        }
    }

    #[cold]
    fn ask(&self, helper: &Handle) {
        // A command that is never run, because the context is at its end, must keep nobody alive.
        let me: Weak<dyn Drive> = self.me.clone();
        helper.send(Command::Help(me));
    }

    /// A reactor has come to help: one turn.
    pub(super) fn help(&self, helper: Handle) {
        let mut locked = self.lock();
        let mut found = false;
        for _ in 0..PASSES {
            let state = locked.engine();
            if let Some(key) = state.due.pop() {
                self.flush(&mut locked, key);
            } else if !state.ready.is_empty() {
                self.serve(&mut locked, 1);
            } else {
                break;
            }
            found = true;
            // The driver may be asleep, and shall see at once what was brought.
            locked.release();
        }
        let state = locked.engine();
        state.helpers.learn(found);
        if state.is_shared_work() {
            // The helper's other sockets first.
            locked.release();
            return self.ask(&helper);
        }
        state.helpers.dismiss(helper);
        if !state.ready.is_empty() {
            // The last link is the driver's again.
            state.tell_driver();
        }
    }
}

impl State {
    /// Whether there is still more than one hand can do: a lone link, or what others are about to
    /// finish, is not.
    fn is_shared_work(&self) -> bool {
        !self.due.is_empty() || !self.ready.is_empty() && self.ready.len() + self.reading > 1
    }
}
