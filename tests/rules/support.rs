//! What the tests share: endpoints, waiting for events, and peers made of a bare TCP stream.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sinew::{Endpoint, Event, EventKind, Kind, Monitor, Socket};

#[path = "../guard/mod.rs"]
mod guard;

pub(crate) use guard::SOON;

/// For what must not happen: long enough for it to happen if it were to. A busy machine may make a
/// test see less with it, but never fail.
pub(crate) const A_WHILE: Duration = Duration::from_millis(50);

/// An endpoint to bind for each transport; names are unique to the caller.
pub(crate) fn endpoints(name: &str) -> [String; 3] {
    [
        "tcp://127.0.0.1:*".into(),
        "ipc://*".into(),
        format!("inproc://{name}"),
    ]
}

/// Where a bound socket is to be found.
#[track_caller]
pub(crate) fn address<K: Kind>(socket: &Socket<K>) -> Endpoint {
    socket.endpoint().unwrap()
}

/// Waits for an event.
#[track_caller]
pub(crate) fn await_event(monitor: &Monitor, what: impl Fn(&EventKind) -> bool) -> Event {
    let deadline = Instant::now() + SOON;
    let mut seen = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match monitor.recv_timeout(left) {
            Ok(event) if what(&event.kind) => return event,
            Ok(event) => seen.push(event.kind),
            Err(error) => panic!("{error}; what came instead: {seen:?}"),
        }
    }
}

/// Waits until a peer is there.
#[track_caller]
pub(crate) fn await_peer(monitor: &Monitor) {
    await_event(monitor, |kind| {
        matches!(kind, EventKind::HandshakeSucceeded)
    });
}

/// Waits until a subscription was applied.
#[track_caller]
pub(crate) fn await_subscription(monitor: &Monitor) {
    await_event(monitor, |kind| matches!(kind, EventKind::Subscribed { .. }));
}

/// Waits until a connection that was up is not any more, and says why.
#[track_caller]
pub(crate) fn await_disconnect(monitor: &Monitor) -> String {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::Disconnected { .. })
    });
    match event.kind {
        EventKind::Disconnected { reason } => reason.to_string(),
        _ => unreachable!(),
    }
}

/// Waits until a handshake fails, and says why.
#[track_caller]
pub(crate) fn await_refusal(monitor: &Monitor) -> String {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::HandshakeFailed { .. })
    });
    match event.kind {
        EventKind::HandshakeFailed { reason } => reason.to_string(),
        _ => unreachable!(),
    }
}

/// A peer without a library.
pub(crate) struct Raw(pub TcpStream);

pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

impl Raw {
    pub(crate) fn connect(endpoint: &Endpoint) -> Raw {
        Raw::over(TcpStream::connect(endpoint.socket_addr().unwrap()).unwrap())
    }

    pub(crate) fn accept(listener: &TcpListener) -> Raw {
        Raw::over(listener.accept().unwrap().0)
    }

    fn over(stream: TcpStream) -> Raw {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw(stream)
    }

    pub(crate) fn greeting(minor: u8, mechanism: &str) -> Vec<u8> {
        let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, minor];
        bytes.extend_from_slice(mechanism.as_bytes());
        bytes.resize(64, 0);
        bytes
    }

    pub(crate) fn ready(socket_type: &str) -> Vec<u8> {
        let mut body = b"\x05READY\x0bSocket-Type".to_vec();
        body.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
        body.extend_from_slice(socket_type.as_bytes());
        frame(COMMAND, &body)
    }

    /// Greets and shakes hands as a peer of this type.
    pub(crate) fn shake(self, socket_type: &str) -> Raw {
        self.shake_as(1, socket_type)
    }

    pub(crate) fn shake_as(mut self, minor: u8, socket_type: &str) -> Raw {
        self.write(&Raw::greeting(minor, "NULL"));
        self.write(&Raw::ready(socket_type));
        let greeting = self.read(64);
        assert_eq!((greeting[0], greeting[9], greeting[10]), (0xff, 0x7f, 3));
        let (flags, body) = self.read_frame();
        assert_eq!(flags, COMMAND);
        assert!(body.starts_with(b"\x05READY"));
        self
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, flags: u8, body: &[u8]) {
        self.write(&frame(flags, body));
    }

    pub(crate) fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.read(2);
        let mut size = usize::from(head[1]);
        if head[0] & LONG != 0 {
            let rest = self.read(7);
            let all: Vec<u8> = [&head[1..], &rest].concat();
            size = u64::from_be_bytes(all.try_into().unwrap()) as usize;
        }
        (head[0], self.read(size))
    }

    /// Reads until the other side has closed, which it must.
    #[track_caller]
    pub(crate) fn await_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return all,
                Ok(count) => all.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return all,
                Err(error) => panic!("not closed: {error}"),
            }
        }
    }
}

/// A frame on the wire.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = match u8::try_from(body.len()) {
        Ok(short) => vec![flags, short],
        Err(_) => {
            let mut head = vec![flags | LONG];
            head.extend_from_slice(&(body.len() as u64).to_be_bytes());
            head
        }
    };
    bytes.extend_from_slice(body);
    bytes
}
