//! A miniature of a socket, around the real [`Waiters`] and [`Notifier`]: the same steps under the same
//! lock as `drive/locked`, `drive/waiting` and `drive/io`, with a condition variable where the kernel would
//! be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::thread;

use crate::notifier::{Notifier, Wake};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::waiters::lease::{Entry, Parting, Tick};
use crate::waiters::tasks::{TaskId, Want};
use crate::waiters::{Change, Waiters, Wakeups};

/// A socket's poll and the connection in it: edge-triggered, with a waker.
#[derive(Default)]
struct Kernel {
    inner: Mutex<Arrived>,
    condvar: Condvar,
}

#[derive(Default)]
struct Arrived {
    /// What the peer has sent and the socket has not read.
    bytes: VecDeque<u32>,
    /// An event that no thread was told of.
    event: bool,
    rung: bool,
    /// The reactor is told of events.
    nested: bool,
}

impl Arrived {
    fn has_news(&self) -> bool {
        self.event || self.rung
    }
}

struct Eventfd(Arc<Shared>);

impl Wake for Eventfd {
    fn wake(&self) {
        self.0.kernel.inner.lock().rung = true;
        self.0.kernel.condvar.notify_all();
        // The real one would wake the reactor too, to no use: the lease is a caller's.
    }
}

/// What the reactor is asked to do.
#[derive(Default)]
struct Mail {
    ready: bool,
    watch: bool,
    /// Threads that may still write.
    writers: usize,
}

/// What lies outside the socket's lock.
#[derive(Default)]
pub(super) struct Shared {
    kernel: Kernel,
    mail: Mutex<Mail>,
    mail_came: Condvar,
}

impl Shared {
    fn tell_reactor(&self, tell: impl FnOnce(&mut Mail)) {
        tell(&mut self.mail.lock());
        self.mail_came.notify_all();
    }

    /// The peer sends.
    pub(super) fn deliver(&self, message: u32) {
        let mut arrived = self.kernel.inner.lock();
        arrived.bytes.push_back(message);
        arrived.event = true;
        let nested = arrived.nested;
        drop(arrived);
        self.kernel.condvar.notify_all();
        if nested {
            self.tell_reactor(|mail| mail.ready = true);
        }
    }

    /// The peer sends something that no caller waits for: a PING.
    pub(super) fn stir(&self) {
        self.kernel.inner.lock().event = true;
        self.kernel.condvar.notify_all();
    }

    /// The reactor is told of events, and at once if there is one.
    fn register(&self) {
        let mut arrived = self.kernel.inner.lock();
        arrived.nested = true;
        let news = arrived.has_news();
        drop(arrived);
        if news {
            self.tell_reactor(|mail| mail.ready = true);
        }
    }

    fn deregister(&self) {
        self.kernel.inner.lock().nested = false;
    }

    /// Sleeps until there is news, and takes it.
    fn sleep(&self) {
        let mut arrived = self.kernel.inner.lock();
        while !arrived.has_news() {
            arrived = self.kernel.condvar.wait(arrived, None);
        }
        (arrived.event, arrived.rung) = (false, false);
    }

    /// A poll that does not wait.
    fn poll_now(&self) {
        let mut arrived = self.kernel.inner.lock();
        (arrived.event, arrived.rung) = (false, false);
    }

    pub(super) fn read(&self) -> VecDeque<u32> {
        std::mem::take(&mut self.kernel.inner.lock().bytes)
    }
}

// ----- the socket -----

/// Stands for the poll: the thread that has it drives.
pub(super) struct Driver;

pub(super) struct Mini {
    pub(super) waiters: Waiters<Driver>,
    /// Links that can be read, with a message each.
    pub(super) ready: VecDeque<u32>,
    pub(super) inbox: VecDeque<u32>,
    wakeups: Wakeups,
    pub(super) closed: bool,
    /// A follower looks at the state once more before it sleeps.
    pub(super) looks_again: bool,
}

impl Mini {
    pub(super) fn wake_waiters(&mut self) {
        let wakeups = self.waiters.notify(Change::Messages);
        self.wakeups.merge(wakeups);
    }
}

pub(super) struct Socket {
    pub(super) state: Mutex<Mini>,
    notifier: Notifier<Eventfd>,
    pub(super) shared: Arc<Shared>,
}

type Guard<'a> = MutexGuard<'a, Mini>;

impl Socket {
    /// A socket whose lease is the reactor's, with `writers` threads that call [`Socket::done`].
    pub(super) fn new(writers: usize) -> Arc<Socket> {
        let socket = Socket::without_poll(writers);
        socket.make_poll();
        socket
    }

