//! Two sockets of one context in miniature, around the real pipe and the real [`FastPath`].

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use loom::thread;

use crate::drive::fast_path::{Batch, FastPath, Offered};
use crate::engine::fast_path::Target;
use crate::link::pipe::{pipe, Limits, PipeEnd, PipeEvents, PipePeer};
use crate::message::Message;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Two sockets of one context and the pipe between them, as their callers see it.
pub(super) struct Pair {
    pub(super) fast_path: Arc<FastPath>,
    pub(super) from: Mutex<From>,
    pub(super) from_woken: Condvar,
    pub(super) to: Mutex<To>,
    pub(super) to_woken: Condvar,
}

pub(super) struct From {
    pub(super) pipe: PipeEnd,
    /// What the pattern believes.
    pub(super) room: bool,
    /// The fast path may be open.
    pub(super) open: bool,
    /// The receiver is to be told once the lock is released.
    pub(super) announce: bool,
}

pub(super) struct To {
    pub(super) pipe: PipeEnd,
    pub(super) peer: PipePeer,
    pub(super) inbox: VecDeque<Message>,
    pub(super) readable: bool,
    /// A receiver waits awake, and the sender announces nothing.
    pub(super) suppressed: bool,
    pub(super) sleepers: usize,
}

impl To {
    fn resume_wakeups(&mut self) {
        if std::mem::take(&mut self.suppressed) {
            self.readable |= self.pipe.resume_wakeups();
        }
    }
}

impl Pair {
    pub(super) fn new(limits: Limits) -> Arc<Pair> {
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

    pub(super) fn send(&self, message: Message) {
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
    pub(super) fn send_fast(&self, text: &str) {
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

    pub(super) fn recv(&self) -> Message {
        self.recv_after(0)
    }

    /// Looks this number of times before it sleeps.
    pub(super) fn recv_after(&self, mut looks: usize) -> Message {
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

    pub(super) fn give_room(&self) {
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
