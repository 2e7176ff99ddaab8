//! [`EndpointError`]: what is wrong with an endpoint, and what to write instead.

/// Longest `ipc` path in bytes: `sun_path` has 108 on Linux and one of them ends the string.
pub(super) const MAX_IPC_BYTES: usize = 107;

/// Longest `inproc` name in bytes: the limit that ZeroMQ's manual promises.
pub(super) const MAX_INPROC_BYTES: usize = 256;

/// Longest host name in characters: a domain name has at most 253, and may end in a dot.
pub(super) const MAX_HOST_BYTES: usize = 254;

/// A string that is not an endpoint, or an endpoint that cannot be used so.
///
/// Its message quotes the string and says what is wrong and what to write instead.
///
/// ```
/// use sinew::Endpoint;
///
/// let error = Endpoint::parse_for_connect("tcp://*:5555").unwrap_err();
/// assert_eq!(error.endpoint(), "tcp://*:5555");
/// assert!(!error.is_unsupported_transport());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("endpoint \"{endpoint}\": {reason}")]
pub struct EndpointError {
    endpoint: Box<str>,
    pub(super) reason: Reason,
}

/// What is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("no transport; write tcp://host:port, ipc://path, inproc://name or udp://host:port")]
    NoTransport,
    #[error("transport {0} not supported (yet); use tcp, ipc, inproc or udp")]
    NotSupportedYet(Box<str>),
    #[error("transport not supported; {0:?} is unknown, use tcp, ipc, inproc or udp")]
    UnknownTransport(Box<str>),
    #[error("transport names are lower case; write {0}://")]
    TransportCase(Box<str>),
    #[error("no port; write host:port, with the port `*` to bind any free one")]
    NoPort,
    #[error("port {0:?} is not a number from 0 to 65535; write decimal digits only, or `*`")]
    BadPort(Box<str>),
    #[error("no host; write an address or a name, or `*` to bind every interface")]
    NoHost,
    #[error("{0:?} is not an IPv4 address; write four numbers from 0 to 255, no leading zeros")]
    BadIpv4(Box<str>),
    #[error("{0:?} is not an IPv6 address; brackets hold one, as in tcp://[::1]:5555")]
    BadIpv6(Box<str>),
    #[error("an IPv6 address stands in brackets; write tcp://[{0}]:port")]
    NoBrackets(Box<str>),
    #[error("a bracket is not closed; write tcp://[::1]:5555")]
    OpenBracket,
    #[error("{0:?} after `%` does not name an interface; write [fe80::1%eth0]")]
    BadScope(Box<str>),
    #[error("a host name cannot contain {0:?}; leave the character out")]
    BadHostCharacter(char),
    #[error("a host name has at most {MAX_HOST_BYTES} bytes, this one {0}; use a shorter one")]
    LongHost(usize),
    #[error("more than one `;`; write tcp://source:port;destination:port")]
    ManySources,
    #[error("more than one `;`; write udp://interface;group:port")]
    ManyInterfaces,
    #[error("an interface has no port; write udp://interface;group:port")]
    InterfaceWithPort,
    #[error("an interface is for a multicast group; write udp://interface;239.0.0.1:port, or the host alone")]
    InterfaceWithoutGroup,
    #[error("interface and group are of different IP versions; name the interface, or an address of the group's version")]
    MixedVersions,
    #[error("no path; write ipc:///absolute/path, ipc://relative/path, ipc://@name or ipc://*")]
    NoPath,
    #[error("no name behind `@`; write ipc://@name, or ipc://./@ for a file of that name")]
    NoAbstractName,
    #[error("a path must be UTF-8; use one that is")]
    PathNotUtf8,
    #[error("a path cannot contain a NUL byte; leave it out")]
    NulInPath,
    #[error("a path has at most {MAX_IPC_BYTES} bytes, this one {0}; use a shorter one")]
    LongPath(usize),
    #[error("no name; write inproc://name")]
    NoName,
    #[error("a name has at most {MAX_INPROC_BYTES} bytes, this one {0}; use a shorter one")]
    LongName(usize),
    #[error("a source address is for connecting; to bind, write tcp://address:port")]
    BindWithSource,
    #[error("`*` is for binding; connect to an address or a name")]
    ConnectToAnyHost,
    #[error("port 0 is for binding; connect to the port that the peer listens on")]
    ConnectToPortZero,
    #[error("`*` is for binding; connect to the path that the binding socket reports")]
    ConnectToAnyPath,
    #[error("abstract names exist on Linux only; write ipc://path")]
    NoAbstractHere,
}

impl EndpointError {
    pub(super) fn new(endpoint: &str, reason: Reason) -> Self {
        Self {
            endpoint: endpoint.into(),
            reason,
        }
    }

    /// The string that was refused.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether the string names a transport that this library does not have.
    pub fn is_unsupported_transport(&self) -> bool {
        matches!(
            self.reason,
            Reason::NotSupportedYet(_) | Reason::UnknownTransport(_)
        )
    }
}
