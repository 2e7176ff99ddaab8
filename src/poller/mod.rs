//! [`Poller`]: waits for any number of sockets and descriptors at once.
//!
//! A socket in a poller needs no descriptor. It has an entry among its
//! [waiters](crate::waiters::pollers); what changes puts the socket's key on the poller's [`ReadyList`],
//! and rings the poller's one waker if that sleeps. The poller looks at the sockets on its list, reports those
//! that are ready and keeps them there, and forgets those that are not until something changes. So what a
//! wait costs depends on how many are ready, not on how many there are.

mod descriptors;
mod event;
mod look;
mod monitors;
mod ready_list;
mod slots;
mod system;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub use self::event::{PollEvent, PollEvents, PollerWaker};
use self::ready_list::{Entry, ReadyList};
use self::slots::{name_of, Slots, Source};
use self::system::SystemPoll;
use crate::clock;
use crate::drive::core::Core;
use crate::error::Error;
use crate::interest::Interest;
use crate::monitor::EventQueue;
use crate::reactor::timers::deadline;
use crate::socket::{Kind, Socket};
use crate::waiters::pollers::PollerId;

#[cfg(all(test, loom))]
pub(crate) use ready_list::{Entry as ReadyEntry, ReadyList as ReadyListOf};

/// Waits for any number of sockets, and descriptors of the program's own, at once: `zmq_poll` for programs
/// that have more than a few.
///
/// ```
/// use sinew::{Context, Interest, Poller, Pull, Push};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// enum From { Left, Right }
///
/// let context = Context::new();
/// let left = context.socket(Pull).bind("inproc://left")?;
/// let right = context.socket(Pull).bind("inproc://right")?;
///
/// let mut poller = Poller::new()?;
/// poller.add(&left, From::Left, Interest::READABLE)?;
/// poller.add(&right, From::Right, Interest::READABLE)?;
///
/// context.socket(Push).connect("inproc://right")?.send("hello")?;
/// for event in poller.wait(None)? {
///     match event.key {
///         From::Left => println!("{:?}", left.try_recv()?),
///         From::Right => assert_eq!(right.try_recv()?, "hello"),
///     }
/// }
/// # Ok::<(), sinew::Error>(())
/// ```
///
/// # What is told
/// It is *level-triggered*: every [`wait`](Poller::wait) reports what is ready then, whether it was reported
/// before or not.
///
/// - A socket is *readable* while a receive would not have to wait: a message is there, or, on a REQ, the news
///   that the peer is gone. A REQ or a REP whose turn it is to send is not readable.
/// - It is *writable* while a send would not have to wait: a peer has room, or, for the types that never wait,
///   always. So [`Interest::WRITABLE`] is worth asking for only while there is something to be sent.
/// - The sockets may be used by any thread meanwhile. One that takes the message first leaves nothing for
///   the thread that was told: prefer [`try_recv`](Socket::try_recv) and [`try_send`](Socket::try_send),
///   which do not wait then. On a REQ and a REP a message may also turn out to be none, if the peer does not
///   keep to the protocol.
/// - A socket that is closed, by whichever thread, or with its context, or because its last handle is dropped,
///   is reported once, as [`closed`](PollEvent::closed), and has left the poller then. A poller keeps no
///   socket open.
///
/// # Costs
/// A wait costs a look under its lock for each socket that is ready or has changed, none for
/// the others, and a system call only if there is nothing to report yet, or descriptors are watched. A
/// socket in a poller takes some hundred bytes and no descriptor; the poller takes three.
///
/// A [`Monitor`](crate::Monitor) is watched as a socket is, at the same cost ([`add_monitor`](Poller::add_monitor)).
///
/// From when it is first in a poller, the background thread reads a socket's connections, as for
/// [`readiness`](Socket::readiness).
pub struct Poller<Key = usize> {
    system: SystemPoll,
    list: Arc<ReadyList>,
    slots: Slots<Key>,
    looks: u64,
}

impl<Key: Copy> Poller<Key> {
    /// A poller of nothing yet.
    ///
    /// # Errors
    /// [`Error::System`] when the process is out of descriptors.
    pub fn new() -> Result<Poller<Key>, Error> {
        let (system, waker) = SystemPoll::new().map_err(Error::System)?;
        Ok(Poller {
            system,
            list: Arc::new(ReadyList::new(waker)),
            slots: Slots::new(),
            looks: 0,
        })
    }

    /// Watches a socket. What the poller tells of it carries `key`, which may be any small value; two
    /// sockets may have the same.
    ///
    /// # Errors
    /// [`Error::AlreadyPolled`] when it is in this poller, and [`Error::Unsupported`] when its type has no
    /// such verb.
    pub fn add<K: Kind>(
        &mut self,
        socket: &Socket<K>,
        key: Key,
        interest: Interest,
    ) -> Result<(), Error> {
        let core = socket.core();
        check(socket, interest)?;
        if self.slots.socket(name_of(core)).is_some() {
            return Err(Error::AlreadyPolled);
        }
        let entry = Entry {
            list: Arc::clone(&self.list),
            key: self.slots.next_place(),
        };
        let id = core.add_poller(interest, Arc::new(entry).into());
        let source = Source::Socket(core.downgrade(), id);
        let place = self.slots.insert(key, interest, source);
        self.slots.list(place);
        Ok(())
    }

