//! PUSH and PULL (RFC 30), and what is true of any message on any connection.

use std::fmt::Debug;
use std::time::Instant;

use libzmq_peer as zmq;
use libzmq_peer::Kind;
use sinew::{Context, EventKind, Message, Pull, Push, Socket};

use crate::support::*;

/// Around every edge there is: the inline limit, the two frame headers, libzmq's 8 KiB batches, the 64 KiB
/// that are written at once, and far beyond any buffer.
const SIZES: [usize; 19] = [
    0,
    1,
    2,
    15,
    16,
    29,
    33,
    34,
    63,
    64,
    254,
    255,
    256,
    257,
    8_191,
    65_535,
    65_536,
    1 << 20,
    8 << 20,
];

const SHAPES: [&[&str]; 7] = [
    &[""],
    &["", ""],
    &["a", "", ""],
    &["", "a"],
    &["", "", "a", ""],
    &["one", "two", "three"],
    &["a", "", "b", "", "c", "", "d", "", "e"],
];

struct OurPushTheirPull {
    push: Socket<Push>,
    pull: zmq::Socket,
    _address: Address,
}

fn our_push_their_pull(setup: Setup) -> OurPushTheirPull {
    let push = Context::new().socket(Push).open().expect("our PUSH");
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    let _address = setup.join(&push.clone().into_dynamic(), &pull);
    OurPushTheirPull {
        push,
        pull,
        _address,
    }
}

struct TheirPushOurPull {
    push: zmq::Socket,
    pull: Socket<Pull>,
    _address: Address,
}

fn their_push_our_pull(setup: Setup) -> TheirPushOurPull {
    let pull = Context::new().socket(Pull).open().expect("our PULL");
    let push = theirs(&zmq::Context::new(), Kind::Push);
    let _address = setup.join(&pull.clone().into_dynamic(), &push);
    TheirPushOurPull {
        push,
        pull,
        _address,
    }
}

/// Sends messages one by one to libzmq, from libzmq, and compares each with what arrived.
fn exchange(setup: Setup, messages: &[Vec<Vec<u8>>]) {
    let out = our_push_their_pull(setup);
    for sent in messages {
        let what = format!("{} to libzmq, {setup:?}", shape_of(sent));
        let failed = |error: &dyn Debug| -> ! { panic!("{what}: {error:?}") };
        let accepted = out.push.send_timeout(message(sent), DEADLINE);
        accepted.unwrap_or_else(|error| failed(&error));
        let received = out.pull.recv_multipart();
        assert_same(
            &received.unwrap_or_else(|error| failed(&error)),
            sent,
            &what,
        );
    }
    let back = their_push_our_pull(setup);
    for sent in messages {
        let what = format!("{} from libzmq, {setup:?}", shape_of(sent));
        let failed = |error: &dyn Debug| -> ! { panic!("{what}: {error:?}") };
        let accepted = back.push.send_multipart(sent);
        accepted.unwrap_or_else(|error| failed(&error));
        let received = back.pull.recv_timeout(DEADLINE);
        let received = received.unwrap_or_else(|error| failed(&error));
        assert_same(&parts(&received), sent, &what);
    }
}

#[test]
fn the_peer_is_libzmq_4_3_5() {
    assert_eq!(zmq::version(), (4, 3, 5));
}

#[test]
fn a_frame_of_any_size_arrives_whole() {
    let messages = SIZES.map(|size| vec![body(size)]);
    Setup::all().for_each(|setup| exchange(setup, &messages));
}

#[test]
fn a_frame_of_any_size_arrives_whole_between_others() {
    let messages = SIZES
        .into_iter()
        .filter(|size| *size <= 1 << 20)
        .map(|size| vec![body(size), vec![], body(size), b"last".to_vec()])
        .collect::<Vec<_>>();
    Setup::all().for_each(|setup| exchange(setup, &messages));
}

#[test]
fn multipart_messages_keep_their_shape_with_empty_frames() {
    let messages = SHAPES.map(|shape| {
        let parts = shape.iter().map(|part| part.as_bytes().to_vec());
        parts.collect::<Vec<_>>()
    });
    Setup::all().for_each(|setup| exchange(setup, &messages));
}

#[test]
fn a_message_may_have_a_thousand_frames() {
    let message = (0..1_000).map(body).collect::<Vec<_>>();
    Setup::all().for_each(|setup| exchange(setup, std::slice::from_ref(&message)));
}

#[test]
fn libzmq_reads_our_properties_on_the_messages_that_it_receives() {
    for setup in Setup::all() {
        let push = Context::new().socket(Push).property("X-Role", "sensor");
        let push = push.property("X-Rack", "7").open().expect("our PUSH");
        let pull = theirs(&zmq::Context::new(), Kind::Pull);
        let _address = setup.join(&push.clone().into_dynamic(), &pull);
        push.send_timeout("x", DEADLINE).expect("accepted");
        let mut received = zmq::Msg::new();
        pull.recv(&mut received).expect("received");
        for (name, value) in [
            (c"X-Role", Some("sensor")),
            (c"X-Rack", Some("7")),
            (c"X-Other", None),
            (c"Socket-Type", Some("PUSH")),
        ] {
            assert_eq!(received.property(name).as_deref(), value, "{setup:?}");
        }
    }
}

/// More than the high-water marks of both ends together, so that both have to wait for each other.
const STREAM: u32 = 20_000;

