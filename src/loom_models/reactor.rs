//! The reactor of a miniature socket.

use super::miniature::{Driver, Guard, Socket};
use crate::waiters::lease::Tick;

impl Socket {
    /// Until no thread can write to it any more, and there is nothing to watch and nothing to do.
    pub(super) fn run_reactor(&self) {
        loop {
            let mut mail = self.shared.mail.lock();
            while !mail.ready && !mail.watch && mail.writers > 0 {
                mail = self.shared.mail_came.wait(mail, None);
            }
            let ready = std::mem::take(&mut mail.ready);
            let watch = std::mem::take(&mut mail.watch);
            drop(mail);
            if !ready && !watch {
                return;
            }
            if ready {
                self.on_ready();
            }
            if watch && self.on_watch() {
                self.shared.mail.lock().watch = true;
            }
        }
    }

    fn on_ready(&self) {
        let mut state = self.state.lock();
        if let Some(driver) = state.waiters.enter_reactor() {
            self.drive_for_reactor(state, driver);
        }
    }

    /// Whether to look again.
    fn on_watch(&self) -> bool {
        let mut state = self.state.lock();
        let tick = state.waiters.tick();
        assert!(state.waiters.is_looked_after());
        match tick {
            Tick::Busy => true,
            Tick::Inside | Tick::Mine => false,
            Tick::Lapsed(driver) => {
                drop(state);
                self.shared.register();
                state = self.state.lock();
                self.drive_for_reactor(state, driver);
                false
            }
        }
    }

    fn drive_for_reactor(&self, state: Guard<'_>, driver: Driver) {
        self.unlock(state);
        self.shared.poll_now();
        let mut state = self.serve(self.state.lock());
        let parting = state.waiters.leave_reactor(driver);
        self.pass_turn(parting);
        self.unlock(state);
    }
}
