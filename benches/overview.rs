//! Draws the README's chart from what the other benches measured.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features all
//! cargo bench -p sinew-benches --bench overview -- benches/peers/target/peers.jsonl docs/overview.svg
//! ```
//!
//! Each bar is the median of a library's figures, each divided by sinew's *of the same turn*: what was measured at
//! different times is never compared. So of several files (`target/compare.jsonl` of the bench `compare` is of the
//! same kind) each must have sinew in it. For times the quotient is turned over, so that a longer bar is always the
//! better one. What was not measured has no bar.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
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

struct Library {
    /// What the results call it.
    name: &'static str,
    /// What the legend calls it.
    title: &'static str,
    colour: RGBColor,
}

impl Library {
    const fn new(name: &'static str, title: &'static str, colour: RGBColor) -> Library {
        Library {
            name,
            title,
            colour,
        }
    }
}

/// The libraries, as they are drawn in every group. The colours stand out on white and on black.
const LIBRARIES: [Library; 7] = [
    Library::new(OURS, "sinew", RGBColor(46, 139, 87)),
    Library::new("libzmq", "libzmq", RGBColor(190, 70, 70)),
    Library::new("omq-tokio", "omq", RGBColor(86, 124, 190)),
    Library::new("zeromq", "zmq.rs", RGBColor(214, 146, 52)),
    Library::new("monocoque-rs", "monocoque-rs", RGBColor(140, 96, 170)),
    Library::new("zenoh", "zenoh (peer mode)", RGBColor(70, 165, 175)),
    Library::new("nng", "nng", RGBColor(150, 140, 90)),
];

const WIDTH: i32 = 960;
const HEIGHT: i32 = 344;
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

/// A group with what is drawn of it.
struct Drawn {
    group: &'static Group,
    /// sinew's own median, in the unit of the metric.
    ours: f64,
    bars: Vec<Bar>,
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
        Some((chart, results)) if !results.is_empty() => match draw(results, &from_root(chart)) {
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

/// cargo starts a bench in its package's folder; its user is in the one above.
fn from_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn draw(results: &[String], chart: &Path) -> Result<(), String> {
    let mut runs = Vec::new();
    for path in results {
        let text =
            fs::read_to_string(from_root(path)).map_err(|error| format!("{path}: {error}"))?;
        runs.push(Results::parse(&text));
    }
    let groups: Vec<_> = GROUPS
        .iter()
        .filter_map(|group| drawn(group, &runs))
        .collect();
    if groups.is_empty() {
        return Err("none of the results has a row that the chart shows".to_owned());
    }
    let area = SVGBackend::new(chart, (WIDTH as u32, HEIGHT as u32)).into_drawing_area();
    paint(&area, &groups).map_err(|error| format!("{}: {error}", chart.display()))?;
    println!("drawn: {}", chart.display());
    Ok(())
}

// ── figures ──────────────────────────────────────────────────────────────────────────────────────────────

/// The figures of one file, by row, contender and metric; each with the turn it was measured in.
#[derive(Default)]
struct Results(BTreeMap<(String, String, String), BTreeMap<u64, f64>>);

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
            let turn = text("turn").or_else(|| text("pair"));
            let Some(turn) = turn.and_then(|(_, turn)| turn.parse().ok()) else {
                continue;
            };
            for (name, value) in &fields {
                if let Ok(value) = value.parse::<f64>() {
                    let key = (row.to_string(), contender.to_string(), name.to_string());
                    results.0.entry(key).or_default().insert(turn, value);
                }
            }
        }
        results
    }

    fn of(&self, group: &Group, library: &str) -> Option<&BTreeMap<u64, f64>> {
        let key = (group.row.into(), library.into(), group.metric.into());
        self.0.get(&key)
    }

    /// How many times as good as sinew a library is.
    fn beside_ours(&self, group: &Group, library: &str) -> Option<f64> {
        let (ours, theirs) = (self.of(group, OURS)?, self.of(group, library)?);
        let both = |(turn, ours): (&u64, &f64)| Some((*ours, *theirs.get(turn)?));
        let ratios = ours.iter().filter_map(both).map(|(ours, theirs)| {
            if group.less_is_better {
                ours / theirs
            } else {
                theirs / ours
            }
        });
        median(ratios.collect())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let low = values.get(values.len().checked_sub(1)? / 2)?;
    let high = values.get(values.len() / 2)?;
    Some((low + high) / 2.0)
}

