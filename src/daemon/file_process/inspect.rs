//! Why files were not sent to a client: a similar file that exists, or the directory without access.

use super::protocol::{Cause, InspectedFile};
use super::roots::Roots;
use crate::boot_monitor::event::RefusalReason;
use crate::diagnose::boot_file::{self, FileProblem};
use crate::sys::privilege::Identity;
use std::ffi::OsStr;
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
            let path = self.roots.join(file.root, &file.name)?;
            let path = Path::new(OsStr::from_bytes(&path));
            let text = match file.reason {
                RefusalReason::NotFound => {
                    boot_file::suggest(path).map(|similar| similar.to_string())
                }
                RefusalReason::PermissionDenied => Some(self.denied(path)?),
                RefusalReason::Unreported => return None,
            };
            // A missing file without a similar one is worth a notice only if the configuration names it.
            (text.is_some() || file.is_configured).then_some(Cause { file: index, text })
        })
    }

    fn denied(&self, path: &Path) -> Option<String> {
        let outcome = boot_file::check_path(path, Some(&self.identity), self.secure);
        match outcome.file.as_ref().err()? {
            FileProblem::PermissionDenied(_) | FileProblem::WrongOwner(_) => {
                Some(outcome.to_string())
            }
            _ => None,
        }
    }
}
