//! The first page of every broker's tutorial, "Hello World!" on a queue named "hello", with the
//! broker gone: the queue is in the two programs themselves.
//!
//! ```text
//! cargo run --example hello_queue                      # both ends, the sender first
//! cargo run --example hello_queue -- receive           # in one terminal
//! cargo run --example hello_queue -- send 'Hi there'   # in another, before or after
//! ```
//!
//! What a broker's queue does, and who does it here:
//! - *it has a name*: the endpoint, here a Unix-domain socket called after the queue;
//! - *it holds messages until they are fetched*: the sender's socket does, and lingers at its end
//!   until they are delivered;
//! - *senders and receivers come and go*: sockets connect when the other side appears, and again
//!   after it was away;
//! - *it survives a crash of its machine*: nothing here does. That is what a broker is for.

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Pull, Push};

const USAGE: &str = "usage: hello_queue [send [MESSAGE]... | receive] [--queue NAME] [--count N]";

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hello_queue: {error}");
            ExitCode::FAILURE
        }
    }
}

fn send(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let queue = ctx.socket(Push).connect(&args.endpoint())?;
    for message in &args.messages {
        queue.send(message.as_str())?;
        println!("sent {message:?}");
    }
    // The messages are accepted, not yet delivered: closing waits for that, 30 s if need be.
    match queue.close().undelivered {
        0 => Ok(()),
        n => Err(format!("no receiver came, messages not delivered: {n}").into()),
    }
}

fn receive(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let queue = ctx.socket(Pull).bind(&args.endpoint())?;
    println!("waiting for messages on {:?}; Ctrl-C ends it", args.queue);
    for _ in 0..args.count {
        let message = queue.recv()?;
        println!("received {:?}", message.to_str()?);
    }
    Ok(())
}

/// The sender first, to show that its message waits for the receiver.
fn both(args: &Args) -> Result<(), Box<dyn Error>> {
    let queue = format!("{}-{}", args.queue, std::process::id());
    let this_program = env::current_exe()?;
    let mut sender = Command::new(this_program)
        .args(["send", "--queue", &queue])
        .spawn()?;
    receive(&Args {
        queue,
        count: 1,
        ..Args::default()
    })?;
    sender.wait()?;
    Ok(())
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    match args.role.as_deref() {
        Some("send") => send(args),
        Some("receive") => receive(args),
        _ => both(args),
    }
}

struct Args {
    role: Option<String>,
    messages: Vec<String>,
    queue: String,
    count: u64,
}

impl Default for Args {
    fn default() -> Args {
        Args {
            role: None,
            messages: Vec::new(),
            queue: "hello".into(),
            count: u64::MAX,
        }
    }
}

impl Args {
    /// Where the queue is: a file of its name.
    fn endpoint(&self) -> String {
        format!("ipc://{}", env::temp_dir().join(&self.queue).display())
    }
}

fn parse() -> Result<Args, lexopt::Error> {
    let mut args = Args::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("queue") => args.queue = parser.value()?.string()?,
            Long("count") => args.count = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(word) if args.role.is_none() => {
                let role = word.string()?;
                if role != "send" && role != "receive" {
                    return Err(USAGE.into());
                }
                args.role = Some(role);
            }
            Value(word) => args.messages.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    if args.messages.is_empty() {
        args.messages.push("Hello World!".into());
    }
    Ok(args)
}
