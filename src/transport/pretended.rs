//! A network that a test pretends: connections in memory that carry bytes when they are told to.
//!
//! While a [`Network`] is installed on a thread, `bind` and `connect_start` of TCP endpoints on that thread
//! use it. What is written stays with the sender's system until the test has it [carried](Connection::carry);
//! connections are [made](Network::answer), stalled, [cut](Connection::cut) and ended at any byte. The
//! behaviour is that of Linux's TCP as far as this library can tell: edges, half-closes, resets, and what
//! each of them loses.
//!
//! Each end has a real descriptor, so that real polls watch it: one of a pair, which is rung when what
//! the system would tell has changed.

mod connection;
mod end;
mod wires;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Socket, Type};

pub(crate) use self::connection::Connection;
pub(super) use self::end::End;
use self::wires::{Phase, Wires};
use super::stream::{Peer, Stream};
use crate::sync::Mutex;

thread_local! {
    static INSTALLED: RefCell<Option<Network>> = const { RefCell::new(None) };
}

/// The network that this thread pretends.
pub(super) fn network() -> Option<Network> {
    INSTALLED.with_borrow(Clone::clone)
}

/// All listeners and connections of one test's machine; a handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    ports: BTreeMap<SocketAddr, Arc<Mutex<Queue>>>,
    connections: Vec<Arc<Connection>>,
    /// All that there ever were.
    history: Vec<Arc<Connection>>,
    /// What a way of a new connection holds.
    capacity: usize,
}

/// Callers that a listener has not accepted.
#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Stream>,
    bell: Bell,
}

/// A listener's place in the network; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Port {
    network: Network,
    address: SocketAddr,
    queue: Arc<Mutex<Queue>>,
}

/// The far end of a pair of which the near one is watched.
#[derive(Debug)]
struct Bell(Socket);

impl Bell {
    fn new() -> io::Result<(Socket, Bell)> {
        let (near, far) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        Ok((near, Bell(far)))
    }

    /// Makes an edge. A full pair has an edge that its poll has not seen.
    fn ring(&self) {
        let _ = self.0.send(&[0]);
    }
}

/// Takes notice of edges, so that their pair never fills.
fn hush(mut near: &Socket) {
    let _ = near.read(&mut [0; 64]);
}

impl Network {
    /// Has this thread's sockets use it until [`uninstall`](Network::uninstall).
    pub(crate) fn install(capacity: usize) -> Network {
        let network = Network::default();
        network.0.lock().capacity = capacity;
        INSTALLED.set(Some(network.clone()));
        network
    }

    pub(crate) fn uninstall() {
        INSTALLED.set(None);
    }

    /// What a way of a connection holds that is made from now on.
    pub(crate) fn set_capacity(&self, capacity: usize) {
        self.0.lock().capacity = capacity;
    }

    /// The connections that a side still has an end of, and calls, oldest first.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        let mut state = self.0.lock();
        state.connections.retain(|connection| connection.is_held());
        state.connections.clone()
    }

    /// All connections that there ever were, and calls, oldest first.
    pub(crate) fn history(&self) -> Vec<Arc<Connection>> {
        self.0.lock().history.clone()
    }

    pub(super) fn bind(&self, address: SocketAddr) -> io::Result<(Socket, Port)> {
        let mut state = self.0.lock();
        if state.ports.contains_key(&address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let (socket, bell) = Bell::new()?;
        let queue = Arc::new(Mutex::new(Queue {
            waiting: VecDeque::new(),
            bell,
        }));
        state.ports.insert(address, Arc::clone(&queue));
        let port = Port {
            network: self.clone(),
            address,
            queue,
        };
        Ok((socket, port))
    }

    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let mut state = self.0.lock();
        let (socket, bell) = Bell::new()?;
        let connection = Arc::new(Connection {
            number: state.history.len(),
            address,
            wires: Mutex::new(Wires::new(state.capacity)),
        });
        connection.wires.lock().ends[0].bell = Some(bell);
        state.history.push(Arc::clone(&connection));
        state.connections.push(Arc::clone(&connection));
        Ok(stream(socket, connection, 0))
    }

    /// Lets a call through to its port, or has it refused if no listener is there. False: the connection
    /// is made or refused already.
    pub(crate) fn answer(&self, connection: &Arc<Connection>) -> bool {
        let port = self.0.lock().ports.get(&connection.address).cloned();
        let mut wires = connection.wires.lock();
        if wires.phase != Phase::Calling {
            return false;
        }
        let made = port.and_then(|queue| Some((queue, Bell::new().ok()?)));
        match made {
            Some((queue, (socket, bell))) if wires.ends[0].open => {
                wires.phase = Phase::Up;
                wires.ends[1].bell = Some(bell);
                wires.ends[1].open = true;
                let mut queue = queue.lock();
                let called = stream(socket, Arc::clone(connection), 1);
                queue.waiting.push_back(called);
                queue.bell.ring();
            }
            _ => wires.phase = Phase::Refused,
        }
        wires.ring(0);
        true
    }
}

fn stream(socket: Socket, connection: Arc<Connection>, side: usize) -> Stream {
    let end = End { connection, side };
    Stream::new(socket, Peer::Pretended(Box::new(end)))
}

impl Port {
    pub(super) fn accept(&self, socket: &Socket) -> io::Result<Stream> {
        hush(socket);
        let next = self.queue.lock().waiting.pop_front();
        next.ok_or_else(|| ErrorKind::WouldBlock.into())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.network.0.lock().ports.remove(&self.address);
        let waiting = std::mem::take(&mut self.queue.lock().waiting);
        for stream in waiting {
            if let Some(end) = stream.pretended() {
                end.connection.cut();
            }
        }
    }
}
