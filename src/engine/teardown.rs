//! How connections end, and what becomes of what was queued for them.

use std::sync::Arc;

use super::actions::{Action, Discarded};
use super::{Engine, Life};
use crate::link::reader::Ended;
use crate::link::{Origin, Stage};
use crate::monitor::EventKind;
use crate::reactor::Place;
use crate::tuning;
use crate::zmtp::connection::Session;
use crate::zmtp::outbox::Outbox;

impl<D> Engine<D> {
    /// A link's tokens are home again after a pass: what became possible by that?
    pub(crate) fn after_io(&mut self, place: Place) {
        let lingering = self.life == Life::Lingering;
        let Some(link) = self.link(place) else {
            return;
        };
        let ending = (link.leaving || lingering) && link.is_flushed();
        let stage = link.stage;
        let Some(wire) = &mut link.wire else { return };
        if !wire.is_home() {
            return;
        }
        if ending && stage == Stage::Handshake {
            // It was on its way in when the end began: nothing is owed to this peer.
            wire.ended.get_or_insert(Ended::ByUs);
        }
        if wire.ended.is_some() {
            self.bury(place.link);
            while let Some(key) = self.reconnect.pop() {
                self.try_again(key);
            }
        } else if ending && stage == Stage::Up {
            self.bid_farewell(place.link);
        }
        if lingering {
            self.check_closed();
        }
    }

