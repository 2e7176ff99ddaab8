//! What waits without a thread of its own: tasks, which leave a waker, and foreign polls, which watch a
//! descriptor. Neither ever drives the socket's connections while it waits: the reactor does.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::core::{Core, Engine};
use super::locked::Locked;
use super::waiting::Wait;
use crate::engine::sending::Offer;
use crate::error::{Error, RecvError, SendErrorKind};
use crate::message::Message;
use crate::notifier::Descriptor;
use crate::waiters::tasks::{TaskId, Want};

impl Core {
    /// Something is going to wait where no event of the socket's poll reaches it: from now on the reactor
    /// is told of all of them.
    pub(crate) fn keep_lease(&self) {
        self.keep(&mut self.lock());
    }

    pub(super) fn keep(&self, locked: &mut Locked<'_>) {
        if let Some(driver) = locked.engine().waiters().keep() {
            self.hand_over(locked, driver);
        }
        // A receiver may be waiting awake, for which announcements are not made.
        locked.engine().resume_wakeups();
    }

    /// Receives, or leaves the task's waker. [`Core::keep_lease`] was called before.
    ///
    /// `task` is the place among those that wait, kept between polls and given up with
    /// [`Core::forget_task`].
    pub(crate) fn poll_recv(
        &self,
        context: &Context<'_>,
        task: &mut Option<TaskId>,
    ) -> Poll<Result<Message, RecvError>> {
        if task.is_none() {
            match self.recv(Wait::Never) {
                Err(RecvError::WouldBlock) => {}
                outcome => return Poll::Ready(outcome),
            }
        }
        // Cloned without the lock, because that is code of the executor's.
        let waker = context.waker().clone();
        let mut locked = self.lock();
        let outcome = self.take_message(locked.engine());
        if let Some(outcome) = outcome.transpose() {
            locked.engine().task_served(task, Want::Message);
            return Poll::Ready(outcome);
        }
        locked.engine().task_waits(task, Want::Message, waker);
        Poll::Pending
    }

    /// Sends what is in `message`, or leaves the task's waker and the message where it is.
    /// [`Core::keep_lease`] was called before; `task` as in [`Core::poll_recv`].
    pub(crate) fn poll_send(
        &self,
        context: &Context<'_>,
        message: &mut Message,
        task: &mut Option<TaskId>,
    ) -> Poll<Result<(), SendErrorKind>> {
        if task.is_none() {
            match self.send(std::mem::take(message), Wait::Never) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(error) => {
                    let kind = error.kind();
                    *message = error.into_message();
                    if kind != SendErrorKind::WouldBlock {
                        return Poll::Ready(Err(kind));
                    }
                }
            }
        }
        message.fill_blank();
        let waker = context.waker().clone();
        let mut locked = self.lock();
        let outcome = match self.offer(&mut locked, message) {
            Ok(Offer::Full) => {
                locked.engine().task_waits(task, Want::Room, waker);
                return Poll::Pending;
            }
            Ok(Offer::Queued) => Ok(()),
            Err(kind) => Err(kind),
        };
        locked.engine().task_served(task, Want::Room);
        if outcome.is_ok() {
            self.write_out(&mut locked);
        }
        Poll::Ready(outcome)
    }

    /// A task waits no longer. If it was woken and has not looked, another one does.
    pub(crate) fn forget_task(&self, task: TaskId) {
        self.lock().engine().task_gone(task);
    }

    /// What a foreign poll watches.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub(crate) fn readiness(&self) -> Result<Arc<Descriptor>, Error> {
        let descriptor = self.notifier.make_descriptor().map_err(Error::System)?;
        let mut locked = self.lock();
        self.keep(&mut locked);
        if locked.engine().watch_descriptor() {
            descriptor.set();
        }
        Ok(Arc::clone(descriptor))
    }

    /// A call has found nothing of what it wants, which a foreign poll is to be told of when it is there.
    ///
    /// A system call under the lock, for sockets that are watched: without it, the descriptor could be
    /// made unreadable after what comes next has made it readable.
    #[inline]
    pub(super) fn would_block(&self, engine: &mut Engine, want: Want) {
        if engine.waiters().would_block(want) {
            if let Some(descriptor) = self.notifier.descriptor() {
                descriptor.clear();
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