    /// Changes what is told of a socket, and with which key.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller, or has left it, being closed; and
    /// [`Error::Unsupported`].
    pub fn modify<K: Kind>(
        &mut self,
        socket: &Socket<K>,
        key: Key,
        interest: Interest,
    ) -> Result<(), Error> {
        let core = socket.core();
        check(socket, interest)?;
        let place = self.slots.socket(name_of(core));
        let place = place.ok_or(Error::NotPolled)?;
        let slot = self.slots.get_mut(place).ok_or(Error::NotPolled)?;
        slot.key = key;
        if slot.interest != interest {
            slot.interest = interest;
            if let Source::Socket(_, id) = slot.source {
                core.modify_poller(id, interest);
            }
            self.slots.list(place);
        }
        Ok(())
    }

    /// Watches a socket no longer. After it nothing is told of it, not even what was about to be.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller, or has left it, being closed.
    pub fn remove<K: Kind>(&mut self, socket: &Socket<K>) -> Result<(), Error> {
        let place = self.slots.socket(name_of(socket.core()));
        let place = place.ok_or(Error::NotPolled)?;
        self.remove_slot(place);
        Ok(())
    }

    /// How many sockets, monitors and descriptors are in it.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What ends a wait from another thread.
    pub fn waker(&self) -> PollerWaker {
        PollerWaker(Arc::clone(&self.list))
    }

    /// Waits until something is ready, and tells what is; no longer than `timeout` (a [`Duration`], or
    /// `None`: for ever; zero: not at all). Without an event the time is over, or the poller was
    /// [woken](PollerWaker::wake).
    ///
    /// # Errors
    /// [`Error::Io`] when the system's poll fails, which it does not while the process is sound.
    pub fn wait(&mut self, timeout: impl Into<Option<Duration>>) -> Result<PollEvents<Key>, Error> {
        let mut events = Vec::new();
        self.wait_into(&mut events, timeout)?;
        Ok(PollEvents(events.into_iter()))
    }

    /// The same into a list of the caller's, whose memory is used again: it is emptied first. Returns
    /// the number of events.
    ///
    /// # Errors
    /// As [`Poller::wait`].
    pub fn wait_into(
        &mut self,
        events: &mut Vec<PollEvent<Key>>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<usize, Error> {
        events.clear();
        let timeout = timeout.into();
        // A time too far away to name is for ever.
        let until = timeout.and_then(|timeout| deadline(clock::now(), timeout));
        let mut may_wait = timeout != Some(Duration::ZERO);
        loop {
            let woken = self.look_at_listed(events);
            let ready = woken || !events.is_empty();
            if ready && self.slots.descriptors() == 0 {
                return Ok(events.len());
            }
            let sleeps = !ready && may_wait && self.list.sleep();
            let outcome = self.system.poll(sleeps, until);
            if sleeps {
                self.list.awake();
            }
            outcome.map_err(Error::Io)?;
            self.note_descriptors(events);
            if ready || !events.is_empty() {
                return Ok(events.len());
            }
            if !may_wait {
                // One more look, at what came while the system was asked.
                self.look_at_listed(events);
                return Ok(events.len());
            }
            may_wait = until.is_none_or(|until| clock::now() < until);
        }
    }

    /// How often sockets were looked at: what the waits have cost.
    #[doc(hidden)]
    pub fn looks(&self) -> u64 {
        self.looks
    }
}

impl<Key> Poller<Key> {
    fn remove_slot(&mut self, place: usize) {
        match self.slots.remove(place) {
            Some(Source::Socket(core, id)) => leave(&core, id),
            Some(Source::Monitor(queue, id)) => leave_monitor(&queue, id),
            Some(Source::Descriptor(watched)) => self.system.forget(watched),
            None => {}
        }
    }
}

/// Has a socket forget the poller.
fn leave(core: &Weak<Core>, id: PollerId) {
    if let Some(core) = core.upgrade() {
        core.remove_poller(id);
    }
}

/// Has a monitor forget the poller.
fn leave_monitor(queue: &Weak<EventQueue>, id: PollerId) {
    if let Some(queue) = queue.upgrade() {
        queue.remove_poller(id);
    }
}

impl<Key> Drop for Poller<Key> {
    fn drop(&mut self) {
        for source in self.slots.drain() {
            match source {
                Source::Socket(core, id) => leave(&core, id),
                Source::Monitor(queue, id) => leave_monitor(&queue, id),
                Source::Descriptor(_) => {}
            }
        }
    }
}

impl<Key> fmt::Debug for Poller<Key> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("sockets", &self.slots.sockets())
            .field("descriptors", &self.slots.descriptors())
            .finish_non_exhaustive()
    }
}

fn check<K: Kind>(socket: &Socket<K>, interest: Interest) -> Result<(), Error> {
    socket
        .core()
        .check_interest(interest)
        .map_err(|verb| Error::Unsupported {
            verb,
            socket_type: socket.socket_type(),
        })
}
