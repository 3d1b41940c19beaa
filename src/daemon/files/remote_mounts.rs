//! Directories on remote file systems: those of a server or of another process (FUSE). Any operation on them may hang.

use crate::sys::file_io::{file_system, mount_by_name, mount_of};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

/// A cache of directories and mounts.
#[derive(Default)]
pub struct RemoteMounts {
    /// For each directory the end of validity, and the mount id if the mount is remote.
    directories: HashMap<PathBuf, (Instant, Option<u64>)>,
    /// For each mount the end of validity, and whether it is remote. The table of mounts may be long.
    mounts: HashMap<u64, (Instant, bool)>,
}

/// The validity of an entry. File systems can be mounted at any time.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// The maximum number of directories.
const MAX_CACHED: usize = 256;
/// The maximum number of symbolic links, as in the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Types of remote file systems, or prefixes of them.
const REMOTE_FILE_SYSTEMS: &[&str] = &[
    "nfs", "fuse", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "gpfs",
    "virtiofs", "autofs", "orangefs", "coda",
];

impl RemoteMounts {
    /// The mount id of a path, if the mount is remote. It does not access a remote file system.
    pub fn remote(&mut self, path: &[u8]) -> Option<u64> {
        let mut path = PathBuf::from(OsStr::from_bytes(path));
        for _ in 0..MAX_LINKS {
            let directory = path.parent()?;
            let remote = self.remote_directory(directory);
            if remote.is_some() {
                return remote;
            }
            // The directory is local, so that to read the link takes no longer than to open a file.
            let target = fs::read_link(&path).ok()?;
            path = directory.join(target);
        }
        None
    }

    fn remote_directory(&mut self, directory: &Path) -> Option<u64> {
        let now = Instant::now();
        if let Some((until, mount)) = self.directories.get(directory)
            && now < *until
        {
            return *mount;
        }
        if self.directories.len() >= MAX_CACHED {
            self.directories.clear();
            self.mounts.clear();
        }
        let mount = self.crosses_remote(directory.to_owned(), now);
        self.directories.insert(directory.to_owned(), (now + CACHE_TTL, mount));
        mount
    }

    /// The first remote mount on the path to a directory. Where the kernel has no cached entry, the next component is read from
    /// a local disk.
    fn crosses_remote(&mut self, mut directory: PathBuf, now: Instant) -> Option<u64> {
        for _ in 0..MAX_LINKS {
            let (mount, cached) = innermost_mount(&directory)?;
            if self.is_remote(mount, now) {
                return Some(mount);
            }
            let rest = directory.strip_prefix(cached).ok()?;
            let mut components = rest.components();
            let next = cached.join(components.next()?);
            match fs::read_link(&next) {
                Ok(target) => directory = cached.join(target).join(components),
                // It is no link. The kernel has a cached entry for it now.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn is_remote(&mut self, mount: u64, now: Instant) -> bool {
        if let Some((until, is_remote)) = self.mounts.get(&mount)
            && now < *until
        {
            return *is_remote;
        }
        let matches =
            |name: String| REMOTE_FILE_SYSTEMS.iter().any(|remote| name.starts_with(remote));
        let is_remote = file_system(mount).is_some_and(matches);
        self.mounts.insert(mount, (now + CACHE_TTL, is_remote));
        is_remote
    }
}

/// The mount of the deepest ancestor that the kernel has cached, and that ancestor. A client may request a deep path, so it is
/// a binary search: below a directory that is not cached, none is.
fn innermost_mount(directory: &Path) -> Option<(u64, &Path)> {
    let ancestors: Vec<&Path> = directory.ancestors().collect();
    let (mut cached, mut uncached) = (ancestors.len(), 0);
    let mut found = None;
    while uncached < cached {
        let middle = usize::midpoint(uncached, cached);
        match mount_of(ancestors[middle]).ok().flatten() {
            Some(mount) => (found, cached) = (Some((mount, ancestors[middle])), middle),
            None => uncached = middle + 1,
        }
    }
    // While another process mounts a file system, the look-up in the cache may fail, even for the root directory.
    found.or_else(|| Some((mount_by_name(directory).ok()??, directory)))
}

#[test]
fn local_paths_are_not_remote() {
    let mut mounts = RemoteMounts::default();
    assert_eq!(mounts.remote(b"/proc/self/there/is/no/such/file"), None);
    assert_eq!(mounts.remote(b"/"), None);
}
