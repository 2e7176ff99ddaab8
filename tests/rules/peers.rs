//! Who is there, and who only tries to be.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sinew::{Context, EventKind, Monitor, Pull, Push, Req};

use crate::support::{address, endpoints};

/// Nothing here takes this long, on the busiest machine; a test that hangs fails instead.
const HANG: Duration = Duration::from_secs(120);

/// How many peers have come to a socket, and how many have gone.
#[derive(Default)]
struct Seen {
    come: usize,
    gone: usize,
}

impl Seen {
    fn watch_until(&mut self, monitor: &Monitor, come: usize, gone: usize) {
        while (self.come, self.gone) != (come, gone) {
            match monitor.recv_timeout(HANG).unwrap().kind {
                EventKind::HandshakeSucceeded => self.come += 1,
                EventKind::Disconnected { .. } => self.gone += 1,
                _ => {}
            }
        }
    }
}

#[test]
fn the_count_of_peers_is_the_truth_after_any_coming_and_going() {
    for (number, endpoint) in endpoints("come-and-go").into_iter().enumerate() {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).open().unwrap();
        let monitor = pull.monitor();
        pull.bind(&endpoint).unwrap();
        let endpoint = address(&pull);
        // One of a type that is not to be had tries all the time.
        let _wrong = ctx.socket(Req).connect(&endpoint).unwrap();
        // A fixed seed: the same steps every time.
        let mut dice = 0x9e37_79b9_u32.wrapping_add(number as u32);
        let mut roll = |sides: u32| {
            dice ^= dice << 13;
            dice ^= dice >> 17;
            dice ^= dice << 5;
            dice % sides
        };
        let (mut there, mut seen) = (VecDeque::new(), Seen::default());
        let (mut come, mut gone) = (0, 0);
        for round in 0..40 {
            for _ in 0..roll(4) {
                let push = ctx.socket(Push).connect(&endpoint).unwrap();
                come += 1;
                // Some have nothing to say, some leave it unread, some go as soon as they have come.
                if roll(2) == 0 {
                    push.send("hello").unwrap();
                }
                if roll(4) == 0 {
                    push.send("and goodbye").unwrap();
                    gone += 1;
                    drop(push);
                } else {
                    there.push_back(push);
                }
            }
            for _ in 0..roll(3) {
                if let Some(push) = there.pop_front() {
                    // One that has not met its peer and has nothing to say never comes at all.
                    push.send("last").unwrap();
                    gone += 1;
                    drop(push);
                }
            }
            if number == 0 {
                let stranger = TcpStream::connect(endpoint.socket_addr().unwrap());
                drop(stranger.unwrap());
            }
            if roll(3) == 0 {
                while pull.try_recv().is_ok() {}
            }
            seen.watch_until(&monitor, come, gone);
            assert_eq!(
                pull.stats().peers,
                there.len(),
                "{endpoint}, round {round}: {come} came and {gone} went"
            );
        }
    }
}

#[test]
fn closing_waits_for_no_stranger_however_close_it_came() {
    let ctx = Context::new();
    for round in 0..100 {
        // With neither a time to linger nor one for handshakes, nothing but the rule ends it.
        let socket = ctx.socket(Push).linger(None).handshake_timeout(None);
        let push = socket.bind("tcp://127.0.0.1:*").unwrap();
        let address = address(&push);
        let (done, called) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let address = address.socket_addr().unwrap();
                let mut silent = Vec::new();
                // Each says nothing, and stays.
                while !done.load(Ordering::Relaxed) && silent.len() < 500 {
                    match TcpStream::connect(address) {
                        Ok(stream) => silent.push(stream),
                        Err(_) => std::thread::yield_now(),
                    }
                    called.store(silent.len(), Ordering::Relaxed);
                }
                while !done.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            });
            while called.load(Ordering::Relaxed) < round % 7 {
                std::thread::yield_now();
            }
            let _ = push.close();
            done.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn closing_waits_for_nobody_whose_connection_is_just_being_made() {
    // It accepts by the kernel's hand alone, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", silent.local_addr().unwrap());
    let ctx = Context::new();
    for round in 0..100 {
        let socket = ctx.socket(Push).linger(None).handshake_timeout(None);
        let push = socket.open().unwrap();
        let monitor = push.monitor();
        for _ in 0..10 {
            push.connect(&endpoint).unwrap();
        }
        for _ in 0..round % 10 {
            let connected = |kind: &EventKind| matches!(kind, EventKind::Connected);
            while !connected(&monitor.recv_timeout(HANG).unwrap().kind) {}
        }
        let _ = push.close();
        silent.set_nonblocking(true).unwrap();
        while silent.accept().is_ok() {}
    }
}