    pub(super) fn without_poll(writers: usize) -> Arc<Socket> {
        let shared = Arc::new(Shared::default());
        shared.mail.lock().writers = writers;
        Arc::new(Socket {
            state: Mutex::new(Mini {
                waiters: Waiters::default(),
                ready: VecDeque::new(),
                inbox: VecDeque::new(),
                wakeups: Wakeups::default(),
                closed: false,
                looks_again: false,
            }),
            notifier: Notifier::new(),
            shared,
        })
    }

    pub(super) fn make_poll(&self) {
        self.shared.register();
        self.notifier.set_waker(Eventfd(Arc::clone(&self.shared)));
        let mut state = self.state.lock();
        state.waiters.install(Driver);
        state.wake_waiters();
        self.unlock(state);
    }

    pub(super) fn unlock(&self, mut state: Guard<'_>) {
        assert!(state.waiters.is_looked_after());
        let wakeups = std::mem::take(&mut state.wakeups);
        drop(state);
        self.notifier.notify(wakeups);
    }

    /// One of the threads that the reactor outlives has finished.
    fn done(&self) {
        self.shared.tell_reactor(|mail| mail.writers -= 1);
    }

    // ----- callers -----

    /// `None` once the socket is closed.
    pub(super) fn recv(&self) -> Option<u32> {
        let mut state = self.state.lock();
        loop {
            if let Some(outcome) = Socket::look(&mut state) {
                self.unlock(state);
                return outcome;
            }
            state = self.wait(state);
        }
    }

    /// The same, by a caller whose time is over when it has been woken once.
    pub(super) fn recv_once(&self) -> Option<u32> {
        let mut state = self.state.lock();
        let mut outcome = Socket::look(&mut state);
        if outcome.is_none() {
            state = self.wait(state);
            outcome = Socket::look(&mut state);
        }
        self.unlock(state);
        outcome.flatten()
    }

    fn look(state: &mut Guard<'_>) -> Option<Option<u32>> {
        if state.closed {
            return Some(None);
        }
        state.inbox.pop_front().map(Some)
    }

