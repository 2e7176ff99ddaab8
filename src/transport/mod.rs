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

mod accept_error;

mod listener;

use std::io;

pub(crate) use accept_error::{accept_is_transient, AcceptError};
pub(crate) use listener::{adopt, bind, Listener};
pub(crate) use resolve::{needs_dns, resolve, Target};
pub(crate) use settings::TransportOptions;
pub(crate) use stream::{Readiness, Stream};

use stream::Peer;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::options::KeepAlive;
    use mio::event::Source;
    use mio::{Events, Interest, Poll, Token};
    use socket2::{Socket, Type};
    use std::io::IoSlice;
    #[cfg(target_os = "linux")]
    use std::os::fd::AsRawFd;
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
}
