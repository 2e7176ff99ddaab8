//! Compares sinew with libzmq, and with bare sockets where they are the limit.
//!
//! ```text
//! cargo bench -p sinew-benches --bench compare                     everything, at least five interleaved pairs a row
//! cargo bench -p sinew-benches --bench compare -- --quick          the same in about two minutes
//! cargo bench -p sinew-benches --bench compare -- --rows req-rep   the rows whose names start so
//! ```
//!
//! Every contender runs in processes of its own, started anew for each measurement; contenders take turns, so
//! that whatever else the machine does falls on all of them; what is compared is the median of the ratios of
//! neighbours. Both libraries run with their defaults: the same high-water marks, the system's socket buffers,
//! one background thread. Receivers keep the clock and check every message; one that is missing, repeated or
//! damaged fails the run.
//!
//! Raw results go to `target/compare.jsonl`, a chart to `target/compare.svg`.

mod chart;
mod child;
mod conduct;
mod library;
mod ours;
mod payload;
mod raw;
mod report;
mod roles;
mod rows;
mod system;
mod theirs;
mod usage;

use std::env;
use std::process::ExitCode;

use crate::child::Params;
use crate::conduct::Plan;
use crate::report::Report;
use crate::rows::Row;

const USAGE: &str =
    "cargo bench -p sinew-benches --bench compare -- [--quick] [--rows NAME,..] [--pairs N] [--list]";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--role") {
        play(&args);
        return ExitCode::SUCCESS;
    }
    // `cargo test` runs benches too, without a word; it must not have to wait for this one.
    if args.is_empty() {
        println!("nothing to do: {USAGE}");
        return ExitCode::SUCCESS;
    }
    match Options::parse(args).and_then(compare) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn play(args: &[String]) {
    let role = args.get(1).expect("a role");
    let params = Params::from_args(args.iter().skip(2).cloned());
    if let Some(cpu) = params.optional("cpu") {
        // Threads that start from now on inherit it.
        system::stay_on(cpu as usize);
    }
    let known = raw::play(role, &params)
        || match params.text("library") {
            "sinew" => roles::play::<ours::Ours>(role, &params),
            "libzmq" => roles::play::<theirs::Theirs>(role, &params),
            other => panic!("no library {other}"),
        };
    assert!(known, "no role {role}");
}

struct Options {
    quick: bool,
    list: bool,
    rows: Vec<String>,
    pairs: Option<usize>,
}

impl Options {
    fn parse(args: Vec<String>) -> Result<Options, String> {
        let mut options = Options {
            quick: false,
            list: false,
            rows: Vec::new(),
            pairs: None,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value: {USAGE}"));
            match arg.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--list" => options.list = true,
                "--rows" => options.rows.extend(value()?.split(',').map(str::to_owned)),
                "--pairs" => {
                    let number = value()?.parse().map_err(|_| USAGE)?;
                    options.pairs = Some(number);
                }
                _ => return Err(format!("unknown option {arg}: {USAGE}")),
            }
        }
        Ok(options)
    }

    fn wants(&self, row: &Row) -> bool {
        self.rows.is_empty()
            || self
                .rows
                .iter()
                .any(|name| row.name.starts_with(name.as_str()))
    }

    fn plan(&self) -> Plan {
        let mut plan = if self.quick { Plan::QUICK } else { Plan::FULL };
        plan.pairs = self.pairs.unwrap_or(plan.pairs).max(1);
        plan
    }
}

fn compare(options: Options) -> Result<(), String> {
    let plan = options.plan();
    let rows: Vec<Row> = rows::all(plan.crowds)
        .into_iter()
        .filter(|row| options.wants(row))
        .collect();
    if rows.is_empty() {
        return Err("no row has such a name; --list shows them".to_owned());
    }
    if options.list {
        rows.iter()
            .for_each(|row| println!("{:24} {}", row.name, row.about));
        return Ok(());
    }
    let mut report = Report::start(&plan)?;
    for row in rows {
        if let Some(why) = conduct::obstacle(row.work, &plan) {
            report.add_skipped(&row, &why);
            continue;
        }
        match conduct::run(&row, &plan, |run| report.record(&row, run)) {
            Ok(runs) => report.add(&row, &runs),
            Err(error) => report.add_failure(error),
        }
    }
    report.finish()
}
