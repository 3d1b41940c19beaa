//! What it costs to tell of each decision (`log-debug`), in one run with and without it.
//!
//! ```text
//! cargo bench --bench telling [-- ROUNDS]
//! ```
//!
//! Lines go to a file. So many machines ask in turn: the more there are, the more is told, for it is limited for each.

#[path = "../common/mod.rs"]
mod common;
mod questions;
mod swarm;

use common::measure::median;
use questions::measure;
use std::path::Path;
use swarm::Swarm;

const USUAL_ROUNDS: usize = 5;
const LOG: &str = "/srv/log";
const ANSWERS: &str = "port=0\ndhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Install,pxelinux\n\
                       dhcp-boot=pxelinux.0\n";
const FILES: &str =
    "port=0\nenable-tftp\ntftp-root=/srv/tftp\ntftp-max=8000\nuser=root\nlog-facility=/srv/log\n";
const TELL: &str = "log-debug\n";
/// Machines that ask: one that is broken, and a hall of them.
const MACHINES: [usize; 2] = [1, 5_000];
const OUTSTANDING: [usize; 2] = [1, 64];

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(USUAL_ROUNDS);
    let program = Path::new(env!("CARGO_BIN_EXE_pxemasq"));
    println!("| | without | with log-debug | ratio | CPU, ratio |\n|---|---|---|---|---|");
    for machines in MACHINES {
        for outstanding in OUTSTANDING {
            let answers = |more: &str| {
                let config = [ANSWERS, more].concat();
                let figures = measure(program, config, LOG, machines, outstanding);
                [figures.per_second, figures.cpu]
            };
            row(
                &format!("answers a second, {machines} machines, {outstanding} under way"),
                &play(rounds, answers),
            );
        }
    }
    for (clients, size) in [(16, 26_140), (256, 26_140), (16, 4_000_000)] {
        let transfers = (400_000_000 / size).min(8_000);
        let swarm = Swarm { clients, transfers, size, ..Swarm::ONE };
        let sent = |more: &str| {
            let config = [FILES, more].concat();
            let words = ["-k", "-x", "", "-C", "/srv/dnsmasq.conf"];
            let swarm = swarm.clone();
            let work = move || {
                let (outcome, cpu) = swarm.against(program, &words, &config).expect("it starts");
                let count = f64::from(u32::try_from(swarm.transfers).expect("some"));
                [count / outcome.expect("all is sent").seconds, cpu * 1e6 / count]
            };
            // A laboratory belongs to its thread, and the next one gets another.
            std::thread::spawn(work).join().expect("no panic")
        };
        let name = format!("transfers a second of {size} bytes, {clients} clients, in lockstep");
        row(&name, &play(rounds, sent));
    }
}

/// How many in a second, and microseconds of processor for each.
type Figures = [f64; 2];

/// Without and with, one after the other.
fn play(rounds: usize, measure: impl Fn(&str) -> Figures) -> Vec<[Figures; 2]> {
    (0..rounds).map(|_| ["", TELL].map(&measure)).collect()
}

fn row(name: &str, figures: &[[Figures; 2]]) {
    let of = |which: usize| median(figures.iter().map(|round| round[which][0]));
    let ratio =
        |what: usize| median(figures.iter().map(|[without, with]| with[what] / without[what]));
    println!("| {name} | {:.0} | {:.0} | {:.2} | {:.2} |", of(0), of(1), ratio(0), ratio(1));
}
