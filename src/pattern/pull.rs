//! PULL: from all peers, fairly (RFC 30, "The PULL Socket Type").

use super::capabilities::Capabilities;
use super::parts::fair::Fair;
use super::rules::Rules;
use super::types::{LinkId, PatternSettings};

#[derive(Debug, Default)]
pub(crate) struct Pull {
    fair: Fair,
}

impl Rules for Pull {
    const CAN: Capabilities = Capabilities {
        receives: true,
        prefetches: true,
        ..Capabilities::NONE
    };

    fn new(_: &PatternSettings) -> Pull {
        Pull::default()
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
}

#[cfg(test)]
mod tests {
    use super::super::model::Links;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_turns() {
        let mut pull = Pull::default();
        pull.set_readable(0, true);
        pull.set_readable(1, true);
        assert_eq!(
            [pull.next(), pull.next(), pull.next()],
            [Some(0), Some(1), Some(0)]
        );
        pull.detach(1);
        assert_eq!(pull.next(), Some(0));
    }

    proptest! {
        /// Every receive is from the next link that has something, whatever links come and go, and a turn that
        /// is returned is had again.
        #[test]
        fn receives_like_a_list_of_links(
            steps in prop::collection::vec((0..9u8, 0..140usize), 0..400)
        ) {
            let mut pull = Pull::default();
            let mut links = Links::default();
            let mut received = None;
            for (step, link) in steps {
                if links.happens(&mut pull, step, link) {
                    continue;
                }
                let readable = links.iter().filter(|(_, known)| known.readable).count();
                let wanted = links.in_turn(&mut received, |known| known.readable);
                prop_assert_eq!(pull.next(), wanted);
                if let Some(link) = wanted {
                    prop_assert_eq!(pull.is_alone(link), readable == 1);
                    if step == 6 {
                        pull.return_turn(link);
                        prop_assert_eq!(pull.next(), Some(link));
                    }
                }
            }
        }
    }
}
