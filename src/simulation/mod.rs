//! Whole sockets on a pretended network and a pretended clock, in every order of events that a seed
//! can choose.
//!
//! What runs is the library: sockets, drivers, reactors, listeners and connects. Only what the system
//! does is pretended: the clock (`clock::pretended`), the network (`transport::pretended`), random
//! numbers (`drive::random::pretended`), and when the reactor's thread runs (`reactor::stepped`). One
//! thread does everything, so that a seed is an order of events: which bytes have come, when a
//! reactor looks, when a call is made and what time it is meanwhile.
//!
//! A test is a function of a [`World`](world::World), run by [`orders`] for many seeds. Between its calls on
//! sockets it lets things happen ([`World::nudge`](world::World::nudge)), and compares what it sees with a model that
//! is simple enough to be seen to be right. Calls that would wait are not for here: with one
//! thread, nothing would end the wait.
//!
//! A test that fails says with which seed; `SINEW_SEED=n cargo test --lib simulation::...` runs that one
//! alone, and `SINEW_ORDERS=20` tries twenty times as many.

mod dice;
mod world;

mod admission;
mod bodies;
mod chaos;
mod duplex;
mod endings;
mod fairness;
mod groups;
mod heartbeats;
mod inproc;
mod pub_sub;
mod reconnects;
mod req_rep;
mod room;
mod routing;

use std::ops::Range;

use self::world::World;
use crate::{Message, Pull, Push};

/// The seed that is tried, told should it fail.
struct Trial(u64);

impl Drop for Trial {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it again: SINEW_SEED={}", self.0);
        }
    }
}

/// Runs a test for a number of seeds, or for the one that the environment names. When it is done, what it has
/// left is closed to the end.
fn orders(count: u64, test: impl Fn(&mut World)) {
    let more = number_in("SINEW_ORDERS").unwrap_or(1);
    each(0..count * more, test);
}

/// The same for a test whose subject is the seed: each is tried, and no other.
fn each(seeds: Range<u64>, test: impl Fn(&mut World)) {
    let seeds = number_in("SINEW_SEED").map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let _trial = Trial(seed);
        let mut world = World::new(seed);
        test(&mut world);
        world.finish();
    }
}

fn number_in(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// A message that says which sender's it is, and which of its messages.
fn tagged(sender: usize, number: u32) -> Message {
    let mut bytes = vec![sender as u8];
    bytes.extend(number.to_be_bytes());
    Message::from(bytes)
}

/// Which of its sender's messages a message is.
fn number(message: &Message) -> u32 {
    u32::from_be_bytes(message[0][1..].try_into().expect("five bytes"))
}

#[test]
fn a_seed_is_an_order_of_events() {
    fn trace(seed: u64) -> Vec<u64> {
        let mut world = World::new(seed);
        let at = "tcp://10.0.0.1:5000";
        let pull = world.socket(Pull).bind(at).unwrap();
        let push = world.socket(Push).connect(at).unwrap();
        let mut trace = Vec::new();
        for n in 0..400 {
            let sent = push.try_send(tagged(0, n)).is_ok();
            world.nudge();
            let received = pull.try_recv().is_ok();
            trace.push(u64::from(sent) * 2 + u64::from(received));
            trace.push(world.time().as_nanos() as u64);
            for connection in world.connections() {
                trace.extend([0, 1].map(|side| connection.written(side)));
                trace.extend([0, 1].map(|side| connection.carried(side)));
                if world.dice.once_in(100) {
                    connection.cut();
                }
            }
        }
        drop((push, pull));
        world.finish();
        trace
    }
    for seed in 0..10 {
        assert_eq!(trace(seed), trace(seed), "{seed}");
        assert_ne!(trace(seed), trace(seed + 1), "{seed}");
    }
}
