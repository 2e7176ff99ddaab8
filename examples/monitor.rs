//! Which peers are connected, and how busy: a live table in the terminal.
//!
//! ```text
//! peer      address              in    in/s     out   out/s waiting    trip
//! anna      127.0.0.1:48150     812    1624     811    1622       1 203.1us
//! otto      127.0.0.1:48152     790    1580     789    1578       0 187.4us
//! in all: 1602 in, 1600 out, 0 dropped
//! ```
//!
//! ```text
//! cargo run --example monitor                          # a server and three clients
//! cargo run --example monitor -- server                # in one terminal; Ctrl-D ends it
//! cargo run --example monitor -- client anna           # in others; end one, start it again
//! ```
//!
//! Three calls on the server's socket tell all there is to know, from any thread, while others use it:
//!
//! - `peers()`: each peer's counts since it came, what waits in its queues, and how long its last answer to a
//!   heartbeat took. All are counts, and taken at one moment: a rate is the difference of two.
//! - `stats()`: the sums over all peers there ever were.
//! - `monitor()`: what happens, as events. They are lines above the table.
//!
//! Into a file or a pipe it prints one table, at the end.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Dealer, EventKind, Message, Monitor, PeerStats, RecvError, Router, Socket};

const USAGE: &str = "\
usage: monitor [server | client NAME] [--requests N] [--endpoint EP]";

