//! Jobs dealt to workers, some at once and some when their time comes; a worker that dies has its jobs
//! given to another.
//!
//! ```text
//!                                  +--  DEALER worker "anna"
//!   jobs --> ROUTER  scheduler  <--+--  DEALER worker "otto"
//!            (queue, due times)    +--  DEALER worker "emil"
//! ```
//!
//! ```text
//! cargo run --example scheduler                               # all in one go; a worker is killed
//! cargo run --example scheduler -- scheduler --jobs 1000      # in one terminal
//! cargo run --example scheduler -- worker --name anna         # in others, as many as you like
//! ```
//!
//! - A worker has at most a few jobs in its hands, so that the next goes to one that is not busy, and
//!   little has to be done again when one dies.
//! - What each has in its hands is known, so that it can be given to another. The monitor tells that a
//!   worker has gone, at once if it died, and after half a minute without heartbeats if its machine did. A worker that is
//!   there and does not come to an end has its jobs given to another too, once `--patience` is over.
//! - So a job may be done twice. It is counted once, by its number.
//!
//! The scheduler's own list of jobs is in its memory. One that must outlive it belongs on a disk.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::env;
use std::error::Error;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Dealer, EventKind, Frame, Message, RecvError, Router, SendErrorKind, Socket};

const USAGE: &str = "\
usage: scheduler [scheduler [--jobs N] [--timed N] [--patience SECONDS] | worker [--name NAME]]
                 [--endpoint EP]";

/// Jobs in a worker's hands: the one at work, and enough behind it to bridge a round trip.
const IN_HAND: usize = 4;

/// How long the scheduler listens to its workers before it looks at the clock and the monitor again.
const LOOK_ROUND: Duration = Duration::from_millis(50);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scheduler: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- the scheduler -----------------------------------------------------------------------------

/// A job's number is its place in the list.
struct Job {
    /// The number to be factored.
    work: u64,
    due: Instant,
    answer: Option<Vec<u64>>,
}

struct Scheduler<'a> {
    router: &'a Socket<Router>,
    patience: Duration,
    jobs: Vec<Job>,
    /// When to put a job into the queue: at its due time; and again, if it is still not done by then,
    /// some time after it was dealt.
    alarms: BinaryHeap<Reverse<(Instant, usize)>>,
    /// What is to be dealt next.
    queue: VecDeque<usize>,
    /// What each worker has in its hands.
    workers: BTreeMap<Frame, BTreeSet<usize>>,
    done: usize,
    dealt: usize,
    bar: ProgressBar,
}

