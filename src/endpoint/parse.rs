//! From strings, paths and addresses to endpoints.

use std::borrow::Cow;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::error::{EndpointError, Reason, MAX_HOST_BYTES, MAX_INPROC_BYTES, MAX_IPC_BYTES};
use super::{
    Endpoint, Host, HostPort, InprocEndpoint, IpcEndpoint, IpcName, TcpEndpoint, UdpEndpoint,
};

/// Transports that other ZeroMQ implementations have and this one does not, so that the error can
/// tell a gap from a typing mistake.
pub(super) const KNOWN_ELSEWHERE: [&str; 8] =
    ["ws", "wss", "pgm", "epgm", "norm", "tipc", "vmci", "vsock"];

impl Endpoint {
    /// Parses an endpoint that a socket is going to bind.
    ///
    /// ```
    /// use sinew::Endpoint;
    ///
    /// assert!(Endpoint::parse_for_bind("tcp://*:5555").is_ok());
    /// assert!(Endpoint::parse_for_bind("tcp://10.0.0.1:0;10.0.0.2:5555").is_err());
    /// ```
    pub fn parse_for_bind(text: &str) -> Result<Self, EndpointError> {
        let endpoint = parse(text).and_then(|it| it.check_bind().map(|()| it));
        endpoint.map_err(|reason| EndpointError::new(text, reason))
    }

    /// Parses an endpoint that a socket is going to connect to.
    ///
    /// ```
    /// use sinew::Endpoint;
    ///
    /// assert!(Endpoint::parse_for_connect("tcp://10.0.0.1:0;10.0.0.2:5555").is_ok());
    /// assert!(Endpoint::parse_for_connect("tcp://10.0.0.2:0").is_err());
    /// ```
    pub fn parse_for_connect(text: &str) -> Result<Self, EndpointError> {
        let endpoint = parse(text).and_then(|it| it.check_connect().map(|()| it));
        endpoint.map_err(|reason| EndpointError::new(text, reason))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        parse(text).map_err(|reason| EndpointError::new(text, reason))
    }
}

fn parse(text: &str) -> Result<Endpoint, Reason> {
    let (transport, rest) = text.split_once("://").ok_or(Reason::NoTransport)?;
    match transport {
        "tcp" => parse_tcp(rest).map(Endpoint::Tcp),
        "ipc" => parse_ipc(rest).map(|name| Endpoint::Ipc(IpcEndpoint(name))),
        "inproc" => parse_inproc(rest).map(Endpoint::Inproc),
        "udp" => parse_udp(rest).map(Endpoint::Udp),
        other => Err(refuse_transport(other)),
    }
}

fn refuse_transport(name: &str) -> Reason {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "" => Reason::NoTransport,
        "tcp" | "ipc" | "inproc" | "udp" => Reason::TransportCase(lower.into()),
        known if KNOWN_ELSEWHERE.contains(&known) => Reason::NotSupportedYet(lower.into()),
        _ => Reason::UnknownTransport(name.into()),
    }
}

fn parse_tcp(rest: &str) -> Result<TcpEndpoint, Reason> {
    let (source, target) = match rest.split_once(';') {
        Some((_, target)) if target.contains(';') => return Err(Reason::ManySources),
        Some((source, target)) => (Some(parse_host_port(source)?), target),
        None => (None, rest),
    };
    Ok(TcpEndpoint {
        source,
        target: parse_host_port(target)?,
    })
}

fn parse_udp(rest: &str) -> Result<UdpEndpoint, Reason> {
    let (interface, target) = match rest.split_once(';') {
        Some((_, target)) if target.contains(';') => return Err(Reason::ManyInterfaces),
        Some((interface, target)) => (Some(parse_interface(interface)?), target),
        None => (None, rest),
    };
    Ok(UdpEndpoint {
        interface,
        target: parse_host_port(target)?,
    })
}

