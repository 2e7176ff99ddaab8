//! What is behind a socket's one lock: the pattern, the links and their queues, and who waits.
//!
//! Nothing here makes a system call or takes another socket's lock. What has to be done after the
//! lock is released is left in [`State::actions`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use super::actions::{Action, Actions, Discarded, Due};
use super::admission::Admission;
use super::glance::Glance;
use super::helpers::Helpers;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::heat::Heat;
use crate::lease::Lease;
use crate::link::reader::Pass;
use crate::link::{Link, Origin, Stage};
use crate::monitor::{Event, EventKind, EventQueue};
use crate::options::Options;
use crate::pattern::Pattern;
use crate::peer::{PeerInfo, PeerRefusal};
use crate::reactor::{Place, Timer};
use crate::stats::Stats;
use crate::transport::Listener;
use crate::zmtp::encoder::Outbox;

/// What drives a socket's connections: its own poll. Holding it is the lease.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) poll: mio::Poll,
    pub(super) events: mio::Events,
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

/// Messages that left a link's inbox for the front and are not received yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loan {
    pub(super) link: usize,
    pub(super) epoch: u32,
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct State {
    pub(super) pattern: Pattern,
    pub(super) links: Slab<Link>,
    pub(super) lease: Lease<Driver>,
    pub(super) heat: Heat,
    /// Links that may have something to read, each once.
    pub(super) ready: VecDeque<usize>,
    /// Links that are being read now.
    pub(super) reading: usize,
    pub(super) helpers: Helpers,
    /// Links that have something to write, each once.
    pub(super) dirty: Vec<usize>,
    /// Links that are inproc.
    pub(super) pipes: usize,
    pub(super) glance: Glance,
    /// The inproc link that sends without a word, because somebody waits awake. Nobody sleeps
    /// while there is one.
    pub(super) hushed: Option<usize>,
    /// What departed subscribers left is being forgotten.
    pub(super) forgetting: bool,
    /// A timer runs that will give buffers' memory back.
    pub(super) slimming: bool,
    /// The link whose messages may be taking the shortcut now.
    pub(super) shortcut: Option<usize>,
    /// Links that have just lost their connection and want a new one.
    pub(super) reconnect: Vec<usize>,
    /// Links to be written now by whoever comes first: their connection takes bytes again, or they
    /// are many and helpers exist.
    pub(super) due: Vec<usize>,
    /// Links whose outbox is worth a write although they are hot.
    pub(super) batches: Vec<usize>,
    pub(super) admission: Admission,
    /// A timer runs for the oldest handshake.
    pub(super) pending_timer: bool,
    /// A timer runs after which a listener that waits may ask again.
    pub(super) accept_timer: bool,
    /// When monitors were told last that listeners do not accept.
    pub(super) told_shut: Option<Instant>,
    /// What is to be done once the lock is released.
    pub(super) actions: Actions,
    pub(super) bound: Vec<Bound>,
    pub(super) last_endpoint: Option<Arc<Endpoint>>,
    pub(super) life: Life,
    /// The socket is closed because its reactor has panicked; only true when `life` is `Closed`.
    pub(super) reactor_died: bool,
    pub(super) undelivered: u64,
    pub(super) stats: Stats,
    pub(super) monitors: Vec<Arc<EventQueue>>,
    /// Names the next connection.
    pub(super) serial: u32,
    /// Pause between two PINGs.
    pub(super) heartbeat: Option<Duration>,
    /// PUB encodes here, once for all subscribers.
    pub(super) scratch: Outbox,
    /// The links that PUB's message goes to.
    pub(super) chosen: Vec<usize>,
    pub(super) lent: Vec<Loan>,
    /// Counts the batches that were taken for the front; wraps.
    pub(super) batch: u32,
    spare_passes: Vec<Pass>,
}

