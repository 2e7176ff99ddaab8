//! The requester: a REQ of which any number of requests are under way at once.
//!
//! On the wire it is a REQ that numbers its requests (RFC 28: what is before the empty delimiter comes
//! back with the reply). Each request goes to the next peer that has room, and its reply is taken from
//! that peer alone, in whatever order replies come. The caller puts the key and the delimiter before its
//! message, and finds them before the reply: the rules only say whether it is one.

use std::collections::{BTreeMap, HashMap};

use super::capabilities::Capabilities;
use super::parts::balance::Balance;
use super::parts::fair::Fair;
use super::rules::Rules;
use super::types::{LinkId, PatternSettings, Refusal, RequestKey, Route};
use crate::message::Message;

/// | What | What holds |
/// |---|---|
/// | `asked` | a request is here and in its link's `open`, or in neither |
/// | `lost` | what is here is in no link any more |
#[derive(Debug, Default)]
pub(crate) struct Requester {
    probe: bool,
    balance: Balance,
    fair: Fair,
    asked: HashMap<RequestKey, (LinkId, u64)>,
    links: HashMap<LinkId, Requests>,
    /// Those of which nobody was told yet that there will be no reply.
    lost: Vec<RequestKey>,
}

/// What one peer was asked.
#[derive(Debug, Default)]
struct Requests {
    /// How many requests were ever queued for it: the number of the next.
    queued: u64,
    /// Those without a reply, by their numbers.
    open: BTreeMap<u64, RequestKey>,
    /// Those with a smaller number went to a connection that is gone.
    went_before: u64,
}

impl Rules for Requester {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        connects_once: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Requester {
        Requester {
            probe: settings.probe_router,
            ..Requester::default()
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.probe = settings.probe_router;
    }

    fn probe(&self) -> bool {
        self.probe
    }

    fn attach(&mut self, link: LinkId) {
        self.balance.attach(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.balance.detach(link);
        self.fair.detach(link);
        self.lose(link, u64::MAX);
        self.links.remove(&link);
    }

    /// The link may hold replies that came before the connection broke: those that are still open when
    /// it is empty are lost.
    fn connection_lost(&mut self, link: LinkId, queued: usize) {
        let Some(requests) = self.links.get_mut(&link) else {
            return;
        };
        requests.went_before = requests.queued.saturating_sub(queued as u64);
        if !self.fair.is_readable(link) {
            self.lose_those_that_went(link);
        }
    }

    fn set_room(&mut self, link: LinkId, room: bool) {
        self.balance.set_room(link, room);
    }

    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
        if !readable {
            self.lose_those_that_went(link);
        }
    }

    fn has_room(&self) -> bool {
        self.balance.has_room()
    }

    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let Ok(key) = RequestKey::try_from(message.first()) else {
            return Route::Refused(Refusal::Unsupported);
        };
        let Some(link) = self.balance.next() else {
            return Route::Wait;
        };
        let requests = self.links.entry(link).or_default();
        let number = requests.queued;
        requests.queued += 1;
        requests.open.insert(number, key);
        self.asked.insert(key, (link, number));
        Route::To(link)
    }

    fn may_receive(&mut self) -> Result<(), Refusal> {
        if self.lost.is_empty() {
            Ok(())
        } else {
            Err(Refusal::PeerGone)
        }
    }

    fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    /// RFC 28: a reply counts only from the peer that was asked, and only with its delimiter; anything
    /// else is discarded.
    fn incoming(&mut self, from: LinkId, message: Message) -> Result<Message, Message> {
        let Ok(key) = RequestKey::try_from(message.first()) else {
            return Err(message);
        };
        let delimited = message.get(1).is_some_and(<[u8]>::is_empty) && message.len() > 2;
        let asked = self.asked.get(&key).is_some_and(|(link, _)| *link == from);
        if !delimited || !asked {
            return Err(message);
        }
        self.forget_request(key);
        Ok(message)
    }

    fn lost_requests(&mut self) -> Vec<RequestKey> {
        std::mem::take(&mut self.lost)
    }

    fn forget_request(&mut self, key: RequestKey) {
        if let Some((link, number)) = self.asked.remove(&key) {
            if let Some(requests) = self.links.get_mut(&link) {
                requests.open.remove(&number);
            }
        }
    }
}

impl Requester {
    fn lose_those_that_went(&mut self, link: LinkId) {
        if let Some(requests) = self.links.get(&link) {
            self.lose(link, requests.went_before);
        }
    }

