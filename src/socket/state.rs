//! What is behind a socket's one lock: the pattern, the links and their queues, and who waits.
//!
//! Nothing here makes a system call or takes another socket's lock. What has to be done after the
//! lock is released is left in [`State::errands`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use slab::Slab;

use crate::endpoint::Endpoint;
use crate::error::{RecvError, SendErrorKind};
use crate::heat::Heat;
use crate::lease::{Lease, Ring};
use crate::link::pipe::Door;
use crate::link::reader::{Pass, ReadBuffer};
use crate::link::{Link, Origin, Stage, Wire};
use crate::message::Message;
use crate::monitor::{Event, EventKind, EventQueue};
use crate::pattern::{Pattern, Refusal, Route};
use crate::peer::PeerInfo;
use crate::reactor::{Command, Place, SocketId, Timer};
use crate::stats::Stats;
use crate::transport::{Listener, Stream};
use crate::tuning;
use crate::zmtp::encoder::Outbox;

/// What drives a socket's connections: its own poll. Holding it is the lease.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) poll: mio::Poll,
    pub(super) events: mio::Events,
}

/// Something to be done once the lock is released.
#[derive(Debug)]
pub(super) enum Errand {
    Reactor(Command),
    /// Tell the other end of a pipe.
    Announce(Door),
    GiveRoom(Door),
    Hang(Door),
    Subscribe(Door, Bytes, bool),
    /// Close a connection: a system call.
    Close(Wire),
    /// Tell the peer that no more comes: a system call.
    Shutdown(Arc<Stream>),
    /// Closed to the end: tell the context.
    Leave,
    #[cfg(feature = "log")]
    Log(Event),
}

/// How far a socket is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Open,
    /// No call is served any more; what was accepted is being delivered.
    Lingering,
    Closed,
}

/// A listener of this socket.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) endpoint: Arc<Endpoint>,
    /// `None` for inproc.
    pub(super) listener: Option<Arc<Listener>>,
}

/// Whether waiting awake for an inproc peer pays: it does in a stream or a quick exchange, and is
/// waste when messages are rare.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Glance {
    /// Waits still to be slept through before the next try.
    blind: u8,
    /// How many that will be after the next vain try.
    next: u8,
}

impl Glance {
    pub(super) fn pays(&mut self) -> bool {
        let pays = self.blind == 0;
        self.blind = self.blind.saturating_sub(1);
        pays
    }

    pub(super) fn learn(&mut self, paid: bool) {
        if paid {
            *self = Glance::default();
        } else {
            self.next = (self.next * 2 + 1).min(tuning::BLIND_WAITS);
            self.blind = self.next;
        }
    }
}

/// Messages that left a link's inbox for the front and are not received yet.
#[derive(Clone, Copy, Debug)]
struct Loan {
    link: usize,
    epoch: u32,
    messages: usize,
    bytes: usize,
}

/// What an offered message met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Taken,
    /// Nobody has room.
    Full,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct State {
    pub(super) id: SocketId,
    pub(super) pattern: Pattern,
    pub(super) links: Slab<Link>,
    pub(super) lease: Lease<Driver>,
    pub(super) heat: Heat,
    /// Links that may have something to read, each once.
    pub(super) ready: VecDeque<usize>,
    /// Links that have something to write, each once.
    pub(super) dirty: Vec<usize>,
    /// Links that are inproc.
    pub(super) pipes: usize,
    pub(super) glance: Glance,
    /// Changes that waiting callers were rung for: one who looked away sees whether any came.
    pub(super) changes: u32,
    /// The link whose messages may be taking the shortcut now.
    pub(super) shortcut: Option<usize>,
    /// Links that have just lost their connection and want a new one.
    pub(super) reconnect: Vec<usize>,
    /// Links whose connection takes bytes again.
    pub(super) unblocked: Vec<usize>,
    /// Links whose outbox is worth a write although they are hot.
    pub(super) batches: Vec<usize>,
    /// Accepted links in their handshake, oldest first; stale places are skipped.
    pub(super) strangers: VecDeque<Place>,
    pub(super) errands: Vec<Errand>,
    /// Who waits must be woken when the lock is released.
    pub(super) ring: Ring,
    pub(super) bound: Vec<Bound>,
    pub(super) last_endpoint: Option<Arc<Endpoint>>,
    pub(super) life: Life,
    pub(super) undelivered: u64,
    pub(super) stats: Stats,
    pub(super) monitors: Vec<Arc<EventQueue>>,
    /// Names the next connection.
    pub(super) serial: u32,
    /// Pause between two PINGs.
    pub(super) heartbeat: Option<Duration>,
    /// PUB encodes here, once for all subscribers.
    scratch: Outbox,
    /// The links that PUB's message goes to.
    chosen: Vec<usize>,
    lent: Vec<Loan>,
    spare_buffers: Vec<Box<ReadBuffer>>,
    spare_passes: Vec<Pass>,
}

