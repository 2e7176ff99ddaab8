//! The words of many files, counted by many processes: PUSH and PULL at work, and no broker.
//!
//! ```text
//!                     work: PUSH to PULL          results: PUSH to PULL
//!   ventilator ------------------+------> worker ------+-------> sink
//!       ^                        +------> worker ------+          |
//!       |                        +------> worker ------+          |
//!       +----------------------- acks: PULL from PUSH ------------+
//! ```
//!
//! The ventilator cuts the files into pieces and deals them out, the workers count, the sink adds
//! up. PUSH deals to the workers that have room, so a worker may join, leave or be slow at any time.
//!
//! What a worker holds when it is killed is lost with it: a socket queues, it does not store. So
//! the sink acknowledges each piece to the ventilator, which keeps a window of pieces under way and
//! sends those again that were not counted for a while; and the sink takes each piece only once.
//! That is all it takes for the right answer in spite of a dead worker. See it with `--kill-one`.
//!
//! ```text
//! cargo run --release --example pipeline                    # this project's own files
//! cargo run --release --example pipeline -- --workers 8 ~/books
//! cargo run --release --example pipeline -- --kill-one      # a worker is killed half-way
//!
//! pipeline ventilator --work 'tcp://*:5557' --acks 'tcp://*:5559' ~/books   # or each by hand,
//! pipeline sink --results 'tcp://*:5558' --acks tcp://host:5559 ~/books     # anywhere
//! pipeline worker --work tcp://host:5557 --results tcp://host:5558
//! ```

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, mem, thread};

use indicatif::{ProgressBar, ProgressStyle};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Frame, Pull, Push, RecvError, Socket};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
usage: pipeline [--workers N] [--slow MICROS] [--kill-one] [FILE or FOLDER]...
       pipeline ventilator --work EP --acks EP [FILE or FOLDER]...
       pipeline worker --work EP --results EP [--slow MICROS]
       pipeline sink --results EP --acks EP [FILE or FOLDER]...

--workers N     how many worker processes (default: one a core, at least 2)
--slow MICROS   make each worker dawdle over each piece
--kill-one      kill a worker when a quarter of the work is done (dawdling a millisecond, unless
                --slow says otherwise)
Without files: the source, text and manifest files of this project.";

/// Pieces on their way, at most: enough to keep the workers busy through a round trip, few enough
/// that little has to be done again when one dies.
const WINDOW: usize = 128;

/// How long the ventilator waits for any news before it sends again what is missing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes of a piece, before the line that fills it ends.
const PIECE: usize = 1024;

fn main() -> ExitCode {
    let args = match parse() {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(2, &format!("{error} (try --help)")),
    };
    if args.child {
        leave_with_parent();
    }
    let outcome = match args.role {
        Role::All => all(&args),
        Role::Ventilator => ventilate(&args),
        Role::Worker => work(&args),
        Role::Sink => sink(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &error.to_string()),
    }
}

fn fail(code: u8, reason: &str) -> ExitCode {
    eprintln!("pipeline: {reason}");
    ExitCode::from(code)
}

// ---- the three parts ---------------------------------------------------------------------------

