//! Why files were not sent to a client: a similar file that exists, or the directory without access.

use super::protocol::{Cause, InspectedFile};
use super::roots::Roots;
use crate::boot_monitor::event::RefusalReason;
use crate::diagnose::boot_file::check_path;
use crate::diagnose::file_name::visible;
use crate::reason::FileReason;
use crate::sys::privilege::Identity;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The rules for access to files.
pub struct Inspector {
    /// The roots.
    pub roots: Roots,
    /// The user that serves.
    pub identity: Identity,
    /// `tftp-secure`
    pub secure: bool,
}

impl Inspector {
    /// The first of these files that has a cause worth a notice.
    pub fn find_cause(&self, files: &[InspectedFile]) -> Option<Cause> {
        files.iter().zip(0..).find_map(|(file, index)| {
            let text = self.reason(file)?.to_string();
            Some(Cause { file: index, text })
        })
    }

    fn reason(&self, file: &InspectedFile) -> Option<FileReason> {
        let (root, path) =
            (self.roots.join(file.root, b"")?, self.roots.join(file.root, &file.name)?);
        let (root, path) = (as_path(&root), as_path(&path));
        let check = check_path(path, root, Some(&self.identity), self.secure).file;
        match (file.reason, check) {
            // A missing file without a similar one is worth a notice only if the configuration names it.
            (RefusalReason::NotFound, Err(reason @ FileReason::NotFound { .. })) => {
                file.is_configured.then_some(reason)
            }
            (RefusalReason::PermissionDenied, Ok(_)) => self.denied_despite_mode(path),
            // For another error, the line of dnsmasq has all that is known. Without an error, it can be opened meanwhile.
            (RefusalReason::Unreported, _) | (_, Err(FileReason::Failed { .. }) | Ok(_)) => None,
            (_, Err(reason)) => Some(reason),
        }
    }

    /// The mode permits access. If the file cannot be opened all the same, another mechanism denies it.
    fn denied_despite_mode(&self, path: &Path) -> Option<FileReason> {
        let error = File::open(path).err()?;
        (error.kind() == io::ErrorKind::PermissionDenied).then(|| FileReason::DeniedDespiteMode {
            path: visible(path),
            user: self.identity.user_name().to_owned(),
        })
    }
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