impl Scheduler<'_> {
    fn new(router: &Socket<Router>, jobs: Vec<Job>, patience: Duration) -> Scheduler<'_> {
        let due = jobs.iter().map(|job| job.due);
        Scheduler {
            bar: ProgressBar::new(jobs.len() as u64),
            alarms: due.zip(0..).map(Reverse).collect(),
            router,
            patience,
            jobs,
            queue: VecDeque::new(),
            workers: BTreeMap::new(),
            done: 0,
            dealt: 0,
        }
    }

    /// Deals until all jobs are done. `watch` is told after each.
    fn run(&mut self, mut watch: impl FnMut(&Self)) -> Result<()> {
        let monitor = self.router.monitor();
        while self.done < self.jobs.len() {
            let pause = self.deal()?;
            let said = match self.router.recv_timeout(pause) {
                Ok(said) => Some(said),
                Err(RecvError::TimedOut) => None,
                Err(error) => return Err(error.into()),
            };
            // Losses first: what a worker says after it has come back is then not taken for the one
            // that was lost.
            for event in monitor.try_iter() {
                if matches!(event.kind, EventKind::Disconnected { .. }) {
                    if let Some(id) = event.peer.and_then(|peer| peer.routing_id) {
                        self.lose(&id);
                    }
                }
            }
            if let Some(said) = said {
                let done = self.done;
                self.hear(said)?;
                if self.done > done {
                    watch(self);
                }
            }
        }
        // A worker that has gone meanwhile need not be told.
        self.workers.retain(|worker, _| {
            let stop = Message::from("stop").routed_to(worker);
            self.router.send(stop).is_ok()
        });
        Ok(())
    }

    /// Deals what is due to workers with free hands. Returns how long nothing will be due.
    fn deal(&mut self) -> Result<Duration> {
        let now = Instant::now();
        while let Some(Reverse((_, number))) = self.alarms.pop_if_due(now) {
            self.queue.push_back(number);
        }
        while let Some(&number) = self.queue.front() {
            if self.jobs[number].answer.is_none() {
                let free = self.workers.iter_mut().min_by_key(|(_, jobs)| jobs.len());
                let Some((worker, jobs)) = free.filter(|(_, jobs)| jobs.len() < IN_HAND) else {
                    break;
                };
                let job = [number.to_string(), self.jobs[number].work.to_string()];
                match self.router.send(Message::from(job).routed_to(worker)) {
                    Ok(()) => drop(jobs.insert(number)),
                    Err(error) if error.kind() == SendErrorKind::Unroutable => {
                        let worker = worker.clone();
                        self.lose(&worker);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
                self.dealt += 1;
                self.alarms.push(Reverse((now + self.patience, number)));
            }
            self.queue.pop_front();
        }
        let next = self.alarms.peek();
        Ok(next.map_or(LOOK_ROUND, |Reverse((at, _))| {
            at.saturating_duration_since(now).min(LOOK_ROUND)
        }))
    }

    /// A worker has gone: what it had in its hands comes first now.
    fn lose(&mut self, worker: &[u8]) {
        let Some((worker, jobs)) = self.workers.remove_entry(worker) else {
            return;
        };
        self.print(format!(
            "{worker} has gone, with {} jobs in hand",
            jobs.len()
        ));
        for number in jobs.into_iter().rev() {
            self.queue.push_front(number);
        }
    }

    /// `[worker, ""]`: one has come. `[worker, number, factor, factor ...]`: one has done a job.
    ///
    /// The factors prove what they are the answer to: one to another scheduler's job, say of this one
    /// before it was started anew, is not taken for ours.
    fn hear(&mut self, said: Message) -> Result<()> {
        let (worker, answer) = said.split_id();
        if answer.byte_len() == 0 {
            self.print(format!("{worker} is here"));
            self.workers.insert(worker, BTreeSet::new());
            return Ok(());
        }
        let mut numbers = answer
            .frames()
            .map(|frame| Ok(std::str::from_utf8(frame)?.parse::<u64>()?));
        let number = numbers.next().ok_or("a frame is missing")?? as usize;
        let factors: Vec<u64> = numbers.collect::<Result<_>>()?;

        if let Some(jobs) = self.workers.get_mut(&worker) {
            jobs.remove(&number);
        }
        let product = factors.iter().try_fold(1, |a: u64, b| a.checked_mul(*b));
        if let Some(job) = self.jobs.get_mut(number) {
            if job.answer.is_none() && product == Some(job.work) {
                job.answer = Some(factors);
                self.done += 1;
                self.bar.inc(1);
            }
        }
        Ok(())
    }

    /// A line above the bar.
    fn print(&self, line: String) {
        self.bar.suspend(|| println!("{line}"));
    }
}

trait PopIfDue {
    fn pop_if_due(&mut self, now: Instant) -> Option<Reverse<(Instant, usize)>>;
}

impl PopIfDue for BinaryHeap<Reverse<(Instant, usize)>> {
    fn pop_if_due(&mut self, now: Instant) -> Option<Reverse<(Instant, usize)>> {
        self.peek().filter(|Reverse((at, _))| *at <= now)?;
        self.pop()
    }
}

/// Many jobs that are due now, and a few that are due one after the other.
fn jobs(args: &Args) -> Vec<Job> {
    let now = Instant::now();
    let batch = (0..args.jobs).map(|_| now);
    let timed = (1..=args.timed).map(|n| now + n * Duration::from_millis(200));
    batch
        .chain(timed)
        .zip(100_000_000_000..)
        .map(|(due, work)| Job {
            work,
            due,
            answer: None,
        })
        .collect()
}

/// Schedules with a bar on the terminal, and says what came of it. Returns the workers that were told
/// to stop.
fn schedule(
    router: &Socket<Router>,
    args: &Args,
    watch: impl FnMut(&Scheduler<'_>),
) -> Result<Vec<Frame>> {
    let mut scheduler = Scheduler::new(router, jobs(args), args.patience);
    let total = scheduler.jobs.len();
    scheduler.bar.set_style(ProgressStyle::with_template(
        "{wide_bar} {pos} of {len} jobs, {per_sec}, {elapsed}",
    )?);
    scheduler.run(watch)?;
    scheduler.bar.finish_and_clear();

    let answers = scheduler.jobs.iter().flat_map(|job| job.answer.as_deref());
    let largest = answers.flatten().max().copied().unwrap_or_default();
    println!(
        "all {} jobs are done, each counted once, the last {} by their times; dealt again: {}; \
         largest prime factor: {largest}",
        total,
        args.timed,
        scheduler.dealt - total,
    );
    Ok(scheduler.workers.into_keys().collect())
}

fn scheduler(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let router = open(&ctx, &args.endpoint)?;
    println!("bound {}", router.endpoint()?);
    schedule(&router, args, |_| {})?;
    Ok(())
}

/// `mandatory` says which worker has gone before the monitor does; heartbeats find machines that have.
fn open(ctx: &Context, endpoint: &str) -> Result<Socket<Router>> {
    let router = ctx
        .socket(Router)
        .mandatory(true)
        .heartbeat_interval(Duration::from_secs(5))
        .heartbeat_timeout(Duration::from_secs(20))
        .bind(endpoint)?;
    Ok(router)
}

// ---- workers -----------------------------------------------------------------------------------

/// Works until it is told to stop, or has heard nothing for a minute.
///
/// It does not say that it is there: `probe_router` has its socket do that, with an empty message to
/// each scheduler that it finds, and again to one that was started anew.
fn worker(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let dealer = ctx
        .socket(Dealer)
        .routing_id(&args.name)
        .probe_router(true)
        .connect(&args.endpoint)?;
    let mut done = 0;
    loop {
        let job = match dealer.recv_timeout(Duration::from_secs(60)) {
            Ok(job) if job == "stop" => break,
            Ok(job) => job,
            Err(RecvError::TimedOut) => return Err("no scheduler has work for me".into()),
            Err(error) => return Err(error.into()),
        };
        let factors = factor(job.get_str(1)?.parse()?);
        let number = Frame::from(&job[0]);
        let factors = factors.iter().map(|factor| Frame::from(factor.to_string()));
        dealer.send(Message::from_iter([number].into_iter().chain(factors)))?;
        done += 1;
    }
    println!("{} has done {done} jobs", args.name);
    Ok(())
}

/// The prime factors of a number, by trying.
fn factor(mut number: u64) -> Vec<u64> {
    let mut factors = Vec::new();
    let mut divisor = 2;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            factors.push(divisor);
            number /= divisor;
        } else {
            divisor += 1;
        }
    }
    factors.push(number);
    factors
}

