//! Peers that die, freeze and come back.

use std::time::{Duration, Instant};

use libzmq_peer as zmq;
use libzmq_peer::{event, option, Kind};
use sinew::{Context, Pull, Push, Req, Socket, Sub};

use crate::child::{tick, Actor, Part};
use crate::support::*;

fn we_ask(req: &Socket<Req>, question: &str) {
    req.send_timeout(question, DEADLINE).expect("our request");
    let answer = req.recv_timeout(DEADLINE).expect("an answer to our REQ");
    assert_eq!(answer, question);
}

fn they_ask(req: &zmq::Socket, question: &str) {
    req.send(question.as_bytes(), false).expect("their request");
    let answer = req.recv_multipart().expect("an answer to their REQ");
    assert_eq!(answer, [question.as_bytes()]);
}

#[test]
fn our_req_reconnects_to_a_libzmq_rep_that_was_killed_and_started_again() {
    for transport in Transport::ALL {
        let address = Address::new(transport);
        let rep = Actor::start(Part::TheirRepBinds, address.as_str());
        let req = Context::new()
            .socket(Req)
            .reconnect_interval(RETRY)
            .open()
            .expect("our REQ");
        let monitor = req.monitor();
        req.connect(rep.endpoint()).expect("our connect");
        we_ask(&req, "before");

        let endpoint = rep.kill();
        wait_for(&monitor, "down", is_down);
        let _again = Actor::start(Part::TheirRepBinds, &endpoint);
        we_ask(&req, "after");
    }
}

#[test]
fn our_bound_req_serves_on_when_a_libzmq_rep_is_killed() {
    for transport in Transport::ALL {
        let address = Address::new(transport);
        let req = Context::new().socket(Req).open().expect("our REQ");
        let monitor = req.monitor();
        let endpoint = req.bind(address.as_str()).expect("our bind").to_string();
        let rep = Actor::start(Part::TheirRepConnects, &endpoint);
        we_ask(&req, "before");

        rep.kill();
        wait_for(&monitor, "down", is_down);
        let _another = Actor::start(Part::TheirRepConnects, &endpoint);
        we_ask(&req, "after");
    }
}

#[test]
fn a_libzmq_req_reconnects_to_our_rep_that_was_killed_and_started_again() {
    for transport in Transport::ALL {
        let address = Address::new(transport);
        let rep = Actor::start(Part::OurRepBinds, address.as_str());
        let req = theirs(&zmq::Context::new(), Kind::Req);
        let monitor = req.monitor(event::ALL).expect("their monitor");
        req.connect(rep.endpoint()).expect("their connect");
        they_ask(&req, "before");

        let endpoint = rep.kill();
        wait_for_theirs(&monitor, event::DISCONNECTED);
        let _again = Actor::start(Part::OurRepBinds, &endpoint);
        they_ask(&req, "after");
    }
}

#[test]
fn a_bound_libzmq_req_serves_on_when_our_rep_is_killed() {
    for transport in Transport::ALL {
        let address = Address::new(transport);
        let req = theirs(&zmq::Context::new(), Kind::Req);
        let monitor = req.monitor(event::ALL).expect("their monitor");
        req.bind(address.as_str()).expect("their bind");
        let endpoint = req.last_endpoint().expect("their endpoint");
        let rep = Actor::start(Part::OurRepConnects, &endpoint);
        they_ask(&req, "before");

        rep.kill();
        wait_for_theirs(&monitor, event::DISCONNECTED);
        let _another = Actor::start(Part::OurRepConnects, &endpoint);
        they_ask(&req, "after");
    }
}

#[test]
fn our_subscriptions_are_sent_again_to_a_libzmq_pub_that_was_started_again() {
    for transport in Transport::ALL {
        let address = Address::new(transport);
        let publisher = Actor::start(Part::TheirPubBinds, address.as_str());
        let sub = Context::new()
            .socket(Sub)
            .subscribe("tick")
            .reconnect_interval(RETRY)
            .connect(publisher.endpoint())
            .expect("our SUB");
        let hear = |process: u32| {
            let deadline = Instant::now() + DEADLINE;
            while sub.recv_timeout(DEADLINE).expect("a tick") != tick(process) {
                assert!(Instant::now() < deadline, "no tick of the new one");
            }
        };
        hear(publisher.process());
        let again = Actor::start(Part::TheirPubBinds, &publisher.kill());
        hear(again.process());
    }
}

