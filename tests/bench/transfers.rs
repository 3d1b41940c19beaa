//! Throughput of pxemasq and of the installed TFTP servers, in one run.
//!
//! ```text
//! cargo bench --bench transfers [-- ROUNDS]
//! ```
//!
//! Servers: dnsmasq (Debian: dnsmasq-base), in.tftpd (tftpd-hpa), atftpd (atftpd, or `ATFTPD=path`), and the crate tftpd
//! (`cargo install tftpd`, or `TFTPD=path`). Clients are in their own namespace; server and clients use one CPU
//! each. Compare only ratios: the absolute numbers depend on the machine.

#[path = "../common/mod.rs"]
mod common;
mod tftp_load;

use common::measure::median;
use nix::sys::resource::{Resource, setrlimit};
use std::path::{Path, PathBuf};
use tftp_load::{Outcome, ROOT, TftpLoad};

const DEFAULT_ROUNDS: usize = 3;
/// CPU times have a resolution of 1/100 s.
const MIN_CPU_SECONDS: f64 = 0.3;
const FILES: u64 = 20_000;
const CONFIG: &str =
    "port=0\nenable-tftp\ntftp-root=/srv/tftp\ntftp-max=8000\nuser=root\nlog-facility=/dev/null\n";

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    // One socket per client on both sides.
    setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES).expect("so many descriptors: run as root");
    let servers = servers();
    for (name, unit, load) in cases() {
        println!("\n**{name}**, {}\n", unit.head());
        println!("| server | {} | CPU | to the best other |\n|---|---|---|---|", unit.name());
        let results: Vec<Vec<Option<[f64; 2]>>> = (0..rounds)
            .map(|_| servers.iter().map(|server| measure(server, &load, unit)).collect())
            .collect();
        let best = |round: &[Option<[f64; 2]>]| {
            let others = round[1..].iter().flatten().map(|figures| figures[0]);
            others.fold(f64::NAN, |one, other| if unit.is_better(one, other) { one } else { other })
        };
        for (at, server) in servers.iter().enumerate() {
            let mine = || results.iter().filter_map(|round| Some((round[at]?, best(round))));
            if mine().next().is_none() {
                println!("| {} | cannot | | |", server.name);
                continue;
            }
            let value = median(mine().map(|(figures, _)| figures[0]));
            let cpu = median(mine().map(|(figures, _)| figures[1]));
            // Too short to measure, or used by child processes that the server has not reaped.
            let cpu = if cpu < MIN_CPU_SECONDS { String::new() } else { format!("{cpu:.2}") };
            let ratio = median(mine().map(|(figures, best)| figures[0] / best));
            println!("| {} | {value:.1} | {cpu} | {ratio:.2} |", server.name);
        }
    }
}

