//! DISH: what was sent to the groups that it is in, from all peers, fairly (RFC 48).

use std::collections::{BTreeSet, VecDeque};

use super::capabilities::Capabilities;
use super::parts::fair::Fair;
use super::rules::Rules;
use super::types::{Forward, LinkId, PatternSettings, Refusal};
use crate::message::Message;

#[derive(Debug, Default)]
pub(crate) struct Dish {
    fair: Fair,
    /// At most 255 bytes each.
    groups: BTreeSet<Vec<u8>>,
}

impl Dish {
    /// Puts the group of a message in its place. False: it is of no group that this socket is in.
    fn take(&self, message: &mut Message) -> bool {
        let group = message.group_or_first();
        group.is_some_and(|group| self.groups.contains(group)) && message.take_group()
    }
}

impl Rules for Dish {
    const CAN: Capabilities = Capabilities {
        receives: true,
        prefetches: true,
        groups: true,
        udp: true,
        ..Capabilities::NONE
    };

    fn new(_: &PatternSettings) -> Dish {
        Dish::default()
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

    /// The RADIO filters; but what it sent before it heard that a group was left is still on its way. What
    /// has not two frames, a group and a body (RFC 48), is discarded.
    fn incoming(&mut self, _: LinkId, mut message: Message) -> Result<Message, Message> {
        if self.take(&mut message) {
            Ok(message)
        } else {
            Err(message)
        }
    }

    fn filter(&self, batch: &mut VecDeque<Message>) -> VecDeque<Message> {
        let mut unwanted = VecDeque::new();
        batch.retain_mut(|message| {
            let wanted = self.take(message);
            if !wanted {
                unwanted.push_back(std::mem::take(message));
            }
            wanted
        });
        unwanted
    }

    fn subscribe(&mut self, group: &[u8]) -> Result<Forward, Refusal> {
        if self.groups.insert(group.to_vec()) {
            Ok(Forward::Upstream)
        } else {
            Err(Refusal::AlreadyJoined)
        }
    }

    fn unsubscribe(&mut self, group: &[u8]) -> Result<Forward, Refusal> {
        if self.groups.remove(group) {
            Ok(Forward::Upstream)
        } else {
            Err(Refusal::NotJoined)
        }
    }

    fn for_each_subscription(&self, mut visit: impl FnMut(&[u8])) {
        self.groups.iter().for_each(|group| visit(group));
    }

    fn topics(&self) -> usize {
        self.groups.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_group_is_joined_and_left_once() {
        let mut dish = Dish::default();
        assert_eq!(dish.unsubscribe(b"a"), Err(Refusal::NotJoined));
        assert_eq!(dish.subscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(dish.subscribe(b"a"), Err(Refusal::AlreadyJoined));
        assert_eq!(dish.unsubscribe(b"a"), Ok(Forward::Upstream));
        assert_eq!(dish.unsubscribe(b"a"), Err(Refusal::NotJoined));
    }

    #[test]
    fn what_has_not_a_group_and_one_body_is_discarded() {
        let mut dish = Dish::default();
        dish.subscribe(b"a").unwrap();
        assert!(dish.incoming(0, "a".into()).is_err());
        assert!(dish.incoming(0, ["a", "b", "c"].into()).is_err());
        let message = dish.incoming(0, ["a", "b"].into()).unwrap();
        assert_eq!(
            (message.group(), message.as_bytes()),
            (Some(&b"a"[..]), Ok(&b"b"[..]))
        );
    }

    proptest! {
        #[test]
        fn a_batch_is_filtered_as_its_messages_are(
            joined in prop::collection::btree_set(0..4u8, 0..4),
            sent in prop::collection::vec((0..4u8, 1..4usize), 0..40),
        ) {
            let mut dish = Dish::default();
            for group in &joined {
                prop_assert!(dish.subscribe(&[*group]).is_ok());
            }
            let messages: Vec<_> = sent
                .iter()
                .enumerate()
                .map(|(n, (group, frames))| {
                    let body = |frame| if frame == 0 { vec![*group] } else { vec![n as u8] };
                    (0..*frames).map(body).collect::<Message>()
                })
                .collect();
            let mut batch: VecDeque<_> = messages.clone().into();
            let unwanted = dish.filter(&mut batch);
            let is_wanted =
                |message: &Message| message.len() == 2 && joined.contains(&message[0][0]);
            let (wanted, rest): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_wanted);
            prop_assert_eq!(unwanted, rest);
            prop_assert_eq!(batch.len(), wanted.len());
            for (found, wanted) in batch.iter().zip(&wanted) {
                prop_assert_eq!(found.group(), wanted.get(0));
                prop_assert_eq!(found.as_bytes().ok(), wanted.get(1));
                let one = dish.incoming(0, wanted.clone()).unwrap();
                prop_assert_eq!((one.group(), &one), (found.group(), found));
            }
            // A second time nothing changes.
            let same = batch.clone();
            prop_assert!(dish.filter(&mut batch).is_empty());
            prop_assert_eq!(batch, same);
        }
    }
}
