//! What waits for a socket, and the thread that drives it: what each of them is to do next.
//!
//! [`Waiters`] knows where the driver is and what sleeps; here it meets what the engine knows besides: links
//! that wait to be read, inproc peers that announce nothing while a caller waits awake.

use std::task::Waker;

use super::actions::Action;
use super::helpers::Helpers;
use super::{Engine, Life};
use crate::link::ended::Ended;
use crate::reactor::ConnectionId;
use crate::transport::{Readiness, Stream};
use crate::waiters::lease::Entry;
use crate::waiters::tasks::{TaskId, Want};
use crate::waiters::Waiters;

/// How a thread that drives looks for events before it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It sleeps in the poll until there are some.
    Sleep,
    /// It looks which there are.
    Once,
    /// There is enough to read without.
    Not,
}

impl<D> Engine<D> {
    /// What waits for the socket.
    #[inline]
    pub(crate) fn waiters(&mut self) -> &mut Waiters<D> {
        &mut self.waiters
    }

    /// The socket has a poll from now on, and reactors that may help it.
    pub(crate) fn install(&mut self, driver: D, helpers: Helpers) {
        self.waiters.install(driver);
        self.helpers = helpers;
        // Callers asleep on the condition variable may drive from now on.
        self.wake_waiters();
        if self.life == Life::Closed {
            // Closed meanwhile, when there was no reactor yet that could be told.
            self.actions.push(Action::Remove);
        }
    }

    // ----- the thread that drives -----

    /// How a caller that has the driver looks for events.
    pub(crate) fn how_to_look(&self, entry: Entry) -> Look {
        if self.work.to_read() == 0 {
            Look::Sleep
        } else if entry == Entry::TakenOver || self.links.len() > 1 {
            // A peer that always has more must not keep the others from being seen.
            Look::Once
        } else {
            Look::Not
        }
    }

    /// An event of the socket's poll is about a link, of which `ready` says what it tells, if it is about
    /// the connection that the link has now.
    pub(crate) fn handle_ready(
        &mut self,
        key: usize,
        ready: impl FnOnce(ConnectionId, &Stream) -> Option<Readiness>,
    ) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let connection = link.connection();
        let Some(ready) = connection.and_then(|it| ready(link.id(), it.stream())) else {
            return;
        };
        if ready.ended && link.asks() {
            // Nothing is read before the authenticator has answered, and it would be in vain.
            let id = link.id();
            self.end_connection(key, Ended::InHandshake);
            return self.advance(id);
        }
        if (ready.readable || ready.ended) && link.handle_readable(ready.ended) {
            self.work.read_later(key);
        }
        if ready.writable {
            self.unblock(key);
        }
    }

    /// A caller gives the driver back. True: a follower is to be woken, which drives now. The driver comes
    /// back if the lease is to be handed to the reactor: a task, or a foreign poll, has begun to wait.
    pub(crate) fn leave(&mut self, driver: D) -> Result<bool, D> {
        if self.waiters.is_due() {
            return Err(driver);
        }
        let parting = self.waiters.leave(driver);
        if parting.tell_reactor {
            self.actions.push(Action::Watch);
        }
        if parting.drive || self.waiters.is_kept() && self.work.to_read() > 0 {
            self.actions.push(Action::Drive);
        }
        Ok(parting.wake_follower)
    }

    /// The driver is home and the lease the reactor's, which drives again if there is `more` to see, or
    /// anything to read. True: a follower is to be woken, which drives now.
    pub(crate) fn leave_reactor(&mut self, driver: D, more: bool) -> bool {
        if more || self.work.to_read() > 0 {
            self.actions.push(Action::Drive);
        }
        self.waiters.leave_reactor(driver).wake_follower
    }

    /// There is something to read that no event tells.
    pub(crate) fn tell_driver(&mut self) {
        if self.waiters.is_reactors() {
            // No caller would come by.
            self.actions.push(Action::Drive);
        } else {
            // A caller that sleeps in the poll gets no event for it.
            self.wake_waiters();
        }
    }

    /// A pass with a new connection may have left something to read: whatever drives shall look.
    pub(crate) fn tell_unread(&mut self) {
        if self.work.to_read() > 0 {
            self.wake_waiters();
            if self.waiters.is_reactors() {
                self.actions.push(Action::Drive);
            }
        }
    }

    // ----- callers that wait awake -----

    /// Whether a caller that has to wait does so awake, for a moment: only for inproc peers, and while
    /// that pays.
    pub(crate) fn waits_awake(&mut self) -> bool {
        self.pipes > 0 && self.backoff.pays()
    }

    /// A caller has waited awake, in vain or not. `watched`: a pipe that announced nothing meanwhile.
    pub(crate) fn waited_awake(&mut self, paid: bool, watched: bool) {
        self.backoff.learn(paid);
        if watched {
            self.resume_wakeups();
        }
    }

    // ----- tasks and foreign polls -----

    /// A task has found nothing, and waits.
    pub(crate) fn task_waits(&mut self, task: &mut Option<TaskId>, want: Want, waker: Waker) {
        let (wakeups, dropped) = self.waiters.wait(task, want, waker);
        self.actions.notify(wakeups);
        self.discard_waker(dropped);
    }

    /// A task has got what it waited for: if there is more of it, that is for the next one.
    pub(crate) fn task_served(&mut self, task: &mut Option<TaskId>, want: Want) {
        let (wakeups, dropped) = self.waiters.served(task.take(), want);
        self.actions.notify(wakeups);
        self.discard_waker(dropped);
    }

    /// A task waits no longer. If it was woken and has not looked, another one does.
    pub(crate) fn task_gone(&mut self, task: TaskId) {
        let (wakeups, dropped) = self.waiters.gone(task);
        self.actions.notify(wakeups);
        self.discard_waker(dropped);
    }

    fn discard_waker(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.actions.discard(waker);
        }
    }

    /// A foreign poll watches the socket's descriptor from now on. True: it is to be made readable.
    pub(crate) fn watch_descriptor(&mut self) -> bool {
        let (receives, closed) = (self.pattern.can().receives, self.life != Life::Open);
        self.waiters.watch(receives, closed)
    }
}
