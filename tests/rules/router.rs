//! ROUTER: to the peer that the first frame names, fair in, each message behind its sender (RFC 28).

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{
    Context, Dealer, Error, EventKind, Message, Monitor, PeerRefusal, RecvError, Rep, Req, Router,
    SendErrorKind, Socket, SocketType,
};

use crate::support::{
    address, await_disconnect, await_event, await_peer, await_refusal, endpoints, frame, Raw,
    A_WHILE, COMMAND, SOON,
};

/// A port that nothing listens on.
const NOBODY: &str = "tcp://127.0.0.1:9";

/// The READY of a DEALER that announces a routing id.
fn ready_as(id: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0".to_vec();
    body.push(id.len() as u8);
    body.extend_from_slice(id.as_bytes());
    frame(COMMAND, &body)
}

fn shake_as(mut raw: Raw, id: &str) -> Raw {
    raw.write(&Raw::greeting(1, "NULL"));
    raw.write(&ready_as(id));
    raw.read(64);
    let (flags, body) = raw.read_frame();
    assert_eq!(flags, COMMAND);
    assert!(body.starts_with(b"\x05READY"));
    raw
}

#[track_caller]
fn await_taken(monitor: &Monitor) -> sinew::Event {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::PeerRefused { .. })
    });
    let reason = PeerRefusal::RoutingIdTaken;
    assert_eq!(event.kind, EventKind::PeerRefused { reason });
    event
}

fn dealer(ctx: &Context, id: &str, router: &Socket<Router>) -> Socket<Dealer> {
    ctx.socket(Dealer)
        .routing_id(id)
        .reconnect_interval(Duration::from_millis(5))
        .reconnect_interval_max(Duration::from_millis(20))
        .connect(address(router))
        .unwrap()
}

/// Receives a message, and takes the sender's id off.
#[track_caller]
fn hear(router: &Socket<Router>) -> (Vec<u8>, Message) {
    let (id, message) = router.recv_timeout(SOON).unwrap().split_id();
    (id.to_vec(), message)
}

#[test]
fn router_puts_the_senders_routing_id_before_each_message_and_answers_by_it() {
    for endpoint in endpoints("router-ids") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let dealers: Vec<_> = ["a", "bb", "ccc"]
            .into_iter()
            .map(|id| (id, dealer(&ctx, id, &router)))
            .collect();
        for (id, dealer) in &dealers {
            dealer.send([&format!("from {id}"), "", "end"]).unwrap();
        }
        for _ in &dealers {
            let (id, message) = hear(&router);
            let id = String::from_utf8(id).unwrap();
            assert_eq!(message, [&format!("from {id}"), "", "end"], "{endpoint}");
            let answer = Message::from(["to", &id]).routed_to(id.clone().into_bytes());
            router.send(answer).unwrap();
        }
        for (id, dealer) in &dealers {
            assert_eq!(dealer.recv_timeout(SOON).unwrap(), ["to", id], "{endpoint}");
            assert_eq!(dealer.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        }
        let stats = router.stats();
        assert_eq!((stats.sent, stats.received, stats.dropped), (3, 3, 0));
    }
}

#[test]
fn router_makes_up_an_id_of_a_zero_byte_and_a_number_for_a_peer_without_one() {
    for endpoint in endpoints("router-made-up") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let dealers: Vec<_> = (0..3)
            .map(|n| {
                let dealer = ctx.socket(Dealer).connect(address(&router)).unwrap();
                dealer.send(n.to_string()).unwrap();
                dealer
            })
            .collect();
        let mut numbers = HashSet::new();
        for _ in &dealers {
            let (id, message) = hear(&router);
            assert_eq!((id.len(), id[0]), (5, 0), "{endpoint}");
            numbers.insert(u32::from_be_bytes(id[1..].try_into().unwrap()));
            router.send(message.routed_to(id)).unwrap();
        }
        let least = numbers.iter().copied().min().unwrap();
        if least < u32::MAX - 3 {
            assert_eq!(numbers, HashSet::from([least, least + 1, least + 2]));
        }
        for (n, dealer) in dealers.iter().enumerate() {
            let answer = dealer.recv_timeout(SOON).unwrap();
            assert_eq!(answer, n.to_string().as_str(), "{endpoint}");
        }
    }
}

