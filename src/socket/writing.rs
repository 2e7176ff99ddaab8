//! Writing: what links have queued goes into the kernel, without the socket's lock.

use super::actions::{Action, Discarded};
use super::core::{token_of, Core};
use super::locked::Locked;
use super::state::{Life, State};
use crate::link::reader::Ended;
use crate::link::writer::{Writer, Wrote};
use crate::reactor::{Place, Timer};
use crate::tuning;

/// Turns that one flush writes before it leaves the rest to the reactor, so that a thread that
/// happens to hold the token is not kept for ever by what others queue. The kernel is usually full
/// before that.
const FLIGHTS: usize = 16;

impl Core {
    /// Writes all links that have something to write.
    pub(super) fn flush_dirty(&self, locked: &mut Locked<'_>) {
        let state = locked.engine();
        // Links that become dirty again meanwhile are for the next round.
        if state.helpers.count() > 0 {
            state.due.append(&mut state.dirty);
            self.flush_due(locked);
        } else {
            for _ in 0..state.dirty.len() {
                let Some(key) = locked.engine().dirty.pop() else {
                    break;
                };
                self.flush(locked, key);
            }
        }
        locked.engine().batches.clear();
    }

    /// Writes the links of a hot socket whose batch is full.
    pub(super) fn flush_batches(&self, locked: &mut Locked<'_>) {
        let state = locked.engine();
        if state.helpers.count() > 0 {
            state.due.append(&mut state.batches);
            return self.flush_due(locked);
        }
        while let Some(key) = locked.engine().batches.pop() {
            self.flush(locked, key);
        }
    }

    /// Writes links that are due, with whoever comes to help. Whoever makes more of them due writes
    /// as many.
    pub(super) fn flush_due(&self, locked: &mut Locked<'_>) {
        for _ in 0..locked.engine().due.len() {
            let state = locked.engine();
            let Some(key) = state.due.pop() else { break };
            let links = 1 + state.due.len();
            let bytes = state.links.get(key).map_or(0, |link| link.outbox.bytes());
            self.share(locked, links, bytes);
            self.flush(locked, key);
        }
    }

    /// Writes what one link has queued, unless another thread is at it already: then that one takes it
    /// along.
    pub(super) fn flush(&self, locked: &mut Locked<'_>, key: usize) {
        for _ in 0..FLIGHTS {
            let Some((place, mut writer)) = locked.engine().take_writer(key) else {
                return;
            };
            let wrote = locked.unlocked(|| {
                let wrote = writer.pass();
                self.ask_for_room(place, &mut writer, matches!(wrote, Wrote::Blocked));
                wrote
            });
            let state = locked.engine();
            let more = state.put_writer(place, writer, wrote);
            self.after_io(state, place);
            if !more {
                return;
            }
        }
        let state = locked.engine();
        state.mark_dirty(key);
        state.actions.push(Action::Sweep);
    }

    /// When the kernel is full, has an event say when it is not.
    ///
    /// Nobody asks before: a new connection, which always has room, would begin with a wake-up that
    /// says so. A TCP stream that has asked goes on asking, at no cost. The kernel wakes the poll of
    /// a Unix-domain socket for every message that its peer reads, so that one takes the question
    /// back later. Only the holder of the writer does either, so that the two cannot cross.
    pub(super) fn ask_for_room(&self, place: Place, writer: &mut Writer, blocked: bool) {
        let asked = writer.asked_for_room;
        let settled = if writer.stream().is_tcp() {
            asked || !blocked
        } else {
            !asked && !blocked
        };
        if settled {
            return;
        }
        writer.asked_for_room = blocked;
        let interest = if blocked {
            mio::Interest::READABLE | mio::Interest::WRITABLE
        } else {
            mio::Interest::READABLE
        };
        if let Some(poll) = self.poll_if_any() {
            // It fails only for a stream that is not registered any more.
            let _ = writer
                .stream()
                .rewatch(&poll.registry, token_of(place), interest);
        }
    }
}

