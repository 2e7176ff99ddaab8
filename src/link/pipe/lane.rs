//! One direction of a pipe: a queue behind a lock of its own, and the two words of it that are read
//! without that lock.

mod conflating;

use std::collections::VecDeque;

use super::blocks::Blocks;
use crate::link::high_water::{HighWater, Room};
use crate::link::shares::{Limits, Shares};
use crate::message::Message;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::Mutex;

/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `blocks` | the sender fills it, the receiver empties it | |
/// | `marks` | both | count what is in `blocks` and in `taken`; their limits are the total of `shares`, unless the lane conflates: then one message, so that each put says it is full, and `fill` sees to it |
/// | `shares` | each side its own | |
/// | `taken` | the receiver | what the receiver took last, until it says that this is used up |
/// | `receiver_waits` | the receiver sets it, when it finds nothing; the next put clears it | false while there is something to take |
/// | `sender_waits` | the sender sets it, with the put that fills the lane or when it looks and finds it full; the receiver clears it and tells the sender | the sender's pattern has no room for this link: true, or the sender is being told |
/// | `ended` | the sender | nothing is put any more |
///
/// In this order, and behind the word of the lock, what a lone message needs is in two lines of memory.
/// They go from processor to processor with it.
#[derive(Debug)]
#[repr(C)]
struct State {
    marks: HighWater,
    /// The next put is to be announced.
    receiver_waits: bool,
    /// The next time there is room again, that is to be announced.
    sender_waits: bool,
    /// Keeps a receiver from waiting awake for more, and says no more than that: the sender's `closed`
    /// says what is to become of the link.
    ended: bool,
    /// The receiver has taken something.
    touched: bool,
    blocks: Blocks,
    taken: (usize, usize),
    shares: Shares,
}

impl State {
    /// One side's share is another, or it is there now: the sender is to look.
    fn share(&mut self, set: impl FnOnce(&mut Shares)) {
        set(&mut self.shares);
        let (messages, bytes) = self.shares.total();
        if self.blocks.conflates() {
            self.blocks.set_limits((messages, bytes));
        } else {
            self.marks.set_limits(messages, bytes);
        }
    }

    /// What the receiver took last is used up. True: the sender waits, and there is room again.
    fn credit(&mut self) -> bool {
        let (messages, bytes) = std::mem::take(&mut self.taken);
        let regained = self.marks.sub(messages, bytes);
        (regained || !self.marks.is_full()) && std::mem::take(&mut self.sender_waits)
    }
}

/// In a place of its own: a thread that looks here takes no memory from the other processor but this.
/// (Processors fetch 64 bytes, and their neighbours.)
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    /// How often something was put; wraps. A receiver that waits awake watches it.
    puts: Apart<AtomicU32>,
    /// The receiver has found nothing: what the sender holds back is wanted now. Changed under the lock.
    wanted: Apart<AtomicBool>,
}

/// What a put found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Put {
    /// The receiver waits: tell it.
    pub(crate) announce: bool,
    /// How much more the lane takes, at least; nothing: it is full now, or it conflates, which its sender is to
    /// look at after each put.
    pub(crate) room: Room,
}

impl Put {
    pub(crate) fn is_full(&self) -> bool {
        !self.room.any()
    }
}

/// What a take found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many there were. A lane that conflates may say that there are some, and give none yet.
    pub(crate) messages: usize,
    /// What they count towards the lane's mark.
    pub(crate) bytes: usize,
    /// The sender waits, and there is room again: tell it.
    pub(crate) room: bool,
    /// This was all there was: how often something had been put until then.
    pub(crate) emptied: Option<u32>,
}

impl Lane {
    pub(super) fn new(shares: Shares) -> Lane {
        let (messages, bytes) = shares.total();
        Lane {
            state: Mutex::new(State {
                blocks: Blocks::default(),
                marks: HighWater::new(messages, bytes),
                shares,
                taken: (0, 0),
                // The receiver has not looked yet, and the first message must be announced.
                receiver_waits: true,
                sender_waits: false,
                ended: false,
                touched: false,
            }),
            puts: Apart::default(),
            wanted: Apart(AtomicBool::new(true)),
        }
    }

    // ----- the sender -----

    /// Puts a message. The caller has made sure that there is room.
    #[inline]
    pub(super) fn put(&self, message: Message) -> Put {
        let bytes = message.memory();
        self.put_with(1, bytes, |blocks| blocks.push(message, bytes))
    }

    /// Puts a message before all that the receiver has not taken. It replaces no other, nor is it replaced.
    pub(super) fn put_first(&self, message: Message) {
        let bytes = message.memory();
        let mut state = self.state.lock();
        state.blocks.push_first(message, bytes);
        let full = state.marks.add(1, bytes);
        state.sender_waits |= full && !state.blocks.conflates();
        self.count_put();
    }

    /// Puts a block of messages, which is exchanged for an empty one.
    pub(super) fn put_block(&self, block: &mut VecDeque<Message>, bytes: usize) -> Put {
        let messages = block.len();
        self.put_with(messages, bytes, |blocks| {
            // The others may gather again. A sender that puts one by one holds nothing back, and leaves the word
            // as it is, so that it does not go from processor to processor with each message.
            self.wanted.0.store(false, Ordering::Relaxed);
            blocks.push_block(block, bytes);
        })
    }

