//! What can go wrong, whose fault it was, and what to do about it.

mod io_error;
mod recv;
mod request;
mod send;
mod wait;

use std::convert::Infallible;
use std::io;

use crate::endpoint::EndpointError;
use crate::message::extract::ConvertError;
use crate::message::{ConvertErrorKind, Frame, Message};
use crate::peer::{SocketType, UnknownSocketType};

pub use recv::RecvError;
pub use request::RequestError;
pub use send::{SendError, SendErrorKind, SendManyError};
pub use wait::WaitError;

/// A result with an [`Error`], for functions that use this library: every error of it becomes one
/// with `?`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a socket.
///
/// Sending and receiving have small errors of their own, [`SendError`] and [`RecvError`]; they and
/// all others of this library convert to this one, so that one `?` serves a whole program:
///
/// ```
/// use sinew::{Context, Pull, Push};
///
/// fn main() -> sinew::Result<()> {
///     let context = Context::new();
///     let pull = context.socket(Pull).bind("tcp://127.0.0.1:*")?;
///     let push = context.socket(Push).connect(pull.endpoint()?)?;
///     push.send("hello")?;
///     assert_eq!(pull.recv()?.to_str()?, "hello");
///     Ok(())
/// }
/// ```
///
/// Every text stands once in a chain of [`source`](std::error::Error::source)s, so that both
/// printing the error and printing the whole chain read well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint cannot be used; the text says what is wrong with it.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A message was not accepted. It is in the error; see [`Error::into_message`].
    #[error(transparent)]
    Send(#[from] SendError),
    /// A batch was not accepted whole.
    #[error(transparent)]
    SendMany(#[from] SendManyError),
    /// No message was received.
    #[error(transparent)]
    Recv(#[from] RecvError),
    /// Peers that were waited for did not come.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// A request got no reply.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A message could not become what was asked for. It is in the error; see
    /// [`Error::into_message`].
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A message is not what it was asked to be.
    #[error(transparent)]
    Message(#[from] ConvertErrorKind),
    /// The system refused; the text names the endpoint.
    #[error(transparent)]
    Io(io::Error),
    /// The reactor or the socket's poll could not be set up (out of descriptors or threads).
    #[error("cannot set up the socket: {0}")]
    System(io::Error),
    /// Another socket of this context (inproc), or of this or another process (tcp, ipc), has this
    /// endpoint; the text names it and says what to do.
    #[error("{0}")]
    InUse(String),
    /// `unbind` or `disconnect` named an endpoint that this socket does not have.
    #[error("this socket is not bound or connected to {0}; endpoint() tells the resolved name")]
    NotFound(String),
    /// The socket is neither bound nor connected, so that it has no endpoint to tell.
    #[error("the socket is neither bound nor connected")]
    NoEndpoint,
    /// A topic is longer than a subscription can be.
    #[error("the topic has {bytes} bytes; a topic has at most {most} bytes")]
    TopicTooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// A group is longer than one can be.
    #[error("the group has {bytes} bytes; a group has at most {most} bytes")]
    GroupTooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// DISH: a group was joined that the socket is in.
    #[error("the socket is in that group already")]
    AlreadyJoined,
    /// DISH: a group was left that the socket is not in.
    #[error("the socket is not in that group")]
    NotJoined,
    /// An answer to a subscription was given on a socket whose application does not decide about
    /// subscriptions.
    #[error("peers are subscribed by hand only on an XPUB with the setting `manual`")]
    NotManual,
    /// The peer whose message was received last is gone; or nothing was received yet.
    #[error("the peer whose message was received last is gone")]
    PeerGone,
    /// A socket type that this library knows on the wire but does not make yet. Today it makes all that
    /// it knows.
    #[error("{0} sockets do not exist in this version; PUSH, PULL, PUB, SUB, REQ, REP, DEALER, ROUTER, XPUB, XSUB, PAIR, STREAM, CLIENT, SERVER, SCATTER, GATHER, PEER, CHANNEL, RADIO, DISH and DGRAM do")]
    NoSuchSocket(SocketType),
    /// A text names no type of socket.
    #[error(transparent)]
    UnknownSocketType(#[from] UnknownSocketType),
    /// The verb does not exist on this type of socket.
    #[error("a {socket_type} socket cannot {verb}")]
    Unsupported {
        /// The verb that was called.
        verb: &'static str,
        /// The socket's type.
        socket_type: SocketType,
    },
    /// The routing id that was to be given to a peer leads to another one, or to another endpoint, of this socket.
    #[error("the routing id {0} leads to another peer of this socket; choose another")]
    RoutingIdTaken(Frame),
    /// The socket or descriptor is in the poller already; [`Poller::modify`](crate::Poller::modify) changes
    /// what is told of it.
    #[error("it is in the poller already; modify changes what is told of it")]
    AlreadyPolled,
    /// The socket or descriptor is not in the poller, or has left it, being closed.
    #[error("it is not in the poller; a socket that is closed has left it")]
    NotPolled,
    /// Neither of two sockets can forward to the other; [`Forwards`](crate::Forwards) lists those that can.
    #[error("there is no proxy between a {0} and a {1} socket")]
    NoProxy(SocketType, SocketType),
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

impl Error {
    /// Whether a time-out was over: [`SendErrorKind::TimedOut`] or [`RecvError::TimedOut`].
    pub fn is_timeout(&self) -> bool {
        match self {
            Error::Send(error) => error.is_timeout(),
            Error::SendMany(error) => error.is_timeout(),
            Error::Request(error) => error.is_timeout(),
            Error::Recv(error) => error.is_timeout(),
            Error::Wait(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether a call that does not wait would have had to: [`SendErrorKind::WouldBlock`] or
    /// [`RecvError::WouldBlock`].
    pub fn is_would_block(&self) -> bool {
        match self {
            Error::Send(error) => error.is_would_block(),
            Error::SendMany(error) => error.is_would_block(),
            Error::Request(error) => error.is_would_block(),
            Error::Recv(error) => error.is_would_block(),
            _ => false,
        }
    }

    /// Whether the socket or its context was closed, whatever was being done.
    pub fn is_closed(&self) -> bool {
        match self {
            Error::Closed => true,
            Error::Send(error) => error.is_closed(),
            Error::SendMany(error) => error.is_closed(),
            Error::Request(error) => error.is_closed(),
            Error::Recv(error) => error.is_closed(),
            Error::Wait(error) => error.is_closed(),
            _ => false,
        }
    }

    /// The message that was not accepted or not converted, if the error has one.
    ///
    /// ```
    /// use sinew::{Context, Error, Push};
    ///
    /// let push = Context::new().socket(Push).open()?;
    /// let error = Error::from(push.try_send("precious").unwrap_err());
    /// assert!(error.is_would_block());
    /// assert_eq!(error.into_message().unwrap(), "precious");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn into_message(self) -> Option<Message> {
        match self {
            Error::Send(error) | Error::Request(RequestError::NotSent(error)) => {
                Some(error.into_message())
            }
            Error::Convert(error) => Some(error.into_message()),
            _ => None,
        }
    }
}

/// An [`Endpoint`](crate::Endpoint) where one is asked for: nothing can go wrong.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Error {
        match never {}
    }
}
