//! REP: waits for a request, then answers the peer that sent it (RFC 28, "The REP Socket Type").

use super::capabilities::Capabilities;
use super::parts::fair::Fair;
use super::parts::links::LinkSet;
use super::rules::Rules;
use super::types::{LinkId, PatternSettings, Refusal, Route};
use crate::message::{Frame, Message};

#[derive(Debug, Default)]
pub(crate) struct Rep {
    fair: Fair,
    with_room: LinkSet,
    state: State,
    /// What the request had before its delimiter: where the answer must pass, if the request came
    /// through others. Empty unless `state` is `Asked`.
    envelope: Vec<Frame>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Idle,
    Asked {
        /// `None` when it is gone.
        asker: Option<LinkId>,
    },
}

impl Rules for Rep {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        ..Capabilities::NONE
    };

    fn new(_: &PatternSettings) -> Rep {
        Rep::default()
    }

    fn envelope_frames(&self) -> usize {
        // Those of the request, and the delimiter.
        self.envelope.len() + 1
    }

    fn attach(&mut self, link: LinkId) {
        self.with_room.insert(link);
    }

    fn detach(&mut self, link: LinkId) {
        self.fair.detach(link);
        self.with_room.remove(link);
        self.connection_lost(link, 0);
    }

    /// The peer of the next connection asks anew: an answer to the last one would be taken for its own.
    fn connection_lost(&mut self, link: LinkId, _queued: usize) {
        if let State::Asked { asker } = &mut self.state {
            asker.take_if(|asker| *asker == link);
        }
    }

    #[inline]
    fn set_room(&mut self, link: LinkId, room: bool) {
        self.with_room.set(link, room);
    }

    #[inline]
    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
    }

    #[inline]
    fn has_room(&self) -> bool {
        matches!(self.state, State::Asked { .. })
    }

    /// RFC 28: the answer goes back the way the request came; if its sender is gone or takes no
    /// more, it is discarded.
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let State::Asked { asker } = self.state else {
            return Route::Refused(Refusal::MustReceiveFirst);
        };
        self.state = State::Idle;
        let Some(link) = asker.filter(|link| self.with_room.contains(*link)) else {
            // With the reply, which the caller drops without the socket's lock.
            if !self.envelope.is_empty() {
                let body = std::mem::take(message).into_frames();
                *message = self.envelope.drain(..).chain(body).collect();
            }
            return Route::Drop;
        };
        message.push_front(Frame::default());
        if !self.envelope.is_empty() {
            let body = std::mem::take(message).into_frames();
            *message = self.envelope.drain(..).chain(body).collect();
        }
        Route::To(link)
    }

    fn check_receive(&self) -> Result<(), Refusal> {
        match self.state {
            State::Idle => Ok(()),
            State::Asked { .. } => Err(Refusal::MustSendFirst),
        }
    }

    #[inline]
    fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        self.fair.return_turn(link);
    }

    /// RFC 28: all frames up to the first empty one are kept for the answer; a request without an
    /// empty frame, or with nothing behind it, is discarded.
    fn incoming(&mut self, from: LinkId, mut message: Message) -> Result<Message, Message> {
        let Some(hops) = message.frames().position(<[u8]>::is_empty) else {
            return Err(message);
        };
        if hops + 1 == message.len() {
            return Err(message);
        }
        // `envelope` is empty: the reply to the last request took what it held.
        if hops == 0 {
            // An empty delimiter, which never is the user's.
            message.pop_front();
        } else {
            let mut frames = message.into_frames();
            self.envelope.extend(frames.by_ref().take(hops));
            message = frames.skip(1).collect();
        }
        self.state = State::Asked { asker: Some(from) };
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Links;
    use super::*;
    use proptest::prelude::*;

    fn rep() -> Rep {
        let mut rep = Rep::default();
        rep.attach(0);
        rep.attach(1);
        rep
    }

    fn answer<'a>(rep: &'a mut Rep, body: &str) -> (Route<'a>, Message) {
        let mut message = Message::from(body);
        (rep.route(&mut message), message)
    }

    #[test]
    fn hears_and_answers_in_strict_alternation() {
        let mut rep = rep();
        let early = answer(&mut rep, "early");
        assert_eq!(
            early,
            (Route::Refused(Refusal::MustReceiveFirst), "early".into())
        );
        assert_eq!(rep.may_receive(), Ok(()));
        assert_eq!(rep.incoming(1, ["", "ask"].into()), Ok("ask".into()));
        assert_eq!(rep.may_receive(), Err(Refusal::MustSendFirst));
        assert_eq!(answer(&mut rep, "yes"), (Route::To(1), ["", "yes"].into()));
        assert_eq!(rep.may_receive(), Ok(()));
        assert!(!rep.has_room());
    }

    #[test]
    fn the_envelope_goes_back_as_it_came() {
        let mut rep = rep();
        let request = Message::from(["hop1", "hop2", "", "a", "", "b"]);
        assert_eq!(rep.incoming(0, request), Ok(["a", "", "b"].into()));
        let (route, sent) = answer(&mut rep, "yes");
        assert_eq!(route, Route::To(0));
        assert_eq!(sent, Message::from(["hop1", "hop2", "", "yes"]));
        rep.incoming(0, ["", "next"].into()).unwrap();
        assert_eq!(answer(&mut rep, "yes").1, Message::from(["", "yes"]));
    }

    #[test]
    fn a_request_without_a_delimiter_or_a_body_is_discarded() {
        let mut rep = rep();
        assert!(rep.incoming(0, "text".into()).is_err());
        assert!(rep.incoming(0, ["a", "b"].into()).is_err());
        assert!(rep.incoming(0, "".into()).is_err());
        assert!(rep.incoming(0, ["hop", ""].into()).is_err());
        assert_eq!(rep.may_receive(), Ok(()));
        assert_eq!(rep.incoming(0, ["", ""].into()), Ok("".into()));
    }

    #[test]
    fn an_answer_to_nobody_is_dropped_and_the_next_request_is_heard() {
        let mut rep = rep();
        rep.incoming(0, ["hop", "", "ask"].into()).unwrap();
        rep.detach(0);
        rep.attach(0);
        assert_eq!(answer(&mut rep, "late").0, Route::Drop);
        assert_eq!(rep.may_receive(), Ok(()));

        rep.incoming(1, ["", "ask"].into()).unwrap();
        rep.connection_lost(1, 0);
        assert_eq!(answer(&mut rep, "late"), (Route::Drop, "late".into()));
    }

    #[test]
    fn an_answer_to_a_full_peer_is_dropped() {
        let mut rep = rep();
        rep.incoming(0, ["", "ask"].into()).unwrap();
        rep.set_room(0, false);
        assert!(rep.has_room());
        assert_eq!(answer(&mut rep, "late").0, Route::Drop);
    }

    #[test]
    fn a_very_long_envelope_takes_one_pass() {
        let mut rep = rep();
        let mut request: Vec<&str> = vec!["hop"; 300_000];
        request.extend(["", "ask"]);
        let request = Message::from(request);
        assert_eq!(rep.incoming(0, request), Ok("ask".into()));
        let (route, sent) = answer(&mut rep, "yes");
        assert_eq!((route, sent.len()), (Route::To(0), 300_002));
    }

    proptest! {
        /// Every reply goes to the link that asked, with the envelope of the request, if it is still that link
        /// and has room; and nothing is received between a request and its reply.
        #[test]
        fn answers_like_a_note_of_who_asked(
            steps in prop::collection::vec((0..10u8, 0..4usize, 0..4usize), 0..300)
        ) {
            let mut rep = Rep::default();
            let mut links = Links::default();
            // The request that is to be answered: its envelope, and its link while that is there.
            let mut asked: Option<(Vec<String>, Option<LinkId>)> = None;
            let mut received = None;
            for (step, link, hops) in steps {
                let gone = step == 1 || step == 6;
                if let (true, Some((_, asker))) = (gone, &mut asked) {
                    asker.take_if(|asker| *asker == link);
                }
                prop_assert_eq!(rep.has_room(), asked.is_some());
                match step {
                    _ if links.happens(&mut rep, step, link) => {}
                    6 if links.get(link).is_some() => rep.connection_lost(link, hops),
                    7 | 8 => {
                        let may = rep.may_receive();
                        if asked.is_some() {
                            prop_assert_eq!(may, Err(Refusal::MustSendFirst));
                            continue;
                        }
                        prop_assert_eq!(may, Ok(()));
                        let from = links.in_turn(&mut received, |known| known.readable);
                        prop_assert_eq!(rep.next(), from);
                        let Some(from) = from else { continue };
                        let envelope: Vec<_> = (0..hops).map(|hop| format!("hop {hop}")).collect();
                        let frames = |delimiter: &[&str]| -> Message {
                            let hops = envelope.iter().map(String::as_str);
                            hops.chain(delimiter.iter().copied()).collect()
                        };
                        if step == 7 {
                            let noise = frames(&["no delimiter"]);
                            prop_assert_eq!(rep.incoming(from, noise.clone()), Err(noise));
                        } else {
                            let request = frames(&["", "a", "", "b"]);
                            prop_assert_eq!(rep.incoming(from, request), Ok(["a", "", "b"].into()));
                            asked = Some((envelope, Some(from)));
                        }
                    }
                    _ => {
                        let (route, sent) = answer(&mut rep, "reply");
                        let Some((envelope, asker)) = asked.take() else {
                            prop_assert_eq!(route, Route::Refused(Refusal::MustReceiveFirst));
                            prop_assert_eq!(sent, "reply");
                            continue;
                        };
                        let there = |link: &LinkId| links.get(*link).is_some_and(|known| known.room);
                        match asker.filter(there) {
                            None => prop_assert_eq!(route, Route::Drop),
                            Some(asker) => {
                                prop_assert_eq!(route, Route::To(asker));
                                let hops = envelope.iter().map(String::as_str);
                                let whole: Message = hops.chain(["", "reply"]).collect();
                                prop_assert_eq!(sent, whole);
                            }
                        }
                    }
                }
            }
        }
    }
}
