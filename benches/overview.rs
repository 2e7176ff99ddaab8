//! Draws the README's chart from what the other benches measured.
//!
//! ```text
//! cargo bench -p sinew-benches --bench compare
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo bench -p sinew-benches --bench overview -- target/compare.jsonl benches/peers/target/peers.jsonl docs/overview.svg
//! ```
//!
//! Each bar is a library's median, divided by sinew's median *in the same file*: what was measured in different
//! runs is never compared, but each run has sinew in it. For times the quotient is turned over, so that a longer
//! bar is always the better one. What was not measured has no bar.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use plotters::prelude::*;

const USAGE: &str =
    "cargo bench -p sinew-benches --bench overview -- RESULTS.jsonl [RESULTS.jsonl]... CHART.svg";

const OURS: &str = "sinew";

/// What a group of bars shows: the row of the results, its figure, and its name for people.
const GROUPS: [Group; 7] = [
    Group::rate("push-pull-tcp-16", "stream, 16 B"),
    Group::rate("push-pull-tcp-64", "stream, 64 B"),
    Group::rate("push-pull-tcp-256", "stream, 256 B"),
    Group::rate("push-pull-tcp-1k", "stream, 1 KiB"),
    Group::rate("push-pull-tcp-64k", "stream, 64 KiB"),
    Group::rate("pub-8-subs-tcp-64", "PUB to 8 SUB"),
    Group {
        row: "req-rep-tcp-16",
        metric: "p50",
        title: "round trip",
        less_is_better: true,
    },
];

/// The libraries, as they are drawn in every group, and their colours.
const LIBRARIES: [(&str, RGBColor); 7] = [
    (OURS, RGBColor(46, 139, 87)),
    ("libzmq", RGBColor(178, 64, 64)),
    ("omq-tokio", RGBColor(86, 124, 190)),
    ("zeromq", RGBColor(214, 146, 52)),
    ("monocoque-rs", RGBColor(140, 96, 170)),
    ("zenoh", RGBColor(70, 165, 175)),
    ("nng", RGBColor(150, 140, 90)),
];

const WIDTH: i32 = 960;
const HEIGHT: i32 = 340;
const LEFT: i32 = 44;
const TOP: i32 = 70;
const BOTTOM: i32 = 290;
/// How many times as much as sinew the scale shows; what is higher is cut off, and says so.
const HIGHEST: f64 = 1.5;
/// Readable on white and on black, because the page behind it may be either.
const INK: RGBColor = RGBColor(128, 128, 128);

struct Group {
    row: &'static str,
    metric: &'static str,
    title: &'static str,
    less_is_better: bool,
}

impl Group {
    const fn rate(row: &'static str, title: &'static str) -> Group {
        Group {
            row,
            metric: "rate",
            title,
            less_is_better: false,
        }
    }
}

/// One bar: of which library, and how it compares with sinew, which is one.
struct Bar {
    library: usize,
    height: f64,
}

fn main() -> ExitCode {
    // cargo says so to every bench.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.split_last() {
        Some((chart, results)) if !results.is_empty() => match draw(results, chart) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        // `cargo bench` without a name starts this too.
        _ => {
            println!("nothing to do: {USAGE}");
            ExitCode::SUCCESS
        }
    }
}

