//! REQ and REP: envelopes and turns against plain lists of frames and a table of states.

use super::input::Input;
use crate::message::Message;
use crate::pattern::{LinkId, Pattern, PatternSettings, Refusal, Route};
use crate::peer::SocketType;

type Frames = Vec<Vec<u8>>;

/// Links of each of the two.
const LINKS: usize = 3;

/// Whatever peers send: REQ takes the answer of the peer it asked and no other, REP answers the
/// peer that asked, each in its turn, and envelopes go back as they came.
pub fn envelopes(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = PatternSettings {
        relaxed: input.flag(),
        correlate: input.flag(),
        seed: u32::MAX,
        ..PatternSettings::default()
    };
    let mut req = ReqModel::new(&settings);
    let mut rep = RepModel::new();
    // The last that REQ and REP sent, as they might come back.
    let mut sent = [vec![Vec::new()], vec![Vec::new()]];
    while !input.is_empty() {
        let link = input.below(LINKS);
        match input.below(12) {
            0 | 1 => {
                let body = frames(&mut input, &sent[1]);
                sent[0] = req.send(body).unwrap_or_else(|| sent[0].clone());
            }
            2 | 3 => {
                let message = frames(&mut input, &sent[1]);
                req.receive(link, message);
            }
            4 | 5 => {
                let message = frames(&mut input, &sent[0]);
                rep.receive(link, message);
            }
            6 | 7 => {
                let body = frames(&mut input, &sent[0]);
                sent[1] = rep.send(body).unwrap_or_else(|| sent[1].clone());
            }
            8 => req.room(link, input.flag()),
            9 => rep.room(link, input.flag()),
            10 => req.lose(link, input.flag()),
            _ => rep.lose(link, input.flag()),
        }
    }
}

/// Frames of a message: any, or those of `other` with something done to them.
fn frames(input: &mut Input<'_>, other: &Frames) -> Frames {
    let mut frames = match input.below(4) {
        0 => vec![input.body()],
        _ => other.clone(),
    };
    frames.truncate(300);
    for _ in 0..input.below(5) {
        let at = usize::from(input.byte()) % frames.len();
        match input.below(5) {
            0 => frames.insert(at, Vec::new()),
            1 => frames.insert(0, input.body()),
            2 => frames.push(input.body()),
            3 if frames.len() > 1 => drop(frames.remove(at)),
            _ => frames[at] = input.body(),
        }
    }
    frames
}

fn plain(message: &Message) -> Frames {
    message.frames().map(<[u8]>::to_vec).collect()
}

fn pattern(kind: SocketType, settings: &PatternSettings) -> Pattern {
    let Some(mut pattern) = Pattern::new(kind, settings) else {
        panic!("there is no {kind:?}");
    };
    (0..LINKS).for_each(|link| pattern.attach(link));
    pattern
}

struct ReqModel {
    req: Pattern,
    relaxed: bool,
    /// The next number, if requests are numbered.
    number: Option<u32>,
    room: [bool; LINKS],
    asked: Asked,
}

#[derive(Clone)]
enum Asked {
    Nobody,
    Peer {
        link: LinkId,
        envelope: Frames,
        lost: bool,
    },
    /// Its link is gone.
    Gone,
}

impl ReqModel {
    fn new(settings: &PatternSettings) -> ReqModel {
        ReqModel {
            req: pattern(SocketType::Req, settings),
            relaxed: settings.relaxed,
            number: settings.correlate.then_some(settings.seed),
            room: [true; LINKS],
            asked: Asked::Nobody,
        }
    }

    /// Sends a request; gives it as it goes out.
    fn send(&mut self, body: Frames) -> Option<Frames> {
        let may = self.relaxed || matches!(self.asked, Asked::Nobody);
        let room = self.room.contains(&true);
        assert_eq!(self.req.has_room(), may && room);
        let mut message = Message::from(body.clone());
        let link = match self.req.route(&mut message) {
            Route::To(link) => link,
            Route::Refused(Refusal::MustReceiveFirst) => {
                assert!(!may && message == Message::from(body));
                return None;
            }
            Route::Wait => {
                assert!(may && !room && message == Message::from(body));
                return None;
            }
            other => panic!("{other:?}"),
        };
        assert!(may && self.room[link]);
        let mut envelope = vec![Vec::new()];
        if let Some(number) = &mut self.number {
            envelope.insert(0, number.to_be_bytes().to_vec());
            *number = number.wrapping_add(1);
        }
        let expected = [envelope.clone(), body].concat();
        assert_eq!(plain(&message), expected);
        self.asked = Asked::Peer {
            link,
            envelope,
            lost: false,
        };
        Some(expected)
    }

