use std::ffi::{c_int, CStr};
use std::fmt;

use crate::ffi;

/// libzmq's own error numbers start here, out of the way of the system's.
const HAUSNUMERO: c_int = 156_384_712;

/// The error number a libzmq call left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(pub c_int);

impl Error {
    /// Not now: the call would have to wait, or its timeout ran out.
    pub const AGAIN: Error = Error(if cfg!(any(target_os = "macos", target_os = "freebsd")) {
        35
    } else {
        11
    });
    /// Interrupted by a signal before anything happened.
    pub const INTR: Error = Error(4);
    /// Not allowed with this socket, or with this value.
    pub const INVAL: Error = Error(22);
    /// No peer has the routing id.
    pub const HOSTUNREACH: Error =
        Error(if cfg!(any(target_os = "macos", target_os = "freebsd")) {
            65
        } else {
            113
        });
    /// The socket is not in a state that allows this call, as with two requests in a row.
    pub const FSM: Error = Error(HAUSNUMERO + 51);
    /// The context was shut down.
    pub const TERM: Error = Error(HAUSNUMERO + 53);

    pub(crate) fn last() -> Error {
        // SAFETY: reads a thread-local number; no arguments.
        Error(unsafe { ffi::zmq_errno() })
    }

    /// Whether the call would have had to wait.
    pub fn is_again(self) -> bool {
        self == Error::AGAIN
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: returns a pointer to a static, NUL-terminated string for every number.
        let text = unsafe { CStr::from_ptr(ffi::zmq_strerror(self.0)) };
        write!(f, "{} ({})", text.to_string_lossy(), self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// Turns libzmq's "-1 and errno" into a `Result`.
pub(crate) fn check(code: c_int) -> crate::Result<c_int> {
    if code == -1 {
        Err(Error::last())
    } else {
        Ok(code)
    }
}
