//! The names in a directory, for the packet process: with them it answers requests for names that are not there by itself.
//!
//! Each directory from `/` to the listed one is watched before its next component is looked up, and the names are read last. So
//! a change that makes the list or the path wrong is made before the reading, or is reported to the packet process.

use super::plain_path::{component_behind, directory, directory_ends, is_plain};
use super::protocol::ListedDirectory;
use super::roots::{RootNumber, Roots};
use crate::sys::directory_changes::{ChangeWatcher, Watch};
use crate::sys::file_system::{Reported, reported};
use crate::sys::limits::ENOENT;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Lists directories and watches them.
#[derive(Debug)]
pub struct DirectoryLister {
    roots: Roots,
    /// `None`: nothing can be watched, so nothing is listed.
    watcher: Option<ChangeWatcher>,
    /// All directories that are watched.
    watched: Mutex<HashSet<Watch>>,
}

/// The directories of a path that exist.
struct Walked {
    /// From `/` to the last one.
    watches: Vec<Watch>,
    /// Where the last one ends, if the component behind it is not there.
    end: Option<usize>,
}

/// Bytes of the names of a directory with their NULs. A directory with more is not listed.
pub const MAX_NAMES_LEN: usize = 256 * 1024;
/// Names of a directory. A directory with more is not listed.
const MAX_NAMES: usize = 4096;
/// Directories that are watched.
const MAX_WATCHES: usize = 1024;

impl DirectoryLister {
    /// Lists directories below these roots.
    pub fn new(roots: Roots, watcher: Option<ChangeWatcher>) -> Self {
        Self { roots, watcher, watched: Mutex::default() }
    }

    /// Lists the last directory of a path that exists, with the names as bytes, each with a NUL behind it. First it stops
    /// watching the directories of `unused`.
    pub fn list(
        &self,
        root: RootNumber,
        name: &[u8],
        unused: &[Watch],
    ) -> (ListedDirectory, Vec<u8>) {
        let Some(watcher) = &self.watcher else { return Default::default() };
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for watch in unused {
            watcher.forget(*watch);
            watched.remove(watch);
        }
        let path = self.roots.join(root, name).filter(|path| is_plain(path));
        let Some(path) = path else { return Default::default() };
        let Walked { watches, end } = walk(&path, watcher, &mut watched);
        drop(watched);
        // The packet process may not list directories above a root.
        let end = end.filter(|end| *end + 1 >= path.len() - name.len());
        let names = end.and_then(|end| missing_from(&path, end));
        let end = names.as_ref().and(end).and_then(|end| u16::try_from(end).ok());
        (ListedDirectory { watches, end }, names.unwrap_or_default())
    }
}

/// Watches the directories of a path up to the last one that exists.
fn walk(path: &[u8], watcher: &ChangeWatcher, watched: &mut HashSet<Watch>) -> Walked {
    let mut walked = Walked { watches: Vec::new(), end: None };
    let mut last = None;
    for end in directory_ends(path) {
        if watched.len() >= MAX_WATCHES {
            return walked;
        }
        let directory = directory(path, end);
        match watcher.watch(directory) {
            Ok(watch) => walked.watches.push(watch),
            Err(error) if error.raw_os_error() == Some(ENOENT) => break,
            Err(_) => return walked,
        }
        watched.extend(walked.watches.last());
        // If it is another directory meanwhile, its parent directory has an event.
        match reported(as_path(directory)) {
            Ok(Reported::Some) | Err(_) => return walked,
            Ok(reported) => last = Some((end, reported)),
        }
    }
    walked.end = last.filter(|(_, reported)| *reported == Reported::All).map(|(end, _)| end);
    walked
}

/// The names in a directory of a path, if the component behind it is not there, and the serving user may find that out.
fn missing_from(path: &[u8], end: usize) -> Option<Vec<u8>> {
    let names = names_in(as_path(directory(path, end))).ok()??;
    let missing = &path[..=end + component_behind(path, end).len()];
    let error = fs::symlink_metadata(as_path(missing)).err()?;
    (error.raw_os_error() == Some(ENOENT)).then_some(names)
}

/// The names in a directory; `None`: there are too many.
fn names_in(directory: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut names = Vec::new();
    for (index, entry) in directory.read_dir()?.enumerate() {
        let name = entry?.file_name();
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        if index >= MAX_NAMES || names.len() > MAX_NAMES_LEN {
            return Ok(None);
        }
    }
    Ok(Some(names))
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
