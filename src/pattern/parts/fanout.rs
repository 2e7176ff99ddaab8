//! One message to many: which of the matching links have room.

use crate::pattern::types::LinkId;

/// Collects the links that want one message, each once, and tells those with room from those
/// without. Its vectors are reused: no message allocates once they have grown.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    links: Vec<Member>,
    /// How many links are attached and have no room.
    without_room: usize,
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
    standing: Standing,
    /// Messages that it wanted and did not get.
    dropped: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// It is not attached.
    #[default]
    Gone,
    Full,
    Room,
}

impl Fanout {
    pub(crate) fn attach(&mut self, link: LinkId) {
        if link >= self.links.len() {
            self.links.resize(link + 1, Member::default());
        }
        self.set_standing(link, Standing::Room);
        self.links[link].dropped = 0;
    }

    pub(crate) fn detach(&mut self, link: LinkId) {
        self.set_standing(link, Standing::Gone);
    }

    #[inline]
    pub(crate) fn set_room(&mut self, link: LinkId, room: bool) {
        if self.is_attached(link) {
            let standing = if room { Standing::Room } else { Standing::Full };
            self.set_standing(link, standing);
        }
    }

    #[inline]
    fn set_standing(&mut self, link: LinkId, standing: Standing) {
        if let Some(member) = self.links.get_mut(link) {
            let was = std::mem::replace(&mut member.standing, standing);
            self.without_room -= usize::from(was == Standing::Full);
            self.without_room += usize::from(standing == Standing::Full);
        }
    }

    /// The links that are there.
    pub(crate) fn attached(&self) -> impl Iterator<Item = LinkId> + '_ {
        (0..self.links.len()).filter(|link| self.is_attached(*link))
    }

    pub(crate) fn is_attached(&self, link: LinkId) -> bool {
        let member = self.links.get(link);
        member.is_some_and(|member| member.standing != Standing::Gone)
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
        let (chosen, full) = (&mut self.chosen, &mut self.full);
        choose(&mut self.links, self.message, link, chosen, full);
    }

    /// The same of several links, which are attached and of which none is named twice.
    #[inline(never)]
    pub(crate) fn offer_all(&mut self, links: &[u32]) {
        let (chosen, full) = (&mut self.chosen, &mut self.full);
        let (members, message) = (&mut self.links[..], self.message);
        if !chosen.is_empty() || self.without_room > 0 {
            for &link in links {
                choose(members, message, link as LinkId, chosen, full);
            }
            return;
        }
        // Most publications: the first topic that matches, and no peer is behind. None of them has to be
        // looked at.
        chosen.extend(links.iter().map(|&link| {
            let link = link as LinkId;
            if let Some(member) = members.get_mut(link) {
                member.seen = message;
            }
            link
        }));
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

/// Puts a link that wants a message where it belongs, unless it is there already.
#[inline]
fn choose(
    members: &mut [Member],
    message: u32,
    link: LinkId,
    chosen: &mut Vec<LinkId>,
    full: &mut Vec<LinkId>,
) {
    let Some(member) = members.get_mut(link) else {
        return;
    };
    if member.seen == message {
        return;
    }
    member.seen = message;
    if member.standing == Standing::Room {
        chosen.push(link);
    } else if member.standing == Standing::Full {
        full.push(link);
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
    fn several_at_once_are_chosen_as_one_by_one() {
        for full in [None, Some(1), Some(3)] {
            for before in [&[][..], &[2], &[4, 0]] {
                let mut fanout = Fanout::default();
                (0..5).for_each(|link| fanout.attach(link));
                fanout.detach(4);
                fanout.attach(4);
                if let Some(full) = full {
                    fanout.set_room(4, false);
                    fanout.set_room(full, false);
                    fanout.set_room(4, true);
                }
                let all: Vec<_> = before.iter().copied().chain(1..5).collect();
                let expected = offered(&mut fanout, &all);
                fanout.begin();
                before.iter().for_each(|link| fanout.offer(*link));
                fanout.offer_all(&[1, 2, 3, 4]);
                fanout.offer(3);
                let (chosen, full) = fanout.chosen();
                assert_eq!((chosen.to_vec(), full), expected);
            }
        }
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
