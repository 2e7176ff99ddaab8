//! The verbs of sockets that match topics.

use super::kind::{Matches, ShowsSubscriptions};
use super::Socket;
use crate::error::{Error, SendError};
use crate::message::Message;

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

    /// Sends a message to that peer alone whose message was received last, such as the last value of the
    /// topic that it has just asked for. Only with [`manual`](crate::Options::manual).
    ///
    /// It goes there whatever the peer is subscribed to here; a SUB at the other end receives it if its own
    /// subscriptions match it. No other message is changed by it: what is sent with [`send`](Socket::send)
    /// goes to all that are subscribed, before and after. "Last" is meant as for
    /// [`subscribe_peer`](Socket::subscribe_peer).
    ///
    /// Does not wait: when the peer's queue is full, the message comes back. So a peer that does not take
    /// what it is sent holds up no other.
    ///
    /// ```
    /// use sinew::{Context, Sub, Xpub};
    ///
    /// let context = Context::new();
    /// let prices = context.socket(Xpub).manual(true).bind("inproc://last prices")?;
    /// let late = context.socket(Sub).subscribe("gold").connect("inproc://last prices")?;
    ///
    /// assert_eq!(prices.recv()?, "\u{1}gold"); // it asks
    /// prices.subscribe_peer("gold")?;
    /// prices.send_to_peer(["gold", "63.20"])?; // how things stand
    /// prices.send(["gold", "63.40"])?; // what is new, to all
    /// assert_eq!(late.recv()?, ["gold", "63.20"]);
    /// assert_eq!(late.recv()?, ["gold", "63.40"]);
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NotManual`](crate::SendErrorKind::NotManual) without the setting,
    /// [`PeerGone`](crate::SendErrorKind::PeerGone) when that peer is gone or nothing was received yet,
    /// [`WouldBlock`](crate::SendErrorKind::WouldBlock) when its queue is full, and when the socket is closed or
    /// the message has too many frames. The error has the message.
    pub fn send_to_peer(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.core().send_to_peer(message.into())
    }
}
