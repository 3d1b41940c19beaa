//! Directories whose files are read when they change: `dhcp-hostsdir`, `dhcp-optsdir`, `hostsdir` (docs/dnsmasq/daemon.md,
//! section 9).

use crate::byte_text::path_text;
use crate::config::Config;
use crate::error::StartupError;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use crate::sys::inotify::{DirectoryEvents, DirectoryWatcher, WatchId};
use conf_parser::{RunTimeFile, is_left_over};
use std::ffi::OsStr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The watched directories of a configuration.
pub struct WatchedDirectories {
    watcher: DirectoryWatcher,
    watched: Vec<WatchedDirectory>,
}

struct WatchedDirectory {
    id: WatchId,
    kind: RunTimeFile,
    path: Vec<u8>,
}

impl WatchedDirectories {
    /// `None`: the configuration has no such directory.
    pub fn new(config: &Config) -> Result<Option<Self>, StartupError> {
        if directories(config).next().is_none() {
            return Ok(None);
        }
        let failed =
            |error| StartupError::other(format!("failed to create inotify: {}", strerror(&error)));
        let watcher = DirectoryWatcher::new().map_err(failed)?;
        Ok(Some(Self { watcher, watched: Vec::new() }))
    }

    /// Watches the directories that exist now. A missing one is logged when its files are read.
    pub fn rewatch(&mut self, config: &Config) -> Vec<FileLine> {
        for directory in self.watched.drain(..) {
            self.watcher.forget(directory.id);
        }
        let mut lines = Vec::new();
        for (kind, bytes) in directories(config) {
            let path = Path::new(OsStr::from_bytes(bytes));
            match self.watcher.watch(path) {
                Ok(id) => self.watched.push(WatchedDirectory { id, kind, path: bytes.to_vec() }),
                Err(_) if path.read_dir().is_err() => {}
                Err(error) => {
                    let path = path_text(path);
                    lines.push(FileLine::Unwatched { path, reason: strerror(&error) });
                }
            }
        }
        lines
    }

    /// Some of the changes since the last call.
    pub fn changes(&self) -> Changes {
        let entries = match self.watcher.changes() {
            DirectoryEvents::None => return Changes::None,
            DirectoryEvents::Overflow => return Changes::Overflow,
            DirectoryEvents::Changed(entries) => entries,
        };
        let mut files = Vec::new();
        for (id, name) in entries.iter().filter(|(_, name)| !is_left_over(name.as_bytes())) {
            for directory in self.watched.iter().filter(|directory| directory.id == *id) {
                let path = [&directory.path[..], b"/", name.as_bytes()].concat();
                files.push((directory.kind, PathBuf::from(OsStr::from_bytes(&path))));
            }
        }
        Changes::Files(files)
    }
}

/// What has changed in the watched directories.
pub enum Changes {
    /// There are no more changes.
    None,
    /// These files. Of a directory that is configured more than once, the last configured comes first.
    Files(Vec<(RunTimeFile, PathBuf)>),
    /// There were more changes than the kernel can queue: all files must be read.
    Overflow,
}

impl AsRawFd for WatchedDirectories {
    fn as_raw_fd(&self) -> i32 {
        self.watcher.as_raw_fd()
    }
}

/// The directories to watch, last configured first.
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
