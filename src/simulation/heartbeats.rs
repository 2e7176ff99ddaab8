//! A silent peer is given up when it was agreed, and one that lives never is.

use std::time::Duration;

use super::world::World;
use super::{number, orders, tagged};
use crate::{EventKind, Monitor, Pull, Push};

const AT: &str = "tcp://10.0.0.1:5000";

/// Whether a monitor has told of an event of this kind since it was asked last.
fn tells(monitor: &Monitor, of: impl Fn(&EventKind) -> bool) -> bool {
    let events = std::iter::from_fn(|| monitor.try_recv().ok());
    events.filter(|event| of(&event.kind)).count() > 0
}

fn is_up(kind: &EventKind) -> bool {
    *kind == EventKind::HandshakeSucceeded
}

fn is_end(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Disconnected { .. })
}

fn millis(world: &mut World, from: usize, to: usize) -> Duration {
    Duration::from_millis((from + world.dice.below(to - from)) as u64)
}

#[test]
fn a_silent_peer_is_given_up_one_timeout_after_the_first_ping_that_it_does_not_hear() {
    orders(120, |world| {
        let (interval, timeout) = (millis(world, 5, 400), millis(world, 5, 400));
        let _pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).heartbeat_interval(interval);
        let push = push.heartbeat_timeout(timeout).open().unwrap();
        let monitor = push.monitor();
        push.connect(AT).unwrap();
        let up = world.pass_until(Duration::from_secs(1), |_| tells(&monitor, is_up));
        let up = up.expect("the peer is there");
        // Between two PINGs.
        let pings = world.dice.below(8) as u32;
        let pause = interval * pings + interval / 2;
        assert_eq!(
            world.pass_until(pause, |_| tells(&monitor, is_end)),
            None,
            "it answers"
        );
        let connection = world.only_connection();
        world.stall(&connection);
        let end = world.pass_until(Duration::from_secs(60), |_| tells(&monitor, is_end));
        assert_eq!(end, Some(up + interval * (pings + 1) + timeout));
    });
}

#[test]
fn a_peer_has_an_interval_to_answer_unless_a_time_is_set_and_three_seconds_if_that_is_short() {
    orders(40, |world| {
        let interval = millis(world, 5, 6000);
        let _pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).heartbeat_interval(interval);
        let push = push.open().unwrap();
        let monitor = push.monitor();
        push.connect(AT).unwrap();
        let up = world.pass_until(Duration::from_secs(1), |_| tells(&monitor, is_up));
        let up = up.expect("the peer is there");
        let connection = world.only_connection();
        world.stall(&connection);
        let end = world.pass_until(Duration::from_secs(60), |_| tells(&monitor, is_end));
        let patience = interval.max(Duration::from_secs(3));
        assert_eq!(end, Some(up + interval + patience));
    });
}

#[test]
fn a_peer_that_announced_its_silence_is_given_up_within_two_of_the_times_it_named() {
    orders(40, |world| {
        let (interval, ttl) = (millis(world, 5, 99), millis(world, 1, 20) * 100);
        let pull = world.socket(Pull).open().unwrap();
        let monitor = pull.monitor();
        pull.bind(AT).unwrap();
        let push = world.socket(Push).heartbeat_interval(interval);
        let push = push.heartbeat_timeout(Duration::from_secs(1000));
        let _push = push.heartbeat_ttl(ttl).connect(AT).unwrap();
        let pause = interval * (2 + world.dice.below(30) as u32);
        assert_eq!(world.pass_until(pause, |_| tells(&monitor, is_end)), None);
        let connection = world.only_connection();
        world.stall(&connection);
        let since = world.time();
        let end = world.pass_until(Duration::from_secs(60), |_| tells(&monitor, is_end));
        let silent = end.expect("it is given up") - since;
        assert!(silent >= ttl - interval && silent <= 2 * ttl, "{silent:?}");
    });
}

#[test]
fn a_peer_that_answers_late_but_in_time_is_never_given_up() {
    orders(40, |world| {
        let timeout = millis(world, 30, 400);
        let interval = millis(world, 5, 200);
        let pull = world.socket(Pull).heartbeat_interval(interval);
        let pull = pull.heartbeat_timeout(timeout).bind(AT).unwrap();
        let push = world.socket(Push).heartbeat_interval(interval);
        let push = push.heartbeat_timeout(timeout).connect(AT).unwrap();
        world.settle();
        let monitors = [pull.monitor(), push.monitor()];
        let mut sent = 0;
        for _ in 0..150 {
            // There and back, and the timer in between.
            let late = timeout.as_micros() as usize / 4;
            let late = Duration::from_micros(world.dice.below(late) as u64);
            world.wait(late);
            world.turns();
            let connection = world.only_connection();
            connection.carry(0, usize::MAX);
            connection.carry(1, usize::MAX);
            world.turns();
            if world.dice.once_in(4) {
                push.try_send(tagged(0, sent)).unwrap();
                sent += 1;
            }
            for monitor in &monitors {
                assert!(!tells(monitor, is_end));
            }
        }
        world.settle();
        for n in 0..sent {
            assert_eq!(number(&pull.try_recv().unwrap()), n);
        }
    });
}

#[test]
fn a_peer_that_does_not_receive_is_not_taken_for_dead() {
    orders(12, |world| {
        // The least that is not "merely busy".
        let timeout = millis(world, 500, 2000);
        let pull = world.socket(Pull).recv_hwm(1).bind(AT).unwrap();
        let push = world.socket(Push).send_hwm(3).heartbeat_interval(timeout);
        let push = push.heartbeat_timeout(timeout).connect(AT).unwrap();
        let monitor = push.monitor();
        let mut sent = 0;
        for _ in 0..80 {
            sent += u32::from(push.try_send(tagged(0, sent)).is_ok());
            world.settle();
        }
        assert!(push.try_send(tagged(0, sent)).is_err(), "it is full");
        let hour = Duration::from_secs(100);
        assert_eq!(world.pass_until(hour, |_| tells(&monitor, is_end)), None);
        for n in 0..sent {
            while let Err(error) = pull.try_recv().map(|it| assert_eq!(number(&it), n)) {
                assert!(error.is_would_block());
                world.settle();
            }
        }
    });
}
