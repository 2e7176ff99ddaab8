//! From names to addresses: where to listen and where to connect, as the system wants it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use super::interfaces;
use super::stream::canonical;
use crate::endpoint::{Endpoint, Host, HostPort, IpcEndpoint, TcpEndpoint};

/// One concrete address to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// A TCP address and, if one was named, the address to call from, of the same family.
    Tcp {
        address: SocketAddr,
        source: Option<SocketAddr>,
    },
    /// A Unix-domain name.
    Ipc(IpcEndpoint),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, .. } => address.fmt(f),
            Self::Ipc(name) => name.fmt(f),
        }
    }
}

/// Whether [`resolve`] may have to ask a name server, and so take seconds.
pub(crate) fn needs_dns(endpoint: &Endpoint) -> bool {
    let named = |it: &HostPort| matches!(it.host, Host::Name(_));
    match endpoint {
        Endpoint::Tcp(tcp) => named(&tcp.target) || tcp.source.as_ref().is_some_and(named),
        Endpoint::Ipc(_) | Endpoint::Inproc(_) | Endpoint::Udp(_) => false,
    }
}

/// All addresses that `endpoint` stands for, in the order to try them, each once.
///
/// Blocks while a name server is asked, if [`needs_dns`] says so. Without `ipv6`, names stand for
/// their IPv4 addresses only; an IPv6 address that was written out is used all the same. The list
/// is never empty.
pub(crate) fn resolve(endpoint: &Endpoint, ipv6: bool) -> io::Result<Vec<Target>> {
    endpoint
        .validate_connect()
        .map_err(|error| invalid(error.to_string()))?;
    let targets = match endpoint {
        Endpoint::Tcp(tcp) => resolve_tcp(tcp, ipv6),
        Endpoint::Ipc(name) => Ok(vec![Target::Ipc(name.clone())]),
        Endpoint::Inproc(_) => Err(invalid("inproc endpoints have no address".to_owned())),
        Endpoint::Udp(_) => Err(invalid("udp has no connections to be made".to_owned())),
    };
    targets.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot resolve {endpoint}: {error}"))
    })
}

fn resolve_tcp(tcp: &TcpEndpoint, ipv6: bool) -> io::Result<Vec<Target>> {
    let addresses = look_up(&tcp.target, ipv6)?;
    let Some(source) = &tcp.source else {
        let plain = addresses.into_iter().map(|address| Target::Tcp {
            address,
            source: None,
        });
        return Ok(plain.collect());
    };
    let sources = source_addresses(source)?;
    let targets: Vec<_> = addresses
        .into_iter()
        .filter_map(|address| from_one_of(&sources, address))
        .collect();
    if targets.is_empty() {
        return Err(invalid(
            "source and destination are of different IP versions".to_owned(),
        ));
    }
    Ok(targets)
}

/// IPv6 sources are harmless where no IPv6 destination was allowed.
fn source_addresses(source: &HostPort) -> io::Result<Vec<SocketAddr>> {
    listening_addresses(source, true)
}

/// A call leaves from an address of its own family.
fn from_one_of(sources: &[SocketAddr], address: SocketAddr) -> Option<Target> {
    let source = sources
        .iter()
        .copied()
        .find(|it| it.is_ipv4() == address.is_ipv4())?;
    Some(Target::Tcp {
        address,
        source: Some(source),
    })
}

/// The addresses of this machine that `place` stands for, best first. Names are interfaces before
/// they are hosts. Blocks while a name server is asked.
pub(super) fn listening_addresses(place: &HostPort, ipv6: bool) -> io::Result<Vec<SocketAddr>> {
    let port = place.port;
    match &place.host {
        Host::Any => {
            let any = [
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ];
            let allowed = any.into_iter().filter(|it| ipv6 || it.is_ipv4());
            Ok(allowed.map(|it| SocketAddr::new(it, port)).collect())
        }
        Host::Name(name) => {
            let own = interfaces::addresses(name, port, ipv6)?;
            if own.is_empty() {
                ask_dns(name, port, ipv6)
            } else {
                Ok(own)
            }
        }
        Host::V4(_) | Host::V6 { .. } => look_up(place, ipv6),
    }
}

pub(super) fn look_up(place: &HostPort, ipv6: bool) -> io::Result<Vec<SocketAddr>> {
    let port = place.port;
    match &place.host {
        Host::Any => Err(invalid("`*` is not an address to call".to_owned())),
        Host::V4(address) => Ok(vec![SocketAddr::from((*address, port))]),
        Host::V6 { address, scope } => {
            let scope = scope.as_deref().map_or(Ok(0), interfaces::scope_id)?;
            let address = SocketAddr::V6(SocketAddrV6::new(*address, port, 0, scope));
            Ok(vec![canonical(address)])
        }
        Host::Name(name) => ask_dns(name, port, ipv6),
    }
}

fn ask_dns(name: &str, port: u16, ipv6: bool) -> io::Result<Vec<SocketAddr>> {
    select((name, port).to_socket_addrs()?, ipv6)
}

