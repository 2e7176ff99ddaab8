//! The verbs of sockets that receive.

use std::time::{Duration, Instant};

use super::kind::{Receives, Subscribes};
use super::Socket;
use crate::drive::waiting::Wait;
use crate::error::{Error, RecvError};
use crate::message::Message;

impl<K: Receives> Socket<K> {
    /// Receives a message, waiting for one.
    ///
    /// The thread that waits here reads the socket's connections itself: nothing is handed over.
    ///
    /// # Errors
    /// When the socket is closed, it is not its turn to receive (REQ, REP), or, for REQ, the peer
    /// that was asked has gone.
    #[inline]
    pub fn recv(&self) -> Result<Message, RecvError> {
        self.core().recv(Wait::Forever)
    }

    /// Receives a message if there is one now.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, and those of [`Socket::recv`].
    #[inline]
    pub fn try_recv(&self) -> Result<Message, RecvError> {
        self.core().recv(Wait::Never)
    }

    /// Receives a message, waiting no longer than `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when none came, and those of [`Socket::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Message, RecvError> {
        self.core().recv(Wait::at_most(timeout))
    }

    /// Receives a message, waiting until `deadline` at the latest. A message that is there is
    /// received also when the deadline has passed.
    ///
    /// ```
    /// use sinew::{Context, Pull};
    /// use std::time::{Duration, Instant};
    ///
    /// let pull = Context::new().socket(Pull).open()?;
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// // Any number of calls, and not later than that in all.
    /// assert!(pull.recv_deadline(deadline).unwrap_err().is_timeout());
    /// assert!(pull.recv_deadline(deadline).unwrap_err().is_timeout());
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// `TimedOut` when none came, and those of [`Socket::recv`].
    pub fn recv_deadline(&self, deadline: Instant) -> Result<Message, RecvError> {
        self.core().recv(Wait::Until(deadline))
    }

    /// Waits for a message, then appends it and all that are there with it to `messages`, at most
    /// `most`. Returns how many. Cheaper than receiving them one by one.
    ///
    /// # Errors
    /// Those of [`Socket::recv`], when not even one was received.
    pub fn recv_many(&self, messages: &mut Vec<Message>, most: usize) -> Result<usize, RecvError> {
        self.core().recv_many(messages, most, Wait::Forever)
    }

    /// Appends the messages that are there now to `messages`, at most `most`. Returns how many.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, and those of [`Socket::recv`].
    pub fn try_recv_many(
        &self,
        messages: &mut Vec<Message>,
        most: usize,
    ) -> Result<usize, RecvError> {
        self.core().recv_many(messages, most, Wait::Never)
    }

    /// The same as [`Socket::recv_many`], waiting for the first no longer than `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when none came, and those of [`Socket::recv`].
    pub fn recv_many_timeout(
        &self,
        messages: &mut Vec<Message>,
        most: usize,
        timeout: Duration,
    ) -> Result<usize, RecvError> {
        self.core()
            .recv_many(messages, most, Wait::at_most(timeout))
    }

    /// The same as [`Socket::recv_many`], waiting for the first until `deadline` at the latest.
    ///
    /// # Errors
    /// Those of [`Socket::recv_many_timeout`].
    pub fn recv_many_deadline(
        &self,
        messages: &mut Vec<Message>,
        most: usize,
        deadline: Instant,
    ) -> Result<usize, RecvError> {
        self.core().recv_many(messages, most, Wait::Until(deadline))
    }
}

impl<K: Subscribes> Socket<K> {
    /// Subscribes to all messages whose first frame starts with `topic`; empty means everything.
    ///
    /// May be called at any time; publishers learn of it in the background, and again whenever a
    /// connection is made anew. Subscribing twice to a topic takes unsubscribing twice.
    ///
    /// ```
    /// use sinew::{Context, Pub, Sub};
    ///
    /// let context = Context::new();
    /// let publisher = context.socket(Pub).bind("inproc://news")?;
    /// let subscriber = context.socket(Sub).connect("inproc://news")?;
    /// subscriber.subscribe("weather.")?;
    /// publisher.send(("weather.oslo", "rain"))?;
    /// assert_eq!(subscriber.recv()?, ["weather.oslo", "rain"]);
    ///
    /// subscriber.unsubscribe("weather.")?;
    /// publisher.send(("weather.oslo", "snow"))?;
    /// assert!(subscriber.try_recv().unwrap_err().is_would_block());
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::TopicTooLong`] when the topic is longer than a subscription can be (some 64 KiB); when
    /// the socket is closed, or, for a dynamic handle, does not subscribe.
    pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), Error> {
        self.subscribe_to(topic.as_ref())
    }

    /// Takes a subscription back. Nothing happens when there is none to this topic.
    ///
    /// # Errors
    /// When the socket is closed, or, for a dynamic handle, does not subscribe.
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), Error> {
        self.core().unsubscribe(topic.as_ref())
    }
}
