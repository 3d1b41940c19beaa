//! The file that tells our process id (docs/dnsmasq/daemon.md, section 4.1).

use crate::byte_text::path_text;
use crate::error::StartupError;
use crate::log_line::ProcessLine;
use crate::strerror::strerror;
use crate::sys::privilege::{Capability, Identity, is_permitted, is_root};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::Path;

/// Writes it: a new file, never one that somebody has put there. Tells if it does not belong to who serves.
pub fn write(path: &Path, identity: &Identity) -> Result<Option<ProcessLine>, StartupError> {
    drop(fs::remove_file(path));
    let shown = path_text(path);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    let written = opened.and_then(|mut file| {
        writeln!(file, "{}", std::process::id())?;
        Ok(file)
    });
    match written {
        _ if !is_root() => Ok(None),
        Err(error) => {
            Err(StartupError::file(format!("failed to open pidfile {shown}: {}", strerror(&error))))
        }
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

/// Takes it away, if we may.
pub fn remove(path: &Path) {
    drop(fs::remove_file(path));
}
