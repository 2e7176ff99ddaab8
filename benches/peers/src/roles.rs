//! What a child process does, written once for all libraries.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::child::{say, say_metrics, told, wait_for_word, Metrics, Params};
use crate::payload::{Body, Check, Checks, Source, KNOCK};
use crate::peer::{Library, Receiver, Sender};
use crate::usage::Usage;

pub(crate) fn play<L: Library>(role: &str, params: &Params) {
    let port = params.number("port") as u16;
    L::run(async {
        match role {
            "push" => push(params, patiently(|| L::push(port)).await).await,
            "pull" => pull(params, L::pull(port).await).await,
            "pub" => {
                let subscribers = params.number("subscribers");
                publish(params, L::publisher(port, subscribers).await).await;
            }
            "sub" => subscribe(params, patiently(|| L::subscriber(port)).await).await,
            "req" => ask(params, patiently(|| L::req(port)).await).await,
            "rep" => answer(L::rep(port).await).await,
            other => panic!("no role {other}"),
        }
    });
    // What a library does when its sockets are dropped is not measured.
    std::process::exit(0);
}

/// The one who binds was started at the same time.
async fn patiently<T, F: Future<Output = Option<T>>>(mut connect: impl FnMut() -> F) -> T {
    for _ in 0..500 {
        if let Some(socket) = connect().await {
            return socket;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody to connect to");
}

/// How many messages go between two looks at the clock or at a flag: about 64 KiB.
fn stride(size: u64) -> u64 {
    (65_536 / size).clamp(1, 256)
}

// ── PUSH to PULL ─────────────────────────────────────────────────────────────────────────────────────────

async fn push(params: &Params, mut socket: impl Sender) {
    let stop = told();
    let before = Usage::now();
    let mut source = Source::new(params.number("size") as usize);
    send_until(&mut socket, &mut source, params.number("size"), &stop).await;
    socket.send(Body::Borrowed(&source.end_body())).await;
    socket.flush().await;
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(source.sent(), "sender", &mut metrics);
    // The socket stays until everything has arrived.
    wait_for_word();
    say_metrics(&metrics);
}

async fn send_until(socket: &mut impl Sender, source: &mut Source, size: u64, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        for _ in 0..stride(size) {
            socket.send(source.next_body()).await;
        }
    }
}

async fn pull(params: &Params, mut socket: impl Receiver) {
    let stride = stride(params.number("size"));
    let mut check = Check::new(params.number("size") as usize);
    let mut before = (0, Usage::now());
    let mut took = Duration::ZERO;
    for phase in ["warm-up", "duration"] {
        before = (check.received(), Usage::now());
        let start = Instant::now();
        while start.elapsed() < params.millis(phase) {
            for _ in 0..stride {
                assert!(check.accept(socket.recv().await), "ended too early");
            }
        }
        took = start.elapsed();
    }
    let count = check.received() - before.0;
    let mut metrics = Metrics::default();
    (Usage::now() - before.1).per(count, "receiver", &mut metrics);
    metrics.set("rate", count as f64 / took.as_secs_f64());
    say("measured");
    while check.accept(socket.recv().await) {}
    say_metrics(&metrics);
}

// ── REQ and REP ──────────────────────────────────────────────────────────────────────────────────────────

/// Answers that are no more than this long end the conversation.
const LAST: &[u8] = b"end";

async fn answer(mut socket: impl Sender + Receiver) {
    let mut body = Vec::new();
    let before = Usage::now();
    let mut trips = 0;
    while body != LAST {
        body.clear();
        body.extend_from_slice(socket.recv().await);
        socket.send(Body::Borrowed(&body)).await;
        trips += 1;
    }
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(trips, "receiver", &mut metrics);
    wait_for_word();
    say_metrics(&metrics);
}

async fn ask(params: &Params, mut socket: impl Sender + Receiver) {
    let mut request = vec![0x5a; params.number("size") as usize];
    let mut number = 0_u64;
    let mut times = Vec::with_capacity(1 << 20);
    let mut before = Usage::now();
    for phase in ["warm-up", "duration"] {
        times.clear();
        before = Usage::now();
        let begin = Instant::now();
        while begin.elapsed() < params.millis(phase) {
            number += 1;
            request[..8].copy_from_slice(&number.to_le_bytes());
            let start = Instant::now();
            socket.send(Body::Borrowed(&request)).await;
            assert_eq!(socket.recv().await, request, "another answer");
            times.push(start.elapsed());
        }
    }
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(times.len() as u64, "sender", &mut metrics);
    times.sort_unstable();
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let index = (times.len() as f64 * part) as usize;
        metrics.set(name, times[index].as_secs_f64() * 1e6);
    }
    socket.send(Body::Borrowed(LAST)).await;
    socket.recv().await;
    say_metrics(&metrics);
}

// ── PUB to SUBs ──────────────────────────────────────────────────────────────────────────────────────────

async fn publish(params: &Params, mut socket: impl Sender) {
    let heard = told();
    while !heard.load(Ordering::Acquire) {
        socket.send(Body::Borrowed(KNOCK)).await;
        socket.flush().await;
        std::thread::sleep(Duration::from_millis(1));
    }
    let stop = told();
    let before = Usage::now();
    let mut source = Source::new(params.number("size") as usize);
    send_until(&mut socket, &mut source, params.number("size"), &stop).await;
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(source.sent(), "sender", &mut metrics);
    say_metrics(&metrics);
}

/// Not every library can be told to lose nothing: what is missing is counted, and said beside the rate. What
/// does arrive must be whole and in order.
async fn subscribe(params: &Params, mut socket: impl Receiver) {
    let size = params.number("size") as usize;
    assert_eq!(socket.recv().await, KNOCK);
    say("heard");
    let mut next = 0;
    let mut before = (0, 0, Usage::now());
    let mut took = Duration::ZERO;
    let mut count = 0;
    for phase in ["warm-up", "duration"] {
        before = (count, next, Usage::now());
        let start = Instant::now();
        while start.elapsed() < params.millis(phase) {
            for _ in 0..64 {
                let Some(number) = number_of(socket.recv().await, size) else {
                    continue;
                };
                assert!(number >= next, "message {number} after {next}");
                next = number + 1;
                count += 1;
            }
        }
        took = start.elapsed();
    }
    let (received, sent) = (count - before.0, next - before.1);
    let mut metrics = Metrics::default();
    (Usage::now() - before.2).per(received, "receiver", &mut metrics);
    metrics.set("rate", received as f64 / took.as_secs_f64());
    metrics.set("lost", (sent - received) as f64);
    metrics.set("sent", sent as f64);
    say("measured");
    say_metrics(&metrics);
}

/// The number of a message; nothing for a knock.
fn number_of(body: &[u8], size: usize) -> Option<u64> {
    if body == KNOCK {
        return None;
    }
    assert_eq!(body.len(), size, "a message of a wrong size");
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    let (head, tail) = (number(&body[..8]), number(&body[size - 8..]));
    assert_eq!(head, !tail, "a damaged message");
    Some(head)
}