/// A host without a port.
fn parse_interface(text: &str) -> Result<Host, Reason> {
    let Some(inner) = text.strip_prefix('[') else {
        return match parse_host(text) {
            Err(Reason::NoBrackets(_)) if text.parse::<Ipv6Addr>().is_err() => {
                Err(Reason::InterfaceWithPort)
            }
            host => host,
        };
    };
    match inner.split_once(']').ok_or(Reason::OpenBracket)? {
        (address, "") => parse_ipv6(address),
        _ => Err(Reason::InterfaceWithPort),
    }
}

fn parse_host_port(text: &str) -> Result<HostPort, Reason> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let (address, rest) = inner.split_once(']').ok_or(Reason::OpenBracket)?;
            (
                parse_ipv6(address)?,
                rest.strip_prefix(':').ok_or(Reason::NoPort)?,
            )
        }
        None => {
            let (host, port) = text.rsplit_once(':').ok_or(Reason::NoPort)?;
            (parse_host(host)?, port)
        }
    };
    Ok(HostPort {
        host,
        port: parse_port(port)?,
    })
}

fn parse_port(text: &str) -> Result<u16, Reason> {
    // `u16::from_str` alone would also take a plus sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ if text == "*" => Ok(0),
        _ if text.is_empty() => Err(Reason::NoPort),
        _ => Err(Reason::BadPort(text.into())),
    }
}

fn parse_host(text: &str) -> Result<Host, Reason> {
    if text.is_empty() {
        return Err(Reason::NoHost);
    }
    if text == "*" {
        return Ok(Host::Any);
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    // No top-level domain is a number (RFC 3696, section 2), so this is an address gone wrong, and
    // asking a name server about it would only hide the mistake.
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Err(Reason::BadIpv4(text.into()));
    }
    if text.contains(':') {
        return Err(Reason::NoBrackets(text.into()));
    }
    if let Some(wrong) = text.chars().find(|&char| !may_name_a_host(char)) {
        return Err(Reason::BadHostCharacter(wrong));
    }
    if text.len() > MAX_HOST_BYTES {
        return Err(Reason::LongHost(text.len()));
    }
    Ok(Host::Name(text.to_owned()))
}

fn parse_ipv6(text: &str) -> Result<Host, Reason> {
    let (address, scope) = match text.split_once('%') {
        Some((_, scope)) if scope.is_empty() || !scope.chars().all(may_name_a_host) => {
            return Err(Reason::BadScope(scope.into()));
        }
        Some((address, scope)) => (address, Some(scope.to_owned())),
        None => (text, None),
    };
    let address = address.parse().map_err(|_| Reason::BadIpv6(text.into()))?;
    Ok(Host::V6 { address, scope })
}

/// Interfaces are named with nearly anything, so only what would make the string ambiguous, or
/// shows that something other than a host was written, is refused.
fn may_name_a_host(char: char) -> bool {
    !char.is_whitespace() && !char.is_control() && !"/\\:;[]%@?#*\"".contains(char)
}

fn parse_ipc(rest: &str) -> Result<IpcName, Reason> {
    if rest.is_empty() {
        return Err(Reason::NoPath);
    }
    if rest.len() > MAX_IPC_BYTES {
        return Err(Reason::LongPath(rest.len()));
    }
    if rest.contains('\0') {
        return Err(Reason::NulInPath);
    }
    match (rest, rest.strip_prefix('@')) {
        ("*", _) => Ok(IpcName::Any),
        (_, Some("")) => Err(Reason::NoAbstractName),
        (_, Some(name)) => Ok(IpcName::Abstract(name.to_owned())),
        (path, None) => Ok(IpcName::Path(path.to_owned())),
    }
}

fn parse_inproc(rest: &str) -> Result<InprocEndpoint, Reason> {
    match rest.len() {
        0 => Err(Reason::NoName),
        1..=MAX_INPROC_BYTES => Ok(InprocEndpoint(rest.to_owned())),
        length => Err(Reason::LongName(length)),
    }
}

