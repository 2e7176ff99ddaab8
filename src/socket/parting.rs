//! How connections end, and what becomes of what was queued for them.

use std::sync::Arc;

use super::state::{Discarded, Errand, Life, State};
use crate::link::reader::Ended;
use crate::link::{Origin, Stage};
use crate::monitor::EventKind;
use crate::options::Options;
use crate::reactor::{Command, Place, Timer};
use crate::tuning;

impl State {
    /// Ends a connection for a reason of our own; it is buried once both tokens are home.
    pub(super) fn end_wire(&mut self, key: usize, ended: Ended) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(wire) = &mut link.wire else { return };
        wire.ended.get_or_insert(ended);
        wire.broken = true;
    }

    /// A connection has ended and both its tokens are home.
    pub(super) fn bury(&mut self, key: usize, options: &Options) {
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
        let given_up = matches!(ended, Ended::Linger);
        let reason = ended.to_string();
        let stage = link.stage;
        let peer_address = wire.stream.peer_address();
        let writer = wire.writer.take();
        let rewound = writer.as_ref().map(|writer| writer.rewind());
        let rewound = rewound.unwrap_or_default();
        if let Some(writer) = writer {
            // Also the bodies that it had written: not to be dropped here.
            self.discard(Discarded::Writer(writer));
        }
        self.errands.push(Errand::Close(wire));
        let kind = match (ended, stage) {
            (Ended::Refused(reason), _) => EventKind::PeerRefused { reason },
            (_, Stage::Handshake) => EventKind::HandshakeFailed { reason },
            _ => EventKind::Disconnected { reason },
        };
        self.report_with(key, kind, Some(peer_address));
        self.release_connection(place, origin);
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.peer = None;
        link.control.clear();
        link.paused = false;
        // RFC 28 to 30: the side that connected keeps its queue, the side that accepted does not.
        match link.origin {
            Origin::Connected if !given_up && (!link.leaving || stage != Stage::Farewell) => {
                self.await_reconnect(key, rewound, options.immediate);
            }
            _ => self.let_go(key, rewound.messages()),
        }
    }

    /// A link that goes with its connection: what it brought can still be received.
    fn let_go(&mut self, key: usize, in_flight: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let lost = (link.outbox.messages() + in_flight) as u64;
        let outbox = std::mem::take(&mut link.outbox);
        link.outward.settle(0, 0);
        self.discard(Discarded::Outbox(outbox));
        self.count_lost(lost);
        self.drain_or_remove(key);
    }

    /// Counts what was queued for a peer that will not get it any more.
    pub(super) fn count_lost(&mut self, lost: u64) {
        self.stats.dropped += lost;
        if self.life == Life::Lingering {
            self.undelivered += lost;
        }
    }

    /// A link that is past goes, once what it brought is received.
    pub(super) fn drain_or_remove(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.inbox.is_empty() || self.life != Life::Open {
            self.remove_link(key);
        } else {
            link.stage = Stage::Draining;
            // What it will never hold again is given back: departed links may be many.
            link.inbox.shrink_to_fit();
            let (messages, bytes) = (link.inward.messages(), link.inward.bytes());
            if link.has_departed() {
                self.admission.depart(messages, bytes);
            }
            self.vacate(|pattern| pattern.retire(key));
        }
    }

    /// Says goodbye: everything is written, so the peer is told that no more comes, and has time to
    /// read it all before the connection is closed.
    ///
    /// Closing at once could lose what is still on its way: a system resets a connection that is
    /// closed with unread bytes, and throws away what it had still to send.
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
        let unread = std::mem::take(&mut link.inbox);
        link.paused = false;
        let stream = Arc::clone(&wire.stream);
        let place = Place {
            link: key,
            serial: link.serial,
        };
        self.discard(unread);
        self.errands.push(Errand::Shutdown(stream));
        self.set_timer_after(tuning::FAREWELL, Timer::Farewell(place));
        self.enqueue(key);
        if self.lease.is_reactors() {
            self.errands.push(Errand::Reactor(Command::Ready(self.id)));
        }
    }
}