/// The measured value of a case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Megabytes per second, and CPU seconds per 1000 MB.
    Rate,
    /// Median duration of a transfer in milliseconds, and CPU seconds per GB.
    Time,
    /// Requests per second, and CPU microseconds for each.
    Requests,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Rate => "MB/s",
            Self::Time => "ms",
            Self::Requests => "requests/s",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Rate => "CPU in s/GB",
            Self::Time => "the median of all transfers",
            Self::Requests => "CPU in µs for each request",
        }
    }

    fn is_better(self, one: f64, other: f64) -> bool {
        if self == Self::Time { one < other } else { one > other }
    }

    fn of(self, outcome: &Outcome, cpu: f64) -> [f64; 2] {
        let bytes = number(outcome.bytes);
        match self {
            Self::Rate => [bytes / 1e6 / outcome.seconds, cpu / bytes * 1e9],
            Self::Time => [median(outcome.took.iter().copied()), 0.0],
            Self::Requests => {
                let requests = number(outcome.requests);
                [requests / outcome.seconds, cpu / requests * 1e6]
            }
        }
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn cases() -> Vec<(&'static str, Unit, TftpLoad)> {
    let of = |clients, size, windowsize| TftpLoad {
        clients,
        transfers: clients.max(40_000_000 / size),
        size,
        windowsize,
        ..TftpLoad::ONE
    };
    let lossy = |loss, windowsize| TftpLoad { transfers: 16, loss, ..of(16, 250_000, windowsize) };
    let search = TftpLoad { transfers: 1000, misses: 10, ..of(16, 26_140, 1) };
    vec![
        ("One client, in lockstep", Unit::Rate, TftpLoad { transfers: 1, ..of(1, 20_000_000, 1) }),
        ("One client, window 64", Unit::Rate, of(1, 20_000_000, 64)),
        ("16 clients, in lockstep", Unit::Rate, of(16, 4_000_000, 1)),
        ("16 clients, window 16", Unit::Rate, of(16, 4_000_000, 16)),
        ("256 clients, in lockstep", Unit::Rate, of(256, 1_000_000, 1)),
        ("256 clients, window 16", Unit::Rate, of(256, 1_000_000, 16)),
        ("1,000 clients at once, window 16", Unit::Rate, of(1000, 250_000, 16)),
        ("16 clients, 1 % lost, in lockstep", Unit::Time, lossy(10, 1)),
        ("16 clients, 5 % lost, window 16", Unit::Time, lossy(50, 16)),
        (
            "16 clients that look for their configuration (ten misses and a hit)",
            Unit::Requests,
            search,
        ),
    ]
}

struct Server {
    name: &'static str,
    program: PathBuf,
    words: Vec<&'static str>,
}

/// pxemasq and the installed servers.
fn servers() -> Vec<Server> {
    let like_dnsmasq = || vec!["-k", "-x", "", "-C", "/srv/dnsmasq.conf"];
    let named = |variable: &str, usual: &str| std::env::var_os(variable).unwrap_or(usual.into());
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).unwrap_or_default();
    let crate_tftpd = home.join("bin/tftpd").display().to_string();
    let all = [
        ("pxemasq", env!("CARGO_BIN_EXE_pxemasq").into(), like_dnsmasq()),
        ("dnsmasq", "/usr/sbin/dnsmasq".into(), like_dnsmasq()),
        (
            "tftpd-hpa",
            "/usr/sbin/in.tftpd".into(),
            vec!["-L", "-4", "-a", "10.9.0.1:69", "-s", ROOT],
        ),
        (
            "atftpd",
            named("ATFTPD", "/usr/sbin/atftpd"),
            vec![
                "--daemon",
                "--no-fork",
                "--bind-address",
                "10.9.0.1",
                "--port",
                "69",
                "--maxthread",
                "8000",
                "--logfile",
                "/dev/null",
                ROOT,
            ],
        ),
        (
            "crate tftpd",
            named("TFTPD", &crate_tftpd),
            vec!["-i", "10.9.0.1", "-p", "69", "-d", ROOT, "-r"],
        ),
    ];
    let servers = all.into_iter().map(|(name, program, words)| Server {
        name,
        program: program.into(),
        words,
    });
    servers.filter(|server| server.program.exists()).collect()
}

/// `None`: this server does not support the case.
fn measure(server: &Server, load: &TftpLoad, unit: Unit) -> Option<[f64; 2]> {
    let (program, words, load) = (server.program.clone(), server.words.clone(), load.clone());
    // A lab belongs to its thread: each run has a new thread.
    let work = move || play(&program, &words, &load, unit);
    std::thread::spawn(work).join().expect("no panic")
}

fn play(program: &Path, words: &[&str], load: &TftpLoad, unit: Unit) -> Option<[f64; 2]> {
    // Most servers do not support the windowsize option.
    let windows = !["dnsmasq", "in.tftpd"].iter().any(|name| program.ends_with(name));
    if load.windowsize > 1 && !windows {
        return None;
    }
    let (outcome, cpu) = load.against(program, words, CONFIG)?;
    if let Err(fault) = &outcome {
        eprintln!("{}: {fault}", program.display());
    }
    Some(unit.of(&outcome.ok()?, cpu))
}
