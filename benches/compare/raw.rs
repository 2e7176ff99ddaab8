//! No library at all: bare sockets, as the limit to compare with, and as cheap peers that speak just enough
//! ZMTP to fill a listener with connections or a publisher with topics.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::child::{next_number, say, say_metrics, wait_for_word, Metrics, Params};
use crate::payload::KNOCK;
use crate::roles::{time_round_trips, topic};
use crate::usage::Usage;

/// Plays the role, or returns false if there is none of this name.
pub(crate) fn play(role: &str, params: &Params) -> bool {
    match role {
        "raw-ping" => ping(params, params.text("endpoint")),
        "raw-pong" => pong(params, params.text("endpoint")),
        "raw-connections" => connections(params),
        "raw-crowd" => crowd(params),
        "raw-dealers" => dealers(params),
        "raw-topics" => topics(params),
        _ => return false,
    }
    true
}

// ── ping-pong ────────────────────────────────────────────────────────────────────────────────────────────

fn ping(params: &Params, endpoint: &str) {
    let metrics = match split(endpoint) {
        Address::Tcp(address) => ping_on(params, tcp(TcpStream::connect(address))),
        #[cfg(unix)]
        Address::Ipc(path) => ping_on(params, unix(std::os::unix::net::UnixStream::connect(path))),
    };
    say_metrics(&metrics);
}

fn pong(params: &Params, endpoint: &str) {
    let metrics = match split(endpoint) {
        Address::Tcp(_) => {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
            let address = listener.local_addr().expect("its address");
            say(&format!("ready tcp://{address}"));
            pong_on(params, tcp(listener.accept().map(|accepted| accepted.0)))
        }
        #[cfg(unix)]
        Address::Ipc(path) => {
            let listener = std::os::unix::net::UnixListener::bind(path).expect("a listener");
            say(&format!("ready {endpoint}"));
            pong_on(params, unix(listener.accept().map(|accepted| accepted.0)))
        }
    };
    say_metrics(&metrics);
}

enum Address<'a> {
    Tcp(&'a str),
    #[cfg(unix)]
    Ipc(&'a str),
}

fn split(endpoint: &str) -> Address<'_> {
    match endpoint.split_once("://") {
        #[cfg(unix)]
        Some(("ipc", path)) => Address::Ipc(path),
        Some(("tcp", address)) => Address::Tcp(address),
        _ => panic!("{endpoint} is neither tcp nor ipc"),
    }
}

/// A stream that can be told not to wait.
trait Bare: Read + Write {
    fn set_spinning(&self);
}

fn tcp(stream: std::io::Result<TcpStream>) -> TcpStream {
    let stream = stream.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream
}

impl Bare for TcpStream {
    fn set_spinning(&self) {
        self.set_nonblocking(true).expect("non-blocking");
    }
}

#[cfg(unix)]
fn unix(stream: std::io::Result<std::os::unix::net::UnixStream>) -> std::os::unix::net::UnixStream {
    stream.expect("a connection")
}

#[cfg(unix)]
impl Bare for std::os::unix::net::UnixStream {
    fn set_spinning(&self) {
        self.set_nonblocking(true).expect("non-blocking");
    }
}

fn ping_on(params: &Params, mut stream: impl Bare) -> Metrics {
    if params.number("spin") != 0 {
        stream.set_spinning();
    }
    let mut answer = vec![0; params.number("size") as usize];
    time_round_trips(params, |request| {
        stream.write_all(request).expect("a write");
        assert!(
            read_whole(&mut stream, &mut answer),
            "the other end is gone"
        );
        assert_eq!(answer, request, "another answer");
    })
}

fn pong_on(params: &Params, mut stream: impl Bare) -> Metrics {
    if params.number("spin") != 0 {
        stream.set_spinning();
    }
    let mut body = vec![0; params.number("size") as usize];
    let mut trips = 0;
    let before = Usage::now();
    while read_whole(&mut stream, &mut body) {
        stream.write_all(&body).expect("a write");
        trips += 1;
    }
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(trips, "receiver", &mut metrics);
    metrics
}