impl State {
    pub(super) fn new(id: SocketId, pattern: Pattern, heartbeat: Option<Duration>) -> State {
        State {
            id,
            pattern,
            links: Slab::new(),
            lease: Lease::default(),
            heat: Heat::default(),
            ready: VecDeque::new(),
            dirty: Vec::new(),
            pipes: 0,
            glance: Glance::default(),
            changes: 0,
            shortcut: None,
            reconnect: Vec::new(),
            unblocked: Vec::new(),
            batches: Vec::new(),
            strangers: VecDeque::new(),
            errands: Vec::new(),
            ring: Ring::default(),
            bound: Vec::new(),
            last_endpoint: None,
            life: Life::Open,
            undelivered: 0,
            stats: Stats::default(),
            monitors: Vec::new(),
            serial: 0,
            heartbeat,
            scratch: Outbox::default(),
            chosen: Vec::new(),
            lent: Vec::new(),
            spare_buffers: Vec::new(),
            spare_passes: Vec::new(),
        }
    }

    pub(super) fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// The link at a place, unless that connection is past.
    pub(super) fn link(&mut self, place: Place) -> Option<&mut Link> {
        self.links
            .get_mut(place.link)
            .filter(|link| link.serial == place.serial)
    }

    /// Whoever waits shall look again.
    #[inline]
    pub(super) fn wake_waiters(&mut self) {
        self.changes = self.changes.wrapping_add(1);
        let ring = self.lease.ring();
        self.ring.poll |= ring.poll;
        self.ring.followers |= ring.followers;
    }

    // ----- out -----

    /// Routes a message and queues it for its peers. Takes it out of `message` only when it was
    /// accepted.
    #[inline]
    pub(super) fn offer(&mut self, message: &mut Message) -> Result<Offer, SendErrorKind> {
        if self.life != Life::Open {
            return Err(SendErrorKind::Closed);
        }
        match self.pattern.route(message) {
            Route::To(key) => {
                if self.pattern.starts_afresh() {
                    self.forget_inboxes();
                }
                self.queue(key, message);
                Ok(Offer::Taken)
            }
            Route::ToMany { links, full } => {
                // The list belongs to the pattern, which is told of each link as it fills.
                self.chosen.clear();
                self.chosen.extend_from_slice(links);
                self.stats.dropped += full as u64;
                self.queue_for_many(std::mem::take(message));
                Ok(Offer::Taken)
            }
            Route::Drop => {
                self.stats.dropped += 1;
                *message = Message::new();
                Ok(Offer::Taken)
            }
            Route::Wait => Ok(Offer::Full),
            Route::Refused(refusal) => Err(send_refusal(refusal)),
        }
    }

    /// Queues a message for one peer; takes it out of `message`, or leaves a copy that is not
    /// needed any more.
    #[inline]
    fn queue(&mut self, key: usize, message: &mut Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.stats.sent += 1;
        if link.pipe.is_some() {
            return self.put_into_pipe(key, std::mem::take(message));
        }
        let before = link.outbox.bytes();
        link.outbox.push(message);
        let bytes = link.outbox.bytes() - before;
        self.queued(key, bytes);
    }

    /// Books what was just put into a link's outbox, and has it written.
    #[inline]
    fn queued(&mut self, key: usize, bytes: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let full = link.outward.add(1, bytes);
        if link.dirty && !link.has_batch() {
            return;
        }
        self.queued_first_or_last(key, full);
    }

