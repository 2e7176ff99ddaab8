//! [`Socket`]: the handle that users hold.

mod attendance;
mod builder;
mod descriptor;
mod groups;
mod iter;
mod kind;
mod observe;
mod readiness;
mod recv;
mod request;
mod send;
mod task;
mod topics;

use std::fmt;
use std::sync::Arc;

use crate::context::User;
use crate::drive::core::Core;
use crate::drive::requests::Requests as OpenRequests;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::message::Frame;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::pattern::number_of;
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

impl<K: Addresses> Socket<K> {
    /// Connects as [`Socket::connect`] does, to a peer that is known here by the routing id given,
    /// whatever it announces. Messages can be sent to it at once, and wait until it is there.
    ///
    /// ```
    /// use sinew::{Context, Dealer, Router};
    ///
    /// let context = Context::new();
    /// let router = context.socket(Router).open()?;
    /// router.connect_with_id("inproc://worker", "worker")?;
    /// router.send(["worker", "do this"])?;
    ///
    /// let worker = context.socket(Dealer).bind("inproc://worker")?;
    /// assert_eq!(worker.recv()?, "do this");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RoutingIdTaken`] when the id leads to another peer; when it is empty, longer than 255
    /// bytes or begins with a zero byte; and those of [`Socket::connect`].
    pub fn connect_with_id(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
        routing_id: impl AsRef<[u8]>,
    ) -> Result<Endpoint, Error> {
        let endpoint = endpoint.try_into().map_err(Into::into)?;
        self.core().connect(endpoint, Some(routing_id.as_ref()))
    }
}

