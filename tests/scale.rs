//! Ten thousand idle connections on one reactor, and a busy one among them.
//!
//! The two halves are processes of their own, because each connection takes a descriptor on either
//! side; both are this same test binary, started again through a shell that raises the limit as far
//! as the system lets it.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod guard;

use guard::SOON;
use sinew::{Context, Pull, Push};

const MOST: usize = 10_000;

/// Descriptors that are not idle connections: standard streams, polls, wakers, the listener.
const OTHERS: usize = 64;

/// The bar for the resident memory of one idle connection.
const BYTES_EACH: f64 = 8.0 * 1024.0;

/// Connections made at once. Many more than the kernel queues for a listener would wait for packets
/// to be sent again, a second and longer.
const WAVE: usize = 500;

/// Messages of the busy connection.
const MESSAGES: u32 = 50_000;

/// Says which half a process is; its value is the endpoint, or nothing for the half that binds.
const ROLE: &str = "SINEW_TEST_SCALE";

#[test]
fn idle_connections_cost_little_and_do_not_hold_up_a_busy_one() {
    match std::env::var(ROLE) {
        Err(_) => conduct(),
        Ok(endpoint) if endpoint.is_empty() => accept(),
        Ok(endpoint) => connect(&endpoint),
    }
}

/// This test in a process of its own.
fn start(role: &str) -> Child {
    let raise = "ulimit -n $(ulimit -Hn) 2>/dev/null; exec \"$0\" \"$@\"";
    let test = "idle_connections_cost_little_and_do_not_hold_up_a_busy_one";
    Command::new("sh")
        .args(["-c", raise])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Passes on what the half that binds says, and how it ends. It ends: whatever it waits for must come
/// soon after the last that came.
fn conduct() {
    let mut child = start("");
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        println!("{}", line.unwrap());
    }
    assert!(child.wait().unwrap().success());
}

/// How many connections this process may have.
fn connections() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    let soft = soft.parse().unwrap_or(usize::MAX);
    soft.saturating_sub(OTHERS).min(MOST)
}

fn resident_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    kilobytes.parse::<f64>().unwrap() * 1024.0
}

fn accept() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = pull.endpoint().unwrap().to_string();
    // What the first connection makes a socket set up is not counted.
    let busy = ctx.socket(Push).connect(&endpoint).unwrap();
    busy.send("first").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "first");
    let alone = time_messages(&busy, &pull);

    let (before, started) = (resident_bytes(), Instant::now());
    let mut child = start(&endpoint);
    let mut input = child.stdin.take().unwrap();
    let mut count = 0;
    // Each connection of the other half carries one message, which says how many there will be.
    loop {
        let message = pull.recv_timeout(SOON).unwrap();
        let most: usize = message.to_str().unwrap().parse().unwrap();
        count += 1;
        if count == most {
            break;
        }
        if count % WAVE == 0 {
            input.write_all(b"go\n").unwrap();
        }
    }
    let took = started.elapsed();
    assert_eq!(pull.stats().peers, count + 1);
    let each = (resident_bytes() - before) / count as f64;
    println!("{count} idle connections in {took:?}; resident memory of each: {each:.0} bytes");
    let crowded = time_messages(&busy, &pull);
    println!("{MESSAGES} messages of a busy one: {alone:?} alone, {crowded:?} among them");
    assert!(
        each <= BYTES_EACH,
        "{each:.0} bytes for each idle connection"
    );

    // End of input: the other half goes, and all its connections with it.
    drop(input);
    assert!(child.wait().unwrap().success());
}

fn time_messages(push: &sinew::Socket<Push>, pull: &sinew::Socket<Pull>) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..MESSAGES).for_each(|n| push.send(n.to_le_bytes()).unwrap()));
        for n in 0..MESSAGES {
            assert_eq!(pull.recv_timeout(SOON).unwrap(), n.to_le_bytes()[..]);
        }
    });
    start.elapsed()
}

/// A socket for each wave of connections. PUSH deals its messages out in turn, and queues for those
/// peers that are not there yet: as many messages as there are connections are one for each.
fn connect(endpoint: &str) {
    let count = connections();
    let ctx = Context::new();
    let mut sockets = Vec::new();
    for first in (0..count).step_by(WAVE) {
        let wave = WAVE.min(count - first);
        let push = ctx.socket(Push).open().unwrap();
        for _ in 0..wave {
            push.connect(endpoint).unwrap();
        }
        for _ in 0..wave {
            push.send(count.to_string()).unwrap();
        }
        sockets.push(push);
        // The word to go on; at the end, the end of input.
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}
