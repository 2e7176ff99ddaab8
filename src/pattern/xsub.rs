//! SUB, and what XSUB will share with it: what was subscribed to, from all peers, fairly (RFC 29).

use std::collections::VecDeque;

use super::parts::fair::Fair;
use super::parts::filter::Filter;
use super::rules::{Capabilities, Rules};
use super::words::{Forward, LinkId, PatternSettings, Refusal};
use crate::message::Message;

#[derive(Debug, Default)]
pub(crate) struct Xsub {
    fair: Fair,
    filter: Filter,
}

impl Rules for Xsub {
    const CAN: Capabilities = Capabilities {
        receives: true,
        prefetches: true,
        connects_once: true,
        ..Capabilities::NONE
    };

    fn new(_: &PatternSettings) -> Xsub {
        Xsub::default()
    }

    fn detach(&mut self, link: LinkId) {
        self.fair.detach(link);
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
        if self.filter.matches(message.first()) {
            Ok(message)
        } else {
            Err(message)
        }
    }

    fn filter(&self, batch: &mut VecDeque<Message>) -> VecDeque<Message> {
        let wanted = |message: &Message| self.filter.matches(message.first());
        let mut unwanted = VecDeque::new();
        // As good as always: the publisher has filtered already.
        if batch.iter().all(wanted) {
            return unwanted;
        }
        for message in std::mem::take(batch) {
            if wanted(&message) {
                batch.push_back(message);
            } else {
                unwanted.push_back(message);
            }
        }
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
        Ok(if self.filter.remove(topic) {
            Forward::Upstream
        } else {
            Forward::Local
        })
    }

    fn for_each_subscription(&self, visit: impl FnMut(&[u8])) {
        self.filter.for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_go_upstream_and_only_the_last_cancellation_does() {
        let mut sub = Xsub::default();
        assert_eq!(sub.subscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.subscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Local));
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(sub.unsubscribe(b"a"), Ok(Forward::Local));
    }

    #[test]
    fn what_was_not_subscribed_to_is_discarded() {
        let mut sub = Xsub::default();
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
        let mut sub = Xsub::default();
        for topic in ["b", "a", "a"] {
            sub.subscribe(topic.as_bytes()).unwrap();
        }
        let mut topics = Vec::new();
        sub.for_each_subscription(|topic| topics.push(topic.to_vec()));
        topics.sort();
        assert_eq!(topics, [b"a", b"b"]);
    }
}
