//! The fast path of a socket that balances (PUSH, DEALER, PAIR): the messages of a stream go into queues
//! behind a lock of their own, one to each peer in turn, and are booked with the engine a batch at a
//! time.
//!
//! It is open only while the engine is not locked: [`Core::lock`] closes it first and finds everything
//! where it belongs. So no other part of the engine knows of it. It is opened by a send, towards all
//! peers that have room, if there is something to gain by it with each of them. Whatever changes peers,
//! their room or whose turn it is does so under the engine's lock, so that what was found when the path
//! was opened holds until it is closed.

use super::core::{Core, Engine};
use crate::engine::fast_path::Target;
use crate::link::high_water::Room;
use crate::link::pipe::{HeldBack, HoldsBack, PipeEnd, PipePeer, Put};
use crate::message::Message;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::Mutex;
use crate::zmtp::outbox::Outbox;

/// The queues of a stream's messages, in front of the engine. Lock order: after the engine, before a pipe.
/// A receiver of this context takes it under its own engine's lock ([`HoldsBack`]), so the thread that has
/// it never asks for an engine.
#[derive(Debug, Default)]
pub(crate) struct FastPath {
    /// It may be open: spares a socket that has no stream the lock.
    maybe_open: AtomicBool,
    queues: Mutex<Queues>,
}

/// | Field | What holds |
/// |---|---|
/// | `open` | the number of `peers` that are open, the first ones; zero: the path is closed |
/// | `next` | below `open`, or zero: whose turn it is |
/// | `peers` | those that are not open hold no message, and are kept for their memory |
#[derive(Debug, Default)]
struct Queues {
    open: usize,
    next: usize,
    peers: Vec<PeerQueue>,
}

#[derive(Debug, Default)]
struct PeerQueue {
    link: usize,
    to: To,
    /// Messages since the path was opened.
    messages: u64,
    /// For a connection: encoded messages, and how much of them makes the batch.
    outbox: Outbox,
    room: Room,
    /// For a pipe.
    held_back: HeldBack,
}

#[derive(Debug, Default)]
enum To {
    #[default]
    Connection,
    Pipe(PipeEnd, PipePeer),
}

/// What became of a message that was offered to the fast path.
pub(crate) enum Offered {
    /// It is queued.
    Queued,
    /// It is queued, and the inproc peer waits for it.
    Announce(PipePeer),
    /// It is queued, and there is something to do with the engine: a batch is full, or a pipe is.
    Batch,
    /// The path is closed.
    Closed,
}

impl FastPath {
    /// Takes the message out of `message`, or leaves a copy that is not needed any more.
    #[inline]
    pub(crate) fn offer(&self, message: &mut Message) -> Offered {
        // Opened or closed by another thread at this moment: then either order will do. What this thread
        // has opened or closed it sees.
        if !self.maybe_open.load(Ordering::Relaxed) {
            return Offered::Closed;
        }
        let mut queues = self.queues.lock();
        let queues = &mut *queues;
        let turn = queues.next;
        if turn >= queues.open {
            return Offered::Closed;
        }
        let Some(queue) = queues.peers.get_mut(turn) else {
            return Offered::Closed;
        };
        queues.next = if turn + 1 < queues.open { turn + 1 } else { 0 };
        queue.take(message)
    }

    /// Opens queues towards these links, whose turn comes in this order. It was closed before.
    pub(crate) fn open<'a>(&self, turns: impl Iterator<Item = (usize, Target<'a>)>) {
        let mut queues = self.queues.lock();
        let queues = &mut *queues;
        let mut open = 0;
        for (link, target) in turns {
            if open == queues.peers.len() {
                queues.peers.push(PeerQueue::default());
            }
            if let Some(queue) = queues.peers.get_mut(open) {
                queue.open(link, target);
                open += 1;
            }
        }
        (queues.open, queues.next) = (open, 0);
        self.maybe_open.store(open > 0, Ordering::Relaxed);
    }

    /// Closes it, and gives what went that way to `book`. Returns the link that had the last turn.
    pub(crate) fn close(&self, mut book: impl FnMut(usize, Batch<'_>)) -> Option<usize> {
        let mut queues = self.queues.lock();
        let queues = &mut *queues;
        self.maybe_open.store(false, Ordering::Relaxed);
        let open = std::mem::take(&mut queues.open);
        let last = (std::mem::take(&mut queues.next) + open).checked_sub(1);
        let last = last.and_then(|last| queues.peers.get(last % open.max(1)));
        // Before the first turn it is the last queue that seems to have had one.
        let last = last
            .filter(|queue| queue.messages > 0)
            .map(|queue| queue.link);
        for queue in queues.peers.iter_mut().take(open) {
            queue.close(&mut book);
        }
        last
    }

    /// Gives back the memory of queues that nothing needs any more.
    pub(super) fn release_memory(&self) {
        let mut queues = self.queues.lock();
        let open = queues.open;
        queues.peers.truncate(open);
        queues.peers.shrink_to_fit();
    }
}

