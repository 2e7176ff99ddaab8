//! Peers that speak no ZMTP (STREAM): bytes for one, the end of one, and the note that one came or went.

use std::collections::VecDeque;

use super::actions::Discarded;
use super::{Engine, Life};
use crate::link::ending::Cause;
use crate::link::Link;
use crate::message::Message;

impl<D> Engine<D> {
    /// Queues the bytes of a message for one peer. The message is for the caller to drop.
    pub(super) fn queue_unframed(&mut self, key: usize, message: &Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.ledger.sent(1);
        let full = link.send_queue().push_unframed(message);
        self.queued_first_or_last(key, full);
    }

    /// The user has the connection of a link end, once what is queued for it is sent.
    pub(super) fn close_raw(&mut self, key: usize) {
        self.pattern.retire(key);
        self.end_link(key, Cause::Disconnect);
        // A send that waits for its room is to be told that the peer is gone.
        self.wake_waiters();
    }

    /// Tells the user that the peer of a link has come, or has gone, if that is wanted: by a message
    /// without bytes, which no peer can send. It takes its place behind what the peer has sent.
    pub(super) fn note(&mut self, key: usize) {
        if !self.pattern.notes() || self.life != Life::Open {
            return;
        }
        if self.links.get(key).is_none_or(Link::is_leaving) {
            return;
        }
        let note = Message::copy_from_slice(&[]);
        self.append(key, &mut VecDeque::from([note]));
        self.wake_waiters();
    }

    /// The connection of a link is lost, and another would begin anew: drops what was queued for it.
    pub(super) fn forget_raw(&mut self, key: usize, in_flight: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let lost = (link.send_queue().messages() + in_flight) as u64;
        let (outbox, _) = link.send_queue().take();
        self.actions.discard(Discarded::Outbox(outbox));
        self.count_lost(lost);
    }
}
