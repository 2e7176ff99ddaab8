//! What can go wrong with a message that is sent.

use std::fmt;

use crate::message::Message;

/// Why a message was not accepted. The message comes back with the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// No peer has room, and the call was told not to wait.
    #[error("no peer has room for the message now")]
    WouldBlock,
    /// No peer had room within the time given.
    #[error("no peer had room for the message in time")]
    TimedOut,
    /// The socket or its context was closed.
    #[error("the socket is closed")]
    Closed,
    /// The reactor thread that served the socket has panicked; see [`Error::ReactorDied`](crate::Error::ReactorDied).
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
    /// SERVER, PEER: the message has no number, or that of no peer that is there. STREAM, and ROUTER with
    /// [`mandatory`](crate::Options::mandatory): the first frame is not the routing id of a peer
    /// that is there, or no frame is behind it. DGRAM: the first of two frames is no address, `ip:port`.
    #[error("no peer has the routing id or the address of the message, or there is none, or nothing but that")]
    Unroutable,
    /// REQ: the reply to the last request has not been received. REP: no request has been received.
    #[error("receive before you send again: REQ and REP take turns")]
    MustReceiveFirst,
    /// XPUB: the peer whose message was received last is gone, or nothing was received yet; see
    /// [`Socket::send_to_peer`](crate::Socket::send_to_peer).
    #[error("the peer whose message was received last is gone")]
    PeerGone,
    /// XPUB: only with the setting [`manual`](crate::Options::manual) is a message sent to one peer.
    #[error("a message is sent to one peer only by an XPUB with the setting `manual`")]
    NotManual,
    /// This type of socket does not send.
    #[error("this type of socket cannot send")]
    Unsupported,
    /// CLIENT, SERVER, SCATTER, PEER, CHANNEL, RADIO: the message has more than one frame.
    #[error("messages of this type of socket have one frame")]
    Multipart,
    /// The message has more frames than a peer of this library accepts: 65,536, those included that REQ
    /// and REP put before it. The peer would end the connection.
    #[error("the message has too many frames; a peer accepts 65,536, with those of REQ and REP")]
    TooManyFrames,
    /// XSUB: the message subscribes, or cancels, and its topic is longer than a subscription can be:
    /// 65,536 bytes.
    #[error("the message is a subscription, and its topic has more than 65,536 bytes")]
    TopicTooLong,
    /// RADIO over udp, DGRAM: the message is larger than a datagram may be; see
    /// [`max_datagram_size`](crate::Options::max_datagram_size).
    #[error("the message is larger than a datagram may be (max_datagram_size)")]
    TooLarge,
    /// RADIO: the message has no group; see [`Message::in_group`].
    #[error("the message has no group, and a RADIO sends to groups")]
    NoGroup,
    /// RADIO: the group of the message has more than 255 bytes.
    #[error("the message's group has more than 255 bytes")]
    GroupTooLong,
}

impl SendErrorKind {
    /// Whether the time given was over.
    pub fn is_timeout(self) -> bool {
        self == SendErrorKind::TimedOut
    }

    /// Whether the call was told not to wait, and would have had to.
    pub fn is_would_block(self) -> bool {
        self == SendErrorKind::WouldBlock
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(self) -> bool {
        self == SendErrorKind::Closed
    }
}

/// A message was not accepted: why, and the message itself, unchanged.
///
/// ```
/// use sinew::{Context, Push, SendErrorKind};
///
/// let push = Context::new().socket(Push).open()?;
/// let error = push.try_send("precious").unwrap_err();
/// assert_eq!(error.kind(), SendErrorKind::WouldBlock);
/// assert_eq!(error.into_message(), "precious");
/// # Ok::<(), sinew::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SendError {
    kind: SendErrorKind,
    // Boxed: a message is 72 bytes, and every send returns this type on its way.
    message: Box<Message>,
}

impl SendError {
    pub(crate) fn new(kind: SendErrorKind, message: Message) -> SendError {
        SendError {
            kind,
            message: Box::new(message),
        }
    }

    /// Why the message was not accepted.
    pub fn kind(&self) -> SendErrorKind {
        self.kind
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Whether the time given was over.
    pub fn is_timeout(&self) -> bool {
        self.kind.is_timeout()
    }

    /// Whether the call was told not to wait, and would have had to.
    pub fn is_would_block(&self) -> bool {
        self.kind.is_would_block()
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(&self) -> bool {
        self.kind.is_closed()
    }

    /// The message, to be sent again or elsewhere.
    pub fn into_message(self) -> Message {
        *self.message
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .finish()
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for SendError {}

/// A batch was not accepted whole; what was not accepted is still in the caller's vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (messages of the batch accepted before: {sent})")]
pub struct SendManyError {
    kind: SendErrorKind,
    sent: usize,
}

impl SendManyError {
    pub(crate) fn new(kind: SendErrorKind, sent: usize) -> SendManyError {
        SendManyError { kind, sent }
    }

    /// Why the next message was not accepted.
    pub fn kind(&self) -> SendErrorKind {
        self.kind
    }

    /// How many messages were accepted, and removed from the vector, before.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Whether the time given was over.
    pub fn is_timeout(&self) -> bool {
        self.kind.is_timeout()
    }

    /// Whether the call was told not to wait, and would have had to.
    pub fn is_would_block(&self) -> bool {
        self.kind.is_would_block()
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(&self) -> bool {
        self.kind.is_closed()
    }
}
