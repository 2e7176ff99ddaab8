//! What an async face will stand on: a task's place among those that wait for a socket.

use std::fmt;
use std::task::{Context, Poll};

use super::kind::{Kind, Receives, Sends};
use super::Socket;
use crate::error::{RecvError, SendErrorKind};
use crate::message::Message;
use crate::waiters::tasks::TaskId;

/// A handle of a socket for one task, which waits for it without a thread. Not part of the public face
/// yet.
///
/// Messages are never in here: dropping it, or not polling it again, loses none that was to be received.
#[doc(hidden)]
pub struct TaskSocket<K: Kind> {
    socket: Socket<K>,
    receiving: Option<TaskId>,
    sending: Option<TaskId>,
}

impl<K: Kind> Socket<K> {
    #[doc(hidden)]
    pub fn into_task(self) -> TaskSocket<K> {
        self.core().keep_lease();
        TaskSocket {
            socket: self,
            receiving: None,
            sending: None,
        }
    }
}

impl<K: Receives> TaskSocket<K> {
    /// A message, or the task is woken when there may be one.
    pub fn poll_recv(&mut self, context: &Context<'_>) -> Poll<Result<Message, RecvError>> {
        let core = self.socket.core();
        core.poll_recv(context, &mut self.receiving)
    }
}

impl<K: Sends> TaskSocket<K> {
    /// Sends `message`, which is empty then, or the task is woken when there may be room.
    pub fn poll_send(
        &mut self,
        context: &Context<'_>,
        message: &mut Message,
    ) -> Poll<Result<(), SendErrorKind>> {
        let core = self.socket.core();
        core.poll_send(context, message, &mut self.sending)
    }
}

impl<K: Kind> TaskSocket<K> {
    /// Gives up waiting, as when a future is dropped. If the task was woken and has not looked since,
    /// another one is.
    pub fn cancel(&mut self) {
        let tasks = [self.receiving.take(), self.sending.take()];
        for task in tasks.into_iter().flatten() {
            self.socket.core().forget_task(task);
        }
    }
}

impl<K: Kind + Clone> Clone for TaskSocket<K> {
    fn clone(&self) -> Self {
        TaskSocket {
            socket: self.socket.clone(),
            receiving: None,
            sending: None,
        }
    }
}

impl<K: Kind> Drop for TaskSocket<K> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<K: Kind> fmt::Debug for TaskSocket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSocket").finish_non_exhaustive()
    }
}