/// Keeps the order of the answer: the system has sorted it by what is likely to work (RFC 6724).
fn select(answer: impl Iterator<Item = SocketAddr>, ipv6: bool) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    let mut refused = false;
    for address in answer {
        if !ipv6 && address.is_ipv6() {
            refused = true;
        } else if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    match (addresses.is_empty(), refused) {
        (false, _) => Ok(addresses),
        (true, true) => Err(nowhere(
            "the name has IPv6 addresses only; switch the option ipv6 on",
        )),
        (true, false) => Err(nowhere("the name has no address")),
    }
}

fn nowhere(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrNotAvailable, message)
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::IpcName;

    fn resolved(text: &str, ipv6: bool) -> Vec<Target> {
        resolve(&text.parse().unwrap(), ipv6).unwrap()
    }

    fn refused(text: &str) -> String {
        resolve(&text.parse().unwrap(), false)
            .unwrap_err()
            .to_string()
    }

    fn call(address: &str, source: Option<&str>) -> Target {
        Target::Tcp {
            address: address.parse().unwrap(),
            source: source.map(|it| it.parse().unwrap()),
        }
    }

    #[test]
    fn only_names_need_a_name_server() {
        let asks = |text: &str| needs_dns(&text.parse().unwrap());
        for text in [
            "tcp://1.2.3.4:5",
            "tcp://[::1]:5",
            "tcp://*:0;1.2.3.4:5",
            "ipc://x",
            "inproc://x",
        ] {
            assert!(!asks(text), "{text}");
        }
        assert!(asks("tcp://localhost:5"));
        assert!(asks("tcp://eth0:0;1.2.3.4:5"));
    }

    #[test]
    fn written_addresses_are_taken_as_they_are() {
        assert_eq!(
            resolved("tcp://10.0.0.1:5", false),
            [call("10.0.0.1:5", None)]
        );
        assert_eq!(resolved("tcp://[::1]:5", false), [call("[::1]:5", None)]);
        assert_eq!(
            resolved("tcp://[fe80::1%3]:5", true),
            [call("[fe80::1%3]:5", None)]
        );
        assert_eq!(
            resolved("tcp://[::ffff:10.0.0.1]:5", true),
            [call("10.0.0.1:5", None)]
        );
        let name = IpcEndpoint(IpcName::Path("a/b".into()));
        assert_eq!(resolved("ipc://a/b", false), [Target::Ipc(name)]);
    }

    #[test]
    fn the_source_has_the_family_of_the_destination() {
        let both = call("10.0.0.1:5", Some("10.0.0.2:6"));
        assert_eq!(resolved("tcp://10.0.0.2:6;10.0.0.1:5", false), [both]);
        assert_eq!(
            resolved("tcp://*:6;10.0.0.1:5", false),
            [call("10.0.0.1:5", Some("0.0.0.0:6"))]
        );
        assert_eq!(
            resolved("tcp://*:0;[::1]:5", false),
            [call("[::1]:5", Some("[::]:0"))]
        );
        assert!(refused("tcp://[::1]:0;10.0.0.1:5").contains("different IP versions"));
    }

    #[test]
    fn localhost_is_found() {
        let found = resolved("tcp://localhost:5", false);
        assert!(found.contains(&call("127.0.0.1:5", None)), "{found:?}");
        assert!(!found.contains(&call("[::1]:5", None)), "{found:?}");
    }

    #[test]
    fn answers_keep_their_order_and_lose_their_duplicates() {
        let answer = ["[::2]:5", "10.0.0.1:5", "[::2]:5", "10.0.0.1:5", "[::1]:5"]
            .map(|it| it.parse::<SocketAddr>().unwrap());
        let [two, four, _, _, one] = answer;
        assert_eq!(select(answer.into_iter(), true).unwrap(), [two, four, one]);
        assert_eq!(select(answer.into_iter(), false).unwrap(), [four]);
        let error = select([one].into_iter(), false).unwrap_err();
        assert!(error.to_string().contains("switch the option ipv6 on"));
        assert!(select([].into_iter(), true).is_err());
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        assert!(refused("tcp://*:5").contains("`*` is for binding"));
        assert!(refused("tcp://10.0.0.1:0").contains("port 0"));
        assert!(refused("ipc://*").contains("`*` is for binding"));
        assert!(refused("inproc://x").contains("inproc"));
        assert!(refused("tcp://[fe80::1%nothing0]:5").contains("nothing0"));
    }

    #[test]
    fn listening_everywhere_means_ipv6_when_it_is_switched_on() {
        let place = |host| HostPort { host, port: 5 };
        let texts = |place: &HostPort, ipv6| -> Vec<String> {
            let all = listening_addresses(place, ipv6).unwrap();
            all.into_iter().map(|it| it.to_string()).collect()
        };
        assert_eq!(texts(&place(Host::Any), false), ["0.0.0.0:5"]);
        assert_eq!(texts(&place(Host::Any), true), ["[::]:5", "0.0.0.0:5"]);
        assert_eq!(
            texts(&place(Host::V4(Ipv4Addr::LOCALHOST)), true),
            ["127.0.0.1:5"]
        );
    }
}
