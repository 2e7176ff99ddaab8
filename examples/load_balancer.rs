//! Work for whoever has been idle the longest: a load balancer of two ROUTER sockets, which is not a
//! broker but eighty lines of a program of yours.
//!
//! ```text
//!   REQ client  --+                                    +--  REQ worker
//!   REQ client  --+--> ROUTER  load balancer  ROUTER <-+--  REQ worker
//!   REQ client  --+            (idle workers)          +--  REQ worker
//! ```
//!
//! ```text
//! cargo run --example load_balancer                            # all in one go; a worker dies
//! cargo run --example load_balancer -- balancer                # in one terminal
//! cargo run --example load_balancer -- worker --name anna      # in others, as many as you like
//! cargo run --example load_balancer -- client --requests 10
//! ```
//!
//! PUSH, DEALER and REQ deal in turn, which is right when all pieces of work are alike. If they are
//! not, a worker that has a hard one gets more all the same. Here workers *ask* for work: a worker is a
//! REQ whose first request says "ready", and whose next ones are its answers. A worker that has not
//! asked gets nothing.
//!
//! The balancer's ROUTER towards the workers is `mandatory`: sending to a worker that has gone is an
//! error that gives the message back, and the next worker gets it. What a worker had in its hands when
//! it died is lost with it; clients that care ask again (see `lazy_pirate`).

use std::env;
use std::error::Error;
use std::process::{Child, Command, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Frame, Message, RecvError, Req, Router, SendErrorKind, Socket};

const USAGE: &str = "\
usage: load_balancer [balancer | worker [--name NAME] [--dies-of N] | client [--requests N]]
                     [--clients EP] [--workers EP]";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load_balancer: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- the balancer ------------------------------------------------------------------------------

/// The two sides, each served by a thread of its own; between them the queue of idle workers.
fn balance(clients: &Socket<Router>, workers: &Socket<Router>) -> Result<()> {
    let (is_idle, idle) = mpsc::channel();
    thread::scope(|scope| {
        let requests = scope.spawn(|| deal(clients, workers, idle));
        let answers = collect(clients, workers, &is_idle);
        drop(is_idle);
        requests
            .join()
            .map_err(|_| "a thread has panicked")?
            .and(answers)
    })
}

/// Gives each request, `[client, "", request]`, to the worker that has been idle the longest.
fn deal(
    clients: &Socket<Router>,
    workers: &Socket<Router>,
    idle: mpsc::Receiver<Frame>,
) -> Result<()> {
    for mut request in clients {
        loop {
            // No worker is idle: no request is taken, they wait in the clients' sockets.
            let Ok(worker) = idle.recv() else {
                return Ok(());
            };
            request.push_front("");
            match workers.send(request.routed_to(worker)) {
                Ok(()) => break,
                Err(error) if error.kind() == SendErrorKind::Unroutable => {
                    // That worker has gone. The request is here, behind the two frames.
                    request = error.into_message().split_id().1;
                    request.pop_front();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Takes what workers say, `[worker, "", "ready"]` or `[worker, "", client, "", answer]`.
fn collect(
    clients: &Socket<Router>,
    workers: &Socket<Router>,
    is_idle: &mpsc::Sender<Frame>,
) -> Result<()> {
    for said in workers {
        let (worker, mut answer) = said.split_id();
        answer.pop_front();
        // The thread that deals may have ended; then so will this one.
        let _ = is_idle.send(worker);
        if answer.len() > 1 {
            // If the client has gone, its answer is dropped.
            clients.send(answer)?;
        }
    }
    Ok(())
}

fn balancer(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let clients = ctx.socket(Router).bind(&args.clients)?;
    let workers = ctx.socket(Router).mandatory(true).bind(&args.workers)?;
    println!("clients at {}", clients.endpoint()?);
    println!("workers at {}", workers.endpoint()?);
    balance(&clients, &workers)
}

// ---- clients and workers: two REQs -------------------------------------------------------------

/// Works until there is no balancer any more; dies of its `dies_of`th piece of work, if it has one.
fn worker(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let req = ctx.socket(Req).connect(&args.workers)?;
    req.send("ready")?;
    for count in 1.. {
        let mut work = match req.recv() {
            Ok(work) => work,
            Err(RecvError::PeerGone) => break,
            Err(error) => return Err(error.into()),
        };
        if count == args.dies_of {
            println!("{} dies, with work in its hands", args.name);
            std::process::exit(1);
        }
        // `[client, "", request]`: the envelope goes back as it came.
        let request = work.pop_back().ok_or("an empty request")?;
        let request: u64 = std::str::from_utf8(&request)?.parse()?;
        thread::sleep(Duration::from_millis(10)); // it is hard work
        work.push_back(format!("{} by {}", request * request, args.name));
        req.send(work)?;
    }
    Ok(())
}

/// Asks for squares, again if no answer comes.
fn client(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let req = ctx
        .socket(Req)
        .relaxed(true)
        .correlate(true)
        .connect(&args.clients)?;
    for number in 1..=args.requests {
        let answer = ask(&req, number)?;
        println!("{number} squared is {}", answer.to_str()?);
    }
    Ok(())
}

fn ask(req: &Socket<Req>, number: u64) -> Result<Message> {
    loop {
        req.send(number.to_string())?;
        match req.recv_timeout(Duration::from_millis(500)) {
            Ok(answer) => return Ok(answer),
            Err(RecvError::TimedOut) => println!("{number}: no answer, asking again"),
            Err(error) => return Err(error.into()),
        }
    }
}

// ---- all of them -------------------------------------------------------------------------------

/// The balancer and a client here; three workers as processes, one of which comes to harm.
fn all(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let clients = ctx.socket(Router).bind("tcp://127.0.0.1:0")?;
    let workers = ctx
        .socket(Router)
        .mandatory(true)
        .bind("tcp://127.0.0.1:0")?;
    let to_workers = workers.endpoint()?.to_string();
    let args = Args {
        clients: clients.endpoint()?.to_string(),
        ..args.clone()
    };
    thread::scope(|scope| {
        let balancer = scope.spawn(|| balance(&clients, &workers));
        let start = |options: &[&str]| -> Result<Running> {
            let mut command = Command::new(env::current_exe()?);
            command
                .args(["worker", "--workers", &to_workers])
                .args(options);
            Ok(Running(command.spawn()?))
        };
        let running = [
            start(&["--name", "anna"])?,
            start(&["--name", "otto"])?,
            start(&["--name", "mortal", "--dies-of", "1"])?,
        ];
        let outcome = client(&args);
        // Ends the balancer's threads: what they wait for is closed.
        ctx.shutdown();
        drop(running);
        balancer.join().map_err(|_| "the balancer has panicked")??;
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
    match args.role.as_deref() {
        Some("balancer") => balancer(args),
        Some("worker") => worker(args),
        Some("client") => client(args),
        None => all(args),
        Some(_) => Err(USAGE.into()),
    }
}

#[derive(Clone)]
struct Args {
    role: Option<String>,
    clients: String,
    workers: String,
    name: String,
    dies_of: u64,
    requests: u64,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        clients: "tcp://127.0.0.1:5555".to_owned(),
        workers: "tcp://127.0.0.1:5556".to_owned(),
        name: "worker".to_owned(),
        dies_of: 0,
        requests: 12,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("clients") => args.clients = parser.value()?.string()?,
            Long("workers") => args.workers = parser.value()?.string()?,
            Long("name") => args.name = parser.value()?.string()?,
            Long("dies-of") => args.dies_of = parser.value()?.parse()?,
            Long("requests") => args.requests = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
