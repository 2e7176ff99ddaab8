//! A client that asks until it is answered, though its server is slow, forgetful and mortal: the
//! "Lazy Pirate" of the ZeroMQ guide.
//!
//! ```text
//! cargo run --example lazy_pirate                        # client, and a server that comes to harm
//! cargo run --example lazy_pirate -- server --flaky      # in one terminal; end it, start it again
//! cargo run --example lazy_pirate -- client --count 20   # in another
//! ```
//!
//! The whole of it is a REQ with two options. `relaxed` lets the client ask again although the reply
//! to its last request has not come; the request that was given up is forgotten. `correlate` numbers
//! the requests, so that a late reply to an old one is not taken for the reply to the new one. A
//! server that dies is reconnected to by the socket itself; a client that throws its socket away and
//! makes a new one, as the guide's does, is not needed.
//!
//! A request may be served twice: when the reply is lost or late, asking again is all that a client
//! can do. So requests carry a number, and a server that must not serve one twice remembers it.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, RecvError, Rep, Req, Socket};

const USAGE: &str = "\
usage: lazy_pirate [server [--flaky] | client [--count N]] [--endpoint EP] [--timeout MS]";

/// How often a client asks before it says that there is no server.
const TRIES: u32 = 20;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lazy_pirate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Squares numbers. If it is flaky, it is too slow for the third request, and dies of the sixth.
fn server(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let rep = ctx.socket(Rep).bind(&args.endpoint)?;
    println!("bound {}", rep.endpoint()?);
    for served in 1.. {
        let request = rep.recv()?;
        let number: u64 = request.to_str()?.parse()?;
        match served {
            3 if args.flaky => {
                println!("server: busy with {number}");
                thread::sleep(args.timeout * 2);
            }
            6 if args.flaky => {
                println!("server: dies of {number}");
                std::process::exit(1);
            }
            _ => {}
        }
        rep.send((number * number).to_string())?;
    }
    Ok(())
}

fn client(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let req = ctx
        .socket(Req)
        .relaxed(true)
        .correlate(true)
        .connect(&args.endpoint)?;
    for number in 1..=args.count {
        let reply = ask(&req, number, args.timeout)?;
        println!("{number} squared is {reply}");
        if reply != number * number {
            return Err(format!("that is the reply to another request than {number}").into());
        }
    }
    Ok(())
}

/// Asks until there is an answer.
fn ask(req: &Socket<Req>, number: u64, timeout: Duration) -> Result<u64, Box<dyn Error>> {
    for _ in 0..TRIES {
        req.send(number.to_string())?;
        match req.recv_timeout(timeout) {
            Ok(reply) => return Ok(reply.to_str()?.parse()?),
            Err(RecvError::TimedOut) => println!("no answer to {number} in time: asking again"),
            Err(RecvError::PeerGone) => {
                println!("the server went away with {number}: asking again")
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(format!("nobody answers: asked {TRIES} times").into())
}

/// The client here; a flaky server in a process of its own, and a healthy one after it.
fn both(args: &Args) -> Result<(), Box<dyn Error>> {
    let server = Server::start("tcp://127.0.0.1:0", &["--flaky"], args)?;
    let endpoint = server.endpoint.clone();
    let nurse = thread::spawn({
        let (endpoint, args) = (endpoint.clone(), args.clone());
        move || {
            // Until the flaky one has died. The client asks on meanwhile.
            server.report();
            Server::start(&endpoint, &[], &args).map_err(|error| error.to_string())
        }
    });
    client(&Args {
        endpoint,
        ..args.clone()
    })?;
    let healthy = nurse.join().map_err(|_| "the nurse has panicked")?;
    drop(healthy?);
    Ok(())
}

/// A server process, killed when this value goes.
struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    endpoint: String,
}

impl Server {
    fn start(endpoint: &str, flags: &[&str], args: &Args) -> Result<Server, Box<dyn Error>> {
        let timeout = args.timeout.as_millis().to_string();
        let mut child = Command::new(env::current_exe()?)
            .args(["server", "--endpoint", endpoint, "--timeout", &timeout])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut server = Server {
            child,
            lines: BufReader::new(output),
            endpoint: String::new(),
        };
        let mut line = String::new();
        server.lines.read_line(&mut line)?;
        let bound = line.trim_end().strip_prefix("bound ");
        server.endpoint = bound.ok_or("the server did not start")?.to_owned();
        Ok(server)
    }

    /// Prints what the server says, until it ends.
    fn report(mut self) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).is_ok_and(|n| n > 0) {
            print!("{line}");
            line.clear();
        }
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

#[derive(Clone)]
struct Args {
    role: Option<String>,
    endpoint: String,
    timeout: Duration,
    count: u64,
    flaky: bool,
}

fn parse() -> Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        endpoint: "tcp://127.0.0.1:5555".to_owned(),
        timeout: Duration::from_millis(300),
        count: 8,
        flaky: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => args.endpoint = parser.value()?.string()?,
            Long("timeout") => args.timeout = Duration::from_millis(parser.value()?.parse()?),
            Long("count") => args.count = parser.value()?.parse()?,
            Long("flaky") => args.flaky = true,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(word) if args.role.is_none() => {
                let role = word.string()?;
                if role != "server" && role != "client" {
                    return Err(USAGE.into());
                }
                args.role = Some(role);
            }
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
