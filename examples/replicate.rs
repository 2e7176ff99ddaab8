//! A key-value store with replicas, which are equal in the end whatever happens to them: the "Clone"
//! pattern of the ZeroMQ guide.
//!
//! ```text
//!              changes, and requests for a snapshot: DEALER to ROUTER
//!   replica  ---------------------------------------------------------->
//!            <----------------------------------------------------------  store
//!              a snapshot                                   (numbers the changes)
//!            <----------------------------------------------------------
//!              every change, numbered: SUB from PUB
//! ```
//!
//! ```text
//! cargo run --example replicate                                 # all in one go; a replica is killed
//! cargo run --example replicate -- store                        # in one terminal
//! cargo run --example replicate -- replica --name anna          # in others, as many as you like
//! cargo run --example replicate -- set color blue               # changes it for all of them
//! cargo run --example replicate -- set end now                  # they print a checksum, and end
//! ```
//!
//! - A change goes to the store, which numbers it and publishes it. All replicas apply the same changes
//!   in the same order, their own among them.
//! - PUB loses: what was published before a replica was there, while it was away, and when it was too
//!   slow. A replica notices by the numbers, whichever it was, and asks for a snapshot, which says up to
//!   which number it goes. So to join, to come back and to repair are one and the same.
//! - A store with no changes to publish repeats its last number now and then. Else a replica that missed
//!   the last change would not know.
//! - A store that was started anew counts from zero, and is told from the last one by its epoch.
//!
//! A snapshot is one message here, for some ten thousand keys; a larger one is sent in pieces.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::process::{self, Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Dealer, Frame, Message, Pub, RecvError, Router, Socket, Sub};

const USAGE: &str = "\
usage: replicate [store | replica [--name NAME] [--writes N] | set KEY VALUE]
                 [--requests EP] [--updates EP]";

/// How long a store has nothing to publish before it repeats its last number.
const REPEAT: Duration = Duration::from_millis(100);

/// How long a replica waits for a snapshot before it asks again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Changes that each replica makes where all run in one go.
const WRITES: u32 = 100;

/// The change that ends replicas, so that they can be compared.
const END: &str = "end";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replicate: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- what both have ----------------------------------------------------------------------------

/// The values after a number of changes.
#[derive(Default)]
struct Values {
    epoch: u64,
    number: u64,
    values: BTreeMap<Frame, Frame>,
}

impl Values {
    /// `[epoch, number]`, and for a change the key and the value behind them.
    fn version(&self) -> Message {
        Message::from([self.epoch.to_string(), self.number.to_string()])
    }

    fn apply(&mut self, key: Frame, value: Frame) {
        self.number += 1;
        self.values.insert(key, value);
    }

    /// `[epoch, number, key, value, key, value ...]`
    fn to_snapshot(&self) -> Message {
        let mut snapshot = self.version();
        for (key, value) in &self.values {
            snapshot.extend([key, value]);
        }
        snapshot
    }

    fn from_snapshot(mut snapshot: Message) -> Result<Values> {
        let (epoch, number) = take_version(&mut snapshot)?;
        let mut values = BTreeMap::new();
        while let (Some(key), Some(value)) = (snapshot.pop_front(), snapshot.pop_front()) {
            values.insert(key, value);
        }
        Ok(Values {
            epoch,
            number,
            values,
        })
    }

    fn get(&self, key: &str) -> Option<&Frame> {
        self.values.get(key.as_bytes())
    }

    /// Equal for equal values and the same number of changes.
    fn checksum(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (self.number, &self.values).hash(&mut hasher);
        format!(
            "{} keys after {} changes, checksum {:016x}",
            self.values.len(),
            self.number,
            hasher.finish()
        )
    }
}

/// Takes epoch and number off a message.
fn take_version(message: &mut Message) -> Result<(u64, u64)> {
    let mut next = || message.pop_front().unwrap_or_default();
    Ok((next().to_str()?.parse()?, next().to_str()?.parse()?))
}

// ---- the store ---------------------------------------------------------------------------------

