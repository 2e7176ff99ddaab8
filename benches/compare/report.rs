//! Medians, ratios and verdicts, for people and for programs.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use crate::chart;
use crate::conduct::{Plan, Run};
use crate::rows::{Bar, Contender, Figure, Row, Unit};

pub(crate) struct Report {
    raw: File,
    directory: PathBuf,
    lines: Vec<Line>,
    costs: Vec<String>,
    failures: Vec<String>,
}

/// One figure, judged.
pub(crate) struct Line {
    pub(crate) name: String,
    /// The median of each contender that took part.
    pub(crate) medians: Vec<(Contender, f64)>,
    pub(crate) unit: Unit,
    /// The median of ours divided by the reference, pair by pair.
    pub(crate) ratio: f64,
    pub(crate) reference: Contender,
    pub(crate) bar: Option<Bar>,
    pub(crate) passed: Option<bool>,
}

impl Report {
    pub(crate) fn start(plan: &Plan) -> Result<Report, String> {
        let directory = target_directory();
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let path = directory.join("compare.jsonl");
        let raw = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (major, minor, patch) = libzmq_peer::version();
        println!(
            "sinew {} and libzmq {major}.{minor}.{patch} (-O2), defaults of both; {}\n\
             {} interleaved turns each; {} ms after a warm-up of {} ms; medians, and the median of \
             the ratios\n",
            env!("CARGO_PKG_VERSION"),
            machine(),
            plan.pairs,
            plan.duration_ms,
            plan.warm_up_ms,
        );
        println!("{}", heading());
        Ok(Report {
            raw,
            directory,
            lines: Vec::new(),
            costs: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// Keeps a measurement as it was.
    pub(crate) fn record(&mut self, row: &Row, run: &Run) -> Result<(), String> {
        let mut line = format!(
            "{{\"row\":\"{}\",\"contender\":\"{}\",\"pair\":{}",
            row.name,
            run.contender.name(),
            run.pair
        );
        for (name, value) in run.metrics.iter() {
            // JSON knows no infinity.
            if value.is_finite() {
                line.push_str(&format!(",\"{name}\":{value}"));
            }
        }
        writeln!(self.raw, "{line}}}").map_err(|error| error.to_string())
    }

    pub(crate) fn add(&mut self, row: &Row, runs: &[Run]) {
        for figure in &row.figures {
            let line = judge(row, figure, runs);
            println!("{}", show(&line));
            self.lines.push(line);
        }
        for &contender in &row.contenders {
            self.costs.extend(cost(row, contender, runs));
        }
    }

    /// A row that this machine cannot measure.
    pub(crate) fn add_skipped(&mut self, row: &Row, why: &str) {
        println!("{:<30} skipped: {why}", row.name);
    }

    /// A row that came to no result: the others still count, but the whole run fails.
    pub(crate) fn add_failure(&mut self, error: String) {
        println!("FAILED {error}");
        self.failures.push(error);
    }

    pub(crate) fn finish(self) -> Result<(), String> {
        println!("\nwhat each message or round trip cost the two processes:");
        println!(
            "{:<28} {:<13} {:>9} {:>9} {:>10} {:>10}",
            "", "", "send CPU", "recv CPU", "send sleep", "recv sleep"
        );
        self.costs.iter().for_each(|line| println!("{line}"));
        let judged = self.lines.iter().filter_map(|line| line.passed);
        let (passed, total) = judged.fold((0, 0), |(p, t), ok| (p + usize::from(ok), t + 1));
        println!("\n{passed} of {total} bars passed");
        let path = self.directory.join("compare.svg");
        chart::draw(&path, &self.lines)?;
        println!(
            "raw results and chart: {}",
            self.directory.join("compare.*").display()
        );
        if self.failures.is_empty() {
            Ok(())
        } else {
            Err(format!("failed:\n  {}", self.failures.join("\n  ")))
        }
    }
}

/// The `target` directory that this program was built in: it is `target/PROFILE/deps/compare-HASH`.
fn target_directory() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    exe.ancestors()
        .nth(3)
        .map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} cores, {}; load before the start: {}",
        model.map_or("unknown CPU", |(_, model)| model),
        load.split(' ').next().unwrap_or("unknown"),
    )
}

