//! Endpoints: where a socket listens, or where it connects to.
//!
//! A string is parsed once, here, into values that the rest of the library uses as they are;
//! printing an endpoint gives the canonical string, which parses to an equal value. Nothing in
//! this file asks the system anything: whether a name is an interface, a host or neither is found
//! out when it is used.

mod display;
mod error;
mod parse;
mod udp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;

use error::Reason;

pub use error::EndpointError;
pub use udp::UdpEndpoint;

/// An address that a socket binds or connects to.
///
/// | Written | Bind | Connect |
/// |---|---|---|
/// | `tcp://192.0.2.7:5555`, `tcp://[2001:db8::7]:5555`, `tcp://[fe80::7%eth0]:5555` | that address | that peer |
/// | `tcp://name:5555` | the interface of that name, else the host | the host, by DNS |
/// | `tcp://*:5555` | every interface | – |
/// | `tcp://127.0.0.1:0`, `tcp://127.0.0.1:*` | a free port | – |
/// | `tcp://192.0.2.1:0;192.0.2.7:5555` | – | that peer, calling from `192.0.2.1` |
/// | `ipc:///run/app.sock`, `ipc://app.sock` | that file | that file |
/// | `ipc://@name` | an abstract name (Linux) | the same |
/// | `ipc://*` | a fresh file in a private temporary directory | – |
/// | `inproc://name` | a name within the context | the same |
/// | `udp://192.0.2.7:5555`, `udp://[2001:db8::7]:5555`, `udp://name:5555` | datagrams to that address, or to the interface of that name | datagrams to that host |
/// | `udp://*:5555`, `udp://*:*` | datagrams to every interface; at a free port | – |
/// | `udp://239.0.0.1:5555`, `udp://eth0;239.0.0.1:5555`, `udp://eth0;[ff02::1]:5555` | joins that multicast group, on that interface | datagrams to that group, by that interface |
///
/// Transport names are lower case. Ports are decimal digits, 0 to 65535. IPv6 addresses stand in
/// brackets. An `ipc` path has at most 107 bytes, an `inproc` name 1 to 256 bytes. Host names keep
/// the case they were written in, since they may name an interface.
///
/// Whatever takes an endpoint takes any of `&str`, `String`, `Endpoint`, `&Endpoint`, a
/// [`SocketAddr`] (tcp) and a [`Path`] (ipc):
///
/// ```
/// use sinew::{Context, Pull, Push};
/// use std::net::{Ipv4Addr, SocketAddr};
///
/// let context = Context::new();
/// let pull = context.socket(Pull).bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
/// let push = context.socket(Push).connect(pull.endpoint()?)?;
/// # Ok::<(), sinew::Error>(())
/// ```
///
/// [`Display`](std::fmt::Display) prints the canonical form, which parses back to an equal value:
///
/// ```
/// use sinew::Endpoint;
///
/// let any: Endpoint = "tcp://[0:0:0:0:0:0:0:1]:*".parse()?;
/// assert_eq!(any.to_string(), "tcp://[::1]:0");
/// assert_eq!(any, "tcp://[::1]:0".parse()?);
///
/// let wrong = "tcp://127.0.0.1".parse::<Endpoint>().unwrap_err();
/// assert!(wrong.to_string().contains("no port"));
/// # Ok::<(), sinew::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP address, `tcp://host:port`.
    Tcp(TcpEndpoint),
    /// A Unix-domain socket, `ipc://path`.
    Ipc(IpcEndpoint),
    /// A name within one context, `inproc://name`.
    Inproc(InprocEndpoint),
    /// A UDP address or multicast group, `udp://host:port`.
    Udp(UdpEndpoint),
}

/// What follows `tcp://`: a host, a port, and sometimes an address to call from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TcpEndpoint {
    /// The address to call from, if one was named; meaningful for connecting only.
    pub(crate) source: Option<HostPort>,
    /// The address to listen on or to call.
    pub(crate) target: HostPort,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostPort {
    pub(crate) host: Host,
    /// 0, also written `*`: the system picks one.
    pub(crate) port: u16,
}

/// The host of a [`TcpEndpoint`] or a [`UdpEndpoint`], as it was written. Printed, an IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// `*`: every interface.
    Any,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address and, behind `%`, the name or number of its interface.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// The name or number of the interface.
        scope: Option<String>,
    },
    /// An interface or a host: which, is found out when it is used.
    Name(String),
}

/// What follows `ipc://`: a path, an abstract name, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IpcEndpoint(pub(crate) IpcName);

