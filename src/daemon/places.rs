//! Which directories are on file systems that somebody else answers for: a server of the network, or another program.
//! They may take any time for anything, and hang.

use crate::sys::disk::{file_system, mount_of};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is known of directories.
#[derive(Default)]
pub struct Places {
    /// The mount that a directory is on, if it is remote, and until when that is believed.
    known: HashMap<PathBuf, (Instant, Option<u64>)>,
    /// Whether a mount is remote. The table of mounts may be long.
    mounts: HashMap<u64, (Instant, bool)>,
}

/// File systems can be mounted at any time.
const BELIEVED: Duration = Duration::from_secs(1);
/// Directories that are remembered.
const MOST: usize = 256;
/// Types, and beginnings of types, of remote file systems.
const REMOTE: &[&str] = &[
    "nfs", "fuse", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "gpfs",
    "virtiofs", "autofs", "orangefs", "coda",
];

impl Places {
    /// The mount that a path is on, if it is remote. Asks no file system.
    pub fn remote(&mut self, path: &[u8]) -> Option<u64> {
        let directory = Path::new(OsStr::from_bytes(path)).parent()?;
        let now = Instant::now();
        if let Some((until, mount)) = self.known.get(directory)
            && now < *until
        {
            return *mount;
        }
        if self.known.len() >= MOST {
            self.known.clear();
            self.mounts.clear();
        }
        let mount = mount(directory).filter(|mount| self.is_remote(*mount, now));
        self.known.insert(directory.to_owned(), (now + BELIEVED, mount));
        mount
    }

    fn is_remote(&mut self, mount: u64, now: Instant) -> bool {
        if let Some((until, is)) = self.mounts.get(&mount)
            && now < *until
        {
            return *is;
        }
        let is_one = |name: String| REMOTE.iter().any(|remote| name.starts_with(remote));
        let is = file_system(mount).is_some_and(is_one);
        self.mounts.insert(mount, (now + BELIEVED, is));
        is
    }
}

/// The mount of the innermost directory that the kernel knows without asking: what is below is most likely on it too.
/// Names are the client's, and may be deep: where a directory is not known, none below is, so that halving finds it.
fn mount(directory: &Path) -> Option<u64> {
    let ancestors: Vec<&Path> = directory.ancestors().collect();
    let known = |place: &Path| mount_of(place).ok().flatten();
    let (mut known_at, mut unknown) = (ancestors.len(), 0);
    let mut found = None;
    while unknown < known_at {
        let middle = usize::midpoint(unknown, known_at);
        match known(ancestors[middle]) {
            Some(mount) => (found, known_at) = (Some(mount), middle),
            None => unknown = middle + 1,
        }
    }
    found
}

#[test]
fn what_is_here_is_not_remote() {
    let mut places = Places::default();
    assert_eq!(places.remote(b"/proc/self/there/is/no/such/file"), None);
    assert_eq!(places.remote(b"/"), None);
}
