//! A poller that watches sockets which other threads make ready: it sleeps over nothing.

use std::sync::Arc;
use std::task::Waker;

use loom::thread;

use super::explore;
use crate::interest::Interest;
use crate::notifier::Wake;
use crate::poller::{ReadyEntry, ReadyListOf};
use crate::sync::{Condvar, Mutex};
use crate::waiters::pollers::PollerId;
use crate::waiters::{Change, Waiters};

/// What ends the poller's sleep: an eventfd.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    condvar: Condvar,
}

struct Ring(Arc<Bell>);

impl Wake for Ring {
    fn wake(&self) {
        *self.0.rung.lock() = true;
        self.0.condvar.notify_all();
    }
}

/// A socket as far as a poller sees it, which takes the steps of `drive/polled` under the same lock.
struct Polled {
    state: Mutex<State>,
}

struct State {
    messages: u32,
    closed: bool,
    waiters: Waiters<()>,
}

impl Polled {
    fn new() -> Arc<Polled> {
        Arc::new(Polled {
            state: Mutex::new(State {
                messages: 0,
                closed: false,
                waiters: Waiters::default(),
            }),
        })
    }

    fn change(&self, change: Change) {
        let mut state = self.state.lock();
        match change {
            Change::Closed => state.closed = true,
            _ => state.messages += 1,
        }
        let wakeups = state.waiters.notify(change);
        drop(state);
        wakeups.tasks.into_iter().for_each(Waker::wake);
    }

    /// `None`: nothing to be had. Otherwise a message, or the end.
    fn take(&self, id: PollerId) -> Option<Change> {
        let mut state = self.state.lock();
        if state.messages > 0 {
            state.messages -= 1;
            return Some(Change::Messages);
        }
        if state.closed {
            return Some(Change::Closed);
        }
        state.waiters.arm_poller(id);
        None
    }
}

struct MiniPoller {
    list: Arc<ReadyListOf<Ring>>,
    bell: Arc<Bell>,
    sockets: Vec<(Arc<Polled>, PollerId)>,
    listed: Vec<usize>,
}

impl MiniPoller {
    fn new(sockets: &[Arc<Polled>]) -> MiniPoller {
        let bell = Arc::<Bell>::default();
        let list = Arc::new(ReadyListOf::new(Ring(Arc::clone(&bell))));
        let add = |(key, socket): (usize, &Arc<Polled>)| {
            let entry = ReadyEntry {
                list: Arc::clone(&list),
                key,
            };
            let mut state = socket.state.lock();
            let id = state
                .waiters
                .add_poller(Interest::READABLE, Arc::new(entry).into());
            (Arc::clone(socket), id)
        };
        let sockets: Vec<_> = sockets.iter().enumerate().map(add).collect();
        MiniPoller {
            bell,
            listed: (0..sockets.len()).collect(),
            sockets,
            list,
        }
    }

    /// Waits for something, and takes it. True: it was woken, whatever it found.
    fn wait(&mut self) -> (Option<Change>, bool) {
        loop {
            let mut changed = Vec::new();
            let woken = self.list.take(&mut changed);
            for key in changed {
                if !self.listed.contains(&key) {
                    self.listed.push(key);
                }
            }
            while let Some(&key) = self.listed.first() {
                let (socket, id) = &self.sockets[key];
                if let Some(found) = socket.take(*id) {
                    return (Some(found), woken);
                }
                self.listed.remove(0);
            }
            if woken {
                return (None, true);
            }
            if self.list.sleep() {
                let mut rung = self.bell.rung.lock();
                while !*rung {
                    rung = self.bell.condvar.wait(rung, None);
                }
                *rung = false;
                drop(rung);
                self.list.awake();
            }
        }
    }
}

#[test]
fn loom_a_poller_sleeps_over_no_message_of_either_of_two_sockets() {
    explore(3, || {
        let sockets = [Polled::new(), Polled::new()];
        let mut poller = MiniPoller::new(&sockets);
        let senders = sockets.map(|socket| {
            thread::spawn(move || {
                socket.change(Change::Messages);
            })
        });
        for _ in 0..2 {
            assert_eq!(poller.wait().0, Some(Change::Messages));
        }
        senders.into_iter().for_each(|it| it.join().unwrap());
    });
}

#[test]
fn loom_a_poller_is_told_again_once_it_has_found_nothing() {
    explore(3, || {
        let socket = Polled::new();
        let mut poller = MiniPoller::new(&[Arc::clone(&socket)]);
        let sender = thread::spawn(move || {
            socket.change(Change::Messages);
            socket.change(Change::Messages);
            socket.change(Change::Closed);
        });
        for expected in [Change::Messages, Change::Messages, Change::Closed] {
            assert_eq!(poller.wait().0, Some(expected));
        }
        sender.join().unwrap();
    });
}

#[test]
fn loom_a_poller_is_woken_whether_it_sleeps_or_is_about_to() {
    explore(3, || {
        let socket = Polled::new();
        let mut poller = MiniPoller::new(&[Arc::clone(&socket)]);
        let list = Arc::clone(&poller.list);
        let other = thread::spawn(move || {
            socket.change(Change::Messages);
            list.wake();
        });
        let mut seen = [false; 2];
        while seen != [true; 2] {
            let (found, woken) = poller.wait();
            seen[0] |= found.is_some();
            seen[1] |= woken;
        }
        other.join().unwrap();
    });
}
