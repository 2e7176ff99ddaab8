//! DEALER: each message to one peer, in turn, and from all peers, fairly (RFC 28, "The DEALER Socket
//! Type").

use super::capabilities::Capabilities;
use super::parts::balance::Balance;
use super::parts::fair::Fair;
use super::rules::Rules;
use super::types::{LinkId, PatternSettings, Route};
use crate::message::Message;

#[derive(Debug, Default)]
pub(crate) struct Dealer {
    probe: bool,
    balance: Balance,
    fair: Fair,
}

/// Both ways messages pass as they are: what lies before a delimiter is the user's.
impl Rules for Dealer {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        prefetches: true,
        balances: true,
        streams: true,
        connects_once: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Dealer {
        Dealer {
            probe: settings.probe_router,
            ..Dealer::default()
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.probe = settings.probe_router;
    }

    fn probe(&self) -> bool {
        self.probe
    }

    fn attach(&mut self, link: LinkId) {
        self.balance.attach(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.balance.detach(link);
        self.fair.detach(link);
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.balance.set_room(link, room);
    }

    #[inline]
    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
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

    #[inline]
    fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    #[inline]
    fn return_turn(&mut self, link: LinkId) {
        self.fair.return_turn(link);
    }

    #[inline]
    fn is_alone(&self, link: LinkId) -> bool {
        self.fair.is_alone(link)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Links;
    use super::*;
    use proptest::prelude::*;

    fn route(dealer: &mut Dealer) -> Option<LinkId> {
        let mut message = Message::from(["hop", "", "body"]);
        let link = match dealer.route(&mut message) {
            Route::To(link) => Some(link),
            Route::Wait => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            message,
            Message::from(["hop", "", "body"]),
            "it passes as it is"
        );
        link
    }

    #[test]
    fn sends_and_receives_in_any_order() {
        let mut dealer = Dealer::default();
        dealer.attach(0);
        assert_eq!([route(&mut dealer), route(&mut dealer)], [Some(0); 2]);
        assert_eq!(dealer.may_receive(), Ok(()));
        let message = Message::from(["", "a", ""]);
        assert_eq!(dealer.incoming(0, message.clone()), Ok(message));
        assert_eq!(dealer.may_receive(), Ok(()));
        assert!(dealer.has_room());
    }

    #[test]
    fn what_a_link_has_to_read_does_not_decide_what_it_is_sent() {
        let mut dealer = Dealer::default();
        dealer.attach(0);
        dealer.attach(1);
        dealer.set_room(0, false);
        dealer.set_readable(0, true);
        assert_eq!([route(&mut dealer), route(&mut dealer)], [Some(1); 2]);
        assert_eq!([dealer.next(), dealer.next()], [Some(0); 2]);
    }

    proptest! {
        /// Every message goes to the next link that has room, every receive to the next that has
        /// something, each round robin on its own, whatever links come and go in between.
        #[test]
        fn routes_like_a_list_of_links(
            steps in prop::collection::vec((0..10u8, 0..140usize), 0..400)
        ) {
            let mut dealer = Dealer::default();
            let mut links = Links::default();
            let (mut sent, mut received) = (None, None);
            for (step, link) in steps {
                match step {
                    _ if links.happens(&mut dealer, step, link) => {}
                    6 | 7 => {
                        let wanted = links.in_turn(&mut sent, |known| known.room);
                        prop_assert_eq!(dealer.has_room(), wanted.is_some());
                        prop_assert_eq!(route(&mut dealer), wanted);
                    }
                    8 => {
                        let wanted = links.in_turn(&mut received, |known| known.readable);
                        prop_assert_eq!(dealer.next(), wanted);
                    }
                    _ => {}
                }
            }
        }
    }
}