fn draw(results: &[String], chart: &str) -> Result<(), String> {
    let mut runs = Vec::new();
    for path in results {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        runs.push(Results::parse(&text));
    }
    let groups: Vec<_> = GROUPS
        .iter()
        .map(|group| (group, bars(group, &runs)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    if groups.is_empty() {
        return Err("none of the results has a row that the chart shows".to_owned());
    }
    let area = SVGBackend::new(chart, (WIDTH as u32, HEIGHT as u32)).into_drawing_area();
    paint(&area, &groups).map_err(|error| format!("{chart}: {error}"))?;
    println!("drawn: {chart}");
    Ok(())
}

// ── figures ──────────────────────────────────────────────────────────────────────────────────────────────

/// The figures of one file, by row, contender and metric.
#[derive(Default)]
struct Results(BTreeMap<(String, String, String), Vec<f64>>);

impl Results {
    /// Lines as the benches write them: flat objects with plain names.
    fn parse(text: &str) -> Results {
        let mut results = Results::default();
        for line in text.lines() {
            let fields = line.trim().trim_start_matches('{').trim_end_matches('}');
            let fields: Vec<(&str, &str)> = fields
                .split(',')
                .filter_map(|field| field.split_once(':'))
                .map(|(name, value)| (name.trim_matches('"'), value.trim_matches('"')))
                .collect();
            let text = |wanted| fields.iter().find(|(name, _)| *name == wanted);
            let (Some((_, row)), Some((_, contender))) = (text("row"), text("contender")) else {
                continue;
            };
            for (name, value) in &fields {
                if let Ok(value) = value.parse::<f64>() {
                    let key = (row.to_string(), contender.to_string(), name.to_string());
                    results.0.entry(key).or_default().push(value);
                }
            }
        }
        results
    }

    fn median(&self, group: &Group, library: &str) -> Option<f64> {
        let key = (group.row.into(), library.into(), group.metric.into());
        let mut values = self.0.get(&key)?.clone();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some((low + high) / 2.0)
    }
}

/// The bars of a group: each library from the first file that has it beside sinew.
fn bars(group: &Group, runs: &[Results]) -> Vec<Bar> {
    let of = |(library, (name, _)): (usize, &(&str, RGBColor))| {
        let height = runs.iter().find_map(|run| {
            let ours = run.median(group, OURS)?;
            let theirs = run.median(group, name)?;
            Some(if group.less_is_better {
                ours / theirs
            } else {
                theirs / ours
            })
        })?;
        Some(Bar { library, height })
    };
    LIBRARIES.iter().enumerate().filter_map(of).collect()
}

// ── the picture ──────────────────────────────────────────────────────────────────────────────────────────

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Painted = Result<(), Box<dyn std::error::Error>>;

fn paint(area: &Area<'_>, groups: &[(&Group, Vec<Bar>)]) -> Painted {
    write(
        area,
        "beside sinew, which is 1 (longer is better)",
        16,
        (LEFT, 10),
    )?;
    legend(area, groups)?;
    for step in 0..=3 {
        let value = f64::from(step) * 0.5;
        let at = place(value);
        let line = PathElement::new(vec![(LEFT, at), (WIDTH - 10, at)], INK.mix(0.4));
        area.draw(&line)?;
        write(area, &format!("{value:.1}"), 12, (LEFT - 28, at - 7))?;
    }
    let room = (WIDTH - 20 - LEFT) / groups.len() as i32;
    for (number, (group, bars)) in (0..).zip(groups) {
        paint_group(area, group, bars, LEFT + 8 + room * number, room - 16)?;
    }
    area.present()?;
    Ok(())
}

/// The libraries that have a bar anywhere.
fn legend(area: &Area<'_>, groups: &[(&Group, Vec<Bar>)]) -> Painted {
    let mut left = LEFT;
    for (library, (name, colour)) in LIBRARIES.iter().enumerate() {
        let mut all = groups.iter().flat_map(|(_, bars)| bars);
        if all.any(|bar| bar.library == library) {
            let corners = [(left, 38), (left + 12, 50)];
            area.draw(&Rectangle::new(corners, colour.filled()))?;
            write(area, name, 13, (left + 17, 37))?;
            left += 30 + 8 * name.len() as i32;
        }
    }
    Ok(())
}

fn paint_group(area: &Area<'_>, group: &Group, bars: &[Bar], left: i32, room: i32) -> Painted {
    let width = room / LIBRARIES.len() as i32;
    for (number, bar) in (0..).zip(bars) {
        let from = left + width * number;
        let top = place(bar.height);
        let colour = LIBRARIES[bar.library].1;
        let corners = [(from + 1, top), (from + width - 1, BOTTOM)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
        if bar.height > HIGHEST {
            write(area, &format!("{:.1}", bar.height), 11, (from, top - 13))?;
        }
    }
    write(area, group.title, 13, (left, BOTTOM + 8))
}

fn place(value: f64) -> i32 {
    let part = value.clamp(0.0, HIGHEST) / HIGHEST;
    BOTTOM - (part * f64::from(BOTTOM - TOP)) as i32
}

fn write(area: &Area<'_>, text: &str, size: i32, at: (i32, i32)) -> Painted {
    let style = ("sans-serif", size).into_font().color(&INK);
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}
