//! ROUTER (RFC 28): peers by routing id, with libzmq's REQ, DEALER and ROUTER.

use std::collections::HashSet;
use std::time::Instant;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, Dealer, EventKind, Message, PeerRefusal, Req, Router, SendErrorKind};

use crate::support::*;

fn bytes(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

fn named(context: &zmq::Context, kind: Kind, id: &str) -> zmq::Socket {
    let socket = theirs(context, kind);
    socket
        .set_bytes(option::ROUTING_ID, id.as_bytes())
        .expect("their option");
    socket
}

#[test]
fn our_router_knows_a_libzmq_dealer_by_the_id_it_announced() {
    for setup in Setup::all() {
        let router = Context::new()
            .socket(Router)
            .mandatory(true)
            .open()
            .expect("our ROUTER");
        let dealer = named(&zmq::Context::new(), Kind::Dealer, "their name");
        let _address = setup.join(&router.clone().into_dynamic(), &dealer);
        let sent = [bytes(&["a", "", "b"]), vec![body(0)], vec![body(1 << 20)]];
        for message in &sent {
            dealer
                .send_multipart(message.clone())
                .expect("their message");
            let (id, received) = router.recv_timeout(DEADLINE).expect("it").split_id();
            assert_eq!(id, "their name", "{setup:?}");
            assert_same(&parts(&received), message, "their message");
            router
                .send_timeout(received.routed_to(id), DEADLINE)
                .expect("ours");
            let back = dealer.recv_multipart().expect("our message there");
            assert_same(&back, message, "our message");
        }
        let error = router.send(["their name", "m"].map(str::to_uppercase));
        assert_eq!(error.unwrap_err().kind(), SendErrorKind::Unroutable);
    }
}

#[test]
fn our_router_makes_up_ids_for_libzmq_reqs_and_answers_in_any_order() {
    for setup in Setup::all() {
        let context = zmq::Context::new();
        let router = Context::new().socket(Router).open().expect("our ROUTER");
        let reqs: Vec<_> = (0..3).map(|_| theirs(&context, Kind::Req)).collect();
        let _addresses: Vec<_> = reqs
            .iter()
            .map(|req| setup.join(&router.clone().into_dynamic(), req))
            .collect();
        for (n, req) in reqs.iter().enumerate() {
            let question = bytes(&[&format!("question {n}")]);
            req.send_multipart(question).expect("their question");
        }
        let questions = reqs.iter().map(|_| router.recv_timeout(DEADLINE));
        let mut questions: Vec<_> = questions.map(|it| it.expect("a question")).collect();
        let ids: HashSet<_> = questions.iter().map(|it| it[0].to_vec()).collect();
        assert!(ids.iter().all(|id| id.len() == 5 && id[0] == 0), "{ids:?}");
        assert_eq!(ids.len(), 3, "{setup:?}");
        while let Some(question) = questions.pop() {
            router.send_timeout(question, DEADLINE).expect("our answer");
        }
        for (n, req) in reqs.iter().enumerate() {
            let answer = req.recv_multipart().expect("our answer there");
            assert_eq!(answer, bytes(&[&format!("question {n}")]), "{setup:?}");
        }
    }
}

#[test]
fn a_libzmq_router_answers_our_req_and_our_router() {
    for setup in Setup::all() {
        let context = Context::new();
        let router = named(&zmq::Context::new(), Kind::Router, "theirs");
        let req = context
            .socket(Req)
            .routing_id("our req")
            .open()
            .expect("our REQ");
        let _req_address = setup.join(&req.clone().into_dynamic(), &router);
        req.send_timeout("ask", DEADLINE).expect("our question");
        let asked = router.recv_multipart().expect("our question there");
        assert_eq!(asked, bytes(&["our req", "", "ask"]), "{setup:?}");
        router.send_multipart(asked).expect("their answer");
        assert_eq!(req.recv_timeout(DEADLINE).expect("it"), "ask", "{setup:?}");

        let ours = context
            .socket(Router)
            .routing_id("our router")
            .mandatory(true)
            .open()
            .expect("our ROUTER");
        let monitor = ours.monitor();
        let _address = setup.join(&ours.clone().into_dynamic(), &router);
        wait_for(&monitor, "their ROUTER", is_up);
        ours.send_timeout(["theirs", "a", "", "b"], DEADLINE)
            .expect("our message");
        let received = router.recv_multipart().expect("our message there");
        assert_eq!(received, bytes(&["our router", "a", "", "b"]), "{setup:?}");
        router.send_multipart(received).expect("their message");
        let back = ours.recv_timeout(DEADLINE).expect("their message here");
        assert_eq!(back, ["theirs", "a", "", "b"], "{setup:?}");
    }
}

#[test]
fn our_router_refuses_a_second_libzmq_peer_of_an_id() {
    let router = Context::new().socket(Router).open().expect("our ROUTER");
    let monitor = router.monitor();
    let context = zmq::Context::new();
    let first = named(&context, Kind::Dealer, "same");
    let _one = Setup::TCP.join(&router.clone().into_dynamic(), &first);
    wait_for(&monitor, "the first", is_up);
    let second = named(&context, Kind::Dealer, "same");
    let _other = Setup::TCP.join(&router.clone().into_dynamic(), &second);
    let reason = PeerRefusal::RoutingIdTaken;
    wait_for(&monitor, "the refusal", |kind| {
        *kind == EventKind::PeerRefused { reason }
    });
    first.send_multipart(bytes(&["m"])).expect("their message");
    let received = router.recv_timeout(DEADLINE).expect("it");
    assert_eq!(received, ["same", "m"]);
    drop(second);
}

#[test]
fn with_handover_a_second_libzmq_peer_of_an_id_takes_over() {
    let router = Context::new()
        .socket(Router)
        .handover(true)
        .open()
        .expect("our ROUTER");
    let context = zmq::Context::new();
    let first = named(&context, Kind::Dealer, "same");
    first
        .set_int(option::RECONNECT_IVL, -1)
        .expect("their option");
    let _one = Setup::TCP.join(&router.clone().into_dynamic(), &first);
    first.send_multipart(bytes(&["1"])).expect("their message");
    let received = router.recv_timeout(DEADLINE).expect("it");
    assert_eq!(received, ["same", "1"]);
    let second = named(&context, Kind::Dealer, "same");
    let _other = Setup::TCP.join(&router.clone().into_dynamic(), &second);
    second.send_multipart(bytes(&["2"])).expect("their message");
    let received = router.recv_timeout(DEADLINE).expect("it");
    assert_eq!(received, ["same", "2"]);
    router.send_timeout(received, DEADLINE).expect("ours");
    assert_eq!(second.recv_multipart().expect("it"), bytes(&["2"]));
}

#[test]
fn probes_are_understood_both_ways() {
    for setup in Setup::all() {
        let context = Context::new();
        let router = theirs(&zmq::Context::new(), Kind::Router);
        let dealer = context
            .socket(Dealer)
            .routing_id("ours")
            .probe_router(true)
            .open()
            .expect("our DEALER");
        let _address = setup.join(&dealer.clone().into_dynamic(), &router);
        let probe = router.recv_multipart().expect("our probe");
        assert_eq!(probe, bytes(&["ours", ""]), "{setup:?}");
        router
            .send_multipart(bytes(&["ours", "m"]))
            .expect("their message");
        assert_eq!(dealer.recv_timeout(DEADLINE).expect("it"), "m", "{setup:?}");

        let router = context.socket(Router).open().expect("our ROUTER");
        let dealer = named(&zmq::Context::new(), Kind::Dealer, "theirs");
        dealer
            .set_int(option::PROBE_ROUTER, 1)
            .expect("their option");
        let _address = setup.join(&router.clone().into_dynamic(), &dealer);
        let deadline = Instant::now() + DEADLINE;
        let probe = loop {
            // A libzmq socket that binds learns of its peers, and probes them, only within calls.
            assert_eq!(their_next(&dealer, RETRY), None, "{setup:?}");
            match router.try_recv() {
                Ok(probe) => break probe,
                Err(error) => assert!(Instant::now() < deadline, "{error}: {setup:?}"),
            }
        };
        assert_eq!(probe, ["theirs", ""], "{setup:?}");
        router
            .send_timeout(Message::from("m").routed_to("theirs"), DEADLINE)
            .expect("ours");
        assert_eq!(dealer.recv_multipart().expect("it"), bytes(&["m"]));
    }
}
