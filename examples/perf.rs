//! How fast is it here? Throughput (`thr`, PUSH to PULL) or round trips (`lat`, REQ and REP).
//!
//! ```text
//! perf thr                                  # two processes over loopback
//! perf lat --endpoint 'ipc://*'             # the same over a Unix-domain socket
//! perf thr --endpoint inproc://x            # two threads of one process
//! perf lat --busy-poll 100 --json           # spin up to 100 us before sleeping; one JSON line
//!
//! perf thr --role recv --endpoint 'tcp://*:5555'          # on one machine
//! perf thr --role send --endpoint tcp://that-machine:5555 # on the other
//! ```
//!
//! Sockets have their default options and are used as a program would: `send` and `recv`, one
//! message at a time. Every message received is checked. `thr` is timed by the receiver, from its
//! first message to its last; `lat` by the one that asks, after a warm-up. The CPU seconds and the
//! voluntary context switches are those of the process that prints the line, while it was timing.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Message, Pull, Push, Rep, Req, Socket};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "\
usage: perf thr|lat [--endpoint EP] [--size BYTES] [--count N] [--role send|recv|both]
            [--busy-poll MICROS] [--json]

thr, lat            PUSH to PULL throughput, or REQ/REP round trips
--endpoint EP       where the two ends meet (default tcp://127.0.0.1:0)
--size BYTES        of each message (default 16)
--count N           messages or round trips (default: what takes a second or two)
--role send|recv    be one end only: recv binds, send connects
--role both         start the other end too, as its own process (default)
--busy-poll MICROS  spin so long before sleeping (default 0)
--json              print one JSON object";

/// What to measure; both ends have the same.
#[derive(Clone)]
struct Job {
    mode: Mode,
    endpoint: String,
    size: usize,
    count: u64,
    busy_poll: Duration,
    json: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Throughput,
    Latency,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Send,
    Recv,
    Both,
}

fn main() -> ExitCode {
    let (job, role, child) = match parse() {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(2, &format!("{error} (try --help)")),
    };
    if child {
        leave_with_parent();
    }
    match run(&job, role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &error.to_string()),
    }
}

fn fail(code: u8, reason: &str) -> ExitCode {
    eprintln!("perf: {reason}");
    ExitCode::from(code)
}

fn run(job: &Job, role: Role) -> Result<()> {
    let ctx = Context::new();
    match (role, job.mode) {
        (Role::Recv, Mode::Throughput) => {
            let pull = bound_pull(job, &ctx)?;
            eprintln!("bound {}", pull.endpoint()?);
            receive_stream(job, pull)
        }
        (Role::Send, Mode::Throughput) => send_stream(job, &ctx),
        (Role::Recv, Mode::Latency) => {
            let rep = bound_rep(job, &ctx)?;
            eprintln!("bound {}", rep.endpoint()?);
            answer(job, rep)
        }
        (Role::Send, Mode::Latency) => ask(job, &ctx),
        (Role::Both, _) if job.endpoint.starts_with("inproc:") => two_threads(job, &ctx),
        (Role::Both, _) => two_processes(job, &ctx),
    }
}

// ---- PUSH to PULL ------------------------------------------------------------------------------

fn send_stream(job: &Job, ctx: &Context) -> Result<()> {
    let push = ctx
        .socket(Push)
        .busy_poll(job.busy_poll)
        .connect(&job.endpoint)?;
    let mut body = Body::new(job.size);
    for number in 0..job.count {
        push.send(body.message(number))?;
    }
    match push.close().undelivered {
        0 => Ok(()),
        n => Err(format!("{n} messages could not be delivered").into()),
    }
}

fn bound_pull(job: &Job, ctx: &Context) -> Result<Socket<Pull>> {
    Ok(ctx
        .socket(Pull)
        .busy_poll(job.busy_poll)
        .bind(&job.endpoint)?)
}

