//! DEALER: round robin out, fair in, messages as they are (RFC 28).

use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{Context, Dealer, Error, Message, Pull, RecvError, Rep, SendErrorKind, SocketType};

use crate::support::{address, await_event, await_peer, await_refusal, endpoints, A_WHILE, SOON};

#[test]
fn dealer_gives_each_peer_its_turn() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*", "inproc://dealer-turns-"] {
        let ctx = Context::new();
        let dealer = ctx.socket(Dealer).open().unwrap();
        let monitor = dealer.monitor();
        let peers: Vec<_> = (0..3)
            .map(|n| {
                let inproc = endpoint.starts_with("inproc");
                let name = if inproc {
                    format!("{endpoint}{n}")
                } else {
                    endpoint.to_owned()
                };
                let peer = ctx.socket(Dealer).bind(&name).unwrap();
                dealer.connect(&address(&peer)).unwrap();
                await_peer(&monitor);
                peer
            })
            .collect();
        for n in 0..300 {
            dealer.send(n.to_string()).unwrap();
        }
        for peer in &peers {
            for _ in 0..100 {
                peer.recv_timeout(SOON).unwrap();
            }
            assert_eq!(peer.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        }
    }
}

#[test]
fn dealer_hears_all_its_peers_each_in_order() {
    for endpoint in endpoints("dealer-hears") {
        let ctx = Context::new();
        let dealer = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let senders: Vec<_> = (0..3usize)
            .map(|sender| {
                let peer = ctx.socket(Dealer).connect(&address(&dealer)).unwrap();
                thread::spawn(move || {
                    for n in 0..1000 {
                        peer.send([sender.to_string(), n.to_string()]).unwrap();
                    }
                    peer.close()
                })
            })
            .collect();
        let mut next = [0; 3];
        for _ in 0..3000 {
            let message = dealer.recv_timeout(SOON).unwrap();
            let number =
                |frame: usize| -> usize { message.get_str(frame).unwrap().parse().unwrap() };
            assert_eq!(number(1), next[number(0)], "{endpoint}");
            next[number(0)] += 1;
        }
        for sender in senders {
            assert_eq!(sender.join().unwrap().undelivered, 0, "{endpoint}");
        }
    }
}

