//! What is behind a socket's one lock: the pattern, the links and their queues, and what waits.
//!
//! A machine without a clock, a thread or a poll: the time is an argument, and what has to be done
//! outside is left in [`Engine::actions`]. `drive` locks it, does its I/O and runs its actions.

pub(crate) mod actions;
mod admission;
mod admitting;
pub(crate) mod backoff;
mod closing;
mod heartbeat;
pub(crate) mod helpers;
pub(crate) mod inproc;
mod inspection;
mod jitter;
mod ledger;
mod pending;
mod raw;
pub(crate) mod reading;
mod receiving;
mod reconnect;
pub(crate) mod sending;
pub(crate) mod settings;
mod subscribing;
mod teardown;
mod timers;
mod worklist;
mod writing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use self::actions::{Action, Actions, Due};
use self::admission::Admission;
use self::backoff::Backoff;
use self::helpers::Helpers;
use self::jitter::Jitter;
use self::ledger::Ledger;
use self::worklist::Worklist;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::heat::Heat;
use crate::link::pipe::Watch;
use crate::link::reader::Pass;
use crate::link::{Link, Origin, Stage};
use crate::message::Message;
use crate::monitor::{Event, EventKind, EventQueue};
use crate::options::Options;
use crate::pattern::{Newcomer, Pattern};
use crate::peer::{PeerInfo, PeerRefusal};
use crate::reactor::{ConnectionId, Timer};
use crate::transport::Listener;
use crate::waiters::{Change, Waiters};
use crate::zmtp::connection::Heartbeats;
use crate::zmtp::outbox::Outbox;

/// How far a socket is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Open,
    /// No call is served any more; what was accepted is being delivered.
    Lingering,
    Closed,
}

/// A listener of this socket.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) endpoint: Arc<Endpoint>,
    /// `None` for inproc.
    pub(crate) listener: Option<Arc<Listener>>,
}

/// One socket. `D` is what drives it, of which it only knows where it is.
///
/// | What | Changed by | What holds |
/// |---|---|---|
/// | `links` | `drive` puts them in; [`teardown`] takes them out | a link with a token out is not taken out |
/// | `work` | what finds that a link waits | a link that waits for no event is on a list |
/// | `actions` | everything here | run and empty once the lock is released |
/// | `pattern` | all of it | what it believes of a link's room is what `update_room` told it last: [`Link::has_room`] |
/// | `admission` | [`admitting`], `welcome`; `drive` for what it accepts | counts a connection from `enter` to `leave`, each once |
/// | `ledger` | [`sending`], [`receiving`], [`teardown`] | what is owed is held by a link's receive queue |
/// | `life` | `drive` to `Lingering`; [`closing`] to `Closed` | `Closed`: there are no links |
/// | `fast_path` | `drive` | false while anything else of the engine is used |
/// | `suppressed` | [`inproc`] | `Some`: no caller sleeps |
#[derive(Debug)]
pub(crate) struct Engine<D> {
    options: Arc<Options>,
    jitter: Jitter,
    pub(crate) pattern: Pattern,
    pub(crate) links: Slab<Link>,
    pub(crate) waiters: Waiters<D>,
    pub(crate) heat: Heat,
    /// Which links wait for a pass.
    pub(crate) work: Worklist,
    pub(crate) helpers: Helpers,
    /// Links that are inproc.
    pub(crate) pipes: usize,
    /// Whether to wait awake for inproc peers.
    pub(crate) backoff: Backoff,
    /// The inproc link that announces nothing, because a caller waits awake. No caller sleeps while
    /// there is one.
    suppressed: Option<usize>,
    /// What departed subscribers left is being forgotten.
    pub(crate) forgetting: bool,
    /// A timer runs that will give buffers' memory back.
    trimming: bool,
    /// A pipe from which the last batch, of a stream, took all there was.
    emptied: Option<Watch>,
    /// Messages may be going round the engine now.
    pub(crate) fast_path: bool,
    pub(crate) admission: Admission,
    /// What is to be done once the lock is released.
    pub(crate) actions: Actions,
    pub(crate) bound: Vec<Bound>,
    pub(crate) last_endpoint: Option<Arc<Endpoint>>,
    pub(crate) life: Life,
    /// The socket is closed because its reactor has panicked; only true when `life` is `Closed`.
    pub(crate) reactor_died: bool,
    pub(crate) ledger: Ledger,
    /// Callers that wait for peers to come, or to subscribe.
    pub(crate) peers_awaited: usize,
    pub(crate) monitors: Vec<Arc<EventQueue>>,
    /// Names the next connection.
    generation: u32,
    heartbeats: Heartbeats,
    /// PUB encodes here, once for all subscribers.
    scratch: Outbox,
    /// The links that PUB's message goes to.
    chosen: Vec<usize>,
    /// Counts the batches that were taken for the front; wraps.
    batch: u32,
    spare_passes: Vec<Pass>,
}

