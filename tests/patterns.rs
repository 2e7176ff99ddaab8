//! Each pattern over each transport, through the public face only.

use std::time::Duration;

mod guard;

use guard::SOON;
use sinew::{
    Context, Endpoint, Message, Pub, Pull, Push, RecvError, Rep, Req, SendErrorKind, Socket, Sub,
};

/// An endpoint to bind for each transport; ipc and inproc names are unique to the caller.
fn endpoints(name: &str) -> Vec<String> {
    vec![
        "tcp://127.0.0.1:*".into(),
        "ipc://*".into(),
        format!("ipc://@sinew-{name}-{}", std::process::id()),
        format!("inproc://{name}"),
    ]
}

fn address<K: sinew::Kind>(socket: &Socket<K>) -> Endpoint {
    socket.endpoint().unwrap()
}

#[test]
fn push_pull_delivers_everything_in_order() {
    for endpoint in endpoints("push_pull") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        let sender = std::thread::spawn(move || {
            for n in 0..20_000u32 {
                push.send(n.to_string()).unwrap();
            }
            push.close()
        });
        for n in 0..20_000u32 {
            let message = pull
                .recv_timeout(SOON)
                .unwrap_or_else(|e| panic!("{endpoint} {n}: {e}"));
            assert_eq!(message, n.to_string().as_str(), "{endpoint}");
        }
        assert_eq!(sender.join().unwrap().undelivered, 0);
        assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
    }
}

#[test]
fn connect_may_come_before_bind() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/late", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://late"] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .reconnect_interval(Duration::from_millis(5))
            .connect(endpoint)
            .unwrap();
        push.send("early").unwrap();
        push.send(["two", "frames"]).unwrap();
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "early");
        assert_eq!(
            pull.recv_timeout(SOON).unwrap(),
            Message::from(["two", "frames"])
        );
    }
}

#[test]
fn req_rep_takes_turns() {
    for endpoint in endpoints("req_rep") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(&endpoint).unwrap();
        let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
        assert_eq!(req.try_recv(), Err(RecvError::MustSendFirst));
        for n in 0..200 {
            req.send(format!("ask {n}")).unwrap();
            assert_eq!(
                req.try_send("again").unwrap_err().kind(),
                SendErrorKind::MustReceiveFirst
            );
            assert_eq!(rep.recv_timeout(SOON).unwrap(), format!("ask {n}").as_str());
            rep.send(format!("answer {n}")).unwrap();
            assert_eq!(
                req.recv_timeout(SOON).unwrap(),
                format!("answer {n}").as_str()
            );
        }
    }
}

#[test]
fn pub_sub_filters_by_prefix_at_the_publisher() {
    for endpoint in endpoints("pub_sub") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let monitor = publisher.monitor();
        let sub = ctx
            .socket(Sub)
            .subscribe("b")
            .connect(&address(&publisher))
            .unwrap();
        loop {
            let event = monitor.recv_timeout(SOON).unwrap();
            if matches!(event.kind, sinew::EventKind::Subscribed { .. }) {
                break;
            }
        }
        publisher.send("apple").unwrap();
        publisher.send("banana").unwrap();
        publisher.send(["blue", "berry"]).unwrap();
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "banana", "{endpoint}");
        assert_eq!(
            sub.recv_timeout(SOON).unwrap(),
            Message::from(["blue", "berry"])
        );
        assert_eq!(publisher.stats().sent, 2, "what nobody wants is not sent");
    }
}

#[test]
fn sizes_around_every_boundary_arrive_whole() {
    for endpoint in endpoints("sizes") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        for size in [
            0, 1, 68, 69, 70, 254, 255, 256, 257, 4095, 4096, 4097, 8191, 65535, 65536,
        ] {
            let body: Vec<u8> = (0..size).map(|n| n as u8).collect();
            push.send(body.clone()).unwrap();
            assert_eq!(
                pull.recv_timeout(SOON).unwrap(),
                &body[..],
                "{endpoint} {size}"
            );
        }
        for mib in [1, 8, 1] {
            let body: Vec<u8> = (0..mib << 20).map(|n| (n * 7) as u8).collect();
            push.send(body.clone()).unwrap();
            assert!(
                pull.recv_timeout(SOON).unwrap() == body[..],
                "{endpoint} {mib} MiB"
            );
        }
    }
}

#[test]
fn a_blocked_receiver_is_woken_by_close() {
    for endpoint in endpoints("woken") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let waiting = pull.clone();
        let waiter = std::thread::spawn(move || waiting.recv());
        let _ = pull.close();
        assert_eq!(waiter.join().unwrap(), Err(RecvError::Closed));
    }
}

#[test]
fn a_req_whose_peer_dies_is_told_and_can_ask_again() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/dies", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://dies"] {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(endpoint).unwrap();
        let req = ctx
            .socket(Req)
            .reconnect_interval(Duration::from_millis(5))
            .connect(endpoint)
            .unwrap();
        req.send("first").unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "first");
        drop(rep);
        assert_eq!(
            req.recv_timeout(SOON),
            Err(RecvError::PeerGone),
            "{endpoint}"
        );
        let rep = loop {
            match ctx.socket(Rep).bind(endpoint) {
                Ok(rep) => break rep,
                Err(_) => std::thread::yield_now(),
            }
        };
        req.send("second").unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "second");
        rep.send("answer").unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer");
    }
}
