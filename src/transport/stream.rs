//! One connection: bytes in, bytes out, never blocking.

mod datagrams;
mod source;

use std::io::{self, IoSlice, Read};
use std::net::{IpAddr, Shutdown, SocketAddr};

use mio::event::Event;
use socket2::{Domain, Protocol, Socket, Type};

#[cfg(all(test, not(loom)))]
use super::pretended::End;
use super::{outq, uninit};
#[cfg(test)]
use crate::endpoint::Endpoint;
use crate::endpoint::IpcEndpoint;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Writing to a peer that is gone must be an error, not a signal that ends the program: a program
/// in another language, using this library, may not have switched `SIGPIPE` off as Rust does.
/// Where there is no such flag, socket2 sets the option `SO_NOSIGPIPE` on every socket it makes.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: i32 = 0;

/// Slices that one `write_vectored` passes to the system. With more than `IOV_MAX`, 1024 on every
/// system we know, the call would fail instead of writing a part.
const MAX_SLICES: usize = 1024;

/// A connected, or connecting, byte stream: TCP or Unix-domain. Or a UDP socket, which datagrams come to and
/// go from ([`recv_datagram`](Stream::recv_datagram), [`send_datagram`](Stream::send_datagram)) and no bytes.
///
/// Everything takes `&self`, since one thread may read while another writes. When there is
/// nothing to read, or no room to write, the error's kind is `WouldBlock`.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Non-blocking, always.
    socket: Socket,
    peer: Peer,
    /// The peer was told that nothing more comes. Set once that is done, so that its end is taken for
    /// unwritten rather than a byte for acknowledged.
    finished: AtomicBool,
}

/// The peer's address. Known from the start, and still known after a disconnection.
#[derive(Debug)]
pub(super) enum Peer {
    Tcp(SocketAddr),
    /// The name that the listening end bears; the calling end has none of its own.
    Ipc(IpcEndpoint),
    /// No peer but datagrams, and where they go; `None`: where each says.
    Udp(Option<SocketAddr>),
    /// In a network that a test pretends; the socket only tells of edges.
    #[cfg(all(test, not(loom)))]
    Pretended(Box<End>),
}

/// What a poll has said of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has finished, or the connection is broken.
    pub(crate) ended: bool,
}

