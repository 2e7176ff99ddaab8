//! The reactor: a background thread that does for sockets what no caller is there to do.
//!
//! It accepts and connects, keeps all deadlines, drives the connections of sockets whose
//! application is away, and writes the tails of bursts. It knows a socket only as `dyn` [`Handler`].
//!
//! ```text
//!            ┌──────────────────────── one turn ────────────────────────┐
//!   poll ──► events: listeners, connects, sockets' polls ──► orders ──► timers
//!    ▲                                                                     │
//!    └──── sleep: next deadline │ next look at leases │ next sweep ◄───────┘
//! ```

mod accept;
mod connect;
mod due;
mod leases;
mod order;
mod resolver;
#[cfg(all(test, not(loom)))]
pub(crate) mod stepped;
pub(crate) mod timers;

use std::collections::HashMap;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};
use slab::Slab;

use self::accept::Accepting;
use self::connect::Connecting;
use self::due::Due;
use self::leases::Leases;
use self::order::{slot_token, Inbox, Shared, WAKER};
pub(crate) use self::order::{
    ConnectionId, Handle, Handler, Order, Request, SocketId, Timer, Watch,
};
pub(crate) use self::resolver::Resolver;
use self::timers::{Timers, LONGEST_POLL};
use crate::clock;
use crate::sync::Mutex;
use crate::tuning;

/// What the reactor itself waits for.
enum Slot {
    Accepting(Accepting),
    Connecting(Connecting),
}

struct Reactor {
    poll: Poll,
    shared: Arc<Shared>,
    /// The list that is not in the inbox: the two change places. While it is worked through, the next
    /// order is the last.
    orders: Vec<Order>,
    /// The socket of another reactor that is being helped now.
    helped: Option<Arc<dyn Handler>>,
    sockets: HashMap<SocketId, Arc<dyn Handler>>,
    slots: Slab<Slot>,
    resolver: Resolver,
    /// Tells a slot from earlier ones under the same key.
    number: u64,
    timers: Timers<Due>,
    leases: Leases,
    /// Hot sockets.
    hot: Vec<SocketId>,
    /// Sockets whose poll has an event, and whose [`Order::Add`] was not run yet: it was sent before the poll
    /// was registered, so that it is among the next orders. A poll tells an event once.
    early: Vec<SocketId>,
    stopping: bool,
}

/// Starts a reactor on a thread of its own.
///
/// # Errors
/// When the system is out of descriptors or threads.
pub(crate) fn start(number: usize, resolver: Resolver) -> io::Result<(Handle, JoinHandle<()>)> {
    #[cfg(all(test, not(loom)))]
    if let Some(started) = stepped::start(&resolver) {
        return started;
    }
    let (handle, reactor) = Reactor::new(resolver)?;
    let thread = thread::Builder::new()
        .name(format!("sinew/{number}"))
        .spawn(move || reactor.run_to_the_end())?;
    Ok((handle, thread))
}

