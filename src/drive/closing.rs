//! The end of a socket: what was accepted is delivered as far as linger allows, and what was not is
//! counted.

use std::time::Duration;

use super::core::Core;
use super::locked::Locked;
use super::waiting::Wait;
use crate::clock;
use crate::engine::actions::Action;
use crate::engine::Life;
use crate::link::ending::Cause;
use crate::reactor::timers::deadline;
use crate::reactor::Timer;
use crate::stats::CloseReport;
use crate::waiters::tasks::Want;
use crate::waiters::Change;

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
            let _ = self.wait(&mut locked, Want::Message, Wait::Forever, &mut tried);
        }
        CloseReport {
            undelivered: locked.engine().ledger.undelivered(),
        }
    }

    /// What [`close_and_wait`](Core::close_and_wait) will say, once it will.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn close_report(&self) -> Option<CloseReport> {
        let mut locked = self.lock();
        let engine = locked.engine();
        let undelivered = engine.ledger.undelivered();
        (engine.life == Life::Closed).then_some(CloseReport { undelivered })
    }

    /// Stops serving calls, wakes the callers that wait, and starts to linger.
    pub(crate) fn begin_close(&self) {
        if self.context.is_forked() {
            // The connections are the parent's; whatever was done to them here would be done there.
            return;
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        if engine.life != Life::Open {
            return;
        }
        engine.life = Life::Lingering;
        let unread = self.prefetched.lock().take();
        engine.actions.discard(unread);
        let bound = std::mem::take(&mut engine.bound);
        locked.release();
        for bound in bound {
            self.release(bound);
        }
        self.start_linger(&mut locked);
    }

    fn start_linger(&self, locked: &mut Locked<'_>) {
        self.flush_dirty(locked);
        let engine = locked.engine();
        engine.end_all(Cause::Close);
        match engine.options().linger {
            Some(Duration::ZERO) => engine.end_linger(),
            Some(linger) => {
                if let Some(at) = deadline(clock::now(), linger) {
                    // A socket that has only inproc peers has had no use for a reactor so far.
                    if !engine.links.is_empty() {
                        locked.release();
                        if self.poll_side().is_err() {
                            locked.engine().end_linger();
                        }
                    }
                    locked.engine().set_timer(at, Timer::Linger);
                }
            }
            None => {}
        }
        let engine = locked.engine();
        #[cfg(feature = "log")]
        engine.set_timer_after(crate::tuning::LINGER_NOTICE, Timer::StillLingering);
        engine.check_closed();
        // Callers that wait learn that it is over; from then on the reactor drives.
        engine.notify(Change::Closed);
        if let Some(driver) = engine.waiters.surrender() {
            self.hand_over(locked, driver);
        } else {
            engine.actions.push(Action::Watch);
        }
    }
}
