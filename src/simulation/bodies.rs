//! Messages of all shapes, whose bodies are copied, shared or read in place: whole, unchanged and once,
//! wherever their connection is cut.

use std::time::Duration;

use super::dice::Dice;
use super::orders;
use super::reconnects::PUSH_HELLO;
use super::world::World;
use crate::transport::pretended::Connection;
use crate::{Message, Pull, Push, Socket};

const AT: &str = "tcp://10.0.0.1:5000";

/// Around what a frame's length, a message's own room, a read and a write have for bounds.
const SIZES: [usize; 10] = [0, 1, 60, 70, 255, 256, 4096, 4097, 9000, 70_000];

/// How large the frames of a message are, and its content, which follow from its number.
fn shape(number: u32) -> (Vec<usize>, u8) {
    let mut dice = Dice::new(u64::from(number));
    let count = [1, 1, 1, 2, 5][dice.below(5)];
    let bodies = (0..count).map(|_| SIZES[dice.below(SIZES.len())]);
    let sizes = std::iter::once(4).chain(bodies).collect();
    (sizes, dice.next() as u8)
}

fn frames(number: u32) -> Vec<Vec<u8>> {
    let (sizes, first) = shape(number);
    let body = |size: &usize| (0..*size).map(|at| first.wrapping_add(at as u8)).collect();
    let mut frames: Vec<Vec<u8>> = sizes.iter().map(body).collect();
    frames[0] = number.to_be_bytes().to_vec();
    frames
}

/// What a message is on the wire (RFC 23: a length of one byte, or of eight).
fn encoded(number: u32) -> u64 {
    let frame = |size: usize| size + if size > 255 { 9 } else { 2 };
    let (sizes, _) = shape(number);
    sizes.into_iter().map(frame).sum::<usize>() as u64
}

/// How many messages from `first` on are whole within the first `bytes` of a connection.
fn whole(first: u32, bytes: u64) -> u32 {
    let mut left = bytes.saturating_sub(PUSH_HELLO);
    let fits = |number: &u32| match left.checked_sub(encoded(*number)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    (first..).take_while(fits).count() as u32
}

/// What is received, and how many were taken whole by a system of the sender's.
fn model(history: &[std::sync::Arc<Connection>]) -> (Vec<u32>, u32) {
    let (mut came, mut taken) = (Vec::new(), 0);
    for connection in history {
        let count = whole(taken, connection.carried(0));
        came.extend(taken..taken + count);
        taken += whole(taken, connection.written(0));
    }
    (came, taken)
}

fn receive(pull: &Socket<Pull>, received: &mut Vec<u32>) -> bool {
    let Ok(message) = pull.try_recv() else {
        return false;
    };
    let number = u32::from_be_bytes(message[0].try_into().unwrap());
    assert!(message == Message::from(frames(number)), "{number}");
    received.push(number);
    true
}

fn some_time(world: &mut World) {
    let nudges = world.dice.below(4);
    world.nudges(nudges);
}

#[test]
fn messages_of_all_shapes_come_whole_and_once_over_connections_that_are_cut() {
    orders(80, |world| {
        let capacity = [500, 20_000, 200_000][world.dice.below(3)];
        world.network.set_capacity(capacity);
        let pull = world.socket(Pull).recv_hwm(1 + world.dice.below(10));
        let pull = pull.bind(AT).unwrap();
        let push = world.socket(Push).send_hwm(1 + world.dice.below(10));
        let push = push.connect(AT).unwrap();
        let (mut sent, mut received) = (0, Vec::new());
        for _ in 0..120 {
            match world.dice.below(8) {
                0..=2 => sent += u32::from(push.try_send(frames(sent)).is_ok()),
                3 => _ = receive(&pull, &mut received),
                4 if world.dice.once_in(8) => world.cut_one(),
                5 => world.carry_much(),
                _ => some_time(world),
            }
        }
        for _ in 0..400 {
            if model(&world.network.history()).1 == sent {
                break;
            }
            world.pass(Duration::from_millis(300));
            while receive(&pull, &mut received) {}
        }
        loop {
            world.settle();
            let before = received.len();
            while receive(&pull, &mut received) {}
            if received.len() == before {
                break;
            }
        }
        let (came, taken) = model(&world.network.history());
        assert_eq!(taken, sent);
        received.sort_unstable();
        assert_eq!(received, came);
    });
}

#[test]
fn batches_of_calls_move_the_same_messages_as_single_ones() {
    orders(80, |world| {
        world.network.set_capacity(20_000);
        let pull = world.socket(Pull).recv_hwm(1 + world.dice.below(30));
        let pull = pull.bind(AT).unwrap();
        let push = world.socket(Push).send_hwm(1 + world.dice.below(30));
        let push = push.connect(AT).unwrap();
        let (mut sent, mut received) = (0u32, Vec::new());
        let mut batch = Vec::new();
        for _ in 0..150 {
            match world.dice.below(6) {
                0 => {
                    let count = 1 + world.dice.below(20) as u32;
                    let mut many: Vec<_> = (sent..sent + count).map(number).collect();
                    let before = many.len();
                    let accepted = match push.try_send_many(&mut many) {
                        Ok(accepted) => accepted,
                        Err(error) => error.sent(),
                    };
                    assert_eq!(
                        many.len() + accepted,
                        before,
                        "what was accepted is taken out"
                    );
                    sent += accepted as u32;
                }
                1 => sent += u32::from(push.try_send(number(sent)).is_ok()),
                2 => {
                    let most = 1 + world.dice.below(20);
                    let count = pull.try_recv_many(&mut batch, most).unwrap_or(0);
                    assert!(count <= most && count == batch.len());
                    received.append(&mut batch);
                }
                3 => received.extend(pull.try_recv()),
                _ => world.nudge(),
            }
        }
        loop {
            world.settle();
            let before = received.len();
            received.extend(std::iter::from_fn(|| pull.try_recv().ok()));
            if received.len() == before {
                break;
            }
        }
        let expected: Vec<_> = (0..sent).map(number).collect();
        assert!(received == expected, "{} of {sent}", received.len());
        assert_eq!(push.stats().sent, u64::from(sent));
        assert_eq!(pull.stats().received, u64::from(sent));
    });
}

fn number(number: u32) -> Message {
    Message::from(number.to_be_bytes())
}
