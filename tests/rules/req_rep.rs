//! REQ and REP: taking turns, envelopes, peers that go.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use sinew::{Context, EventKind, RecvError, Rep, Req, SendErrorKind};

use crate::support::{
    address, await_disconnect, await_event, await_peer, endpoints, Raw, A_WHILE, MORE, SOON,
};

const QUICK: Duration = Duration::from_millis(5);

#[test]
fn req_asks_its_peers_in_turn() {
    let ctx = Context::new();
    let req = ctx.socket(Req).open().unwrap();
    let monitor = req.monitor();
    let reps: Vec<_> = (0..2)
        .map(|_| {
            let rep = ctx.socket(Rep).bind("tcp://127.0.0.1:*").unwrap();
            req.connect(&address(&rep)).unwrap();
            await_peer(&monitor);
            rep
        })
        .collect();
    for n in 0..6 {
        req.send(n.to_string()).unwrap();
        let rep = &reps[n % 2];
        assert_eq!(rep.recv_timeout(SOON).unwrap(), n.to_string().as_str());
        rep.send("answer").unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer");
    }
}

#[test]
fn rep_takes_turns_too() {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind("inproc://turns").unwrap();
    let early = rep.try_send("early").unwrap_err();
    assert_eq!(early.kind(), SendErrorKind::MustReceiveFirst);
    assert_eq!(early.into_message(), "early");
    let req = ctx.socket(Req).connect("inproc://turns").unwrap();
    req.send("ask").unwrap();
    rep.recv_timeout(SOON).unwrap();
    assert_eq!(rep.try_recv(), Err(RecvError::MustSendFirst));
}

#[test]
fn a_waiting_req_hears_that_its_peer_is_gone_and_may_ask_again() {
    for endpoint in endpoints("gone") {
        let ctx = Context::new();
        let req = ctx
            .socket(Req)
            .reconnect_interval(QUICK)
            .bind(&endpoint)
            .unwrap();
        let rep = ctx.socket(Rep).connect(&address(&req)).unwrap();
        req.send("first").unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "first");
        let asker = req.clone();
        let waiting = thread::spawn(move || asker.recv_timeout(SOON));
        drop(rep);
        assert_eq!(waiting.join().unwrap(), Err(RecvError::PeerGone));
        assert_eq!(req.try_recv(), Err(RecvError::MustSendFirst));
        let rep = ctx.socket(Rep).connect(&address(&req)).unwrap();
        req.send_timeout("second", SOON).unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "second");
        rep.send("answer").unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer");
    }
}

#[test]
fn a_peer_that_answers_and_goes_has_answered() {
    for endpoint in endpoints("answers-and-goes") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(&endpoint).unwrap();
        let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
        let monitor = req.monitor();
        req.send("ask").unwrap();
        rep.recv_timeout(SOON).unwrap();
        rep.send("answer").unwrap();
        assert_eq!(rep.close().undelivered, 0);
        await_disconnect(&monitor);
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer", "{endpoint}");
    }
}

#[test]
fn a_peer_that_goes_after_mere_noise_is_gone() {
    // The noise and the end may come together or apart, to a REQ that waits already or not yet.
    for waits in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ctx = Context::new();
        let req = ctx
            .socket(Req)
            .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
            .unwrap();
        let monitor = req.monitor();
        let mut raw = Raw::accept(&listener).shake("REP");
        req.send("ask").unwrap();
        raw.read_frame();
        raw.read_frame();
        let asker = req.clone();
        let waiting = waits.then(|| thread::spawn(move || asker.recv_timeout(SOON)));
        raw.send(0, b"no delimiter");
        drop(raw);
        drop(listener);
        await_disconnect(&monitor);
        let got = match waiting {
            Some(waiting) => waiting.join().unwrap(),
            None => req.recv_timeout(SOON),
        };
        assert_eq!(got, Err(RecvError::PeerGone), "waits: {waits}");
    }
}

#[test]
fn an_accepted_peer_that_goes_after_mere_noise_is_gone() {
    let ctx = Context::new();
    let req = ctx.socket(Req).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = req.monitor();
    let mut raw = Raw::connect(&address(&req)).shake("REP");
    req.send_timeout("ask", SOON).unwrap();
    raw.read_frame();
    raw.read_frame();
    raw.send(0, b"no delimiter");
    drop(raw);
    await_disconnect(&monitor);
    assert_eq!(req.recv_timeout(SOON), Err(RecvError::PeerGone));
}

#[test]
fn a_request_that_was_not_sent_is_kept_for_the_late_peer() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/late", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://late"] {
        let ctx = Context::new();
        let req = ctx
            .socket(Req)
            .reconnect_interval(QUICK)
            .connect(endpoint)
            .unwrap();
        req.send("early").unwrap();
        assert_eq!(req.recv_timeout(A_WHILE), Err(RecvError::TimedOut));
        let rep = ctx.socket(Rep).bind(endpoint).unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "early");
        rep.send("answer").unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer");
    }
}

