//! What a socket's handles share: its engine behind the one lock, and what stands beside it.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, OnceLock, Weak};

use mio::{Events, Poll, Token, Waker};

use super::fast_path::FastPath;
use super::prefetched::Prefetched;
use super::questions::Questions;
use crate::context::Inner;
use crate::engine;
use crate::engine::helpers::Helpers;
#[cfg(feature = "metrics")]
use crate::engine::meter::Measured;
use crate::engine::settings::pattern_settings;
use crate::error::Error;
use crate::link::buffer::Pool;
use crate::monitor::{Event, EventQueue, Monitor};
use crate::notifier::Notifier;
use crate::options::Options;
use crate::pattern::Pattern;
use crate::peer::SocketType;
use crate::reactor::{ConnectionId, Handle, Order, SocketId};
use crate::stats::{PeerStats, Stats};
use crate::sync::atomic::AtomicU32;
use crate::sync::{Mutex, MutexGuard};
use crate::tuning;

pub(super) type Engine = engine::Engine<Driver>;

pub(super) type Guard<'a> = MutexGuard<'a, Engine>;

/// What drives a socket's connections: its own poll. Holding it is the lease.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) poll: Poll,
    pub(crate) events: Events,
}

/// The waker's token in a socket's poll.
pub(super) const WAKER: Token = Token(usize::MAX);

/// Splits a token into the link's key and the connection's generation, as much of it as fits.
const HALF: u32 = usize::BITS / 2;

pub(super) fn token_of(id: ConnectionId) -> Token {
    Token(id.link | (id.generation as usize) << HALF)
}

/// The link's key in a token.
pub(super) fn link_of(token: Token) -> usize {
    token.0 & ((1 << HALF) - 1)
}

/// The parts of a socket's poll that do not move with the lease.
pub(super) struct PollSide {
    pub(super) registry: mio::Registry,
    pub(super) fd: RawFd,
    pub(super) reactor: Handle,
}

/// One socket: what all of its handles and the reactor share.
///
/// `engine` is reached by [`Core::lock`] alone, which closes the fast path first. What stands beside it
/// is either constant, or has a lock of its own that is taken after the engine's.
pub(crate) struct Core {
    pub(super) id: SocketId,
    pub(super) socket_type: SocketType,
    pub(super) context: Arc<Inner>,
    pub(super) me: Weak<Core>,
    pub(super) engine: Mutex<Engine>,
    /// If the pattern prefetches: what is received next.
    pub(super) prefetched: Mutex<Prefetched>,
    /// What readers read into.
    pub(super) buffers: Arc<Pool>,
    /// [`Capabilities::prefetches`](crate::pattern::Capabilities::prefetches), and not `conflates`:
    /// [`prefetched`](Core::prefetched) is used.
    pub(super) prefetches: bool,
    /// Frames of a message that may go round the rules of the pattern: a peer would not take more.
    pub(super) most_frames: usize,
    /// [`Capabilities::raw`](crate::pattern::Capabilities::raw): its peers speak no ZMTP.
    pub(super) raw: bool,
    pub(super) notifier: Notifier,
    /// Where questions to the authenticator go.
    pub(super) questions: Questions,
    /// Sequence count: rises with what inproc peers did, for callers that wait awake.
    pub(super) sequence: AtomicU32,
    /// Made when the first endpoint other than inproc is bound or connected.
    pub(super) poll: OnceLock<PollSide>,
    making_poll: Mutex<()>,
    /// [`Capabilities::streams`](crate::pattern::Capabilities::streams).
    pub(super) streams: bool,
    /// [`Capabilities::sends_subscriptions`](crate::pattern::Capabilities::sends_subscriptions).
    pub(super) sends_subscriptions: bool,
    /// [`Options::conflate`] is on: messages go one by one by the engine, both ways.
    pub(super) conflates: bool,
    /// One of these two: a message that is sent may be more than one that is offered.
    pub(super) looks_first: bool,
    /// [`Capabilities::balances`](crate::pattern::Capabilities::balances), and not `conflates`: there is a
    /// [`fast_path`](super::fast_path).
    pub(super) balances: bool,
    /// Shared with inproc peers, which have handed over what it holds back for them.
    pub(super) fast_path: Arc<FastPath>,
}