/// How a Unix-domain socket is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum IpcName {
    /// `*`: a fresh path in a private directory.
    Any,
    /// A path. 1 to 107 bytes, no NUL, not `*`, not beginning with `@`.
    Path(String),
    /// A name in Linux's abstract space, without its `@`. 1 to 106 bytes, no NUL.
    Abstract(String),
}

/// What follows `inproc://`: a name of 1 to 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InprocEndpoint(String);

impl Endpoint {
    /// Says whether this endpoint can be bound, and if not why.
    pub fn validate_bind(&self) -> Result<(), EndpointError> {
        self.check_bind()
            .map_err(|reason| EndpointError::new(&self.to_string(), reason))
    }

    /// Says whether this endpoint can be connected to, and if not why.
    pub fn validate_connect(&self) -> Result<(), EndpointError> {
        self.check_connect()
            .map_err(|reason| EndpointError::new(&self.to_string(), reason))
    }

    /// The transport's name: `tcp`, `ipc`, `inproc` or `udp`.
    pub fn transport(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Ipc(_) => "ipc",
            Self::Inproc(_) => "inproc",
            Self::Udp(_) => "udp",
        }
    }

    /// The port of a `tcp` or `udp` endpoint.
    ///
    /// ```
    /// let endpoint: sinew::Endpoint = "tcp://localhost:5555".parse()?;
    /// assert_eq!(endpoint.port(), Some(5555));
    /// # Ok::<(), sinew::EndpointError>(())
    /// ```
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(tcp) => Some(tcp.target.port),
            Self::Udp(udp) => Some(udp.target.port),
            Self::Ipc(_) | Self::Inproc(_) => None,
        }
    }

    /// The host of a `tcp` or `udp` endpoint.
    pub fn host(&self) -> Option<&Host> {
        match self {
            Self::Tcp(tcp) => Some(tcp.host()),
            Self::Udp(udp) => Some(udp.host()),
            Self::Ipc(_) | Self::Inproc(_) => None,
        }
    }

    /// The address of a `tcp` or `udp` endpoint whose host is numeric, as one that was bound reports it.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self.host()? {
            Host::V4(address) => Some((*address, self.port()?).into()),
            Host::V6 { address, scope } => {
                let scope = match scope {
                    // Only a number says which interface without asking the system.
                    Some(scope) => scope.parse().ok()?,
                    None => 0,
                };
                Some(SocketAddrV6::new(*address, self.port()?, 0, scope).into())
            }
            Host::Any | Host::Name(_) => None,
        }
    }

    /// The path of an `ipc` endpoint that is a file.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// let endpoint: sinew::Endpoint = "ipc:///run/app.sock".parse()?;
    /// assert_eq!(endpoint.path(), Some(Path::new("/run/app.sock")));
    /// # Ok::<(), sinew::EndpointError>(())
    /// ```
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Ipc(ipc) => ipc.path(),
            Self::Tcp(_) | Self::Inproc(_) | Self::Udp(_) => None,
        }
    }

    fn check_bind(&self) -> Result<(), Reason> {
        match self {
            Self::Tcp(TcpEndpoint {
                source: Some(_), ..
            }) => Err(Reason::BindWithSource),
            Self::Ipc(ipc) => ipc.check_platform(),
            Self::Udp(udp) => udp.check_bind(),
            Self::Tcp(_) | Self::Inproc(_) => Ok(()),
        }
    }

    fn check_connect(&self) -> Result<(), Reason> {
        match self {
            Self::Tcp(tcp) if tcp.target.host == Host::Any => Err(Reason::ConnectToAnyHost),
            Self::Tcp(tcp) if tcp.target.port == 0 => Err(Reason::ConnectToPortZero),
            Self::Ipc(IpcEndpoint(IpcName::Any)) => Err(Reason::ConnectToAnyPath),
            Self::Ipc(ipc) => ipc.check_platform(),
            Self::Udp(udp) => udp.check_connect(),
            Self::Tcp(_) | Self::Inproc(_) => Ok(()),
        }
    }
}

impl TcpEndpoint {
    /// The host to listen at or to call.
    pub fn host(&self) -> &Host {
        &self.target.host
    }

    /// The port; 0, also written `*`, lets the system pick one.
    pub fn port(&self) -> u16 {
        self.target.port
    }

    /// The host and port to call from, if they were named.
    pub fn source(&self) -> Option<(&Host, u16)> {
        self.source.as_ref().map(|it| (&it.host, it.port))
    }
}

