//! The end of a socket: what was accepted is delivered as far as linger allows, and what was not is
//! counted.

use super::core::Core;
use super::locked::Locked;
use super::waiting::Wait;
use crate::clock;
use crate::reactor::timers::deadline;
use crate::stats::CloseReport;
use crate::waiters::tasks::Want;

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
        loop {
            if let Some(report) = locked.engine().close_report() {
                return report;
            }
            // Driving from here saves the reactor a wake-up; the reactor keeps the deadline.
            let _ = self.wait(&mut locked, Want::Message, Wait::Forever, &mut tried);
        }
    }

    /// What [`close_and_wait`](Core::close_and_wait) will say, once it will.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn close_report(&self) -> Option<CloseReport> {
        self.lock().engine().close_report()
    }

    /// Stops serving calls, wakes the callers that wait, and starts to linger.
    pub(crate) fn begin_close(&self) {
        if self.context.is_forked() {
            // The connections are the parent's; whatever was done to them here would be done there.
            return;
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        let Some(bound) = engine.begin_close() else {
            return;
        };
        engine.discard(self.prefetched.lock().take());
        locked.release();
        for bound in bound {
            self.release(bound);
        }
        self.start_linger(&mut locked);
    }

    fn start_linger(&self, locked: &mut Locked<'_>) {
        self.flush_dirty(locked);
        let linger = locked.engine().begin_linger();
        if let Some(at) = linger.and_then(|linger| deadline(clock::now(), linger)) {
            // A socket that has only inproc peers has had no use for a reactor so far.
            locked.release();
            let reactor = self.poll_side();
            let engine = locked.engine();
            match reactor {
                Ok(_) => engine.linger_until(at),
                Err(_) => engine.end_linger(),
            }
        }
        if let Some(driver) = locked.engine().end_calls() {
            self.hand_over(locked, driver);
        }
    }
}
