//! XPUB and XSUB (RFC 29): subscriptions as messages, and messages up to the publisher.

use std::collections::BTreeSet;
use std::time::Instant;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, DynSocket, Message, Pub, Sub, Xpub, Xsub};

use crate::support::*;

fn one(part: &[u8]) -> Vec<Vec<u8>> {
    vec![part.to_vec()]
}

fn their_message(socket: &zmq::Socket) -> Vec<Vec<u8>> {
    socket.recv_multipart().expect("their message")
}

/// What we receive next. A socket of libzmq takes on who connects to it only while it is called.
fn next(ours: &DynSocket, theirs: &zmq::Socket) -> Message {
    let deadline = Instant::now() + DEADLINE;
    loop {
        theirs.poll_in(0).expect("their poll");
        match ours.recv_timeout(RETRY) {
            Ok(message) => return message,
            Err(error) => assert!(error.is_timeout() && Instant::now() < deadline, "{error}"),
        }
    }
}

/// Topics at whose lengths the frame of a subscription goes from short to long, in either form.
fn topics() -> Vec<Vec<u8>> {
    [0, 1, 244, 245, 246, 247, 253, 254, 255, 256, 300, 10_000]
        .into_iter()
        .map(|len| vec![b't'; len])
        .collect()
}

#[test]
fn our_xpub_is_told_what_a_libzmq_sub_subscribes_to() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Xpub).open().expect("our XPUB");
        let sub = theirs(&zmq::Context::new(), Kind::Sub);
        let _address = setup.join(&ours.clone().into_dynamic(), &sub);
        for topic in topics() {
            sub.set_bytes(option::SUBSCRIBE, &topic)
                .expect("their subscription");
            let note = next(&ours.clone().into_dynamic(), &sub);
            assert_same(
                &parts(&note),
                &one(&[&[1], &topic[..]].concat()),
                &format!("{setup:?}"),
            );
        }
        assert_eq!(ours.topics(), topics().len());
        ours.send_timeout([&b"t"[..], b"more"], DEADLINE)
            .expect("our message");
        assert_eq!(their_message(&sub), [b"t".to_vec(), b"more".to_vec()]);
        for topic in topics() {
            sub.set_bytes(option::UNSUBSCRIBE, &topic)
                .expect("their cancellation");
            let note = ours.recv_timeout(DEADLINE).expect("its end");
            assert_same(
                &parts(&note),
                &one(&[&[0], &topic[..]].concat()),
                &format!("{setup:?}"),
            );
        }
    }
}

#[test]
fn a_libzmq_xpub_is_told_what_our_xsub_subscribes_to() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Xsub).open().expect("our XSUB");
        let xpub = theirs(&zmq::Context::new(), Kind::XPub);
        let _address = setup.join(&ours.clone().into_dynamic(), &xpub);
        for topic in topics() {
            let note = [&[1], &topic[..]].concat();
            ours.send_timeout(note.clone(), DEADLINE)
                .expect("our subscription");
            assert_same(&their_message(&xpub), &one(&note), &format!("{setup:?}"));
        }
        xpub.send_multipart([&b"t"[..], b"more"])
            .expect("their message");
        let received = ours.recv_timeout(DEADLINE).expect("their message here");
        assert_eq!(received, ["t", "more"]);
        for topic in topics() {
            let note = [&[0], &topic[..]].concat();
            ours.send_timeout(note.clone(), DEADLINE)
                .expect("our cancellation");
            assert_same(&their_message(&xpub), &one(&note), &format!("{setup:?}"));
        }
    }
}

