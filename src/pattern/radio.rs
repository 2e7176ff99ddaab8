//! RADIO: to every DISH that is in the message's group (RFC 48).

use std::net::SocketAddr;

use super::capabilities::Capabilities;
use super::parts::fanout::Fanout;
use super::parts::trie::Trie;
use super::rules::Rules;
use super::types::{Excess, LinkId, PatternSettings, Refusal, Route, MAX_GROUP};
use crate::message::Message;

/// Groups of departed links that are forgotten in one go, as PUB does with topics.
const SLICE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Radio {
    no_drop: bool,
    most_bytes: usize,
    /// Which links are in which groups, by [`key`](Radio::set_key).
    trie: Trie,
    fanout: Fanout,
    /// Links of datagrams: no peer there can say which groups it wants, so that they get all.
    unasked: Vec<LinkId>,
    /// A message had to wait, and nothing has happened since that could let it pass.
    stuck: bool,
    /// The key of one group; kept for its memory.
    key: Vec<u8>,
}

impl Radio {
    /// Makes the key of a group: its length, then its bytes. A key is a prefix of another only if both are
    /// the same, so that what the tree finds by prefixes is found exactly. None: it is too long.
    fn set_key(&mut self, group: &[u8]) -> Option<()> {
        // MAX_GROUP is what a byte can tell.
        let length = u8::try_from(group.len()).ok()?;
        self.key.clear();
        self.key.push(length);
        self.key.extend_from_slice(group);
        Some(())
    }

    fn forget(&mut self, link: LinkId) {
        self.trie.drop_link(link);
        self.forget_departed();
        self.stuck = false;
    }
}

