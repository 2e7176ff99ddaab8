//! A subscriber's own subscriptions: which messages it wants.

use super::radix::{Full, Radix};

/// The user's own topics, counted: a topic is wanted until it was taken back as often as asked for.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Topics to how often they were asked for.
    topics: Radix,
}

impl Filter {
    pub(crate) fn add(&mut self, topic: &[u8]) -> Result<(), Full> {
        let id = self.topics.insert(topic)?;
        let count = self.topics.value(id).saturating_add(1);
        self.topics.set_value(id, count);
        Ok(())
    }

    /// True when the topic is now no longer wanted; false when it still is, or never was.
    pub(crate) fn remove(&mut self, topic: &[u8]) -> bool {
        let Some(id) = self.topics.find(topic) else {
            return false;
        };
        let Some(count) = self.topics.value(id).checked_sub(1) else {
            return false;
        };
        self.topics.set_value(id, count);
        count == 0
    }

    /// Whether a message whose first frame is `text` is wanted.
    #[inline]
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let mut wanted = false;
        self.topics.prefixes(text, |_| {
            wanted = true;
            false
        });
        wanted
    }

    /// How many distinct topics are wanted.
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// Visits each distinct topic once.
    pub(crate) fn for_each(&self, visit: impl FnMut(&[u8])) {
        self.topics.for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_topic_is_wanted_until_the_last_of_it_is_taken_back() {
        let mut filter = Filter::default();
        filter.add(b"a").unwrap();
        filter.add(b"a").unwrap();
        assert!(!filter.remove(b"a"));
        assert!(filter.matches(b"abc"));
        assert!(filter.remove(b"a"));
        assert!(!filter.matches(b"abc"));
        assert!(!filter.remove(b"a"));
        assert!(!filter.remove(b"never"));
    }

    #[test]
    fn a_new_subscriber_wants_nothing_and_the_empty_topic_everything() {
        let mut filter = Filter::default();
        assert!(!filter.matches(b""));
        filter.add(b"").unwrap();
        assert!(filter.matches(b"") && filter.matches(b"x"));
    }

    proptest! {
        #[test]
        fn behaves_like_a_list(
            steps in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(0..3u8, 0..4)), 0..100)
        ) {
            let mut filter = Filter::default();
            let mut naive: Vec<Vec<u8>> = Vec::new();
            for (add, topic) in steps {
                if add {
                    filter.add(&topic).unwrap();
                    naive.push(topic.clone());
                } else {
                    let at = naive.iter().position(|other| *other == topic);
                    let gone = at.is_some_and(|at| {
                        naive.remove(at);
                        !naive.contains(&topic)
                    });
                    prop_assert_eq!(filter.remove(&topic), gone);
                }
                let wanted = naive.iter().any(|prefix| topic.starts_with(prefix));
                prop_assert_eq!(filter.matches(&topic), wanted);
            }
            let mut topics = Vec::new();
            filter.for_each(|topic| topics.push(topic.to_vec()));
            topics.sort();
            naive.sort();
            naive.dedup();
            prop_assert_eq!(topics, naive);
        }
    }
}
