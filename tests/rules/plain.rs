//! PLAIN (RFC 24): who is let in, who is not, and what each side is told.

use std::net::TcpListener;
use std::time::Duration;

use sinew::{
    Context, Dgram, DynSocket, Error, EventKind, Monitor, Options, Pull, Push, Radio, ReasonKind,
    Rep, Req, SocketType, Stream,
};

use crate::support::*;

const HASTE: Duration = Duration::from_millis(1);

const USERS: [(&str, &str); 2] = [("anna", "secret"), ("bert", "geheim")];

fn server(context: &Context, kind: SocketType, endpoint: &str) -> DynSocket {
    let builder = context.socket(kind).plain_server(USERS);
    builder.bind(endpoint).unwrap()
}

fn hello(name: &str, password: &str) -> Vec<u8> {
    let mut body = b"\x05HELLO".to_vec();
    for text in [name, password] {
        body.push(text.len() as u8);
        body.extend_from_slice(text.as_bytes());
    }
    frame(COMMAND, &body)
}

fn initiate(socket_type: &str) -> Vec<u8> {
    let mut body = b"\x08INITIATE\x0bSocket-Type".to_vec();
    body.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
    body.extend_from_slice(socket_type.as_bytes());
    frame(COMMAND, &body)
}

/// A peer without a library that has greeted, and has read the greeting.
fn greeted(socket: &DynSocket, mechanism: &str) -> Raw {
    let mut raw = Raw::connect(&address(socket));
    raw.write(&Raw::greeting(1, mechanism));
    let greeting = raw.read(64);
    assert_eq!(&greeting[12..18], b"PLAIN\0");
    assert_eq!(greeting[32], 1, "a server says that it is one");
    raw
}

#[track_caller]
fn await_reason(monitor: &Monitor) -> (ReasonKind, String) {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::HandshakeFailed { .. })
    });
    match event.kind {
        EventKind::HandshakeFailed { reason } => (reason.kind(), reason.to_string()),
        _ => unreachable!(),
    }
}

#[test]
fn users_with_the_right_password_are_let_in_over_tcp_and_ipc_whoever_binds() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let context = Context::new();
        let rep = server(&context, SocketType::Rep, endpoint);
        for (name, password) in USERS {
            let req = context
                .socket(Req)
                .plain_client(name, password)
                .connect(address(&rep))
                .unwrap();
            req.send("who am I?").unwrap();
            assert_eq!(rep.recv_timeout(SOON).unwrap(), "who am I?");
            let peers = rep.peers();
            let info = peers.iter().rev().find_map(|peer| peer.info.as_ref());
            let users: Vec<_> = peers
                .iter()
                .filter_map(|peer| peer.info.as_ref()?.user.clone())
                .collect();
            assert!(users.iter().any(|user| user == name), "{users:?}");
            assert!(info.is_some());
            rep.send("you").unwrap();
            assert_eq!(req.recv_timeout(SOON).unwrap(), "you");
            assert_eq!(req.peers()[0].info.as_ref().unwrap().user, None);
        }
        // The server of the mechanism may be the one that calls.
        let pull = context
            .socket(Pull)
            .plain_client("anna", "secret")
            .bind(endpoint)
            .unwrap();
        let push = context
            .socket(Push)
            .plain_server(USERS)
            .connect(address(&pull))
            .unwrap();
        push.send("from a server").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "from a server");
    }
}