    /// The open requests of a link with a smaller number get no reply.
    fn lose(&mut self, link: LinkId, before: u64) {
        let Some(requests) = self.links.get_mut(&link) else {
            return;
        };
        while let Some(first) = requests.open.first_entry() {
            if *first.key() >= before {
                return;
            }
            let key = first.remove();
            self.asked.remove(&key);
            self.lost.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn request(key: u64) -> Message {
        let mut message = Message::from(["", "question"]);
        message.push_front(key.to_be_bytes());
        message
    }

    fn requester(links: usize) -> Requester {
        let mut requester = Requester::default();
        (0..links).for_each(|link| requester.attach(link));
        requester
    }

    fn ask(requester: &mut Requester, key: u64) -> Option<LinkId> {
        match requester.route(&mut request(key)) {
            Route::To(link) => Some(link),
            _ => None,
        }
    }

    fn lost(requester: &mut Requester) -> Vec<u64> {
        let keys = requester.lost_requests().into_iter();
        keys.map(u64::from_be_bytes).collect()
    }

    #[test]
    fn replies_come_in_any_order_and_each_counts_once_and_only_from_the_peer_that_was_asked() {
        let mut it = requester(2);
        assert_eq!(
            [1, 2, 3].map(|key| ask(&mut it, key)),
            [Some(0), Some(1), Some(0)]
        );
        assert!(it.incoming(1, request(3)).is_err(), "another was asked");
        assert_eq!(it.incoming(0, request(3)), Ok(request(3)));
        assert!(it.incoming(0, request(3)).is_err(), "twice");
        assert_eq!(it.incoming(0, request(1)), Ok(request(1)));
        assert!(it.incoming(1, "noise".into()).is_err());
        let mut bare = Message::from([""]);
        bare.push_front(2u64.to_be_bytes());
        assert!(
            it.incoming(1, bare).is_err(),
            "nothing behind the delimiter"
        );
        assert_eq!(it.incoming(1, request(2)), Ok(request(2)));
    }

    #[test]
    fn a_broken_connection_loses_what_was_sent_and_not_what_is_queued() {
        let mut it = requester(1);
        (1..=4).for_each(|key| assert_eq!(ask(&mut it, key), Some(0)));
        it.forget_request(4u64.to_be_bytes());
        it.set_readable(0, true);
        // The third and fourth, of which nobody waits for the fourth, had not been sent.
        it.connection_lost(0, 2);
        assert_eq!(it.may_receive(), Ok(()), "its inbox may hold the replies");
        assert_eq!(it.incoming(0, request(2)), Ok(request(2)));
        it.set_readable(0, false);
        assert_eq!(it.may_receive(), Err(Refusal::PeerGone));
        assert_eq!(lost(&mut it), [1]);
        assert_eq!(it.may_receive(), Ok(()));
        assert_eq!(it.incoming(0, request(3)), Ok(request(3)));
    }

    #[test]
    fn a_link_that_goes_loses_all_and_its_number_is_another_peers() {
        let mut it = requester(1);
        (1..=2).for_each(|key| assert_eq!(ask(&mut it, key), Some(0)));
        it.detach(0);
        assert_eq!(lost(&mut it), [1, 2]);
        it.attach(0);
        assert!(it.incoming(0, request(1)).is_err());
        assert_eq!(ask(&mut it, 3), Some(0));
        assert_eq!(it.incoming(0, request(3)), Ok(request(3)));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Ask,
        Write(usize),
        Answer(usize, usize),
        Deliver(usize),
        Forget(usize),
        Break(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Ask),
            3 => (0..3usize).prop_map(Step::Write),
            2 => (0..3usize, any::<usize>()).prop_map(|(link, which)| Step::Answer(link, which)),
            2 => (0..3usize).prop_map(Step::Deliver),
            1 => any::<usize>().prop_map(Step::Forget),
            1 => (0..3usize).prop_map(Step::Break),
        ];
        prop::collection::vec(step, 0..80)
    }

    /// A peer as three lists of requests: those that are queued for it, those that it has, and those
    /// whose replies are in its inbox.
    #[derive(Debug, Default)]
    struct Peer {
        queue: VecDeque<u64>,
        has: VecDeque<u64>,
        inbox: VecDeque<u64>,
    }

    proptest! {
        /// Each request ends once, answered or lost, and as the lists say.
        #[test]
        fn each_request_ends_once(steps in steps()) {
            let mut it = requester(3);
            let mut next = 0u64;
            let mut peers: [Peer; 3] = Default::default();
            let mut open = std::collections::HashSet::new();
            for step in steps {
                match step {
                    Step::Ask => {
                        let link = ask(&mut it, next).unwrap();
                        peers[link].queue.push_back(next);
                        open.insert(next);
                        next += 1;
                    }
                    Step::Write(link) => {
                        let written = peers[link].queue.pop_front();
                        peers[link].has.extend(written);
                    }
                    Step::Answer(link, which) if !peers[link].has.is_empty() => {
                        let peer = &mut peers[link];
                        let which = which % peer.has.len();
                        peer.inbox.extend(peer.has.remove(which));
                        it.set_readable(link, true);
                    }
                    Step::Deliver(link) => {
                        let Some(key) = peers[link].inbox.pop_front() else { continue };
                        let wanted = it.incoming(link, request(key)).is_ok();
                        prop_assert_eq!(wanted, open.remove(&key));
                        it.set_readable(link, !peers[link].inbox.is_empty());
                        prop_assert_eq!(lost(&mut it), []);
                    }
                    Step::Forget(which) if next > 0 => {
                        let key = which as u64 % next;
                        it.forget_request(key.to_be_bytes());
                        open.remove(&key);
                    }
                    Step::Break(link) => {
                        let peer = &mut peers[link];
                        it.connection_lost(link, peer.queue.len());
                        while let Some(key) = peer.inbox.pop_front() {
                            prop_assert_eq!(lost(&mut it), []);
                            let wanted = it.incoming(link, request(key)).is_ok();
                            prop_assert_eq!(wanted, open.remove(&key));
                        }
                        it.set_readable(link, false);
                        let gone = peer.has.drain(..).filter(|key| open.remove(key));
                        prop_assert_eq!(lost(&mut it), gone.collect::<Vec<_>>());
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(it.asked.len(), open.len());
        }
    }
}
