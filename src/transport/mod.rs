//! Byte streams as mio sources: TCP and Unix-domain sockets, knowing nothing of ZMTP; and datagrams ([`udp`]).
//!
//! Nothing here blocks, except where a name server is asked: [`bind`] to a host name, and
//! [`resolve()`]. Connecting takes three steps, so that the caller can wait where it likes:
//! [`resolve()`] on a thread that may block, [`connect_start`], and once the stream is writable
//! [`connect_finish`].

// In this order: each imports only from those above it, and none from this file.
mod uninit;

mod outq;

mod settings;
mod stale;

mod stream;

#[cfg(all(test, not(loom)))]
pub(crate) mod pretended;

mod interfaces;

mod resolve;

mod tcp;

pub(crate) mod socks;

mod ipc;

pub(crate) mod udp;

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{SockAddr, Socket, Type};

pub(crate) use resolve::{needs_dns, resolve, Target};
pub(crate) use settings::TransportOptions;
pub(crate) use stream::{Readiness, Stream};

use crate::endpoint::{Endpoint, IpcEndpoint, IpcName};
use stream::Peer;

/// Where peers call. Closing it removes its `ipc` file, if that is still its own and this is
/// still the process that bound it.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Before `socket`, because fields are dropped in this order and the file must go first.
    _file: Option<ipc::BoundFile>,
    /// Non-blocking, always.
    socket: Socket,
    /// What was bound really: a port that is not 0, a path that is not `*`.
    endpoint: Endpoint,
    options: TransportOptions,
    /// It listens in a network that a test pretends; the socket only tells of edges.
    #[cfg(all(test, not(loom)))]
    pretended: Option<pretended::Port>,
}

/// Listens at `endpoint`.
///
/// Blocks while a name server is asked, if the host is a name that no interface bears. The error
/// names the endpoint and says what to do.
pub(crate) fn bind(endpoint: &Endpoint, options: &TransportOptions) -> io::Result<Listener> {
    endpoint
        .validate_bind()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    #[cfg(all(test, not(loom)))]
    if let Some(listener) = Listener::pretended(endpoint, options) {
        return listener;
    }
    let listener = match endpoint {
        Endpoint::Tcp(tcp) => tcp::bind(&tcp.target, options)
            .and_then(|socket| Listener::tcp(socket, options.clone())),
        Endpoint::Ipc(IpcEndpoint(name)) => {
            ipc::bind(name, options).map(|bound| Listener::ipc(bound, options.clone()))
        }
        Endpoint::Inproc(_) | Endpoint::Udp(_) => Err(no_stream()),
    };
    listener
        .map_err(|error| io::Error::new(error.kind(), format!("cannot bind {endpoint}: {error}")))
}

/// Takes a descriptor that listens already, as a service manager hands it over.
pub(crate) fn adopt(descriptor: OwnedFd, options: &TransportOptions) -> io::Result<Listener> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
    let socket = Socket::from(descriptor);
    if socket.r#type()? != Type::STREAM {
        return Err(invalid("the descriptor is no stream socket"));
    }
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    if !socket.is_listener()? {
        return Err(invalid("the descriptor does not listen"));
    }
    socket.set_nonblocking(true)?;
    socket.set_cloexec(true)?;
    let address = socket.local_addr()?;
    if let Some(address) = address.as_socket() {
        // Those that it accepts inherit them.
        options.set_buffers(&socket)?;
        options.set_tcp(&socket, address.is_ipv6())?;
        return Listener::tcp(socket, options.clone());
    }
    let name = match (address.as_pathname(), address.as_abstract_namespace()) {
        (Some(path), _) => path.to_str().map(|path| IpcName::Path(path.to_owned())),
        (_, Some(name)) => {
            let name = std::str::from_utf8(name).ok();
            name.map(|name| IpcName::Abstract(name.to_owned()))
        }
        (None, None) => None,
    };
    let name = name.ok_or_else(|| {
        invalid("the descriptor is no tcp listener, and no ipc listener with a name")
    })?;
    // The file is not ours to remove.
    let bound = ipc::Bound {
        socket,
        name,
        file: None,
    };
    Ok(Listener::ipc(bound, options.clone()))
}