    fn wait<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        let Some((driver, entry)) = state.waiters.enter() else {
            return self.follow(state);
        };
        let nothing_to_read = state.ready.is_empty();
        state.waiters.set_sleeping(true);
        if entry == Entry::TakenOver {
            self.unlock(state);
            self.shared.deregister();
            self.shared.tell_reactor(|mail| mail.watch = true);
            state = self.state.lock();
        }
        self.unlock(state);
        if nothing_to_read {
            self.shared.sleep();
        } else {
            self.shared.poll_now();
        }
        state = self.state.lock();
        state.waiters.set_sleeping(false);
        state = self.serve(state);
        if state.waiters.is_due() {
            return self.hand_over(state, driver);
        }
        let parting = state.waiters.leave(driver);
        assert!(state.waiters.is_looked_after());
        if parting.tell_reactor {
            self.shared.tell_reactor(|mail| mail.watch = true);
        }
        if parting.drive || state.waiters.is_kept() && !state.ready.is_empty() {
            self.shared.tell_reactor(|mail| mail.ready = true);
        }
        self.pass_turn(parting);
        state
    }

    /// Gives the lease to the reactor.
    fn hand_over<'a>(&'a self, state: Guard<'a>, driver: Driver) -> Guard<'a> {
        self.unlock(state);
        self.shared.register();
        let mut state = self.state.lock();
        let parting = state.waiters.leave_reactor(driver);
        assert!(state.waiters.is_looked_after());
        self.pass_turn(parting);
        self.shared.tell_reactor(|mail| mail.ready = true);
        state
    }

    fn pass_turn(&self, parting: Parting) {
        if parting.wake_follower {
            self.notifier.notify_one();
        }
    }

    fn follow<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        if std::mem::take(&mut state.looks_again) {
            // A thread that is not asleep is not woken: whatever it saw, it has to look at the state
            // again before it sleeps.
            drop(state);
            return self.state.lock();
        }
        state.waiters.follow(true);
        let mut state = self.notifier.wait(state, None);
        state.waiters.follow(false);
        state
    }

    /// Reads what has come, without the lock.
    fn serve<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        let mut read = std::mem::take(&mut state.ready);
        drop(state);
        read.extend(self.shared.read());
        let mut state = self.state.lock();
        if !read.is_empty() {
            state.inbox.extend(read);
            state.wake_waiters();
        }
        state
    }

    /// Another thread of this program brings a message, without the kernel: inproc.
    pub(super) fn put(&self, message: u32) {
        let mut state = self.state.lock();
        state.inbox.push_back(message);
        state.wake_waiters();
        self.unlock(state);
    }

    /// Another reactor helps: it has taken two links off the list, reads one, and hands the other
    /// back unread.
    pub(super) fn help(&self) {
        let mut state = self.state.lock();
        let mut mine = std::mem::take(&mut state.ready);
        drop(state);
        let mut state = self.state.lock();
        state.inbox.extend(mine.pop_front());
        state.wake_waiters();
        self.unlock(state);
        let mut state = self.state.lock();
        if mine.is_empty() {
            return;
        }
        state.ready.extend(mine);
        let reactors = state.waiters.is_reactors();
        if !reactors {
            state.wake_waiters();
        }
        self.unlock(state);
        if reactors {
            self.shared.tell_reactor(|mail| mail.ready = true);
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.wake_waiters();
        if let Some(driver) = state.waiters.surrender() {
            state = self.hand_over(state, driver);
        } else {
            self.shared.tell_reactor(|mail| mail.watch = true);
        }
        self.unlock(state);
    }

    // ----- tasks -----

    /// As in `drive/tasks`: the reactor keeps the lease from now on.
    pub(super) fn keep(&self) {
        let mut state = self.state.lock();
        if let Some(driver) = state.waiters.keep() {
            state = self.hand_over(state, driver);
        }
        assert!(state.waiters.is_looked_after());
        self.unlock(state);
    }

    /// One poll of a task that waits for a message.
    pub(super) fn poll_recv(&self, task: &mut Option<TaskId>, waker: &Waker) -> Poll<Option<u32>> {
        let mut state = self.state.lock();
        if let Some(outcome) = Socket::look(&mut state) {
            let (wakeups, _) = state.waiters.served(task.take(), Want::Message);
            state.wakeups.merge(wakeups);
            self.unlock(state);
            return Poll::Ready(outcome);
        }
        state.waiters.wait(task, Want::Message, waker.clone());
        self.unlock(state);
        Poll::Pending
    }

    /// What becomes of a future that is dropped.
    pub(super) fn forget(&self, task: Option<TaskId>) {
        if let Some(task) = task {
            let mut state = self.state.lock();
            let (wakeups, _) = state.waiters.gone(task);
            state.wakeups.merge(wakeups);
            self.unlock(state);
        }
    }

    /// Runs a task to its end, on an executor of its own.
    pub(super) fn block_on(&self) -> Option<u32> {
        let parker = Arc::new(Parker::default());
        let waker = Waker::from(Arc::clone(&parker));
        let mut task = None;
        loop {
            match self.poll_recv(&mut task, &waker) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => parker.park(),
            }
        }
    }

    // ----- the reactor -----

    /// Until no thread can write to it any more, and there is nothing to watch and nothing to do.
    pub(super) fn run_reactor(&self) {
        loop {
            let mut mail = self.shared.mail.lock();
            while !mail.ready && !mail.watch && mail.writers > 0 {
                mail = self.shared.mail_came.wait(mail, None);
            }
            let ready = std::mem::take(&mut mail.ready);
            let watch = std::mem::take(&mut mail.watch);
            drop(mail);
            if !ready && !watch {
                return;
            }
            if ready {
                self.on_ready();
            }
            if watch && self.on_watch() {
                self.shared.mail.lock().watch = true;
            }
        }
    }

    fn on_ready(&self) {
        let mut state = self.state.lock();
        if let Some(driver) = state.waiters.enter_reactor() {
            self.drive_for_reactor(state, driver);
        }
    }

    /// Whether to look again.
    fn on_watch(&self) -> bool {
        let mut state = self.state.lock();
        let tick = state.waiters.tick();
        assert!(state.waiters.is_looked_after());
        match tick {
            Tick::Busy => true,
            Tick::Inside | Tick::Mine => false,
            Tick::Lapsed(driver) => {
                drop(state);
                self.shared.register();
                state = self.state.lock();
                self.drive_for_reactor(state, driver);
                false
            }
        }
    }

    fn drive_for_reactor(&self, state: Guard<'_>, driver: Driver) {
        self.unlock(state);
        self.shared.poll_now();
        let mut state = self.serve(self.state.lock());
        let parting = state.waiters.leave_reactor(driver);
        self.pass_turn(parting);
        self.unlock(state);
    }
}

/// Where a task's thread sleeps until it is woken.
#[derive(Default)]
pub(super) struct Parker {
    woken: Mutex<bool>,
    condvar: Condvar,
}

impl Parker {
    pub(super) fn park(&self) {
        let mut woken = self.woken.lock();
        while !std::mem::take(&mut *woken) {
            woken = self.condvar.wait(woken, None);
        }
    }
}

impl std::task::Wake for Parker {
    fn wake(self: Arc<Self>) {
        *self.woken.lock() = true;
        self.condvar.notify_all();
    }
}

pub(super) fn spawn<T: 'static>(
    socket: &Arc<Socket>,
    run: impl FnOnce(&Socket) -> T + 'static,
) -> thread::JoinHandle<T> {
    let socket = Arc::clone(socket);
    thread::spawn(move || {
        let outcome = run(&socket);
        socket.done();
        outcome
    })
}
