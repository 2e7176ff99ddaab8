//! Reading: what came over a link's connection is taken in without the socket's lock, and booked.
//!
//! The token to read a link is taken out of the engine, used without the lock by `drive/io`, and put back
//! here with what the pass found.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::actions::Clock;
use super::{Engine, Life};
use crate::link::buffer::Pool;
use crate::link::reader::{Ended, Pass, Reader};
use crate::link::Stage;
use crate::message::Message;
use crate::monitor::EventKind;
use crate::reactor::{Place, Timer};
use crate::tuning;
use crate::zmtp::command::Command as Zmtp;

/// A reader out of its link, and what it needs for a pass.
pub(crate) struct Reading {
    pub(crate) place: Place,
    pub(crate) reader: Box<Reader>,
    pub(crate) room: usize,
    pub(crate) pass: Pass,
}

impl Reading {
    pub(crate) fn pass(&mut self, buffers: &Arc<Pool>) {
        self.reader.pass(self.room, buffers, &mut self.pass);
    }
}

impl<D> Engine<D> {
    /// Takes out the reader of the next link that can be read.
    pub(crate) fn take_reader(&mut self, clock: Clock<'_>) -> Option<Reading> {
        while let Some(key) = self.work.next_to_read() {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            let room = link.recv_queue.room();
            let Some(wire) = &mut link.wire else { continue };
            if wire.ended.is_some() {
                // It is buried as soon as its writer is back; what comes now is for nobody.
                continue;
            }
            if link.stage == Stage::Up {
                if room == 0 {
                    self.pause(key, clock);
                    continue;
                }
                // Of a connection that is broken, what the peer said before is read to its end.
                if link.pongs >= tuning::PONGS && !wire.broken {
                    link.choked = true;
                    continue;
                }
            }
            // Somebody reads it now, and comes back with `more` if there is more: see `put_reader`.
            let Some(reader) = wire.reader.take() else {
                continue;
            };
            wire.readable = false;
            self.work.set_reading(true);
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

    /// An inbox is full: the connection is not read until it has room, and the peer's PINGs are not
    /// answered. Until then the peer is shown now and then that this side lives.
    fn pause(&mut self, key: usize, clock: Clock<'_>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.recv_queue.pause();
        if !link.takes_pongs() {
            return;
        }
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let show = link.liveness.as_mut();
        if let Some(at) = show.and_then(|liveness| liveness.pause(clock)) {
            self.set_timer(at, Timer::Show(place));
        }
    }

    /// Puts a reader back, with what it found.
    pub(crate) fn put_reader(&mut self, reading: Reading, clock: Clock<'_>) {
        let Reading {
            place,
            reader,
            mut pass,
            ..
        } = reading;
        let key = place.link;
        self.work.set_reading(false);
        let Some(link) = self.link(place) else { return };
        let Some(wire) = &mut link.wire else { return };
        wire.reader = Some(reader);
        // `readable`: an event came while the reader was out.
        let again = pass.more || wire.readable || wire.hung_up && pass.heard;
        link.peer_spoke |= pass.heard;
        if let (true, Some(liveness)) = (pass.heard, &mut link.liveness) {
            liveness.hear();
        }
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
            self.work.read_later(key);
        }
        let traffic = !pass.messages.is_empty() || !pass.commands.is_empty();
        if let Some((peer, form)) = pass.established.take() {
            if let Some(link) = self.links.get_mut(key) {
                link.form = form;
                link.begin_liveness(clock());
            }
            match self.admit(key, peer) {
                Ok(()) => {
                    self.welcome(key);
                    self.start_heartbeat(place);
                }
                Err(refusal) => {
                    self.end_wire(key, Ended::Refused(refusal));
                    pass.commands.clear();
                    pass.messages.clear();
                }
            }
        }
        if let Some(link) = self.links.get_mut(key) {
            link.heard_traffic |= traffic;
        }
        for command in pass.commands.drain(..) {
            self.obey(place, command, clock);
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
        if self.life != Life::Open {
            // Nobody receives them, and they must not fill the inbox: see `see_off_for_good`.
            return pass.messages.clear();
        }
        if !self.pattern.can().receives {
            for message in pass.messages.drain(..) {
                self.take_upstream(key, &message);
            }
            return;
        }
        link.recv_queue.append(&mut pass.messages);
        self.pattern.set_readable(key, true);
        self.wake_waiters();
    }

    /// A message to a socket that does not receive: ZMTP 3.0 subscribes with such.
    pub(super) fn take_upstream(&mut self, key: usize, message: &Message) {
        if let Err(excess) = self.pattern.handle_upstream(key, message) {
            return self.end_wire(key, Ended::Excess(excess));
        }
        if !self.pattern.can().publishes || message.len() > 1 {
            return;
        }
        if let Some((first @ (0 | 1), topic)) = message.first().split_first() {
            let topic = Bytes::copy_from_slice(topic);
            self.report(key, subscription_event(topic, *first == 1));
        }
    }

    /// Does what a command of the peer asks for.
    fn obey(&mut self, place: Place, command: Zmtp, clock: Clock<'_>) {
        let key = place.link;
        match command {
            Zmtp::Subscribe(topic) => self.subscription(key, &topic, true),
            Zmtp::Cancel(topic) => self.subscription(key, &topic, false),
            Zmtp::Ping { ttl, context } => {
                // RFC 37, "Heartbeating": every PING is answered, its context returned.
                if let Some(link) = self.link(place) {
                    if link.wire.as_ref().is_some_and(|wire| !wire.broken) {
                        link.control.push_command(&Zmtp::Pong { context });
                        link.pongs += 1;
                    }
                }
                self.note_ping(place, ttl, clock());
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
    pub(crate) fn subscription(&mut self, key: usize, topic: &[u8], subscribe: bool) {
        match self.pattern.handle_subscription(key, topic, subscribe) {
            Ok(()) if self.pattern.can().publishes => {
                let topic = Bytes::copy_from_slice(topic);
                self.report(key, subscription_event(topic, subscribe));
            }
            Ok(()) => {}
            Err(excess) => self.end_wire(key, Ended::Excess(excess)),
        }
    }

    fn start_heartbeat(&mut self, place: Place) {
        if let Some(interval) = self.heartbeat {
            let interval = interval.max(tuning::HEARTBEAT_LEAST);
            self.set_timer_after(interval, Timer::Heartbeat(place));
        }
    }

    /// RFC 37, "Heartbeating": the peer asks to be given up after a silence of `ttl` tenths of a
    /// second; zero asks for nothing.
    fn note_ping(&mut self, place: Place, ttl: u16, now: Instant) {
        let liveness = self.link(place).and_then(|link| link.liveness.as_mut());
        let at = liveness.and_then(|liveness| liveness.pinged_by_peer(now, ttl));
        if let Some(at) = at {
            self.set_timer(at, Timer::PeerTtl { place, at });
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