/// Deals out the pieces, `[number, total, text]`, until each has been acknowledged.
fn ventilate(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let work = ctx.socket(Push).bind(&args.work)?;
    let acks = ctx.socket(Pull).bind(&args.acks)?;
    println!("bound {}", work.endpoint()?);
    println!("bound {}", acks.endpoint()?);

    let pieces = cut(&args.files()?)?;
    let total = Frame::from(pieces.len().to_string());
    let send = |number: usize| {
        work.send([
            Frame::from(number.to_string()),
            total.clone(),
            pieces[number].clone(),
        ])
    };

    let mut unsent = 0..pieces.len();
    let mut under_way = BTreeSet::new();
    loop {
        while under_way.len() < WINDOW {
            let Some(number) = unsent.next() else { break };
            send(number)?;
            under_way.insert(number);
        }
        if under_way.is_empty() {
            return Ok(());
        }
        match acks.recv_timeout(PATIENCE) {
            Ok(ack) => {
                under_way.remove(&number(ack.get(0))?);
            }
            Err(RecvError::TimedOut) => {
                eprintln!("no news of {} pieces: sending them again", under_way.len());
                under_way.iter().try_for_each(|&number| send(number))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Counts the words of each piece: `[number, total, text]` in, `[number, total, pid, counts]` out.
fn work(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let work = ctx.socket(Pull).connect(&args.work)?;
    let results = ctx.socket(Push).connect(&args.results)?;
    let pid = Frame::from(process::id().to_string());
    loop {
        let piece: Vec<Frame> = work.recv()?.into_frames().collect();
        let [number, total, text] = &piece[..] else {
            return Err("this is not a ventilator's message".into());
        };
        let counts = print_counts(&count(&String::from_utf8_lossy(text)));
        thread::sleep(args.slow);
        results.send([
            number.clone(),
            total.clone(),
            pid.clone(),
            Frame::from(counts),
        ])?;
    }
}

/// Adds up what comes from workers that were started apart.
fn sink(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let results = ctx.socket(Pull).bind(&args.results)?;
    println!("bound {}", results.endpoint()?);
    let acks = ctx.socket(Push).connect(&args.acks)?;
    let sum = add_up(&results, &acks, |_| Ok(()))?;
    let _ = acks.close();
    sum.print();
    sum.check(&args.files()?)
}

/// Adds up each piece's counts, once, and acknowledges them. `watch` is told of every result, and
/// that none came for a while.
fn add_up(
    results: &Socket<Pull>,
    acks: &Socket<Push>,
    mut watch: impl FnMut(News) -> Result<()>,
) -> Result<Sum> {
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{wide_bar} {pos} of {len} pieces, {per_sec}, {elapsed}",
    )?);
    let mut sum = Sum::default();
    let mut seen: Vec<bool> = Vec::new();
    let mut start = None;
    while seen.is_empty() || sum.pieces < seen.len() {
        let result = match results.recv_timeout(PATIENCE) {
            Ok(result) => result,
            Err(RecvError::TimedOut) => {
                watch(News::None)?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        start.get_or_insert_with(Instant::now);
        let (piece, total) = (number(result.get(0))?, number(result.get(1))?);
        if seen.is_empty() {
            seen.resize(total, false);
            bar.set_length(total as u64);
        }

        acks.send(piece.to_string())?;
        sum.messages += 3; // the piece, its counts, and the acknowledgement
        let seen_before = seen.get_mut(piece).ok_or("there is no such piece")?;
        if !mem::replace(seen_before, true) {
            sum.add(result.get(3).unwrap_or_default())?;
            bar.inc(1);
        }
        let worker = number(result.get(2))?;
        watch(News::Result {
            worker,
            done: sum.pieces,
            total,
        })?;
    }
    bar.finish_and_clear();
    sum.seconds = start.map_or(0.0, |start: Instant| start.elapsed().as_secs_f64());
    Ok(sum)
}

/// What the sink has seen.
enum News {
    /// A result from this process.
    Result {
        worker: usize,
        done: usize,
        total: usize,
    },
    /// Nothing for a while.
    None,
}

// ---- all of them, as processes -----------------------------------------------------------------

/// Starts a ventilator and the workers as processes, and is the sink itself.
fn all(args: &Args) -> Result<()> {
    let anywhere = "tcp://127.0.0.1:0";
    let ctx = Context::new();
    let results = ctx.socket(Pull).bind(anywhere)?;
    let results_at = results.endpoint()?.to_string();

    let mut ventilator = Process::start(
        &["ventilator", "--work", anywhere, "--acks", anywhere, "--"],
        &args.paths,
    )?;
    let (work_at, acks_at) = (ventilator.bound()?, ventilator.bound()?);
    let acks = ctx.socket(Push).connect(&acks_at)?;

    let slow = args.slow.as_micros().to_string();
    let worker = [
        "worker",
        "--work",
        &work_at,
        "--results",
        &results_at,
        "--slow",
        &slow,
    ];
    let mut workers = Vec::new();
    for _ in 0..args.workers {
        workers.push(Process::start(&worker, &[])?);
    }

    let mut victim = None;
    let mut killing = args.kill_one;
    let sum = add_up(&results, &acks, |news| match news {
        News::Result {
            worker,
            done,
            total,
        } => {
            // The first worker to answer is sure to have more pieces in its queue.
            let victim = *victim.get_or_insert(worker);
            if killing && done * 4 >= total {
                killing = false;
                eprintln!("killing worker {victim} after {done} of {total} pieces");
                workers
                    .iter_mut()
                    .filter(|p| p.child.id() as usize == victim)
                    .for_each(Process::kill);
            }
            Ok(())
        }
        News::None if ventilator.failed() => Err("the ventilator has failed".into()),
        News::None if workers.iter_mut().all(Process::ended) => Err("no worker is left".into()),
        News::None => Ok(()),
    })?;

    sum.print();
    println!("by {} workers", args.workers);
    sum.check(&args.files()?)
}

/// This program, started again in another role. It ends when this value does.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[&str], paths: &[PathBuf]) -> Result<Process> {
        let mut child = Command::new(env::current_exe()?)
            .arg("--child")
            .args(args)
            .args(paths)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("the child has no output")?);
        Ok(Process { child, output })
    }

    /// The next endpoint that the process says it has bound.
    fn bound(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.trim_end().strip_prefix("bound ") {
            Some(endpoint) => Ok(endpoint.to_owned()),
            None => Err("a process did not start".into()),
        }
    }

    fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn failed(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(status)) if !status.success())
    }

    fn kill(&mut self) {
        // Fails only if the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A child's standard input ends when its parent does, even if that is killed.
fn leave_with_parent() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(1);
    });
}

