//! PUB and XPUB: to every peer that wants the message (RFC 29). XPUB shows its application what peers
//! subscribe to, and lets it decide.

use super::capabilities::Capabilities;
use super::parts::fanout::Fanout;
use super::parts::links::LinkSet;
use super::parts::shown::Shown;
use super::parts::trie::Trie;
use super::rules::Rules;
use super::types::{Excess, LinkId, PatternSettings, Refusal, Route};
use crate::message::Message;

/// Topics of departed links that are forgotten in one go: about a quarter of a millisecond, for which the
/// publisher waits.
const SLICE: usize = 1024;

pub(crate) type Pub = Publisher<false>;
pub(crate) type Xpub = Publisher<true>;

/// `SHOWS`: an XPUB.
#[derive(Debug)]
pub(crate) struct Publisher<const SHOWS: bool> {
    no_drop: bool,
    /// Messages go to the subscribers that they do not match.
    invert: bool,
    /// Neither of the two: each message goes to the subscribers that it matches and that have room.
    plain: bool,
    /// Which links each message goes to.
    trie: Trie,
    fanout: Fanout,
    /// A message had to wait, and nothing has happened since that could let it pass.
    stuck: bool,
    /// What XPUB has more than PUB; `None` in a PUB.
    shown: Option<Box<Shown>>,
}

impl<const SHOWS: bool> Publisher<SHOWS> {
    /// The heap bytes that subscriptions hold.
    #[cfg(feature = "internals")]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.trie.heap_bytes()
    }

    /// Forgets what a link subscribed to. What that takes beyond one slice is left for
    /// `forget_departed`: a subscriber that leaves with a million topics holds up no sender.
    fn forget(&mut self, link: LinkId) {
        match self.shown.as_mut().map(|shown| shown.forget(link)) {
            Some(false) => self.trie.depart(link),
            Some(true) | None => self.trie.drop_link(link),
        }
        self.forget_departed();
        self.stuck = false;
    }

    fn set_where(&mut self, settings: &PatternSettings) {
        self.no_drop = settings.no_drop;
        self.invert = settings.invert_matching;
        self.plain = !self.no_drop && !self.invert;
    }

    /// [`route`](Rules::route) of an XPUB, and of a PUB that is not plain.
    #[inline(never)]
    fn route_otherwise(&mut self, topic: &[u8]) -> Route<'_> {
        self.fanout.begin();
        self.choose_otherwise(topic);
        if self.no_drop && self.fanout.chosen().1 > 0 {
            self.stuck = true;
            return Route::Wait;
        }
        if let Some(shown) = &mut self.shown {
            shown.routed();
        }
        self.send_to_chosen()
    }

    /// The links that get the message; those that are full lose it.
    #[inline]
    fn send_to_chosen(&mut self) -> Route<'_> {
        if self.fanout.chosen().1 > 0 {
            self.fanout.drop_for_full();
        }
        let (links, full) = self.fanout.chosen();
        Route::ToMany { links, full }
    }

    /// Chooses the links that a message goes to, where those are not simply the ones that it matches.
    fn choose_otherwise(&mut self, topic: &[u8]) {
        let only = self.shown.as_ref().and_then(|shown| shown.only());
        let fanout = &mut self.fanout;
        match only {
            Some(only) => {
                let mut matches = false;
                self.trie.matching(topic, |link| matches |= link == only);
                if matches != self.invert {
                    fanout.offer(only);
                }
            }
            None if self.invert => {
                self.trie.matching(topic, |link| fanout.pass(link));
                fanout.offer_rest();
            }
            None => self.trie.offer(topic, fanout),
        }
    }
}

impl<const SHOWS: bool> Rules for Publisher<SHOWS> {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: SHOWS,
        streams: true,
        publishes: true,
        connects_once: !SHOWS,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Self {
        let mut publisher = Publisher {
            no_drop: false,
            invert: false,
            plain: true,
            trie: Trie::default(),
            fanout: Fanout::default(),
            stuck: false,
            shown: SHOWS.then(|| Box::new(Shown::new(settings))),
        };
        publisher.set_where(settings);
        publisher
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.set_where(settings);
        self.stuck = false;
        if let Some(shown) = &mut self.shown {
            shown.configure(settings);
        }
    }

