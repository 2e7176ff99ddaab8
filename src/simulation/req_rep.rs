//! REQ and REP take turns, whatever becomes of their connections.

use std::time::Duration;

use super::{number, orders, tagged};
use crate::{Message, RecvError, Rep, Req, Socket};

const AT: &str = "tcp://10.0.0.1:5000";

/// A REQ, and which of its requests has no answer yet.
struct Asker {
    req: Socket<Req>,
    asked: Option<u32>,
    requests: u32,
    answers: u32,
    gone: u32,
}

impl Asker {
    fn new(req: Socket<Req>) -> Asker {
        Asker {
            req,
            asked: None,
            requests: 0,
            answers: 0,
            gone: 0,
        }
    }

    fn ask(&mut self, name: usize) {
        match self.req.try_send(tagged(name, self.requests)) {
            Ok(()) => {
                assert!(self.asked.is_none() || self.req.options().relaxed);
                self.asked = Some(self.requests);
                self.requests += 1;
            }
            Err(error) => assert!(self.asked.is_some() || error.is_would_block()),
        }
    }

    /// Whether it has an answer, or knows that there will be none.
    fn listen(&mut self, name: usize) -> bool {
        match self.req.try_recv() {
            Ok(answer) => {
                assert_eq!(usize::from(answer[0][0]), name);
                assert_eq!(Some(number(&answer)), self.asked.take());
                self.answers += 1;
                true
            }
            Err(RecvError::PeerGone) => {
                assert!(self.asked.take().is_some());
                self.gone += 1;
                true
            }
            Err(RecvError::MustSendFirst) => {
                assert!(self.asked.is_none());
                false
            }
            Err(error) => {
                assert_eq!(error, RecvError::WouldBlock);
                assert!(self.asked.is_some());
                false
            }
        }
    }
}

/// The REP receives a request, or gives it back.
fn answer(rep: &Socket<Rep>, request: &mut Option<Message>) {
    match request.take() {
        Some(request) => {
            assert_eq!(rep.try_recv().unwrap_err(), RecvError::MustSendFirst);
            rep.try_send(request).unwrap();
        }
        None => {
            assert!(rep.try_send("nothing was asked").is_err());
            *request = rep.try_recv().ok();
        }
    }
}

#[test]
fn every_request_is_answered_once_and_in_turn() {
    orders(120, |world| {
        let rep = world.socket(Rep).bind(AT).unwrap();
        let count = 1 + world.dice.below(4);
        let mut askers: Vec<_> = (0..count)
            .map(|_| Asker::new(world.socket(Req).connect(AT).unwrap()))
            .collect();
        let mut request = None;
        for _ in 0..300 {
            let at = world.dice.below(count);
            match world.dice.below(6) {
                0 => askers[at].ask(at),
                1 => _ = askers[at].listen(at),
                2 => answer(&rep, &mut request),
                _ => world.nudge(),
            }
        }
        for _ in 0..count + 1 {
            world.settle();
            answer(&rep, &mut request);
            answer(&rep, &mut request);
        }
        world.settle();
        for (name, asker) in askers.iter_mut().enumerate() {
            let waits = asker.asked.is_some();
            assert_eq!(asker.listen(name), waits);
            assert_eq!((asker.answers, asker.gone), (asker.requests, 0));
        }
        let asked = askers.iter().map(|it| u64::from(it.requests)).sum::<u64>();
        let stats = rep.stats();
        assert_eq!(
            (stats.received, stats.sent, stats.dropped),
            (asked, asked, 0)
        );
    });
}

#[test]
fn a_request_whose_connection_is_lost_has_an_answer_or_an_error() {
    orders(120, |world| {
        let rep = world.socket(Rep).bind(AT).unwrap();
        let relaxed = world.dice.once_in(2);
        let count = 1 + world.dice.below(3);
        let mut askers: Vec<_> = (0..count)
            .map(|_| world.socket(Req).relaxed(relaxed).correlate(relaxed))
            .map(|req| Asker::new(req.connect(AT).unwrap()))
            .collect();
        let mut request = None;
        let (mut received, mut answered) = (0, 0);
        let mut step_rep = |request: &mut Option<Message>| {
            let had = request.is_some();
            answer(&rep, request);
            received += u64::from(!had && request.is_some());
            answered += u64::from(had);
            had || request.is_some()
        };
        for _ in 0..400 {
            let at = world.dice.below(count);
            match world.dice.below(6) {
                0 => askers[at].ask(at),
                1 => _ = askers[at].listen(at),
                2 => _ = step_rep(&mut request),
                _ => world.nudge(),
            }
            if world.dice.once_in(50) {
                world.cut_one();
            }
            if world.dice.once_in(20) {
                world.wait(Duration::from_millis(100));
            }
        }
        for _ in 0..5 {
            world.pass(Duration::from_secs(3));
            while step_rep(&mut request) {
                world.settle();
            }
        }
        world.pass(Duration::from_secs(3));
        for (name, asker) in askers.iter_mut().enumerate() {
            let waits = asker.asked.is_some();
            assert_eq!(asker.listen(name), waits, "it waits for ever");
            // And all of them can ask again.
            asker.ask(name);
            assert!(asker.asked.is_some());
        }
        let stats = rep.stats();
        assert_eq!(stats.received, received);
        // One that was queued for a connection that then broke counts as both.
        assert!(stats.sent <= answered && answered <= stats.sent + stats.dropped);
    });
}
