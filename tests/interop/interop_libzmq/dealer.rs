//! DEALER (RFC 28): any number of messages both ways, to REP, DEALER and ROUTER, and by proxy.

use std::collections::HashSet;
use std::thread;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, Dealer, Rep};

use crate::support::*;

const SIZES: [usize; 8] = [0, 1, 255, 256, 8_191, 65_536, 1 << 20, 8 << 20];

fn bytes(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

/// Every size, and multipart messages with empty frames at either end.
fn messages() -> Vec<Vec<Vec<u8>>> {
    let mut all = SIZES.map(|size| vec![body(size)]).to_vec();
    all.extend([&["", "a"][..], &["a", ""], &["", ""], &["a", "", "b"]].map(bytes));
    all
}

#[test]
fn our_dealer_and_a_libzmq_dealer_stream_both_ways() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Dealer).open().expect("our DEALER");
        let theirs = theirs(&zmq::Context::new(), Kind::Dealer);
        let _address = setup.join(&ours.clone().into_dynamic(), &theirs);
        let sender = thread::spawn({
            let ours = ours.clone();
            move || {
                for sent in messages() {
                    ours.send_timeout(message(&sent), DEADLINE)
                        .expect("our message");
                }
            }
        });
        for sent in messages() {
            theirs.send_multipart(&sent).expect("their message");
            let received = theirs.recv_multipart().expect("our message there");
            assert_same(&received, &sent, &format!("to libzmq, {setup:?}"));
            let received = ours.recv_timeout(DEADLINE).expect("their message here");
            assert_same(&parts(&received), &sent, &format!("from libzmq, {setup:?}"));
        }
        sender.join().expect("the sender");
    }
}

#[test]
fn our_dealer_keeps_many_questions_with_a_libzmq_rep() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Dealer).open().expect("our DEALER");
        let rep = theirs(&zmq::Context::new(), Kind::Rep);
        let _address = setup.join(&ours.clone().into_dynamic(), &rep);
        let questions: Vec<_> = (0..100).map(|n| format!("question {n}")).collect();
        for question in &questions {
            ours.send_timeout(["", question.as_str()], DEADLINE)
                .expect("our question");
        }
        for question in &questions {
            let asked = rep.recv_multipart().expect("their request");
            assert_eq!(asked, bytes(&[question]), "{setup:?}");
            rep.send_multipart(asked).expect("their reply");
        }
        for question in &questions {
            let answer = ours.recv_timeout(DEADLINE).expect("an answer");
            assert_eq!(parts(&answer), bytes(&["", question]), "{setup:?}");
        }
    }
}

#[test]
fn our_rep_answers_a_libzmq_dealer_that_does_not_wait() {
    for setup in Setup::all() {
        let rep = Context::new().socket(Rep).open().expect("our REP");
        let dealer = theirs(&zmq::Context::new(), Kind::Dealer);
        let _address = setup.join(&rep.clone().into_dynamic(), &dealer);
        for n in 0..100 {
            let question = bytes(&["", &format!("question {n}")]);
            dealer.send_multipart(question).expect("their question");
        }
        for _ in 0..100 {
            let asked = rep.recv_timeout(DEADLINE).expect("a question");
            rep.send_timeout(asked, DEADLINE).expect("our answer");
        }
        for n in 0..100 {
            let answer = dealer.recv_multipart().expect("an answer");
            assert_eq!(answer, bytes(&["", &format!("question {n}")]), "{setup:?}");
        }
    }
}

#[test]
fn a_libzmq_router_knows_our_dealer_by_the_id_it_announced() {
    for setup in Setup::all() {
        let ours = Context::new()
            .socket(Dealer)
            .routing_id("our name")
            .open()
            .expect("our DEALER");
        let router = theirs(&zmq::Context::new(), Kind::Router);
        router
            .set_int(option::ROUTER_MANDATORY, 1)
            .expect("their option");
        let _address = setup.join(&ours.clone().into_dynamic(), &router);
        ours.send_timeout(["a", "", "b"], DEADLINE)
            .expect("our message");
        let received = router.recv_multipart().expect("our message there");
        assert_eq!(received, bytes(&["our name", "a", "", "b"]), "{setup:?}");
        router
            .send_multipart(bytes(&["our name", "", "back"]))
            .expect("their reply");
        let reply = ours.recv_timeout(DEADLINE).expect("their reply here");
        assert_eq!(parts(&reply), bytes(&["", "back"]), "{setup:?}");
    }
}

#[test]
fn our_dealer_deals_out_to_libzmq_dealers_in_turn() {
    let ours = Context::new().socket(Dealer).open().expect("our DEALER");
    let monitor = ours.monitor();
    let context = zmq::Context::new();
    let (mut peers, mut addresses) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let peer = theirs(&context, Kind::Dealer);
        addresses.push(Setup::TCP.join(&ours.clone().into_dynamic(), &peer));
        wait_for(&monitor, "a peer", is_up);
        peers.push(peer);
    }
    for n in 0..30u8 {
        ours.send_timeout([n], DEADLINE).expect("our message");
    }
    let mut seen = HashSet::new();
    for peer in &peers {
        for _ in 0..10 {
            seen.insert(peer.recv_multipart().expect("a share"));
        }
    }
    assert_eq!(seen.len(), 30, "nothing twice");
}