fn receive_stream(job: &Job, pull: Socket<Pull>) -> Result<()> {
    let mut body = Body::new(job.size);
    body.check(0, &pull.recv()?)?;
    let before = Usage::now();
    let start = Instant::now();
    for number in 1..job.count {
        body.check(number, &pull.recv()?)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let usage = Usage::since(&before);

    let rate = if seconds > 0.0 {
        (job.count - 1) as f64 / seconds
    } else {
        0.0
    };
    let bytes = rate * job.size as f64 / 1e6;
    let endpoint = pull.endpoint()?.to_string();
    if job.json {
        let figures = format!("\"msgs_per_s\":{rate:.1},\"mb_per_s\":{bytes:.3}");
        println!("{}", job.json_line("thr", &endpoint, &figures, &usage));
    } else {
        let figures = format!("{rate:.0} msg/s, {bytes:.1} MB/s");
        println!("{}", job.line("PUSH to PULL", &endpoint, &figures, &usage));
    }
    Ok(())
}

// ---- REQ and REP -------------------------------------------------------------------------------

impl Job {
    /// Round trips before those that count: connections, caches and clocks come up to speed.
    fn warm_up(&self) -> u64 {
        (self.count / 10).min(1000)
    }
}

fn bound_rep(job: &Job, ctx: &Context) -> Result<Socket<Rep>> {
    Ok(ctx
        .socket(Rep)
        .busy_poll(job.busy_poll)
        .bind(&job.endpoint)?)
}

fn answer(job: &Job, rep: Socket<Rep>) -> Result<()> {
    for _ in 0..job.warm_up() + job.count {
        let request = rep.recv()?;
        rep.send(request)?;
    }
    Ok(())
}

fn ask(job: &Job, ctx: &Context) -> Result<()> {
    let req = ctx
        .socket(Req)
        .busy_poll(job.busy_poll)
        .connect(&job.endpoint)?;
    let mut body = Body::new(job.size);
    for number in 0..job.warm_up() {
        req.send(body.message(number))?;
        body.check(number, &req.recv()?)?;
    }

    let mut round_trips = Histogram::<u64>::new(3)?;
    let before = Usage::now();
    for number in 0..job.count {
        let message = body.message(number);
        let start = Instant::now();
        req.send(message)?;
        let reply = req.recv()?;
        round_trips.record(start.elapsed().as_nanos() as u64)?;
        body.check(number, &reply)?;
    }
    let usage = Usage::since(&before);

    let [p50, p99, p999] =
        [0.5, 0.99, 0.999].map(|q| round_trips.value_at_quantile(q) as f64 / 1000.0);
    if job.json {
        let figures = format!("\"p50_us\":{p50:.3},\"p99_us\":{p99:.3},\"p999_us\":{p999:.3}");
        println!("{}", job.json_line("lat", &job.endpoint, &figures, &usage));
    } else {
        let figures = format!("round trip p50 {p50:.1} us, p99 {p99:.1} us, p99.9 {p999:.1} us");
        println!(
            "{}",
            job.line("REQ and REP", &job.endpoint, &figures, &usage)
        );
    }
    Ok(())
}

// ---- both ends ---------------------------------------------------------------------------------

/// Both ends in this process, for `inproc`.
fn two_threads(job: &Job, ctx: &Context) -> Result<()> {
    thread::scope(|scope| {
        let other = match job.mode {
            Mode::Throughput => scope.spawn(|| waking(ctx, send_stream(job, ctx))),
            Mode::Latency => {
                let rep = bound_rep(job, ctx)?;
                scope.spawn(|| waking(ctx, answer(job, rep)))
            }
        };
        let mine = waking(
            ctx,
            match job.mode {
                Mode::Throughput => bound_pull(job, ctx).and_then(|pull| receive_stream(job, pull)),
                Mode::Latency => ask(job, ctx),
            },
        );
        let theirs = other
            .join()
            .unwrap_or_else(|_| Err("the other thread panicked".into()));
        theirs.and(mine)
    })
}

/// One end's failure must not leave the other one waiting.
fn waking<T>(ctx: &Context, outcome: Result<T>) -> Result<T> {
    if outcome.is_err() {
        ctx.shutdown();
    }
    outcome
}

/// The end that measures here, the other one in a process of its own.
fn two_processes(job: &Job, ctx: &Context) -> Result<()> {
    match job.mode {
        Mode::Throughput => {
            let pull = bound_pull(job, ctx)?;
            let job = job.at(pull.endpoint()?.to_string());
            let other = OtherEnd::watch(start(&job, "send")?, ctx);
            other.outcome(receive_stream(&job, pull))
        }
        Mode::Latency => {
            let mut child = start(job, "recv")?;
            let job = job.at(bound_endpoint(&mut child)?);
            let other = OtherEnd::watch(child, ctx);
            other.outcome(ask(&job, ctx))
        }
    }
}

/// Starts this program again, as the other end.
fn start(job: &Job, role: &str) -> Result<Child> {
    let mode = if job.mode == Mode::Throughput {
        "thr"
    } else {
        "lat"
    };
    Ok(Command::new(std::env::current_exe()?)
        .args([mode, "--child", "--role", role, "--endpoint", &job.endpoint])
        .args([
            "--size",
            &job.size.to_string(),
            "--count",
            &job.count.to_string(),
        ])
        .args(["--busy-poll", &job.busy_poll.as_micros().to_string()])
        .stdin(Stdio::piped())
        .stderr(if role == "recv" {
            Stdio::piped()
        } else {
            Stdio::inherit()
        })
        .spawn()?)
}

/// Where the child listens: the first line it writes to standard error.
fn bound_endpoint(child: &mut Child) -> Result<String> {
    let stderr = child
        .stderr
        .take()
        .ok_or("the child has no standard error")?;
    let mut stderr = BufReader::new(stderr);
    let mut line = String::new();
    stderr.read_line(&mut line)?;
    // Whatever else it says is for the user.
    thread::spawn(move || io::copy(&mut stderr, &mut io::stderr()));
    match line.trim_end().strip_prefix("bound ") {
        Some(endpoint) => Ok(endpoint.to_owned()),
        None => Err(format!("the other end does not start: {}", line.trim_end()).into()),
    }
}

/// The child process, watched by a thread.
struct OtherEnd {
    watcher: thread::JoinHandle<Result<()>>,
    /// The child leaves when this pipe is closed, which happens even if this process is killed.
    leash: Option<std::process::ChildStdin>,
}

impl OtherEnd {
    /// If the child fails, closing the context wakes the thread that waits for it.
    fn watch(mut child: Child, ctx: &Context) -> OtherEnd {
        let leash = child.stdin.take();
        let ctx = ctx.clone();
        let watcher = thread::spawn(move || match child.wait()? {
            status if status.success() => Ok(()),
            status => waking(&ctx, Err(format!("the other end failed: {status}").into())),
        });
        OtherEnd { watcher, leash }
    }

    /// What became of the measurement. If it failed, the child is told to go.
    fn outcome(mut self, mine: Result<()>) -> Result<()> {
        if mine.is_err() {
            self.leash = None;
        }
        let theirs = self
            .watcher
            .join()
            .unwrap_or_else(|_| Err("the watcher panicked".into()));
        mine.and(theirs)
    }
}

/// A child's standard input ends when its parent does.
fn leave_with_parent() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(1);
    });
}

