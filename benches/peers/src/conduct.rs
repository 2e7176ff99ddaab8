//! Starts the processes of a row, gives them their cues, and shows what they measured.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;

use crate::child::{Child, Metrics, Params};
use crate::libraries;

pub(crate) struct Plan {
    pub(crate) turns: usize,
    pub(crate) rows: Vec<String>,
    pub(crate) only: Vec<String>,
    warm_up_ms: u64,
    duration_ms: u64,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            turns: 5,
            rows: Vec::new(),
            only: Vec::new(),
            warm_up_ms: 300,
            duration_ms: 2_000,
        }
    }
}

impl Plan {
    pub(crate) fn make_quick(&mut self) {
        (self.turns, self.warm_up_ms, self.duration_ms) = (3, 100, 300);
    }

    fn contenders(&self) -> Vec<&'static str> {
        let wanted = |name: &&str| *name == libraries::OURS || self.only.iter().any(|n| n == name);
        let all = libraries::ALL.iter().copied();
        all.filter(|name| self.only.is_empty() || wanted(name))
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Work {
    Stream,
    RoundTrip,
    FanOut(u64),
}

struct Row {
    name: &'static str,
    work: Work,
    size: u64,
    /// What is shown; of the first of these, the ratio too.
    metrics: &'static [&'static str],
}

const ROWS: [Row; 7] = {
    const fn stream(name: &'static str, size: u64) -> Row {
        Row {
            name,
            work: Work::Stream,
            size,
            metrics: &["rate"],
        }
    }
    [
        stream("push-pull-tcp-16", 16),
        stream("push-pull-tcp-64", 64),
        stream("push-pull-tcp-256", 256),
        stream("push-pull-tcp-1k", 1_024),
        stream("push-pull-tcp-64k", 65_536),
        Row {
            name: "req-rep-tcp-16",
            work: Work::RoundTrip,
            size: 16,
            metrics: &["p50", "p99"],
        },
        Row {
            name: "pub-8-subs-tcp-64",
            work: Work::FanOut(8),
            size: 64,
            metrics: &["rate", "lost share"],
        },
    ]
};

type Runs = Vec<(&'static str, Metrics)>;

pub(crate) fn compare(plan: &Plan) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers.jsonl");
    let raw = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let mut raw = raw
        .and_then(|()| File::create(&path))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let contenders = plan.contenders();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} turns each, {} ms after a warm-up of {} ms; medians, and in brackets the median of the ratios of\n\
         neighbours, ours to theirs. Load before the start: {}\n\n{:<30}{}",
        plan.turns,
        plan.duration_ms,
        plan.warm_up_ms,
        load.split(' ').next().unwrap_or_default(),
        "",
        contenders
            .iter()
            .map(|name| format!("{name:>22}"))
            .collect::<String>()
    );
    let mut failures = Vec::new();
    let wanted = |row: &&Row| {
        plan.rows.is_empty()
            || plan
                .rows
                .iter()
                .any(|name| row.name.starts_with(name.as_str()))
    };
    for row in ROWS.iter().filter(wanted) {
        let runs = measure_row(row, plan, &contenders, &mut raw, &mut failures)?;
        for metric in row.metrics {
            show(row, metric, &contenders, &runs);
        }
    }
    println!("\nraw results: {}", path.display());
    if failures.is_empty() {
        Ok(())
    } else {
        Err(format!("failed:\n  {}", failures.join("\n  ")))
    }
}

fn measure_row(
    row: &Row,
    plan: &Plan,
    contenders: &[&'static str],
    raw: &mut File,
    failures: &mut Vec<String>,
) -> Result<Runs, String> {
    let mut runs = Vec::new();
    for turn in 0..plan.turns {
        for &library in contenders {
            let metrics = match measure(row, library, plan) {
                Ok(metrics) => metrics,
                Err(error) => {
                    failures.push(format!("{}, {library}, turn {turn}: {error}", row.name));
                    continue;
                }
            };
            let figures = metrics.iter().filter(|(_, value)| value.is_finite());
            let figures: String = figures
                .map(|(name, value)| format!(",\"{name}\":{value}"))
                .collect();
            writeln!(
                raw,
                "{{\"row\":\"{}\",\"contender\":\"{library}\",\"turn\":{turn}{figures}}}",
                row.name
            )
            .map_err(|error| error.to_string())?;
            runs.push((library, metrics));
        }
    }
    Ok(runs)
}

fn measure(row: &Row, library: &str, plan: &Plan) -> Result<Metrics, String> {
    let params = Params::default()
        .with("library", library)
        .with("size", row.size)
        .with("warm-up", plan.warm_up_ms)
        .with("duration", plan.duration_ms)
        .with("port", free_port()?);
    match row.work {
        Work::Stream => {
            let receiver = Child::start("pull", &params);
            let mut sender = Child::start("push", &params);
            receiver.wait_for("measured")?;
            sender.tell("stop")?;
            let mut metrics = receiver.finish()?;
            metrics.merge(sender.finish()?);
            Ok(metrics)
        }
        Work::RoundTrip => {
            let answering = Child::start("rep", &params);
            let mut metrics = Child::start("req", &params).finish()?;
            metrics.merge(answering.finish()?);
            Ok(metrics)
        }
        Work::FanOut(subscribers) => fan_out(&params.with("subscribers", subscribers), subscribers),
    }
}

fn fan_out(params: &Params, subscribers: u64) -> Result<Metrics, String> {
    let mut publisher = Child::start("pub", params);
    let receivers: Vec<_> = (0..subscribers)
        .map(|_| Child::start("sub", params))
        .collect();
    for receiver in &receivers {
        receiver.wait_for("heard")?;
    }
    publisher.tell("go")?;
    for receiver in &receivers {
        receiver.wait_for("measured")?;
    }
    publisher.tell("stop")?;
    let mut sums = Metrics::default();
    for receiver in receivers {
        let one = receiver.finish()?;
        for (name, value) in one.iter() {
            sums.set(name, value + sums.get(name).unwrap_or(0.0));
        }
    }
    let part = |name| sums.get(name).unwrap_or(0.0);
    let share = part("lost") / part("sent").max(1.0);
    sums.set("lost share", share);
    sums.merge(publisher.finish()?);
    Ok(sums)
}

/// Nobody else gets a port that was just given out: the system hands them out in turn.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|error| error.to_string())
}

fn show(row: &Row, metric: &str, contenders: &[&'static str], runs: &Runs) {
    let of = |library: &str| -> Vec<f64> {
        let runs = runs.iter().filter(|(name, _)| *name == library);
        runs.filter_map(|(_, metrics)| metrics.get(metric))
            .collect()
    };
    let ours = of(libraries::OURS);
    let columns = contenders.iter().map(|&library| {
        let theirs = of(library);
        let ratio = median(ours.iter().zip(&theirs).map(|(o, t)| o / t).collect());
        let text = match median(theirs) {
            value if value.is_nan() => "failed".to_owned(),
            value if library == libraries::OURS || metric != row.metrics[0] => {
                in_unit(value, metric)
            }
            value => format!("{} ({ratio:.2}x)", in_unit(value, metric)),
        };
        format!("{text:>22}")
    });
    let columns: String = columns.collect();
    println!("{:<30}{columns}", format!("{} {metric}", row.name));
}

fn in_unit(value: f64, metric: &str) -> String {
    match metric {
        "rate" if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        "rate" => format!("{:.1} k/s", value / 1e3),
        "lost share" => format!("{:.1} %", value * 100.0),
        _ => format!("{value:.1} us"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}