#[test]
fn a_libzmq_sub_hears_our_pub_again_that_was_started_again() {
    for transport in Transport::ALL {
        let address = Address::new(transport);
        let publisher = Actor::start(Part::OurPubBinds, address.as_str());
        let sub = theirs(&zmq::Context::new(), Kind::Sub);
        sub.subscribe(b"tick").expect("their subscription");
        sub.connect(publisher.endpoint()).expect("their connect");
        let hear = |process: u32| {
            let deadline = Instant::now() + DEADLINE;
            while sub.recv_multipart().expect("a tick") != [tick(process)] {
                assert!(Instant::now() < deadline, "no tick of the new one");
            }
        };
        hear(publisher.process());
        let again = Actor::start(Part::OurPubBinds, &publisher.kill());
        hear(again.process());
    }
}

const BEAT: Duration = Duration::from_millis(50);

/// After so much silence a peer is given up that cannot answer; both ends of a working connection are
/// heard again before, on any but the busiest machine.
const SILENCE: Duration = Duration::from_secs(3);

/// A quiet connection must outlive this many times the silence that would end it.
const QUIET: u32 = 3;

/// A machine that does much else may let a short silence come about; so it takes one of these, after
/// which a connection is still up. What does not answer loses it after all of them.
const SILENCES: [Duration; 3] = [
    Duration::from_millis(400),
    Duration::from_secs(4),
    Duration::from_secs(20),
];

fn set_their_heartbeats(socket: &zmq::Socket, silence: Duration) {
    for (name, value) in [
        (option::HEARTBEAT_IVL, BEAT),
        (option::HEARTBEAT_TIMEOUT, silence),
        (option::HEARTBEAT_TTL, silence),
    ] {
        socket
            .set_int(name, value.as_millis() as i32)
            .expect("their option");
    }
}

/// With heartbeats, if there is a silence that they shall notice.
fn our_push(silence: Option<Duration>) -> Socket<Push> {
    let builder = Context::new().socket(Push).reconnect_interval(RETRY);
    let builder = if let Some(silence) = silence {
        builder
            .heartbeat_interval(BEAT)
            .heartbeat_timeout(silence)
            .heartbeat_ttl(silence)
    } else {
        builder
    };
    builder.open().expect("our PUSH")
}

/// Nothing happens on an idle connection for a while, and it still works then.
fn assert_heartbeats_keep_it_up(ours: bool, theirs_too: bool) {
    let kept = |silence: &Duration| keeps_up(ours, theirs_too, *silence);
    assert!(SILENCES.iter().any(kept), "lost after every silence");
}

fn keeps_up(ours: bool, theirs_too: bool, silence: Duration) -> bool {
    let push = our_push(ours.then_some(silence));
    let pull = theirs(&zmq::Context::new(), Kind::Pull);
    if theirs_too {
        set_their_heartbeats(&pull, silence);
    }
    let monitor = push.monitor();
    let _address = Setup::TCP.join(&push.clone().into_dynamic(), &pull);
    wait_for(&monitor, "up", is_up);
    let quiet_until = Instant::now() + QUIET * silence;
    while let Ok(event) =
        monitor.recv_timeout(quiet_until.saturating_duration_since(Instant::now()))
    {
        if is_down(&event.kind) {
            println!("after a silence of {silence:?}: {event:?}");
            return false;
        }
    }
    push.send_timeout("alive", DEADLINE).expect("our send");
    assert_eq!(pull.recv_multipart().expect("arrival"), [b"alive"]);
    true
}

#[test]
fn our_heartbeats_keep_an_idle_connection_up() {
    assert_heartbeats_keep_it_up(true, false);
}

#[test]
fn heartbeats_of_libzmq_keep_an_idle_connection_up() {
    assert_heartbeats_keep_it_up(false, true);
}

#[test]
fn heartbeats_of_both_keep_an_idle_connection_up() {
    assert_heartbeats_keep_it_up(true, true);
}

#[test]
fn heartbeats_of_libzmq_keep_a_connection_up_whose_receiver_here_is_busy() {
    let kept = |silence: &Duration| keeps_up_with_a_full_inbox(*silence);
    assert!(SILENCES.iter().any(kept), "lost after every silence");
}

