//! [`Conflater`]: has messages of one key replace each other in a queue.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::shares::Limits;
use crate::discard::discard_messages;
use crate::message::Message;
use crate::options::Conflate;

/// Entries whose memory a conflater keeps when its queue is empty: what a few dozen keys take.
const KEEP: usize = 64;

/// What of a queue is known by its keys, beside the queue itself: that may be emptied at its front by any
/// other hand meanwhile, which is noticed by its length.
///
/// A message that replaces another takes its place, so that a key which changes all the time gets to
/// the front, and keeps no other from getting there.
///
/// | Field | What holds after [`sync`](Conflater::sync) |
/// |---|---|
/// | `entries` | one for each message of the queue, in its order |
/// | `places` | the place of each key among all that ever were at the back: `first` is that of the front one |
/// | `bytes` | what the messages of the queue take in memory |
#[derive(Debug)]
pub(crate) struct Conflater {
    rule: Conflate,
    /// Zero: none.
    limits: Limits,
    entries: VecDeque<Entry>,
    places: HashMap<Bytes, u64>,
    first: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    /// A copy, because the message that it comes from may be replaced, and its body may be the user's.
    key: Bytes,
    bytes: usize,
}

/// Messages that had to go.
#[derive(Debug, Default)]
pub(crate) struct Displaced {
    /// For the caller to discard, without a lock.
    pub(crate) messages: VecDeque<Message>,
    /// What they take in memory.
    pub(crate) bytes: usize,
    /// How many of them were replaced by another of their key.
    pub(crate) replaced: u64,
    /// How many went at a mark.
    pub(crate) evicted: u64,
}

impl Displaced {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn add(&mut self, message: Message, bytes: usize) {
        self.messages.push_back(message);
        self.bytes += bytes;
    }
}

impl Conflater {
    /// `rule` is on. Limits of zero mean none.
    pub(crate) fn new(rule: Conflate, limits: Limits) -> Conflater {
        Conflater {
            rule,
            limits,
            entries: VecDeque::new(),
            places: HashMap::new(),
            // In the middle: messages are put to the front too.
            first: u64::MAX / 2,
            bytes: 0,
        }
    }

    /// `None`: the rule is to keep all messages.
    pub(crate) fn boxed(rule: Conflate, limits: Limits) -> Option<Box<Conflater>> {
        rule.is_on().then(|| Box::new(Conflater::new(rule, limits)))
    }

    /// Sets other limits; zero means none. What is there stays until the next message comes.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Messages were taken out at the front of the queue, of which this many are left.
    pub(crate) fn sync(&mut self, left: usize) {
        while self.entries.len() > left {
            let Some(entry) = self.entries.pop_front() else {
                return;
            };
            self.places.remove(&entry.key);
            self.bytes -= entry.bytes;
            self.first += 1;
        }
        if left == 0 {
            // Gives back what a burst of keys took.
            self.entries.shrink_to(KEEP);
            self.places.shrink_to(KEEP);
        }
    }

    /// Puts a message in the place of the one that has its key, or behind all others.
    pub(crate) fn put(
        &mut self,
        queue: &mut VecDeque<Message>,
        message: Message,
        displaced: &mut Displaced,
    ) {
        self.sync(queue.len());
        let bytes = message.memory();
        let key = self.rule.key(&message);
        if let Some(place) = self.places.get(key) {
            let at = (place - self.first) as usize;
            if let (Some(there), Some(entry)) = (queue.get_mut(at), self.entries.get_mut(at)) {
                let replaced = std::mem::replace(there, message);
                let was = std::mem::replace(&mut entry.bytes, bytes);
                self.bytes = self.bytes - was + bytes;
                displaced.add(replaced, was);
                displaced.replaced += 1;
            }
        } else {
            let key = Bytes::copy_from_slice(key);
            self.places
                .insert(key.clone(), self.first + self.entries.len() as u64);
            self.entries.push_back(Entry { key, bytes });
            self.bytes += bytes;
            queue.push_back(message);
        }
        self.evict(queue, displaced);
    }