    fn attach(&mut self, link: LinkId) {
        self.fanout.attach(link);
    }

    /// Its subscriptions end now, although what it sent is still to be received.
    fn retire(&mut self, link: LinkId) {
        self.fanout.detach(link);
        self.forget(link);
    }

    fn write_closed(&mut self, link: LinkId) {
        self.retire(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.fanout.detach(link);
        if let Some(shown) = &mut self.shown {
            shown.detach(link);
        }
        self.forget(link);
    }

    fn connection_renewed(&mut self, link: LinkId) {
        self.forget(link);
    }

    fn has_departed(&self) -> bool {
        let shown = self.shown.as_ref();
        self.trie.has_departed() || shown.is_some_and(|shown| shown.has_departed())
    }

    fn forget_departed(&mut self) -> bool {
        let Some(shown) = &mut self.shown else {
            return self.trie.forget_departed(SLICE);
        };
        if !shown.is_manual() {
            return self
                .trie
                .tell_departed(SLICE, |_, topic, left| shown.left(topic, left));
        }
        let more = shown.tell_departed(SLICE);
        self.trie.forget_departed(SLICE) || more
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.fanout.set_room(link, room);
        if room {
            self.stuck = false;
        }
    }

    fn set_readable(&mut self, link: LinkId, readable: bool) {
        if let Some(shown) = &mut self.shown {
            shown.set_readable(link, readable);
        }
    }

    #[inline]
    fn has_room(&self) -> bool {
        !self.stuck
    }

    /// RFC 29: filtering is done here, at the publisher, by the first frame; a subscriber whose
    /// queue is full loses the message. With `no_drop` no subscriber gets it until all can.
    #[inline]
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        if SHOWS || !self.plain {
            return self.route_otherwise(message.first());
        }
        self.fanout.begin();
        self.trie.offer(message.first(), &mut self.fanout);
        self.send_to_chosen()
    }

    fn next(&mut self) -> Option<LinkId> {
        self.shown.as_mut()?.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        if let Some(shown) = &mut self.shown {
            shown.return_turn(link);
        }
    }

    fn incoming(&mut self, link: LinkId, message: Message) -> Result<Message, Message> {
        let Some(shown) = &mut self.shown else {
            return Err(message);
        };
        shown.received(link);
        Ok(message)
    }

    fn take_note(&mut self) -> Option<Message> {
        self.shown.as_mut()?.take_note()
    }

    fn has_note(&self) -> bool {
        let shown = self.shown.as_ref();
        shown.is_some_and(|shown| shown.has_note())
    }

    fn welcome_message(&self) -> Option<Message> {
        self.shown.as_ref()?.welcome()
    }

    fn handle_subscription(
        &mut self,
        link: LinkId,
        topic: &[u8],
        subscribe: bool,
    ) -> Result<(), Excess> {
        if !self.fanout.is_attached(link) {
            return Ok(());
        }
        if let Some(shown) = self.shown.as_mut().filter(|shown| shown.is_manual()) {
            return shown.asked(link, topic, subscribe);
        }
        if subscribe {
            let joined = self.trie.subscribe(link, topic)?;
            if let Some(shown) = &mut self.shown {
                shown.joined(topic, joined);
            }
        } else if let Some(left) = self.trie.unsubscribe(link, topic) {
            self.stuck = false;
            if let Some(shown) = &mut self.shown {
                shown.left(topic, left);
            }
        }
        Ok(())
    }

    /// RFC 29 has PUB discard what subscribers send, silently, but for the messages by which peers
    /// that speak ZMTP 3.0 subscribe.
    fn handle_upstream(&mut self, link: LinkId, message: &Message) -> Result<(), Excess> {
        match super::types::subscription_of(message) {
            Some((topic, subscribe)) => self.handle_subscription(link, topic, subscribe),
            None => Ok(()),
        }
    }

    fn answer_subscription(&mut self, topic: &[u8], subscribe: bool) -> Result<(), Refusal> {
        let link = self.answers()?;
        if !subscribe {
            self.trie.unsubscribe(link, topic);
            self.stuck = false;
            return Ok(());
        }
        // The only refusal is that the peer has a quarter of a gigabyte of topics already.
        let joined = self.trie.subscribe(link, topic);
        joined.map_err(|_| Refusal::Unsupported)?;
        if let Some(shown) = &mut self.shown {
            shown.answered();
        }
        Ok(())
    }