#[test]
fn user_messages_go_up_both_ways() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Xpub).open().expect("our XPUB");
        let xsub = theirs(&zmq::Context::new(), Kind::XSub);
        let _address = setup.join(&ours.clone().into_dynamic(), &xsub);
        // Their connection is up once it has brought a subscription.
        xsub.send_multipart([b"\x01a"]).expect("their subscription");
        assert_eq!(next(&ours.clone().into_dynamic(), &xsub), "\u{1}a");
        xsub.send_multipart([&b"up"[..], b""]).expect("theirs");
        assert_eq!(
            ours.recv_timeout(DEADLINE).expect("theirs here"),
            ["up", ""]
        );

        let ours = Context::new().socket(Xsub).open().expect("our XSUB");
        let xpub = theirs(&zmq::Context::new(), Kind::XPub);
        let _address = setup.join(&ours.clone().into_dynamic(), &xpub);
        ours.send_timeout("\u{1}a", DEADLINE).expect("ours");
        assert_eq!(their_message(&xpub), one(b"\x01a"));
        ours.send_timeout(["up", ""], DEADLINE).expect("ours");
        assert_eq!(their_message(&xpub), [b"up".to_vec(), b"".to_vec()]);
    }
}

#[test]
fn a_libzmq_sub_that_goes_ends_each_of_its_topics_at_our_xpub() {
    let ours = Context::new().socket(Xpub).open().expect("our XPUB");
    let context = zmq::Context::new();
    let sub = theirs(&context, Kind::Sub);
    let _address = Setup::TCP.join(&ours.clone().into_dynamic(), &sub);
    let notes = |count: usize| -> BTreeSet<Vec<u8>> {
        (0..count)
            .map(|_| parts(&ours.recv_timeout(DEADLINE).expect("a note")).remove(0))
            .collect()
    };
    for topic in [b"a", b"b", b"c"] {
        sub.set_bytes(option::SUBSCRIBE, topic)
            .expect("their subscription");
    }
    assert_eq!(notes(3).len(), 3);
    drop(sub);
    let ended = [b"\0a", b"\0b", b"\0c"].map(|note| note.to_vec());
    assert_eq!(notes(3), BTreeSet::from(ended));
}

#[test]
fn verbose_is_the_same_at_both_libraries() {
    // Two subscribers of one topic come, and go: what each XPUB is told of it.
    let ours = |verbose, verboser| {
        let xpub = Context::new()
            .socket(Xpub)
            .verbose(verbose)
            .verboser(verboser)
            .bind("tcp://127.0.0.1:*")
            .expect("our XPUB");
        let monitor = xpub.monitor();
        let context = zmq::Context::new();
        let endpoint = xpub.endpoint().expect("an endpoint").to_string();
        let subscribe = || {
            let sub = theirs(&context, Kind::Sub);
            sub.connect(&endpoint).expect("their connect");
            sub.set_bytes(option::SUBSCRIBE, b"a").expect("theirs");
            wait_for(&monitor, "a subscription", |kind| {
                matches!(kind, sinew::EventKind::Subscribed { .. })
            });
            sub
        };
        let subs = [subscribe(), subscribe()];
        for sub in &subs {
            sub.set_bytes(option::UNSUBSCRIBE, b"a").expect("theirs");
            wait_for(&monitor, "its end", |kind| {
                matches!(kind, sinew::EventKind::Unsubscribed { .. })
            });
        }
        let notes: Vec<_> = xpub.try_iter().map(|note| parts(&note).remove(0)).collect();
        notes
    };
    let libzmq = |option: Option<i32>, expected: usize| {
        let xpub = theirs(&zmq::Context::new(), Kind::XPub);
        if let Some(option) = option {
            xpub.set_int(option, 1).expect("their option");
        }
        xpub.bind("tcp://127.0.0.1:0").expect("their bind");
        let endpoint = xpub.last_endpoint().expect("an endpoint");
        let context = Context::new();
        let subs = [0, 1].map(|_| {
            let sub = context.socket(Sub).open().expect("our SUB");
            let monitor = sub.monitor();
            sub.connect(&*endpoint).expect("our connect");
            wait_for(&monitor, "a connection", is_up);
            sub
        });
        let mut notes = Vec::new();
        for subscribe in [true, false] {
            for sub in &subs {
                if subscribe {
                    sub.subscribe("a").expect("ours");
                } else {
                    sub.unsubscribe("a").expect("ours");
                }
            }
        }
        while notes.len() < expected {
            notes.push(their_message(&xpub).remove(0));
        }
        notes
    };
    for (verbose, verboser, option) in [
        (false, false, None),
        (true, false, Some(option::XPUB_VERBOSE)),
        (false, true, Some(option::XPUB_VERBOSER)),
    ] {
        let mut told = ours(verbose, verboser);
        // Theirs come over two connections, in any order; ours were waited for one by one.
        let mut theirs = libzmq(option, told.len());
        told.sort();
        theirs.sort();
        assert_eq!(told, theirs, "{verbose} {verboser}");
    }
}

