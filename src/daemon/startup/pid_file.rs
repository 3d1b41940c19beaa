//! The pid file (docs/dnsmasq/daemon.md, section 4.1).

use crate::byte_text::path_text;
use crate::error::StartupError;
use crate::log_line::ProcessLine;
use crate::strerror::strerror;
use crate::sys::file_access::creatable;
use crate::sys::privilege::{Capability, Identity, is_permitted, is_root};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Whether the file can be written, without writing it. Only for root it must be.
pub fn check(path: &Path) -> Result<(), StartupError> {
    if !is_root() {
        return Ok(());
    }
    creatable(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &io::Error) -> StartupError {
    let path = path_text(path);
    StartupError::file(format!("failed to open pidfile {path}: {}", strerror(error)))
}

/// Writes the pid file. If the owner cannot be changed to the user that serves, the line for the log.
pub fn write(path: &Path, identity: &Identity) -> Result<Option<ProcessLine>, StartupError> {
    match create(path, path, identity) {
        _ if !is_root() => Ok(None),
        created => created.map_err(|error| failed(path, &error)),
    }
}

/// With `--replace`: writes the number of this process into a file beside the pid file, which the process that was started makes the
/// pid file when this one serves ([`replace`]). `starter`: its process id.
pub fn prepare(path: &Path, identity: &Identity, starter: u32) -> Result<(), StartupError> {
    create(&beside(path, starter), path, identity).map(drop).map_err(|error| failed(path, &error))
}

/// In the process that was started: the prepared file becomes the pid file. At each moment there is one of the two.
pub fn replace(path: &Path, starter: u32) -> Result<(), StartupError> {
    fs::rename(beside(path, starter), path).map_err(|error| failed(path, &error))
}

/// In the process that was started: removes the prepared file after an error.
pub fn discard(path: &Path, starter: u32) {
    // The error may have come before it was prepared.
    let _ = fs::remove_file(beside(path, starter));
}

fn beside(path: &Path, starter: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{starter}"));
    name.into()
}

/// Writes the number of this process into a new file: the directory may belong to another user, so a file or a link of that user is
/// removed first. The line for the log if the owner cannot be changed; `pid_file`: the path in it.
fn create(path: &Path, pid_file: &Path, identity: &Identity) -> io::Result<Option<ProcessLine>> {
    // It may not exist; all other errors prevent that the new file is created.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    writeln!(file, "{}", std::process::id())?;
    let Some((user, group)) = identity.owner().filter(|_| is_root()) else { return Ok(None) };
    Ok(fchown(file, Some(user), Some(group)).err().map(|error| {
        let reason = is_permitted(Capability::Chown).then(|| strerror(&error));
        ProcessLine::PidFileOwnerKept { path: path_text(pid_file), reason }
    }))
}
