//! Questions and answers, and what happens when the one who was asked dies.
//!
//! ```text
//! cargo run --example req_rep                               # client, server, an accident
//! cargo run --example req_rep -- server                     # in one terminal
//! cargo run --example req_rep -- client 'how are you?' bye  # in another, before or after
//! ```
//!
//! REQ and REP take turns: a request, its reply, the next request. The server need not be there
//! when the client asks: the request waits. When the server dies with a question in its hands,
//! `recv` says so, and the same socket can ask again; it reconnects by itself.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::{env, thread};

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, RecvError, Rep, Req, Socket};

const USAGE: &str = "usage: req_rep [server | client [QUESTION]...] [--endpoint EP]";

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("req_rep: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers in capitals. One question is too hard for it.
fn server(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind(&args.endpoint)?;
    println!("bound {}", rep.endpoint()?);
    loop {
        let request = rep.recv()?;
        let question = request.to_str()?;
        if question == HARD_QUESTION {
            println!("thinking");
            loop {
                thread::park();
            }
        }
        rep.send(question.to_uppercase())?;
    }
}

const HARD_QUESTION: &str = "what is the answer to everything?";

fn client(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let req = ctx.socket(Req).connect(&args.endpoint)?;
    args.questions
        .iter()
        .try_for_each(|question| ask(&req, question))
}

fn ask(req: &Socket<Req>, question: &str) -> Result<(), Box<dyn Error>> {
    req.send(question)?;
    println!("{question} -> {}", req.recv()?.to_str()?);
    Ok(())
}

/// Client here, server in a process of its own, which comes to harm.
fn both(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut server = Server::start("tcp://127.0.0.1:0")?;
    let endpoint = server.says("bound ")?;

    let ctx = Context::new();
    let req = ctx.socket(Req).connect(&endpoint)?;
    args.questions
        .iter()
        .try_for_each(|question| ask(&req, question))?;

    req.send(HARD_QUESTION)?;
    server.says("thinking")?;
    drop(server);
    match req.recv() {
        Err(RecvError::PeerGone) => println!("{HARD_QUESTION} -> (the server has died)"),
        other => return Err(format!("the server is dead, and yet: {other:?}").into()),
    }

    let _server = Server::start(&endpoint)?;
    ask(&req, "are you better now?")
}

/// A server process, killed when this value goes.
struct Server {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Server {
    fn start(endpoint: &str) -> Result<Server, Box<dyn Error>> {
        let mut child = Command::new(env::current_exe()?)
            .args(["server", "--endpoint", endpoint])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        Ok(Server {
            child,
            lines: BufReader::new(output).lines(),
        })
    }

    /// Waits for the server to print a line with this beginning; returns the rest of it.
    fn says(&mut self, beginning: &str) -> Result<String, Box<dyn Error>> {
        let line = self.lines.next().ok_or("the server has ended")??;
        let rest = line
            .strip_prefix(beginning)
            .ok_or("the server says something else")?;
        Ok(rest.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    match args.role.as_deref() {
        Some("server") => server(args),
        Some("client") => client(args),
        _ => both(args),
    }
}

struct Args {
    role: Option<String>,
    questions: Vec<String>,
    endpoint: String,
}

fn parse() -> Result<Args, lexopt::Error> {
    let endpoint = "tcp://127.0.0.1:5555".to_owned();
    let mut args = Args {
        role: None,
        questions: Vec::new(),
        endpoint,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => args.endpoint = parser.value()?.string()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(word) if args.role.is_none() => {
                let role = word.string()?;
                if role != "server" && role != "client" {
                    return Err(USAGE.into());
                }
                args.role = Some(role);
            }
            Value(question) => args.questions.push(question.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    if args.questions.is_empty() {
        args.questions = vec!["hello?".into(), "is anybody there?".into()];
    }
    Ok(args)
}
