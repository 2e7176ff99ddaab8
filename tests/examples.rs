//! The examples keep their word: `peer` and `perf` are scripted against, `pipeline` is the first
//! command of the README.
//!
//! They are run as programs, as cargo built them. Every wait is bounded; nothing sleeps.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use sinew::{Context, Dealer, Pub, Router};

/// Far more than any example needs, even unoptimized on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

// ---- running them ------------------------------------------------------------------------------

/// An example that runs. It is killed when this value goes.
struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

/// What an example left behind.
struct Ended {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} is not built: cargo build --examples",
        path.display()
    );
    path
}

fn start(name: &str, args: &[&str]) -> Running {
    let mut child = Command::new(example(name))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running {
        name: format!("{name} {}", args.join(" ")),
        stdin: child.stdin.take(),
        stdout: lines(child.stdout.take().unwrap()),
        stderr: lines(child.stderr.take().unwrap()),
        child,
    }
}

/// Runs an example with this input to its end.
fn run(name: &str, args: &[&str], input: &[u8]) -> Ended {
    let mut running = start(name, args);
    running.write(input);
    running.end()
}

/// Reads lines, ends included, in a thread, so that waiting for them can be bounded.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (line_to, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            if pipe.read_until(b'\n', &mut line).unwrap_or(0) == 0 || line_to.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

impl Running {
    fn write(&mut self, input: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(input).unwrap();
    }

    /// The next line of output, which must come while the example runs.
    fn line(&self) -> String {
        self.next(&self.stdout)
            .unwrap_or_else(|| panic!("{} ended", self.name))
    }

    /// The endpoint of the next line on standard error, which must be a `bound` one.
    fn bound(&self) -> String {
        let line = self
            .next(&self.stderr)
            .unwrap_or_else(|| panic!("{} ended", self.name));
        line.strip_prefix("bound ")
            .unwrap_or_else(|| panic!("{}: {line}", self.name))
            .to_owned()
    }

    fn next(&self, pipe: &Receiver<Vec<u8>>) -> Option<String> {
        match pipe.recv_timeout(PATIENCE) {
            Ok(line) => Some(
                String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned(),
            ),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} is silent", self.name),
        }
    }

    /// Ends its input, waits for its end, returns what it has still said.
    fn end(mut self) -> Ended {
        self.stdin = None;
        let deadline = Instant::now() + PATIENCE;
        let rest = |pipe: &Receiver<Vec<u8>>| {
            let mut all = Vec::new();
            loop {
                match pipe.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(line) => all.extend(line),
                    Err(RecvTimeoutError::Disconnected) => return all,
                    Err(RecvTimeoutError::Timeout) => panic!("{} does not end", self.name),
                }
            }
        };
        // Both pipes are closed when the process ends, so `wait` has nothing to wait for.
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    fn expect(self, code: i32, stdout: impl AsRef<[u8]>) -> Ended {
        let shown = String::from_utf8_lossy(&self.stdout);
        assert_eq!(self.code, Some(code), "{shown}{}", self.stderr);
        assert!(self.stdout == stdout.as_ref(), "{shown}{}", self.stderr);
        self
    }
}

// ---- peer --------------------------------------------------------------------------------------

const LIMIT: [&str; 2] = ["--timeout", "60000"];

fn push_to_pull(endpoint: &str) {
    let pull = start(
        "peer",
        &[&["pull", "--bind", endpoint, "--count", "3"], &LIMIT[..]].concat(),
    );
    let endpoint = pull.bound();
    run(
        "peer",
        &["push", "--connect", &endpoint],
        b"one\ntwo\tframes\n\n",
    )
    .expect(0, "");
    pull.end().expect(0, "one\ntwo\tframes\n\n");
}

#[test]
fn peer_pushes_to_pull_over_tcp() {
    push_to_pull("tcp://127.0.0.1:*");
}

#[test]
fn peer_pushes_to_pull_over_ipc() {
    let folder = tempfile::tempdir().unwrap();
    push_to_pull(&format!("ipc://{}", folder.path().join("socket").display()));
}

#[test]
fn peer_pushes_before_anybody_pulls() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}", folder.path().join("socket").display());
    let mut push = start("peer", &["push", "--connect", &endpoint]);
    push.write(b"early\n");
    run(
        "peer",
        &[
            "pull",
            "--bind",
            &endpoint,
            "--count",
            "1",
            "--timeout",
            "60000",
        ],
        b"",
    )
    .expect(0, "early\n");
    push.end().expect(0, "");
}

#[test]
fn peer_carries_bytes_that_are_not_text() {
    let pull = start(
        "peer",
        &["pull", "--bind", "tcp://127.0.0.1:0", "--count", "1"],
    );
    let bytes: Vec<u8> = (0..=255)
        .filter(|&byte| byte != b'\n')
        .chain([b'\n'])
        .collect();
    run("peer", &["push", "--connect", &pull.bound()], &bytes).expect(0, "");
    pull.end().expect(0, &bytes);
}

#[test]
fn peer_prints_each_message_at_once() {
    let pull = start("peer", &["pull", "--bind", "tcp://127.0.0.1:0"]);
    let mut push = start("peer", &["push", "--connect", &pull.bound()]);
    for text in ["first", "second"] {
        push.write(format!("{text}\n").as_bytes());
        assert_eq!(pull.line(), text);
    }
}

#[test]
fn peer_stops_sending_at_count() {
    let pull = start(
        "peer",
        &["pull", "--bind", "tcp://127.0.0.1:0", "--count", "2"],
    );
    run(
        "peer",
        &["push", "--connect", &pull.bound(), "--count", "2"],
        b"a\nb\nc\n",
    )
    .expect(0, "");
    pull.end().expect(0, "a\nb\n");
}

