//! Which links have room, for the patterns whose messages name the link that they go to.

use super::links::LinkSet;
use crate::pattern::types::LinkId;

/// The links with room, and whether a message waits for one of them.
#[derive(Debug, Default)]
pub(crate) struct Room {
    links: LinkSet,
    /// A message had to wait, and nothing has happened since that could let it pass.
    stuck: bool,
}

impl Room {
    #[inline]
    pub(crate) fn contains(&self, link: LinkId) -> bool {
        self.links.contains(link)
    }

    /// The queue to a link takes another message, or does not.
    #[inline]
    pub(crate) fn set(&mut self, link: LinkId, room: bool) {
        self.links.set(link, room);
        if room {
            self.stuck = false;
        }
    }

    /// A message for a link without room has to wait.
    #[inline]
    pub(crate) fn wait(&mut self) {
        self.stuck = true;
    }

    /// Something else has happened by which what waits may find its link, or that it has none.
    #[inline]
    pub(crate) fn look_again(&mut self) {
        self.stuck = false;
    }

    /// Whether trying to send is worth while.
    #[inline]
    pub(crate) fn is_worth_a_try(&self) -> bool {
        !self.stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_tries_again_when_a_link_has_room_or_something_else_has_happened() {
        let mut room = Room::default();
        room.set(3, true);
        assert!(room.contains(3) && !room.contains(4) && room.is_worth_a_try());
        room.set(3, false);
        room.wait();
        assert!(!room.contains(3) && !room.is_worth_a_try());
        // That one has none says nothing to what waits.
        room.set(4, false);
        assert!(!room.is_worth_a_try());
        room.set(4, true);
        assert!(room.is_worth_a_try());
        room.wait();
        room.look_again();
        assert!(room.is_worth_a_try());
    }
}