    /// Puts a message that is older than all others before them, unless there is one of its key, which has
    /// replaced it.
    pub(crate) fn put_oldest(
        &mut self,
        queue: &mut VecDeque<Message>,
        message: Message,
        displaced: &mut Displaced,
    ) {
        self.sync(queue.len());
        let bytes = message.memory();
        let key = self.rule.key(&message);
        if self.places.contains_key(key) {
            displaced.add(message, bytes);
            displaced.replaced += 1;
            return;
        }
        let key = Bytes::copy_from_slice(key);
        self.first -= 1;
        self.places.insert(key.clone(), self.first);
        self.entries.push_front(Entry { key, bytes });
        self.bytes += bytes;
        queue.push_front(message);
        self.evict(queue, displaced);
    }

    /// Drops what waits longest until the marks are kept; a single message may exceed them.
    fn evict(&mut self, queue: &mut VecDeque<Message>, displaced: &mut Displaced) {
        let exceeds = |count: usize, most: usize| most != 0 && count > most;
        while queue.len() > 1
            && (exceeds(queue.len(), self.limits.0) || exceeds(self.bytes, self.limits.1))
        {
            let before = self.bytes;
            let Some(oldest) = queue.pop_front() else {
                return;
            };
            self.sync(queue.len());
            displaced.add(oldest, before - self.bytes);
            displaced.evicted += 1;
        }
    }
}

/// A queue that conflates, with what had to go and was not taken out yet.
#[derive(Debug)]
pub(crate) struct ConflatedQueue {
    conflater: Conflater,
    messages: VecDeque<Message>,
    displaced: Displaced,
}

impl ConflatedQueue {
    /// `None`: the rule is to keep all messages. Limits of zero mean none.
    pub(crate) fn new(rule: Conflate, limits: Limits) -> Option<Box<ConflatedQueue>> {
        rule.is_on().then(|| {
            Box::new(ConflatedQueue {
                conflater: Conflater::new(rule, limits),
                messages: VecDeque::new(),
                displaced: Displaced::default(),
            })
        })
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.conflater.set_limits(limits);
    }

    /// Puts a message in the place of the one that has its key, or behind all others.
    pub(crate) fn put(&mut self, message: Message) {
        let queue = &mut self.messages;
        self.conflater.put(queue, message, &mut self.displaced);
    }

    /// Puts a message that is older than all others before them, unless one of them has replaced it.
    pub(crate) fn put_oldest(&mut self, message: Message) {
        let queue = &mut self.messages;
        self.conflater
            .put_oldest(queue, message, &mut self.displaced);
    }

    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front();
        self.conflater.sync(self.messages.len());
        message
    }

    /// The next message, if it is not wanted.
    pub(crate) fn pop_unless(&mut self, wants: impl FnOnce(&Message) -> bool) -> Option<Message> {
        let wanted = wants(self.messages.front()?);
        if wanted {
            return None;
        }
        self.pop()
    }

    /// Takes all messages out.
    pub(crate) fn take(&mut self) -> VecDeque<Message> {
        let messages = std::mem::take(&mut self.messages);
        self.conflater.sync(0);
        messages
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What the messages take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.conflater.bytes
    }

    /// Takes out what had to go.
    pub(crate) fn take_displaced(&mut self) -> Displaced {
        std::mem::take(&mut self.displaced)
    }

    /// How many messages had to go and were not taken out, and what they take in memory.
    pub(crate) fn displaced(&self) -> (usize, usize) {
        (self.displaced.messages.len(), self.displaced.bytes)
    }
}