#[test]
fn router_counts_made_up_ids_from_a_random_start() {
    let mut starts = HashSet::new();
    for n in 0..3 {
        let ctx = Context::new();
        let at = format!("inproc://router-start-{n}");
        let router = ctx.socket(Router).bind(&at).unwrap();
        let dealer = ctx.socket(Dealer).connect(&at).unwrap();
        dealer.send("m").unwrap();
        starts.insert(hear(&router).0);
    }
    assert_eq!(starts.len(), 3);
}

#[test]
fn router_serves_requests_in_any_order() {
    for endpoint in endpoints("router-reqs") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let reqs: Vec<_> = (0..3)
            .map(|n| {
                let req = ctx.socket(Req).connect(address(&router)).unwrap();
                req.send(n.to_string()).unwrap();
                req
            })
            .collect();
        let mut requests: Vec<_> = reqs.iter().map(|_| router.recv_timeout(SOON)).collect();
        while let Some(request) = requests.pop() {
            let request = request.unwrap();
            assert_eq!((request.len(), &request[1]), (3, &b""[..]), "{endpoint}");
            router.send(request).unwrap();
        }
        for (n, req) in reqs.iter().enumerate() {
            assert_eq!(req.recv_timeout(SOON).unwrap(), n.to_string().as_str());
        }
    }
}

#[test]
fn routers_talk_to_each_other_by_the_ids_they_announce() {
    for endpoint in endpoints("router-router") {
        let ctx = Context::new();
        let one = ctx
            .socket(Router)
            .routing_id("one")
            .bind(&endpoint)
            .unwrap();
        let other = ctx
            .socket(Router)
            .routing_id("other")
            .mandatory(true)
            .open()
            .unwrap();
        let monitor = other.monitor();
        other.connect(address(&one)).unwrap();
        await_peer(&monitor);
        other.send(["one", "hello"]).unwrap();
        assert_eq!(one.recv_timeout(SOON).unwrap(), ["other", "hello"]);
        one.send(["other", "and", "back"]).unwrap();
        assert_eq!(other.recv_timeout(SOON).unwrap(), ["one", "and", "back"]);
    }
}

#[test]
fn router_talks_to_no_rep() {
    let ctx = Context::new();
    let router = ctx.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = router.monitor();
    let _rep = ctx.socket(Rep).connect(address(&router)).unwrap();
    assert!(await_refusal(&monitor).contains("REP"));
}

#[test]
fn router_hears_all_its_peers_in_turn() {
    let ctx = Context::new();
    let router = ctx.socket(Router).bind("inproc://router-fair").unwrap();
    let loud = dealer(&ctx, "loud", &router);
    let quiet = dealer(&ctx, "quiet", &router);
    for n in 0..500 {
        loud.send(n.to_string()).unwrap();
    }
    quiet.send("one").unwrap();
    quiet.send("two").unwrap();
    let first: Vec<_> = (0..4).map(|_| hear(&router).0).collect();
    assert_eq!(first.iter().filter(|id| **id == b"quiet").count(), 2);
}

/// Messages are taken from a peer's queue many at a time, and some are in front of the lock when it goes.
#[test]
fn each_message_of_a_stream_is_behind_its_senders_id_though_that_has_gone() {
    const EACH: usize = 400;
    for endpoint in endpoints("router-streams") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let monitor = router.monitor();
        let senders: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|id| {
                let dealer = dealer(&ctx, id, &router);
                await_peer(&monitor);
                dealer
            })
            .collect();
        for n in 0..EACH {
            for sender in &senders {
                sender.send(n.to_string()).unwrap();
            }
        }
        for sender in senders {
            assert_eq!(sender.close().undelivered, 0, "{endpoint}");
        }
        let mut next = std::collections::BTreeMap::new();
        for _ in 0..3 * EACH {
            let (id, message) = hear(&router);
            let next = next.entry(id).or_insert(0);
            assert_eq!(message, next.to_string().as_str(), "{endpoint}");
            *next += 1;
        }
        let heard: Vec<_> = next.iter().map(|(id, count)| (&id[..], *count)).collect();
        let all = [(&b"a"[..], EACH), (b"b", EACH), (b"c", EACH)];
        assert_eq!(heard, all, "{endpoint}");
        assert_eq!(router.stats().received, 3 * EACH as u64, "{endpoint}");
    }
}

