//! Conflating sockets: what libzmq sends fast is conflated here, and what is conflated here comes there whole.

use std::collections::HashMap;
use std::thread;
use std::time::Instant;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Conflate, Context, DynSocket, Options, SocketType};

use crate::support::*;

const KEYS: u32 = 3;

/// A message of one of the keys, of several frames.
fn keyed(value: u32, body: &[u8]) -> Vec<Vec<u8>> {
    let key = [(value % KEYS) as u8];
    vec![key.to_vec(), value.to_be_bytes().to_vec(), body.to_vec()]
}

fn value_of(parts: &[Vec<u8>], body: &[u8]) -> u32 {
    let value = u32::from_be_bytes(parts[1][..].try_into().expect("a value"));
    assert_same(parts, &keyed(value, body), "it is whole");
    value
}

fn ours(kind: SocketType, options: Options) -> DynSocket {
    let ours = Context::new().socket(kind).options(options);
    let ours = ours.open().expect("our socket");
    if kind == SocketType::Sub {
        ours.subscribe("").expect("our subscription");
    }
    ours
}

#[test]
fn of_what_libzmq_sends_the_last_of_each_key_is_received() {
    const COUNT: u32 = 500;
    for setup in Setup::all() {
        for (kind, their_kind) in [
            (SocketType::Pull, Kind::Push),
            (SocketType::Dealer, Kind::Dealer),
            (SocketType::Sub, Kind::XPub),
        ] {
            for (rule, keys) in [(Conflate::Last, 1), (Conflate::ByFirstFrame, KEYS)] {
                let ours = ours(kind, Options::new().conflate(rule).recv_hwm(KEYS as usize));
                let sender = theirs(&zmq::Context::new(), their_kind);
                let _address = setup.join(&ours, &sender);
                ours.wait_for_peers(1, DEADLINE).expect("their socket");
                if their_kind == Kind::XPub {
                    assert_eq!(sender.recv_multipart().expect("it"), [b"\x01"]);
                }
                for value in 0..COUNT {
                    sender
                        .send_multipart(keyed(value, b"body"))
                        .expect("their message");
                }
                let start = Instant::now();
                while ours.peers()[0].received.messages < u64::from(COUNT) {
                    assert!(start.elapsed() < DEADLINE, "{:?}", ours.peers());
                    thread::yield_now();
                }
                for value in COUNT - keys..COUNT {
                    let message = ours.recv_timeout(DEADLINE).expect("our message");
                    // Each key has the place of its first message.
                    let value = match rule {
                        Conflate::Last => value,
                        _ => (COUNT - keys..COUNT)
                            .find(|it| it % keys == (value - (COUNT - keys)) % keys)
                            .expect("one of each"),
                    };
                    assert_eq!(value_of(&parts(&message), b"body"), value);
                }
                assert!(ours.try_recv().is_err());
                assert_eq!(ours.stats().dropped, u64::from(COUNT - keys));
            }
        }
    }
}

#[test]
fn a_slow_libzmq_receiver_gets_what_is_new_whole_and_holds_up_nothing() {
    const COUNT: u32 = 300;
    let body = body(200_000);
    for setup in Setup::all() {
        for (kind, their_kind) in [
            (SocketType::Push, Kind::Pull),
            (SocketType::Dealer, Kind::Dealer),
            (SocketType::Pub, Kind::Sub),
        ] {
            let rule = Conflate::ByFirstFrame;
            let ours = ours(kind, Options::new().conflate(rule).send_hwm(KEYS as usize));
            let receiver = theirs(&zmq::Context::new(), their_kind);
            receiver.set_int(option::RCVHWM, 1).expect("their option");
            if their_kind == Kind::Sub {
                receiver
                    .set_bytes(option::SUBSCRIBE, b"")
                    .expect("their option");
            }
            let _address = setup.join(&ours, &receiver);
            ours.wait_for_peers(1, DEADLINE).expect("their socket");
            // libzmq sends a subscription within a call on its socket.
            let start = Instant::now();
            while kind == SocketType::Pub && ours.wait_for_subscribers("", 1, RETRY).is_err() {
                assert!(start.elapsed() < DEADLINE);
                receiver.poll_in(0).expect("their poll");
            }
            for value in 0..COUNT {
                ours.send_timeout(message(&keyed(value, &body)), DEADLINE)
                    .expect("our message");
            }
            let mut last = HashMap::new();
            let mut received = 0;
            while last.values().filter(|it| **it >= COUNT - KEYS).count() < KEYS as usize {
                let parts = their_next(&receiver, DEADLINE).expect("a message");
                let value = value_of(&parts, &body);
                let before = last.insert(value % KEYS, value);
                assert!(before < Some(value), "{before:?} then {value}");
                received += 1;
            }
            let stats = ours.stats();
            assert_eq!(received + stats.dropped, stats.sent);
            assert!(stats.dropped > 0, "nothing was replaced");
            assert_eq!(ours.peers()[0].dropped.conflated, stats.dropped);
        }
    }
}

#[test]
fn a_libzmq_socket_that_conflates_and_ours_understand_each_other() {
    for setup in Setup::all() {
        // Its CONFLATE keeps one frame, so that messages have one.
        let pull = ours(SocketType::Pull, Options::new().conflate(Conflate::Last));
        let push = theirs(&zmq::Context::new(), Kind::Push);
        push.set_int(option::CONFLATE, 1).expect("their option");
        let _address = setup.join(&pull, &push);
        for value in 0..100u32 {
            push.send_multipart([value.to_be_bytes()])
                .expect("their message");
        }
        let mut before = None;
        while before != Some(99) {
            let message = pull.recv_timeout(DEADLINE).expect("our message");
            let value = u32::from_be_bytes(parts(&message)[0][..].try_into().expect("a value"));
            assert!(before < Some(value));
            before = Some(value);
        }

        let push = ours(SocketType::Push, Options::new().conflate(Conflate::Last));
        let pull = theirs(&zmq::Context::new(), Kind::Pull);
        pull.set_int(option::CONFLATE, 1).expect("their option");
        let _address = setup.join(&push, &pull);
        push.wait_for_peers(1, DEADLINE).expect("their socket");
        for value in 0..100u32 {
            push.send(value.to_be_bytes()).expect("our message");
        }
        assert_eq!(push.stats().sent, 100);
        let mut before = None;
        while before != Some(99) {
            let parts = their_next(&pull, DEADLINE).expect("a message");
            let value = u32::from_be_bytes(parts[0][..].try_into().expect("a value"));
            assert!(before < Some(value));
            before = Some(value);
        }
    }
}
