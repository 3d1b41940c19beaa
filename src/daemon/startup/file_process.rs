//! The start of the file process.

use super::Privileges;
use super::privileges::drop_privileges;
use crate::config::Config;
use crate::daemon::file_process::roots::Roots;
use crate::daemon::file_process::{FileProcess, Inspector, Tasks};
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::privilege::Identity;
use conf_parser::LogTo;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Starts the file process. It must be called while there is only one thread.
pub(super) fn start(config: &Config, privileges: &Privileges) -> Result<FileProcess, StartupError> {
    FileProcess::start(&[], |channel| confine(config, privileges, channel)).map_err(|error| {
        StartupError::other(format!("failed to create helper: {}", strerror(&error)))
    })
}

/// The roots of a configuration. Without TFTP no names are looked up.
pub fn roots(config: &Config) -> Roots {
    config.tftp.as_deref().map_or_else(Roots::default, Roots::from_config)
}

/// In the file process: gives up its rights; what it serves.
fn confine(
    config: &Config,
    privileges: &Privileges,
    _channel: &Channel,
) -> Option<(Roots, bool, Tasks)> {
    if !config.process.debug {
        drop_privileges(&privileges.identity, &[]).ok()?;
    }
    let roots = roots(config);
    let secure = config.tftp.as_ref().is_some_and(|tftp| tftp.secure);
    let log_file = match &config.process.log_to {
        Some(LogTo::File(path)) => Some(PathBuf::from(OsStr::from_bytes(path))),
        _ => None,
    };
    let pid_file = config.process.pid_file().map(ToOwned::to_owned);
    let inspector = Inspector { roots: roots.clone(), identity: Identity::current(), secure };
    Some((roots, secure, Tasks { log_file, pid_file, inspector }))
}
