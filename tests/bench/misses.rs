//! The search of pxelinux for its configuration: each of 16 clients asks for ten missing names and then for one that exists.
//!
//! ```text
//! cargo bench --bench misses [-- ROUNDS PROGRAM...]
//! ```
//!
//! CPU time and memory are those of all processes of the program.

#[path = "../common/mod.rs"]
mod common;
mod programs;
#[allow(dead_code)] // the parts for other benchmarks
mod tftp_load;

use common::measure::family_kilobytes;
use programs::{CONFIG, WORDS, compare};
use std::path::Path;
use tftp_load::{Server, TftpLoad};

const LOAD: TftpLoad =
    TftpLoad { clients: 16, transfers: 1000, misses: 10, size: 26_140, ..TftpLoad::ONE };

fn main() {
    let names =
        ["µs for each request", "CPU in µs", "PSS in kB, idle", "PSS in kB, after the load"];
    compare(names, search);
}

fn search(program: &Path) -> Option<[f64; 4]> {
    let server = Server::start(program, WORDS, CONFIG, |lab| LOAD.write_files(lab))?;
    // The answer to a request shows that the start has ended.
    let one = TftpLoad { clients: 1, transfers: 1, ..LOAD };
    server.client().inside(|| one.run()).ok()?;
    let idle = family_kilobytes(server.id());
    let (outcome, cpu) = server.measure(|| LOAD.run());
    let outcome = outcome.expect("all is sent");
    let requests = number(outcome.requests);
    let after = family_kilobytes(server.id());
    let seconds = [outcome.seconds, cpu].map(|seconds| seconds * 1e6 / requests);
    Some([seconds[0], seconds[1], number(idle), number(after)])
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
