//! One peer of a socket: its queues, its connection if it has one, and the tokens to drive it.
//!
//! The only place where bytes meet messages. A [`Link`] is plain data inside the socket's lock; the
//! [`Reader`] and [`Writer`] that do the work are taken out of it, used without the lock, and put
//! back.

pub(crate) mod buffer;
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

use self::ending::{Carrier, Ending, Situation};
use self::pipe::{PipeEnd, PipePeer};
use self::reader::{Ended, Reader};
use self::recv_queue::RecvQueue;
use self::retry::Retry;
use self::send_queue::SendQueue;
use self::writer::Writer;
use crate::endpoint::Endpoint;
use crate::options::Options;
use crate::peer::PeerInfo;
use crate::transport::Stream;
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

/// A connection of a link: a stream, and the tokens to read and to write it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) stream: Arc<Stream>,
    /// `None` while somebody reads.
    pub(crate) reader: Option<Box<Reader>>,
    /// `None` while somebody writes.
    pub(crate) writer: Option<Box<Writer>>,
    /// The kernel may have bytes for us.
    pub(crate) readable: bool,
    /// The peer has closed its side: read until the end comes.
    pub(crate) hung_up: bool,
    /// The kernel takes no more; an event will say when it does.
    pub(crate) blocked: bool,
    /// That event came while somebody was writing.
    pub(crate) unblocked: bool,
    /// Writing failed: nothing is written any more, but what the peer sent before is read.
    pub(crate) broken: bool,
    /// Why the connection ended, once it did; it is buried when both tokens are home.
    pub(crate) ended: Option<Ended>,
}

impl Wire {
    /// One whose tokens are in its maker's hands.
    pub(crate) fn held(stream: Arc<Stream>) -> Wire {
        Wire {
            stream,
            reader: None,
            writer: None,
            readable: false,
            hung_up: false,
            blocked: false,
            unblocked: false,
            broken: false,
            ended: None,
        }
    }

    pub(crate) fn is_home(&self) -> bool {
        self.reader.is_some() && self.writer.is_some()
    }

    /// Whether the peer was never sent a message: there is none that it could have still to read.
    pub(crate) fn was_silent(&self) -> bool {
        let writer = self.writer.as_ref();
        writer.is_some_and(|writer| !writer.has_spoken())
    }
}

/// See the module's text.
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
    pub(crate) wire: Option<Wire>,
    /// An inproc link: its end of the pipe, and where the other end is, once it is there.
    pub(crate) pipe: Option<(PipeEnd, Option<PipePeer>)>,
    /// The first message that was put into `pipe` greets its peer.
    pub(crate) greeted: bool,
    /// The other end, while it waits for somebody to bind the name.
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
            wire: None,
            pipe: None,
            greeted: false,
            far_end: None,
            session: Session::default(),
            send_queue: SendQueue::new(options.send_hwm, options.send_hwm_bytes),
            recv_queue: RecvQueue::new(options.recv_hwm, options.recv_hwm_bytes),
            taken_in: 0,
            attached: false,
            retry: Retry::default(),
            ending: Ending::default(),
            connections: 0,
            piped: [(0, 0); 2],
            refused: 0,
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
            && match &self.pipe {
                Some((pipe, _)) => pipe.has_room(),
                None => !self.send_queue.is_full(),
            }
    }

    /// What its [`Ending`] is to know. `open`: the socket is.
    pub(crate) fn situation(&self, open: bool, receives_only: bool) -> Situation {
        let wire = self.wire.as_ref();
        let flushed = self.is_flushed();
        let carrier = match (&self.pipe, wire, self.stage) {
            (Some(_), ..) => Carrier::Pipe,
            (None, None, _) => Carrier::Nothing,
            (None, Some(_), Stage::Up) => Carrier::Up,
            (None, Some(_), _) => Carrier::Handshake,
        };
        Situation {
            carrier,
            flushed,
            owes: !(receives_only || flushed && wire.is_some_and(Wire::was_silent)),
            over: wire.is_some_and(|wire| wire.ended.is_some()),
            home: wire.is_none_or(Wire::is_home),
            unread: open && !self.recv_queue.is_empty(),
            renewed: self.origin == Origin::Connected,
        }
    }

    /// What is known of the connection's two directions. `waits`: the link is one of those to be
    /// read.
    pub(crate) fn flow(&self, waits: bool) -> Flow {
        let paused = self.recv_queue.is_paused();
        let wire = self.wire.as_ref();
        let unread = |wire: &Wire| wire.readable || wire.reader.is_none();
        Flow {
            unread: paused || waits || wire.is_some_and(unread),
            paused,
            writable: wire.is_some_and(|wire| !wire.blocked && !wire.broken),
        }
    }

    /// Whether everything accepted for this peer is in the kernel or in the peer's hands.
    pub(crate) fn is_flushed(&self) -> bool {
        match &self.pipe {
            // What waits in a pipe whose other end exists is that end's already.
            Some((pipe, door)) => door.is_some() || pipe.waiting() == 0,
            None => {
                self.send_queue.undelivered() == 0
                    && self.send_queue.is_empty()
                    && self
                        .wire
                        .as_ref()
                        .is_none_or(|wire| wire.writer.as_ref().is_some_and(|w| w.is_idle()))
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
