//! Settings that are changed while the socket lives: each takes effect when its text says, can be read
//! back, and is refused whole when it cannot be used.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use sinew::{
    Context, Dealer, Error, EventKind, KeepAlive, Options, Pub, Pull, Push, Req, Router,
    SendErrorKind, Sub, Xpub,
};

use super::support::*;

/// Where nobody listens.
const NOBODY: &str = "tcp://127.0.0.1:1";

const LONG: Duration = Duration::from_secs(1000);

/// Settings of which none is the default.
fn others() -> Options {
    Options::new()
        .send_hwm(11)
        .recv_hwm(12)
        .send_hwm_bytes(1_000_000)
        .recv_hwm_bytes(1_000_001)
        .linger(Duration::from_secs(13))
        .max_message_size(1000)
        .max_message_frames(14)
        .max_connections(15)
        .max_pending_handshakes(16)
        .reconnect_interval(Duration::from_millis(17))
        .reconnect_interval_max(Duration::from_millis(18))
        .reconnect_attempts(19)
        .connect_timeout(Duration::from_secs(20))
        .handshake_timeout(Duration::from_secs(21))
        .heartbeat_interval(Duration::from_secs(22))
        .heartbeat_timeout(Duration::from_secs(23))
        .heartbeat_ttl(Duration::from_secs(24))
        .immediate(true)
        .routing_id("me")
        .property("X-n", "26")
        .message_metadata(true)
        .backlog(25)
        .ipv6(true)
        .tcp_keepalive(KeepAlive::on())
        .send_buffer(100_000)
        .recv_buffer(100_001)
        .tos(8)
        .busy_poll(Duration::from_micros(1))
        .no_drop(true)
        .relaxed(true)
        .correlate(true)
        .mandatory(true)
        .handover(true)
        .probe_router(true)
        .verbose(true)
        .verboser(true)
        .welcome_message("hello")
        .verbose_unsubscribe(true)
}

#[test]
fn a_setting_that_cannot_change_is_refused_in_words() {
    let context = Context::new();
    let xpub = context.socket(Xpub).bind("inproc://manual").unwrap();
    for spoil in [(|now| now.manual(true)) as fn(Options) -> Options, |now| {
        now.manual_last_value(true)
    }] {
        let error = xpub.set_options(spoil).unwrap_err();
        assert!(
            error.to_string().contains("manual cannot be changed"),
            "{error}"
        );
    }
    let manual = context.socket(Xpub).manual(true).open().unwrap();
    manual
        .set_options(|now| now.manual_last_value(true))
        .unwrap();
    assert!(manual.options().manual_last_value);
}

#[test]
fn an_xpub_tells_of_more_and_welcomes_from_when_it_is_told_to() {
    let context = Context::new();
    let xpub = context.socket(Xpub).bind("inproc://shows").unwrap();
    let sub = |topic: &str| {
        let sub = context.socket(Sub).subscribe(topic);
        sub.connect("inproc://shows").unwrap()
    };
    let first = [sub("a"), sub("a")];
    assert_eq!(xpub.recv_timeout(SOON).unwrap(), "\u{1}a");
    xpub.set_options(|now| now.verbose(true).welcome_message("ahoy"))
        .unwrap();
    let late = sub("a");
    assert_eq!(
        xpub.recv_timeout(SOON).unwrap(),
        "\u{1}a",
        "the third to subscribe"
    );
    assert_eq!(late.recv_timeout(SOON).unwrap(), "ahoy");
    xpub.set_options(|now| now.invert_matching(true)).unwrap();
    for sub in first.iter().chain([&late]) {
        sub.set_options(|now| now.invert_matching(true)).unwrap();
    }
    xpub.send("apple").unwrap();
    xpub.send("pear").unwrap();
    for sub in first.iter().chain([&late]) {
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "pear");
    }
}

#[test]
fn every_setting_can_be_changed_and_read_back_and_the_socket_goes_on() {
    for endpoint in endpoints("live") {
        let context = Context::new();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(&address(&pull)).unwrap();
        push.send("before").unwrap();
        for settings in [others(), Options::new()] {
            pull.set_options(|_| settings.clone()).unwrap();
            push.set_options(|_| settings.clone()).unwrap();
            assert_eq!(pull.options(), settings);
            assert_eq!(push.clone().into_dynamic().options(), settings);
            push.send("between").unwrap();
        }
        for expected in ["before", "between", "between"] {
            assert_eq!(pull.recv_timeout(SOON).unwrap(), expected);
        }
        // Connections that are made under the other settings work too.
        pull.set_options(|_| others()).unwrap();
        let late = context.socket(Push).options(others());
        let late = late.connect(&address(&pull)).unwrap();
        late.send("late").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "late");
    }
}