    fn for_each_subscriber(&self, topic: &[u8], mut visit: impl FnMut(LinkId)) {
        let mut matching = LinkSet::default();
        self.trie.matching(topic, |link| {
            matching.insert(link);
        });
        let attached = self.fanout.attached();
        attached
            .filter(|link| matching.contains(*link) != self.invert)
            .for_each(&mut visit);
    }

    fn answers(&self) -> Result<LinkId, Refusal> {
        let link = self.shown.as_ref().ok_or(Refusal::Unsupported)?.answers()?;
        let is_there = self.fanout.is_attached(link);
        is_there.then_some(link).ok_or(Refusal::PeerGone)
    }

    /// It was the message that `manual_last_value` keeps for the peer alone.
    fn answered_by_message(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.routed();
        }
    }

    fn dropped(&self, link: LinkId) -> u64 {
        self.fanout.dropped(link)
    }

    fn topics(&self) -> usize {
        self.trie.topics()
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts::shown::NOTES_IN_A_ROW;
    use super::super::types::{CANCEL, MAX_TOPIC, SUBSCRIBE};
    use super::*;

    fn with_subscribers(no_drop: bool) -> Pub {
        let mut publisher = Pub::new(&PatternSettings {
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
        assert_eq!([0, 1].map(|link| publisher.dropped(link)), [1, 0]);
    }

    #[test]
    fn no_drop_is_all_or_nothing() {
        let mut publisher = with_subscribers(true);
        publisher.set_room(1, false);
        assert_eq!(publisher.route(&mut "ac".into()), many(&[0], 0));
        assert!(publisher.has_room());
        assert_eq!(publisher.route(&mut "abc".into()), Route::Wait);
        assert!(!publisher.has_room());
        assert_eq!(publisher.dropped(1), 0);
        publisher.set_room(1, true);
        assert!(publisher.has_room());
        assert_eq!(publisher.route(&mut "abc".into()), many(&[0, 1], 0));
    }

    #[test]
    fn a_send_that_waits_goes_on_when_the_full_subscriber_leaves() {
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

    fn xpub(set: impl FnOnce(&mut PatternSettings)) -> Xpub {
        let mut settings = PatternSettings {
            notes: 1000,
            ..PatternSettings::default()
        };
        set(&mut settings);
        let mut publisher = Xpub::new(&settings);
        (0..3).for_each(|link| publisher.attach(link));
        publisher
    }

    fn told<const SHOWS: bool>(publisher: &mut Publisher<SHOWS>) -> Vec<String> {
        let notes = std::iter::from_fn(|| publisher.take_note());
        notes
            .map(|note| match note.first() {
                [SUBSCRIBE, topic @ ..] => format!("+{}", String::from_utf8_lossy(topic)),
                [CANCEL, topic @ ..] => format!("-{}", String::from_utf8_lossy(topic)),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// Links 0 and 1 subscribe, link 0 twice; both cancel; link 1 subscribes again and goes.
    fn come_and_go(publisher: &mut Xpub) {
        for link in [0, 0, 1] {
            publisher.handle_subscription(link, b"a", true).unwrap();
        }
        for link in [0, 1, 1] {
            publisher.handle_subscription(link, b"a", false).unwrap();
        }
        publisher.handle_subscription(1, b"a", true).unwrap();
        publisher.detach(1);
    }

    #[test]
    fn the_first_subscription_to_a_topic_and_the_end_of_the_last_are_told() {
        let mut publisher = xpub(|_| {});
        come_and_go(&mut publisher);
        assert_eq!(told(&mut publisher), ["+a", "-a", "+a", "-a"]);
        assert!(!publisher.has_note());
    }

    #[test]
    fn verbose_tells_every_subscription_and_verboser_every_end_too() {
        let mut publisher = xpub(|settings| settings.verbose = true);
        come_and_go(&mut publisher);
        let all = ["+a", "+a", "+a", "-a", "+a", "-a"];
        assert_eq!(told(&mut publisher), all);
        let mut publisher = xpub(|settings| settings.verboser = true);
        come_and_go(&mut publisher);
        let all = ["+a", "+a", "+a", "-a", "-a", "+a", "-a"];
        assert_eq!(told(&mut publisher), all);
    }

    #[test]
    fn a_peer_that_is_lost_ends_each_of_its_topics_before_its_messages_are_received() {
        let mut publisher = xpub(|_| {});
        for topic in ["a", "b"] {
            publisher
                .handle_subscription(0, topic.as_bytes(), true)
                .unwrap();
        }
        publisher.handle_subscription(1, b"b", true).unwrap();
        publisher.set_readable(0, true);
        assert_eq!(told(&mut publisher), ["+a", "+b"]);
        publisher.retire(0);
        assert_eq!(told(&mut publisher), ["-a"]);
        assert_eq!(publisher.next(), Some(0));
        publisher.detach(0);
        assert!(!publisher.has_note());
    }

    #[test]
    fn a_peer_with_more_topics_than_a_slice_is_told_off_slice_by_slice() {
        let mut publisher = xpub(|settings| settings.notes = 0);
        for n in 0..3 * SLICE as u32 {
            publisher
                .handle_subscription(0, &n.to_be_bytes(), true)
                .unwrap();
        }
        assert_eq!(told_count(&mut publisher), 3 * SLICE);
        publisher.detach(0);
        let mut ended = told_count(&mut publisher);
        assert_eq!(ended, SLICE);
        while publisher.forget_departed() {}
        ended += told_count(&mut publisher);
        assert_eq!((ended, publisher.topics()), (3 * SLICE, 0));
    }

    /// How many notes wait; more than go in a row.
    fn told_count(publisher: &mut Xpub) -> usize {
        let mut count = 0;
        while publisher.has_note() {
            count += usize::from(publisher.take_note().is_some());
        }
        count
    }

    #[test]
    fn messages_of_peers_have_their_turn_among_notes_without_end() {
        let mut publisher = xpub(|_| {});
        publisher.set_readable(1, true);
        for n in 0..500u32 {
            publisher
                .handle_subscription(0, &n.to_be_bytes(), true)
                .unwrap();
        }
        let in_a_row = std::iter::from_fn(|| publisher.take_note()).count();
        assert_eq!(in_a_row, NOTES_IN_A_ROW as usize);
        assert_eq!(publisher.next(), Some(1));
        assert!(publisher.incoming(1, "m".into()).is_ok());
        assert!(publisher.take_note().is_some());
    }

    #[test]
    fn by_hand_a_peer_gets_what_the_application_says() {
        let mut publisher = xpub(|settings| settings.manual = true);
        assert_eq!(
            publisher.answer_subscription(b"x", true),
            Err(Refusal::PeerGone)
        );
        publisher.handle_subscription(0, b"a", true).unwrap();
        publisher.handle_subscription(1, b"a", true).unwrap();
        assert_eq!(publisher.route(&mut "a".into()), many(&[], 0));
        assert_eq!(publisher.take_note().unwrap(), "\u{1}a");
        publisher.answer_subscription(b"xa", true).unwrap();
        assert_eq!(publisher.route(&mut "xa1".into()), many(&[0], 0));
        assert_eq!(publisher.take_note().unwrap(), "\u{1}a");
        publisher.answer_subscription(b"xa", true).unwrap();
        assert_eq!(publisher.route(&mut "xa1".into()), many(&[0, 1], 0));
        publisher.handle_subscription(0, b"a", false).unwrap();
        assert_eq!(publisher.take_note().unwrap(), "\u{0}a");
        publisher.answer_subscription(b"xa", false).unwrap();
        assert_eq!(publisher.route(&mut "xa1".into()), many(&[1], 0));
        // What a peer that goes had asked for is told; there is nobody left to answer.
        publisher.detach(1);
        assert_eq!(publisher.route(&mut "xa1".into()), many(&[], 0));
        assert_eq!(publisher.take_note().unwrap(), "\u{0}a");
        assert_eq!(
            publisher.answer_subscription(b"xa", true),
            Err(Refusal::PeerGone)
        );
    }

    #[test]
    fn an_answer_that_comes_too_late_is_not_given_to_the_next_peer_of_the_link() {
        let mut publisher = xpub(|settings| settings.manual = true);
        publisher.handle_subscription(0, b"a", true).unwrap();
        assert!(publisher.take_note().is_some());
        publisher.detach(0);
        publisher.attach(0);
        publisher.handle_subscription(0, b"b", true).unwrap();
        assert_eq!(
            publisher.answer_subscription(b"a", true),
            Err(Refusal::PeerGone)
        );
    }

    #[test]
    fn the_last_value_goes_to_the_new_subscriber_alone() {
        let mut publisher = xpub(|settings| settings.manual_last_value = true);
        for link in 0..2 {
            publisher.handle_subscription(link, b"a", true).unwrap();
            publisher.take_note().unwrap();
            publisher.answer_subscription(b"a", true).unwrap();
            assert_eq!(publisher.route(&mut "a last".into()), many(&[link], 0));
        }
        assert_eq!(publisher.route(&mut "a new".into()), many(&[0, 1], 0));
        // One that it did not subscribe to is not for it, nor for anybody else.
        publisher.answer_subscription(b"a", true).unwrap();
        assert_eq!(publisher.route(&mut "b".into()), many(&[], 0));
        assert_eq!(publisher.route(&mut "a new".into()), many(&[0, 1], 0));
    }

    #[test]
    fn subscribers_of_a_topic_are_those_that_a_message_would_go_to() {
        let visited = |publisher: &Pub, topic: &[u8]| {
            let mut links = Vec::new();
            publisher.for_each_subscriber(topic, |link| links.push(link));
            links
        };
        let mut publisher = with_subscribers(false);
        assert_eq!(visited(&publisher, b"abc"), [0, 1]);
        assert_eq!(visited(&publisher, b"a"), [0]);
        publisher.set_room(1, false);
        assert_eq!(visited(&publisher, b"ab"), [0, 1], "full, but there");
        publisher.invert = true;
        assert_eq!(visited(&publisher, b"ab"), [2]);
    }

    #[test]
    fn inverted_the_message_goes_to_those_it_does_not_match() {
        let settings = PatternSettings {
            invert_matching: true,
            ..PatternSettings::default()
        };
        let mut publisher = Pub::new(&settings);
        (0..3).for_each(|link| publisher.attach(link));
        publisher.handle_subscription(1, b"a", true).unwrap();
        publisher.set_room(2, false);
        assert_eq!(publisher.route(&mut "ab".into()), many(&[0], 1));
        assert_eq!(publisher.route(&mut "b".into()), many(&[0, 1], 1));
    }

    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::model::Links;

    proptest! {
        /// As long as every note is kept, the notes are those of libzmq's rules, which the naive model
        /// states; and with any bound a reader that has read all knows which topics are held.
        #[test]
        fn notes_are_those_of_a_naive_publisher(
            bound in prop::sample::select(vec![0usize, 2, 1000]),
            mode in 0..3u8,
            steps in prop::collection::vec((0..8u8, 0..3usize, 0..4u8), 0..200)
        ) {
            let mut publisher = xpub(|settings| {
                settings.notes = bound;
                settings.verbose = mode == 1;
                settings.verboser = mode == 2;
            });
            let mut held: BTreeSet<(usize, u8)> = BTreeSet::new();
            let (mut expected, mut seen) = (Vec::new(), Vec::new());
            let read = |publisher: &mut Xpub, seen: &mut Vec<(bool, u8)>| {
                while publisher.has_note() {
                    if let Some(note) = publisher.take_note() {
                        seen.push((note.first()[0] == SUBSCRIBE, note.first()[1]));
                    }
                }
            };
            for (step, link, topic) in steps {
                let others = |held: &BTreeSet<(usize, u8)>| held.iter().any(|it| it.1 == topic);
                match step {
                    0..=3 => {
                        publisher.handle_subscription(link, &[topic], true).unwrap();
                        let first = !others(&held);
                        held.insert((link, topic));
                        if first || mode > 0 { expected.push((true, topic)); }
                    }
                    4 | 5 => {
                        publisher.handle_subscription(link, &[topic], false).unwrap();
                        if held.remove(&(link, topic)) && (!others(&held) || mode == 2) {
                            expected.push((false, topic));
                        }
                    }
                    6 => {
                        publisher.detach(link);
                        publisher.attach(link);
                        // In no order that means anything.
                        let gone: Vec<u8> = held.iter().filter(|it| it.0 == link).map(|it| it.1).collect();
                        held.retain(|it| it.0 != link);
                        for topic in gone {
                            if mode == 2 || !held.iter().any(|it| it.1 == topic) {
                                expected.push((false, topic));
                            }
                        }
                    }
                    _ => read(&mut publisher, &mut seen),
                }
            }
            while publisher.forget_departed() {}
            read(&mut publisher, &mut seen);
            let by_topic = |notes: &[(bool, u8)], topic: u8| -> Vec<bool> {
                notes.iter().filter(|it| it.1 == topic).map(|it| it.0).collect()
            };
            for topic in 0..4 {
                let told = by_topic(&seen, topic);
                if bound == 1000 {
                    prop_assert_eq!(&told, &by_topic(&expected, topic));
                }
                let is = held.iter().filter(|it| it.1 == topic).count();
                if mode < 2 {
                    prop_assert_eq!(told.last().copied().unwrap_or(false), is > 0);
                }
            }
            prop_assert_eq!(publisher.topics(), held.iter().map(|it| it.1).collect::<BTreeSet<_>>().len());
        }

        /// A message goes to each link that holds a prefix of it (inverted: to each that holds none), once, and
        /// is lost for those without room; or to none of them and waits, if nothing may be lost.
        #[test]
        fn routes_like_a_list_of_subscriptions(
            no_drop in any::<bool>(),
            invert_matching in any::<bool>(),
            steps in prop::collection::vec(
                (0..11u8, 0..70usize, prop::collection::vec(0..3u8, 0..4)), 0..200)
        ) {
            let mut publisher = Pub::new(&PatternSettings {
                no_drop,
                invert_matching,
                ..PatternSettings::default()
            });
            let mut links = Links::default();
            let mut held: BTreeSet<(LinkId, Vec<u8>)> = BTreeSet::new();
            let mut lost: BTreeMap<LinkId, u64> = BTreeMap::new();
            for (step, link, bytes) in steps {
                let there = links.get(link).is_some();
                match step {
                    1 if there => {
                        links.happens(&mut publisher, step, link);
                        held.retain(|it| it.0 != link);
                        lost.remove(&link);
                    }
                    _ if links.happens(&mut publisher, step, link) => {}
                    6 | 7 if there => {
                        publisher.handle_subscription(link, &bytes, true).unwrap();
                        held.insert((link, bytes));
                    }
                    8 if there => {
                        publisher.handle_subscription(link, &bytes, false).unwrap();
                        held.remove(&(link, bytes));
                    }
                    9 if there => {
                        publisher.connection_renewed(link);
                        held.retain(|it| it.0 != link);
                    }
                    10 => {
                        let matches = |link: LinkId| {
                            held.iter().any(|(of, topic)| *of == link && bytes.starts_with(topic))
                        };
                        let (room, full): (Vec<_>, Vec<_>) = links
                            .iter()
                            .filter(|(link, _)| matches(*link) != invert_matching)
                            .partition(|(_, known)| known.room);
                        let message = Message::from([&bytes[..], b"body"]);
                        match publisher.route(&mut message.clone()) {
                            Route::Wait => prop_assert!(no_drop && !full.is_empty()),
                            Route::ToMany { links, full: count } => {
                                prop_assert!(!no_drop || full.is_empty());
                                let mut chosen = links.to_vec();
                                chosen.sort_unstable();
                                let room: Vec<_> = room.iter().map(|(link, _)| *link).collect();
                                prop_assert_eq!((chosen, count), (room, full.len()));
                                for (link, _) in full {
                                    *lost.entry(link).or_default() += 1;
                                }
                            }
                            other => prop_assert!(false, "{:?}", other),
                        }
                    }
                    _ => {}
                }
                for (link, _) in links.iter() {
                    prop_assert_eq!(publisher.dropped(link), lost.get(&link).copied().unwrap_or(0));
                }
            }
            while publisher.forget_departed() {}
            prop_assert_eq!(publisher.topics(), held.iter().map(|it| &it.1).collect::<BTreeSet<_>>().len());
        }
    }
}
