//! What a child process does, written once for both libraries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::{next_number, say, say_metrics, told, wait_for_word, Metrics, Params};
use crate::library::{AnswerEnd, End, Library, RecvEnd, SendEnd, Settings};
use crate::payload::{Check, Checks, LossyCheck, ManyChecks, Source, KNOCK};
use crate::system::clock;
use crate::usage::{resident_bytes, Usage};

/// Plays the role, or returns false if there is none of this name.
pub(crate) fn play<L: Library>(role: &str, params: &Params) -> bool {
    match role {
        "push" => push::<L>(params),
        "pull" => pull::<L>(params),
        "inproc" => inproc::<L>(params),
        "req" => req::<L>(params),
        "rep" => rep::<L>(params),
        "dealer-push" => stream_out(params, &L::dealer(&L::context())),
        "router-pull" => stream_in(params, &mut L::router(&L::context())),
        "dealer" => ask(params, &mut L::dealer(&L::context())),
        "router" => answer(params, &mut L::router(&L::context())),
        "proxy" => proxy::<L>(),
        "radio" => stream_out(params, &L::radio(&L::context())),
        "dish" => dish::<L>(params),
        "pull-in-crowd" => pull_in_crowd::<L>(params),
        "req-in-crowd" => req_in_crowd::<L>(params),
        "push-many" => push_many::<L>(params),
        "pull-many" => pull_many::<L>(params),
        "burst-push" => burst_push::<L>(params),
        "burst-pull" => burst_pull::<L>(params),
        "lone-push" => lone_push::<L>(params),
        "lone-pull" => lone_pull::<L>(params),
        "pub" => publish::<L>(params),
        "subs" => subscribe::<L>(params),
        "accept" => accept::<L>(params),
        "pub-many-topics" => publish_to_many_topics::<L>(params),
        _ => return false,
    }
    true
}

/// How many messages go between two looks at the clock or at a flag: about 64 KiB.
fn stride(size: usize) -> u64 {
    (65_536 / size as u64).clamp(1, 256)
}

// ── a stream: PUSH to PULL ───────────────────────────────────────────────────────────────────────────────

fn push<L: Library>(params: &Params) {
    stream_out(params, &L::push(&L::context()));
}

fn stream_out(params: &Params, socket: &impl SendEnd) {
    socket.connect(params.text("endpoint"));
    let stop = told();
    let before = Usage::now();
    let sent = send_until(socket, params.number("size") as usize, &stop);
    say_cost(before, sent);
}

/// The end of a sender. Its sockets stay until everything has arrived.
fn say_cost(before: Usage, sent: u64) {
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(sent, "sender", &mut metrics);
    metrics.set("sent", sent as f64);
    wait_for_word();
    say_metrics(&metrics);
}

fn send_until(socket: &impl SendEnd, size: usize, stop: &AtomicBool) -> u64 {
    let mut source = Source::new(size);
    while !stop.load(Ordering::Acquire) {
        for _ in 0..stride(size) {
            source.send_next(socket);
        }
    }
    source.send_end(socket);
    source.sent()
}

fn pull<L: Library>(params: &Params) {
    stream_in(params, &mut L::pull(&L::context()));
}

fn stream_in(params: &Params, socket: &mut impl RecvEnd) {
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    receive_stream(params, Check::new, socket);
}

fn receive_stream<C: Checks>(
    params: &Params,
    checks: impl FnOnce(usize) -> C,
    socket: &mut impl RecvEnd,
) {
    let mut stream = Stream::new(params, checks);
    let metrics = stream.measure(socket);
    say("measured");
    stream.drain(socket);
    say_metrics(&metrics);
}

/// The receiving end of a stream: the clock is here, and starts at a first message after the warm-up.
struct Stream<C> {
    check: C,
    stride: u64,
    warm_up: Duration,
    duration: Duration,
}

impl<C: Checks> Stream<C> {
    fn new(params: &Params, checks: impl FnOnce(usize) -> C) -> Stream<C> {
        let size = params.number("size") as usize;
        Stream {
            check: checks(size),
            stride: stride(size),
            warm_up: params.millis("warm-up"),
            duration: params.millis("duration"),
        }
    }