#[test]
fn a_wrong_password_is_refused_with_a_reason_on_both_sides_and_tried_again_with_pauses() {
    for (name, password) in [
        ("anna", "geheim"),
        ("carl", "secret"),
        ("", ""),
        ("anna", ""),
    ] {
        let context = Context::new();
        let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
        let theirs = pull.monitor();
        let push = context
            .socket(Push)
            .plain_client(name, password)
            .reconnect_interval(HASTE)
            .linger(Duration::ZERO)
            .open()
            .unwrap();
        let ours = push.monitor();
        push.connect(address(&pull)).unwrap();
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let (kind, text) = await_reason(&ours);
            assert_eq!(kind, ReasonKind::Authentication, "{text}");
            assert!(text.contains("400"), "{text}");
            let event = await_event(&ours, |it| matches!(it, EventKind::ConnectRetried { .. }));
            if let EventKind::ConnectRetried { after } = event.kind {
                pauses.push(after);
            }
            let (kind, text) = await_reason(&theirs);
            assert_eq!(kind, ReasonKind::Authentication);
            assert!(!text.contains("secret") && !text.contains("geheim"));
        }
        assert!(pauses[3] >= 8 * HASTE, "the pause grows: {pauses:?}");
        push.try_send("never").unwrap();
        assert!(pull.try_recv().is_err());
        assert!(pull.peers().iter().all(|peer| peer.info.is_none()));
    }
}

#[test]
fn a_server_answers_a_wrong_password_with_an_error_and_closes() {
    let context = Context::new();
    let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
    let monitor = pull.monitor();
    let mut raw = greeted(&pull, "PLAIN");
    // What a client says without waiting for an answer helps it no more.
    raw.write(&hello("anna", "wrong"));
    assert_eq!(raw.read_frame(), (COMMAND, b"\x05ERROR\x03400".to_vec()));
    raw.await_end();
    assert_eq!(await_reason(&monitor).0, ReasonKind::Authentication);
}

#[test]
fn all_that_a_client_says_may_come_at_once_and_byte_by_byte() {
    let context = Context::new();
    let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
    let all = [
        &Raw::greeting(1, "PLAIN")[..],
        &hello("bert", "geheim"),
        &initiate("PUSH"),
        &frame(0, b"behind it"),
    ]
    .concat();
    for step in [all.len(), 1] {
        let mut raw = Raw::connect(&address(&pull));
        for piece in all.chunks(step) {
            raw.write(piece);
        }
        raw.read(64);
        assert_eq!(raw.read_frame(), (COMMAND, b"\x07WELCOME".to_vec()));
        let (flags, ready) = raw.read_frame();
        assert_eq!(flags, COMMAND);
        assert!(ready.starts_with(b"\x05READY\x0bSocket-Type"));
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "behind it");
    }
}

/// No downgrade: neither on the greeting nor behind it.
#[test]
fn a_server_lets_nobody_in_by_another_way() {
    let context = Context::new();
    let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
    let monitor = pull.monitor();
    let plain = Raw::greeting(1, "PLAIN");
    let ready = Raw::ready("PUSH");
    let message = frame(0, b"x");
    let old: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08";
    let ways: [(&str, Vec<u8>, ReasonKind); 12] = [
        (
            "NULL",
            [&Raw::greeting(1, "NULL")[..], &ready, &message].concat(),
            ReasonKind::Mechanism,
        ),
        (
            "CURVE",
            [&Raw::greeting(1, "CURVE")[..], &ready, &message].concat(),
            ReasonKind::Mechanism,
        ),
        (
            "a name that goes on",
            [&Raw::greeting(1, "PLAIN\0NULL")[..], &ready, &message].concat(),
            ReasonKind::Mechanism,
        ),
        ("ZMTP 2.0", old.to_vec(), ReasonKind::Version),
        ("ZMTP 1.0", b"\x01\0\x02\0x".to_vec(), ReasonKind::Version),
        (
            "READY at once",
            [&plain[..], &ready, &message].concat(),
            ReasonKind::Protocol,
        ),
        (
            "INITIATE at once",
            [&plain[..], &initiate("PUSH"), &message].concat(),
            ReasonKind::Protocol,
        ),
        (
            "a message at once",
            [&plain[..], &message].concat(),
            ReasonKind::Protocol,
        ),
        (
            "a message before INITIATE",
            [&plain[..], &hello("anna", "secret"), &message].concat(),
            ReasonKind::Protocol,
        ),
        (
            "HELLO twice",
            [
                &plain[..],
                &hello("anna", "secret"),
                &hello("bert", "geheim"),
            ]
            .concat(),
            ReasonKind::Protocol,
        ),
        (
            "a HELLO that goes on",
            [&plain[..], &frame(COMMAND, b"\x05HELLO\x04anna\x06secret!")].concat(),
            ReasonKind::Protocol,
        ),
        (
            "a HELLO that is cut off",
            [&plain[..], &frame(COMMAND, b"\x05HELLO\x04anna\x07secret")].concat(),
            ReasonKind::Protocol,
        ),
    ];
    for (what, bytes, expected) in ways {
        let mut raw = Raw::connect(&address(&pull));
        raw.write(&bytes);
        assert_eq!(await_reason(&monitor).0, expected, "{what}");
        raw.await_end();
        assert!(pull.try_recv().is_err(), "{what}");
    }
}

