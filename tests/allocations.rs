//! Small single frames cost no allocation, neither where they are sent nor where they are received.
//!
//! Every allocation of the whole process counts, on whatever thread: the sender's, the receiver's,
//! and the reactor's. One test walks through all cases, because a second one running beside it would
//! be counted too.

#![allow(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one only counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

mod guard;

use bytes::Bytes;
use guard::SOON;
use sinew::{
    Context, Endpoint, Pub, Pull, Push, Receives, Rep, Req, SendErrorKind, Sends, Socket, Sub,
};

/// Messages that are counted in each case.
const MESSAGES: u64 = 10_000;

/// What may remain, and comes with a read, a burst or a longer queue, never with a message: a read of
/// 64 KiB that ends inside a frame keeps the piece in a small box (once in a thousand messages of 64
/// bytes); a link that turns hot sends the reactor a note. Mostly it is none at all.
const ALLOWED: u64 = MESSAGES / 500;

/// A stream that pauses gives its buffers back, and asks for them again: some twenty allocations,
/// and a machine with other work to do makes pauses. So it takes one stream that needs no more than is
/// allowed, of a few at most. What every message cost would show in all of them.
const STREAMS: usize = 50;

/// Frames that live inside a `Message`: a small one, and close to the largest that does.
const SIZES: [usize; 2] = [16, 64];

struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// Where the first few came from.
static CULPRITS: Mutex<Vec<String>> = Mutex::new(Vec::new());
const CULPRITS_KEPT: u64 = 6;

thread_local! {
    /// Describing an allocation allocates.
    static DESCRIBING: Cell<bool> = const { Cell::new(false) };
}

impl Counting {
    fn note(size: usize) {
        if !COUNTS.load(Ordering::Relaxed) || DESCRIBING.get() {
            return;
        }
        if ALLOCATIONS.fetch_add(1, Ordering::Relaxed) < CULPRITS_KEPT {
            DESCRIBING.set(true);
            let trace = ours(&Backtrace::force_capture().to_string());
            let text = format!("{size} bytes at\n{trace}");
            CULPRITS.lock().unwrap().push(text);
            DESCRIBING.set(false);
        }
    }
}

/// The lines of a backtrace that name this crate.
fn ours(trace: &str) -> String {
    let lines: Vec<_> = trace.lines().map(str::trim).collect();
    let named = lines.windows(2).filter(|pair| pair[0].contains("sinew::"));
    named
        .map(|pair| format!("    {} {}\n", pair[0], pair[1]))
        .collect()
}

// SAFETY: every call is handed on unchanged to the system's allocator, whose contract is this one;
// counting touches no memory that is being allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::note(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::note(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::note(size);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Runs `measured`, and gives the allocations of all threads meanwhile.
fn count(measured: impl FnOnce()) -> u64 {
    CULPRITS.lock().unwrap().clear();
    ALLOCATIONS.store(0, Ordering::SeqCst);
    COUNTS.store(true, Ordering::SeqCst);
    measured();
    COUNTS.store(false, Ordering::SeqCst);
    ALLOCATIONS.load(Ordering::SeqCst)
}

#[derive(Default)]
struct Verdict(Vec<String>);

impl Verdict {
    fn judge(&mut self, case: &str, allocations: u64) {
        println!("{case}: {allocations} allocations in {MESSAGES} messages");
        let culprits = std::mem::take(&mut *CULPRITS.lock().unwrap());
        if allocations > ALLOWED {
            let culprits = culprits.join("  ");
            self.0.push(format!(
                "{case}: {allocations}; the first ones were\n  {culprits}"
            ));
        }
    }
}

#[test]
fn small_single_frames_cost_no_allocation_either_way() {
    let mut verdict = Verdict::default();
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*", "inproc://allocations"] {
        let transport = endpoint.split(':').next().unwrap();
        for size in SIZES {
            let body = Bytes::from(vec![7; size]);
            let case = |pattern| format!("{pattern} over {transport}, {size} bytes");
            let name = case("PUSH to PULL, a stream");
            verdict.judge(&name, push_pull(endpoint, &body, ALLOWED));
            let name = case("PUSH to PULL, one at a time");
            verdict.judge(&name, one_at_a_time(endpoint, &body));
            let name = case("PUB to SUB");
            verdict.judge(&name, pub_sub(endpoint, &body));
            let name = case("REQ and REP");
            verdict.judge(&name, req_rep(endpoint, &body));
        }
    }
    assert!(verdict.0.is_empty(), "{}", verdict.0.join("\n"));

    // Bodies that do not fit a message share the buffer that they were read into. (Their sender
    // allocates each, once: `send` of a slice copies it.)
    for size in [256, 1024, 4096] {
        let body = Bytes::from(vec![7; size]);
        let name = format!("PUSH to PULL over tcp, a stream, {size} bytes, shared");
        // Two for each buffer of 64 KiB: what keeps it, and the piece at its end.
        let buffers = MESSAGES * size as u64 / (32 * 1024);
        let allowed = 2 * buffers + ALLOWED;
        let allocations = push_pull("tcp://127.0.0.1:*", &body, allowed);
        println!("{name}: {allocations} allocations in {MESSAGES} messages");
        assert!(allocations <= allowed, "{name}: {allocations}");
    }
}

