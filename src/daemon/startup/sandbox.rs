//! The sandbox of the daemon, and the paths that it allows.

use super::sandbox_paths::allowed_paths;
use crate::byte_text::path_text;
use crate::config::Config;
use crate::log_line::SandboxLine;
use crate::sys::clock;
use crate::sys::sandbox::{SandboxStatus, enter_sandbox};
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The state of the sandbox. The sandbox stays active when this value is dropped.
#[derive(Clone, Debug, Default)]
pub struct Sandbox {
    entered: Option<Arc<Entered>>,
}

#[derive(Debug)]
struct Entered {
    status: SandboxStatus,
    /// Device and inode of each path that may be read.
    read: HashSet<(u64, u64)>,
}

impl Sandbox {
    /// Enters the sandbox, and returns the line for the log.
    pub fn enter(config: &Config) -> (Self, SandboxLine) {
        // The C library reads the time zone at the first call, and cannot read it later.
        clock::local_time();
        let allowed = allowed_paths(config);
        let status = enter_sandbox(&allowed);
        let shown = |paths: &[PathBuf]| paths.iter().map(|path| path_text(path)).collect();
        let line = SandboxLine::Active {
            landlock: status.landlock.as_ref().copied().map_err(ToString::to_string),
            seccomp: status.seccomp.as_ref().copied().map_err(ToString::to_string),
            no_new_privileges: status.no_new_privileges,
            reads: shown(&allowed.read),
            writes: shown(&allowed.write),
        };
        let read = allowed.read.iter().filter_map(|path| device_and_inode(path)).collect();
        (Self { entered: Some(Arc::new(Entered { status, read })) }, line)
    }

    /// The target of a path, if the sandbox does not allow to read it.
    pub fn blocks(&self, path: &Path) -> Option<PathBuf> {
        let entered = self.entered.as_ref().filter(|entered| entered.status.landlock.is_ok())?;
        let target = path.canonicalize().ok()?;
        let is_allowed =
            |path| device_and_inode(path).is_some_and(|number| entered.read.contains(&number));
        (!target.ancestors().any(is_allowed)).then_some(target)
    }
}

fn device_and_inode(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}
