//! The start of the file process.

use super::sandbox::Limits;
use super::tftp_limits::check_roots;
use crate::config::Config;
use crate::config::reload::file_list::ConfigFileList;
use crate::daemon::file_process::protocol::Started;
use crate::daemon::file_process::roots::Roots;
use crate::daemon::file_process::{
    ConfigFiles, Control, DirectoryLister, FileProcess, Inspector, Setup, Tasks, WatchedDirectories,
};
use crate::error::StartupError;
use crate::logging::SyslogConnector;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::control_socket::ControlListener;
use crate::sys::directory_changes::ChangeReader;
use crate::sys::privilege::Identity;
use crate::sys::profile::{Profile, Role};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the file process is given.
pub struct Given<'a> {
    /// Directories to watch.
    pub watched: Option<WatchedDirectories>,
    /// Changes of directories whose names the packet process keeps. `None`: it keeps none.
    pub changes: Option<&'a ChangeReader>,
    /// The socket to syslog.
    pub syslog: SyslogConnector,
    /// What it may keep.
    pub limits: Limits,
    /// The control socket and its path.
    pub control: Option<(ControlListener, PathBuf)>,
}

/// Starts the file process. It must be called while there is only one thread.
pub fn start(config: &Config, given: Given<'_>) -> Result<FileProcess, StartupError> {
    // In this process these descriptors are closed with the closure.
    let inotify = given.watched.as_ref().map(|watched| watched.as_fd().as_raw_fd());
    let syslog = given.syslog.as_fd().as_raw_fd();
    let changes = given.changes.map(AsRawFd::as_raw_fd);
    let control = given.control.as_ref().map(|(listener, _)| listener.as_raw_fd());
    let kept: Vec<RawFd> =
        inotify.into_iter().chain(changes).chain(control).chain([syslog]).collect();
    let prepare = |channel: &Channel| prepare(config, given, channel);
    FileProcess::start(&kept, prepare).map_err(|error| {
        StartupError::other(format!("failed to create helper: {}", strerror(&error)))
    })
}

/// The roots of a configuration. Without TFTP no names are looked up.
pub fn roots(config: &Config) -> Roots {
    config.tftp.as_deref().map_or_else(Roots::default, Roots::from_config)
}

/// In the file process: gives up its rights.
fn prepare(config: &Config, given: Given<'_>, channel: &Channel) -> Result<Setup, StartupError> {
    let Given { watched, changes, syslog, limits, control } = given;
    limits.drop_privileges()?;
    // With the rights of this process: a root of another user may have to be read with root's rights.
    let missing_roots = config.tftp.as_deref().map_or(Ok(Vec::new()), check_roots)?;
    let log_file = config.process.log_file().map(ToOwned::to_owned);
    let pid_file = config.process.pid_file().filter(|_| !config.process.debug);
    let socket = control.as_ref().map(|(_, path)| path.as_path());
    let remove = pid_file.into_iter().chain(socket).filter_map(directory_of).collect();
    let write = log_file.as_deref().map_or_else(Vec::new, log_paths);
    let profile = Profile::files(write, remove, &[(Role::Channel, channel.as_raw_fd())]);
    let roots = roots(config);
    let secure = config.tftp.as_ref().is_some_and(|tftp| tftp.secure);
    let inspector = Inspector { roots: roots.clone(), identity: Identity::current(), secure };
    let config_files = ConfigFiles::new(ConfigFileList::from_config(config), watched);
    let control =
        control.and_then(|(listener, path)| Some((Arc::new(Control::new(listener).ok()?), path)));
    let restrictions = limits.confine(&profile);
    let pid_file = config.process.pid_file().map(ToOwned::to_owned);
    let watcher = changes.and_then(|changes| changes.watcher().ok());
    let lister = DirectoryLister::new(roots.clone(), watcher);
    let tasks = Tasks { log_file, syslog, config_files, pid_file, inspector, lister, control };
    Ok(Setup { roots, secure, tasks, started: Started { restrictions, missing_roots } })
}

/// The log file and its directory, because another log file may be created. In /dev, log files are not replaced.
fn log_paths(path: &Path) -> Vec<PathBuf> {
    let directory = directory_of(path).filter(|directory| !directory.starts_with("/dev"));
    directory.into_iter().chain([path.to_owned()]).collect()
}

/// The directory of a file, unless it is the root directory.
fn directory_of(path: &Path) -> Option<PathBuf> {
    let directory = path.parent()?.canonicalize().ok()?;
    (directory != Path::new("/")).then_some(directory)
}
