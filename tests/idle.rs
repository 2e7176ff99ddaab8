//! A program that waits uses no CPU: nothing polls, ticks or spins while nothing happens.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::{Duration, Instant};

mod guard;

use guard::SOON;
use sinew::{Context, Pull, Push, RecvError, Socket};

/// For so long nothing happens, and so often it is looked whether nothing was done meanwhile: what a
/// stream set going comes to rest some time after it, later on a busy machine. What ticks never does.
const QUIET: Duration = Duration::from_millis(300);
const PERIODS: usize = 20;

/// A wake-up or two of the waiting thread itself, one of the reactor for a timer that was set before,
/// and what the test harness's own thread does. A tick, even of only 10 milliseconds, were 30.
const FEW_SWITCHES: u64 = 6;

/// What all threads of this process have used so far.
#[derive(Debug)]
struct Usage {
    /// User and system time, in the clock ticks of `/proc` (a hundredth of a second).
    ticks: u64,
    voluntary_switches: u64,
}

impl Usage {
    fn now() -> Usage {
        Usage {
            ticks: ticks(),
            voluntary_switches: switches(),
        }
    }

    fn is_rest(&self) -> bool {
        self.ticks <= 1 && self.voluntary_switches <= FEW_SWITCHES
    }
}

/// Fields 14 and 15 of `/proc/self/stat`; the second field, a name in brackets, may hold spaces.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields = fields.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}

fn switches() -> u64 {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let statuses =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
    statuses
        .filter_map(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}

/// What a wait for a message that does not come uses.
fn wait_for_nothing(pull: &Socket<Pull>) -> Usage {
    let (before, start) = (Usage::now(), Instant::now());
    assert_eq!(pull.recv_timeout(QUIET), Err(RecvError::TimedOut));
    let (after, took) = (Usage::now(), start.elapsed());
    assert!(took >= QUIET, "back after {took:?}");
    Usage {
        ticks: after.ticks - before.ticks,
        voluntary_switches: after.voluntary_switches - before.voluntary_switches,
    }
}

#[test]
fn an_idle_program_uses_no_cpu() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*", "inproc://idle"] {
        let ctx = Context::new();
        let pull = ctx
            .socket(Pull)
            .heartbeat_interval(None)
            .bind(endpoint)
            .unwrap();
        let address = pull.endpoint().unwrap().to_string();
        let push = ctx
            .socket(Push)
            .heartbeat_interval(None)
            .connect(&address)
            .unwrap();
        // A stream first: what it set going (batching, the caller's lease) must come to rest again.
        for n in 0..1_000u32 {
            push.send(n.to_string()).unwrap();
        }
        for n in 0..1_000u32 {
            assert_eq!(pull.recv_timeout(SOON).unwrap(), n.to_string().as_str());
        }
        let mut periods = Vec::new();
        while !periods.last().is_some_and(Usage::is_rest) {
            assert!(
                periods.len() < PERIODS,
                "{endpoint}: never idle: {periods:?}"
            );
            periods.push(wait_for_nothing(&pull));
        }
        println!("{endpoint}: {periods:?}");
    }
}
