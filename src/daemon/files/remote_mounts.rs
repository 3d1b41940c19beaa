//! Which directories are on file systems that somebody else answers for: a server of the network, or another program.
//! They may take any time for anything, and hang.

use crate::sys::file_io::{file_system, mount_by_name, mount_of};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

/// What is known of directories.
#[derive(Default)]
pub struct RemoteMounts {
    /// The mount that a directory is on, if it is remote, and until when that is believed.
    known: HashMap<PathBuf, (Instant, Option<u64>)>,
    /// Whether a mount is remote. The table of mounts may be long.
    kinds: HashMap<u64, (Instant, bool)>,
}

/// File systems can be mounted at any time.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// Directories that are remembered.
const MAX_CACHED: usize = 256;
/// Links that are followed, as by the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Types, and beginnings of types, of remote file systems.
const REMOTE_FILE_SYSTEMS: &[&str] = &[
    "nfs", "fuse", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "gpfs",
    "virtiofs", "autofs", "orangefs", "coda",
];

impl RemoteMounts {
    /// The mount that a path leads to, if it is remote. Asks no remote file system.
    pub fn remote(&mut self, path: &[u8]) -> Option<u64> {
        let mut path = PathBuf::from(OsStr::from_bytes(path));
        for _ in 0..MAX_LINKS {
            let directory = path.parent()?;
            let remote = self.remote_directory(directory);
            if remote.is_some() {
                return remote;
            }
            // Its directory is local, and so a link is read as soon as a file is opened.
            let target = fs::read_link(&path).ok()?;
            path = directory.join(target);
        }
        None
    }

    fn remote_directory(&mut self, directory: &Path) -> Option<u64> {
        let now = Instant::now();
        if let Some((until, mount)) = self.known.get(directory)
            && now < *until
        {
            return *mount;
        }
        if self.known.len() >= MAX_CACHED {
            self.known.clear();
            self.kinds.clear();
        }
        let mount = self.crosses_remote(directory.to_owned(), now);
        self.known.insert(directory.to_owned(), (now + CACHE_TTL, mount));
        mount
    }

    /// The first remote mount on the way to a directory. Where the kernel knows no further, a local disk is asked, until
    /// it leads away or is known to the end.
    fn crosses_remote(&mut self, mut directory: PathBuf, now: Instant) -> Option<u64> {
        for _ in 0..MAX_LINKS {
            let (mount, known) = innermost_mount(&directory)?;
            if self.is_remote(mount, now) {
                return Some(mount);
            }
            let rest = directory.strip_prefix(known).ok()?;
            let mut further = rest.components();
            let next = known.join(further.next()?);
            match fs::read_link(&next) {
                Ok(target) => directory = known.join(target).join(further),
                // It is no link, and now it is known.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn is_remote(&mut self, mount: u64, now: Instant) -> bool {
        if let Some((until, is)) = self.kinds.get(&mount)
            && now < *until
        {
            return *is;
        }
        let is_one =
            |name: String| REMOTE_FILE_SYSTEMS.iter().any(|remote| name.starts_with(remote));
        let is = file_system(mount).is_some_and(is_one);
        self.kinds.insert(mount, (now + CACHE_TTL, is));
        is
    }
}

/// The innermost directory that the kernel knows without asking, and its mount. Names are the client's, and may be deep:
/// where a directory is not known, none below is, so that halving finds it.
fn innermost_mount(directory: &Path) -> Option<(u64, &Path)> {
    let ancestors: Vec<&Path> = directory.ancestors().collect();
    let (mut known_at, mut unknown) = (ancestors.len(), 0);
    let mut found = None;
    while unknown < known_at {
        let middle = usize::midpoint(unknown, known_at);
        match mount_of(ancestors[middle]).ok().flatten() {
            Some(mount) => (found, known_at) = (Some((mount, ancestors[middle])), middle),
            None => unknown = middle + 1,
        }
    }
    // While somebody else mounts something the kernel may know nothing at once, even of the root directory.
    found.or_else(|| Some((mount_by_name(directory).ok()??, directory)))
}

#[test]
fn what_is_here_is_not_remote() {
    let mut mounts = RemoteMounts::default();
    assert_eq!(mounts.remote(b"/proc/self/there/is/no/such/file"), None);
    assert_eq!(mounts.remote(b"/"), None);
}