    fn measure(&mut self, socket: &mut impl RecvEnd) -> Metrics {
        self.take(socket, 1);
        self.take_for(socket, self.warm_up);
        let before = (self.check.received(), Usage::now());
        let took = self.take_for(socket, self.duration);
        let count = self.check.received() - before.0;
        let mut metrics = Metrics::default();
        (Usage::now() - before.1).per(count, "receiver", &mut metrics);
        metrics.set("rate", count as f64 / took.as_secs_f64());
        metrics
    }

    fn take_for(&mut self, socket: &mut impl RecvEnd, duration: Duration) -> Duration {
        let start = Instant::now();
        while start.elapsed() < duration {
            self.take(socket, self.stride);
        }
        start.elapsed()
    }

    #[inline]
    fn take(&mut self, socket: &mut impl RecvEnd, count: u64) {
        for _ in 0..count {
            assert!(
                self.check.accept(socket.recv()),
                "the stream ended too early"
            );
        }
    }

    fn drain(&mut self, socket: &mut impl RecvEnd) {
        while self.check.accept(socket.recv()) {}
    }
}

fn inproc<L: Library>(params: &Params) {
    let context = L::context();
    let mut pull = L::pull(&context);
    pull.bind("inproc://compare");
    let push = L::push(&context);
    push.connect("inproc://compare");
    let size = params.number("size") as usize;
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let sender = thread::spawn(move || {
        send_until(&push, size, &stopping);
        push
    });
    let mut stream = Stream::new(params, Check::new);
    let metrics = stream.measure(&mut pull);
    stop.store(true, Ordering::Release);
    stream.drain(&mut pull);
    sender.join().expect("the sender");
    say_metrics(&metrics);
}

// ── a round trip: REQ and REP ────────────────────────────────────────────────────────────────────────────

fn settings(params: &Params) -> Settings {
    Settings {
        busy_poll: params.micros("busy-poll"),
        no_drop: true,
    }
}

fn rep<L: Library>(params: &Params) {
    let mut socket = L::rep(&L::context(), settings(params));
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    let mut trips = 0;
    let mut body = Vec::new();
    let before = Usage::now();
    loop {
        body.clear();
        body.extend_from_slice(socket.recv());
        socket.send(&body);
        if body.is_empty() {
            break;
        }
        trips += 1;
    }
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(trips, "receiver", &mut metrics);
    // The socket stays until its last answer has arrived.
    wait_for_word();
    say_metrics(&metrics);
}

fn req<L: Library>(params: &Params) {
    ask(params, &mut L::req(&L::context(), settings(params)));
}

fn ask(params: &Params, socket: &mut (impl SendEnd + RecvEnd)) {
    socket.connect(params.text("endpoint"));
    let metrics = time_requests(params, socket);
    end_requests(socket);
    say_metrics(&metrics);
}

/// A ROUTER that sends each message back, until one without a body.
fn answer(params: &Params, socket: &mut impl AnswerEnd) {
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    let mut trips = 0;
    let before = Usage::now();
    loop {
        let last = socket.recv().is_empty();
        socket.answer();
        if last {
            break;
        }
        trips += 1;
    }
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(trips, "receiver", &mut metrics);
    // The socket stays until its last answer has arrived.
    wait_for_word();
    say_metrics(&metrics);
}

fn time_requests(params: &Params, socket: &mut (impl SendEnd + RecvEnd)) -> Metrics {
    time_round_trips(params, |request| {
        socket.send(request);
        assert_eq!(socket.recv(), request, "another answer");
    })
}

fn end_requests(socket: &mut (impl SendEnd + RecvEnd)) {
    socket.send(b"");
    socket.recv();
}