/// Waits by blocking or by spinning, as the stream does. False when the other end is gone.
fn read_whole(stream: &mut impl Read, mut rest: &mut [u8]) -> bool {
    while !rest.is_empty() {
        match stream.read(rest) {
            Ok(0) => return false,
            Ok(count) => rest = &mut rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => panic!("a read: {error}"),
        }
    }
    true
}

// ── just enough ZMTP 3.1 ─────────────────────────────────────────────────────────────────────────────────

const GREETING_LEN: usize = 64;

/// What a peer of this type with the NULL mechanism says before its first message.
fn hello(socket_type: &str) -> Vec<u8> {
    let mut bytes = vec![0; GREETING_LEN];
    bytes[0] = 0xff;
    bytes[9] = 0x7f;
    bytes[10..12].copy_from_slice(&[3, 1]);
    bytes[12..16].copy_from_slice(b"NULL");
    let mut ready = b"\x05READY\x0bSocket-Type".to_vec();
    ready.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
    ready.extend_from_slice(socket_type.as_bytes());
    bytes.extend_from_slice(&[0x04, ready.len() as u8]);
    bytes.extend_from_slice(&ready);
    bytes
}

/// Connects, and returns when the handshake is complete on this side.
fn shake_hands(endpoint: &str, socket_type: &str) -> TcpStream {
    let mut stream = call(endpoint, &hello(socket_type));
    await_hello(&mut stream);
    stream
}

/// Connects, and says everything that a handshake needs without waiting for anything.
fn call(endpoint: &str, hello: &[u8]) -> TcpStream {
    let Address::Tcp(address) = split(endpoint) else {
        panic!("{endpoint} is not tcp");
    };
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(hello).expect("a write");
    stream
}

/// Waits for the other side's greeting and READY, with a single read if they come together. Nothing may
/// follow them.
fn await_hello(stream: &mut TcpStream) {
    const READY: usize = GREETING_LEN + 2;
    let mut theirs = [0; 1024];
    let mut end = 0;
    while end < READY || end < READY + usize::from(theirs[READY - 1]) {
        let got = stream
            .read(&mut theirs[end..])
            .expect("a greeting and READY");
        assert!(got > 0, "hung up on");
        end += got;
    }
    assert_eq!(theirs[GREETING_LEN], 0x04, "READY is a short command");
    assert!(theirs[READY..end].starts_with(b"\x05READY"), "refused");
    assert_eq!(end, READY + usize::from(theirs[READY - 1]));
}

fn short_frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![flags, u8::try_from(body.len()).expect("a short frame")];
    frame.extend_from_slice(body);
    frame
}

/// So many connections that say nothing.
///
/// One thread calls ahead and hardly ever sleeps, so that the listener is what is measured: a client that
/// waits for each handshake by itself costs more processor time than either library. No more than fit into
/// the shorter backlog, libzmq's 100, are under way at once.
fn open_many(endpoint: &str, socket_type: &str, count: u64) -> Vec<TcpStream> {
    const AHEAD: usize = 64;
    let count = count as usize;
    let hello = hello(socket_type);
    let mut open = Vec::with_capacity(count);
    let mut done = 0;
    while done < count {
        while open.len() < count.min(done + AHEAD) {
            open.push(call(endpoint, &hello));
        }
        // Half of them, so that waiting for one finds more.
        let half = done + (open.len() - done).div_ceil(2);
        open[done..half].iter_mut().for_each(await_hello);
        done = half;
    }
    open
}

/// Fills a PULL with connections that say nothing, and times how fast they are accepted.
fn connections(params: &Params) {
    let endpoint = params.text("endpoint");
    let count = params.number("connections");
    let mut first = shake_hands(endpoint, "PUSH");
    first.write_all(&short_frame(0, b"first")).expect("a write");
    wait_for_word();

    let (start, before) = (Instant::now(), Usage::now());
    let mut open = open_many(endpoint, "PUSH", count);
    let took = start.elapsed();
    assert_eq!(open.len() as u64, count);
    let last = open.last_mut().expect("at least one");
    last.write_all(&short_frame(0, b"last")).expect("a write");
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(count, "sender", &mut metrics);
    metrics.set("rate", count as f64 / took.as_secs_f64());
    wait_for_word();
    say_metrics(&metrics);
}