#[test]
fn what_cannot_be_used_is_refused_in_words_and_nothing_is_changed() {
    type Spoil = fn(Options) -> Options;
    let spoilt: [(&str, Spoil); 8] = [
        ("connect_timeout", |o| o.connect_timeout(Duration::ZERO)),
        ("handshake_timeout", |o| o.handshake_timeout(Duration::ZERO)),
        ("heartbeat_interval", |o| {
            o.heartbeat_interval(Duration::ZERO)
        }),
        ("heartbeat_timeout", |o| o.heartbeat_timeout(Duration::ZERO)),
        ("heartbeat_ttl", |o| o.heartbeat_ttl(Duration::ZERO)),
        ("routing_id", |o| o.routing_id(&b"\0reserved"[..])),
        ("send_buffer", |o| o.send_buffer(0)),
        ("tcp_keepalive", |o| {
            o.tcp_keepalive(KeepAlive::on().retries(0))
        }),
    ];
    let context = Context::new();
    let push = context.socket(Push).send_hwm(2).connect(NOBODY).unwrap();
    push.set_options(|now| now.linger(Duration::ZERO)).unwrap();
    let before = push.options();
    for (name, spoil) in spoilt {
        let error = push.set_options(|now| spoil(now.send_hwm(1))).unwrap_err();
        let Error::Option(text) = error else {
            panic!("{name}: {error:?}");
        };
        assert!(text.contains(name), "{text}");
        assert_eq!(push.options(), before);
    }
    assert!(push.try_send("one").is_ok() && push.try_send("two").is_ok());
    assert!(push.try_send("three").is_err());
}

#[test]
fn immediate_is_for_the_links_to_come_also_when_the_marks_of_those_that_are_there_change() {
    let context = Context::new();
    let push = context.socket(Push).send_hwm(2).open().unwrap();
    push.connect("inproc://later").unwrap();
    push.try_send("one").unwrap();
    push.set_options(|now| now.immediate(true)).unwrap();
    push.set_options(|now| now.send_hwm(100)).unwrap();
    push.try_send("two").unwrap();
    let pull = context.socket(Pull).bind("inproc://later").unwrap();
    for expected in ["one", "two"] {
        assert_eq!(pull.recv_timeout(SOON).unwrap(), expected);
    }
    // The loss of its peer is when the link goes by it.
    drop(pull);
    assert_eq!(
        push.try_send("three").unwrap_err().kind(),
        SendErrorKind::WouldBlock
    );
    push.set_options(|now| now.immediate(false)).unwrap();
    push.set_options(|now| now.send_hwm(200)).unwrap();
    assert!(push.try_send("three").is_err());
}

#[test]
fn a_closed_socket_has_no_settings_to_change() {
    let context = Context::new();
    let push = context.socket(Push).open().unwrap();
    let _ = push.clone().close();
    let error = push.set_options(|now| now.send_hwm(1)).unwrap_err();
    assert!(matches!(error, Error::Closed));
}

#[test]
fn changes_that_threads_make_at_once_are_all_made() {
    let context = Context::new();
    let push = context.socket(Push).send_hwm(1).open().unwrap();
    let more = |now: Options| {
        let hwm = now.send_hwm;
        now.send_hwm(hwm + 1)
    };
    let threads = [(); 4].map(|()| {
        let push = push.clone();
        thread::spawn(move || (0..100).for_each(|_| push.set_options(more).unwrap()))
    });
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(push.options().send_hwm, 401);
}

#[test]
fn linger_counts_when_the_socket_is_closed() {
    let context = Context::new();
    let push = context.socket(Push).linger(None).connect(NOBODY).unwrap();
    push.send("for nobody").unwrap();
    push.set_options(|now| now.linger(Duration::ZERO)).unwrap();
    assert_eq!(push.close().undelivered, 1);
}

#[test]
fn the_senders_marks_change_for_peers_that_are_there() {
    type Set = fn(Options, usize) -> Options;
    let hwm: Set = |now, most| now.send_hwm(most);
    // Of a hundred bytes and some more each.
    let bytes: Set = |now, most| now.send_hwm_bytes(200 * most);
    for (set, peer) in [(hwm, NOBODY), (bytes, NOBODY), (hwm, "inproc://nobody")] {
        let context = Context::new();
        let options = set(Options::new().linger(Duration::ZERO), 2);
        let push = context.socket(Push).options(options);
        let push = push.connect(peer).unwrap();
        let fill = || std::iter::from_fn(|| push.try_send([7; 100]).ok()).count();
        let first = fill();
        assert!(first >= 2);
        push.set_options(|now| set(now, 20)).unwrap();
        let more = fill();
        assert!(more >= 10, "{more}");
        push.set_options(|now| set(now, 2)).unwrap();
        assert_eq!(fill(), 0);
        // A send that waits goes on when the mark is raised.
        let waits = {
            let push = push.clone();
            thread::spawn(move || push.send("waits"))
        };
        push.set_options(|now| set(now, 0)).unwrap();
        waits.join().unwrap().unwrap();
        assert!(fill_some(&push));
    }
}

