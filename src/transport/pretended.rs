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

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::Interest;
use socket2::{Domain, Socket, Type};

use super::stream::{Peer, Readiness, Stream};
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Calling,
    Up,
    Refused,
    /// It was reset.
    Cut,
}

/// One call, and the connection that came of it. Side 0 called, side 1 was called.
#[derive(Debug)]
pub(crate) struct Connection {
    number: usize,
    address: SocketAddr,
    wires: Mutex<Wires>,
}

#[derive(Debug)]
struct Wires {
    phase: Phase,
    ends: [Side; 2],
    /// By the side that writes.
    ways: [Way; 2],
}

#[derive(Debug, Default)]
struct Side {
    /// It has a descriptor.
    open: bool,
    bell: Option<Bell>,
    wants_room: bool,
}

/// What goes from one side to the other.
#[derive(Debug)]
struct Way {
    capacity: usize,
    /// What the writer's system may take in all, in bytes.
    allowed: u64,
    /// Bytes that the writer's system took.
    written: u64,
    /// Bytes that came to the reader's system.
    carried: u64,
    /// With the writer's system.
    sent: VecDeque<u8>,
    /// With the reader's system.
    arrived: VecDeque<u8>,
    /// The writer has shut it down.
    finished: bool,
    /// The reader's system knows that.
    ended: bool,
    /// A write found no room, or not enough.
    blocked: bool,
}

impl Way {
    fn new(capacity: usize) -> Way {
        Way {
            capacity,
            allowed: u64::MAX,
            written: 0,
            carried: 0,
            sent: VecDeque::new(),
            arrived: VecDeque::new(),
            finished: false,
            ended: false,
            blocked: false,
        }
    }

    fn room(&self) -> usize {
        let allowed = usize::try_from(self.allowed - self.written).unwrap_or(usize::MAX);
        let held = self.sent.len() + self.arrived.len();
        self.capacity.saturating_sub(held).min(allowed)
    }

    /// As Linux: there is room once a third of it is free.
    fn is_writable(&self) -> bool {
        let room = self.room();
        room > 0 && room >= self.capacity / 3
    }
}

impl Wires {
    fn new(capacity: usize) -> Wires {
        let caller = Side {
            open: true,
            ..Side::default()
        };
        Wires {
            phase: Phase::Calling,
            ends: [caller, Side::default()],
            ways: [Way::new(capacity), Way::new(capacity)],
        }
    }

    fn ring(&self, side: usize) {
        if let Some(bell) = &self.ends[side].bell {
            bell.ring();
        }
    }

    /// The writer may have room again.
    fn tell_room(&mut self, side: usize) {
        let way = &mut self.ways[side];
        if way.blocked && way.is_writable() {
            way.blocked = false;
            self.ring(side);
        }
    }

    /// Both sides have their connection reset. What came to a side's system can still be read there.
    fn cut(&mut self) {
        self.phase = Phase::Cut;
        for side in [0, 1] {
            self.ways[side].sent.clear();
            self.ring(side);
        }
    }

    fn readiness(&self, side: usize) -> Readiness {
        let incoming = &self.ways[1 - side];
        let over = self.is_over();
        let broken = matches!(self.phase, Phase::Cut | Phase::Refused);
        let up = self.phase == Phase::Up;
        Readiness {
            readable: !incoming.arrived.is_empty() || incoming.ended || broken,
            writable: self.ends[side].wants_room && (broken || up && self.ways[side].is_writable()),
            ended: incoming.ended || broken || over,
        }
    }

    fn is_over(&self) -> bool {
        match self.phase {
            Phase::Cut | Phase::Refused => true,
            Phase::Up => self.ways[0].ended && self.ways[1].ended,
            Phase::Calling => false,
        }
    }
}

