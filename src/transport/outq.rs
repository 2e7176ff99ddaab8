//! What the system holds of a connection's output (`SIOCOUTQ`), a question that no safe interface we use
//! can ask: the other file where `unsafe` is allowed.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

use socket2::Socket;

/// Bytes that the peer's system has not acknowledged; the end that `shutdown` sends counts as one.
/// Never waits. `None`: this system cannot say.
#[cfg(target_os = "linux")]
pub(super) fn unacknowledged(socket: &Socket) -> Option<usize> {
    use std::os::fd::AsRawFd;

    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as `socket` is borrowed. For a socket this request is
    // SIOCOUTQ (the same number), which writes one `int` through its third argument, and that points
    // to a live `c_int` of our own.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if outcome == 0 {
        usize::try_from(bytes).ok()
    } else {
        None
    }
}

/// `None`: this system cannot say.
#[cfg(not(target_os = "linux"))]
pub(super) fn unacknowledged(_socket: &Socket) -> Option<usize> {
    None
}
