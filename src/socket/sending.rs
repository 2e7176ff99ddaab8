//! Sending: a message finds its link, and the time to be written.

use std::time::Instant;

use super::actions::Action;
use super::core::Core;
use super::locked::Locked;
use super::shortcut::Taken;
use super::state::{Life, State};
use super::waiting::{OutOfTime, Wait};
use crate::error::{SendError, SendErrorKind};
use crate::link::Link;
use crate::message::Message;
use crate::pattern::{Refusal, Route};
use crate::tuning::MAX_MESSAGE_FRAMES;
use crate::zmtp::encoder::Outbox;

/// What an offered message met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Taken,
    /// Nobody has room.
    Full,
}

impl Core {
    /// Sends, waiting for room as long as allowed.
    #[inline]
    pub(crate) fn send(&self, mut message: Message, wait: Wait) -> Result<(), SendError> {
        message.fill_blank();
        if self.balances && message.len() <= MAX_MESSAGE_FRAMES {
            if let Some((pipe, door)) = self.direct.get() {
                if let Some(put) = pipe.put_direct(&mut message) {
                    match (put.announce, put.full) {
                        (false, false) => {}
                        (true, false) => door.readable(),
                        // What is done with the state sees to the announcement too.
                        (_, true) => self.write_out(&mut self.lock()),
                    }
                    return Ok(());
                }
            }
            match self.shortcut.offer(&mut message) {
                Taken::Yes => return Ok(()),
                Taken::Announce(door) => {
                    door.readable();
                    return Ok(());
                }
                Taken::Last => {
                    self.write_out(&mut self.lock());
                    return Ok(());
                }
                Taken::No => {}
            }
        }
        self.send_by_the_book(message, wait)
    }

    fn send_by_the_book(&self, mut message: Message, wait: Wait) -> Result<(), SendError> {
        let mut locked = self.lock();
        match locked.engine().offer(&mut message) {
            Ok(Offer::Taken) => {
                self.write_out(&mut locked);
                Ok(())
            }
            Ok(Offer::Full) => self.send_when_there_is_room(&mut locked, message, wait),
            Err(kind) => Err(SendError::new(kind, message)),
        }
    }

    #[cold]
    fn send_when_there_is_room(
        &self,
        locked: &mut Locked<'_>,
        mut message: Message,
        wait: Wait,
    ) -> Result<(), SendError> {
        let mut tried = false;
        loop {
            if let Err(kind) = self.make_room(locked, wait, &mut tried) {
                return Err(SendError::new(kind, message));
            }
            match locked.engine().offer(&mut message) {
                Ok(Offer::Taken) => {
                    self.write_out(locked);
                    return Ok(());
                }
                Ok(Offer::Full) => {}
                Err(kind) => return Err(SendError::new(kind, message)),
            }
        }
    }

