//! [`Waiters`]: everything that waits for a socket, and what has to be done so that it sees a change.
//!
//! ```text
//! a caller asleep in the socket's poll   the lease            its poll's waker is rung
//! callers that follow it                 the lease            the condition variable is notified
//! tasks                                  Tasks                the waker of one of them is called
//! a foreign poll                         Watch                the descriptor is made readable
//! pollers                                Pollers              the socket is put on their ready lists
//! ```
//!
//! What to do is found under the socket's lock ([`Wakeups`]); the doing, which is system calls and code
//! of the user's, comes after it ([`Notifier`](crate::notifier::Notifier)). A socket for which nothing
//! waits is found out by a few comparisons.

mod change;
pub(crate) mod lease;
pub(crate) mod pollers;
pub(crate) mod tasks;

use std::ops::{Deref, DerefMut};
use std::task::Waker;

pub(crate) use self::change::Change;
use self::lease::Lease;
use self::pollers::{PollerId, Pollers};
use self::tasks::{Removed, TaskId, Tasks, Want};
use crate::interest::Interest;

/// What is to be woken once the lock is released.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    /// The caller asleep in the socket's poll: ring its waker.
    pub(crate) poll: bool,
    /// Callers on the condition variable: notify all of them.
    pub(crate) followers: bool,
    /// A foreign poll: make the descriptor readable.
    pub(crate) descriptor: bool,
    /// Of tasks, and of pollers.
    pub(crate) tasks: Vec<Waker>,
}

impl Wakeups {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.poll && !self.followers && !self.descriptor && self.tasks.is_empty()
    }

    #[inline]
    pub(crate) fn merge(&mut self, other: Wakeups) {
        self.poll |= other.poll;
        self.followers |= other.followers;
        self.descriptor |= other.descriptor;
        if !other.tasks.is_empty() {
            self.tasks.extend(other.tasks);
        }
    }
}

/// What a foreign poll sees: whether the socket's descriptor is readable.
///
/// | Field | What holds |
/// |---|---|
/// | `watched` | once true, true for ever; while false the others are false |
/// | `receives` | the socket is one that does; while false `messages` is false |
/// | `messages` | the descriptor is readable, or about to be; cleared when a receive has found nothing |
/// | `room` | the same, for room; only set when a send had found none; cleared when any call would block |
/// | `wants_room` | a send has found no room since the descriptor said that there is some |
/// | `closed` | the descriptor is readable for ever |
#[derive(Debug, Default)]
struct Watch {
    watched: bool,
    receives: bool,
    messages: bool,
    room: bool,
    wants_room: bool,
    closed: bool,
}

impl Watch {
    /// Whether the descriptor is to be made readable now.
    #[inline]
    fn change(&mut self, change: Change) -> bool {
        if !self.watched {
            return false;
        }
        let was_readable = self.is_readable();
        self.messages |= change != Change::Room && self.receives;
        if change != Change::Messages && std::mem::take(&mut self.wants_room) {
            self.room = true;
        }
        self.closed |= change == Change::Closed;
        self.is_readable() && !was_readable
    }

    #[inline]
    fn is_readable(&self) -> bool {
        self.messages || self.room || self.closed
    }

    /// A call has found nothing of what it wants. True: the descriptor is to be made unreadable.
    fn would_block(&mut self, want: Want) -> bool {
        self.room = false;
        match want {
            Want::Message => self.messages = false,
            Want::Room => self.wants_room = true,
        }
        !self.is_readable()
    }
}

/// All that waits for one socket: its callers by the [`Lease`], to which this dereferences, its tasks and
/// the foreign poll that watches its descriptor.
#[derive(Debug)]
pub(crate) struct Waiters<D> {
    lease: Lease<D>,
    tasks: Tasks,
    watch: Watch,
    pollers: Pollers,
}

impl<D> Default for Waiters<D> {
    fn default() -> Self {
        Waiters {
            lease: Lease::default(),
            tasks: Tasks::default(),
            watch: Watch::default(),
            pollers: Pollers::default(),
        }
    }
}

impl<D> Deref for Waiters<D> {
    type Target = Lease<D>;

    fn deref(&self) -> &Lease<D> {
        &self.lease
    }
}

impl<D> DerefMut for Waiters<D> {
    fn deref_mut(&mut self) -> &mut Lease<D> {
        &mut self.lease
    }
}

