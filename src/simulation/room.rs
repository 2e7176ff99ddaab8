//! High-water marks: never more waits than they allow, and a sender that waits for room regains it.

use std::time::Duration;

use super::{number, orders, tagged};
use crate::{Message, Pull, Push};

const AT: &str = "tcp://10.0.0.1:5000";

const PUSH_HELLO: u64 = 64 + 28;
const FRAME: u64 = 7;

#[test]
fn a_queue_holds_no_more_than_its_mark_and_is_full_until_half_of_it_is_gone() {
    orders(120, |world| {
        let mark = 1 + world.dice.below(12) as u64;
        let bytes = world.dice.once_in(2);
        let pull = world
            .socket(Pull)
            .recv_hwm(1 + world.dice.below(8))
            .bind(AT);
        let pull = pull.unwrap();
        let push = match bytes {
            // In bytes: the mark's last message reaches it.
            true => world.socket(Push).send_hwm_bytes((mark * FRAME) as usize),
            false => world.socket(Push).send_hwm(mark as usize),
        };
        let push = push.connect(AT).unwrap();
        world.settle();
        let connection = world.only_connection();
        let (mut sent, mut received) = (0, 0);
        let mut was_full = false;
        for _ in 0..400 {
            match world.dice.below(4) {
                0 => {
                    let accepted = push.try_send(tagged(0, sent)).is_ok();
                    sent += u32::from(accepted);
                    let written = connection.written(0) - PUSH_HELLO;
                    let left = u64::from(sent) * FRAME - written;
                    // Of messages, one that is begun counts whole; of bytes, what is left of it, and
                    // one that found room for its first goes whole.
                    let (waiting, most) = match bytes {
                        true => (left, mark * FRAME),
                        false => (left.div_ceil(FRAME), mark),
                    };
                    let least = if bytes { FRAME - 1 } else { 0 };
                    assert!(waiting <= most + least, "{waiting} of {most}");
                    if !accepted {
                        was_full = true;
                        assert!(waiting > most / 2, "{waiting} of {most}: there is room");
                    }
                }
                1 => {
                    if let Ok(message) = pull.try_recv() {
                        assert_eq!(number(&message), received);
                        received += 1;
                    }
                }
                _ => world.nudge(),
            }
        }
        // When no side can make progress, everything has arrived.
        while received < sent {
            let before = received;
            world.settle();
            while let Ok(message) = pull.try_recv() {
                assert_eq!(number(&message), received);
                received += 1;
            }
            assert!(received > before, "{received} of {sent}, and nothing moves");
        }
        assert!(
            push.try_send(tagged(0, sent)).is_ok(),
            "full once: {was_full}"
        );
    });
}

#[test]
fn a_receiver_that_does_not_receive_fills_up_to_its_mark_and_no_further() {
    orders(80, |world| {
        let (recv, send) = (1 + world.dice.below(9), 1 + world.dice.below(9));
        let pull = world.socket(Pull).recv_hwm(recv).bind(AT).unwrap();
        let push = world.socket(Push).send_hwm(send).connect(AT).unwrap();
        let mut sent = 0;
        for _ in 0..200 {
            sent += u32::from(push.try_send(tagged(0, sent)).is_ok());
            world.nudges(3);
        }
        loop {
            world.settle();
            let more = push.try_send(tagged(0, sent)).is_ok();
            sent += u32::from(more);
            if !more {
                break;
            }
        }
        // Both queues, the network, and what one read had brought beyond the mark.
        let network = 2 * 400 / FRAME as usize + 2;
        let least = recv + send / 2 + 400 / FRAME as usize - 2;
        let most = recv + send + network;
        assert!(
            (least..=most).contains(&(sent as usize)),
            "{least} {sent} {most}"
        );
        for n in 0..sent {
            if let Ok(message) = pull.try_recv() {
                assert_eq!(number(&message), n);
                continue;
            }
            world.settle();
            assert_eq!(number(&pull.try_recv().expect("it comes")), n);
        }
        world.pass(Duration::from_secs(1));
        assert!(pull.try_recv().is_err());
    });
}

/// Bodies that are not copied into the queue, and connections that take a few bytes of them at a time.
#[test]
fn large_bodies_are_held_to_a_mark_in_bytes_and_come_whole_however_they_are_cut() {
    const BODY: usize = 4200;
    const FRAME: u64 = 9 + BODY as u64;
    let body = |n: u32| (n as usize..n as usize + BODY).map(|at| (at % 251) as u8);
    orders(60, |world| {
        let mark = 1 + world.dice.below(8) as u64;
        world.network.set_capacity(1 + world.dice.below(3 * BODY));
        let pull = world
            .socket(Pull)
            .recv_hwm(1 + world.dice.below(4))
            .bind(AT);
        let pull = pull.unwrap();
        let push = world
            .socket(Push)
            .send_hwm_bytes((mark * FRAME) as usize)
            .connect(AT)
            .unwrap();
        world.settle();
        let connection = world.only_connection();
        let (mut sent, mut received) = (0, 0);
        let receive = |received: &mut u32| {
            let Ok(message) = pull.try_recv() else {
                return false;
            };
            assert!(message[0].iter().copied().eq(body(*received)), "{received}");
            *received += 1;
            true
        };
        for _ in 0..200 {
            match world.dice.below(8) {
                0..=4 => {
                    let message = Message::from(body(sent).collect::<Vec<_>>());
                    sent += u32::from(push.try_send(message).is_ok());
                    let written = connection.written(0) - PUSH_HELLO;
                    let waiting = u64::from(sent) * FRAME - written;
                    // One that found room for its first byte goes whole.
                    assert!(waiting < (mark + 1) * FRAME, "{waiting} of {mark} frames");
                }
                5 => _ = receive(&mut received),
                6 => world.nudge(),
                _ => world.nudges(20),
            }
        }
        while received < sent {
            world.settle();
            assert!(
                receive(&mut received),
                "{received} of {sent}, and nothing moves"
            );
        }
    });
}