/// Our PULL receives nothing for a while, so that its inbox fills and it reads no more; libzmq must go
/// on hearing from it. True: the connection stayed, and every message came, in order.
fn keeps_up_with_a_full_inbox(silence: Duration) -> bool {
    let pull = Context::new().socket(Pull).recv_hwm(10).open();
    let pull = pull.expect("our PULL");
    let push = theirs(&zmq::Context::new(), Kind::Push);
    set_their_heartbeats(&push, silence);
    push.set_int(option::SNDHWM, 10).expect("their option");
    let monitor = pull.monitor();
    let _address = Setup::TCP.join(&pull.clone().into_dynamic(), &push);
    wait_for(&monitor, "up", is_up);
    let quiet_until = Instant::now() + QUIET * silence;
    let mut sent = 0;
    let mut stayed = true;
    while stayed && Instant::now() < quiet_until {
        // 64 KiB each: what the two systems hold is a few megabytes.
        let mut message = vec![0; 64 * 1024];
        message[..4].copy_from_slice(&u32::to_be_bytes(sent));
        if push.poll_out(BEAT.as_millis() as i32).expect("their poll") {
            push.try_send(&message).expect("their send");
            sent += 1;
        }
        stayed = !std::iter::from_fn(|| monitor.try_recv().ok()).any(|event| is_down(&event.kind));
    }
    if !stayed {
        println!("lost after a silence of {silence:?}");
        return false;
    }
    assert!(sent > 10, "{sent}");
    for n in 0..sent {
        let message = pull.recv_timeout(DEADLINE).expect("our receive");
        let first = message.as_bytes().expect("one frame")[..4].to_vec();
        assert_eq!(first, u32::to_be_bytes(n));
    }
    true
}

#[test]
fn heartbeats_between_messages_harm_none_of_them() {
    let pull = Context::new()
        .socket(Pull)
        .heartbeat_interval(Duration::from_millis(1))
        .heartbeat_timeout(DEADLINE)
        .open()
        .expect("our PULL");
    let push = theirs(&zmq::Context::new(), Kind::Push);
    push.set_int(option::HEARTBEAT_IVL, 1)
        .expect("their option");
    push.set_int(option::HEARTBEAT_TIMEOUT, DEADLINE_MS)
        .expect("their option");
    let _address = Setup::TCP.join(&pull.clone().into_dynamic(), &push);
    let sent = [body(300_000), vec![], body(7), body(300_000)];
    for _ in 0..100 {
        push.send_multipart(&sent).expect("their send");
        let received = pull.recv_timeout(DEADLINE).expect("our receive");
        assert_same(&parts(&received), &sent, "between heartbeats");
    }
}

#[test]
fn our_heartbeats_find_a_frozen_libzmq_peer_and_its_return() {
    let pull = Actor::start(Part::TheirPullBinds, "tcp://127.0.0.1:*");
    let push = our_push(Some(SILENCE));
    let monitor = push.monitor();
    push.connect(pull.endpoint()).expect("our connect");
    push.send_timeout("before", DEADLINE).expect("our send");
    pull.wait_until_got("before");

    pull.freeze();
    wait_for(&monitor, "down", is_down);
    pull.thaw();
    wait_for(&monitor, "up again", is_up);
    push.send_timeout("after", DEADLINE).expect("our send");
    pull.wait_until_got("after");
}

#[test]
fn heartbeats_of_libzmq_find_us_frozen_and_our_return() {
    let pull = Actor::start(Part::OurPullBinds, "tcp://127.0.0.1:0");
    let push = theirs(&zmq::Context::new(), Kind::Push);
    set_their_heartbeats(&push, SILENCE);
    let monitor = push.monitor(event::ALL).expect("their monitor");
    push.connect(pull.endpoint()).expect("their connect");
    push.send(b"before", false).expect("their send");
    pull.wait_until_got("before");

    pull.freeze();
    wait_for_theirs(&monitor, event::DISCONNECTED);
    pull.thaw();
    wait_for_theirs(&monitor, event::HANDSHAKE_SUCCEEDED);
    push.send(b"after", false).expect("their send");
    pull.wait_until_got("after");
}
