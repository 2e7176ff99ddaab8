//! Sockets that conflate: what is queued replaces what waits with the same key, and what had to go is counted.

use std::collections::VecDeque;

use super::Engine;
use crate::link::conflater::Displaced;
use crate::link::Link;
use crate::message::Message;
use crate::pattern::Refusal;

impl<D> Engine<D> {
    /// Queues a message for one peer, in the place of the one with its key that waits there.
    pub(super) fn conflate(&mut self, key: usize, message: Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.ledger.sent(1);
        if link.pipe().is_some() {
            return self.put_into_pipe(key, message);
        }
        let displaced = link.send_queue().conflate(message);
        let batch = link.send_queue().has_conflated_batch();
        if link.is_up() {
            self.work.write_later(key);
            if batch && self.heat.is_hot() {
                self.work.write_batch(key);
            }
        }
        self.count_displaced(key, displaced);
    }

    /// Takes in what a connection brought.
    pub(super) fn conflate_received(&mut self, key: usize, messages: &mut VecDeque<Message>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let displaced = link.recv_queue().conflate(messages);
        self.count_displaced(key, displaced);
    }

    /// Counts what had to go in the lane towards an inproc peer since that was done last.
    pub(crate) fn count_displaced_in_pipe(&mut self, key: usize) {
        let link = self.links.get(key);
        let pipe = link.and_then(Link::pipe);
        let displaced = pipe.map(|pipe| pipe.end().take_displaced());
        self.count_displaced(key, displaced.unwrap_or_default());
    }

    /// Counts, and discards, what had to go.
    pub(super) fn count_displaced(&mut self, key: usize, displaced: Displaced) {
        if displaced.is_empty() {
            return;
        }
        self.ledger.dropped(displaced.messages.len());
        if let Some(link) = self.links.get_mut(key) {
            link.note_displaced(&displaced);
        }
        self.actions.discard(displaced.messages);
    }

    /// As [`can_take_message`](Engine::can_take_message) for a socket that conflates: what is found stays where
    /// it can be replaced until it is received.
    pub(crate) fn can_take_conflated(&mut self) -> bool {
        if self.pattern.check_receive() == Err(Refusal::Unsupported) {
            return false;
        }
        while let Some(key) = self.pattern.next() {
            let pattern = &self.pattern;
            let wants = |message: &Message| {
                let mut one = VecDeque::from([message.clone()]);
                pattern.filter(&mut one).is_empty()
            };
            let mut unwanted = VecDeque::new();
            let link = self.links.get_mut(key);
            let departed = link.as_ref().is_some_and(|link| link.has_departed());
            let piped = link.as_ref().is_some_and(|link| link.pipe().is_some());
            let found = link.is_some_and(|link| link.look(wants, &mut unwanted));
            for message in &unwanted {
                self.note_received(departed, 1, message.memory());
            }
            self.actions.discard(unwanted);
            if found {
                self.pattern.return_turn(key);
                return true;
            }
            if piped {
                self.pattern.set_readable(key, false);
            } else {
                self.refill(key);
            }
        }
        false
    }
}
