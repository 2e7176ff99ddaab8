//! High-water marks, lingering and size limits: what a slow, absent or hostile peer costs, and what not.

use std::thread;
use std::time::Duration;

use libzmq_peer as zmq;
use libzmq_peer::{event, option, Kind};
use sinew::{Context, Pull, Push, SendErrorKind, Socket};

use crate::support::*;

/// Small enough that a stalled peer fills everything between the two programs at once, and not so small that
/// TCP over loopback, with its segments of 64 KiB, crawls.
const TIGHT: i32 = 64 * 1024;
const HWM: i32 = 10;
const SIZE: usize = 1_000;
/// No two high-water marks and socket buffers of this size can hold so many messages, even with what the
/// kernel and either library add in front of them.
const BOUND: u32 = 5_000;
/// Long enough without room for one message, with nobody reading, to call the way full.
const STALLED: Duration = Duration::from_millis(300);

fn numbered(number: u32) -> Vec<u8> {
    let mut bytes = body(SIZE);
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn tight_pull_of_theirs() -> zmq::Socket {
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    for (name, value) in [(option::RCVHWM, HWM), (option::RCVBUF, TIGHT)] {
        pull.set_int(name, value).expect("their option");
    }
    pull
}

fn tight_push_of_ours() -> Socket<Push> {
    Context::new()
        .socket(Push)
        .send_hwm(HWM as usize)
        .send_buffer(TIGHT as usize)
        .open()
        .expect("our PUSH")
}

#[test]
fn a_stalled_libzmq_pull_makes_our_sends_fail_after_a_bounded_number_and_loses_nothing() {
    for setup in Setup::all() {
        let push = tight_push_of_ours();
        let pull = tight_pull_of_theirs();
        let _address = setup.join(&push.clone().into_dynamic(), &pull);

        let mut accepted = 0;
        let refused = loop {
            assert!(accepted < BOUND, "no bound, {setup:?}");
            let Err(late) = push.send_timeout(numbered(accepted), STALLED) else {
                accepted += 1;
                continue;
            };
            assert_eq!(late.kind(), SendErrorKind::TimedOut);
            assert_eq!(late.message(), &numbered(accepted)[..], "it is given back");
            // A busy machine may make room only now.
            match push.try_send(numbered(accepted)) {
                Ok(()) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), SendErrorKind::WouldBlock);
        assert_eq!(refused.message(), &numbered(accepted)[..]);
        assert!(
            accepted >= HWM as u32,
            "room for the high-water mark at least"
        );

        let resumed = thread::spawn(move || {
            push.send_timeout(numbered(accepted), DEADLINE)
                .expect("there is room again");
            push
        });
        for number in 0..=accepted {
            let received = pull.recv_multipart().expect("nothing is lost");
            assert_same(&received, &[numbered(number)], "in order");
        }
        resumed.join().expect("the sender");
    }
}

#[test]
fn our_stalled_pull_holds_a_libzmq_push_back_and_loses_nothing() {
    for setup in Setup::all() {
        let pull = Context::new()
            .socket(Pull)
            .recv_hwm(HWM as usize)
            .recv_buffer(TIGHT as usize)
            .open()
            .expect("our PULL");
        let push = theirs(&zmq::Context::new(), Kind::Push);
        for (name, value) in [
            (option::SNDHWM, HWM),
            (option::SNDBUF, TIGHT),
            (option::SNDTIMEO, STALLED.as_millis() as i32),
        ] {
            push.set_int(name, value).expect("their option");
        }
        let _address = setup.join(&pull.clone().into_dynamic(), &push);

        let mut accepted = 0;
        while push.send(&numbered(accepted), false).is_ok() {
            accepted += 1;
            assert!(accepted < BOUND, "we read without bound, {setup:?}");
        }
        assert!(accepted >= HWM as u32);

        push.set_int(option::SNDTIMEO, DEADLINE_MS)
            .expect("their option");
        let resumed = thread::spawn(move || {
            push.send(&numbered(accepted), false).expect("room again");
            push
        });
        for number in 0..=accepted {
            let received = pull.recv_timeout(DEADLINE).expect("nothing is lost");
            assert_same(&parts(&received), &[numbered(number)], "in order");
        }
        resumed.join().expect("the sender");
    }
}

#[test]
fn a_push_without_a_peer_queues_up_to_its_high_water_mark() {
    let address = Address::ipc();
    let push = Context::new()
        .socket(Push)
        .send_hwm(HWM as usize)
        .connect(address.as_str())
        .expect("our PUSH");
    for number in 0..HWM {
        push.try_send(number.to_le_bytes()).expect("room");
    }
    let refused = push.try_send("one too many").expect_err("no room");
    assert_eq!(refused.kind(), SendErrorKind::WouldBlock);
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    pull.bind(address.as_str()).expect("their bind");
    for number in 0..HWM {
        let received = pull.recv_multipart().expect("what was queued");
        assert_eq!(received, [number.to_le_bytes()]);
    }
}

/// More than the kernel takes at once.
const LINGERING: u32 = 2_000;

/// A PULL that reads slowly, but only where that is safe: libzmq, held up by its high-water mark, takes the
/// end of a Unix-domain connection for an error and forgets what it had not read yet.
fn slow_pull_of_theirs(setup: Setup) -> zmq::Socket {
    let pull = tight_pull_of_theirs();
    if setup.transport == Transport::Ipc {
        pull.set_int(option::RCVHWM, 0).expect("their option");
    }
    pull
}

#[test]
fn closing_our_push_delivers_what_it_accepted() {
    for setup in Setup::all() {
        let push = Context::new()
            .socket(Push)
            .send_hwm(0)
            .send_buffer(TIGHT as usize)
            .linger(DEADLINE)
            .open()
            .expect("our PUSH");
        let pull = slow_pull_of_theirs(setup);
        let _address = setup.join(&push.clone().into_dynamic(), &pull);
        // Before its first peer is there, a binding PUSH has nowhere to queue.
        push.send_timeout(numbered(0), DEADLINE).expect("our send");
        for number in 1..LINGERING {
            push.send_timeout(numbered(number), DEADLINE)
                .expect("our send");
        }
        let closing = thread::spawn(move || push.close());
        for number in 0..LINGERING {
            let received = pull.recv_multipart().expect("close delivers");
            assert_same(&received, &[numbered(number)], "in order");
        }
        assert_eq!(closing.join().expect("close").undelivered, 0);
    }
}

#[test]
fn dropping_our_push_delivers_what_it_accepted() {
    for setup in Setup::all() {
        let context = Context::new();
        let push = context
            .socket(Push)
            .send_hwm(0)
            .send_buffer(TIGHT as usize)
            .open()
            .expect("our PUSH");
        let pull = slow_pull_of_theirs(setup);
        let _address = setup.join(&push.clone().into_dynamic(), &pull);
        for number in 0..LINGERING {
            push.send_timeout(numbered(number), DEADLINE)
                .expect("our send");
        }
        let dropping = thread::spawn(move || drop((push, context)));
        for number in 0..LINGERING {
            let received = pull.recv_multipart().expect("drop delivers");
            assert_same(&received, &[numbered(number)], "in order");
        }
        dropping.join().expect("drop");
    }
}

#[test]
fn closing_waits_for_a_libzmq_peer_that_comes_late() {
    let address = Address::ipc();
    let push = Context::new()
        .socket(Push)
        .linger(DEADLINE)
        .reconnect_interval(RETRY)
        .connect(address.as_str())
        .expect("our PUSH");
    for number in 0..100u32 {
        push.try_send(number.to_le_bytes()).expect("room");
    }
    let closing = thread::spawn(move || push.close());
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    pull.bind(address.as_str()).expect("their bind");
    for number in 0..100u32 {
        let received = pull.recv_multipart().expect("it lingered");
        assert_eq!(received, [number.to_le_bytes()]);
    }
    assert_eq!(closing.join().expect("close").undelivered, 0);
}

#[test]
fn a_libzmq_push_that_lingers_delivers_everything_to_us() {
    for setup in Setup::all() {
        let pull = Context::new()
            .socket(Pull)
            .recv_hwm(HWM as usize)
            .recv_buffer(TIGHT as usize)
            .open()
            .expect("our PULL");
        let push = theirs(&zmq::Context::new(), Kind::Push);
        for (name, value) in [
            (option::SNDHWM, 0),
            (option::SNDBUF, TIGHT),
            (option::LINGER, DEADLINE_MS),
        ] {
            push.set_int(name, value).expect("their option");
        }
        let _address = setup.join(&pull.clone().into_dynamic(), &push);
        for number in 0..LINGERING {
            push.send(&numbered(number), false).expect("their send");
        }
        let closing = thread::spawn(move || drop(push));
        for number in 0..LINGERING {
            let received = pull.recv_timeout(DEADLINE).expect("they linger");
            assert_same(&parts(&received), &[numbered(number)], "in order");
        }
        closing.join().expect("close");
    }
}

const LIMIT: usize = 1_000;

#[test]
fn a_message_above_our_limit_closes_that_connection_only() {
    let pull = Context::new()
        .socket(Pull)
        .max_message_size(LIMIT as u64)
        .bind("tcp://127.0.0.1:0")
        .expect("our PULL");
    let endpoint = pull.last_endpoint().expect("an endpoint").to_string();
    let context = zmq::Context::new();
    let [good, bad] = [(); 2].map(|()| theirs(&context, Kind::Push));
    let watching = [&good, &bad].map(|push| {
        let monitor = push.monitor(event::ALL).expect("their monitor");
        push.connect(&endpoint).expect("their connect");
        wait_for_theirs(&monitor, event::HANDSHAKE_SUCCEEDED);
        monitor
    });

    bad.send(&body(LIMIT), false).expect("their send");
    let received = pull.recv_timeout(DEADLINE).expect("just small enough");
    assert!(received == body(LIMIT));
    bad.send(&body(LIMIT + 1), false).expect("their send");
    wait_for_theirs(&watching[1], event::DISCONNECTED);

    good.send(b"still here", false).expect("their send");
    let received = pull.recv_timeout(DEADLINE).expect("the other one");
    assert_eq!(received, "still here");
    wait_for_theirs(&watching[1], event::HANDSHAKE_SUCCEEDED);
    bad.send(b"sorry", false).expect("their send");
    assert_eq!(pull.recv_timeout(DEADLINE).expect("a new start"), "sorry");
    let quiet = watching[0].recv_timeout(0);
    assert!(quiet.is_err(), "the good connection: {quiet:?}");
}

#[test]
fn a_message_above_the_limit_of_libzmq_costs_us_one_connection() {
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    pull.set_int(option::MAXMSGSIZE, LIMIT as i32)
        .expect("their option");
    pull.bind("tcp://127.0.0.1:*").expect("their bind");
    let push = Context::new()
        .socket(Push)
        .reconnect_interval(RETRY)
        .open()
        .expect("our PUSH");
    let monitor = push.monitor();
    push.connect(&pull.last_endpoint().expect("their endpoint"))
        .expect("our connect");
    wait_for(&monitor, "up", is_up);

    push.send_timeout(body(LIMIT), DEADLINE).expect("our send");
    let received = pull.recv_multipart().expect("just small enough");
    assert_same(&received, &[body(LIMIT)], "at the limit");
    push.send_timeout(body(LIMIT + 1), DEADLINE)
        .expect("our send");
    wait_for(&monitor, "down", is_down);
    wait_for(&monitor, "up again", is_up);
    push.send_timeout("small", DEADLINE).expect("our send");
    assert_eq!(pull.recv_multipart().expect("a new start"), [b"small"]);
}
