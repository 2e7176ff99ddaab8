//! UDP: endpoints that are bound, and those that are connected, which here only says where datagrams go.
//!
//! No system connection is made for the latter: a DGRAM sends to others as well, and what comes back from a
//! multicast group has the addresses of its members.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use super::interfaces;
use super::resolve;
use super::settings::TransportOptions;
use super::stream::{Peer, Stream};
use crate::endpoint::{Host, HostPort, UdpEndpoint};

/// Where multicasts go out and come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interface {
    V4(Ipv4Addr),
    /// By number; zero is the system's choice.
    V6(u32),
}

/// Binds, and joins the group if the endpoint is one. Gives what was bound really, too.
///
/// Blocks while a name server is asked, if the host is a name that no interface bears. So does
/// [`connect`].
pub(crate) fn bind(
    endpoint: &UdpEndpoint,
    options: &TransportOptions,
) -> io::Result<(Stream, UdpEndpoint)> {
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot bind udp://{endpoint}: {error}"),
        )
    };
    bind_any(endpoint, options).map_err(named)
}

fn bind_any(
    endpoint: &UdpEndpoint,
    options: &TransportOptions,
) -> io::Result<(Stream, UdpEndpoint)> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in resolve::listening_addresses(&endpoint.target, options.ipv6)? {
        match bind_at(endpoint, address, options) {
            Ok(socket) => {
                let local = socket.local_addr()?.as_socket();
                let local = local.ok_or(io::ErrorKind::AddrNotAvailable)?;
                let target = HostPort {
                    port: local.port(),
                    host: match endpoint.group() {
                        Some(_) => endpoint.target.host.clone(),
                        None => host_of(local),
                    },
                };
                let interface = endpoint.interface.clone();
                let bound = UdpEndpoint { interface, target };
                return Ok((Stream::new(socket, Peer::Udp(None)), bound));
            }
            // This machine has no such address, or no such IP version.
            Err(error)
                if error.kind() == io::ErrorKind::AddrNotAvailable
                    || error.raw_os_error() == Some(libc::EAFNOSUPPORT) =>
            {
                last = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn bind_at(
    endpoint: &UdpEndpoint,
    address: SocketAddr,
    options: &TransportOptions,
) -> io::Result<Socket> {
    let socket = open(address, options)?;
    let group = address.ip().is_multicast();
    if group {
        // Any number of sockets of a machine may be in a group. At another address a second one would
        // take datagrams away from the first.
        share_port(&socket)?;
    }
    // Bound to the group itself, it gets nothing that was sent to another address with that port.
    socket.bind(&address.into())?;
    let interface = interface_for(endpoint, address)?;
    match (address.ip(), interface) {
        (IpAddr::V4(group), Interface::V4(interface)) if group.is_multicast() => {
            socket.join_multicast_v4(&group, &interface)?;
        }
        (IpAddr::V6(group), Interface::V6(interface)) if group.is_multicast() => {
            socket.join_multicast_v6(&group, interface)?;
        }
        _ => {}
    }
    if group {
        only_what_was_joined(&socket, address)?;
    }
    send_by(&socket, interface, options)?;
    Ok(socket)
}

/// Has datagrams go to the endpoint, from a free port.
pub(crate) fn connect(
    endpoint: &UdpEndpoint,
    options: &TransportOptions,
) -> io::Result<(Stream, SocketAddr)> {
    let connected = || {
        let addresses = resolve::look_up(&endpoint.target, options.ipv6)?;
        let address = *addresses.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let socket = open(address, options)?;
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        // Now rather than with the first datagram, so that answers find a port from the start.
        socket.bind(&any.into())?;
        send_by(&socket, interface_for(endpoint, address)?, options)?;
        Ok((Stream::new(socket, Peer::Udp(Some(address))), address))
    };
    connected().map_err(|error: io::Error| {
        let text = format!("cannot connect to udp://{endpoint}: {error}");
        io::Error::new(error.kind(), text)
    })
}

fn open(address: SocketAddr, options: &TransportOptions) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!options.ipv6)?;
    }
    // A program that names a broadcast address means it.
    socket.set_broadcast(true)?;
    options.set_buffers(&socket)?;
    options.set_tos(&socket, address.is_ipv6())?;
    options.set_device(&socket)?;
    Ok(socket)
}

fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    // Where the other one does not do for a group.
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "solaris",
        target_os = "illumos"
    )))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Linux would give a socket what comes over any interface on which another socket has joined the group.
fn only_what_was_joined(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if address.is_ipv4() {
        return socket.set_multicast_all_v4(false);
    }
    let _ = (socket, address);
    Ok(())
}

/// How multicasts leave: also from a bound socket, since a DGRAM sends from there.
fn send_by(socket: &Socket, interface: Interface, options: &TransportOptions) -> io::Result<()> {
    let hops = u32::from(options.multicast_hops);
    match interface {
        Interface::V4(address) => {
            if !address.is_unspecified() {
                socket.set_multicast_if_v4(&address)?;
            }
            socket.set_multicast_ttl_v4(hops)?;
            socket.set_multicast_loop_v4(options.multicast_loop)
        }
        Interface::V6(number) => {
            if number != 0 {
                socket.set_multicast_if_v6(number)?;
            }
            socket.set_multicast_hops_v6(hops)?;
            socket.set_multicast_loop_v6(options.multicast_loop)
        }
    }
}

