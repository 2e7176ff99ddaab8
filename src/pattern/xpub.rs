//! PUB, and what XPUB will share with it: to every peer that wants the message (RFC 29).

use super::parts::fanout::Fanout;
use super::parts::trie::Trie;
use super::rules::{Capabilities, Rules};
use super::words::{Excess, LinkId, PatternSettings, Route};
use crate::message::Message;

/// The first byte of the message by which a peer that speaks ZMTP 3.0 subscribes (RFC 23).
const SUBSCRIBE: u8 = 1;
/// And by which it cancels.
const CANCEL: u8 = 0;

/// Topics of departed links that are forgotten in one go: about a quarter of a millisecond, for which the
/// publisher waits.
const SLICE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Xpub {
    no_drop: bool,
    trie: Trie,
    fanout: Fanout,
    /// A message had to wait, and nothing has happened since that could let it pass.
    stuck: bool,
}

impl Xpub {
    /// The heap bytes that subscriptions hold.
    #[cfg(feature = "internals")]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.trie.heap_bytes()
    }

    /// Forgets what a link subscribed to. What that takes beyond one slice is left for
    /// `forget_departed`: a subscriber that leaves with a million topics holds up nobody.
    fn forget(&mut self, link: LinkId) {
        self.trie.drop_link(link);
        self.trie.forget_departed(SLICE);
        self.stuck = false;
    }
}

