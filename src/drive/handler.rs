//! What the reactor calls: a [`Core`] as its [`Handler`], each call handed on to the file that does it.

use std::io;
use std::sync::Arc;

use super::core::Core;
use crate::clock;
use crate::endpoint::Endpoint;
use crate::monitor::{EventKind, Reason, ReasonKind};
use crate::reactor::{ConnectionId, Handle, Handler, Timer, Watch};
use crate::transport::{accept_is_transient, AcceptError, Stream};
use crate::waiters::lease::Tick;

impl Handler for Core {
    fn on_ready(&self) {
        let mut locked = self.lock();
        // Another thread drives, or has been here since: then it is theirs.
        if let Some(driver) = locked.engine().waiters().enter_reactor() {
            self.drive_for_reactor(&mut locked, driver);
        }
    }

    fn on_watch(&self) -> Watch {
        let mut locked = self.lock();
        match locked.engine().waiters().tick() {
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
        let found = locked.engine().work().to_write() > 0;
        self.flush_dirty(&mut locked);
        let engine = locked.engine();
        let hot = engine.swept(found);
        if !hot && engine.work().to_write() > 0 {
            // It cooled down while something was being queued: write that too.
            self.flush_dirty(&mut locked);
        }
        hot
    }

    fn on_help(&self, helper: Handle) {
        self.help(helper);
    }

    fn on_timer(&self, timer: Timer) {
        self.handle_timer(timer);
    }

    fn is_current(&self, timer: Timer) -> bool {
        self.lock().engine().is_current(timer)
    }

    fn has_link(&self, id: ConnectionId) -> bool {
        self.lock().engine().has_link(id)
    }

    fn may_accept(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.lock().engine().may_accept(endpoint, clock::now())
    }

    fn on_accepted(&self, endpoint: &Arc<Endpoint>, stream: Stream) {
        self.accept(endpoint, stream);
    }

    fn on_accept_failed(&self, endpoint: &Arc<Endpoint>, error: io::Error) {
        let mut locked = self.lock();
        let engine = locked.engine();
        let reason = match accept_is_transient(&error) {
            AcceptError::Unwelcome => Reason::new(ReasonKind::Unwelcome, error.to_string()),
            _ => Reason::from(&error),
        };
        engine.report_endpoint(endpoint, EventKind::AcceptFailed { reason });
    }

    fn on_connected(&self, id: ConnectionId, outcome: io::Result<Stream>) {
        self.connected(id, outcome);
    }

    fn on_reactor_died(&self) {
        self.end_without_reactor();
    }
}