#[test]
fn router_drops_and_counts_what_it_cannot_route() {
    for endpoint in endpoints("router-drops") {
        let ctx = Context::new();
        let router = ctx.socket(Router).open().unwrap();
        router.send(["nobody", "before any peer"]).unwrap();
        router.bind(&endpoint).unwrap();
        let dealer = dealer(&ctx, "somebody", &router);
        dealer.send("here").unwrap();
        hear(&router);
        router.send(["nobody", "is", "there"]).unwrap();
        router.send("").unwrap();
        router.send("somebody").unwrap();
        router.send(["somebody", "is"]).unwrap();
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), "is", "{endpoint}");
        let stats = router.stats();
        assert_eq!((stats.sent, stats.dropped), (1, 4), "{endpoint}");
    }
}

#[test]
fn router_drops_and_counts_what_a_full_peer_cannot_take_and_never_waits() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .send_hwm(3)
        .linger(Duration::ZERO)
        .open()
        .unwrap();
    router.connect_with_id(NOBODY, "slow").unwrap();
    for _ in 0..5 {
        router.send(["slow", "message"]).unwrap();
    }
    let stats = router.stats();
    assert_eq!((stats.sent, stats.dropped), (3, 2));
    assert_eq!(router.close().undelivered, 3);
}

#[test]
fn router_mandatory_tells_that_a_peer_is_unknown_and_gives_the_message_back() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .mandatory(true)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let dealer = dealer(&ctx, "somebody", &router);
    dealer.send("here").unwrap();
    hear(&router);
    let message = Message::from(["nobody", "is", "there"]);
    let error = router.send(message.clone()).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
    assert_eq!(error.into_message(), message);
    let error = router.try_send("somebody").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
    let mut batch = vec![
        ["somebody", "1"].into(),
        message.clone(),
        ["somebody", "2"].into(),
    ];
    let error = router.send_many(&mut batch).unwrap_err();
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Unroutable, 1));
    assert_eq!(batch, [message, ["somebody", "2"].into()]);
    assert_eq!(dealer.recv_timeout(SOON).unwrap(), "1");
    assert_eq!(router.stats().dropped, 0);
}

#[test]
fn router_mandatory_waits_for_a_full_peer_and_sends_to_the_others() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .mandatory(true)
        .send_hwm(3)
        .linger(Duration::ZERO)
        .bind("inproc://router-full")
        .unwrap();
    let dealer = ctx
        .socket(Dealer)
        .routing_id("quick")
        .connect("inproc://router-full")
        .unwrap();
    dealer.send("here").unwrap();
    hear(&router);
    router.connect_with_id(NOBODY, "slow").unwrap();
    for _ in 0..3 {
        router.send(["slow", "message"]).unwrap();
    }
    let error = router.try_send(["slow", "4"]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    let error = router
        .send_timeout(error.into_message(), A_WHILE)
        .unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TimedOut);
    assert_eq!(error.into_message(), ["slow", "4"]);
    router.send(["quick", "5"]).unwrap();
    assert_eq!(dealer.recv_timeout(SOON).unwrap(), "5");
    assert_eq!(router.stats().dropped, 0);
}

#[test]
fn router_mandatory_goes_on_when_a_full_peer_has_room_again() {
    for endpoint in endpoints("router-room") {
        let ctx = Context::new();
        let router = ctx
            .socket(Router)
            .mandatory(true)
            .send_hwm(2)
            .bind(&endpoint)
            .unwrap();
        let dealer = ctx
            .socket(Dealer)
            .routing_id("slow")
            .recv_hwm(2)
            .connect(address(&router))
            .unwrap();
        dealer.send("here").unwrap();
        hear(&router);
        // More than the queues and the system hold, so that the sender has to wait.
        let body = vec![7; 1 << 20];
        let sender = thread::spawn(move || {
            for n in 0..64u8 {
                let message = Message::from([&b"slow"[..], &[n], &body]);
                router.send_timeout(message, SOON).unwrap();
            }
            router
        });
        for n in 0..64u8 {
            assert_eq!(dealer.recv_timeout(SOON).unwrap()[0], [n], "{endpoint}");
        }
        assert_eq!(sender.join().unwrap().stats().dropped, 0);
    }
}

#[test]
fn router_mandatory_tells_a_sender_that_waits_that_its_peer_has_gone() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .mandatory(true)
        .send_hwm(2)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = shake_as(Raw::connect(&address(&router)), "deaf");
    raw.send(0, b"here");
    hear(&router);
    let body = vec![7; 1 << 20];
    let message = || Message::from([&b"deaf"[..], &body]);
    while router.send_timeout(message(), A_WHILE).is_ok() {}
    let (started, start) = mpsc::channel();
    let sender = thread::spawn({
        let (router, message) = (router.clone(), message());
        move || {
            started.send(()).unwrap();
            router.send(message)
        }
    });
    start.recv().unwrap();
    drop(raw);
    let error = sender.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
    assert_eq!(error.into_message(), message());
}

