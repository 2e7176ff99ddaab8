//! What the engine wants done outside its lock: a value that it fills and `Locked` (`drive/locked`)
//! takes out, runs and empties, whichever way a function is left.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::discard::discard_messages;
use crate::endpoint::Endpoint;
use crate::link::connection::Connection;
use crate::link::pipe::PipePeer;
use crate::link::writer::Writer;
use crate::link::{Link, PipeLink};
use crate::message::Message;
#[cfg(any(feature = "log", feature = "tracing"))]
use crate::monitor::Event;
use crate::reactor::{ConnectionId, Timer};
use crate::security::authenticator::Question;
use crate::transport::Stream;
use crate::waiters::Wakeups;
use crate::zmtp::outbox::Outbox;
use crate::zmtp::spent::Spent;

/// What tells the time to those parts of the engine that want to know it now and then. They have no clock
/// of their own, and reading one costs too much to be done whether it is wanted or not.
pub(super) type Clock<'a> = &'a dyn Fn() -> Instant;

/// When a timer is due. The engine has no clock: it says how long from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    After(Duration),
    At(Instant),
}

/// One thing to be done once the lock is released.
#[derive(Debug)]
pub(crate) enum Action {
    /// Have the reactor drive: there is something to read that no event tells.
    Drive,
    /// Have the reactor look after the lease.
    Watch,
    /// Have the reactor write what a hot socket has queued.
    Sweep,
    /// Have listeners that wait ask again.
    Accept,
    /// Have the reactor forget the socket.
    Remove,
    Timer(Due, Timer),
    /// Look from time to time how much of what was written the peer's system has.
    WatchAcknowledged(ConnectionId),
    /// Have a link connect, after a pause.
    Connect {
        id: ConnectionId,
        endpoint: Arc<Endpoint>,
        after: Duration,
    },
    /// Tell the other end of a pipe that there is something to receive.
    Announce(PipePeer),
    /// Tell the other end of a pipe that its room may be another.
    GiveRoom(PipePeer),
    Hang(PipePeer),
    /// Subscriptions wait in the pipe. They are not in this action, which another thread's may
    /// overtake.
    Changes(PipePeer),
    /// Try inproc links again that were refused for want of a place.
    TryRefused,
    /// Wait no longer for an inproc name to be bound.
    StopSeeking(Arc<Endpoint>, ConnectionId),
    /// Close a connection: a system call.
    Close(Connection),
    /// Tell the peer that no more comes: a system call.
    Shutdown(Arc<Stream>),
    /// Have what departed subscribers left forgotten.
    Forget,
    /// Ask the authenticator about the peer of a connection.
    Ask(ConnectionId, Box<Question>),
    /// Closed to the end: tell the context.
    Leave,
    #[cfg(any(feature = "log", feature = "tracing"))]
    Log(Arc<Event>),
    /// Say that closing takes its time, and why.
    #[cfg(any(feature = "log", feature = "tracing"))]
    LogLinger(String),
}

/// What was taken out of a socket and is not wanted any more. Bodies of messages may be the user's, and
/// what their `Drop` does is not to be done under a lock: it may call this very socket.
#[derive(Debug)]
pub(crate) enum Discarded {
    Message(Message),
    Messages(VecDeque<Message>),
    Outbox(Outbox),
    Spent(Spent),
    Pipe(PipeLink),
    Writer(Box<Writer>),
    Link(Box<Link>),
    /// Of a task that does not wait any more.
    Waker(Waker),
}

impl Discarded {
    /// To be called without a lock.
    fn discard(self) {
        match self {
            Discarded::Message(message) => discard_messages([message]),
            Discarded::Messages(messages) => discard_messages(messages),
            // These see to it that each of their bodies is dropped by itself.
            Discarded::Outbox(outbox) => drop(outbox),
            Discarded::Spent(bodies) => drop(bodies),
            Discarded::Pipe(pipe) => drop(pipe),
            Discarded::Writer(writer) => drop(writer),
            Discarded::Link(link) => drop(link),
            Discarded::Waker(waker) => drop(waker),
        }
    }
}

impl From<Waker> for Discarded {
    fn from(waker: Waker) -> Discarded {
        Discarded::Waker(waker)
    }
}

