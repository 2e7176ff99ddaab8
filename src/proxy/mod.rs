//! [`Proxy`]: forwards between two sockets.

mod control;
mod end;
mod orders;
mod pairs;
mod stats;
mod way;

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::interest::Interest;
use crate::message::Message;
use crate::poller::{PollEvent, Poller};
use crate::socket::{DynSocket, Kind, Receives, Sends, Socket};

pub use self::control::ProxyHandle;
use self::control::Shared;
use self::end::{interest, End, Side};
use self::orders::Orders;
pub use self::pairs::Forwards;
pub use self::stats::{ProxyStats, ProxyTraffic};
use self::way::{Step, Waits, Way};

/// Batches that one direction forwards before the other has its turn.
const BATCHES: usize = 8;

/// Forwards all messages that come on either socket to the other, until one of them or its context is closed.
/// Blocks; give it a thread.
///
/// ```
/// use sinew::{proxy, Context, Dealer, Rep, Req, Router};
/// use std::thread;
///
/// let context = Context::new();
/// let clients = context.socket(Router).bind("inproc://clients")?;
/// let workers = context.socket(Dealer).bind("inproc://workers")?;
/// let queue = thread::spawn(move || proxy(&clients, &workers));
///
/// let rep = context.socket(Rep).connect("inproc://workers")?;
/// let req = context.socket(Req).connect("inproc://clients")?;
/// req.send("through?")?;
/// assert_eq!(rep.recv()?, "through?");
/// rep.send("through.")?;
/// assert_eq!(req.recv()?, "through.");
///
/// context.shutdown();
/// let stats = queue.join().unwrap()?;
/// assert_eq!((stats.backend.sent.messages, stats.frontend.sent.messages), (1, 1));
/// # Ok::<(), sinew::Error>(())
/// ```
///
/// Two sockets that have nothing to say to each other do not compile:
///
/// ```compile_fail
/// # use sinew::{proxy, Context, Push};
/// # let context = Context::new();
/// let push = context.socket(Push).open().unwrap();
/// proxy(&push, &push);
/// ```
///
/// [`Proxy`] is the same with a handle to steer it, and says how it forwards.
///
/// # Errors
/// As [`Proxy::new`] and [`Proxy::run`].
pub fn proxy<F, B>(frontend: &Socket<F>, backend: &Socket<B>) -> Result<ProxyStats, Error>
where
    F: Forwards<B> + Clone,
    B: Kind + Clone,
{
    Proxy::new(frontend, backend)?.run()
}

/// A proxy that can be steered: paused, resumed, ended, and asked what it has forwarded.
///
/// ```
/// use sinew::{Context, Proxy, Pull, Push};
/// use std::thread;
///
/// let context = Context::new();
/// let upstream = context.socket(Pull).bind("inproc://upstream")?;
/// let downstream = context.socket(Push).bind("inproc://downstream")?;
/// let mut proxy = Proxy::new(&upstream, &downstream)?;
/// let handle = proxy.handle();
/// let thread = thread::spawn(move || proxy.run());
///
/// let pull = context.socket(Pull).connect("inproc://downstream")?;
/// context.socket(Push).connect("inproc://upstream")?.send("x")?;
/// assert_eq!(pull.recv()?, "x");
///
/// handle.terminate();
/// let stats = thread.join().unwrap()?;
/// assert_eq!((stats.frontend.received.messages, stats.backend.sent.messages), (1, 1));
/// # Ok::<(), sinew::Error>(())
/// ```
///
/// Which pairs there are says [`Forwards`]. Messages are forwarded whole, frames and all, in order. A ROUTER
/// puts its peer's routing id before them, which a DEALER's peers send back; subscriptions travel from an XPUB
/// to an XSUB as messages.
///
/// # Back-pressure
/// Nothing is received from one socket before a send on the other would find room. So a proxy has no queue: what
/// cannot be forwarded stays in the sockets, up to their high-water marks, and then in those of the
/// peers, whose sends wait. It receives a batch at a time, of at most 128 messages; what of a batch finds no
/// room is *held* until there is some. Sockets that never wait, PUB, XPUB and a ROUTER that is not
/// [`mandatory`](crate::Options::mandatory), drop what a peer has no room for, here as elsewhere.
///
/// # Costs
/// One thread, the one that calls [`run`](Proxy::run), which sleeps while there is nothing to do; in a
/// stream two short locks a batch each side, no copies of bodies, and no system call beside those that
/// read and write. The poller's three descriptors.
pub struct Proxy {
    poller: Poller<Side>,
    frontend: End,
    backend: End,
    to_backend: Way,
    to_frontend: Way,
    capture: Option<DynSocket>,
    orders: Orders,
    shared: Arc<Shared>,
    events: Vec<PollEvent<Side>>,
    copies: Vec<Message>,
}

