//! Processes that are killed, or frozen and thawed, in the middle of a conversation, in orders that seeds
//! choose.
//!
//! The other processes are this test binary again, told by their environment what to do; they end with
//! their standard input. A test that fails says its seed: `SINEW_SEED=n cargo test --test signals NAME` runs
//! that order again, and `SINEW_ORDERS=20` tries twenty times as many.

#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "to send a signal is unsafe to call")]

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

mod guard;

use guard::SOON;
use sinew::{Context, DynSocket, EventKind, Message, RecvError, SendErrorKind, SocketType};

const ROLE: &str = "SINEW_TEST_ROLE";
const PEER: &str = "SINEW_TEST_PEER";
const NAME: &str = "SINEW_TEST_NAME";

/// Messages that an echoing pair has under way: fewer than any high-water mark, so that none is dropped.
const WINDOW: u64 = 100;

/// Of the tests' choice, the same for the same seed.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % sides
    }
}

/// Runs a test in some orders.
fn orders(test: impl Fn(&mut Dice)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse().ok());
    let seeds = match number("SINEW_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SINEW_ORDERS").unwrap_or(1),
    };
    for seed in seeds {
        let told = Told(seed);
        test(&mut Dice(0x9e37_79b9_u32.wrapping_mul(2 * seed + 1)));
        std::mem::forget(told);
    }
}

/// Says the seed of a test that fails.
struct Told(u32);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("SINEW_SEED={}", self.0);
    }
}

/// Another process.
struct Peer {
    child: Child,
    role: &'static str,
    endpoint: String,
    name: String,
    frozen: bool,
}