impl<K: Numbers> Socket<K> {
    /// Connects as [`Socket::connect`] does, and gives the number that the peer is known by here. What is
    /// sent to it waits until it is there.
    ///
    /// ```
    /// use sinew::{Context, Message, Peer};
    ///
    /// let context = Context::new();
    /// let there = context.socket(Peer).bind("inproc://there")?;
    /// let here = context.socket(Peer).open()?;
    /// let number = here.connect_for_id("inproc://there")?;
    /// here.send(Message::from("hello").with_routing_id(number))?;
    /// assert_eq!(there.recv()?, "hello");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Socket::connect`].
    pub fn connect_for_id(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<u32, Error> {
        let id = self
            .core()
            .connect_peer(endpoint.try_into().map_err(Into::into)?)?;
        Ok(number_of(&id))
    }
}

impl<K: Streams> Socket<K> {
    /// Connects as [`Socket::connect`] does, and gives the routing id that the peer is known by here.
    /// What is sent to it waits until the connection is there.
    ///
    /// ```
    /// use sinew::{Context, Message, Stream};
    ///
    /// let context = Context::new();
    /// let server = context.socket(Stream).bind("tcp://127.0.0.1:*")?;
    /// let client = context.socket(Stream).stream_notify(false).open()?;
    /// let id = client.connect_peer(server.endpoint()?)?;
    /// client.send(Message::from("GET /").routed_to(id))?;
    ///
    /// let (peer, nothing) = server.recv()?.split_id();
    /// assert_eq!(nothing, "", "it has connected");
    /// assert_eq!(server.recv()?.split_id(), (peer, Message::from("GET /")));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Socket::connect`].
    pub fn connect_peer(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Frame, Error> {
        self.core()
            .connect_peer(endpoint.try_into().map_err(Into::into)?)
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

    /// Listens at an endpoint, and returns it resolved: with the real port instead of `*` or 0, the
    /// real path instead of `*`. A socket may bind and connect as often as it likes, in any order.
    ///
    /// Peers are accepted in the background from now on. Blocks only while a name server is asked
    /// for a host name.
    ///
    /// # Errors
    /// [`Error::InUse`] when the endpoint is taken, whatever its transport; and when it cannot be read
    /// or used, or the socket is closed.
    pub fn bind(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Endpoint, Error> {
        self.core().bind(endpoint.try_into().map_err(Into::into)?)
    }

    /// Connects to an endpoint, in the background, and again whenever the connection is lost.
    ///
    /// Never blocks, and does not fail because the peer is not there yet: messages queue until it
    /// is, unless [`immediate`](crate::Options::immediate) is set. What happens is told by
    /// [`Socket::monitor`]. For SUB, PUB, REQ and DEALER a second `connect` to the same endpoint does
    /// nothing.
    ///
    /// # Errors
    /// When the endpoint cannot be read or used, or the socket is closed.
    pub fn connect(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Endpoint, Error> {
        self.core()
            .connect(endpoint.try_into().map_err(Into::into)?, None)
    }

    /// Stops listening at an endpoint, which must be given as `bind` returned it. Peers that are
    /// connected stay. When it returns, the endpoint is free; it waits for that, commonly less than a
    /// millisecond and at most 5 s.
    ///
    /// ```
    /// use sinew::{Context, Pull};
    ///
    /// let pull = Context::new().socket(Pull).open()?;
    /// let endpoint = pull.bind("tcp://127.0.0.1:*")?;
    /// pull.unbind(endpoint)?;
    /// assert!(pull.unbind("tcp://127.0.0.1:*").is_err());
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// When this socket is not bound there.
    pub fn unbind(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<(), Error> {
        self.core()
            .unbind(&endpoint.try_into().map_err(Into::into)?)
    }

    /// Ends a connection made by `connect`, once what is queued for it is sent, or linger is over. It
    /// ends as with [`Socket::close`]; what is lost counts in [`Stats::dropped`].
    ///
    /// # Errors
    /// When this socket is not connected there.
    pub fn disconnect(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<(), Error> {
        self.core()
            .disconnect(&endpoint.try_into().map_err(Into::into)?)
    }

    /// The endpoint of the last `bind` or `connect`, resolved: what another socket connects to.
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("tcp://127.0.0.1:*")?;
    /// assert_ne!(pull.endpoint()?.port(), Some(0));
    /// let push = context.socket(Push).connect(pull.endpoint()?)?;
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoEndpoint`] when the socket was neither bound nor connected.
    pub fn endpoint(&self) -> Result<Endpoint, Error> {
        self.last_endpoint().ok_or(Error::NoEndpoint)
    }

    /// The endpoint of the last `bind` or `connect`, resolved, if there was one; see
    /// [`Socket::endpoint`].
    pub fn last_endpoint(&self) -> Option<Endpoint> {
        self.core().last_endpoint()
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

    /// The socket's settings at this moment.
    pub fn options(&self) -> Options {
        Options::clone(&self.core().options())
    }

    /// Changes settings while the socket lives: `change` is given the present ones and returns what they
    /// shall be. All of it takes effect, or, with an error, nothing. It may be called several times, if
    /// other threads change settings too.
    ///
    /// ```
    /// use sinew::{Context, Error, Push};
    /// use std::time::Duration;
    ///
    /// let push = Context::new().socket(Push).connect("tcp://127.0.0.1:5555")?;
    /// push.set_options(|now| now.linger(Duration::ZERO).send_hwm(10))?;
    /// assert_eq!(push.options().linger, Some(Duration::ZERO));
    ///
    /// let twice = |now: sinew::Options| { let hwm = now.send_hwm; now.send_hwm(2 * hwm) };
    /// push.set_options(twice)?;
    /// assert_eq!(push.options().send_hwm, 20);
    ///
    /// // What cannot be used is refused, and nothing is changed.
    /// let refused = push.set_options(|now| now.send_hwm(1).connect_timeout(Duration::ZERO));
    /// assert!(matches!(refused, Err(Error::Option(_))));
    /// assert_eq!(push.options().send_hwm, 20);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// Every setting but `conflate` and XPUB's `manual` can be changed. From when on it counts:
    ///
    /// | Settings | From when on |
    /// |---|---|
    /// | `linger` | the end of the socket, and each later [`disconnect`](Socket::disconnect) |
    /// | `send_hwm`, `recv_hwm`, `send_hwm_bytes`, `recv_hwm_bytes` | at once, also for peers that are there. What is queued above a lower mark stays. The largest message that `recv_hwm_bytes` allows: for connections that are made later |
    /// | `max_connections`, `max_pending_handshakes` | at once, for connections to come; none that is there is closed |
    /// | `no_drop`, `relaxed`, `mandatory` | the next send |
    /// | `correlate` | the next request |
    /// | `busy_poll` | the next call that waits |
    /// | `reconnect_interval`, `reconnect_interval_max`, `reconnect_attempts`, `reconnect_stop` | the next pause |
    /// | `connect_timeout`, `tcp_keepalive`, `send_buffer`, `recv_buffer`, `tos`, `packet_priority`, `tcp_user_timeout`, `bind_to_device` | the next try to connect; of listeners, those that are bound later |
    /// | `backlog`, `accept_from` | listeners that are bound later |
    /// | `socks_proxy` | the next try to connect |
    /// | `ipv6` | the next `bind` and the next try to connect |
    /// | `verbose`, `verboser`, `verbose_unsubscribe`, `invert_matching` | at once, for subscriptions and messages that come later |
    /// | `manual_last_value` | the next subscription that the application gives a peer, if `manual` was set from the start |
    /// | `handover`, `probe_router`, `welcome_message`, `hello_message` | peers that come later |
    /// | `disconnect_message`, `hiccup_message` | the next peer that goes |
    /// | `stream_notify` | peers that come or go later |
    /// | `immediate` | the next `connect`, and the next loss of a connection |
    /// | `heartbeat_interval`, `heartbeat_timeout`, `heartbeat_ttl` | connections that are made later; on those that send PINGs, the next PING |
    /// | `handshake_timeout`, `max_message_size`, `max_message_frames`, `routing_id` | connections that are made later |
    ///
    /// # Errors
    /// [`Error::Option`], in words, when a setting cannot be used; when the socket is closed.
    pub fn set_options(&self, change: impl Fn(Options) -> Options) -> Result<(), Error> {
        self.core().set_options(change)
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
