//! Processes with a role, started from this same binary, and the lines by which they talk to the one that
//! conducts them: a child says `ready ENDPOINT`, `measured`, `heard` and at its end `metrics a=1 b=2`; it is
//! told `go`, `stop` or a number.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Display;
use std::io::Write;
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

#[path = "lines.rs"]
mod lines;

/// Nothing a child does takes this long; a child that does hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// Named figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub(crate) fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    pub(crate) fn merge(&mut self, other: Metrics) {
        self.0.extend(other.0);
    }

    /// The same figures under longer names.
    pub(crate) fn with_suffix(self, suffix: &str) -> Metrics {
        let longer = |(name, value)| (format!("{name}{suffix}"), value);
        Metrics(self.0.into_iter().map(longer).collect())
    }

    fn parse(text: &str) -> Metrics {
        let pairs = text
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        Metrics(
            pairs
                .filter_map(|(name, value)| Some((name.into(), value.parse().ok()?)))
                .collect(),
        )
    }
}

/// What a child is told when it starts, as `name=value` arguments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Params {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    pub(crate) fn from_args(args: impl Iterator<Item = String>) -> Params {
        Params(
            args.filter_map(|arg| arg.split_once('=').map(own))
                .collect(),
        )
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("the role needs {name}=..."))
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.text(name)
            .parse()
            .unwrap_or_else(|_| panic!("{name}=NUMBER"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn optional(&self, name: &str) -> Option<u64> {
        self.has(name).then(|| self.number(name))
    }

    pub(crate) fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(self.number(name))
    }

    /// Microseconds, or nothing if it is zero or not given.
    pub(crate) fn micros(&self, name: &str) -> Option<Duration> {
        let micros = self
            .0
            .get(name)?
            .parse()
            .ok()
            .filter(|micros| *micros > 0)?;
        Some(Duration::from_micros(micros))
    }
}

fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

// ── inside a child ───────────────────────────────────────────────────────────────────────────────────────

pub(crate) fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("a conductor that listens");
}

pub(crate) fn say_metrics(metrics: &Metrics) {
    let pairs = metrics
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    say(&format!("metrics {}", pairs.collect::<Vec<_>>().join(" ")));
}

/// A flag that is raised when the conductor says something, or is gone.
pub(crate) fn told() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    thread::spawn(move || {
        wait_for_word();
        raised.store(true, Ordering::Release);
    });
    flag
}

pub(crate) fn wait_for_word() {
    let _ = next_number();
}

/// Waits for a word, and returns the number that it is. Nothing if it is none, or the conductor is done with us.
pub(crate) fn next_number() -> Option<u64> {
    let mut word = String::new();
    std::io::stdin().read_line(&mut word).ok()?;
    word.trim().parse().ok()
}

// ── in the conductor ─────────────────────────────────────────────────────────────────────────────────────

/// A running child. Killed if it goes out of scope before it has finished.
pub(crate) struct Child {
    role: String,
    process: Process,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
}

impl Child {
    pub(crate) fn start(role: &str, params: &Params) -> Child {
        let exe = env::current_exe().expect("our own path");
        let mut command = if cfg!(unix) {
            // Thousands of connections need more descriptors than a login shell grants by default.
            let mut shell = Command::new("sh");
            shell
                .args([
                    "-c",
                    "ulimit -n $(ulimit -Hn) 2>/dev/null; exec \"$0\" \"$@\"",
                ])
                .arg(exe);
            shell
        } else {
            Command::new(exe)
        };
        command.args(["--role", role]);
        command.args(
            params
                .0
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let lines = lines::of(&mut process);
        let input = process.stdin.take();
        Child {
            role: role.to_owned(),
            process,
            input,
            lines,
        }
    }

    /// The rest of the line that starts with this word; an error if the child ends without saying it.
    pub(crate) fn wait_for(&self, word: &str) -> Result<String, String> {
        loop {
            let line = self
                .lines
                .recv_timeout(DEADLINE)
                .map_err(|_| format!("{}: no \"{word}\" (see its message above)", self.role))?;
            if let Some(rest) = line.strip_prefix(word) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    pub(crate) fn tell(&mut self, word: impl Display) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        writeln!(input, "{word}").map_err(|error| format!("{}: {error}", self.role))
    }

    /// Waits for its metrics and its end.
    pub(crate) fn finish(mut self) -> Result<Metrics, String> {
        drop(self.input.take());
        let metrics = Metrics::parse(&self.wait_for("metrics")?);
        let status = self.process.wait().map_err(|error| error.to_string())?;
        if status.success() {
            Ok(metrics)
        } else {
            Err(format!("{}: {status}", self.role))
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