impl Rules for Radio {
    const CAN: Capabilities = Capabilities {
        sends: true,
        streams: true,
        publishes: true,
        groups: true,
        single: true,
        udp: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Radio {
        Radio {
            no_drop: settings.no_drop,
            most_bytes: settings.max_datagram_size,
            unasked: Vec::new(),
            trie: Trie::default(),
            fanout: Fanout::default(),
            stuck: false,
            key: Vec::with_capacity(1 + MAX_GROUP),
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.no_drop = settings.no_drop;
        self.most_bytes = settings.max_datagram_size;
        self.stuck = false;
    }

    fn attach(&mut self, link: LinkId) {
        self.fanout.attach(link);
    }

    fn retire(&mut self, link: LinkId) {
        self.detach(link);
    }

    fn begin_datagrams(&mut self, link: LinkId, _: Option<SocketAddr>) {
        self.unasked.push(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.unasked.retain(|own| *own != link);
        self.fanout.detach(link);
        self.forget(link);
    }

    /// A DISH says anew on each connection which groups it is in.
    fn connection_renewed(&mut self, link: LinkId) {
        self.forget(link);
    }

    fn has_departed(&self) -> bool {
        self.trie.has_departed()
    }

    fn forget_departed(&mut self) -> bool {
        self.trie.forget_departed(SLICE)
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.fanout.set_room(link, room);
        if room {
            self.stuck = false;
        }
    }

    #[inline]
    fn has_room(&self) -> bool {
        !self.stuck
    }

    /// RFC 48: a peer whose queue is full loses the message. With `no_drop` no peer gets it until all can.
    /// While there are links of datagrams, what fits in none is refused.
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let Some(group) = message.group() else {
            return Route::Refused(Refusal::NoGroup);
        };
        if self.set_key(group).is_none() {
            return Route::Refused(Refusal::GroupTooLong);
        }
        // Before the body the group, and its length.
        let bytes = self.key.len().saturating_add(message.byte_len());
        if bytes > self.most_bytes && !self.unasked.is_empty() {
            return Route::Refused(Refusal::TooLarge);
        }
        self.fanout.begin();
        self.trie.offer(&self.key, &mut self.fanout);
        for link in &self.unasked {
            self.fanout.offer(*link);
        }
        if self.fanout.chosen().1 > 0 {
            if self.no_drop {
                self.stuck = true;
                return Route::Wait;
            }
            self.fanout.drop_for_full();
        }
        let (links, full) = self.fanout.chosen();
        if !links.is_empty() {
            message.put_group_first();
        }
        Route::ToMany { links, full }
    }

    fn handle_subscription(
        &mut self,
        link: LinkId,
        group: &[u8],
        join: bool,
    ) -> Result<(), Excess> {
        self.set_key(group).ok_or(Excess::GroupTooLong)?;
        if !self.fanout.is_attached(link) {
            return Ok(());
        }
        if join {
            self.trie.subscribe(link, &self.key)?;
        } else {
            self.trie.unsubscribe(link, &self.key);
            // It may have been what a full peer was waited for.
            self.stuck = false;
        }
        Ok(())
    }

    fn for_each_subscriber(&self, group: &[u8], mut visit: impl FnMut(LinkId)) {
        self.unasked.iter().for_each(|link| visit(*link));
        if let Ok(length) = u8::try_from(group.len()) {
            self.trie.matching(&[&[length], group].concat(), visit);
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
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn radio(no_drop: bool) -> Radio {
        Radio::new(&PatternSettings {
            no_drop,
            ..PatternSettings::default()
        })
    }

    fn to(links: &[LinkId], full: usize) -> Route<'_> {
        Route::ToMany { links, full }
    }

    #[test]
    fn a_group_is_matched_whole() {
        let mut radio = radio(false);
        for (link, group) in [&b""[..], b"a", b"ab"].into_iter().enumerate() {
            radio.attach(link);
            radio.handle_subscription(link, group, true).unwrap();
        }
        for (group, link) in [("", 0), ("a", 1), ("ab", 2)] {
            let mut message = Message::from("m").in_group(group);
            assert_eq!(radio.route(&mut message), to(&[link], 0));
            assert_eq!(message, [group, "m"], "the group goes first");
        }
        let mut message = Message::from("m").in_group("abc");
        assert_eq!(radio.route(&mut message), to(&[], 0));
    }

    #[test]
    fn a_message_without_a_group_is_refused_and_so_is_a_group_of_256_bytes() {
        let mut radio = radio(false);
        radio.attach(0);
        let refused = Route::Refused(Refusal::NoGroup);
        assert_eq!(radio.route(&mut "m".into()), refused);
        let refused = Route::Refused(Refusal::GroupTooLong);
        let mut message = Message::from("m").in_group(vec![b'g'; 256]);
        assert_eq!(radio.route(&mut message), refused);
        assert_eq!(message.group().map(<[u8]>::len), Some(256), "as it was");
        let excess = radio.handle_subscription(0, &[b'g'; 256], true);
        assert_eq!(excess, Err(Excess::GroupTooLong));
        assert_eq!(radio.handle_subscription(0, &[b'g'; 255], true), Ok(()));
        let mut message = Message::from("m").in_group(vec![b'g'; 255]);
        assert_eq!(radio.route(&mut message), to(&[0], 0));
    }

    #[test]
    fn a_link_of_datagrams_is_in_every_group_and_bounds_what_is_sent() {
        let mut radio = Radio::new(&PatternSettings {
            max_datagram_size: 8,
            ..PatternSettings::default()
        });
        radio.attach(0);
        radio.handle_subscription(0, b"g", true).unwrap();
        let message = |body: &str| Message::from(body).in_group("g");
        assert_eq!(radio.route(&mut message("0123456789")), to(&[0], 0));
        radio.attach(1);
        radio.begin_datagrams(1, None);
        assert_eq!(radio.route(&mut message("012345")), to(&[0, 1], 0));
        let mut large = message("0123456");
        assert_eq!(radio.route(&mut large), Route::Refused(Refusal::TooLarge));
        assert_eq!(large.group(), Some(&b"g"[..]), "as it was");
        let mut message = Message::from("m").in_group("nobody joined it");
        assert_eq!(
            radio.route(&mut message.clone()),
            Route::Refused(Refusal::TooLarge)
        );
        radio.configure(&PatternSettings {
            max_datagram_size: 20,
            ..PatternSettings::default()
        });
        assert_eq!(radio.route(&mut message), to(&[1], 0));
        let mut there = Vec::new();
        radio.for_each_subscriber(b"g", |link| there.push(link));
        assert_eq!(there, [1, 0]);
        radio.detach(1);
        assert_eq!(radio.route(&mut large), to(&[0], 0));
    }

    #[test]
    fn a_message_that_waits_stays_as_it_is() {
        let mut radio = radio(true);
        for link in 0..2 {
            radio.attach(link);
            radio.handle_subscription(link, b"g", true).unwrap();
        }
        radio.set_room(1, false);
        let mut message = Message::from("m").in_group("g");
        assert_eq!(radio.route(&mut message), Route::Wait);
        assert_eq!(
            (message.group(), radio.has_room()),
            (Some(&b"g"[..]), false)
        );
        radio.handle_subscription(1, b"g", false).unwrap();
        assert!(radio.has_room());
        assert_eq!(radio.route(&mut message), to(&[0], 0));
    }

    #[test]
    fn a_new_connection_is_in_no_group() {
        let mut radio = radio(false);
        radio.attach(0);
        radio.handle_subscription(0, b"g", true).unwrap();
        radio.connection_lost(0, 0);
        let mut message = Message::from("m").in_group("g");
        assert_eq!(radio.route(&mut message), to(&[0], 0));
        radio.connection_renewed(0);
        let mut message = Message::from("m").in_group("g");
        assert_eq!(radio.route(&mut message), to(&[], 0));
    }

    proptest! {
        #[test]
        fn routes_like_sets_of_groups(
            no_drop in any::<bool>(),
            steps in prop::collection::vec(
                (0..8u8, 0..5usize, prop::collection::vec(0..3u8, 0..3)), 0..200)
        ) {
            let mut radio = radio(no_drop);
            // Of each link its groups, and whether it has room.
            let mut links: BTreeMap<LinkId, (BTreeSet<Vec<u8>>, bool)> = BTreeMap::new();
            let mut lost: BTreeMap<LinkId, u64> = BTreeMap::new();
            for (step, link, group) in steps {
                match (step, links.get_mut(&link)) {
                    (0, None) => {
                        radio.attach(link);
                        links.insert(link, (BTreeSet::new(), true));
                        lost.insert(link, 0);
                    }
                    (1, Some(_)) => {
                        radio.detach(link);
                        links.remove(&link);
                    }
                    (2, Some((groups, _))) => {
                        radio.connection_renewed(link);
                        groups.clear();
                    }
                    (3 | 4, Some((_, room))) => {
                        *room = step == 3;
                        radio.set_room(link, *room);
                    }
                    (5 | 6, Some((groups, _))) => {
                        radio.handle_subscription(link, &group, true).unwrap();
                        groups.insert(group.clone());
                    }
                    (7, Some((groups, _))) => {
                        radio.handle_subscription(link, &group, false).unwrap();
                        groups.remove(&group);
                    }
                    _ => {}
                }
                let (with_room, full): (Vec<_>, Vec<_>) = links
                    .iter()
                    .filter(|(_, (groups, _))| groups.contains(&group))
                    .partition(|(_, (_, room))| *room);
                let mut message = Message::from("m").in_group(group.clone());
                match radio.route(&mut message) {
                    Route::Wait => prop_assert!(no_drop && !full.is_empty()),
                    Route::ToMany { links: chosen, full: count } => {
                        prop_assert!(!no_drop || full.is_empty());
                        let mut chosen = chosen.to_vec();
                        chosen.sort_unstable();
                        let wanted: Vec<_> = with_room.iter().map(|(link, _)| **link).collect();
                        prop_assert_eq!((chosen, count), (wanted, full.len()));
                        for (link, _) in full {
                            *lost.entry(*link).or_default() += 1;
                        }
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
                for link in links.keys() {
                    prop_assert_eq!(radio.dropped(*link), lost[link]);
                }
                let mut there = BTreeSet::new();
                radio.for_each_subscriber(&group, |link| {
                    there.insert(link);
                });
                let wanted = links.iter().filter(|(_, (groups, _))| groups.contains(&group));
                prop_assert_eq!(there, wanted.map(|(link, _)| *link).collect());
            }
        }
    }
}
