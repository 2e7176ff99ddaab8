//! Two ends of a connection on a wire that cuts, stalls and loses, by a clock that is a number:
//! thousands of stories, each told by its seed.
//!
//! What must hold in each: messages arrive whole, in order and at most once; those that the kernel
//! had not taken to their last byte when the connection broke arrive over the next one; and an end
//! takes the other for dead only when it was silent for as long as was agreed.

mod end;
mod world;

use self::end::{Beat, Dice};
use self::world::World;

const CALM: Beat = Beat {
    interval: 50,
    timeout: 400,
    ttl: 6,
};

#[test]
fn whatever_happens_messages_arrive_whole_in_order_and_once() {
    for seed in 0..2000 {
        let mut dice = Dice(seed);
        // Byte by byte, in small pieces, or as a healthy network would.
        let grain = [1, 9, 300, 70_000][dice.below(4)];
        let mut world = World::new(grain > 300, CALM);
        for _ in 0..dice.below(400) {
            world.step(&mut dice, grain);
        }
        world.finish();
    }
}

/// The connection of a sender breaks after each of its bytes, when its peer has got all of them, all
/// but one, or half.
#[test]
fn a_connection_may_break_after_every_byte() {
    let mut cut = 0;
    loop {
        let mut ended = false;
        for share in 0..3 {
            let mut world = World::new(false, CALM);
            (0..8).for_each(|_| world.ends[0].send());
            let mut left = cut;
            while left > 0 {
                let before = world.wires[0].len();
                world.ends[0].write(left, &mut world.wires[0]);
                let wrote = world.wires[0].len() - before;
                left -= wrote;
                let waits = world.wires[0].len();
                // Until the last byte, what is written arrives: or there would be no READY.
                let arrives = match (left, share) {
                    (1.., _) | (0, 0) => waits,
                    (0, 1) => waits - 1,
                    _ => waits / 2,
                };
                world.deliver(0, arrives, usize::MAX);
                world.finish_one_way(1);
                if wrote == 0 && world.ends[0].flight.is_empty() && world.ends[0].outbox.is_empty()
                {
                    ended = world.ends[0].established && !world.ends[0].connection.has_output();
                    break;
                }
            }
            world.cut();
            world.finish();
        }
        if ended {
            break;
        }
        cut += 1;
    }
    assert!(cut > 500, "only {cut} bytes");
}

/// An end whose peer falls silent gives up after an interval and a timeout, or when the time to live
/// that the peer announced is over; one whose peer answers never does.
#[test]
fn silence_is_noticed_in_time_and_nothing_else_is() {
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let interval = 10 + dice.below(100) as u64;
        let timeout = 20 + dice.below(200) as u64;
        let ttl = dice.below(4) as u16;
        let beat = Beat {
            interval,
            timeout,
            ttl,
        };
        let mut world = World::new(false, beat);
        world.finish();
        // The time to live is the peer's promise to be heard: keep it, as an interval below it does.
        let lively = ttl == 0 || interval + 10 < u64::from(ttl) * 100;
        let until = world.now + 2000;
        while world.now < until {
            world.pass_time(1 + dice.below(5) as u64);
            world.finish();
            let met = world.ends.iter().all(|end| end.established);
            assert!(met || !lively, "given up although it answered");
        }
        if lively {
            let pings = 2000 / (interval + 5);
            assert!(world
                .ends
                .iter()
                .all(|end| end.said >= pings.saturating_sub(1)));
        }

        let silent_since = world.now;
        // A connection that is just up counts from the next tick.
        let mut limit = interval + timeout + 2;
        if ttl > 0 {
            // A check that heard something is the last but one.
            limit = limit.min(u64::from(ttl) * 200 + 1);
        }
        world.wires = [Vec::new(), Vec::new()];
        while world.ends.iter().all(|end| end.established) {
            world.pass_time(1);
            assert!(world.now - silent_since <= limit, "not noticed");
        }
    }
}
