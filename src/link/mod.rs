//! One peer of a socket: its queues, its connection if it has one, and the tokens to drive it.
//!
//! The only place where bytes meet messages. A [`Link`] is plain data inside the socket's lock; the
//! [`Reader`] and [`Writer`] that do the work are taken out of it, used without the lock, and put
//! back.

pub(crate) mod buffer;
pub(crate) mod conflater;
pub(crate) mod connection;
pub(crate) mod ending;
pub(crate) mod high_water;
pub(crate) mod pipe;
pub(crate) mod progress;
pub(crate) mod reader;
pub(crate) mod recv_queue;
pub(crate) mod retry;
pub(crate) mod send_queue;
mod shares;
pub(crate) mod writer;

use std::sync::Arc;

use self::connection::Connection;
use self::ending::{Carrier, Ending, Situation};
use self::pipe::{PipeEnd, PipePeer};
use self::recv_queue::RecvQueue;
use self::retry::Retry;
use self::send_queue::SendQueue;
use crate::endpoint::Endpoint;
use crate::options::Options;
use crate::peer::PeerInfo;
use crate::zmtp::connection::{Flow, Session};

/// How a link came to be, which decides what its loss means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `connect` made it: it outlives its connections, and keeps its queue for the next one.
    Connected,
    /// A listener accepted it: it goes with its connection.
    Accepted,
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

/// One peer of a socket, over all the connections to it.
#[derive(Debug)]
pub(crate) struct Link {
    /// Tells this connection from earlier ones of the same link, and this link from earlier ones
    /// under the same key.
    pub(crate) generation: u32,
    /// The generation it was made with: tells this link from others under the same key.
    pub(crate) first_generation: u32,
    pub(crate) origin: Origin,
    pub(crate) stage: Stage,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) peer: Option<Box<PeerInfo>>,
    pub(crate) connection: Option<Connection>,
    /// An inproc link: its end of the pipe, and where the other end is, once it is there.
    pub(crate) pipe: Option<(PipeEnd, Option<PipePeer>)>,
    /// The first message that was put into `pipe` greets its peer.
    pub(crate) greeted: bool,
    /// The other end, while it waits for a socket to bind the name.
    pub(crate) far_end: Option<PipeEnd>,
    /// What is to be said over the connection besides messages, and what is known of its peer.
    pub(crate) session: Session,
    /// What was accepted for this peer and is not wholly in the kernel.
    pub(crate) send_queue: SendQueue,
    pub(crate) recv_queue: RecvQueue,
    /// The batch of its socket for which a message was last taken out of `recv_queue`.
    pub(crate) taken_in: u32,
    /// The pattern knows this link.
    pub(crate) attached: bool,
    /// What came of earlier connections.
    pub(crate) retry: Retry,
    /// How far it is on its way out.
    pub(crate) ending: Ending,
    /// How often a peer has come to be there.
    pub(crate) connections: u32,
    /// Messages and bytes that went through pipes that it had before: out, and in.
    pub(crate) piped: [(u64, u64); 2],
    /// Messages that were dropped because the peer ended each connection within them.
    pub(crate) refused: u64,
    /// Messages that others of their key replaced while they waited.
    pub(crate) conflated: u64,
    /// Messages that had to go because too many keys waited.
    pub(crate) evicted: u64,
}

impl Link {
    pub(crate) fn new(
        generation: u32,
        origin: Origin,
        stage: Stage,
        endpoint: Arc<Endpoint>,
        options: &Options,
    ) -> Link {
        Link {
            generation,
            first_generation: generation,
            origin,
            stage,
            endpoint,
            peer: None,
            connection: None,
            pipe: None,
            greeted: false,
            far_end: None,
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
            retry: Retry::default(),
            ending: Ending::default(),
            connections: 0,
            piped: [(0, 0); 2],
            refused: 0,
            conflated: 0,
            evicted: 0,
        }
    }

    /// Whether messages may be written now.
    pub(crate) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// Whether messages go both ways: its peer is there, and was not told that no more comes.
    pub(crate) fn is_established(&self) -> bool {
        self.stage == Stage::Up && !self.ending.is_half_closed()
    }

    /// Whether an end of it has begun: nothing more is queued for its peer.
    pub(crate) fn is_leaving(&self) -> bool {
        !self.ending.is_open()
    }

    /// Whether a message for its peer may be queued now. `immediate`: not before the peer is there
    /// ([`Options::immediate`]). Only `Engine::update_room` asks, which tells the pattern.
    pub(crate) fn has_room(&self, immediate: bool) -> bool {
        let reachable = self.is_up() || !immediate;
        reachable
            && !self.is_leaving()
            && !self.is_write_closed()
            && match &self.pipe {
                Some((pipe, _)) => pipe.has_room(),
                None => !self.send_queue.is_full(),
            }
    }

    /// Whether its peer takes nothing more, ever: a link that was accepted has no other connection to
    /// write to. What the peer sent before is still read.
    pub(crate) fn is_write_closed(&self) -> bool {
        self.origin == Origin::Accepted
            && self.connection.as_ref().is_some_and(Connection::is_broken)
    }

    /// Where its peer is, while there is a connection.
    pub(crate) fn peer_address(&self) -> Option<String> {
        let connection = self.connection.as_ref();
        connection.map(|connection| connection.stream().peer_address())
    }

    /// What its [`Ending`] is to know. `open`: the socket is.
    pub(crate) fn situation(&self, open: bool, receives_only: bool) -> Situation {
        let connection = self.connection.as_ref();
        let flushed = self.is_flushed();
        let carrier = match (&self.pipe, connection, self.stage) {
            (Some(_), ..) => Carrier::Pipe,
            (None, None, _) => Carrier::Nothing,
            (None, Some(_), Stage::Up) => Carrier::Up,
            (None, Some(_), _) => Carrier::Handshake,
        };
        Situation {
            carrier,
            flushed,
            owes: !(receives_only || flushed && connection.is_some_and(Connection::was_silent)),
            over: connection.is_some_and(Connection::is_over),
            home: connection.is_none_or(Connection::is_home),
            unread: open && !self.recv_queue.is_empty(),
            renewed: self.origin == Origin::Connected,
        }
    }

    /// What is known of the connection's two directions. `waits`: the link is one of those to be
    /// read.
    pub(crate) fn flow(&self, waits: bool) -> Flow {
        let paused = self.recv_queue.is_paused();
        let connection = self.connection.as_ref();
        Flow {
            unread: paused || waits || connection.is_some_and(Connection::is_unread),
            paused,
            writable: connection.is_some_and(Connection::is_writable),
        }
    }

    /// Whether everything accepted for this peer is in the kernel or in the peer's hands.
    pub(crate) fn is_flushed(&self) -> bool {
        match &self.pipe {
            // What waits in a pipe whose other end exists is that end's already.
            Some((pipe, pipe_peer)) => pipe_peer.is_some() || pipe.waiting() == 0,
            None => {
                self.send_queue.undelivered() == 0
                    && self.send_queue.is_empty()
                    && self.connection.as_ref().is_none_or(Connection::is_idle)
            }
        }
    }

    /// Whether its connection is gone, and what it brought waits to be received.
    #[inline]
    pub(crate) fn has_departed(&self) -> bool {
        self.ending.is_draining() && self.pipe.is_none()
    }

    /// Messages accepted for this peer that have not reached it.
    pub(crate) fn undelivered(&self) -> usize {
        match &self.pipe {
            Some((pipe, None)) => pipe.waiting(),
            Some((_, Some(_))) => 0,
            None => self.send_queue.undelivered(),
        }
    }
}
