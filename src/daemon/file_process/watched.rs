//! Directories whose files are read when they change: `dhcp-hostsdir`, `dhcp-optsdir`, `hostsdir` (docs/dnsmasq/daemon.md,
//! section 9).

use super::protocol::Unwatched;
use crate::config::Config;
use crate::config::reload::file_list::ConfigFileList;
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::inotify::{DirectoryEvents, DirectoryWatcher, EventSource, WatchId};
use conf_parser::is_left_over;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

/// The watched directories of a configuration.
pub struct WatchedDirectories {
    watcher: DirectoryWatcher,
    watched: Vec<WatchedDirectory>,
}

struct WatchedDirectory {
    id: WatchId,
    /// Index in the list of files.
    index: usize,
}

impl WatchedDirectories {
    /// `None`: the configuration has no such directory.
    pub fn new(config: &Config) -> Result<Option<Self>, StartupError> {
        if ConfigFileList::from_config(config).watched().next().is_none() {
            return Ok(None);
        }
        let failed =
            |error| StartupError::other(format!("failed to create inotify: {}", strerror(&error)));
        let watcher = DirectoryWatcher::new().map_err(failed)?;
        Ok(Some(Self { watcher, watched: Vec::new() }))
    }

    /// Watches the directories that exist now. Returns those that exist and cannot be watched. (A missing one is logged when its
    /// files are read.)
    pub fn rewatch(&mut self, list: &ConfigFileList) -> Vec<Unwatched> {
        for directory in self.watched.drain(..) {
            self.watcher.forget(directory.id);
        }
        let mut unwatched = Vec::new();
        for (index, path) in list.watched() {
            match self.watcher.watch(path) {
                Ok(id) => self.watched.push(WatchedDirectory { id, index }),
                Err(_) if path.read_dir().is_err() => {}
                Err(error) => unwatched.push(Unwatched {
                    index: u16::try_from(index).unwrap_or(u16::MAX),
                    error: error.raw_os_error().unwrap_or_default(),
                }),
            }
        }
        unwatched
    }

    /// Waits for events; `None`: there are too many open files.
    pub fn events(&self) -> Option<EventSource> {
        self.watcher.events().ok()
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
                files.push((directory.index, name.as_bytes().to_vec()));
            }
        }
        Changes::Files(files)
    }
}

/// What has changed in the watched directories.
pub enum Changes {
    /// There are no more changes.
    None,
    /// These files: the index of the directory in the list of files, and the name. Of a directory that is configured more than
    /// once, the last configured comes first.
    Files(Vec<(usize, Vec<u8>)>),
    /// There were more changes than the kernel can queue: all files must be read.
    Overflow,
}

impl AsFd for WatchedDirectories {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watcher.as_fd()
    }
}
