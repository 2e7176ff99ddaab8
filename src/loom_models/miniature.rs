//! A miniature of a socket, around the real [`Waiters`] and [`Notifier`]: the same steps under the same
//! lock as `drive/locked`, `drive/waiting` and `drive/io`, with a condition variable where the kernel would
//! be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::thread;

use super::machine::{Eventfd, Shared};
use crate::notifier::Notifier;
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::waiters::lease::{Entry, Parting};
use crate::waiters::tasks::{TaskId, Want};
use crate::waiters::{Change, Waiters, Wakeups};

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

pub(super) type Guard<'a> = MutexGuard<'a, Mini>;

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

    pub(super) fn pass_turn(&self, parting: Parting) {
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
    pub(super) fn serve<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
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
