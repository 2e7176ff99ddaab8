//! Which peers the messages of a stream may go to without the engine, and the book-keeping once they have
//! gone. The queues that they go to meanwhile are in front of the lock (`drive/fast_path`).

use super::actions::Action;
use super::{Engine, Life};
use crate::link::high_water::Room;
use crate::link::pipe::{PipeEnd, PipePeer};
use crate::link::{Link, PipeLink};
use crate::pattern::Pattern;
use crate::tuning;
use crate::zmtp::outbox::Outbox;

/// Where messages that go by the fast path are put for a peer.
pub(crate) enum Target<'a> {
    /// Into the queue for a connection; the room is what makes a batch.
    Connection(Room),
    /// Into the pipe of an inproc peer; the room is what fills it.
    Pipe(&'a PipeEnd, &'a PipePeer, Room),
}

impl<D> Engine<D> {
    /// The peers that have room, in the order of their turns, if the fast path can lead to all of them and
    /// there is something to gain by it.
    #[inline]
    pub(crate) fn fast_targets(&self) -> Option<impl Iterator<Item = (usize, Target<'_>)>> {
        let hot = self.heat.is_hot();
        if !hot && self.pipes == 0 || self.life != Life::Open {
            // A lone message to a connection is spared the walk over the peers.
            return None;
        }
        let links = &self.links;
        let targets = move || {
            turns(&self.pattern)
                .map(move |link| Some((link, target_of(links.get(link)?, hot)?)))
                .take(tuning::FAST_PEERS + 1)
        };
        // Of a socket that has no stream the first is none.
        if targets().any(|target| target.is_none()) {
            return None;
        }
        let queues = targets().count();
        if queues == 0 || queues > tuning::FAST_PEERS {
            return None;
        }
        Some(targets().flatten())
    }

    /// Messages may go round the engine from now on, until it is locked again.
    #[inline]
    pub(crate) fn set_fast_path(&mut self, open: bool) {
        self.fast_path = open;
    }

    /// Whether messages may have gone round the engine, which are to be booked before anything else.
    #[inline]
    pub(crate) fn has_fast_path(&self) -> bool {
        self.fast_path
    }

    /// Books messages that were encoded for a link.
    pub(crate) fn book_batch(&mut self, key: usize, batch: &mut Outbox) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.ledger.sent(batch.messages() as u64);
        let full = link.send_queue().append(batch);
        self.queued_first_or_last(key, full);
    }

    /// Books messages that were put into a link's pipe, the last of which may have filled it.
    pub(crate) fn book_pipe(&mut self, key: usize, messages: u64, announce: bool) {
        self.ledger.sent(messages);
        let full = !self.update_room(key);
        if full {
            self.count_displaced_in_pipe(key);
        }
        let link = self.links.get(key);
        let pipe = link.and_then(Link::pipe);
        let Some(pipe_peer) = pipe.and_then(PipeLink::peer) else {
            return;
        };
        // The message that filled it may have been the first since the receiver looked; a word too many
        // does no harm.
        if full || announce {
            self.actions.push(Action::Announce(pipe_peer.clone()));
        }
    }

    /// Books the turns: this link had the last one.
    pub(crate) fn book_turn(&mut self, key: usize) {
        self.pattern.had_turn(key);
    }
}

/// The links that have room, in the order of their turns. Spends none.
fn turns(pattern: &Pattern) -> impl Iterator<Item = usize> + '_ {
    let first = pattern.turn_after(None);
    std::iter::successors(first, |link| pattern.turn_after(Some(*link)))
        .enumerate()
        .take_while(move |(turn, link)| *turn == 0 || Some(*link) != first)
        .map(|(_, link)| link)
}

/// Where messages to this link may go. `None`: only to the engine, which has them written at once, or
/// does something else with them.
fn target_of(link: &Link, hot: bool) -> Option<Target<'_>> {
    if link.is_leaving() || !link.is_up() {
        return None;
    }
    if let Some(pipe) = link.pipe() {
        let room = pipe.end().room();
        let peer = pipe.peer().filter(|_| room.any())?;
        return Some(Target::Pipe(pipe.end(), peer, room));
    }
    if !hot {
        return None;
    }
    let room = link.room_in_batch();
    room.any().then_some(Target::Connection(room))
}
