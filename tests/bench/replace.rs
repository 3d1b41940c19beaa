//! Replacements of the server under load, and how long no request is answered.
//!
//! ```text
//! cargo bench --bench replace [-- REPLACEMENTS [SECONDS]]
//! ```
//!
//! 200 clients load files, and a machine begins to boot each 10 ms; two percent of their datagrams are lost in each direction.
//! Meanwhile the server is replaced 50 times in 120 seconds, with changed configurations, by another build of the program, and by
//! configurations with an error. No transfer and no request may fail. A client without loss sends a request to each port every
//! 2 ms; the table has the longest time until an answer.

#[path = "../common/mod.rs"]
mod common;
#[path = "../replace/load/mod.rs"]
mod load;
#[path = "../replace/prober.rs"]
#[allow(dead_code)] // the tests use the rest
mod prober;
#[path = "../replace/requests.rs"]
mod requests;
#[path = "../replace/scene.rs"]
#[allow(dead_code)] // the tests use the rest
mod scene;

use load::Plan;
use load::clients::ClientLoad;
use scene::Scene;
use std::process::ExitCode;
use std::time::Duration;

const REPLACEMENTS: u32 = 50;
const SECONDS: u32 = 120;

fn main() -> ExitCode {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let replacements = numbers.next().unwrap_or(REPLACEMENTS).max(1);
    let seconds = numbers.next().unwrap_or(SECONDS);
    // Without a harness, a missing precondition ends the benchmark with its reason.
    let scene = Scene::new().expect("a lab: run as root");
    let plan = Plan {
        clients: ClientLoad::STANDARD,
        loss: 20,
        replacements: replacements as usize,
        interval: Duration::from_secs(seconds.into()) / (replacements + 1),
        probe_interval: Duration::from_millis(2),
    };
    let report = plan.run(&scene);
    report.print();
    let errors = report.errors();
    if errors.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nnot as it should be: {errors:#?}");
    ExitCode::FAILURE
}
