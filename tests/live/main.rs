//! Replays the recordings with a running program in namespaces: pxemasq, or with `PXEMASQ_SUBJECT=theirs` the installed
//! dnsmasq, which proves the recordings. `PXEMASQ_RECORD=1` writes new recordings.

#[path = "../common/mod.rs"]
mod common;
mod dhcp;
mod tftp;

use common::fixture::{self, Fixture, Transcript, compare};
use common::lab::Lab;
use common::required;
use std::process::Command;
use std::time::Duration;

crate::tests![
    proxydhcp_fixtures_match_the_running_program,
    tftp_fixtures_match_the_running_program,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str = "/srv/dnsmasq.conf";
/// Without a datagram in this time, the step is complete.
const QUIET: Duration = Duration::from_millis(150);
/// Longer fixtures are only run when they are recorded; tests/replay runs them in virtual time.
const SLOW: u64 = 3;

fn proxydhcp_fixtures_match_the_running_program() {
    play_all("proxydhcp", dhcp::play);
}

fn tftp_fixtures_match_the_running_program() {
    play_all("tftp", tftp::play);
}

fn play_all(folder: &str, play: fn(&Lab, &Fixture) -> Transcript) {
    if common::subject_is_theirs() && !common::subject().exists() {
        required::<()>(Err("dnsmasq is not installed (Debian: dnsmasq-base)".to_owned()));
        return;
    }
    let recording = std::env::var_os("PXEMASQ_RECORD").is_some();
    let mut failed = Vec::new();
    for (path, mut fixture) in fixture::all::<Fixture>(folder) {
        if waits(&fixture) > SLOW && !recording {
            continue;
        }
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        for (path, contents) in &fixture.files {
            match contents.bytes() {
                Some(bytes) => lab.file(path, bytes),
                None => lab.file(&format!("{path}/.kept"), ""),
            }
        }
        lab.file(CONFIG, fixture.config.join("\n") + "\n");
        let seen = play(&lab, &fixture);
        if recording {
            record(&mut fixture, seen);
            fixture::save(&path, &fixture);
            continue;
        }
        if let Err(report) = verdict(&fixture, &seen) {
            failed.push(format!("{}: {}\n{report}", path.display(), fixture.about));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Total of the waits in seconds.
fn waits(fixture: &Fixture) -> u64 {
    let seconds = |text: &String| text.strip_prefix("wait ")?.parse::<u64>().ok();
    fixture.steps.iter().filter_map(seconds).sum()
}

fn verdict(fixture: &Fixture, seen: &Transcript) -> Result<(), String> {
    let blank =
        |transcript: &Transcript| Transcript { version: String::new(), ..transcript.clone() };
    let standing = if common::subject_is_theirs() { "same" } else { &fixture.standing };
    compare(
        standing,
        &blank(&fixture.dnsmasq),
        fixture.ours.as_ref().map(blank).as_ref(),
        &blank(seen),
    )
}

fn record(fixture: &mut Fixture, seen: Transcript) {
    if common::subject_is_theirs() {
        fixture.dnsmasq = Transcript { version: version(), ..seen };
    } else if fixture.standing.starts_with("differs") {
        fixture.ours = Some(seen);
    }
}

fn version() -> String {
    let output =
        Command::new(common::subject()).arg("--version").output().expect("it has a version");
    String::from_utf8_lossy(&output.stdout).split_whitespace().nth(2).unwrap_or_default().to_owned()
}

/// The priority of the notices that only pxemasq has (D-032). dnsmasq logs nothing with it.
const NOTICE: u32 = 5;

/// `<30>Nov 22 00:35:45 dnsmasq-dhcp[12]: text` → `dnsmasq-dhcp 6 text`. `None`: a notice of pxemasq.
fn comparable(line: &str) -> Option<String> {
    let (code, rest) = line.strip_prefix('<')?.split_once('>')?;
    let (head, text) = rest.split_once("]: ")?;
    let identity = head.rsplit(' ').next()?.split('[').next()?;
    let priority = code.parse::<u32>().ok()? & 7;
    (priority != NOTICE).then(|| format!("{identity} {priority} {text}"))
}