/// What came of a direction's turn.
enum Turn {
    Moved,
    Waits,
    /// One of the sockets is closed.
    Closed,
}

impl Proxy {
    /// A proxy between two sockets. It forwards once it [runs](Proxy::run). Until it is dropped it holds handles
    /// of both; they may be used otherwise too, but what another thread receives is not forwarded.
    ///
    /// # Errors
    /// [`Error::NoProxy`] between two [`DynSocket`](crate::DynSocket)s of which neither can forward to the
    /// other; and [`Error::System`] when the process is out of descriptors.
    pub fn new<F, B>(frontend: &Socket<F>, backend: &Socket<B>) -> Result<Proxy, Error>
    where
        F: Forwards<B> + Clone,
        B: Kind + Clone,
    {
        let types = (frontend.socket_type(), backend.socket_type());
        let found = pairs::directions(types.0, types.1);
        let ways = found.ok_or(Error::NoProxy(types.0, types.1))?;
        let mut poller = Poller::new()?;
        poller.add(frontend, Side::Frontend, Interest::NONE)?;
        poller.add(backend, Side::Backend, Interest::NONE)?;
        Ok(Proxy {
            poller,
            frontend: End::new(frontend.clone().into_dynamic()),
            backend: End::new(backend.clone().into_dynamic()),
            to_backend: Way::new(ways.to_backend),
            to_frontend: Way::new(ways.to_frontend),
            capture: None,
            orders: Orders::default(),
            shared: Arc::default(),
            events: Vec::new(),
            copies: Vec::new(),
        })
    }

    /// Has a copy of every message that is forwarded, either way, sent on this socket: a PUB, a PUSH, a PAIR or
    /// a DEALER; of messages of groups also a RADIO, which keeps these. Bodies are shared, not copied. A capture socket without room does not hold the proxy
    /// up: its copies are dropped then, and [counted](ProxyStats::uncaptured).
    ///
    /// # Errors
    /// [`Error::Unsupported`] when a dynamic socket's type does not send.
    pub fn capture<K: Sends + Clone>(mut self, socket: &Socket<K>) -> Result<Proxy, Error> {
        let able = socket.core().check_interest(Interest::WRITABLE);
        able.map_err(|verb| Error::Unsupported {
            verb,
            socket_type: socket.socket_type(),
        })?;
        self.capture = Some(socket.clone().into_dynamic());
        Ok(self)
    }

    /// Has the proxy steered by messages that come on this socket too: `PAUSE`, `RESUME`, `TERMINATE` and
    /// `STATISTICS`, as in `zmq_proxy_steerable`. Commonly it is a REP, a PAIR or a PULL.
    ///
    /// `STATISTICS` is answered, if the socket can send, with eight frames of eight bytes, numbers in the
    /// byte order of this machine: of the frontend the messages and bytes received, then those sent; and
    /// the same of the backend. A REP answers the other commands with an empty message, and what is no
    /// command with the words `unknown command`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when a dynamic socket's type does not receive.
    pub fn control<K: Receives + Clone>(mut self, socket: &Socket<K>) -> Result<Proxy, Error> {
        if let Some(former) = self.orders.release() {
            self.poller.remove(&former)?;
        }
        self.poller.add(socket, Side::Control, Interest::READABLE)?;
        self.orders = Orders::of(socket.clone().into_dynamic());
        Ok(self)
    }