impl Listener {
    fn tcp(socket: Socket, options: TransportOptions) -> io::Result<Self> {
        let address = socket
            .local_addr()?
            .as_socket()
            .ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self {
            _file: None,
            socket,
            endpoint: address.into(),
            options,
            #[cfg(all(test, not(loom)))]
            pretended: None,
        })
    }

    fn ipc(bound: ipc::Bound, options: TransportOptions) -> Self {
        let endpoint = Endpoint::Ipc(IpcEndpoint(bound.name));
        Self {
            _file: bound.file,
            socket: bound.socket,
            endpoint,
            options,
            #[cfg(all(test, not(loom)))]
            pretended: None,
        }
    }

    /// Listens in the network that this thread pretends, if it does.
    #[cfg(all(test, not(loom)))]
    fn pretended(endpoint: &Endpoint, options: &TransportOptions) -> Option<io::Result<Self>> {
        let network = pretended::network()?;
        let address = match resolve(endpoint, options.ipv6).ok()?.into_iter().next()? {
            Target::Tcp { address, .. } => address,
            Target::Ipc(_) => return None,
        };
        Some(network.bind(address).map(|(socket, port)| Self {
            _file: None,
            socket,
            endpoint: endpoint.clone(),
            options: options.clone(),
            pretended: Some(port),
        }))
    }

    /// Takes the next caller; `WouldBlock` if none waits. The stream has the listener's options.
    pub(crate) fn accept(&self) -> io::Result<Stream> {
        #[cfg(all(test, not(loom)))]
        if let Some(port) = &self.pretended {
            return port.accept(&self.socket);
        }
        let (socket, address) = stream::retry(|| accept_non_blocking(&self.socket))?;
        // A caller that has hung up already may leave no name, and may make options fail.
        self.welcome(socket, &address).map_err(|error| {
            if is_unwelcome(&error) {
                return error;
            }
            io::Error::new(
                io::ErrorKind::ConnectionAborted,
                format!("caller is gone: {error}"),
            )
        })
    }

    fn welcome(&self, socket: Socket, address: &SockAddr) -> io::Result<Stream> {
        let peer = match &self.endpoint {
            Endpoint::Ipc(name) => {
                self.options.set_buffers(&socket)?;
                Peer::Ipc(name.clone())
            }
            _ => {
                let address = address.as_socket().ok_or(io::ErrorKind::NotConnected)?;
                self.check_caller(address.ip())?;
                if !INHERITS {
                    self.options.set_buffers(&socket)?;
                    self.options.set_tcp(&socket, address.is_ipv6())?;
                }
                Peer::Tcp(address)
            }
        };
        Ok(Stream::new(socket, peer))
    }

    fn check_caller(&self, caller: IpAddr) -> io::Result<()> {
        let from = &self.options.accept_from;
        if from.is_empty() || from.iter().any(|network| network.contains(caller)) {
            return Ok(());
        }
        let caller = caller.to_canonical();
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "a caller from {caller}, which is in no network of accept_from, was turned away"
            ),
        ))
    }

    /// Where peers can call: with the real port, or the real path of a wildcard.
    pub(crate) fn local_endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).register(registry, token, on)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).reregister(registry, token, on)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).deregister(registry)
    }
}

/// Whether an accepted TCP socket begins as a copy of its listener, all options included, as it does
/// on Linux. Elsewhere some are inherited and some are not.
const INHERITS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// One system call, where there is one for it.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn accept_non_blocking(socket: &Socket) -> io::Result<(Socket, SockAddr)> {
    socket.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn accept_non_blocking(socket: &Socket) -> io::Result<(Socket, SockAddr)> {
    let (accepted, address) = socket.accept()?;
    accepted.set_nonblocking(true)?;
    Ok((accepted, address))
}

