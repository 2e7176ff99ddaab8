//! The messages of a lane, in blocks.

use std::collections::VecDeque;

use crate::discard::discard_messages;
use crate::link::conflater::{ConflatedQueue, Displaced};
use crate::link::shares::Limits;
use crate::message::Message;
use crate::options::Conflate;

/// Messages that change hands together in a stream. Enough that what changing hands costs (a lock, and
/// the first use of memory that was last in the other processor's cache) no longer counts; few enough
/// that a block stays in the first-level cache of the thread that fills or empties it.
pub(crate) const BLOCK: usize = 128;

/// Used blocks that a lane keeps for its next ones: as many as the default marks fill.
const SPARES: usize = 16;

/// Messages in line. They change hands in blocks, by exchanging a full one for an empty one, so that
/// no message is looked at or moved while the lane is locked.
///
/// Unless the lane conflates: then what was put is moved behind the blocks at once, into `conflated`.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Blocks {
    /// The newest one, behind all of `line`. A lone message, as in a quick exchange, goes through here and
    /// touches no memory of the lane's but this and the count: each line of memory that changes processors costs as
    /// much as all of a put.
    last: Block,
    /// Those in `line`, in `last` and in `conflated`.
    messages: usize,
    /// Oldest first; none is empty.
    line: VecDeque<Block>,
    spares: Vec<VecDeque<Message>>,
    conflated: Option<Box<Conflated>>,
}

#[derive(Debug)]
struct Conflated {
    queue: Box<ConflatedQueue>,
    /// The receiver has one message in its hands, and looks whether there are more.
    given: bool,
}

#[derive(Debug, Default)]
struct Block {
    messages: VecDeque<Message>,
    bytes: usize,
}

impl Blocks {
    #[inline]
    pub(super) fn push(&mut self, message: Message, bytes: usize) {
        if self.last.messages.len() >= BLOCK {
            self.begin_block();
        }
        self.messages += 1;
        self.last.messages.push_back(message);
        self.last.bytes += bytes;
    }

    /// Puts the newest block into the line, and begins another.
    fn begin_block(&mut self) {
        let messages = self.spares.pop().unwrap_or_default();
        let next = Block { messages, bytes: 0 };
        self.line.push_back(std::mem::replace(&mut self.last, next));
    }

    /// Puts a message before all others, in a block of its own.
    pub(super) fn push_first(&mut self, message: Message, bytes: usize) {
        self.messages += 1;
        let messages = VecDeque::from([message]);
        self.line.push_front(Block { messages, bytes });
    }

    /// Exchanges a block that was filled elsewhere for an empty one.
    pub(super) fn push_block(&mut self, block: &mut VecDeque<Message>, bytes: usize) {
        if block.is_empty() {
            return;
        }
        if !self.last.messages.is_empty() {
            self.begin_block();
        }
        self.messages += block.len();
        std::mem::swap(&mut self.last.messages, block);
        self.last.bytes = bytes;
    }

    /// Exchanges the oldest block for the empty `messages`. Returns how many bytes it has; `None`: there is
    /// no block.
    #[inline]
    pub(super) fn pop_block(&mut self, messages: &mut VecDeque<Message>) -> Option<usize> {
        // Not the line is asked: see `last`.
        if self.messages == self.last.messages.len() {
            self.messages = 0;
            std::mem::swap(messages, &mut self.last.messages);
            return Some(std::mem::take(&mut self.last.bytes));
        }
        let block = self.line.pop_front()?;
        let empty = std::mem::replace(messages, block.messages);
        if self.spares.len() < SPARES {
            self.spares.push(empty);
        }
        self.messages = self.messages.saturating_sub(messages.len());
        Some(block.bytes)
    }

    #[inline]
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.messages == 0
    }

    pub(super) fn bytes(&self) -> usize {
        let conflated = self.conflated.as_ref().map_or(0, |it| it.queue.bytes());
        let line = self.line.iter().map(|block| block.bytes).sum::<usize>();
        line + self.last.bytes + conflated
    }

    /// Takes all messages out, oldest first.
    pub(super) fn take(&mut self) -> VecDeque<Message> {
        let mut all = VecDeque::new();
        for mut block in self.line.drain(..) {
            all.append(&mut block.messages);
        }
        all.append(&mut self.last.messages);
        self.last.bytes = 0;
        if let Some(conflated) = &mut self.conflated {
            all.append(&mut conflated.queue.take());
        }
        self.messages = 0;
        all
    }
}

impl Blocks {
    pub(super) fn conflates(&self) -> bool {
        self.conflated.is_some()
    }