fn address<K: sinew::Kind>(socket: &Socket<K>) -> Endpoint {
    socket.endpoint().unwrap()
}

/// One thread sends as fast as it can, another receives.
fn push_pull(endpoint: &str, body: &Bytes, allowed: u64) -> u64 {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind(endpoint).unwrap();
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    fill_and_empty(&push, &pull, body);
    stream(push, pull, body, allowed)
}

/// One to one through PUB and SUB; `no_drop`, because a lost message costs nothing either.
fn pub_sub(endpoint: &str, body: &Bytes) -> u64 {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).no_drop(true).bind(endpoint).unwrap();
    let sub = ctx
        .socket(Sub)
        .subscribe("")
        .connect(&address(&publisher))
        .unwrap();
    // Until the subscription has arrived, nothing is sent to any peer.
    while sub.recv_timeout(Duration::from_millis(1)).is_err() {
        publisher.send(&body[..]).unwrap();
    }
    fill_and_empty(&publisher, &sub, body);
    stream(publisher, sub, body, ALLOWED)
}

/// Makes every queue between the two as long as it can get: in the measured part, none has to grow.
fn fill_and_empty<S: Sends, R: Receives>(sender: &Socket<S>, receiver: &Socket<R>, body: &Bytes) {
    let mut sent = 0;
    // Twice, because a queue may be exchanged for a fresh one when it is emptied.
    for _ in 0..2 {
        loop {
            match sender.send_timeout(body.clone(), Duration::from_millis(50)) {
                Ok(()) => sent += 1,
                Err(error) => break assert_eq!(error.kind(), SendErrorKind::TimedOut),
            }
        }
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, 100).is_ok() {
            sent -= batch.len();
            batch.clear();
            if sent == 0 {
                break;
            }
        }
    }
}

/// Streams a warm-up, and then what is counted, from a thread of its own; gives the fewest allocations
/// of a stream.
fn stream<S, R>(sender: Socket<S>, receiver: Socket<R>, body: &Bytes, allowed: u64) -> u64
where
    S: Sends,
    R: Receives,
{
    let start = Arc::new(Barrier::new(2));
    let over = Arc::new(AtomicBool::new(false));
    let (started, stop) = (Arc::clone(&start), Arc::clone(&over));
    let owned = body.clone();
    let thread = std::thread::spawn(move || {
        loop {
            started.wait();
            if stop.load(Ordering::SeqCst) {
                break;
            }
            (0..MESSAGES).for_each(|_| sender.send(owned.clone()).unwrap());
            started.wait();
        }
        // Closing is not counted: the socket lives on.
        sender
    });
    let round = || {
        start.wait();
        for _ in 0..MESSAGES {
            assert_eq!(receiver.recv_timeout(SOON).unwrap(), body[..]);
        }
        start.wait();
    };
    round();
    let mut best = u64::MAX;
    for _ in 0..STREAMS {
        best = best.min(count(round));
        if best <= allowed {
            break;
        }
    }
    over.store(true, Ordering::SeqCst);
    start.wait();
    thread.join().unwrap();
    best
}

/// Each message is received before the next is sent: every one of them wakes a receiver.
fn one_at_a_time(endpoint: &str, body: &Bytes) -> u64 {
    let ctx = Context::new();
    let there = ctx.socket(Pull).bind(endpoint).unwrap();
    let push = ctx.socket(Push).connect(&address(&there)).unwrap();
    let here = ctx
        .socket(Pull)
        .bind(endpoint_for_answers(endpoint))
        .unwrap();
    let back = ctx.socket(Push).connect(&address(&here)).unwrap();
    let total = 2 * MESSAGES;
    let echo = std::thread::spawn(move || {
        for _ in 0..total {
            back.send(there.recv_timeout(SOON).unwrap()).unwrap();
        }
        // Closing is not counted: the sockets live on.
        (there, back)
    });
    let round = || {
        for _ in 0..MESSAGES {
            push.send(&body[..]).unwrap();
            assert_eq!(here.recv_timeout(SOON).unwrap(), body[..]);
        }
    };
    round();
    let allocations = count(round);
    echo.join().unwrap();
    allocations
}

fn endpoint_for_answers(endpoint: &str) -> &str {
    if endpoint.starts_with("inproc") {
        "inproc://allocations-back"
    } else {
        endpoint
    }
}

fn req_rep(endpoint: &str, body: &Bytes) -> u64 {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind(endpoint).unwrap();
    let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
    let answers = std::thread::spawn(move || {
        for _ in 0..2 * MESSAGES {
            rep.send(rep.recv_timeout(SOON).unwrap()).unwrap();
        }
        // Closing is not counted: the socket lives on.
        rep
    });
    let round = || {
        for _ in 0..MESSAGES {
            req.send(&body[..]).unwrap();
            assert_eq!(req.recv_timeout(SOON).unwrap(), body[..]);
        }
    };
    round();
    let allocations = count(round);
    answers.join().unwrap();
    allocations
}
