//! [`Listener`]: where peers call.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{SockAddr, Socket, Type};

use super::accept_error::is_unwelcome;
#[cfg(all(test, not(loom)))]
use super::pretended;
#[cfg(all(test, not(loom)))]
use super::resolve::{resolve, Target};
use super::settings::TransportOptions;
use super::stream::{self, Peer, Stream};
use super::{ipc, tcp};
use crate::endpoint::{Endpoint, IpcEndpoint, IpcName};

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

fn no_stream() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "inproc and udp have no connections to accept",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    const PLAIN: fn() -> TransportOptions = TransportOptions::default;

    fn listen(text: &str, options: &TransportOptions) -> Listener {
        bind(&text.parse().unwrap(), options).unwrap()
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
    fn a_descriptor_that_listens_is_taken_and_another_is_not() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("socket");
        let bound = UnixListener::bind(&path).unwrap();
        let listener = adopt(bound.into(), &PLAIN()).unwrap();
        let named = format!("ipc://{}", path.display());
        assert_eq!(listener.local_endpoint().to_string(), named);
        let none = listener.accept().unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        let _caller = UnixStream::connect(&path).unwrap();
        let called = listener.accept().unwrap();
        assert_eq!(format!("ipc://{}", called.peer_address()), named);
        drop(listener);
        assert!(path.exists(), "the file is the giver's");
        let (one, _other) = UnixStream::pair().unwrap();
        let error = adopt(one.into(), &PLAIN()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
