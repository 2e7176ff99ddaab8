//! A picture of the verdicts: how many times better than its reference each figure is, and where its bar is.

use std::path::Path;

use plotters::prelude::*;

use crate::report::{in_unit, show_bar, Line};
use crate::rows::{Bar, Contender};

const WIDTH: i32 = 1_000;
const ROW: i32 = 26;
const TOP: i32 = 60;
/// Where the bars start: names are on the left, values on the right.
const LEFT: i32 = 250;
const RIGHT: i32 = 700;
/// The scale is logarithmic, from a quarter to sixteen times.
const LOWEST: f64 = -2.0;
const HIGHEST: f64 = 4.0;

const GOOD: RGBColor = RGBColor(46, 139, 87);
const BAD: RGBColor = RGBColor(178, 64, 64);
const PLAIN: RGBColor = RGBColor(110, 130, 160);
const GRID: RGBColor = RGBColor(225, 225, 225);

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

pub(crate) fn draw(path: &Path, lines: &[Line]) -> Result<(), String> {
    let height = TOP + ROW * lines.len() as i32 + 20;
    let area = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    paint(&area, lines, height).map_err(|error| format!("{}: {error}", path.display()))
}

fn paint(area: &Area<'_>, lines: &[Line], height: i32) -> Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let title = "sinew, times better than its reference (tick: the bar to pass)";
    write(area, title, 18, (20, 10))?;
    for power in LOWEST as i32..=HIGHEST as i32 {
        let at = place(2_f64.powi(power));
        let style = if power == 0 {
            BLACK.stroke_width(1)
        } else {
            GRID.stroke_width(1)
        };
        area.draw(&PathElement::new(vec![(at, TOP), (at, height - 20)], style))?;
        write(
            area,
            &format!("{}x", 2_f64.powi(power)),
            12,
            (at - 8, TOP - 18),
        )?;
    }
    for (row, line) in (0..).zip(lines) {
        paint_line(area, line, TOP + ROW * row)?;
    }
    area.present()?;
    Ok(())
}

fn paint_line(area: &Area<'_>, line: &Line, top: i32) -> Result<(), Box<dyn std::error::Error>> {
    write(area, &line.name, 13, (20, top + 6))?;
    let colour = match line.passed {
        Some(true) => GOOD,
        Some(false) => BAD,
        None => PLAIN,
    };
    let (from, to) = (place(1.0), place(better(line)));
    let corners = [(from.min(to), top + 5), (from.max(to), top + ROW - 5)];
    area.draw(&Rectangle::new(corners, colour.filled()))?;
    if let Some(bar) = bar_at(line) {
        let at = place(bar);
        let tick = vec![(at, top + 2), (at, top + ROW - 2)];
        area.draw(&PathElement::new(tick, BLACK.stroke_width(2)))?;
    }
    let values = line.medians.iter().map(|(who, value)| {
        let value = in_unit(*value, line.unit);
        if *who == Contender::Ours {
            value
        } else {
            format!("{} {value}", who.name())
        }
    });
    let mut text = values.collect::<Vec<_>>().join(", ");
    if let Some(bar) = line.bar {
        text = format!("{text} ({})", show_bar(bar, line.unit));
    }
    write(area, &text, 11, (RIGHT + 10, top + 7))
}

/// The ratio, turned so that more is better.
fn better(line: &Line) -> f64 {
    if line.unit.more_is_better() {
        line.ratio
    } else {
        1.0 / line.ratio
    }
}

fn bar_at(line: &Line) -> Option<f64> {
    let reference = line
        .medians
        .iter()
        .find(|(who, _)| *who == line.reference)?
        .1;
    Some(match line.bar? {
        Bar::AtLeast(times) => times,
        Bar::AtMost(times) => 1.0 / times,
        Bar::Below(value) => reference / value,
    })
}

fn place(times: f64) -> i32 {
    let power = if times > 0.0 { times.log2() } else { LOWEST }.clamp(LOWEST, HIGHEST);
    let part = (power - LOWEST) / (HIGHEST - LOWEST);
    LEFT + (part * f64::from(RIGHT - LEFT)) as i32
}

fn write(
    area: &Area<'_>,
    text: &str,
    size: i32,
    at: (i32, i32),
) -> Result<(), Box<dyn std::error::Error>> {
    Ok(area.draw(&Text::new(
        text.to_owned(),
        at,
        ("sans-serif", size).into_font(),
    ))?)
}
