//! One peer of a socket: its queues, its connection if it has one, and the tokens to drive it.
//!
//! The only place where bytes meet messages. A [`Link`] is plain data inside the socket's lock; the
//! [`Reader`] and [`Writer`] that do the work are taken out of it, used without the lock, and put
//! back.

pub(crate) mod buffer;
pub(crate) mod conflater;
pub(crate) mod connection;
pub(crate) mod datagrams;
pub(crate) mod ended;
pub(crate) mod ending;
pub(crate) mod high_water;
mod leaving;
mod passes;
mod peer;
pub(crate) mod pipe;
mod piped;
pub(crate) mod progress;
pub(crate) mod reader;
pub(crate) mod recv_queue;
pub(crate) mod retry;
pub(crate) mod send_queue;
mod shares;
mod traffic;
pub(crate) mod writer;

use std::sync::Arc;

use self::connection::Connection;
use self::ending::Ending;
use self::recv_queue::RecvQueue;
use self::retry::Retry;
use self::send_queue::SendQueue;
use crate::endpoint::Endpoint;
use crate::options::Options;
use crate::peer::PeerInfo;
use crate::reactor::ConnectionId;
use crate::zmtp::connection::Session;

pub(crate) use self::leaving::Remains;
pub(crate) use self::passes::{Back, Readable};
pub(crate) use self::piped::PipeLink;

/// How a link came to be, which decides what its loss means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `connect` made it: it outlives its connections, and keeps its queue for the next one.
    Connected,
    /// A listener accepted it: it goes with its connection.
    Accepted,
    /// `bind` made it, for datagrams.
    Bound,
}

/// How far a link has come with the connection that it has, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has no connection: waiting for one, or its peer is not bound yet.
    Waiting,
    /// Greeting and handshake.
    Handshake,
    /// The handshake is done.
    Up,
}

/// What a link reaches its peer by.
#[derive(Debug)]
enum Via {
    /// Nothing yet, or not any more.
    Nothing,
    Connection(Connection),
    /// The peer is a socket of this context.
    Pipe(PipeLink),
}

/// What a link has counted: messages and bytes out, the same in, and how often its peer came again.
#[cfg(feature = "metrics")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sent: (u64, u64),
    pub(crate) received: (u64, u64),
    pub(crate) reconnects: u32,
}

/// One peer of a socket, over all the connections to it.
///
/// The engine changes it by what happens to it, and reads no field. The values in it that guard themselves,
/// because their own fields are private, are handed out by name: `connection`, `pipe`, `session`, the two
/// queues and `retry`.
///
/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `id` | `renew` changes its generation | no other connection, of this link or of one that had its key, has it |
/// | `first_generation`, `origin`, `endpoint` | nothing | |
/// | `stage` | `begin_handshake`, `establish`, `connection_lost`, `give_up_connecting`, `reopen_pipe` | not `Waiting` only with a connection or a pipe |
/// | `peer` | `meet`, `note_peer`, `begin_datagrams`; `forget_peer`, `pipe_closed` | there once `Up` |
/// | `via` | `begin_connection`, `begin_datagrams`, `take_connection`; `set_pipe`, `reopen_pipe`, `take_pipe` | a link of an inproc name never has a connection, and others never a pipe |
/// | `session` | what goes over the connection | a new one with each connection |
/// | `send_queue` | what is sent, and the writer that comes home | empty of a link with a pipe |
/// | `recv_queue` | what is read, noted or received | what came by a pipe is counted there |
/// | `taken_in` | `take_turn` | the batch for which a message was taken last |
/// | `attached` | `attach` | never cleared: the pattern knows the link until it is forgotten |
/// | `immediate` | `renew_settings` | what the option said at `connect`, or when the last connection was lost |
/// | `retry` | each try, and what came of it | asked only of a link that `connect` made |
/// | `ending` | `begin_end`, `next_step`, `after_loss` | see [`ending`] |
/// | `connections` | `establish` | how often a peer came to be there |
/// | `refused` | `drop_refused` | messages that were dropped because the peer ended each connection within them |
/// | `astray` | `note_unsent`, `note_malformed` | of an endpoint of datagrams, messages that the system refused to send, and datagrams that came and were none of the socket's |
/// | `told` | `rise` | with the feature `metrics`, what they were told of it already |
/// | `displaced` | `note_displaced` | of a socket that conflates, messages that had to go: others of their key replaced them, or too many keys waited |
#[derive(Debug)]
pub(crate) struct Link {
    id: ConnectionId,
    /// The generation it was made with: tells this link from others under the same key.
    first_generation: u32,
    origin: Origin,
    stage: Stage,
    endpoint: Arc<Endpoint>,
    /// Shared with the messages that tell of it ([`Options::message_metadata`]).
    peer: Option<Arc<PeerInfo>>,
    via: Via,
    /// What is to be said over the connection besides messages, and what is known of its peer.
    session: Session,
    /// What was accepted for this peer and is not wholly in the kernel.
    send_queue: SendQueue,
    recv_queue: RecvQueue,
    taken_in: u32,
    attached: bool,
    immediate: bool,
    retry: Retry,
    ending: Ending,
    connections: u32,
    refused: u64,
    displaced: (u64, u64),
    astray: (u64, u64),
    #[cfg(feature = "metrics")]
    told: Told,
}

