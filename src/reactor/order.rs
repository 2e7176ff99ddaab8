//! How a reactor and the rest of the library talk: orders in, calls to `dyn` [`Handler`] out.

use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mio::{Token, Waker};

use crate::endpoint::Endpoint;
use crate::sync::Mutex;
use crate::transport::{Listener, Stream, Target, TransportOptions};

/// Names a socket towards its reactor; never used twice.
pub(crate) type SocketId = usize;

/// A connection of a socket: the link's key, and which of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId {
    pub(crate) link: usize,
    pub(crate) generation: u32,
}

/// What a socket wants to be told later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The handshake of a connection that `connect` made has taken too long.
    Handshake(ConnectionId),
    /// The oldest handshake of an accepted connection may have taken too long.
    Pending,
    /// A listener that waits for room may ask again.
    Accept,
    /// An established connection asked to be called at `at`: for a heartbeat, or because it listens
    /// for its peer's.
    Session { id: ConnectionId, at: Instant },
    #[cfg(test)]
    Panic,
    /// Forget some more of what departed subscribers left.
    Forget,
    /// Give back buffers that grew.
    Trim,
    /// The time to linger is over.
    Linger,
    /// The socket may have lingered for a while: time to say so.
    #[cfg(any(feature = "log", feature = "tracing"))]
    StillLingering,
    /// A disconnected link has had its time to deliver what it had queued.
    Leave { link: usize, first_generation: u32 },
    /// A link is on its way out since `since`: how much of what was written does the peer's system
    /// have? Asked again after twice `pause`.
    Acknowledged {
        id: ConnectionId,
        since: Instant,
        pause: Duration,
    },
}

/// What the reactor does next about a lease that it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Look again.
    Again,
    /// Look no more.
    Stop,
}

/// A socket, as the reactor sees it: what the reactor calls when something has happened.
pub(crate) trait Handler: Send + Sync {
    /// The socket's poll has events and no thread drives.
    fn on_ready(&self);
    /// A look at the lease.
    fn on_watch(&self) -> Watch;
    /// Write what a hot socket has queued. False: it is not hot any more.
    fn on_sweep(&self) -> bool;
    /// Another reactor's socket has asked this one, whose handle it gets back, for help.
    fn on_help(&self, helper: Handle);
    /// A timer is due.
    fn on_timer(&self, timer: Timer);
    /// Whether a timer still means something.
    fn is_current(&self, timer: Timer) -> bool;
    /// Whether there still is a link that waits to be connected.
    fn has_link(&self, id: ConnectionId) -> bool;
    /// Whether a listener may accept a connection now; if not, [`Order::Accept`] says when.
    fn may_accept(&self, endpoint: &Arc<Endpoint>) -> bool;
    /// A listener has a new connection.
    fn on_accepted(&self, endpoint: &Arc<Endpoint>, stream: Stream);
    /// A listener could not accept; it goes on after a pause.
    fn on_accept_failed(&self, endpoint: &Arc<Endpoint>, error: io::Error);
    /// A connection was made, or could not be.
    fn on_connected(&self, id: ConnectionId, outcome: io::Result<Stream>);
    /// The reactor has panicked and does nothing any more.
    fn on_reactor_died(&self);
}

/// What a reactor can be asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    Add(SocketId, Arc<dyn Handler>),
    Remove(SocketId),
    /// Drive a socket whose lease is the reactor's: there is something to read that no event tells.
    Drive(SocketId),
    Watch(SocketId),
    Sweep(SocketId),
    /// Help another reactor's socket.
    Help(Weak<dyn Handler>),
    Timer(SocketId, Instant, Timer),
    Listen {
        socket: SocketId,
        endpoint: Arc<Endpoint>,
        listener: Arc<Listener>,
    },
    /// There may be room again for what waits at the socket's listeners.
    Accept(SocketId),
    /// Drops the listener and says so.
    Unlisten {
        listener: Arc<Listener>,
        done: Sender<()>,
    },
    Connect {
        socket: SocketId,
        id: ConnectionId,
        request: Request,
        at: Instant,
    },
    Resolved {
        key: usize,
        number: u64,
        targets: io::Result<Vec<Target>>,
    },
    Stop,
    /// How long leases last.
    #[cfg(test)]
    Lease(Duration),
    #[cfg(test)]
    Panic,
}

impl std::fmt::Debug for dyn Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reactor::Handler")
    }
}

/// What to connect to, and how.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) options: Arc<TransportOptions>,
    pub(crate) timeout: Option<Duration>,
}

/// The way to a reactor from other threads.
#[derive(Clone)]
pub(crate) struct Handle(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) inbox: Mutex<Inbox>,
    pub(super) waker: Waker,
    pub(super) registry: mio::Registry,
}

/// What the reactor has been asked to do and has not looked at yet.
pub(super) struct Inbox {
    pub(super) orders: Vec<Order>,
    /// The reactor sleeps, or is about to without having seen what comes now. Awake, it looks here
    /// before it sleeps, so that no thread, least of all itself, need wake it.
    pub(super) asleep: bool,
    /// The reactor has ended and looks here no more.
    pub(super) ended: bool,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reactor::Handle")
    }
}

impl Handle {
    /// Has the reactor do something, soon. False: it has ended, and the order is dropped.
    pub(crate) fn send(&self, order: Order) -> bool {
        let mut inbox = self.0.inbox.lock();
        if inbox.ended {
            return false;
        }
        inbox.orders.push(order);
        // The next sender finds it woken.
        let asleep = std::mem::take(&mut inbox.asleep);
        drop(inbox);
        if asleep {
            // The only failure is a full counter, which means that it is awake.
            let _ = self.0.waker.wake();
        }
        true
    }

    /// Has the reactor be told of events in a socket's poll.
    ///
    /// # Errors
    /// When the system is out of memory for it.
    pub(crate) fn register(&self, id: SocketId, poll: i32) -> io::Result<()> {
        self.0.registry.register(
            &mut mio::unix::SourceFd(&poll),
            socket_token(id),
            mio::Interest::READABLE,
        )
    }

    /// The reverse of [`Handle::register`].
    pub(crate) fn deregister(&self, poll: i32) {
        // It fails only when it is not registered, which is what is wanted.
        let _ = self.0.registry.deregister(&mut mio::unix::SourceFd(&poll));
    }
}

pub(super) const WAKER: Token = Token(usize::MAX);

/// Even tokens are sockets, odd ones the reactor's own listeners and connects.
pub(super) fn socket_token(id: SocketId) -> Token {
    Token(id << 1)
}

pub(super) fn slot_token(key: usize) -> Token {
    Token(key << 1 | 1)
}