impl Connection {
    /// How many were asked for before.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    fn is_held(&self) -> bool {
        self.wires.lock().ends.iter().any(|end| end.open)
    }

    pub(crate) fn is_calling(&self) -> bool {
        self.wires.lock().phase == Phase::Calling
    }

    /// Whether both sides have it, and neither was told otherwise.
    pub(crate) fn is_up(&self) -> bool {
        let wires = self.wires.lock();
        wires.phase == Phase::Up && wires.ends.iter().all(|end| end.open)
    }

    /// Bytes that the system of a side took from it.
    pub(crate) fn written(&self, side: usize) -> u64 {
        self.wires.lock().ways[side].written
    }

    /// Bytes of a side that came to the system of the other.
    pub(crate) fn carried(&self, side: usize) -> u64 {
        self.wires.lock().ways[side].carried
    }

    /// Carries at most `most` of what a side's system has to the other, in order; its end counts as one.
    /// Gives how much there was.
    pub(crate) fn carry(&self, side: usize, most: usize) -> usize {
        let mut wires = self.wires.lock();
        if wires.phase != Phase::Up {
            return 0;
        }
        let open = wires.ends[1 - side].open;
        let way = &mut wires.ways[side];
        let bytes = most.min(way.sent.len());
        if bytes > 0 && !open {
            // The reader is gone: the system says so, and forgets what it had itself.
            wires.cut();
            return bytes;
        }
        // Slices: byte by byte would be most of what a test takes.
        let (front, back) = way.sent.as_slices();
        let first = bytes.min(front.len());
        way.arrived.extend(&front[..first]);
        way.arrived.extend(&back[..bytes - first]);
        way.sent.drain(..bytes);
        way.carried += bytes as u64;
        let ends = bytes < most && way.finished && !way.ended;
        way.ended |= ends;
        if bytes > 0 || ends {
            wires.ring(1 - side);
            let over = wires.is_over();
            if over {
                wires.ring(side);
            }
        }
        bytes + usize::from(ends)
    }

    /// Resets it: both sides lose what is not with the other side's system.
    pub(crate) fn cut(&self) {
        let mut wires = self.wires.lock();
        if wires.phase == Phase::Up {
            wires.cut();
        }
    }

    /// Has a side's system take no more than a number of bytes in all.
    pub(crate) fn allow(&self, side: usize, bytes: u64) {
        let mut wires = self.wires.lock();
        let way = &mut wires.ways[side];
        way.allowed = bytes.max(way.written);
        wires.tell_room(side);
    }
}

/// One side's end of a connection.
#[derive(Debug)]
pub(super) struct End {
    connection: Arc<Connection>,
    side: usize,
}

impl End {
    pub(super) fn read(&self, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        let mut wires = self.connection.wires.lock();
        let broken = wires.phase != Phase::Up;
        let way = &mut wires.ways[1 - self.side];
        let count = most.min(way.arrived.len());
        if count == 0 && most > 0 {
            return match (broken, way.ended) {
                (true, _) => Err(ErrorKind::ConnectionReset.into()),
                (_, true) => Ok(0),
                _ => Err(ErrorKind::WouldBlock.into()),
            };
        }
        let (front, back) = way.arrived.as_slices();
        let first = count.min(front.len());
        take(&front[..first]);
        take(&back[..count - first]);
        way.arrived.drain(..count);
        wires.tell_room(1 - self.side);
        Ok(count)
    }

    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut wires = self.connection.wires.lock();
        if wires.phase != Phase::Up {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let way = &mut wires.ways[self.side];
        if way.finished {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut count = 0;
        for slice in slices {
            let bytes = way.room().min(slice.len());
            way.sent.extend(&slice[..bytes]);
            way.written += bytes as u64;
            count += bytes;
            if bytes < slice.len() {
                way.blocked = true;
                break;
            }
        }
        match count {
            0 if way.blocked => Err(ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        let mut wires = self.connection.wires.lock();
        if wires.phase != Phase::Up {
            return Err(ErrorKind::NotConnected.into());
        }
        wires.ways[self.side].finished = true;
        Ok(())
    }

    pub(super) fn unacknowledged(&self) -> usize {
        let wires = self.connection.wires.lock();
        let way = &wires.ways[self.side];
        match wires.phase {
            Phase::Up => way.sent.len() + usize::from(way.finished && !way.ended),
            _ => 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.connection.wires.lock().is_over()
    }

    /// As `connect_finish`.
    pub(super) fn finish_connect(&self, socket: &Socket) -> io::Result<bool> {
        hush(socket);
        match self.connection.wires.lock().phase {
            Phase::Calling => Ok(false),
            Phase::Up => Ok(true),
            Phase::Refused => Err(ErrorKind::ConnectionRefused.into()),
            Phase::Cut => Err(ErrorKind::ConnectionReset.into()),
        }
    }

    /// What there is to be told of the end, now that an edge was seen.
    pub(super) fn readiness(&self, socket: &Socket) -> Readiness {
        hush(socket);
        self.connection.wires.lock().readiness(self.side)
    }

    /// A poll watches it for this from now on: as epoll, that tells at once what is there.
    pub(super) fn watch(&self, on: Interest) {
        let mut wires = self.connection.wires.lock();
        wires.ends[self.side].wants_room = on.is_writable();
        let ready = wires.readiness(self.side);
        if ready.readable || ready.writable || ready.ended {
            wires.ring(self.side);
        }
    }

    /// The address of the other side.
    pub(super) fn peer(&self) -> SocketAddr {
        let mut address = self.connection.address;
        if self.side == 1 {
            address.set_port(50_000 + self.connection.number as u16 % 10_000);
        }
        address
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut wires = self.connection.wires.lock();
        wires.ends[self.side].open = false;
        wires.ends[self.side].bell = None;
        match wires.phase {
            Phase::Calling => wires.phase = Phase::Refused,
            // What was not read: the system says so, and forgets what it had to send.
            Phase::Up if !wires.ways[1 - self.side].arrived.is_empty() => wires.cut(),
            Phase::Up => wires.ways[self.side].finished = true,
            Phase::Refused | Phase::Cut => {}
        }
    }
}