// ── Converting ───────────────────────────────────────────────────────────────────────────────────

/// Text is parsed.
macro_rules! from_text {
    ($($kind:ty),*) => {$(
        impl TryFrom<$kind> for Endpoint {
            type Error = EndpointError;

            fn try_from(text: $kind) -> Result<Self, EndpointError> {
                text.parse()
            }
        }
    )*};
}

from_text!(&str, &&str, String, &String, Box<str>, Cow<'_, str>);

/// A path is the `ipc` endpoint of that file, whatever characters it has: `*` and `@name` are files.
macro_rules! from_path {
    ($($kind:ty),*) => {$(
        impl TryFrom<$kind> for Endpoint {
            type Error = EndpointError;

            fn try_from(path: $kind) -> Result<Self, EndpointError> {
                of_path(path.as_ref())
            }
        }
    )*};
}

from_path!(&Path, PathBuf, &PathBuf);

fn of_path(path: &Path) -> Result<Endpoint, EndpointError> {
    let refuse = |reason| EndpointError::new(&format!("ipc://{}", path.display()), reason);
    let text = path.to_str().ok_or_else(|| refuse(Reason::PathNotUtf8))?;
    let name = match text {
        "*" => parse_ipc("./*"),
        text if text.starts_with('@') => parse_ipc(&format!("./{text}")),
        text => parse_ipc(text),
    };
    name.map(|name| Endpoint::Ipc(IpcEndpoint(name)))
        .map_err(refuse)
}

/// A numeric address, as the system reports it.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(v4) => Host::V4(*v4.ip()),
            SocketAddr::V6(v6) => Host::V6 {
                address: *v6.ip(),
                scope: (v6.scope_id() != 0).then(|| v6.scope_id().to_string()),
            },
        };
        let target = HostPort {
            host,
            port: address.port(),
        };
        Self::Tcp(TcpEndpoint {
            source: None,
            target,
        })
    }
}

impl From<SocketAddrV4> for Endpoint {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::V4(address).into()
    }
}

impl From<SocketAddrV6> for Endpoint {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::V6(address).into()
    }
}

/// A clone, so that an endpoint may be used again.
impl From<&Endpoint> for Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        endpoint.clone()
    }
}

/// What an [`Event`](crate::Event) names.
impl From<&Arc<Endpoint>> for Endpoint {
    fn from(endpoint: &Arc<Endpoint>) -> Self {
        Endpoint::clone(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rust_people_hold_becomes_an_endpoint() {
        let tcp: Endpoint = "tcp://127.0.0.1:5555".parse().unwrap();
        let address: SocketAddr = "127.0.0.1:5555".parse().unwrap();
        assert_eq!(Endpoint::from(address), tcp);
        assert_eq!(
            Endpoint::try_from("tcp://127.0.0.1:5555").as_ref(),
            Ok(&tcp)
        );
        assert_eq!(Endpoint::try_from(tcp.to_string()).as_ref(), Ok(&tcp));
        assert_eq!(Endpoint::try_from(&tcp.to_string()).as_ref(), Ok(&tcp));
        assert_eq!(Endpoint::from(&tcp), tcp);
        assert_eq!(tcp.socket_addr(), Some(address));
    }

    #[test]
    fn a_path_is_a_file_whatever_it_looks_like() {
        let path = |text: &str| Endpoint::try_from(Path::new(text)).map(|it| it.to_string());
        assert_eq!(path("/run/app.sock").unwrap(), "ipc:///run/app.sock");
        assert_eq!(path("*").unwrap(), "ipc://./*");
        assert_eq!(path("@name").unwrap(), "ipc://./@name");
        assert!(path("").unwrap_err().to_string().contains("no path"));
        let file = Endpoint::try_from(PathBuf::from("a/b")).unwrap();
        assert_eq!(file.path(), Some(Path::new("a/b")));
    }
}
