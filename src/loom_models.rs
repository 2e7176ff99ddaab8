//! Models of how callers, the reactor and peers hand a socket's work to each other, for loom, which
//! runs them under every order that the memory model and the scheduler allow:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --lib loom_
//! ```
//!
//! [`Waiters`], [`Notifier`], [`Flight`] and the pipe are the real ones. Around them stands a miniature
//! of the socket that takes the same steps under the same lock as `drive/locked` and
//! `drive/io`, with a condition variable where the kernel would be. A model fails when
//! somebody waits for ever (loom calls that a deadlock) or when an assertion does not hold.

mod prefetched;
mod tasks;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use loom::model::Builder;
use loom::thread;

use crate::drive::fast_path::{Batch, FastPath, Offered, Target};
use crate::link::high_water::Room;
use crate::link::pipe::{pipe, Limits, PipeEnd, PipeEvents, PipePeer};
use crate::message::Message;
use crate::notifier::{Notifier, Wake};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::waiters::lease::{Entry, Parting, Tick};
use crate::waiters::tasks::{TaskId, Want};
use crate::waiters::{Change, Waiters, Wakeups};
use crate::zmtp::decoder::Decoder;
use crate::zmtp::flight::Flight;
use crate::zmtp::outbox::Outbox;

/// Runs a model under every order with at most so many switches away from a thread that could have
/// gone on. Faults in code like this one need two or three; each more costs tenfold.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}

// ----- the socket's poll, and the reactor's -----

/// A socket's poll and the connection in it: edge-triggered, with a waker.
#[derive(Default)]
struct Kernel {
    inner: Mutex<Arrived>,
    condvar: Condvar,
}

