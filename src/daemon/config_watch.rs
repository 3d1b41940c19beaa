//! Directories whose files are read when they change: `dhcp-hostsdir`, `dhcp-optsdir`, `hostsdir` (docs/dnsmasq/daemon.md,
//! section 9).

use crate::byte_text::path_text;
use crate::config::Config;
use crate::error::StartupError;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use crate::sys::inotify::{DirectoryWatcher, WatchId};
use conf_parser::{RunTimeFile, is_left_over};
use std::ffi::OsStr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Those of a configuration.
pub struct WatchedDirectories {
    directories: DirectoryWatcher,
    known: Vec<Known>,
}

struct Known {
    watched: WatchId,
    kind: RunTimeFile,
    path: Vec<u8>,
}

impl WatchedDirectories {
    /// `None`: there are none.
    pub fn new(config: &Config) -> Result<Option<Self>, StartupError> {
        if directories(config).next().is_none() {
            return Ok(None);
        }
        let failed =
            |error| StartupError::other(format!("failed to create inotify: {}", strerror(&error)));
        Ok(Some(Self { directories: DirectoryWatcher::new().map_err(failed)?, known: Vec::new() }))
    }

    /// Watches those that are there now. Of those that are not, reading them tells.
    pub fn rewatch(&mut self, config: &Config) -> Vec<FileLine> {
        self.known.drain(..).for_each(|known| self.directories.forget(known.watched));
        let mut failed = Vec::new();
        for (kind, bytes) in directories(config) {
            let path = Path::new(OsStr::from_bytes(bytes));
            match self.directories.watch(path) {
                Ok(watched) => self.known.push(Known { watched, kind, path: bytes.to_vec() }),
                Err(_) if path.read_dir().is_err() => {}
                Err(error) => {
                    let path = path_text(path);
                    failed.push(FileLine::Unwatched { path, reason: strerror(&error) });
                }
            }
        }
        failed
    }

    /// What has changed, a part of it; `None`: that was all.
    pub fn changes(&self) -> Option<Changes> {
        let Some(entries) = self.directories.changes()? else { return Some(Changes::Overflow) };
        let mut changed = Vec::new();
        for (watched, name) in entries.iter().filter(|(_, name)| !is_left_over(name.as_bytes())) {
            for Known { kind, path, .. } in self.known.iter().filter(|of| of.watched == *watched) {
                let path = [&path[..], b"/", name.as_bytes()].concat();
                changed.push((*kind, PathBuf::from(OsStr::from_bytes(&path))));
            }
        }
        Some(Changes::Files(changed))
    }
}

/// What has changed.
pub enum Changes {
    /// These files, last configured first where a directory is named more than once.
    Files(Vec<(RunTimeFile, PathBuf)>),
    /// More than could be told.
    Overflow,
}

impl AsRawFd for WatchedDirectories {
    fn as_raw_fd(&self) -> i32 {
        self.directories.as_raw_fd()
    }
}

/// Last configured first.
fn directories(config: &Config) -> impl Iterator<Item = (RunTimeFile, &[u8])> {
    let dns = config.process.dns_port != 0;
    let dhcp = !config.dhcp.ranges.is_empty();
    config.files.iter().rev().filter_map(move |(kind, path)| {
        let watched = match kind {
            RunTimeFile::DhcpHostsDir | RunTimeFile::DhcpOptionsDir => dhcp,
            RunTimeFile::HostsDir => dns,
            _ => false,
        };
        watched.then_some((*kind, &path[..]))
    })
}