impl<D> Waiters<D> {
    /// Something changed that callers, tasks and foreign polls may wait for.
    #[inline]
    pub(crate) fn notify(&mut self, change: Change) -> Wakeups {
        let mut wakeups = Wakeups {
            poll: self.lease.ring(),
            followers: self.lease.has_followers(),
            descriptor: self.watch.change(change),
            tasks: Vec::new(),
        };
        if !self.tasks.is_empty() {
            match change {
                Change::Messages => wakeups.tasks.extend(self.tasks.next(Want::Message)),
                Change::Room => wakeups.tasks.extend(self.tasks.next(Want::Room)),
                Change::Any | Change::Closed => wakeups.tasks.extend(self.tasks.all()),
            }
        }
        if !self.pollers.is_empty() {
            self.pollers.change(change, &mut wakeups.tasks);
        }
        wakeups
    }

    /// Whether there is anything that a peer's word would wake.
    pub(crate) fn has_sleepers(&self) -> bool {
        self.lease.has_sleepers() || self.lease.is_kept()
    }

    // ----- tasks -----

    /// A task has found nothing and waits. If it was woken for room, the next one looks: room is not the
    /// same for all where messages are addressed. Gives back a waker to be dropped without the lock.
    pub(crate) fn wait(
        &mut self,
        id: &mut Option<TaskId>,
        want: Want,
        waker: Waker,
    ) -> (Wakeups, Option<Waker>) {
        let next = match (want, *id) {
            (Want::Room, Some(id)) => self.tasks.next_behind(id),
            _ => None,
        };
        let wakeups = Wakeups {
            tasks: next.into_iter().collect(),
            ..Wakeups::default()
        };
        (wakeups, self.tasks.wait(id, want, waker))
    }

    /// A task has got what it waited for, and may have left more of it: the next one looks. Gives back a
    /// waker to be dropped without the lock.
    pub(crate) fn served(&mut self, id: Option<TaskId>, want: Want) -> (Wakeups, Option<Waker>) {
        let removed = id.map_or(Removed::NotThere, |id| self.tasks.remove(id));
        let dropped = match removed {
            Removed::Asleep(waker) => Some(waker),
            Removed::NotThere | Removed::Woken(_) => None,
        };
        (self.pass_on(want), dropped)
    }

    /// A task does not want any more what it waited for. If it was woken, the next one looks. Gives back
    /// a waker to be dropped without the lock.
    pub(crate) fn gone(&mut self, id: TaskId) -> (Wakeups, Option<Waker>) {
        match self.tasks.remove(id) {
            Removed::Woken(want) => (self.pass_on(want), None),
            Removed::Asleep(waker) => (Wakeups::default(), Some(waker)),
            Removed::NotThere => (Wakeups::default(), None),
        }
    }

    fn pass_on(&mut self, want: Want) -> Wakeups {
        Wakeups {
            tasks: self.tasks.next(want).into_iter().collect(),
            ..Wakeups::default()
        }
    }

    // ----- a foreign poll -----

    /// From now on a foreign poll sees whether there is news. True: the descriptor is to be made
    /// readable, because what is there already was never told.
    pub(crate) fn watch(&mut self, receives: bool, closed: bool) -> bool {
        if !self.watch.watched {
            self.watch = Watch {
                watched: true,
                receives,
                messages: receives,
                closed,
                ..Watch::default()
            };
        }
        self.watch.is_readable()
    }

    /// A call may have made it the turn to receive (REQ, REP), which what waits already did not tell.
    pub(crate) fn turned(&mut self) -> Wakeups {
        let mut wakeups = Wakeups {
            descriptor: self.watch.change(Change::Messages),
            ..Wakeups::default()
        };
        self.pollers.change(Change::Any, &mut wakeups.tasks);
        wakeups
    }

    /// A call may have made it the turn to send (REQ, REP).
    #[inline]
    pub(crate) fn turned_to_send(&mut self) -> Wakeups {
        let mut wakeups = Wakeups::default();
        self.pollers.change(Change::Room, &mut wakeups.tasks);
        wakeups
    }

    /// A call has found nothing of what it wants. True: the descriptor is to be made unreadable, while
    /// the lock is held, so that nothing that comes later is wiped away.
    #[inline]
    pub(crate) fn would_block(&mut self, want: Want) -> bool {
        self.watch.watched && self.watch.would_block(want)
    }

    // ----- pollers -----

    /// A poller watches from now on, and is to look before anything is told to it.
    pub(crate) fn add_poller(&mut self, interest: Interest, waker: Waker) -> PollerId {
        self.pollers.add(interest, waker)
    }

    /// A poller's interest is another now, and it is to look before anything more is told to it.
    pub(crate) fn modify_poller(&mut self, id: PollerId, interest: Interest) {
        self.pollers.modify(id, interest);
    }

    pub(crate) fn remove_poller(&mut self, id: PollerId) {
        self.pollers.remove(id);
    }

