//! The sandbox of the daemon, and the paths that it allows.

use super::sandbox_paths::allowed_paths;
use crate::byte_text::path_text;
use crate::config::Config;
use crate::log_line::SandboxLine;
use crate::sys::clock;
use crate::sys::sandbox::enter_sandbox;
use std::path::PathBuf;

/// Enters the sandbox, and returns the line for the log.
pub fn enter(config: &Config) -> SandboxLine {
    // The C library reads the time zone at the first call, and cannot read it later.
    clock::local_time();
    let allowed = allowed_paths(config);
    let status = enter_sandbox(&allowed);
    let shown = |paths: &[PathBuf]| paths.iter().map(|path| path_text(path)).collect();
    SandboxLine::Active {
        landlock: status.landlock.as_ref().copied().map_err(ToString::to_string),
        seccomp: status.seccomp.as_ref().copied().map_err(ToString::to_string),
        no_new_privileges: status.no_new_privileges,
        reads: shown(&allowed.read),
        writes: shown(&allowed.write),
    }
}
