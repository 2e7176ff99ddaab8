//! PUB and SUB: filtering, dropping, subscriptions over time.

use std::net::TcpListener;
use std::sync::{mpsc, Barrier};
use std::thread;
use std::time::Duration;

use sinew::{Context, EventKind, Message, Pub, RecvError, SendErrorKind, Socket, Sub};

use crate::support::{
    address, await_event, await_peer, await_subscription, endpoints, Raw, A_WHILE, COMMAND, SOON,
};

const QUICK: Duration = Duration::from_millis(5);

#[test]
fn pub_drops_whole_messages_and_counts_them() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).send_hwm(3).bind("inproc://drops").unwrap();
    let sub = ctx
        .socket(Sub)
        .recv_hwm(4)
        .subscribe("")
        .connect("inproc://drops")
        .unwrap();
    for n in 0..20 {
        publisher.send([n.to_string(), "more".into()]).unwrap();
    }
    let stats = publisher.stats();
    assert_eq!((stats.sent, stats.dropped), (7, 13));
    for n in 0..7 {
        let whole = Message::from([n.to_string(), "more".into()]);
        assert_eq!(sub.recv_timeout(SOON).unwrap(), whole);
    }
    assert_eq!(sub.try_recv(), Err(RecvError::WouldBlock));
    publisher.send("again").unwrap();
    assert_eq!(sub.recv_timeout(SOON).unwrap(), "again");
}

#[test]
fn pub_without_subscribers_discards_and_never_waits() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*").unwrap();
    for _ in 0..10_000 {
        publisher.send("to nobody").unwrap();
    }
    assert_eq!(publisher.stats().dropped, 0);
    assert_eq!(publisher.close().undelivered, 0);
}

#[test]
fn a_slow_subscriber_slows_nobody() {
    let ctx = Context::new();
    let publisher = ctx
        .socket(Pub)
        .send_hwm(10)
        .linger(Duration::ZERO)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = publisher.monitor();
    let mut deaf = Raw::connect(&address(&publisher)).shake("SUB");
    deaf.send(COMMAND, b"\x09SUBSCRIBE");
    await_subscription(&monitor);
    let sub = ctx
        .socket(Sub)
        .subscribe("")
        .connect(&address(&publisher))
        .unwrap();
    await_subscription(&monitor);
    let body = vec![1; 64 * 1024];
    for n in 0..500 {
        publisher
            .send([n.to_string().into_bytes(), body.clone()])
            .unwrap();
        let got = sub.recv_timeout(SOON).unwrap();
        assert_eq!(got.get_str(0).unwrap(), n.to_string());
    }
    assert!(publisher.stats().dropped > 0);
}

#[test]
fn no_drop_waits_for_the_slowest() {
    let ctx = Context::new();
    let publisher = ctx
        .socket(Pub)
        .send_hwm(3)
        .no_drop(true)
        .bind("inproc://no-drop")
        .unwrap();
    let connect = || {
        ctx.socket(Sub)
            .recv_hwm(4)
            .subscribe("")
            .connect("inproc://no-drop")
            .unwrap()
    };
    let (slow, quick) = (connect(), connect());
    for n in 0..7 {
        publisher.try_send(n.to_string()).unwrap();
        quick.recv_timeout(SOON).unwrap();
    }
    assert_eq!(
        publisher.try_send("8").unwrap_err().kind(),
        SendErrorKind::WouldBlock
    );
    assert_eq!(
        publisher.send_timeout("8", A_WHILE).unwrap_err().kind(),
        SendErrorKind::TimedOut
    );
    assert_eq!(quick.try_recv(), Err(RecvError::WouldBlock));
    for _ in 0..7 {
        slow.recv_timeout(SOON).unwrap();
    }
    // Coming back for more is what gives the sender room.
    assert_eq!(slow.try_recv(), Err(RecvError::WouldBlock));
    publisher.send_timeout("8", SOON).unwrap();
    assert_eq!(slow.recv_timeout(SOON).unwrap(), "8");
    assert_eq!(quick.recv_timeout(SOON).unwrap(), "8");
    assert_eq!(publisher.stats().dropped, 0);
}

/// A publisher that does not drop, and the subscriber that takes nothing more for now.
fn a_publisher_that_is_full(ctx: &Context, endpoint: &str) -> (Socket<Pub>, Socket<Sub>) {
    let publisher = ctx
        .socket(Pub)
        .send_hwm(2)
        .send_buffer(Some(16 * 1024))
        .linger(Duration::ZERO)
        .no_drop(true)
        .bind(endpoint)
        .unwrap();
    let monitor = publisher.monitor();
    let slow = ctx
        .socket(Sub)
        .recv_hwm(2)
        .recv_buffer(Some(16 * 1024))
        .subscribe("")
        .connect(&address(&publisher))
        .unwrap();
    await_subscription(&monitor);
    let body = vec![1; 256 * 1024];
    while publisher.send_timeout(body.clone(), A_WHILE).is_ok() {}
    (publisher, slow)
}

