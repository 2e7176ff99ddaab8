//! Peers by routing id: which link an id means, and by which id a link's messages are known.

use std::collections::HashMap;

use bytes::Bytes;

use crate::pattern::types::LinkId;

/// The first byte of the ids that are made up here. RFC 28 ("The ROUTER Socket Type"): no peer may
/// choose one that starts with it.
const MADE_UP: u8 = 0;

/// The routing ids of a socket's links. An id means one link at most; a link has one id at most.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The links that messages can be sent to, by id. A link that is in here has that id in `ids`.
    links: HashMap<Bytes, LinkId>,
    /// By link: its id, also when that does not lead to it any more.
    ids: Vec<Option<Bytes>>,
    /// The number in the next id that is made up.
    next: u32,
}

impl Directory {
    /// Made-up ids count from `seed`.
    pub(crate) fn new(seed: u32) -> Directory {
        Directory {
            links: HashMap::new(),
            ids: Vec::new(),
            next: seed,
        }
    }

    /// The link that an id leads to.
    #[inline]
    pub(crate) fn find(&self, id: &[u8]) -> Option<LinkId> {
        self.links.get(id).copied()
    }

    /// The id of a link, whether it leads there or not.
    #[inline]
    pub(crate) fn id_of(&self, link: LinkId) -> Option<&Bytes> {
        self.ids.get(link)?.as_ref()
    }

    /// Gives a link an id, which leads to it from now on: not to the link that had it, which is
    /// returned, and no other id does.
    pub(crate) fn enter(&mut self, link: LinkId, id: Bytes) -> Option<LinkId> {
        self.strike(link);
        if self.ids.len() <= link {
            self.ids.resize(link + 1, None);
        }
        self.ids[link] = Some(id.clone());
        self.links.insert(id, link)
    }

    /// An id that leads to no link: a zero byte and a number (RFC 28: made up by the ROUTER).
    pub(crate) fn make_up(&mut self) -> Bytes {
        loop {
            let [a, b, c, d] = self.next.to_be_bytes();
            self.next = self.next.wrapping_add(1);
            let id = [MADE_UP, a, b, c, d];
            // There are more of them than a program has links.
            if !self.links.contains_key(&id[..]) {
                return Bytes::copy_from_slice(&id);
            }
        }
    }

    /// The id of a link leads there no longer, and may be another's; the link keeps it for what it
    /// still has to say. True if it led there.
    pub(crate) fn strike(&mut self, link: LinkId) -> bool {
        let Some(id) = self.ids.get(link).and_then(Option::as_ref) else {
            return false;
        };
        if self.links.get(id) != Some(&link) {
            return false;
        }
        self.links.remove(id);
        true
    }

    /// The link is no more. True if its id led to it.
    pub(crate) fn remove(&mut self, link: LinkId) -> bool {
        let led = self.strike(link);
        if let Some(id) = self.ids.get_mut(link) {
            *id = None;
        }
        led
    }
}

/// Whether an id is one that was made up, not chosen.
pub(crate) fn is_made_up(id: &[u8]) -> bool {
    id.first() == Some(&MADE_UP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn id(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[test]
    fn made_up_ids_are_a_zero_byte_and_a_number_that_counts_from_the_seed_and_wraps() {
        let mut directory = Directory::new(u32::MAX);
        assert_eq!(directory.make_up(), [0, 0xff, 0xff, 0xff, 0xff][..]);
        assert_eq!(directory.make_up(), [0; 5][..]);
        assert_eq!(directory.make_up(), [0, 0, 0, 0, 1][..]);
    }

    #[test]
    fn no_id_is_made_up_that_is_in_use() {
        let mut directory = Directory::new(7);
        let first = directory.make_up();
        directory.enter(0, first.clone());
        directory.next = 7;
        let second = directory.make_up();
        assert_ne!(first, second);
        assert!(is_made_up(&first) && is_made_up(&second) && !is_made_up(b"me"));
    }

    #[test]
    fn an_id_that_was_struck_is_anothers_and_still_known_of_the_first() {
        let mut directory = Directory::new(0);
        assert_eq!(directory.enter(3, id("a")), None);
        assert!(directory.strike(3));
        assert!(!directory.strike(3));
        assert_eq!(directory.find(b"a"), None);
        assert_eq!(directory.enter(4, id("a")), None);
        assert_eq!(directory.id_of(3), Some(&id("a")));
        assert!(!directory.remove(3));
        assert_eq!(directory.find(b"a"), Some(4));
        assert_eq!(directory.id_of(3), None);
    }

    proptest! {
        #[test]
        fn behaves_like_two_maps(
            steps in prop::collection::vec((0..3u8, 0..6usize, 0..4u8), 0..100)
        ) {
            let mut directory = Directory::new(0);
            let mut leads: BTreeMap<u8, usize> = BTreeMap::new();
            let mut known: BTreeMap<usize, u8> = BTreeMap::new();
            for (step, link, name) in steps {
                let led = known.get(&link).copied().filter(|old| leads.get(old) == Some(&link));
                match step {
                    0 => {
                        if let Some(old) = led {
                            leads.remove(&old);
                        }
                        let before = leads.insert(name, link);
                        known.insert(link, name);
                        prop_assert_eq!(directory.enter(link, vec![name].into()), before);
                    }
                    1 => {
                        prop_assert_eq!(directory.strike(link), led.is_some());
                        if let Some(old) = led {
                            leads.remove(&old);
                        }
                    }
                    _ => {
                        prop_assert_eq!(directory.remove(link), led.is_some());
                        if let Some(old) = led {
                            leads.remove(&old);
                        }
                        known.remove(&link);
                    }
                }
                for name in 0..4u8 {
                    prop_assert_eq!(directory.find(&[name]), leads.get(&name).copied());
                }
                for link in 0..6 {
                    let id = directory.id_of(link).map(|id| id[0]);
                    prop_assert_eq!(id, known.get(&link).copied());
                }
            }
        }
    }
}