#[test]
fn peer_echoes_requests() {
    let args = [
        "rep",
        "--bind",
        "tcp://127.0.0.1:0",
        "--echo",
        "--count",
        "2",
    ];
    let rep = start("peer", &[&args, &LIMIT[..]].concat());
    let endpoint = rep.bound();
    let args = [&["req", "--connect", &endpoint], &LIMIT[..]].concat();
    run("peer", &args, b"hello\na\tb\n").expect(0, "hello\na\tb\n");
    rep.end().expect(0, "hello\na\tb\n");
}

#[test]
fn peer_answers_with_its_input() {
    let mut rep = start("peer", &["rep", "--bind", "tcp://127.0.0.1:0"]);
    let mut req = start("peer", &["req", "--connect", &rep.bound()]);
    for number in 1..=3 {
        req.write(format!("question {number}\n").as_bytes());
        assert_eq!(rep.line(), format!("question {number}"));
        rep.write(format!("answer {number}\n").as_bytes());
        assert_eq!(req.line(), format!("answer {number}"));
    }
    req.end().expect(0, "");
    rep.end().expect(0, "");
}

#[test]
fn peer_that_answers_ends_with_its_input() {
    run("peer", &["rep", "--bind", "tcp://127.0.0.1:0"], b"").expect(0, "");
}

#[test]
fn peer_publishes_to_subscribers_what_they_asked_for() {
    let some = start(
        "peer",
        &["sub", "--bind", "tcp://127.0.0.1:0", "--subscribe", "b"],
    );
    let all = start("peer", &["sub", "--bind", "tcp://127.0.0.1:0"]);
    let mut publisher = start(
        "peer",
        &["pub", "--connect", &some.bound(), "--connect", &all.bound()],
    );

    // A publisher sends to those who are there. Say something until both have heard it.
    let (mut heard_some, mut heard_all) = (false, false);
    let deadline = Instant::now() + PATIENCE;
    while !(heard_some && heard_all) {
        assert!(Instant::now() < deadline, "nobody hears the publisher");
        publisher.write(b"b is here\n");
        let soon = Duration::from_millis(20);
        heard_some |= some.stdout.recv_timeout(soon).is_ok();
        heard_all |= all.stdout.recv_timeout(soon).is_ok();
    }

    publisher.write(b"a\tskipped\nb\ttwo\tframes\nend\nb end\n");
    publisher.end().expect(0, "");
    let after_greetings = |sub: &Running, first: &str| {
        let mut line = sub.line();
        while line == "b is here" {
            line = sub.line();
        }
        assert_eq!(line, first);
    };
    after_greetings(&some, "b\ttwo\tframes");
    assert_eq!(some.line(), "b end");
    after_greetings(&all, "a\tskipped");
    assert_eq!(all.line(), "b\ttwo\tframes");
    assert_eq!(all.line(), "end");
}

#[test]
fn peer_delay_lets_subscribers_in() {
    let sub = start(
        "peer",
        &["sub", "--bind", "tcp://127.0.0.1:0", "--count", "1"],
    );
    let args = ["pub", "--connect", &sub.bound(), "--delay", "2000"];
    run("peer", &args, b"topic\tbody\n").expect(0, "");
    sub.end().expect(0, "topic\tbody\n");
}

#[test]
fn peer_converses_as_a_pair() {
    let mut one = start("peer", &["pair", "--bind", "tcp://127.0.0.1:0"]);
    let mut other = start("peer", &["pair", "--connect", &one.bound()]);
    // In any order, not in turns.
    one.write(b"one\ntwo\tframes\n");
    assert_eq!(other.line(), "one");
    assert_eq!(other.line(), "two\tframes");
    other.write(b"three\n");
    assert_eq!(one.line(), "three");
    one.write(b"four\n");
    assert_eq!(other.line(), "four");
    one.end().expect(0, "");
    other.end().expect(0, "");
}

#[test]
fn peer_deals_requests_out_to_reps_that_echo() {
    let mut dealer = start("peer", &["dealer", "--bind", "tcp://127.0.0.1:0"]);
    let endpoint = dealer.bound();
    let args = ["rep", "--connect", &endpoint, "--echo"];
    let _reps = [start("peer", &args), start("peer", &args)];
    let requests = ["a", "b", "c", "d"];
    for request in requests {
        dealer.write(format!("\t{request}\n").as_bytes());
    }
    let mut answers: Vec<_> = requests.iter().map(|_| dealer.line()).collect();
    answers.sort();
    assert_eq!(answers, ["\ta", "\tb", "\tc", "\td"]);
    dealer.end().expect(0, "");
}

#[test]
fn peer_shows_who_subscribes_and_sends_what_subscribers_say() {
    let mut xpub = start("peer", &["xpub", "--bind", "tcp://127.0.0.1:0", "--escape"]);
    let at = xpub.bound();
    let args = ["xsub", "--connect", &at, "--subscribe", "weather."];
    let mut xsub = start("peer", &[&args[..], &["--escape"]].concat());
    assert_eq!(xpub.line(), "\\x01weather.");
    xpub.write(b"sport.\ta draw\nweather.\train\n");
    assert_eq!(xsub.line(), "weather.\train");
    xsub.write(b"\\x01sport.\nup\n");
    assert_eq!([xpub.line(), xpub.line()], ["\\x01sport.", "up"]);
    xpub.write(b"sport.\ta win\n");
    assert_eq!(xsub.line(), "sport.\ta win");
    xsub.end().expect(0, "");
    let mut ended = [xpub.line(), xpub.line()];
    ended.sort();
    assert_eq!(ended, ["\\x00sport.", "\\x00weather."]);
    xpub.end().expect(0, "");
}

