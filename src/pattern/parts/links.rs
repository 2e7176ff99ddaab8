//! A set of links that knows its next member: the base of both round robins.

use crate::pattern::types::LinkId;

/// A set of links with O(1) insert, remove and, up to some thousands of links, O(1) successor.
///
/// A bit a link, and above them a bit a word: the successor of any link is found by looking at one
/// word of bits and then at the summary, of which one word covers 4096 links.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkSet {
    words: Vec<u64>,
    /// Bit `w` is set if and only if `words[w] != 0`.
    summary: Vec<u64>,
}

impl LinkSet {
    #[inline]
    pub(crate) fn contains(&self, link: LinkId) -> bool {
        self.words
            .get(link / 64)
            .is_some_and(|word| word >> (link % 64) & 1 == 1)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.summary.iter().all(|word| *word == 0)
    }

    #[inline]
    pub(crate) fn insert(&mut self, link: LinkId) {
        let word = link / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
            self.summary.resize(word / 64 + 1, 0);
        }
        self.words[word] |= 1 << (link % 64);
        self.summary[word / 64] |= 1 << (word % 64);
    }

    #[inline]
    pub(crate) fn remove(&mut self, link: LinkId) {
        let word = link / 64;
        if let Some(bits) = self.words.get_mut(word) {
            *bits &= !(1 << (link % 64));
            if *bits == 0 {
                self.summary[word / 64] &= !(1 << (word % 64));
            }
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, link: LinkId, member: bool) {
        if member {
            self.insert(link);
        } else {
            self.remove(link);
        }
    }

    /// The smallest member that is not below `start`.
    #[inline]
    pub(crate) fn first_from(&self, start: LinkId) -> Option<LinkId> {
        let word = start / 64;
        let here = self.words.get(word)? >> (start % 64);
        if here != 0 {
            return Some(start + here.trailing_zeros() as usize);
        }
        let word = first_bit(&self.summary, word + 1)?;
        let bits = self.words.get(word)?;
        Some(word * 64 + bits.trailing_zeros() as usize)
    }
}

/// The first set bit of `words` that is not below `start`.
fn first_bit(words: &[u64], start: usize) -> Option<usize> {
    let mut word = start / 64;
    let mut bits = words.get(word)? & (u64::MAX << (start % 64));
    while bits == 0 {
        word += 1;
        bits = *words.get(word)?;
    }
    Some(word * 64 + bits.trailing_zeros() as usize)
}

/// A set of links that are served in turn.
///
/// Turns go by rising id and then start over, so that a link which leaves the set and comes back
/// keeps its place in the rotation: no link can jump the queue by being full for a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rotation {
    links: LinkSet,
    /// The id from which the next turn is looked for.
    cursor: LinkId,
}

impl Rotation {
    #[inline]
    pub(crate) fn contains(&self, link: LinkId) -> bool {
        self.links.contains(link)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    #[inline]
    pub(crate) fn set(&mut self, link: LinkId, member: bool) {
        self.links.set(link, member);
    }

    /// The next member in turn; its turn is then spent.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<LinkId> {
        let link = self.from(self.cursor)?;
        self.cursor = link + 1;
        Some(link)
    }

    #[inline]
    fn from(&self, cursor: LinkId) -> Option<LinkId> {
        let links = &self.links;
        links.first_from(cursor).or_else(|| links.first_from(0))
    }

    /// The member that has its turn when `link` has had its own; with `None`, the one whose turn it
    /// is. Spends no turn.
    pub(crate) fn turn_after(&self, link: Option<LinkId>) -> Option<LinkId> {
        self.from(link.map_or(self.cursor, |link| link + 1))
    }

    /// Turns were taken without [`next`](Rotation::next), the last by `link`.
    pub(crate) fn had_turn(&mut self, link: LinkId) {
        self.cursor = link + 1;
    }

    /// Gives the turn of `link`, which [`next`](Rotation::next) has just said, back to it.
    #[inline]
    pub(crate) fn return_turn(&mut self, link: LinkId) {
        self.cursor = link;
    }

    /// Whether `link` is the only member. Spends no turn.
    #[inline]
    pub(crate) fn is_only(&self, link: LinkId) -> bool {
        self.links.first_from(0) == Some(link) && self.links.first_from(link + 1).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn successors_cross_words_and_summaries() {
        let mut set = LinkSet::default();
        for link in [0, 63, 64, 4095, 4096, 300_000] {
            set.insert(link);
        }
        assert_eq!(set.first_from(0), Some(0));
        assert_eq!(set.first_from(1), Some(63));
        assert_eq!(set.first_from(65), Some(4095));
        assert_eq!(set.first_from(4097), Some(300_000));
        assert_eq!(set.first_from(300_001), None);
        set.remove(4096);
        assert_eq!(set.first_from(4096), Some(300_000));
    }

    proptest! {
        #[test]
        fn behaves_like_an_ordered_set(
            steps in prop::collection::vec((any::<bool>(), 0..9000usize, 0..9000usize), 0..200)
        ) {
            let mut set = LinkSet::default();
            let mut naive = BTreeSet::new();
            for (insert, link, probe) in steps {
                set.set(link, insert);
                if insert { naive.insert(link); } else { naive.remove(&link); }
                prop_assert_eq!(set.contains(link), insert);
                prop_assert_eq!(set.is_empty(), naive.is_empty());
                prop_assert_eq!(set.first_from(probe), naive.range(probe..).next().copied());
            }
        }
    }
}
