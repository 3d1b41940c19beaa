//! Start and end in the foreground, recorded from the real dnsmasq: standard error and exit code.
//! `compat-fixtures/README.md` describes how they are recorded and checked.

mod common;

use common::fixture::{self, compare};
use common::lab::{Lab, eventually, record};
use common::required;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

crate::tests![start_and_end_match_the_recording,];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// A recording of a start.
#[derive(Debug, Serialize, Deserialize)]
struct Start {
    /// What it shows, in one sentence.
    about: String,
    /// Whether pxemasq does the same: `same`, or `differs: D-nnn` with an entry of `DIVERGENCES.md`.
    standing: String,
    /// The sections of `docs/dnsmasq/proxydhcp.md` that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    covers: Vec<String>,
    /// The command line.
    argv: Vec<String>,
    /// The configuration file and the files that it names, by path.
    files: BTreeMap<String, Vec<String>>,
    /// Additional addresses of `eth0`, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    /// Addresses and ports that another process uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken: Vec<String>,
    /// The signal that ends it, if it runs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    signal: String,
    /// What dnsmasq did.
    dnsmasq: Ending,
    /// What pxemasq does instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ours: Option<Ending>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ending {
    exit: i32,
    stderr: Vec<String>,
    /// The lines of the system log with their priority; empty with `--no-daemon`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    log: Vec<String>,
}

fn start_and_end_match_the_recording() {
    let recording = std::env::var_os("PXEMASQ_RECORD").is_some();
    let mut failed = Vec::new();
    for (path, mut start) in fixture::all::<Start>("startup") {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let seen = play(&lab, &start);
        if recording && common::subject_is_theirs() {
            start.dnsmasq = seen;
            fixture::save(&path, &start);
            continue;
        }
        let standing = if common::subject_is_theirs() { "same" } else { &start.standing };
        if let Err(report) = compare(standing, &start.dnsmasq, start.ours.as_ref(), &seen) {
            failed.push(format!("{}: {}\n{report}", path.display(), start.about));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn play(lab: &Lab, start: &Start) -> Ending {
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
    server.ip("addr add 192.168.10.2/24 dev eth0");
    for (label, address) in &start.labels {
        server.ip(&format!("addr add {address} dev eth0 label {label}"));
    }
    for (path, lines) in &start.files {
        lab.file(path, lines.join("\n") + "\n");
    }
    let _taken: Vec<_> = start.taken.iter().map(|address| server.udp(address)).collect();
    let stderr = File::create("/run/stderr").expect("/run is writable");
    let mut command = Command::new(common::subject());
    command.args(&start.argv).env("LC_ALL", "C").stdout(Stdio::null()).stderr(stderr);
    let mut process = server.spawn(&mut command);
    if !start.signal.is_empty() {
        let running = || stderr_text().lines().count() >= 3;
        eventually(Duration::from_secs(5), || running().then_some(()));
        std::thread::sleep(Duration::from_millis(100));
        let signal: Signal = start.signal.parse().expect("a signal");
        let pid = Pid::from_raw(process.id().cast_signed());
        kill(pid, signal).expect("it runs");
    }
    let ended = eventually(Duration::from_secs(5), || process.ended()).expect("it ends");
    let debug = start.argv.iter().any(|word| word == "-d" || word == "--no-daemon");
    if ended.success() && !debug {
        end_daemon();
    }
    let log = if debug { Vec::new() } else { lab.syslog() };
    Ending {
        exit: ended.code().unwrap_or(-1),
        stderr: stderr_text().lines().map(comparable).collect(),
        log: log.iter().map(|line| logged(line)).collect(),
    }
}

/// Ends the daemon, if there is one.
fn end_daemon() {
    let id = fs::read_to_string("/run/dnsmasq.pid").ok();
    let Some(id) = id.and_then(|id| id.trim().parse().ok()) else { return };
    std::thread::sleep(Duration::from_millis(100));
    kill(Pid::from_raw(id), Signal::SIGTERM).expect("it runs");
    let gone = || kill(Pid::from_raw(id), None).is_err().then_some(());
    eventually(Duration::from_secs(5), gone).expect("it ends");
}

/// `<30>Nov 22 12:55:36 dnsmasq-tftp[12]: text` as `30 dnsmasq-tftp: text`.
fn logged(line: &str) -> String {
    let (code, identity, text) = record(line);
    format!("{code} {}", comparable(&format!("{identity}: {text}")))
}

fn stderr_text() -> String {
    fs::read_to_string("/run/stderr").unwrap_or_default()
}

/// Version and compile-time options are our own.
fn comparable(line: &str) -> String {
    let own = ["dnsmasq: started, version ", "dnsmasq: compile time options: "];
    match own.iter().find(|beginning| line.starts_with(**beginning)) {
        Some(beginning) => format!(
            "{beginning}…{}",
            if line.ends_with(" DNS disabled") { " DNS disabled" } else { "" }
        ),
        None => line.to_owned(),
    }
}
