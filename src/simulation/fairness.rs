//! Whose turn it is: among peers that have something, or have room, each is served once before any is
//! served twice.

use std::collections::VecDeque;

use super::world::World;
use super::{number, orders, tagged};
use crate::{Dealer, Pull, Push, Rep, Socket};

const AT: &str = "tcp://10.0.0.1:5000";

#[test]
fn what_one_sends_another_receives_in_its_order() {
    orders(100, |world| {
        let pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).connect(AT).unwrap();
        let (mut sent, mut received) = (0u32, 0u32);
        let mut receive = |message: crate::Message| {
            assert_eq!(number(&message), received);
            received += 1;
        };
        for _ in 0..150 {
            match world.dice.below(4) {
                0 => sent += u32::from(push.try_send(tagged(0, sent)).is_ok()),
                1 => _ = pull.try_recv().map(&mut receive),
                _ => world.nudge(),
            }
        }
        world.settle();
        while let Ok(message) = pull.try_recv() {
            receive(message);
        }
        assert_eq!(received, sent);
        assert_eq!(push.stats().sent, u64::from(sent));
        assert_eq!(pull.stats().received, u64::from(sent));
    });
}

/// Receives from peers of which each has a number of messages waiting, and sees that they take turns.
fn expect_turns(pull: &Socket<Pull>, mut waiting: Vec<VecDeque<u32>>) {
    // How often each was served while it had something.
    let mut served = vec![0usize; waiting.len()];
    while waiting.iter().any(|queue| !queue.is_empty()) {
        let message = pull.try_recv().expect("it has arrived");
        let from = usize::from(message[0][0]);
        assert_eq!(waiting[from].pop_front(), Some(number(&message)));
        served[from] += 1;
        for (other, queue) in waiting.iter().enumerate() {
            let behind = served[other] + 1 < served[from];
            assert!(queue.is_empty() || !behind, "{other} waits for {from}");
        }
    }
    assert!(pull.try_recv().is_err());
}

#[test]
fn each_peer_that_has_something_is_heard_once_before_any_is_heard_twice() {
    orders(100, |world| {
        let pull = world.socket(Pull).bind(AT).unwrap();
        let count = 2 + world.dice.below(4);
        let peers: Vec<_> = (0..count)
            .map(|_| world.socket(Push).connect(AT).unwrap())
            .collect();
        world.nudges(30);
        for round in 0..2 {
            let mut waiting = vec![VecDeque::new(); count];
            for n in 0..world.dice.below(60) as u32 {
                let from = world.dice.below(count);
                let n = round * 1000 + n;
                peers[from].try_send(tagged(from, n)).unwrap();
                waiting[from].push_back(n);
                if world.dice.once_in(3) {
                    world.nudge();
                }
            }
            world.settle();
            expect_turns(&pull, waiting);
        }
    });
}

/// Sends a number of messages to peers that all have room, and gives what each received.
fn deal(world: &mut World, push: &Socket<Push>, pulls: &[Socket<Pull>], count: u32) -> Vec<u32> {
    let mut dealt = vec![u32::MAX; count as usize];
    for n in 0..count {
        push.try_send(tagged(0, n)).unwrap();
        if world.dice.once_in(3) {
            world.nudge();
        }
    }
    world.settle();
    for (to, pull) in pulls.iter().enumerate() {
        let mut last = None;
        while let Ok(message) = pull.try_recv() {
            let n = number(&message);
            assert!(last < Some(n), "in order");
            last = Some(n);
            dealt[n as usize] = to as u32;
        }
    }
    dealt
}

#[test]
fn peers_with_room_get_one_message_each_before_any_gets_its_second() {
    orders(100, |world| {
        let count = 1 + world.dice.below(5);
        let push = world.socket(Push).bind(AT).unwrap();
        let mut pulls = Vec::new();
        for _ in 0..count {
            pulls.push(world.socket(Pull).connect(AT).unwrap());
            let nudges = world.dice.below(20);
            world.nudges(nudges);
        }
        world.settle();
        assert_eq!(push.stats().peers, count);
        let messages = world.dice.below(80) as u32;
        let dealt = deal(world, &push, &pulls, messages);
        for (n, to) in dealt.iter().enumerate() {
            assert_eq!(*to, dealt[n % count], "message {n} of {dealt:?}");
        }
        let mut first = dealt[..count.min(dealt.len())].to_vec();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), count.min(dealt.len()), "{dealt:?}");
    });
}

#[test]
fn requests_of_a_dealer_are_dealt_in_turn_and_every_answer_comes_back_once() {
    orders(60, |world| {
        let count = 1 + world.dice.below(4);
        let dealer = world.socket(Dealer).bind(AT).unwrap();
        let reps: Vec<_> = (0..count)
            .map(|_| world.socket(Rep).connect(AT).unwrap())
            .collect();
        world.settle();
        let (mut sent, mut answered) = (0u32, Vec::new());
        let mut asked = vec![0u32; count];
        for step in 0..300 {
            match world.dice.below(6) {
                0 if step < 150 => {
                    let body = tagged(0, sent);
                    let body = body[0].to_vec();
                    dealer.try_send([Vec::new(), body]).unwrap();
                    sent += 1;
                }
                1 => {
                    let at = world.dice.below(count);
                    if let Ok(request) = reps[at].try_recv() {
                        asked[at] += 1;
                        reps[at].try_send(request).unwrap();
                    }
                }
                2 => {
                    if let Ok(reply) = dealer.try_recv() {
                        assert!(reply.len() == 2 && reply[0].is_empty());
                        answered.push(u32::from_be_bytes(reply[1][1..].try_into().unwrap()));
                    }
                }
                _ => world.nudge(),
            }
        }
        for _ in 0..sent {
            world.settle();
            for (rep, asked) in reps.iter().zip(&mut asked) {
                while let Ok(request) = rep.try_recv() {
                    *asked += 1;
                    rep.try_send(request).unwrap();
                }
            }
        }
        world.settle();
        while let Ok(reply) = dealer.try_recv() {
            answered.push(u32::from_be_bytes(reply[1][1..].try_into().unwrap()));
        }
        answered.sort_unstable();
        assert_eq!(answered, (0..sent).collect::<Vec<_>>());
        asked.sort_unstable();
        assert!(asked[count - 1] - asked[0] <= 1, "{asked:?}");
    });
}
