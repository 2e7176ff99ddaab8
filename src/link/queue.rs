//! The messages of a lane, in blocks.

use std::collections::VecDeque;

use crate::discard::discard_messages;
use crate::message::Message;

/// Messages that change hands together in a stream: keeps them in the cache of the thread that took
/// them, and gives the sender room early.
pub(super) const BLOCK: usize = 256;

/// Used blocks that a lane keeps for its next ones: as many as the default marks fill.
const SPARES: usize = 8;

/// Messages in line. They change hands in blocks, by exchanging a full one for an empty one, so that
/// no message is looked at or moved while the lane is locked.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Full ones, oldest first.
    blocks: VecDeque<Block>,
    /// The one that is being filled, after all of `blocks`.
    last: Block,
    pub(super) messages: usize,
    spares: Vec<VecDeque<Message>>,
}

#[derive(Debug, Default)]
struct Block {
    messages: VecDeque<Message>,
    bytes: usize,
}

impl Queue {
    #[inline]
    pub(super) fn push(&mut self, message: Message, bytes: usize) {
        if self.last.messages.len() == BLOCK {
            let messages = self.spares.pop().unwrap_or_default();
            let next = Block { messages, bytes: 0 };
            self.blocks
                .push_back(std::mem::replace(&mut self.last, next));
        }
        self.last.messages.push_back(message);
        self.last.bytes += bytes;
        self.messages += 1;
    }

    /// Exchanges the oldest block for the empty `messages`. Returns how many bytes it has.
    pub(super) fn pop(&mut self, messages: &mut VecDeque<Message>) -> usize {
        let bytes = match self.blocks.pop_front() {
            Some(block) => {
                let empty = std::mem::replace(messages, block.messages);
                if self.spares.len() < SPARES {
                    self.spares.push(empty);
                }
                block.bytes
            }
            None => {
                std::mem::swap(messages, &mut self.last.messages);
                std::mem::take(&mut self.last.bytes)
            }
        };
        self.messages -= messages.len();
        bytes
    }

    pub(super) fn bytes(&self) -> usize {
        self.last.bytes + self.blocks.iter().map(|block| block.bytes).sum::<usize>()
    }

    /// All messages, oldest first.
    pub(super) fn into_messages(mut self) -> VecDeque<Message> {
        let last = std::mem::take(&mut self.last.messages);
        let Some(first) = self.blocks.pop_front() else {
            return last;
        };
        let mut all = first.messages;
        for block in &mut self.blocks {
            all.append(&mut block.messages);
        }
        all.extend(last);
        all
    }
}

impl Drop for Queue {
    /// With the last end of a pipe, which may be the reactor's to drop.
    fn drop(&mut self) {
        for block in &mut self.blocks {
            discard_messages(block.messages.drain(..));
        }
        discard_messages(self.last.messages.drain(..));
    }
}
