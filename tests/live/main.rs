//! The recordings against a running program, in namespaces of its own: ours, or with `PXEMASQ_SUBJECT=theirs` the
//! installed dnsmasq, which shows that the recordings are still true. With `PXEMASQ_RECORD=1` they are made anew.

#[path = "../common/mod.rs"]
mod common;
mod dhcp;
mod tftp;

use common::fixture::{self, Fixture, Transcript, compare};
use common::lab::Lab;
use common::required;
use std::process::Command;
use std::time::Duration;

crate::tests![proxydhcp_speaks_as_recorded, tftp_speaks_as_recorded,];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str = "/srv/dnsmasq.conf";
/// After that long without an answer none is coming.
const QUIET: Duration = Duration::from_millis(150);
/// Fixtures that take longer are played when they are recorded, and in virtual time.
const SLOW: u64 = 3;

fn proxydhcp_speaks_as_recorded() {
    play_all("proxydhcp", dhcp::play);
}

fn tftp_speaks_as_recorded() {
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

/// Seconds of waiting.
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

/// `<30>Nov 22 00:35:45 dnsmasq-dhcp[12]: text` → `dnsmasq-dhcp 6 text`
fn comparable(line: &str) -> Option<String> {
    let (code, rest) = line.strip_prefix('<')?.split_once('>')?;
    let (head, text) = rest.split_once("]: ")?;
    let identity = head.rsplit(' ').next()?.split('[').next()?;
    let priority = code.parse::<u32>().ok()? & 7;
    Some(format!("{identity} {priority} {text}"))
}