impl Host {
    /// The address, if it was written as one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some((*address).into()),
            Self::V6 { address, .. } => Some((*address).into()),
            Self::Any | Self::Name(_) => None,
        }
    }
}

impl IpcEndpoint {
    /// The path, if it is a file; `None` for an abstract name and for `*`.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            IpcName::Path(path) => Some(Path::new(path)),
            IpcName::Any | IpcName::Abstract(_) => None,
        }
    }

    /// The name in Linux's abstract space, without its `@`.
    pub fn abstract_name(&self) -> Option<&str> {
        match &self.0 {
            IpcName::Abstract(name) => Some(name),
            IpcName::Any | IpcName::Path(_) => None,
        }
    }

    fn check_platform(&self) -> Result<(), Reason> {
        let here = cfg!(any(target_os = "linux", target_os = "android"));
        match self.0 {
            IpcName::Abstract(_) if !here => Err(Reason::NoAbstractHere),
            _ => Ok(()),
        }
    }
}

impl InprocEndpoint {
    /// The name, without `inproc://`.
    pub fn name(&self) -> &str {
        &self.0
    }
}

// ── Printing ─────────────────────────────────────────────────────────────────────────────────────

#[cfg(test)]
mod tests {
    use super::error::*;
    use super::parse::KNOWN_ELSEWHERE;
    use super::*;
    use proptest::prelude::*;

