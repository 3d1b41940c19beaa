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

crate::tests![start_and_end_match_the_recording, start_refuses_what_the_start_refuses,];

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

/// `--test=start` has exit code 1 and the message of the start where the recorded start was refused, and changes nothing.
fn start_refuses_what_the_start_refuses() {
    // The script of the leases is not run, so its exit code is unknown.
    let unknown = "lease-init script returned exit code";
    let mut failed = Vec::new();
    for (path, start) in fixture::all::<Start>("startup") {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let ending = start.ours.as_ref().unwrap_or(&start.dnsmasq);
        let message = ending.stderr.iter().find_map(|line| line.strip_prefix("dnsmasq: "));
        let refused = ending.exit != 0 && start.signal.is_empty();
        if refused && message.is_some_and(|message| message.starts_with(unknown)) {
            continue;
        }
        let (code, output, changed) = check(&lab, &start);
        let expected = if refused { message } else { None };
        let reported = expected.is_none_or(|message| output.contains(message));
        let fits = (code == 0) != refused || (start.argv == ["--test"] && code == 0);
        if !fits || !reported || !changed.is_empty() {
            failed.push(format!("{}: {code}, {expected:?}, {changed:?}\n{output}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Exit code and output of `--test=start`, and what it has changed.
fn check(lab: &Lab, start: &Start) -> (i32, String, Vec<String>) {
    let _taken = prepare(lab, start);
    let before = files();
    let mut command = Command::new(common::subject());
    command.args(&start.argv).arg("--test=start").env("LC_ALL", "C");
    let output = lab.host("server").inside(|| command.output()).expect("the program runs");
    let mut changed = files();
    changed.retain(|file| !before.contains(file));
    changed.extend(lab.syslog());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), text, changed)
}

/// The files in the directories where the start creates some, with their sizes.
fn files() -> Vec<String> {
    let entries = ["/run", "/srv", "/var/lib/misc", "/var/log"].map(fs::read_dir);
    let entries = entries.into_iter().flatten().flatten().flatten();
    let sized = |entry: fs::DirEntry| {
        let size = entry.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        format!("{} {size}", entry.path().display())
    };
    entries.map(sized).collect()
}

fn play(lab: &Lab, start: &Start) -> Ending {
    let server = lab.host("server");
    let _taken = prepare(lab, start);
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
    let logged_as_recorded = || lab.syslog().len() >= start.dnsmasq.log.len();
    eventually(Duration::from_secs(1), || logged_as_recorded().then_some(()));
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

/// Files, addresses and other processes of a recording. The ports of those are in use as long as the result lives.
fn prepare(lab: &Lab, start: &Start) -> Vec<std::net::UdpSocket> {
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
    server.ip("addr add 192.168.10.2/24 dev eth0");
    for (label, address) in &start.labels {
        server.ip(&format!("addr add {address} dev eth0 label {label}"));
    }
    for (path, lines) in &start.files {
        lab.file(path, lines.join("\n") + "\n");
    }
    start.taken.iter().map(|address| server.udp(address)).collect()
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
