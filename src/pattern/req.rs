//! REQ: asks one peer in turn, then waits for its answer (RFC 28, "The REQ Socket Type").
//!
//! ```text
//!              route                       incoming: the answer
//!   +--------+ ------> +----------+ -----------------------------> (Idle)
//!   |  Idle  |         | Awaiting |
//!   +--------+         +----------+ -- detach / connection_lost --> +------+
//!       ^                  | ^                                      | Gone |
//!       |                  +-+ route, if relaxed                    +------+
//!       +---------- may_receive says PeerGone, once -------------------+
//! ```

use super::capabilities::Capabilities;
use super::parts::balance::Balance;
use super::parts::fair::Fair;
use super::parts::ids::{RequestId, RequestIds};
use super::rules::Rules;
use super::types::{LinkId, PatternSettings, Refusal, Route};
use crate::message::{Frame, Message};

#[derive(Debug)]
pub(crate) struct Req {
    relaxed: bool,
    probe: bool,
    /// `None` unless requests are numbered.
    ids: Option<RequestIds>,
    balance: Balance,
    fair: Fair,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Awaiting {
        link: LinkId,
        /// The number of the request, if requests are numbered.
        id: Option<RequestId>,
        /// The connection broke since; what it brought before may hold the answer.
        lost: bool,
    },
    Gone,
}

impl Rules for Req {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        connects_once: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Req {
        Req {
            relaxed: settings.relaxed,
            probe: settings.probe_router,
            ids: settings.correlate.then(|| RequestIds::new(settings.seed)),
            balance: Balance::default(),
            fair: Fair::default(),
            state: State::Idle,
        }
    }

    fn probe(&self) -> bool {
        self.probe
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.relaxed = settings.relaxed;
        self.probe = settings.probe_router;
        if settings.correlate != self.ids.is_some() {
            self.ids = settings.correlate.then(|| RequestIds::new(settings.seed));
        }
    }

    fn envelope_frames(&self) -> usize {
        // A number and the delimiter.
        2
    }

    fn attach(&mut self, link: LinkId) {
        self.balance.attach(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.balance.detach(link);
        self.fair.detach(link);
        if self.awaits(link) {
            self.state = State::Gone;
        }
    }

    fn connection_lost(&mut self, from: LinkId, queued: usize) {
        if queued > 0 {
            // The request is one of them: the next connection takes it.
            return;
        }
        if let State::Awaiting { link, lost, .. } = &mut self.state {
            *lost |= *link == from;
        }
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.balance.set_room(link, room);
    }

    #[inline]
    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.may_send() && self.balance.has_room()
    }

    #[inline]
    fn starts_afresh(&self) -> bool {
        !self.fair.is_empty()
    }

    fn awaits_nothing(&self) -> bool {
        let idle = matches!(self.state, State::Idle);
        !self.fair.is_empty() && (idle || self.peer_gone())
    }

    /// RFC 28: a request goes to the next peer that has room, behind an empty delimiter; and there
    /// is no second one before the answer.
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        if !self.may_send() {
            return Route::Refused(Refusal::MustReceiveFirst);
        }
        let Some(link) = self.balance.next() else {
            return Route::Wait;
        };
        message.push_front(Frame::default());
        let id = self.ids.as_mut().map(RequestIds::next);
        if let Some(id) = id {
            message.push_front(id);
        }
        self.state = State::Awaiting {
            link,
            id,
            lost: false,
        };
        Route::To(link)
    }

    fn check_receive(&self) -> Result<(), Refusal> {
        match self.state {
            State::Idle => Err(Refusal::MustSendFirst),
            _ if self.peer_gone() => Err(Refusal::PeerGone),
            State::Awaiting { .. } | State::Gone => Ok(()),
        }
    }

    fn may_receive(&mut self) -> Result<(), Refusal> {
        let may = self.check_receive();
        if may == Err(Refusal::PeerGone) {
            self.state = State::Idle;
        }
        may
    }

    #[inline]
    fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        self.fair.return_turn(link);
    }

    /// RFC 28: an answer counts only from the peer that was asked, and only with its delimiter;
    /// anything else is discarded.
    fn incoming(&mut self, from: LinkId, message: Message) -> Result<Message, Message> {
        let State::Awaiting { link, id, .. } = self.state else {
            return Err(message);
        };
        if link != from {
            return Err(message);
        }
        let answer = open(message, id)?;
        self.state = State::Idle;
        Ok(answer)
    }
}

