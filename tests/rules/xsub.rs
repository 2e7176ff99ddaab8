//! XSUB: subscriptions by messages, and messages to publishers.

use std::net::TcpListener;

use sinew::{Context, Message, Pub, RecvError, SendErrorKind, SocketType, Sub, Xpub, Xsub};

use crate::support::{address, await_subscription, endpoints, Raw, COMMAND, SOON};

#[test]
fn a_message_of_a_byte_one_subscribes_and_of_a_byte_zero_cancels() {
    for endpoint in endpoints("xsub-by-message") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let xsub = ctx.socket(Xsub).connect(address(&publisher)).unwrap();
        xsub.send("\u{1}a").unwrap();
        await_subscription(&monitor);
        publisher.send("b").unwrap();
        publisher.send("a1").unwrap();
        assert_eq!(xsub.recv_timeout(SOON).unwrap(), "a1");
        publisher.send("a2").unwrap();
        publisher.send("a3").unwrap();
        assert_eq!(xsub.recv_timeout(SOON).unwrap(), "a2");
        // What comes meanwhile is filtered here, what was prefetched too.
        xsub.send("\u{0}a").unwrap();
        assert_eq!(xsub.try_recv(), Err(RecvError::WouldBlock));
        assert_eq!(xsub.topics(), 0);
    }
}

#[test]
fn a_topic_is_wanted_until_the_last_of_its_subscriptions_is_taken_back() {
    let ctx = Context::new();
    let publisher = ctx.socket(Xpub).bind("inproc://xsub-counts").unwrap();
    let xsub = ctx.socket(Xsub).connect("inproc://xsub-counts").unwrap();
    let mut batch: Vec<Message> = ["\u{1}a", "\u{1}a", "\u{0}a"].map(Message::from).into();
    assert_eq!(xsub.send_many(&mut batch).unwrap(), 3);
    assert_eq!(publisher.recv_timeout(SOON).unwrap(), "\u{1}a");
    publisher.send("a1").unwrap();
    assert_eq!(xsub.recv_timeout(SOON).unwrap(), "a1");
    // By the typed verb as by a message.
    xsub.unsubscribe("a").unwrap();
    assert_eq!(publisher.recv_timeout(SOON).unwrap(), "\u{0}a");
}

#[test]
fn an_xsub_subscribes_anew_on_every_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let xsub = Context::new().socket(Xsub).connect(&*endpoint).unwrap();
    xsub.send("\u{1}a").unwrap();
    for _ in 0..3 {
        let mut publisher = Raw::accept(&listener).shake("XPUB");
        assert_eq!(
            publisher.read_frame(),
            (COMMAND, b"\x09SUBSCRIBEa".to_vec())
        );
    }
    let mut old = Raw::accept(&listener).shake_as(0, "XPUB");
    assert_eq!(old.read_frame(), (0, b"\x01a".to_vec()));
}

#[test]
fn other_messages_go_to_every_publisher() {
    for endpoint in endpoints("xsub-upstream") {
        let ctx = Context::new();
        let one = ctx.socket(Xpub).bind(&endpoint).unwrap();
        let two = ctx.socket(Xpub).bind("tcp://127.0.0.1:*").unwrap();
        let xsub = ctx.socket(Xsub).connect(address(&one)).unwrap();
        xsub.connect(address(&two)).unwrap();
        xsub.subscribe("a").unwrap();
        for publisher in [&one, &two] {
            assert_eq!(publisher.recv_timeout(SOON).unwrap(), "\u{1}a");
        }
        xsub.send(["up", "stream"]).unwrap();
        for publisher in [&one, &two] {
            assert_eq!(publisher.recv_timeout(SOON).unwrap(), ["up", "stream"]);
        }
    }
}

#[test]
fn an_xsub_drops_for_a_publisher_that_is_full_and_never_waits() {
    let ctx = Context::new();
    let publisher = ctx
        .socket(Xpub)
        .recv_hwm(2)
        .bind("inproc://xsub-full")
        .unwrap();
    let xsub = ctx
        .socket(Xsub)
        .send_hwm(2)
        .connect("inproc://xsub-full")
        .unwrap();
    for _ in 0..10 {
        xsub.send("up").unwrap();
    }
    let stats = xsub.stats();
    assert_eq!((stats.sent, stats.dropped), (4, 6));
    for _ in 0..4 {
        assert_eq!(publisher.recv_timeout(SOON).unwrap(), "up");
    }
    assert_eq!(publisher.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn a_subscription_longer_than_a_topic_can_be_is_given_back() {
    let xsub = Context::new().socket(Xsub).open().unwrap();
    let error = xsub.send([1; 65_538]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TopicTooLong);
    assert_eq!(error.into_message().get(0).unwrap().len(), 65_538);
    let mut batch: Vec<Message> = vec!["\u{1}fits".into(), [0; 65_538].into()];
    let error = xsub.send_many(&mut batch).unwrap_err();
    assert_eq!(
        (error.kind(), error.sent()),
        (SendErrorKind::TopicTooLong, 1)
    );
    assert_eq!(batch.len(), 1);
}

#[test]
fn verbosely_every_cancellation_is_sent() {
    let ctx = Context::new();
    let publisher = ctx
        .socket(Xpub)
        .verboser(true)
        .bind("inproc://xsub-verbose")
        .unwrap();
    let sub = ctx
        .socket(Sub)
        .verbose_unsubscribe(true)
        .connect("inproc://xsub-verbose")
        .unwrap();
    sub.subscribe("a").unwrap();
    sub.subscribe("a").unwrap();
    for _ in 0..2 {
        assert_eq!(publisher.recv_timeout(SOON).unwrap(), "\u{1}a");
    }
    sub.unsubscribe("a").unwrap();
    assert_eq!(publisher.recv_timeout(SOON).unwrap(), "\u{0}a");
}

#[test]
fn a_proxy_of_xsub_and_xpub_passes_subscriptions_up_and_messages_down() {
    for endpoint in endpoints("xproxy-down") {
        let ctx = Context::new();
        let publisher = ctx.socket(SocketType::Pub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let backend = ctx.socket(Xsub).connect(address(&publisher)).unwrap();
        let frontend = ctx.socket(Xpub).bind("tcp://127.0.0.1:*").unwrap();
        let sub = ctx
            .socket(Sub)
            .subscribe("a")
            .connect(address(&frontend))
            .unwrap();
        backend.send(frontend.recv_timeout(SOON).unwrap()).unwrap();
        await_subscription(&monitor);
        publisher.send(["a", "b"]).unwrap();
        frontend.send(backend.recv_timeout(SOON).unwrap()).unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), ["a", "b"]);
        drop(sub);
        backend.send(frontend.recv_timeout(SOON).unwrap()).unwrap();
        assert_eq!(backend.topics(), 0);
    }
}