impl<D> Engine<D> {
    pub(crate) fn new(pattern: Pattern, options: &Arc<Options>, seed: u64) -> Engine<D> {
        let heartbeats = settings::heartbeats(options, pattern.can().raw);
        Engine {
            options: Arc::clone(options),
            jitter: Jitter::new(seed),
            pattern,
            links: Slab::new(),
            waiters: Waiters::default(),
            heat: Heat::default(),
            work: Worklist::default(),
            helpers: Helpers::default(),
            pipes: 0,
            backoff: Backoff::default(),
            suppressed: None,
            forgetting: false,
            trimming: false,
            emptied: None,
            fast_path: false,
            admission: Admission::new(options),
            actions: Actions::default(),
            bound: Vec::new(),
            last_endpoint: None,
            life: Life::Open,
            reactor_died: false,
            ledger: Ledger::default(),
            peers_awaited: 0,
            monitors: Vec::new(),
            generation: 0,
            heartbeats,
            scratch: Outbox::default(),
            chosen: Vec::new(),
            batch: 0,
            spare_passes: Vec::new(),
        }
    }

    pub(crate) fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    /// The link at a place, unless that connection is past.
    pub(crate) fn link(&mut self, id: ConnectionId) -> Option<&mut Link> {
        self.links
            .get_mut(id.link)
            .filter(|link| link.generation == id.generation)
    }

    /// All that waits for the socket shall look again.
    pub(crate) fn wake_waiters(&mut self) {
        self.notify(Change::Any);
    }

    /// What waits for such a change shall look.
    #[inline]
    pub(crate) fn notify(&mut self, change: Change) {
        self.actions.notify(self.waiters.notify(change));
    }

    /// REQ and REP take turns: what waits already can be received once it is the turn to receive.
    #[inline]
    pub(crate) fn turned(&mut self) {
        self.actions.notify(self.waiters.turned());
    }

    /// The same for the turn to send.
    #[inline]
    pub(crate) fn turned_to_send(&mut self) {
        self.actions.notify(self.waiters.turned_to_send());
    }