#[test]
fn router_refuses_a_second_peer_with_the_same_id_and_says_so() {
    for endpoint in endpoints("router-duplicate") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let monitor = router.monitor();
        let first = dealer(&ctx, "same", &router);
        await_peer(&monitor);
        let second = dealer(&ctx, "same", &router);
        let peer = await_taken(&monitor).peer.unwrap();
        assert_eq!(peer.routing_id.as_deref(), Some(&b"same"[..]), "{endpoint}");
        assert_eq!(router.stats().peers, 1, "{endpoint}");

        // The first is undisturbed.
        first.send("of the first").unwrap();
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["same", "of the first"]);
        router.send(["same", "to the first"]).unwrap();
        assert_eq!(first.recv_timeout(SOON).unwrap(), "to the first");

        // The second is taken on when the first has gone.
        assert_eq!(first.close().undelivered, 0);
        second.send("of the second").unwrap();
        loop {
            // What it had written to a connection that was refused is lost with that.
            match router.recv_timeout(A_WHILE) {
                Ok(message) => break assert_eq!(message, ["same", "of the second"]),
                Err(_) => second.send("of the second").unwrap(),
            }
        }
        router.send(["same", "to the second"]).unwrap();
        assert_eq!(second.recv_timeout(SOON).unwrap(), "to the second");
    }
}

#[test]
fn a_refused_peers_connection_is_closed() {
    let ctx = Context::new();
    let router = ctx.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = router.monitor();
    let mut first = shake_as(Raw::connect(&address(&router)), "another");
    await_peer(&monitor);
    let mut second = Raw::connect(&address(&router));
    second.write(&Raw::greeting(1, "NULL"));
    second.write(&ready_as("another"));
    second.send(0, b"never heard");
    await_taken(&monitor);
    second.await_end();
    first.send(0, b"heard");
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["another", "heard"]);
}

#[test]
fn router_with_handover_has_the_new_peer_take_over_and_keeps_what_the_old_one_sent() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let ctx = Context::new();
        let router = ctx.socket(Router).handover(true).bind(endpoint).unwrap();
        let monitor = router.monitor();
        let first = ctx
            .socket(Dealer)
            .routing_id("same")
            .reconnect_attempts(0)
            .connect(address(&router))
            .unwrap();
        await_peer(&monitor);
        for n in 0..10 {
            first.send(n.to_string()).unwrap();
        }
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["same", "0"]);
        while router.stats().received < 2 {
            router.recv_timeout(SOON).unwrap();
        }
        let second = dealer(&ctx, "same", &router);
        assert!(
            await_disconnect(&monitor).contains("handover"),
            "{endpoint}"
        );
        await_peer(&monitor);
        second.send("of the second").unwrap();
        let mut of_first = 2;
        loop {
            let message = router.recv_timeout(SOON).unwrap();
            if message == ["same", "of the second"] {
                break;
            }
            assert_eq!(message, ["same", &of_first.to_string()]);
            of_first += 1;
        }
        router.send(["same", "to the second"]).unwrap();
        assert_eq!(second.recv_timeout(SOON).unwrap(), "to the second");
    }
}

#[test]
fn what_a_replaced_peer_had_sent_can_still_be_received() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .handover(true)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut old = shake_as(Raw::connect(&address(&router)), "same");
    // In one piece: when the first of them is here, all are.
    let messages: Vec<_> = (0..10u8).flat_map(|n| frame(0, &[n])).collect();
    old.write(&messages);
    assert_eq!(router.recv_timeout(SOON).unwrap()[1], [0]);
    let mut new = shake_as(Raw::connect(&address(&router)), "same");
    old.await_end();
    new.send(0, b"of the new");
    let (mut of_the_old, mut of_the_new) = (1, 0);
    while (of_the_old, of_the_new) != (10, 1) {
        let (id, message) = hear(&router);
        assert_eq!(id, b"same");
        if message == "of the new" {
            of_the_new += 1;
        } else {
            assert_eq!(message, [of_the_old]);
            of_the_old += 1;
        }
    }
}