    /// The message that makes a link dirty, and those that are worth a write.
    #[cold]
    pub(super) fn queued_first_or_last(&mut self, key: usize, full: bool) {
        if full {
            self.pattern.set_room(key, false);
        }
        if self.links.get(key).is_some_and(Link::is_up) {
            self.mark_dirty(key);
            let batch = self.links.get(key).is_some_and(Link::has_batch);
            if batch && self.heat.is_hot() && !self.batches.contains(&key) {
                self.batches.push(key);
            }
        }
    }

    fn queue_for_many(&mut self, message: Message) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let chosen = std::mem::take(&mut self.chosen);
        scratch.clear();
        for &key in &chosen {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            self.stats.sent += 1;
            if link.pipe.is_some() {
                self.put_into_pipe(key, message.clone());
                continue;
            }
            if scratch.is_empty() {
                scratch.push(&message);
            }
            link.outbox.append_copy(&scratch);
            self.queued(key, scratch.bytes());
        }
        self.scratch = scratch;
        self.chosen = chosen;
    }

    fn put_into_pipe(&mut self, key: usize, message: Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some((pipe, door)) = &link.pipe else {
            return;
        };
        let put = pipe.put(message);
        if put.full {
            self.pattern.set_room(key, false);
        }
        if let (true, Some(door)) = (put.announce, door) {
            self.errands.push(Errand::Announce(door.clone()));
        }
    }

    // ----- in -----

    /// The next message for the application, if there is one.
    #[inline]
    pub(super) fn take_message(&mut self) -> Result<Option<Message>, RecvError> {
        if self.life != Life::Open {
            return Err(RecvError::Closed);
        }
        if let Err(refusal) = self.pattern.may_receive() {
            return Err(recv_refusal(refusal));
        }
        while let Some(key) = self.pattern.next() {
            let Some(link) = self.links.get_mut(key) else {
                self.pattern.set_readable(key, false);
                continue;
            };
            let Some(message) = link.inbox.pop_front() else {
                self.refill(key);
                continue;
            };
            let regained = link.inward.sub(1, message.byte_len());
            let resume = regained && std::mem::take(&mut link.paused);
            let empty = link.inbox.is_empty();
            let taken = self.pattern.incoming(key, message);
            if resume {
                self.resume_reading(key);
            }
            if empty {
                self.refill(key);
            }
            if let Some(message) = taken {
                self.stats.received += 1;
                return Ok(Some(message));
            }
        }
        // What was discarded on the way may have been the last that a lost peer had to say.
        match self.pattern.may_receive() {
            Ok(()) => Ok(None),
            Err(refusal) => Err(recv_refusal(refusal)),
        }
    }

    /// Moves what can be received to `front`, which is empty: all of a lone talker's inbox at the cost
    /// of one message, or a round of turns of several.
    ///
    /// What is in front still counts as waiting to be received: it is credited to its link when
    /// the front is used up and this is called again.
    pub(super) fn take_batch(&mut self, front: &mut VecDeque<Message>) {
        self.repay();
        while front.is_empty() {
            let Some(key) = self.pattern.next() else {
                return;
            };
            if self.links.get(key).is_none_or(|link| link.inbox.is_empty()) {
                self.refill(key);
            } else if self.pattern.next() == Some(key) {
                self.take_all(key, front);
            } else {
                self.take_turns(front);
            }
            self.pattern.filter(front);
        }
        self.stats.received += front.len() as u64;
    }

    fn take_all(&mut self, key: usize, front: &mut VecDeque<Message>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        std::mem::swap(&mut link.inbox, front);
        let (messages, bytes) = (link.inward.messages(), link.inward.bytes());
        self.lent.push(Loan {
            link: key,
            epoch: link.epoch,
            messages,
            bytes,
        });
        if link.pipe.is_none() {
            self.refill(key);
        }
    }

    fn take_turns(&mut self, front: &mut VecDeque<Message>) {
        while front.len() < tuning::TURNS {
            let Some(key) = self.pattern.next() else {
                return;
            };
            let Some(link) = self.links.get_mut(key) else {
                return self.refill(key);
            };
            let Some(message) = link.inbox.pop_front() else {
                return self.refill(key);
            };
            let (epoch, bytes) = (link.epoch, message.byte_len());
            self.lent.push(Loan {
                link: key,
                epoch,
                messages: 1,
                bytes,
            });
            let empty = link.inbox.is_empty() && link.pipe.is_none();
            front.push_back(message);
            if empty {
                self.refill(key);
            }
        }
    }

    /// The front is used up: its messages are received.
    fn repay(&mut self) {
        while let Some(loan) = self.lent.pop() {
            let Some(link) = self.links.get_mut(loan.link) else {
                continue;
            };
            if link.epoch != loan.epoch {
                continue;
            }
            let regained = link.inward.sub(loan.messages, loan.bytes);
            if regained && std::mem::take(&mut link.paused) {
                self.resume_reading(loan.link);
            }
        }
    }

    /// A link's inbox is empty: takes the next batch of an inproc peer, or notes that there is
    /// nothing, or sees the link off that has nothing more to say.
    fn refill(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some((pipe, door)) = &link.pipe {
            let taken = pipe.take(&mut link.inbox);
            if let (true, Some(door)) = (taken.room, door) {
                self.errands.push(Errand::GiveRoom(door.clone()));
            }
            if taken.messages > 0 {
                return;
            }
            if taken.ended {
                link.stage = Stage::Draining;
            }
        }
        self.pattern.set_readable(key, false);
        if link.stage == Stage::Draining {
            self.remove_link(key);
        }
    }

    /// An inbox that was full has room: read its connection again.
    fn resume_reading(&mut self, key: usize) {
        self.enqueue(key);
        if self.lease.is_reactors() {
            // Nobody else would come by.
            self.errands.push(Errand::Reactor(Command::Ready(self.id)));
        }
    }

    /// Puts a link on the list of those to be read.
    pub(super) fn enqueue(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if !link.queued {
            link.queued = true;
            self.ready.push_back(key);
        }
    }

    /// REQ: replies to earlier requests are thrown away before a new one goes out.
    fn forget_inboxes(&mut self) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            if let Some((pipe, door)) = &link.pipe {
                if let (true, Some(door)) = (pipe.clear_inward(), door) {
                    self.errands.push(Errand::GiveRoom(door.clone()));
                }
            }
            if link.inbox.is_empty() {
                continue;
            }
            link.inbox.clear();
            link.inward.settle(0, 0);
            if std::mem::take(&mut link.paused) {
                self.resume_reading(key);
            }
            self.refill(key);
        }
    }

    // ----- spare parts -----

    pub(super) fn take_spares(&mut self) -> (Option<Box<ReadBuffer>>, Pass) {
        (
            self.spare_buffers.pop(),
            self.spare_passes.pop().unwrap_or_default(),
        )
    }

    /// Keeps a few buffers for the next passes; more than a handful of threads never read at once.
    pub(super) fn return_spares(&mut self, buffer: Option<Box<ReadBuffer>>, pass: Pass) {
        const MOST: usize = 2;
        if let Some(buffer) = buffer {
            if self.spare_buffers.len() < MOST {
                self.spare_buffers.push(buffer);
            }
        }
        if self.spare_passes.len() < MOST {
            self.spare_passes.push(pass);
        }
    }

    // ----- the outside -----

    /// Tells monitors, and the log, what happened to a link.
    pub(super) fn report(&mut self, key: usize, kind: EventKind) {
        if self.monitors.is_empty() && !cfg!(feature = "log") {
            return;
        }
        let Some(link) = self.links.get(key) else {
            return;
        };
        let peer_address = link.wire.as_ref().map(|wire| wire.stream.peer_address());
        self.report_with(key, kind, peer_address);
    }

    /// The same, for a link whose connection is not there any more.
    pub(super) fn report_with(&mut self, key: usize, kind: EventKind, address: Option<String>) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let event = Event {
            kind,
            endpoint: Arc::clone(&link.endpoint),
            peer_address: address,
            peer: link.peer.as_deref().cloned(),
        };
        self.publish(event);
    }

    /// Tells monitors, and the log, what happened to an endpoint.
    pub(super) fn report_endpoint(&mut self, endpoint: &Arc<Endpoint>, kind: EventKind) {
        let endpoint = Arc::clone(endpoint);
        self.publish(Event {
            kind,
            endpoint,
            peer_address: None,
            peer: None,
        });
    }

    fn publish(&mut self, event: Event) {
        for monitor in &self.monitors {
            monitor.push(event.clone());
        }
        #[cfg(feature = "log")]
        self.errands.push(Errand::Log(event));
    }

    // ----- links -----

    /// Makes a link known to the pattern.
    pub(super) fn attach(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.attached {
            return;
        }
        link.attached = true;
        self.pattern.attach(key);
        if !link.inbox.is_empty() {
            self.pattern.set_readable(key, true);
        }
    }

    /// The peer of a link is there: counts it, and tells SUB's subscriptions to it.
    pub(super) fn welcome(&mut self, key: usize, peer: PeerInfo) {
        self.attach(key);
        self.stats.peers += 1;
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.origin == Origin::Connected {
            self.pattern.connection_renewed(key);
        }
        link.peer = Some(Box::new(peer));
        link.stage = Stage::Up;
        link.failures = 0;
        if link.pipe.is_none() {
            self.pattern
                .set_room(key, !link.outward.is_full() && !link.leaving);
        }
        if let Some((_, Some(door))) = &link.pipe {
            let errands = &mut self.errands;
            self.pattern.for_each_subscription(|topic| {
                let topic = Bytes::copy_from_slice(topic);
                errands.push(Errand::Subscribe(door.clone(), topic, true));
            });
        } else {
            let (control, form) = (&mut link.control, link.form);
            self.pattern
                .for_each_subscription(|topic| control.push_subscription(topic, true, form));
        }
        self.report(key, EventKind::HandshakeSucceeded);
        self.wake_waiters();
    }

    /// Forgets a link altogether. Nobody holds its tokens.
    pub(super) fn remove_link(&mut self, key: usize) {
        let Some(link) = self.links.try_remove(key) else {
            return;
        };
        if link.attached {
            self.pattern.detach(key);
        }
        if link.stage == Stage::Up && link.pipe.is_some() {
            self.stats.peers = self.stats.peers.saturating_sub(1);
        }
        if link.pipe.is_some() {
            self.pipes = self.pipes.saturating_sub(1);
        }
        if let Some((pipe, Some(door))) = &link.pipe {
            pipe.end();
            self.errands.push(Errand::Hang(door.clone()));
        }
        if let Some(wire) = link.wire {
            self.errands.push(Errand::Close(wire));
        }
        // A REQ that waits for this peer learns that it is gone.
        self.wake_waiters();
    }

    /// Sends a subscription, or takes one back, to every peer that is there.
    pub(super) fn forward_subscription(&mut self, topic: &[u8], subscribe: bool) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            if link.stage != Stage::Up {
                continue;
            }
            if let Some((_, Some(door))) = &link.pipe {
                let topic = Bytes::copy_from_slice(topic);
                self.errands
                    .push(Errand::Subscribe(door.clone(), topic, subscribe));
            } else {
                link.control.push_subscription(topic, subscribe, link.form);
                if !link.dirty {
                    link.dirty = true;
                    self.dirty.push(key);
                }
            }
        }
    }

    /// Asks the reactor for a timer.
    pub(super) fn set_timer(&mut self, at: Instant, timer: Timer) {
        self.errands
            .push(Errand::Reactor(Command::Timer(self.id, at, timer)));
    }
}

fn send_refusal(refusal: Refusal) -> SendErrorKind {
    match refusal {
        Refusal::Unsupported => SendErrorKind::Unsupported,
        Refusal::MustReceiveFirst | Refusal::MustSendFirst | Refusal::PeerGone => {
            SendErrorKind::MustReceiveFirst
        }
    }
}

fn recv_refusal(refusal: Refusal) -> RecvError {
    match refusal {
        Refusal::Unsupported => RecvError::Unsupported,
        Refusal::PeerGone => RecvError::PeerGone,
        Refusal::MustSendFirst | Refusal::MustReceiveFirst => RecvError::MustSendFirst,
    }
}
