//! What one peer has sent and the application has not received: its messages, and how many may be there.

use std::collections::VecDeque;

use super::high_water::HighWater;
use crate::discard::discard_messages;
use crate::message::Message;

/// Messages from a peer. Those that a connection brought count towards the high-water mark until they are
/// [credited](RecvQueue::credit), also while they wait in a prefetched batch; those of an inproc peer
/// count in its pipe.
#[derive(Debug)]
pub(crate) struct RecvQueue {
    messages: VecDeque<Message>,
    held: HighWater,
    /// The bytes of what a pipe put here last, which it counts itself.
    piped: usize,
    /// It was full: the connection is not read until there is room. Never true of one that has room.
    paused: bool,
}

impl Drop for RecvQueue {
    fn drop(&mut self) {
        discard_messages(self.messages.drain(..));
    }
}

impl RecvQueue {
    /// Limits of zero mean none.
    pub(crate) fn new(most_messages: usize, most_bytes: usize) -> RecvQueue {
        RecvQueue {
            messages: VecDeque::new(),
            held: HighWater::new(most_messages, most_bytes),
            piped: 0,
            paused: false,
        }
    }

    /// Sets other limits; zero means none. What is there stays. True: the connection was not read for
    /// want of room, and is to be read again.
    pub(crate) fn set_limits(&mut self, messages: usize, bytes: usize) -> bool {
        self.held.set_limits(messages, bytes);
        !self.held.is_full() && std::mem::take(&mut self.paused)
    }

    /// How many messages a pass may bring.
    pub(crate) fn room(&self) -> usize {
        self.held.room()
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
    pub(crate) fn counts(&self) -> &HighWater {
        &self.held
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
        let mut queue = RecvQueue::new(4, 0);
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
        let mut queue = RecvQueue::new(6, 0);
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
        let mut queue = RecvQueue::new(3, 0);
        queue.append(&mut three());
        queue.pause();
        let (messages, paused) = queue.forget();
        assert_eq!((messages.len(), paused), (3, true));
        assert!(queue.is_empty() && !queue.is_paused());
        assert_eq!((queue.held(), queue.room()), ((0, 0), 3));
    }

    #[test]
    fn messages_of_a_pipe_are_not_counted_here() {
        let mut queue = RecvQueue::new(3, 0);
        queue.uncounted().append(&mut three());
        assert_eq!((queue.held(), queue.is_empty()), ((0, 0), false));
    }
}
