//! Moving bytes: the parts of a socket's work that are done without its lock.
//!
//! Each step takes a link's token out of the state, releases the lock, reads or writes, and comes
//! back with what it found.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::core::{token_of, Core, Guard};
use super::state::{Errand, Life, State};
use crate::link::buffer::Pool;
use crate::link::reader::{Ended, Pass, Reader};
use crate::link::writer::{Writer, Wrote};
use crate::link::Stage;
use crate::message::Message;
use crate::monitor::EventKind;
use crate::reactor::{Command, Place, Timer};
use crate::tuning;
use crate::zmtp::command::Command as Zmtp;

/// Turns that one flush writes before it leaves the rest to the reactor, so that a thread that
/// happens to hold the token is not kept for ever by what others queue. The kernel is usually full
/// before that.
const FLIGHTS: usize = 16;

/// A reader out of its link, and what it needs for a pass.
pub(super) struct Reading {
    pub(super) place: Place,
    pub(super) reader: Box<Reader>,
    pub(super) room: usize,
    pub(super) pass: Pass,
}

impl Reading {
    pub(super) fn pass(&mut self, buffers: &Arc<Pool>) {
        self.reader.pass(self.room, buffers, &mut self.pass);
    }
}

impl Core {
    // ----- reading -----

    /// Reads links that are ready, at most `passes` of them.
    pub(super) fn serve<'a>(&'a self, mut state: Guard<'a>, passes: usize) -> Guard<'a> {
        state = self.flush_due(state);
        for _ in 0..passes {
            let Some(mut reading) = state.take_reader() else {
                break;
            };
            // Errands of this pass wait for the next one to end: none of them is urgent before the
            // bytes that were just announced are read.
            drop(state);
            reading.pass(&self.buffers);
            state = self.lock();
            let place = reading.place;
            let established = reading.pass.established.is_some();
            let read = reading.pass.read;
            state.put_reader(reading);
            // Answers go at once, and so does what waited for the peer to be there.
            if established
                || state
                    .link(place)
                    .is_some_and(|link| !link.control.is_empty())
            {
                state = self.flush(state, place.link);
            }
            self.after_io(&mut state, place);
            let links = state.ready.len();
            state = self.share(state, links, read);
        }
        state
    }

    // ----- writing -----

    /// Writes all links that have something to write.
    pub(super) fn flush_dirty<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        // Links that become dirty again meanwhile are for the next round.
        if state.helpers.count() > 0 {
            let State { due, dirty, .. } = &mut *state;
            due.append(dirty);
            state = self.flush_due(state);
        } else {
            for _ in 0..state.dirty.len() {
                let Some(key) = state.dirty.pop() else { break };
                state = self.flush(state, key);
            }
        }
        state.batches.clear();
        state
    }

    /// Writes hot links whose batch is full.
    pub(super) fn flush_batches<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        if state.helpers.count() > 0 {
            let State { due, batches, .. } = &mut *state;
            due.append(batches);
            return self.flush_due(state);
        }
        while let Some(key) = state.batches.pop() {
            state = self.flush(state, key);
        }
        state
    }

    /// Writes links that are due, with whoever comes to help. Whoever makes more of them due writes
    /// as many.
    fn flush_due<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        for _ in 0..state.due.len() {
            let Some(key) = state.due.pop() else { break };
            let links = 1 + state.due.len();
            let bytes = state.links.get(key).map_or(0, |link| link.outbox.bytes());
            state = self.share(state, links, bytes);
            state = self.flush(state, key);
        }
        state
    }

    /// Writes what one link has queued, unless somebody is at it already: then that one takes it
    /// along.
    pub(super) fn flush<'a>(&'a self, mut state: Guard<'a>, key: usize) -> Guard<'a> {
        for _ in 0..FLIGHTS {
            let Some((place, mut writer)) = state.take_writer(key) else {
                return state;
            };
            drop(state);
            let wrote = writer.pass();
            self.ask_for_room(place, &mut writer, matches!(wrote, Wrote::Blocked));
            state = self.lock();
            let more = state.put_writer(place, writer, wrote);
            self.after_io(&mut state, place);
            if !more {
                return state;
            }
        }
        state.mark_dirty(key);
        state.errands.push(Errand::Reactor(Command::Sweep(self.id)));
        state
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

    /// A link's tokens are home again after a pass: what became possible by that?
    pub(super) fn after_io(&self, state: &mut State, place: Place) {
        let Some(link) = state.link(place) else {
            return;
        };
        let Some(wire) = &link.wire else { return };
        if !wire.is_home() {
            return;
        }
        if wire.ended.is_some() {
            state.bury(place.link, &self.options);
            while let Some(key) = state.reconnect.pop() {
                self.try_again(state, key);
            }
        } else if link.stage == Stage::Up
            && (link.leaving || state.life == Life::Lingering)
            && state
                .links
                .get(place.link)
                .is_some_and(|link| link.is_flushed())
        {
            state.bid_farewell(place.link);
        }
        if state.life == Life::Lingering {
            self.check_closed(state);
        }
    }
}

