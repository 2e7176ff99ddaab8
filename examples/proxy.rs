//! A fixed place between programs that come and go: a queue for requests and a forwarder for news, each a
//! proxy of two sockets and one call.
//!
//! ```text
//!   REQ client  --+                                   +--  REP server
//!   REQ client  --+--> ROUTER   queue   DEALER  <-----+--  REP server
//!
//!   PUB publisher  --+                                +--  SUB subscriber
//!   PUB publisher  --+--> XSUB  forwarder  XPUB  <----+--  SUB subscriber
//! ```
//!
//! ```text
//! cargo run --example proxy                                # all in one go, servers as processes
//! cargo run --example proxy -- queue                       # in one terminal; Enter ends it
//! cargo run --example proxy -- server --name anna          # in others, as many as you like
//! cargo run --example proxy -- client --requests 10
//! cargo run --example proxy -- forwarder                   # the same for news
//! cargo run --example proxy -- publisher --topic weather
//! cargo run --example proxy -- subscriber --topic weather --requests 10
//! ```
//!
//! All others connect; only the proxy has addresses that they must know. It holds nothing: when no server has
//! room, requests wait in the clients. And news that nobody wants does not travel, because the forwarder passes
//! the subscriptions on to the publishers.

use std::env;
use std::error::Error;
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{
    Context, Dealer, Proxy, ProxyHandle, Pub, RecvError, Rep, Req, Router, SendErrorKind, Sub,
    Xpub, Xsub,
};

const USAGE: &str = "\
usage: proxy [queue | forwarder | server [--name NAME] | client [--requests N]
             | publisher [--topic T] | subscriber [--topic T] [--requests N]]
             [--frontend EP] [--backend EP]";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- the proxies -------------------------------------------------------------------------------

/// Requests go to the servers in turn, and each reply back to the client that asked.
fn queue(ctx: &Context, args: &Args) -> Result<(Proxy, Args)> {
    let clients = ctx.socket(Router).bind(&args.frontend)?;
    let servers = ctx.socket(Dealer).bind(&args.backend)?;
    let there = Args {
        frontend: clients.endpoint()?.to_string(),
        backend: servers.endpoint()?.to_string(),
        ..args.clone()
    };
    Ok((Proxy::new(&clients, &servers)?, there))
}

/// Messages go to those that subscribed to them, and subscriptions to the publishers.
fn forwarder(ctx: &Context, args: &Args) -> Result<(Proxy, Args)> {
    let publishers = ctx.socket(Xsub).bind(&args.frontend)?;
    let subscribers = ctx.socket(Xpub).bind(&args.backend)?;
    let there = Args {
        frontend: publishers.endpoint()?.to_string(),
        backend: subscribers.endpoint()?.to_string(),
        ..args.clone()
    };
    Ok((Proxy::new(&publishers, &subscribers)?, there))
}

/// Runs a proxy until Enter is pressed, or the input ends.
fn serve(made: (Proxy, Args)) -> Result<()> {
    let (mut proxy, there) = made;
    println!("frontend {}", there.frontend);
    println!("backend {}", there.backend);
    let handle = proxy.handle();
    thread::spawn(move || end_with_input(&handle));
    println!("{}", proxy.run()?);
    Ok(())
}

fn end_with_input(handle: &ProxyHandle) {
    // What there is to read, and whether that works, is all the same.
    let _ = std::io::stdin().read_line(&mut String::new());
    handle.terminate();
}

// ---- what they stand between -------------------------------------------------------------------

fn server(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).connect(&args.backend)?;
    loop {
        let number: u64 = rep.recv()?.to_str()?.parse()?;
        rep.send(format!("{} by {}", number * number, args.name))?;
    }
}

fn client(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let req = ctx.socket(Req).connect(&args.frontend)?;
    for number in 1..=args.requests {
        req.send(number.to_string())?;
        println!("{number} squared is {}", req.recv()?.to_str()?);
    }
    Ok(())
}

/// Has news all the time, until the forwarder goes.
fn publisher(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).connect(&args.frontend)?;
    for number in 1u64.. {
        match publisher.send([&args.topic, &number.to_string()]) {
            Ok(()) => thread::sleep(Duration::from_millis(5)),
            Err(error) if error.kind() == SendErrorKind::Closed => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn subscriber(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let sub = ctx
        .socket(Sub)
        .subscribe(&args.topic)
        .connect(&args.backend)?;
    for _ in 0..args.requests {
        match sub.recv_timeout(Duration::from_secs(30)) {
            Ok(news) => {
                let frame = |n: usize| std::str::from_utf8(&news[n]);
                println!("{} {}", frame(0)?, frame(1)?);
            }
            Err(RecvError::TimedOut) => return Err("no news".into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

// ---- all of them -------------------------------------------------------------------------------

/// Both proxies, a client and a subscriber here; servers and publishers as processes.
fn all(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let anywhere = Args {
        frontend: "tcp://127.0.0.1:*".to_owned(),
        backend: "tcp://127.0.0.1:*".to_owned(),
        ..args.clone()
    };
    let (mut queue, requests) = queue(&ctx, &anywhere)?;
    let (mut forwarder, news) = forwarder(&ctx, &anywhere)?;
    let handles = [queue.handle(), forwarder.handle()];
    let threads = [
        thread::spawn(move || queue.run()),
        thread::spawn(move || forwarder.run()),
    ];
    let running = [
        start(&["server", "--name", "anna", "--backend", &requests.backend])?,
        start(&["server", "--name", "otto", "--backend", &requests.backend])?,
        start(&[
            "publisher",
            "--topic",
            "weather",
            "--frontend",
            &news.frontend,
        ])?,
        start(&[
            "publisher",
            "--topic",
            "sports",
            "--frontend",
            &news.frontend,
        ])?,
    ];
    client(&requests)?;
    subscriber(&news)?;
    handles.iter().for_each(ProxyHandle::terminate);
    drop(running);
    for (name, thread) in ["queue", "forwarder"].into_iter().zip(threads) {
        let stats = thread.join().map_err(|_| "a proxy has panicked")??;
        println!("{name}: {stats}");
    }
    Ok(())
}

fn start(args: &[&str]) -> Result<Running> {
    let mut command = Command::new(env::current_exe()?);
    Ok(Running(command.args(args).spawn()?))
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
    match args.role.as_deref() {
        Some("queue") => serve(queue(&Context::new(), args)?),
        Some("forwarder") => serve(forwarder(&Context::new(), args)?),
        Some("server") => server(args),
        Some("client") => client(args),
        Some("publisher") => publisher(args),
        Some("subscriber") => subscriber(args),
        None => all(args),
        Some(_) => Err(USAGE.into()),
    }
}

#[derive(Clone)]
struct Args {
    role: Option<String>,
    frontend: String,
    backend: String,
    name: String,
    topic: String,
    requests: u64,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        frontend: "tcp://127.0.0.1:5555".to_owned(),
        backend: "tcp://127.0.0.1:5556".to_owned(),
        name: "server".to_owned(),
        topic: "weather".to_owned(),
        requests: 10,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("frontend") => args.frontend = parser.value()?.string()?,
            Long("backend") => args.backend = parser.value()?.string()?,
            Long("name") => args.name = parser.value()?.string()?,
            Long("topic") => args.topic = parser.value()?.string()?,
            Long("requests") => args.requests = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
