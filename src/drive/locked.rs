//! The engine behind its lock: the one way in, and the one way out.

use std::sync::Arc;
use std::time::Duration;

use super::core::Engine;
use super::core::{Core, Guard};
use crate::clock;
use crate::engine::actions::{Action, ActionList, Due};
use crate::reactor::timers::deadline;
use crate::reactor::{Order, Request, Timer};
use crate::transport::TransportOptions;
use crate::tuning;

/// The engine, locked. Dropping this releases the lock, and then does what the engine wants done
/// outside it (its [`Actions`](crate::engine::actions::Actions)), whichever way a function is left.
///
/// It is passed on as `&mut`, also to what has to let go of the lock for a while: what a reference to
/// the engine was found to say before that call cannot be used behind it.
pub(super) struct Locked<'a> {
    core: &'a Core,
    /// `None` while the lock is released: [`engine`](Locked::engine) takes it again.
    guard: Option<Guard<'a>>,
}

impl<'a> Locked<'a> {
    /// The engine, locked again if the lock had been released.
    #[inline]
    pub(super) fn engine(&mut self) -> &mut Engine {
        let core = self.core;
        self.guard.get_or_insert_with(|| core.lock_state())
    }

    /// Releases the lock, and does what is to be done outside it. [`engine`](Locked::engine) locks
    /// again.
    #[inline]
    pub(super) fn release(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            if let Some(actions) = guard.take_actions() {
                drop(guard);
                self.core.run(actions);
            }
        }
    }

    /// Does something without the lock that is to be done with a token in hand.
    ///
    /// Actions wait until the token is back: what they call, or drop, may be the user's code, which
    /// may want what the token's holder keeps from it. Nothing of them is urgent before the bytes are
    /// read or written that were just announced.
    #[inline]
    pub(super) fn unlocked<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.guard = None;
        let result = work();
        self.guard = Some(self.core.lock_state());
        result
    }

    /// Sleeps on the condition variable until notified, at most for `timeout`.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) {
        let core = self.core;
        let guard = self.guard.take().unwrap_or_else(|| core.lock_state());
        let mut guard = core.notifier.wait(guard, timeout);
        if guard.has_fast_path() {
            core.close_fast_path(&mut guard);
        }
        self.guard = Some(guard);
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        self.release();
    }
}

impl Core {
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked {
            core: self,
            guard: Some(self.lock_state()),
        }
    }

    #[inline]
    fn lock_state(&self) -> Guard<'_> {
        let mut engine = self.engine.lock();
        if engine.has_fast_path() {
            self.close_fast_path(&mut engine);
        }
        engine
    }

    #[cold]
    fn run(&self, actions: ActionList) {
        actions.run(
            |wakeups| self.notifier.notify(wakeups),
            |action| self.run_action(action),
        );
    }

    #[cold]
    fn run_action(&self, action: Action) {
        match action {
            Action::Drive => self.tell_reactor(Order::Drive(self.id)),
            Action::Watch => self.tell_reactor(Order::Watch(self.id)),
            Action::Sweep => self.tell_reactor(Order::Sweep(self.id)),
            Action::Accept => self.tell_reactor(Order::Accept(self.id)),
            Action::Remove => self.tell_reactor(Order::Remove(self.id)),
            Action::Timer(due, timer) => self.set_timer(due, timer),
            Action::WatchAcknowledged(id) => {
                let (since, pause) = (clock::now(), tuning::HALF_CLOSED_LOOK / 2);
                self.ask_acknowledged(&mut self.lock(), id, since, pause);
            }
            Action::Connect {
                id,
                endpoint,
                after,
            } => {
                let options = self.options();
                let request = Request {
                    endpoint,
                    options: Arc::new(TransportOptions::from(&*options)),
                    timeout: options.connect_timeout,
                };
                // A try that never comes: the link waits until it is disconnected or the socket closed.
                if let Some(at) = deadline(clock::now(), after) {
                    self.tell_reactor(Order::Connect {
                        socket: self.id,
                        id,
                        request,
                        at,
                    });
                }
            }
            Action::Announce(pipe_peer) => pipe_peer.readable(),
            Action::GiveRoom(pipe_peer) => pipe_peer.room(),
            Action::Hang(pipe_peer) => pipe_peer.closed(),
            Action::Changes(pipe_peer) => pipe_peer.changes(),
            Action::TryRefused => self.try_refused(),
            Action::StopSeeking(endpoint, id) => self.stop_seeking(&endpoint, id),
            Action::Close(connection) => drop(connection),
            // It fails only when the connection has gone already.
            Action::Shutdown(stream) => drop(stream.shutdown_write()),
            Action::Forget => self.forget_left_over(),
            Action::Ask(id, question) => self.authenticate(id, *question),
            Action::Leave => {
                #[cfg(feature = "metrics")]
                self.context.exporter.add(self.socket_type, self.measure());
                self.context.leave(self.id);
            }
            #[cfg(any(feature = "log", feature = "tracing"))]
            Action::Log(event) => self.log(&event),
            #[cfg(any(feature = "log", feature = "tracing"))]
            Action::LogLinger(text) => self.log_linger(&text),
        }
    }

    fn tell_reactor(&self, order: Order) {
        if let Some(poll) = self.poll.get() {
            // A reactor that has died has told its sockets, which are closed by that.
            let _ = poll.reactor.send(order);
        }
    }

    fn set_timer(&self, due: Due, timer: Timer) {
        let at = match due {
            Due::At(at) => Some(at),
            // One that never comes is not set.
            Due::After(after) => deadline(clock::now(), after),
        };
        if let Some(at) = at {
            self.tell_reactor(Order::Timer(self.id, at, timer));
        }
    }
}