impl State {
    /// Takes out the reader of the next link that can be read.
    fn take_reader(&mut self) -> Option<Reading> {
        while let Some(key) = self.ready.pop_front() {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            link.queued = false;
            let room = link.inward.room();
            let Some(wire) = &mut link.wire else { continue };
            if room == 0 && link.stage == Stage::Up {
                link.paused = true;
                continue;
            }
            // Somebody reads it now, and comes back with `more` if there is more: see `put_reader`.
            let Some(reader) = wire.reader.take() else {
                continue;
            };
            wire.readable = false;
            self.reading += 1;
            let place = Place {
                link: key,
                serial: link.serial,
            };
            let pass = self.take_pass();
            return Some(Reading {
                place,
                reader,
                room,
                pass,
            });
        }
        None
    }

    /// Puts a reader back, with what it found.
    pub(super) fn put_reader(&mut self, reading: Reading) {
        let Reading {
            place,
            reader,
            mut pass,
            ..
        } = reading;
        let key = place.link;
        self.reading = self.reading.saturating_sub(1);
        let Some(link) = self.link(place) else { return };
        let Some(wire) = &mut link.wire else { return };
        wire.reader = Some(reader);
        // `readable`: an event came while the reader was out.
        let again = pass.more || wire.readable || wire.hung_up && pass.heard;
        link.heard = link.heard.wrapping_add(u32::from(pass.heard));
        if !pass.reply.is_empty() {
            link.control.push_raw(&pass.reply);
            pass.reply.clear();
        }
        if let Some(ended) = pass.ended.take() {
            wire.ended.get_or_insert(ended);
        } else if wire.broken && !pass.heard && !pass.more {
            // Writing failed before, and now there is nothing left to read or to decode.
            wire.ended.get_or_insert(Ended::ByPeer);
        } else if again {
            self.enqueue(key);
        }
        if let Some((peer, form)) = pass.established.take() {
            if let Some(link) = self.links.get_mut(key) {
                link.form = form;
            }
            self.welcome(key, peer);
            self.start_heartbeat(place);
        }
        for command in pass.commands.drain(..) {
            self.obey(place, command);
        }
        if !pass.messages.is_empty() {
            self.accept_messages(key, &mut pass);
        }
        if std::mem::take(&mut pass.shared) {
            self.slim_later();
        }
        (pass.heard, pass.more, pass.read) = (false, false, 0);
        self.return_pass(pass);
    }

