//! A weather service: one publisher, any number of subscribers, each with its own topics.
//!
//! ```text
//! cargo run --example pub_sub                                     # a publisher, three subscribers
//! cargo run --example pub_sub -- publisher                        # in one terminal
//! cargo run --example pub_sub -- subscriber weather.oslo          # in others
//! cargo run --example pub_sub -- subscriber weather. storm        # two topics
//! ```
//!
//! - A subscription is a prefix of the message's first frame: `weather.` matches every town.
//! - The publisher filters, so that what no subscriber wants never leaves it.
//! - PUB sends to those who are there. A subscriber that comes late has missed the beginning; one
//!   that is too slow loses whole messages, and holds up no other.

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, thread};

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Pub, Socket, Sub};

const USAGE: &str =
    "usage: pub_sub [publisher | subscriber [TOPIC]...] [--endpoint EP] [--count N]";

const TOWNS: [&str; 4] = ["lima", "nairobi", "osaka", "oslo"];

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pub_sub: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One round of news: a message has two frames, its topic and its content.
fn publish(publisher: &Socket<Pub>, hour: u64) -> Result<(), Box<dyn Error>> {
    for (town, name) in (0..).zip(TOWNS) {
        let degrees = (hour * 7 + town * 5) % 31;
        publisher.send([
            format!("weather.{name}"),
            format!("hour {hour}: {degrees} degrees"),
        ])?;
        if degrees == 30 {
            publisher.send([format!("storm.{name}"), format!("hour {hour}: stay inside")])?;
        }
    }
    // An hour is short here.
    thread::sleep(Duration::from_millis(5));
    Ok(())
}

fn publisher(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind(&args.endpoint)?;
    (0..args.count).try_for_each(|hour| publish(&publisher, hour))
}

fn subscriber(args: &Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let subscriber = ctx.socket(Sub).connect(&args.endpoint)?;
    for topic in &args.topics {
        subscriber.subscribe(topic)?;
    }
    for _ in 0..args.count {
        let message = subscriber.recv()?;
        let text: Vec<_> = message.frames().map(String::from_utf8_lossy).collect();
        println!(
            "{:<20} {}",
            format!("[{}]", args.topics.join(" ")),
            text.join("  ")
        );
    }
    Ok(())
}

/// Publishes until each of three subscribers, processes of their own, has had its three messages.
fn all() -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:0")?;
    let endpoint = publisher.endpoint()?.to_string();

    let mut subscribers = Vec::new();
    for topics in [
        &["weather.oslo"][..],
        &["weather."],
        &["storm", "weather.lima"],
    ] {
        let mut command = Command::new(env::current_exe()?);
        command.args(["subscriber", "--endpoint", &endpoint, "--count", "3"]);
        subscribers.push(command.args(topics).spawn()?);
    }

    let mut hour = 0;
    while !subscribers.is_empty() {
        publish(&publisher, hour)?;
        hour += 1;
        subscribers.retain_mut(|subscriber| matches!(subscriber.try_wait(), Ok(None)));
    }
    println!("published {hour} hours of weather, until every subscriber had its three messages");
    Ok(())
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    match args.role.as_deref() {
        Some("publisher") => publisher(args),
        Some("subscriber") => subscriber(args),
        _ => all(),
    }
}

struct Args {
    role: Option<String>,
    topics: Vec<String>,
    endpoint: String,
    count: u64,
}

fn parse() -> Result<Args, lexopt::Error> {
    let endpoint = "tcp://127.0.0.1:5556".to_owned();
    let mut args = Args {
        role: None,
        topics: Vec::new(),
        endpoint,
        count: u64::MAX,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => args.endpoint = parser.value()?.string()?,
            Long("count") => args.count = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(word) if args.role.is_none() => {
                let role = word.string()?;
                if role != "publisher" && role != "subscriber" {
                    return Err(USAGE.into());
                }
                args.role = Some(role);
            }
            Value(topic) => args.topics.push(topic.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    if args.topics.is_empty() {
        args.topics.push(String::new());
    }
    Ok(args)
}
