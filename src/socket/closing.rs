//! The end of a socket: what was accepted is delivered as far as linger allows, and what was not is
//! counted.

use std::time::{Duration, Instant};

use super::actions::Action;
use super::core::Core;
use super::locked::Locked;
use super::state::{Life, State};
use super::waiting::Wait;
use crate::link::{Stage, Wire};
use crate::reactor::timers::deadline;
use crate::reactor::Timer;
use crate::stats::CloseReport;

impl Core {
    /// Closes, and waits until everything is delivered or linger is over.
    pub(crate) fn close_and_wait(&self) -> CloseReport {
        if self.context.is_forked() {
            // Nothing of it is this process's, and a thread that is not here may have held the lock.
            return CloseReport { undelivered: 0 };
        }
        self.begin_close();
        let mut locked = self.lock();
        let mut tried = false;
        while locked.engine().life != Life::Closed {
            // Driving from here saves the reactor a wake-up; the reactor keeps the deadline.
            let _ = self.wait(&mut locked, Wait::Forever, &mut tried);
        }
        CloseReport {
            undelivered: locked.engine().undelivered,
        }
    }

    /// Stops serving calls, wakes those who wait, and starts to linger.
    pub(crate) fn begin_close(&self) {
        if self.context.is_forked() {
            // The connections are the parent's; whatever was done to them here would be done there.
            return;
        }
        let mut locked = self.lock();
        let state = locked.engine();
        if state.life != Life::Open {
            return;
        }
        state.life = Life::Lingering;
        let unread = std::mem::take(&mut *self.front.lock());
        state.actions.discard(unread);
        let bound = std::mem::take(&mut state.bound);
        locked.release();
        for bound in bound {
            self.release(bound);
        }
        self.start_linger(&mut locked);
    }

    fn start_linger(&self, locked: &mut Locked<'_>) {
        self.flush_dirty(locked);
        let state = locked.engine();
        let keys: Vec<_> = state.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.see_off_for_good(state, key);
        }
        match self.options.linger {
            Some(Duration::ZERO) => self.end_linger(state),
            Some(linger) => {
                if let Some(at) = deadline(Instant::now(), linger) {
                    // A socket that has only inproc peers has had no use for a reactor so far.
                    if !state.links.is_empty() {
                        locked.release();
                        if self.poll_side().is_err() {
                            self.end_linger(locked.engine());
                        }
                    }
                    locked.engine().set_timer(at, Timer::Linger);
                }
            }
            None => {}
        }
        let state = locked.engine();
        #[cfg(feature = "log")]
        state.set_timer_after(crate::tuning::LINGER_NOTICE, Timer::StillLingering);
        self.check_closed(state);
        // Whoever waits in a call learns that it is over; then the reactor is the one who drives.
        state.wake_waiters();
        if let Some(driver) = state.lease.surrender() {
            locked.unlocked(|| self.hand_to_reactor());
            let state = locked.engine();
            let parting = state.lease.leave_reactor(driver);
            self.bell.part(parting);
            state.actions.push(Action::Drive);
        } else {
            state.actions.push(Action::Watch);
        }
    }

    /// A link at the beginning of linger.
    fn see_off_for_good(&self, state: &mut State, key: usize) {
        let receives_only = !state.pattern.can().sends;
        let Some(link) = state.links.get_mut(key) else {
            return;
        };
        // Nothing is received any more: what fills the inbox must not keep the end of the connection,
        // which comes behind it, from being read.
        let unread = std::mem::take(&mut link.inbox);
        link.inward.settle(0, 0);
        let paused = std::mem::take(&mut link.paused);
        let stranger = link.stage == Stage::Handshake && link.is_flushed();
        let silent = link.is_flushed() && link.wire.as_ref().is_some_and(Wire::was_silent);
        let draining = link.stage == Stage::Draining;
        let connected = link.wire.is_some();
        state.actions.discard(unread);
        if draining {
            return state.remove_link(key);
        }
        if stranger || silent || receives_only && connected {
            // Nothing of ours is on its way.
            let place = state.give_up(key);
            return self.after_io(state, place);
        }
        if paused {
            state.enqueue(key);
            state.tell_driver();
        }
        self.see_off(state, key);
    }

    /// Tells the log what closing waits for, and how long it may.
    #[cfg(feature = "log")]
    pub(super) fn say_lingering(&self, state: &mut State) {
        let mut messages = 0;
        let mut first = None;
        for (_, link) in state.links.iter() {
            let waiting = link.undelivered();
            messages += waiting;
            first = first.or((waiting > 0).then(|| link.endpoint.to_string()));
        }
        if let (Life::Lingering, Some(first)) = (state.life, first) {
            let most = self.options.linger.map_or_else(
                || "for ever".to_owned(),
                |linger| format!("at most {linger:?}"),
            );
            let text = format!(
                "is closed and lingers, {most}: {messages} messages wait for peers, the first at {first}"
            );
            state.actions.push(Action::LogLinger(text));
        }
    }

    /// The time to linger is over.
    pub(super) fn end_linger(&self, state: &mut State) {
        if state.life != Life::Lingering {
            return;
        }
        let keys: Vec<_> = state.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let place = state.give_up(key);
            self.after_io(state, place);
        }
        self.check_closed(state);
    }

    /// Once the last link is gone, so is the socket.
    pub(super) fn check_closed(&self, state: &mut State) {
        if state.life != Life::Lingering || !state.links.is_empty() {
            return;
        }
        state.life = Life::Closed;
        for monitor in state.monitors.drain(..) {
            monitor.end();
        }
        state.actions.push(Action::Remove);
        state.actions.push(Action::Leave);
        state.wake_waiters();
    }
}
