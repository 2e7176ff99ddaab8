//! The network interfaces of this machine, by name.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use if_addrs::Interface;

/// The addresses of the interface `name`, with `port`, best first; empty if there is none of that
/// name (or it has no address of an allowed family).
///
/// With `ipv6`, its IPv6 addresses come before its IPv4 ones, but link-local IPv6 addresses last:
/// every interface has one, and few peers can use it.
pub(super) fn addresses(name: &str, port: u16, ipv6: bool) -> io::Result<Vec<SocketAddr>> {
    let all = if_addrs::get_if_addrs()?;
    let mut found: Vec<_> = all.iter().filter(|it| it.name == name).collect();
    found.retain(|it| ipv6 || it.ip().is_ipv4());
    found.sort_by_key(|it| rank(it.ip()));
    Ok(found.into_iter().map(|it| with_port(it, port)).collect())
}

/// The number of the interface behind the `%` of an IPv6 address, which may be that number itself.
pub(super) fn scope_id(scope: &str) -> io::Result<u32> {
    if let Ok(number) = scope.parse() {
        return Ok(number);
    }
    let all = if_addrs::get_if_addrs()?;
    let number = all
        .iter()
        .find(|it| it.name == scope)
        .and_then(|it| it.index);
    number.ok_or_else(|| {
        let message = format!("no interface of this machine is called {scope:?}");
        io::Error::new(io::ErrorKind::AddrNotAvailable, message)
    })
}

/// The number of the interface that has this address.
pub(super) fn number_of(address: Ipv6Addr) -> io::Result<u32> {
    let all = if_addrs::get_if_addrs()?;
    let number = all
        .iter()
        .find(|it| it.ip() == address)
        .and_then(|it| it.index);
    number.ok_or_else(|| {
        let message = format!("no interface of this machine has the address {address}");
        io::Error::new(io::ErrorKind::AddrNotAvailable, message)
    })
}

fn rank(address: IpAddr) -> u8 {
    match address {
        IpAddr::V6(v6) if !is_link_local(v6) => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 2,
    }
}

/// Whether the address is of `fe80::/10` ([RFC 4291, section 2.5.6]); the standard library's own
/// question for it is younger than the Rust version that this crate promises.
///
/// [RFC 4291, section 2.5.6]: https://www.rfc-editor.org/rfc/rfc4291#section-2.5.6
fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

fn with_port(interface: &Interface, port: u16) -> SocketAddr {
    match interface.ip() {
        IpAddr::V6(v6) if is_link_local(v6) => {
            let scope = interface.index.unwrap_or(0);
            SocketAddr::V6(SocketAddrV6::new(v6, port, 0, scope))
        }
        address => SocketAddr::new(address, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the loopback interface differs from system to system.
    fn loopback() -> Interface {
        let all = if_addrs::get_if_addrs().unwrap();
        all.into_iter()
            .find(|it| it.is_loopback() && it.ip().is_ipv4())
            .unwrap()
    }

    #[test]
    fn an_interface_is_found_by_name() {
        let found = addresses(&loopback().name, 5, false).unwrap();
        assert!(
            found.contains(&SocketAddr::new(loopback().ip(), 5)),
            "{found:?}"
        );
        assert!(found.iter().all(SocketAddr::is_ipv4), "{found:?}");
        assert!(addresses("no such interface", 5, true).unwrap().is_empty());
    }

    #[test]
    fn scopes_are_numbers_or_names() {
        assert_eq!(scope_id("7").unwrap(), 7);
        assert_eq!(
            scope_id(&loopback().name).unwrap(),
            loopback().index.unwrap()
        );
        assert!(scope_id("nothing0")
            .unwrap_err()
            .to_string()
            .contains("nothing0"));
    }

    #[test]
    fn link_local_addresses_come_last() {
        let mut all: Vec<IpAddr> = ["fe80::1", "10.0.0.1", "2001:db8::1"]
            .map(|it| it.parse().unwrap())
            .into();
        all.sort_by_key(|it| rank(*it));
        assert_eq!(
            all,
            ["2001:db8::1", "10.0.0.1", "fe80::1"].map(|it| it.parse::<IpAddr>().unwrap())
        );
    }
}
