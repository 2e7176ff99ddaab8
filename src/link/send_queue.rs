//! What is queued for one peer over a connection: encoded messages, and how many may be there.

use std::collections::VecDeque;

use super::conflater::{ConflatedQueue, Displaced};
use super::high_water::{HighWater, Room};
use super::shares::Limits;
use super::writer::Writer;
use crate::message::Message;
use crate::options::Conflate;
use crate::tuning;
use crate::zmtp::outbox::Outbox;

/// Messages on their way to a peer: those in the outbox, and of the writer what is not wholly in the
/// kernel. Both count towards the high-water mark.
///
/// A queue that conflates has its messages in a third place, from which the writer takes them a write at a
/// time: what waits there can still be replaced. It is never full.
#[derive(Debug)]
pub(crate) struct SendQueue {
    outbox: Outbox,
    /// What is in `outbox`, and what was in the writer when it was put back last.
    accepted: HighWater,
    /// `Some`: it conflates, and nothing else is put into `outbox`.
    conflated: Option<Box<ConflatedQueue>>,
}

impl SendQueue {
    /// Limits of zero mean none.
    pub(crate) fn new(limits: Limits, rule: Conflate) -> SendQueue {
        SendQueue {
            outbox: Outbox::default(),
            accepted: HighWater::new(limits.0, limits.1),
            conflated: ConflatedQueue::new(rule, limits),
        }
    }

    /// Of a queue that conflates: takes a message.
    pub(crate) fn conflate(&mut self, message: Message) -> Displaced {
        let Some(conflated) = &mut self.conflated else {
            return Displaced::default();
        };
        let bytes = message.memory();
        conflated.put(message);
        // It came; what waits is counted when it is asked for.
        self.accepted.add(1, bytes);
        self.accepted.sub(1, bytes);
        conflated.take_displaced()
    }

    /// Of a queue that conflates: whether what waits is worth a write of its own although more is coming.
    pub(crate) fn has_conflated_batch(&self) -> bool {
        let bytes = self.conflated.as_ref().map_or(0, |it| it.bytes());
        bytes >= tuning::WRITE_BATCH || self.counts().is_half_full()
    }

    /// Encodes a message behind the others; takes it out of `message`, or leaves a copy that is not
    /// needed any more. True: that made the queue full.
    #[inline]
    pub(crate) fn push(&mut self, message: &mut Message) -> bool {
        let before = self.outbox.bytes();
        self.outbox.push(message);
        self.accepted.add(1, self.outbox.bytes() - before)
    }

    /// Encodes a message, without its first frame, behind the others. True: that made the queue full.
    pub(crate) fn push_addressed(&mut self, message: &Message) -> bool {
        let before = self.outbox.bytes();
        self.outbox.push_addressed(message);
        self.accepted.add(1, self.outbox.bytes() - before)
    }

    /// Puts the bytes of a message, but for its first frame, behind the others. True: that made the
    /// queue full.
    pub(crate) fn push_unframed(&mut self, message: &Message) -> bool {
        let before = self.outbox.bytes();
        self.outbox.push_unframed(message);
        self.accepted.add(1, self.outbox.bytes() - before)
    }

    /// Appends a copy of encoded messages. True: that made the queue full.
    #[inline]
    pub(crate) fn append_copy(&mut self, encoded: &Outbox) -> bool {
        self.outbox.append_copy(encoded);
        self.accepted.add(encoded.messages(), encoded.bytes())
    }

    /// Moves encoded messages behind the others. True: that made the queue full.
    pub(crate) fn append(&mut self, encoded: &mut Outbox) -> bool {
        let (messages, bytes) = (encoded.messages(), encoded.bytes());
        if self.outbox.is_empty() {
            std::mem::swap(&mut self.outbox, encoded);
        } else {
            self.outbox.append_copy(encoded);
        }
        encoded.clear();
        self.accepted.add(messages, bytes)
    }

    /// Sets other limits; zero means none. What is queued stays.
    pub(crate) fn set_limits(&mut self, messages: usize, bytes: usize) {
        self.accepted.set_limits(messages, bytes);
        if let Some(conflated) = &mut self.conflated {
            conflated.set_limits((messages, bytes));
        }
    }

    /// Has a writer take over what is queued. False: there is nothing to write, unless the queue
    /// conflates.
    pub(crate) fn load(&mut self, writer: &mut Writer) -> bool {
        writer.load(&mut self.outbox)
    }

    /// Of a queue that conflates, once [`load`](SendQueue::load) found nothing: has the writer take over a
    /// write of what waits. Returns the messages that were encoded for it, to be discarded without the lock.
    pub(crate) fn load_conflated(&mut self, writer: &mut Writer) -> VecDeque<Message> {
        let mut encoded = VecDeque::new();
        let Some(conflated) = &mut self.conflated else {
            return encoded;
        };
        while self.outbox.bytes() < tuning::WRITE {
            let Some(message) = conflated.pop() else {
                break;
            };
            self.outbox.push(&message);
            encoded.push_back(message);
        }
        self.settle(0, 0);
        writer.load(&mut self.outbox);
        encoded
    }

    /// A writer is back, with what it took and has not written. True: a full queue has room again.
    pub(crate) fn settle(&mut self, messages: usize, bytes: usize) -> bool {
        let (queued, encoded) = (self.outbox.messages(), self.outbox.bytes());
        self.accepted.settle(queued + messages, encoded + bytes)
    }

    /// The connection is lost: what it had not taken whole goes first on the next one.
    pub(crate) fn requeue(&mut self, mut rewound: Outbox) -> Displaced {
        if !rewound.is_empty() {
            rewound.append_copy(&self.outbox);
            self.outbox = rewound;
        }
        let displaced = self.conflate_requeued();
        self.settle(0, 0);
        displaced
    }