impl Drop for ConflatedQueue {
    fn drop(&mut self) {
        discard_messages(self.messages.drain(..));
        discard_messages(self.displaced.messages.drain(..));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a queue does that conflates, in the plainest words: it looks at every message.
    #[derive(Default)]
    struct Naive {
        queue: Vec<(Vec<u8>, u32)>,
        replaced: u64,
        evicted: u64,
    }

    impl Naive {
        fn put(&mut self, key: Vec<u8>, value: u32, most: usize) {
            match self.queue.iter_mut().find(|(there, _)| *there == key) {
                Some((_, there)) => {
                    *there = value;
                    self.replaced += 1;
                }
                None => self.queue.push((key, value)),
            }
            while self.queue.len() > most.max(1) {
                self.queue.remove(0);
                self.evicted += 1;
            }
        }

        fn put_oldest(&mut self, key: Vec<u8>, value: u32, most: usize) {
            if self.queue.iter().any(|(there, _)| *there == key) {
                self.replaced += 1;
                return;
            }
            self.queue.insert(0, (key, value));
            if self.queue.len() > most.max(1) {
                self.queue.remove(0);
                self.evicted += 1;
            }
        }
    }

    fn message(key: &str, value: u32) -> Message {
        Message::from([key.as_bytes(), &value.to_be_bytes()])
    }

    fn value_of(message: &Message) -> u32 {
        u32::from_be_bytes(message[1].try_into().unwrap())
    }

    proptest! {
        #[test]
        fn a_queue_that_conflates_is_a_list_without_two_of_a_key(
            steps in prop::collection::vec((0..8u8, "[ab]{0,3}"), 0..200),
            rule in prop_oneof![
                Just(Conflate::Last),
                Just(Conflate::ByFirstFrame),
                (1..3usize).prop_map(Conflate::ByPrefix),
            ],
            most in 1..8usize,
        ) {
            let mut conflater = Conflater::new(rule, (most, 0));
            let mut queue = VecDeque::new();
            let mut naive = Naive::default();
            let mut displaced = Displaced::default();
            for (value, (what, name)) in steps.into_iter().enumerate() {
                let value = value as u32;
                let message = message(&name, value);
                let key = rule.key(&message).to_vec();
                match what {
                    0 => {
                        let taken = queue.pop_front().map(|it| value_of(&it));
                        let expected = (!naive.queue.is_empty()).then(|| naive.queue.remove(0).1);
                        prop_assert_eq!(taken, expected);
                    }
                    1 => {
                        queue.clear();
                        naive.queue.clear();
                    }
                    2 => {
                        conflater.put_oldest(&mut queue, message, &mut displaced);
                        naive.put_oldest(key, value, most);
                    }
                    _ => {
                        conflater.put(&mut queue, message, &mut displaced);
                        naive.put(key, value, most);
                    }
                }
                let values: Vec<_> = queue.iter().map(value_of).collect();
                let expected: Vec<_> = naive.queue.iter().map(|(_, value)| *value).collect();
                prop_assert_eq!(values, expected);
                let bytes: usize = queue.iter().map(Message::memory).sum();
                conflater.sync(queue.len());
                prop_assert_eq!(conflater.bytes, bytes);
                prop_assert_eq!(conflater.places.len(), queue.len());
            }
            prop_assert_eq!(
                (displaced.replaced, displaced.evicted),
                (naive.replaced, naive.evicted)
            );
            let gone: usize = displaced.messages.iter().map(Message::memory).sum();
            prop_assert_eq!(displaced.bytes, gone);
            prop_assert_eq!(
                displaced.messages.len() as u64,
                displaced.replaced + displaced.evicted
            );
        }
    }

    #[test]
    fn a_key_that_changes_all_the_time_holds_up_no_other_and_gets_its_turn() {
        let mut conflater = Conflater::new(Conflate::ByFirstFrame, (0, 0));
        let mut queue = VecDeque::new();
        let mut displaced = Displaced::default();
        for value in 0..100 {
            conflater.put(&mut queue, message("busy", value), &mut displaced);
            if value == 50 {
                conflater.put(&mut queue, message("calm", value), &mut displaced);
            }
        }
        let got: Vec<_> = queue.iter().map(value_of).collect();
        assert_eq!(got, [99, 50]);
    }

    #[test]
    fn the_byte_mark_drops_what_waits_longest_and_one_message_always_fits() {
        let size = message("a", 0).memory();
        let mut conflater = Conflater::new(Conflate::ByFirstFrame, (0, 2 * size));
        let mut queue = VecDeque::new();
        let mut displaced = Displaced::default();
        for (value, key) in ["a", "b", "c"].into_iter().enumerate() {
            conflater.put(&mut queue, message(key, value as u32), &mut displaced);
        }
        assert_eq!(queue.iter().map(value_of).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((displaced.evicted, displaced.bytes), (1, size));
        let large = Message::from(["d".as_bytes(), &vec![7; 10 * size]]);
        conflater.put(&mut queue, large, &mut displaced);
        assert_eq!((queue.len(), displaced.evicted), (1, 3));
    }
}