#[test]
fn no_drop_goes_on_when_the_slow_one_leaves() {
    for endpoint in endpoints("leaves") {
        let ctx = Context::new();
        let (publisher, slow) = a_publisher_that_is_full(&ctx, &endpoint);
        let (started, start) = mpsc::channel();
        let sender = publisher.clone();
        let waiting = thread::spawn(move || {
            started.send(()).unwrap();
            sender.send_timeout("on", SOON)
        });
        start.recv().unwrap();
        drop(slow);
        waiting
            .join()
            .unwrap()
            .unwrap_or_else(|e| panic!("{endpoint}: {e}"));
    }
}

#[test]
fn no_drop_goes_on_when_the_slow_one_wants_it_no_more() {
    for endpoint in endpoints("unsubscribes") {
        let ctx = Context::new();
        let (publisher, slow) = a_publisher_that_is_full(&ctx, &endpoint);
        let (started, start) = mpsc::channel();
        let sender = publisher.clone();
        let waiting = thread::spawn(move || {
            started.send(()).unwrap();
            sender.send_timeout("on", SOON)
        });
        // It waits by now, or is about to; then it finds the subscription gone.
        start.recv().unwrap();
        slow.unsubscribe("").unwrap();
        waiting
            .join()
            .unwrap()
            .unwrap_or_else(|e| panic!("{endpoint}: {e}"));
    }
}

#[test]
fn subscriptions_come_and_go_at_any_time() {
    for endpoint in endpoints("any-time") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let sub = ctx.socket(Sub).open().unwrap();
        sub.subscribe("before").unwrap();
        sub.connect(&address(&publisher)).unwrap();
        await_subscription(&monitor);
        sub.subscribe("after").unwrap();
        await_subscription(&monitor);
        for topic in ["before 1", "after 1", "never 1"] {
            publisher.send(topic).unwrap();
        }
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "before 1");
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "after 1");
        sub.unsubscribe("before").unwrap();
        await_event(&monitor, |k| matches!(k, EventKind::Unsubscribed { .. }));
        publisher.send("before 2").unwrap();
        publisher.send("after 2").unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "after 2", "{endpoint}");
        assert_eq!(publisher.stats().sent, 3);
        sub.unsubscribe("was never there").unwrap();
    }
}

#[test]
fn a_topic_subscribed_twice_takes_two_to_take_back() {
    for endpoint in endpoints("twice") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let sub = ctx
            .socket(Sub)
            .subscribe("t")
            .subscribe("t")
            .subscribe("fence")
            .connect(&address(&publisher))
            .unwrap();
        for _ in 0..2 {
            await_subscription(&monitor);
        }
        sub.unsubscribe("t").unwrap();
        sub.subscribe("fence").unwrap();
        await_subscription(&monitor);
        publisher.send("t1").unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "t1", "{endpoint}");
        sub.unsubscribe("t").unwrap();
        await_event(&monitor, |k| matches!(k, EventKind::Unsubscribed { .. }));
        publisher.send("t2").unwrap();
        publisher.send("fence").unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "fence");
    }
}

#[test]
fn subscriptions_are_told_again_to_a_publisher_that_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/back", dir.path().display());
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = format!("tcp://{}", free.local_addr().unwrap());
    drop(free);
    for endpoint in [tcp.as_str(), ipc.as_str(), "inproc://back"] {
        let ctx = Context::new();
        let sub = ctx
            .socket(Sub)
            .subscribe("a")
            .reconnect_interval(QUICK)
            .reconnect_interval_max(QUICK)
            .connect(endpoint)
            .unwrap();
        sub.subscribe("b").unwrap();
        for round in 0..5 {
            let publisher = ctx.socket(Pub).open().unwrap();
            let monitor = publisher.monitor();
            publisher.bind(endpoint).unwrap();
            await_subscription(&monitor);
            await_subscription(&monitor);
            publisher.send(format!("a {round}")).unwrap();
            publisher.send(format!("b {round}")).unwrap();
            publisher.send("c").unwrap();
            assert_eq!(publisher.close().undelivered, 0);
            for topic in ["a", "b"] {
                let expected = format!("{topic} {round}");
                let got = sub.recv_timeout(SOON);
                assert_eq!(got.unwrap(), expected.as_str(), "{endpoint}");
            }
        }
        assert_eq!(sub.try_recv(), Err(RecvError::WouldBlock));
    }
}

