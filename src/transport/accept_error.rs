//! What an `accept` that failed means for the listener.

use std::io;

/// What a failed `accept` means for the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptError {
    /// That caller is lost; the next may be fine. (`WouldBlock` too: the next has not come yet.)
    Retry,
    /// That caller is not wanted, and was turned away.
    Unwelcome,
    /// The system has no descriptor or no memory to spare: wait a while, or callers and listener
    /// chase each other.
    OutOfResources,
    /// The listener is of no more use.
    Fatal,
}

/// Whether it is this side that does not want the caller.
pub(super) fn is_unwelcome(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// Tells errors of one caller, and of a strained system, from those of the listener.
pub(crate) fn accept_is_transient(error: &io::Error) -> AcceptError {
    if is_unwelcome(error) {
        return AcceptError::Unwelcome;
    }
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted
        | io::ErrorKind::TimedOut
        | io::ErrorKind::WouldBlock => return AcceptError::Retry,
        _ => {}
    }
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            AcceptError::OutOfResources
        }
        // Linux hands over what has gone wrong with the new connection already, and a firewall's
        // verdict about it.
        Some(
            libc::EPROTO
            | libc::ENOPROTOOPT
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::EPERM,
        ) => AcceptError::Retry,
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Some(libc::ENONET | libc::EOPNOTSUPP) => AcceptError::Retry,
        _ => AcceptError::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_errors_are_told_apart() {
        let verdict = |code| accept_is_transient(&io::Error::from_raw_os_error(code));
        for code in [
            libc::ECONNABORTED,
            libc::EINTR,
            libc::EAGAIN,
            libc::EPROTO,
            libc::EPERM,
        ] {
            assert_eq!(verdict(code), AcceptError::Retry, "{code}");
        }
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert_eq!(verdict(code), AcceptError::OutOfResources, "{code}");
        }
        for code in [libc::EBADF, libc::EINVAL, libc::ENOTSOCK] {
            assert_eq!(verdict(code), AcceptError::Fatal, "{code}");
        }
        let gone = io::Error::new(io::ErrorKind::ConnectionAborted, "caller is gone");
        assert_eq!(accept_is_transient(&gone), AcceptError::Retry);
    }

    #[test]
    fn a_caller_that_this_side_does_not_want_is_told_from_what_the_system_forbids() {
        let ours = io::Error::new(io::ErrorKind::PermissionDenied, "not from there");
        assert_eq!(accept_is_transient(&ours), AcceptError::Unwelcome);
        let systems = io::Error::from_raw_os_error(libc::EACCES);
        assert_eq!(accept_is_transient(&systems), AcceptError::Fatal);
    }
}
