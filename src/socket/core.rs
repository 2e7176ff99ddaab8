//! A socket's engine: sending, receiving and waiting, for one lock and whoever is inside a call.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use super::shortcut::{Shortcut, Taken};
use super::state::{Driver, Errand, Life, Offer, State};
use crate::context::Inner;
use crate::error::{Error, RecvError, SendError, SendErrorKind};
use crate::lease::{Entry, Ring};
use crate::message::Message;
use crate::monitor::{EventQueue, Monitor};
use crate::options::Options;
use crate::pattern::{Forward, Pattern, PatternSettings, MAX_TOPIC};
use crate::peer::SocketType;
use crate::reactor::{Command, Driven, Handle, Place, SocketId};
use crate::signal::Bell;
use crate::stats::Stats;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::transport::TransportOptions;
use crate::tuning;

pub(super) type Guard<'a> = MutexGuard<'a, State>;

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Never,
    Until(Instant),
    Forever,
}

impl Wait {
    /// For at most this long; a time too far away to name is for ever.
    pub(crate) fn at_most(timeout: Duration) -> Wait {
        Instant::now()
            .checked_add(timeout)
            .map_or(Wait::Forever, Wait::Until)
    }
}

/// The time to wait is over, or there was none.
pub(super) struct OutOfTime;

/// Passes that one turn of driving makes before it lets its caller look at what they brought.
const PASSES: usize = 16;

/// The waker's token in a socket's poll.
const WAKER: Token = Token(usize::MAX);

/// Splits a token into the link's key and the connection's serial.
const HALF: u32 = usize::BITS / 2;

pub(super) fn token_of(place: Place) -> Token {
    Token(place.link | (place.serial as usize) << HALF)
}

/// A connection's serial as far as a token holds it.
fn place_of(token: Token) -> (usize, u32) {
    (token.0 & ((1 << HALF) - 1), (token.0 >> HALF) as u32)
}

/// The parts of a socket's poll that do not move with the lease.
pub(super) struct PollSide {
    pub(super) registry: mio::Registry,
    fd: RawFd,
    pub(super) reactor: Handle,
}

/// See the module's text.
pub(crate) struct Core {
    pub(super) id: SocketId,
    pub(super) socket_type: SocketType,
    pub(super) options: Options,
    pub(super) transport: Arc<TransportOptions>,
    pub(super) context: Arc<Inner>,
    pub(super) me: Weak<Core>,
    state: Mutex<State>,
    /// PULL, SUB: messages that were taken out of the state together and are received next, so that
    /// most receives take a lock that nobody else wants and nothing more.
    pub(super) front: Mutex<VecDeque<Message>>,
    one_way: bool,
    pub(super) bell: Bell,
    /// Counts what inproc peers did.
    pokes: AtomicU32,
    /// Made when the first endpoint other than inproc is bound or connected.
    poll: OnceLock<PollSide>,
    making_poll: Mutex<()>,
    /// Whether sends come in streams, so that batching them pays: not for REQ and REP, which take
    /// turns with their peer.
    streams: bool,
    /// PUSH: see [`shortcut`](super::shortcut).
    pub(super) balances: bool,
    pub(super) shortcut: Shortcut,
}