    /// Nobody has room: writes what is queued, or else waits for a change.
    fn make_room(
        &self,
        locked: &mut Locked<'_>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<(), SendErrorKind> {
        if !locked.engine().dirty.is_empty() {
            self.flush_dirty(locked);
            if locked.engine().pattern.has_room() {
                return Ok(());
            }
        }
        self.wait(locked, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => SendErrorKind::WouldBlock,
                _ => SendErrorKind::TimedOut,
            })
    }

    /// Sends from the front of `messages` under one lock as long as there is room; what was
    /// accepted is removed.
    pub(crate) fn send_many(
        &self,
        messages: &mut Vec<Message>,
        wait: Wait,
    ) -> Result<usize, (SendErrorKind, usize)> {
        let mut sent = 0;
        let mut locked = self.lock();
        let mut tried = false;
        let outcome = loop {
            let Some(message) = messages.get_mut(sent) else {
                self.write_out(&mut locked);
                break Ok(sent);
            };
            message.fill_blank();
            let state = locked.engine();
            match state.offer(message) {
                Ok(Offer::Taken) => {
                    sent += 1;
                    tried = false;
                    if !state.batches.is_empty() {
                        self.flush_batches(&mut locked);
                    }
                }
                Ok(Offer::Full) => {
                    if let Err(kind) = self.make_room(&mut locked, wait, &mut tried) {
                        break Err((kind, sent));
                    }
                }
                Err(kind) => {
                    self.write_out(&mut locked);
                    break Err((kind, sent));
                }
            }
        };
        // The messages' bodies may be the user's: they go without the lock.
        drop(locked);
        messages.drain(..sent);
        outcome
    }

    /// After messages were queued: writes them now, or leaves them for the batch that they belong
    /// to.
    #[inline]
    fn write_out(&self, locked: &mut Locked<'_>) {
        let state = locked.engine();
        if !state.dirty.is_empty() {
            if !state.heat.is_hot() {
                self.write_cold(locked);
            } else if !state.batches.is_empty() {
                self.flush_batches(locked);
            }
        }
        self.open_shortcut(locked.engine());
        locked.release();
    }

    fn write_cold(&self, locked: &mut Locked<'_>) {
        if !self.streams {
            return self.flush_dirty(locked);
        }
        let state = locked.engine();
        if state.heat.before_write(Instant::now()) {
            return state.actions.push(Action::Sweep);
        }
        self.flush_dirty(locked);
        locked.engine().heat.after_write(Instant::now());
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
        if self.open_direct(link) || self.shortcut.open(link, hot) {
            state.shortcut = Some(key);
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
    pub(super) fn close_shortcut(&self, state: &mut State) {
        let Some(key) = state.shortcut.take() else {
            return;
        };
        let direct = self.direct.get().map_or(0, |(pipe, _)| pipe.close_direct());
        self.shortcut.close(|frames, piped| {
            if !frames.is_empty() {
                state.book_batch(key, frames);
            }
            if direct + piped > 0 {
                state.book_pipe(key, direct + piped);
            }
        });
    }
}

impl State {
    /// Routes a message and queues it for its peers. Changes `message` only when it was accepted;
    /// what is left of it then is for the caller to drop, without the lock.
    #[inline]
    pub(super) fn offer(&mut self, message: &mut Message) -> Result<Offer, SendErrorKind> {
        if self.life != Life::Open {
            return Err(match self.reactor_died {
                true => SendErrorKind::ReactorDied,
                false => SendErrorKind::Closed,
            });
        }
        if message.len() > MAX_MESSAGE_FRAMES.saturating_sub(self.pattern.envelope_frames()) {
            // A peer would end the connection within it, and again within each repetition.
            return Err(SendErrorKind::TooManyFrames);
        }
        match self.pattern.route(message) {
            Route::To(key) => {
                if self.pattern.starts_afresh() {
                    self.forget_inboxes();
                }
                self.queue(key, message);
                Ok(Offer::Taken)
            }
            Route::ToMany { links, full } => {
                self.stats.dropped += full as u64;
                if links.is_empty() {
                    // What most publishers send most of the time. The caller drops the message.
                    return Ok(Offer::Taken);
                }
                // The list belongs to the pattern, which is told of each link as it fills.
                self.chosen.clear();
                self.chosen.extend_from_slice(links);
                self.queue_for_many(message);
                Ok(Offer::Taken)
            }
            Route::Drop => {
                self.stats.dropped += 1;
                Ok(Offer::Taken)
            }
            Route::Wait => {
                // What peers that are gone have said and nobody asked for could otherwise never be
                // received, and keeps the listeners from accepting the one that is waited for.
                if self.pattern.awaits_nothing() {
                    self.forget_inboxes();
                }
                Ok(Offer::Full)
            }
            Route::Refused(refusal) => Err(send_refusal(refusal)),
        }
    }

    /// Queues a message for one peer; takes it out of `message`, or leaves a copy that is not
    /// needed any more.
    #[inline]
    fn queue(&mut self, key: usize, message: &mut Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.stats.sent += 1;
        if link.pipe.is_some() {
            return self.put_into_pipe(key, std::mem::take(message));
        }
        let before = link.outbox.bytes();
        link.outbox.push(message);
        let bytes = link.outbox.bytes() - before;
        self.queued(key, bytes);
    }

    /// Books what was just put into a link's outbox, and has it written.
    #[inline]
    fn queued(&mut self, key: usize, bytes: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let full = link.outward.add(1, bytes);
        if link.dirty && !link.has_batch() {
            return;
        }
        self.queued_first_or_last(key, full);
    }

    /// The message that makes a link dirty, and those that are worth a write.
    #[cold]
    pub(super) fn queued_first_or_last(&mut self, key: usize, full: bool) {
        if full {
            self.pattern.set_room(key, false);
        }
        if self.links.get(key).is_some_and(Link::is_up) {
            self.mark_dirty(key);
            let batch = self.links.get(key).is_some_and(Link::has_batch);
            if batch && self.heat.is_hot() && !self.batches.contains(&key) {
                self.batches.push(key);
            }
        }
    }

    fn queue_for_many(&mut self, message: &Message) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let chosen = std::mem::take(&mut self.chosen);
        for &key in &chosen {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            self.stats.sent += 1;
            if link.pipe.is_some() {
                self.put_into_pipe(key, message.clone());
                continue;
            }
            if scratch.is_empty() {
                scratch.push(message);
            }
            link.outbox.append_copy(&scratch);
            self.queued(key, scratch.bytes());
        }
        // While `message` is there, no body in here is the last of its kind.
        scratch.clear();
        self.scratch = scratch;
        self.chosen = chosen;
    }

    fn put_into_pipe(&mut self, key: usize, message: Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some((pipe, door)) = &link.pipe else {
            return;
        };
        let put = pipe.put(message);
        if put.full {
            self.pattern.set_room(key, false);
        }
        if let (true, Some(door)) = (put.announce, door) {
            self.actions.push(Action::Announce(door.clone()));
        }
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
            self.actions.push(Action::Announce(door.clone()));
        }
    }
}

fn send_refusal(refusal: Refusal) -> SendErrorKind {
    match refusal {
        Refusal::Unsupported => SendErrorKind::Unsupported,
        Refusal::MustReceiveFirst | Refusal::MustSendFirst | Refusal::PeerGone => {
            SendErrorKind::MustReceiveFirst
        }
    }
}
