//! The tail of a burst needs no further send.
//!
//! Senders of a stream only queue; what they leave behind is written by the batch that the stream fills, by
//! the next call on the socket that is not a send, or by the sweep. A bare peer in a thread of this process
//! reads the bytes as they come, and says when the last was there.
//!
//! How long that took is printed and not judged: on a busy machine it is the system that decides when the
//! thread that sweeps may run. That the call needs no other thread is tested in `src/socket/tail.rs`.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sinew::{Context, Push, Socket};

#[allow(dead_code, reason = "what the other tests need of it")]
#[path = "rules/support.rs"]
mod support;

use crate::support::{frame, Raw, SOON};

const BURSTS: u32 = 200;

/// Messages of a burst. The shortest ends before a cold link is hot; the longest fills a batch and more.
const LENGTHS: [u32; 4] = [2, 100, 1_000, 5_000];

/// After a burst has arrived nothing is sent for so long. In the shortest the link stays hot, in the longest it
/// turns cold and its owner goes to sleep.
const PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_micros(150),
    Duration::from_millis(3),
];

#[test]
fn the_tail_of_a_burst_needs_no_further_send() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let (arrivals, arrived) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut peer = Raw::accept(&listener).shake("PULL");
        let mut next = 0;
        for burst in 0..BURSTS {
            let count = length(burst);
            let bytes = peer.read(count as usize * frame(0, &body(0)).len());
            let now = Instant::now();
            check(&bytes, next..next + count);
            next += count;
            arrivals.send(now).unwrap();
        }
    });

    let ctx = Context::new();
    let push = ctx.socket(Push).connect(&endpoint).unwrap();
    let mut next = 0;
    let mut delays = LENGTHS.map(|_| Vec::new());
    for burst in 0..BURSTS {
        let sent = send_burst(&push, next, length(burst));
        // Half of the tails leave by this call, half by the sweep.
        if burst / LENGTHS.len() as u32 % 2 == 0 {
            assert!(push.stats().sent >= u64::from(next));
        }
        next += length(burst);
        let there: Instant = arrived.recv_timeout(SOON).expect("the end of a burst");
        // Nothing if the last send took part in the delivery.
        delays[burst as usize % LENGTHS.len()].push(there.saturating_duration_since(sent));
        // Nothing comes: the reader speaks once a burst.
        let pause = PAUSES[burst as usize % PAUSES.len()];
        assert!(arrived.recv_timeout(pause).is_err());
    }
    reader.join().unwrap();

    for (length, delays) in LENGTHS.iter().zip(delays) {
        show(*length, delays);
    }
}

fn show(length: u32, mut delays: Vec<Duration>) {
    delays.sort();
    let part = |hundredths: usize| delays[(delays.len() - 1) * hundredths / 100];
    let [quarter, half, most] = [25, 50, 100].map(part);
    println!(
        "{length:5} messages, from the last send to the last byte: \
         p25 {quarter:?}, p50 {half:?}, most {most:?}"
    );
}

/// Lengths and pauses have no common divisor: every pair of them occurs.
fn length(burst: u32) -> u32 {
    LENGTHS[burst as usize % LENGTHS.len()]
}

/// Sixteen bytes that say which message this is.
fn body(number: u32) -> [u8; 16] {
    u128::from(number).to_le_bytes()
}

/// Returns when the last send was back.
fn send_burst(push: &Socket<Push>, first: u32, count: u32) -> Instant {
    for number in first..first + count {
        push.send(body(number)).unwrap();
    }
    Instant::now()
}

fn check(bytes: &[u8], mut numbers: std::ops::Range<u32>) {
    let frames = bytes.chunks(frame(0, &body(0)).len());
    for received in frames {
        let number = numbers.next().expect("no more than were sent");
        assert_eq!(received, frame(0, &body(number)), "message {number}");
    }
    assert!(numbers.is_empty());
}
