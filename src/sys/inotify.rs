//! Changes of files in watched directories (inotify(7)).

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Watched directories.
pub struct DirectoryWatcher(Inotify);

/// A watched directory. A directory that is watched twice has one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchId(WatchDescriptor);

/// What the kernel reports of watched directories.
#[derive(Debug)]
pub enum DirectoryEvents {
    /// There are no more events.
    None,
    /// There were more changes than the kernel can queue: any file may have changed.
    Overflow,
    /// Files that are new or were written, each with its directory. There may be more events.
    Changed(Vec<(WatchId, OsString)>),
}

impl DirectoryWatcher {
    /// A watcher without directories.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?))
    }

    /// Watches a directory for files that are written, or moved into it.
    pub fn watch(&self, directory: &Path) -> io::Result<WatchId> {
        let events = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        Ok(WatchId(self.0.add_watch(directory, events | AddWatchFlags::IN_ONLYDIR)?))
    }

    /// Waits for events.
    pub fn events(&self) -> io::Result<EventSource> {
        self.0.as_fd().try_clone_to_owned().map(EventSource)
    }

    /// Stops watching a directory.
    pub fn forget(&self, directory: WatchId) {
        // It fails for a directory that was removed: the kernel has removed the watch already.
        let _ = self.0.rm_watch(directory.0);
    }

    /// Some of the changes since the last call.
    pub fn changes(&self) -> DirectoryEvents {
        let events = match self.0.read_events() {
            Ok(events) => events,
            Err(Errno::EINTR) => Vec::new(),
            Err(_) => return DirectoryEvents::None,
        };
        if events.iter().any(|event| event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)) {
            return DirectoryEvents::Overflow;
        }
        let named = events.into_iter().filter_map(|event| Some((WatchId(event.wd), event.name?)));
        DirectoryEvents::Changed(named.collect())
    }
}

impl AsFd for DirectoryWatcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for events of a watcher, also while another thread uses the watcher.
pub struct EventSource(OwnedFd);

impl EventSource {
    /// Waits until there are events.
    pub fn wait(&self) {
        while poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)
            == Err(Errno::EINTR)
        {}
    }
}
