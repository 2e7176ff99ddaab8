//! What monitors are told, and from when on.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::thread;

use sinew::{Context, Dealer, EventKind, Pull, Push, ReasonKind, SocketType};

use crate::support::{address, await_event, await_peer, endpoints, Raw, SOON};

#[test]
fn a_snapshot_and_the_events_behind_it_tell_each_peer_once() {
    for endpoint in endpoints("snapshot") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let at = address(&pull);
        let peers = thread::spawn({
            let ctx = ctx.clone();
            move || -> Vec<_> {
                let connect = |_| ctx.socket(Push).connect(&at).unwrap();
                (0..50).map(connect).collect()
            }
        });
        // Wherever the moment falls among their coming.
        pull.wait_for_peers(10, SOON).unwrap();
        let (now, monitor) = pull.monitor_with_snapshot();
        assert_eq!(now[0].kind, EventKind::Listening);
        let there = |kind: &EventKind| *kind == EventKind::HandshakeSucceeded;
        let known = now.iter().filter(|event| there(&event.kind)).count();
        assert!(known >= 10 && known == now.len() - 1);
        assert!(now[1..]
            .iter()
            .all(|it| it.socket_type() == Some(SocketType::Push)));
        for _ in known..50 {
            await_peer(&monitor);
        }
        pull.wait_for_peers(50, SOON).unwrap();
        assert!(!monitor.try_iter().any(|event| there(&event.kind)));
        drop(peers.join().unwrap());
    }
}

#[test]
fn a_snapshot_tells_who_is_still_being_connected() {
    let ctx = Context::new();
    let dealer = ctx.socket(Dealer).connect("inproc://not-there").unwrap();
    let (now, monitor) = dealer.monitor_with_snapshot();
    assert_eq!(now.len(), 1);
    assert_eq!(now[0].kind, EventKind::Connecting);
    assert_eq!(now[0].to_string(), "inproc://not-there: connecting");
    let other = ctx.socket(Dealer).routing_id("id").open().unwrap();
    other.bind("inproc://not-there").unwrap();
    let event = await_event(&monitor, |kind| *kind == EventKind::HandshakeSucceeded);
    assert_eq!(event.routing_id(), Some(&b"id"[..]));
    let _ = dealer.close();
    let (now, monitor) = other.clone().monitor_with_snapshot();
    assert_eq!(now[0].kind, EventKind::Listening);
    let _ = other.close();
    assert!(monitor.iter().count() < 10, "it ends with the socket");
}

#[test]
fn connecting_and_a_bind_that_fails_are_told() {
    let ctx = Context::new();
    let socket = ctx.socket(Dealer).open().unwrap();
    let monitor = socket.monitor();
    socket.bind("ipc:///no/such/folder/at/all").unwrap_err();
    let event = monitor.recv().unwrap();
    let EventKind::BindFailed { reason } = &event.kind else {
        panic!("{event}");
    };
    assert_eq!(reason.kind(), ReasonKind::Io(ErrorKind::NotFound));
    assert_eq!(event.endpoint.to_string(), "ipc:///no/such/folder/at/all");
    socket.connect("tcp://127.0.0.1:1").unwrap();
    assert_eq!(monitor.recv().unwrap().kind, EventKind::Connecting);
    let failed = |kind: &EventKind| matches!(kind, EventKind::ConnectFailed { .. });
    match await_event(&monitor, failed).kind {
        EventKind::ConnectFailed { reason } => {
            assert_eq!(reason.kind(), ReasonKind::Io(ErrorKind::ConnectionRefused));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn why_a_connection_ended_is_a_value_and_words() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .max_message_size(10)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let ended = || {
        let ends = |kind: &EventKind| {
            matches!(
                kind,
                EventKind::Disconnected { .. } | EventKind::HandshakeFailed { .. }
            )
        };
        match await_event(&monitor, ends).kind {
            EventKind::Disconnected { reason } | EventKind::HandshakeFailed { reason } => {
                assert!(!reason.is_empty());
                reason.kind()
            }
            _ => unreachable!(),
        }
    };
    let mut greedy = Raw::connect(&address(&pull)).shake("PUSH");
    greedy.send(0, &[0; 11]);
    assert_eq!(ended(), ReasonKind::MessageTooLarge);
    let mut odd = Raw::connect(&address(&pull)).shake("PUSH");
    odd.write(&[0x88, 0]);
    assert_eq!(ended(), ReasonKind::Protocol);
    drop(Raw::connect(&address(&pull)).shake("PUSH"));
    let reason = ended();
    let closed = [
        ReasonKind::ClosedByPeer,
        ReasonKind::Io(ErrorKind::ConnectionReset),
    ];
    assert!(closed.contains(&reason), "{reason:?}");
    let mut unfit = Raw::connect(&address(&pull));
    unfit.write(&Raw::greeting(1, "NULL"));
    unfit.write(&Raw::ready("SUB"));
    assert_eq!(ended(), ReasonKind::SocketType);
    let mut secret = Raw::connect(&address(&pull));
    secret.write(&Raw::greeting(1, "CURVE"));
    assert_eq!(ended(), ReasonKind::Mechanism);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = ctx.socket(Push).open().unwrap();
    let monitor = push.monitor();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    push.connect(&*endpoint).unwrap();
    let _raw = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    push.disconnect(&*endpoint).unwrap();
}
