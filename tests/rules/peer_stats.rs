//! What is told of each peer: exact counts, by the peer.

use std::time::Duration;

use sinew::{Context, Dealer, Message, Pub, Pull, Push, SocketType, Sub};

use crate::support::{address, await_disconnect, await_peer, endpoints, Raw, COMMAND, SOON};

#[test]
fn each_peer_is_told_with_who_it_is() {
    for endpoint in endpoints("told-peers") {
        let ctx = Context::new();
        let one = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let other = ctx
            .socket(Dealer)
            .routing_id("other")
            .connect(address(&one))
            .unwrap();
        one.wait_for_peers(1, SOON).unwrap();
        other.wait_for_peers(1, SOON).unwrap();
        let [peer] = &one.peers()[..] else {
            panic!("{:?}", one.peers());
        };
        assert!(peer.connected);
        assert_eq!(peer.endpoint, address(&one));
        assert_eq!(peer.socket_type(), Some(SocketType::Dealer));
        assert_eq!(peer.routing_id(), Some(&b"other"[..]));
        assert_eq!(peer.address.is_none(), endpoint.starts_with("inproc"));
        assert_eq!((peer.reconnects, peer.round_trip), (0, None));
        assert_eq!(other.peers()[0].routing_id(), None);
    }
}

#[test]
fn a_peer_that_connect_named_is_told_also_while_it_is_not_there() {
    let ctx = Context::new();
    let push = ctx.socket(Push).connect("inproc://not-yet").unwrap();
    push.send("waits").unwrap();
    let [peer] = &push.peers()[..] else {
        panic!("{:?}", push.peers());
    };
    assert!(!peer.connected && peer.info.is_none() && peer.address.is_none());
    assert_eq!((peer.sent.messages, peer.send_queue.messages), (1, 1));
    let pull = ctx.socket(Pull).bind("inproc://not-yet").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "waits");
    assert!(push.peers()[0].connected);
    assert_eq!(push.stats().peers, 1);
}

#[test]
fn counts_of_the_peers_add_up_to_those_of_the_socket() {
    for endpoint in endpoints("exact-counts") {
        let ctx = Context::new();
        // No queue is ever full: each message goes to the next peer.
        let push = ctx.socket(Push).send_hwm(0).bind(&endpoint).unwrap();
        let connect = |_| {
            let pull = ctx.socket(Pull).recv_hwm(0);
            pull.connect(address(&push)).unwrap()
        };
        let pulls = [0, 1, 2].map(connect);
        push.wait_for_peers(3, SOON).unwrap();
        const COUNT: u64 = 30_000;
        for n in 0..COUNT {
            push.send(n.to_string()).unwrap();
            if n % 100 == 99 {
                for pull in &pulls {
                    while pull.try_recv().is_ok() {}
                }
            }
        }
        for pull in &pulls {
            while pull.stats().received < COUNT / 3 {
                let _ = pull.recv_timeout(SOON).unwrap();
            }
            let peer = &pull.peers()[0];
            assert_eq!(peer.received.messages, COUNT / 3);
            assert_eq!(peer.sent.messages, 0);
            assert_eq!(pull.try_recv().ok(), None);
            let peer = &pull.peers()[0];
            assert_eq!((peer.recv_queue.messages, peer.recv_queue.bytes), (0, 0));
        }
        let peers = push.peers();
        let sent: Vec<_> = peers.iter().map(|peer| peer.sent.messages).collect();
        assert_eq!(sent, [COUNT / 3; 3]);
        assert_eq!(push.stats().sent, COUNT);
        let digits: u64 = (0..COUNT).map(|n| n.to_string().len() as u64).sum();
        let bytes: u64 = peers.iter().map(|peer| peer.sent.bytes).sum();
        if endpoint.starts_with("inproc") {
            assert_eq!(bytes, COUNT * size_of::<Message>() as u64);
        } else {
            assert_eq!(bytes, digits + 2 * COUNT, "two bytes before each");
        }
    }
}

/// Several threads send, others receive, and one looks at the counts all the while.
#[test]
fn counts_are_exact_under_load_and_never_fall() {
    use SocketType::*;
    const THREADS: u64 = 2;
    const EACH: u64 = 5_000;
    const COUNT: u64 = THREADS * EACH;
    for (sender, receiver) in [
        (Push, Pull),
        (Pub, Sub),
        (Dealer, Dealer),
        (Dealer, Router),
        (Pair, Pair),
        (Scatter, Gather),
        (Client, Server),
        (Radio, Dish),
    ] {
        for endpoint in endpoints(&format!("load/{sender}/{receiver}")) {
            let ctx = Context::new();
            let ours = ctx.socket(receiver).recv_hwm(0).bind(&endpoint).unwrap();
            let theirs = ctx.socket(sender).send_hwm(0).connect(address(&ours));
            let theirs = theirs.unwrap();
            match receiver {
                Sub => ours.subscribe("").unwrap(),
                Dish => ours.join("g").unwrap(),
                _ => {}
            }
            theirs.wait_for_peers(1, SOON).unwrap();
            match receiver {
                Sub => _ = theirs.wait_for_subscribers("", 1, SOON).unwrap(),
                Dish => _ = theirs.wait_for_subscribers("g", 1, SOON).unwrap(),
                _ => {}
            }
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for n in 0..EACH {
                            let message = Message::from(n.to_string());
                            let message = match sender {
                                Radio => message.in_group("g"),
                                _ => message,
                            };
                            theirs.send_timeout(message, SOON).unwrap();
                        }
                    });
                    scope.spawn(|| {
                        for _ in 0..EACH {
                            ours.recv_timeout(SOON).unwrap();
                        }
                    });
                }
                scope.spawn(|| {
                    let mut last = [0; 4];
                    while last[1] < COUNT {
                        let now = [
                            theirs.stats().sent,
                            ours.stats().received,
                            theirs.peers()[0].sent.messages,
                            ours.peers()[0].received.messages,
                        ];
                        assert!(now.iter().zip(last).all(|(now, last)| *now >= last));
                        assert!(now.iter().all(|now| *now <= COUNT), "{now:?}");
                        // What came was sent, and what is given came: each is asked for after the lesser one.
                        assert!(now[1] <= now[3], "{now:?}");
                        last = now;
                        std::thread::yield_now();
                    }
                });
            });
            let (sent, received) = (theirs.stats(), ours.stats());
            assert_eq!((sent.sent, sent.dropped), (COUNT, 0), "{sender} {endpoint}");
            assert_eq!((received.received, received.dropped), (COUNT, 0));
            let (to, from) = (&theirs.peers()[0], &ours.peers()[0]);
            assert_eq!(to.sent.messages, COUNT);
            assert_eq!(from.received.messages, COUNT);
            assert_eq!(from.recv_queue.messages, 0, "{sender} {endpoint}");
            if !endpoint.starts_with("inproc") {
                while theirs.peers()[0].send_queue.messages > 0 {
                    std::thread::yield_now();
                }
            }
        }
    }
}

