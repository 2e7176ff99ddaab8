//! A lane that conflates: it always has room, and what is put may take the place of what waits.

use std::collections::VecDeque;

use super::{Lane, State, Taken};
use crate::link::conflater::Displaced;
use crate::message::Message;
use crate::options::Conflate;

impl State {
    /// A put has left no room: the sender is to be told when there is some, unless the lane conflates, which
    /// always has room, and where what was put takes its place now.
    #[cold]
    pub(super) fn fill(&mut self) {
        if !self.blocks.conflates() {
            self.sender_waits = true;
            return;
        }
        let (gone, bytes) = self.blocks.conflate_last();
        self.marks.sub(gone, bytes);
    }

    /// There are messages, and no block of them: the lane conflates, and gives one at a time.
    #[cold]
    pub(super) fn take_conflated(&mut self, inbox: &mut VecDeque<Message>, room: bool) -> Taken {
        // Messages are there, though none is given out now.
        let mut taken = Taken {
            messages: 1,
            room,
            ..Taken::default()
        };
        if let Some((message, bytes)) = self.blocks.pop_conflated() {
            inbox.push_back(message);
            self.touched = true;
            self.taken = (1, bytes);
            taken.bytes = bytes;
        }
        taken
    }
}

impl Lane {
    pub(crate) fn conflates(&self) -> bool {
        self.state.lock().blocks.conflates()
    }

    /// One of the two sides conflates: so does the lane from now on, as its receiver says, or else as its
    /// sender does.
    pub(crate) fn conflate(&self, rule: Conflate, by_receiver: bool) {
        let mut state = self.state.lock();
        if !rule.is_on() || state.blocks.conflates() && !by_receiver {
            return;
        }
        let before = (state.blocks.messages(), state.blocks.bytes());
        let limits = state.shares.total();
        state.blocks.conflate(rule, limits);
        let after = (state.blocks.messages(), state.blocks.bytes());
        state.marks.sub(before.0 - after.0, before.1 - after.1);
        state.marks.set_limits(1, 0);
        state.sender_waits = false;
    }

    /// What had to go since this was asked last, of a lane that conflates.
    pub(crate) fn take_displaced(&self) -> Displaced {
        self.state.lock().blocks.take_displaced()
    }

    /// Whether there is something, without taking it. If not, the next put is to be announced. Of a lane that
    /// conflates, what comes before the first message that is wanted is taken out.
    pub(crate) fn look(
        &self,
        wants: &mut impl FnMut(&Message) -> bool,
        unwanted: &mut VecDeque<Message>,
    ) -> bool {
        let mut state = self.state.lock();
        while let Some(message) = state.blocks.pop_unless(&mut *wants) {
            state.marks.sub(1, message.memory());
            unwanted.push_back(message);
        }
        let found = !state.blocks.is_empty();
        if !found {
            self.resume(&mut state);
        }
        found
    }
}
