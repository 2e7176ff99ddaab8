//! What is behind a socket's one lock: the pattern, the links and their queues, and what waits.
//!
//! A machine without a clock, a thread or a poll: the time is an argument, and what has to be done
//! outside is left in [`Engine::actions`]. `drive` locks it, does its I/O and runs its actions.

pub(crate) mod acknowledged;
pub(crate) mod actions;
mod admission;
mod admitting;
pub(crate) mod backoff;
mod closing;
mod conflating;
mod datagrams;
mod endpoints;
pub(crate) mod fast_path;
mod heartbeat;
pub(crate) mod helpers;
pub(crate) mod inproc;
mod inspection;
mod jitter;
mod ledger;
mod losses;
#[cfg(feature = "metrics")]
pub(crate) mod meter;
mod monitors;
mod peers;
mod pending;
mod pipes;
mod raw;
pub(crate) mod reading;
mod receiving;
mod reconnect;
mod requests;
pub(crate) mod sending;
pub(crate) mod settings;
mod subscribing;
mod teardown;
pub(crate) mod timers;
pub(crate) mod waiting;
mod worklist;
pub(crate) mod writing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use self::actions::{Action, ActionList, Actions, Discarded, Due};
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
use crate::monitor::EventQueue;
use crate::options::Options;
use crate::pattern::{Capabilities, Pattern};
use crate::reactor::{ConnectionId, Timer};
use crate::transport::Listener;
use crate::waiters::{Change, Waiters};
use crate::zmtp::connection::Heartbeats;
use crate::zmtp::outbox::Outbox;

/// How far a socket is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// No call is served any more; what was accepted is being delivered.
    Lingering,
    Closed,
}

/// An endpoint that this socket is bound to.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) endpoint: Arc<Endpoint>,
    /// `None` for inproc.
    pub(crate) listener: Option<Arc<Listener>>,
}

/// One socket. `D` is what drives it, of which it only knows where it is.
///
/// No file outside this folder reads or changes a field. What a field's value guards by itself, because its
/// own fields are private, `drive` reaches by a method that hands it out: [`Engine::waiters`],
/// [`Engine::work`] and [`Engine::helpers`].
///
/// | What | Changed by | What holds |
/// |---|---|---|
/// | `options` | [`settings`], as a whole | `heartbeats`, and what the pattern, the queues and `admission` were told, follow from it |
/// | `jitter` | [`reconnect`], [`settings`] | |
/// | `pattern` | all of it | it knows a link that is attached, and of its room what `update_room` ([`peers`]) said last |
/// | `links` | put in by `add_link`; taken out by [`teardown`], and by [`endpoints`] if the pattern refuses the id | a token that comes home finds its connection by its id, or none |
/// | `waiters` | [`waiting`], `notify`, [`closing`]; `drive` for the driver's comings and goings | their own tables |
/// | `heat` | [`writing`] | cold for ever if the pattern takes turns |
/// | `work` | what finds that a link waits for a pass; `drive` takes off what it does | a link that waits for a pass, and for no event, is on a list |
/// | `helpers` | [`waiting`] when there is a poll; `drive` asks and puts back | none with one reactor thread |
/// | `pipes` | [`pipes`], [`inproc`], [`teardown`] | the number of links that have a pipe |
/// | `backoff` | [`waiting`] | |
/// | `suppressed` | [`pipes`](mod@pipes) | `Some`: no caller sleeps |
/// | `forgetting` | [`subscribing`] | true: an action or a timer is on its way that goes on until nothing departed is left |
/// | `trimming` | [`writing`] | true: a timer runs, which clears it or runs on |
/// | `emptied` | [`receiving`] | of the inbox that was filled last; told with a batch if it was that one's |
/// | `fast_path` | [`fast_path`](mod@fast_path), for `drive` | true only while the engine is not locked: what locks it books what went round it first |
/// | `admission` | [`admitting`], [`teardown`], [`peers`]; its bounds by [`settings`] | counts a connection from `enter` to `leave`, each once |
/// | `actions` | everything here | run, and empty, once the lock is released; only while a thread has a token or the driver do they wait |
/// | `bound` | [`endpoints`]; [`closing`] takes all | empty unless `life` is `Open` |
/// | `last_endpoint` | [`endpoints`], [`datagrams`] | |
/// | `life` | [`closing`] | never goes back; `Closed`: there are no links |
/// | `reactor_died` | [`closing`] | never cleared; true: `life` is not `Open` |
/// | `ledger` | [`sending`], [`fast_path`](mod@fast_path), [`receiving`], [`conflating`], [`subscribing`], [`raw`], [`losses`] | what is owed is held by a link's receive queue |
/// | `peers_awaited` | [`peers`] | the number of callers between `begin_awaiting_peers` and `end_awaiting_peers` |
/// | `monitors` | [`monitors`](mod@monitors); ended by [`closing`] | none once `Closed` |
/// | `generation` | `next_generation` | wraps; no two connections of one link have the same |
/// | `heartbeats` | [`settings`] | |
/// | `scratch` | [`sending`] | empty between two calls: it keeps its memory |
/// | `chosen` | [`sending`] | means something only within a call: it keeps its memory |
/// | `batch` | [`receiving`] | a link that says the same has given to the batch that is being taken |
/// | `spare_passes` | [`reading`], `take_pass` | a few more than threads read at once, and empty |
#[derive(Debug)]
pub(crate) struct Engine<D> {
    options: Arc<Options>,
    /// Keeps many peers' reconnects out of step.
    jitter: Jitter,
    pattern: Pattern,
    links: Slab<Link>,
    waiters: Waiters<D>,
    heat: Heat,
    /// Which links wait for a pass.
    work: Worklist,
    helpers: Helpers,
    /// Links that are inproc.
    pipes: usize,
    /// Whether to wait awake for inproc peers.
    backoff: Backoff,
    /// The inproc link that announces nothing, because a caller waits awake.
    suppressed: Option<usize>,
    /// What departed subscribers left is being forgotten.
    forgetting: bool,
    /// A timer runs that will give buffers' memory back.
    trimming: bool,
    /// A pipe from which the last batch, of a stream, took all there was.
    emptied: Option<Watch>,
    /// Messages may be going round the engine now.
    fast_path: bool,
    admission: Admission,
    /// What is to be done once the lock is released.
    actions: Actions,
    bound: Vec<Bound>,
    last_endpoint: Option<Arc<Endpoint>>,
    life: Life,
    /// The socket is closed, or being closed, because its reactor has panicked.
    reactor_died: bool,
    ledger: Ledger,
    /// What metrics are still to be told.
    #[cfg(feature = "metrics")]
    meter: meter::Meter,
    /// Callers that wait for peers to come, or to subscribe.
    peers_awaited: usize,
    monitors: Vec<Arc<EventQueue>>,
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
            #[cfg(feature = "metrics")]
            meter: meter::Meter::default(),
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

    fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    /// Makes a link.
    fn add_link(&mut self, origin: Origin, stage: Stage, endpoint: &Arc<Endpoint>) -> ConnectionId {
        let id = ConnectionId {
            link: self.links.vacant_key(),
            generation: self.next_generation(),
        };
        let link = Link::new(id, origin, stage, Arc::clone(endpoint), &self.options);
        self.links.insert(link);
        id
    }

    /// The link at a place, unless that connection is past.
    fn link(&mut self, id: ConnectionId) -> Option<&mut Link> {
        self.links.get_mut(id.link).filter(|link| link.id() == id)
    }

    /// Whether there still is this connection, or a link that waits for it.
    pub(crate) fn has_link(&mut self, id: ConnectionId) -> bool {
        self.link(id).is_some()
    }

    /// What the socket's type can do.
    pub(crate) fn can(&self) -> Capabilities {
        self.pattern.can()
    }

    /// Whether a message could be sent now, as far as room goes.
    pub(crate) fn has_room(&self) -> bool {
        self.pattern.has_room()
    }

    // ----- what is to be done, and what waits -----

    /// Which links wait for a pass.
    #[inline]
    pub(crate) fn work(&mut self) -> &mut Worklist {
        &mut self.work
    }

    /// The reactors that may be asked for help.
    #[inline]
    pub(crate) fn helpers(&mut self) -> &mut Helpers {
        &mut self.helpers
    }

    /// Takes out what is to be done once the lock is released, if anything is.
    #[inline]
    pub(crate) fn take_actions(&mut self) -> Option<ActionList> {
        self.has_actions().then(|| self.actions.take())
    }

    /// Whether anything is to be done once the lock is released.
    #[inline]
    pub(crate) fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// Has something dropped once the lock is released.
    pub(crate) fn discard(&mut self, what: impl Into<Discarded>) {
        self.actions.discard(what);
    }

    /// All that waits for the socket shall look again.
    fn wake_waiters(&mut self) {
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

    /// Whether calls are served.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.life == Life::Open
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

    fn take_pass(&mut self) -> Pass {
        self.spare_passes.pop().unwrap_or_default()
    }

    /// Keeps a few for the next passes: as many as threads read at once, and one more.
    fn return_pass(&mut self, pass: Pass) {
        let most = 2 + self.helpers.count();
        if self.spare_passes.len() < most {
            self.spare_passes.push(pass);
        }
    }

    // ----- timers -----

    /// Asks the reactor for a timer; one that never comes is not set.
    fn set_timer_after(&mut self, after: Duration, timer: Timer) {
        self.actions.push(Action::Timer(Due::After(after), timer));
    }

    /// Asks the reactor for a timer.
    fn set_timer(&mut self, at: Instant, timer: Timer) {
        self.actions.push(Action::Timer(Due::At(at), timer));
    }
}
