//! Two sockets of one context: the real pipe between them, and the real [`FastPath`] of its sender.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use loom::thread;

use super::explore;
use crate::drive::fast_path::{Batch, FastPath, Offered};
use crate::engine::fast_path::Target;
use crate::link::pipe::{pipe, Limits, PipeEnd, PipeEvents, PipePeer};
use crate::message::Message;
use crate::sync::{Condvar, Mutex, MutexGuard};

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
                    generation: 0,
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
                generation: 0,
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

    /// Looks this number of times before it sleeps.
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
fn loom_a_receiver_that_waits_awake_for_a_pipe_misses_nothing_and_lets_no_other_oversleep() {
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
