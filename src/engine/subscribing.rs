//! Subscriptions on their way to peers, and what peers that have gone left of theirs.

use super::actions::Action;
use super::Engine;
use crate::waiters::Change;

impl<D> Engine<D> {
    /// Sends a subscription, or takes one back, to every peer that is there.
    pub(crate) fn forward_subscription(&mut self, topic: &[u8], subscribe: bool) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            if !link.is_established() {
                continue;
            }
            if let Some((pipe, Some(pipe_peer))) = &link.pipe {
                pipe.put_change(topic, subscribe);
                self.actions.push(Action::Changes(pipe_peer.clone()));
            } else {
                link.session.push_subscription(topic, subscribe);
                self.work.write_later(key);
            }
        }
    }

    /// A subscriber that left had more topics than are forgotten in one go: has the rest forgotten by
    /// and by.
    pub(crate) fn forget_departed(&mut self) {
        self.wake_for_notes();
        if !self.forgetting && self.pattern.has_departed() {
            self.forgetting = true;
            self.actions.push(Action::Forget);
        }
    }

    /// Forgets a slice of that. True: there is more.
    pub(crate) fn forget_slice(&mut self) -> bool {
        let more = self.pattern.forget_departed();
        self.wake_for_notes();
        more
    }

    /// A send that waited for a subscriber's room (`no_drop`) can go on, if it was `stuck`: the subscription
    /// that was ended may have been what it waited for.
    pub(crate) fn wake_unstuck(&mut self, stuck: bool) {
        if stuck && self.pattern.has_room() {
            self.notify(Change::Room);
        }
    }

    /// An XPUB's application has something to receive that no link brought; or a caller waits for
    /// peers to subscribe.
    pub(super) fn wake_for_notes(&mut self) {
        if self.peers_awaited > 0 || self.pattern.has_note() {
            self.wake_waiters();
        }
    }
}
