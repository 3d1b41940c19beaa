//! A plot of the machines that are up over time.

use super::case::{Nanos, SECOND};
use super::report::Report;
use std::fmt::Write;

const WIDTH: u64 = 800;
const HEIGHT: u64 = 400;
const MARGIN: u64 = 50;
const COLOURS: [&str; 6] = ["#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b"];

/// Draws one line for each report.
pub fn plot(title: &str, reports: &[Report]) -> String {
    let last = |report: &Report| report.up.last().copied().unwrap_or(0);
    let end = reports.iter().map(last).max().unwrap_or(0).max(1);
    let (width, height) = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"20\">{title}</text>\n"
    );
    axes(&mut svg, end);
    for ((report, colour), row) in reports.iter().zip(COLOURS).zip(0..) {
        line(&mut svg, report, end, colour);
        let y = MARGIN + 20 + 18 * row;
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{y}\" fill=\"{colour}\">{}</text>",
            MARGIN + 10,
            report.name
        )
        .expect("a string");
    }
    svg + "</svg>\n"
}

fn axes(svg: &mut String, end: Nanos) {
    let (bottom, right) = (MARGIN + HEIGHT, MARGIN + WIDTH);
    writeln!(
        svg,
        "<path d=\"M{MARGIN} {MARGIN}V{bottom}H{right}\" fill=\"none\" stroke=\"black\"/>\n\
         <text x=\"5\" y=\"{MARGIN}\">100 %</text>\n<text x=\"5\" y=\"{bottom}\">0 %</text>\n\
         <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{} s</text>",
        bottom + 20,
        end.div_ceil(SECOND)
    )
    .expect("a string");
}

fn line(svg: &mut String, report: &Report, end: Nanos, colour: &str) {
    let count = u64::from(report.machines).max(1);
    let end = end.div_ceil(SECOND) * SECOND;
    let mut path = format!("M{MARGIN} {}", MARGIN + HEIGHT);
    for (at, number) in report.up.iter().zip(1..) {
        let x = MARGIN + at * WIDTH / end;
        let y = MARGIN + HEIGHT - number * HEIGHT / count;
        write!(path, "H{x}V{y}").expect("a string");
    }
    writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>")
        .expect("a string");
}