impl Core {
    pub(crate) fn new(
        context: &Arc<Inner>,
        socket_type: SocketType,
        options: Options,
    ) -> Result<Arc<Core>, Error> {
        if let Some(fault) = options.fault() {
            return Err(Error::Option(fault));
        }
        let id = context.new_id();
        let settings = PatternSettings {
            no_drop: options.no_drop,
            relaxed: options.relaxed,
            correlate: options.correlate,
            seed: super::random::seed() as u32,
        };
        let pattern =
            Pattern::new(socket_type, &settings).ok_or(Error::NoSuchSocket(socket_type))?;
        let one_way = pattern.is_one_way();
        let core = Arc::new_cyclic(|me| Core {
            id,
            socket_type,
            transport: Arc::new(TransportOptions::from(&options)),
            context: Arc::clone(context),
            me: Weak::clone(me),
            state: Mutex::new(State::new(id, pattern, options.heartbeat_interval)),
            front: Mutex::new(VecDeque::new()),
            one_way,
            bell: Bell::new(),
            pokes: AtomicU32::new(0),
            poll: OnceLock::new(),
            making_poll: Mutex::new(()),
            balances: socket_type == SocketType::Push,
            shortcut: Shortcut::default(),
            streams: matches!(socket_type, SocketType::Push | SocketType::Pub),
            options,
        });
        let member: Weak<Core> = Arc::downgrade(&core);
        context.enter(id, member);
        Ok(core)
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        let state = self.state.lock();
        if state.shortcut.is_some() {
            return self.close_shortcut(state);
        }
        state
    }

    /// Lets go of the lock and does what was left to be done outside it.
    #[inline]
    pub(super) fn unlock(&self, state: Guard<'_>) {
        if !state.errands.is_empty() || state.ring != Ring::default() {
            self.unlock_and_run_errands(state);
        }
    }

    #[cold]
    fn unlock_and_run_errands(&self, mut state: Guard<'_>) {
        let errands = std::mem::take(&mut state.errands);
        let ring = std::mem::take(&mut state.ring);
        drop(state);
        self.bell.ring(ring);
        for errand in errands {
            self.run_errand(errand);
        }
    }

    #[cold]
    fn run_errand(&self, errand: Errand) {
        match errand {
            Errand::Reactor(command) => {
                if let Some(poll) = self.poll.get() {
                    poll.reactor.send(command);
                }
            }
            Errand::Announce(door) => door.readable(),
            Errand::GiveRoom(door) => door.room(),
            Errand::Hang(door) => door.closed(),
            Errand::Subscribe(door, topic, subscribe) => door.subscribe(&topic, subscribe),
            Errand::Close(wire) => drop(wire),
            // It fails only when the connection has gone already.
            Errand::Shutdown(stream) => drop(stream.shutdown_write()),
            Errand::Leave => self.context.leave(self.id),
            #[cfg(feature = "log")]
            Errand::Log(event) => log::debug!(target: "sinew", "{} {event}", self.socket_type),
        }
    }

    // ----- sending -----

    /// Sends, waiting for room as long as allowed.
    #[inline]
    pub(crate) fn send(&self, mut message: Message, wait: Wait) -> Result<(), SendError> {
        if self.balances {
            match self.shortcut.offer(&mut message) {
                Taken::Yes => return Ok(()),
                Taken::Announce(door) => {
                    door.readable();
                    return Ok(());
                }
                Taken::Last => {
                    self.write_out(self.lock());
                    return Ok(());
                }
                Taken::No => {}
            }
        }
        self.send_by_the_book(message, wait)
    }

    fn send_by_the_book(&self, mut message: Message, wait: Wait) -> Result<(), SendError> {
        let mut state = self.lock();
        match state.offer(&mut message) {
            Ok(Offer::Taken) => {
                self.write_out(state);
                Ok(())
            }
            Ok(Offer::Full) => self.send_when_there_is_room(state, message, wait),
            Err(kind) => {
                self.unlock(state);
                Err(SendError::new(kind, message))
            }
        }
    }

