//! The shortcut of a hot PUSH with one peer: a stream of messages is encoded behind a lock of its
//! own, and booked with the state a batch at a time.
//!
//! The shortcut is open only while nobody holds the state: whoever locks that closes it first and
//! finds everything in the link's outbox ([`Core::lock`](super::core::Core)). So no other part of
//! the engine knows of it.

use super::core::{Core, Guard};
use super::state::{Life, State};
use crate::message::Message;
use crate::sync::Mutex;
use crate::tuning;
use crate::zmtp::encoder::Outbox;

/// See the module's text. Lock order: after the state.
#[derive(Debug, Default)]
pub(super) struct Shortcut {
    lane: Mutex<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    /// How many more messages may come this way; zero while it is closed.
    room: usize,
    outbox: Outbox,
}

/// What became of a message that tried the shortcut.
pub(super) enum Taken {
    /// It is queued.
    Yes,
    /// It is queued, and the batch that it belongs to is full.
    Last,
    /// The shortcut is closed.
    No,
}

impl Shortcut {
    #[inline]
    pub(super) fn offer(&self, message: &Message) -> Taken {
        let mut lane = self.lane.lock();
        if lane.room == 0 {
            return Taken::No;
        }
        lane.room -= 1;
        lane.outbox.push(message);
        if lane.room == 0 || lane.outbox.bytes() >= tuning::WRITE_BATCH {
            lane.room = 0;
            return Taken::Last;
        }
        Taken::Yes
    }
}

impl Core {
    /// Opens the shortcut for the next batch, if the socket is one that has it.
    #[inline]
    pub(super) fn open_shortcut(&self, state: &mut State) {
        if !self.balances || !state.heat.is_hot() || state.links.len() != 1 {
            return;
        }
        let Some((key, link)) = state.links.iter().next() else {
            return;
        };
        let ready = link
            .wire
            .as_ref()
            .is_some_and(|wire| !wire.blocked && !wire.broken);
        if !ready || !link.is_up() || link.leaving || state.life != Life::Open {
            return;
        }
        let room = link.outward.room_to_half();
        if room == 0 || link.outward.is_full() {
            return;
        }
        self.shortcut.lane.lock().room = room;
        state.shortcut = Some(key);
    }

    /// Closes the shortcut and books what came that way.
    #[cold]
    pub(super) fn close_shortcut<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        let Some(key) = state.shortcut.take() else {
            return state;
        };
        let mut lane = self.shortcut.lane.lock();
        lane.room = 0;
        if !lane.outbox.is_empty() {
            state.book_batch(key, &mut lane.outbox);
        }
        state
    }
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
}
