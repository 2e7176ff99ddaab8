//! Messages that no peer takes, and peers that take none.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{Context, EventKind, Message, Pull, Push, Rep, Req, SendErrorKind};

use crate::support::{address, await_event, Raw, MORE, SOON};

/// As many frames as a decoder accepts in a message.
const MOST_FRAMES: usize = 65_536;

fn frames(count: usize) -> Message {
    vec![b"x".to_vec(); count].into_iter().collect()
}

#[test]
fn a_message_of_too_many_frames_is_given_back() {
    let ctx = Context::new();
    for endpoint in ["tcp://127.0.0.1:*", "inproc://frames"] {
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        push.send("first").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "first");
        let error = push.send(frames(MOST_FRAMES + 1)).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::TooManyFrames);
        assert_eq!(error.into_message().len(), MOST_FRAMES + 1);
        let mut batch = vec!["second".into(), frames(MOST_FRAMES + 1)];
        let error = push.try_send_many(&mut batch).unwrap_err();
        assert_eq!(
            (error.kind(), error.sent()),
            (SendErrorKind::TooManyFrames, 1)
        );
        assert_eq!(batch.len(), 1);
        push.send(frames(MOST_FRAMES)).unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "second");
        assert_eq!(pull.recv_timeout(SOON).unwrap().len(), MOST_FRAMES);
    }
}

#[test]
fn what_req_and_rep_put_before_a_message_counts_too() {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind("tcp://127.0.0.1:*").unwrap();
    let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
    let error = req.send(frames(MOST_FRAMES - 1)).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TooManyFrames);
    req.send(frames(MOST_FRAMES - 2)).unwrap();
    assert_eq!(rep.recv_timeout(SOON).unwrap().len(), MOST_FRAMES - 2);
    let error = rep.send(frames(MOST_FRAMES)).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TooManyFrames);
    rep.send(frames(MOST_FRAMES - 1)).unwrap();
    assert_eq!(req.recv_timeout(SOON).unwrap().len(), MOST_FRAMES - 1);
}

#[test]
fn a_message_that_the_peer_refuses_is_dropped_and_what_is_behind_it_delivered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = Context::new()
        .socket(Push)
        .reconnect_interval(Duration::from_millis(1))
        .send_buffer(Some(64 * 1024))
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let monitor = push.monitor();
    push.send("before").unwrap();
    push.send(vec![1; 64 << 20]).unwrap();
    push.send([&b"behind"[..], b"it"]).unwrap();
    let (done, wait) = mpsc::channel();
    let peer = thread::spawn(move || {
        let mut connections = 0;
        loop {
            let mut peer = Raw::accept(&listener).shake("PULL");
            connections += 1;
            let mut head = peer.read(2);
            if head == [0, 6] {
                assert_eq!(peer.read(6), b"before");
                head = peer.read(2);
            }
            if head[0] & 2 == 0 {
                assert_eq!(head, [MORE, 6]);
                assert_eq!(peer.read(6), b"behind");
                assert_eq!(peer.read_frame(), (0, b"it".to_vec()));
                done.send(connections).unwrap();
                return peer;
            }
            // Too long for this one.
            drop(peer);
        }
    });
    let event = await_event(&monitor, |kind| {
        matches!(kind, EventKind::MessageDropped { .. })
    });
    let EventKind::MessageDropped { bytes, attempts } = event.kind else {
        unreachable!()
    };
    assert_eq!((bytes, attempts), ((64 << 20) + 9, 3));
    assert_eq!(wait.recv_timeout(SOON).unwrap(), 4);
    assert_eq!(push.stats().dropped, 1);
    drop(peer.join().unwrap());
}

#[test]
fn a_peer_that_fails_behind_its_handshake_is_tried_less_and_less_often() {
    for garbage in [&[][..], &[0xff, 0xff]] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let first = Duration::from_millis(2);
        let push = Context::new()
            .socket(Push)
            .reconnect_interval(first)
            .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
            .unwrap();
        let monitor = push.monitor();
        for tries in 0..6 {
            let mut peer = Raw::accept(&listener).shake("PULL");
            await_event(&monitor, |kind| *kind == EventKind::HandshakeSucceeded);
            peer.write(garbage);
            drop(peer);
            let event = await_event(&monitor, |kind| {
                matches!(kind, EventKind::ConnectRetried { .. })
            });
            let EventKind::ConnectRetried { after } = event.kind else {
                unreachable!()
            };
            assert!(after >= first * (1 << tries), "{tries}: {after:?}");
        }
        // One that takes something is tried again at once.
        let mut peer = Raw::accept(&listener).shake("PULL");
        push.send("hello").unwrap();
        assert_eq!(peer.read_frame(), (0, b"hello".to_vec()));
        drop(peer);
        let event = await_event(&monitor, |kind| {
            matches!(kind, EventKind::ConnectRetried { .. })
        });
        let EventKind::ConnectRetried { after } = event.kind else {
            unreachable!()
        };
        assert!(after <= first * 2, "{after:?}");
    }
}
