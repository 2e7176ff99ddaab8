//! XPUB: subscriptions as messages, decided by hand or not, and what XSUB peers send.

use sinew::{
    Context, Error, EventKind, Kind, Message, Pub, RecvError, SendErrorKind, Socket, SocketType,
    Sub, Xpub, Xsub,
};

use crate::support::{
    address, await_disconnect, await_event, await_peer, await_subscription, endpoints, Raw,
    COMMAND, MORE, SOON,
};

#[track_caller]
fn next<K: sinew::Receives>(socket: &Socket<K>) -> Message {
    socket.recv_timeout(SOON).unwrap()
}

#[test]
fn the_first_subscription_to_a_topic_and_the_end_of_the_last_are_received() {
    for endpoint in endpoints("xpub-first-last") {
        let ctx = Context::new();
        let publisher = ctx.socket(Xpub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let connect = || {
            ctx.socket(Sub)
                .subscribe("a")
                .connect(address(&publisher))
                .unwrap()
        };
        let one = connect();
        assert_eq!(next(&publisher), "\u{1}a");
        await_subscription(&monitor);
        let two = connect();
        await_subscription(&monitor);
        one.unsubscribe("a").unwrap();
        await_event(&monitor, |kind| {
            matches!(kind, EventKind::Unsubscribed { .. })
        });
        assert_eq!(publisher.try_recv(), Err(RecvError::WouldBlock));
        two.unsubscribe("a").unwrap();
        assert_eq!(next(&publisher), "\u{0}a");
        assert_eq!(publisher.topics(), 0);
    }
}

#[test]
fn a_peer_that_is_lost_ends_each_of_its_topics() {
    for endpoint in endpoints("xpub-lost") {
        let ctx = Context::new();
        let publisher = ctx.socket(Xpub).bind(&endpoint).unwrap();
        let sub = ctx
            .socket(Sub)
            .subscribe("a")
            .subscribe("b")
            .connect(address(&publisher))
            .unwrap();
        let mut begun =
            [next(&publisher), next(&publisher)].map(|note| note.get(0).unwrap().to_vec());
        begun.sort();
        assert_eq!(begun, [b"\x01a", b"\x01b"]);
        drop(sub);
        let mut ended =
            [next(&publisher), next(&publisher)].map(|note| note.get(0).unwrap().to_vec());
        ended.sort();
        assert_eq!(ended, [b"\x00a", b"\x00b"]);
        assert_eq!(publisher.try_recv(), Err(RecvError::WouldBlock));
    }
}

#[test]
fn subscriptions_of_zmtp_3_0_peers_are_received_in_the_same_form() {
    let publisher = Context::new()
        .socket(Xpub)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut old = Raw::connect(&address(&publisher)).shake_as(0, "SUB");
    old.send(0, b"\x01old");
    assert_eq!(next(&publisher), "\u{1}old");
    publisher.send("old news").unwrap();
    assert_eq!(old.read_frame(), (0, b"old news".to_vec()));
    old.send(0, b"\x00old");
    assert_eq!(next(&publisher), "\u{0}old");
}

#[test]
fn subscriptions_are_applied_also_while_nobody_receives_them() {
    for endpoint in endpoints("xpub-unread") {
        let ctx = Context::new();
        let publisher = ctx.socket(Xpub).recv_hwm(2).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let sub = ctx.socket(Sub).connect(address(&publisher)).unwrap();
        for n in 0..1000 {
            sub.subscribe(format!("topic {n}.")).unwrap();
            await_subscription(&monitor);
        }
        publisher.send("topic 999.").unwrap();
        assert_eq!(next(&sub), "topic 999.");
    }
}

#[test]
fn what_a_peer_does_while_nobody_reads_takes_bounded_memory_and_the_truth_is_told() {
    let publisher = Context::new()
        .socket(Xpub)
        .recv_hwm(100)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = publisher.monitor();
    let mut peer = Raw::connect(&address(&publisher)).shake("SUB");
    let command = |name: &str, topic: u32| {
        let body = [name.as_bytes(), &topic.to_be_bytes()].concat();
        crate::support::frame(COMMAND, &body)
    };
    for n in 0..100u32 {
        let mut burst = Vec::new();
        for topic in n * 1000..(n + 1) * 1000 {
            burst.extend(command("\x09SUBSCRIBE", topic));
            burst.extend(command("\x06CANCEL", topic));
        }
        peer.write(&burst);
    }
    peer.write(&command("\x09SUBSCRIBE", u32::MAX));
    // All of it was applied once that one is.
    await_event(
        &monitor,
        |kind| matches!(kind, EventKind::Subscribed { topic } if topic[..] == u32::MAX.to_be_bytes()),
    );
    let mut notes = 0;
    let mut known = std::collections::BTreeSet::new();
    loop {
        let note = next(&publisher).get(0).unwrap().to_vec();
        notes += 1;
        match note[0] {
            1 => assert!(known.insert(note[1..].to_vec())),
            _ => assert!(known.remove(&note[1..])),
        }
        if note[1..] == u32::MAX.to_be_bytes() {
            break;
        }
    }
    assert!(notes <= 101, "{notes} notes were kept");
    assert_eq!(known.len(), 1);
}

#[test]
fn verbose_receives_every_subscription_and_verboser_every_end() {
    for verboser in [false, true] {
        let ctx = Context::new();
        let publisher = ctx
            .socket(Xpub)
            .verbose(true)
            .verboser(verboser)
            .bind("inproc://verbose")
            .unwrap();
        let connect = || {
            ctx.socket(Sub)
                .subscribe("a")
                .connect("inproc://verbose")
                .unwrap()
        };
        let (one, two) = (connect(), connect());
        assert_eq!(next(&publisher), "\u{1}a");
        assert_eq!(next(&publisher), "\u{1}a");
        one.subscribe("a").unwrap();
        assert_eq!(next(&publisher), "\u{1}a");
        two.unsubscribe("a").unwrap();
        if verboser {
            assert_eq!(next(&publisher), "\u{0}a");
        }
        assert_eq!(publisher.try_recv(), Err(RecvError::WouldBlock));
        drop(one);
        assert_eq!(next(&publisher), "\u{0}a");
    }
}

#[test]
fn by_hand_the_peer_of_the_last_message_is_subscribed_to_what_the_application_says() {
    for endpoint in endpoints("xpub-manual") {
        let ctx = Context::new();
        let publisher = ctx.socket(Xpub).manual(true).bind(&endpoint).unwrap();
        assert!(matches!(
            publisher.subscribe_peer("x"),
            Err(Error::PeerGone)
        ));
        let sub = |topic: &str| {
            let sub = ctx.socket(Sub).subscribe(topic).subscribe("X");
            sub.connect(address(&publisher)).unwrap()
        };
        let one = sub("A");
        let mut asked =
            [next(&publisher), next(&publisher)].map(|note| note.get(0).unwrap().to_vec());
        asked.sort();
        assert_eq!(asked, [b"\x01A", b"\x01X"]);
        publisher.subscribe_peer("XA").unwrap();
        publisher.send("A was asked for").unwrap();
        publisher.send("XA was granted").unwrap();
        assert_eq!(next(&one), "XA was granted");
        one.unsubscribe("A").unwrap();
        assert_eq!(next(&publisher), "\u{0}A");
        publisher.unsubscribe_peer("XA").unwrap();
        publisher.send("XA is granted no more").unwrap();
        assert_eq!(publisher.topics(), 0);
        drop(one);
        assert_eq!(next(&publisher), "\u{0}X");
        assert!(matches!(
            publisher.subscribe_peer("XA"),
            Err(Error::PeerGone)
        ));
    }
}

#[test]
fn only_with_manual_is_a_peer_subscribed_by_hand() {
    let ctx = Context::new();
    let publisher = ctx.socket(Xpub).open().unwrap();
    let error = publisher.subscribe_peer("a").unwrap_err();
    assert!(matches!(error, Error::NotManual));
    let dynamic = ctx.socket(SocketType::Push).open().unwrap();
    let error = dynamic.unsubscribe_peer("a").unwrap_err();
    assert!(matches!(error, Error::NotManual));
}

#[test]
fn a_last_value_goes_to_the_new_subscriber_alone() {
    for endpoint in endpoints("xpub-last-value") {
        let ctx = Context::new();
        let cache = ctx
            .socket(Xpub)
            .manual_last_value(true)
            .bind(&endpoint)
            .unwrap();
        let subscriber = |ctx: &Context| {
            let sub = ctx.socket(Sub).subscribe("a");
            let sub = sub.connect(address(&cache)).unwrap();
            assert_eq!(next(&cache), "\u{1}a");
            cache.subscribe_peer("a").unwrap();
            cache.send("a last").unwrap();
            sub
        };
        let (one, two) = (subscriber(&ctx), subscriber(&ctx));
        cache.send("a new").unwrap();
        for sub in [one, two] {
            assert_eq!([next(&sub), next(&sub)], ["a last", "a new"]);
            assert_eq!(sub.try_recv(), Err(RecvError::WouldBlock));
        }
    }
}

#[test]
fn a_message_for_one_peer_goes_to_it_alone_and_changes_the_way_of_no_other() {
    for endpoint in endpoints("xpub-to-peer") {
        for last_value in [false, true] {
            let ctx = Context::new();
            let cache = ctx.socket(Xpub).manual(true).manual_last_value(last_value);
            let cache = cache.bind(&endpoint).unwrap();
            let subscriber = || {
                let sub = ctx.socket(Sub).subscribe("a");
                let sub = sub.connect(address(&cache)).unwrap();
                assert_eq!(next(&cache), "\u{1}a");
                sub
            };
            let one = subscriber();
            cache.subscribe_peer("a").unwrap();
            cache.send_to_peer("a last").unwrap();
            cache.send("a new").unwrap();
            let two = subscriber();
            // Before it is subscribed, several, and of another topic, of which its SUB wants nothing.
            for message in ["a last", "b last", "a newest"] {
                cache.send_to_peer(message).unwrap();
            }
            cache.subscribe_peer("a").unwrap();
            cache.send_to_peer(["a", "and", "again"]).unwrap();
            cache.send("a end").unwrap();
            let all = |sub: &Socket<Sub>| {
                let mut all = Vec::new();
                while all.last().is_none_or(|last| *last != "a end") {
                    all.push(next(sub));
                }
                all
            };
            assert_eq!(all(&one), ["a last", "a new", "a end"]);
            let [first, second, third, end] = &all(&two)[..] else {
                panic!("{endpoint}");
            };
            assert_eq!([first, second, end], ["a last", "a newest", "a end"]);
            assert_eq!(*third, ["a", "and", "again"]);
            assert_eq!(cache.stats().dropped, 0);
        }
    }
}

#[test]
fn a_message_for_one_peer_comes_back_when_that_is_gone_or_full_or_was_never_there() {
    let ctx = Context::new();
    for plain in [SocketType::Xpub, SocketType::Pub, SocketType::Push] {
        let error = ctx.socket(plain).open().unwrap().send_to_peer("m");
        let error = error.unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::NotManual);
        assert_eq!(error.into_message(), "m");
    }
    for endpoint in endpoints("xpub-to-nobody") {
        let cache = ctx.socket(Xpub).manual(true).send_hwm(3);
        let cache = cache.bind(&endpoint).unwrap();
        let gone = |cache: &Socket<Xpub>| {
            let error = cache.send_to_peer("m").unwrap_err();
            assert_eq!(error.kind(), SendErrorKind::PeerGone);
            assert_eq!(error.into_message(), "m");
        };
        gone(&cache);
        let sub = ctx.socket(Sub).subscribe("").recv_hwm(1);
        let sub = sub.connect(address(&cache)).unwrap();
        assert_eq!(next(&cache), "\u{1}");
        // It does not receive.
        let large = Message::from(vec![7; 1 << 20]);
        let mut sent = 0;
        let error = loop {
            match cache.send_to_peer(large.clone()) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), SendErrorKind::WouldBlock);
        assert_eq!(error.into_message(), large);
        assert_eq!((cache.stats().sent, cache.stats().dropped), (sent, 0));
        for _ in 0..sent {
            assert_eq!(next(&sub), large);
        }
        drop(sub);
        assert_eq!(next(&cache), "\u{0}");
        gone(&cache);
        let _ = cache.clone().close();
        let closed = cache.send_to_peer("m").unwrap_err();
        assert!(closed.is_closed());
    }
}