fn fill_some(push: &sinew::Socket<Push>) -> bool {
    (0..500).all(|_| push.try_send([7; 100]).is_ok())
}

#[test]
fn the_marks_of_an_inproc_peer_change_on_either_side() {
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .recv_hwm(2)
        .bind("inproc://marks")
        .unwrap();
    let push = context
        .socket(Push)
        .send_hwm(3)
        .connect("inproc://marks")
        .unwrap();
    let fill = || std::iter::from_fn(|| push.try_send("x").ok()).count();
    assert_eq!(fill(), 5);
    pull.set_options(|now| now.recv_hwm(4)).unwrap();
    assert_eq!(fill(), 2);
    push.set_options(|now| now.send_hwm(13)).unwrap();
    assert_eq!(fill(), 10);
    pull.set_options(|now| now.recv_hwm(0)).unwrap();
    assert!(fill_some(&push), "either at zero: no limit");
    pull.set_options(|now| now.recv_hwm(1)).unwrap();
    assert_eq!(fill(), 0, "also the sender of a stream learns of it");
}

#[test]
fn a_sender_whose_lowered_mark_fills_its_queue_has_room_once_that_is_received() {
    for endpoint in endpoints("lowered") {
        let context = Context::new();
        let pull = context.socket(Pull).recv_hwm(1).bind(&*endpoint).unwrap();
        let push = context.socket(Push).linger(Duration::ZERO);
        let push = push.send_hwm(100).connect(&address(&pull)).unwrap();
        (0..50).for_each(|_| push.send_timeout("queued", SOON).unwrap());
        push.set_options(|now| now.send_hwm(1)).unwrap();
        (0..50).for_each(|_| assert_eq!(pull.recv_timeout(SOON).unwrap(), "queued"));
        push.send_timeout("room again", SOON).unwrap();
    }
}

#[test]
fn a_receiver_that_is_full_reads_on_when_its_mark_is_raised() {
    let context = Context::new();
    let pull = context.socket(Pull).recv_hwm(2);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    let messages: Vec<u8> = (0..5).flat_map(|_| frame(0, b"x")).collect();
    raw.write(&[messages, frame(COMMAND, b"\x04PING\0\0here")].concat());
    pull.set_options(|now| now.recv_hwm(10)).unwrap();
    while raw.read_frame().1 != b"\x04PONGhere" {}
    assert_eq!(pull.try_iter().count(), 5);
}

#[test]
fn max_message_size_and_frames_count_for_connections_that_come_later() {
    let context = Context::new();
    let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let mut early = Raw::connect(&address(&pull)).shake("PUSH");
    for small in [
        (|now| now.max_message_size(3)) as fn(Options) -> Options,
        |now| now.max_message_frames(1),
    ] {
        pull.set_options(|_| small(Options::new())).unwrap();
        let mut late = Raw::connect(&address(&pull)).shake("PUSH");
        late.write(&[frame(MORE, b"many"), frame(0, b"bytes")].concat());
        late.await_end();
        early.write(&[frame(MORE, b"many"), frame(0, b"bytes")].concat());
        assert_eq!(pull.recv_timeout(SOON).unwrap(), ["many", "bytes"]);
    }
}

#[test]
fn a_caller_that_waits_comes_in_when_more_are_allowed() {
    type Set = fn(Options, usize) -> Options;
    let sets: [Set; 2] = [
        |now, most| now.max_connections(most),
        |now, most| now.max_pending_handshakes(most),
    ];
    for set in sets {
        let context = Context::new();
        let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
        pull.set_options(|now| set(now, 1)).unwrap();
        let monitor = pull.monitor();
        let first = Raw::connect(&address(&pull));
        await_event(&monitor, |kind| matches!(kind, EventKind::Accepted));
        let second = Raw::connect(&address(&pull));
        pull.set_options(|now| set(now, 2)).unwrap();
        let mut second = second.shake("PUSH");
        second.send(0, b"in");
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "in");
        drop(first);
    }
}

