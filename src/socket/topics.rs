//! The verbs of sockets that match topics.

use super::kind::{Matches, ShowsSubscriptions};
use super::Socket;
use crate::error::Error;

impl<K: Matches> Socket<K> {
    /// How many distinct topics there are: those that peers are subscribed to (PUB, XPUB), or those
    /// that this socket subscribed to (SUB, XSUB).
    ///
    /// A peer that leaves with very many topics is forgotten in the background, a thousand at a time;
    /// until then they count.
    ///
    /// ```
    /// use sinew::{Context, Sub};
    ///
    /// let sub = Context::new().socket(Sub).subscribe("a").subscribe("a").open()?;
    /// assert_eq!(sub.topics(), 1);
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn topics(&self) -> usize {
        self.core().topics()
    }
}

impl<K: ShowsSubscriptions> Socket<K> {
    /// Subscribes the peer whose message was received last to `topic`, which may be another one than it
    /// asked for. Only with [`manual`](crate::Options::manual).
    ///
    /// When several threads receive from the socket, receive and answer under one lock: "last" is
    /// the socket's, not the thread's.
    ///
    /// ```
    /// use sinew::{Context, Sub, Xpub};
    ///
    /// let context = Context::new();
    /// let publisher = context.socket(Xpub).manual(true).bind("inproc://by hand")?;
    /// let subscriber = context.socket(Sub).subscribe("").connect("inproc://by hand")?;
    ///
    /// assert_eq!(publisher.recv()?, "\u{1}"); // it asks for everything
    /// publisher.subscribe_peer("public.")?;
    /// publisher.send("secret.1")?;
    /// publisher.send("public.1")?;
    /// assert_eq!(subscriber.recv()?, "public.1");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotManual`] without the setting, [`Error::PeerGone`] when that peer is gone or nothing
    /// was received yet, [`Error::TopicTooLong`], and when the socket is closed.
    pub fn subscribe_peer(&self, topic: impl AsRef<[u8]>) -> Result<(), Error> {
        self.core().answer_subscription(topic.as_ref(), true)
    }

    /// Ends a subscription of the peer whose message was received last, if it has it. Only with
    /// [`manual`](crate::Options::manual).
    ///
    /// # Errors
    /// Those of [`Socket::subscribe_peer`].
    pub fn unsubscribe_peer(&self, topic: impl AsRef<[u8]>) -> Result<(), Error> {
        self.core().answer_subscription(topic.as_ref(), false)
    }
}