#[test]
fn peer_routes_by_the_first_frame() {
    let mut router = start("peer", &["router", "--bind", "tcp://127.0.0.1:0"]);
    let at = router.bound();
    let [mut anna, mut otto] =
        ["anna", "otto"].map(|id| start("peer", &["dealer", "--connect", &at, "--identity", id]));
    anna.write(b"hello\n");
    assert_eq!(router.line(), "anna\thello");
    otto.write(b"two\tframes\n");
    assert_eq!(router.line(), "otto\ttwo\tframes");
    router.write(b"otto\tone\tanswer\nnobody\tno answer\nanna\tanother\n");
    assert_eq!(otto.line(), "one\tanswer");
    assert_eq!(anna.line(), "another");
    router.end().expect(0, "");
    anna.end().expect(0, "");
    otto.end().expect(0, "");
}

#[test]
fn peer_echoes_to_whom_a_message_came_from_and_shows_made_up_ids() {
    let args = [
        "router",
        "--bind",
        "tcp://127.0.0.1:0",
        "--echo",
        "--escape",
    ];
    let router = start("peer", &args);
    let mut req = start("peer", &["req", "--connect", &router.bound(), "--escape"]);
    req.write(b"a\\x09b\\x5c\n");
    assert_eq!(req.line(), "a\\x09b\\x5c");
    let line = router.line();
    assert!(line.starts_with("\\x00"), "{line}");
    assert!(line.ends_with("\t\ta\\x09b\\x5c"), "{line}");
    req.end().expect(0, "");
}

#[test]
fn peer_streams_to_programs_of_bare_tcp() {
    let args = [
        "stream",
        "--bind",
        "tcp://127.0.0.1:0",
        "--echo",
        "--escape",
    ];
    let stream = start("peer", &args);
    let at = stream.bound();
    let mut client = std::net::TcpStream::connect(at.trim_start_matches("tcp://")).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    client.write_all(b"hello\n").unwrap();
    let mut echo = [0; 6];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello\n");
    let note = stream.line();
    assert!(note.starts_with("\\x00") && note.ends_with('\t'), "{note}");
    assert_eq!(stream.line(), format!("{note}hello\\x0a"));
    drop(client);
    assert_eq!(stream.line(), note, "it has gone");
}

#[test]
fn peer_sends_datagrams_to_addresses_and_answers_them() {
    let dgram = start("peer", &["dgram", "--bind", "udp://127.0.0.1:*", "--echo"]);
    let at = dgram.bound();
    let mut other = start("peer", &["dgram", "--connect", &at, "--count", "1"]);
    other.write(b"\thello\n");
    let line = dgram.line();
    assert!(
        line.starts_with("127.0.0.1:") && line.ends_with("\thello"),
        "{line}"
    );
    let from = at.trim_start_matches("udp://");
    other.end().expect(0, &format!("{from}\thello\n"));
}

#[test]
fn peer_radios_over_udp() {
    let args = ["dish", "--bind", "udp://127.0.0.1:*", "--group", "oslo"];
    let dish = start("peer", &[&args[..], &["--count", "2"], &LIMIT].concat());
    let radio = run(
        "peer",
        &["radio", "--connect", &dish.bound(), "--stats"],
        b"paris\tlost\noslo\train\noslo\tsun\n",
    );
    dish.end().expect(0, "oslo\train\noslo\tsun\n");
    assert!(radio.stderr.contains("stats: sent 3"), "{}", radio.stderr);
}

#[test]
fn peer_serves_clients_by_their_numbers() {
    let mut server = start("peer", &["server", "--bind", "tcp://127.0.0.1:0"]);
    let mut client = start("peer", &["client", "--connect", &server.bound()]);
    client.write(b"hello\n");
    let line = server.line();
    let (number, hello) = line.split_once('\t').unwrap();
    assert_eq!(hello, "hello");
    server.write(format!("{number}\tand back\n").as_bytes());
    assert_eq!(client.line(), "and back");
    server.end().expect(0, "");
    client.end().expect(0, "");
    let args = ["gather", "--bind", "tcp://127.0.0.1:0", "--count", "1"];
    let gather = start("peer", &args);
    run("peer", &["scatter", "--connect", &gather.bound()], b"one\n").expect(0, "");
    gather.end().expect(0, "one\n");
}

