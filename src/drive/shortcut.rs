//! The shortcut of a socket that balances (PUSH, DEALER, PAIR) and has one peer: a stream of messages goes behind a lock of its own, and is
//! booked with the engine a batch at a time.
//!
//! The shortcut is open only while no thread holds the engine: who locks that closes it first and
//! finds everything where it belongs (`Core::lock`). So no other part of the engine knows of it.

use super::core::{Core, Engine};
use crate::engine::Life;
use crate::link::pipe::{Door, PipeEnd};
use crate::link::Link;
use crate::message::Message;
use crate::sync::Mutex;
use crate::zmtp::outbox::Outbox;

/// See the module's text. Lock order: after the engine, before a pipe.
#[derive(Debug, Default)]
pub(super) struct Shortcut {
    lane: Mutex<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    way: Way,
    /// Messages for a connection, encoded. Kept while the shortcut is closed, for its memory.
    outbox: Outbox,
    /// Messages that were put into a pipe since the shortcut was opened.
    piped: u64,
}

#[derive(Debug, Default)]
enum Way {
    #[default]
    Closed,
    /// To the connection of a hot link, which takes so many more messages in this batch, and so many
    /// bytes.
    Wire(usize, usize),
    /// To an inproc peer.
    Pipe(PipeEnd, Door),
}

/// What became of a message that tried the shortcut.
pub(super) enum Taken {
    /// It is queued.
    Yes,
    /// It is queued, and the inproc peer waits for it.
    Announce(Door),
    /// It is queued, and there is something to do with the engine: a batch is full, or a pipe is.
    Last,
    /// The shortcut is closed.
    No,
}

impl Shortcut {
    /// Takes the message out of `message`, or leaves a copy that is not needed any more.
    #[inline]
    pub(super) fn offer(&self, message: &mut Message) -> Taken {
        let mut lane = self.lane.lock();
        let lane = &mut *lane;
        match &mut lane.way {
            Way::Wire(room, bytes) => {
                lane.outbox.push(message);
                *room -= 1;
                if *room > 0 && lane.outbox.bytes() < *bytes && !lane.outbox.has_batch() {
                    return Taken::Yes;
                }
                lane.way = Way::Closed;
                Taken::Last
            }
            Way::Pipe(pipe, door) => {
                let put = pipe.put(std::mem::take(message));
                lane.piped += 1;
                match (put.announce, put.full) {
                    (false, false) => Taken::Yes,
                    (true, false) => Taken::Announce(door.clone()),
                    // What is done with the engine sees to the announcement too.
                    (_, true) => Taken::Last,
                }
            }
            Way::Closed => Taken::No,
        }
    }
}

impl Shortcut {
    /// Opens it towards a link, if that is one that it can lead to. True: it is open.
    #[inline]
    pub(super) fn open(&self, link: &Link, hot: bool) -> bool {
        let way = way_of(link, hot);
        let open = !matches!(way, Way::Closed);
        if open {
            self.lane.lock().way = way;
        }
        open
    }

    /// Closes it, and gives what went that way to `book`: frames, and how many messages went into a
    /// pipe.
    pub(super) fn close(&self, book: impl FnOnce(&mut Outbox, u64)) {
        let mut lane = self.lane.lock();
        lane.way = Way::Closed;
        let piped = std::mem::take(&mut lane.piped);
        book(&mut lane.outbox, piped);
    }
}

impl Core {
    /// Opens the shortcut, if the socket is one that has it.
    #[inline]
    pub(super) fn open_shortcut(&self, engine: &mut Engine) {
        if !self.balances || engine.links.len() != 1 || engine.life != Life::Open {
            return;
        }
        let hot = engine.heat.is_hot();
        let Some((key, link)) = engine.links.iter().next() else {
            return;
        };
        if self.open_direct(link) || self.shortcut.open(link, hot) {
            engine.shortcut = Some(key);
        }
    }

    /// Opens the way straight into an inproc link's pipe, if that is the socket's first.
    #[inline]
    fn open_direct(&self, link: &Link) -> bool {
        let Some((pipe, Some(_))) = &link.pipe else {
            return false;
        };
        if link.leaving || !link.is_up() {
            return false;
        }
        self.direct
            .get()
            .is_some_and(|(first, _)| first.is_same_pipe(pipe) && first.open_direct())
    }

    /// Closes the shortcut and books what went that way.
    #[cold]
    pub(super) fn close_shortcut(&self, engine: &mut Engine) {
        let Some(key) = engine.shortcut.take() else {
            return;
        };
        let direct = self.direct.get().map_or(0, |(pipe, _)| pipe.close_direct());
        self.shortcut.close(|frames, piped| {
            if !frames.is_empty() {
                engine.book_batch(key, frames);
            }
            if direct + piped > 0 {
                engine.book_pipe(key, direct + piped);
            }
        });
    }
}

/// The way that messages to this link may take.
fn way_of(link: &Link, hot: bool) -> Way {
    if link.leaving || !link.is_up() {
        return Way::Closed;
    }
    if let Some((pipe, Some(door))) = &link.pipe {
        if pipe.has_room() {
            return Way::Pipe(pipe.clone(), door.clone());
        }
    }
    let (room, bytes) = link.send_queue.room_in_batch();
    let ready = link
        .wire
        .as_ref()
        .is_some_and(|wire| !wire.blocked && !wire.broken);
    if hot && ready && room > 0 && bytes > 0 && !link.send_queue.is_full() {
        return Way::Wire(room, bytes);
    }
    Way::Closed
}