/// Times `trip` again and again, each time with another request, which it has to check the answer against.
pub(crate) fn time_round_trips(params: &Params, mut trip: impl FnMut(&[u8])) -> Metrics {
    let mut request = vec![0x5a; params.number("size") as usize];
    let mut number = 0_u64;
    let mut next = || {
        number += 1;
        request[..8].copy_from_slice(&number.to_le_bytes());
        let start = Instant::now();
        trip(&request);
        start.elapsed()
    };
    let start = Instant::now();
    while start.elapsed() < params.millis("warm-up") {
        next();
    }
    let mut trips = Vec::with_capacity(1 << 20);
    let before = Usage::now();
    let start = Instant::now();
    while start.elapsed() < params.millis("duration") {
        trips.push(next());
    }
    let cost = Usage::now() - before;
    let mut metrics = quantiles(trips.clone());
    cost.per(trips.len() as u64, "sender", &mut metrics);
    metrics.set("rate", trips.len() as f64 / start.elapsed().as_secs_f64());
    metrics
}

pub(crate) fn quantiles(mut times: Vec<Duration>) -> Metrics {
    times.sort_unstable();
    let mut metrics = Metrics::default();
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let index = (times.len() as f64 * part) as usize;
        let time = times.get(index).or(times.last()).expect("at least one");
        metrics.set(name, time.as_secs_f64() * 1e6);
    }
    metrics
}

// ── a lone message every millisecond ─────────────────────────────────────────────────────────────────────

const PAUSE: Duration = Duration::from_millis(1);
const LONE_SIZE: usize = 16;

fn lone_push<L: Library>(params: &Params) {
    let socket = L::push(&L::context());
    socket.connect(params.text("endpoint"));
    let count = params.number("count");
    let before = Usage::now();
    let mut next = Instant::now();
    for number in 0..count {
        next += PAUSE;
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let mut body = [0; LONE_SIZE];
        body[..8].copy_from_slice(&number.to_le_bytes());
        body[8..].copy_from_slice(&clock().to_le_bytes());
        socket.send(&body);
    }
    say_cost(before, count);
}

fn lone_pull<L: Library>(params: &Params) {
    /// The connection and both threads are warm after so many.
    const WARM_UP: u64 = 20;
    let mut socket = L::pull(&L::context());
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    let count = params.number("count");
    let mut times = Vec::new();
    let before = Usage::now();
    for number in 0..count {
        let body = socket.recv();
        let now = clock();
        let [tag, sent] = [&body[..8], &body[8..]].map(|b| b.try_into().expect("16 bytes"));
        assert_eq!(u64::from_le_bytes(tag), number, "a message is lost");
        if number >= WARM_UP {
            times.push(Duration::from_nanos(
                now.saturating_sub(u64::from_le_bytes(sent)),
            ));
        }
    }
    let cost = Usage::now() - before;
    let mut metrics = quantiles(times);
    cost.per(count, "receiver", &mut metrics);
    say_metrics(&metrics);
}

// ── bursts, and pauses between them ──────────────────────────────────────────────────────────────────────

const BURST: u64 = 1_000;
const BURST_SIZE: usize = 16;
/// Long enough for every thread to go to sleep, and for whatever a stream has set going to come to rest.
const BETWEEN_BURSTS: Duration = Duration::from_millis(3);

/// Notes when the last send of each burst was back.
fn burst_push<L: Library>(params: &Params) {
    let socket = L::push(&L::context());
    socket.connect(params.text("endpoint"));
    let mut source = Source::new(BURST_SIZE);
    let before = Usage::now();
    let mut times = Vec::new();
    for _ in 0..params.number("bursts") {
        thread::sleep(BETWEEN_BURSTS);
        for _ in 0..BURST {
            source.send_next(&socket);
        }
        times.push(clock());
    }
    say_times(&times);
    say_cost(before, source.sent());
}

/// Notes when the last message of each burst was there.
fn burst_pull<L: Library>(params: &Params) {
    let mut socket = L::pull(&L::context());
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    let mut check = Check::new(BURST_SIZE);
    let before = Usage::now();
    let mut times = Vec::new();
    for _ in 0..params.number("bursts") {
        for _ in 0..BURST {
            assert!(check.accept(socket.recv()), "a burst ended too early");
        }
        times.push(clock());
    }
    say_times(&times);
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(check.received(), "receiver", &mut metrics);
    say_metrics(&metrics);
}

fn say_times(times: &[u64]) {
    let times: Vec<_> = times.iter().map(u64::to_string).collect();
    say(&format!("times {}", times.join(" ")));
}

// ── many to one: PUSHes to a PULL ────────────────────────────────────────────────────────────────────────

