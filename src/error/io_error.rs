//! Errors of this library where the standard library's are asked for: each keeps its text and is the source.

use std::io;

use super::{Error, RecvError, RequestError, SendError, SendErrorKind, SendManyError, WaitError};

impl Error {
    /// The kind that it has among the standard library's.
    pub(crate) fn io_kind(&self) -> io::ErrorKind {
        match self {
            Error::Endpoint(_)
            | Error::Option(_)
            | Error::TopicTooLong { .. }
            | Error::GroupTooLong { .. }
            | Error::UnknownSocketType(_) => io::ErrorKind::InvalidInput,
            Error::Send(error) => error.kind().into(),
            Error::SendMany(error) => error.kind().into(),
            Error::Recv(error) => (*error).into(),
            Error::Wait(error) => io::Error::from(*error).kind(),
            Error::Request(error) => error.into(),
            Error::Convert(_) | Error::Message(_) => io::ErrorKind::InvalidData,
            Error::Io(source) | Error::System(source) => source.kind(),
            Error::InUse(_) => io::ErrorKind::AddrInUse,
            Error::RoutingIdTaken(_) | Error::AlreadyPolled | Error::AlreadyJoined => {
                io::ErrorKind::AlreadyExists
            }
            Error::NotFound(_) | Error::NoEndpoint | Error::NotPolled | Error::NotJoined => {
                io::ErrorKind::NotFound
            }
            Error::NoProxy(..)
            | Error::NoSuchSocket(_)
            | Error::Unsupported { .. }
            | Error::NotManual => io::ErrorKind::Unsupported,
            Error::PeerGone => io::ErrorKind::ConnectionReset,
            Error::Closed => io::ErrorKind::NotConnected,
            Error::ReactorDied => io::ErrorKind::Other,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(error.io_kind(), error)
    }
}

impl From<WaitError> for io::Error {
    fn from(error: WaitError) -> io::Error {
        let kind = match error {
            WaitError::TimedOut { .. } => io::ErrorKind::TimedOut,
            WaitError::Closed => io::ErrorKind::NotConnected,
            WaitError::ReactorDied => io::ErrorKind::Other,
            WaitError::Unsupported => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, error)
    }
}

impl From<RecvError> for io::ErrorKind {
    fn from(error: RecvError) -> io::ErrorKind {
        match error {
            RecvError::WouldBlock => io::ErrorKind::WouldBlock,
            RecvError::TimedOut => io::ErrorKind::TimedOut,
            RecvError::Closed => io::ErrorKind::NotConnected,
            RecvError::ReactorDied => io::ErrorKind::Other,
            RecvError::MustSendFirst => io::ErrorKind::InvalidInput,
            RecvError::PeerGone => io::ErrorKind::ConnectionReset,
            RecvError::Unsupported => io::ErrorKind::Unsupported,
        }
    }
}

impl From<RecvError> for io::Error {
    fn from(error: RecvError) -> io::Error {
        io::Error::new(error.into(), error)
    }
}

impl From<SendErrorKind> for io::ErrorKind {
    fn from(kind: SendErrorKind) -> io::ErrorKind {
        match kind {
            SendErrorKind::WouldBlock => io::ErrorKind::WouldBlock,
            SendErrorKind::TimedOut => io::ErrorKind::TimedOut,
            SendErrorKind::Closed => io::ErrorKind::NotConnected,
            SendErrorKind::ReactorDied => io::ErrorKind::Other,
            SendErrorKind::PeerGone => io::ErrorKind::NotConnected,
            SendErrorKind::MustReceiveFirst
            | SendErrorKind::NotManual
            | SendErrorKind::TooManyFrames
            | SendErrorKind::TopicTooLong
            | SendErrorKind::NoGroup
            | SendErrorKind::GroupTooLong
            | SendErrorKind::TooLarge => io::ErrorKind::InvalidInput,
            SendErrorKind::Multipart => io::ErrorKind::InvalidInput,
            SendErrorKind::Unsupported => io::ErrorKind::Unsupported,
            SendErrorKind::Unroutable => io::ErrorKind::NotFound,
        }
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> io::Error {
        io::Error::new(error.kind().into(), error)
    }
}

impl From<SendManyError> for io::Error {
    fn from(error: SendManyError) -> io::Error {
        io::Error::new(error.kind().into(), error)
    }
}

impl From<&RequestError> for io::ErrorKind {
    fn from(error: &RequestError) -> io::ErrorKind {
        match error {
            RequestError::NotSent(error) => error.kind().into(),
            RequestError::TimedOut => io::ErrorKind::TimedOut,
            RequestError::PeerGone => io::ErrorKind::ConnectionReset,
            RequestError::Closed => io::ErrorKind::NotConnected,
            RequestError::ReactorDied => io::ErrorKind::Other,
        }
    }
}

impl From<RequestError> for io::Error {
    fn from(error: RequestError) -> io::Error {
        io::Error::new((&error).into(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    const SEND: [SendErrorKind; 15] = [
        SendErrorKind::WouldBlock,
        SendErrorKind::TimedOut,
        SendErrorKind::Closed,
        SendErrorKind::ReactorDied,
        SendErrorKind::Unroutable,
        SendErrorKind::MustReceiveFirst,
        SendErrorKind::Unsupported,
        SendErrorKind::Multipart,
        SendErrorKind::TooManyFrames,
        SendErrorKind::TopicTooLong,
        SendErrorKind::NoGroup,
        SendErrorKind::GroupTooLong,
        SendErrorKind::PeerGone,
        SendErrorKind::NotManual,
        SendErrorKind::TooLarge,
    ];

    /// The kind, and that the text is as it was.
    #[track_caller]
    fn kind_of(error: impl Into<io::Error> + std::error::Error) -> io::ErrorKind {
        let text = error.to_string();
        let error = error.into();
        assert_eq!(error.to_string(), text);
        error.kind()
    }

    #[test]
    fn an_error_is_of_the_same_kind_by_itself_and_among_all_errors() {
        for kind in SEND {
            let small = SendError::new(kind, Message::from("x"));
            let expected = io::ErrorKind::from(kind);
            let many = SendManyError::new(kind, 3);
            let request = RequestError::NotSent(small.clone());
            assert_eq!(kind_of(small.clone()), expected);
            assert_eq!(kind_of(many), expected);
            assert_eq!(kind_of(request.clone()), expected);
            for error in [Error::from(small), many.into(), request.into()] {
                assert_eq!(kind_of(error), expected);
            }
        }
        for small in [
            RecvError::WouldBlock,
            RecvError::TimedOut,
            RecvError::Closed,
            RecvError::ReactorDied,
            RecvError::MustSendFirst,
            RecvError::PeerGone,
            RecvError::Unsupported,
        ] {
            assert_eq!(kind_of(small), kind_of(Error::from(small)));
        }
        let late = WaitError::TimedOut {
            there: 1,
            wanted: 2,
        };
        for small in [
            late,
            WaitError::Closed,
            WaitError::ReactorDied,
            WaitError::Unsupported,
        ] {
            assert_eq!(kind_of(small), kind_of(Error::from(small)));
        }
    }

    #[test]
    fn what_the_system_said_keeps_its_kind() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        for error in [Error::Io(refused()), Error::System(refused())] {
            assert_eq!(kind_of(error), io::ErrorKind::PermissionDenied);
        }
        assert_eq!(kind_of(Error::InUse("x".into())), io::ErrorKind::AddrInUse);
    }
}