impl Core {
    pub(crate) fn new(
        context: &Arc<Inner>,
        socket_type: SocketType,
        many_requests: bool,
        options: Options,
    ) -> Result<Arc<Core>, Error> {
        if let Some(fault) = options.fault().or_else(|| options.fault_for(socket_type)) {
            return Err(Error::Option(fault));
        }
        let id = context.new_id();
        let settings = pattern_settings(&options, super::random::seed() as u32);
        let pattern = if many_requests {
            Pattern::requester(&settings)
        } else {
            Pattern::new(socket_type, &settings).ok_or(Error::NoSuchSocket(socket_type))?
        };
        let can = pattern.can();
        let conflates = options.conflate.is_on();
        let options = Arc::new(options.without_peers());
        let core = Arc::new_cyclic(|me| Core {
            id,
            socket_type,
            context: Arc::clone(context),
            me: Weak::clone(me),
            engine: Mutex::new(Engine::new(pattern, &options, super::random::seed())),
            prefetched: Mutex::new(Prefetched::default()),
            buffers: Pool::new(),
            prefetches: can.prefetches && !conflates,
            raw: can.raw,
            most_frames: if can.single {
                1
            } else {
                tuning::MAX_MESSAGE_FRAMES
            },
            notifier: Notifier::new(),
            questions: Questions::default(),
            sequence: AtomicU32::new(0),
            poll: OnceLock::new(),
            making_poll: Mutex::new(()),
            balances: can.balances && !conflates,
            fast_path: Arc::default(),
            streams: can.streams,
            sends_subscriptions: can.sends_subscriptions,
            conflates,
            looks_first: can.sends_subscriptions || conflates,
        });
        let member: Weak<Core> = Arc::downgrade(&core);
        context.enter(id, member);
        Ok(core)
    }

    // ----- what it has done, and what happens to it -----

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().engine().check_open().is_err()
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut locked = self.lock_for_call();
        let engine = locked.engine();
        let waiting = self.prefetched.lock().len();
        engine.stats(waiting)
    }

    /// What metrics are to be told since they were told last.
    #[cfg(feature = "metrics")]
    pub(crate) fn measure(&self) -> Measured {
        let mut locked = self.lock_for_call();
        let engine = locked.engine();
        self.give_credit_locked(engine);
        let waiting = self.prefetched.lock().len();
        engine.measure(waiting)
    }

    pub(crate) fn peers(&self) -> Vec<PeerStats> {
        let mut locked = self.lock_for_call();
        // What was received of a batch that is used up waits no longer.
        self.give_credit_locked(locked.engine());
        locked.engine().inspect_peers()
    }

    pub(crate) fn monitor(&self) -> Monitor {
        let queue = EventQueue::new();
        self.lock_for_call().engine().add_monitor(&queue);
        Monitor::new(queue)
    }

    /// The same, with how things stand when its events begin.
    pub(crate) fn monitor_with_snapshot(&self) -> (Vec<Event>, Monitor) {
        let queue = EventQueue::new();
        let mut locked = self.lock_for_call();
        let engine = locked.engine();
        let snapshot = engine.snapshot();
        engine.add_monitor(&queue);
        (snapshot, Monitor::new(queue))
    }

    /// The same socket, which this does not keep.
    pub(crate) fn downgrade(&self) -> Weak<Core> {
        Weak::clone(&self.me)
    }

    // ----- the poll -----

    /// The socket's poll, made now if need be.
    pub(super) fn poll_side(&self) -> Result<&PollSide, Error> {
        let _one = self.making_poll.lock();
        if let Some(poll) = self.poll.get() {
            return Ok(poll);
        }
        let reactor = self.context.reactor(self.id).map_err(Error::System)?;
        let helpers = self.context.helpers(self.id);
        let poll = Poll::new().map_err(Error::System)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(Error::System)?;
        let registry = poll.registry().try_clone().map_err(Error::System)?;
        let fd = poll.as_raw_fd();
        let Some(me) = self.me.upgrade() else {
            return Err(Error::Closed);
        };
        if !reactor.send(Order::Add(self.id, me)) {
            return Err(Error::ReactorDied);
        }
        if let Err(error) = reactor.register(self.id, fd) {
            reactor.send(Order::Remove(self.id));
            return Err(Error::System(error));
        }
        self.notifier.set_waker(waker);
        let side = self.poll.get_or_init(|| PollSide {
            registry,
            fd,
            reactor,
        });
        let events = Events::with_capacity(tuning::EVENTS);
        let driver = Driver { poll, events };
        let mut locked = self.lock();
        locked.engine().install(driver, Helpers::new(helpers));
        Ok(side)
    }

    /// The poll, if the socket has one.
    pub(super) fn poll_if_any(&self) -> Option<&PollSide> {
        self.poll.get()
    }

    /// The lease has come back to the reactor: it shall be told of events again.
    pub(super) fn hand_to_reactor(&self) {
        if let Some(poll) = self.poll.get() {
            // Without memory for it, the lease's next caller sees to the connections.
            let _ = poll.reactor.register(self.id, poll.fd);
        }
    }
}
