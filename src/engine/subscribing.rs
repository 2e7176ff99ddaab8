//! Subscriptions on their way to peers, and what peers that have gone left of theirs.

use std::collections::VecDeque;
use std::time::Duration;

use super::actions::Action;
use super::Engine;
use crate::link::PipeLink;
use crate::message::Message;
use crate::pattern::{Forward, Refusal};
use crate::reactor::Timer;
use crate::waiters::Change;

impl<D> Engine<D> {
    /// The user subscribes, or takes a subscription back.
    pub(crate) fn subscribe(&mut self, topic: &[u8], subscribe: bool) -> Result<Forward, Refusal> {
        match subscribe {
            _ if self.pattern.can().groups => Err(Refusal::Unsupported),
            true => self.pattern.subscribe(topic),
            false => self.pattern.unsubscribe(topic),
        }
    }

    /// The user joins a group, or leaves it.
    pub(crate) fn join(&mut self, group: &[u8], join: bool) -> Result<Forward, Refusal> {
        match join {
            _ if !self.pattern.can().groups => Err(Refusal::Unsupported),
            true => self.pattern.subscribe(group),
            false => self.pattern.unsubscribe(group),
        }
    }

    /// The user answers the peer whose message was received last (XPUB): subscribes it, or ends that.
    pub(crate) fn answer_subscription(
        &mut self,
        topic: &[u8],
        subscribe: bool,
    ) -> Result<(), Refusal> {
        let stuck = !self.pattern.has_room();
        let answered = self.pattern.answer_subscription(topic, subscribe);
        self.wake_unstuck(stuck);
        answered
    }

    /// How many distinct topics there are.
    pub(crate) fn topics(&self) -> usize {
        self.pattern.topics()
    }

    /// A topic is wanted no longer: what only it matched is taken out of messages that count as received.
    pub(crate) fn filter_received(&mut self, messages: &mut VecDeque<Message>) {
        let unwanted = self.pattern.filter(messages);
        self.ledger.took_back(unwanted.len());
        self.actions.discard(unwanted);
    }

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
            link.push_subscription(topic, subscribe);
            match link.pipe().and_then(PipeLink::peer) {
                Some(pipe_peer) => self.actions.push(Action::Changes(pipe_peer.clone())),
                None => self.work.write_later(key),
            }
        }
    }

    /// A subscriber that left had more topics than are forgotten in one go: has the rest forgotten by
    /// and by.
    pub(super) fn forget_departed(&mut self) {
        self.wake_for_notes();
        if !self.forgetting && self.pattern.has_departed() {
            self.forgetting = true;
            self.actions.push(Action::Forget);
        }
    }

    /// Forgets a slice of that. True: there is more.
    pub(crate) fn forget_slice(&mut self) -> bool {
        self.forgetting = self.pattern.forget_departed();
        self.wake_for_notes();
        self.forgetting
    }

    /// Has the reactor forget a slice of that, and so on until there is no more.
    pub(crate) fn forget_later(&mut self) {
        self.set_timer_after(Duration::ZERO, Timer::Forget);
    }

    /// A send that waited for a subscriber's room (`no_drop`) can go on, if it was `stuck`: the subscription
    /// that was ended may have been what it waited for.
    pub(super) fn wake_unstuck(&mut self, stuck: bool) {
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