/// Several PUSH sockets served by one thread, each in turn. The receiver takes from all, so nobody waits long.
fn push_many<L: Library>(params: &Params) {
    let context = L::context();
    let size = params.number("size") as usize;
    let first = params.number("first");
    let mut ends: Vec<_> = (first..first + params.number("sockets"))
        .map(|number| {
            let socket = L::push(&context);
            socket.connect(params.text("endpoint"));
            (socket, Source::of_many(size, number))
        })
        .collect();
    let stop = told();
    let before = Usage::now();
    while !stop.load(Ordering::Acquire) {
        for (socket, source) in &mut ends {
            (0..stride(size)).for_each(|_| source.send_next(socket));
        }
    }
    for (socket, source) in &ends {
        source.send_end(socket);
    }
    say_cost(before, ends.iter().map(|end| end.1.sent()).sum());
}

fn pull_many<L: Library>(params: &Params) {
    let mut socket = L::pull(&L::context_with_threads(params.number("threads")));
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    let checks = |size| ManyChecks::new(size, params.number("senders"));
    receive_stream(params, checks, &mut socket);
}

// ── among connections that say nothing ───────────────────────────────────────────────────────────────────

/// Each number it is told is how many others there are now: it measures, and keeps the figures under that number.
fn measure_among(mut measure: impl FnMut() -> Metrics) -> Metrics {
    let mut all = Metrics::default();
    while let Some(others) = next_number() {
        all.merge(measure().with_suffix(&format!("_{others}")));
        say("measured");
    }
    all
}

fn pull_in_crowd<L: Library>(params: &Params) {
    let mut socket = L::pull(&L::context());
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    let mut stream = Stream::new(params, Check::new);
    let metrics = measure_among(|| stream.measure(&mut socket));
    stream.drain(&mut socket);
    say_metrics(&metrics);
}

fn req_in_crowd<L: Library>(params: &Params) {
    let mut socket = L::req(&L::context(), settings(params));
    socket.connect(params.text("endpoint"));
    let metrics = measure_among(|| time_requests(params, &mut socket));
    end_requests(&mut socket);
    say_metrics(&metrics);
}

// ── one to many: PUB to SUBs ─────────────────────────────────────────────────────────────────────────────

fn publish<L: Library>(params: &Params) {
    let socket = L::publisher(&L::context(), settings(params));
    if params.has("proxy") {
        socket.connect(params.text("proxy"));
    } else {
        say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    }
    knock_until(&told(), &socket);
    let stop = told();
    let before = Usage::now();
    let sent = send_until(&socket, params.number("size") as usize, &stop);
    say_cost(before, sent);
}