// ---- messages ----------------------------------------------------------------------------------

/// Bodies up to this size carry their number, so that a lost, doubled or swapped one is noticed.
/// Larger ones are the same shared buffer each time, as when a program passes data on: filling
/// them would measure the memory.
const NUMBERED: usize = 64;

/// Of larger bodies than this only both ends are compared, so that checking does not cost more
/// than receiving.
const COMPARED: usize = 4096;

/// What the messages contain.
struct Body {
    bytes: Vec<u8>,
    shared: Message,
}

impl Body {
    fn new(size: usize) -> Body {
        let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        Body {
            shared: Message::from(bytes.clone()),
            bytes,
        }
    }

    fn message(&mut self, number: u64) -> Message {
        if self.bytes.len() > NUMBERED {
            return self.shared.clone();
        }
        self.set_number(number);
        Message::from(&self.bytes[..])
    }

    fn check(&mut self, number: u64, message: &Message) -> Result<()> {
        if self.bytes.len() <= NUMBERED {
            self.set_number(number);
        }
        let (expected, received) = (&self.bytes[..], message.as_bytes()?);
        let same = message.len() == 1
            && received.len() == expected.len()
            && if expected.len() <= COMPARED {
                received == expected
            } else {
                received[..NUMBERED] == expected[..NUMBERED]
                    && received[received.len() - NUMBERED..]
                        == expected[received.len() - NUMBERED..]
            };
        if same {
            Ok(())
        } else {
            Err(format!(
                "message {number} is not what was sent ({} bytes)",
                received.len()
            )
            .into())
        }
    }

    fn set_number(&mut self, number: u64) {
        if let Some(start) = self.bytes.first_chunk_mut() {
            *start = number.to_le_bytes();
        }
    }
}

// ---- the result --------------------------------------------------------------------------------

impl Job {
    fn at(&self, endpoint: String) -> Job {
        Job {
            endpoint,
            ..self.clone()
        }
    }

    fn line(&self, pattern: &str, endpoint: &str, figures: &str, usage: &Usage) -> String {
        let used = match (usage.cpu, usage.switches) {
            (Some(cpu), Some(n)) => format!("{cpu:.2} CPU s, {n} voluntary context switches"),
            _ => "CPU use unknown here".to_owned(),
        };
        let (count, size) = (self.count, self.size);
        format!("{pattern}, {endpoint}, {count} x {size} B: {figures}; {used}")
    }

