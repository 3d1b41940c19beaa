//! The lease file. pxemasq has no leases: it reads and checks the file as dnsmasq does, and does not change it
//! (docs/dnsmasq/daemon.md, section 4.2; D-028).

use crate::byte_text::{path_text, to_text};
use crate::config::Config;
use crate::config::file_content::{FileContent, ReadError, ReadLimit};
use crate::error::StartupError;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use crate::sys::file_access::writable;
use crate::sys::script_exec::with_script_signals;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

const DEFAULT_LEASE_FILE: &str = "/var/lib/misc/dnsmasq.leases";
/// Exit codes of a shell for a command that it may not execute, and for one that does not exist.
const EXIT_NOT_ALLOWED: i32 = 126;
const EXIT_NOT_FOUND: i32 = 127;
/// The maximum length of each field: expiry, hardware address, address, name, client identifier.
const MAX_FIELD_LEN: [usize; 5] = [255, 255, 64, 255, 764];

/// Opens or creates the file if there is a `dhcp-range`. With `leasefile-ro` the output of the script is read instead, if there
/// is a script. Returns the lines for the log about entries that are not valid. dnsmasq keeps the file open; here nothing is
/// written to it, so an attacker who controls the process must not be able to.
pub fn check(config: &Config) -> Result<Vec<FileLine>, StartupError> {
    let mut bytes = Vec::new();
    if let Some(path) = path(config) {
        bytes = content(path, open_options().create(true).mode(0o644))?;
    } else if let Some(script) = init_script(config) {
        bytes = run_init_script(script)?;
    }
    check_content(config, &bytes)
}

/// As [`check`], but does not create the file and does not run the script.
pub fn check_without_effect(config: &Config) -> Result<(), StartupError> {
    let Some(path) = path(config) else { return check_script(config) };
    if !path.is_file() {
        return writable(path).map_err(|error| failed("cannot open or create", path, error.into()));
    }
    check_content(config, &content(path, &open_options())?).map(drop)
}

/// Whether the script exists. A path with spaces may be a command with arguments, because a shell runs it.
fn check_script(config: &Config) -> Result<(), StartupError> {
    match init_script(config) {
        Some(script) if !script.exists() && !path_text(script).contains(' ') => {
            Err(cannot_run(script, "No such file or directory"))
        }
        _ => Ok(()),
    }
}

fn cannot_run(script: &Path, reason: &str) -> StartupError {
    let script = path_text(script);
    StartupError::file(format!("cannot run lease-init script {script}: {reason}"))
}

/// The lease file, if the start opens it.
fn path(config: &Config) -> Option<&Path> {
    let process = &config.process;
    let is_used = process.use_lease_file && !config.dhcp.ranges.is_empty();
    is_used.then(|| process.lease_file.as_deref().unwrap_or(Path::new(DEFAULT_LEASE_FILE)))
}

/// The script that the start runs instead of reading the lease file.
pub fn init_script(config: &Config) -> Option<&Path> {
    let process = &config.process;
    let is_run = !process.use_lease_file && !config.dhcp.ranges.is_empty();
    process.script.as_deref().filter(|_| is_run)
}

fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    options
}

fn failed(action: &str, path: &Path, error: ReadError) -> StartupError {
    StartupError::file(format!("{action} lease file {}: {}", path_text(path), error.reason()))
}

/// The content of the file; empty, if it is no regular file.
fn content(path: &Path, options: &OpenOptions) -> Result<Vec<u8>, StartupError> {
    let opened =
        options.open(path).map_err(|error| failed("cannot open or create", path, error.into()))?;
    if !opened.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(Vec::new());
    }
    let content = ReadLimit::default().read_open(&opened).and_then(FileContent::complete);
    content.map(Cow::into_owned).map_err(|error| failed("failed to read", path, error))
}

fn check_content(config: &Config, bytes: &[u8]) -> Result<Vec<FileLine>, StartupError> {
    let (leases, warnings) = read(bytes);
    if leases > config.process.max_leases {
        return Err(StartupError::other("too many stored leases"));
    }
    Ok(warnings)
}

