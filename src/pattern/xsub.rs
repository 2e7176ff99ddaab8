//! SUB and XSUB: what was subscribed to, from all peers, fairly (RFC 29). XSUB sends as well: its
//! subscriptions, which the core takes out, and messages for all publishers.

use std::collections::VecDeque;

use super::capabilities::Capabilities;
use super::parts::fair::Fair;
use super::parts::fanout::Fanout;
use super::parts::filter::Filter;
use super::rules::Rules;
use super::types::{Forward, LinkId, PatternSettings, Refusal, Route};
use crate::message::Message;

pub(crate) type Sub = Subscriber<false>;
pub(crate) type Xsub = Subscriber<true>;

/// `SENDS`: an XSUB.
#[derive(Debug)]
pub(crate) struct Subscriber<const SENDS: bool> {
    fair: Fair,
    filter: Filter,
    /// What does not match is wanted.
    invert: bool,
    /// Every cancellation goes upstream.
    verbose_unsubscribe: bool,
    /// The publishers that are sent to; none in a SUB.
    upstream: Fanout,
}

impl<const SENDS: bool> Subscriber<SENDS> {
    #[inline]
    fn wants(&self, message: &Message) -> bool {
        self.filter.matches(message.first()) != self.invert
    }
}

impl<const SENDS: bool> Rules for Subscriber<SENDS> {
    const CAN: Capabilities = Capabilities {
        sends: SENDS,
        receives: true,
        prefetches: true,
        streams: SENDS,
        sends_subscriptions: SENDS,
        connects_once: !SENDS,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Self {
        Subscriber {
            fair: Fair::default(),
            filter: Filter::default(),
            invert: settings.invert_matching,
            verbose_unsubscribe: settings.verbose_unsubscribe,
            upstream: Fanout::default(),
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.invert = settings.invert_matching;
        self.verbose_unsubscribe = settings.verbose_unsubscribe;
    }

    fn attach(&mut self, link: LinkId) {
        if SENDS {
            self.upstream.attach(link);
        }
    }

    fn detach(&mut self, link: LinkId) {
        self.upstream.detach(link);
        self.fair.detach(link);
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.upstream.set_room(link, room);
    }

    /// A publisher that is full loses the message: sending never waits.
    #[inline]
    fn has_room(&self) -> bool {
        SENDS
    }

    /// To every publisher that has room.
    fn route(&mut self, _: &mut Message) -> Route<'_> {
        if !SENDS {
            return Route::Refused(Refusal::Unsupported);
        }
        self.upstream.begin();
        self.upstream.offer_rest();
        self.upstream.drop_for_full();
        let (links, full) = self.upstream.chosen();
        Route::ToMany { links, full }
    }

    #[inline]
    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
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

    /// The publisher filters; but what it sent before our cancellation reached it is still on its
    /// way, and several topics may have been one to a publisher of another make.
    #[inline]
    fn incoming(&mut self, _: LinkId, message: Message) -> Result<Message, Message> {
        if self.wants(&message) {
            Ok(message)
        } else {
            Err(message)
        }
    }

    fn filter(&self, batch: &mut VecDeque<Message>) -> VecDeque<Message> {
        let mut unwanted = VecDeque::new();
        // Nothing is moved while all are wanted, which is as good as always: the publisher has filtered.
        batch.retain_mut(|message| {
            let wanted = self.wants(message);
            if !wanted {
                unwanted.push_back(std::mem::take(message));
            }
            wanted
        });
        unwanted
    }

    /// Every subscription is sent upstream, also a repeated one, as other subscribers do: a
    /// publisher that shows them to its user may want to hear it again.
    fn subscribe(&mut self, topic: &[u8]) -> Result<Forward, Refusal> {
        // The only refusal is that 4 GiB of topics are held already.
        self.filter.add(topic).map_err(|_| Refusal::Unsupported)?;
        Ok(Forward::Upstream)
    }

    /// Only the last cancellation is sent upstream: publishers do not count.
    fn unsubscribe(&mut self, topic: &[u8]) -> Result<Forward, Refusal> {
        Ok(if self.filter.remove(topic) || self.verbose_unsubscribe {
            Forward::Upstream
        } else {
            Forward::Local
        })
    }

    fn for_each_subscription(&self, visit: impl FnMut(&[u8])) {
        self.filter.for_each(visit);
    }

    fn dropped(&self, link: LinkId) -> u64 {
        self.upstream.dropped(link)
    }

    fn topics(&self) -> usize {
        self.filter.topics()
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Links;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn duplicates_go_upstream_and_only_the_last_cancellation_does() {
        let mut sub = Sub::new(&PatternSettings::default());
        assert_eq!(sub.subscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.subscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Local));
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Local));
    }

    #[test]
    fn what_was_not_subscribed_to_is_discarded() {
        let mut sub = Sub::new(&PatternSettings::default());
        assert!(sub.incoming(0, "a".into()).is_err());
        sub.subscribe(b"a").unwrap();
        assert_eq!(sub.incoming(0, "ab".into()), Ok("ab".into()));
        assert!(sub.incoming(0, ["b", "ab"].into()).is_err());
        let mut batch = VecDeque::from(["a1", "b1", "a2", "c1"].map(Message::from));
        assert_eq!(sub.filter(&mut batch), ["b1", "c1"].map(Message::from));
        assert_eq!(batch, ["a1", "a2"].map(Message::from));
    }

    #[test]
    fn each_topic_is_told_to_a_new_link_once() {
        let mut sub = Sub::new(&PatternSettings::default());
        for topic in ["b", "a", "a"] {
            sub.subscribe(topic.as_bytes()).unwrap();
        }
        let mut topics = Vec::new();
        sub.for_each_subscription(|topic| topics.push(topic.to_vec()));
        topics.sort();
        assert_eq!(topics, [b"a", b"b"]);
    }

    #[test]
    fn xsub_sends_to_every_publisher_that_has_room() {
        let mut xsub = Xsub::new(&PatternSettings::default());
        (0..3).for_each(|link| xsub.attach(link));
        xsub.set_room(1, false);
        xsub.detach(0);
        let chosen = Route::ToMany {
            links: &[2],
            full: 1,
        };
        assert_eq!(xsub.route(&mut "up".into()), chosen);
        assert!(xsub.has_room());
        let mut sub = Sub::new(&PatternSettings::default());
        assert_eq!(
            sub.route(&mut "up".into()),
            Route::Refused(Refusal::Unsupported)
        );
    }

    #[test]
    fn inverted_a_subscriber_wants_what_it_did_not_subscribe_to() {
        let mut sub = Sub::new(&PatternSettings {
            invert_matching: true,
            ..PatternSettings::default()
        });
        sub.subscribe(b"a").unwrap();
        assert!(sub.incoming(0, "ab".into()).is_err());
        assert!(sub.incoming(0, "b".into()).is_ok());
    }

    #[test]
    fn verbosely_every_cancellation_goes_upstream() {
        let mut sub = Sub::new(&PatternSettings {
            verbose_unsubscribe: true,
            ..PatternSettings::default()
        });
        sub.subscribe(b"a").unwrap();
        sub.subscribe(b"a").unwrap();
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.topics(), 1);
        assert!(sub.incoming(0, "a".into()).is_ok());
    }

    proptest! {
        /// A message is wanted if it begins with one of the topics, each of which counts; publishers are told of
        /// every subscription and of the last cancellation; receives are in turn, and sends go to all with room.
        #[test]
        fn filters_like_a_list_of_topics(
            invert_matching in any::<bool>(),
            verbose_unsubscribe in any::<bool>(),
            steps in prop::collection::vec(
                (0..12u8, 0..70usize, prop::collection::vec(0..3u8, 0..4)), 0..300)
        ) {
            let mut xsub = Xsub::new(&PatternSettings {
                invert_matching,
                verbose_unsubscribe,
                ..PatternSettings::default()
            });
            let mut links = Links::default();
            let mut topics: Vec<Vec<u8>> = Vec::new();
            let mut received = None;
            for (step, link, bytes) in steps {
                match step {
                    _ if links.happens(&mut xsub, step, link) => {}
                    6 | 7 => {
                        prop_assert_eq!(xsub.subscribe(&bytes), Ok(Forward::Upstream));
                        topics.push(bytes);
                    }
                    8 => {
                        let at = topics.iter().position(|topic| *topic == bytes);
                        at.map(|at| topics.remove(at));
                        let last = at.is_some() && !topics.contains(&bytes);
                        let wanted = if last || verbose_unsubscribe { Forward::Upstream } else { Forward::Local };
                        prop_assert_eq!(xsub.unsubscribe(&bytes), Ok(wanted));
                    }
                    9 => {
                        let from = links.in_turn(&mut received, |known| known.readable);
                        prop_assert_eq!(xsub.next(), from);
                    }
                    10 => {
                        let (room, full): (Vec<_>, Vec<_>) = links.iter().partition(|(_, known)| known.room);
                        let room: Vec<_> = room.into_iter().map(|(link, _)| link).collect();
                        let Route::ToMany { links, full: count } = xsub.route(&mut "up".into()) else {
                            panic!("it goes to all")
                        };
                        let mut chosen = links.to_vec();
                        chosen.sort_unstable();
                        prop_assert_eq!((chosen, count), (room, full.len()));
                    }
                    _ => {
                        let matches = topics.iter().any(|topic| bytes.starts_with(topic));
                        let message = Message::from([&bytes[..], b"body"]);
                        prop_assert_eq!(xsub.incoming(link, message).is_ok(), matches != invert_matching);
                    }
                }
                let mut distinct = topics.clone();
                distinct.sort();
                distinct.dedup();
                prop_assert_eq!(xsub.topics(), distinct.len());
                let mut told = Vec::new();
                xsub.for_each_subscription(|topic| told.push(topic.to_vec()));
                told.sort();
                prop_assert_eq!(told, distinct);
            }
        }
    }
}
