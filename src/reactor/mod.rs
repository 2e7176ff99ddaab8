//! The background driver: a thread that does for sockets what no caller is there to do.
//!
//! It accepts and connects, keeps all deadlines, drives the connections of sockets whose
//! application is away, and writes the tails of bursts. It knows a socket only as `dyn` [`Drive`].
//!
//! ```text
//!            ┌──────────────────────── one turn ────────────────────────┐
//!   poll ──► events: listeners, connects, sockets' polls ──► commands ──► timers
//!    ▲                                                                     │
//!    └──── sleep: next deadline │ next look at leases │ next sweep ◄───────┘
//! ```

mod accept;
mod connect;
pub(crate) mod timers;

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use slab::Slab;

use self::accept::Accepting;
use self::connect::Connecting;
use self::timers::Timers;
use crate::endpoint::Endpoint;
use crate::sync::Mutex;
use crate::transport::{Listener, Stream, Target, TransportOptions};
use crate::tuning;

/// Names a socket towards its reactor; never used twice.
pub(crate) type SocketId = usize;

/// A connection of a socket: the link's key, and which of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) link: usize,
    pub(crate) serial: u32,
}

/// What a socket wants to be told later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The handshake has taken too long.
    Handshake(Place),
    /// Time for a PING.
    Heartbeat(Place),
    /// Was anything heard since the PING, when the link's count stood at `heard`?
    Alive { place: Place, heard: u32 },
    /// Was anything heard within the time that the peer itself asked for?
    PeerTtl { place: Place, heard: u32 },
    /// Give back buffers that grew.
    Slim,
    /// The time to linger is over.
    Linger,
    /// A disconnected link has had its time to deliver what it had queued.
    Leave { link: usize, epoch: u32 },
    /// The peer has had its time to read what is left.
    Farewell(Place),
}

/// What the reactor does next about a lease that it watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Look again.
    Again,
    /// Look no more.
    Stop,
}

/// A socket, as the reactor sees it.
pub(crate) trait Drive: Send + Sync {
    /// The socket's poll has events and nobody drives.
    fn on_ready(&self);
    /// A look at the lease.
    fn on_watch(&self) -> Watch;
    /// Write what hot links have queued. False: none is hot any more.
    fn on_sweep(&self) -> bool;
    /// Another reactor's socket has asked this one, whose handle it gets back, for help.
    fn on_help(&self, helper: Handle);
    /// A timer is due.
    fn on_timer(&self, timer: Timer);
    /// A listener has a new connection.
    fn on_accepted(&self, endpoint: &Arc<Endpoint>, stream: Stream);
    /// A listener could not accept; it goes on after a pause.
    fn on_accept_failed(&self, endpoint: &Arc<Endpoint>, error: io::Error);
    /// A connection was made, or could not be.
    fn on_connected(&self, place: Place, outcome: io::Result<Stream>);
}

/// What a reactor can be asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Add(SocketId, Driven),
    Remove(SocketId),
    /// Drive a socket whose lease is the reactor's: there is something to read that no event tells.
    Ready(SocketId),
    Watch(SocketId),
    Sweep(SocketId),
    /// Help another reactor's socket.
    Help(Weak<dyn Drive>),
    Timer(SocketId, Instant, Timer),
    Listen {
        socket: SocketId,
        endpoint: Arc<Endpoint>,
        listener: Arc<Listener>,
    },
    /// Drops the listener and says so.
    Unlisten {
        listener: Arc<Listener>,
        done: Sender<()>,
    },
    Connect {
        socket: SocketId,
        place: Place,
        request: Request,
        at: Instant,
    },
    Resolved {
        key: usize,
        number: u64,
        targets: io::Result<Vec<Target>>,
    },
    Stop,
}

/// A socket as a reactor holds it.
pub(crate) struct Driven(pub(crate) Arc<dyn Drive>);

impl std::fmt::Debug for Driven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Driven")
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
pub(crate) struct Handle(Arc<Shared>);

struct Shared {
    inbox: Mutex<Inbox>,
    waker: Waker,
    registry: mio::Registry,
}