    /// Of a queue that conflates: what goes to the next connection is old, and may have been replaced.
    fn conflate_requeued(&mut self) -> Displaced {
        let Some(conflated) = &mut self.conflated else {
            return Displaced::default();
        };
        for message in self.outbox.take_messages().into_iter().rev() {
            conflated.put_oldest(message);
        }
        conflated.take_displaced()
    }

    /// Takes out what is queued; what the writer had is not wanted either.
    pub(crate) fn take(&mut self) -> (Outbox, VecDeque<Message>) {
        let outbox = std::mem::take(&mut self.outbox);
        let conflated = self.conflated.as_mut().map(|it| it.take());
        self.settle(0, 0);
        (outbox, conflated.unwrap_or_default())
    }

    /// Messages that wait for a writer.
    pub(crate) fn messages(&self) -> usize {
        self.outbox.messages() + self.conflated.as_ref().map_or(0, |it| it.len())
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.outbox.bytes() + self.conflated.as_ref().map_or(0, |it| it.bytes())
    }

    /// Whether nothing waits for a writer.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.outbox.is_empty() && self.conflated.as_ref().is_none_or(|it| it.is_empty())
    }

    /// Messages that are not wholly in the kernel, as far as is known while the writer is out.
    pub(crate) fn undelivered(&self) -> usize {
        self.accepted.messages() + self.conflated.as_ref().map_or(0, |it| it.len())
    }

    /// What is counted of it.
    pub(crate) fn counts(&self) -> HighWater {
        let mut counts = self.accepted;
        if let Some(conflated) = &self.conflated {
            let (messages, bytes) = (counts.messages(), counts.bytes());
            counts.settle(messages + conflated.len(), bytes + conflated.bytes());
        }
        counts
    }

    pub(crate) fn is_full(&self) -> bool {
        self.accepted.is_full() && self.conflated.is_none()
    }

    /// Whether what is queued is worth a write of its own although more is coming.
    #[inline]
    pub(crate) fn has_batch(&self) -> bool {
        self.outbox.has_batch() || self.accepted.is_half_full()
    }

    /// How much more makes it worth a write, or fills the queue. While the connection takes no bytes,
    /// or there is a batch already, it is the next look that finds what is to be done.
    pub(crate) fn room_in_batch(&self, writes: bool) -> Room {
        let room = self.accepted.room_for();
        if !room.any() {
            return room;
        }
        if !writes {
            return room;
        }
        let (messages, bytes) = self.accepted.room_to_half();
        Room {
            messages: messages.clamp(1, room.messages),
            bytes: bytes.clamp(1, room.bytes),
        }
    }

    /// Gives back the memory of an empty queue.
    pub(crate) fn release_memory(&mut self) {
        if self.outbox.is_empty() {
            self.outbox.release_memory();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn encoded(messages: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for _ in 0..messages {
            outbox.push(&Message::from("0123456789"));
        }
        outbox
    }

    fn push(queue: &mut SendQueue) -> bool {
        queue.push(&mut Message::from("0123456789"))
    }

    #[test]
    fn it_is_full_once_and_has_room_again_at_half_of_either_mark() {
        for (messages, bytes) in [(4, 0), (0, 4 * 12)] {
            let mut queue = SendQueue::new((messages, bytes), Conflate::Off);
            let full: Vec<_> = (0..5).map(|_| push(&mut queue)).collect();
            assert_eq!(full, [false, false, false, true, false]);
            queue.outbox = Outbox::default();
            assert!(!queue.settle(3, 36), "three are still being written");
            assert!(queue.is_full());
            assert!(queue.settle(2, 24) && !queue.is_full());
            assert!(!queue.settle(0, 0), "it is told once");
        }
    }

    #[test]
    fn what_a_connection_had_not_taken_goes_first_on_the_next_one() {
        let mut queue = SendQueue::new((3, 0), Conflate::Off);
        queue.append_copy(&encoded(1));
        queue.requeue(encoded(2));
        assert_eq!((queue.messages(), queue.undelivered()), (3, 3));
        queue.requeue(Outbox::default());
        assert_eq!(queue.messages(), 3);
        assert_eq!(queue.take().0.messages(), 3);
        assert!(queue.is_empty() && queue.undelivered() == 0 && !queue.is_full());
    }

    #[test]
    fn a_batch_is_moved_or_copied_and_left_empty_either_way() {
        let mut queue = SendQueue::new((8, 0), Conflate::Off);
        for expected in [3, 6] {
            let mut batch = encoded(3);
            assert!(!queue.append(&mut batch));
            assert!(batch.is_empty());
            assert_eq!(
                (queue.messages(), queue.undelivered()),
                (expected, expected)
            );
        }
        assert!(queue.has_batch());
        assert_eq!(queue.room_in_batch(true).messages, 1);
        assert_eq!(queue.room_in_batch(false).messages, 2);
    }

    #[test]
    fn large_bodies_make_a_larger_batch_but_never_more_than_half_of_a_mark() {
        let body = Message::from(vec![7; 60 * 1024]);
        for (most_bytes, batch) in [(0, 5), (400 * 1024, 4), (60 * 1024, 1)] {
            let mut queue = SendQueue::new((0, most_bytes), Conflate::Off);
            let pushed = (1..10).find(|_| {
                queue.push(&mut body.clone());
                queue.has_batch()
            });
            assert_eq!(pushed, Some(batch), "{most_bytes}");
        }
        let mut queue = SendQueue::new((0, 0), Conflate::Off);
        let small = Message::from(vec![7; 1024]);
        let pushed = (1..100).find(|_| {
            queue.push(&mut small.clone());
            queue.has_batch()
        });
        assert_eq!(pushed, Some(56));
    }
}
