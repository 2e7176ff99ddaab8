//! Reading into memory that was not zeroed first: one of the two files where `unsafe` is allowed.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;

use socket2::{SockAddr, Socket};

/// Receives at most `max` bytes into the spare capacity of `buffer`, appending them.
///
/// Never grows the buffer: without room for a single byte this is an error, because zero would
/// say that the peer had finished.
pub(super) fn recv(socket: &Socket, buffer: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    // SAFETY: `recv` returns the count of the system call of that name, and the system has then
    // written exactly that number of bytes at the start of the slice it was given. Errors append nothing.
    unsafe { append(buffer, max, |spare| socket.recv(spare)) }
}

/// Receives one datagram into the spare capacity of `buffer`, which is appended to: what does not fit is
/// lost. Says how many bytes that were, and where it came from.
///
/// Never grows the buffer: without room for a single byte this is an error.
pub(super) fn recv_from(socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<(usize, SockAddr)> {
    let mut sender = None;
    // SAFETY: as for `recv`: `recv_from` returns the count of the system call of that name.
    let count = unsafe {
        append(buffer, usize::MAX, |spare| {
            let (count, from) = socket.recv_from(spare)?;
            sender = Some(from);
            Ok(count)
        })?
    };
    let sender = sender.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((count, sender))
}

/// Lets `fill` write into at most `max` bytes of spare capacity and makes them part of the vector.
///
/// # Safety
///
/// When `fill` returns `Ok(n)`, the first `n` bytes of the slice it was given (or all of it, if
/// it has fewer) must be initialised.
unsafe fn append(
    buffer: &mut Vec<u8>,
    max: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<usize> {
    let length = buffer.len();
    let room = max.min(buffer.capacity() - length);
    if room == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no room to read into",
        ));
    }
    let spare = buffer.spare_capacity_mut();
    let spare = spare.get_mut(..room).unwrap_or_default();
    let offered = spare.len();
    let filled = fill(spare)?.min(offered);
    // SAFETY: `offered <= capacity - length`, so `length + filled <= capacity`. The bytes before
    // `length` were initialised before; `fill` initialised the `filled` bytes after them, which is
    // what our caller promised.
    unsafe { buffer.set_len(length + filled) };
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pretend system call: copies `from` to where it is told and says how much.
    fn copy(from: &[u8]) -> impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize> + '_ {
        move |spare| {
            let count = from.len().min(spare.len());
            for (to, byte) in spare.iter_mut().zip(from) {
                to.write(*byte);
            }
            Ok(count)
        }
    }

    // No system call below, so that these tests can be run under Miri.
    #[test]
    fn what_is_filled_is_appended_and_nothing_else() {
        let mut buffer = Vec::with_capacity(8);
        let room = buffer.capacity();
        buffer.extend_from_slice(b"ab");
        // SAFETY: `copy` writes the bytes it counts, from the start.
        unsafe {
            assert_eq!(append(&mut buffer, 3, copy(b"cdefgh")).unwrap(), 3);
            assert_eq!(append(&mut buffer, usize::MAX, copy(b"f")).unwrap(), 1);
            assert_eq!(append(&mut buffer, 1, copy(b"")).unwrap(), 0);
        }
        assert_eq!(buffer, b"abcdef");
        assert_eq!(buffer.capacity(), room);
    }

    #[test]
    fn an_error_appends_nothing() {
        let mut buffer = Vec::with_capacity(8);
        // SAFETY: nothing is said to be initialised.
        let result = unsafe { append(&mut buffer, 8, |_| Err(io::ErrorKind::WouldBlock.into())) };
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(buffer.is_empty());
    }

    #[test]
    fn no_room_is_an_error_and_not_an_end() {
        let mut buffer = vec![0; 4];
        buffer.shrink_to_fit();
        let full = buffer.capacity() - buffer.len();
        assert_eq!(full, 0);
        for (buffer, max) in [(&mut buffer, 9), (&mut Vec::with_capacity(9), 0)] {
            // SAFETY: `copy` writes the bytes it counts, from the start.
            let error = unsafe { append(buffer, max, copy(b"x")) }.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
