//! [`Reason`]: why a connection ended, or did not come up, or an endpoint could not be listened at, in words and as
//! a value.

use std::fmt;
use std::io;
use std::ops::Deref;

use crate::error::Error;
use crate::link::ended::Ended;
use crate::security::pending::Refusal;
use crate::zmtp::ProtocolError;

/// Why a connection ended or never came up, or a listener failed. Prints as words, and is text where text is wanted;
/// [`kind`](Reason::kind) is for programs.
///
/// ```
/// use sinew::{Context, EventKind, Pull, Push, ReasonKind};
///
/// let context = Context::new();
/// let push = context.socket(Push).bind("inproc://reasons")?;
/// let monitor = push.monitor();
/// drop(context.socket(Pull).connect("inproc://reasons")?);
/// let reason = monitor.iter().find_map(|event| match event.kind {
///     EventKind::Disconnected { reason } => Some(reason),
///     _ => None,
/// });
/// let reason = reason.unwrap();
/// assert_eq!(reason.kind(), ReasonKind::ClosedByPeer);
/// assert_eq!(reason.to_string(), "the other socket was closed");
/// # Ok::<(), sinew::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    kind: ReasonKind,
    text: String,
}

/// The kinds of [`Reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReasonKind {
    /// The peer closed the connection, or its socket.
    ClosedByPeer,
    /// The caller is from no network of [`accept_from`](crate::Options::accept_from), and was turned away.
    Unwelcome,
    /// The peer closed it during the handshake, without a word: it may speak an older ZMTP, or refuse
    /// this type of socket.
    RefusedByPeer,
    /// This side closed it: by `disconnect` or `close`, or because the time to linger was over.
    ClosedHere,
    /// The system says that it is broken, or cannot be made; or an error that stands for such a thing: a SOCKS
    /// proxy that refuses, say, is [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    Io(io::ErrorKind),
    /// The peer broke the protocol.
    Protocol,
    /// The peer speaks a version of ZMTP that this library does not.
    Version,
    /// The two sides have different security mechanisms.
    Mechanism,
    /// The peer is none of those that this server lets in, or could not prove it; or the server that was called
    /// says so of this side (libzmq: HANDSHAKE_FAILED_AUTH).
    Authentication,
    /// The peer calls from an address that the [`Authenticator`](crate::Authenticator)'s lists do not let in.
    Address,
    /// The [`Authenticator`](crate::Authenticator) did not answer: its closure dropped the question or panicked,
    /// too many waited for it, or there is no ZAP handler that could tell.
    AuthenticatorFailed,
    /// The peer's type of socket and this one do not talk to each other.
    SocketType,
    /// The peer refused, and said why with an ERROR command.
    PeerError,
    /// The peer sent a message that is larger, or has more frames, than this socket accepts.
    MessageTooLarge,
    /// The peer subscribed to more, or to longer topics, than a publisher keeps.
    Subscriptions,
    /// The handshake took longer than `handshake_timeout`.
    HandshakeTimeout,
    /// Too many connections were in their handshake.
    Crowded,
    /// The peer did not answer a heartbeat in time.
    NoAnswer,
    /// The peer was silent for longer than it had announced.
    PeerTtl,
    /// Another peer with the same routing id took its place.
    Replaced,
    /// This socket does not take the peer on.
    PeerRefused,
}

impl Reason {
    /// What kind of reason it is.
    pub fn kind(&self) -> ReasonKind {
        self.kind
    }

    pub(crate) fn new(kind: ReasonKind, text: impl Into<String>) -> Reason {
        let text = text.into();
        Reason { kind, text }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&io::Error> for Reason {
    fn from(error: &io::Error) -> Reason {
        Reason::new(ReasonKind::Io(error.kind()), error.to_string())
    }
}

impl From<&Error> for Reason {
    /// Of the kind that the error has among the standard library's.
    fn from(error: &Error) -> Reason {
        Reason::new(ReasonKind::Io(error.io_kind()), error.to_string())
    }
}

impl From<&Ended> for Reason {
    fn from(ended: &Ended) -> Reason {
        let kind = match ended {
            Ended::ByPeer => ReasonKind::ClosedByPeer,
            Ended::OnGreeting | Ended::InHandshake => ReasonKind::RefusedByPeer,
            Ended::Io(error) => ReasonKind::Io(error.kind()),
            Ended::Protocol(fault) => kind_of(fault),
            Ended::Excess(_) => ReasonKind::Subscriptions,
            Ended::Refused(_) => ReasonKind::PeerRefused,
            Ended::Replaced => ReasonKind::Replaced,
            Ended::HandshakeTimeout => ReasonKind::HandshakeTimeout,
            Ended::Silent => ReasonKind::NoAnswer,
            Ended::PeerTtl => ReasonKind::PeerTtl,
            Ended::Crowded => ReasonKind::Crowded,
            Ended::Linger | Ended::ByUs => ReasonKind::ClosedHere,
        };
        Reason::new(kind, ended.to_string())
    }
}

fn kind_of(fault: &ProtocolError) -> ReasonKind {
    match fault {
        ProtocolError::UnsupportedVersion { .. } => ReasonKind::Version,
        ProtocolError::MechanismMismatch { .. } | ProtocolError::TwoServers { .. } => {
            ReasonKind::Mechanism
        }
        ProtocolError::AuthenticationRefused { .. } => ReasonKind::Authentication,
        ProtocolError::Refused(refusal) => match refusal {
            Refusal::Address => ReasonKind::Address,
            #[cfg(any(feature = "curve", feature = "plain"))]
            Refusal::Unproved => ReasonKind::Authentication,
            Refusal::Refused | Refusal::NotNow => ReasonKind::Authentication,
            Refusal::Unanswered
            | Refusal::Overloaded
            | Refusal::NoHandler
            | Refusal::BadReply
            | Refusal::HandlerFailed => ReasonKind::AuthenticatorFailed,
        },
        #[cfg(feature = "curve")]
        ProtocolError::BoxNotOpened { name } if *name != "MESSAGE" => ReasonKind::Authentication,
        ProtocolError::SocketTypeMismatch { .. } => ReasonKind::SocketType,
        ProtocolError::PeerError { .. } => ReasonKind::PeerError,
        ProtocolError::MessageTooLarge { .. }
        | ProtocolError::MessageOverHwm { .. }
        | ProtocolError::TooManyFrames { .. } => ReasonKind::MessageTooLarge,
        _ => ReasonKind::Protocol,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_said_is_words_and_a_kind() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "no");
        let reason = Reason::from(&refused);
        let kind = ReasonKind::Io(io::ErrorKind::ConnectionRefused);
        assert_eq!((reason.kind(), &*reason), (kind, "no"));
        let reason = Reason::from(&Error::InUse("it is taken".into()));
        let kind = ReasonKind::Io(io::ErrorKind::AddrInUse);
        assert_eq!((reason.kind(), &*reason), (kind, "it is taken"));
    }

    #[test]
    fn a_reason_is_words_and_a_kind() {
        let broken = Ended::Io(io::ErrorKind::ConnectionReset.into());
        let reason = Reason::from(&broken);
        assert_eq!(
            reason.kind(),
            ReasonKind::Io(io::ErrorKind::ConnectionReset)
        );
        assert_eq!(reason.to_string(), broken.to_string());
        assert!(reason.contains("broke"));
        let fault = ProtocolError::UnsupportedVersion { version: "2.0" };
        let reason = Reason::from(&Ended::Protocol(fault));
        assert_eq!(reason.kind(), ReasonKind::Version);
    }
}