#[test]
fn an_inproc_peer_takes_no_others_place() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .handover(true)
        .bind("inproc://router-no-handover")
        .unwrap();
    let monitor = router.monitor();
    let first = dealer(&ctx, "same", &router);
    await_peer(&monitor);
    let second = dealer(&ctx, "same", &router);
    await_taken(&monitor);
    drop(first);
    second.send("of the second").unwrap();
    assert_eq!(
        router.recv_timeout(SOON).unwrap(),
        ["same", "of the second"]
    );
}

#[test]
fn a_remote_peer_takes_the_place_of_an_inproc_one() {
    let ctx = Context::new();
    let router = ctx.socket(Router).handover(true).open().unwrap();
    let monitor = router.monitor();
    router.bind("inproc://router-remote").unwrap();
    let near = dealer(&ctx, "same", &router);
    near.send("of the near").unwrap();
    let at = router.bind("tcp://127.0.0.1:*").unwrap();
    let far = ctx.socket(Dealer).routing_id("same").connect(at).unwrap();
    assert!(await_disconnect(&monitor).contains("handover"));
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["same", "of the near"]);
    far.send("of the far").unwrap();
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["same", "of the far"]);
    router.send(["same", "to the far"]).unwrap();
    assert_eq!(far.recv_timeout(SOON).unwrap(), "to the far");
    // The near one waits for its turn.
    assert_eq!(far.close().undelivered, 0);
    near.send("again").unwrap();
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["same", "again"]);
}

#[test]
fn router_gives_the_peer_of_a_connect_the_id_that_the_user_chose() {
    for endpoint in endpoints("router-given") {
        let ctx = Context::new();
        let dealer = ctx
            .socket(Dealer)
            .routing_id("its own")
            .bind(&endpoint)
            .unwrap();
        let router = ctx.socket(Router).mandatory(true).open().unwrap();
        router.connect_with_id(address(&dealer), "given").unwrap();
        router.send(["given", "early"]).unwrap();
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), "early", "{endpoint}");
        dealer.send("back").unwrap();
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["given", "back"]);
        let error = router.send(["its own", "m"]).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Unroutable);
    }
}

#[test]
fn an_id_that_is_taken_or_invalid_is_an_error_and_makes_no_connection() {
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .linger(Duration::ZERO)
        .bind("inproc://router-taken")
        .unwrap();
    let dealer = dealer(&ctx, "there", &router);
    dealer.send("here").unwrap();
    hear(&router);
    router.connect_with_id(NOBODY, "given").unwrap();
    for id in ["given", "there"] {
        let error = router.connect_with_id(NOBODY, id).unwrap_err();
        assert!(matches!(&error, Error::RoutingIdTaken(taken) if *taken == id));
    }
    for id in [&b""[..], b"\0a", &[b'x'; 256]] {
        let error = router.connect_with_id(NOBODY, id).unwrap_err();
        assert!(matches!(error, Error::Option(_)), "{error}");
    }
    router.disconnect(NOBODY).unwrap();
    assert!(router.disconnect(NOBODY).is_err(), "there was only one");
    router.connect_with_id(NOBODY, "given").unwrap();

    let push = ctx.socket(SocketType::Push).open().unwrap();
    let error = push.connect_with_id(NOBODY, "id").unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
    assert!(push.last_endpoint().is_none());
}

#[test]
fn a_probe_makes_a_peer_known_before_it_says_anything() {
    for endpoint in endpoints("router-probe") {
        let ctx = Context::new();
        let router = ctx.socket(Router).mandatory(true).bind(&endpoint).unwrap();
        let dealer = ctx
            .socket(Dealer)
            .routing_id("probing")
            .probe_router(true)
            .connect(address(&router))
            .unwrap();
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["probing", ""]);
        router.send(["probing", "first"]).unwrap();
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), "first", "{endpoint}");
        dealer.send("second").unwrap();
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["probing", "second"]);
        assert_eq!(dealer.stats().sent, 1, "a probe is not the user's");

        let req = ctx
            .socket(Req)
            .probe_router(true)
            .connect(address(&router))
            .unwrap();
        let probe = router.recv_timeout(SOON).unwrap();
        assert_eq!((probe.len(), &probe[1]), (2, &b""[..]), "{endpoint}");
        req.send("ask").unwrap();
        let request = router.recv_timeout(SOON).unwrap();
        assert_eq!((&request[1], &request[2]), (&b""[..], &b"ask"[..]));
        router.send(request).unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "ask", "{endpoint}");

        let other = ctx
            .socket(Router)
            .routing_id("router")
            .probe_router(true)
            .connect(address(&router))
            .unwrap();
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["router", ""]);
        router.send(["router", "hello"]).unwrap();
        assert_eq!(other.recv_timeout(SOON).unwrap()[1], *b"hello");
    }
}