// ---- words -------------------------------------------------------------------------------------

/// How often each word was seen.
type Counts = HashMap<String, u64>;

fn count(text: &str) -> Counts {
    let mut counts = Counts::new();
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| word.starts_with(char::is_alphabetic)) {
        match counts.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(counts.insert(word.to_owned(), 1)),
        }
    }
    counts
}

/// Counts as they travel: a line for each word.
fn print_counts(counts: &Counts) -> String {
    counts
        .iter()
        .map(|(word, count)| format!("{word} {count}\n"))
        .collect()
}

/// The files in pieces of whole lines, so that no word is cut.
fn cut(files: &[PathBuf]) -> Result<Vec<Frame>> {
    let mut pieces = Vec::new();
    for file in files {
        let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut piece = Vec::new();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            piece.extend_from_slice(line);
            if piece.len() >= PIECE {
                pieces.push(Frame::from(mem::take(&mut piece)));
            }
        }
        if !piece.is_empty() {
            pieces.push(Frame::from(piece));
        }
    }
    if pieces.is_empty() {
        return Err("there is no text in these files".into());
    }
    Ok(pieces)
}

/// What the sink has added up.
#[derive(Default)]
struct Sum {
    counts: Counts,
    pieces: usize,
    messages: u64,
    seconds: f64,
}

impl Sum {
    fn add(&mut self, counts: &[u8]) -> Result<()> {
        for line in std::str::from_utf8(counts)?.lines() {
            let (word, count) = line.rsplit_once(' ').ok_or("these are no counts")?;
            *self.counts.entry(word.to_owned()).or_default() += count.parse::<u64>()?;
        }
        self.pieces += 1;
        Ok(())
    }

    fn print(&self) {
        let words: u64 = self.counts.values().sum();
        println!(
            "{words} words, {} different, in {} pieces",
            self.counts.len(),
            self.pieces
        );
        let mut top: Vec<_> = self.counts.iter().collect();
        top.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        for (word, count) in top.into_iter().take(10) {
            println!("{count:>9} {word}");
        }
        let rate = self.messages as f64 / self.seconds.max(1e-9);
        println!(
            "{} messages in {:.3} s, {rate:.0} a second",
            self.messages, self.seconds
        );
    }