impl Reactor {
    fn new(resolver: Resolver) -> io::Result<(Handle, Reactor)> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox {
                orders: Vec::new(),
                asleep: false,
                ended: false,
            }),
            waker: Waker::new(poll.registry(), WAKER)?,
            registry: poll.registry().try_clone()?,
        });
        let reactor = Reactor {
            poll,
            shared: Arc::clone(&shared),
            orders: Vec::new(),
            helped: None,
            sockets: HashMap::new(),
            slots: Slab::new(),
            resolver,
            number: 0,
            timers: Timers::new(),
            leases: Leases::new(clock::now()),
            hot: Vec::new(),
            early: Vec::new(),
            stopping: false,
        };
        Ok((Handle(shared), reactor))
    }

    /// Runs until it is stopped, or has panicked. Then no order is taken any more, so that no caller
    /// waits for what is not done.
    fn run_to_the_end(mut self) {
        // The reactor is looked at no more after a panic, but for the lists of sockets to tell; what the
        // sockets hold is behind their locks.
        let ended = catch_unwind(AssertUnwindSafe(|| self.run()));
        let mut orders = std::mem::take(&mut self.orders);
        {
            let mut inbox = self.shared.inbox.lock();
            inbox.ended = true;
            orders.append(&mut inbox.orders);
        }
        if ended.is_ok() {
            return;
        }
        let mut served: Vec<_> = self.sockets.drain().map(|(_, socket)| socket).collect();
        served.extend(self.helped.take());
        for order in orders {
            if let Order::Add(_, socket) = order {
                served.push(socket);
            }
        }
        for socket in served {
            // A socket whose state the panic has left broken must not keep the others from hearing.
            let _ = catch_unwind(AssertUnwindSafe(|| socket.on_reactor_died()));
        }
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(tuning::EVENTS);
        while !self.stopping {
            let timeout = self.fall_asleep();
            self.turn(&mut events, timeout);
            if !self.hot.is_empty() {
                // Shorter than any timeout of a poll, which counts in milliseconds.
                thread::sleep(tuning::SWEEP);
            }
        }
    }

    /// Sleeps for an event, and does what there is to do. Gives how many things that were, leases and
    /// sweeps apart.
    fn turn(&mut self, events: &mut Events, timeout: Option<Duration>) -> usize {
        let polled = self.poll.poll(events, timeout);
        self.shared.inbox.lock().asleep = false;
        match polled {
            Ok(()) => events.iter().for_each(|event| self.dispatch(event.token())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            // The poll itself is broken (no known system does this while the descriptor is
            // open): go on with timers instead of spinning.
            Err(_) => thread::sleep(tuning::LEASE),
        }
        let done = events.iter().count() + self.run_orders() + self.expire();
        // What was sent before the event is run by now: the others are gone.
        self.early.clear();
        self.look_at_leases();
        self.sweep();
        done
    }

    /// How long the poll may sleep: not at all if there is something to do by now.
    fn fall_asleep(&self) -> Option<Duration> {
        let timeout = self.timeout();
        let mut inbox = self.shared.inbox.lock();
        if !inbox.orders.is_empty() {
            return Some(Duration::ZERO);
        }
        inbox.asleep = timeout != Some(Duration::ZERO);
        timeout
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.hot.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = [self.leases.next(), self.timers.next()];
        let next = next.into_iter().flatten().min()?;
        let left = next.saturating_duration_since(clock::now());
        Some(left.min(LONGEST_POLL))
    }

    fn dispatch(&mut self, token: Token) {
        if token == WAKER {
            return;
        }
        let key = token.0 >> 1;
        if token.0 & 1 == 0 {
            match self.sockets.get(&key) {
                Some(socket) => socket.on_ready(),
                None => self.early.push(key),
            }
            return;
        }
        match self.slots.get(key) {
            Some(Slot::Accepting(_)) => self.accept(key),
            Some(Slot::Connecting(_)) => self.connect_ready(key),
            None => {}
        }
    }

    fn run_orders(&mut self) -> usize {
        std::mem::swap(&mut self.orders, &mut self.shared.inbox.lock().orders);
        let count = self.orders.len();
        self.orders.reverse();
        while let Some(order) = self.orders.pop() {
            self.run_order(order);
        }
        if self.timers.is_crowded() {
            self.forget_past_timers();
        }
        count
    }

    fn run_order(&mut self, order: Order) {
        match order {
            Order::Add(id, socket) => {
                if self.early.contains(&id) {
                    socket.on_ready();
                }
                self.sockets.insert(id, socket);
            }
            Order::Remove(id) => self.remove(id),
            Order::Drive(id) => {
                if let Some(socket) = self.sockets.get(&id) {
                    socket.on_ready();
                }
            }
            Order::Watch(id) => self.leases.add(id, clock::now()),
            Order::Sweep(id) => {
                if !self.hot.contains(&id) {
                    self.hot.push(id);
                }
            }
            Order::Help(socket) => {
                if let Some(socket) = socket.upgrade() {
                    self.helped = Some(Arc::clone(&socket));
                    socket.on_help(Handle(Arc::clone(&self.shared)));
                    self.helped = None;
                }
            }
            Order::Timer(id, at, timer) => self.timers.set(at, Due::Socket(id, timer)),
            Order::Listen {
                socket,
                endpoint,
                listener,
            } => {
                self.listen(socket, endpoint, listener);
            }
            Order::Accept(id) => self.accept_for(id),
            Order::Unlisten { listener, done } => {
                self.unlisten(&listener);
                drop(listener);
                // The asker may have given up.
                let _ = done.send(());
            }
            Order::Connect {
                socket,
                id,
                request,
                at,
            } => {
                self.timers.set(at, Due::Connect(socket, id, request));
            }
            Order::Resolved {
                key,
                number,
                targets,
            } => self.resolved(key, number, targets),
            Order::Stop => self.stopping = true,
            #[cfg(test)]
            Order::Lease(time) => self.leases.set_time(time),
            #[cfg(test)]
            Order::Panic => std::panic::panic_any("a test asked for it"),
        }
    }

    /// Forgets a socket and all that is done for it.
    fn remove(&mut self, id: SocketId) {
        self.sockets.remove(&id);
        self.leases.remove(id);
        self.hot.retain(|hot| *hot != id);
        self.slots.retain(|_, slot| match slot {
            Slot::Accepting(accepting) => accepting.socket() != id,
            Slot::Connecting(connecting) => connecting.socket() != id,
        });
    }

    /// Looks after the leases that callers hold.
    fn look_at_leases(&mut self) {
        if self.leases.next().is_some_and(|next| clock::now() >= next) {
            let sockets = &self.sockets;
            let look = |id: SocketId| sockets.get(&id).map(|socket| socket.on_watch());
            self.leases.look(look, clock::now());
        }
    }

    /// Writes what hot sockets have queued.
    fn sweep(&mut self) {
        if self.hot.is_empty() {
            return;
        }
        let sockets = &self.sockets;
        self.hot
            .retain(|id| sockets.get(id).is_some_and(|socket| socket.on_sweep()));
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}