#[test]
fn a_long_stream_to_libzmq_loses_nothing_and_keeps_its_order() {
    for setup in Setup::all() {
        let OurPushTheirPull {
            push,
            pull,
            _address,
        } = our_push_their_pull(setup);
        let sender = std::thread::spawn(move || {
            for number in 0..STREAM {
                push.send_timeout(number.to_le_bytes(), DEADLINE)
                    .expect("our send");
            }
            push
        });
        for number in 0..STREAM {
            assert_eq!(pull.recv_multipart().unwrap(), [number.to_le_bytes()]);
        }
        sender.join().expect("the sender");
    }
}

#[test]
fn a_long_stream_from_libzmq_loses_nothing_and_keeps_its_order() {
    for setup in Setup::all() {
        let TheirPushOurPull {
            push,
            pull,
            _address,
        } = their_push_our_pull(setup);
        let sender = std::thread::spawn(move || {
            for number in 0..STREAM {
                push.send(&number.to_le_bytes(), false).expect("their send");
            }
            push
        });
        for number in 0..STREAM {
            let received = pull.recv_timeout(DEADLINE).expect("our receive");
            assert_eq!(received.as_bytes().unwrap(), number.to_le_bytes());
        }
        sender.join().expect("the sender");
    }
}

#[test]
fn a_push_deals_its_messages_evenly_to_libzmq_pulls() {
    let context = zmq::Context::new();
    let push = Context::new()
        .socket(Push)
        .bind("tcp://127.0.0.1:0")
        .expect("our PUSH");
    let endpoint = push.last_endpoint().expect("an endpoint").to_string();
    let pulls = [(); 2].map(|()| theirs(&context, Kind::Pull));
    for pull in &pulls {
        pull.connect(&endpoint).expect("their connect");
    }

    // Both are known to be there once both were dealt something.
    let deadline = Instant::now() + DEADLINE;
    let mut dealt = [0; 2];
    let mut sent = 0;
    while dealt.contains(&0) {
        assert!(Instant::now() < deadline, "one PULL is never served");
        push.send_timeout("warm-up", DEADLINE).expect("our send");
        sent += 1;
        for (pull, count) in pulls.iter().zip(&mut dealt) {
            *count += usize::from(their_next(pull, RETRY).is_some());
        }
    }
    while dealt.iter().sum::<usize>() < sent {
        assert!(Instant::now() < deadline, "a warm-up message was lost");
        for (pull, count) in pulls.iter().zip(&mut dealt) {
            *count += usize::from(their_next(pull, RETRY).is_some());
        }
    }

    for _ in 0..10 {
        push.send_timeout("work", DEADLINE).expect("our send");
    }
    for pull in &pulls {
        for _ in 0..5 {
            assert_eq!(pull.recv_multipart().expect("its share"), [b"work"]);
        }
    }
}

#[test]
fn a_pull_hears_every_one_of_many_libzmq_pushes() {
    let context = zmq::Context::new();
    let pull = Context::new()
        .socket(Pull)
        .bind("tcp://127.0.0.1:0")
        .expect("our PULL");
    let endpoint = pull.last_endpoint().expect("an endpoint").to_string();
    let pushes = (0..20u8)
        .map(|number| {
            let push = theirs(&context, Kind::Push);
            push.connect(&endpoint).expect("their connect");
            for _ in 0..10 {
                push.send(&[number], false).expect("their send");
            }
            push
        })
        .collect::<Vec<_>>();
    let mut heard = [0; 20];
    for _ in 0..pushes.len() * 10 {
        let message: Message = pull.recv_timeout(DEADLINE).expect("our receive");
        heard[usize::from(message[0][0])] += 1;
    }
    assert_eq!(heard, [10; 20]);
}

#[test]
fn messages_cross_ipv6_both_ways() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // No IPv6 on this machine.
    }
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    pull.set_int(zmq::option::IPV6, 1).expect("IPv6");
    pull.bind("tcp://[::1]:*").expect("their bind");
    let push = Context::new()
        .socket(Push)
        .ipv6(true)
        .connect(&pull.last_endpoint().expect("their endpoint"))
        .expect("our PUSH");
    push.send_timeout("to libzmq", DEADLINE).expect("our send");
    assert_eq!(pull.recv_multipart().expect("arrival"), [b"to libzmq"]);

    let pull = Context::new()
        .socket(Pull)
        .ipv6(true)
        .bind("tcp://[::1]:0")
        .expect("our PULL");
    let push = theirs(&zmq::Context::new(), Kind::Push);
    push.set_int(zmq::option::IPV6, 1).expect("IPv6");
    let endpoint = pull.last_endpoint().expect("our endpoint").to_string();
    push.connect(&endpoint).expect("their connect");
    push.send(b"from libzmq", false).expect("their send");
    let received = pull.recv_timeout(DEADLINE).expect("our receive");
    assert_eq!(received, "from libzmq");
}

#[test]
fn socket_types_that_do_not_fit_refuse_each_other() {
    let publisher = theirs(&zmq::Context::new(), Kind::Pub);
    publisher.bind("tcp://127.0.0.1:*").expect("their bind");
    let push = Context::new().socket(Push).open().expect("our PUSH");
    let monitor = push.monitor();
    push.connect(&publisher.last_endpoint().expect("their endpoint"))
        .expect("our connect");
    // Whoever looks at the other's type first ends it; libzmq does so by closing without a word.
    wait_for(&monitor, "a failed handshake", |kind| {
        assert!(!is_up(kind), "PUSH and PUB are no pair");
        is_down(kind) || matches!(kind, EventKind::HandshakeFailed { .. })
    });
}
