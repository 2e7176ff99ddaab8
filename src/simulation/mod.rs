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
//! thread, nobody would end the wait.
//!
//! A test that fails says with which seed; `SINEW_SEED=n cargo test --lib simulation::...` runs that one
//! alone.

mod dice;
mod world;

mod endings;
mod fairness;
mod heartbeats;
mod reconnects;
mod room;

use crate::Message;
use world::World;

/// The seed that is tried, told should it fail.
struct Trial(u64);

impl Drop for Trial {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it again: SINEW_SEED={}", self.0);
        }
    }
}

/// Runs a test for so many seeds, or for the one of `SINEW_SEED`. When it is done, what it has left is
/// closed to the end.
fn orders(count: u64, test: impl Fn(&mut World)) {
    let only = std::env::var("SINEW_SEED").ok();
    let only = only.map(|text| text.parse::<u64>().expect("SINEW_SEED is a number"));
    let seeds = only.map_or(0..count, |seed| seed..seed + 1);
    for seed in seeds {
        let _trial = Trial(seed);
        let mut world = World::new(seed);
        test(&mut world);
        world.finish();
    }
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
