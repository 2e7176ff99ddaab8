//! A cache between publishers and subscribers: a subscriber that comes late
//! hears at once how things stand.
//!
//! ```text
//!   PUB feed  --+                                     +-->  SUB subscriber "gold"
//!   PUB feed  --+-->  SUB  last value cache  XPUB  ---+-->  SUB subscriber ""
//! ```
//!
//! ```text
//! cargo run --example last_value_cache                              # all in one go
//! cargo run --example last_value_cache -- cache                     # in one terminal
//! cargo run --example last_value_cache -- feed gold 63.20           # in another, again and again
//! cargo run --example last_value_cache -- subscriber gold silver    # in others, whenever you like
//! ```
//!
//! A SUB hears what is published from now on, which may be nothing for an hour. So the cache keeps the
//! last message of each topic. It is an XPUB, which receives subscriptions as messages, and it is told to
//! apply none of them by itself: with `manual` it is the cache that subscribes a peer (`subscribe_peer`), and
//! it can send a message to that peer alone (`send_to_peer`).
//!
//! Two threads share the XPUB, one for messages and one for subscriptions. Each does its step
//! under one lock, so that a new subscriber gets the last value and each later one, in this order, and no
//! other gets anything twice.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::ops::Bound;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Frame, Message, Pub, SendErrorKind, Socket, Sub, Xpub};

const USAGE: &str = "\
usage: last_value_cache [cache | feed TOPIC VALUE | subscriber [TOPIC]... [--count N]]
                        [--feeds EP] [--values EP]";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The last message of each topic.