#[derive(Default)]
struct Arrived {
    /// What the peer has sent and nobody has read.
    bytes: VecDeque<u32>,
    /// An event that nobody was told of.
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
struct Shared {
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
    fn deliver(&self, message: u32) {
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
    fn stir(&self) {
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
    fn glance(&self) {
        let mut arrived = self.kernel.inner.lock();
        (arrived.event, arrived.rung) = (false, false);
    }

    fn read(&self) -> VecDeque<u32> {
        std::mem::take(&mut self.kernel.inner.lock().bytes)
    }
}

// ----- the socket -----

/// Stands for the poll: whoever has it drives.
struct Driver;

struct Mini {
    waiters: Waiters<Driver>,
    /// Links that can be read, with a message each.
    ready: VecDeque<u32>,
    inbox: VecDeque<u32>,
    wakeups: Wakeups,
    closed: bool,
    /// Who waits for its turn looks around awake, once, before it sleeps.
    glances: bool,
}

impl Mini {
    fn wake_waiters(&mut self) {
        let wakeups = self.waiters.notify(Change::Messages);
        self.wakeups.merge(wakeups);
    }
}

struct Socket {
    state: Mutex<Mini>,
    notifier: Notifier<Eventfd>,
    shared: Arc<Shared>,
}

type Guard<'a> = MutexGuard<'a, Mini>;

impl Socket {
    /// A socket whose lease is the reactor's, with `writers` threads that call [`Socket::done`].
    fn new(writers: usize) -> Arc<Socket> {
        let socket = Socket::without_poll(writers);
        socket.make_poll();
        socket
    }

    fn without_poll(writers: usize) -> Arc<Socket> {
        let shared = Arc::new(Shared::default());
        shared.mail.lock().writers = writers;
        Arc::new(Socket {
            state: Mutex::new(Mini {
                waiters: Waiters::default(),
                ready: VecDeque::new(),
                inbox: VecDeque::new(),
                wakeups: Wakeups::default(),
                closed: false,
                glances: false,
            }),
            notifier: Notifier::new(),
            shared,
        })
    }

    fn make_poll(&self) {
        self.shared.register();
        self.notifier.set_waker(Eventfd(Arc::clone(&self.shared)));
        let mut state = self.state.lock();
        state.waiters.install(Driver);
        state.wake_waiters();
        self.unlock(state);
    }

    fn unlock(&self, mut state: Guard<'_>) {
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
    fn recv(&self) -> Option<u32> {
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
    fn recv_once(&self) -> Option<u32> {
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
            self.shared.glance();
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
        if std::mem::take(&mut state.glances) {
            // Nobody rings for one who is not asleep: whatever it saw, it has to look at the state
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
    fn put(&self, message: u32) {
        let mut state = self.state.lock();
        state.inbox.push_back(message);
        state.wake_waiters();
        self.unlock(state);
    }

    /// Another reactor helps: it has taken two links off the list, reads one, and hands the other
    /// back unread.
    fn help(&self) {
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

    fn close(&self) {
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
    fn keep(&self) {
        let mut state = self.state.lock();
        if let Some(driver) = state.waiters.keep() {
            state = self.hand_over(state, driver);
        }
        assert!(state.waiters.is_looked_after());
        self.unlock(state);
    }

    /// One poll of a task that waits for a message.
    fn poll_recv(&self, task: &mut Option<TaskId>, waker: &Waker) -> Poll<Option<u32>> {
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
    fn forget(&self, task: Option<TaskId>) {
        if let Some(task) = task {
            let mut state = self.state.lock();
            let (wakeups, _) = state.waiters.gone(task);
            state.wakeups.merge(wakeups);
            self.unlock(state);
        }
    }

    /// Runs a task to its end, on an executor of its own.
    fn block_on(&self) -> Option<u32> {
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

    /// Until nobody can write to it any more, and there is nothing to watch and nothing to do.
    fn run_reactor(&self) {
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
        self.shared.glance();
        let mut state = self.serve(self.state.lock());
        let parting = state.waiters.leave_reactor(driver);
        self.pass_turn(parting);
        self.unlock(state);
    }
}

/// Where a task's thread sleeps until it is woken.
#[derive(Default)]
struct Parker {
    woken: Mutex<bool>,
    condvar: Condvar,
}

impl Parker {
    fn park(&self) {
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

fn spawn<T: 'static>(
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

// ----- waking -----

#[test]
fn loom_a_sleeper_is_woken_by_another_thread() {
    explore(4, || {
        let socket = Socket::new(1);
        let producer = spawn(&socket, |socket| socket.put(7));
        assert_eq!(socket.recv(), Some(7));
        producer.join().unwrap();
    });
}

#[test]
fn loom_a_sleeper_is_woken_by_each_of_two() {
    explore(3, || {
        let socket = Socket::new(2);
        let near = spawn(&socket, |socket| socket.put(1));
        let far = spawn(&socket, |socket| socket.shared.deliver(2));
        let mut got = [socket.recv(), socket.recv()];
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        near.join().unwrap();
        far.join().unwrap();
    });
}

#[test]
fn loom_a_sleeper_is_woken_again() {
    explore(4, || {
        let socket = Socket::new(1);
        let producer = spawn(&socket, |socket| {
            socket.put(1);
            socket.put(2);
        });
        assert_eq!(socket.recv(), Some(1));
        assert_eq!(socket.recv(), Some(2));
        producer.join().unwrap();
    });
}

#[test]
fn loom_one_who_waits_before_there_is_a_poll_drives_once_there_is() {
    explore(3, || {
        let socket = Socket::without_poll(1);
        let peer = spawn(&socket, |socket| {
            socket.make_poll();
            socket.shared.deliver(7);
        });
        assert_eq!(socket.recv(), Some(7));
        peer.join().unwrap();
    });
}

#[test]
fn loom_one_who_looks_around_before_it_sleeps_misses_nothing() {
    explore(4, || {
        let socket = Socket::without_poll(2);
        socket.state.lock().glances = true;
        let producer = spawn(&socket, |socket| socket.put(7));
        let caller = spawn(&socket, Socket::recv);
        assert_eq!(caller.join().unwrap(), Some(7));
        producer.join().unwrap();
    });
}

// ----- help -----

#[test]
fn loom_a_helper_strands_neither_what_it_reads_nor_what_it_hands_back() {
    explore(3, || {
        let socket = Socket::new(2);
        socket.state.lock().ready.extend([1, 2]);
        let helper = spawn(&socket, Socket::help);
        let caller = spawn(&socket, |socket| {
            let mut got = [socket.recv(), socket.recv()];
            got.sort_unstable();
            assert_eq!(got, [Some(1), Some(2)]);
        });
        socket.run_reactor();
        helper.join().unwrap();
        caller.join().unwrap();
    });
}

// ----- two callers -----

#[test]
fn loom_a_follower_takes_its_turn() {
    explore(3, || {
        let socket = Socket::new(2);
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.shared.deliver(2);
        });
        let second = spawn(&socket, Socket::recv);
        let mut got = [socket.recv(), second.join().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        peer.join().unwrap();
    });
}

#[test]
fn loom_two_callers_and_the_reactor_share_what_comes() {
    explore(2, || {
        let socket = Socket::new(3);
        let callers = [spawn(&socket, Socket::recv), spawn(&socket, Socket::recv)];
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.put(2);
        });
        socket.run_reactor();
        let mut got = callers.map(|caller| caller.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        peer.join().unwrap();
    });
}

/// Something comes that is no message, and the one who drives has no more time: whoever waits for
/// its turn has to be told, by nobody else than the one who leaves.
#[test]
fn loom_one_who_leaves_empty_handed_passes_the_turn_on() {
    explore(3, || {
        let socket = Socket::new(2);
        let hasty = spawn(&socket, Socket::recv_once);
        let patient = spawn(&socket, Socket::recv);
        socket.shared.stir();
        socket.shared.deliver(1);
        socket.shared.deliver(2);
        assert!(patient.join().unwrap().is_some());
        hasty.join().unwrap();
    });
}

/// The one who was told that it is its turn goes away instead: the reactor finds out, and passes
/// the turn on.
#[test]
fn loom_a_turn_that_is_not_taken_is_not_lost() {
    explore(2, || {
        let socket = Socket::new(3);
        let fickle = spawn(&socket, Socket::recv_once);
        let patient = [spawn(&socket, Socket::recv), spawn(&socket, Socket::recv)];
        for message in 1..=3 {
            socket.shared.deliver(message);
        }
        socket.run_reactor();
        let fickle = fickle.join().unwrap();
        let patient = patient.map(|caller| caller.join().unwrap());
        assert!(patient.iter().all(|got| got.is_some() && *got != fickle));
    });
}

// ----- the lease -----

#[test]
fn loom_what_comes_after_the_caller_left_is_driven_by_the_reactor() {
    explore(3, || {
        let socket = Socket::new(2);
        let caller = spawn(&socket, |socket| assert!(socket.recv().is_some()));
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.shared.deliver(2);
        });
        socket.run_reactor();
        caller.join().unwrap();
        peer.join().unwrap();
        assert!(socket.shared.read().is_empty(), "nobody drove");
        assert_eq!(socket.state.lock().inbox.len(), 1);
    });
}

#[test]
fn loom_the_lease_comes_and_goes() {
    explore(2, || {
        let socket = Socket::new(2);
        let caller = spawn(&socket, |socket| {
            assert!(socket.recv().is_some());
            assert!(socket.recv().is_some());
        });
        let peer = spawn(&socket, |socket| {
            for message in 0..3 {
                socket.shared.deliver(message);
            }
        });
        socket.run_reactor();
        caller.join().unwrap();
        peer.join().unwrap();
        assert!(socket.shared.read().is_empty(), "nobody drove");
        assert!(socket.state.lock().waiters.is_reactors());
    });
}

// ----- closing -----

#[test]
fn loom_closing_wakes_whoever_waits() {
    explore(3, || {
        let socket = Socket::new(2);
        let first = spawn(&socket, Socket::recv);
        let second = spawn(&socket, Socket::recv);
        socket.close();
        assert_eq!(first.join().unwrap(), None);
        assert_eq!(second.join().unwrap(), None);
    });
}

#[test]
fn loom_after_closing_the_reactor_drives() {
    explore(2, || {
        let socket = Socket::new(3);
        let caller = spawn(&socket, Socket::recv);
        let peer = spawn(&socket, |socket| socket.shared.deliver(1));
        let closer = spawn(&socket, Socket::close);
        socket.run_reactor();
        assert!(matches!(caller.join().unwrap(), None | Some(1)));
        peer.join().unwrap();
        closer.join().unwrap();
        assert!(socket.shared.read().is_empty(), "nobody drove");
        assert!(socket.state.lock().waiters.is_reactors());
    });
}

#[test]
fn loom_closing_wakes_those_who_wait_on_inproc_alone() {
    explore(3, || {
        let socket = Socket::without_poll(2);
        let callers = [spawn(&socket, Socket::recv), spawn(&socket, Socket::recv)];
        let mut state = socket.state.lock();
        state.closed = true;
        state.wake_waiters();
        socket.unlock(state);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), None);
        }
    });
}

// ----- the writer's token -----

/// The kernel's side of a connection that takes so many bytes until somebody reads.
struct Wire {
    inner: Mutex<Buffered>,
    came: Condvar,
}

struct Buffered {
    bytes: Vec<u8>,
    room: usize,
    /// A write found no room: the next read makes an event.
    wanted: bool,
}

/// The parts of a link that writing it needs; the flags mean what they mean in `link::Wire`.
struct Outward {
    outbox: Outbox,
    writer: Option<Box<Flight>>,
    blocked: bool,
    unblocked: bool,
}

struct Sender {
    state: Mutex<Outward>,
    wire: Wire,
}

impl Sender {
    fn new(room: usize) -> Arc<Sender> {
        Arc::new(Sender {
            state: Mutex::new(Outward {
                outbox: Outbox::new(),
                writer: Some(Box::default()),
                blocked: false,
                unblocked: false,
            }),
            wire: Wire {
                inner: Mutex::new(Buffered {
                    bytes: Vec::new(),
                    room,
                    wanted: false,
                }),
                came: Condvar::new(),
            },
        })
    }

    fn send(&self, text: &str) {
        let mut state = self.state.lock();
        state.outbox.push(&Message::from(text));
        self.flush(state);
    }

    fn flush<'a>(&'a self, mut state: MutexGuard<'a, Outward>) {
        loop {
            if state.blocked {
                return;
            }
            let Some(mut writer) = state.writer.take() else {
                return;
            };
            writer.load(&mut state.outbox);
            if writer.is_empty() {
                state.writer = Some(writer);
                return;
            }
            drop(state);
            let all = self.write(&mut writer);
            state = self.state.lock();
            state.writer = Some(writer);
            if !all {
                // The event that says so may have come before the writer was back.
                state.blocked = !std::mem::take(&mut state.unblocked);
            }
        }
    }

    /// False: the kernel is full.
    fn write(&self, flight: &mut Flight) -> bool {
        while !flight.is_empty() {
            let mut slices = [IoSlice::new(&[]); 2];
            let count = flight.slices(&mut slices, usize::MAX, usize::MAX);
            let mut wire = self.wire.inner.lock();
            if wire.room == 0 {
                wire.wanted = true;
                return false;
            }
            assert!(count > 0);
            let written = slices[0].len().min(wire.room);
            wire.room -= written;
            wire.bytes.extend_from_slice(&slices[0][..written]);
            drop(wire);
            self.wire.came.notify_all();
            flight.advance(written);
        }
        true
    }

    /// The peer reads `total` bytes, in steps, and each step may make an event, which is served as
    /// `note_events` and `serve` do.
    fn drain(&self, total: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < total {
            let mut wire = self.wire.inner.lock();
            while wire.bytes.is_empty() {
                wire = self.wire.came.wait(wire, None);
            }
            wire.room += wire.bytes.len();
            read.append(&mut wire.bytes);
            let event = std::mem::take(&mut wire.wanted);
            drop(wire);
            if event {
                self.on_writable();
            }
        }
        read
    }

    fn on_writable(&self) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.blocked) {
            self.flush(state);
        } else if state.writer.is_none() {
            state.unblocked = true;
        }
    }
}

fn decoded(bytes: &[u8]) -> Vec<String> {
    let (mut messages, mut commands) = (VecDeque::new(), Vec::new());
    let used = Decoder::new(None).decode(bytes, usize::MAX, &mut messages, &mut commands);
    assert_eq!(used.unwrap(), bytes.len());
    let texts = messages.iter().map(|message| message.to_str().unwrap());
    texts.map(str::to_owned).collect()
}

/// Each message once, and those of one sender in their order.
fn assert_complete(got: &[String]) {
    let place = |text: &str| got.iter().position(|other| other == text);
    assert_eq!(got.len(), 3);
    assert!(place("a1") < place("a2") && place("a1").is_some());
    assert!(place("b1").is_some());
}

#[test]
fn loom_whoever_has_the_writer_takes_along_what_others_queue() {
    explore(4, || {
        let sender = Sender::new(usize::MAX);
        let other = Arc::clone(&sender);
        let other = thread::spawn(move || other.send("b1"));
        sender.send("a1");
        sender.send("a2");
        other.join().unwrap();
        let state = sender.state.lock();
        assert!(state.outbox.is_empty(), "stranded");
        assert!(state
            .writer
            .as_ref()
            .is_some_and(|writer| writer.is_empty()));
        assert_complete(&decoded(&sender.wire.inner.lock().bytes));
    });
}

#[test]
fn loom_a_full_kernel_strands_nothing() {
    explore(3, || {
        // A frame has four bytes: two of them fit no more than one and a half times.
        let sender = Sender::new(6);
        let peer = Arc::clone(&sender);
        let peer = thread::spawn(move || peer.drain(12));
        let other = Arc::clone(&sender);
        let other = thread::spawn(move || other.send("b1"));
        sender.send("a1");
        sender.send("a2");
        other.join().unwrap();
        assert_complete(&decoded(&peer.join().unwrap()));
    });
}

// ----- the fast path of a hot socket -----

/// A hot sender with two connections: messages go into the lanes of the fast path while that is open, which
/// it is only while no thread has the state; the sweep writes what is left.
struct Hot {
    state: Mutex<Booked>,
    fast_path: FastPath,
}

struct Booked {
    queued: [Outbox; 2],
    wires: [Vec<u8>; 2],
    turn: usize,
    /// The fast path may be open.
    open: bool,
    hot: bool,
}

impl Hot {
    fn new() -> Arc<Hot> {
        Arc::new(Hot {
            state: Mutex::new(Booked {
                queued: [Outbox::new(), Outbox::new()],
                wires: [Vec::new(), Vec::new()],
                turn: 0,
                open: false,
                hot: true,
            }),
            fast_path: FastPath::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Booked> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.open) {
            let last = self.fast_path.close(|link, batch| {
                if let Batch::Encoded(frames) = batch {
                    state.queued[link].append_copy(frames);
                    frames.clear();
                }
            });
            state.turn = last.map_or(state.turn, |last| 1 - last);
        }
        state
    }

    fn send(&self, text: &str) {
        let mut message = Message::from(text);
        match self.fast_path.offer(&mut message) {
            Offered::Queued => {}
            Offered::Batch => self.write_out(self.lock()),
            Offered::Announce(_) => panic!("there is no pipe"),
            Offered::Closed => {
                let mut state = self.lock();
                let turn = state.turn;
                state.queued[turn].push(&message);
                state.turn = 1 - turn;
                self.write_out(state);
            }
        }
    }

    fn write_out(&self, mut state: MutexGuard<'_, Booked>) {
        if !state.hot || state.queued.iter().any(|queued| queued.messages() > 1) {
            Hot::flush(&mut state);
        }
        if state.hot {
            let room = Room {
                messages: 2,
                bytes: usize::MAX,
            };
            let turns = [state.turn, 1 - state.turn];
            let lanes = turns.map(|link| (link, Target::Connection(room)));
            self.fast_path.open(lanes.into_iter());
            state.open = true;
        }
    }

    fn flush(state: &mut Booked) {
        for (queued, wire) in state.queued.iter_mut().zip(&mut state.wires) {
            let mut flight = Flight::default();
            flight.load(queued);
            if let Some(bytes) = flight.only_slice() {
                wire.extend_from_slice(bytes);
            }
        }
    }

    /// Until a look finds nothing.
    fn sweep(&self) {
        loop {
            let mut state = self.lock();
            if state.queued.iter().all(Outbox::is_empty) {
                state.hot = false;
                return;
            }
            Hot::flush(&mut state);
        }
    }
}

#[test]
fn loom_the_fast_path_strands_nothing_and_keeps_the_order_and_the_turns() {
    explore(3, || {
        let sender = Hot::new();
        let other = Arc::clone(&sender);
        let other = thread::spawn(move || ["b1", "b2"].map(|text| other.send(text)));
        let sweeper = Arc::clone(&sender);
        let sweeper = thread::spawn(move || sweeper.sweep());
        ["a1", "a2"].map(|text| sender.send(text));
        other.join().unwrap();
        sweeper.join().unwrap();
        // What was sent when the sweep had gone went out at once.
        let state = sender.state.lock();
        assert!(state.queued.iter().all(Outbox::is_empty) && !state.open);
        let [one, two] = state.wires.each_ref().map(|wire| decoded(wire));
        assert_eq!((one.len(), two.len()), (2, 2), "each has its turn");
        for wire in [&one, &two] {
            for of in ["a", "b"] {
                let sent: Vec<_> = wire.iter().filter(|text| text.starts_with(of)).collect();
                assert!(sent.is_sorted(), "{sent:?}");
            }
        }
        let mut all = [one, two].concat();
        all.sort();
        assert_eq!(all, ["a1", "a2", "b1", "b2"]);
    });
}

// ----- inproc -----

/// Two sockets of one context and the pipe between them, as their callers see it.
struct Pair {
    fast_path: Arc<FastPath>,
    from: Mutex<From>,
    from_woken: Condvar,
    to: Mutex<To>,
    to_woken: Condvar,
}

struct From {
    pipe: PipeEnd,
    /// What the pattern believes.
    room: bool,
    /// The fast path may be open.
    open: bool,
    /// The receiver is to be told once the lock is released.
    announce: bool,
}

struct To {
    pipe: PipeEnd,
    peer: PipePeer,
    inbox: VecDeque<Message>,
    readable: bool,
    /// A receiver waits awake, and the sender announces nothing.
    suppressed: bool,
    sleepers: usize,
}

impl To {
    fn resume_wakeups(&mut self) {
        if std::mem::take(&mut self.suppressed) {
            self.readable |= self.pipe.resume_wakeups();
        }
    }
}

impl Pair {
    fn new(limits: Limits) -> Arc<Pair> {
        let (from, to) = pipe(limits, limits);
        let fast_path = Arc::new(FastPath::default());
        Arc::new_cyclic(|me: &Weak<Pair>| Pair {
            fast_path: Arc::clone(&fast_path),
            from: Mutex::new(From {
                pipe: from,
                room: true,
                open: false,
                announce: false,
            }),
            from_woken: Condvar::new(),
            to: Mutex::new(To {
                pipe: to,
                peer: PipePeer {
                    socket: Weak::clone(me) as Weak<_>,
                    held: Some(Arc::downgrade(&fast_path) as Weak<_>),
                    link: 0,
                    serial: 0,
                },
                inbox: VecDeque::new(),
                readable: false,
                suppressed: false,
                sleepers: 0,
            }),
            to_woken: Condvar::new(),
        })
    }

    fn send(&self, message: Message) {
        let mut from = self.from.lock();
        while !from.room {
            from = self.from_woken.wait(from, None);
        }
        let put = from.pipe.put(message);
        if put.is_full() {
            from.room = false;
        }
        drop(from);
        if put.announce {
            self.on_pipe_readable(0, 0);
        }
    }

    /// The sender's state, with the fast path closed.
    fn lock_from(&self) -> MutexGuard<'_, From> {
        let from = self.from.lock();
        self.close_fast_path(from)
    }

    fn close_fast_path<'a>(&self, mut from: MutexGuard<'a, From>) -> MutexGuard<'a, From> {
        if std::mem::take(&mut from.open) {
            self.fast_path.close(|_, batch| {
                if let Batch::Piped(_, put) = batch {
                    let full = !from.pipe.has_room();
                    from.room &= !full;
                    from.announce |= full || put.announce;
                }
            });
        }
        from
    }