impl State {
    /// Takes out the writer of a link that has something to write and can.
    fn take_writer(&mut self, key: usize) -> Option<(Place, Box<Writer>)> {
        let link = self.links.get_mut(key)?;
        link.dirty = false;
        let up = link.is_up();
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let wire = link.wire.as_mut()?;
        if wire.blocked || wire.broken {
            return None;
        }
        let mut writer = wire.writer.take()?;
        let loaded = writer.load(&mut link.control);
        if link.control.is_empty() {
            link.pongs = 0;
        }
        if loaded || up && writer.load(&mut link.outbox) {
            return Some((place, writer));
        }
        wire.writer = Some(writer);
        None
    }

    /// Puts a writer back. True: there is more that should go at once.
    pub(super) fn put_writer(
        &mut self,
        place: Place,
        mut writer: Box<Writer>,
        wrote: Wrote,
    ) -> bool {
        let key = place.link;
        let hot = self.heat.is_hot();
        let open = self.life == Life::Open;
        if self.link(place).is_none_or(|link| link.wire.is_none()) {
            self.actions.discard(Discarded::Writer(writer));
            return false;
        }
        let Some(link) = self.link(place) else {
            return false;
        };
        let (messages, bytes) = writer.unwritten();
        let regained = link.outward.settle(
            link.outbox.messages() + messages,
            link.outbox.bytes() + bytes,
        );
        let Some(wire) = &mut link.wire else {
            return false;
        };
        let idle = writer.is_idle();
        let fat = idle && writer.is_fat();
        wire.writer = Some(writer);
        match wrote {
            Wrote::All | Wrote::Turn => {}
            // The event that says so may have come before the writer was back.
            Wrote::Blocked => wire.blocked = !std::mem::take(&mut wire.unblocked),
            Wrote::Failed(error) => {
                wire.broken = true;
                // What the peer sent before it went is still to be read, also when the inbox is full
                // now, and may say why it went; the end of that, or the error, ends the
                // connection. When nothing will be read any more, it ends now.
                wire.hung_up = true;
                if !open {
                    wire.ended.get_or_insert(Ended::Io(error));
                } else if !link.paused {
                    self.enqueue(key);
                    // The event that would tell may have been and gone.
                    self.tell_driver();
                }
            }
        }
        // What was taken to be written counts as answered: while it is stuck, as much again waits.
        let answered = self
            .links
            .get_mut(key)
            .is_some_and(|link| link.pongs < tuning::PONGS && std::mem::take(&mut link.choked));
        if answered {
            self.resume_reading(key);
        }
        if regained {
            self.pattern.set_room(key, true);
            self.wake_waiters();
        }
        if fat {
            self.slim_later();
        }
        let Some(link) = self.links.get(key) else {
            return false;
        };
        let blocked = link
            .wire
            .as_ref()
            .is_none_or(|wire| wire.blocked || wire.broken);
        if blocked {
            return false;
        }
        let urgent = !idle || !link.control.is_empty();
        let queued = link.is_up() && !link.outbox.is_empty();
        let enough = link.has_batch();
        if queued {
            self.mark_dirty(key);
        }
        urgent || queued && (!hot || enough)
    }

    /// Buffers have grown: gives them back after a while.
    pub(super) fn slim_later(&mut self) {
        if !self.slimming {
            self.slimming = true;
            self.set_timer_after(tuning::SLIM, Timer::Slim);
        }
    }

    /// Some time after buffers had grown: gives back what no stream needs any more.
    pub(super) fn slim(&mut self) {
        if self.heat.is_hot() {
            return self.set_timer_after(tuning::SLIM, Timer::Slim);
        }
        self.slimming = false;
        for (_, link) in &mut self.links {
            if link.outbox.is_empty() {
                link.outbox.release_memory();
            }
            if let Some(writer) = link.wire.as_mut().and_then(|wire| wire.writer.as_mut()) {
                writer.release_memory();
            }
        }
    }

    /// Notes that a link has something to write.
    pub(super) fn mark_dirty(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if !link.dirty {
            link.dirty = true;
            self.dirty.push(key);
        }
    }

    /// The kernel takes bytes for this link again.
    pub(super) fn unblock(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(wire) = &mut link.wire else { return };
        if std::mem::take(&mut wire.blocked) {
            self.due.push(key);
        } else if wire.writer.is_none() {
            wire.unblocked = true;
        }
    }
}