#[test]
fn a_welcome_message_reaches_a_libzmq_sub_and_theirs_reaches_ours() {
    for setup in Setup::all() {
        let ours = Context::new()
            .socket(Xpub)
            .welcome_message("W ours")
            .open()
            .expect("our XPUB");
        let sub = theirs(&zmq::Context::new(), Kind::Sub);
        sub.set_bytes(option::SUBSCRIBE, b"W").expect("theirs");
        let _address = setup.join(&ours.clone().into_dynamic(), &sub);
        assert_eq!(their_message(&sub), one(b"W ours"));

        let ours = Context::new()
            .socket(Sub)
            .subscribe("W")
            .open()
            .expect("our SUB");
        let xpub = theirs(&zmq::Context::new(), Kind::XPub);
        xpub.set_bytes(option::XPUB_WELCOME_MSG, b"W theirs")
            .expect("their option");
        let _address = setup.join(&ours.clone().into_dynamic(), &xpub);
        assert_eq!(next(&ours.into_dynamic(), &xpub), "W theirs");
    }
}

#[test]
fn by_hand_a_libzmq_sub_gets_what_our_application_says() {
    let ours = Context::new()
        .socket(Xpub)
        .manual(true)
        .open()
        .expect("our XPUB");
    let sub = theirs(&zmq::Context::new(), Kind::Sub);
    let _address = Setup::TCP.join(&ours.clone().into_dynamic(), &sub);
    sub.set_bytes(option::SUBSCRIBE, b"").expect("theirs");
    assert_eq!(ours.recv_timeout(DEADLINE).expect("it"), "\u{1}");
    ours.subscribe_peer("B").expect("our answer");
    ours.send("A").expect("ours");
    ours.send("B").expect("ours");
    assert_eq!(their_message(&sub), one(b"B"));
}

#[test]
fn inverted_matching_is_understood_both_ways() {
    let ours = Context::new()
        .socket(Pub)
        .invert_matching(true)
        .open()
        .expect("our PUB");
    let monitor = ours.monitor();
    let sub = theirs(&zmq::Context::new(), Kind::Sub);
    sub.set_int(option::INVERT_MATCHING, 1)
        .expect("their option");
    sub.set_bytes(option::SUBSCRIBE, b"noise").expect("theirs");
    let _address = Setup::TCP.join(&ours.clone().into_dynamic(), &sub);
    wait_for(&monitor, "a subscription", |kind| {
        matches!(kind, sinew::EventKind::Subscribed { .. })
    });
    ours.send("noise").expect("ours");
    ours.send("signal").expect("ours");
    assert_eq!(their_message(&sub), one(b"signal"));

    let xpub = theirs(&zmq::Context::new(), Kind::XPub);
    xpub.set_int(option::INVERT_MATCHING, 1)
        .expect("their option");
    let ours = Context::new()
        .socket(Sub)
        .invert_matching(true)
        .subscribe("noise")
        .open()
        .expect("our SUB");
    let _address = Setup::TCP.join(&ours.clone().into_dynamic(), &xpub);
    assert_eq!(their_message(&xpub), one(b"\x01noise"));
    for message in ["noise", "signal"] {
        xpub.send_multipart([message.as_bytes()]).expect("theirs");
    }
    assert_eq!(ours.recv_timeout(DEADLINE).expect("it"), "signal");
}
