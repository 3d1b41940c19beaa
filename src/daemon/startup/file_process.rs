//! The start of the file process.

use super::Privileges;
use super::privileges::drop_privileges;
use crate::config::Config;
use crate::config::reload::file_list::ConfigFileList;
use crate::daemon::file_process::roots::Roots;
use crate::daemon::file_process::{ConfigFiles, FileProcess, Inspector, Tasks, WatchedDirectories};
use crate::error::StartupError;
use crate::logging::SyslogConnector;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::privilege::Identity;
use conf_parser::LogTo;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Starts the file process. It must be called while there is only one thread.
pub(super) fn start(
    config: &Config,
    privileges: &Privileges,
    watched: Option<WatchedDirectories>,
    syslog: SyslogConnector,
) -> Result<FileProcess, StartupError> {
    // In this process these descriptors are closed with the closure.
    let inotify = watched.as_ref().map(|watched| watched.as_fd().as_raw_fd());
    let kept: Vec<RawFd> = inotify.into_iter().chain([syslog.as_fd().as_raw_fd()]).collect();
    let confine = |channel: &Channel| confine(config, privileges, channel, watched, syslog);
    FileProcess::start(&kept, confine).map_err(|error| {
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
    watched: Option<WatchedDirectories>,
    syslog: SyslogConnector,
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
    let config_files = ConfigFiles::new(ConfigFileList::from_config(config), watched);
    Some((roots, secure, Tasks { log_file, syslog, config_files, pid_file, inspector }))
}