/// Has as many silent connections as it is told, ever more, and keeps them to the end.
fn crowd(params: &Params) {
    let (endpoint, socket_type) = (params.text("endpoint"), params.text("socket-type"));
    let mut open = Vec::new();
    while let Some(count) = next_number() {
        let more = count - open.len() as u64;
        open.extend(open_many(endpoint, socket_type, more));
        open.iter().for_each(leave_no_trace);
        say("there");
    }
    say_metrics(&Metrics::default());
}

/// So many DEALERs, each of which asks, and hears its answer before it asks again; all that one of them does in a
/// round is a write and a read, so that the ROUTER is what is measured.
fn dealers(params: &Params) {
    let count = params.number("peers");
    let mut open = open_many(params.text("endpoint"), "DEALER", count);
    for stream in &open {
        stream.set_nodelay(true).expect("no delay");
        leave_no_trace(stream);
    }
    let mut body = vec![0x5a; params.number("size") as usize];
    let mut number = 0_u64;
    let mut round = || {
        let first = number;
        let mut frame = |number: u64| {
            body[..8].copy_from_slice(&number.to_le_bytes());
            short_frame(0, &body)
        };
        for stream in &mut open {
            stream.write_all(&frame(number)).expect("a write");
            number += 1;
        }
        for (asked, stream) in (first..).zip(&mut open) {
            let wanted = frame(asked);
            let mut answer = vec![0; wanted.len()];
            stream.read_exact(&mut answer).expect("an answer");
            assert_eq!(answer, wanted, "another's answer");
        }
    };
    let rounds_for = |duration: Duration, round: &mut dyn FnMut()| {
        let (start, mut rounds) = (Instant::now(), 0);
        while start.elapsed() < duration {
            round();
            rounds += 1;
        }
        (rounds * count, start.elapsed())
    };
    rounds_for(params.millis("warm-up"), &mut round);
    let before = Usage::now();
    let (trips, took) = rounds_for(params.millis("duration"), &mut round);
    let mut metrics = Metrics::default();
    (Usage::now() - before).per(trips, "sender", &mut metrics);
    metrics.set("rate", trips as f64 / took.as_secs_f64());

    let first = open.first_mut().expect("a peer");
    let end = short_frame(0, b"");
    first.write_all(&end).expect("a write");
    let mut answer = vec![0; end.len()];
    first.read_exact(&mut answer).expect("the end");
    assert_eq!(answer, end);
    say_metrics(&metrics);
}

/// Tens of thousands of connections a minute that end as usual would leave as many ports that wait.
fn leave_no_trace(stream: &TcpStream) {
    let at_once = Some(Duration::ZERO);
    let set = socket2::SockRef::from(stream).set_linger(at_once);
    set.expect("a connection that can be reset");
}

/// Subscribes a great many topics, and last the one that lets it hear that they have taken effect.
fn topics(params: &Params) {
    const COMMAND: u8 = 0x04;
    let mut stream = shake_hands(params.text("endpoint"), "SUB");
    let count = params.number("topics");
    let mut bytes = Vec::with_capacity(1 << 20);
    let subscribe = |topic: &[u8], bytes: &mut Vec<u8>| {
        bytes.extend(short_frame(COMMAND, &[b"\x09SUBSCRIBE", topic].concat()));
    };
    let start = Instant::now();
    for number in 0..count {
        subscribe(&topic(number), &mut bytes);
        if bytes.len() > 1 << 19 {
            stream.write_all(&bytes).expect("a write");
            bytes.clear();
        }
    }
    subscribe(KNOCK, &mut bytes);
    stream.write_all(&bytes).expect("a write");
    let mut knock = vec![0; KNOCK.len() + 2];
    stream.read_exact(&mut knock).expect("a publication");
    assert_eq!(knock, short_frame(0, KNOCK), "only what was subscribed");
    let mut metrics = Metrics::default();
    metrics.set("seconds_to_subscribe", start.elapsed().as_secs_f64());
    say("heard");
    // What follows is knocking, and nothing that was not subscribed.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end");
    let knocks = rest.chunks(knock.len());
    assert!(
        knocks.into_iter().all(|frame| frame == knock),
        "a near miss was published"
    );
    say_metrics(&metrics);
}
