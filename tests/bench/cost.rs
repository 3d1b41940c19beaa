//! Compares two variants in one run: rate and CPU time.

use super::common::measure::median;
use super::dhcp_load::measure;
use super::tftp_load::TftpLoad;
use std::path::Path;

/// A variant: lines of the configuration and arguments.
#[derive(Clone, Copy)]
pub struct Way {
    pub name: &'static str,
    pub lines: &'static str,
    pub words: &'static [&'static str],
}

const DEFAULT_ROUNDS: usize = 5;
const ANSWERS: &str = "port=0\ndhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Install,pxelinux\n\
                       dhcp-boot=pxelinux.0\nlog-facility=/srv/log\n";
const FILES: &str =
    "port=0\nenable-tftp\ntftp-root=/srv/tftp\ntftp-max=8000\nuser=root\nlog-facility=/srv/log\n";
/// Numbers of clients: one that sends many requests, and many.
const MACHINES: [usize; 2] = [1, 5_000];
const OUTSTANDING: [usize; 2] = [1, 64];

/// Prints a table of both variants.
pub fn compare(ways: [Way; 2]) {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    let program = Path::new(env!("CARGO_BIN_EXE_pxemasq"));
    let [one, other] = ways.map(|way| way.name);
    println!("| | {one} | {other} | ratio | CPU, ratio |\n|---|---|---|---|---|");
    let play = |name: &str, work: &dyn Fn(Way) -> Figures| {
        let figures: Vec<_> = (0..rounds).map(|round| in_turn(round, ways, work)).collect();
        row(name, &figures);
    };
    for machines in MACHINES {
        for outstanding in OUTSTANDING {
            let answers = |way: Way| {
                let config = [ANSWERS, way.lines].concat();
                let figures = measure(program, config, way.words, machines, outstanding);
                [figures.per_second, figures.cpu]
            };
            let name = format!("answers a second, {machines} machines, {outstanding} under way");
            play(&name, &answers);
        }
    }
    for (clients, size) in [(16, 26_140), (256, 26_140), (16, 4_000_000)] {
        let transfers = (400_000_000 / size).min(8_000);
        let load = TftpLoad { clients, transfers, size, ..TftpLoad::ONE };
        let sent = |way: Way| {
            let config = [FILES, way.lines].concat();
            let words = [&["-k", "-x", "", "-C", "/srv/dnsmasq.conf"], way.words].concat();
            let load = load.clone();
            let work = move || {
                let (outcome, cpu) = load.against(program, &words, &config).expect("it starts");
                let count = f64::from(u32::try_from(load.transfers).expect("some"));
                [count / outcome.expect("all is sent").seconds, cpu * 1e6 / count]
            };
            // A lab belongs to its thread: each run has a new thread.
            std::thread::spawn(work).join().expect("no panic")
        };
        let name = format!("transfers a second of {size} bytes, {clients} clients, in lockstep");
        play(&name, &sent);
    }
}

/// The order changes in each round, because the second run finds warm caches.
fn in_turn(round: usize, [one, other]: [Way; 2], work: &dyn Fn(Way) -> Figures) -> [Figures; 2] {
    if round.is_multiple_of(2) {
        [one, other].map(work)
    } else {
        let [other, one] = [other, one].map(work);
        [one, other]
    }
}

/// Operations per second and CPU microseconds for each.
type Figures = [f64; 2];

fn row(name: &str, figures: &[[Figures; 2]]) {
    let of = |which: usize| median(figures.iter().map(|round| round[which][0]));
    let ratio = |what: usize| median(figures.iter().map(|[one, other]| other[what] / one[what]));
    println!("| {name} | {:.0} | {:.0} | {:.3} | {:.3} |", of(0), of(1), ratio(0), ratio(1));
}
