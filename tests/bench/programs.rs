//! Measures several programs alternately.

use super::common::measure::median;
use std::path::{Path, PathBuf};

pub const WORDS: &[&str] = &["-k", "-x", "", "-C", "/srv/dnsmasq.conf"];
pub const CONFIG: &str =
    "port=0\nenable-tftp\ntftp-root=/srv/tftp\ntftp-max=8000\nuser=root\nlog-facility=/dev/null\n";
const DEFAULT_ROUNDS: usize = 5;

/// Prints the medians of the values of each program, and their ratio to those of the first program. The programs are the paths
/// on the command line (pxemasq and dnsmasq by default), a number is that of the rounds.
pub fn compare<const N: usize>(
    names: [&str; N],
    measure: impl Fn(&Path) -> Option<[f64; N]> + Send + Copy + 'static,
) {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    let programs = programs();
    let mut results: Vec<Vec<[f64; N]>> = vec![Vec::new(); programs.len()];
    for round in 0..rounds {
        // The order changes in each round, because the second run finds warm caches.
        for turn in 0..programs.len() {
            let at = (round + turn) % programs.len();
            let program = programs[at].clone();
            // A lab belongs to its thread: each run has a new thread.
            let run = std::thread::spawn(move || measure(&program));
            results[at].extend(run.join().expect("no panic"));
        }
    }
    println!("| program | {} |\n|---{}|", names.join(" | "), "|---".repeat(N));
    for (program, rounds) in programs.iter().zip(&results) {
        let middle =
            |rounds: &[[f64; N]], at: usize| median(rounds.iter().map(|values| values[at]));
        let cell = |at| {
            let (value, first) = (middle(rounds, at), middle(&results[0], at));
            if first > 0.0 {
                format!("{value:.2} ({:.3})", value / first)
            } else {
                format!("{value:.2}")
            }
        };
        let cells: Vec<String> = (0..N).map(cell).collect();
        println!("| {} | {} |", program.display(), cells.join(" | "));
    }
}

fn programs() -> Vec<PathBuf> {
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|word| word.contains('/')).map(PathBuf::from).collect();
    if named.is_empty() {
        vec![env!("CARGO_BIN_EXE_pxemasq").into(), "/usr/sbin/dnsmasq".into()]
    } else {
        named
    }
}