#[test]
fn a_welcome_message_comes_before_anything_else_to_who_subscribed_to_it() {
    for endpoint in endpoints("xpub-welcome") {
        let ctx = Context::new();
        let publisher = ctx
            .socket(Xpub)
            .welcome_message(("W", "welcome"))
            .bind(&endpoint)
            .unwrap();
        let sub = ctx
            .socket(Sub)
            .subscribe("W")
            .connect(address(&publisher))
            .unwrap();
        assert_eq!(next(&sub), ["W", "welcome"]);
        assert_eq!(next(&publisher), "\u{1}W");
        let other = ctx
            .socket(Sub)
            .subscribe("a")
            .connect(address(&publisher))
            .unwrap();
        assert_eq!(next(&publisher), "\u{1}a");
        publisher.send("a").unwrap();
        assert_eq!(next(&other), "a", "it asked for no welcome");
    }
}

#[test]
fn an_xpub_receives_what_an_xsub_sends() {
    for endpoint in endpoints("xpub-upstream") {
        let ctx = Context::new();
        let publisher = ctx.socket(Xpub).bind(&endpoint).unwrap();
        let xsub = ctx.socket(Xsub).connect(address(&publisher)).unwrap();
        xsub.send("\u{1}a").unwrap();
        assert_eq!(next(&publisher), "\u{1}a");
        let messages = [
            Message::from("up"),
            Message::from(""),
            Message::from(["\u{1}no", "subscription"]),
            Message::from(["no", "\u{1}subscription"]),
        ];
        for message in messages {
            xsub.send(message.clone()).unwrap();
            assert_eq!(next(&publisher), message);
        }
        assert_eq!(publisher.topics(), 1);
    }
}