    /// Hands what came over to the pattern's side.
    fn accept_messages(&mut self, key: usize, pass: &mut Pass) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if !self.pattern.receives() {
            for message in pass.messages.drain(..) {
                self.take_upstream(key, &message);
            }
            return;
        }
        let bytes = pass.messages.iter().map(Message::byte_len).sum();
        link.inward.add(pass.messages.len(), bytes);
        if link.inbox.is_empty() {
            std::mem::swap(&mut link.inbox, &mut pass.messages);
        } else {
            link.inbox.append(&mut pass.messages);
        }
        self.pattern.set_readable(key, true);
        self.wake_waiters();
    }

    /// A message to a socket that does not receive: ZMTP 3.0 subscribes with such.
    pub(super) fn take_upstream(&mut self, key: usize, message: &Message) {
        if let Err(excess) = self.pattern.handle_upstream(key, message) {
            return self.end_wire(key, Ended::Excess(excess));
        }
        if !self.pattern.wants_subscription_messages() || message.len() > 1 {
            return;
        }
        if let Some((first @ (0 | 1), topic)) = message.as_bytes().split_first() {
            let topic = Bytes::copy_from_slice(topic);
            self.report(key, subscription_event(topic, *first == 1));
        }
    }

    /// Does what a command of the peer asks for.
    fn obey(&mut self, place: Place, command: Zmtp) {
        let key = place.link;
        match command {
            Zmtp::Subscribe(topic) => self.subscription(key, &topic, true),
            Zmtp::Cancel(topic) => self.subscription(key, &topic, false),
            Zmtp::Ping { ttl, context } => {
                // RFC 37, "Heartbeating": every PING is answered, its context returned.
                if let Some(link) = self.link(place) {
                    link.control.push_command(&Zmtp::Pong { context });
                }
                self.note_peer_ttl(place, ttl);
            }
            Zmtp::Error(reason) => {
                let fault = crate::zmtp::ProtocolError::PeerError { reason };
                self.end_wire(key, Ended::Protocol(fault));
            }
            // PONG says no more than that the peer lives, which having heard it says already. RFC 37
            // has all other commands ignored.
            Zmtp::Pong { .. } | Zmtp::Ready(_) | Zmtp::Unknown(_) => {}
        }
    }

    /// A peer subscribes, or takes a subscription back.
    pub(super) fn subscription(&mut self, key: usize, topic: &[u8], subscribe: bool) {
        match self.pattern.handle_subscription(key, topic, subscribe) {
            Ok(()) if self.pattern.wants_subscription_messages() => {
                let topic = Bytes::copy_from_slice(topic);
                self.report(key, subscription_event(topic, subscribe));
            }
            Ok(()) => {}
            Err(excess) => self.end_wire(key, Ended::Excess(excess)),
        }
    }

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
        if writer.load(&mut link.control) || up && writer.load(&mut link.outbox) {
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
                }
            }
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
    fn slim_later(&mut self) {
        if !self.slimming {
            self.slimming = true;
            self.set_timer(Instant::now() + tuning::SLIM, Timer::Slim);
        }
    }

    /// Some time after buffers had grown: gives back what no stream needs any more.
    pub(super) fn slim(&mut self) {
        if self.heat.is_hot() {
            return self.set_timer(Instant::now() + tuning::SLIM, Timer::Slim);
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

    fn start_heartbeat(&mut self, place: Place) {
        if let Some(interval) = self.heartbeat {
            self.set_timer(Instant::now() + interval, Timer::Heartbeat(place));
        }
    }

    /// RFC 37, "Heartbeating": the peer asks to be given up after a silence of `ttl` tenths of a
    /// second; zero asks for nothing.
    fn note_peer_ttl(&mut self, place: Place, ttl: u16) {
        let Some(link) = self.link(place) else { return };
        let ttl = (ttl > 0).then(|| Duration::from_millis(u64::from(ttl) * 100));
        let was = std::mem::replace(&mut link.peer_ttl, ttl);
        let heard = link.heard;
        // A timer that runs looks at the new value when it is due.
        if let (None, Some(ttl)) = (was, ttl) {
            let timer = Timer::PeerTtl { place, heard };
            self.set_timer(Instant::now() + ttl, timer);
        }
    }
}

fn subscription_event(topic: Bytes, subscribe: bool) -> EventKind {
    if subscribe {
        EventKind::Subscribed { topic }
    } else {
        EventKind::Unsubscribed { topic }
    }
}