    fn json_line(&self, mode: &str, endpoint: &str, figures: &str, usage: &Usage) -> String {
        let (size, count) = (self.size, self.count);
        let endpoint = json_string(endpoint);
        let cpu = usage
            .cpu
            .map_or("null".to_owned(), |cpu| format!("{cpu:.3}"));
        let switches = usage.switches.map_or("null".to_owned(), |n| n.to_string());
        format!(
            "{{\"mode\":\"{mode}\",\"endpoint\":{endpoint},\"size\":{size},\"count\":{count},\
             {figures},\"cpu_s\":{cpu},\"vcs\":{switches}}}"
        )
    }
}

fn json_string(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c < ' ' => json.push_str(&format!("\\u{:04x}", c as u32)),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// What all threads of this process have used; `None` where the system does not tell as Linux does.
struct Usage {
    cpu: Option<f64>,
    switches: Option<u64>,
}

impl Usage {
    fn now() -> Usage {
        Usage {
            cpu: cpu_seconds(),
            switches: voluntary_switches(),
        }
    }

    fn since(before: &Usage) -> Usage {
        let now = Usage::now();
        Usage {
            cpu: now.cpu.zip(before.cpu).map(|(now, then)| now - then),
            switches: now
                .switches
                .zip(before.switches)
                .map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

/// User and system time of the process: fields 14 and 15 of its `stat`, in hundredths of a second.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in brackets, may itself contain spaces and brackets.
    let (_, from_third) = stat.rsplit_once(')')?;
    let ticks: Vec<u64> = from_third
        .split_whitespace()
        .skip(11)
        .take(2)
        .map_while(|n| n.parse().ok())
        .collect();
    (ticks.len() == 2).then(|| ticks.iter().sum::<u64>() as f64 / 100.0)
}

fn voluntary_switches() -> Option<u64> {
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        // A thread that ended in between counts no more.
        let Ok(status) = fs::read_to_string(task.ok()?.path().join("status")) else {
            continue;
        };
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        sum += line.trim().parse::<u64>().ok()?;
    }
    Some(sum)
}

// ---- the command line --------------------------------------------------------------------------

/// The job, the role, and whether a parent started this process; `None` when help is asked for.
fn parse() -> std::result::Result<Option<(Job, Role, bool)>, lexopt::Error> {
    let (mut mode, mut role, mut child) = (None, Role::Both, false);
    let (mut size, mut count) = (16, None);
    let mut endpoint = "tcp://127.0.0.1:0".to_owned();
    let (mut busy_poll, mut json) = (Duration::ZERO, false);

    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("endpoint") => endpoint = parser.value()?.string()?,
            Long("size") => size = parser.value()?.parse()?,
            Long("count") => count = Some(parser.value()?.parse()?),
            Long("role") => role = role_named(&parser.value()?.string()?)?,
            Long("busy-poll") => busy_poll = Duration::from_micros(parser.value()?.parse()?),
            Long("json") => json = true,
            Long("child") => child = true,
            Long("help") | Short('h') => return Ok(None),
            Value(name) if mode.is_none() => mode = Some(mode_named(&name.string()?)?),
            _ => return Err(arg.unexpected()),
        }
    }

    let mode = mode.ok_or("thr or lat?")?;
    let count = count.unwrap_or_else(|| default_count(mode, size));
    if count == 0 {
        return Err("--count must be at least 1".into());
    }
    Ok(Some((
        Job {
            mode,
            endpoint,
            size,
            count,
            busy_poll,
            json,
        },
        role,
        child,
    )))
}

fn mode_named(name: &str) -> std::result::Result<Mode, lexopt::Error> {
    match name {
        "thr" => Ok(Mode::Throughput),
        "lat" => Ok(Mode::Latency),
        _ => Err(format!("no such mode: {name}; thr or lat?").into()),
    }
}

fn role_named(name: &str) -> std::result::Result<Role, lexopt::Error> {
    match name {
        "send" => Ok(Role::Send),
        "recv" => Ok(Role::Recv),
        "both" => Ok(Role::Both),
        _ => Err(format!("no such role: {name}; send, recv or both?").into()),
    }
}

/// What takes a second or two on a small machine.
fn default_count(mode: Mode, size: usize) -> u64 {
    let size = size as u64;
    match mode {
        Mode::Throughput => 3_000_000_000 / (size + 180),
        Mode::Latency => 1_500_000_000 / (size + 75_000),
    }
    .max(2)
}
