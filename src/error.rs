//! What can go wrong, whose fault it was, and what to do about it.

use std::{fmt, io};

use crate::endpoint::EndpointError;
use crate::message::Message;
use crate::peer::SocketType;

/// Why a socket could not be made, bound, connected or set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint cannot be used; the text says what is wrong with it.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The system refused; the text names the endpoint.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The reactor or the socket's poll could not be set up (out of descriptors or threads).
    #[error("cannot set up the socket: {0}")]
    System(#[source] io::Error),
    /// Another socket of this context, or another process, has this endpoint.
    #[error("{0} is bound already; unbind it first or choose another name")]
    InUse(String),
    /// `unbind` or `disconnect` named an endpoint that this socket does not have.
    #[error(
        "this socket is not bound or connected to {0}; last_endpoint() tells the resolved name"
    )]
    NotFound(String),
    /// A socket type that this library knows on the wire but does not make yet.
    #[error("{0} sockets do not exist in this version; PUSH, PULL, PUB, SUB, REQ, REP, DEALER and PAIR do")]
    NoSuchSocket(SocketType),
    /// The verb does not exist on this type of socket.
    #[error("a {socket_type} socket cannot {verb}")]
    Unsupported {
        /// The verb that was called.
        verb: &'static str,
        /// The socket's type.
        socket_type: SocketType,
    },
    /// A setting cannot be used; the text says which, and what to use instead.
    #[error("{0}")]
    Option(String),
    /// The socket or its context was closed.
    #[error("the socket is closed")]
    Closed,
    /// The context's background thread that served the socket has panicked, which is a fault of this
    /// library. What it said is on the standard error.
    ///
    /// The socket is at its end, with all others of that thread. Make a new context.
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match &error {
            Error::Endpoint(_) | Error::Option(_) => io::ErrorKind::InvalidInput,
            Error::Io(source) | Error::System(source) => source.kind(),
            Error::InUse(_) => io::ErrorKind::AddrInUse,
            Error::NotFound(_) => io::ErrorKind::NotFound,
            Error::NoSuchSocket(_) | Error::Unsupported { .. } => io::ErrorKind::Unsupported,
            Error::Closed => io::ErrorKind::NotConnected,
            Error::ReactorDied => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

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
    /// The reactor thread that served the socket has panicked; see [`Error::ReactorDied`].
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
    /// REQ: the reply to the last request has not been received. REP: no request has been received.
    #[error("receive before you send again: REQ and REP take turns")]
    MustReceiveFirst,
    /// This type of socket does not send.
    #[error("this type of socket cannot send")]
    Unsupported,
}

impl From<SendErrorKind> for io::ErrorKind {
    fn from(kind: SendErrorKind) -> io::ErrorKind {
        match kind {
            SendErrorKind::WouldBlock => io::ErrorKind::WouldBlock,
            SendErrorKind::TimedOut => io::ErrorKind::TimedOut,
            SendErrorKind::Closed => io::ErrorKind::NotConnected,
            SendErrorKind::ReactorDied => io::ErrorKind::Other,
            SendErrorKind::MustReceiveFirst => io::ErrorKind::InvalidInput,
            SendErrorKind::Unsupported => io::ErrorKind::Unsupported,
        }
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

impl From<SendError> for io::Error {
    fn from(error: SendError) -> io::Error {
        io::Error::new(error.kind.into(), error)
    }
}

/// A batch was not accepted whole; what was not accepted is still in the caller's vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}; {sent} messages of the batch were accepted before")]
pub struct SendManyError {
    /// Why the next message was not accepted.
    pub kind: SendErrorKind,
    /// How many messages were accepted, and removed from the vector, before.
    pub sent: usize,
}

impl From<SendManyError> for io::Error {
    fn from(error: SendManyError) -> io::Error {
        io::Error::new(error.kind.into(), error)
    }
}

/// Why no message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// Nothing is there, and the call was told not to wait.
    #[error("no message is waiting")]
    WouldBlock,
    /// Nothing came within the time given.
    #[error("no message came in time")]
    TimedOut,
    /// The socket or its context was closed.
    #[error("the socket is closed")]
    Closed,
    /// The reactor thread that served the socket has panicked; see [`Error::ReactorDied`].
    #[error("the reactor thread of this socket has panicked; make a new context")]
    ReactorDied,
    /// REQ: no request is out. REP: the last request has not been answered.
    #[error("send before you receive again: REQ and REP take turns")]
    MustSendFirst,
    /// REQ: the peer that was asked has gone, so no reply can come. A new request may be sent.
    #[error("the peer that was asked is gone; send the request again")]
    PeerGone,
    /// This type of socket does not receive.
    #[error("this type of socket cannot receive")]
    Unsupported,
}

impl From<RecvError> for io::Error {
    fn from(error: RecvError) -> io::Error {
        let kind = match error {
            RecvError::WouldBlock => io::ErrorKind::WouldBlock,
            RecvError::TimedOut => io::ErrorKind::TimedOut,
            RecvError::Closed => io::ErrorKind::NotConnected,
            RecvError::ReactorDied => io::ErrorKind::Other,
            RecvError::MustSendFirst => io::ErrorKind::InvalidInput,
            RecvError::PeerGone => io::ErrorKind::ConnectionReset,
            RecvError::Unsupported => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, error)
    }
}