/// Begins to connect. `Ok`: register the stream for writing, and when it is writable ask
/// [`connect_finish`].
///
/// The error of a full `ipc` backlog, which the system reports as if one could wait for room, is
/// `ConnectionRefused` here, so that the caller backs off.
pub(crate) fn connect_start(target: &Target, options: &TransportOptions) -> io::Result<Stream> {
    match target {
        Target::Tcp { address, source } => {
            #[cfg(all(test, not(loom)))]
            if let Some(network) = pretended::network() {
                return network.connect(*address);
            }
            let socket = tcp::connect(*address, *source, options)?;
            Ok(Stream::new(socket, Peer::Tcp(*address)))
        }
        Target::Ipc(name) => {
            let socket = ipc::connect(&name.0, options)?;
            Ok(Stream::new(socket, Peer::Ipc(name.clone())))
        }
    }
}

/// Whether the connection stands. `false`: not yet, wait for the next event.
///
/// After an error the stream is of no more use. A TCP connection to itself, which the system may
/// make when no socket listens, is refused.
pub(crate) fn connect_finish(stream: &Stream) -> io::Result<bool> {
    #[cfg(all(test, not(loom)))]
    if let Some(end) = stream.pretended() {
        return end.finish_connect(stream.socket());
    }
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.socket().peer_addr() {
        Ok(peer) if stream.is_tcp() => tcp::refuse_self(stream, &peer).map(|()| true),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a failed `accept` means for the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptError {
    /// That caller is lost; the next may be fine. (`WouldBlock` too: the next has not come yet.)
    Retry,
    /// That caller is not wanted, and was turned away.
    Unwelcome,
    /// The system has no descriptor or no memory to spare: wait a while, or callers and listener
    /// chase each other.
    OutOfResources,
    /// The listener is of no more use.
    Fatal,
}

/// Whether it is this side that does not want the caller.
fn is_unwelcome(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// Tells errors of one caller, and of a strained system, from those of the listener.
pub(crate) fn accept_is_transient(error: &io::Error) -> AcceptError {
    if is_unwelcome(error) {
        return AcceptError::Unwelcome;
    }
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted
        | io::ErrorKind::TimedOut
        | io::ErrorKind::WouldBlock => return AcceptError::Retry,
        _ => {}
    }
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            AcceptError::OutOfResources
        }
        // Linux hands over what has gone wrong with the new connection already, and a firewall's
        // verdict about it.
        Some(
            libc::EPROTO
            | libc::ENOPROTOOPT
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::EPERM,
        ) => AcceptError::Retry,
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Some(libc::ENONET | libc::EOPNOTSUPP) => AcceptError::Retry,
        _ => AcceptError::Fatal,
    }
}