/// What the reactor has been asked to do and has not looked at yet.
struct Inbox {
    commands: Vec<Command>,
    /// The reactor sleeps, or is about to without having seen what comes now. Awake, it looks here
    /// before it sleeps, so that nobody, least of all itself, need wake it.
    asleep: bool,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reactor::Handle")
    }
}

impl Handle {
    /// Has the reactor do something, soon.
    pub(crate) fn send(&self, command: Command) {
        let mut inbox = self.0.inbox.lock();
        inbox.commands.push(command);
        // Whoever comes next finds it woken.
        let asleep = std::mem::take(&mut inbox.asleep);
        drop(inbox);
        if asleep {
            // The only failure is a full counter, which means that it is awake.
            let _ = self.0.waker.wake();
        }
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

const WAKER: Token = Token(usize::MAX);

/// Even tokens are sockets, odd ones the reactor's own listeners and connects.
fn socket_token(id: SocketId) -> Token {
    Token(id << 1)
}

fn slot_token(key: usize) -> Token {
    Token(key << 1 | 1)
}

/// What the reactor itself waits for.
enum Slot {
    Accepting(Accepting),
    Connecting(Connecting),
}

/// What a timer of the reactor means.
enum Due {
    Socket(SocketId, Timer),
    Connect(SocketId, Place, Request),
    ConnectTimeout { key: usize, number: u64 },
    AcceptAgain { key: usize, number: u64 },
}

struct Reactor {
    poll: Poll,
    shared: Arc<Shared>,
    /// The list that is not in the inbox: the two change places.
    commands: Vec<Command>,
    sockets: HashMap<SocketId, Arc<dyn Drive>>,
    slots: Slab<Slot>,
    /// Tells a slot from earlier ones under the same key.
    number: u64,
    timers: Timers<Due>,
    /// Sockets whose lease is a caller's, and when to look at them again.
    watched: Vec<SocketId>,
    next_watch: Instant,
    /// Sockets with hot links.
    hot: Vec<SocketId>,
    stopping: bool,
}

/// Starts a reactor on a thread of its own.
///
/// # Errors
/// When the system is out of descriptors or threads.
pub(crate) fn start(number: usize) -> io::Result<(Handle, JoinHandle<()>)> {
    let poll = Poll::new()?;
    let shared = Arc::new(Shared {
        inbox: Mutex::new(Inbox {
            commands: Vec::new(),
            asleep: false,
        }),
        waker: Waker::new(poll.registry(), WAKER)?,
        registry: poll.registry().try_clone()?,
    });
    let reactor = Reactor {
        poll,
        shared: Arc::clone(&shared),
        commands: Vec::new(),
        sockets: HashMap::new(),
        slots: Slab::new(),
        number: 0,
        timers: Timers::new(),
        watched: Vec::new(),
        next_watch: Instant::now(),
        hot: Vec::new(),
        stopping: false,
    };
    let thread = thread::Builder::new()
        .name(format!("sinew/{number}"))
        .spawn(move || reactor.run())?;
    Ok((Handle(shared), thread))
}

impl Reactor {
    fn run(mut self) {
        let mut events = Events::with_capacity(tuning::EVENTS);
        while !self.stopping {
            let timeout = self.fall_asleep();
            let polled = self.poll.poll(&mut events, timeout);
            self.shared.inbox.lock().asleep = false;
            match polled {
                Ok(()) => events.iter().for_each(|event| self.dispatch(event.token())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The poll itself is broken (no known system does this while the descriptor is
                // open): go on with timers instead of spinning.
                Err(_) => thread::sleep(tuning::LEASE),
            }
            self.run_commands();
            self.expire();
            self.watch();
            self.sweep();
        }
    }

    /// How long the poll may sleep: not at all if there is something to do by now.
    fn fall_asleep(&self) -> Option<Duration> {
        let timeout = self.timeout();
        let mut inbox = self.shared.inbox.lock();
        if !inbox.commands.is_empty() {
            return Some(Duration::ZERO);
        }
        inbox.asleep = timeout != Some(Duration::ZERO);
        timeout
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.hot.is_empty() {
            return Some(Duration::ZERO);
        }
        let watch = (!self.watched.is_empty()).then_some(self.next_watch);
        let next = [watch, self.timers.next()].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn dispatch(&mut self, token: Token) {
        if token == WAKER {
            return;
        }
        let key = token.0 >> 1;
        if token.0 & 1 == 0 {
            if let Some(socket) = self.sockets.get(&key) {
                socket.on_ready();
            }
            return;
        }
        match self.slots.get(key) {
            Some(Slot::Accepting(_)) => self.accept(key),
            Some(Slot::Connecting(_)) => self.connect_ready(key),
            None => {}
        }
    }

    fn run_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        std::mem::swap(&mut commands, &mut self.shared.inbox.lock().commands);
        for command in commands.drain(..) {
            self.run_command(command);
        }
        self.commands = commands;
    }

    fn run_command(&mut self, command: Command) {
        match command {
            Command::Add(id, Driven(socket)) => {
                self.sockets.insert(id, socket);
            }
            Command::Remove(id) => self.remove(id),
            Command::Ready(id) => {
                if let Some(socket) = self.sockets.get(&id) {
                    socket.on_ready();
                }
            }
            Command::Watch(id) => {
                if self.watched.is_empty() {
                    self.next_watch = Instant::now() + tuning::LEASE;
                }
                if !self.watched.contains(&id) {
                    self.watched.push(id);
                }
            }
            Command::Sweep(id) => {
                if !self.hot.contains(&id) {
                    self.hot.push(id);
                }
            }
            Command::Help(socket) => {
                if let Some(socket) = socket.upgrade() {
                    socket.on_help(Handle(Arc::clone(&self.shared)));
                }
            }
            Command::Timer(id, at, timer) => self.timers.set(at, Due::Socket(id, timer)),
            Command::Listen {
                socket,
                endpoint,
                listener,
            } => {
                self.listen(socket, endpoint, listener);
            }
            Command::Unlisten { listener, done } => {
                self.unlisten(&listener);
                drop(listener);
                // The asker may have given up.
                let _ = done.send(());
            }
            Command::Connect {
                socket,
                place,
                request,
                at,
            } => {
                self.timers.set(at, Due::Connect(socket, place, request));
            }
            Command::Resolved {
                key,
                number,
                targets,
            } => self.resolved(key, number, targets),
            Command::Stop => self.stopping = true,
        }
    }

    /// Forgets a socket and all that is done for it.
    fn remove(&mut self, id: SocketId) {
        self.sockets.remove(&id);
        self.watched.retain(|watched| *watched != id);
        self.hot.retain(|hot| *hot != id);
        self.slots.retain(|_, slot| match slot {
            Slot::Accepting(accepting) => accepting.socket() != id,
            Slot::Connecting(connecting) => connecting.socket() != id,
        });
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while let Some(due) = self.timers.expire(now) {
            match due {
                Due::Socket(id, timer) => {
                    if let Some(socket) = self.sockets.get(&id) {
                        socket.on_timer(timer);
                    }
                }
                Due::Connect(id, place, request) => self.connect(id, place, request),
                Due::ConnectTimeout { key, number } => self.connect_timeout(key, number),
                Due::AcceptAgain { key, number } => self.accept_again(key, number),
            }
        }
    }

    /// Looks after the leases that callers hold.
    fn watch(&mut self) {
        if self.watched.is_empty() || Instant::now() < self.next_watch {
            return;
        }
        let sockets = &self.sockets;
        self.watched.retain(|id| {
            sockets
                .get(id)
                .is_some_and(|socket| socket.on_watch() == Watch::Again)
        });
        self.next_watch = Instant::now() + tuning::LEASE;
    }

    /// Writes what hot links have queued, then rests until the next sweep.
    fn sweep(&mut self) {
        if self.hot.is_empty() {
            return;
        }
        let sockets = &self.sockets;
        self.hot
            .retain(|id| sockets.get(id).is_some_and(|socket| socket.on_sweep()));
        if !self.hot.is_empty() {
            // Shorter than any timeout of a poll, which counts in milliseconds.
            thread::sleep(tuning::SWEEP);
        }
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}