    /// Why a socket that is not open serves no call.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match self.life {
            Life::Open => Ok(()),
            _ if self.reactor_died => Err(Error::ReactorDied),
            _ => Err(Error::Closed),
        }
    }

    // ----- spare parts -----

    pub(crate) fn take_pass(&mut self) -> Pass {
        self.spare_passes.pop().unwrap_or_default()
    }

    /// Keeps a few for the next passes: as many as threads read at once, and one more.
    fn return_pass(&mut self, pass: Pass) {
        let most = 2 + self.helpers.count();
        if self.spare_passes.len() < most {
            self.spare_passes.push(pass);
        }
    }

    // ----- the outside -----

    /// Tells monitors, and the log, what happened to a link.
    pub(crate) fn report(&mut self, key: usize, kind: EventKind) {
        if self.monitors.is_empty() && !cfg!(feature = "log") {
            return;
        }
        let Some(link) = self.links.get(key) else {
            return;
        };
        let peer_address = link
            .connection
            .as_ref()
            .map(|connection| connection.stream().peer_address());
        self.report_with(key, kind, peer_address);
    }

    /// The same, for a link whose connection is not there any more.
    fn report_with(&mut self, key: usize, kind: EventKind, address: Option<String>) {
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
    pub(crate) fn report_endpoint(&mut self, endpoint: &Arc<Endpoint>, kind: EventKind) {
        let endpoint = Arc::clone(endpoint);
        self.publish(Event {
            kind,
            endpoint,
            peer_address: None,
            peer: None,
        });
    }

    fn publish(&mut self, event: Event) {
        // A monitor that was dropped leaves its queue to us alone.
        self.monitors
            .retain(|monitor| Arc::strong_count(monitor) > 1);
        let event = Arc::new(event);
        for monitor in &self.monitors {
            monitor.push(Arc::clone(&event));
        }
        #[cfg(feature = "log")]
        self.actions.push(Action::Log(event));
    }

    // ----- links -----

    /// Makes a link known to the pattern.
    pub(crate) fn attach(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.attached {
            return;
        }
        link.attached = true;
        self.pattern.attach(key);
        if !link.recv_queue.is_empty() {
            self.pattern.set_readable(key, true);
        }
        self.update_room(key);
    }

    /// Tells the pattern whether a link has room: to be called whenever something changed on which
    /// [`Link::has_room`] depends. True: it has.
    pub(crate) fn update_room(&mut self, key: usize) -> bool {
        let immediate = self.options.immediate;
        let Some(link) = self.links.get(key) else {
            return false;
        };
        let room = link.has_room(immediate);
        if link.attached {
            self.pattern.set_room(key, room);
        }
        room
    }

    /// The peer of a link says its type and routing id: asks the pattern whether it takes it on.
    pub(crate) fn admit(&mut self, key: usize, peer: PeerInfo) -> Result<(), PeerRefusal> {
        self.attach(key);
        let Some(link) = self.links.get_mut(key) else {
            return Ok(());
        };
        let new = Newcomer {
            unread: link.recv_queue.len(),
            peer: link.peer.insert(Box::new(peer)),
        };
        let replaced = self.pattern.admit(key, new)?;
        if let Some(replaced) = replaced {
            self.replace(replaced);
        }
        self.try_refused();
        Ok(())
    }

    /// The same for an inproc peer, which takes no other's place.
    pub(crate) fn admit_inproc(&mut self, key: usize, peer: PeerInfo) -> Result<(), PeerRefusal> {
        self.attach(key);
        self.pattern.place_for(Some(key), &peer).inspect_err(|_| {
            // For the event that tells of it.
            if let Some(link) = self.links.get_mut(key) {
                link.peer = Some(Box::new(peer.clone()));
            }
        })?;
        self.admit(key, peer)
    }

    /// The peer of a link, which was admitted, is there: from now on it counts. Probes it, and tells
    /// SUB's subscriptions to it.
    pub(crate) fn established(&mut self, key: usize) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        if link.origin == Origin::Connected {
            self.pattern.connection_renewed(key);
            self.forget_departed();
        }
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.stage = Stage::Up;
        link.retry.established();
        link.connections = link.connections.saturating_add(1);
        let id = ConnectionId {
            link: key,
            generation: link.generation,
        };
        match &link.pipe {
            Some((_, Some(pipe_peer))) if link.greeted => {
                self.actions.push(Action::Announce(pipe_peer.clone()));
            }
            Some(_) => {}
            None if self.options.hello_message.is_empty() => {}
            None => link.session.push_greeting(&self.options.hello_message),
        }
        if self.pattern.probe() {
            if link.pipe.is_some() {
                self.put_into_pipe(key, Message::copy_from_slice(&[]));
            } else {
                link.session.push_greeting(&Message::copy_from_slice(&[]));
            }
        }
        self.update_room(key);
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some((pipe, Some(pipe_peer))) = &link.pipe {
            let mut any = false;
            self.pattern.for_each_subscription(|topic| {
                pipe.put_change(topic, true);
                any = true;
            });
            if any {
                self.actions.push(Action::Changes(pipe_peer.clone()));
            }
        } else {
            let session = &mut link.session;
            self.pattern
                .for_each_subscription(|topic| session.push_subscription(topic, true));
        }
        if let Some(mut message) = self.pattern.welcome_message() {
            self.queue(key, &mut message);
        }
        self.admission.end_handshake(id);
        self.resume_accepting();
        self.report(key, EventKind::HandshakeSucceeded);
        self.note(key);
        // A socket that only receives waits for messages, not for peers: a thousand that connect and say
        // nothing do not wake it.
        if self.pattern.can().sends || self.peers_awaited > 0 {
            self.wake_waiters();
        }
    }

    /// How many peers are there: counted when asked for, because a number that is kept beside the
    /// links' stages is one more thing that each way into and out of `Up` can forget.
    pub(crate) fn peers(&self) -> usize {
        let links = self.links.iter();
        links.filter(|(_, link)| link.is_established()).count()
    }

    /// Tells the pattern that a link has lost its peer for good, and what was refused for want of a
    /// place that there is one now.
    fn vacate(&mut self, tell: impl FnOnce(&mut Pattern)) {
        tell(&mut self.pattern);
        self.try_refused();
    }

    /// Has peers that were refused tried again, if the pattern has a place for one now.
    fn try_refused(&mut self) {
        if self.pattern.has_new_place() {
            self.actions.push(Action::TryRefused);
        }
    }

    /// Asks the reactor for a timer; one that never comes is not set.
    pub(crate) fn set_timer_after(&mut self, after: Duration, timer: Timer) {
        self.actions.push(Action::Timer(Due::After(after), timer));
    }

    /// Asks the reactor for a timer.
    pub(crate) fn set_timer(&mut self, at: Instant, timer: Timer) {
        self.actions.push(Action::Timer(Due::At(at), timer));
    }
}
