//! The end of sockets, links and listeners, at any time: what may be lost by the rules is what is lost,
//! and it is counted.

use std::time::Duration;

use super::reconnects::{receive_all, Carried};
use super::world::World;
use super::{number, orders, tagged};
use crate::{Pull, Push, Socket};

const AT: &str = "tcp://10.0.0.1:5000";

/// Sends now and then only, so that the sender stays cold: each message is a write of its own.
fn send_slowly(world: &mut World, push: &Socket<Push>, count: u32) {
    for n in 0..count {
        world.wait(Duration::from_micros(50));
        push.try_send(tagged(0, n)).unwrap();
        let nudges = world.dice.below(8);
        world.nudges(nudges);
    }
}

#[test]
fn without_linger_closing_is_over_at_once_and_counts_what_has_not_come() {
    orders(200, |world| {
        world.network.set_capacity(100_000);
        let pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).linger(Duration::ZERO).connect(AT);
        let push = push.unwrap();
        // What was sent before the peer is there goes in one write, and counts as one.
        let early = world.dice.once_in(3);
        if early {
            let nudges = world.dice.below(20);
            world.nudges(nudges);
        } else {
            world.settle();
        }
        let sent = world.dice.below(30) as u32;
        send_slowly(world, &push, sent);
        world.close(&push);
        let report = world.report(&push).expect("it is closed");
        let came = Carried::of(&world.network.history(), 0).came.len() as u32;
        let lost = u64::from(sent - came);
        if early {
            assert!(report.undelivered >= lost && report.undelivered <= u64::from(sent));
        } else {
            assert_eq!(report.undelivered, lost);
        }
        let mut received = Vec::new();
        world.settle();
        receive_all(&pull, &mut received);
        assert!(received.len() >= came as usize, "what came is received");
        let all: Vec<_> = (0..received.len() as u32).collect();
        assert_eq!(received, all);
        assert_eq!(push.stats().dropped, report.undelivered);
    });
}

#[test]
fn what_closing_reports_is_never_less_than_what_is_lost() {
    orders(250, |world| {
        let linger = world
            .dice
            .pick(&[None, Some(0), Some(5), Some(700)])
            .copied();
        let linger = linger.flatten().map(Duration::from_millis);
        let pull = world.socket(Pull).recv_hwm(1 + world.dice.below(30));
        let pull = pull.bind(AT).unwrap();
        let push = world.socket(Push).linger(linger).connect(AT).unwrap();
        let mut sent = 0;
        for _ in 0..world.dice.below(100) {
            sent += u32::from(push.try_send(tagged(0, sent)).is_ok());
            let nudges = world.dice.below(3);
            world.nudges(nudges);
        }
        let stalls = linger.is_some() && world.dice.once_in(2);
        if stalls {
            for connection in world.network.connections() {
                world.stall(&connection);
            }
        }
        world.close(&push);
        let closed = world.time();
        let mut received = Vec::new();
        // A receiver that is behind is waited for, and everything else is bounded by linger.
        let most = linger.unwrap_or(Duration::from_secs(100));
        let nudges = world.dice.below(50);
        world.nudges(nudges);
        let left = (closed + most).saturating_sub(world.time());
        let ended = world.pass_until(left, |world| {
            receive_all(&pull, &mut received);
            world.report(&push).is_some()
        });
        let report = world.report(&push);
        let report = report.unwrap_or_else(|| panic!("{linger:?} is over: {ended:?}"));
        world.unstall();
        world.settle();
        loop {
            let before = received.len();
            receive_all(&pull, &mut received);
            if received.len() == before {
                break;
            }
            world.settle();
        }
        let all: Vec<_> = (0..received.len() as u32).collect();
        assert_eq!(received, all);
        let lost = u64::from(sent) - received.len() as u64;
        assert!(
            report.undelivered >= lost,
            "{} < {lost}",
            report.undelivered
        );
        assert!(report.undelivered <= u64::from(sent));
        if linger.is_none() {
            assert_eq!(report.undelivered, 0);
        }
    });
}

