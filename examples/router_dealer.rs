//! Many questions under way at once, to a server that answers in whatever order it can: DEALER asks,
//! ROUTER answers.
//!
//! ```text
//!   DEALER "red"   --- 1, 2, 3 ... --->  ROUTER, read by four threads
//!   DEALER "blue"  <--- 2, 1, 5 ... ---
//! ```
//!
//! ```text
//! cargo run --example router_dealer                                  # a server, two clients
//! cargo run --example router_dealer -- server                        # in one terminal
//! cargo run --example router_dealer -- client green --questions 20   # in others
//! ```
//!
//! REQ and REP take turns; DEALER and ROUTER do not. The client numbers its questions, because the
//! answers come as they are ready. The server's threads share one socket: each takes the next question
//! with the routing id of its client in front, and sends the answer behind that id.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Dealer, Message, Router, Socket};

const USAGE: &str = "\
usage: router_dealer [server [--threads N] | client NAME [--questions N]] [--endpoint EP]";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("router_dealer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn server(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let router = ctx.socket(Router).bind(&args.endpoint)?;
    println!("bound {}", router.endpoint()?);
    serve(&router, args.threads)
}

/// Answers from several threads at once, until the socket is closed.
fn serve(router: &Socket<Router>, threads: u32) -> Result<()> {
    thread::scope(|scope| {
        let threads = Vec::from_iter((0..threads).map(|_| scope.spawn(|| answer(router))));
        for thread in threads {
            thread.join().map_err(|_| "a thread has panicked")??;
        }
        Ok(())
    })
}

/// One thread's work: `[client, number, question]` in, `[client, number, answer]` out.
fn answer(router: &Socket<Router>) -> Result<()> {
    for request in router {
        let (client, request) = request.split_id();
        let [number, question] = two(&request)?;
        // The longer the question, the longer it takes: short ones overtake.
        thread::sleep(Duration::from_millis(question.len() as u64));
        let answer: String = question.chars().rev().collect();
        router.send(Message::from([number, answer.as_str()]).routed_to(client))?;
    }
    Ok(())
}

/// Asks everything at once, then collects the answers; says which came early.
fn client(args: &Args, name: &str) -> Result<()> {
    let ctx = Context::new();
    let dealer = ctx
        .socket(Dealer)
        .routing_id(name)
        .connect(&args.endpoint)?;
    let questions = Vec::from_iter((0..args.questions).map(|number| question(name, number)));
    for (number, question) in questions.iter().enumerate() {
        dealer.send([number.to_string().as_str(), question.as_str()])?;
    }

    let mut answers = BTreeMap::new();
    let mut order = Vec::new();
    while answers.len() < questions.len() {
        let reply = dealer.recv()?;
        let [number, answer] = two(&reply)?;
        let number: usize = number.parse()?;
        order.push(number);
        answers.insert(number, answer.to_owned());
    }
    for (question, answer) in questions.iter().zip(answers.values()) {
        let right: String = question.chars().rev().collect();
        if *answer != right {
            return Err(format!("{question:?} was answered by {answer:?}").into());
        }
    }
    println!(
        "{name}: {} right answers, in the order {order:?}",
        answers.len()
    );
    Ok(())
}

/// Every third question is a long one.
fn question(name: &str, number: u32) -> String {
    let long = if number.is_multiple_of(3) {
        " and again".repeat(5)
    } else {
        String::new()
    };
    format!("{name} asks{long}")
}

/// The two frames of a message, as text.
fn two(message: &Message) -> Result<[&str; 2]> {
    Ok([message.get_str(0)?, message.get_str(1)?])
}

/// The server here, each client in a process of its own.
fn all(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let router = ctx.socket(Router).bind("tcp://127.0.0.1:0")?;
    let endpoint = router.endpoint()?.to_string();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(&router, args.threads));
        let this_program = env::current_exe()?;
        let clients: std::io::Result<Vec<_>> = ["red", "blue"]
            .iter()
            .map(|name| {
                Command::new(&this_program)
                    .args(["client", name, "--endpoint", &endpoint])
                    .spawn()
            })
            .collect();
        let failed = clients?
            .into_iter()
            .filter_map(|mut client| client.wait().ok())
            .any(|status| !status.success());
        // Ends the server's threads: what they wait for is closed.
        ctx.shutdown();
        server.join().map_err(|_| "the server has panicked")??;
        if failed {
            Err("a client has failed".into())
        } else {
            Ok(())
        }
    })
}

fn run(args: &Args) -> Result<()> {
    match (args.role.as_deref(), &args.name) {
        (Some("server"), None) => server(args),
        (Some("client"), Some(name)) => client(args, name),
        (None, None) => all(args),
        _ => Err(USAGE.into()),
    }
}

struct Args {
    role: Option<String>,
    name: Option<String>,
    endpoint: String,
    threads: u32,
    questions: u32,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        name: None,
        endpoint: "tcp://127.0.0.1:5555".to_owned(),
        threads: 4,
        questions: 9,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => args.endpoint = parser.value()?.string()?,
            Long("threads") => args.threads = parser.value()?.parse()?,
            Long("questions") => args.questions = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            Value(name) if args.name.is_none() => args.name = Some(name.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