#[test]
fn peer_lets_in_the_users_that_it_was_given_and_no_others() {
    let users = ["--plain-server", "anna:one:two", "--plain-server", "bert:"];
    let bind = ["--bind", "tcp://127.0.0.1:*", "--count", "2", "--monitor"];
    let pull = start("peer", &[&["pull"][..], &bind, &users].concat());
    let endpoint = pull.bound();
    let push = |more: &[&str]| {
        let args = [&["push", "--connect", &endpoint][..], more].concat();
        run("peer", &args, b"hello\n")
    };
    let refused = push(&["--plain", "anna:one", "--linger", "0"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert_eq!(push(&["--plain", "anna:one:two"]).code, Some(0));
    assert_eq!(push(&["--plain", "bert:"]).code, Some(0));
    assert_eq!([pull.line(), pull.line()], ["hello", "hello"]);
    let ended = pull.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for args in [
        &["pull", "--bind", "ipc://*", "--plain", "anna"][..],
        &[
            "pull",
            "--bind",
            "ipc://*",
            "--plain",
            "a:b",
            "--plain-server",
            "a:b",
        ],
    ] {
        assert_eq!(run("peer", args, b"").code, Some(2), "{args:?}");
    }
}

#[test]
fn peer_knows_by_its_number_what_it_connects_to() {
    let mut one = start("peer", &["peer", "--bind", "tcp://127.0.0.1:0"]);
    let at = one.bound();
    let mut other = start("peer", &["peer", "--connect", &at]);
    let said = other.next(&other.stderr).unwrap();
    let number = said
        .strip_prefix(&format!("connected {at} as "))
        .unwrap_or_else(|| panic!("{said}"));
    other.write(format!("{number}\thello\n").as_bytes());
    let line = one.line();
    let (back, hello) = line.split_once('\t').unwrap();
    assert_eq!(hello, "hello");
    one.write(format!("{back}\tand back\n").as_bytes());
    assert_eq!(other.line(), format!("{number}\tand back"));
    let ended = run("peer", &["peer", "--connect", &at], b"hello\n").expect(1, "");
    assert!(
        ended.stderr.contains("without a peer's number"),
        "{}",
        ended.stderr
    );
    one.end().expect(0, "");
    other.end().expect(0, "");
}

#[test]
fn peer_radios_to_the_dishes_that_are_in_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}", folder.path().join("socket").display());
    for endpoint in ["tcp://127.0.0.1:*", &ipc] {
        let mut radio = start("peer", &["radio", "--bind", endpoint, "--monitor"]);
        let at = radio.bound();
        let [oslo, both] = [&["oslo"][..], &["rome", "oslo"]].map(|groups| {
            let mut args = vec!["dish", "--connect", &at, "--count", "2"];
            groups
                .iter()
                .for_each(|group| args.extend(["--group", group]));
            start("peer", &[&args[..], &LIMIT].concat())
        });
        // Each has joined when the monitor has told of all three.
        let mut joined = 0;
        while joined < 3 {
            let event = radio.next(&radio.stderr).unwrap();
            joined += usize::from(event.contains("subscribed"));
        }
        radio.write(b"paris\tlost\noslo\train\nrome\tsun\noslo\tsnow\n");
        oslo.end().expect(0, "oslo\train\noslo\tsnow\n");
        both.end().expect(0, "oslo\train\nrome\tsun\n");
        radio.end().expect(0, "");
    }
    let args = ["radio", "--bind", "tcp://127.0.0.1:0", "--count", "1"];
    let mut radio = start("peer", &args);
    radio.write(b"oslo\tone\noslo\ttwo\n");
    assert_eq!(radio.next(&radio.stdout), None, "it ends at its count");
    radio.end().expect(0, "");
    let two = run("peer", &args[..3], b"oslo\ttwo\tframes\n");
    assert!(two.expect(1, "").stderr.contains("frame"));
}

#[test]
fn peer_echoes_to_whom_a_message_came_from_whatever_its_type() {
    for (echoes, asks) in [
        ("pair", "pair"),
        ("dealer", "dealer"),
        ("router", "dealer"),
        ("server", "client"),
        ("channel", "channel"),
        ("rep", "req"),
    ] {
        let args = [echoes, "--bind", "tcp://127.0.0.1:0", "--echo"];
        let echo = start("peer", &[&args[..], &["--count", "2"], &LIMIT].concat());
        let mut asks = start("peer", &[asks, "--connect", &echo.bound()]);
        asks.write(b"one\n");
        assert_eq!(asks.line(), "one", "{echoes}");
        asks.write(b"two\n");
        assert_eq!(asks.line(), "two", "{echoes}");
        let ended = echo.end();
        assert_eq!(ended.code, Some(0), "{echoes}: {}", ended.stderr);
        assert_eq!(String::from_utf8_lossy(&ended.stdout).lines().count(), 2);
        asks.end().expect(0, "");
    }
}

#[test]
fn peer_routers_know_each_other_by_their_identities() {
    let args = ["router", "--bind", "tcp://127.0.0.1:0", "--identity", "one"];
    let mut one = start("peer", &args);
    let at = one.bound();
    let args = ["router", "--connect", &at, "--identity", "other"];
    let mut other = start("peer", &[&args[..], &["--monitor"]].concat());
    while !other.next(&other.stderr).unwrap().contains("ready") {}
    other.write(b"one\thello\n");
    assert_eq!(one.line(), "other\thello");
    one.write(b"other\tand back\n");
    assert_eq!(other.line(), "one\tand back");
    one.end().expect(0, "");
    other.end().expect(0, "");
}

#[test]
fn peer_prints_what_still_comes_after_the_end_of_its_input() {
    let rep = start("peer", &["rep", "--bind", "tcp://127.0.0.1:0", "--echo"]);
    let at = rep.bound();
    // Ended by the count, so that nothing depends on how long the replies take.
    let args = ["dealer", "--connect", &at, "--count", "3"];
    run(
        "peer",
        &[&args[..], &LIMIT].concat(),
        b"\tone\n\ttwo\n\tthree\n",
    )
    .expect(0, "\tone\n\ttwo\n\tthree\n");
}

#[test]
fn peer_queues_no_more_than_its_high_water_mark() {
    let args = [
        "push",
        "--connect",
        "ipc:///nonexistent/nobody",
        "--hwm",
        "2",
    ];
    let ends = ["--timeout", "50", "--linger", "0", "--stats"];
    let ended = run("peer", &[&args[..], &ends].concat(), b"one\ntwo\nthree\n");
    let ended = ended.expect(1, "");
    assert!(ended.stderr.contains("in time"), "{}", ended.stderr);
    assert!(ended.stderr.contains("stats: sent 2,"), "{}", ended.stderr);
}