#[test]
fn a_message_of_several_frames_is_never_a_subscription() {
    let publisher = Context::new()
        .socket(Xpub)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut old = Raw::connect(&address(&publisher)).shake_as(0, "XSUB");
    old.send(MORE, b"\x01a");
    old.send(0, b"\x01b");
    assert_eq!(next(&publisher), ["\u{1}a", "\u{1}b"]);
    assert_eq!(publisher.topics(), 0);
}

#[test]
fn an_xpub_that_drops_nothing_gives_the_message_back() {
    let ctx = Context::new();
    let publisher = ctx
        .socket(Xpub)
        .send_hwm(1)
        .no_drop(true)
        .bind("inproc://xpub-no-drop")
        .unwrap();
    let sub = ctx
        .socket(Sub)
        .recv_hwm(1)
        .subscribe("")
        .connect("inproc://xpub-no-drop")
        .unwrap();
    let mut sent = 0;
    let error = loop {
        match publisher.try_send("kept") {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_would_block());
    assert_eq!(error.into_message(), "kept");
    for _ in 0..sent {
        assert_eq!(next(&sub), "kept");
    }
}

#[test]
fn a_topic_too_long_ends_the_connection_of_an_xpubs_peer() {
    let publisher = Context::new()
        .socket(Xpub)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = publisher.monitor();
    let mut peer = Raw::connect(&address(&publisher)).shake_as(0, "SUB");
    await_peer(&monitor);
    peer.send(0, &[1; 70_000]);
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("subscription"), "{reason}");
}

