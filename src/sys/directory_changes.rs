//! Changes of directories (inotify(7)) and of the table of mounts (proc(5)): one process adds directories, another one reads the
//! changes.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::inotify::{InitFlags, Inotify};
use nix::unistd::read;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// Adds and removes directories.
#[derive(Debug)]
pub struct ChangeWatcher(OwnedFd);

/// Reads which watched directories have changed, and whether the table of mounts has.
#[derive(Debug)]
pub struct ChangeReader {
    inotify: OwnedFd,
    /// `/proc/self/mountinfo`. It is not read: poll(2) reports each change.
    _mounts: File,
    ready: Epoll,
}

/// The number of a watched directory. It is that of the directory, whatever its name: a directory that is watched twice has one
/// number. Numbers are not used again until the kernel has given 2^31 of them.
pub type Watch = i32;

/// What has changed since the last call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// No change was queued.
    None,
    /// These directories.
    Directories(Vec<DirectoryChange>),
    /// Anything: a mount, or more changes than the kernel can queue, or a change of unknown kind.
    Any,
}

/// A change of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryChange {
    /// The directory.
    pub watch: Watch,
    /// The kind.
    pub kind: ChangeKind,
}

/// The kind of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// This name is new in the directory.
    Added(Vec<u8>),
    /// This name is not in the directory any more.
    Removed(Vec<u8>),
    /// The directory has other attributes, was moved or deleted, or is not watched any more.
    Itself,
}

/// `struct inotify_event` without its name: number, mask, cookie, length of the name.
const HEADER_LEN: usize = 16;
const BUFFER_LEN: usize = 64 * 1024;
/// After so many readings the rest is left, because another process may make changes faster than this one reads them. It is more
/// than the kernel queues by default.
const MAX_READS: usize = 32;
/// The tag of the table of mounts in epoll. That of inotify is 0.
const MOUNTS: u64 = 1;

const ADDED: u32 = libc::IN_CREATE | libc::IN_MOVED_TO;
const REMOVED: u32 = libc::IN_DELETE | libc::IN_MOVED_FROM;
const ITSELF: u32 = libc::IN_DELETE_SELF | libc::IN_MOVE_SELF;
const ENDED: u32 = libc::IN_UNMOUNT | libc::IN_IGNORED;

impl ChangeWatcher {
    /// Watches a directory. The last component of the path must not be a symbolic link (`ENOTDIR`).
    pub fn watch(&self, directory: &[u8]) -> io::Result<Watch> {
        let path = CString::new(directory)?;
        let how = libc::IN_ONLYDIR | libc::IN_DONT_FOLLOW;
        let mask = ADDED | REMOVED | ITSELF | libc::IN_ATTRIB | how;
        // SAFETY: `path` ends with NUL and lives until the call returns.
        let watch = unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), path.as_ptr(), mask) };
        Ok(Errno::result(watch)?)
    }

    /// Stops watching a directory.
    pub fn forget(&self, watch: Watch) {
        // SAFETY: the call has no pointers. It fails for a directory that was deleted: the kernel has removed the watch.
        let _ = unsafe { libc::inotify_rm_watch(self.0.as_raw_fd(), watch) };
    }
}

impl AsRawFd for ChangeReader {
    fn as_raw_fd(&self) -> RawFd {
        self.inotify.as_raw_fd()
    }
}