    /// Conflates from now on, also what is there. Limits of zero mean none. Nothing happens if the rule is to
    /// keep all messages.
    pub(super) fn conflate(&mut self, rule: Conflate, limits: Limits) {
        let Some(queue) = ConflatedQueue::new(rule, limits) else {
            return;
        };
        let before = self.take();
        let conflated = self.conflated.insert(Box::new(Conflated {
            queue,
            given: false,
        }));
        for message in before {
            conflated.queue.put(message);
        }
        self.messages = conflated.queue.len();
    }

    /// Sets other limits for a lane that conflates.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        if let Some(conflated) = &mut self.conflated {
            conflated.queue.set_limits(limits);
        }
    }

    /// Of a lane that conflates: puts the newest block, which is all that was put last, where its messages replace
    /// others. Says how many messages had to go for it, and their bytes.
    pub(super) fn conflate_last(&mut self) -> (usize, usize) {
        let Some(conflated) = &mut self.conflated else {
            return (0, 0);
        };
        let before = conflated.queue.displaced();
        self.last.bytes = 0;
        for message in self.last.messages.drain(..) {
            conflated.queue.put(message);
        }
        let after = conflated.queue.displaced();
        let gone = after.0 - before.0;
        self.messages -= gone;
        (gone, after.1 - before.1)
    }

    /// Of a lane that conflates: the message that waits longest, and its bytes; none while the receiver
    /// has the last one in its hands and looks whether there are more, so that they can be replaced until
    /// they are received.
    pub(super) fn pop_conflated(&mut self) -> Option<(Message, usize)> {
        let conflated = self.conflated.as_mut()?;
        if std::mem::take(&mut conflated.given) {
            return None;
        }
        let message = conflated.queue.pop()?;
        conflated.given = true;
        self.messages -= 1;
        let bytes = message.memory();
        Some((message, bytes))
    }

    /// Of a lane that conflates: the message that [`pop_conflated`](Blocks::pop_conflated) would give, taken out if
    /// it is not wanted.
    pub(super) fn pop_unless(&mut self, wants: impl FnOnce(&Message) -> bool) -> Option<Message> {
        let conflated = self.conflated.as_mut().filter(|_| self.line.is_empty())?;
        let unwanted = conflated.queue.pop_unless(wants)?;
        self.messages -= 1;
        Some(unwanted)
    }

    /// What had to go since this was asked last.
    pub(super) fn take_displaced(&mut self) -> Displaced {
        let conflated = self.conflated.as_mut();
        conflated
            .map(|it| it.queue.take_displaced())
            .unwrap_or_default()
    }
}

impl Drop for Blocks {
    /// With the last end of a pipe, which may be the reactor's to drop.
    fn drop(&mut self) {
        for block in &mut self.line {
            discard_messages(block.messages.drain(..));
        }
        discard_messages(self.last.messages.drain(..));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However messages come, one by one or in blocks: they leave in their order, each once, and
        /// are counted.
        #[test]
        fn blocks_are_a_line(steps in prop::collection::vec((0..3u8, 1..200usize), 0..40)) {
            let mut blocks = Blocks::default();
            let (mut next, mut expected) = (0u32, 0u32);
            let mut message = || {
                next += 1;
                Message::from((next - 1).to_be_bytes())
            };
            let mut inside = 0;
            let mut taken = VecDeque::new();
            for (what, count) in steps {
                match what {
                    0 => {
                        (0..count).for_each(|_| blocks.push(message(), 1));
                        inside += count;
                    }
                    1 => {
                        let mut block: VecDeque<_> = (0..count).map(|_| message()).collect();
                        blocks.push_block(&mut block, count);
                        prop_assert!(block.is_empty());
                        inside += count;
                    }
                    _ => {
                        let bytes = blocks.pop_block(&mut taken);
                        prop_assert_eq!(bytes.unwrap_or_default(), taken.len());
                        prop_assert_eq!(taken.is_empty(), inside == 0);
                        inside -= taken.len();
                        for message in taken.drain(..) {
                            prop_assert_eq!(message, expected.to_be_bytes());
                            expected += 1;
                        }
                    }
                }
                prop_assert_eq!((blocks.messages(), blocks.bytes()), (inside, inside));
                prop_assert_eq!(blocks.is_empty(), inside == 0);
            }
            for message in blocks.take() {
                prop_assert_eq!(message, expected.to_be_bytes());
                expected += 1;
            }
            prop_assert_eq!(expected, next);
        }
    }
}