/// Runs the script, which prints the lease file.
fn run_init_script(script: &Path) -> Result<Vec<u8>, StartupError> {
    let mut command = OsString::from(script);
    command.push(" init");
    let failed = |reason: &str| cannot_run(script, reason);
    let (output, status) =
        run_shell(&command).map_err(|error: io::Error| failed(&strerror(&error)))?;
    let output = output.map_err(|error| failed(&error.reason()))?;
    match status.code() {
        Some(0) | None => Ok(output),
        Some(EXIT_NOT_ALLOWED) => Err(failed("Permission denied")),
        Some(EXIT_NOT_FOUND) => Err(failed("No such file or directory")),
        Some(code) => {
            let exit_code = u8::try_from(code).unwrap_or_default().wrapping_add(10);
            Err(StartupError::new(
                exit_code,
                format!("lease-init script returned exit code {code}"),
            ))
        }
    }
}

/// What a command printed, and how it ended. If it prints too much, it is killed.
fn run_shell(command: &OsStr) -> io::Result<(Result<Vec<u8>, ReadError>, ExitStatus)> {
    let mut shell = Command::new("sh");
    with_script_signals(&mut shell);
    let mut child = shell.arg("-c").arg(command).stdout(Stdio::piped()).spawn()?;
    let printed = child.stdout.take().map_or(Ok(Vec::new()), |stdout| {
        let read = ReadLimit::default().read_input(stdout, Vec::new());
        read.and_then(FileContent::complete).map(Cow::into_owned)
    });
    if printed.is_err() {
        // A child that has already ended is no error.
        let _ = child.kill();
    }
    Ok((printed, child.wait()?))
}

/// The number of leases, and lines about other entries. dnsmasq reads fields, without regard to ends of lines: `expiry mac
/// address name client-id`, or `duid id`.
fn read(bytes: &[u8]) -> (usize, Vec<FileLine>) {
    let mut fields = Fields(bytes);
    let (mut leases, mut warnings) = (0, Vec::new());
    while let Some(first) = fields.next(MAX_FIELD_LEN[0]) {
        let Some(second) = fields.next(MAX_FIELD_LEN[1]) else {
            warnings.push(FileLine::UncleanLeases);
            break;
        };
        if first == b"duid" {
            continue;
        }
        let [address, name, id] = [2, 3, 4].map(|index| fields.next(MAX_FIELD_LEN[index]));
        let shown = |field: Option<&[u8]>| to_text(field.unwrap_or_default());
        if id.is_none() {
            let four = [Some(first), Some(second), address, name].map(shown);
            warnings.push(FileLine::BadLease(four.join(" ")));
        } else if shown(address).parse::<IpAddr>().is_ok() {
            leases += 1;
        } else {
            warnings.push(FileLine::BadLeaseAddress(shown(address)));
        }
    }
    (leases, warnings)
}

struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// The next field. A field that is longer than `max_len` is split.
    fn next(&mut self, max_len: usize) -> Option<&'b [u8]> {
        let rest = self.0.trim_ascii_start();
        let end = rest.iter().take(max_len).position(u8::is_ascii_whitespace);
        let (field, rest) = rest.split_at(end.unwrap_or(rest.len().min(max_len)));
        self.0 = rest;
        (!field.is_empty()).then_some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (usize, Vec<String>) {
        let (leases, warnings) = read(text.as_bytes());
        (leases, warnings.iter().map(ToString::to_string).collect())
    }

    /// As recorded from dnsmasq 2.90.
    #[test]
    fn invalid_entry_is_logged_as_by_dnsmasq() {
        let good = "1 52:54:00:00:00:01 10.9.0.51 hosta *\n";
        let bad = "ignoring invalid line in lease database";
        assert_eq!(read_text(good), (1, vec![]));
        assert_eq!(read_text("duid 00:01\n1 52:54:00:00:00:01 fd00::1 h 01\n\n").0, 1);
        assert_eq!(read_text("foo").1, ["failed to parse lease database cleanly"]);
        assert_eq!(read_text("foo bar").1, [format!("{bad}: foo bar   ...")]);
        assert_eq!(read_text("a b c\n").1, [format!("{bad}: a b c  ...")]);
        assert_eq!(read_text("1 2 010.9.0.51 h *").1, [format!("{bad}, bad address: 010.9.0.51")]);
        let after_invalid = read_text(&format!("foo bar baz\n{good}"));
        let swallowed =
            [format!("{bad}, bad address: baz"), format!("{bad}: 10.9.0.51 hosta *  ...")];
        assert_eq!(after_invalid, (0, swallowed.to_vec()));
    }
}
