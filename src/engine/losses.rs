//! What the loss of a connection means beside its end: word of it for the application, and messages that
//! are lost and counted.

use std::collections::VecDeque;

use super::{Engine, Life};
use crate::link::{Link, Origin};
use crate::monitor::EventKind;
use crate::zmtp::outbox::Outbox;

impl<D> Engine<D> {
    /// A peer has gone that was there: leaves word of it for the application behind what the peer sent, if
    /// it asked for that.
    pub(super) fn tell_lost(&mut self, key: usize, origin: Origin) {
        let word = match origin {
            Origin::Accepted => &self.options.disconnect_message,
            Origin::Connected | Origin::Bound => &self.options.hiccup_message,
        };
        if word.is_empty() || self.life != Life::Open {
            return;
        }
        if self.links.get(key).is_none_or(Link::is_leaving) {
            return;
        }
        let mut word = VecDeque::from([word.clone()]);
        self.append(key, &mut word);
        self.wake_waiters();
    }

    /// A message within which the peer has ended several connections will not do better on the next, and
    /// what waits behind it would wait for ever: drops it.
    ///
    /// A peer ends a connection when a message is larger than it accepts (`max_message_size`) or has
    /// more frames, which it finds before it has all of it.
    pub(super) fn drop_if_refused(&mut self, key: usize, rewound: &mut Outbox) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some((bytes, attempts)) = link.drop_refused(rewound) else {
            return;
        };
        self.count_lost(1);
        let attempts = u32::from(attempts);
        self.report(key, EventKind::MessageDropped { bytes, attempts });
    }

    /// Counts what was queued for a peer that will not get it any more.
    pub(super) fn count_lost(&mut self, lost: u64) {
        self.ledger.lost(lost, self.life == Life::Lingering);
    }
}