    fn ok(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    fn why(text: &str) -> Reason {
        text.parse::<Endpoint>().unwrap_err().reason
    }

    fn tcp(text: &str) -> TcpEndpoint {
        match ok(text) {
            Endpoint::Tcp(tcp) => tcp,
            other => panic!("{other:?}"),
        }
    }

    fn ipc(text: &str) -> IpcName {
        match ok(text) {
            Endpoint::Ipc(IpcEndpoint(name)) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_tcp_host_is_told_apart() {
        let name = |name: &str| Host::Name(name.to_owned());
        assert_eq!(
            tcp("tcp://*:5555").target,
            HostPort {
                host: Host::Any,
                port: 5555
            }
        );
        assert_eq!(
            tcp("tcp://*:*").target,
            HostPort {
                host: Host::Any,
                port: 0
            }
        );
        assert_eq!(
            tcp("tcp://*:0").target,
            HostPort {
                host: Host::Any,
                port: 0
            }
        );
        assert_eq!(
            tcp("tcp://10.1.2.3:1").target.host,
            Host::V4(Ipv4Addr::new(10, 1, 2, 3))
        );
        assert_eq!(tcp("tcp://eth0:5555").target.host, name("eth0"));
        assert_eq!(tcp("tcp://eth0.100:5555").target.host, name("eth0.100"));
        assert_eq!(
            tcp("tcp://My-Host.example.:5555").target.host,
            name("My-Host.example.")
        );
        let loopback = Host::V6 {
            address: Ipv6Addr::LOCALHOST,
            scope: None,
        };
        assert_eq!(
            tcp("tcp://[::1]:5555").target,
            HostPort {
                host: loopback,
                port: 5555
            }
        );
        let linked = Host::V6 {
            address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
            scope: Some("eth0".to_owned()),
        };
        assert_eq!(tcp("tcp://[fe80::1%eth0]:5555").target.host, linked);
    }

    #[test]
    fn a_source_address_stands_before_the_semicolon() {
        let both = tcp("tcp://192.0.2.1:5556;[::1]:5555");
        assert_eq!(both.source.unwrap().port, 5556);
        assert_eq!(both.target.port, 5555);
        assert_eq!(ok("tcp://eth0:*;peer:1").to_string(), "tcp://eth0:0;peer:1");
        assert_eq!(why("tcp://a:1;b:2;c:3"), Reason::ManySources);
        assert_eq!(why("tcp://a;b:2"), Reason::NoPort);
        assert_eq!(why("tcp://a:1;"), Reason::NoPort);
    }

    #[test]
    fn ports_are_digits_only() {
        assert_eq!(ok("tcp://a:65535").port(), Some(65535));
        assert_eq!(ok("tcp://a:0080").port(), Some(80));
        for port in [
            "65536", "+1", "-1", " 1", "1 ", "0x10", "1/path", "**", "٣", "http",
        ] {
            assert_eq!(
                why(&format!("tcp://a:{port}")),
                Reason::BadPort(port.into())
            );
        }
        for text in [
            "tcp://a",
            "tcp://a:",
            "tcp://[::1]",
            "tcp://[::1]5",
            "tcp://",
            "tcp://*",
        ] {
            assert_eq!(why(text), Reason::NoPort, "{text}");
        }
    }

    #[test]
    fn bad_hosts_are_named() {
        assert_eq!(why("tcp://:5555"), Reason::NoHost);
        assert_eq!(why("tcp://1.2.3:1"), Reason::BadIpv4("1.2.3".into()));
        assert_eq!(
            why("tcp://256.0.0.1:1"),
            Reason::BadIpv4("256.0.0.1".into())
        );
        assert_eq!(
            why("tcp://127.0.0.01:1"),
            Reason::BadIpv4("127.0.0.01".into())
        );
        assert_eq!(why("tcp://::1:5555"), Reason::NoBrackets("::1".into()));
        assert_eq!(why("tcp://[::1:5555"), Reason::OpenBracket);
        assert_eq!(
            why("tcp://[127.0.0.1]:1"),
            Reason::BadIpv6("127.0.0.1".into())
        );
        assert_eq!(why("tcp://[]:1"), Reason::BadIpv6("".into()));
        assert_eq!(why("tcp://[fe80::1%]:1"), Reason::BadScope("".into()));
        assert_eq!(why("tcp://[fe80::1%a b]:1"), Reason::BadScope("a b".into()));
        assert_eq!(why("tcp://a b:1"), Reason::BadHostCharacter(' '));
        assert_eq!(why("tcp://me@host:1"), Reason::BadHostCharacter('@'));
        assert_eq!(why("tcp://*.example:1"), Reason::BadHostCharacter('*'));
        assert_eq!(
            why(&format!("tcp://{}:1", "a".repeat(255))),
            Reason::LongHost(255)
        );
        assert!(format!("tcp://{}:1", "a".repeat(254))
            .parse::<Endpoint>()
            .is_ok());
    }

    #[test]
    fn ipc_names_are_told_apart_and_bounded() {
        assert_eq!(ipc("ipc:///run/a b"), IpcName::Path("/run/a b".into()));
        assert_eq!(ipc("ipc://rel/x"), IpcName::Path("rel/x".into()));
        assert_eq!(ipc("ipc://@x"), IpcName::Abstract("x".into()));
        assert_eq!(ipc("ipc://./@x"), IpcName::Path("./@x".into()));
        assert_eq!(ipc("ipc://*"), IpcName::Any);
        assert_eq!(ipc("ipc://*x"), IpcName::Path("*x".into()));
        assert_eq!(why("ipc://"), Reason::NoPath);
        assert_eq!(why("ipc://@"), Reason::NoAbstractName);
        assert_eq!(why("ipc://a\0b"), Reason::NulInPath);
        assert_eq!(
            ipc(&format!("ipc://{}", "a".repeat(107))),
            IpcName::Path("a".repeat(107))
        );
        assert_eq!(
            why(&format!("ipc://{}", "a".repeat(108))),
            Reason::LongPath(108)
        );
        assert_eq!(
            why(&format!("ipc://@{}", "a".repeat(107))),
            Reason::LongPath(108)
        );
    }

    #[test]
    fn inproc_names_have_1_to_256_bytes() {
        assert_eq!(why("inproc://"), Reason::NoName);
        assert_eq!(
            why(&format!("inproc://{}", "a".repeat(257))),
            Reason::LongName(257)
        );
        let longest = format!("inproc://{}", "a".repeat(256));
        assert_eq!(ok(&longest).to_string(), longest);
        let Endpoint::Inproc(inproc) = ok("inproc://A b://c;d") else {
            panic!()
        };
        assert_eq!(inproc.name(), "A b://c;d");
    }

    #[test]
    fn transports_are_lower_case_and_known() {
        for text in ["", "tcp", "tcp:/a:1", "127.0.0.1:5555", "://a:1"] {
            assert_eq!(why(text), Reason::NoTransport, "{text}");
        }
        assert_eq!(why("TCP://a:1"), Reason::TransportCase("tcp".into()));
        assert_eq!(why("Inproc://a"), Reason::TransportCase("inproc".into()));
        for name in KNOWN_ELSEWHERE {
            let error = format!("{name}://x:1").parse::<Endpoint>().unwrap_err();
            assert!(error.is_unsupported_transport());
            assert!(error.to_string().contains("not supported (yet)"), "{error}");
        }
        for text in ["http://a:1", " tcp://a:1", "tcps://a:1"] {
            assert!(text
                .parse::<Endpoint>()
                .unwrap_err()
                .is_unsupported_transport());
        }
    }

    #[test]
    fn each_verb_refuses_what_it_cannot_do() {
        let bind = |text| Endpoint::parse_for_bind(text).map_err(|error| error.reason);
        let connect = |text| Endpoint::parse_for_connect(text).map_err(|error| error.reason);
        assert_eq!(bind("tcp://a:1;b:2"), Err(Reason::BindWithSource));
        for text in [
            "tcp://*:*",
            "tcp://a:0",
            "ipc://*",
            "ipc:///x",
            "inproc://x",
        ] {
            assert_eq!(bind(text), Ok(ok(text)));
            assert_eq!(ok(text).validate_bind(), Ok(()));
        }
        assert_eq!(connect("tcp://*:1"), Err(Reason::ConnectToAnyHost));
        assert_eq!(connect("tcp://a:*"), Err(Reason::ConnectToPortZero));
        assert_eq!(connect("tcp://a:1;b:0"), Err(Reason::ConnectToPortZero));
        assert_eq!(connect("ipc://*"), Err(Reason::ConnectToAnyPath));
        for text in ["tcp://a:1", "tcp://*:0;b:1", "ipc:///x", "inproc://x"] {
            assert_eq!(connect(text), Ok(ok(text)));
            assert_eq!(ok(text).validate_connect(), Ok(()));
        }
        let here = cfg!(any(target_os = "linux", target_os = "android"));
        assert_eq!(bind("ipc://@x").is_ok(), here);
        assert_eq!(connect("ipc://@x").is_ok(), here);
    }

    #[test]
    fn an_error_quotes_the_string_and_says_what_to_write() {
        let error = "tcp://::1:5555".parse::<Endpoint>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "endpoint \"tcp://::1:5555\": an IPv6 address stands in brackets; write tcp://[::1]:port"
        );
        let error = ok("tcp://*:1").validate_connect().unwrap_err();
        assert_eq!(error.endpoint(), "tcp://*:1");
    }

    #[test]
    fn system_addresses_become_endpoints() {
        let v4 = SocketAddr::from(([127, 0, 0, 1], 5));
        assert_eq!(Endpoint::from(v4), ok("tcp://127.0.0.1:5"));
        let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 5, 0, 3);
        assert_eq!(
            Endpoint::from(SocketAddr::V6(v6)),
            ok("tcp://[fe80::1%3]:5")
        );
    }

    fn any_host() -> impl Strategy<Value = Host> {
        prop_oneof![
            Just(Host::Any),
            any::<Ipv4Addr>().prop_map(Host::V4),
            (any::<Ipv6Addr>(), proptest::option::of("[a-z0-9.]{1,15}"))
                .prop_map(|(address, scope)| Host::V6 { address, scope }),
            "[a-zA-Z_][a-zA-Z0-9_-]{0,12}(\\.[a-z0-9-]{1,6}){0,3}".prop_map(Host::Name),
        ]
    }

    fn any_host_port() -> impl Strategy<Value = HostPort> {
        (any_host(), any::<u16>()).prop_map(|(host, port)| HostPort { host, port })
    }

    fn any_endpoint() -> impl Strategy<Value = Endpoint> {
        let name = |it| Endpoint::Ipc(IpcEndpoint(it));
        prop_oneof![
            (proptest::option::of(any_host_port()), any_host_port())
                .prop_map(|(source, target)| Endpoint::Tcp(TcpEndpoint { source, target })),
            (proptest::option::of(any_host()), any_host_port())
                .prop_map(|(interface, target)| Endpoint::Udp(UdpEndpoint { interface, target })),
            Just(name(IpcName::Any)),
            "[/.a-z][^\0]{0,26}".prop_map(move |path| name(IpcName::Path(path))),
            "[^\0]{1,26}".prop_map(move |it| name(IpcName::Abstract(it))),
            ".{1,64}".prop_map(|it| Endpoint::Inproc(InprocEndpoint(it))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_value(endpoint in any_endpoint()) {
            let text = endpoint.to_string();
            prop_assert_eq!(text.parse::<Endpoint>(), Ok(endpoint), "{}", text);
        }

        #[test]
        fn any_text_parses_to_what_prints_canonically_or_fails_politely(
            text in "(tcp://|ipc://|inproc://|udp://|TCP://|)([a-z0-9.:;*@%/+ -]|\\[|\\]|\\PC){0,40}"
        ) {
            match text.parse::<Endpoint>() {
                Ok(endpoint) => {
                    prop_assert_eq!(endpoint.to_string().parse::<Endpoint>(), Ok(endpoint));
                }
                Err(error) => prop_assert_eq!(error.endpoint(), text),
            }
        }
    }
}
