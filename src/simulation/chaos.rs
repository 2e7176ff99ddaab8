//! Sockets of all types, and everything that can be done with them, at any time: whatever happens, each
//! call does what it says or says why not, and in the end everything ends.

use std::time::Duration;

use super::orders;
use super::world::World;
use crate::{DynSocket, Message, SocketType};

const TYPES: [SocketType; 11] = [
    SocketType::Push,
    SocketType::Pull,
    SocketType::Pub,
    SocketType::Sub,
    SocketType::Req,
    SocketType::Rep,
    SocketType::Dealer,
    SocketType::Pair,
    SocketType::Router,
    SocketType::Xpub,
    SocketType::Xsub,
];

const ENDPOINTS: [&str; 5] = [
    "tcp://10.0.0.1:5000",
    "tcp://10.0.0.1:5001",
    "tcp://10.0.0.1:5002",
    "inproc://one",
    "inproc://two",
];

fn open(world: &mut World) -> DynSocket {
    let mark = |world: &mut World| [1, 2, 10, 1000][world.dice.below(4)];
    let kind = TYPES[world.dice.below(TYPES.len())];
    let linger = [Some(0), Some(10), Some(30_000)][world.dice.below(3)];
    let mut builder = world
        .socket(kind)
        .send_hwm(mark(world))
        .recv_hwm(mark(world))
        .linger(linger.map(Duration::from_millis))
        .relaxed(world.dice.once_in(3))
        .correlate(world.dice.once_in(3))
        .no_drop(world.dice.once_in(3))
        .immediate(world.dice.once_in(3));
    if world.dice.once_in(3) {
        builder = builder
            .heartbeat_interval(Duration::from_millis(50))
            .heartbeat_ttl(Duration::from_millis(500));
    }
    if world.dice.once_in(5) {
        builder = builder.max_connections(2).reconnect_attempts(3);
    }
    builder.open().unwrap()
}

fn message(world: &mut World) -> Message {
    let frames = 1 + world.dice.below(3);
    let frame = |world: &mut World| {
        let size = [0, 3, 100, 3000][world.dice.below(4)];
        vec![world.dice.next() as u8 % 3; size]
    };
    let frames: Vec<_> = (0..frames).map(|_| frame(world)).collect();
    Message::from(frames)
}

/// One call of a socket, whose outcome must be one of those that it may have.
fn call(world: &mut World, socket: &DynSocket) {
    let endpoint = ENDPOINTS[world.dice.below(ENDPOINTS.len())];
    let topic = [&b""[..], b"\x00", b"\x01\x01", b"\x02"][world.dice.below(4)];
    // What a socket may refuse is checked where its rules are; here nothing may break or hang.
    match world.dice.below(20) {
        0 => _ = socket.bind(endpoint),
        1 | 2 => _ = socket.connect(endpoint),
        3 if world.dice.once_in(4) => _ = socket.unbind(endpoint),
        4 if world.dice.once_in(4) => _ = socket.disconnect(endpoint),
        5 => _ = socket.subscribe(topic),
        6 => _ = socket.unsubscribe(topic),
        7..=12 => {
            let message = message(world);
            let before = message.clone();
            if let Err(error) = socket.try_send(message) {
                assert_eq!(
                    error.into_message(),
                    before,
                    "a message that is refused comes back"
                );
            }
        }
        13..=18 => _ = socket.try_recv(),
        _ => {
            let stats = socket.stats();
            assert!(stats.peers < 100);
        }
    }
}

#[test]
fn whatever_sockets_go_through_they_can_be_closed_to_the_end() {
    orders(200, |world| {
        let mut sockets: Vec<_> = (0..4).map(|_| open(world)).collect();
        for _ in 0..300 {
            let at = world.dice.below(sockets.len());
            match world.dice.below(40) {
                0 => sockets[at] = open(world),
                1 if world.dice.once_in(2) => world.cut_one(),
                2 if world.dice.once_in(4) => {
                    if let Some(connection) = world.connections().first() {
                        world.stall(connection);
                    }
                }
                3 => world.unstall(),
                4 => {
                    let time = world.dice.below(300) as u64;
                    world.wait(Duration::from_millis(time));
                }
                5..=20 => call(world, &sockets[at]),
                _ => world.nudge(),
            }
        }
        world.unstall();
        drop(sockets);
        // Linger, farewells, and those that a peer's silence keeps.
        world.pass(Duration::from_secs(100));
        assert_eq!(
            world.network.connections().len(),
            0,
            "connections that no socket has"
        );
    });
}