fn no_stream() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "inproc and udp have no byte stream; others bind them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::KeepAlive;
    use mio::{Events, Poll};
    use std::io::IoSlice;
    use std::time::Duration;

    const PLAIN: fn() -> TransportOptions = TransportOptions::default;

    /// Waits for the event; ten seconds without it mean that it will never come.
    fn wait(source: &mut impl Source, interest: Interest) {
        let mut poll = Poll::new().unwrap();
        poll.registry()
            .register(source, Token(0), interest)
            .unwrap();
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(10)))
            .unwrap();
        assert!(!events.is_empty(), "no event");
        poll.registry().deregister(source).unwrap();
    }

    fn listen(text: &str, options: &TransportOptions) -> Listener {
        bind(&text.parse().unwrap(), options).unwrap()
    }

    fn call(endpoint: &Endpoint, options: &TransportOptions) -> io::Result<Stream> {
        let targets = resolve(endpoint, options.ipv6)?;
        let mut stream = connect_start(&targets[0], options)?;
        wait(&mut stream, Interest::WRITABLE);
        while !connect_finish(&stream)? {
            wait(&mut stream, Interest::WRITABLE);
        }
        Ok(stream)
    }

    fn meet(listener: &mut Listener, options: &TransportOptions) -> (Stream, Stream) {
        let caller = call(&listener.local_endpoint(), options).unwrap();
        wait(listener, Interest::READABLE);
        (caller, listener.accept().unwrap())
    }

    fn read_all(stream: &mut Stream, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            wait(stream, Interest::READABLE);
            let left = count - bytes.len();
            if stream.read_uninit(&mut bytes, left).unwrap() == 0 {
                break;
            }
        }
        bytes
    }

    fn talk(mut listener: Listener, options: &TransportOptions) -> (Stream, Stream) {
        let (mut caller, mut called) = meet(&mut listener, options);
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert_eq!(
            caller.read(&mut [0; 4]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert_eq!(caller.write(b"ping").unwrap(), 4);
        assert_eq!(read_all(&mut called, 4), b"ping");
        let slices = [IoSlice::new(b"po"), IoSlice::new(b"ng!")];
        assert_eq!(called.write_vectored(&slices).unwrap(), 5);
        assert_eq!(read_all(&mut caller, 5), b"pong!");
        (caller, called)
    }

    #[test]
    fn tcp_carries_bytes_and_knows_both_ends() {
        let listener = listen("tcp://127.0.0.1:*", &PLAIN());
        let endpoint = listener.local_endpoint();
        assert_ne!(endpoint.port(), Some(0));
        let (mut caller, called) = talk(listener, &PLAIN());
        assert_eq!(
            format!("tcp://{}", caller.peer_address()),
            endpoint.to_string()
        );
        assert_eq!(called.local_endpoint(), Some(endpoint));
        let ours = caller.local_endpoint().unwrap().to_string();
        assert_eq!(ours, format!("tcp://{}", called.peer_address()));
        called.shutdown_write().unwrap();
        assert_eq!(read_all(&mut caller, 1), b"");
    }

    #[test]
    fn ipc_carries_bytes_and_is_named_after_the_listener() {
        let room = tempfile::tempdir().unwrap();
        let text = format!("ipc://{}/socket", room.path().display());
        let (caller, called) = talk(listen(&text, &PLAIN()), &PLAIN());
        for end in [caller, called] {
            assert_eq!(format!("ipc://{}", end.peer_address()), text);
            assert_eq!(end.local_endpoint().unwrap().to_string(), text);
        }
        assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0);
        talk(listen("ipc://*", &PLAIN()), &PLAIN());
    }

    #[test]
    fn ipv4_callers_of_a_dual_stack_listener_are_shown_as_such() {
        let options = TransportOptions {
            ipv6: true,
            tos: Some(8),
            ..PLAIN()
        };
        let mut listener = listen("tcp://*:*", &options);
        let port = listener.local_endpoint().port().unwrap();
        for host in ["127.0.0.1", "[::1]"] {
            let endpoint = format!("tcp://{host}:{port}").parse().unwrap();
            // A machine without IPv6 refuses the second.
            let Ok(_caller) = call(&endpoint, &options) else {
                continue;
            };
            wait(&mut listener, Interest::READABLE);
            let called = listener.accept().unwrap();
            assert!(
                called.peer_address().starts_with(host),
                "{}",
                called.peer_address()
            );
        }
    }

    #[test]
    fn accepted_streams_have_the_options_of_the_listener() {
        let keepalive = KeepAlive {
            enabled: Some(true),
            idle: Some(Duration::from_secs(77)),
            ..KeepAlive::default()
        };
        let options = TransportOptions {
            keepalive,
            tos: Some(0x10),
            recv_buffer: Some(70_000),
            ..PLAIN()
        };
        let mut listener = listen("tcp://127.0.0.1:*", &options);
        let (caller, called) = meet(&mut listener, &options);
        for socket in [caller.socket(), called.socket()] {
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(
                socket.tcp_keepalive_time().unwrap(),
                Duration::from_secs(77)
            );
            assert_eq!(socket.tos_v4().unwrap(), 0x10);
            assert!(socket.recv_buffer_size().unwrap() >= 70_000);
            assert!(socket.nonblocking().unwrap());
            #[cfg(target_os = "linux")]
            assert!(closes_on_exec(socket));
        }
    }

    /// `/proc` shows a descriptor's flags in octal.
    #[cfg(target_os = "linux")]
    fn closes_on_exec(socket: &Socket) -> bool {
        let path = format!("/proc/self/fdinfo/{}", socket.as_raw_fd());
        let info = std::fs::read_to_string(path).unwrap();
        let flags = info
            .lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .unwrap();
        i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_CLOEXEC != 0
    }

    #[test]
    fn a_source_address_is_called_from() {
        let mut listener = listen("tcp://127.0.0.1:*", &PLAIN());
        let port = listener.local_endpoint().port().unwrap();
        let endpoint = format!("tcp://127.0.0.1:0;127.0.0.1:{port}")
            .parse()
            .unwrap();
        let caller = call(&endpoint, &PLAIN()).unwrap();
        wait(&mut listener, Interest::READABLE);
        let called = listener.accept().unwrap();
        assert_eq!(
            caller.local_endpoint().unwrap().to_string(),
            format!("tcp://{}", called.peer_address())
        );
    }

    #[test]
    fn nobody_listening_is_a_refusal() {
        // Bound, so that no other test gets the port, but deaf.
        let deaf = Socket::new(socket2::Domain::IPV4, Type::STREAM, None).unwrap();
        deaf.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        let address = deaf.local_addr().unwrap().as_socket().unwrap();
        let error = call(&address.into(), &PLAIN()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let gone = listen("ipc://*", &PLAIN()).local_endpoint();
        assert_eq!(
            call(&gone, &PLAIN()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_to_itself_is_refused_and_frees_the_port() {
        // An address of its own, since another test may get the port while nobody holds it.
        let free = listen("tcp://127.9.8.7:*", &PLAIN()).local_endpoint();
        let address = free.to_string().replace("tcp://", "");
        let itself = format!("tcp://{address};{address}").parse().unwrap();
        let error = call(&itself, &PLAIN()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("itself"), "{error}");
        bind(&free, &PLAIN()).unwrap();
    }

    #[test]
    fn bind_errors_name_the_endpoint_and_what_to_do() {
        let why = |text: &str| {
            let error = bind(&text.parse().unwrap(), &PLAIN()).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(text), "{message}");
            (error.kind(), message)
        };
        let busy = listen("tcp://127.0.0.1:*", &PLAIN());
        let (kind, message) = why(&busy.local_endpoint().to_string());
        assert_eq!(kind, io::ErrorKind::AddrInUse);
        assert!(message.contains("choose another port"));
        assert_eq!(
            why("tcp://127.0.0.1:1;127.0.0.1:2").0,
            io::ErrorKind::InvalidInput
        );
        assert_eq!(why("inproc://x").0, io::ErrorKind::Unsupported);
        assert_eq!(why("ipc:///nonexistent/x").0, io::ErrorKind::NotFound);
    }

    #[test]
    fn accept_errors_are_told_apart() {
        let verdict = |code| accept_is_transient(&io::Error::from_raw_os_error(code));
        for code in [
            libc::ECONNABORTED,
            libc::EINTR,
            libc::EAGAIN,
            libc::EPROTO,
            libc::EPERM,
        ] {
            assert_eq!(verdict(code), AcceptError::Retry, "{code}");
        }
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert_eq!(verdict(code), AcceptError::OutOfResources, "{code}");
        }
        for code in [libc::EBADF, libc::EINVAL, libc::ENOTSOCK] {
            assert_eq!(verdict(code), AcceptError::Fatal, "{code}");
        }
        let gone = io::Error::new(io::ErrorKind::ConnectionAborted, "caller is gone");
        assert_eq!(accept_is_transient(&gone), AcceptError::Retry);
    }
}