type LastValues = Mutex<BTreeMap<Frame, Message>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("last_value_cache: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- the cache ---------------------------------------------------------------------------------

/// Passes on what is published, and keeps the last of it, until the sockets are closed.
fn serve(feeds: &Socket<Sub>, values: &Socket<Xpub>) -> Result<()> {
    let last = LastValues::default();
    thread::scope(|scope| {
        let greeter = scope.spawn(|| greet(values, &last));
        let passed_on = pass_on(feeds, values, &last);
        greeter
            .join()
            .map_err(|_| "a thread has panicked")?
            .and(passed_on)
    })
}

/// `[topic, value]`, to those that are subscribed, and kept for others.
fn pass_on(feeds: &Socket<Sub>, values: &Socket<Xpub>, last: &LastValues) -> Result<()> {
    for message in feeds {
        let mut last = last.lock().map_err(|_| "a thread has panicked")?;
        last.insert(Frame::from(&message[0]), message.clone());
        values.send(message)?;
    }
    Ok(())
}

/// Subscribes each peer that asks, and tells it how things stand.
fn greet(values: &Socket<Xpub>, last: &LastValues) -> Result<()> {
    for note in values {
        let last = last.lock().map_err(|_| "a thread has panicked")?;
        let done = match note[0].split_first() {
            Some((1, topic)) => tell(values, topic, &last),
            Some((0, topic)) => values.unsubscribe_peer(topic),
            _ => Ok(()), // a message from an XSUB
        };
        match done {
            // It has gone meanwhile, and its subscriptions with it.
            Ok(()) | Err(sinew::Error::PeerGone) => {}
            Err(sinew::Error::Send(error)) => match error.kind() {
                // The same; or it takes nothing, until its queue is full.
                SendErrorKind::PeerGone | SendErrorKind::WouldBlock => {}
                _ => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Subscribes the peer that has just asked for `topic`, and sends it the last value of all that begins so.
fn tell(values: &Socket<Xpub>, topic: &[u8], last: &BTreeMap<Frame, Message>) -> sinew::Result<()> {
    let from_here = (Bound::Included(topic), Bound::Unbounded);
    values.subscribe_peer(topic)?;
    let mut known = last
        .range::<[u8], _>(from_here)
        .take_while(|(name, _)| name.starts_with(topic))
        .map(|(_, message)| message.clone())
        .peekable();
    if known.peek().is_none() {
        values.send_to_peer([topic, b"has no value yet"])?;
    }
    for message in known {
        values.send_to_peer(message)?;
    }
    Ok(())
}

fn cache(args: &Args) -> Result<()> {
    let (_ctx, feeds, values) = open(&args.feeds, &args.values)?;
    println!("feeds at {}", feeds.endpoint()?);
    println!("values at {}", values.endpoint()?);
    serve(&feeds, &values)
}

fn open(feeds: &str, values: &str) -> Result<(Context, Socket<Sub>, Socket<Xpub>)> {
    let ctx = Context::new();
    let feeds = ctx.socket(Sub).subscribe("").bind(feeds)?;
    let values = ctx
        .socket(Xpub)
        .manual(true)
        // Room for the last values of all topics at once: a subscriber may want them all.
        .send_hwm(100_000)
        .bind(values)?;
    Ok((ctx, feeds, values))
}

// ---- feeds and subscribers ---------------------------------------------------------------------

fn feed(args: &Args) -> Result<()> {
    let [topic, value] = &args.words[..] else {
        return Err(USAGE.into());
    };
    let ctx = Context::new();
    let feed = ctx.socket(Pub).connect(&args.feeds)?;
    feed.wait_for_subscribers(topic, 1, Duration::from_secs(10))?;
    feed.send([topic, value])?;
    Ok(())
}

fn subscriber(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let mut socket = ctx.socket(Sub);
    for topic in &args.words {
        socket = socket.subscribe(topic);
    }
    let subscriber = socket.connect(&args.values)?;
    for message in subscriber.iter().take(args.count) {
        println!("{} {}", message.get_str(0)?, message.get_str(1)?);
    }
    Ok(())
}

// ---- all of them -------------------------------------------------------------------------------

/// The cache and a feed here. Subscribers come when all has been said, as processes.
fn all() -> Result<()> {
    let (ctx, feeds, values) = open("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")?;
    let (feeds_at, values_at) = (feeds.endpoint()?, values.endpoint()?.to_string());
    let cache = thread::spawn(move || match serve(&feeds, &values) {
        Err(_) if values.is_closed() => Ok(()), // in the midst of a step, at the end
        outcome => outcome,
    });

    let feed = ctx.socket(Pub).connect(feeds_at)?;
    feed.wait_for_subscribers("", 1, Duration::from_secs(60))?;
    for hour in 1..=3 {
        for (topic, price) in [("copper", 8), ("gold", 60), ("silver", 1)] {
            feed.send([topic, &format!("{} at {hour} o'clock", price + hour)])?;
        }
    }
    // Once a subscriber of the cache has heard the last of it, the cache has it all.
    let early = ctx.socket(Sub).subscribe("silver").connect(&values_at)?;
    while early.recv()?.get_str(1)? != "4 at 3 o'clock" {}
    println!("all has been said; now subscribers come");

    for (topics, expected) in [
        (&["gold"][..], &["gold 63 at 3 o'clock"][..]),
        (
            &[""],
            &[
                "copper 11 at 3 o'clock",
                "gold 63 at 3 o'clock",
                "silver 4 at 3 o'clock",
            ],
        ),
        (&["iron"], &["iron has no value yet"]),
    ] {
        let count = expected.len().to_string();
        let subscriber = Command::new(env::current_exe()?)
            .args(["subscriber", "--values", &values_at, "--count", &count])
            .args(topics)
            .stderr(Stdio::inherit())
            .output()?;
        let heard = String::from_utf8(subscriber.stdout)?;
        println!("{topics:?} hears:\n{heard}");
        if !heard.lines().eq(expected.iter().copied()) {
            return Err("these are not the last values".into());
        }
    }
    println!("each heard the last values at once");
    ctx.shutdown();
    cache.join().map_err(|_| "the cache has panicked")?
}

fn run(args: &Args) -> Result<()> {
    match args.role.as_deref() {
        Some("cache") => cache(args),
        Some("feed") => feed(args),
        Some("subscriber") => subscriber(args),
        None => all(),
        Some(_) => Err(USAGE.into()),
    }
}

struct Args {
    role: Option<String>,
    words: Vec<String>,
    feeds: String,
    values: String,
    count: usize,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        words: Vec::new(),
        feeds: "tcp://127.0.0.1:5555".to_owned(),
        values: "tcp://127.0.0.1:5556".to_owned(),
        count: usize::MAX,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("feeds") => args.feeds = parser.value()?.string()?,
            Long("values") => args.values = parser.value()?.string()?,
            Long("count") => args.count = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            Value(word) => args.words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    if args.words.is_empty() {
        args.words.push(String::new());
    }
    Ok(args)
}