#[test]
fn a_probe_is_sent_on_each_new_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    let dealer = Context::new()
        .socket(Dealer)
        .probe_router(true)
        .reconnect_interval(Duration::from_millis(1))
        .connect(&at)
        .unwrap();
    for _ in 0..2 {
        let mut peer = Raw::accept(&listener).shake("ROUTER");
        assert_eq!(peer.read(2), [0, 0]);
        dealer.send("behind it").unwrap();
        assert_eq!(peer.read_frame(), (0, b"behind it".to_vec()));
    }
}

#[test]
fn a_connecting_router_takes_the_new_id_of_a_peer_that_comes_back_with_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    let router = Context::new()
        .socket(Router)
        .mandatory(true)
        .reconnect_interval(Duration::from_millis(1))
        .connect(&at)
        .unwrap();
    let monitor = router.monitor();
    let mut old = shake_as(Raw::accept(&listener), "old");
    await_peer(&monitor);
    old.send(0, b"one");
    old.send(0, b"two");
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["old", "one"]);
    router.send(["old", "m"]).unwrap();
    assert_eq!(old.read_frame(), (0, b"m".to_vec()));
    drop(old);
    await_disconnect(&monitor);
    let mut new = shake_as(Raw::accept(&listener), "new");
    await_peer(&monitor);
    new.send(0, b"three");
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["old", "two"]);
    assert_eq!(router.recv_timeout(SOON).unwrap(), ["new", "three"]);
    router.send(["new", "n"]).unwrap();
    assert_eq!(new.read_frame(), (0, b"n".to_vec()));
    let error = router.send(["old", "m"]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
}

#[test]
fn router_knows_a_thousand_peers() {
    const PEERS: usize = 1000;
    let ctx = Context::new();
    let router = ctx
        .socket(Router)
        .mandatory(true)
        .bind("inproc://router-thousand")
        .unwrap();
    let dealers: Vec<_> = (0..PEERS)
        .map(|n| {
            ctx.socket(Dealer)
                .routing_id(format!("peer {n}").into_bytes())
                .connect("inproc://router-thousand")
                .unwrap()
        })
        .collect();
    for n in 0..PEERS {
        let n = (n * 7) % PEERS;
        router.send([format!("peer {n}"), n.to_string()]).unwrap();
    }
    for (n, dealer) in dealers.iter().enumerate() {
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), n.to_string().as_str());
        dealer.send("seen").unwrap();
    }
    let senders: HashSet<_> = (0..PEERS).map(|_| hear(&router).0).collect();
    assert_eq!(senders.len(), PEERS);
}

#[test]
fn a_send_hears_at_once_that_its_peer_has_gone_though_what_that_sent_is_not_all_received() {
    let ctx = Context::new();
    for endpoint in endpoints("router-gone-unread") {
        if endpoint.starts_with("inproc") {
            continue;
        }
        let router = ctx
            .socket(Router)
            .mandatory(true)
            .send_hwm(1)
            .recv_hwm(1)
            .bind(&endpoint)
            .unwrap();
        let peer = ctx
            .socket(Dealer)
            .routing_id("gone")
            .recv_hwm(1)
            .linger(Duration::ZERO)
            .connect(address(&router))
            .unwrap();
        // More than the ROUTER takes: it stops reading this peer.
        for _ in 0..3 {
            peer.send("unread").unwrap();
        }
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["gone", "unread"]);
        // More than the peer takes.
        let body = vec![0; 1 << 20];
        while router.try_send(["gone".into(), body.clone()]).is_ok() {}
        let waits = thread::scope(|scope| {
            // The systems between may take some more of it first.
            let waits = scope.spawn(|| loop {
                let message = ["gone".into(), body.clone()];
                if let Err(error) = router.send_timeout(message, SOON) {
                    break error.kind();
                }
            });
            drop(peer);
            waits.join().unwrap()
        });
        assert_eq!(waits, SendErrorKind::Unroutable, "{endpoint}");
        // What it had sent is still received.
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["gone", "unread"]);
    }
}