impl Peer {
    fn spawn(role: &'static str, endpoint: &str, name: &str) -> Peer {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(PEER, endpoint)
            .env(NAME, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Peer {
            child,
            role,
            endpoint: endpoint.into(),
            name: name.into(),
            frozen: false,
        }
    }

    fn signal(&self, signal: i32) {
        let id = self.child.id() as libc::pid_t;
        // SAFETY: this process's own child, which was not waited for yet.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    }

    fn freeze(&mut self) {
        self.signal(libc::SIGSTOP);
        self.frozen = true;
    }

    fn thaw(&mut self) {
        self.signal(libc::SIGCONT);
        self.frozen = false;
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it, and begins it anew.
    fn restart(&mut self) {
        self.kill();
        *self = Peer::spawn(self.role, &self.endpoint, &self.name);
    }

    /// Does something of the dice's choice to it. True: it is another process now.
    fn disturb(&mut self, dice: &mut Dice) -> bool {
        match (dice.roll(4), self.frozen) {
            (0, _) => {
                self.restart();
                true
            }
            (_, true) => {
                self.thaw();
                false
            }
            (_, false) => {
                self.freeze();
                false
            }
        }
    }

    #[track_caller]
    fn check(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{} ended: {ended:?}", self.name);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other processes' part; nothing when the tests are run as such.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let (peer, name) = (std::env::var(PEER).unwrap(), std::env::var(NAME).unwrap());
    let ctx = Context::new();
    match role.as_str() {
        "dealer" => ask(&connected(&ctx, SocketType::Dealer, &peer, &name)),
        "dealer-that-loses" => ask_loosely(&connected(&ctx, SocketType::Dealer, &peer, &name)),
        "client" => ask(&connected(&ctx, SocketType::Client, &peer, &name)),
        "rep" => answer(&connected(&ctx, SocketType::Rep, &peer, &name)),
        "rep-bound" => answer(&bound(&ctx, SocketType::Rep, &name)),
        "server-bound" => answer(&bound(&ctx, SocketType::Server, &name)),
        "sub" => follow(&ctx, SocketType::Sub, &peer, &name),
        "dish" => follow(&ctx, SocketType::Dish, &peer, &name),
        "pull-bound" => pass_on(&ctx, &peer, &name),
        other => panic!("{other}?"),
    }
}

fn connected(ctx: &Context, kind: SocketType, peer: &str, name: &str) -> DynSocket {
    let socket = ctx
        .socket(kind)
        .reconnect_interval(Duration::from_millis(1));
    let socket = socket.routing_id(name.to_owned()).open().unwrap();
    socket.connect(peer).unwrap();
    socket
}

fn bound(ctx: &Context, kind: SocketType, at: &str) -> DynSocket {
    let socket = ctx.socket(kind).open().unwrap();
    socket.bind(at).unwrap();
    socket
}

/// Sends numbers, a window at a time, and wants each back once, in order. A process that was killed may have
/// left questions under the same name, whose answers go to its successor.
fn ask(socket: &DynSocket) {
    let me = std::process::id();
    let mut sent = 0u64;
    for wanted in 0u64.. {
        while sent < wanted + WINDOW {
            socket.send(format!("{me}:{sent}")).unwrap();
            sent += 1;
        }
        loop {
            let reply = socket.recv().unwrap();
            let (from, number) = sides(reply.to_str().unwrap());
            if from == me.to_string() {
                assert_eq!(number, wanted);
                break;
            }
        }
    }
}

/// Asks again when no answer comes.
fn ask_loosely(socket: &DynSocket) {
    loop {
        socket.send("anybody?").unwrap();
        let _ = socket.recv_timeout(Duration::from_millis(20));
    }
}

/// Whose number it is, and the number.
fn sides(text: &str) -> (String, u64) {
    let (from, number) = text.split_once(':').unwrap();
    (from.to_owned(), number.parse().unwrap())
}

fn answer(socket: &DynSocket) {
    loop {
        let message = socket.recv().unwrap();
        socket.send(message).unwrap();
    }
}

/// Receives numbers that rise, and says to the one that publishes how far it is. The endpoint is two: where
/// numbers come from, and where to say it.
fn follow(ctx: &Context, kind: SocketType, peers: &str, name: &str) {
    let (from, to) = peers.split_once(' ').unwrap();
    let says = connected(ctx, SocketType::Push, to, "");
    let socket = connected(ctx, kind, from, "");
    for topic in ["all", name] {
        if kind == SocketType::Sub {
            socket.subscribe(topic).unwrap();
        } else {
            socket.join(topic).unwrap();
        }
    }
    let mut last = None;
    loop {
        let message = socket.recv().unwrap();
        let text = match kind {
            SocketType::Sub => message.get_str(1).unwrap(),
            _ => message.to_str().unwrap(),
        };
        let number: u64 = text.parse().unwrap();
        assert!(
            last.is_none_or(|last| last < number),
            "{number} after {last:?}"
        );
        last = Some(number);
        says.send([name, text]).unwrap();
    }
}

/// Passes on what it is sent.
fn pass_on(ctx: &Context, to: &str, at: &str) {
    let push = connected(ctx, SocketType::Push, to, "");
    let pull = bound(ctx, SocketType::Pull, at);
    loop {
        push.send(pull.recv().unwrap()).unwrap();
    }
}

fn names() -> [String; 3] {
    ["anna", "bert", "carl"].map(String::from)
}

/// Serves askers by echo while they are disturbed, and until each has gone on by a good deal afterwards. `body`:
/// which frame it is.
fn serve(dice: &mut Dice, socket: &DynSocket, role: &'static str, at: &str, body: usize) {
    let mut peers = names().map(|name| Peer::spawn(role, at, &name));
    // The number that each asker is to say next. Of a process that was killed there may be more behind what
    // its successor said.
    let mut next: HashMap<String, u64> = HashMap::new();
    let mut answered = 0usize;
    let mut step = |peers: &mut [Peer; 3], patience| {
        let message = match socket.recv_timeout(patience) {
            Ok(message) => message,
            Err(RecvError::TimedOut) => return None,
            Err(error) => panic!("{error}"),
        };
        let (from, number) = sides(message.get_str(body).unwrap());
        let expected = next.entry(from.clone()).or_default();
        assert_eq!(number, *expected, "from {from}");
        *expected = number + 1;
        match socket.send(message) {
            Ok(()) => {}
            // Only a SERVER says so.
            Err(error) => assert_eq!(error.kind(), SendErrorKind::Unroutable),
        }
        answered += 1;
        if answered % 1000 == 0 {
            peers.iter_mut().for_each(Peer::check);
        }
        Some(from)
    };
    for _ in 0..12 {
        let served = dice.roll(400);
        for _ in 0..served {
            if step(&mut peers, Duration::from_millis(20)).is_none() {
                break;
            }
        }
        let which = dice.roll(3);
        peers[which].disturb(dice);
    }
    peers.iter_mut().filter(|it| it.frozen).for_each(Peer::thaw);
    // Afterwards each is served as ever: at least as many messages of each as three windows hold.
    let mut heard: HashMap<String, u64> = HashMap::new();
    let begun = Instant::now();
    let living = peers.each_ref().map(|peer| peer.child.id().to_string());
    let served = |heard: &HashMap<String, u64>| {
        let far = |id: &String| heard.get(id).is_some_and(|it| *it > 3 * WINDOW);
        living.iter().all(far)
    };
    while !served(&heard) {
        if let Some(from) = step(&mut peers, SOON) {
            *heard.entry(from).or_default() += 1;
        }
        assert!(begun.elapsed() < 2 * SOON, "{heard:?}");
    }
    let monitor = socket.monitor();
    let there = socket.stats().peers;
    for peer in &mut peers {
        peer.check();
        peer.kill();
    }
    let mut left = socket.stats().peers.min(there);
    while left > 0 {
        let event = monitor.recv_timeout(SOON).unwrap();
        if matches!(event.kind, EventKind::Disconnected { .. }) {
            left = socket.stats().peers;
        }
    }
    while socket.recv_timeout(Duration::ZERO).is_ok() {}
    assert!(socket.peers().is_empty());
}

fn text_of(frame: &[u8]) -> u64 {
    std::str::from_utf8(frame).unwrap().parse().unwrap()
}

#[test]
fn a_router_serves_dealers_that_are_killed_and_frozen() {
    orders(|dice| {
        for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
            // Without it, one that comes back before its predecessor was missed is refused, and loses with that
            // connection what it had written by then.
            let ctx = Context::new();
            let router = ctx.socket(sinew::Router).handover(true);
            let router = router.bind(endpoint).unwrap().into_dynamic();
            let at = router.endpoint().unwrap().to_string();
            serve(dice, &router, "dealer", &at, 1);
        }
    });
}

#[test]
fn a_server_serves_clients_that_are_killed_and_frozen() {
    orders(|dice| {
        for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
            let ctx = Context::new();
            let server = ctx.socket(SocketType::Server).open().unwrap();
            server.bind(endpoint).unwrap();
            let at = server.endpoint().unwrap().to_string();
            serve(dice, &server, "client", &at, 0);
        }
    });
}

/// Asks until it is answered, whatever becomes of those that answer.
fn ask_anew(socket: &DynSocket, number: u64, patience: Duration) -> bool {
    socket.send_timeout(number.to_string(), SOON).unwrap();
    loop {
        match socket.recv_timeout(patience) {
            Ok(reply) if reply == number.to_string().as_str() => return true,
            // Only a CLIENT hears of what it has given up.
            Ok(reply) => assert!(socket.socket_type() == SocketType::Client, "{reply}"),
            Err(RecvError::TimedOut | RecvError::PeerGone) => return false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn keep_asking(dice: &mut Dice, socket: &DynSocket, peers: &mut [Peer]) {
    let mut number = 0;
    for _ in 0..12 {
        for _ in 0..dice.roll(50) {
            number += 1;
            ask_anew(socket, number, Duration::from_millis(20));
        }
        let which = dice.roll(peers.len());
        peers[which].disturb(dice);
    }
    peers.iter_mut().filter(|it| it.frozen).for_each(Peer::thaw);
    let begun = Instant::now();
    let mut answered = 0;
    while answered < 100 {
        number += 1;
        answered += u32::from(ask_anew(socket, number, Duration::from_millis(500)));
        assert!(begun.elapsed() < 2 * SOON, "{answered} answers");
    }
    peers.iter_mut().for_each(Peer::check);
}

#[test]
fn a_req_is_answered_though_those_that_answer_are_killed_and_frozen() {
    orders(|dice| {
        for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
            let ctx = Context::new();
            let req = ctx.socket(sinew::Req).relaxed(true).correlate(true);
            let req = req.bind(endpoint).unwrap().into_dynamic();
            let at = req.endpoint().unwrap().to_string();
            let mut peers = names().map(|name| Peer::spawn("rep", &at, &name));
            keep_asking(dice, &req, &mut peers);
        }
    });
}

/// Endpoints that processes bind again and again.
fn fixed(dir: &tempfile::TempDir) -> [String; 3] {
    names().map(|name| format!("ipc://{}/{name}", dir.path().display()))
}

#[test]
fn a_req_and_a_client_find_servers_again_that_are_killed_and_frozen() {
    orders(|dice| {
        for (kind, role) in [
            (SocketType::Req, "rep-bound"),
            (SocketType::Client, "server-bound"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let at = fixed(&dir);
            let ctx = Context::new();
            let socket = ctx
                .socket(kind)
                .reconnect_interval(Duration::from_millis(1));
            let socket = socket.relaxed(true).correlate(true).open().unwrap();
            for at in &at {
                socket.connect(&**at).unwrap();
            }
            let mut peers = at.map(|at| Peer::spawn(role, "", &at));
            keep_asking(dice, &socket, &mut peers);
        }
    });
}

fn publish_and_disturb(dice: &mut Dice, kind: SocketType, role: &'static str) {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let ctx = Context::new();
        let publisher = ctx.socket(kind).open().unwrap();
        publisher.bind(endpoint).unwrap();
        let heard = ctx.socket(sinew::Pull).bind("ipc://*").unwrap();
        let at = format!(
            "{} {}",
            publisher.endpoint().unwrap(),
            heard.endpoint().unwrap()
        );
        let mut peers = names().map(|name| Peer::spawn(role, &at, &name));
        let mut number = 0u64;
        let mut publish = |topic: &str| {
            number += 1;
            let message = match kind {
                SocketType::Radio => Message::from(number.to_string()).in_group(topic.to_owned()),
                _ => Message::from([topic, &number.to_string()]),
            };
            publisher.send(message).unwrap();
            number
        };
        for _ in 0..12 {
            for _ in 0..dice.roll(2000) {
                publish("all");
                while heard.try_recv().is_ok() {}
            }
            let which = dice.roll(3);
            peers[which].disturb(dice);
        }
        peers.iter_mut().filter(|it| it.frozen).for_each(Peer::thaw);
        // Each hears again, by its own topic and by the one for all.
        for name in names() {
            for topic in ["all", &name] {
                let from = publish(topic);
                let begun = Instant::now();
                let hears = |message: Message| {
                    message[0] == *name.as_bytes() && text_of(&message[1]) >= from
                };
                while !heard
                    .recv_timeout(Duration::from_millis(10))
                    .is_ok_and(hears)
                {
                    publish(topic);
                    assert!(begun.elapsed() < 2 * SOON, "{name} does not hear {topic}");
                }
            }
        }
        peers.iter_mut().for_each(Peer::check);
        let monitor = publisher.monitor();
        peers.iter_mut().for_each(Peer::kill);
        while publisher.stats().peers > 0 {
            let _ = monitor.recv_timeout(Duration::from_millis(100));
        }
        if kind == SocketType::Xpub {
            // What it was told of comes out even: nobody has any topic.
            let mut topics: HashMap<Vec<u8>, bool> = HashMap::new();
            while publisher.topics() > 0 {
                thread::yield_now();
            }
            while let Ok(note) = publisher.try_recv() {
                topics.insert(note[0][1..].to_vec(), note[0][0] == 1);
            }
            assert!(topics.values().all(|there| !there), "{topics:?}");
            assert_eq!(topics.len(), 4, "all, and three names");
        }
    }
}

#[test]
fn an_xpub_goes_on_though_its_subscribers_are_killed_and_frozen() {
    orders(|dice| publish_and_disturb(dice, SocketType::Xpub, "sub"));
}

#[test]
fn a_radio_goes_on_though_its_dishes_are_killed_and_frozen() {
    orders(|dice| publish_and_disturb(dice, SocketType::Radio, "dish"));
}

/// A peer that is frozen is given up by heartbeats, and welcome when it thaws.
#[test]
fn a_frozen_peer_is_given_up_by_heartbeats_and_comes_back() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let ctx = Context::new();
        let router = ctx
            .socket(sinew::Router)
            .heartbeat_interval(Duration::from_millis(20))
            .heartbeat_timeout(Duration::from_millis(500))
            .bind(endpoint)
            .unwrap();
        let monitor = router.monitor();
        let at = router.endpoint().unwrap().to_string();
        let mut peer = Peer::spawn("dealer-that-loses", &at, "anna");
        for _ in 0..3 {
            let message = router.recv_timeout(SOON).unwrap();
            router.send(message).unwrap();
            peer.freeze();
            while !router.peers().is_empty() {
                let _ = monitor.recv_timeout(SOON).unwrap();
            }
            while router.recv_timeout(Duration::ZERO).is_ok() {}
            peer.thaw();
            router.wait_for_peers(1, SOON).unwrap();
        }
    }
}

#[test]
fn what_is_pushed_to_pulls_that_are_killed_comes_at_most_once() {
    orders(|dice| {
        let dir = tempfile::tempdir().unwrap();
        let at = fixed(&dir);
        let ctx = Context::new();
        let back = ctx.socket(sinew::Pull).bind("ipc://*").unwrap();
        let to = back.endpoint().unwrap().to_string();
        let pushes = at.clone().map(|at| {
            let push = ctx
                .socket(sinew::Push)
                .reconnect_interval(Duration::from_millis(1));
            push.connect(&*at).unwrap()
        });
        let mut peers = at.map(|at| Peer::spawn("pull-bound", &to, &at));
        let mut sent = [0u64; 3];
        let mut came = [(); 3].map(|()| HashSet::new());
        let mut receive = |patience| -> Option<(usize, u64)> {
            let message = back.recv_timeout(patience).ok()?;
            let (which, number) = (text_of(&message[0]) as usize, text_of(&message[1]));
            assert!(
                came[which].insert(number),
                "{number} of {which} comes twice"
            );
            Some((which, number))
        };
        let mut push = |which: usize| {
            let number = sent[which];
            let message = [which.to_string(), number.to_string()];
            if pushes[which].try_send(message).is_ok() {
                sent[which] += 1;
            }
            number
        };
        for _ in 0..12 {
            for _ in 0..dice.roll(3000) {
                push(dice.roll(3));
                receive(Duration::ZERO);
            }
            let which = dice.roll(3);
            peers[which].disturb(dice);
        }
        peers.iter_mut().filter(|it| it.frozen).for_each(Peer::thaw);
        for (which, pusher) in pushes.iter().enumerate() {
            let begun = Instant::now();
            let wanted = loop {
                let number = push(which);
                if pusher.peers()[0].connected && sent_since(pusher, number) {
                    break number;
                }
                receive(Duration::from_millis(10));
                assert!(begun.elapsed() < 2 * SOON, "{which} takes nothing");
            };
            while receive(SOON).is_none_or(|(from, number)| from != which || number < wanted) {
                assert!(
                    begun.elapsed() < 2 * SOON,
                    "{wanted} does not come to {which}"
                );
            }
        }
        peers.iter_mut().for_each(Peer::check);
    });
}

/// Whether a message with this number, counted from zero, was accepted.
fn sent_since(push: &sinew::Socket<sinew::Push>, number: u64) -> bool {
    push.stats().sent > number
}