impl From<VecDeque<Message>> for Discarded {
    fn from(messages: VecDeque<Message>) -> Discarded {
        Discarded::Messages(messages)
    }
}

/// What is to be done once the lock is released: what is woken, what is told to the outside, and what
/// is dropped. In this order: what the user's `Drop` does may depend on all else being done.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    notify: Wakeups,
    list: Vec<Action>,
    bin: Vec<Discarded>,
}

/// Actions that were taken out, to be run without the lock.
#[derive(Debug)]
pub(crate) struct ActionList {
    notify: Wakeups,
    first: Option<Action>,
    rest: Vec<Action>,
    unwanted: Option<Discarded>,
    bin: Vec<Discarded>,
}

impl ActionList {
    /// Wakes what is to be woken, runs the actions in the order in which they came, and drops what was
    /// discarded.
    pub(crate) fn run(self, notify: impl FnOnce(Wakeups), run: impl FnMut(Action)) {
        notify(self.notify);
        self.first.into_iter().chain(self.rest).for_each(run);
        let bin = self.unwanted.into_iter().chain(self.bin);
        bin.for_each(Discarded::discard);
    }
}

impl Actions {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.notify.is_empty() && self.bin.is_empty()
    }

    /// Those that wait shall look again: those that were found asleep.
    #[inline]
    pub(crate) fn notify(&mut self, wakeups: Wakeups) {
        self.notify.merge(wakeups);
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.list.push(action);
    }

    /// Has something dropped.
    pub(crate) fn discard(&mut self, what: impl Into<Discarded>) {
        let what = what.into();
        if !matches!(&what, Discarded::Messages(none) if none.is_empty()) {
            self.bin.push(what);
        }
    }
}

impl Actions {
    /// Takes them all out.
    pub(crate) fn take(&mut self) -> ActionList {
        let (first, rest) = take_all(&mut self.list);
        let (unwanted, bin) = take_all(&mut self.bin);
        ActionList {
            notify: std::mem::take(&mut self.notify),
            first,
            rest,
            unwanted,
            bin,
        }
    }
}

/// Takes out all of a list. One entry is the rule, and leaves the list its memory.
fn take_all<T>(list: &mut Vec<T>) -> (Option<T>, Vec<T>) {
    match list.len() {
        0 | 1 => (list.pop(), Vec::new()),
        _ => (None, std::mem::take(list)),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;

    type Log = Arc<Mutex<Vec<String>>>;

    struct Owner(Log);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &[7; 100]
        }
    }

    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("dropped".into());
        }
    }

    fn run(actions: &mut Actions, log: &Log) {
        let note = |text: String| log.lock().unwrap().push(text);
        let notify = |wakeups: Wakeups| note(format!("{}{}", wakeups.poll, wakeups.followers));
        actions
            .take()
            .run(notify, |action| note(format!("{action:?}")));
    }

    #[test]
    fn who_waits_is_woken_first_and_what_is_not_wanted_is_dropped_last() {
        let log = Log::default();
        let mut actions = Actions::default();
        let body = Bytes::from_owner(Owner(Arc::clone(&log)));
        actions.discard(Discarded::Message(Message::from(body)));
        actions.push(Action::Drive);
        actions.push(Action::Leave);
        actions.notify(Wakeups {
            poll: true,
            ..Wakeups::default()
        });
        actions.notify(Wakeups::default());
        assert!(!actions.is_empty());
        assert!(log.lock().unwrap().is_empty());
        run(&mut actions, &log);
        let expected = ["truefalse", "Drive", "Leave", "dropped"];
        assert_eq!(*log.lock().unwrap(), expected);
        assert!(actions.is_empty());
    }

    #[test]
    fn each_action_is_run_once() {
        let log = Log::default();
        let mut actions = Actions::default();
        for count in 0..4 {
            (0..count).for_each(|_| actions.push(Action::Watch));
            log.lock().unwrap().clear();
            run(&mut actions, &log);
            run(&mut actions, &log);
            let ran = log.lock().unwrap().clone();
            assert_eq!(ran.iter().filter(|text| *text == "Watch").count(), count);
        }
        actions.discard(VecDeque::new());
        assert!(actions.is_empty(), "nothing needs no dropping");
    }
}
