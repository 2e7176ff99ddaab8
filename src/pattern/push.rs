//! PUSH: each message to one peer, in turn (RFC 30, "The PUSH Socket Type").

use super::capabilities::Capabilities;
use super::parts::balance::Balance;
use super::rules::Rules;
use super::types::{LinkId, PatternSettings, Route};
use crate::message::Message;

#[derive(Debug, Default)]
pub(crate) struct Push {
    balance: Balance,
}

impl Rules for Push {
    const CAN: Capabilities = Capabilities {
        sends: true,
        balances: true,
        streams: true,
        ..Capabilities::NONE
    };

    fn new(_: &PatternSettings) -> Push {
        Push::default()
    }

    fn attach(&mut self, link: LinkId) {
        self.balance.attach(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.balance.detach(link);
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.balance.set_room(link, room);
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.balance.has_room()
    }

    #[inline]
    fn route(&mut self, _: &mut Message) -> Route<'_> {
        self.balance.next().map_or(Route::Wait, Route::To)
    }

    fn turn_after(&self, link: Option<LinkId>) -> Option<LinkId> {
        self.balance.turn_after(link)
    }

    fn had_turn(&mut self, link: LinkId) {
        self.balance.had_turn(link);
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Links;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_without_a_peer_with_room() {
        let mut push = Push::default();
        assert_eq!(push.route(&mut "m".into()), Route::Wait);
        push.attach(0);
        push.attach(1);
        push.set_room(0, false);
        assert_eq!(push.route(&mut "m".into()), Route::To(1));
        assert_eq!(push.route(&mut "m".into()), Route::To(1));
        push.detach(1);
        assert_eq!(push.route(&mut "m".into()), Route::Wait);
        assert!(!push.has_room());
    }

    proptest! {
        /// Every message goes to the next link that has room, whatever links come and go, and messages that went
        /// round the pattern count as turns.
        #[test]
        fn routes_like_a_list_of_links(
            steps in prop::collection::vec((0..9u8, 0..140usize), 0..400)
        ) {
            let mut push = Push::default();
            let mut links = Links::default();
            let mut sent = None;
            for (step, link) in steps {
                if links.happens(&mut push, step, link) {
                    continue;
                }
                prop_assert_eq!(push.turn_after(None), links.in_turn(&mut sent.clone(), |known| known.room));
                let wanted = links.in_turn(&mut sent, |known| known.room);
                prop_assert_eq!(push.has_room(), wanted.is_some());
                match (step, wanted) {
                    (6, Some(link)) => {
                        push.had_turn(link);
                        let mut after = sent;
                        let after = links.in_turn(&mut after, |known| known.room);
                        prop_assert_eq!(push.turn_after(Some(link)), after);
                    }
                    _ => prop_assert_eq!(
                        push.route(&mut "m".into()),
                        wanted.map_or(Route::Wait, Route::To)
                    ),
                }
            }
        }
    }
}
