//! Waiting until peers are there.

use std::time::Duration;

use super::kind::{Kind, Publishes};
use super::Socket;
use crate::error::WaitError;

impl<K: Kind> Socket<K> {
    /// Waits until at least `count` peers are there, and says how many are: connections whose
    /// handshake is through, in either direction, over any transport.
    ///
    /// A PUSH or DEALER that waits for its workers shares its first messages out among all of them; without
    /// that the first worker to come may get them all. What is there can go again at any time.
    /// `None` waits for ever; a time of zero only looks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sinew::{Context, Pull, Push};
    ///
    /// let context = Context::new();
    /// let push = context.socket(Push).bind("tcp://127.0.0.1:*")?;
    /// let workers = [0, 1].map(|_| context.socket(Pull).connect(push.endpoint()?));
    ///
    /// push.wait_for_peers(2, Duration::from_secs(60))?;
    /// push.send("one")?;
    /// push.send("another")?;
    /// for worker in workers {
    ///     worker?.recv()?;
    /// }
    ///
    /// let error = push.wait_for_peers(1000, Duration::ZERO).unwrap_err();
    /// assert!(error.is_timeout());
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when fewer were there at the end of the time, and when the socket is
    /// closed.
    pub fn wait_for_peers(
        &self,
        count: usize,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<usize, WaitError> {
        self.core().wait_for_peers(count, timeout.into())
    }
}

impl<K: Publishes> Socket<K> {
    /// Waits until at least `count` peers have a subscription that matches `topic`, and says how
    /// many have: those that would get a message whose first frame is `topic`.
    ///
    /// A publisher that waits so loses nothing of its beginning to "slow joiners", subscribers
    /// whose subscription is still on its way. What is subscribed can be cancelled, and a peer can
    /// go, at any time. `None` waits for ever; a time of zero only looks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sinew::{Context, Pub, Sub};
    ///
    /// let context = Context::new();
    /// let publisher = context.socket(Pub).bind("tcp://127.0.0.1:*")?;
    /// let subscriber = context.socket(Sub).subscribe("news.").connect(publisher.endpoint()?)?;
    ///
    /// publisher.wait_for_subscribers("news.today", 1, Duration::from_secs(60))?;
    /// publisher.send("news.today")?;
    /// assert_eq!(subscriber.recv()?, "news.today");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when fewer had subscribed at the end of the time, and when the socket is
    /// closed, or, for a dynamic handle, does not publish.
    pub fn wait_for_subscribers(
        &self,
        topic: impl AsRef<[u8]>,
        count: usize,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<usize, WaitError> {
        self.core()
            .wait_for_subscribers(topic.as_ref(), count, timeout.into())
    }
}
