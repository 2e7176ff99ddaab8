//! Connections that are cut, at every byte and at every time: nothing is received twice, and what is
//! lost is what the sender's system had taken whole and not delivered.

use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use super::{each, number, orders, tagged};
use crate::transport::pretended::Connection;
use crate::{EventKind, Pull, Push, Socket};

const AT: &str = "tcp://10.0.0.1:5000";

/// What a PUSH says before its first message: greeting and READY.
pub(super) const PUSH_HELLO: u64 = 64 + 28;

/// A message of [`tagged`] on the wire.
const FRAME: u64 = 7;

/// Messages whose last byte is among the first `bytes` of a connection.
pub(super) fn whole(bytes: u64) -> u32 {
    (bytes.saturating_sub(PUSH_HELLO) / FRAME) as u32
}

/// What the connections of one PUSH that connects have carried, by their bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// Messages that its system has taken whole.
    pub(super) taken: u32,
    /// Those of them that came to the other side's.
    pub(super) came: Vec<u32>,
}

impl Carried {
    /// `by`: the side that sends. What a connection's system has not taken whole goes over the next.
    pub(super) fn of(connections: &[Arc<Connection>], by: usize) -> Carried {
        let mut carried = Carried::default();
        for connection in connections {
            let came = whole(connection.carried(by));
            carried.came.extend(carried.taken..carried.taken + came);
            carried.taken += whole(connection.written(by));
        }
        carried
    }

    /// Messages that went down with a system that had taken them.
    pub(super) fn lost(&self) -> u64 {
        u64::from(self.taken) - self.came.len() as u64
    }
}

pub(super) fn receive_all(pull: &Socket<Pull>, received: &mut Vec<u32>) {
    while let Ok(message) = pull.try_recv() {
        received.push(number(&message));
    }
}

#[test]
fn a_push_says_what_this_model_takes_it_to_say() {
    each(0..1, |world| {
        let _pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).connect(AT).unwrap();
        world.settle();
        let connection = world.only_connection();
        assert_eq!(connection.written(0), PUSH_HELLO);
        push.try_send(tagged(0, 0)).unwrap();
        assert_eq!(connection.written(0), PUSH_HELLO + FRAME);
        assert_eq!(
            (whole(PUSH_HELLO + FRAME - 1), whole(PUSH_HELLO + FRAME)),
            (0, 1)
        );
    });
}

/// A connection is cut when the caller's system has taken so many bytes of its, and so many of those
/// have come; or of the called side's bytes.
fn cut_at(world: &mut World, side: usize, taken: u64, came: u64) {
    const MESSAGES: u32 = 6;
    let pull = world.socket(Pull).bind(AT).unwrap();
    let push = world.socket(Push).connect(AT).unwrap();
    for n in 0..MESSAGES / 2 {
        push.try_send(tagged(0, n)).unwrap();
    }
    world.turns();
    let first = world.only_connection();
    first.allow(side, taken);
    world.network.answer(&first);
    for step in 0..20 {
        world.turns();
        let left = came.saturating_sub(first.carried(side));
        first.carry(side, left.min(usize::MAX as u64) as usize);
        first.carry(1 - side, usize::MAX);
        if step == 10 {
            for n in MESSAGES / 2..MESSAGES {
                push.try_send(tagged(0, n)).unwrap();
            }
        }
    }
    let mut received = Vec::new();
    if world.dice.once_in(2) {
        receive_all(&pull, &mut received);
    }
    first.cut();
    let before = Carried::of(&[first], 0);
    world.pass(Duration::from_secs(1));
    receive_all(&pull, &mut received);
    received.sort_unstable();
    let mut expected = before.came;
    expected.extend(before.taken..MESSAGES);
    assert_eq!(received, expected, "{side} {taken} {came}");
    assert_eq!(push.stats().sent, u64::from(MESSAGES));
    assert_eq!(push.stats().peers, 1);
}

#[test]
fn a_connection_that_is_cut_at_any_byte_loses_only_what_was_taken_whole() {
    each(0..PUSH_HELLO + 7 * FRAME, |world| {
        let taken = world.seed;
        let came = match world.dice.below(3) {
            0 => taken,
            _ => world.dice.below(taken as usize + 1) as u64,
        };
        cut_at(world, 0, taken, came);
    });
}