    /// As a socket that has a fast path sends.
    fn send_fast(&self, text: &str) {
        let mut message = Message::from(text);
        match self.fast_path.offer(&mut message) {
            Offered::Queued => return,
            Offered::Announce(_) => return self.on_pipe_readable(0, 0),
            Offered::Batch => return self.write_out(self.lock_from()),
            Offered::Closed => {}
        }
        let mut from = self.lock_from();
        while !from.room {
            from = self.close_fast_path(self.from_woken.wait(from, None));
        }
        let put = from.pipe.put(message);
        from.room = !put.is_full();
        from.announce |= put.announce;
        self.write_out(from);
    }

    fn write_out(&self, mut from: MutexGuard<'_, From>) {
        let room = from.pipe.room();
        if from.room && room.any() {
            let me: Weak<Pair> = Weak::new();
            let receiver = PipePeer {
                socket: me,
                held: None,
                link: 0,
                serial: 0,
            };
            let lane = (0, Target::Pipe(&from.pipe, &receiver, room));
            self.fast_path.open(std::iter::once(lane));
            from.open = true;
        }
        let announce = std::mem::take(&mut from.announce);
        drop(from);
        if announce {
            self.on_pipe_readable(0, 0);
        }
    }

    fn recv(&self) -> Message {
        self.recv_after(0)
    }