    /// A message came, in a connection that may be lost since.
    fn receive(&mut self, from: LinkId, frames: Frames) {
        self.req.set_readable(from, true);
        if let Asked::Gone | Asked::Nobody = self.asked {
            self.assert_out_of_turn();
        }
        let got = self.req.incoming(from, Message::from(frames.clone())).ok();
        self.req.set_readable(from, false);
        let expected = match &self.asked {
            Asked::Peer { link, envelope, .. } if *link == from => frames
                .strip_prefix(&envelope[..])
                .filter(|body| !body.is_empty()),
            _ => None,
        };
        assert_eq!(got.as_ref().map(plain).as_deref(), expected);
        if expected.is_some() {
            self.asked = Asked::Nobody;
        }
        self.assert_turn();
    }

    fn assert_out_of_turn(&mut self) {
        let expected = match self.asked {
            Asked::Gone => Refusal::PeerGone,
            _ => Refusal::MustSendFirst,
        };
        assert_eq!(self.req.may_receive(), Err(expected));
        self.asked = Asked::Nobody;
    }

    /// With nothing to read.
    fn assert_turn(&mut self) {
        match self.asked {
            Asked::Peer { lost: false, .. } => assert_eq!(self.req.may_receive(), Ok(())),
            Asked::Peer { lost: true, .. } => {
                self.asked = Asked::Gone;
                self.assert_out_of_turn();
            }
            _ => self.assert_out_of_turn(),
        }
    }

    fn room(&mut self, link: LinkId, room: bool) {
        self.req.set_room(link, room);
        self.room[link] = room;
    }

    /// The connection breaks, or the link goes with it and another comes.
    fn lose(&mut self, link: LinkId, link_too: bool) {
        let was_asked = matches!(&self.asked, Asked::Peer { link: asked, .. } if *asked == link);
        if link_too {
            self.req.detach(link);
            self.req.attach(link);
            self.room[link] = true;
            if was_asked {
                self.asked = Asked::Gone;
            }
        } else {
            self.req.connection_lost(link, 0);
            if let Asked::Peer { lost, .. } = &mut self.asked {
                *lost |= was_asked;
            }
        }
    }
}

struct RepModel {
    rep: Pattern,
    room: [bool; LINKS],
    /// The peer to answer, with what before the answer. The peer may be gone.
    asked: Option<(Option<LinkId>, Frames)>,
}

impl RepModel {
    fn new() -> RepModel {
        RepModel {
            rep: pattern(SocketType::Rep, &PatternSettings::default()),
            room: [true; LINKS],
            asked: None,
        }
    }

    fn receive(&mut self, from: LinkId, frames: Frames) {
        if self.asked.is_some() {
            assert_eq!(self.rep.may_receive(), Err(Refusal::MustSendFirst));
            return;
        }
        assert_eq!(self.rep.may_receive(), Ok(()));
        self.rep.set_readable(from, true);
        assert_eq!(self.rep.next(), Some(from));
        let got = self.rep.incoming(from, Message::from(frames.clone())).ok();
        self.rep.set_readable(from, false);
        let body = frames
            .iter()
            .position(Vec::is_empty)
            .map(|delimiter| frames.split_at(delimiter + 1))
            .filter(|(_, body)| !body.is_empty());
        assert_eq!(
            got.as_ref().map(plain).as_deref(),
            body.map(|(_, body)| body)
        );
        self.asked = body.map(|(envelope, _)| (Some(from), envelope.to_vec()));
        assert_eq!(self.rep.has_room(), self.asked.is_some());
    }

    /// Sends an answer; gives it as it goes out.
    fn send(&mut self, body: Frames) -> Option<Frames> {
        let mut message = Message::from(body.clone());
        let route = self.rep.route(&mut message);
        let Some((asker, envelope)) = self.asked.take() else {
            assert_eq!(route, Route::Refused(Refusal::MustReceiveFirst));
            assert_eq!(plain(&message), body);
            return None;
        };
        match asker.filter(|asker| self.room[*asker]) {
            Some(asker) => assert_eq!(route, Route::To(asker)),
            None => {
                assert_eq!(route, Route::Drop);
                return None;
            }
        }
        let expected = [envelope, body].concat();
        assert_eq!(plain(&message), expected);
        Some(expected)
    }

    fn room(&mut self, link: LinkId, room: bool) {
        self.rep.set_room(link, room);
        self.room[link] = room;
    }

    fn lose(&mut self, link: LinkId, link_too: bool) {
        if link_too {
            self.rep.detach(link);
            self.rep.attach(link);
            self.room[link] = true;
        } else {
            self.rep.connection_lost(link, 0);
        }
        if let Some((asker, _)) = &mut self.asked {
            asker.take_if(|asker| *asker == link);
        }
    }
}
