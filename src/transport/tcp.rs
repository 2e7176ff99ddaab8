//! TCP: listening, connecting, and accepting.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket};

use super::resolve;
use super::settings::TransportOptions;
use super::stream::{self, Stream};
use crate::endpoint::HostPort;

/// Listens at the first address of `place` that this machine has.
///
/// Blocks while a name server is asked, if `place` is a name and no interface bears it.
pub(super) fn bind(place: &HostPort, options: &TransportOptions) -> io::Result<Socket> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in resolve::listening_addresses(place, options.ipv6)? {
        match listen(address, options) {
            Ok(socket) => return Ok(socket),
            Err(error) if is_not_ours(&error) => last = error,
            // Taken, or forbidden: another address instead would not be what was asked for.
            Err(error) => return Err(advise(error)),
        }
    }
    Err(advise(last))
}

fn listen(address: SocketAddr, options: &TransportOptions) -> io::Result<Socket> {
    let socket = open(address, options)?;
    if address.is_ipv6() {
        // Dual stack if asked for: IPv4 callers come in as mapped addresses. Set either way,
        // since the system's default is the administrator's to choose.
        socket.set_only_v6(!options.ipv6)?;
    }
    // So that a restarted program need not wait for old connections to be forgotten. On Unix it
    // does not allow a second listener.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog())?;
    Ok(socket)
}

/// Begins to call `address`, from `source` if there is one.
pub(super) fn connect(
    address: SocketAddr,
    source: Option<SocketAddr>,
    options: &TransportOptions,
) -> io::Result<Socket> {
    let socket = open(address, options)?;
    if let Some(source) = source {
        // One source port can call several peers; only the whole quadruple must be unique.
        socket.set_reuse_address(true)?;
        socket.bind(&source.into())?;
    }
    begin(&socket, &address.into())?;
    Ok(socket)
}

fn open(address: SocketAddr, options: &TransportOptions) -> io::Result<Socket> {
    let socket = stream::open(Domain::for_address(address), Some(Protocol::TCP))?;
    options.set_buffers(&socket)?;
    options.set_tcp(&socket, address.is_ipv6())?;
    options.set_device(&socket)?;
    Ok(socket)
}

fn begin(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    match socket.connect(address) {
        // An interrupted call goes on by itself, and asking again would only say `EALREADY`.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        // A caller that sees `WouldBlock` would wait for an event that never comes.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "no free local port to call from",
        )),
        result => result,
    }
}

/// Refuses a connection to ourselves.
///
/// Calling a port of this machine on which no socket listens, the system may choose that very port to
/// call from; TCP's simultaneous open (RFC 9293, section 3.5) then joins the socket to itself,
/// which besides being useless keeps the port from the listener that should come back.
pub(super) fn refuse_self(stream: &Stream, peer: &SockAddr) -> io::Result<()> {
    if stream.socket().local_addr()?.as_socket() != peer.as_socket() {
        return Ok(());
    }
    // Reset instead of closing, so that the port is free at once.
    stream.socket().set_linger(Some(Duration::ZERO))?;
    Err(io::Error::new(
        io::ErrorKind::ConnectionRefused,
        "connected to itself: nobody listens",
    ))
}

/// Whether another address may do better: this machine has no such address, or no such IP version.
fn is_not_ours(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn advise(error: io::Error) -> io::Error {
    if error.raw_os_error().is_none() {
        // It says already what to do.
        return error;
    }
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "choose another port, or `*` for any free one",
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges, choose a higher one",
        io::ErrorKind::AddrNotAvailable => {
            "bind to an address or interface of this machine, or to `*`"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Endpoint, TcpEndpoint};

    fn place(text: &str) -> HostPort {
        match text.parse().unwrap() {
            Endpoint::Tcp(TcpEndpoint { target, .. }) => target,
            other => panic!("{other}"),
        }
    }

    fn listening(text: &str, ipv6: bool) -> io::Result<(Socket, SocketAddr)> {
        let options = TransportOptions {
            ipv6,
            ..TransportOptions::default()
        };
        let socket = bind(&place(text), &options)?;
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Ok((socket, address))
    }

    #[test]
    fn everywhere_means_ipv4_unless_ipv6_is_switched_on() {
        let (_, address) = listening("tcp://*:*", false).unwrap();
        assert_eq!(address.ip().to_string(), "0.0.0.0");
        assert_ne!(address.port(), 0);
        let (socket, address) = listening("tcp://*:*", true).unwrap();
        // A machine without IPv6 falls back.
        if address.is_ipv6() {
            assert!(!socket.only_v6().unwrap());
        }
    }

    #[test]
    fn interfaces_and_hosts_are_found_by_name() {
        let all = if_addrs::get_if_addrs().unwrap();
        let loopback = all
            .iter()
            .find(|it| it.is_loopback() && it.ip().is_ipv4())
            .unwrap();
        let (_, address) = listening(&format!("tcp://{}:*", loopback.name), false).unwrap();
        assert_eq!(address.ip(), loopback.ip());
        let (_, address) = listening("tcp://localhost:*", false).unwrap();
        assert!(address.ip().is_loopback());
    }

    #[test]
    fn a_port_is_bound_once_and_the_error_helps() {
        let (_socket, address) = listening("tcp://127.0.0.1:*", false).unwrap();
        let error = listening(&format!("tcp://{address}"), false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("choose another port"), "{error}");
        // 192.0.2.0/24 belongs to nobody (RFC 5737).
        let error = listening("tcp://192.0.2.1:*", false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("of this machine"), "{error}");
    }

    #[test]
    fn a_port_in_use_is_not_evaded_by_another_address() {
        let (_socket, address) = listening("tcp://*:*", true).unwrap();
        let error = listening(&format!("tcp://*:{}", address.port()), true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