    /// Counts again, the simple way.
    fn check(&self, files: &[PathBuf]) -> Result<()> {
        let mut counts = Counts::new();
        for file in files {
            for (word, n) in count(&String::from_utf8_lossy(&fs::read(file)?)) {
                *counts.entry(word).or_default() += n;
            }
        }
        if counts != self.counts {
            return Err("a single thread counts otherwise: this result is WRONG".into());
        }
        println!(
            "equal to a single-threaded count of the {} files",
            files.len()
        );
        Ok(())
    }
}

fn number(frame: Option<&[u8]>) -> Result<usize> {
    Ok(std::str::from_utf8(frame.ok_or("a frame is missing")?)?.parse()?)
}

// ---- the command line --------------------------------------------------------------------------

struct Args {
    role: Role,
    work: String,
    results: String,
    acks: String,
    workers: usize,
    slow: Duration,
    kill_one: bool,
    child: bool,
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    All,
    Ventilator,
    Worker,
    Sink,
}

impl Args {
    /// The files named, those in the folders named, or those of this project; in order.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in &self.paths {
            if path.is_dir() {
                walk(path, &|_| true, &mut files)?;
            } else {
                files.push(path.clone());
            }
        }
        if self.paths.is_empty() {
            let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
            let root = project
                .filter(|folder| folder.is_dir())
                .unwrap_or(Path::new("."));
            let ours = |file: &Path| {
                file.extension()
                    .is_some_and(|e| ["rs", "md", "toml"].iter().any(|ours| e == *ours))
            };
            walk(root, &ours, &mut files)?;
        }
        Ok(files)
    }
}

/// Adds the files of a folder and its folders, but for hidden ones and what cargo builds.
fn walk(folder: &Path, wanted: &dyn Fn(&Path) -> bool, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let (name, kind, path) = (entry.file_name(), entry.file_type()?, entry.path());
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() && name != "target" {
            walk(&path, wanted, files)?;
        } else if kind.is_file() && wanted(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn parse() -> std::result::Result<Option<Args>, lexopt::Error> {
    let mut args = Args {
        role: Role::All,
        work: String::new(),
        results: String::new(),
        acks: String::new(),
        workers: thread::available_parallelism()
            .map_or(2, |cores| cores.get())
            .max(2),
        slow: Duration::ZERO,
        kill_one: false,
        child: false,
        paths: Vec::new(),
    };
    let mut slow = None;
    let mut first = true;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("work") => args.work = parser.value()?.string()?,
            Long("results") => args.results = parser.value()?.string()?,
            Long("acks") => args.acks = parser.value()?.string()?,
            Long("workers") => args.workers = parser.value()?.parse()?,
            Long("slow") => slow = Some(Duration::from_micros(parser.value()?.parse()?)),
            Long("kill-one") => args.kill_one = true,
            Long("child") => args.child = true,
            Long("help") | Short('h') => return Ok(None),
            Value(value) => {
                match value.to_str() {
                    Some("ventilator") if first => args.role = Role::Ventilator,
                    Some("worker") if first => args.role = Role::Worker,
                    Some("sink") if first => args.role = Role::Sink,
                    _ => args.paths.push(value.into()),
                }
                first = false;
            }
            _ => return Err(arg.unexpected()),
        }
    }
    args.slow = slow.unwrap_or(Duration::from_millis(args.kill_one.into()));

    let (work, results, acks) = (
        !args.work.is_empty(),
        !args.results.is_empty(),
        !args.acks.is_empty(),
    );
    match args.role {
        Role::Ventilator if !(work && acks) => Err("a ventilator needs --work and --acks".into()),
        Role::Worker if !(work && results) => Err("a worker needs --work and --results".into()),
        Role::Sink if !(results && acks) => Err("a sink needs --results and --acks".into()),
        Role::All if args.workers == 0 => Err("--workers must be at least 1".into()),
        Role::All if args.kill_one && args.workers == 1 => {
            Err("--kill-one needs two workers or more".into())
        }
        _ => Ok(Some(args)),
    }
}
