//! The pid file (docs/dnsmasq/daemon.md, section 4.1).

use crate::byte_text::path_text;
use crate::error::StartupError;
use crate::log_line::ProcessLine;
use crate::strerror::strerror;
use crate::sys::file_access::creatable;
use crate::sys::privilege::{Capability, Identity, is_permitted, is_root};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::Path;

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

/// Creates a file with a process id. A file or a link at this path is removed first.
fn create(path: &Path, process: u32) -> io::Result<File> {
    // It may not exist; all other errors prevent that the new file is created.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    writeln!(file, "{process}")?;
    Ok(file)
}

/// Writes the pid file. It must be a new file: a file or a link of another user at this path is removed first. If the owner
/// cannot be changed to the user that serves, the line for the log.
pub fn write(path: &Path, identity: &Identity) -> Result<Option<ProcessLine>, StartupError> {
    let shown = path_text(path);
    match create(path, std::process::id()) {
        _ if !is_root() => Ok(None),
        Err(error) => Err(failed(path, &error)),
        Ok(file) => {
            let owner = identity.owner();
            let owned = owner.map_or(Ok(()), |(user, group)| fchown(file, Some(user), Some(group)));
            Ok(owned.err().map(|error| {
                let reason = is_permitted(Capability::Chown).then(|| strerror(&error));
                ProcessLine::PidFileOwnerKept { path: shown, reason }
            }))
        }
    }
}

/// Writes the number of another process into the pid file. At each moment the file has the old number or the new one. It is a new
/// file: the directory may belong to another user, so a file or a link of that user is removed first.
pub fn replace(path: &Path, identity: &Identity, process: u32) -> Result<(), StartupError> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{process}"));
    let new = Path::new(&new);
    let written = create(new, process).and_then(|file| {
        let owner = identity.owner().filter(|_| is_root());
        // As at a start, another owner is no error.
        let _ = owner.map(|(user, group)| fchown(file, Some(user), Some(group)));
        fs::rename(new, path)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(new);
        failed(path, &error)
    })
}