    /// Looks so many times before it sleeps.
    fn recv_after(&self, mut looks: usize) -> Message {
        let mut to = self.to.lock();
        loop {
            if let Some(message) = to.inbox.pop_front() {
                return message;
            }
            if !to.readable {
                to.resume_wakeups();
                if to.readable {
                    continue;
                }
                if looks > 0 {
                    looks -= 1;
                    to = self.look(to);
                    continue;
                }
                to.sleepers += 1;
                to = self.to_woken.wait(to, None);
                to.sleepers -= 1;
                continue;
            }
            let To {
                pipe, peer, inbox, ..
            } = &mut *to;
            let (taken, _) = pipe.take_all(Some(peer), inbox);
            if taken.messages == 0 {
                to.readable = false;
            }
            if taken.messages > 1 {
                self.to_woken.notify_all();
            }
            if taken.room {
                drop(to);
                self.give_room();
                to = self.to.lock();
            }
        }
    }

    /// Waits awake, for one look.
    fn look<'a>(&'a self, mut to: MutexGuard<'a, To>) -> MutexGuard<'a, To> {
        if to.sleepers > 0 {
            return to;
        }
        let Some(watch) = to.pipe.suppress_wakeups() else {
            return to;
        };
        to.suppressed = true;
        drop(to);
        thread::yield_now();
        let _paid = watch.has_news();
        to = self.to.lock();
        to.resume_wakeups();
        to
    }

