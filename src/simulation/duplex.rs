//! Sockets that send and receive over the same connections: neither way holds up the other, and each
//! keeps its order.

use std::time::Duration;

use super::{number, orders, tagged};
use crate::{Dealer, Pair};

const AT: &str = "tcp://10.0.0.1:5000";

#[test]
fn both_ways_of_a_pair_keep_their_order_and_fill_by_themselves() {
    orders(100, |world| {
        let mark = |world: &mut super::World| 1 + world.dice.below(8);
        let one = world
            .socket(Pair)
            .send_hwm(mark(world))
            .recv_hwm(mark(world));
        let one = one.bind(AT).unwrap();
        let two = world
            .socket(Pair)
            .send_hwm(mark(world))
            .recv_hwm(mark(world));
        let two = two.connect(AT).unwrap();
        let ends = [one, two];
        let (mut sent, mut received) = ([0; 2], [0; 2]);
        // One end may not receive at all for a while.
        let deaf = world.dice.below(3);
        for _ in 0..300 {
            let at = world.dice.below(2);
            match world.dice.below(4) {
                0 => sent[at] += u32::from(ends[at].try_send(tagged(at, sent[at])).is_ok()),
                1 if deaf != at => {
                    if let Ok(message) = ends[at].try_recv() {
                        assert_eq!(usize::from(message[0][0]), 1 - at);
                        assert_eq!(number(&message), received[at]);
                        received[at] += 1;
                    }
                }
                _ => world.nudge(),
            }
        }
        // What goes to the end that listens is not held up by the other way.
        for round in 0..2 {
            loop {
                world.settle();
                let before = received;
                for at in [0, 1] {
                    if round == 0 && deaf == at {
                        continue;
                    }
                    while let Ok(message) = ends[at].try_recv() {
                        assert_eq!(number(&message), received[at]);
                        received[at] += 1;
                    }
                }
                if received == before {
                    break;
                }
            }
            for at in [0, 1] {
                if round == 1 || deaf != at {
                    assert_eq!(received[at], sent[1 - at]);
                }
            }
        }
        for at in [0, 1] {
            let stats = ends[at].stats();
            assert_eq!(
                (stats.sent, stats.received),
                (u64::from(sent[at]), u64::from(received[at]))
            );
            assert_eq!((stats.dropped, stats.peers), (0, 1));
        }
    });
}

#[test]
fn dealers_that_lose_each_other_lose_nothing_else() {
    orders(100, |world| {
        let one = world.socket(Dealer).bind(AT).unwrap();
        let two = world.socket(Dealer).connect(AT).unwrap();
        let ends = [one, two];
        let (mut sent, mut received) = ([0; 2], [Vec::new(), Vec::new()]);
        for _ in 0..300 {
            let at = world.dice.below(2);
            match world.dice.below(5) {
                0 => sent[at] += u32::from(ends[at].try_send(tagged(at, sent[at])).is_ok()),
                1 => received[at].extend(ends[at].try_recv().iter().map(number)),
                2 if world.dice.once_in(30) => world.cut_one(),
                3 if world.dice.once_in(8) => world.wait(Duration::from_millis(100)),
                _ => world.nudge(),
            }
        }
        for _ in 0..3 {
            world.pass(Duration::from_secs(3));
            for at in [0, 1] {
                while let Ok(message) = ends[at].try_recv() {
                    received[at].push(number(&message));
                }
            }
        }
        for at in [0, 1] {
            let mut numbers = received[at].clone();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), received[at].len(), "nothing comes twice");
            let stats = ends[at].stats();
            assert_eq!(stats.received, numbers.len() as u64);
            assert_eq!(stats.sent, u64::from(sent[at]));
        }
        // All is quiet: the same again, without a loss.
        let before = [received[0].len(), received[1].len()];
        for at in [0, 1] {
            for _ in 0..10 {
                ends[at].try_send(tagged(at, sent[at])).unwrap();
                sent[at] += 1;
            }
        }
        world.settle();
        for at in [0, 1] {
            while let Ok(message) = ends[at].try_recv() {
                received[at].push(number(&message));
            }
            let last: Vec<_> = (sent[1 - at] - 10..sent[1 - at]).collect();
            assert_eq!(received[at][before[at]..], last);
        }
    });
}