#[test]
fn peer_asks_for_signs_of_life_and_gives_up_a_peer_that_gives_none() {
    const GREETING: usize = 64;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    let args = ["pair", "--connect", &at, "--heartbeat", "100", "--monitor"];
    let pair = start("peer", &args);
    let (mut silent, _) = listener.accept().unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut hello = vec![0; GREETING];
    hello[0] = 0xff;
    hello[9..12].copy_from_slice(&[0x7f, 3, 1]);
    hello[12..16].copy_from_slice(b"NULL");
    hello.extend(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PAIR");
    silent.write_all(&hello).unwrap();
    let mut heard = Vec::new();
    silent.read_to_end(&mut heard).unwrap();
    let ping = b"\x04PING";
    assert!(heard.windows(ping.len()).any(|bytes| bytes == ping));
    let mut seen = Vec::new();
    while !seen
        .iter()
        .any(|event: &String| event.contains("heartbeat"))
    {
        seen.push(
            pair.next(&pair.stderr)
                .unwrap_or_else(|| panic!("{seen:?}")),
        );
    }
}

#[test]
fn peer_talks_to_those_whose_keys_it_was_given() {
    let keys = || {
        let ended = run("peer", &["keygen"], b"");
        assert_eq!(ended.code, Some(0));
        let text = String::from_utf8(ended.stdout).unwrap();
        let (public, secret) = text.split_once('\n').unwrap();
        let key = |line: &str, name| line.trim_end().strip_prefix(name).unwrap().to_owned();
        (key(public, "public "), key(secret, "secret "))
    };
    let (server, client, stranger) = (keys(), keys(), keys());
    let bind = ["--bind", "tcp://127.0.0.1:*", "--count", "1"];
    let serve = [
        "--curve-server",
        &server.1,
        "--allow",
        &client.0,
        "--allow",
        &server.0,
    ];
    let pull = start("peer", &[&["pull"][..], &bind, &serve].concat());
    let endpoint = pull.bound();
    let push = |curve: &str, linger: &str| {
        let args = [
            "push",
            "--connect",
            &endpoint,
            "--curve",
            curve,
            "--linger",
            linger,
        ];
        run("peer", &args, b"hello\n").code
    };
    for refused in [
        format!("{},{}", server.0, stranger.1),
        format!("{},{}", stranger.0, client.1),
        server.0.clone(),
    ] {
        assert_eq!(push(&refused, "300"), Some(1));
    }
    assert_eq!(
        push(&format!("{},{}", server.0, client.1), "60000"),
        Some(0)
    );
    assert_eq!(pull.line(), "hello");
    assert_eq!(pull.end().code, Some(0));
    // Without a list, whoever knows the server's key.
    let pull = start("peer", &[&["pull"][..], &bind, &serve[..2]].concat());
    let args = ["push", "--connect", &pull.bound(), "--curve", &server.0];
    assert_eq!(run("peer", &args, b"hello\n").code, Some(0));
    assert_eq!(pull.end().stdout, b"hello\n");
    for args in [
        &["--curve-server", &server.1[1..]][..],
        &["--curve", &server.0, "--plain", "a:b"],
        &["--allow", &server.0],
    ] {
        let ended = run(
            "peer",
            &[&["pull", "--bind", "ipc://*"][..], args].concat(),
            b"",
        );
        assert_eq!(ended.code, Some(2), "{args:?}");
        assert!(!ended.stderr.contains(&server.1[1..]), "{}", ended.stderr);
    }
}

#[test]
fn peer_that_reads_a_line_it_cannot_unescape_exits_with_1() {
    let args = ["pair", "--bind", "tcp://127.0.0.1:0", "--escape"];
    let ended = run("peer", &args, b"\\x4\n").expect(1, "");
    assert!(ended.stderr.contains("xHH"), "{}", ended.stderr);
}

#[test]
fn peer_that_must_route_exits_with_1_when_it_cannot() {
    let args = ["router", "--bind", "tcp://127.0.0.1:0", "--mandatory"];
    let ended = run("peer", &args, b"nobody\tmessage\n").expect(1, "");
    assert!(ended.stderr.contains("no peer"), "{}", ended.stderr);
}

#[test]
fn peer_that_converses_ends_at_count_though_its_input_goes_on() {
    for kind in ["dealer", "pair"] {
        let args = [kind, "--bind", "tcp://127.0.0.1:0", "--count", "2"];
        let mut one = start("peer", &[&args, &LIMIT[..]].concat());
        let mut other = start("peer", &[kind, "--connect", &one.bound()]);
        one.write(b"hello\n");
        assert_eq!(other.line(), "hello");
        other.write(b"first\nsecond\nthird\n");
        assert_eq!(one.line(), "first");
        assert_eq!(one.line(), "second");
        assert_eq!(one.next(&one.stdout), None, "it ends of its own accord");
        one.end().expect(0, "");
    }
}

#[test]
fn peer_that_converses_ends_with_its_input() {
    for kind in ["dealer", "pair"] {
        let args = [kind, "--bind", "tcp://127.0.0.1:0", "--timeout", "50"];
        run("peer", &args, b"").expect(0, "");
    }
}

#[test]
fn peer_that_waits_too_long_exits_with_1() {
    for kind in [
        &["pull"][..],
        &["sub"],
        &["rep", "--echo"],
        &["dealer", "--count", "1"],
    ] {
        let args = [kind, &["--bind", "tcp://127.0.0.1:0", "--timeout", "50"]].concat();
        assert!(run("peer", &args, b"")
            .expect(1, "")
            .stderr
            .contains("in time"));
    }
    for kind in ["push", "pair"] {
        let args = [kind, "--bind", "tcp://127.0.0.1:0", "--timeout", "50"];
        let ended = run("peer", &args, b"x\n");
        assert!(ended.expect(1, "").stderr.contains("in time"));
    }
    let args = [
        "req",
        "--connect",
        "ipc:///nonexistent/nobody",
        "--timeout",
        "50",
        "--linger",
        "0",
    ];
    assert!(run("peer", &args, b"x\n")
        .expect(1, "")
        .stderr
        .contains("in time"));
}

#[test]
fn peer_prints_totals_and_events() {
    let told = ["--stats", "--monitor", "--heartbeat", "1000", "--hwm", "10"];
    let pull = start(
        "peer",
        &[
            &["pull", "--bind", "tcp://127.0.0.1:*", "--count", "2"],
            &told[..],
            &LIMIT[..],
        ]
        .concat(),
    );
    let endpoint = pull.bound();
    let push = [&["push", "--connect", &endpoint], &told[..]].concat();
    let push = run("peer", &push, b"one\ntwo\n").expect(0, "");
    let pull = pull.end().expect(0, "one\ntwo\n");
    for (ended, totals) in [
        (
            push,
            "stats: sent 2, received 0, dropped 0, undelivered 0\n",
        ),
        (
            pull,
            "stats: sent 0, received 2, dropped 0, undelivered 0\n",
        ),
    ] {
        assert!(ended.stderr.contains(totals), "{}", ended.stderr);
        assert!(ended.stderr.contains("\nmonitor: ") || ended.stderr.starts_with("monitor: "));
        assert!(ended.stderr.contains("ready"), "{}", ended.stderr);
    }
}

#[test]
fn peer_that_cannot_bind_exits_with_1() {
    let first = start("peer", &["pull", "--bind", "tcp://127.0.0.1:0"]);
    run("peer", &["pull", "--bind", &first.bound()], b"").expect(1, "");
}

#[test]
fn peer_says_what_it_could_not_deliver() {
    let args = [
        "push",
        "--connect",
        "ipc:///nonexistent/nobody",
        "--linger",
        "50",
    ];
    let ended = run("peer", &args, b"lost\n").expect(1, "");
    assert!(
        ended.stderr.contains("1 messages could not be delivered"),
        "{}",
        ended.stderr
    );
}

#[test]
fn peer_refuses_bad_usage_with_2() {
    for args in [
        &[][..],
        &["push"],
        &["PUSH", "--bind", "tcp://127.0.0.1:0"],
        &["pipe", "--bind", "tcp://127.0.0.1:0"],
        &["push", "--bind", "tcp://127.0.0.1:0", "--nonsense"],
        &["push", "--bind"],
        &["push", "pull", "--bind", "tcp://127.0.0.1:0"],
        &["push", "--bind", "127.0.0.1:0"],
        &["pull", "--bind", "tcp://127.0.0.1:0", "--count", "many"],
        &["pull", "--bind", "tcp://127.0.0.1:0", "--subscribe", "x"],
        &["req", "--bind", "tcp://127.0.0.1:0", "--echo"],
        &["pull", "--bind", "tcp://127.0.0.1:0", "--identity", "x"],
        &["dealer", "--bind", "tcp://127.0.0.1:0", "--mandatory"],
        &["sub", "--bind", "tcp://127.0.0.1:0", "--group", "x"],
        &["dish", "--bind", "tcp://127.0.0.1:0", "--echo"],
    ] {
        let ended = run("peer", args, b"").expect(2, "");
        assert!(
            ended.stderr.lines().any(|line| line.starts_with("peer: ")),
            "{}",
            ended.stderr
        );
    }
}

// ---- perf --------------------------------------------------------------------------------------

/// The members of a flat JSON object, in order.
fn members(line: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(line).unwrap();
    let inner = text
        .trim_end()
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap();
    inner
        .split(",\"")
        .map(|member| {
            let (key, value) = member.split_once("\":").unwrap();
            (key.trim_start_matches('"').to_owned(), value.to_owned())
        })
        .collect()
}

fn perf(mode: &str, endpoint: &[&str], figures: &[&str]) {
    let args = [
        &[mode, "--count", "200", "--size", "100", "--json"],
        endpoint,
    ]
    .concat();
    let ended = run("perf", &args, b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout.iter().filter(|&&byte| byte == b'\n').count(),
        1
    );

    let members = members(&ended.stdout);
    let keys: Vec<_> = members.iter().map(|(key, _)| key.as_str()).collect();
    let first = ["mode", "endpoint", "size", "count"];
    assert_eq!(keys, [&first[..], figures, &["cpu_s", "vcs"]].concat());
    let value = |key: &str| &members.iter().find(|(name, _)| name == key).unwrap().1[..];
    assert_eq!(value("mode"), format!("\"{mode}\""));
    assert_eq!((value("size"), value("count")), ("100", "200"));
    for figure in figures {
        assert!(value(figure).parse::<f64>().unwrap() > 0.0, "{figure}");
    }
    if cfg!(target_os = "linux") {
        assert!(value("cpu_s").parse::<f64>().unwrap() >= 0.0);
        value("vcs").parse::<u64>().unwrap();
    }
}

const RATES: [&str; 2] = ["msgs_per_s", "mb_per_s"];
const TIMES: [&str; 3] = ["p50_us", "p99_us", "p999_us"];

#[test]
fn perf_measures_throughput() {
    perf("thr", &[], &RATES);
    perf("thr", &["--endpoint", "inproc://perf"], &RATES);
}

#[test]
fn perf_measures_round_trips() {
    perf("lat", &[], &TIMES);
    perf("lat", &["--endpoint", "inproc://perf"], &TIMES);
    perf(
        "lat",
        &["--busy-poll", "50", "--endpoint", "ipc://*"],
        &TIMES,
    );
}

#[test]
fn perf_ends_may_be_started_apart() {
    let common = ["--count", "200", "--endpoint"];
    for (mode, measures) in [("thr", "recv"), ("lat", "send")] {
        let recv = start(
            "perf",
            &[
                &[mode, "--role", "recv"],
                &common[..],
                &["tcp://127.0.0.1:0"],
            ]
            .concat(),
        );
        let endpoint = recv.bound();
        let send = start(
            "perf",
            &[&[mode, "--role", "send"], &common[..], &[&endpoint]].concat(),
        );
        for (role, ended) in [("send", send.end()), ("recv", recv.end())] {
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            let lines = ended.stdout.iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(lines, usize::from(role == measures));
        }
    }
}

#[test]
fn perf_refuses_bad_usage_with_2() {
    for args in [
        &[][..],
        &["fast"],
        &["thr", "--role", "judge"],
        &["lat", "--count", "0"],
    ] {
        run("perf", args, b"").expect(2, "");
    }
}

// ---- pipeline ----------------------------------------------------------------------------------

/// A folder of text, and how often each of its words occurs.
fn texts() -> (tempfile::TempDir, HashMap<String, u64>) {
    let folder = tempfile::tempdir().unwrap();
    let mut counts = HashMap::new();
    for file in 0..5 {
        let mut text = String::new();
        for line in 0..3000 {
            let words = [
                format!("file{file}"),
                format!("line{}", line % 100),
                "Über".to_owned(),
            ];
            text += &format!("{}; {}, ({})\n", words[0], words[1], words[2]);
            for word in words {
                *counts.entry(word.to_lowercase()).or_insert(0) += 1;
            }
        }
        fs::create_dir_all(folder.path().join("deep/er")).unwrap();
        let name = if file % 2 == 0 {
            "deep/er/text"
        } else {
            "text"
        };
        fs::write(folder.path().join(format!("{name}{file}.txt")), text).unwrap();
    }
    (folder, counts)
}

#[track_caller]
fn pipeline_counts_right(options: &[&str]) -> Ended {
    let (folder, counts) = texts();
    let args = [options, &[folder.path().to_str().unwrap()]].concat();
    let ended = run("pipeline", &args, b"");
    let output = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.code, Some(0), "{output}{}", ended.stderr);
    let totals = format!(
        "{} words, {} different, ",
        counts.values().sum::<u64>(),
        counts.len()
    );
    assert!(output.starts_with(&totals), "{output}");
    assert!(output.contains("    15000 über\n"), "{output}");
    assert!(
        output.contains("equal to a single-threaded count of the 5 files"),
        "{output}"
    );
    ended
}