    fn give_room(&self) {
        let mut from = self.lock_from();
        if from.pipe.has_room() {
            from.room = true;
            self.from_woken.notify_all();
        }
    }
}

impl PipeEvents for Pair {
    fn on_pipe_readable(&self, _: usize, _: u32) {
        self.to.lock().readable = true;
        self.to_woken.notify_all();
    }
    fn on_pipe_room(&self, _: usize, _: u32) {}
    fn on_pipe_closed(&self, _: usize, _: u32) {}
    fn on_pipe_changes(&self, _: usize, _: u32) {}
}

#[test]
fn loom_what_a_sender_holds_back_is_received_though_it_does_nothing_more() {
    for limits in [(1, 0), (2, 0), (0, 0)] {
        for looks in 0..2 {
            explore(2, move || {
                let pair = Pair::new(limits);
                let sender = Arc::clone(&pair);
                let sender = thread::spawn(move || {
                    for text in ["1", "2", "3"] {
                        sender.send_fast(text);
                    }
                });
                for text in ["1", "2", "3"] {
                    assert_eq!(pair.recv_after(looks), text);
                }
                sender.join().unwrap();
            });
        }
    }
}

#[test]
fn loom_a_pipe_loses_no_announcement() {
    for limits in [(1, 0), (2, 0), (0, 0)] {
        explore(3, move || {
            let pair = Pair::new(limits);
            let sender = Arc::clone(&pair);
            let sender = thread::spawn(move || {
                for text in ["1", "2", "3"] {
                    sender.send(text.into());
                }
            });
            for text in ["1", "2", "3"] {
                assert_eq!(pair.recv(), text);
            }
            sender.join().unwrap();
        });
    }
}

#[test]
fn loom_one_who_waits_awake_for_a_pipe_misses_nothing_and_lets_nobody_oversleep() {
    explore(3, || {
        let pair = Pair::new((0, 0));
        let sender = Arc::clone(&pair);
        let sender = thread::spawn(move || ["1", "2"].map(|text| sender.send(text.into())));
        let other = Arc::clone(&pair);
        let other = thread::spawn(move || other.recv_after(0));
        let ours = pair.recv_after(1);
        let theirs = other.join().unwrap();
        sender.join().unwrap();
        assert!(ours != theirs, "each message once");
    });
}

#[test]
fn loom_a_pipe_that_is_emptied_unread_has_room_again() {
    explore(3, || {
        let pair = Pair::new((1, 0));
        let sender = Arc::clone(&pair);
        let sender = thread::spawn(move || {
            sender.send("stale".into());
            sender.send("fresh".into());
        });
        // REQ forgets old replies before it asks again.
        let mut to = pair.to.lock();
        to.inbox.clear();
        let (_, room) = to.pipe.clear_inward();
        drop(to);
        if room {
            pair.give_room();
        }
        while pair.recv() != "fresh" {}
        sender.join().unwrap();
    });
}

#[test]
fn loom_the_end_of_a_pipe_comes_after_its_last_message() {
    explore(3, || {
        let pair = Pair::new((0, 0));
        let sender = Arc::clone(&pair);
        let sender = thread::spawn(move || {
            sender.send("last".into());
            sender.from.lock().pipe.end();
            sender.to.lock().readable = true;
            sender.to_woken.notify_all();
        });
        assert_eq!(pair.recv(), "last");
        sender.join().unwrap();
        let mut to = pair.to.lock();
        let To { pipe, inbox, .. } = &mut *to;
        let taken = pipe.take(inbox);
        assert!(taken.messages == 0 && pipe.resume_wakeups());
    });
}

#[test]
fn loom_a_subscription_is_not_overtaken_by_an_older_cancellation() {
    explore(3, || {
        let (near, far) = pipe((0, 0), (0, 0));
        // How often a SUB wants a topic, and whether its PUB knows that it does.
        let sub = Arc::new(Mutex::new((near, 1_u32)));
        let publisher = Arc::new(Mutex::new((far, true)));
        let known = Arc::clone(&publisher);
        let change = move |subscribe: bool| {
            let mut state = sub.lock();
            let (pipe, wanted) = &mut *state;
            *wanted = if subscribe { *wanted + 1 } else { *wanted - 1 };
            if subscribe || *wanted == 0 {
                pipe.put_change(b"topic", subscribe);
            }
            drop(state);
            // The action, which the other thread's may overtake.
            let mut state = publisher.lock();
            let (pipe, known) = &mut *state;
            for change in pipe.take_changes() {
                *known = change.subscribe;
            }
        };
        let other = change.clone();
        let other = thread::spawn(move || other(false));
        change(true);
        other.join().unwrap();
        assert!(known.lock().1, "it is wanted once, whichever came first");
    });
}