/// An answer without its envelope. What is no answer comes back; what was taken off it is at most an id
/// or a delimiter, which never is the user's.
fn open(mut message: Message, id: Option<RequestId>) -> Result<Message, Message> {
    if let Some(id) = id {
        if message.first() != id || message.pop_front().is_none() {
            return Err(message);
        }
    }
    if !message.first().is_empty() || message.pop_front().is_none() {
        return Err(message);
    }
    // Without a frame behind the delimiter there is no answer.
    if message.is_empty() {
        return Err(message);
    }
    Ok(message)
}

impl Req {
    /// Whether the next `may_receive` says `PeerGone`.
    fn peer_gone(&self) -> bool {
        match self.state {
            State::Idle => false,
            State::Awaiting { link, lost, .. } => lost && !self.fair.is_readable(link),
            State::Gone => true,
        }
    }

    fn may_send(&self) -> bool {
        self.relaxed || matches!(self.state, State::Idle)
    }

    fn awaits(&self, from: LinkId) -> bool {
        matches!(self.state, State::Awaiting { link, .. } if link == from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Links;
    use super::*;
    use proptest::prelude::*;

    fn req(settings: PatternSettings) -> Req {
        let mut req = Req::new(&settings);
        req.attach(0);
        req.attach(1);
        req
    }

    fn plain() -> Req {
        req(PatternSettings::default())
    }

    fn ask(req: &mut Req, body: &str) -> (LinkId, Message) {
        let mut message = Message::from(body);
        match req.route(&mut message) {
            Route::To(link) => (link, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn asks_and_hears_in_strict_alternation() {
        let mut req = plain();
        assert_eq!(req.may_receive(), Err(Refusal::MustSendFirst));
        let (link, request) = ask(&mut req, "one");
        assert_eq!((link, request), (0, ["", "one"].into()));
        assert_eq!(req.may_receive(), Ok(()));
        let mut second = Message::from("two");
        assert_eq!(
            req.route(&mut second),
            Route::Refused(Refusal::MustReceiveFirst)
        );
        assert_eq!(second, "two");
        assert!(!req.has_room());
        assert_eq!(req.incoming(0, ["", "1"].into()), Ok("1".into()));
        assert_eq!(ask(&mut req, "two").0, 1);
    }

    #[test]
    fn a_message_that_must_wait_stays_as_it_was() {
        let mut req = plain();
        req.set_room(0, false);
        req.set_room(1, false);
        let mut message = Message::from("one");
        assert_eq!(req.route(&mut message), Route::Wait);
        assert_eq!(message, "one");
        assert!(!req.has_room());
    }

    #[test]
    fn only_the_peer_that_was_asked_may_answer_and_only_in_shape() {
        let mut req = plain();
        ask(&mut req, "one");
        assert!(req.incoming(1, ["", "1"].into()).is_err());
        assert!(req.incoming(0, "no delimiter".into()).is_err());
        assert!(req.incoming(0, "".into()).is_err());
        assert!(req.incoming(0, ["x", "1"].into()).is_err());
        assert_eq!(
            req.incoming(0, ["", "1", "2"].into()),
            Ok(["1", "2"].into())
        );
        assert!(req.incoming(0, ["", "again"].into()).is_err());
    }

    #[test]
    fn a_numbered_request_takes_only_its_own_answer() {
        let mut req = req(PatternSettings {
            correlate: true,
            relaxed: true,
            seed: 7,
            ..PatternSettings::default()
        });
        let (first, request) = ask(&mut req, "one");
        let id = request.get(0).unwrap().to_vec();
        assert_eq!(id, [0, 0, 0, 7]);
        assert_eq!(request.get(1), Some(&b""[..]));
        let (second, request) = ask(&mut req, "two");
        let second_id = request.get(0).unwrap().to_vec();
        assert_ne!(id, second_id);
        let answer = |id: &[u8]| Message::from([id, b"", b"answer"]);
        assert!(req.incoming(first, answer(&id)).is_err());
        assert!(req.incoming(second, answer(&id)).is_err());
        assert!(req.incoming(second, ["", "answer"].into()).is_err());
        assert!(req.incoming(second, Message::from(id.clone())).is_err());
        assert!(req
            .incoming(second, Message::from([&second_id[..], b"x", b"y"]))
            .is_err());
        assert_eq!(
            req.incoming(second, answer(&second_id)),
            Ok("answer".into())
        );
    }

    #[test]
    fn relaxed_forgets_the_first_request() {
        let mut req = req(PatternSettings {
            relaxed: true,
            ..PatternSettings::default()
        });
        assert_eq!(ask(&mut req, "one").0, 0);
        req.set_readable(0, true);
        assert!(req.has_room() && req.starts_afresh());
        assert_eq!(ask(&mut req, "two").0, 1);
        assert!(req.incoming(0, ["", "1"].into()).is_err());
        assert_eq!(req.incoming(1, ["", "2"].into()), Ok("2".into()));
    }

    #[test]
    fn only_what_may_be_the_answer_makes_a_requester_readable() {
        let mut req = req(PatternSettings {
            relaxed: true,
            ..PatternSettings::default()
        });
        assert!(!req.awaits_nothing(), "nothing is pending");
        req.set_readable(1, true);
        assert!(req.awaits_nothing());
        assert_eq!(ask(&mut req, "one").0, 0);
        req.connection_lost(0, 0);
        assert!(req.awaits_nothing());
        req.set_readable(0, true);
        assert!(!req.awaits_nothing(), "it may hold the answer");
        req.detach(0);
        assert!(req.awaits_nothing());
    }

    #[test]
    fn a_peer_that_dies_is_reported_once_and_the_next_request_goes_on() {
        let mut req = plain();
        assert_eq!(ask(&mut req, "one").0, 0);
        req.detach(0);
        assert!(req.peer_gone());
        assert_eq!(req.may_receive(), Err(Refusal::PeerGone));
        assert!(!req.peer_gone());
        assert_eq!(req.may_receive(), Err(Refusal::MustSendFirst));
        assert_eq!(ask(&mut req, "two").0, 1);
    }

    #[test]
    fn a_link_with_the_number_of_the_dead_one_may_not_answer_for_it() {
        let mut req = plain();
        ask(&mut req, "one");
        req.detach(0);
        req.attach(0);
        req.set_readable(0, true);
        assert!(req.incoming(0, ["", "1"].into()).is_err());
        assert_eq!(req.may_receive(), Err(Refusal::PeerGone));
    }

    #[test]
    fn another_peer_that_dies_is_no_matter() {
        let mut req = plain();
        ask(&mut req, "one");
        req.detach(1);
        req.connection_lost(1, 0);
        assert_eq!(req.may_receive(), Ok(()));
        assert_eq!(req.incoming(0, ["", "1"].into()), Ok("1".into()));
    }

    #[test]
    fn a_broken_connection_is_a_lost_peer_unless_the_answer_came_first() {
        let mut req = plain();
        ask(&mut req, "one");
        req.connection_lost(0, 0);
        assert_eq!(req.may_receive(), Err(Refusal::PeerGone));
        assert_eq!(ask(&mut req, "two").0, 1);
        req.set_readable(1, true);
        req.connection_lost(1, 0);
        assert_eq!(req.may_receive(), Ok(()));
        req.set_readable(1, false);
        assert_eq!(req.incoming(1, ["", "2"].into()), Ok("2".into()));
        assert_eq!(req.may_receive(), Err(Refusal::MustSendFirst));
    }

    #[test]
    fn a_broken_connection_that_brought_only_noise_is_a_lost_peer() {
        let mut req = plain();
        ask(&mut req, "one");
        req.set_readable(0, true);
        req.connection_lost(0, 0);
        req.set_readable(0, false);
        assert!(req.incoming(0, "noise".into()).is_err());
        assert_eq!(req.may_receive(), Err(Refusal::PeerGone));
    }

    /// The request that is under way, as a naive model has it.
    #[derive(Clone, Debug)]
    struct Asked {
        /// `None`: it has gone.
        link: Option<LinkId>,
        /// Its connection broke: only what it brought before may still be the reply.
        lost: bool,
        number: Option<Vec<u8>>,
    }

    proptest! {
        /// One request at a time, to the next link with room; a reply counts from the link that was asked alone, once,
        /// with its envelope; and a link that goes without one is told, once.
        #[test]
        fn asks_like_a_note_of_the_request(
            relaxed in any::<bool>(),
            correlate in any::<bool>(),
            steps in prop::collection::vec((0..13u8, 0..4usize), 0..300)
        ) {
            let mut req = Req::new(&PatternSettings { relaxed, correlate, ..PatternSettings::default() });
            let mut links = Links::default();
            let mut asked: Option<Asked> = None;
            let mut sent = None;
            for (step, link) in steps {
                match step {
                    _ if links.happens(&mut req, step, link) => {
                        if let (1, Some(asked)) = (step, &mut asked) {
                            asked.link.take_if(|asked| *asked == link);
                        }
                    }
                    // With nothing queued; and with the request still in the queue, for the next connection.
                    6 | 7 if links.get(link).is_some() => {
                        req.connection_lost(link, usize::from(step == 7));
                        if let (6, Some(asked)) = (step, &mut asked) {
                            asked.lost |= asked.link == Some(link);
                        }
                    }
                    8 | 9 => {
                        let may = relaxed || asked.is_none();
                        let with_room = links.iter().any(|(_, known)| known.room);
                        prop_assert_eq!(req.has_room(), may && with_room);
                        let mut message = Message::from("body");
                        if !may || !with_room {
                            let wanted = if may { Route::Wait } else { Route::Refused(Refusal::MustReceiveFirst) };
                            prop_assert_eq!(req.route(&mut message), wanted);
                            prop_assert_eq!(message, "body");
                            continue;
                        }
                        let to = links.in_turn(&mut sent, |known| known.room);
                        prop_assert_eq!(Some(req.route(&mut message)), to.map(Route::To));
                        let number = correlate.then(|| message.pop_front().unwrap().to_vec());
                        prop_assert_eq!(message, ["", "body"]);
                        let before = asked.as_ref().and_then(|asked| asked.number.clone());
                        prop_assert!(number.is_none() || number != before);
                        asked = Some(Asked { link: to, lost: false, number });
                    }
                    10 | 11 => {
                        // In shape, or with a frame before the delimiter that nobody put there.
                        let number = asked.as_ref().and_then(|asked| asked.number.clone());
                        let mut reply = Message::from(["", "reply"]);
                        if let Some(number) = number {
                            reply.push_front(number);
                        }
                        if step == 11 {
                            reply.push_front("noise");
                        }
                        let counts = step == 10 && asked.as_ref().is_some_and(|asked| asked.link == Some(link));
                        let received = req.incoming(link, reply);
                        prop_assert_eq!(received.is_ok(), counts);
                        if counts {
                            prop_assert_eq!(received, Ok("reply".into()));
                            asked = None;
                        }
                    }
                    12 => {
                        let wanted = match &asked {
                            None => Err(Refusal::MustSendFirst),
                            Some(Asked { link: None, .. }) => Err(Refusal::PeerGone),
                            Some(Asked { link: Some(link), lost, .. }) => {
                                let holds_something = links.get(*link).is_some_and(|known| known.readable);
                                if *lost && !holds_something { Err(Refusal::PeerGone) } else { Ok(()) }
                            }
                        };
                        prop_assert_eq!(req.check_receive(), wanted);
                        prop_assert_eq!(req.may_receive(), wanted);
                        if wanted == Err(Refusal::PeerGone) {
                            asked = None;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