/// A publisher cannot see who is there: it knocks until it is told that everybody heard it.
fn knock_until(heard: &AtomicBool, socket: &impl SendEnd) {
    while !heard.load(Ordering::Acquire) {
        socket.send(KNOCK);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Several SUB sockets served by one thread: each in turn, as many messages a turn as fit into the smallest
/// queue, so that nobody waits for somebody who waits for it.
fn subscribe<L: Library>(params: &Params) {
    const TURN: u64 = 100;
    let context = L::context();
    let size = params.number("size") as usize;
    let mut ends: Vec<_> = (0..params.number("sockets"))
        .map(|_| {
            let socket = L::subscriber(&context);
            socket.connect(params.text("endpoint"));
            (socket, Check::new(size))
        })
        .collect();
    for (socket, _) in &mut ends {
        assert_eq!(socket.recv(), KNOCK);
    }
    say("heard");
    for (socket, check) in &mut ends {
        // The first message of the stream ends the knocking.
        while skip_knock(check, socket.recv()) {}
    }

    let turn = |ends: &mut Vec<(L::Sub, Check)>| {
        for (socket, check) in ends {
            for _ in 0..TURN {
                assert!(check.accept(socket.recv()), "the stream ended too early");
            }
        }
    };
    let start = Instant::now();
    while start.elapsed() < params.millis("warm-up") {
        turn(&mut ends);
    }
    let received = |ends: &[(L::Sub, Check)]| ends.iter().map(|end| end.1.received()).sum::<u64>();
    let before = (received(&ends), Usage::now());
    let start = Instant::now();
    while start.elapsed() < params.millis("duration") {
        turn(&mut ends);
    }
    let took = start.elapsed();
    let count = received(&ends) - before.0;
    let mut metrics = Metrics::default();
    (Usage::now() - before.1).per(count, "receiver", &mut metrics);
    metrics.set("rate", count as f64 / took.as_secs_f64());
    say("measured");

    let mut open: Vec<_> = ends.iter_mut().collect();
    while !open.is_empty() {
        open.retain_mut(|(socket, check)| (0..TURN).all(|_| check.accept(socket.recv())));
    }
    say_metrics(&metrics);
}

/// Over udp. What is lost is nothing that the two could know of.
fn dish<L: Library>(params: &Params) {
    let mut socket = L::dish(&L::context());
    socket.bind(params.text("endpoint"));
    say("ready");
    let mut stream = Stream::new(params, LossyCheck::new);
    let metrics = stream.measure(&mut socket);
    say("measured");
    say_metrics(&metrics);
}

/// Stands between a publisher and its subscribers, and counts its own costs.
fn proxy<L: Library>() {
    let before = Usage::now();
    L::forward(
        |front, back| say(&format!("ready {front} {back}")),
        wait_for_word,
    );
    let mut metrics = Metrics::default();
    // How many messages there were is known to others.
    (Usage::now() - before).per(1, "proxy", &mut metrics);
    say_metrics(&metrics);
}

fn skip_knock(check: &mut Check, body: &[u8]) -> bool {
    let knock = body == KNOCK;
    assert!(knock || check.accept(body), "an empty stream");
    knock
}

// ── many connections, many topics: what they take ────────────────────────────────────────────────────────

/// A PULL to which bare connections are made. The last of them sends one message: all are there then.
fn accept<L: Library>(params: &Params) {
    let mut socket = L::pull(&L::context());
    let endpoint = socket.bind(params.text("endpoint"));
    // What the first connection makes a library set up is not counted.
    say(&format!("ready {endpoint}"));
    assert_eq!(socket.recv(), b"first");
    let before = (resident_bytes(), Usage::now());
    say("go");
    assert_eq!(socket.recv(), b"last");
    let cost = Usage::now() - before.1;
    let connections = params.number("connections");
    let mut metrics = Metrics::default();
    let each = (resident_bytes() - before.0) / connections as f64;
    metrics.set("bytes_each", each);
    cost.per(connections, "receiver", &mut metrics);
    wait_for_word();
    say_metrics(&metrics);
}

/// A PUB to which one bare connection subscribes a great many topics. It hears the knocking when the last of
/// them, which matches it, has taken effect.
fn publish_to_many_topics<L: Library>(params: &Params) {
    let socket = L::publisher(&L::context(), settings(params));
    say(&format!("ready {}", socket.bind(params.text("endpoint"))));
    socket.send(KNOCK);
    let before = resident_bytes();
    knock_until(&told(), &socket);
    let topics = params.number("topics");
    let mut metrics = Metrics::default();
    metrics.set("bytes_each", (resident_bytes() - before) / topics as f64);

    // As close as a miss can be: every one of these differs from some topic in its last character only.
    let misses: Vec<_> = (0..1024).map(|n| near_miss(n * 7_919 % topics)).collect();
    let publish = |rounds: u32| {
        let start = Instant::now();
        for _ in 0..rounds {
            misses.iter().for_each(|body| socket.send(body));
        }
        start.elapsed().as_nanos() as f64 / f64::from(rounds) / misses.len() as f64
    };
    publish(20);
    let before = Usage::now();
    metrics.set("ns_each", publish(200));
    (Usage::now() - before).per(200 * 1024, "sender", &mut metrics);
    socket.send(KNOCK);
    wait_for_word();
    say_metrics(&metrics);
}

pub(crate) fn topic(number: u64) -> Vec<u8> {
    format!("topic/{number:08}").into_bytes()
}

fn near_miss(number: u64) -> Vec<u8> {
    let mut body = topic(number);
    body.pop();
    body.extend_from_slice(b"x and a body");
    body
}