/// What is known of a group: each library from the first file that has it beside sinew.
fn drawn(group: &'static Group, runs: &[Results]) -> Option<Drawn> {
    let bar = |(library, Library { name, .. }): (usize, &Library)| {
        let height = runs.iter().find_map(|run| run.beside_ours(group, name))?;
        Some(Bar { library, height })
    };
    Some(Drawn {
        group,
        ours: runs.iter().find_map(|run| {
            let figures = run.of(group, OURS)?;
            median(figures.values().copied().collect())
        })?,
        bars: LIBRARIES.iter().enumerate().filter_map(bar).collect(),
    })
}

// ── the picture ──────────────────────────────────────────────────────────────────────────────────────────

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Painted = Result<(), Box<dyn std::error::Error>>;

fn paint(area: &Area<'_>, groups: &[Drawn]) -> Painted {
    let title = "Speed relative to sinew's, longer is better: messages a second over tcp; round trips by median time";
    write(area, title, 18, (LEFT, 10))?;
    legend(area, groups)?;
    for step in 0..=3 {
        let value = f64::from(step) * 0.5;
        let at = place(value);
        let line = PathElement::new(vec![(LEFT, at), (WIDTH - 10, at)], INK.mix(0.4));
        area.draw(&line)?;
        write(area, &format!("{value:.1}"), 14, (LEFT - 28, at - 7))?;
    }
    let room = (WIDTH - 20 - LEFT) / groups.len() as i32;
    for (number, group) in (0..).zip(groups) {
        paint_group(area, group, LEFT + 8 + room * number, room - 16)?;
    }
    area.present()?;
    Ok(())
}

/// The libraries that have a bar anywhere.
fn legend(area: &Area<'_>, groups: &[Drawn]) -> Painted {
    let mut left = LEFT;
    for (library, Library { title, colour, .. }) in LIBRARIES.iter().enumerate() {
        let mut all = groups.iter().flat_map(|group| &group.bars);
        if all.any(|bar| bar.library == library) {
            let corners = [(left, 40), (left + 12, 52)];
            area.draw(&Rectangle::new(corners, colour.filled()))?;
            write(area, title, 16, (left + 17, 39))?;
            left += 40 + 7 * title.len() as i32;
        }
    }
    Ok(())
}

fn paint_group(area: &Area<'_>, drawn: &Drawn, left: i32, room: i32) -> Painted {
    let width = room / LIBRARIES.len() as i32;
    for bar in &drawn.bars {
        let from = left + width * bar.library as i32;
        // Even the lowest can be seen to be there.
        let top = place(bar.height).min(BOTTOM - 2);
        let colour = LIBRARIES[bar.library].colour;
        let corners = [(from + 1, top), (from + width - 1, BOTTOM)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
        if bar.height > HIGHEST {
            write(area, &format!("{:.1}", bar.height), 11, (from, top - 13))?;
        }
    }
    write(area, drawn.group.title, 17, (left, BOTTOM + 8))?;
    let ours = format!("sinew {}", in_unit(drawn.ours, drawn.group.metric));
    write(area, &ours, 15, (left, BOTTOM + 28))
}

fn in_unit(value: f64, metric: &str) -> String {
    match metric {
        "rate" if value >= 1e6 => format!("{:.1} M/s", value / 1e6),
        "rate" => format!("{:.0} k/s", value / 1e3),
        _ => format!("{value:.0} us"),
    }
}

fn place(value: f64) -> i32 {
    let part = value.clamp(0.0, HIGHEST) / HIGHEST;
    BOTTOM - (part * f64::from(BOTTOM - TOP)) as i32
}

fn write(area: &Area<'_>, text: &str, size: i32, at: (i32, i32)) -> Painted {
    let style = ("sans-serif", size).into_font().color(&INK);
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}