impl Rules for Xpub {
    const CAN: Capabilities = Capabilities {
        sends: true,
        streams: true,
        publishes: true,
        connects_once: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Xpub {
        Xpub {
            no_drop: settings.no_drop,
            trie: Trie::default(),
            fanout: Fanout::default(),
            stuck: false,
        }
    }

    fn attach(&mut self, link: LinkId) {
        self.fanout.attach(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.fanout.detach(link);
        self.forget(link);
    }

    fn connection_renewed(&mut self, link: LinkId) {
        self.forget(link);
    }

    fn has_departed(&self) -> bool {
        self.trie.has_departed()
    }

    fn forget_departed(&mut self) -> bool {
        self.trie.forget_departed(SLICE)
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.fanout.set_room(link, room);
        if room {
            self.stuck = false;
        }
    }

    #[inline]
    fn has_room(&self) -> bool {
        !self.stuck
    }

    /// RFC 29: filtering is done here, at the publisher, by the first frame; a subscriber whose
    /// queue is full loses the message. With `no_drop` nobody gets it until all can.
    #[inline]
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let fanout = &mut self.fanout;
        fanout.begin();
        self.trie
            .matching(message.first(), |link| fanout.offer(link));
        let (links, full) = fanout.chosen();
        if self.no_drop && full > 0 {
            self.stuck = true;
            return Route::Wait;
        }
        Route::ToMany { links, full }
    }

    fn handle_subscription(
        &mut self,
        link: LinkId,
        topic: &[u8],
        subscribe: bool,
    ) -> Result<(), Excess> {
        if subscribe {
            if self.fanout.is_attached(link) {
                self.trie.subscribe(link, topic)?;
            }
        } else if self.trie.unsubscribe(link, topic) {
            self.stuck = false;
        }
        Ok(())
    }

    /// RFC 29 has PUB discard what subscribers send, silently, but for the messages by which peers
    /// that speak ZMTP 3.0 subscribe.
    fn handle_upstream(&mut self, link: LinkId, message: &Message) -> Result<(), Excess> {
        if message.len() != 1 {
            return Ok(());
        }
        match message.first() {
            [SUBSCRIBE, topic @ ..] => self.handle_subscription(link, topic, true),
            [CANCEL, topic @ ..] => self.handle_subscription(link, topic, false),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::MAX_TOPIC;
    use super::*;

    fn with_subscribers(no_drop: bool) -> Xpub {
        let mut publisher = Xpub::new(&PatternSettings {
            no_drop,
            ..PatternSettings::default()
        });
        for link in 0..3 {
            publisher.attach(link);
        }
        publisher.handle_subscription(0, b"a", true).unwrap();
        publisher.handle_subscription(0, b"ab", true).unwrap();
        publisher.handle_subscription(1, b"ab", true).unwrap();
        publisher
    }

    fn many(links: &[LinkId], full: usize) -> Route<'_> {
        Route::ToMany { links, full }
    }

    #[test]
    fn each_matching_link_gets_one_copy() {
        let mut publisher = with_subscribers(false);
        assert_eq!(publisher.route(&mut "abc".into()), many(&[0, 1], 0));
        assert_eq!(publisher.route(&mut "ac".into()), many(&[0], 0));
        assert_eq!(publisher.route(&mut "b".into()), many(&[], 0));
    }

    #[test]
    fn only_the_first_frame_is_matched() {
        let mut publisher = with_subscribers(false);
        assert_eq!(publisher.route(&mut ["x", "abc"].into()), many(&[], 0));
        assert_eq!(publisher.route(&mut ["ab", "x"].into()), many(&[0, 1], 0));
    }

    #[test]
    fn a_full_subscriber_loses_the_message() {
        let mut publisher = with_subscribers(false);
        publisher.set_room(0, false);
        assert_eq!(publisher.route(&mut "abc".into()), many(&[1], 1));
        assert!(publisher.has_room());
    }

    #[test]
    fn no_drop_is_all_or_nothing() {
        let mut publisher = with_subscribers(true);
        publisher.set_room(1, false);
        assert_eq!(publisher.route(&mut "ac".into()), many(&[0], 0));
        assert!(publisher.has_room());
        assert_eq!(publisher.route(&mut "abc".into()), Route::Wait);
        assert!(!publisher.has_room());
        publisher.set_room(1, true);
        assert!(publisher.has_room());
        assert_eq!(publisher.route(&mut "abc".into()), many(&[0, 1], 0));
    }

    #[test]
    fn whoever_waits_is_let_go_when_the_full_one_leaves() {
        let mut publisher = with_subscribers(true);
        publisher.set_room(1, false);
        assert_eq!(publisher.route(&mut "abc".into()), Route::Wait);
        publisher.detach(1);
        assert!(publisher.has_room());
        assert_eq!(publisher.route(&mut "abc".into()), many(&[0], 0));
    }

    #[test]
    fn a_reused_link_has_no_subscriptions() {
        let mut publisher = with_subscribers(false);
        publisher.detach(0);
        publisher.handle_subscription(0, b"late", true).unwrap();
        publisher.attach(0);
        assert_eq!(publisher.route(&mut "abc".into()), many(&[1], 0));
        assert_eq!(publisher.route(&mut "late".into()), many(&[], 0));
    }

    #[test]
    fn messages_that_mean_subscriptions_are_applied_and_others_discarded() {
        let mut publisher = with_subscribers(false);
        publisher.handle_upstream(2, &"\u{1}zz".into()).unwrap();
        for noise in ["", "\u{2}ab", "text"] {
            publisher.handle_upstream(2, &noise.into()).unwrap();
        }
        publisher
            .handle_upstream(2, &["\u{1}q", "more"].into())
            .unwrap();
        assert_eq!(publisher.route(&mut "zzz".into()), many(&[2], 0));
        assert_eq!(publisher.route(&mut "q".into()), many(&[], 0));
        publisher.handle_upstream(2, &"\u{0}zz".into()).unwrap();
        assert_eq!(publisher.route(&mut "zzz".into()), many(&[], 0));
    }

    #[test]
    fn an_endless_topic_is_an_excess() {
        let mut publisher = with_subscribers(false);
        let mut body = vec![SUBSCRIBE];
        body.resize(MAX_TOPIC + 2, b'x');
        assert_eq!(
            publisher.handle_upstream(2, &body.into()),
            Err(Excess::TopicTooLong)
        );
    }
}
