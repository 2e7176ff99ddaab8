//! Sockets of one context, with no network between them.

use super::reconnects::receive_all;
use super::{number, orders, tagged};
use crate::{Pull, Push};

const AT: &str = "inproc://here";

#[test]
fn messages_wait_for_a_name_and_come_in_their_order() {
    orders(300, |world| {
        let pull = world.socket(Pull).recv_hwm(1 + world.dice.below(9));
        let pull = pull.open().unwrap();
        let push = world.socket(Push).send_hwm(1 + world.dice.below(9));
        let push = push.open().unwrap();
        let (mut sent, mut received) = (0, Vec::new());
        let (mut bound, mut connected) = (false, false);
        for _ in 0..200 {
            match world.dice.below(5) {
                0 if !bound && world.dice.once_in(5) => {
                    pull.bind(AT).unwrap();
                    bound = true;
                }
                1 if !connected && world.dice.once_in(5) => {
                    push.connect(AT).unwrap();
                    connected = true;
                }
                0..=2 => sent += u32::from(push.try_send(tagged(0, sent)).is_ok()),
                _ => received.extend(pull.try_recv().iter().map(number)),
            }
        }
        if !bound {
            pull.bind(AT).unwrap();
        }
        receive_all(&pull, &mut received);
        assert_eq!(received, (0..sent).collect::<Vec<_>>());
        assert_eq!(push.stats().sent, u64::from(sent));
        assert_eq!(pull.stats().received, u64::from(sent));
        assert_eq!(push.stats().dropped, 0);
    });
}

#[test]
fn both_marks_together_are_what_waits_and_half_of_it_is_gone_before_there_is_room() {
    orders(200, |world| {
        let (send, recv) = (1 + world.dice.below(20), 1 + world.dice.below(20));
        let push = world.socket(Push).send_hwm(send).connect(AT).unwrap();
        let mut sent = 0;
        let mut fill = |most: usize| {
            while push.try_send(tagged(0, sent)).is_ok() {
                sent += 1;
            }
            assert_eq!(sent as usize, most);
        };
        fill(send);
        let pull = world.socket(Pull).recv_hwm(recv).bind(AT).unwrap();
        fill(send + recv);
        let mut received = 0;
        while received < send + recv {
            assert_eq!(number(&pull.try_recv().unwrap()) as usize, received);
            received += 1;
            if push.try_send(tagged(0, u32::MAX)).is_ok() {
                break;
            }
        }
        // A batch that was taken for the next receives counts as waiting until it is used up.
        assert!(send + recv - received <= (send + recv) / 2, "{received}");
    });
}

#[test]
fn what_a_binder_has_not_taken_is_for_the_next_one() {
    orders(300, |world| {
        let push = world.socket(Push).connect(AT).unwrap();
        let (mut sent, mut received) = (0, Vec::new());
        for _ in 0..1 + world.dice.below(4) {
            let pull = world.socket(Pull).bind(AT).unwrap();
            for _ in 0..world.dice.below(40) {
                if world.dice.once_in(3) {
                    received.extend(pull.try_recv().iter().map(number));
                } else {
                    push.try_send(tagged(0, sent)).unwrap();
                    sent += 1;
                }
            }
        }
        let last = world.socket(Pull).bind(AT).unwrap();
        let before = received.len();
        receive_all(&last, &mut received);
        assert!(
            received.windows(2).all(|pair| pair[0] < pair[1]),
            "in order, and once"
        );
        let rest = &received[before..];
        let expected = sent - rest.len() as u32..sent;
        assert_eq!(
            rest,
            expected.collect::<Vec<_>>(),
            "the last one gets all that is left"
        );
        let stats = push.stats();
        assert_eq!((stats.sent, stats.dropped), (u64::from(sent), 0));
    });
}
