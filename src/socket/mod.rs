//! [`Socket`]: the handle that users hold.

mod attendance;
mod authenticator;
mod builder;
mod descriptor;
mod endpoints;
mod groups;
mod iter;
mod kind;
mod mechanisms;
mod observe;
mod open;
mod readiness;
mod recv;
mod request;
mod send;
mod settings;
mod task;
mod topics;
mod zap;

use std::fmt;
use std::sync::Arc;

use crate::context::User;
use crate::drive::core::Core;
use crate::drive::requests::Requests as OpenRequests;
use crate::error::Error;
use crate::monitor::Monitor;
use crate::peer::SocketType;
use crate::stats::{CloseReport, Stats};

pub use builder::SocketBuilder;
pub use iter::{Iter, TryIter};
pub use kind::{
    Addresses, Channel, Client, Conflates, Datagrams, Dealer, Dgram, Dish, Gather, Greets, Joins,
    Kind, Matches, Numbers, Pair, Peer, Probes, Pub, Publishes, Pull, Push, Radio, Receives, Rep,
    Req, Requester, Requests, Router, Routes, Scatter, Sends, Server, ShowsSubscriptions, Stream,
    Streams, Sub, Subscribes, TellsDisconnects, TellsHiccups, Xpub, Xsub,
};
pub use readiness::Readiness;
#[doc(hidden)]
pub use task::TaskSocket;

/// A socket whose type is chosen at run time. It has every verb; one that its type does not have
/// gives an error.
///
/// ```
/// use sinew::{Context, DynSocket, SocketType};
///
/// let kind: SocketType = "push".parse()?; // from a command line, say
/// let socket: DynSocket = Context::new().socket(kind).open()?;
/// let error = socket.recv().unwrap_err();
/// assert_eq!(error.to_string(), "this type of socket cannot receive");
/// # Ok::<(), sinew::Error>(())
/// ```
pub type DynSocket = Socket<SocketType>;

/// One end of a pattern.
///
/// A handle: clones are the same socket, all methods take `&self`, and any number of threads may
/// use one socket at once. It closes when the last handle is dropped: what it accepted is then
/// delivered in the background as far as [`linger`](crate::Options::linger) allows. To wait for
/// that and to know what did not arrive, use [`Socket::close`].
///
/// Which verbs a socket has depends on its kind: [`Sends`], [`Receives`], [`Subscribes`].
///
/// # Blocking
/// `send` blocks while no peer has room, and `recv` while there is no message; both have a form
/// with a time-out or a deadline, and one that never blocks. A blocked call is woken when the socket
/// or its context is closed. What else may wait:
/// - `bind`, for a name server, when the endpoint has a host name;
/// - [`unbind`](Socket::unbind), and dropping or closing a socket that is bound, until the reactor
///   has let go of the listener: commonly less than a millisecond, at most 5 s;
/// - [`close`](Socket::close) and [`Context::close`](crate::Context::close), and dropping the last
///   handle of a context and its sockets: as long as linger says, by default 30 s.
///
/// ```
/// use sinew::{Context, Rep, Req};
///
/// let context = Context::new();
/// let rep = context.socket(Rep).bind("tcp://127.0.0.1:*")?;
/// let req = context.socket(Req).connect(rep.endpoint()?)?;
///
/// req.send("ping")?;
/// assert_eq!(rep.recv()?, "ping");
/// rep.send("pong")?;
/// assert_eq!(req.recv()?, "pong");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A verb that a kind does not have does not compile:
///
/// ```compile_fail
/// # use sinew::{Context, Push};
/// let push = Context::new().socket(Push).open().unwrap();
/// push.recv();
/// ```
pub struct Socket<K: Kind> {
    handle: Handle,
    kind: K,
}

/// One of the handles of a socket.
#[derive(Clone)]
struct Handle(Arc<HandleInner>);

impl Drop for Handle {
    fn drop(&mut self) {
        // The last one closes the socket.
        if Arc::strong_count(&self.0) > 1 {
            self.0.core.handle_dropped();
        }
    }
}

/// What the handles of one socket share; dropping the last of them closes it.
struct HandleInner {
    core: Arc<Core>,
    /// Only of a [`Requester`].
    requests: Option<Box<OpenRequests>>,
    /// Dropped after the socket began to close, so that the context's end waits for its linger.
    _user: Arc<User>,
}

impl Drop for HandleInner {
    fn drop(&mut self) {
        self.core.begin_close();
    }
}

impl<K: Kind + Clone> Clone for Socket<K> {
    fn clone(&self) -> Self {
        Socket {
            handle: self.handle.clone(),
            kind: self.kind.clone(),
        }
    }
}

impl<K: Kind> fmt::Debug for Socket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("type", &self.socket_type())
            .field(
                "last_endpoint",
                &self
                    .last_endpoint()
                    .map(|it| it.to_string())
                    .unwrap_or_default(),
            )
            .finish_non_exhaustive()
    }
}

impl<K: Kind> Socket<K> {
    fn new(core: Arc<Core>, user: Arc<User>, kind: K) -> Socket<K> {
        Socket {
            handle: Handle(Arc::new(HandleInner {
                core,
                requests: K::MANY_REQUESTS.then(|| Box::new(OpenRequests::new())),
                _user: user,
            })),
            kind,
        }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        &self.handle.0.core
    }

    /// The type of the socket.
    pub fn socket_type(&self) -> SocketType {
        self.kind.socket_type()
    }

    /// What the socket has done so far.
    ///
    /// ```
    /// use sinew::{Context, Pub};
    ///
    /// let publisher = Context::new().socket(Pub).open()?;
    /// publisher.send("without a subscriber")?;
    /// let stats = publisher.stats();
    /// assert_eq!((stats.sent, stats.dropped, stats.peers), (0, 0, 0));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }

    /// Whether the socket or its context was closed.
    pub fn is_closed(&self) -> bool {
        self.core().is_closed()
    }

    /// The events of the socket's connections from now on. To see all of them, [`open`] the socket,
    /// take the monitor, and bind or connect then.
    ///
    /// ```
    /// use sinew::{Context, EventKind, Pull};
    ///
    /// let pull = Context::new().socket(Pull).open()?;
    /// let monitor = pull.monitor();
    /// pull.bind("tcp://127.0.0.1:*")?;
    /// assert_eq!(monitor.recv()?.kind, EventKind::Listening);
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// [`open`]: SocketBuilder::open
    pub fn monitor(&self) -> Monitor {
        self.core().monitor()
    }

    /// Closes the socket: all calls on it, also those that block in other threads, return `Closed`
    /// from now on. Waits until everything that `send` accepted is with its peers, but no longer
    /// than [`linger`](crate::Options::linger), and says how many messages were not; see
    /// [`CloseReport::undelivered`] for what that means.
    ///
    /// When all is written, each peer is told that no more comes, and has time to read it until it ends
    /// its side. A peer that reads ends within a round trip. One that does not end is left two
    /// seconds later, once its system has acknowledged everything.
    pub fn close(self) -> CloseReport {
        self.core().close_and_wait()
    }

    /// The same socket as a dynamic handle.
    pub fn into_dynamic(self) -> DynSocket {
        Socket {
            kind: self.kind.socket_type(),
            handle: self.handle,
        }
    }

    fn subscribe_to(&self, topic: &[u8]) -> Result<(), Error> {
        self.core().subscribe(topic)
    }
}
