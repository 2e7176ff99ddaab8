//! One message to many: which of the matching links have room.

use crate::pattern::types::LinkId;

/// Collects the links that want one message, each once, and tells those with room from those
/// without. Its vectors are reused: no message allocates once they have grown.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    links: Vec<Member>,
    /// The number of the current message; see [`Member::seen`].
    message: u32,
    /// The links with room that want the current message.
    chosen: Vec<LinkId>,
    /// Those that want it and have no room.
    full: Vec<LinkId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Member {
    /// The message for which the link was last offered; at most `Fanout::message`.
    seen: u32,
    attached: bool,
    room: bool,
    /// Messages that it wanted and did not get.
    dropped: u64,
}

impl Fanout {
    pub(crate) fn attach(&mut self, link: LinkId) {
        if link >= self.links.len() {
            self.links.resize(link + 1, Member::default());
        }
        self.links[link].attached = true;
        self.links[link].room = true;
        self.links[link].dropped = 0;
    }

    pub(crate) fn detach(&mut self, link: LinkId) {
        if let Some(member) = self.links.get_mut(link) {
            member.attached = false;
        }
    }

    #[inline]
    pub(crate) fn set_room(&mut self, link: LinkId, room: bool) {
        if let Some(member) = self.links.get_mut(link) {
            member.room = room;
        }
    }

    /// The links that are there.
    pub(crate) fn attached(&self) -> impl Iterator<Item = LinkId> + '_ {
        (0..self.links.len()).filter(|link| self.links[*link].attached)
    }

    pub(crate) fn is_attached(&self, link: LinkId) -> bool {
        self.links.get(link).is_some_and(|member| member.attached)
    }

    /// Starts a message.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.chosen.clear();
        self.full.clear();
        self.message = self.message.wrapping_add(1);
        if self.message == 0 {
            // Once in four billion messages: marks of the last round would look fresh.
            self.links.iter_mut().for_each(|member| member.seen = 0);
            self.message = 1;
        }
    }

    /// A link that wants the message; more than once does no harm.
    #[inline]
    pub(crate) fn offer(&mut self, link: LinkId) {
        let Some(member) = self.links.get_mut(link) else {
            return;
        };
        if member.seen == self.message || !member.attached {
            return;
        }
        member.seen = self.message;
        if member.room {
            self.chosen.push(link);
        } else {
            self.full.push(link);
        }
    }

    /// Offers all attached links but those for which this message was [passed](Fanout::pass) already.
    pub(crate) fn offer_rest(&mut self) {
        (0..self.links.len()).for_each(|link| self.offer(link));
    }

    /// A link that is not to have the message.
    pub(crate) fn pass(&mut self, link: LinkId) {
        if let Some(member) = self.links.get_mut(link) {
            member.seen = self.message;
        }
    }

    /// The links that get the message, and how many wanted it in vain.
    #[inline]
    pub(crate) fn chosen(&self) -> (&[LinkId], usize) {
        (&self.chosen, self.full.len())
    }

    /// The message is sent to those that have room: the others lose it.
    #[cold]
    pub(crate) fn drop_for_full(&mut self) {
        for &link in &self.full {
            if let Some(member) = self.links.get_mut(link) {
                member.dropped += 1;
            }
        }
    }

    /// Messages that a link has lost so.
    pub(crate) fn dropped(&self, link: LinkId) -> u64 {
        self.links.get(link).map_or(0, |member| member.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(fanout: &mut Fanout, links: &[LinkId]) -> (Vec<LinkId>, usize) {
        fanout.begin();
        links.iter().for_each(|link| fanout.offer(*link));
        let (chosen, full) = fanout.chosen();
        (chosen.to_vec(), full)
    }

    #[test]
    fn each_link_once_and_the_full_are_counted() {
        let mut fanout = Fanout::default();
        (0..4).for_each(|link| fanout.attach(link));
        fanout.set_room(2, false);
        assert_eq!(offered(&mut fanout, &[0, 2, 0, 3, 2]), (vec![0, 3], 1));
        fanout.set_room(2, true);
        assert_eq!(offered(&mut fanout, &[2, 0]), (vec![2, 0], 0));
        fanout.detach(2);
        assert_eq!(offered(&mut fanout, &[2, 9]), (vec![], 0));
    }

    #[test]
    fn the_rest_are_those_that_were_not_passed_over() {
        let mut fanout = Fanout::default();
        (0..5).for_each(|link| fanout.attach(link));
        fanout.detach(0);
        fanout.set_room(1, false);
        fanout.begin();
        fanout.pass(3);
        fanout.offer_rest();
        assert_eq!(fanout.chosen(), (&[2, 4][..], 1));
    }

    #[test]
    fn the_message_number_may_wrap() {
        let mut fanout = Fanout::default();
        fanout.attach(0);
        assert_eq!(offered(&mut fanout, &[0]), (vec![0], 0));
        fanout.message = u32::MAX;
        assert_eq!(offered(&mut fanout, &[0, 0]), (vec![0], 0));
        assert_eq!(offered(&mut fanout, &[0, 0]), (vec![0], 0));
    }

    #[test]
    fn no_message_allocates_once_grown() {
        let mut fanout = Fanout::default();
        (0..32).for_each(|link| fanout.attach(link));
        let all: Vec<_> = (0..32).collect();
        offered(&mut fanout, &all);
        let before = fanout.chosen.as_ptr();
        offered(&mut fanout, &all);
        assert_eq!(fanout.chosen.as_ptr(), before);
    }
}