#[test]
fn dealer_sends_and_receives_at_the_same_time() {
    const COUNT: usize = 20_000;
    for endpoint in endpoints("dealer-both-ways") {
        let ctx = Context::new();
        let one = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let other = ctx.socket(Dealer).connect(&address(&one)).unwrap();
        let threads: Vec<_> = [one, other]
            .into_iter()
            .flat_map(|dealer| {
                let receiver = dealer.clone();
                let sends = thread::spawn(move || {
                    for n in 0..COUNT {
                        dealer.send_timeout(n.to_string(), SOON).unwrap();
                    }
                });
                let receives = thread::spawn(move || {
                    for n in 0..COUNT {
                        let message = receiver.recv_timeout(SOON).unwrap();
                        assert_eq!(message, n.to_string().as_str());
                    }
                });
                [sends, receives]
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn dealer_without_a_peer_gives_the_message_back_or_waits() {
    let ctx = Context::new();
    let dealer = ctx.socket(Dealer).open().unwrap();
    let error = dealer.try_send(["two", "frames"]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    assert_eq!(error.into_message(), Message::from(["two", "frames"]));
    assert_eq!(dealer.try_recv(), Err(RecvError::WouldBlock));
    let error = dealer.send_timeout("late", A_WHILE).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TimedOut);

    for endpoint in endpoints("dealer-waits") {
        let dealer = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let (started, start) = mpsc::channel();
        let sender = dealer.clone();
        let waiting = thread::spawn(move || {
            started.send(()).unwrap();
            sender.send("patient")
        });
        start.recv().unwrap();
        let peer = ctx.socket(Dealer).connect(&address(&dealer)).unwrap();
        assert_eq!(peer.recv_timeout(SOON).unwrap(), "patient", "{endpoint}");
        waiting.join().unwrap().unwrap();
    }
}

#[test]
fn dealer_waits_while_its_peers_are_full() {
    let ctx = Context::new();
    let dealer = ctx
        .socket(Dealer)
        .send_hwm(3)
        .linger(Duration::ZERO)
        .connect("tcp://127.0.0.1:9")
        .unwrap();
    for _ in 0..3 {
        dealer.try_send("queued").unwrap();
    }
    let error = dealer.try_send("one too many").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    assert_eq!(dealer.close().undelivered, 3);
}

#[test]
fn dealer_passes_multipart_messages_unchanged() {
    for endpoint in endpoints("dealer-multipart") {
        let ctx = Context::new();
        let one = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let other = ctx.socket(Dealer).connect(&address(&one)).unwrap();
        for frames in [&[""][..], &["", ""], &["", "a", ""], &["hop", "", "body"]] {
            let message: Message = frames.iter().copied().collect();
            other.send(message.clone()).unwrap();
            let received = one.recv_timeout(SOON).unwrap();
            assert_eq!(received, message, "{endpoint}");
            one.send(received).unwrap();
            assert_eq!(other.recv_timeout(SOON).unwrap(), message, "{endpoint}");
        }
    }
}

#[test]
fn dealer_asks_several_reps_at_once_behind_a_delimiter_of_its_own() {
    for endpoint in endpoints("dealer-reps") {
        let ctx = Context::new();
        let dealer = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let monitor = dealer.monitor();
        let reps: Vec<_> = (0..3)
            .map(|_| {
                let rep = ctx.socket(Rep).connect(&address(&dealer)).unwrap();
                await_peer(&monitor);
                rep
            })
            .collect();
        for n in 0..3 {
            dealer.send(["", &format!("ask {n}")]).unwrap();
        }
        let mut answers = HashSet::new();
        for rep in &reps {
            let request = rep.recv_timeout(SOON).unwrap();
            rep.send(request).unwrap();
        }
        for _ in 0..3 {
            let answer = dealer.recv_timeout(SOON).unwrap();
            assert_eq!(answer.len(), 2, "{endpoint}");
            assert_eq!(answer.get(0), Some(&b""[..]), "{endpoint}");
            answers.insert(answer[1].to_vec());
        }
        assert_eq!(answers.len(), 3, "{endpoint}");
    }
}

#[test]
fn dealer_announces_its_routing_id() {
    for endpoint in endpoints("dealer-id") {
        let ctx = Context::new();
        let one = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let monitor = one.monitor();
        let _other = ctx
            .socket(Dealer)
            .routing_id("me")
            .connect(&address(&one))
            .unwrap();
        let event = await_event(&monitor, |kind| {
            matches!(kind, sinew::EventKind::HandshakeSucceeded)
        });
        let peer = event.peer.unwrap();
        assert_eq!(peer.socket_type, SocketType::Dealer, "{endpoint}");
        assert_eq!(peer.routing_id.as_deref(), Some(&b"me"[..]), "{endpoint}");
    }
}

#[test]
fn dealer_ignores_a_second_connect_to_the_same_endpoint() {
    for endpoint in endpoints("dealer-twice") {
        let ctx = Context::new();
        let peer = ctx.socket(Dealer).bind(&endpoint).unwrap();
        let other = ctx.socket(Dealer).open().unwrap();
        for _ in 0..2 {
            other.connect(&address(&peer)).unwrap();
        }
        other.send("one").unwrap();
        assert_eq!(peer.recv_timeout(SOON).unwrap(), "one");
        assert_eq!(peer.stats().peers, 1, "{endpoint}");
    }
}

#[test]
fn dealer_keeps_what_it_queued_for_a_peer_that_is_not_there_yet() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/late", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://dealer-late"] {
        let ctx = Context::new();
        let dealer = ctx
            .socket(Dealer)
            .reconnect_interval(Duration::from_millis(5))
            .connect(endpoint)
            .unwrap();
        dealer.send("early").unwrap();
        dealer.send(["two", "frames"]).unwrap();
        let peer = ctx.socket(Dealer).bind(endpoint).unwrap();
        assert_eq!(peer.recv_timeout(SOON).unwrap(), "early");
        assert_eq!(
            peer.recv_timeout(SOON).unwrap(),
            Message::from(["two", "frames"])
        );
        peer.send("back").unwrap();
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), "back");
    }
}

#[test]
fn dealer_talks_to_no_pull() {
    let ctx = Context::new();
    let dealer = ctx.socket(Dealer).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = dealer.monitor();
    let _pull = ctx.socket(Pull).connect(&address(&dealer)).unwrap();
    let reason = await_refusal(&monitor);
    assert!(reason.contains("PULL"), "{reason}");
    assert!(dealer.try_send("to nobody").is_err());
}

#[test]
fn dealer_as_a_dynamic_socket_sends_and_receives_and_does_not_subscribe() {
    let ctx = Context::new();
    let one = ctx.socket(SocketType::Dealer).bind("inproc://dyn").unwrap();
    let other = ctx.socket(Dealer).connect("inproc://dyn").unwrap();
    one.send("there").unwrap();
    assert_eq!(other.recv_timeout(SOON).unwrap(), "there");
    other.into_dynamic().send("and back").unwrap();
    assert_eq!(one.recv_timeout(SOON).unwrap(), "and back");
    assert!(matches!(
        one.subscribe("topic"),
        Err(Error::Unsupported { .. })
    ));
}
