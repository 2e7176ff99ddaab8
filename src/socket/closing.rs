//! The end of a socket: what was accepted is delivered as far as linger allows, and what was not is
//! counted.

use std::time::{Duration, Instant};

use super::core::{Core, Guard};
use super::state::{Errand, Life, State};
use super::waiting::Wait;
use crate::link::{Stage, Wire};
use crate::reactor::timers::deadline;
use crate::reactor::{Command, Timer};
use crate::stats::CloseReport;

impl Core {
    /// Closes, and waits until everything is delivered or linger is over.
    pub(crate) fn close_and_wait(&self) -> CloseReport {
        self.begin_close();
        let mut state = self.lock();
        let mut tried = false;
        while state.life != Life::Closed && !self.context.is_forked() {
            // Driving from here saves the reactor a wake-up; the reactor keeps the deadline.
            match self.wait(state, Wait::Forever, &mut tried) {
                Ok(again) => state = again,
                Err(_) => state = self.lock(),
            }
        }
        let undelivered = state.undelivered;
        // It may have been this thread that saw the last link off.
        self.unlock(state);
        CloseReport { undelivered }
    }

    /// Stops serving calls, wakes those who wait, and starts to linger.
    pub(crate) fn begin_close(&self) {
        if self.context.is_forked() {
            // The connections are the parent's; whatever was done to them here would be done there.
            return;
        }
        let mut state = self.lock();
        if state.life != Life::Open {
            return;
        }
        state.life = Life::Lingering;
        let unread = std::mem::take(&mut *self.front.lock());
        state.discard(unread);
        let bound = std::mem::take(&mut state.bound);
        self.unlock(state);
        for bound in bound {
            self.release(bound);
        }
        let state = self.start_linger(self.lock());
        self.unlock(state);
    }

    fn start_linger<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        let linger = self.options.linger;
        state = self.flush_dirty(state);
        let keys: Vec<_> = state.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.see_off_for_good(&mut state, key);
        }
        match linger {
            Some(Duration::ZERO) => state = self.end_linger_now(state),
            Some(linger) => {
                if let Some(at) = deadline(Instant::now(), linger) {
                    // A socket that has only inproc peers has had no use for a reactor so far.
                    if !state.links.is_empty() {
                        self.unlock(state);
                        let keeper = self.poll_side().is_ok();
                        state = self.lock();
                        if !keeper {
                            state = self.end_linger_now(state);
                        }
                    }
                    state.set_timer(at, Timer::Linger);
                }
            }
            None => {}
        }
        #[cfg(feature = "log")]
        state.set_timer(
            Instant::now() + crate::tuning::LINGER_NOTICE,
            Timer::StillLingering,
        );
        self.check_closed(&mut state);
        // Whoever waits in a call learns that it is over; then the reactor is the one who drives.
        state.wake_waiters();
        if let Some(driver) = state.lease.surrender() {
            self.unlock(state);
            self.hand_to_reactor();
            state = self.lock();
            let parting = state.lease.leave_reactor(driver);
            self.bell.part(parting);
            state.errands.push(Errand::Reactor(Command::Ready(self.id)));
        } else {
            state.errands.push(Errand::Reactor(Command::Watch(self.id)));
        }
        state
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
        state.discard(unread);
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
    pub(super) fn say_lingering(&self, mut state: Guard<'_>) {
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
            state.errands.push(Errand::LogLinger(text));
        }
        self.unlock(state);
    }

    /// The time to linger is over.
    pub(super) fn end_linger(&self, state: Guard<'_>) {
        let state = self.end_linger_now(state);
        self.unlock(state);
    }

    fn end_linger_now<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        if state.life != Life::Lingering {
            return state;
        }
        let keys: Vec<_> = state.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let place = state.give_up(key);
            self.after_io(&mut state, place);
        }
        self.check_closed(&mut state);
        state
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
        state
            .errands
            .push(Errand::Reactor(Command::Remove(self.id)));
        state.errands.push(Errand::Leave);
        state.wake_waiters();
    }
}
