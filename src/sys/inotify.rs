//! Directories that tell what is put into them (inotify(7)).

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

/// Watched directories.
pub struct DirectoryWatcher(Inotify);

/// A directory among them. One that is named twice is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchId(WatchDescriptor);

impl DirectoryWatcher {
    /// None yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?))
    }

    /// Watches one too: for files that were written, or moved there.
    pub fn watch(&self, directory: &Path) -> io::Result<WatchId> {
        let events = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        Ok(WatchId(self.0.add_watch(directory, events | AddWatchFlags::IN_ONLYDIR)?))
    }

    /// Watches one no more.
    pub fn forget(&self, directory: WatchId) {
        // One that was removed is forgotten already.
        _ = self.0.rm_watch(directory.0);
    }

    /// Names that are new or written since, each with its directory, a few at a time; `None`: that was all. Within it
    /// `None`: there were more than the kernel remembers.
    pub fn changes(&self) -> Option<Option<Vec<(WatchId, OsString)>>> {
        let events = match self.0.read_events() {
            Ok(events) => events,
            Err(Errno::EINTR) => Vec::new(),
            Err(_) => return None,
        };
        if events.iter().any(|event| event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)) {
            return Some(None);
        }
        let named = events.into_iter().filter_map(|event| Some((WatchId(event.wd), event.name?)));
        Some(Some(named.collect()))
    }
}

impl AsRawFd for DirectoryWatcher {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_fd().as_raw_fd()
    }
}
