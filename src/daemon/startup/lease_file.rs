//! The lease database, which is a DHCP server's: we lend nothing, look into it as dnsmasq does, and leave it as it is
//! (docs/dnsmasq/daemon.md, section 4.2; D-028).

use crate::byte_text::{path_text, to_text};
use crate::config::Config;
use crate::error::StartupError;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

const DEFAULT_LEASE_FILE: &str = "/var/lib/misc/dnsmasq.leases";
/// What a shell says of a command that it may not run, and of one it cannot find.
const EXIT_NOT_ALLOWED: i32 = 126;
const EXIT_NOT_FOUND: i32 = 127;
/// Bytes of the words of an entry, at most: expiry, hardware address, address, name, client identifier.
const MAX_LINE_LEN: [usize; 5] = [255, 255, 64, 255, 764];

/// The database, and what there is to say of it.
#[derive(Default)]
pub struct Leases {
    /// Held open, as dnsmasq does.
    pub file: Option<File>,
    /// Lines that are no leases.
    pub warnings: Vec<FileLine>,
}

/// Opens it, or makes it, where there are ranges. With `leasefile-ro` a script has it, if there is one.
pub fn open(config: &Config) -> Result<Leases, StartupError> {
    let process = &config.process;
    let (mut file, mut bytes) = (None, Vec::new());
    if config.dhcp.ranges.is_empty() {
        return Ok(Leases::default());
    }
    if process.use_lease_file {
        let path = process.lease_file.as_deref().unwrap_or(Path::new(DEFAULT_LEASE_FILE));
        let failed = |what: &str, error| {
            StartupError::file(format!(
                "{what} lease file {}: {}",
                path_text(path),
                strerror(&error)
            ))
        };
        let mut opened = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o644)
            .open(path)
            .map_err(|error| failed("cannot open or create", error))?;
        if opened.metadata().is_ok_and(|found| found.is_file()) {
            opened.read_to_end(&mut bytes).map_err(|error| failed("failed to read", error))?;
        }
        file = Some(opened);
    } else if let Some(script) = &process.script {
        bytes = run_init_script(script)?;
    }
    let (leases, happened) = read(&bytes);
    if leases > process.max_leases {
        return Err(StartupError::other("too many stored leases"));
    }
    Ok(Leases { file, warnings: happened })
}

/// Has the script print the database.
fn run_init_script(script: &Path) -> Result<Vec<u8>, StartupError> {
    let mut command = OsString::from(script);
    command.push(" init");
    let mut shell = Command::new("sh");
    let asked =
        shell.arg("-c").arg(command).stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
    let failed = |why: &str| {
        StartupError::file(format!("cannot run lease-init script {}: {why}", path_text(script)))
    };
    let output = asked.map_err(|error: io::Error| failed(&strerror(&error)))?;
    match output.status.code() {
        Some(0) | None => Ok(output.stdout),
        Some(EXIT_NOT_ALLOWED) => Err(failed("Permission denied")),
        Some(EXIT_NOT_FOUND) => Err(failed("No such file or directory")),
        Some(code) => {
            let low = u8::try_from(code).unwrap_or_default().wrapping_add(10);
            Err(StartupError::new(low, format!("lease-init script returned exit code {code}")))
        }
    }
}

/// How many leases there are, and what there is to say of the rest. dnsmasq reads words, wherever lines end: `expiry
/// mac address name client-id`, or `duid id`.
fn read(bytes: &[u8]) -> (usize, Vec<FileLine>) {
    let mut words = Fields(bytes);
    let (mut leases, mut happened) = (0, Vec::new());
    while let Some(first) = words.next(MAX_LINE_LEN[0]) {
        let Some(second) = words.next(MAX_LINE_LEN[1]) else {
            happened.push(FileLine::UncleanLeases);
            break;
        };
        if first == b"duid" {
            continue;
        }
        let [address, name, id] = [2, 3, 4].map(|at| words.next(MAX_LINE_LEN[at]));
        let shown = |word: Option<&[u8]>| to_text(word.unwrap_or_default());
        if id.is_none() {
            let four = [Some(first), Some(second), address, name].map(shown);
            happened.push(FileLine::BadLease(four.join(" ")));
        } else if shown(address).parse::<IpAddr>().is_ok() {
            leases += 1;
        } else {
            happened.push(FileLine::BadLeaseAddress(shown(address)));
        }
    }
    (leases, happened)
}

struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// The next one, or so much of it.
    fn next(&mut self, longest: usize) -> Option<&'b [u8]> {
        let rest = self.0.trim_ascii_start();
        let end = rest.iter().take(longest).position(u8::is_ascii_whitespace);
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len().min(longest)));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (usize, Vec<String>) {
        let (leases, happened) = read(text.as_bytes());
        (leases, happened.iter().map(ToString::to_string).collect())
    }

    /// As recorded from dnsmasq 2.90.
    #[test]
    fn what_is_no_lease_is_told_as_dnsmasq_does() {
        let good = "1 52:54:00:00:00:01 10.9.0.51 hosta *\n";
        let bad = "ignoring invalid line in lease database";
        assert_eq!(told(good), (1, vec![]));
        assert_eq!(told("duid 00:01\n1 52:54:00:00:00:01 fd00::1 h 01\n\n").0, 1);
        assert_eq!(told("foo").1, ["failed to parse lease database cleanly"]);
        assert_eq!(told("foo bar").1, [format!("{bad}: foo bar   ...")]);
        assert_eq!(told("a b c\n").1, [format!("{bad}: a b c  ...")]);
        assert_eq!(told("1 2 010.9.0.51 h *").1, [format!("{bad}, bad address: 010.9.0.51")]);
        let behind = told(&format!("foo bar baz\n{good}"));
        let swallowed =
            [format!("{bad}, bad address: baz"), format!("{bad}: 10.9.0.51 hosta *  ...")];
        assert_eq!(behind, (0, swallowed.to_vec()));
    }
}