/// Numbers changes, publishes them and hands out snapshots, until the socket is closed.
fn serve(requests: &Socket<Router>, updates: &Socket<Pub>) -> Result<()> {
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
    let mut store = Values {
        epoch,
        ..Values::default()
    };
    loop {
        let (replica, request) = match requests.recv_timeout(REPEAT) {
            Ok(request) => request.split_id(),
            Err(RecvError::TimedOut) => {
                updates.send(store.version())?;
                continue;
            }
            Err(RecvError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match Vec::<Frame>::from(request).as_slice() {
            [verb, key, value] if verb == "set" => {
                store.apply(key.clone(), value.clone());
                let mut update = store.version();
                update.extend([key, value]);
                updates.send(update)?;
            }
            // If there is no room for it, or the replica has gone, it is dropped, and asked for again.
            [verb] if verb == "snapshot" => {
                requests.send(store.to_snapshot().routed_to(replica))?;
            }
            other => eprintln!("{replica} wants {other:?}?"),
        }
    }
}

fn store(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let requests = ctx.socket(Router).bind(&args.requests)?;
    let updates = ctx.socket(Pub).bind(&args.updates)?;
    println!("requests at {}", requests.endpoint()?);
    println!("updates at {}", updates.endpoint()?);
    serve(&requests, &updates)
}

// ---- a replica ---------------------------------------------------------------------------------

struct Replica {
    requests: Socket<Dealer>,
    updates: Socket<Sub>,
    now: Values,
    snapshots: u32,
}

impl Replica {
    /// Knows nothing yet; whatever it is told first shows it that it has missed something.
    fn new(ctx: &Context, requests: &str, updates: &str) -> Result<Replica> {
        Ok(Replica {
            requests: ctx.socket(Dealer).connect(requests)?,
            updates: ctx.socket(Sub).subscribe("").connect(updates)?,
            now: Values::default(),
            snapshots: 0,
        })
    }

    /// Asks for a change. It is made when it comes back.
    fn set(&self, key: &str, value: &str) -> Result<()> {
        Ok(self.requests.send(["set", key, value])?)
    }

    /// Waits for the next thing that the store tells, and is up to date with it then.
    fn follow(&mut self) -> Result<()> {
        let mut update = match self.updates.recv_timeout(Duration::from_secs(60)) {
            Err(RecvError::TimedOut) => return Err("the store is silent".into()),
            other => other?,
        };
        let (epoch, number) = take_version(&mut update)?;
        let change = <[Frame; 2]>::try_from(update).ok();
        if epoch == self.now.epoch && number <= self.now.number {
            return Ok(()); // known, by the last snapshot
        }
        match change {
            Some([key, value]) if epoch == self.now.epoch && number == self.now.number + 1 => {
                self.now.apply(key, value);
                Ok(())
            }
            _ => self.repair(epoch, number),
        }
    }

    /// Takes a snapshot that is at least as new as the version given. Updates wait in their socket
    /// meanwhile; if they are too many, that is the next gap.
    fn repair(&mut self, epoch: u64, number: u64) -> Result<()> {
        loop {
            self.requests.send("snapshot")?;
            match self.requests.recv_timeout(PATIENCE) {
                Ok(snapshot) => {
                    self.snapshots += 1;
                    self.now = Values::from_snapshot(snapshot)?;
                    // An older one is a late answer to an earlier request.
                    if self.now.epoch != epoch || self.now.number >= number {
                        return Ok(());
                    }
                }
                Err(RecvError::TimedOut) => eprintln!("no snapshot in time: asking again"),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Follows the store until it is told to end. Makes changes of its own meanwhile, each when the one
/// before has come back.
fn replica(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let mut replica = Replica::new(&ctx, &args.requests, &args.updates)?;
    let mut writes = 0..args.writes;
    let mut last: Option<(String, String)> = None;
    while replica.now.get(END).is_none() {
        replica.follow()?;
        let is_back =
            |(key, value): &(String, String)| replica.now.get(key).is_some_and(|now| now == value);
        if last.as_ref().is_none_or(is_back) {
            last = writes.next().map(|n| change(&args.name, n, process::id()));
            if let Some((key, value)) = &last {
                replica.set(key, value)?;
            }
        }
    }
    println!("{} took {} snapshots", args.name, replica.snapshots);
    println!("{}: {}", args.name, replica.now.checksum());
    Ok(())
}

/// The `n`th change that a replica makes; another process of its name changes other keys.
fn change(name: &str, n: u32, pid: u32) -> (String, String) {
    (format!("{name}.{pid}.{n}"), (n * n).to_string())
}

fn set(args: &Args) -> Result<()> {
    let [key, value] = &args.words[..] else {
        return Err(USAGE.into());
    };
    let ctx = Context::new();
    let requests = ctx.socket(Dealer).connect(&args.requests)?;
    requests.send(["set", key, value])?;
    match requests.close().undelivered {
        0 => Ok(()),
        _ => Err("there is no store".into()),
    }
}

// ---- all of them -------------------------------------------------------------------------------

/// The store and a replica here, three more as processes, of which one is killed and comes back.
fn all() -> Result<()> {
    let ctx = Context::new();
    let requests = ctx.socket(Router).bind("tcp://127.0.0.1:*")?;
    let updates = ctx.socket(Pub).bind("tcp://127.0.0.1:*")?;
    let (requests_at, updates_at) = (
        requests.endpoint()?.to_string(),
        updates.endpoint()?.to_string(),
    );
    let store = thread::spawn(move || match serve(&requests, &updates) {
        Err(_) if updates.is_closed() => Ok(()), // in the midst of a send, at the end
        outcome => outcome,
    });

    let start = |name| Running::start(name, &requests_at, &updates_at);
    let mut running = [start("anna")?, start("emil")?, start("otto")?];
    let mut here = Replica::new(&ctx, &requests_at, &updates_at)?;

    let mut killed = false;
    let last = |replica: &Running| change(replica.name, WRITES - 1, replica.child.id());
    while !running
        .iter()
        .map(last)
        .all(|(key, value)| here.now.get(&key).is_some_and(|now| *now == value.as_str()))
    {
        here.follow()?;
        if !killed && here.now.number >= u64::from(WRITES) {
            println!(
                "otto is killed after {} changes, and comes back",
                here.now.number
            );
            running[2].kill();
            running[2] = start("otto")?;
            killed = true;
        }
    }

    here.set(END, "now")?;
    while here.now.get(END).is_none() {
        here.follow()?;
    }
    println!("here: {}", here.now.checksum());
    for replica in &mut running {
        let said = replica.last_line()?;
        println!("{said}");
        if said.split_once(": ") != Some((replica.name, &here.now.checksum())) {
            return Err("these are not equal".into());
        }
    }
    println!("all are equal");
    ctx.shutdown();
    store.join().map_err(|_| "the store has panicked")?
}

/// A replica in a process of its own. It is killed when this value goes, if it has not ended by then.
struct Running {
    name: &'static str,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(name: &'static str, requests: &str, updates: &str) -> Result<Running> {
        let mut child = Command::new(env::current_exe()?)
            .args(["replica", "--name", name, "--writes", &WRITES.to_string()])
            .args(["--requests", requests, "--updates", updates])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the replica has no output")?;
        Ok(Running {
            name,
            child,
            output: BufReader::new(output),
        })
    }

    fn last_line(&mut self) -> Result<String> {
        let mut last = String::new();
        for line in (&mut self.output).lines() {
            last = line?;
        }
        Ok(last)
    }

    fn kill(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(args: &Args) -> Result<()> {
    match args.role.as_deref() {
        Some("store") => store(args),
        Some("replica") => replica(args),
        Some("set") => set(args),
        None => all(),
        Some(_) => Err(USAGE.into()),
    }
}

struct Args {
    role: Option<String>,
    words: Vec<String>,
    requests: String,
    updates: String,
    name: String,
    writes: u32,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        words: Vec::new(),
        requests: "tcp://127.0.0.1:5555".to_owned(),
        updates: "tcp://127.0.0.1:5556".to_owned(),
        name: "replica".to_owned(),
        writes: 0,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("requests") => args.requests = parser.value()?.string()?,
            Long("updates") => args.updates = parser.value()?.string()?,
            Long("name") => args.name = parser.value()?.string()?,
            Long("writes") => args.writes = parser.value()?.parse()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            Value(word) if args.role.as_deref() == Some("set") => args.words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