#[test]
fn pauses_and_tries_follow_the_settings_of_the_moment() {
    let context = Context::new();
    let push = context
        .socket(Push)
        .reconnect_interval(Duration::from_millis(1))
        .reconnect_interval_max(Duration::ZERO)
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(NOBODY).unwrap();
    await_event(&monitor, |kind| {
        matches!(kind, EventKind::ConnectRetried { .. })
    });
    push.set_options(|now| now.reconnect_interval(LONG))
        .unwrap();
    await_event(
        &monitor,
        |kind| matches!(kind, EventKind::ConnectRetried { after } if *after >= LONG),
    );
    push.set_options(|now| now.reconnect_attempts(0)).unwrap();
    push.connect("tcp://127.0.0.1:2").unwrap();
    await_event(&monitor, |kind| matches!(kind, EventKind::ConnectGivenUp));
}

#[test]
fn handshakes_and_heartbeats_of_later_connections_follow_the_settings() {
    let context = Context::new();
    let pull = context.socket(Pull).handshake_timeout(None);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    pull.set_options(|now| now.heartbeat_interval(Duration::from_millis(1)))
        .unwrap();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    let (flags, body) = raw.read_frame();
    assert_eq!(flags, COMMAND);
    assert!(body.starts_with(b"\x04PING"));
    pull.set_options(|now| now.handshake_timeout(Duration::from_millis(1)))
        .unwrap();
    Raw::connect(&address(&pull)).await_end();
}

#[test]
fn a_routing_id_is_announced_to_the_next_peer() {
    let context = Context::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dealer = context.socket(Dealer).open().unwrap();
    dealer.set_options(|now| now.routing_id("later")).unwrap();
    let port = listener.local_addr().unwrap().port();
    dealer.connect(format!("tcp://127.0.0.1:{port}")).unwrap();
    let mut raw = Raw::accept(&listener);
    raw.write(&Raw::greeting(1, "NULL"));
    raw.read(64);
    let (_, ready) = raw.read_frame();
    assert!(ready.ends_with(b"later"), "{ready:?}");
}

#[test]
fn immediate_counts_for_the_next_connect() {
    let context = Context::new();
    let push = context.socket(Push).linger(Duration::ZERO).open().unwrap();
    push.set_options(|now| now.immediate(true)).unwrap();
    push.connect(NOBODY).unwrap();
    assert!(push.try_send("x").is_err());
    push.set_options(|now| now.immediate(false)).unwrap();
    push.connect("tcp://127.0.0.1:2").unwrap();
    push.try_send("x").unwrap();
}

#[test]
fn a_publisher_that_drops_waits_from_the_next_send_on() {
    let context = Context::new();
    let publisher = context
        .socket(Pub)
        .send_hwm(1)
        .bind("inproc://drop")
        .unwrap();
    let sub = context.socket(Sub).recv_hwm(1).subscribe("");
    let sub = sub.connect("inproc://drop").unwrap();
    (0..10).for_each(|_| publisher.try_send("x").unwrap());
    publisher.set_options(|now| now.no_drop(true)).unwrap();
    assert!(publisher.try_send("y").is_err());
    publisher.set_options(|now| now.no_drop(false)).unwrap();
    publisher.send("y").unwrap();
    drop(sub);
}

#[test]
fn requests_are_relaxed_and_numbered_from_the_next_one_on() {
    let context = Context::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let req = context.socket(Req).linger(Duration::ZERO);
    let req = req.connect(format!("tcp://127.0.0.1:{port}")).unwrap();
    let mut raw = Raw::accept(&listener).shake("REP");
    req.send("one").unwrap();
    let refused = req.send("two").unwrap_err();
    assert_eq!(refused.kind(), SendErrorKind::MustReceiveFirst);
    req.set_options(|now| now.relaxed(true).correlate(true))
        .unwrap();
    req.send("two").unwrap();
    let frames: Vec<_> = (0..5).map(|_| raw.read_frame().1).collect();
    assert_eq!((&*frames[0], &*frames[1]), (&b""[..], &b"one"[..]));
    assert_eq!(
        (frames[2].len(), &*frames[3], &*frames[4]),
        (4, &b""[..], &b"two"[..])
    );
}

#[test]
fn a_router_refuses_and_hands_over_from_when_it_is_told_to() {
    let context = Context::new();
    let router = context.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    router.send(["nobody", "x"]).unwrap();
    router
        .set_options(|now| now.mandatory(true).handover(true).probe_router(true))
        .unwrap();
    let refused = router.send(["nobody", "x"]).unwrap_err();
    assert_eq!(refused.kind(), SendErrorKind::Unroutable);
    for body in ["first", "second"] {
        let dealer = context.socket(Dealer).routing_id("same");
        let dealer = dealer.connect(&address(&router)).unwrap();
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), "", "the probe");
        dealer.send(body).unwrap();
        assert_eq!(router.recv_timeout(SOON).unwrap(), ["same", body]);
        std::mem::forget(dealer);
    }
    context.shutdown();
}