/// The interface that the endpoint names, as the IP version of `address` wants it told.
fn interface_for(endpoint: &UdpEndpoint, address: SocketAddr) -> io::Result<Interface> {
    let named = endpoint.interface.as_ref();
    match address {
        SocketAddr::V4(_) => Ok(Interface::V4(match named {
            None | Some(Host::Any) => Ipv4Addr::UNSPECIFIED,
            Some(Host::V4(interface)) => *interface,
            Some(Host::Name(name)) => {
                let own = interfaces::addresses(name, 0, false)?;
                match own.first().map(SocketAddr::ip) {
                    Some(IpAddr::V4(interface)) => interface,
                    _ => return Err(no_interface(name)),
                }
            }
            Some(v6 @ Host::V6 { .. }) => return Err(no_interface(v6)),
        })),
        SocketAddr::V6(group) => Ok(Interface::V6(match named {
            // The group may name it itself: ff02::1%eth0.
            None | Some(Host::Any) => group.scope_id(),
            Some(Host::Name(name)) => interfaces::scope_id(name)?,
            Some(Host::V6 {
                scope: Some(scope), ..
            }) => interfaces::scope_id(scope)?,
            Some(Host::V6 { address, .. }) => interfaces::number_of(*address)?,
            Some(v4 @ Host::V4(_)) => return Err(no_interface(v4)),
        })),
    }
}

fn no_interface(named: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        format!("no interface {named} of this machine has an address of the group's IP version"),
    )
}

fn host_of(address: SocketAddr) -> Host {
    match address {
        SocketAddr::V4(v4) => Host::V4(*v4.ip()),
        SocketAddr::V6(v6) => Host::V6 {
            address: *v6.ip(),
            scope: (v6.scope_id() != 0).then(|| v6.scope_id().to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use std::net::UdpSocket;
    use std::time::Duration;

    fn udp(text: &str) -> UdpEndpoint {
        match text.parse() {
            Ok(Endpoint::Udp(udp)) => udp,
            other => panic!("{other:?}"),
        }
    }

    fn bound(text: &str, options: &TransportOptions) -> (Stream, UdpEndpoint) {
        bind(&udp(text), options).unwrap()
    }

    fn plain() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        socket
    }

    /// Waits, for as long as it takes, for a datagram.
    fn received(stream: &Stream) -> (Vec<u8>, SocketAddr) {
        let mut bytes = Vec::with_capacity(100);
        loop {
            match stream.recv_datagram(&mut bytes) {
                Ok(from) => return (bytes, from),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
    }

    #[test]
    fn datagrams_go_where_the_endpoint_says_or_the_call_and_come_with_their_sender() {
        let options = TransportOptions::default();
        let (here, endpoint) = bound("udp://127.0.0.1:*", &options);
        assert_ne!(endpoint.port(), 0);
        let (there, to) = connect(&endpoint, &options).unwrap();
        assert_eq!(to.port(), endpoint.port());
        there.send_datagram(b"one", None).unwrap();
        let (bytes, from) = received(&here);
        assert_eq!(bytes, b"one");
        here.send_datagram(b"back", Some(from)).unwrap();
        assert_eq!(received(&there), (b"back".to_vec(), to));
        let third = plain();
        there
            .send_datagram(b"", Some(third.local_addr().unwrap()))
            .unwrap();
        let mut buffer = [1; 9];
        assert_eq!(third.recv_from(&mut buffer).unwrap().0, 0);
        let error = here.send_datagram(b"to nobody", None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_datagram_that_is_longer_than_the_space_fills_it() {
        let (here, endpoint) = bound("udp://127.0.0.1:*", &TransportOptions::default());
        let to = format!("127.0.0.1:{}", endpoint.port());
        plain().send_to(&[7; 101], to).unwrap();
        assert_eq!(received(&here).0, [7; 100]);
    }

    #[test]
    fn an_address_has_one_socket_and_a_group_any_number() {
        let options = TransportOptions::default();
        let (_first, endpoint) = bound("udp://127.0.0.1:*", &options);
        let error = bind(&endpoint, &options).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("udp://127.0.0.1:"), "{error}");
        // A machine without a way for multicasts has nothing to show here.
        let Ok((_first, group)) = bind(&udp("udp://127.0.0.1;239.255.71.1:*"), &options) else {
            return;
        };
        bind(&group, &options).unwrap();
    }

    #[test]
    fn what_is_asked_for_multicasts_is_set() {
        let options = TransportOptions {
            multicast_hops: 7,
            multicast_loop: false,
            ..TransportOptions::default()
        };
        let group = udp("udp://127.0.0.1;239.255.71.2:5555");
        let (stream, _) = connect(&group, &options).unwrap();
        assert_eq!(stream.socket().multicast_ttl_v4().unwrap(), 7);
        assert!(!stream.socket().multicast_loop_v4().unwrap());
        assert_eq!(
            stream.socket().multicast_if_v4().unwrap(),
            Ipv4Addr::LOCALHOST
        );
        assert_eq!(stream.peer_address(), "239.255.71.2:5555");
        if let Ok((stream, _)) = connect(&udp("udp://[::1]:5555"), &options) {
            assert_eq!(stream.socket().multicast_hops_v6().unwrap(), 7);
            assert!(!stream.socket().multicast_loop_v6().unwrap());
        }
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let options = TransportOptions::default();
        for text in ["udp://nothing0;239.0.0.1:5", "udp://nothing0;[ff02::1]:5"] {
            let error = connect(&udp(text), &options).unwrap_err();
            assert!(error.to_string().contains("nothing0"), "{error}");
        }
    }
}
