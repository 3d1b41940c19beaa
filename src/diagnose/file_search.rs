//! Searches below a root for a file with a given name.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Directory entries, and the time, for one search.
const MAX_ENTRIES: usize = 20_000;
const MAX_SEARCH_TIME: Duration = Duration::from_millis(300);

/// A search in all directories below a root, those near to it first. Its time and its entries are limited.
pub struct Search<'a> {
    name: &'a Path,
    best: Option<(usize, PathBuf)>,
    entries: usize,
    end: Instant,
    /// Directories by device and inode: links may lead to one of them again.
    visited: HashSet<(u64, u64)>,
    waiting: VecDeque<PathBuf>,
}

impl<'a> Search<'a> {
    /// A search for files whose last components are those of `name`.
    pub fn new(name: &'a Path) -> Self {
        let (end, waiting) = (Instant::now() + MAX_SEARCH_TIME, VecDeque::new());
        Self { name, best: None, entries: 0, end, visited: HashSet::new(), waiting }
    }

    /// The file with the most components in common; of several, the one that is nearest to the root.
    pub fn run(mut self, root: &Path) -> Option<PathBuf> {
        self.add_directory(root.to_owned());
        while let Some(directory) = self.waiting.pop_front() {
            if self.search(&directory, root).is_none() {
                break;
            }
        }
        self.best.map(|(_, path)| path)
    }

    /// `None`: the search is at its end.
    fn search(&mut self, directory: &Path, root: &Path) -> Option<()> {
        let Ok(entries) = fs::read_dir(directory) else { return Some(()) };
        for entry in entries.flatten() {
            self.entries += 1;
            if self.entries > MAX_ENTRIES || Instant::now() > self.end {
                return None;
            }
            let path = entry.path();
            if entry
                .file_type()
                .is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && path.is_dir())
            {
                self.add_directory(path);
            } else {
                self.compare(path, root);
            }
        }
        Some(())
    }

    fn add_directory(&mut self, path: PathBuf) {
        if let Ok(found) = fs::metadata(&path)
            && self.visited.insert((found.dev(), found.ino()))
        {
            self.waiting.push_back(path);
        }
    }

    fn compare(&mut self, path: PathBuf, root: &Path) {
        let Ok(below) = path.strip_prefix(root) else { return };
        let alike = below.iter().rev().zip(self.name.iter().rev());
        let count = alike.take_while(|(one, other)| one.eq_ignore_ascii_case(other)).count();
        let is_better = self.best.as_ref().is_none_or(|(best, known)| {
            let rank = |path: &Path| path.components().count();
            (*best, rank(&path), &*path) < (count, rank(known), known)
        });
        if count > 0 && is_better && path.is_file() {
            self.best = Some((count, path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_follows_links_to_directories_once() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        fs::create_dir_all(root.join("real/a/b")).unwrap();
        fs::write(root.join("real/a/b/file"), "x").unwrap();
        fs::write(outside.path().join("other"), "x").unwrap();
        std::os::unix::fs::symlink("..", root.join("real/a/up")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("linked")).unwrap();
        for (name, expected) in
            [("x/file", Some("real/a/b/file")), ("other", Some("linked/other")), ("none", None)]
        {
            let found = Search::new(Path::new(name)).run(root);
            assert_eq!(found, expected.map(|path| root.join(path)), "{name}");
        }
    }

    #[test]
    fn search_ends_at_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..10 {
            fs::create_dir_all(folder.path().join(format!("{number}"))).unwrap();
            fs::write(folder.path().join(format!("{number}/file")), "x").unwrap();
        }
        // Ten directories in the root, and a file in each.
        for (entries, found) in [(MAX_ENTRIES - 9, false), (MAX_ENTRIES - 11, true)] {
            let search = Search { entries, ..Search::new(Path::new("file")) };
            assert_eq!(search.run(folder.path()).is_some(), found);
        }
        let search = Search { end: Instant::now(), ..Search::new(Path::new("file")) };
        assert_eq!(search.run(folder.path()), None);
    }
}