    #[inline]
    fn put_with(&self, messages: usize, bytes: usize, push: impl FnOnce(&mut Blocks)) -> Put {
        let mut state = self.state.lock();
        push(&mut state.blocks);
        state.marks.add(messages, bytes);
        let room = state.marks.room_for();
        if !room.any() {
            state.fill();
        }
        self.count_put();
        Put {
            announce: std::mem::take(&mut state.receiver_waits),
            room,
        }
    }

    /// To be called under the lock.
    #[inline]
    fn count_put(&self) {
        // The lock orders it: only the memory's place is for those without.
        let puts = self.puts.0.load(Ordering::Relaxed);
        self.puts.0.store(puts.wrapping_add(1), Ordering::Release);
    }

    /// Whether the receiver has nothing, and wants at once what there is.
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        // A sender that holds something back is asked for it, under its own lock, by a receiver that has
        // set this: no order is needed here.
        self.wanted.0.load(Ordering::Relaxed)
    }

    /// How much more may be put. But for the sender, only a receiver that lowers its share makes it less.
    ///
    /// Finding none leaves word that the sender waits, as the put that fills the lane does: a mark that was
    /// lowered fills it without one.
    ///
    /// A lane that conflates says none: no stream is to go there by any other way than message by message.
    pub(super) fn room(&self) -> Room {
        let mut state = self.state.lock();
        if state.blocks.conflates() {
            return Room::default();
        }
        let room = state.marks.room_for();
        state.sender_waits |= !room.any();
        room
    }

    /// Whether a message can be put, which a lane that conflates always takes.
    pub(super) fn has_room(&self) -> bool {
        self.conflates() || self.room().any()
    }

    /// What is counted of it.
    pub(super) fn counts(&self) -> HighWater {
        let state = self.state.lock();
        let mut counts = state.marks;
        let (messages, bytes) = state.shares.total();
        counts.set_limits(messages, bytes);
        counts
    }

    /// Messages that the receiver has not taken.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().blocks.messages()
    }

    /// The side that was missing is there, with this share.
    pub(super) fn complete(&self, share: Limits) {
        self.state.lock().share(|shares| shares.complete(share));
    }

    /// The sender's share is another.
    pub(super) fn set_sender_share(&self, share: Limits) {
        self.state.lock().share(|shares| shares.set_sender(share));
    }

    /// The receiver's share is another; the sender is to be told.
    pub(super) fn set_receiver_share(&self, share: Limits) {
        self.state.lock().share(|shares| shares.set_receiver(share));
    }

    /// Takes back what the receiver has not taken: it will not.
    pub(super) fn reclaim(&self) -> VecDeque<Message> {
        self.state.lock().blocks.take()
    }

    /// Whether the receiver has taken anything.
    pub(super) fn is_touched(&self) -> bool {
        self.state.lock().touched
    }

    pub(super) fn end(&self) {
        self.state.lock().ended = true;
    }

    // ----- the receiver -----

    /// Exchanges the empty `inbox` for the oldest block of what is there. Finding nothing leaves word
    /// that the receiver waits.
    pub(super) fn take(&self, inbox: &mut VecDeque<Message>) -> Taken {
        let mut state = self.state.lock();
        // Coming back means that what was taken last time is used up.
        let room = state.credit();
        if state.blocks.is_empty() {
            self.resume(&mut state);
            return Taken {
                room,
                ..Taken::default()
            };
        }
        let Some(bytes) = state.blocks.pop_block(inbox) else {
            return state.take_conflated(inbox, room);
        };
        state.touched = true;
        let messages = inbox.len();
        state.taken = (messages, bytes);
        let emptied = state.blocks.is_empty().then(|| self.puts());
        Taken {
            messages,
            bytes,
            room,
            emptied,
        }
    }

    /// What was taken last is used up. True: the sender waits, and there is room again.
    pub(super) fn credit(&self) -> bool {
        self.state.lock().credit()
    }

    /// Takes out what is there, to be thrown away with what was taken last. True: the sender waits, and
    /// there is room again.
    pub(super) fn clear(&self) -> (VecDeque<Message>, bool) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let (messages, bytes) = std::mem::take(&mut state.taken);
        let blocks = &mut state.blocks;
        state
            .marks
            .sub(messages + blocks.messages(), bytes + blocks.bytes());
        let room = !state.marks.is_full() && std::mem::take(&mut state.sender_waits);
        (blocks.take(), room)
    }

    /// What a receiver that waits awake compares with later.
    pub(super) fn puts(&self) -> u32 {
        self.puts.0.load(Ordering::Acquire)
    }

    /// Puts are not to be announced any more: the receiver waits awake. `None`: there is something
    /// already, or nothing will come.
    pub(super) fn suppress_wakeups(&self) -> Option<u32> {
        let mut state = self.state.lock();
        if state.ended || !state.blocks.is_empty() {
            return None;
        }
        state.receiver_waits = false;
        Some(self.puts())
    }

    /// The next put is to be announced again. True: there is something already.
    pub(super) fn resume_wakeups(&self) -> bool {
        let mut state = self.state.lock();
        let found = state.ended || !state.blocks.is_empty();
        if !found {
            self.resume(&mut state);
        }
        found
    }

    fn resume(&self, state: &mut State) {
        state.receiver_waits = true;
        if !self.is_wanted() {
            self.wanted.0.store(true, Ordering::Relaxed);
        }
    }
}
