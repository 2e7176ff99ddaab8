//! What the system holds of a connection's output (`SIOCOUTQ`), a question that no safe interface we use
//! can ask: the other file where `unsafe` is allowed.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

use socket2::Socket;

/// Bytes that the peer's system has not acknowledged; the end that `shutdown` sends counts as one.
/// Never waits. `None`: this system cannot say.
///
/// Of TCP. It is the difference of two counts, of the bytes queued and of those acknowledged, which stay as
/// they are when a connection ends, whichever way it does: what the peer's system had not acknowledged
/// then is what is told from then on. (Of a Unix-domain socket it is the memory that the peer has
/// not read, and zero once the peer is gone, read or not.)
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

#[cfg(all(test, target_os = "linux", not(loom)))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    /// Nothing here takes this long; what hangs fails instead.
    const HANG: Duration = Duration::from_secs(120);

    /// Ours and the peer's end, which holds little.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let small = Socket::from(listener.try_clone().unwrap());
        small.set_recv_buffer_size(4096).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        for end in [&ours, &peer] {
            end.set_read_timeout(Some(HANG)).unwrap();
        }
        (ours, peer)
    }

    fn asked(ours: &TcpStream) -> usize {
        unacknowledged(&Socket::from(ours.try_clone().unwrap())).unwrap()
    }

    fn reset(peer: TcpStream) {
        Socket::from(peer).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Waits until our system knows of the peer's end; whether that was a reset.
    fn await_end(ours: &mut TcpStream) -> bool {
        loop {
            match ours.read(&mut [0; 100]) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                    return true;
                }
            }
        }
    }

    /// Asks until all is acknowledged.
    fn await_acknowledged(ours: &TcpStream) {
        while asked(ours) > 0 {
            std::thread::yield_now();
        }
    }

    /// Writes until nobody takes more; how much that was.
    fn fill(ours: &mut TcpStream) -> usize {
        ours.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(taken) = ours.write(&[1; 4096]) {
            written += taken;
        }
        ours.set_nonblocking(false).unwrap();
        written
    }

    #[test]
    fn in_good_order_nothing_is_left_when_the_peer_has_acknowledged_all() {
        let (mut ours, mut peer) = connection();
        ours.write_all(b"hello").unwrap();
        peer.read_exact(&mut [0; 5]).unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        drop(peer);
        assert!(!await_end(&mut ours));
        await_acknowledged(&ours);
    }

    #[test]
    fn after_a_reset_nothing_is_left_if_all_was_acknowledged_before() {
        // Read by the peer or not, and with input that we have not read.
        for (reads, speaks) in [(true, false), (false, false), (true, true), (false, true)] {
            let (mut ours, mut peer) = connection();
            ours.write_all(b"hello").unwrap();
            if reads {
                peer.read_exact(&mut [0; 5]).unwrap();
            }
            if speaks {
                peer.write_all(b"unread").unwrap();
            }
            await_acknowledged(&ours);
            reset(peer);
            while ours.peer_addr().is_ok() {
                std::thread::yield_now();
            }
            assert_eq!(asked(&ours), 0);
            let _ = await_end(&mut ours);
            assert_eq!(asked(&ours), 0, "the error was taken");
        }
    }

    #[test]
    fn after_a_reset_what_the_peer_had_not_acknowledged_is_still_told() {
        for shuts_down in [false, true] {
            let (mut ours, peer) = connection();
            let written = fill(&mut ours);
            if shuts_down {
                ours.shutdown(Shutdown::Write).unwrap();
            }
            let held = Socket::from(peer.try_clone().unwrap());
            let most = held.recv_buffer_size().unwrap();
            drop(held);
            let before = asked(&ours);
            reset(peer);
            assert!(await_end(&mut ours));
            for _ in 0..2 {
                let left = asked(&ours);
                assert!(left <= before);
                // The end is the last byte, and nobody has it.
                let acknowledged = written + usize::from(shuts_down) - left;
                assert!(acknowledged <= most, "{acknowledged} of {written}");
                // It is so for ever, whatever is tried.
                assert!(ours.write(b"more").is_err());
            }
        }
    }

    #[test]
    fn an_end_that_the_peer_has_not_acknowledged_counts_as_one_byte_after_a_reset_too() {
        let (mut ours, peer) = connection();
        let written = fill(&mut ours);
        let left = asked(&ours);
        ours.shutdown(Shutdown::Write).unwrap();
        let with_end = asked(&ours);
        assert!(with_end <= left + 1 && with_end > 0 && left <= written);
        reset(peer);
        assert!(await_end(&mut ours));
        assert!(asked(&ours) > 0);
    }
}