    /// What steers it from other threads.
    pub fn handle(&self) -> ProxyHandle {
        ProxyHandle {
            shared: Arc::clone(&self.shared),
            waker: self.poller.waker(),
        }
    }

    /// What it has forwarded so far.
    pub fn stats(&self) -> ProxyStats {
        self.shared.stats()
    }

    /// Forwards until it is [terminated](ProxyHandle::terminate), or one of its sockets or its context is
    /// closed; then says what it has forwarded, in all runs. It may run again after it was terminated, and goes
    /// on where it ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system's poll fails, and when a reactor's thread has panicked: faults of the
    /// process, or of this library.
    pub fn run(&mut self) -> Result<ProxyStats, Error> {
        loop {
            self.orders.obey(&self.shared)?;
            if self.shared.take_terminated() {
                return Ok(self.stats());
            }
            let turns = [self.forward(true)?, self.forward(false)?];
            if turns.iter().any(|turn| matches!(turn, Turn::Closed)) {
                return Ok(self.stats());
            }
            let moved = turns.iter().any(|turn| matches!(turn, Turn::Moved));
            if !moved && self.wait()? {
                return Ok(self.stats());
            }
        }
    }

    /// Waits for what the directions need. True: one of the sockets is closed.
    fn wait(&mut self) -> Result<bool, Error> {
        let (out, back) = (self.to_backend.waits, self.to_frontend.waits);
        let frontend = interest(out, back);
        let backend = interest(back, out);
        let told = self
            .frontend
            .tell(&mut self.poller, Side::Frontend, frontend);
        let told = told.and_then(|()| self.backend.tell(&mut self.poller, Side::Backend, backend));
        match told {
            Ok(()) => {}
            // It has left the poller.
            Err(Error::NotPolled) => return Ok(true),
            Err(error) => return Err(error),
        }
        self.poller.wait_into(&mut self.events, None)?;
        for event in self.events.iter().filter(|event| event.closed) {
            match event.key {
                Side::Frontend | Side::Backend => return Ok(true),
                Side::Control => drop(self.orders.release()),
            }
        }
        Ok(false)
    }

    /// A turn of one direction: a few batches, as far as there are messages and room for them.
    fn forward(&mut self, to_backend: bool) -> Result<Turn, Error> {
        let (way, counts, source, sink) = if to_backend {
            let counts = &self.shared.to_backend;
            let ends = (&self.frontend, &self.backend);
            (&mut self.to_backend, counts, ends.0, ends.1)
        } else {
            let counts = &self.shared.to_frontend;
            let ends = (&self.backend, &self.frontend);
            (&mut self.to_frontend, counts, ends.0, ends.1)
        };
        if !way.exists {
            return Ok(Turn::Waits);
        }
        let mut moved = Turn::Waits;
        for _ in 0..BATCHES {
            match way.send(&sink.socket, counts)? {
                Step::Done => {}
                Step::Closed => return Ok(Turn::Closed),
                Step::Waits => return Ok(moved),
            }
            if self.shared.is_paused() {
                way.waits = Waits::Nothing;
                break;
            }
            match way.receive(&source.socket, &sink.socket, counts)? {
                Step::Done => moved = Turn::Moved,
                Step::Closed => return Ok(Turn::Closed),
                Step::Waits => break,
            }
            if let Some(capture) = &self.capture {
                self.copies.clone_from(&way.held);
                // Whatever the reason is: what the capture does not take is not captured.
                let _ = capture.try_send_many(&mut self.copies);
                counts.uncaptured.add(self.copies.len() as u64);
                self.copies.clear();
            }
        }
        // What was received last goes out before anything else is done.
        match way.send(&sink.socket, counts)? {
            Step::Closed => Ok(Turn::Closed),
            Step::Done | Step::Waits => Ok(moved),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("frontend", &self.frontend.socket)
            .field("backend", &self.backend.socket)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