impl State {
    pub(super) fn new(pattern: Pattern, options: &Options) -> State {
        State {
            pattern,
            links: Slab::new(),
            lease: Lease::default(),
            heat: Heat::default(),
            ready: VecDeque::new(),
            reading: 0,
            helpers: Helpers::default(),
            dirty: Vec::new(),
            pipes: 0,
            glance: Glance::default(),
            hushed: None,
            forgetting: false,
            slimming: false,
            shortcut: None,
            reconnect: Vec::new(),
            due: Vec::new(),
            batches: Vec::new(),
            admission: Admission::new(options),
            pending_timer: false,
            accept_timer: false,
            told_shut: None,
            actions: Actions::default(),
            bound: Vec::new(),
            last_endpoint: None,
            life: Life::Open,
            reactor_died: false,
            undelivered: 0,
            stats: Stats::default(),
            monitors: Vec::new(),
            serial: 0,
            heartbeat: options.heartbeat_interval,
            scratch: Outbox::default(),
            chosen: Vec::new(),
            lent: Vec::new(),
            batch: 0,
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
        self.actions.notify(self.lease.ring());
    }

    /// Why a socket that is not open serves no call.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match self.life {
            Life::Open => Ok(()),
            _ if self.reactor_died => Err(Error::ReactorDied),
            _ => Err(Error::Closed),
        }
    }

    // ----- spare parts -----

    pub(super) fn take_pass(&mut self) -> Pass {
        self.spare_passes.pop().unwrap_or_default()
    }

    /// Keeps a few for the next passes: as many as threads read at once, and one more.
    pub(super) fn return_pass(&mut self, pass: Pass) {
        let most = 2 + self.helpers.count();
        if self.spare_passes.len() < most {
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

    /// The peer of a link says who it is: asks the pattern whether it takes it on.
    pub(super) fn admit(&mut self, key: usize, peer: PeerInfo) -> Result<(), PeerRefusal> {
        self.attach(key);
        let Some(link) = self.links.get_mut(key) else {
            return Ok(());
        };
        let peer = link.peer.insert(Box::new(peer));
        self.pattern.admit(key, peer)
    }

    /// The peer of a link, which was admitted, is there: from now on it counts. Tells SUB's
    /// subscriptions to it.
    pub(super) fn welcome(&mut self, key: usize) {
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
        link.failures = 0;
        let place = Place {
            link: key,
            serial: link.serial,
        };

        if link.pipe.is_none() {
            self.pattern
                .set_room(key, !link.outward.is_full() && !link.leaving);
        }
        if let Some((pipe, Some(door))) = &link.pipe {
            let mut any = false;
            self.pattern.for_each_subscription(|topic| {
                pipe.put_change(topic, true);
                any = true;
            });
            if any {
                self.actions.push(Action::Changes(door.clone()));
            }
        } else {
            let (control, form) = (&mut link.control, link.form);
            self.pattern
                .for_each_subscription(|topic| control.push_subscription(topic, true, form));
        }
        self.admission.pending.leave(place);
        self.resume_accepting();
        self.report(key, EventKind::HandshakeSucceeded);
        // Who only receives waits for messages, not for peers: a thousand that connect and say
        // nothing do not wake it.
        if self.pattern.can().sends {
            self.wake_waiters();
        }
    }

    /// How many peers are there: counted when asked for, because a number that is kept beside the
    /// links' stages is one more thing that each way into and out of `Up` can forget.
    pub(super) fn peers(&self) -> usize {
        let links = self.links.iter();
        links.filter(|(_, link)| link.stage == Stage::Up).count()
    }

    /// Tells the pattern that a link has lost its peer for good, and what was refused for want of a
    /// place that there is one now.
    pub(super) fn vacate(&mut self, tell: impl FnOnce(&mut Pattern)) {
        let full = self.pattern.place_for(None).is_err();
        tell(&mut self.pattern);
        if full && self.pattern.place_for(None).is_ok() {
            self.actions.push(Action::TryRefused);
        }
    }

    /// Forgets a link altogether. Nobody holds its tokens.
    pub(super) fn remove_link(&mut self, key: usize) {
        let Some(mut link) = self.links.try_remove(key) else {
            return;
        };
        if link.attached {
            self.vacate(|pattern| pattern.detach(key));
            self.forget_departed();
        }
        let place = Place {
            link: key,
            serial: link.serial,
        };
        if link.wire.is_some() {
            self.release_connection(place, link.origin);
        }
        let (messages, bytes) = (link.inward.messages(), link.inward.bytes());
        self.note_received(link.has_departed(), messages, bytes);
        if link.far_end.is_some() {
            let endpoint = Arc::clone(&link.endpoint);
            self.actions.push(Action::StopSeeking(endpoint, place));
        }
        if link.pipe.is_some() {
            self.pipes = self.pipes.saturating_sub(1);
        }
        if let Some((pipe, Some(door))) = &link.pipe {
            pipe.end();
            self.actions.push(Action::Hang(door.clone()));
        }
        if let Some(wire) = link.wire.take() {
            self.actions.push(Action::Close(wire));
        }
        self.actions.discard(Discarded::Link(Box::new(link)));
        // A REQ that waits for this peer learns that it is gone.
        self.wake_waiters();
    }

    /// Asks the reactor for a timer; one that never comes is not set.
    pub(super) fn set_timer_after(&mut self, after: Duration, timer: Timer) {
        self.actions.push(Action::Timer(Due::After(after), timer));
    }

    /// Asks the reactor for a timer.
    pub(super) fn set_timer(&mut self, at: Instant, timer: Timer) {
        self.actions.push(Action::Timer(Due::At(at), timer));
    }
}