#[test]
fn inverted_matching_sends_what_nobody_asked_for() {
    for endpoint in endpoints("inverted") {
        let ctx = Context::new();
        let publisher = ctx
            .socket(Pub)
            .invert_matching(true)
            .bind(&endpoint)
            .unwrap();
        let monitor = publisher.monitor();
        let sub = ctx
            .socket(Sub)
            .invert_matching(true)
            .subscribe("noise")
            .connect(address(&publisher))
            .unwrap();
        await_subscription(&monitor);
        for message in ["noise 1", "signal", "noise 2", "end"] {
            publisher.send(message).unwrap();
        }
        assert_eq!([next(&sub), next(&sub)], ["signal", "end"]);
        assert_eq!(publisher.stats().sent, 2);
    }
}

#[test]
fn a_second_connect_of_an_xpub_or_xsub_to_the_same_endpoint_is_a_second_peer() {
    fn twice<K: Kind>(ctx: &Context, kind: K, publisher: &Socket<Xpub>) {
        let socket = ctx.socket(kind).open().unwrap();
        for _ in 0..2 {
            socket.connect(address(publisher)).unwrap();
        }

        assert_eq!(socket.stats().peers, 2);
    }
    let ctx = Context::new();
    let publisher = ctx.socket(Xpub).bind("inproc://twice").unwrap();
    twice(&ctx, Xsub, &publisher);
}