#[test]
fn a_connection_that_is_cut_at_any_byte_of_the_answer_loses_only_what_was_taken_whole() {
    each(0..PUSH_HELLO, |world| {
        let taken = world.seed;
        let came = match world.dice.below(3) {
            0 => taken,
            _ => world.dice.below(taken as usize + 1) as u64,
        };
        cut_at(world, 1, taken, came);
    });
}

/// Sends and receives while connections are cut; how many messages were sent, and the numbers of those that
/// were received.
fn under_cuts(world: &mut World, push: &Socket<Push>, pull: &Socket<Pull>) -> (u32, Vec<u32>) {
    let (mut received, mut sent) = (Vec::new(), 0);
    for _ in 0..300 {
        match world.dice.below(12) {
            0..=2 => sent += u32::from(push.try_send(tagged(0, sent)).is_ok()),
            3 => {
                if let Ok(message) = pull.try_recv() {
                    received.push(number(&message));
                }
            }
            4 if world.dice.once_in(8) => {
                for connection in world.connections() {
                    connection.cut();
                }
            }
            5 => {
                let time = world.dice.below(100);
                world.wait(Duration::from_millis(time as u64));
            }
            _ => world.nudge(),
        }
    }
    (sent, received)
}

#[test]
fn however_often_connections_are_cut_nothing_comes_twice_and_no_more_is_lost() {
    orders(150, |world| {
        let pull = world.socket(Pull).bind(AT).unwrap();
        let push = world.socket(Push).send_hwm(1 + world.dice.below(20));
        let push = push.connect(AT).unwrap();
        let (sent, mut received) = under_cuts(world, &push, &pull);
        world.pass(Duration::from_secs(5));
        receive_all(&pull, &mut received);
        world.pass(Duration::from_secs(5));
        receive_all(&pull, &mut received);
        let carried = Carried::of(&world.network.history(), 0);
        assert_eq!(carried.taken, sent, "everything was written in the end");
        received.sort_unstable();
        assert_eq!(received, carried.came);
    });
}

#[test]
fn an_accepted_peer_takes_with_it_what_was_queued_for_it_and_that_is_counted() {
    orders(150, |world| {
        let push = world.socket(Push).send_hwm(1 + world.dice.below(20));
        let push = push.bind(AT).unwrap();
        let pull = world.socket(Pull).connect(AT).unwrap();
        let (sent, mut received) = under_cuts(world, &push, &pull);
        for _ in 0..3 {
            world.pass(Duration::from_secs(5));
            receive_all(&pull, &mut received);
        }
        let carried = Carried::of(&world.network.history(), 1);
        let came = carried.came.len() as u64;
        let stats = push.stats();
        assert_eq!(stats.sent, u64::from(sent));
        assert_eq!(stats.dropped, u64::from(sent - carried.taken));
        assert_eq!(received.len() as u64, came);
        assert_eq!(pull.stats().received, came);
        let in_order = |pair: &[u32]| pair[0] < pair[1];
        received.sort_unstable();
        assert!(received.windows(2).all(in_order), "nothing comes twice");
    });
}

#[test]
fn the_pauses_between_tries_double_and_are_kept() {
    orders(50, |world| {
        let push = world.socket(Push).open().unwrap();
        let monitor = push.monitor();
        push.connect(AT).unwrap();
        let (mut tried, mut due) = (0u32, Duration::ZERO);
        world.pass_until(Duration::from_secs(60), |world| {
            while let Ok(event) = monitor.try_recv() {
                if let EventKind::ConnectRetried { after } = event.kind {
                    assert_eq!(world.time(), due, "try {tried}");
                    let least = Duration::from_millis((100 << tried.min(10)).min(2000));
                    assert!(
                        after >= least && after <= least * 3 / 2,
                        "{tried}: {after:?}"
                    );
                    due = world.time() + after;
                    tried += 1;
                }
            }
            false
        });
        assert!(tried > 20, "{tried}");
        let _pull = world.socket(Pull).bind(AT).unwrap();
        world.pass(Duration::from_secs(3));
        assert_eq!(push.stats().peers, 1);
    });
}
