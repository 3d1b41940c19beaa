//! Random configuration lines: pxemasq and the installed dnsmasq must accept or reject each one with the same message. Needs
//! no root.
//!
//! The lines are mutations of those in the fixtures. `PXEMASQ_LINES` is their number (default 2,000), `PXEMASQ_SEED` the
//! seed. A difference is printed with its line; add it as a fixture.

use crate::common::random::Random;
use crate::common::{self, fixture};
use conf_parser::OPTIONS;
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

crate::tests![random_lines_have_the_verdict_of_dnsmasq,];

#[derive(Debug, Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    file: String,
}

const USUAL_LINES: usize = 2_000;
const USUAL_SEED: u64 = 1;
const THREADS: usize = 2;

fn random_lines_have_the_verdict_of_dnsmasq() {
    let Some(theirs) = common::required(common::installed_dnsmasq()) else { return };
    let lines = crate::number("PXEMASQ_LINES").unwrap_or(USUAL_LINES);
    let seed = crate::number("PXEMASQ_SEED").unwrap_or(USUAL_SEED);
    let seeds = seeds();
    let differences: Vec<String> = thread::scope(|scope| {
        let worker = |share: usize| {
            let (seeds, theirs) = (&seeds, &theirs);
            scope.spawn(move || differences(seeds, theirs, lines / THREADS, seed, share as u64))
        };
        let workers: Vec<_> = (0..THREADS).map(worker).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

fn differences(
    seeds: &[Vec<String>],
    theirs: &Path,
    lines: usize,
    seed: u64,
    share: u64,
) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("c.conf");
    let mut random = Random::new(seed.wrapping_mul(2).wrapping_add(share));
    let mut differences = Vec::new();
    for _ in 0..lines {
        let line = line(&mut random, seeds);
        if is_known_to_differ(&line) {
            continue;
        }
        fs::write(&path, [line.as_bytes(), b"\n"].concat()).expect("the file can be written");
        // A line that crashes dnsmasq has no expected result.
        let Some(wanted) = verdict(theirs, &path) else { continue };
        let seen = verdict(Path::new(env!("CARGO_BIN_EXE_pxemasq")), &path);
        if seen.as_ref() != Some(&wanted) {
            differences.push(format!("{line:?}\n  dnsmasq: {wanted:?}\n  pxemasq: {seen:?}"));
        }
    }
    differences
}

/// Exit code and first line; `None` if a signal ended it.
fn verdict(program: &Path, path: &Path) -> Option<(i32, String)> {
    let mut command = Command::new(program);
    command.args(["--test", "-C"]).arg(path).env("LC_ALL", "C").stdin(Stdio::null());
    // Both programs resolve server names.
    command.env("RES_OPTIONS", "timeout:1 attempts:1");
    let output = command.output().expect("the program runs");
    let stderr =
        String::from_utf8_lossy(&output.stderr).replace(&path.display().to_string(), "FILE");
    let first = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some((output.status.code()?, first.to_owned()))
}

/// The values in the fixtures, by keyword.
fn seeds() -> Vec<Vec<String>> {
    let mut seeds = vec![Vec::new(); OPTIONS.len()];
    for (_, cases) in fixture::all::<Cases>("language") {
        for line in cases.cases.iter().flat_map(|case| case.file.lines()) {
            let Some((keyword, value)) = line.split_once('=') else { continue };
            if let Some(at) = OPTIONS.iter().position(|row| row.keyword == keyword.trim()) {
                seeds[at].push(value.trim().to_owned());
            }
        }
    }
    seeds
}

/// Keywords that dnsmasq 2.90 does not have, or that open other files.
const LEFT_OUT: &[&str] = &[
    "conf-dir",
    "conf-file",
    "conf-script",
    "dhcp-option-pxe",
    "dhcp-split-relay",
    "do-0x20-encode",
    "leasequery",
    "no-0x20-encode",
];

/// Names in upper case (D-012), data that is not hexadecimal (D-013), and lines that only dnsmasq 2.92 accepts (D-014).
fn is_known_to_differ(line: &str) -> bool {
    let (keyword, value) = line.split_once('=').unwrap_or((line, ""));
    match keyword {
        "trust-anchor" => return !value.contains(',') || value.contains('"'),
        "dns-rr" => return true,
        _ => {}
    }
    let mut names = value.split([',', '/', '=']);
    let newer = ["last-transaction", "associated-ip", "captive-portal", "agent-info"];
    let lower = value.to_ascii_lowercase();
    let is_newer_code = |piece: &str| matches!(piece.trim(), "91" | "92" | "114");
    newer.iter().any(|word| lower.contains(word))
        || names.any(is_odd_in_capitals)
        || (keyword.starts_with("dhcp-") && value.split(',').any(is_newer_code))
}

/// Names that libidn rejects.
fn is_odd_in_capitals(name: &str) -> bool {
    let name = name.replace('"', "");
    let odd = |label: &str| {
        label.starts_with('-') || label.ends_with('-') || label.get(2..4) == Some("--")
    };
    name.bytes().any(|byte| byte.is_ascii_uppercase())
        && (name.len() > 200 || name.trim().split('.').any(|label| odd(label.trim())))
}

const ATOMS: &[&str] = &[
    ",",
    ",,",
    "=",
    ":",
    "/",
    "#",
    "@",
    "%",
    "*",
    "!",
    "-",
    ".",
    " ",
    "\"",
    "\\",
    "[",
    "]",
    "\t",
    "\x01",
    "\x1e",
    "é",
    "0",
    "1",
    "64",
    "65",
    "129",
    "255",
    "256",
    "65535",
    "65536",
    "4294967296",
    "99999999999999999999",
    "-1",
    "0x10",
    "a",
    "A",
    "ff",
    "g",
    "x",
    "eth0",
    "lo",
    "10.0.0.1",
    "10.0.0.256",
    "::1",
    "fd00::1",
    "[::1]",
    "255.255.255.0",
    "tag:a",
    "net:a",
    "set:a",
    "tag:!a",
    "id:1",
    "id:*",
    "proxy",
    "static",
    "infinite",
    "ignore",
    "1h",
    "option:router",
    "option6:23",
    "option6:domain-search",
    "vendor:x",
    "encap:1",
    "vi-encap:1",
    "enterprise:1",
    "52:54:00:12:34:56",
    "x86PC",
    "local",
    "exclude:",
    "constructor:",
    "mtu:",
    "high",
    "slaac",
];

/// A random line.
fn line(random: &mut Random, seeds: &[Vec<String>]) -> String {
    let at = loop {
        let at = random.below(OPTIONS.len());
        if !LEFT_OUT.contains(&OPTIONS[at].keyword) {
            break at;
        }
    };
    let own = &seeds[at];
    let any = &seeds[random.below(seeds.len())];
    let pool = if own.is_empty() || random.below(20) == 0 { any } else { own };
    let mut value = if pool.is_empty() { String::new() } else { random.of(pool) };
    for _ in 0..random.below(4) {
        value = mutated(random, &value, pool);
    }
    if random.below(50) == 0 {
        return OPTIONS[at].keyword.to_owned();
    }
    format!("{}={value}", OPTIONS[at].keyword)
}

fn mutated(random: &mut Random, value: &str, pool: &[String]) -> String {
    let separators = [',', '/', ':', '#', '@', '-', '.'];
    let separator = if random.below(2) == 0 { ',' } else { random.of(&separators) };
    let mut pieces: Vec<&str> = value.split(separator).collect();
    let at = random.below(pieces.len());
    match random.below(7) {
        0 => drop(pieces.remove(at)),
        1 => pieces.insert(at, pieces[at]),
        2 => pieces.insert(at, random.of(ATOMS)),
        3 => pieces[at] = random.of(ATOMS),
        4 if !pool.is_empty() => {
            let other: Vec<&str> = pool[random.below(pool.len())].split(separator).collect();
            pieces[at] = other[random.below(other.len())];
        }
        5 => return value.replacen(pieces[at], &format!("\"{}\"", pieces[at]), 1),
        _ => {
            let mut characters: Vec<char> = value.chars().collect();
            let at = random.below(characters.len() + 1);
            if random.below(3) == 0 && at < characters.len() {
                characters.remove(at);
            } else {
                characters.splice(at..at, random.of(ATOMS).chars());
            }
            return characters.into_iter().collect();
        }
    }
    pieces.join(&separator.to_string())
}