// ---- all of them -------------------------------------------------------------------------------

/// The scheduler here, three workers as processes. The busiest is killed half-way.
fn all(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let router = open(&ctx, "tcp://127.0.0.1:*")?;
    let endpoint = router.endpoint()?.to_string();
    let mut running = BTreeMap::new();
    for name in ["anna", "emil", "otto"] {
        let mut command = Command::new(env::current_exe()?);
        command.args(["worker", "--name", name, "--endpoint", &endpoint]);
        running.insert(name.as_bytes(), Running(command.spawn()?));
    }

    let mut killed = false;
    let stopped = schedule(&router, args, |scheduler| {
        if killed || scheduler.done < scheduler.jobs.len() / 2 {
            return;
        }
        let workers = scheduler.workers.iter();
        let busiest = workers.max_by_key(|(_, jobs)| jobs.len());
        if let Some((worker, jobs)) = busiest {
            scheduler.print(format!("{worker} is killed, having {} jobs", jobs.len()));
            drop(running.remove(&worker[..]));
            killed = true;
        }
    })?;
    // One that came too late to be told is killed.
    for worker in stopped {
        if let Some(mut worker) = running.remove(&worker[..]) {
            worker.0.wait()?;
        }
    }
    Ok(())
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
        Some("scheduler") => scheduler(args),
        Some("worker") => worker(args),
        None => all(args),
        Some(_) => Err(USAGE.into()),
    }
}

struct Args {
    role: Option<String>,
    endpoint: String,
    name: String,
    jobs: u32,
    timed: u32,
    patience: Duration,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        endpoint: "tcp://127.0.0.1:5555".to_owned(),
        name: format!("worker-{}", std::process::id()),
        jobs: 200,
        timed: 5,
        patience: Duration::from_secs(30),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => args.endpoint = parser.value()?.string()?,
            Long("name") => args.name = parser.value()?.string()?,
            Long("jobs") => args.jobs = parser.value()?.parse()?,
            Long("timed") => args.timed = parser.value()?.parse()?,
            Long("patience") => args.patience = Duration::from_secs(parser.value()?.parse()?),
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
