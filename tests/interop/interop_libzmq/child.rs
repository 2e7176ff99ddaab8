//! Peers in processes of their own, so that they can be killed and frozen: this test binary, started again
//! with a part to play.

use std::env;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, Pub, Pull, Rep};

use crate::lines;
use crate::support::*;

const PART: &str = "SINEW_INTEROP_PART";
const ENDPOINT: &str = "SINEW_INTEROP_ENDPOINT";
/// Starts the line on which a child says where it is; the test harness prints lines of its own.
const READY: &str = "ready at ";
/// How often a publishing child publishes.
const BEAT: Duration = Duration::from_millis(5);

/// What a child does until it is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    TheirRepBinds,
    TheirRepConnects,
    OurRepBinds,
    OurRepConnects,
    TheirPubBinds,
    OurPubBinds,
    TheirPullBinds,
    OurPullBinds,
}

impl Part {
    const ALL: [Part; 8] = [
        Part::TheirRepBinds,
        Part::TheirRepConnects,
        Part::OurRepBinds,
        Part::OurRepConnects,
        Part::TheirPubBinds,
        Part::OurPubBinds,
        Part::TheirPullBinds,
        Part::OurPullBinds,
    ];

    fn play(self, endpoint: &str) {
        match self {
            Part::TheirRepBinds => their_rep(endpoint, true),
            Part::TheirRepConnects => their_rep(endpoint, false),
            Part::OurRepBinds => our_rep(endpoint, true),
            Part::OurRepConnects => our_rep(endpoint, false),
            Part::TheirPubBinds => their_pub(endpoint),
            Part::OurPubBinds => our_pub(endpoint),
            Part::TheirPullBinds => their_pull(endpoint),
            Part::OurPullBinds => our_pull(endpoint),
        }
    }
}

/// Not a test: the door by which a child comes in. Does nothing in an ordinary run.
#[test]
fn plays_a_part_when_started_as_a_child() {
    let (Ok(name), Ok(endpoint)) = (env::var(PART), env::var(ENDPOINT)) else {
        return;
    };
    let part = Part::ALL.into_iter().find(|p| format!("{p:?}") == name);
    // A child must not outlive a parent that was killed: its standard input ends then.
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    part.expect("a part").play(&endpoint);
}

fn say_ready(endpoint: &str) {
    println!("\n{READY}{endpoint}");
}

fn their_rep(endpoint: &str, binds: bool) {
    let rep = zmq::Context::new().socket(Kind::Rep).expect("a REP");
    if binds {
        rep.bind(endpoint).expect("a bind");
    } else {
        rep.connect(endpoint).expect("a connect");
    }
    say_ready(&rep.last_endpoint().expect("an endpoint"));
    while let Ok(request) = rep.recv_multipart() {
        rep.send_multipart(request).expect("a reply");
    }
}

fn our_rep(endpoint: &str, binds: bool) {
    let rep = Context::new().socket(Rep).open().expect("a REP");
    let endpoint = if binds {
        rep.bind(endpoint).expect("a bind")
    } else {
        rep.connect(endpoint).expect("a connect")
    };
    say_ready(&endpoint.to_string());
    while let Ok(request) = rep.recv() {
        rep.send(request).expect("a reply");
    }
}

/// Publishes its own process number again and again.
fn their_pub(endpoint: &str) {
    let publisher = theirs(&zmq::Context::new(), Kind::XPub);
    publisher
        .set_int(option::RCVTIMEO, BEAT.as_millis() as i32)
        .expect("a timeout");
    publisher.bind(endpoint).expect("a bind");
    say_ready(&publisher.last_endpoint().expect("an endpoint"));
    loop {
        publisher
            .send(&tick(std::process::id()), false)
            .expect("a publication");
        // A subscription, or the time for the next one.
        let _ = publisher.recv_multipart();
    }
}

fn our_pub(endpoint: &str) {
    let publisher = Context::new().socket(Pub).open().expect("a PUB");
    let monitor = publisher.monitor();
    let endpoint = publisher.bind(endpoint).expect("a bind");
    say_ready(&endpoint.to_string());
    loop {
        publisher
            .send(tick(std::process::id()))
            .expect("a publication");
        // Something happened to a connection, or the time for the next one.
        let _ = monitor.recv_timeout(BEAT);
    }
}

/// What a publishing child with this process number publishes.
pub(crate) fn tick(process: u32) -> Vec<u8> {
    format!("tick {process}").into_bytes()
}

fn their_pull(endpoint: &str) {
    let pull = zmq::Context::new().socket(Kind::Pull).expect("a PULL");
    pull.bind(endpoint).expect("a bind");
    say_ready(&pull.last_endpoint().expect("an endpoint"));
    while let Ok(message) = pull.recv_multipart() {
        say_got(&message.concat());
    }
}

fn our_pull(endpoint: &str) {
    let pull = Context::new().socket(Pull).open().expect("a PULL");
    let endpoint = pull.bind(endpoint).expect("a bind");
    say_ready(&endpoint.to_string());
    while let Ok(message) = pull.recv() {
        say_got(&message[0]);
    }
}

fn say_got(body: &[u8]) {
    println!("\ngot {}", String::from_utf8_lossy(body));
}

/// A running child. Killed when it goes out of scope.
pub(crate) struct Actor {
    child: Child,
    lines: mpsc::Receiver<String>,
    endpoint: String,
}

impl Actor {
    /// Starts a child, and returns when it has bound or is connecting.
    pub(crate) fn start(part: Part, endpoint: &str) -> Actor {
        let mut child = Command::new(env::current_exe().expect("our own path"))
            .args(["--exact", "child::plays_a_part_when_started_as_a_child"])
            .args(["--nocapture", "--test-threads=1"])
            .env(PART, format!("{part:?}"))
            .env(ENDPOINT, endpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let lines = lines::of(&mut child);
        let mut actor = Actor {
            child,
            lines,
            endpoint: String::new(),
        };
        actor.endpoint = actor.wait_for_line(READY);
        actor
    }

    /// The rest of the next line that starts so.
    pub(crate) fn wait_for_line(&self, start: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(DEADLINE)
                .expect("a line of a child");
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// Waits until this child reports that it received `body`.
    pub(crate) fn wait_until_got(&self, body: &str) {
        while self.wait_for_line("got ") != body {}
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without giving it a chance to say goodbye, and returns where it was.
    pub(crate) fn kill(self) -> String {
        self.endpoint.clone()
    }

    /// Stops it in its tracks: its connections stay, but nothing answers on them.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("the kill program").success());
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
