//! Boots halls of machines in virtual time, and prints a table. Usage: `hall [PLOT.SVG]`.

#![allow(dead_code)] // the test uses another part

mod case;
mod cases;
mod files;
mod link;
mod machine;
mod manner;
mod network;
#[path = "../common/random.rs"]
mod random;
mod report;
mod server;
mod simulation;
mod sockets;
mod svg;

use report::Report;
use std::error::Error;
use std::io::{Write, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let plot = arguments.next().unwrap_or_else(|| "hall.svg".to_owned());
    let wanted: Vec<String> = arguments.collect();
    let mut out = stdout().lock();
    write!(out, "{}", Report::heading())?;
    let mut reports = Vec::new();
    for case in cases::all() {
        if !wanted.is_empty() && !wanted.iter().any(|part| case.name.contains(part.as_str())) {
            continue;
        }
        for (case, control) in [(case.uncontrolled(), "without"), (case, "with")] {
            let mut report = simulation::run(&case);
            report.name = format!("{} {control}", report.name);
            write!(out, "{}", report.row())?;
            out.flush()?;
            reports.push(report);
        }
    }
    std::fs::write(&plot, svg::plot("Machines that are up, over time", &reports))?;
    writeln!(out, "\nThe plot is in {plot}.")?;
    Ok(())
}