#[test]
fn what_was_received_waits_no_longer() {
    for endpoint in endpoints("received") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(address(&pull)).unwrap();
        for count in [1, 2, 100] {
            for n in 0..count {
                push.send(n.to_string()).unwrap();
            }
            for _ in 0..count {
                pull.recv_timeout(SOON).unwrap();
            }
            let queue = pull.peers()[0].recv_queue;
            assert_eq!((queue.messages, queue.bytes), (0, 0), "{endpoint}");
        }
    }
}

#[test]
fn drops_are_told_with_the_peer_that_was_full() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).send_hwm(2).bind("inproc://drops").unwrap();
    let sub = |id: &str| {
        let sub = ctx.socket(Sub).recv_hwm(1).subscribe(id);
        sub.connect("inproc://drops").unwrap()
    };
    let (_slow, quick) = (sub("s"), sub("q"));
    for _ in 0..10 {
        publisher.send("s").unwrap();
        publisher.send("q").unwrap();
        quick.recv_timeout(SOON).unwrap();
    }
    let mut dropped: Vec<_> = publisher.peers().iter().map(|it| it.dropped.full).collect();
    dropped.sort_unstable();
    assert_eq!(dropped, [0, 7]);
    assert_eq!(publisher.stats().dropped, 7);
    let depths = publisher.peers();
    let full = depths.iter().find(|it| it.dropped.full > 0).unwrap();
    assert_eq!(full.send_queue.messages, 3);
    assert_eq!(full.send_queue.most_messages, Some(3));
}

#[test]
fn reconnections_are_counted_and_counts_go_on_over_them() {
    let ctx = Context::new();
    let mut pull = Some(ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap());
    let at = address(pull.as_ref().unwrap());
    let push = ctx
        .socket(Push)
        .reconnect_interval(Duration::from_millis(1))
        .connect(&at)
        .unwrap();
    let monitor = push.monitor();
    for round in 0..3 {
        push.send("m").unwrap();
        let now = pull.take().unwrap();
        assert_eq!(now.recv_timeout(SOON).unwrap(), "m");
        let peer = &push.peers()[0];
        assert_eq!(
            (peer.sent.messages, peer.reconnects),
            (round + 1, round as u32)
        );
        let _ = now.close();
        await_disconnect(&monitor);
        pull = Some(ctx.socket(Pull).bind(&at).unwrap());
        await_peer(&monitor);
    }
    // The same over inproc, where a pipe goes with its peer.
    let push = ctx.socket(Push).connect("inproc://again").unwrap();
    for round in 0..3 {
        push.send("m").unwrap();
        push.send("unread").unwrap();
        let pull = ctx.socket(Pull).bind("inproc://again").unwrap();
        let first = pull.recv_timeout(SOON).unwrap();
        assert!(first == "m" || first == "unread");
        assert_eq!(push.peers()[0].sent.messages, 2 * (round + 1));
    }
}

#[test]
fn a_round_trip_is_measured_by_heartbeats() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        let push = ctx
            .socket(Push)
            .heartbeat_interval(Duration::from_millis(5))
            .heartbeat_timeout(SOON)
            .connect(address(&pull))
            .unwrap();
        push.wait_for_peers(1, SOON).unwrap();
        while push.peers()[0].round_trip.is_none() {
            std::thread::yield_now();
        }
        assert!(push.peers()[0].round_trip.unwrap() < SOON);
    }
}

#[test]
fn a_pong_that_was_not_asked_for_measures_nothing() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .heartbeat_interval(Duration::from_millis(5))
        .heartbeat_timeout(SOON)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    for _ in 0..3 {
        raw.read_frame();
        raw.send(COMMAND, b"\x04PONG");
        raw.send(COMMAND, b"\x04PONGother");
    }
    raw.send(0, b"then");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "then");
    assert_eq!(pull.peers()[0].round_trip, None);
    raw.send(COMMAND, b"\x04PONG\x00\x01");
    raw.send(0, b"answered");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "answered");
    assert!(pull.peers()[0].round_trip.is_some());
}
