//! PUSH: each message to one peer, in turn (RFC 30, "The PUSH Socket Type").

use super::parts::balance::Balance;
use super::rules::{Capabilities, Rules};
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
    use super::*;

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
}