impl Link {
    pub(crate) fn new(
        id: ConnectionId,
        origin: Origin,
        stage: Stage,
        endpoint: Arc<Endpoint>,
        options: &Options,
    ) -> Link {
        Link {
            id,
            first_generation: id.generation,
            origin,
            stage,
            endpoint,
            peer: None,
            via: Via::Nothing,
            session: Session::default(),
            send_queue: SendQueue::new(
                (options.send_hwm, options.send_hwm_bytes),
                options.conflate,
            ),
            recv_queue: RecvQueue::new(
                (options.recv_hwm, options.recv_hwm_bytes),
                options.conflate,
            ),
            taken_in: 0,
            attached: false,
            immediate: options.immediate,
            retry: Retry::default(),
            ending: Ending::default(),
            connections: 0,
            refused: 0,
            displaced: (0, 0),
            astray: (0, 0),
            #[cfg(feature = "metrics")]
            told: Told::default(),
        }
    }

    // ----- what it is -----

    /// The connection that it has, or waits for.
    #[inline]
    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    /// It is about another connection from now on.
    pub(crate) fn renew(&mut self, generation: u32) -> ConnectionId {
        self.id.generation = generation;
        self.id
    }

    /// Tells it from other links under the same key.
    #[inline]
    pub(crate) fn first_generation(&self) -> u32 {
        self.first_generation
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Whether `connect` made it for this endpoint, and wants it still.
    pub(crate) fn connects_to(&self, endpoint: &Endpoint) -> bool {
        self.origin == Origin::Connected && !self.is_leaving() && *self.endpoint == *endpoint
    }

    /// Whether it is an endpoint of datagrams: its `connection` has a socket and tokens, and no peer at the
    /// other end.
    #[inline]
    pub(crate) fn is_of_datagrams(&self) -> bool {
        matches!(*self.endpoint, Endpoint::Udp(_))
    }

    /// Whether `bind` made it for this endpoint, and wants it still.
    pub(crate) fn is_bound_to(&self, endpoint: &Endpoint) -> bool {
        self.origin == Origin::Bound && !self.is_leaving() && *self.endpoint == *endpoint
    }

    /// Whether the pattern knows it.
    #[inline]
    pub(crate) fn is_attached(&self) -> bool {
        self.attached
    }

    /// The pattern comes to know it. False: it did.
    pub(crate) fn attach(&mut self) -> bool {
        !std::mem::replace(&mut self.attached, true)
    }

    // ----- how far it has come -----

    pub(crate) fn is_in_handshake(&self) -> bool {
        self.stage == Stage::Handshake
    }

    /// Whether messages may be written now.
    #[inline]
    pub(crate) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// Whether messages go both ways: its peer is there, and was not told that no more comes.
    #[inline]
    pub(crate) fn is_established(&self) -> bool {
        self.stage == Stage::Up && !self.ending.is_half_closed()
    }

    /// Whether an end of it has begun: nothing more is queued for its peer.
    #[inline]
    pub(crate) fn is_leaving(&self) -> bool {
        !self.ending.is_open()
    }

    /// A try to connect has brought a connection.
    pub(crate) fn begin_handshake(&mut self) {
        self.stage = Stage::Handshake;
    }

    /// Its peer, which was admitted, is there.
    pub(crate) fn establish(&mut self) {
        self.stage = Stage::Up;
        self.retry.established();
        self.connections = self.connections.saturating_add(1);
    }

    /// It is an endpoint of datagrams, which is up as soon as it has its socket.
    pub(crate) fn begin_datagrams(&mut self, connection: Connection, peer: PeerInfo) {
        self.via = Via::Connection(connection);
        self.peer = Some(Arc::new(peer));
        self.establish();
    }

    /// How often its peer was there again.
    pub(crate) fn reconnects(&self) -> u32 {
        self.connections.saturating_sub(1)
    }

    // ----- what it reaches its peer by -----

    #[inline]
    pub(crate) fn connection(&self) -> Option<&Connection> {
        match &self.via {
            Via::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.via {
            Via::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    /// Where its peer is, while there is a connection.
    pub(crate) fn peer_address(&self) -> Option<String> {
        let connection = self.connection();
        connection.map(|connection| connection.stream().peer_address())
    }

    /// Whether its peer takes nothing more, ever: a link that was accepted has no other connection to
    /// write to. What the peer sent before is still read.
    #[inline]
    pub(crate) fn is_write_closed(&self) -> bool {
        self.origin == Origin::Accepted && self.connection().is_some_and(Connection::is_broken)
    }

    // ----- room -----

    /// Whether a message for its peer may be queued now. Only `Engine::update_room` asks, which tells the
    /// pattern.
    pub(crate) fn has_room(&self) -> bool {
        let reachable = self.is_up() || !self.immediate;
        reachable
            && !self.is_leaving()
            && !self.is_write_closed()
            && match self.pipe() {
                Some(pipe) => pipe.end().has_room(),
                None => !self.send_queue.is_full(),
            }
    }

    /// What the settings say of a link that has no peer. See [`Options::immediate`].
    pub(crate) fn renew_settings(&mut self, options: &Options) {
        self.immediate = options.immediate;
    }
}
