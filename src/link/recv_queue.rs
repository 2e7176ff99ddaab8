//! What one peer has sent and the application has not received: its messages, and how many may be there.

use std::collections::VecDeque;

use super::conflater::{Conflater, Displaced};
use super::high_water::HighWater;
use super::shares::Limits;
use crate::discard::discard_messages;
use crate::message::Message;
use crate::options::Conflate;

/// Messages from a peer. Those that a connection brought count towards the high-water mark until they are
/// [credited](RecvQueue::credit), also while they wait in a prefetched batch; those of an inproc peer
/// count in its pipe, which conflates them too if need be.
#[derive(Debug)]
pub(crate) struct RecvQueue {
    messages: VecDeque<Message>,
    held: HighWater,
    /// The bytes of what a pipe put here last, which it counts itself.
    piped: usize,
    /// It was full: the connection is not read until there is room. Never true of one that has room.
    paused: bool,
    /// `Some`: what a connection brings replaces what waits, and it is read whatever waits.
    conflater: Option<Box<Conflater>>,
}

impl Drop for RecvQueue {
    fn drop(&mut self) {
        discard_messages(self.messages.drain(..));
    }
}

impl RecvQueue {
    /// Limits of zero mean none.
    pub(crate) fn new(limits: Limits, rule: Conflate) -> RecvQueue {
        RecvQueue {
            messages: VecDeque::new(),
            // One that conflates is never full: its own bounds see to that.
            held: match rule.is_on() {
                true => HighWater::new(0, 0),
                false => HighWater::new(limits.0, limits.1),
            },
            piped: 0,
            paused: false,
            conflater: Conflater::boxed(rule, limits),
        }
    }

    /// Sets other limits; zero means none. What is there stays. True: the connection was not read for
    /// want of room, and is to be read again.
    pub(crate) fn set_limits(&mut self, messages: usize, bytes: usize) -> bool {
        if let Some(conflater) = &mut self.conflater {
            conflater.set_limits((messages, bytes));
            return false;
        }
        self.held.set_limits(messages, bytes);
        !self.held.is_full() && std::mem::take(&mut self.paused)
    }

    /// How many messages a pass may bring.
    pub(crate) fn room(&self) -> usize {
        self.held.room()
    }

    pub(crate) fn conflates(&self) -> bool {
        self.conflater.is_some()
    }

    /// Of a queue that conflates: takes over what a pass of a connection brought. Nothing else may put
    /// messages here.
    pub(crate) fn conflate(&mut self, messages: &mut VecDeque<Message>) -> Displaced {
        let mut displaced = Displaced::default();
        let Some(conflater) = &mut self.conflater else {
            return displaced;
        };
        for message in messages.drain(..) {
            self.held.add(1, message.memory());
            conflater.put(&mut self.messages, message, &mut displaced);
        }
        self.held.sub(displaced.messages.len(), displaced.bytes);
        displaced
    }

    /// Takes over what a pass brought.
    pub(crate) fn append(&mut self, messages: &mut VecDeque<Message>) {
        let bytes = messages.iter().map(Message::memory).sum();
        self.held.add(messages.len(), bytes);
        if self.messages.is_empty() {
            std::mem::swap(&mut self.messages, messages);
        } else {
            self.messages.append(messages);
        }
    }

    /// Where a pipe puts messages, which it counts itself.
    pub(crate) fn uncounted(&mut self) -> &mut VecDeque<Message> {
        &mut self.messages
    }

    /// A pipe has put messages of this number of bytes here.
    pub(crate) fn set_piped(&mut self, bytes: usize) {
        self.piped = bytes;
    }

    /// The bytes of what a pipe put here last.
    pub(crate) fn piped(&self) -> usize {
        self.piped
    }

