//! REQ and REP (RFC 28): envelopes, and which answer belongs to which question.

use std::thread::{self, JoinHandle};
use std::time::Instant;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, Message, Rep, Req, Requester, Socket};

use crate::support::*;

const SIZES: [usize; 10] = [0, 1, 254, 255, 256, 257, 8_191, 65_536, 1 << 20, 8 << 20];

fn bytes(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

/// What the dialogues below carry: every size, and multipart bodies with empty frames at either end.
fn bodies() -> Vec<Vec<Vec<u8>>> {
    let mut bodies = SIZES.map(|size| vec![body(size)]).to_vec();
    bodies.extend([&["", "a"][..], &["a", ""], &["", ""], &["a", "", "b"]].map(bytes));
    bodies
}

/// Answers so many requests with their own frames, the other way round.
fn our_echo(rep: Socket<Rep>, count: usize) -> JoinHandle<Socket<Rep>> {
    thread::spawn(move || {
        for _ in 0..count {
            let request = rep.recv_timeout(DEADLINE).expect("our REP's request");
            rep.send_timeout(message(&reversed(parts(&request))), DEADLINE)
                .expect("our reply");
        }
        rep
    })
}

fn their_echo(rep: zmq::Socket, count: usize) -> JoinHandle<zmq::Socket> {
    thread::spawn(move || {
        for _ in 0..count {
            let request = rep.recv_multipart().expect("their REP's request");
            rep.send_multipart(reversed(request)).expect("their reply");
        }
        rep
    })
}

fn reversed(mut parts: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    parts.reverse();
    parts
}

fn we_ask(req: &Socket<Req>, question: &[Vec<u8>]) -> Vec<Vec<u8>> {
    req.send_timeout(message(question), DEADLINE)
        .expect("our request");
    let answer = req.recv_timeout(DEADLINE);
    parts(&answer.unwrap_or_else(|error| panic!("no answer to {}: {error:?}", shape_of(question))))
}

fn they_ask(req: &zmq::Socket, question: &[Vec<u8>]) -> Vec<Vec<u8>> {
    req.send_multipart(question).expect("their request");
    let answer = req.recv_multipart();
    answer.unwrap_or_else(|error| panic!("no answer to {}: {error:?}", shape_of(question)))
}

#[test]
fn our_req_is_answered_by_a_libzmq_rep() {
    for setup in Setup::all() {
        let req = Context::new().socket(Req).open().expect("our REQ");
        let rep = theirs(&zmq::Context::new(), Kind::Rep);
        let _address = setup.join(&req.clone().into_dynamic(), &rep);
        let bodies = bodies();
        let echo = their_echo(rep, bodies.len());
        for question in bodies {
            let answer = we_ask(&req, &question);
            assert_same(&answer, &reversed(question), &format!("{setup:?}"));
        }
        echo.join().expect("the echo");
    }
}

/// Many threads ask a libzmq REP over one socket: each gets its own reply.
#[test]
fn our_requester_is_answered_by_a_libzmq_rep() {
    for setup in Setup::all() {
        let requester = Context::new()
            .socket(Requester)
            .open()
            .expect("our requester");
        let rep = theirs(&zmq::Context::new(), Kind::Rep);
        let _address = setup.join(&requester.clone().into_dynamic(), &rep);
        let echo = their_echo(rep, 8 * 50);
        thread::scope(|scope| {
            for asker in 0..8 {
                let requester = &requester;
                scope.spawn(move || {
                    for number in 0..50 {
                        let question = [format!("{asker}"), format!("{number}")];
                        let reply = requester.request_timeout(question.clone(), DEADLINE);
                        let [asker, number] = question;
                        assert_eq!(reply.expect("a reply"), [number, asker]);
                    }
                });
            }
        });
        echo.join().expect("the echo");
    }
}

#[test]
fn our_rep_answers_a_libzmq_req() {
    for setup in Setup::all() {
        let rep = Context::new().socket(Rep).open().expect("our REP");
        let req = theirs(&zmq::Context::new(), Kind::Req);
        let _address = setup.join(&rep.clone().into_dynamic(), &req);
        let bodies = bodies();
        let echo = our_echo(rep, bodies.len());
        for question in bodies {
            let answer = they_ask(&req, &question);
            assert_same(&answer, &reversed(question), &format!("{setup:?}"));
        }
        echo.join().expect("the echo");
    }
}

/// Some libzmq proxies in a row, each with a ROUTER in front and a DEALER behind it, so that a request
/// collects one envelope frame at each.
struct Proxies {
    contexts: Vec<zmq::Context>,
    threads: Vec<JoinHandle<()>>,
    front: String,
    back: String,
}

impl Proxies {
    fn start(count: usize) -> Proxies {
        let mut proxies = Proxies {
            contexts: Vec::new(),
            threads: Vec::new(),
            front: String::new(),
            back: String::new(),
        };
        for number in 0..count {
            let context = zmq::Context::new();
            let router = theirs(&context, Kind::Router);
            let dealer = theirs(&context, Kind::Dealer);
            if number == 0 {
                router.bind("tcp://127.0.0.1:*").expect("the front");
                proxies.front = router.last_endpoint().expect("the front");
            } else {
                router.connect(&proxies.back).expect("the proxy before");
            }
            dealer.bind("tcp://127.0.0.1:*").expect("the back");
            proxies.back = dealer.last_endpoint().expect("the back");
            proxies.contexts.push(context);
            proxies.threads.push(thread::spawn(move || {
                zmq::Socket::proxy(&router, &dealer);
            }));
        }
        proxies
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        self.contexts.iter().for_each(zmq::Context::shutdown);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[test]
fn our_req_and_our_rep_meet_through_libzmq_proxies() {
    for count in [1, 3] {
        let proxies = Proxies::start(count);
        let context = Context::new();
        let req = context
            .socket(Req)
            .connect(&proxies.front)
            .expect("our REQ");
        let rep = context.socket(Rep).connect(&proxies.back).expect("our REP");
        let bodies = bodies();
        let echo = our_echo(rep, bodies.len());
        for question in bodies {
            assert_same(&we_ask(&req, &question), &reversed(question), "by proxy");
        }
        echo.join().expect("the echo");
    }
}

#[test]
fn our_req_reaches_a_libzmq_rep_through_proxies() {
    let proxies = Proxies::start(3);
    let req = Context::new()
        .socket(Req)
        .connect(&proxies.front)
        .expect("our REQ");
    let rep = theirs(&zmq::Context::new(), Kind::Rep);
    rep.connect(&proxies.back).expect("their REP");
    let echo = their_echo(rep, 1);
    assert_eq!(
        we_ask(&req, &bytes(&["a", "", "b"])),
        bytes(&["b", "", "a"])
    );
    echo.join().expect("the echo");
}

#[test]
fn our_rep_answers_a_libzmq_req_through_proxies() {
    let proxies = Proxies::start(3);
    let rep = Context::new()
        .socket(Rep)
        .connect(&proxies.back)
        .expect("our REP");
    let req = theirs(&zmq::Context::new(), Kind::Req);
    req.connect(&proxies.front).expect("their REQ");
    let echo = our_echo(rep, 1);
    assert_eq!(
        they_ask(&req, &bytes(&["a", "", "b"])),
        bytes(&["b", "", "a"])
    );
    echo.join().expect("the echo");
}

#[test]
fn our_rep_answers_with_the_whole_envelope_it_was_asked_in() {
    for setup in Setup::all() {
        let rep = Context::new().socket(Rep).open().expect("our REP");
        let dealer = theirs(&zmq::Context::new(), Kind::Dealer);
        let _address = setup.join(&rep.clone().into_dynamic(), &dealer);
        for envelope in [&[""][..], &["one", ""], &["one", "two", "three", ""]] {
            let asked = [envelope, &["body", "", "end"]].concat();
            dealer.send_multipart(bytes(&asked)).expect("their request");
            let request = rep.recv_timeout(DEADLINE).expect("the request");
            assert_eq!(parts(&request), bytes(&["body", "", "end"]));
            rep.send_timeout("reply", DEADLINE).expect("our reply");
            let reply = dealer.recv_multipart().expect("the reply");
            assert_eq!(reply, bytes(&[envelope, &["reply"]].concat()));
        }
    }
}

#[test]
fn our_rep_ignores_a_request_without_a_delimiter() {
    let rep = Context::new().socket(Rep).open().expect("our REP");
    let dealer = theirs(&zmq::Context::new(), Kind::Dealer);
    let _address = Setup::TCP.join(&rep.clone().into_dynamic(), &dealer);
    dealer
        .send_multipart(bytes(&["no", "delimiter"]))
        .expect("their message");
    dealer
        .send_multipart(bytes(&["", "proper"]))
        .expect("their request");
    let request: Message = rep.recv_timeout(DEADLINE).expect("the request");
    assert_eq!(request, "proper");
}

#[test]
fn our_rep_answers_the_one_who_asked() {
    let rep = Context::new()
        .socket(Rep)
        .bind("tcp://127.0.0.1:0")
        .expect("our REP");
    let endpoint = rep.last_endpoint().expect("an endpoint").to_string();
    let context = zmq::Context::new();
    let requesters = (0..5u8)
        .map(|number| {
            let req = theirs(&context, Kind::Req);
            req.connect(&endpoint).expect("their connect");
            req.send(&[number], false).expect("their request");
            req
        })
        .collect::<Vec<_>>();
    let echo = our_echo(rep, requesters.len());
    for (number, req) in (0u8..).zip(&requesters) {
        assert_eq!(req.recv_multipart().expect("its own answer"), [[number]]);
    }
    echo.join().expect("the echo");
}

#[test]
fn our_req_asks_its_libzmq_reps_in_turn() {
    let req = Context::new()
        .socket(Req)
        .bind("tcp://127.0.0.1:0")
        .expect("our REQ");
    let endpoint = req.last_endpoint().expect("an endpoint").to_string();
    let context = zmq::Context::new();
    let echoes = ["left", "right"].map(|name| {
        let rep = theirs(&context, Kind::Rep);
        rep.connect(&endpoint).expect("their connect");
        let (context, name) = (context.clone(), name.to_owned());
        let thread = thread::spawn(move || {
            while rep.recv_multipart().is_ok() {
                if rep.send(name.as_bytes(), false).is_err() {
                    break;
                }
            }
        });
        (context, thread)
    });
    let ask = || we_ask(&req, &[vec![]]).concat();
    let deadline = Instant::now() + DEADLINE;
    let mut before = ask();
    loop {
        assert!(Instant::now() < deadline, "one REP is never asked");
        let now = ask();
        if now != before {
            before = now;
            break;
        }
    }
    for _ in 0..6 {
        let now = ask();
        assert_ne!(now, before, "in turn");
        before = now;
    }
    for (context, thread) in echoes {
        context.shutdown();
        thread.join().expect("an echo");
    }
}

#[test]
fn our_relaxed_and_correlated_req_gets_the_answer_to_its_last_question() {
    for setup in Setup::all() {
        let req = Context::new()
            .socket(Req)
            .relaxed(true)
            .correlate(true)
            .open()
            .expect("our REQ");
        let rep = theirs(&zmq::Context::new(), Kind::Rep);
        let _address = setup.join(&req.clone().into_dynamic(), &rep);
        for question in ["given up", "given up too", "kept"] {
            req.send_timeout(question, DEADLINE).expect("our request");
        }
        let echo = their_echo(rep, 3);
        let answer = req.recv_timeout(DEADLINE).expect("an answer");
        assert_eq!(answer, "kept");
        echo.join().expect("the echo");
    }
}

#[test]
fn our_rep_serves_a_relaxed_and_correlated_libzmq_req() {
    for setup in Setup::all() {
        let rep = Context::new().socket(Rep).open().expect("our REP");
        let req = theirs(&zmq::Context::new(), Kind::Req);
        req.set_int(option::REQ_RELAXED, 1).expect("relaxed");
        req.set_int(option::REQ_CORRELATE, 1).expect("correlate");
        let _address = setup.join(&rep.clone().into_dynamic(), &req);
        for question in ["given up", "given up too", "kept"] {
            req.send(question.as_bytes(), false).expect("their request");
        }
        let echo = our_echo(rep, 3);
        assert_eq!(req.recv_multipart().expect("an answer"), [b"kept"]);
        echo.join().expect("the echo");
    }
}

#[test]
fn our_correlated_req_discards_an_answer_to_another_question() {
    let req = Context::new()
        .socket(Req)
        .correlate(true)
        .routing_id("alice")
        .open()
        .expect("our REQ");
    let router = theirs(&zmq::Context::new(), Kind::Router);
    let _address = Setup::TCP.join(&req.clone().into_dynamic(), &router);
    req.send_timeout("question", DEADLINE).expect("our request");
    let request = router.recv_multipart().expect("the request");
    let [peer, id, delimiter, question] = request.as_slice() else {
        panic!("a request of {} frames", request.len());
    };
    assert_eq!(peer, b"alice", "the routing id travels in the handshake");
    assert_eq!(id.len(), 4);
    assert_eq!(
        (delimiter.as_slice(), question.as_slice()),
        (&b""[..], &b"question"[..])
    );

    let other = id.iter().map(|byte| byte ^ 0x55).collect::<Vec<_>>();
    for (id, answer) in [(&other, "stale"), (id, "right")] {
        router
            .send_multipart([peer.as_slice(), id, b"", answer.as_bytes()])
            .expect("their answer");
    }
    let answer = req.recv_timeout(DEADLINE).expect("an answer");
    assert_eq!(answer, "right");
}