#[test]
fn a_second_connect_to_the_same_endpoint_is_ignored() {
    for endpoint in endpoints("second") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let sub = ctx
            .socket(Sub)
            .subscribe("")
            .connect(&address(&publisher))
            .unwrap();
        sub.connect(&address(&publisher)).unwrap();
        await_subscription(&monitor);
        publisher.send("once").unwrap();
        publisher.send("twice").unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "once");
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "twice");
        assert_eq!(publisher.stats().peers, 1);
    }
    let ctx = Context::new();
    let sub = ctx.socket(Sub).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = sub.monitor();
    let publisher = ctx.socket(Pub).connect(&address(&sub)).unwrap();
    publisher.connect(&address(&sub)).unwrap();
    await_peer(&monitor);
    assert_eq!(sub.recv_timeout(A_WHILE), Err(RecvError::TimedOut));
    assert_eq!(sub.stats().peers, 1);
}

#[test]
fn a_publisher_may_connect_and_a_subscriber_bind() {
    for endpoint in endpoints("other-way") {
        let ctx = Context::new();
        let sub = ctx.socket(Sub).subscribe("a").bind(&endpoint).unwrap();
        let publisher = ctx.socket(Pub).open().unwrap();
        let monitor = publisher.monitor();
        publisher.connect(&address(&sub)).unwrap();
        await_subscription(&monitor);
        publisher.send("b").unwrap();
        publisher.send("a").unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "a", "{endpoint}");
    }
}

#[test]
fn peers_of_zmtp_3_0_subscribe_with_messages_both_ways() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = publisher.monitor();
    let mut raw = Raw::connect(&address(&publisher)).shake_as(0, "SUB");
    raw.send(0, b"noise");
    raw.send(0, b"\x01a");
    await_subscription(&monitor);
    publisher.send("b").unwrap();
    publisher.send("a").unwrap();
    assert_eq!(raw.read_frame(), (0, b"a".to_vec()));
    raw.send(0, b"\x00a");
    await_event(&monitor, |k| matches!(k, EventKind::Unsubscribed { .. }));
    publisher.send("a").unwrap();
    assert_eq!(publisher.stats().sent, 1);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sub = ctx
        .socket(Sub)
        .subscribe("x")
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let mut raw = Raw::accept(&listener).shake_as(0, "PUB");
    assert_eq!(raw.read_frame(), (0, b"\x01x".to_vec()));
    sub.unsubscribe("x").unwrap();
    assert_eq!(raw.read_frame(), (0, b"\x00x".to_vec()));
}

#[test]
fn what_was_not_subscribed_to_never_reaches_the_application() {
    let ctx = Context::new();
    let sub = ctx
        .socket(Sub)
        .subscribe("yes")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    // A publisher that filters nothing.
    let mut raw = Raw::connect(&address(&sub)).shake("PUB");
    assert_eq!(raw.read_frame(), (COMMAND, b"\x09SUBSCRIBEyes".to_vec()));
    raw.send(0, b"no");
    raw.send(0, b"yes!");
    assert_eq!(sub.recv_timeout(SOON).unwrap(), "yes!");
}

#[test]
fn a_subscription_of_one_thread_is_not_overtaken_by_the_end_of_anothers() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind("inproc://overtaken").unwrap();
    let sub = ctx.socket(Sub).connect("inproc://overtaken").unwrap();
    sub.subscribe("a").unwrap();
    for round in 0..3000 {
        let meet = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                meet.wait();
                sub.unsubscribe("a").unwrap();
            });
            meet.wait();
            sub.subscribe("a").unwrap();
        });
        // Either way it is subscribed to once, and both ends of the pipe know it by now.
        publisher.send("a").unwrap();
        assert_eq!(sub.try_recv().unwrap(), "a", "round {round}");
    }
}

#[test]
fn what_was_taken_ahead_is_not_received_after_unsubscribe() {
    for endpoint in endpoints("taken-ahead") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).open().unwrap();
        let monitor = publisher.monitor();
        publisher.bind(&endpoint).unwrap();
        let sub = ctx.socket(Sub).connect(&address(&publisher)).unwrap();
        for topic in ["a", "b"] {
            sub.subscribe(topic).unwrap();
            await_subscription(&monitor);
        }
        for _ in 0..100 {
            publisher.send("a").unwrap();
            publisher.send("b").unwrap();
        }
        publisher.send("b, the last").unwrap();
        let mut received = 1;
        assert_eq!(sub.recv().unwrap(), "a");
        sub.unsubscribe("a").unwrap();
        loop {
            let message = sub.recv().unwrap();
            received += 1;
            assert!(
                message.frames().next().unwrap().starts_with(b"b"),
                "{message:?}"
            );
            if message == "b, the last" {
                break;
            }
        }
        assert_eq!(received, 102);
        assert_eq!(sub.stats().received, 102);
    }
}
