//! Rounds of things done at once, each made from its seed: what they share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::{Duration, Instant};

#[allow(
    clippy::duplicate_mod,
    reason = "one of the tests that use this has it already"
)]
#[path = "../guard/mod.rs"]
mod guard;

pub(crate) use guard::SOON;

const ROUNDS: u64 = 1000;

/// No round takes this long: it waits for what must arrive no longer than `SOON`, and then tells what
/// did not.
const STUCK: Duration = Duration::from_secs(3 * SOON.as_secs());

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len() as u64) as usize]
    }
}

/// Runs a round for each seed, or only for that of `SINEW_SEED`; a round that ends leaves nothing.
pub(crate) fn run(round: impl Fn(u64)) {
    let seeds: Vec<u64> = match std::env::var("SINEW_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..ROUNDS).collect(),
    };
    // Whatever is made once for a process is made before anything is counted.
    round(u64::MAX);
    let watchdog = Watchdog::start();
    let before = (descriptors(), threads());
    for seed in seeds {
        watchdog.seed.store(seed, Ordering::SeqCst);
        let _telling = Telling(seed);
        round(seed);
        // A context is gone with everything it had when its last handle is.
        settle(before);
        watchdog.done.send(()).unwrap();
    }
}

/// Says which round it was that panicked.
struct Telling(u64);

impl Drop for Telling {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

/// Ends the process when a round is stuck: its threads cannot be.
struct Watchdog {
    seed: Arc<AtomicU64>,
    done: mpsc::Sender<()>,
}

impl Watchdog {
    fn start() -> Watchdog {
        let seed = Arc::new(AtomicU64::new(0));
        let (done, rounds) = mpsc::channel();
        let current = Arc::clone(&seed);
        thread::spawn(move || loop {
            match rounds.recv_timeout(STUCK) {
                Ok(()) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let seed = current.load(Ordering::SeqCst);
                    eprintln!("round hangs; the seed is {seed}");
                    std::process::abort();
                }
            }
        });
        Watchdog { seed, done }
    }
}

/// Everything is gone; only the system may take a moment to forget a thread that was joined.
fn settle(before: (usize, usize)) {
    let deadline = Instant::now() + SOON;
    loop {
        let after = (descriptors(), threads());
        if after == before {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "descriptors and threads: {before:?} before, {after:?} after"
        );
        thread::yield_now();
    }
}

fn count(directory: &str) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

fn descriptors() -> usize {
    count("/proc/self/fd")
}

fn threads() -> usize {
    count("/proc/self/task")
}