    /// Ends a connection for a reason of our own; it is buried once both tokens are home.
    pub(crate) fn end_wire(&mut self, key: usize, ended: Ended) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(wire) = &mut link.wire else { return };
        wire.ended.get_or_insert(ended);
        wire.broken = true;
    }

    /// A connection has ended and both its tokens are home.
    fn bury(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(mut wire) = link.wire.take() else {
            return;
        };
        let origin = link.origin;
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let ended = wire.ended.take().unwrap_or(Ended::ByUs);
        let given_up = matches!(ended, Ended::Linger | Ended::Replaced);
        let reason = ended.to_string();
        let stage = link.stage;
        let peer_address = wire.stream.peer_address();
        let mut rewound = Outbox::default();
        let mut discarded = None;
        let (mut unacknowledged, mut refused, mut progressed) = (0, false, false);
        if let Some(mut writer) = wire.writer.take() {
            // A link that is let go loses with its connection what its system still holds. The question
            // never waits; asked before the lock was taken, it would be answered too early. After a
            // reset the answer would be that there is nothing.
            if link.leaving {
                if !matches!(ended, Ended::Io(_)) {
                    let by_peer = matches!(ended, Ended::ByPeer);
                    writer.ask_acknowledged(by_peer);
                }
                unacknowledged = writer.unacknowledged_messages();
            }
            refused = ended.is_by_peer() && writer.is_within_message();
            progressed = writer.written_messages() > 0;
            rewound = writer.rewind();
            // Also the bodies that it had written: not to be dropped here.
            discarded = Some(Discarded::Writer(writer));
        }
        if (progressed || link.session.has_heard_traffic()) && !ended.is_fault() {
            link.setbacks = 0;
        }
        if progressed {
            link.refusals = 0;
        }
        link.refusals = link.refusals.saturating_add(u8::from(refused));
        if let Some(discarded) = discarded {
            self.actions.discard(discarded);
        }
        self.actions.push(Action::Close(wire));
        let kind = match (ended, stage) {
            (Ended::Refused(reason), _) => EventKind::PeerRefused { reason },
            (_, Stage::Handshake) => EventKind::HandshakeFailed { reason },
            _ => EventKind::Disconnected { reason },
        };
        self.report_with(key, kind, Some(peer_address));
        self.release_connection(place, origin);
        self.count_lost(unacknowledged);
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.peer = None;
        link.session = Session::default();
        link.recv_queue.unpause();
        // RFC 28 to 30: the side that connected keeps its queue, the side that accepted does not.
        match link.origin {
            Origin::Connected if !given_up && (!link.leaving || stage != Stage::Farewell) => {
                self.drop_if_refused(key, &mut rewound);
                self.await_reconnect(key, rewound, self.options.immediate);
            }
            _ => self.let_go(key, rewound.messages()),
        }
    }

    /// A message within which the peer has ended several connections will not do better on the next, and
    /// what waits behind it would wait for ever: drops it.
    ///
    /// A peer ends a connection when a message is larger than it accepts (`max_message_size`) or has
    /// more frames, which it finds before it has all of it.
    fn drop_if_refused(&mut self, key: usize, rewound: &mut Outbox) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.refusals < tuning::REFUSALS {
            return;
        }
        let attempts = std::mem::take(&mut link.refusals);
        let Some(bytes) = rewound.drop_first() else {
            return;
        };
        self.count_lost(1);
        let attempts = u32::from(attempts);
        self.report(key, EventKind::MessageDropped { bytes, attempts });
    }

    /// Asks the system what the peer's has not acknowledged yet, now and from time to time: when the
    /// connection has been reset it is too late to ask.
    pub(super) fn watch_acknowledged(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let Some(wire) = &mut link.wire else { return };
        if let Some(writer) = &mut wire.writer {
            writer.ask_acknowledged(false);
        }
        self.actions.push(Action::WatchAcknowledged(place));
    }

    /// A link that goes with its connection: what it brought can still be received.
    fn let_go(&mut self, key: usize, in_flight: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let lost = (link.send_queue.messages() + in_flight) as u64;
        let outbox = link.send_queue.take();
        self.actions.discard(Discarded::Outbox(outbox));
        self.count_lost(lost);
        self.drain_or_remove(key);
    }

    /// Counts what was queued for a peer that will not get it any more.
    pub(super) fn count_lost(&mut self, lost: u64) {
        self.ledger.lost(lost, self.life == Life::Lingering);
    }

    /// A link that is past goes, once what it brought is received.
    pub(super) fn drain_or_remove(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.recv_queue.is_empty() || self.life != Life::Open {
            self.remove_link(key);
        } else {
            link.stage = Stage::Draining;
            // What it will never hold again is given back: departed links may be many.
            link.recv_queue.shrink();
            let (messages, bytes) = link.recv_queue.held();
            if link.has_departed() {
                self.admission.depart(messages, bytes);
            }
            self.vacate(|pattern| pattern.retire(key));
            // A REQ that waits for a peer has no use for what this one has left: see `offer`.
            self.wake_waiters();
        }
    }

    /// Says goodbye: everything is written, so the peer is told that no more comes, and what it still
    /// sends is read and thrown away until it ends its side too, or linger is over.
    ///
    /// Closing at once could lose what is still on its way: a system resets a connection that is
    /// closed with unread bytes, or is sent more later, and throws away what it had still to send.
    pub(super) fn bid_farewell(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(wire) = &mut link.wire else { return };
        let Some(reader) = &mut wire.reader else {
            return;
        };
        reader.say_farewell();
        link.stage = Stage::Farewell;
        let (unread, _) = link.recv_queue.forget();
        let stream = Arc::clone(&wire.stream);
        self.actions.discard(unread);
        self.actions.push(Action::Shutdown(stream));
        self.watch_acknowledged(key);
        self.work.read_later(key);
        self.tell_driver();
    }

    /// Another link has the place of this one in the pattern: its connection ends for good, and what it
    /// has brought can still be received.
    pub(super) fn replace(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let place = Place {
            link: key,
            serial: link.serial,
        };
        if link.wire.is_some() {
            self.end_wire(key, Ended::Replaced);
            self.vacate(|pattern| pattern.retire(key));
            return self.after_io(place);
        }
        self.hang_up(key);
        // One that waits for a connection may have messages for its next.
        self.let_go(key, 0);
    }

    /// Gives a link up for good; what it had queued is lost, and counted.
    pub(crate) fn abandon(&mut self, key: usize) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let lost = link.undelivered() as u64;
        self.count_lost(lost);
        self.remove_link(key);
    }

    /// The time of a link is over: it goes, with its connection if it has one.
    pub(crate) fn give_up(&mut self, key: usize) -> Place {
        let Some(link) = self.links.get_mut(key) else {
            return Place {
                link: key,
                serial: 0,
            };
        };
        link.leaving = true;
        let place = Place {
            link: key,
            serial: link.serial,
        };
        if let Some(wire) = &mut link.wire {
            // Whatever else was wrong with it: it is not to come back.
            wire.ended = Some(Ended::Linger);
            wire.broken = true;
        } else {
            self.abandon(key);
        }
        place
    }

    /// Forgets a link altogether. Nobody holds its tokens.
    pub(crate) fn remove_link(&mut self, key: usize) {
        let Some(mut link) = self.links.try_remove(key) else {
            return;
        };
        if link.attached {
            self.vacate(|pattern| pattern.detach(key));
            self.forget_departed();
        }
        let place = Place {
            link: key,
            serial: link.serial,
        };
        if link.wire.is_some() {
            self.release_connection(place, link.origin);
        }
        let (messages, bytes) = link.recv_queue.held();
        self.note_received(link.has_departed(), messages, bytes);
        if link.far_end.is_some() {
            let endpoint = Arc::clone(&link.endpoint);
            self.actions.push(Action::StopSeeking(endpoint, place));
        }
        if link.pipe.is_some() {
            self.pipes = self.pipes.saturating_sub(1);
        }
        if let Some((pipe, Some(door))) = &link.pipe {
            pipe.end();
            self.actions.push(Action::Hang(door.clone()));
        }
        if let Some(wire) = link.wire.take() {
            self.actions.push(Action::Close(wire));
        }
        self.actions.discard(Discarded::Link(Box::new(link)));
        // A REQ that waits for this peer learns that it is gone.
        self.wake_waiters();
    }
}