impl Stream {
    pub(super) fn new(socket: Socket, peer: Peer) -> Self {
        let finished = AtomicBool::new(false);
        Self {
            socket,
            peer,
            finished,
        }
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    fn is_udp(&self) -> bool {
        matches!(self.peer, Peer::Udp(_))
    }

    pub(crate) fn is_tcp(&self) -> bool {
        #[cfg(all(test, not(loom)))]
        if self.pretended().is_some() {
            return true;
        }
        matches!(self.peer, Peer::Tcp(_))
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn pretended(&self) -> Option<&End> {
        match &self.peer {
            Peer::Pretended(end) => Some(end),
            _ => None,
        }
    }

    /// What an event of a poll that watches it says.
    #[inline]
    pub(crate) fn readiness(&self, event: &Event) -> Readiness {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            return end.readiness(&self.socket);
        }
        Readiness {
            readable: event.is_readable(),
            writable: event.is_writable(),
            // Datagrams have no end; an error is one of them, and the next call takes it away.
            ended: !self.is_udp() && (event.is_read_closed() || event.is_error()),
        }
    }

    /// Reads into memory that is initialised. 0: the peer has finished.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            let most = buffer.len();
            let mut into = buffer;
            return end.read(most, |from| {
                let (part, rest) = std::mem::take(&mut into).split_at_mut(from.len());
                part.copy_from_slice(from);
                into = rest;
            });
        }
        retry(|| (&self.socket).read(buffer))
    }

    /// Appends at most `max` bytes to `buffer` without zeroing it first and without ever growing
    /// it. 0: the peer has finished. No spare capacity is an `InvalidInput` error.
    pub(crate) fn read_uninit(&self, buffer: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            let room = max.min(buffer.capacity() - buffer.len());
            return end.read(room, |from| buffer.extend_from_slice(from));
        }
        retry(|| uninit::recv(&self.socket, buffer, max))
    }

    /// Writes a first part of `bytes`, as much as there is room for.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            return end.write(&[IoSlice::new(bytes)]);
        }
        retry(|| self.socket.send_with_flags(bytes, SEND_FLAGS))
    }

    /// Writes a first part of the slices, as if they were one. More than 1024 slices are not an
    /// error; the rest is for the next call.
    pub(crate) fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            return end.write(slices);
        }
        let slices = slices.get(..MAX_SLICES).unwrap_or(slices);
        retry(|| self.socket.send_vectored_with_flags(slices, SEND_FLAGS))
    }

    /// Tells the peer that nothing more will come. What it sends can still be read.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        self.shut_down()?;
        self.finished.store(true, Ordering::Release);
        Ok(())
    }

    fn shut_down(&self) -> io::Result<()> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            return end.shutdown_write();
        }
        self.socket.shutdown(Shutdown::Write)
    }

    /// Bytes that were written and that the peer's system has not acknowledged, the end that
    /// `shutdown_write` sends not among them. Never waits. `None`: this system cannot say. After the
    /// connection's end, see [`remembers`](Stream::remembers).
    pub(crate) fn unacknowledged(&self) -> Option<usize> {
        let finished = usize::from(self.finished.load(Ordering::Acquire));
        // That end is the last to be acknowledged, and counts as a byte until it is.
        Some(self.system_holds()?.saturating_sub(finished))
    }

    fn system_holds(&self) -> Option<usize> {
        match &self.peer {
            Peer::Tcp(_) => outq::unacknowledged(&self.socket),
            // What was written lies with the peer already: both ends are of one system, which keeps it
            // for the peer whatever becomes of this end.
            Peer::Ipc(_) => Some(0),
            // What was sent is owed nobody.
            Peer::Udp(_) => Some(0),
            #[cfg(all(test, not(loom)))]
            Peer::Pretended(end) => Some(end.unacknowledged()),
        }
    }

    /// Whether [`unacknowledged`](Stream::unacknowledged) is true after a reset too: what was not
    /// acknowledged then. Linux's TCP counts from what it sent and what was acknowledged, and a reset
    /// changes neither (`transport/outq` tests it). A Unix-domain peer that is gone takes with it what it had not read, and
    /// what that was is not told.
    pub(crate) fn remembers(&self) -> bool {
        cfg!(target_os = "linux") && self.is_tcp()
    }

    /// Whether the connection is over on both sides, by a reset or in good order.
    pub(crate) fn is_over(&self) -> bool {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            return end.is_over();
        }
        self.is_tcp() && self.socket.peer_addr().is_err()
    }

    /// Takes the error that the system has kept for this connection, if any.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// The peer's address, for people: `ip:port`, or the path or `@name` of the listening
    /// end of a Unix-domain connection; `*` for datagrams that come from anywhere.
    pub(crate) fn peer_address(&self) -> String {
        match &self.peer {
            Peer::Tcp(address) => canonical(*address).to_string(),
            Peer::Ipc(name) => name.to_string(),
            Peer::Udp(Some(to)) => to.to_string(),
            Peer::Udp(None) => "*".to_owned(),
            #[cfg(all(test, not(loom)))]
            Peer::Pretended(end) => end.peer().to_string(),
        }
    }

    /// A stream, and a peer that does not block either.
    #[cfg(any(all(test, not(loom)), fuzzing))]
    pub(crate) fn pair() -> io::Result<(Stream, Socket)> {
        let (ours, theirs) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let name = IpcEndpoint(crate::endpoint::IpcName::Any);
        Ok((Stream::new(ours, Peer::Ipc(name)), theirs))
    }

    /// The machine at the other end; `None` if that is this one, by a Unix-domain socket.
    pub(crate) fn peer_ip(&self) -> Option<IpAddr> {
        match &self.peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Ipc(_) | Peer::Udp(_) => None,
            #[cfg(all(test, not(loom)))]
            Peer::Pretended(end) => Some(end.peer().ip()),
        }
    }

    /// Our own end. Both ends of a Unix-domain connection are named after the listening one.
    /// `None` if the system no longer knows.
    #[cfg(test)]
    pub(crate) fn local_endpoint(&self) -> Option<Endpoint> {
        match &self.peer {
            Peer::Tcp(_) => {
                let address = self.socket.local_addr().ok()?.as_socket()?;
                Some(canonical(address).into())
            }
            Peer::Ipc(name) => Some(Endpoint::Ipc(name.clone())),
            Peer::Udp(_) => None,
            #[cfg(not(loom))]
            Peer::Pretended(_) => None,
        }
    }
}