#[test]
fn a_reply_to_a_peer_that_is_gone_is_dropped_silently_and_counted() {
    for endpoint in endpoints("dropped") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(&endpoint).unwrap();
        let monitor = rep.monitor();
        let req = ctx
            .socket(Req)
            .linger(Duration::ZERO)
            .connect(&address(&rep))
            .unwrap();
        req.send("ask").unwrap();
        rep.recv_timeout(SOON).unwrap();
        drop(req);
        await_disconnect(&monitor);
        rep.send("to nobody").unwrap();
        assert_eq!(rep.stats().dropped, 1, "{endpoint}");
        let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
        req.send("ask").unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "ask");
    }
}

#[test]
fn relaxed_asks_again_and_correlate_takes_only_the_last_answer() {
    for endpoint in endpoints("relaxed") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(&endpoint).unwrap();
        let req = ctx
            .socket(Req)
            .relaxed(true)
            .correlate(true)
            .connect(&address(&rep))
            .unwrap();
        for n in 0..100 {
            req.send(format!("lost {n}")).unwrap();
            req.send(format!("asked {n}")).unwrap();
            for what in ["lost", "asked"] {
                let request = format!("{what} {n}");
                assert_eq!(rep.recv_timeout(SOON).unwrap(), request.as_str());
                rep.send(request).unwrap();
            }
            let answer = req.recv_timeout(SOON).unwrap();
            assert_eq!(answer, format!("asked {n}").as_str(), "{endpoint}");
        }
    }
}

#[test]
fn answers_that_nobody_waits_for_use_up_no_room() {
    for endpoint in endpoints("no-room") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).send_hwm(4).bind(&endpoint).unwrap();
        let req = ctx
            .socket(Req)
            .relaxed(true)
            .recv_hwm(4)
            .connect(&address(&rep))
            .unwrap();
        // Each answer is there, or on its way, when the next question throws it away.
        for n in 0..200 {
            req.send_timeout(n.to_string(), SOON).unwrap();
            assert_eq!(rep.recv_timeout(SOON).unwrap(), n.to_string().as_str());
            rep.send("unheard").unwrap();
        }
        assert_eq!(rep.stats().dropped, 0, "{endpoint}");
        assert_eq!(req.recv_timeout(SOON).unwrap(), "unheard");
    }
}

#[test]
fn what_departed_peers_said_unasked_keeps_no_peer_of_a_req_out() {
    for relaxed in [false, true] {
        let context = Context::new();
        let req = context.socket(Req).recv_hwm(4).relaxed(relaxed);
        let req = req.bind("tcp://127.0.0.1:*").unwrap();
        let monitor = req.monitor();
        for _ in 0..2 {
            let mut peer = Raw::connect(&address(&req)).shake("REP");
            for _ in 0..3 {
                peer.send(MORE, b"");
                peer.send(0, b"noise");
            }
            drop(peer);
            await_disconnect(&monitor);
        }
        // What is left of the two is more than the mark, so that the listener does not accept.
        let rep = context.socket(Rep).connect(address(&req)).unwrap();
        await_event(&monitor, |kind| {
            matches!(kind, EventKind::AcceptPaused { .. })
        });
        req.send_timeout("ask", SOON).unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "ask");
        rep.send("answer").unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer");
    }
}

#[test]
fn an_envelope_of_any_length_comes_back_as_it_was() {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind("tcp://127.0.0.1:*").unwrap();
    let mut raw = Raw::connect(&address(&rep)).shake("DEALER");
    for hop in ["one", "two", "three"] {
        raw.send(MORE, hop.as_bytes());
    }
    raw.send(MORE, b"");
    raw.send(MORE, b"");
    raw.send(0, b"body");
    assert_eq!(
        rep.recv_timeout(SOON).unwrap(),
        sinew::Message::from(["", "body"])
    );
    rep.send("answer").unwrap();
    let frames: Vec<_> = (0..5).map(|_| raw.read_frame()).collect();
    let expected: Vec<(u8, Vec<u8>)> =
        [("one", 1), ("two", 1), ("three", 1), ("", 1), ("answer", 0)]
            .map(|(body, more)| (more, body.into()))
            .into();
    assert_eq!(frames, expected);
}

#[test]
fn a_request_without_a_delimiter_is_discarded() {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind("tcp://127.0.0.1:*").unwrap();
    let mut raw = Raw::connect(&address(&rep)).shake("DEALER");
    raw.send(0, b"no delimiter");
    raw.send(0, b"");
    raw.send(MORE, b"");
    raw.send(0, b"good");
    assert_eq!(rep.recv_timeout(SOON).unwrap(), "good");
}

#[test]
fn a_second_connect_to_the_same_endpoint_is_ignored() {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = rep.monitor();
    let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
    req.connect(&address(&rep)).unwrap();
    for _ in 0..3 {
        req.send("ask").unwrap();
        rep.recv_timeout(SOON).unwrap();
        rep.send("answer").unwrap();
        req.recv_timeout(SOON).unwrap();
    }
    await_event(&monitor, |k| matches!(k, EventKind::Accepted));
    assert_eq!(rep.stats().peers, 1);
}
