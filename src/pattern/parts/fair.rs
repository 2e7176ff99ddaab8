//! Receiving in turn: fair queueing over the links that have something to read.

use super::links::Rotation;
use crate::pattern::types::LinkId;

/// RFC 28 to 31 (incoming messages of PULL, SUB, REQ, REP): one whole message from each peer that
/// has one, in turn, so that a loud peer cannot starve a quiet one.
#[derive(Debug, Default)]
pub(crate) struct Fair {
    readable: Rotation,
}

impl Fair {
    #[inline]
    pub(crate) fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.readable.set(link, readable);
    }

    pub(crate) fn detach(&mut self, link: LinkId) {
        self.readable.set(link, false);
    }

    #[inline]
    pub(crate) fn is_readable(&self, link: LinkId) -> bool {
        self.readable.contains(link)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.readable.is_empty()
    }

    /// Whose turn it is to be read; it stays readable, but its turn is spent.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<LinkId> {
        self.readable.next()
    }

    /// The turn that `next` gave to `link` was not used: it is the link's again.
    #[inline]
    pub(crate) fn return_turn(&mut self, link: LinkId) {
        self.readable.return_turn(link);
    }

    /// Whether no link but this one can be read. Asking spends no turn.
    #[inline]
    pub(crate) fn is_alone(&self, link: LinkId) -> bool {
        self.readable.is_only(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_loud_link_does_not_starve_a_quiet_one() {
        let mut fair = Fair::default();
        fair.set_readable(0, true);
        assert_eq!(fair.next(), Some(0));
        assert_eq!(fair.next(), Some(0));
        fair.set_readable(7, true);
        assert_eq!(fair.next(), Some(7));
        fair.set_readable(7, false);
        assert_eq!(fair.next(), Some(0));
        fair.detach(0);
        assert_eq!(fair.next(), None);
        assert!(fair.is_empty());
    }

    proptest! {
        /// No link is served twice while another, readable all along, is not served at all.
        #[test]
        fn no_link_is_passed_over(lengths in prop::collection::vec(0..20usize, 1..20)) {
            let mut fair = Fair::default();
            let mut left: BTreeMap<usize, usize> = lengths.into_iter().enumerate().collect();
            left.retain(|_, length| *length > 0);
            left.keys().for_each(|link| fair.set_readable(*link, true));
            while !left.is_empty() {
                let mut round: Vec<_> = left.keys().copied().collect();
                while !round.is_empty() {
                    let link = fair.next().unwrap();
                    prop_assert!(round.contains(&link));
                    round.retain(|other| *other != link);
                    let length = left.get_mut(&link).unwrap();
                    *length -= 1;
                    if *length == 0 {
                        left.remove(&link);
                        fair.set_readable(link, false);
                    }
                }
            }
            prop_assert_eq!(fair.next(), None);
        }
    }
}