impl HoldsBack for FastPath {
    fn hand_over(&self, link: usize) -> bool {
        let mut queues = self.queues.lock();
        let open = queues.open;
        let mut queues = queues.peers.iter_mut().take(open);
        let Some(queue) = queues.find(|queue| queue.link == link) else {
            return false;
        };
        let To::Pipe(pipe, _) = &queue.to else {
            return false;
        };
        let any = !queue.held_back.is_empty();
        // The receiver, which is the one that asks, need not be told.
        queue.held_back.hand_over(pipe);
        any
    }
}

/// What a queue has taken.
pub(crate) enum Batch<'a> {
    Encoded(&'a mut Outbox),
    Piped(u64, Put),
}

impl PeerQueue {
    #[inline]
    fn take(&mut self, message: &mut Message) -> Offered {
        self.messages += 1;
        match &self.to {
            To::Connection => {
                self.outbox.push(message);
                let more = self.messages < self.room.messages as u64
                    && self.outbox.bytes() < self.room.bytes;
                if more && !self.outbox.has_batch() {
                    return Offered::Queued;
                }
                Offered::Batch
            }
            To::Pipe(pipe, peer) => match self.held_back.push(pipe, std::mem::take(message)) {
                None => Offered::Queued,
                // What is done with the engine sees to the announcement too.
                Some(put) if put.is_full() => Offered::Batch,
                Some(put) if put.announce => Offered::Announce(peer.clone()),
                Some(_) => Offered::Queued,
            },
        }
    }

    fn open(&mut self, link: usize, target: Target<'_>) {
        self.link = link;
        self.messages = 0;
        match target {
            Target::Connection(room) => {
                self.to = To::Connection;
                self.room = room;
            }
            Target::Pipe(pipe, peer, room) => {
                self.to = To::Pipe(pipe.clone(), peer.clone());
                self.held_back.open(room);
            }
        }
    }

    fn close(&mut self, book: &mut impl FnMut(usize, Batch<'_>)) {
        match std::mem::take(&mut self.to) {
            To::Connection if self.outbox.is_empty() => {}
            To::Connection => book(self.link, Batch::Encoded(&mut self.outbox)),
            To::Pipe(pipe, _) => {
                let put = self.held_back.hand_over(&pipe);
                if self.messages > 0 {
                    book(self.link, Batch::Piped(self.messages, put));
                }
            }
        }
    }
}

impl Core {
    /// Opens the fast path, if the socket is one that has it.
    #[inline]
    pub(super) fn open_fast_path(&self, engine: &mut Engine) {
        if !self.balances {
            return;
        }
        let Some(targets) = engine.fast_targets() else {
            return;
        };
        self.fast_path.open(targets);
        engine.set_fast_path(true);
    }

    /// Closes the fast path and books what went that way.
    #[cold]
    pub(super) fn close_fast_path(&self, engine: &mut Engine) {
        engine.set_fast_path(false);
        let last = self.fast_path.close(|link, batch| match batch {
            Batch::Encoded(frames) => engine.book_batch(link, frames),
            Batch::Piped(messages, put) => engine.book_pipe(link, messages, put.announce),
        });
        if let Some(last) = last {
            engine.book_turn(last);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Context, Pull, Push};
    use proptest::prelude::*;

    /// Nothing here takes this long; what hangs fails instead.
    const HANG: std::time::Duration = std::time::Duration::from_secs(120);

    fn connection(messages: usize, bytes: usize) -> Target<'static> {
        Target::Connection(Room { messages, bytes })
    }