/// From one table to the next.
const REFRESH: Duration = Duration::from_millis(500);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("monitor: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- the table ---------------------------------------------------------------------------------

/// A table that is drawn over itself.
struct Table {
    /// When the last one was drawn, and what each address had received and sent by then.
    last: (Instant, HashMap<String, (u64, u64)>),
    /// The lines of it that are on the terminal.
    lines: usize,
}

impl Table {
    fn new() -> Table {
        Table {
            last: (Instant::now(), HashMap::new()),
            lines: 0,
        }
    }

    /// Draws what has happened, and below it how things stand.
    fn draw(&mut self, socket: &Socket<Router>, monitor: &Monitor) {
        // To the table's first line, and away with all below.
        if self.lines > 0 {
            print!("\x1b[{}A\x1b[J", self.lines);
        }
        for event in monitor.try_iter() {
            if !matches!(event.kind, EventKind::Accepted) {
                println!("{event}");
            }
        }
        let mut peers = socket.peers();
        peers.sort_by_key(name);

        println!(
            "{:<9} {:<21} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
            "peer", "address", "in", "in/s", "out", "out/s", "waiting", "trip"
        );
        let seconds = self.last.0.elapsed().as_secs_f64();
        let mut now = HashMap::new();
        for peer in &peers {
            let (received, sent) = (peer.received.messages, peer.sent.messages);
            let address = peer.address.clone().unwrap_or_default();
            let before = self.last.1.get(&address).copied().unwrap_or_default();
            let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            println!(
                "{:<9} {:<21} {:>7} {:>7.0} {:>7} {:>7.0} {:>7} {:>7}",
                name(peer),
                address,
                received,
                rate(received, before.0),
                sent,
                rate(sent, before.1),
                peer.recv_queue.messages + peer.send_queue.messages,
                peer.round_trip.map_or("-".into(), |it| format!("{it:.1?}")),
            );
            now.insert(address, (received, sent));
        }
        let all = socket.stats();
        println!(
            "in all: {} in, {} out, {} dropped",
            all.received, all.sent, all.dropped
        );
        self.last = (Instant::now(), now);
        self.lines = peers.len() + 2;
    }
}

fn name(peer: &PeerStats) -> String {
    let id = peer.routing_id().unwrap_or(b"-");
    String::from_utf8_lossy(id).into_owned()
}

/// Draws a table every now and then on a terminal, and one in the end in any case. The end is when
/// `is_over` says so.
fn watch(
    socket: &Socket<Router>,
    monitor: &Monitor,
    mut is_over: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let mut table = Table::new();
    let terminal = io::stdout().is_terminal();
    while !is_over()? {
        if terminal {
            table.draw(socket, monitor);
        }
        thread::sleep(REFRESH);
    }
    table.draw(socket, monitor);
    Ok(())
}

// ---- what there is to watch --------------------------------------------------------------------

fn open(ctx: &Context, endpoint: &str) -> Result<(Socket<Router>, Monitor)> {
    let router = ctx
        .socket(Router)
        // Round trips are those of heartbeats.
        .heartbeat_interval(Duration::from_millis(200))
        .heartbeat_timeout(Duration::from_secs(30))
        .open()?;
    let monitor = router.monitor();
    router.bind(endpoint)?;
    Ok((router, monitor))
}

/// Sends everything back, until the socket is closed.
fn echo(router: &Socket<Router>) -> Result<()> {
    for message in router {
        router.send(message)?;
    }
    Ok(())
}

/// Serves until its input ends.
fn server(args: &Args) -> Result<()> {
    let input = thread::spawn(|| io::copy(&mut io::stdin(), &mut io::sink()));
    let ctx = Context::new();
    let (router, monitor) = open(&ctx, &args.endpoint)?;
    println!("bound {}", router.endpoint()?);
    thread::scope(|scope| {
        let echo = scope.spawn(|| echo(&router));
        let watched = watch(&router, &monitor, || Ok(input.is_finished()));
        ctx.shutdown();
        echo.join().map_err(|_| "the server has panicked")??;
        watched
    })
}

/// Has a few requests under way at a time, the more the longer its name is. Then it stays until it
/// is told "stop", or hears nothing for a minute.
fn client(args: &Args, name: &str) -> Result<()> {
    let ctx = Context::new();
    let dealer = ctx
        .socket(Dealer)
        .routing_id(name)
        .connect(&args.endpoint)?;
    let mut answers = 0;
    let mut requests = (0..args.requests).map(|n| format!("request {n} of {name}"));
    for request in requests.by_ref().take(name.len()) {
        dealer.send(request)?;
    }
    loop {
        match dealer.recv_timeout(Duration::from_secs(60)) {
            Ok(message) if message == "stop" => return Ok(()),
            Ok(_) => answers += 1,
            Err(RecvError::TimedOut) => return Err("the server is silent".into()),
            Err(error) => return Err(error.into()),
        }
        if let Some(request) = requests.next() {
            dealer.send(request)?;
        }
        if answers == args.requests {
            println!("{name} has had {answers} answers");
        }
    }
}

/// The server here, clients as processes, and a last table when each has had all its answers.
fn all(args: &Args) -> Result<()> {
    const NAMES: [&str; 3] = ["al", "betty", "charlotte"];
    let ctx = Context::new();
    let (router, monitor) = open(&ctx, "tcp://127.0.0.1:*")?;
    let (endpoint, requests) = (router.endpoint()?.to_string(), args.requests.to_string());
    thread::scope(|scope| {
        let echo = scope.spawn(|| echo(&router));
        let mut clients = Vec::new();
        let mut outcome = (|| -> Result<()> {
            for name in NAMES {
                let child = Command::new(env::current_exe()?)
                    .stdout(Stdio::null()) // it would write into the table
                    .args([
                        "client",
                        name,
                        "--endpoint",
                        &endpoint,
                        "--requests",
                        &requests,
                    ])
                    .spawn()?;
                clients.push(Running(child));
            }
            let wanted = NAMES.len() as u64 * args.requests;
            watch(&router, &monitor, || {
                for client in &mut clients {
                    if let Some(status) = client.0.try_wait()? {
                        return Err(format!("a client has ended: {status}").into());
                    }
                }
                Ok(router.stats().sent >= wanted)
            })?;

            let peers = router.peers();
            let right = |peer: &PeerStats| {
                (peer.received.messages, peer.sent.messages) == (args.requests, args.requests)
            };
            if peers.len() != NAMES.len() || !peers.iter().all(right) {
                return Err("these counts are wrong".into());
            }
            println!("every count is right");
            for name in NAMES {
                router.send(Message::from("stop").routed_to(name))?;
            }
            for client in &mut clients {
                client.0.wait()?;
            }
            Ok(())
        })();
        ctx.shutdown();
        let echo = echo.join().map_err(|_| "the server has panicked")?;
        if outcome.is_ok() {
            outcome = echo;
        }
        outcome
    })
}

/// A process that is killed when this value goes, if it has not ended by then.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(args: &Args) -> Result<()> {
    match (args.role.as_deref(), &args.name) {
        (Some("server"), None) => server(args),
        (Some("client"), Some(name)) => client(args, name),
        (None, _) => all(args),
        _ => Err(USAGE.into()),
    }
}

struct Args {
    role: Option<String>,
    name: Option<String>,
    requests: u64,
    endpoint: String,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        name: None,
        requests: 2_000,
        endpoint: "tcp://127.0.0.1:5555".to_owned(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => args.endpoint = parser.value()?.string()?,
            Long("requests") => args.requests = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            Value(name) if args.name.is_none() => args.name = Some(name.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