#[test]
fn a_socket_that_lingers_delivers_over_as_many_connections_as_it_takes() {
    orders(120, |world| {
        let pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).linger(None).connect(AT).unwrap();
        let (mut received, mut sent) = (Vec::new(), 0);
        let nudges = world.dice.below(30);
        world.nudges(nudges);
        for _ in 0..world.dice.below(100) {
            sent += u32::from(push.try_send(tagged(0, sent)).is_ok());
            let nudges = world.dice.below(2);
            world.nudges(nudges);
        }
        world.close(&push);
        let mut cut = false;
        for _ in 0..world.dice.below(4) {
            let nudges = world.dice.below(60);
            world.nudges(nudges);
            for connection in world.connections() {
                connection.cut();
                cut = true;
            }
            let time = world.dice.below(3000) as u64;
            world.wait(Duration::from_millis(time));
        }
        for _ in 0..10 {
            world.pass(Duration::from_secs(3));
            receive_all(&pull, &mut received);
        }
        let report = world.report(&push).expect("all is delivered or lost");
        let carried = Carried::of(&world.network.history(), 0);
        assert_eq!(carried.taken, sent);
        received.sort_unstable();
        assert_eq!(received, carried.came);
        // It was closed before anything was lost. A cut may come within a write of several messages, which
        // are told apart no further.
        assert!(report.undelivered >= carried.lost());
        assert!(report.undelivered == 0 || cut && carried.lost() > 0);
    });
}

#[test]
fn a_receiver_that_closes_takes_with_it_only_what_its_system_was_given() {
    orders(120, |world| {
        let first = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).connect(AT).unwrap();
        let (mut received, mut sent) = (Vec::new(), 0);
        for _ in 0..world.dice.below(60) {
            sent += u32::from(push.try_send(tagged(0, sent)).is_ok());
            let nudges = world.dice.below(4);
            world.nudges(nudges);
            if world.dice.once_in(3) {
                received.extend(first.try_recv().iter().map(number));
            }
        }
        world.close(&first);
        world.settle();
        assert!(world.report(&first).is_some());
        let before = Carried::of(&world.network.history(), 0);
        assert_eq!(received, before.came[..received.len()]);
        let second = world.socket(Pull).bind(AT).unwrap();
        world.pass(Duration::from_secs(5));
        let mut rest = Vec::new();
        receive_all(&second, &mut rest);
        assert_eq!(rest, (before.taken..sent).collect::<Vec<_>>());
    });
}

#[test]
fn a_link_that_is_disconnected_delivers_what_it_has_and_never_calls_again() {
    orders(200, |world| {
        world.network.set_capacity(100_000);
        let linger = world.dice.pick(&[0, 1, 200, 100_000]).copied();
        let linger = Duration::from_millis(linger.unwrap_or(0));
        let bound = world.dice.below(4) > 0;
        let pull = world.socket(Pull).open().unwrap();
        if bound {
            pull.bind(AT).unwrap();
        }
        let push = world.socket(Push).linger(linger).connect(AT).unwrap();
        let nudges = world.dice.below(50);
        world.nudges(nudges);
        let sent = world.dice.below(20) as u32;
        send_slowly(world, &push, sent);
        push.disconnect(AT).unwrap();
        assert!(push.try_send(tagged(0, sent)).is_err());
        assert!(push.disconnect(AT).is_err());
        let nudges = world.dice.below(50);
        world.nudges(nudges);
        let mut received = Vec::new();
        let settled = Duration::from_secs(10) + linger;
        world.pass(settled);
        receive_all(&pull, &mut received);
        assert!(world.network.connections().is_empty());
        let all: Vec<_> = (0..received.len() as u32).collect();
        assert_eq!(received, all);
        let lost = u64::from(sent) - received.len() as u64;
        let stats = push.stats();
        assert_eq!((stats.sent, stats.peers), (u64::from(sent), 0));
        assert!(stats.dropped >= lost && stats.dropped <= u64::from(sent));
        if bound && linger >= Duration::from_millis(200) {
            assert_eq!((lost, stats.dropped), (0, 0));
        }
    });
}

#[test]
fn an_endpoint_that_is_unbound_takes_no_more_calls_and_those_that_are_up_stay() {
    orders(120, |world| {
        let pull = world.socket(Pull).bind(AT).unwrap();
        let pushes: Vec<_> = (0..3)
            .map(|_| world.socket(Push).connect(AT).unwrap())
            .collect();
        let nudges = world.dice.below(60);
        world.nudges(nudges);
        pull.unbind(AT).unwrap();
        assert!(pull.unbind(AT).is_err());
        world.pass(Duration::from_secs(1));
        let peers = pull.stats().peers;
        assert_eq!(world.connections().len(), peers);
        world.pass(Duration::from_secs(5));
        assert_eq!(pull.stats().peers, peers);
        for (n, push) in pushes.iter().enumerate() {
            push.try_send(tagged(n, 0)).unwrap();
        }
        world.settle();
        let mut received = Vec::new();
        receive_all(&pull, &mut received);
        assert_eq!(received.len(), peers);
        // Another socket can have it now, and those that were refused find it.
        let other = world.socket(Pull).bind(AT).unwrap();
        world.pass(Duration::from_secs(5));
        receive_all(&other, &mut received);
        assert_eq!(received.len(), pushes.len());
    });
}
