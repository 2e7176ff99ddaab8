//! Admission: how many connections are let in, and how long a handshake may take.

use std::time::Duration;

use super::{orders, tagged};
use crate::{EventKind, Pair, Pull, Push};

const AT: &str = "tcp://10.0.0.1:5000";

#[test]
fn never_more_connections_than_allowed_and_one_that_leaves_makes_room() {
    orders(60, |world| {
        let most = 1 + world.dice.below(3);
        let pull = world.socket(Pull).max_connections(most).bind(AT).unwrap();
        let count = most + 1 + world.dice.below(3);
        let mut pushes = Vec::new();
        for _ in 0..count {
            pushes.push(world.socket(Push).connect(AT).unwrap());
        }
        for (n, push) in pushes.iter().enumerate() {
            push.try_send(tagged(n, 0)).unwrap();
        }
        let mut heard = vec![0; count];
        let mut left = count;
        while left > 0 {
            for _ in 0..60 {
                world.nudge();
                assert!(pull.stats().peers <= most);
            }
            world.settle();
            assert_eq!(pull.stats().peers, most.min(left));
            while let Ok(message) = pull.try_recv() {
                heard[usize::from(message[0][0])] += 1;
            }
            // One of those that have come leaves.
            let connections = pushes.iter().enumerate();
            let here: Vec<_> = connections
                .filter(|(_, push)| push.stats().peers == 1)
                .filter(|(n, _)| heard[usize::from(*n as u8)] > 0)
                .map(|(at, _)| at)
                .collect();
            assert!(!here.is_empty());
            let at = here[world.dice.below(here.len())];
            pushes[at].disconnect(AT).unwrap();
            left -= 1;
            world.settle();
        }
        assert!(heard.iter().all(|times| *times == 1), "{heard:?}");
        assert_eq!(pull.stats().peers, 0);
    });
}

#[test]
fn a_caller_that_says_nothing_is_sent_away_when_its_time_is_over() {
    orders(60, |world| {
        let timeout = Duration::from_millis(1 + world.dice.below(3000) as u64);
        let pull = world.socket(Pull).handshake_timeout(timeout).open();
        let pull = pull.unwrap();
        let monitor = pull.monitor();
        pull.bind(AT).unwrap();
        let others: Vec<_> = (0..world.dice.below(3))
            .map(|_| world.socket(Push).connect(AT).unwrap())
            .collect();
        world.settle();
        let before = Duration::from_millis(world.dice.below(100) as u64);
        world.pass(before);
        let peers = pull.stats().peers;
        assert_eq!(peers, others.len());
        // Its call is taken, and its words do not come.
        let _silent = world.socket(Push).connect(AT).unwrap();
        world.turns();
        let calls = world.network.connections();
        let call = calls.iter().find(|it| it.is_calling()).expect("it calls");
        world.network.answer(call);
        world.stall(call);
        let came = world.time();
        let end = world.pass_until(Duration::from_secs(10), |_| {
            let events = std::iter::from_fn(|| monitor.try_recv().ok());
            events
                .filter(|event| matches!(event.kind, EventKind::HandshakeFailed { .. }))
                .count()
                > 0
        });
        assert_eq!(end, Some(came + timeout));
        assert_eq!(pull.stats().peers, peers);
    });
}

#[test]
fn a_pair_has_one_peer_at_a_time_and_the_next_when_that_has_gone() {
    orders(60, |world| {
        let pair = world.socket(Pair).open().unwrap();
        let monitor = pair.monitor();
        pair.bind(AT).unwrap();
        let count = 2 + world.dice.below(2);
        let mut others: Vec<_> = (0..count)
            .map(|_| Some(world.socket(Pair).connect(AT).unwrap()))
            .collect();
        let mut left = count;
        while left > 0 {
            for _ in 0..80 {
                world.nudge();
                assert!(pair.stats().peers <= 1);
            }
            world.pass(Duration::from_secs(5));
            assert_eq!(pair.stats().peers, 1);
            pair.try_send(tagged(0, left as u32)).unwrap();
            world.settle();
            let took: Vec<_> = (0..count)
                .filter(|at| {
                    let other = others[*at].as_ref();
                    other.is_some_and(|other| other.try_recv().is_ok())
                })
                .collect();
            assert_eq!(took.len(), 1, "one of them, and one only");
            let gone = others[took[0]].take();
            drop(gone);
            left -= 1;
            world.settle();
        }
        let refused = std::iter::from_fn(|| monitor.try_recv().ok())
            .filter(|event| matches!(event.kind, EventKind::PeerRefused { .. }))
            .count();
        assert!(refused > 0);
    });
}
