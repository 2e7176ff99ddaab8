//! The shortcut of a PUSH with one peer: a stream of messages goes behind a lock of its own, and is
//! booked with the state a batch at a time.
//!
//! The shortcut is open only while nobody holds the state: whoever locks that closes it first and
//! finds everything where it belongs ([`Core::lock`]). So no other part of the engine knows of it.

use super::core::{Core, Guard};
use super::state::{Life, State};
use crate::link::pipe::{Door, PipeEnd};
use crate::link::Link;
use crate::message::Message;
use crate::sync::Mutex;
use crate::tuning;
use crate::zmtp::encoder::Outbox;

/// See the module's text. Lock order: after the state, before a pipe.
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
    /// To the connection of a hot link, which takes so many more messages in this batch.
    Wire(usize),
    /// To an inproc peer.
    Pipe(PipeEnd, Door),
}

/// What became of a message that tried the shortcut.
pub(super) enum Taken {
    /// It is queued.
    Yes,
    /// It is queued, and the inproc peer waits for it.
    Announce(Door),
    /// It is queued, and there is something to do with the state: a batch is full, or a pipe is.
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
            Way::Wire(room) => {
                lane.outbox.push(message);
                *room -= 1;
                if *room > 0 && lane.outbox.bytes() < tuning::WRITE_BATCH {
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
                    // What is done with the state sees to the announcement too.
                    (_, true) => Taken::Last,
                }
            }
            Way::Closed => Taken::No,
        }
    }
}

impl Core {
    /// Opens the shortcut, if the socket is one that has it.
    #[inline]
    pub(super) fn open_shortcut(&self, state: &mut State) {
        if !self.balances || state.links.len() != 1 || state.life != Life::Open {
            return;
        }
        let hot = state.heat.is_hot();
        let Some((key, link)) = state.links.iter().next() else {
            return;
        };
        let way = way_of(link, hot);
        if !matches!(way, Way::Closed) {
            self.shortcut.lane.lock().way = way;
            state.shortcut = Some(key);
        }
    }

    /// Closes the shortcut and books what went that way.
    #[cold]
    pub(super) fn close_shortcut<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        let Some(key) = state.shortcut.take() else {
            return state;
        };
        let mut lane = self.shortcut.lane.lock();
        lane.way = Way::Closed;
        if !lane.outbox.is_empty() {
            state.book_batch(key, &mut lane.outbox);
        }
        let piped = std::mem::take(&mut lane.piped);
        if piped > 0 {
            state.book_pipe(key, piped);
        }
        state
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
    let room = link.outward.room_to_half();
    let ready = link
        .wire
        .as_ref()
        .is_some_and(|wire| !wire.blocked && !wire.broken);
    if hot && ready && room > 0 && !link.outward.is_full() {
        return Way::Wire(room);
    }
    Way::Closed
}

impl State {
    /// Books messages that were encoded for a link.
    fn book_batch(&mut self, key: usize, batch: &mut Outbox) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (messages, bytes) = (batch.messages(), batch.bytes());
        if link.outbox.is_empty() {
            std::mem::swap(&mut link.outbox, batch);
        } else {
            link.outbox.append_copy(batch);
        }
        batch.clear();
        self.stats.sent += messages as u64;
        let full = link.outward.add(messages, bytes);
        self.queued_first_or_last(key, full);
    }

    /// Books messages that were put into a link's pipe, the last of which may have filled it.
    fn book_pipe(&mut self, key: usize, messages: u64) {
        self.stats.sent += messages;
        let Some(link) = self.links.get(key) else {
            return;
        };
        let Some((pipe, Some(door))) = &link.pipe else {
            return;
        };
        if !pipe.has_room() {
            self.pattern.set_room(key, false);
            // It may be the first since the receiver looked; a word too many does no harm.
            self.errands
                .push(super::state::Errand::Announce(door.clone()));
        }
    }
}