impl ChangeReader {
    /// Without directories. It must be called before the process that adds directories is forked, so that both have the same
    /// mounts.
    pub fn open() -> io::Result<Self> {
        let inotify: OwnedFd =
            Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?.into();
        let mounts = File::open("/proc/self/mountinfo")?;
        let ready = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        ready.add(&inotify, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        ready.add(&mounts, EpollEvent::new(EpollFlags::EPOLLPRI, MOUNTS))?;
        Ok(Self { inotify, _mounts: mounts, ready })
    }

    /// The other end, for the process that adds directories.
    pub fn watcher(&self) -> io::Result<ChangeWatcher> {
        self.inotify.try_clone().map(ChangeWatcher)
    }

    /// The changes that were completed before this call. Without changes it is one system call.
    pub fn changes(&self) -> Changes {
        let mut events = [EpollEvent::empty(); 2];
        match self.ready.wait(&mut events, EpollTimeout::ZERO) {
            Ok(0) => Changes::None,
            Ok(count) => {
                let read = self.read_all();
                let mounted = events[..count].iter().any(|event| event.data() == MOUNTS);
                if mounted { Changes::Any } else { read }
            }
            Err(_) => Changes::Any,
        }
    }

    fn read_all(&self) -> Changes {
        let mut changes = Some(Vec::new());
        let mut buffer = vec![0; BUFFER_LEN];
        for _ in 0..MAX_READS {
            match read(self.inotify.as_fd(), &mut buffer) {
                Ok(size) if size > 0 => {
                    let parsed = parse(&buffer[..size]);
                    // The rest is read too: it is older than what is watched later.
                    changes = changes.zip(parsed).map(|(mut all, more)| {
                        all.extend(more);
                        all
                    });
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return changes.map_or(Changes::Any, Changes::Directories),
                _ => return Changes::Any,
            }
        }
        Changes::Any
    }
}

/// The changes of some events; `None`: an event is not understood, or events were lost (`IN_Q_OVERFLOW`).
fn parse(mut bytes: &[u8]) -> Option<Vec<DirectoryChange>> {
    let mut changes = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let field = |index: usize| -> [u8; 4] { std::array::from_fn(|at| header[index * 4 + at]) };
        let length = usize::try_from(u32::from_ne_bytes(field(3))).ok()?;
        let (padded, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        let name = padded.split(|byte| *byte == 0).next().unwrap_or_default();
        let watch = Watch::from_ne_bytes(field(0));
        match kind(u32::from_ne_bytes(field(1)), name) {
            Kind::Of(kind) => changes.push(DirectoryChange { watch, kind }),
            Kind::None => {}
            Kind::Unknown => return None,
        }
    }
    bytes.is_empty().then_some(changes)
}

enum Kind {
    Of(ChangeKind),
    /// No name has changed.
    None,
    Unknown,
}

fn kind(mask: u32, name: &[u8]) -> Kind {
    let mask = mask & !libc::IN_ISDIR;
    let is = |events: u32| mask & events != 0 && mask & !events == 0;
    if is(ENDED) || is(ITSELF) || is(libc::IN_ATTRIB) && name.is_empty() {
        Kind::Of(ChangeKind::Itself)
    } else if is(ADDED) && !name.is_empty() {
        Kind::Of(ChangeKind::Added(name.to_vec()))
    } else if is(REMOVED) && !name.is_empty() {
        Kind::Of(ChangeKind::Removed(name.to_vec()))
    } else if is(libc::IN_ATTRIB) {
        // Of an entry. A directory whose attributes matter is watched itself.
        Kind::None
    } else {
        Kind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn event(watch: Watch, mask: u32, name: &[u8]) -> Vec<u8> {
        let padding = name.len().next_multiple_of(16) - name.len();
        let length = u32::try_from(name.len() + padding).unwrap();
        let numbers = [watch.to_ne_bytes(), mask.to_ne_bytes(), [0; 4], length.to_ne_bytes()];
        [numbers.as_flattened(), name, &vec![0; padding]].concat()
    }

    fn change(watch: Watch, kind: ChangeKind) -> DirectoryChange {
        DirectoryChange { watch, kind }
    }

    #[test]
    fn event_of_each_kind_is_read() {
        let name = || b"name".to_vec();
        for (mask, name, expected) in [
            (libc::IN_CREATE, name(), Some(ChangeKind::Added(name()))),
            (libc::IN_CREATE | libc::IN_ISDIR, name(), Some(ChangeKind::Added(name()))),
            (libc::IN_MOVED_TO, name(), Some(ChangeKind::Added(name()))),
            (libc::IN_DELETE | libc::IN_ISDIR, name(), Some(ChangeKind::Removed(name()))),
            (libc::IN_MOVED_FROM, name(), Some(ChangeKind::Removed(name()))),
            (libc::IN_ATTRIB, name(), None),
            (libc::IN_ATTRIB | libc::IN_ISDIR, Vec::new(), Some(ChangeKind::Itself)),
            (libc::IN_DELETE_SELF, Vec::new(), Some(ChangeKind::Itself)),
            (libc::IN_MOVE_SELF, Vec::new(), Some(ChangeKind::Itself)),
            (libc::IN_UNMOUNT, Vec::new(), Some(ChangeKind::Itself)),
            (libc::IN_IGNORED, Vec::new(), Some(ChangeKind::Itself)),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|kind| change(3, kind)).collect();
            assert_eq!(parse(&event(3, mask, &name)), Some(expected), "{mask:x}");
        }
    }

    #[test]
    fn unknown_lost_or_malformed_event_is_any_change() {
        for mask in [libc::IN_Q_OVERFLOW, libc::IN_OPEN, libc::IN_CREATE | libc::IN_OPEN, 0] {
            assert_eq!(parse(&event(-1, mask, b"name")), None, "{mask:x}");
        }
        assert_eq!(parse(&event(1, libc::IN_CREATE, b"")), None);
        let whole = event(1, libc::IN_CREATE, b"name");
        assert_eq!(parse(&whole[..whole.len() - 1]), None);
        assert_eq!(parse(&whole[..HEADER_LEN - 1]), None);
    }

    fn open() -> io::Result<(ChangeWatcher, ChangeReader)> {
        let reader = ChangeReader::open()?;
        Ok((reader.watcher()?, reader))
    }

    fn path(path: &Path) -> &[u8] {
        path.as_os_str().as_bytes()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn changes_are_there_when_the_call_that_made_them_has_returned() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        let (watcher, reader) = open().unwrap();
        let (top, sub) = (watcher.watch(path(folder.path())), watcher.watch(path(&at("sub"))));
        let (top, sub) = (top.unwrap(), sub.unwrap());
        assert_eq!(watcher.watch(path(folder.path())).unwrap(), top);
        for turn in 0..1000 {
            let name = format!("{turn}");
            let added = ChangeKind::Added(name.clone().into_bytes());
            fs::write(at(&name), "").unwrap();
            assert_eq!(reader.changes(), Changes::Directories(vec![change(top, added)]));
            assert_eq!(reader.changes(), Changes::None);
        }
        fs::set_permissions(at("sub"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(reader.changes(), Changes::Directories(vec![change(sub, ChangeKind::Itself)]));
        watcher.forget(sub);
        assert_eq!(reader.changes(), Changes::Directories(vec![change(sub, ChangeKind::Itself)]));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn lost_events_are_any_change() {
        let folder = tempfile::tempdir().unwrap();
        let (watcher, reader) = open().unwrap();
        watcher.watch(path(folder.path())).unwrap();
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let limit: usize = limit.trim().parse().unwrap();
        let names = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&names[0], "").unwrap();
        for turn in 0..limit {
            fs::rename(&names[turn % 2], &names[1 - turn % 2]).unwrap();
        }
        assert_eq!(reader.changes(), Changes::Any);
        assert_eq!(reader.changes(), Changes::None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn only_directories_that_are_no_links_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("directory")).unwrap();
        symlink("directory", at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        let (watcher, _reader) = open().unwrap();
        for (name, error) in
            [("link", libc::ENOTDIR), ("file", libc::ENOTDIR), ("none", libc::ENOENT)]
        {
            let watched = watcher.watch(path(&at(name))).unwrap_err();
            assert_eq!(watched.raw_os_error(), Some(error), "{name}");
        }
        assert!(watcher.watch(path(&at("directory"))).is_ok());
        assert!(watcher.watch(b"a\0b").is_err());
    }
}
