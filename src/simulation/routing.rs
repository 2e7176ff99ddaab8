//! ROUTER and SERVER: what is said to a peer by its id or number gets there, and to no other.

use std::time::Duration;

use super::world::World;
use super::{number, orders, tagged};
use crate::{Client, Dealer, DynSocket, Message, Router, Server};

const AT: &str = "tcp://10.0.0.1:5000";

#[test]
fn every_answer_of_a_router_goes_to_the_peer_that_asked() {
    orders(100, |world| {
        let router = world.socket(Router).bind(AT).unwrap().into_dynamic();
        let count = 1 + world.dice.below(4);
        let dealers: Vec<_> = (0..count)
            .map(|name| {
                // Some have an id of their own, which they keep.
                let id = if name % 2 == 0 {
                    vec![b'a' + name as u8]
                } else {
                    Vec::new()
                };
                let dealer = world.socket(Dealer).routing_id(id);
                dealer.connect(AT).unwrap().into_dynamic()
            })
            .collect();
        ask_and_answer(world, &router, &dealers, |message, asker| {
            assert_eq!(message.len(), 2);
            if asker % 2 == 0 {
                assert_eq!(&message[0], &[b'a' + asker as u8][..]);
            }
        });
    });
}

#[test]
fn every_answer_of_a_server_goes_to_the_client_that_asked() {
    orders(100, |world| {
        let server = world.socket(Server).bind(AT).unwrap().into_dynamic();
        let count = 1 + world.dice.below(4);
        let clients: Vec<_> = (0..count)
            .map(|_| world.socket(Client).connect(AT).unwrap().into_dynamic())
            .collect();
        ask_and_answer(world, &server, &clients, |message, _| {
            assert!(message.len() == 1 && message.routing_id() != Some(0));
            assert!(message.routing_id().is_some());
        });
    });
}

/// Has all ask at random, and the one answer in any order, over connections that are cut or are not.
fn ask_and_answer(
    world: &mut World,
    answers: &DynSocket,
    asks: &[DynSocket],
    check: impl Fn(&Message, usize),
) {
    let count = asks.len();
    let cuts = world.dice.once_in(2);
    let mut sent = vec![0; count];
    let mut answered = vec![Vec::new(); count];
    let mut held: Vec<Message> = Vec::new();
    for _ in 0..300 {
        let at = world.dice.below(count);
        match world.dice.below(6) {
            0 => sent[at] += u32::from(asks[at].try_send(tagged(at, sent[at])).is_ok()),
            1 => held.extend(answers.try_recv()),
            // In any order.
            2 if !held.is_empty() => {
                let message = held.swap_remove(world.dice.below(held.len()));
                let last = message.len() - 1;
                let asker = usize::from(message[last][0]);
                check(&message, asker);
                // To one that is gone it is dropped, or comes back.
                let _ = answers.try_send(message);
            }
            3 => {
                if let Ok(answer) = asks[at].try_recv() {
                    assert_eq!(usize::from(answer[0][0]), at, "another's answer");
                    answered[at].push(number(&answer));
                }
            }
            _ => world.nudge(),
        }
        if cuts && world.dice.once_in(60) {
            world.cut_one();
            world.wait(Duration::from_millis(50));
        }
    }
    for _ in 0..3 {
        world.pass(Duration::from_secs(3));
        held.extend(std::iter::from_fn(|| answers.try_recv().ok()));
        for message in held.drain(..) {
            let _ = answers.try_send(message);
        }
    }
    world.settle();
    for (at, asking) in asks.iter().enumerate() {
        while let Ok(answer) = asking.try_recv() {
            assert_eq!(usize::from(answer[0][0]), at, "another's answer");
            answered[at].push(number(&answer));
        }
        answered[at].sort_unstable();
        let once: Vec<_> = (0..sent[at]).collect();
        if cuts {
            answered[at]
                .iter()
                .for_each(|it| assert!(once.contains(it)));
            assert!(answered[at].windows(2).all(|pair| pair[0] < pair[1]));
        } else {
            assert_eq!(answered[at], once);
        }
    }
}