    /// A poller has looked under the lock, and found nothing: it is told of the next change.
    pub(crate) fn arm_poller(&mut self, id: PollerId) {
        self.pollers.arm(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_readable_until_a_receive_found_nothing() {
        let mut waiters = Waiters::<()>::default();
        assert!(!waiters.notify(Change::Any).descriptor);
        assert!(!waiters.would_block(Want::Message));
        assert!(waiters.watch(true, false), "what is there was never told");
        assert!(
            !waiters.notify(Change::Messages).descriptor,
            "it is readable"
        );
        assert!(!waiters.would_block(Want::Room), "there may be messages");
        assert!(waiters.would_block(Want::Message));
        assert!(waiters.notify(Change::Messages).descriptor);
        assert!(
            !waiters.notify(Change::Messages).descriptor,
            "it is told once"
        );
    }

    #[test]
    fn a_descriptor_tells_of_room_only_where_a_send_found_none() {
        let mut waiters = Waiters::<()>::default();
        waiters.watch(true, false);
        assert!(waiters.would_block(Want::Message));
        assert!(!waiters.notify(Change::Room).descriptor);
        assert!(waiters.would_block(Want::Room));
        assert!(waiters.notify(Change::Room).descriptor);
        assert!(
            !waiters.notify(Change::Messages).descriptor,
            "it is readable"
        );
        assert!(waiters.would_block(Want::Message));
        assert!(!waiters.notify(Change::Room).descriptor);
    }

    #[test]
    fn the_descriptor_of_a_socket_that_only_sends_tells_of_room_and_of_the_end() {
        let mut waiters = Waiters::<()>::default();
        assert!(!waiters.watch(false, false));
        assert!(waiters.notify(Change::Any).is_empty());
        assert!(waiters.would_block(Want::Room));
        assert!(waiters.notify(Change::Room).descriptor);
        assert!(waiters.would_block(Want::Room));
        assert!(waiters.notify(Change::Closed).descriptor);
        assert!(!waiters.would_block(Want::Room), "it is readable for ever");
    }

    #[test]
    fn a_change_wakes_one_task_that_wants_it_and_any_change_wakes_all() {
        let mut waiters = Waiters::<()>::default();
        let wants = [Want::Message, Want::Message, Want::Room, Want::Room];
        let mut ids = wants.map(|want| {
            let mut id = None;
            waiters.wait(&mut id, want, Waker::noop().clone());
            id
        });
        assert_eq!(waiters.notify(Change::Messages).tasks.len(), 1);
        assert_eq!(waiters.notify(Change::Room).tasks.len(), 1);
        let (wakeups, _) = waiters.served(ids[0].take(), Want::Message);
        assert_eq!(wakeups.tasks.len(), 1, "it may have left some");
        let (wakeups, _) = waiters.gone(ids[2].take().unwrap());
        assert_eq!(wakeups.tasks.len(), 1, "it was woken, and has not looked");
        assert!(waiters.notify(Change::Any).is_empty(), "all were woken");
    }

    #[test]
    fn a_task_that_was_woken_for_room_and_found_none_passes_the_wake_on_once() {
        let mut waiters = Waiters::<()>::default();
        let wait = |waiters: &mut Waiters<()>, id: &mut Option<TaskId>, want| {
            let (wakeups, _) = waiters.wait(id, want, Waker::noop().clone());
            wakeups.tasks.len()
        };
        for (want, change, passed_on) in [
            (Want::Room, Change::Room, [1, 0]),
            (Want::Message, Change::Messages, [0, 0]),
        ] {
            let (mut first, mut second) = (None, None);
            assert_eq!(wait(&mut waiters, &mut first, want), 0);
            assert_eq!(wait(&mut waiters, &mut second, want), 0);
            assert_eq!(waiters.notify(change).tasks.len(), 1);
            let in_vain = [0, 1].map(|_| wait(&mut waiters, &mut first, want));
            assert_eq!(in_vain, passed_on);
            assert_eq!(wait(&mut waiters, &mut second, want), 0, "it is the last");
        }
    }

    #[test]
    fn a_task_that_goes_unwoken_wakes_none() {
        let mut waiters = Waiters::<()>::default();
        let (mut first, mut second) = (None, None);
        waiters.wait(&mut first, Want::Message, Waker::noop().clone());
        waiters.wait(&mut second, Want::Message, Waker::noop().clone());
        let (wakeups, waker) = waiters.gone(first.unwrap());
        assert!(wakeups.is_empty() && waker.is_some());
        assert_eq!(waiters.notify(Change::Messages).tasks.len(), 1);
    }
}
