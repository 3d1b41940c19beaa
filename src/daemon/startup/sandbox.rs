//! The walls around a daemon that serves, and what lies within them.

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

/// What became of it. They stand whether or not anybody holds this.
#[derive(Clone, Debug, Default)]
pub struct Sandbox {
    within: Option<Arc<Entered>>,
}

#[derive(Debug)]
struct Entered {
    status: SandboxStatus,
    /// Places that may be read, as the kernel knows them: by device and inode.
    read: HashSet<(u64, u64)>,
}

impl Sandbox {
    /// Puts walls up around this process; with what there is to be told of them.
    pub fn enter(config: &Config) -> (Self, SandboxLine) {
        // What a library reads once, it has to have read.
        clock::local_time();
        let reach = allowed_paths(config);
        let walls = enter_sandbox(&reach);
        let shown = |paths: &[PathBuf]| paths.iter().map(|path| path_text(path)).collect();
        let told = SandboxLine::Active {
            landlock: walls.landlock.as_ref().copied().map_err(ToString::to_string),
            seccomp: walls.seccomp.as_ref().copied().map_err(ToString::to_string),
            no_new_privileges: walls.no_new_privileges,
            reads: shown(&reach.read),
            writes: shown(&reach.write),
        };
        let read = reach.read.iter().filter_map(|place| number(place)).collect();
        (Self { within: Some(Arc::new(Entered { status: walls, read })) }, told)
    }

    /// What a path leads to, if that is walled off.
    pub fn blocks(&self, path: &Path) -> Option<PathBuf> {
        let within = self.within.as_ref().filter(|within| within.status.landlock.is_ok())?;
        let target = path.canonicalize().ok()?;
        let is_within = |part| number(part).is_some_and(|number| within.read.contains(&number));
        (!target.ancestors().any(is_within)).then_some(target)
    }
}

fn number(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}