#[test]
fn pipeline_counts_as_one_thread_does() {
    pipeline_counts_right(&[]);
    pipeline_counts_right(&["--workers", "5"]);
}

#[test]
fn pipeline_counts_right_though_a_worker_is_killed() {
    let ended = pipeline_counts_right(&["--kill-one", "--workers", "2"]);
    assert!(ended.stderr.contains("killing worker"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("sending them again"),
        "{}",
        ended.stderr
    );
}

#[test]
fn pipeline_does_not_hang_without_work() {
    let folder = tempfile::tempdir().unwrap();
    run("pipeline", &[folder.path().to_str().unwrap()], b"").expect(1, "");
}

// ---- the others --------------------------------------------------------------------------------

#[test]
fn the_tutorials_run_alone() {
    for (name, says) in [
        ("hello_queue", "received \"Hello World!\""),
        ("last_value_cache", "each heard the last values at once"),
        ("lazy_pirate", "8 squared is 64"),
        ("load_balancer", "12 squared is 144 by"),
        ("monitor", "every count is right"),
        ("router_dealer", "blue: 9 right answers"),
        ("proxy", "queue: to the backend 10 messages"),
        ("pub_sub", "until every subscriber had its three messages"),
        ("replicate", "all are equal"),
        ("req_rep", "are you better now? -> ARE YOU BETTER NOW?"),
        ("scheduler", "all 205 jobs are done, each counted once"),
        ("service_discovery", "square 13 is 169"),
    ] {
        let ended = run(name, &[], b"");
        let output = String::from_utf8_lossy(&ended.stdout);
        assert_eq!(ended.code, Some(0), "{name}: {output}{}", ended.stderr);
        assert!(output.contains(says), "{name}: {output}{}", ended.stderr);
    }
}

#[test]
fn scheduler_gives_the_jobs_of_a_worker_that_died_to_another() {
    let args = ["scheduler", "--jobs", "20", "--timed", "2"];
    let args = [&args[..], &["--endpoint", "tcp://127.0.0.1:0"]].concat();
    let scheduler = start("scheduler", &args);
    let line = scheduler.line();
    let endpoint = line.strip_prefix("bound ").unwrap();

    // This one takes what it can have, and is gone.
    let ctx = Context::new();
    let mortal = ctx
        .socket(Dealer)
        .routing_id("mortal")
        .probe_router(true)
        .connect(endpoint)
        .unwrap();
    for _ in 0..4 {
        mortal.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!(scheduler.line(), "mortal is here");
    drop(mortal);
    assert_eq!(scheduler.line(), "mortal has gone, with 4 jobs in hand");

    let args = ["worker", "--name", "otto", "--endpoint", endpoint];
    let otto = start("scheduler", &args);
    assert_eq!(scheduler.line(), "otto is here");
    let done = scheduler.line();
    assert!(done.starts_with("all 22 jobs are done"), "{done}");
    assert!(done.contains("dealt again: 4;"), "{done}");
    otto.end().expect(0, "otto has done 22 jobs\n");
    assert_eq!(scheduler.end().code, Some(0));
}

#[test]
fn a_replica_that_missed_a_change_takes_a_snapshot() {
    // This store leaves out what it likes.
    let ctx = Context::new();
    let requests = ctx.socket(Router).bind("tcp://127.0.0.1:0").unwrap();
    let updates = ctx.socket(Pub).bind("tcp://127.0.0.1:0").unwrap();
    let asked_for_a_snapshot = |timeout| {
        let request = requests.recv_timeout(timeout).ok()?;
        let (replica, request) = request.split_id();
        assert_eq!(request, "snapshot");
        Some(replica)
    };

    let (requests_at, updates_at) = (
        requests.endpoint().unwrap().to_string(),
        updates.endpoint().unwrap().to_string(),
    );
    let args = ["replica", "--requests", &requests_at];
    let args = [&args[..], &["--updates", &updates_at, "--name", "anna"]].concat();
    let replica = start("replicate", &args);

    // It is told that there is a fifth change, and has seen none. It may ask more than once.
    let mut asks = None;
    let deadline = Instant::now() + PATIENCE;
    while asks.is_none() {
        assert!(Instant::now() < deadline, "no replica asks");
        updates.send(["7", "5"]).unwrap();
        asks = asked_for_a_snapshot(Duration::from_millis(20));
    }
    let anna = asks.unwrap();
    let snapshot = sinew::Message::from(["7", "5", "a", "1", "b", "1"]);
    requests.send(snapshot.routed_to(&anna)).unwrap();

    updates.send(["7", "6", "b", "2"]).unwrap();
    updates.send(["7", "8", "end", "now"]).unwrap(); // the seventh is lost
    let anna =
        asked_for_a_snapshot(PATIENCE).expect("a replica has not noticed that it missed one");
    let snapshot = ["7", "8", "a", "1", "b", "2", "c", "3", "end", "now"];
    let snapshot = sinew::Message::from(snapshot);
    requests.send(snapshot.routed_to(&anna)).unwrap();
    let said = String::from_utf8(replica.end().stdout).unwrap();
    assert!(said.contains("anna: 4 keys after 8 changes"), "{said}");
}

#[test]
fn a_subscriber_that_comes_late_hears_the_last_value() {
    let args = ["cache", "--feeds", "tcp://127.0.0.1:0", "--values"];
    let cache = start(
        "last_value_cache",
        &[&args[..], &["tcp://127.0.0.1:0"]].concat(),
    );
    let (feeds, values) = (cache.line(), cache.line());
    let feeds = feeds.strip_prefix("feeds at ").unwrap();
    let values = values.strip_prefix("values at ").unwrap();
    for price in ["63.10", "63.20"] {
        let args = ["feed", "gold", price, "--feeds", feeds];
        run("last_value_cache", &args, b"").expect(0, "");
    }
    // The feeds have gone. What they said may not have come through the cache at once.
    let late = start(
        "last_value_cache",
        &["subscriber", "go", "--values", values],
    );
    while late.line() != "gold 63.20" {}
    let later = start(
        "last_value_cache",
        &["subscriber", "gold", "--values", values],
    );
    assert_eq!(later.line(), "gold 63.20");
}

#[test]
fn monitor_counts_what_each_peer_asked() {
    let server = start("monitor", &["server", "--endpoint", "tcp://127.0.0.1:0"]);
    let line = server.line();
    let endpoint = line.strip_prefix("bound ").unwrap();
    let client = |name, requests| {
        let args = [
            "client",
            name,
            "--endpoint",
            endpoint,
            "--requests",
            requests,
        ];
        let client = start("monitor", &args);
        assert_eq!(client.line(), format!("{name} has had {requests} answers"));
        client
    };
    let _clients = [client("anna", "7"), client("otto", "300")];
    let ended = server.end();
    let table = String::from_utf8(ended.stdout).unwrap();
    for (name, requests) in [("anna", "7"), ("otto", "300")] {
        let row = table.lines().find(|line| line.starts_with(name));
        let columns: Vec<_> = row.expect(&table).split_whitespace().collect();
        assert_eq!((columns[2], columns[4]), (requests, requests), "{table}");
    }
    assert!(
        table.contains("in all: 307 in, 307 out, 0 dropped"),
        "{table}"
    );
}

#[test]
fn a_service_is_found_by_its_name() {
    let args = ["registry", "--registry", "tcp://127.0.0.1:0"];
    let registry = start("service_discovery", &args);
    let line = registry.line();
    let endpoint = line.strip_prefix("bound ").unwrap();
    // It waits until there is such a service.
    let args = ["call", "square", "12", "--registry", endpoint];
    let call = start("service_discovery", &args);
    let [_double, _square] = ["double", "square"].map(|name| {
        start(
            "service_discovery",
            &["service", name, "--registry", endpoint],
        )
    });
    call.end().expect(0, "144\n");
}
