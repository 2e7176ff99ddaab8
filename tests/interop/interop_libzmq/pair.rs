//! PAIR (RFC 31): one peer, both ways, and no second one.

use std::thread;
use std::time::Duration;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, EventKind, Pair, PeerRefusal};

use crate::support::*;

const SIZES: [usize; 8] = [0, 1, 255, 256, 8_191, 65_536, 1 << 20, 8 << 20];

#[test]
fn our_pair_and_a_libzmq_pair_stream_both_ways() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Pair).open().expect("our PAIR");
        let theirs = theirs(&zmq::Context::new(), Kind::Pair);
        let _address = setup.join(&ours.clone().into_dynamic(), &theirs);
        let sent = |size: usize| vec![body(size), Vec::new(), b"end".to_vec()];
        let sender = thread::spawn({
            let ours = ours.clone();
            move || {
                for size in SIZES {
                    ours.send_timeout(message(&sent(size)), DEADLINE)
                        .expect("our message");
                }
            }
        });
        for size in SIZES {
            theirs.send_multipart(sent(size)).expect("their message");
            let received = theirs.recv_multipart().expect("our message there");
            assert_same(&received, &sent(size), &format!("to libzmq, {setup:?}"));
            let received = ours.recv_timeout(DEADLINE).expect("their message here");
            let received = parts(&received);
            assert_same(&received, &sent(size), &format!("from libzmq, {setup:?}"));
        }
        sender.join().expect("the sender");
    }
}

#[test]
fn our_pair_refuses_a_second_libzmq_pair_until_the_first_is_gone() {
    let setup = Setup::TCP;
    let ours = Context::new().socket(Pair).open().expect("our PAIR");
    let monitor = ours.monitor();
    let context = zmq::Context::new();
    let first = theirs(&context, Kind::Pair);
    let _address = setup.join(&ours.clone().into_dynamic(), &first);
    wait_for(&monitor, "the first peer", is_up);

    let second = theirs(&context, Kind::Pair);
    second
        .set_int(option::RECONNECT_IVL, 10)
        .expect("their option");
    let bound = ours.last_endpoint().expect("our endpoint");
    second.connect(&bound.to_string()).expect("their connect");
    let event = wait_for(&monitor, "a refusal", |kind| {
        matches!(kind, EventKind::PeerRefused { .. })
    });
    let reason = PeerRefusal::Paired;
    assert_eq!(event.kind, EventKind::PeerRefused { reason });

    ours.send_timeout("to the first", DEADLINE)
        .expect("our message");
    assert_eq!(
        first.recv_multipart().expect("our message there"),
        [b"to the first"]
    );
    assert_eq!(their_next(&second, Duration::ZERO), None);

    drop(first);
    wait_for(&monitor, "the end of the first", is_down);
    wait_for(&monitor, "the second peer", is_up);
    ours.send_timeout("to the second", DEADLINE)
        .expect("our message");
    assert_eq!(
        second.recv_multipart().expect("our message there"),
        [b"to the second"]
    );
}

#[test]
fn our_pair_finds_a_libzmq_pair_again_that_was_closed_and_bound_anew() {
    let ours = Context::new()
        .socket(Pair)
        .reconnect_interval(Duration::from_millis(10))
        .open()
        .expect("our PAIR");
    let monitor = ours.monitor();
    let address = Address::ipc();
    ours.connect(address.as_str()).expect("our connect");
    let context = zmq::Context::new();
    for round in ["one", "two", "three"] {
        let peer = theirs(&context, Kind::Pair);
        peer.bind(address.as_str()).expect("their bind");
        wait_for(&monitor, "a peer", is_up);
        ours.send_timeout(round, DEADLINE).expect("our message");
        assert_eq!(
            peer.recv_multipart().expect("our message there"),
            [round.as_bytes()]
        );
        peer.send(round.as_bytes(), false).expect("their message");
        let back = ours.recv_timeout(DEADLINE).expect("their message here");
        assert_eq!(back, round);
        drop(peer);
        wait_for(&monitor, "its end", is_down);
    }
}
