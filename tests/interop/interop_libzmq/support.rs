//! The two ends, the ways to join them, and what every test waits for and compares.

use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libzmq_peer as zmq;
use libzmq_peer::option;
use sinew::{DynSocket, Event, EventKind, Message, Monitor};

/// How long anything may take before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// The same for libzmq, whose timeouts are milliseconds.
pub(crate) const DEADLINE_MS: i32 = 60_000;
/// How often something that may be lost on purpose (a message before its subscription) is tried again.
pub(crate) const RETRY: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Ipc,
}

impl Transport {
    pub(crate) const ALL: [Transport; 2] = [Transport::Tcp, Transport::Ipc];
}

/// Something to bind to that no other test uses; an ipc file goes away with it.
#[derive(Debug)]
pub(crate) struct Address {
    text: String,
    file: Option<PathBuf>,
}

impl Address {
    pub(crate) fn new(transport: Transport) -> Address {
        match transport {
            Transport::Tcp => Address {
                text: "tcp://127.0.0.1:0".to_owned(),
                file: None,
            },
            Transport::Ipc => Address::ipc(),
        }
    }

    /// An ipc address is known before anybody binds it, unlike a tcp port.
    pub(crate) fn ipc() -> Address {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("sinew-{}-{number}.sock", process::id()));
        Address {
            text: format!("ipc://{}", file.display()),
            file: Some(file),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // The binder may have removed it already.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Over what two sockets meet, and who of them binds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) transport: Transport,
    pub(crate) we_bind: bool,
}

impl Setup {
    pub(crate) const TCP: Setup = Setup {
        transport: Transport::Tcp,
        we_bind: true,
    };

    /// Both transports, both roles.
    pub(crate) fn all() -> impl Iterator<Item = Setup> {
        Transport::ALL
            .into_iter()
            .flat_map(|transport| [true, false].map(|we_bind| Setup { transport, we_bind }))
    }

    /// Joins two sockets. Keep the address as long as they are in use.
    pub(crate) fn join(self, ours: &DynSocket, theirs: &zmq::Socket) -> Address {
        let address = Address::new(self.transport);
        if self.we_bind {
            let bound = ours.bind(address.as_str()).expect("our bind");
            theirs.connect(&bound.to_string()).expect("their connect");
        } else {
            theirs.bind(address.as_str()).expect("their bind");
            let bound = theirs.last_endpoint().expect("their endpoint");
            ours.connect(&bound).expect("our connect");
        }
        address
    }
}

/// A libzmq socket that fails rather than hangs, and does not linger unless told to.
pub(crate) fn theirs(context: &zmq::Context, kind: zmq::Kind) -> zmq::Socket {
    let socket = context.socket(kind).expect("their socket");
    for (name, value) in [
        (option::LINGER, 0),
        (option::RCVTIMEO, DEADLINE_MS),
        (option::SNDTIMEO, DEADLINE_MS),
    ] {
        socket.set_int(name, value).expect("their option");
    }
    socket
}

/// The next whole message libzmq receives, or nothing after `wait`.
pub(crate) fn their_next(socket: &zmq::Socket, wait: Duration) -> Option<Vec<Vec<u8>>> {
    let milliseconds = i32::try_from(wait.as_millis()).expect("a short wait");
    let ready = socket.poll_in(milliseconds).expect("their poll");
    ready.then(|| socket.recv_multipart().expect("their message"))
}

pub(crate) fn parts(message: &Message) -> Vec<Vec<u8>> {
    message.frames().map(<[u8]>::to_vec).collect()
}

/// A message of ours from parts, however many there are.
pub(crate) fn message(parts: &[Vec<u8>]) -> Message {
    parts.iter().map(|part| part.as_slice()).collect()
}

/// `len` bytes in which a shifted, cut or swapped piece shows: the period is a prime.
pub(crate) fn body(len: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..=250).collect();
    let mut bytes = period.repeat(len / period.len() + 1);
    bytes.truncate(len);
    bytes
}

/// What to call a message that is too large to print.
pub(crate) fn shape_of(parts: &[Vec<u8>]) -> String {
    let sizes = parts.iter().take(10).map(|part| part.len().to_string());
    format!(
        "{} frames of {}",
        parts.len(),
        sizes.collect::<Vec<_>>().join("+")
    )
}

/// Like `assert_eq!`, for messages too large to print.
pub(crate) fn assert_same(received: &[Vec<u8>], sent: &[Vec<u8>], what: &str) {
    let lens = |parts: &[Vec<u8>]| parts.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lens(received), lens(sent), "part sizes: {what}");
    assert!(
        received == sent,
        "content of sizes {:?}: {what}",
        lens(sent)
    );
}

/// Waits until our monitor reports what `wanted` accepts.
pub(crate) fn wait_for(
    monitor: &Monitor,
    what: &str,
    wanted: impl Fn(&EventKind) -> bool,
) -> Event {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = monitor
            .recv_timeout(left)
            .unwrap_or_else(|error| panic!("no event \"{what}\": {error:?}"));
        if wanted(&event.kind) {
            return event;
        }
    }
}

pub(crate) fn is_up(kind: &EventKind) -> bool {
    matches!(kind, EventKind::HandshakeSucceeded)
}

pub(crate) fn is_down(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Disconnected { .. })
}

/// Waits until libzmq's monitor reports one of the `wanted` bits.
pub(crate) fn wait_for_theirs(monitor: &zmq::Monitor, wanted: u16) -> zmq::Event {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = monitor
            .recv_timeout(left.as_millis() as i32)
            .unwrap_or_else(|error| panic!("no libzmq event {wanted:#x}: {error}"));
        if event.id & wanted != 0 {
            return event;
        }
    }
}