#[test]
fn a_server_without_users_lets_nobody_in() {
    let context = Context::new();
    let nobody: [(&str, &str); 0] = [];
    let pull = context
        .socket(SocketType::Pull)
        .plain_server(nobody)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = greeted(&pull, "PLAIN");
    raw.write(&hello("", ""));
    assert_eq!(raw.read_frame(), (COMMAND, b"\x05ERROR\x03400".to_vec()));
}

#[test]
fn a_client_says_its_password_to_no_server_of_another_mechanism() {
    let context = Context::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = context
        .socket(Push)
        .plain_client("anna", "secret")
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(listener.local_addr().unwrap()).unwrap();
    let mut raw = Raw::accept(&listener);
    raw.write(&Raw::greeting(1, "NULL"));
    raw.write(&Raw::ready("PULL"));
    assert_eq!(await_reason(&monitor).0, ReasonKind::Mechanism);
    let said = raw.await_end();
    assert_eq!(said.len(), 64, "a greeting, and nothing else: {said:?}");
}

#[test]
fn a_client_takes_only_what_a_server_may_say() {
    let ready = Raw::ready("PULL");
    let welcome = frame(COMMAND, b"\x07WELCOME");
    let message = frame(0, b"x");
    let faults = [
        (ready.clone(), ReasonKind::Protocol),
        (message.clone(), ReasonKind::Protocol),
        ([&welcome[..], &welcome].concat(), ReasonKind::Protocol),
        ([&welcome[..], &message].concat(), ReasonKind::Protocol),
        (frame(COMMAND, b"\x07WELCOME!"), ReasonKind::Protocol),
        (
            frame(COMMAND, b"\x05ERROR\x03400"),
            ReasonKind::Authentication,
        ),
        // As libzmq's PLAIN servers write it.
        (frame(COMMAND, b"^RROR\x03400"), ReasonKind::Authentication),
        (frame(COMMAND, b"\x05ERROR\x02no"), ReasonKind::PeerError),
        (
            [&welcome[..], &Raw::ready("SUB")].concat(),
            ReasonKind::SocketType,
        ),
        (hello("anna", "secret"), ReasonKind::Protocol),
    ];
    for (bytes, expected) in faults {
        let context = Context::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let push = context
            .socket(Push)
            .plain_client("anna", "secret")
            .open()
            .unwrap();
        let monitor = push.monitor();
        push.connect(listener.local_addr().unwrap()).unwrap();
        let mut raw = Raw::accept(&listener);
        raw.write(&Raw::greeting(1, "PLAIN"));
        raw.read(64);
        assert_eq!(raw.read_frame().1, b"\x05HELLO\x04anna\x06secret");
        raw.write(&bytes);
        let (kind, text) = await_reason(&monitor);
        assert_eq!(kind, expected, "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn two_servers_are_told_apart_and_two_clients_do_not_get_on() {
    let context = Context::new();
    let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
    let push = context.socket(Push).plain_server(USERS).open().unwrap();
    let monitor = push.monitor();
    push.connect(address(&pull)).unwrap();
    let (kind, text) = await_reason(&monitor);
    assert_eq!(kind, ReasonKind::Mechanism);
    assert!(text.contains("has to be a client"), "{text}");
    let pull = context
        .socket(Pull)
        .plain_client("anna", "secret")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let push = context
        .socket(Push)
        .plain_client("anna", "secret")
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(address(&pull)).unwrap();
    await_refusal(&monitor);
}

#[test]
fn a_client_of_a_type_that_does_not_fit_is_told_why() {
    let context = Context::new();
    let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
    let mut raw = greeted(&pull, "PLAIN");
    raw.write(&hello("anna", "secret"));
    raw.write(&initiate("SUB"));
    assert_eq!(raw.read_frame().1, b"\x07WELCOME");
    let (_, error) = raw.read_frame();
    assert!(error.starts_with(b"\x05ERROR\x29a PULL socket cannot talk to a SUB"));
}

#[test]
fn a_user_that_is_taken_off_the_list_is_not_let_in_again() {
    let context = Context::new();
    let pull = server(&context, SocketType::Pull, "tcp://127.0.0.1:*");
    pull.set_options(|now| now.plain_server([("bert", "geheim")]))
        .unwrap();
    let mut raw = greeted(&pull, "PLAIN");
    raw.write(&hello("anna", "secret"));
    assert_eq!(raw.read_frame().1, b"\x05ERROR\x03400");
    let push = context
        .socket(Push)
        .plain_client("bert", "geheim")
        .connect(address(&pull))
        .unwrap();
    push.send("still").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "still");
}

#[test]
fn names_and_passwords_that_cannot_be_said_are_refused_and_none_is_shown() {
    let context = Context::new();
    let long = "x".repeat(256);
    for error in [
        context.socket(Push).plain_client(&long, "b").open().err(),
        context.socket(Push).plain_client("a", &long).open().err(),
        context
            .socket(Push)
            .plain_server([("a", &long)])
            .open()
            .err(),
    ] {
        assert!(matches!(error, Some(Error::Option(_))));
    }
    let error = context.socket(Dgram).plain_server(USERS).open();
    assert!(error.unwrap_err().to_string().contains("DGRAM"));
    let radio = context.socket(Radio).plain_client("a", "b").open().unwrap();
    let error = radio.connect("udp://127.0.0.1:5555").unwrap_err();
    assert!(
        error.to_string().contains("plain_client is not for udp"),
        "{error}"
    );
    // It is chosen once: connections that are there would go on without it.
    let push = context.socket(Push).open().unwrap();
    let refused = push.set_options(|now| now.plain_server(USERS));
    assert!(matches!(refused, Err(Error::Option(_))));
    let refused = radio.set_options(|_| Options::new());
    assert!(matches!(refused, Err(Error::Option(_))));
    let error = context.socket(Stream).plain_server(USERS).open();
    assert!(error.unwrap_err().to_string().contains("STREAM"));
    let options = Options::new().plain_client("anna", "secret");
    let shown = format!("{options:?}");
    assert!(
        shown.contains("anna") && !shown.contains("secret\""),
        "{shown}"
    );
    assert_eq!(options, options.clone());
    assert_ne!(options, Options::new().plain_client("anna", "other"));
    let shown = format!("{:?}", Options::new().plain_server([("a", "tr0ub4dor")]));
    assert!(!shown.contains("tr0ub4dor"), "{shown}");
}

#[test]
fn inproc_peers_are_of_the_same_program_and_are_not_asked() {
    let context = Context::new();
    let rep = context
        .socket(Rep)
        .plain_server(USERS)
        .bind("inproc://trusted")
        .unwrap();
    let req = context.socket(Req).connect("inproc://trusted").unwrap();
    req.send("hello").unwrap();
    assert_eq!(rep.recv_timeout(SOON).unwrap(), "hello");
}

#[test]
fn subscriptions_and_heartbeats_go_on_behind_the_handshake() {
    let context = Context::new();
    let publisher = context
        .socket(SocketType::Pub)
        .plain_server(USERS)
        .heartbeat_interval(Duration::from_millis(20))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = publisher.monitor();
    let subscriber = context
        .socket(SocketType::Sub)
        .plain_client("anna", "secret")
        .connect(address(&publisher))
        .unwrap();
    subscriber.subscribe("a").unwrap();
    await_subscription(&monitor);
    publisher.send("abc").unwrap();
    assert_eq!(subscriber.recv_timeout(SOON).unwrap(), "abc");
}