/// A stream socket that does not block; where the system can do so, with one call.
pub(super) fn open(domain: Domain, protocol: Option<Protocol>) -> io::Result<Socket> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), protocol)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let socket = {
        let socket = Socket::new(domain, Type::STREAM, protocol)?;
        socket.set_nonblocking(true)?;
        socket
    };
    Ok(socket)
}

/// Calls again when a signal handler ran in between.
pub(super) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// An IPv4 peer of a dual-stack socket is an IPv4 peer.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::from((v4, v6.port())),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::IpcName;

    fn pair() -> (Stream, Stream) {
        let (one, two) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
        let stream = |socket: Socket| {
            socket.set_nonblocking(true).unwrap();
            Stream::new(socket, Peer::Ipc(IpcEndpoint(IpcName::Path("x".into()))))
        };
        (stream(one), stream(two))
    }

    #[test]
    fn bytes_go_both_ways_and_end() {
        let (one, two) = pair();
        let mut bytes = [0; 8];
        assert_eq!(
            two.read(&mut bytes).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert_eq!(one.write(b"hello").unwrap(), 5);
        assert_eq!(two.read(&mut bytes).unwrap(), 5);
        assert_eq!(&bytes[..5], b"hello");
        two.write(b"still").unwrap();
        one.shutdown_write().unwrap();
        assert_eq!(two.read(&mut bytes).unwrap(), 0);
        assert_eq!(one.read(&mut bytes).unwrap(), 5);
        assert!(one.take_error().unwrap().is_none());
        assert_eq!(one.peer_address(), "x");
        assert_eq!(one.local_endpoint().unwrap().to_string(), "ipc://x");
    }

    #[test]
    fn reading_appends_within_the_capacity() {
        let (one, two) = pair();
        one.write(b"0123456789").unwrap();
        let mut buffer = Vec::with_capacity(8);
        let room = buffer.capacity();
        buffer.push(b'>');
        assert_eq!(two.read_uninit(&mut buffer, 4).unwrap(), 4);
        assert_eq!(
            two.read_uninit(&mut buffer, usize::MAX).unwrap(),
            6.min(room - 5)
        );
        assert_eq!(buffer, &b">0123456789"[..room.min(11)]);
        assert_eq!(buffer.capacity(), room);
    }

    #[test]
    fn any_number_of_slices_is_accepted() {
        let (one, two) = pair();
        let slices = vec![IoSlice::new(b"a"); MAX_SLICES + 1];
        assert_eq!(one.write_vectored(&slices).unwrap(), MAX_SLICES);
        assert_eq!(two.read(&mut [0; 2 * MAX_SLICES]).unwrap(), MAX_SLICES);
    }

    #[test]
    fn writing_to_nobody_is_an_error() {
        let (one, two) = pair();
        drop(two);
        assert_eq!(
            one.write(b"x").unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        let error = one.write_vectored(&[IoSlice::new(b"x")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn interruptions_are_passed_over() {
        let mut left = 3;
        let result = retry(|| match left {
            0 => Ok("done"),
            _ => {
                left -= 1;
                Err(io::ErrorKind::Interrupted.into())
            }
        });
        assert_eq!(result.unwrap(), "done");
    }

    #[test]
    fn mapped_addresses_are_shown_as_what_they_are() {
        let mapped: SocketAddr = "[::ffff:10.0.0.1]:5".parse().unwrap();
        assert_eq!(canonical(mapped).to_string(), "10.0.0.1:5");
        let plain: SocketAddr = "[::1]:5".parse().unwrap();
        assert_eq!(canonical(plain), plain);
    }
}