fn judge(row: &Row, figure: &Figure, runs: &[Run]) -> Line {
    let of = |contender| metric(runs, contender, &figure.metric);
    let reference = row.contenders[1];
    let pairs = of(Contender::Ours).into_iter().zip(of(reference));
    let ratio = median(pairs.map(|(ours, theirs)| ours / theirs).collect());
    let medians: Vec<_> = row
        .contenders
        .iter()
        .map(|&who| (who, median(of(who))))
        .collect();
    let passed = figure.bar.filter(|_| figure.judged).map(|bar| match bar {
        Bar::AtLeast(times) => ratio >= times,
        Bar::AtMost(times) => ratio <= times,
        Bar::Below(value) => medians[0].1 <= value,
    });
    Line {
        name: format!("{} {}", row.name, figure.label)
            .trim_end()
            .to_owned(),
        medians,
        unit: figure.unit,
        ratio,
        reference,
        bar: figure.bar,
        passed,
    }
}

fn metric(runs: &[Run], contender: Contender, name: &str) -> Vec<f64> {
    let runs = runs.iter().filter(|run| run.contender == contender);
    runs.filter_map(|run| run.metrics.get(name)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}

fn heading() -> String {
    let names = Contender::ALL
        .map(|who| format!("{:>14}", who.name()))
        .concat();
    format!("{:<30}{names} {:>20} {:>10}", "", "ratio", "bar")
}

fn show(line: &Line) -> String {
    let columns = Contender::ALL.map(|who| {
        let value = line.medians.iter().find(|(contender, _)| *contender == who);
        format!(
            "{:>14}",
            value.map_or(String::new(), |(_, value)| in_unit(*value, line.unit))
        )
    });
    let verdict = match line.passed {
        Some(true) => "PASS",
        Some(false) => "MISS",
        None => "",
    };
    let ratio = format!("{:.2}x {}", line.ratio, line.reference.name());
    let bar = line
        .bar
        .map_or(String::new(), |bar| show_bar(bar, line.unit));
    format!(
        "{:<30}{} {ratio:>20} {bar:>10} {verdict}",
        line.name,
        columns.concat()
    )
}

pub(crate) fn show_bar(bar: Bar, unit: Unit) -> String {
    match bar {
        Bar::AtLeast(times) => format!(">= {times}x"),
        Bar::AtMost(times) => format!("<= {times}x"),
        Bar::Below(value) => format!("<= {}", in_unit(value, unit)),
    }
}

pub(crate) fn in_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Unit::PerSecond => format!("{:.2} k/s", value / 1e3),
        Unit::Micros => format!("{value:.1} us"),
        Unit::Nanos => format!("{value:.0} ns"),
        Unit::Bytes if value >= 1024.0 => format!("{:.1} KiB", value / 1024.0),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Times => format!("{value:.2}x"),
    }
}

/// CPU time and voluntary context switches a message or a round trip, where the row measures them.
fn cost(row: &Row, contender: Contender, runs: &[Run]) -> Option<String> {
    let of = |name: &str| {
        let values = metric(runs, contender, name);
        (!values.is_empty()).then(|| median(values))
    };
    let columns = [
        ("sender_cpu_us_each", 9, "us"),
        ("receiver_cpu_us_each", 9, "us"),
        ("sender_switches_each", 10, ""),
        ("receiver_switches_each", 10, ""),
    ]
    .map(|(name, width, unit)| {
        let text = of(name).map_or(String::new(), |value| format!("{value:.3}{unit}"));
        format!(" {text:>width$}")
    });
    let any = columns.iter().any(|column| !column.trim().is_empty());
    any.then(|| {
        format!(
            "{:<28} {:<13}{}",
            row.name,
            contender.name(),
            columns.concat()
        )
    })
}