    /// The next message. It counts until it is credited.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    /// Takes out what comes before the first message that is wanted, and counts it no more. False: there is
    /// none.
    pub(crate) fn look(
        &mut self,
        wants: &mut impl FnMut(&Message) -> bool,
        unwanted: &mut VecDeque<Message>,
    ) -> bool {
        while let Some(message) = self.messages.front() {
            if wants(message) {
                return true;
            }
            self.held.sub(1, message.memory());
            unwanted.extend(self.messages.pop_front());
        }
        false
    }

    /// Exchanges all messages for `empty`; gives what they count, until they are credited.
    pub(crate) fn take_all(&mut self, empty: &mut VecDeque<Message>) -> (usize, usize) {
        std::mem::swap(&mut self.messages, empty);
        self.held()
    }

    /// Messages were received. True: the connection was not read for want of room, and is to be read
    /// again.
    pub(crate) fn credit(&mut self, messages: usize, bytes: usize) -> bool {
        self.held.sub(messages, bytes) && std::mem::take(&mut self.paused)
    }

    /// Takes out all messages, which are not to be received, and counts nothing any more. True: the
    /// connection is to be read again.
    pub(crate) fn forget(&mut self) -> (VecDeque<Message>, bool) {
        self.held.settle(0, 0);
        let paused = std::mem::take(&mut self.paused);
        (std::mem::take(&mut self.messages), paused)
    }

    /// The connection is not read until there is room.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// There is no connection to be read any more.
    pub(crate) fn unpause(&mut self) {
        self.paused = false;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many messages are here.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// What is counted of it.
    pub(crate) fn counts(&self) -> HighWater {
        let mut counts = self.held;
        if let Some(conflater) = &self.conflater {
            let (messages, bytes) = conflater.limits();
            counts.set_limits(messages, bytes);
        }
        counts
    }

    /// Messages and bytes that count: those that are here, and those that are not credited.
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.held.messages(), self.held.bytes())
    }

    /// No more will come: gives back what memory it does not need.
    pub(crate) fn shrink(&mut self) {
        self.messages.shrink_to_fit();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn three() -> VecDeque<Message> {
        ["a", "b", "c"].into_iter().map(Message::from).collect()
    }

    #[test]
    fn what_was_taken_counts_until_it_is_credited() {
        let mut queue = RecvQueue::new((4, 0), Conflate::Off);
        queue.append(&mut three());
        let bytes = 3 * Message::from("a").memory();
        assert_eq!(queue.pop().unwrap(), "a");
        assert_eq!(queue.held(), (3, bytes));
        let mut batch = VecDeque::new();
        assert_eq!(queue.take_all(&mut batch), (3, bytes));
        assert!(queue.is_empty() && queue.room() == 1);
        assert!(!queue.credit(3, bytes), "it was not paused");
        assert_eq!(queue.held(), (0, 0));
    }

    #[test]
    fn a_paused_connection_is_read_again_once_at_half_of_the_mark() {
        let mut queue = RecvQueue::new((6, 0), Conflate::Off);
        queue.append(&mut three());
        queue.append(&mut three());
        assert_eq!(queue.room(), 0);
        queue.pause();
        let size = Message::from("a").memory();
        assert!(!queue.credit(2, 2 * size) && queue.is_paused());
        assert!(queue.credit(1, size) && !queue.is_paused());
        assert!(!queue.credit(3, 3 * size));
    }

    #[test]
    fn what_is_forgotten_makes_room() {
        let mut queue = RecvQueue::new((3, 0), Conflate::Off);
        queue.append(&mut three());
        queue.pause();
        let (messages, paused) = queue.forget();
        assert_eq!((messages.len(), paused), (3, true));
        assert!(queue.is_empty() && !queue.is_paused());
        assert_eq!((queue.held(), queue.room()), ((0, 0), 3));
    }

    #[test]
    fn messages_of_a_pipe_are_not_counted_here() {
        let mut queue = RecvQueue::new((3, 0), Conflate::Off);
        queue.uncounted().append(&mut three());
        assert_eq!((queue.held(), queue.is_empty()), ((0, 0), false));
    }
}
