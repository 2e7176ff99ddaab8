//! [`Poller`]: waits for any number of sockets and descriptors at once.
//!
//! A socket in a poller needs no descriptor. It has an entry among its
//! [waiters](crate::waiters::pollers); what changes puts the socket's key on the poller's [`ReadyList`],
//! and rings the poller's one waker if that sleeps. The poller looks at the sockets on its list, reports those
//! that are ready and keeps them there, and forgets those that are not until something changes. So what a
//! wait costs depends on how many are ready, not on how many there are.

mod event;
mod ready_list;
mod slot;
mod system;

use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

pub use self::event::{PollEvent, PollEvents, PollerWaker};
use self::ready_list::{Entry, ReadyList};
use self::slot::{name_of, Slot, Source};
use self::system::{SystemPoll, Watched};
use crate::clock;
use crate::drive::polled::Look;
use crate::error::Error;
use crate::interest::Interest;
use crate::reactor::timers::deadline;
use crate::socket::{Kind, Socket};

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
/// From when it is first in a poller, the background thread reads a socket's connections, as for
/// [`readiness`](Socket::readiness).
pub struct Poller<Key = usize> {
    system: SystemPoll,
    list: Arc<ReadyList>,
    slots: Slab<Slot<Key>>,
    /// Where sockets are, by the address of what their handles share.
    sockets: HashMap<usize, usize>,
    descriptors: HashMap<RawFd, usize>,
    /// What is to be looked at in the next wait: each at most once, those whose slot says `listed`.
    listed: Vec<usize>,
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
            slots: Slab::new(),
            sockets: HashMap::new(),
            descriptors: HashMap::new(),
            listed: Vec::new(),
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
        let name = name_of(core);
        if self.sockets.contains_key(&name) {
            return Err(Error::AlreadyPolled);
        }
        let slot = self.slots.vacant_key();
        let entry = Entry {
            list: Arc::clone(&self.list),
            key: slot,
        };
        let id = core.add_poller(interest, Arc::new(entry).into());
        self.sockets.insert(name, slot);
        self.insert(key, interest, Source::Socket(core.downgrade(), id));
        self.list_slot(slot);
        Ok(())
    }

    /// Watches a descriptor of the program's own: a connection, a pipe, a timer, another poll. It must be
    /// open as long as it is in the poller; [remove](Poller::remove_fd) it before it is closed.
    ///
    /// It costs a system call when it is added, and one for each wait after it was ready.
    ///
    /// ```
    /// use sinew::{Interest, Poller};
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (mut here, mut there) = UnixStream::pair().unwrap();
    /// let mut poller = Poller::new()?;
    /// poller.add_fd(&here, "stream", Interest::READABLE)?;
    ///
    /// there.write_all(b"x").unwrap();
    /// let event = poller.wait(None)?.next().unwrap();
    /// assert!(event.key == "stream" && event.readable);
    /// here.read_exact(&mut [0]).unwrap();
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::AlreadyPolled`] when it is in this poller; [`Error::Io`] when the system cannot watch it (a
    /// file on a disk is always ready, and cannot be watched).
    pub fn add_fd(
        &mut self,
        descriptor: &impl AsRawFd,
        key: Key,
        interest: Interest,
    ) -> Result<(), Error> {
        let fd = descriptor.as_raw_fd();
        if self.descriptors.contains_key(&fd) {
            return Err(Error::AlreadyPolled);
        }
        let slot = self.slots.vacant_key();
        let mut watched = Watched::new(fd);
        let registered = self.system.register(&mut watched, slot, interest);
        registered.map_err(Error::Io)?;
        self.descriptors.insert(fd, slot);
        self.insert(key, interest, Source::Descriptor(watched));
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
        let place = self.sockets.get(&name_of(core));
        let place = *place.ok_or(Error::NotPolled)?;
        let slot = self.slots.get_mut(place).ok_or(Error::NotPolled)?;
        slot.key = key;
        if slot.interest != interest {
            slot.interest = interest;
            if let Source::Socket(_, id) = slot.source {
                core.modify_poller(id, interest);
            }
            self.list_slot(place);
        }
        Ok(())
    }

    /// Changes what is told of a descriptor, and with which key.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller; [`Error::Io`].
    pub fn modify_fd(
        &mut self,
        descriptor: &impl AsRawFd,
        key: Key,
        interest: Interest,
    ) -> Result<(), Error> {
        let place = self.descriptors.get(&descriptor.as_raw_fd());
        let place = *place.ok_or(Error::NotPolled)?;
        let slot = self.slots.get_mut(place).ok_or(Error::NotPolled)?;
        slot.key = key;
        slot.interest = interest;
        if let Source::Descriptor(watched) = &mut slot.source {
            let registered = self.system.register(watched, place, interest);
            registered.map_err(Error::Io)?;
        }
        Ok(())
    }

    /// Watches a socket no longer. After it nothing is told of it, not even what was about to be.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller, or has left it, being closed.
    pub fn remove<K: Kind>(&mut self, socket: &Socket<K>) -> Result<(), Error> {
        let place = self.sockets.get(&name_of(socket.core()));
        let place = *place.ok_or(Error::NotPolled)?;
        self.remove_slot(place);
        Ok(())
    }

    /// Watches a descriptor no longer.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller.
    pub fn remove_fd(&mut self, descriptor: &impl AsRawFd) -> Result<(), Error> {
        let place = self.descriptors.get(&descriptor.as_raw_fd());
        let place = *place.ok_or(Error::NotPolled)?;
        self.remove_slot(place);
        Ok(())
    }

    /// How many sockets and descriptors are in it.
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
            if ready && self.descriptors.is_empty() {
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

    // ----- sockets -----

    /// Looks at what may be ready: what was ready last time, and what changed since. True: woken.
    fn look_at_listed(&mut self, events: &mut Vec<PollEvent<Key>>) -> bool {
        let mut changed = Vec::new();
        let woken = self.list.take(&mut changed);
        for place in changed {
            self.list_slot(place);
        }
        let mut listed = std::mem::take(&mut self.listed);
        listed.retain(|&place| self.look(place, events));
        self.listed.append(&mut listed);
        woken
    }

    /// Looks at one. False: it is not to be looked at again before it changes.
    fn look(&mut self, place: usize, events: &mut Vec<PollEvent<Key>>) -> bool {
        let Some(slot) = self.slots.get_mut(place) else {
            return false;
        };
        let (key, interest) = (slot.key, slot.interest);
        let found = match &mut slot.source {
            Source::Socket(core, id) => {
                self.looks += 1;
                match core.upgrade() {
                    Some(core) => core.look(Some(*id), interest),
                    None => Look::CLOSED,
                }
            }
            Source::Descriptor(watched) => {
                // It was ready when the system was asked last: has the system say whether it still is, which
                // it does of what is registered anew.
                slot.listed = false;
                match self.system.register(watched, place, interest) {
                    Ok(()) => return false,
                    Err(_) => Look::CLOSED,
                }
            }
        };
        if found == Look::default() {
            slot.listed = false;
            return false;
        }
        let closed = found.closed;
        events.push(PollEvent {
            key,
            readable: found.readable || closed && interest.is_readable(),
            writable: found.writable || closed && interest.is_writable(),
            closed,
            error: false,
        });
        if closed {
            self.remove_slot(place);
        }
        !closed
    }

    /// Has a slot looked at in the next wait.
    fn list_slot(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place) {
            if !std::mem::replace(&mut slot.listed, true) {
                self.listed.push(place);
            }
        }
    }

    // ----- the system's poll -----

    fn note_descriptors(&mut self, events: &mut Vec<PollEvent<Key>>) {
        let mut ready = Vec::new();
        for event in self.system.events() {
            let Some(slot) = self.slots.get(event.place) else {
                continue;
            };
            let told = PollEvent {
                key: slot.key,
                readable: slot.interest.is_readable() && event.readable,
                writable: slot.interest.is_writable() && event.writable,
                closed: false,
                error: event.error,
            };
            if told.readable || told.writable || told.error {
                events.push(told);
            }
            ready.push(event.place);
        }
        for place in ready {
            self.list_slot(place);
        }
    }

    // ----- slots -----

    fn insert(&mut self, key: Key, interest: Interest, source: Source) {
        self.slots.insert(Slot {
            key,
            interest,
            source,
            listed: false,
        });
    }
}

impl<Key> Poller<Key> {
    fn remove_slot(&mut self, place: usize) {
        let Some(slot) = self.slots.try_remove(place) else {
            return;
        };
        if slot.listed {
            self.listed.retain(|listed| *listed != place);
        }
        match slot.source {
            Source::Socket(core, id) => {
                self.sockets.remove(&(core.as_ptr() as usize));
                if let Some(core) = core.upgrade() {
                    core.remove_poller(id);
                }
            }
            Source::Descriptor(watched) => {
                self.descriptors.remove(&watched.fd());
                self.system.forget(watched);
            }
        }
    }
}

impl<Key> Drop for Poller<Key> {
    fn drop(&mut self) {
        self.listed.clear();
        for slot in self.slots.drain() {
            if let Source::Socket(core, id) = slot.source {
                if let Some(core) = core.upgrade() {
                    core.remove_poller(id);
                }
            }
        }
    }
}

impl<Key> fmt::Debug for Poller<Key> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("sockets", &self.sockets.len())
            .field("descriptors", &self.descriptors.len())
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
