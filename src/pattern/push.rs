//! PUSH: each message to one peer, in turn (RFC 30, "The PUSH Socket Type").

use super::parts::balance::Balance;
use super::words::{LinkId, Route};

#[derive(Debug, Default)]
pub(crate) struct Push {
    balance: Balance,
}

impl Push {
    pub(crate) fn attach(&mut self, link: LinkId) {
        self.balance.attach(link);
    }

    pub(crate) fn detach(&mut self, link: LinkId) {
        self.balance.detach(link);
    }

    #[inline]
    pub(crate) fn set_room(&mut self, link: LinkId, room: bool) {
        self.balance.set_room(link, room);
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.balance.has_room()
    }

    #[inline]
    pub(crate) fn route(&mut self) -> Route<'static> {
        self.balance.next().map_or(Route::Wait, Route::To)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_without_a_peer_with_room() {
        let mut push = Push::default();
        assert_eq!(push.route(), Route::Wait);
        push.attach(0);
        push.attach(1);
        push.set_room(0, false);
        assert_eq!(push.route(), Route::To(1));
        assert_eq!(push.route(), Route::To(1));
        push.detach(1);
        assert_eq!(push.route(), Route::Wait);
        assert!(!push.has_room());
    }
}
