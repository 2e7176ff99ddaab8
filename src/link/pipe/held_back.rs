//! What the sender of a stream holds back for a pipe, so that it changes hands a block at a time.

use std::collections::VecDeque;

use super::blocks::BLOCK;
use super::lane::Put;
use super::PipeEnd;
use crate::discard::discard_messages;
use crate::link::high_water::Room;
use crate::message::Message;

/// Messages in front of a lane.
///
/// They are put into memory that never leaves the sender's processor, and copied from there a block at
/// a time. A message that is put straight into memory which the receiver has just read has to wait,
/// within the lock around it, until that comes over from the other processor; of a block that is
/// copied, the processor fetches many lines at once.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    held: VecDeque<Message>,
    bytes: usize,
    /// An empty block, to be filled from `held` and exchanged.
    block: VecDeque<Message>,
    /// What the lane takes besides what is held, at least.
    room: Room,
}

impl HeldBack {
    /// Begins to fill a lane that has this room, at least.
    pub(crate) fn open(&mut self, room: Room) {
        self.room = room;
    }

    /// Takes a message. It is put into the lane with those before it, if the receiver wants them, they
    /// fill a block, or they fill the lane; `None`: it is held back.
    #[inline]
    pub(crate) fn push(&mut self, pipe: &PipeEnd, message: Message) -> Option<Put> {
        let bytes = message.memory();
        self.bytes += bytes;
        self.held.push_back(message);
        if self.room.take(bytes) && self.held.len() < BLOCK && !pipe.is_wanted() {
            return None;
        }
        Some(self.hand_over(pipe))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Puts what is held back into the lane.
    pub(crate) fn hand_over(&mut self, pipe: &PipeEnd) -> Put {
        if self.held.is_empty() {
            return Put {
                announce: false,
                room: self.room,
            };
        }
        self.block.append(&mut self.held);
        let put = pipe.put_block(&mut self.block, std::mem::take(&mut self.bytes));
        self.room = put.room;
        put
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        discard_messages(self.held.drain(..));
    }
}