    #[cold]
    fn send_when_there_is_room<'a>(
        &'a self,
        mut state: Guard<'a>,
        mut message: Message,
        wait: Wait,
    ) -> Result<(), SendError> {
        let mut tried = false;
        loop {
            state = match self.make_room(state, wait, &mut tried) {
                Ok(state) => state,
                Err(kind) => return Err(SendError::new(kind, message)),
            };
            match state.offer(&mut message) {
                Ok(Offer::Taken) => {
                    self.write_out(state);
                    return Ok(());
                }
                Ok(Offer::Full) => {}
                Err(kind) => {
                    self.unlock(state);
                    return Err(SendError::new(kind, message));
                }
            }
        }
    }

    /// Nobody has room: writes what is queued, or else waits for a change.
    fn make_room<'a>(
        &'a self,
        mut state: Guard<'a>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<Guard<'a>, SendErrorKind> {
        if !state.dirty.is_empty() {
            state = self.flush_dirty(state);
            if state.pattern.has_room() {
                return Ok(state);
            }
        }
        self.wait(state, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => SendErrorKind::WouldBlock,
                _ => SendErrorKind::TimedOut,
            })
    }

    /// Sends from the front of `messages` under one lock as long as there is room; what was
    /// accepted is removed.
    pub(crate) fn send_many(
        &self,
        messages: &mut Vec<Message>,
        wait: Wait,
    ) -> Result<usize, (SendErrorKind, usize)> {
        let mut sent = 0;
        let mut state = self.lock();
        let mut tried = false;
        let outcome = loop {
            let Some(message) = messages.get_mut(sent) else {
                self.write_out(state);
                break Ok(sent);
            };
            match state.offer(message) {
                Ok(Offer::Taken) => {
                    sent += 1;
                    tried = false;
                    if !state.batches.is_empty() {
                        state = self.flush_batches(state);
                    }
                }
                Ok(Offer::Full) => match self.make_room(state, wait, &mut tried) {
                    Ok(again) => state = again,
                    Err(kind) => break Err((kind, sent)),
                },
                Err(kind) => {
                    self.write_out(state);
                    break Err((kind, sent));
                }
            }
        };
        messages.drain(..sent);
        outcome
    }

    /// After messages were queued: writes them now, or leaves them for the batch that they belong
    /// to.
    #[inline]
    fn write_out<'a>(&'a self, mut state: Guard<'a>) {
        if !state.dirty.is_empty() {
            if state.heat.is_hot() {
                if !state.batches.is_empty() {
                    state = self.flush_batches(state);
                }
            } else {
                state = self.write_cold(state);
            }
        }
        self.open_shortcut(&mut state);
        self.unlock(state);
    }

    fn write_cold<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        if !self.streams {
            return self.flush_dirty(state);
        }
        if state.heat.before_write(Instant::now()) {
            state.errands.push(Errand::Reactor(Command::Sweep(self.id)));
            return state;
        }
        state = self.flush_dirty(state);
        state.heat.after_write(Instant::now());
        state
    }

    // ----- receiving -----

    /// Receives, waiting for a message as long as allowed.
    #[inline]
    pub(crate) fn recv(&self, wait: Wait) -> Result<Message, RecvError> {
        if self.one_way {
            if let Some(message) = self.front.lock().pop_front() {
                return Ok(message);
            }
        }
        self.recv_behind(wait)
    }

    /// Nothing is in front: looks behind the big lock.
    fn recv_behind(&self, wait: Wait) -> Result<Message, RecvError> {
        let mut state = self.lock();
        let mut tried = false;
        loop {
            match self.take_message(&mut state) {
                Ok(Some(message)) => {
                    self.unlock(state);
                    return Ok(message);
                }
                Ok(None) => state = self.wait_for_message(state, wait, &mut tried)?,
                Err(error) => {
                    self.unlock(state);
                    return Err(error);
                }
            }
        }
    }

    fn take_message(&self, state: &mut State) -> Result<Option<Message>, RecvError> {
        if !self.one_way {
            return state.take_message();
        }
        if state.life != Life::Open {
            return Err(RecvError::Closed);
        }
        // Lock order: the front comes after the state, and is never held while the state is taken.
        let mut front = self.front.lock();
        if front.is_empty() {
            state.take_batch(&mut front);
            if front.len() > 1 {
                // Who waits behind the big lock shall look in front.
                state.wake_waiters();
            }
        }
        Ok(front.pop_front())
    }

    /// Receives at least one message, and up to `most` that are there, into `messages`.
    pub(crate) fn recv_many(
        &self,
        messages: &mut Vec<Message>,
        most: usize,
        wait: Wait,
    ) -> Result<usize, RecvError> {
        if most == 0 {
            return Ok(0);
        }
        let before = messages.len();
        let more = |messages: &Vec<Message>| most - (messages.len() - before);
        self.take_front(messages, most);
        let mut state = self.lock();
        let mut tried = messages.len() > before;
        while more(messages) > 0 {
            match self.take_message(&mut state) {
                Ok(Some(message)) => {
                    messages.push(message);
                    self.take_front(messages, more(messages));
                }
                // What came before the error goes out first; the next call repeats it.
                Ok(None) | Err(_) if messages.len() > before => break,
                Ok(None) => state = self.wait_for_message(state, wait, &mut tried)?,
                Err(error) => {
                    self.unlock(state);
                    return Err(error);
                }
            }
        }
        self.unlock(state);
        Ok(messages.len() - before)
    }

    /// Takes what is in front, at most `most`.
    fn take_front(&self, messages: &mut Vec<Message>, most: usize) {
        if self.one_way {
            let mut front = self.front.lock();
            let most = most.min(front.len());
            messages.extend(front.drain(..most));
        }
    }

    fn wait_for_message<'a>(
        &'a self,
        state: Guard<'a>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<Guard<'a>, RecvError> {
        self.wait(state, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => RecvError::WouldBlock,
                _ => RecvError::TimedOut,
            })
    }

    // ----- subscriptions and the like -----

    pub(crate) fn subscribe(&self, topic: &[u8]) -> Result<(), Error> {
        self.change_subscription(topic, true)
    }

    pub(crate) fn unsubscribe(&self, topic: &[u8]) -> Result<(), Error> {
        self.change_subscription(topic, false)
    }

    fn change_subscription(&self, topic: &[u8], subscribe: bool) -> Result<(), Error> {
        if topic.len() > MAX_TOPIC {
            return Err(Error::Option(format!(
                "the topic has {} bytes; topics have at most {MAX_TOPIC}",
                topic.len()
            )));
        }
        let mut state = self.lock();
        if state.life != Life::Open {
            return Err(Error::Closed);
        }
        let change = if subscribe {
            state.pattern.subscribe(topic)
        } else {
            state.pattern.unsubscribe(topic)
        };
        let Ok(forward) = change else {
            let verb = if subscribe {
                "subscribe"
            } else {
                "unsubscribe"
            };
            return Err(Error::Unsupported {
                verb,
                socket_type: self.socket_type,
            });
        };
        if forward == Forward::Upstream {
            state.forward_subscription(topic, subscribe);
            state = self.flush_dirty(state);
        }
        self.unlock(state);
        Ok(())
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.lock().stats;
        stats.received = stats
            .received
            .saturating_sub(self.front.lock().len() as u64);
        stats
    }

    pub(crate) fn monitor(&self) -> Monitor {
        let queue = EventQueue::new();
        let mut state = self.lock();
        if state.life == Life::Closed {
            queue.end();
        } else {
            state.monitors.push(Arc::clone(&queue));
        }
        Monitor::new(queue)
    }

    // ----- waiting -----

    /// Waits for a change, driving the socket's connections meanwhile if nobody else does.
    ///
    /// Comes back after any change; the caller looks whether it is the one it wants. `tried` says
    /// that a caller without time has had its one look at the connections.
    pub(super) fn wait<'a>(
        &'a self,
        state: Guard<'a>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<Guard<'a>, OutOfTime> {
        let timeout = match wait {
            Wait::Forever => None,
            Wait::Never => Some(Duration::ZERO),
            Wait::Until(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
        };
        if *tried && timeout == Some(Duration::ZERO) {
            self.unlock(state);
            return Err(OutOfTime);
        }
        *tried = true;
        Ok(self.drive(state, timeout))
    }

    /// Takes the lease and drives, or waits for whoever has it.
    fn drive<'a>(&'a self, mut state: Guard<'a>, timeout: Option<Duration>) -> Guard<'a> {
        let Some((mut driver, entry)) = state.lease.enter() else {
            return self.follow(state, timeout);
        };
        if state.ready.is_empty() {
            state = self.poll(state, &mut driver, entry, timeout);
        } else if entry == Entry::TakenOver || state.links.len() > 1 {
            // A peer that always has more must not keep the others from being seen.
            state = self.poll(state, &mut driver, entry, Some(Duration::ZERO));
        }
        state = self.serve(state, PASSES);
        let parting = state.lease.leave(driver);
        if parting.tell_reactor {
            state.errands.push(Errand::Reactor(Command::Watch(self.id)));
        }
        if parting.wake_follower {
            self.bell.part(parting);
        }
        state
    }

    /// The lease was the reactor's: it shall no longer be woken for this socket, but look after the
    /// lease.
    fn take_over<'a>(&'a self, state: Guard<'a>) -> Guard<'a> {
        self.unlock(state);
        if let Some(poll) = self.poll.get() {
            poll.reactor.deregister(poll.fd);
            poll.reactor.send(Command::Watch(self.id));
        }
        self.lock()
    }

    /// Sleeps in the socket's poll, or spins first if asked to, and notes what happened.
    fn poll<'a>(
        &'a self,
        mut state: Guard<'a>,
        driver: &mut Driver,
        entry: Entry,
        timeout: Option<Duration>,
    ) -> Guard<'a> {
        state.lease.set_sleeping(true);
        if entry == Entry::TakenOver {
            state = self.take_over(state);
        }
        self.unlock(state);
        self.poll_driver(driver, timeout);
        let mut state = self.lock();
        state.lease.set_sleeping(false);
        note_events(&mut state, &driver.events);
        state
    }

    fn poll_driver(&self, driver: &mut Driver, timeout: Option<Duration>) {
        let spin = self.options.busy_poll;
        if !spin.is_zero() && timeout != Some(Duration::ZERO) {
            let start = Instant::now();
            let spin = timeout.map_or(spin, |timeout| spin.min(timeout));
            while start.elapsed() < spin {
                // An interrupted or failed look is like one that found nothing.
                let _ = driver.poll.poll(&mut driver.events, Some(Duration::ZERO));
                if !driver.events.is_empty() {
                    return;
                }
                // On a machine with more to do than processors, whoever would answer may be waiting
                // for this one.
                std::thread::yield_now();
            }
        }
        if driver.poll.poll(&mut driver.events, timeout).is_err() {
            // Interrupted by a signal: the caller looks at the clock and comes back.
            driver.events.clear();
        }
    }

    /// Somebody else drives, or there is nothing to drive: waits for the bell.
    fn follow<'a>(&'a self, mut state: Guard<'a>, timeout: Option<Duration>) -> Guard<'a> {
        if !state.errands.is_empty() || state.ring != Ring::default() {
            self.unlock(state);
            // What was done meanwhile may be what is waited for.
            return self.lock();
        }
        if timeout == Some(Duration::ZERO) {
            return state;
        }
        if state.pipes > 0 && state.glance.pays() {
            let seen = self.pokes.load(Ordering::Acquire);
            let changes = state.changes;
            drop(state);
            let paid = self.look_for_pokes(seen);
            state = self.lock();
            state.glance.learn(paid);
            // Nobody rang for this caller while it looked around: it was no follower yet.
            if self.pokes.load(Ordering::Acquire) != seen || state.changes != changes {
                return state;
            }
        }
        state.lease.follow(true);
        let mut state = self.bell.wait(state, timeout);
        state.lease.follow(false);
        self.close_shortcut(state)
    }

    /// Waits a moment, awake, for an inproc peer to do something.
    fn look_for_pokes(&self, seen: u32) -> bool {
        for look in 1..=tuning::LOOKS {
            for _ in 0..tuning::PAUSES {
                std::hint::spin_loop();
            }
            if self.pokes.load(Ordering::Acquire) != seen {
                return true;
            }
            if look % 8 == 0 {
                // The peer may be waiting for this processor.
                std::thread::yield_now();
            }
        }
        false
    }

    /// An inproc peer has done something; those who wait awake see it here. To be called with the
    /// state locked, so that who finds nothing there and then looks here misses nothing.
    pub(super) fn poke(&self) {
        self.pokes.fetch_add(1, Ordering::Release);
    }

    // ----- the poll -----

    /// The socket's poll, made now if need be.
    pub(super) fn poll_side(&self) -> Result<&PollSide, Error> {
        let _one = self.making_poll.lock();
        if let Some(poll) = self.poll.get() {
            return Ok(poll);
        }
        let reactor = self.context.reactor(self.id).map_err(Error::System)?;
        let poll = Poll::new().map_err(Error::System)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(Error::System)?;
        let registry = poll.registry().try_clone().map_err(Error::System)?;
        let fd = poll.as_raw_fd();
        let Some(me) = self.me.upgrade() else {
            return Err(Error::Closed);
        };
        reactor.send(Command::Add(self.id, Driven(me)));
        if let Err(error) = reactor.register(self.id, fd) {
            reactor.send(Command::Remove(self.id));
            return Err(Error::System(error));
        }
        self.bell.set_waker(waker);
        let side = self.poll.get_or_init(|| PollSide {
            registry,
            fd,
            reactor,
        });
        let events = Events::with_capacity(tuning::EVENTS);
        let mut state = self.lock();
        state.lease.install(Driver { poll, events });
        // Those who wait on the condition variable may drive from now on.
        state.wake_waiters();
        if state.life == Life::Closed {
            // Closed meanwhile, when there was no reactor yet that could be told.
            state
                .errands
                .push(Errand::Reactor(Command::Remove(self.id)));
        }
        self.unlock(state);
        Ok(side)
    }

    /// The poll, if the socket has one.
    pub(super) fn poll_if_any(&self) -> Option<&PollSide> {
        self.poll.get()
    }

    /// The reactor drives: all that is ready, in turns of `PASSES`.
    pub(super) fn drive_for_reactor<'a>(
        &'a self,
        mut state: Guard<'a>,
        mut driver: Driver,
    ) -> Guard<'a> {
        self.unlock(state);
        if driver
            .poll
            .poll(&mut driver.events, Some(Duration::ZERO))
            .is_err()
        {
            driver.events.clear();
        }
        state = self.lock();
        note_events(&mut state, &driver.events);
        state = self.serve(state, PASSES);
        if !state.ready.is_empty() || !driver.events.is_empty() {
            // More to do, or more to see: other sockets first.
            state.errands.push(Errand::Reactor(Command::Ready(self.id)));
        }
        let parting = state.lease.leave_reactor(driver);
        self.bell.part(parting);
        state
    }

    /// The lease has come back to the reactor: it shall be told of events again.
    pub(super) fn hand_to_reactor(&self) {
        if let Some(poll) = self.poll.get() {
            // Without memory for it, the lease's next caller sees to the connections.
            let _ = poll.reactor.register(self.id, poll.fd);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().life == Life::Open
    }
}

/// Books what the poll said: which links can be read or written.
fn note_events(state: &mut State, events: &Events) {
    for event in events {
        if event.token() == WAKER {
            continue;
        }
        let (key, serial) = place_of(event.token());
        let Some(link) = state.links.get_mut(key) else {
            continue;
        };
        // A token holds as much of the serial as fits.
        if place_of(token_of(Place {
            link: key,
            serial: link.serial,
        }))
        .1 != serial
        {
            continue;
        }
        let Some(wire) = &mut link.wire else { continue };
        let ended = event.is_read_closed() || event.is_error();
        if event.is_readable() || ended {
            wire.readable = true;
            wire.hung_up |= ended;
            if !link.paused {
                state.enqueue(key);
            }
        }
        if event.is_writable() {
            state.unblock(key);
        }
    }
}
