//! The verbs of sockets that send.

use std::time::{Duration, Instant};

use super::kind::Sends;
use super::Socket;
use crate::drive::waiting::Wait;
use crate::error::{SendError, SendErrorKind, SendManyError};
use crate::message::Message;

impl<K: Sends> Socket<K> {
    /// Sends a message, waiting while no peer has room.
    ///
    /// When it returns, the message is queued. One that is sent alone has been written to the system; in
    /// a stream (sends that follow each other within some two microseconds) messages are written in
    /// batches, and the last of them leave with the next call on this socket that is not a send
    /// ([`stats`](Socket::stats) will do) nor a receive that need not wait, with the drop of a handle, or
    /// else in the background: within about 100 microseconds, or when the system lets the context's
    /// thread run, which on a busy machine takes tens of milliseconds. PUSH, REQ, DEALER and PAIR wait
    /// for a peer with room; PUB and ROUTER never wait, unless [`no_drop`](crate::Options::no_drop) or
    /// [`mandatory`](crate::Options::mandatory) is set; REP never waits.
    ///
    /// # Errors
    /// When the socket is closed, it is not its turn to send (REQ, REP), there is no such peer (ROUTER), or the message has more frames
    /// than a peer accepts; see [`SendErrorKind`]. The error has the message.
    #[inline]
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.core().send(message.into(), Wait::Forever)
    }

    /// Sends a message if a peer has room now.
    ///
    /// ```
    /// use sinew::{Context, Push};
    /// use std::time::Duration;
    ///
    /// let push = Context::new().socket(Push).open()?; // without a peer
    /// let error = push.try_send("now or not").unwrap_err();
    /// assert!(error.is_would_block());
    /// let later = error.into_message();
    /// let brief = Duration::from_millis(1);
    /// assert!(push.send_timeout(later, brief).unwrap_err().is_timeout());
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// `WouldBlock` when none has, and those of [`Socket::send`].
    #[inline]
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.core().send(message.into(), Wait::Never)
    }

    /// Sends a message, waiting for room no longer than `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when none came, and those of [`Socket::send`].
    pub fn send_timeout(
        &self,
        message: impl Into<Message>,
        timeout: Duration,
    ) -> Result<(), SendError> {
        self.core().send(message.into(), Wait::at_most(timeout))
    }

    /// Sends a message, waiting for room until `deadline` at the latest.
    ///
    /// # Errors
    /// `TimedOut` when none came, and those of [`Socket::send`].
    pub fn send_deadline(
        &self,
        message: impl Into<Message>,
        deadline: Instant,
    ) -> Result<(), SendError> {
        self.core().send(message.into(), Wait::Until(deadline))
    }

    /// Sends all messages of a vector, in order, waiting for room as [`Socket::send`] does, and
    /// takes each one out as it is accepted. Returns how many. Cheaper than sending them one by one.
    ///
    /// ```
    /// use sinew::{Context, Message, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("inproc://batches")?;
    /// let push = context.socket(Push).connect("inproc://batches")?;
    /// let mut batch: Vec<Message> = ["a", "b", "c"].map(Message::from).into();
    /// assert_eq!(push.send_many(&mut batch)?, 3);
    /// assert!(batch.is_empty());
    ///
    /// while batch.len() < 3 {
    ///     pull.recv_many(&mut batch, 100)?;
    /// }
    /// assert_eq!(batch, ["a", "b", "c"]);
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Socket::send`]; what was not accepted is still in `messages`.
    pub fn send_many(&self, messages: &mut Vec<Message>) -> Result<usize, SendManyError> {
        let outcome = self.core().send_many(messages, Wait::Forever);
        outcome.map_err(|(kind, sent)| SendManyError::new(kind, sent))
    }

    /// The same as [`Socket::send_many`], waiting for room no longer than `timeout` in all.
    ///
    /// # Errors
    /// `TimedOut` when there was not room for all, and those of [`Socket::send`]; what was not accepted
    /// is still in `messages`.
    pub fn send_many_timeout(
        &self,
        messages: &mut Vec<Message>,
        timeout: Duration,
    ) -> Result<usize, SendManyError> {
        let outcome = self.core().send_many(messages, Wait::at_most(timeout));
        outcome.map_err(|(kind, sent)| SendManyError::new(kind, sent))
    }

    /// The same as [`Socket::send_many`], waiting for room until `deadline` at the latest.
    ///
    /// # Errors
    /// Those of [`Socket::send_many_timeout`].
    pub fn send_many_deadline(
        &self,
        messages: &mut Vec<Message>,
        deadline: Instant,
    ) -> Result<usize, SendManyError> {
        let outcome = self.core().send_many(messages, Wait::Until(deadline));
        outcome.map_err(|(kind, sent)| SendManyError::new(kind, sent))
    }

    /// Sends as many messages from the front of a vector as there is room for now, and takes them
    /// out. Zero when there is no room at all.
    ///
    /// # Errors
    /// Those of [`Socket::send`]; what was not accepted is still in `messages`.
    pub fn try_send_many(&self, messages: &mut Vec<Message>) -> Result<usize, SendManyError> {
        match self.core().send_many(messages, Wait::Never) {
            Err((SendErrorKind::WouldBlock, sent)) => Ok(sent),
            outcome => outcome.map_err(|(kind, sent)| SendManyError::new(kind, sent)),
        }
    }
}