    proptest! {
        /// Each queue has its turn, in order, until one of them has a batch; what they took is booked
        /// with their links, once, and so is the last turn.
        #[test]
        fn messages_are_dealt_in_turn_until_a_lane_has_its_batch(
            rooms in prop::collection::vec(1..6usize, 1..8),
            offers in 0..20usize,
        ) {
            let path = FastPath::default();
            let queues = rooms.iter().enumerate();
            path.open(queues.map(|(n, &room)| (10 + n, connection(room, usize::MAX))));
            let mut dealt = vec![0; rooms.len()];
            let mut last = None;
            for n in 0..offers {
                let turn = n % rooms.len();
                dealt[turn] += 1;
                last = Some(10 + turn);
                match path.offer(&mut Message::from("m")) {
                    Offered::Queued => prop_assert!(dealt[turn] < rooms[turn]),
                    Offered::Batch => {
                        prop_assert_eq!(dealt[turn], rooms[turn]);
                        break;
                    }
                    _ => prop_assert!(false, "neither closed nor a pipe"),
                }
            }
            let mut booked = vec![0; rooms.len()];
            let spent = path.close(|link, batch| {
                let Batch::Encoded(frames) = batch else { return };
                booked[link - 10] += frames.messages();
                frames.clear();
            });
            prop_assert_eq!((booked, spent), (dealt, last));
            prop_assert!(matches!(path.offer(&mut "closed".into()), Offered::Closed));
            prop_assert_eq!(path.close(|_, _| ()), None);
        }
    }

    #[test]
    fn the_byte_mark_ends_a_batch_too() {
        let path = FastPath::default();
        path.open(std::iter::once((0, connection(100, 100))));
        // 40 bytes and a header each: the third reaches it.
        for last in [false, false, true] {
            let offered = path.offer(&mut Message::from([7; 40]));
            assert_eq!(matches!(offered, Offered::Batch), last);
        }
    }

    #[test]
    fn a_peer_that_has_gone_leaves_nothing_behind_that_a_send_would_have_to_try() {
        let ctx = Context::new();
        let push = ctx.socket(Push).bind("inproc://first").unwrap();
        let fast_path = &push.core().fast_path;
        let is_piped = || {
            let queues = fast_path.queues.lock();
            queues
                .peers
                .iter()
                .any(|queue| matches!(queue.to, To::Pipe(..)))
        };
        let pull = ctx.socket(Pull).connect("inproc://first").unwrap();
        for n in 0..10u32 {
            push.send(n.to_be_bytes()).unwrap();
        }
        assert!(is_piped());
        drop(pull);
        assert!(!is_piped() && !fast_path.maybe_open.load(Ordering::Relaxed));
        // The next peer has the path to itself, whatever it is reached by.
        push.bind("tcp://127.0.0.1:*").unwrap();
        let pull = ctx.socket(Pull).connect(push.endpoint().unwrap()).unwrap();
        for n in 0..10_000u32 {
            push.send_timeout(n.to_be_bytes(), HANG).unwrap();
            if n % 100 == 99 {
                (n - 99..=n).for_each(|n| {
                    assert_eq!(pull.recv_timeout(HANG).unwrap(), n.to_be_bytes());
                });
            }
        }
        assert!(!is_piped());
    }

    #[test]
    fn a_stream_to_several_peers_takes_the_fast_path_and_keeps_their_turns() {
        let ctx = Context::new();
        let push = ctx.socket(Push).open().unwrap();
        let pulls: Vec<_> = (0..3)
            .map(|n| {
                let name = format!("inproc://turns/{n}");
                let pull = ctx.socket(Pull).bind(&*name).unwrap();
                push.connect(&*name).unwrap();
                pull
            })
            .collect();
        let mut fast = 0;
        for n in 0..3000u32 {
            fast += u32::from(push.core().fast_path.queues.lock().open == 3);
            push.send_timeout(n.to_be_bytes(), HANG).unwrap();
        }
        assert!(fast > 2900, "{fast} of 3000 had it open");
        for (first, pull) in pulls.iter().enumerate() {
            for n in (first as u32..3000).step_by(3) {
                assert_eq!(pull.recv_timeout(HANG).unwrap(), n.to_be_bytes());
            }
            assert!(pull.try_recv().is_err());
        }
    }
}
