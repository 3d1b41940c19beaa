//! Which names are not in a directory, as values: lists of names, and changes that are applied to them.
//!
//! A record has at least all names of its directory: new names are added, and names that are removed stay. So a name that a record
//! does not have is not there. Any other change of the directory or of one above it drops the record.

#[cfg(test)]
mod tests;

use crate::daemon::file_process::plain_path::{component_behind, directory_ends, is_plain};
use crate::sys::directory_changes::{ChangeKind, DirectoryChange, Watch};
use std::collections::{HashMap, HashSet};

/// The directories whose names are known.
#[derive(Default)]
pub struct Records {
    /// By the path of the directory, without `/` at its end.
    records: HashMap<Vec<u8>, Record>,
    /// Watches that no record needs any more.
    unused: Vec<Watch>,
    /// The number of uses of all records.
    uses: u64,
    /// The number of records so far.
    last_id: u64,
}

/// What is known about a directory at one moment: as long as its record is there and the stamp is the same, a path that leads to a
/// file in it leads to the same file, unless the name is a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    record: u64,
    place: usize,
    changes: u64,
}

/// The names in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its path, without `/` at the end.
    directory: Vec<u8>,
    /// The watches of `/`, of each directory on the path, and of this directory.
    watches: Vec<Watch>,
    /// In lower case: a directory may treat `A` and `a` as one name.
    names: HashSet<Box<[u8]>>,
    size: usize,
    last_use: u64,
    /// Each record has another one.
    id: u64,
    /// The number of changes of names in each directory of `watches`.
    changes: Vec<u64>,
}

/// What a change means for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    None,
    /// The record must be dropped.
    Drop,
}

/// Directories, at most.
const MAX_RECORDS: usize = 32;
/// The sizes of all records, at most.
const MAX_SIZE: usize = 1536 * 1024;
/// The size of one record, at most. It grows while names are added.
const MAX_RECORD_SIZE: usize = 512 * 1024;
/// The memory that a name takes besides its bytes.
const NAME_OVERHEAD: usize = 64;

impl Records {
    /// Whether a path is certainly not there. Nothing is known about a path that is not plain.
    pub fn is_absent(&mut self, path: &[u8]) -> bool {
        if self.records.is_empty() || !is_plain(path) {
            return false;
        }
        for end in directory_ends(path).rev() {
            if let Some(record) = self.records.get_mut(&path[..end]) {
                self.uses += 1;
                record.last_use = self.uses;
                return !record.has(component_behind(path, end));
            }
        }
        false
    }

    /// The stamp of the directory of a path. `None`: no record watches it.
    pub fn stamp(&self, path: &[u8]) -> Option<Stamp> {
        if self.records.is_empty() || !is_plain(path) {
            return None;
        }
        let end = directory_ends(path).next_back()?;
        let place = directory_ends(&path[..end]).count();
        let record = self.records.values().find(|record| record.is_below(&path[..end]))?;
        Some(Stamp { record: record.id, place, changes: *record.changes.get(place)? })
    }

    /// Whether the directory of a stamp has not changed since then.
    pub fn is_unchanged(&self, Stamp { record: id, place, changes }: Stamp) -> bool {
        let record = self.records.values().find(|record| record.id == id);
        record.is_some_and(|record| record.changes.get(place) == Some(&changes))
    }

    /// Adds a record, and drops the least recently used ones while there are too many.
    pub fn insert(&mut self, mut record: Record) {
        self.unused.retain(|watch| !record.watches.contains(watch));
        self.uses += 1;
        record.last_use = self.uses;
        self.last_id += 1;
        record.id = self.last_id;
        if let Some(replaced) = self.records.insert(record.directory.clone(), record) {
            self.release(replaced.watches);
        }
        while self.records.len() > MAX_RECORDS || self.size() > MAX_SIZE {
            let oldest = self.records.values().min_by_key(|record| record.last_use);
            let Some(directory) = oldest.map(|record| record.directory.clone()) else { return };
            self.remove(&directory);
        }
    }

    /// Applies a change to all records.
    pub fn apply(&mut self, change: &DirectoryChange) {
        let changed = self.records.values_mut();
        let dropped: Vec<_> = changed
            .filter_map(|record| {
                (record.apply(change) == Effect::Drop).then_some(&record.directory)
            })
            .cloned()
            .collect();
        for directory in dropped {
            self.remove(&directory);
        }
    }

    /// Drops all records.
    pub fn clear(&mut self) {
        let watches = self.records.drain().flat_map(|(_, record)| record.watches).collect();
        self.release(watches);
    }

    /// Watches that no record needs: they are returned once.
    pub fn take_unused(&mut self) -> Vec<Watch> {
        std::mem::take(&mut self.unused)
    }

    /// These watches exist, and are not needed unless a record has them.
    pub fn release(&mut self, watches: Vec<Watch>) {
        for watch in watches {
            let is_used = self.records.values().any(|record| record.watches.contains(&watch));
            if !is_used && !self.unused.contains(&watch) {
                self.unused.push(watch);
            }
        }
    }

    fn remove(&mut self, directory: &[u8]) {
        if let Some(record) = self.records.remove(directory) {
            self.release(record.watches);
        }
    }

    fn size(&self) -> usize {
        self.records.values().map(|record| record.size).sum()
    }
}

impl Record {
    /// The names in a directory. `None`: they are too many, or one is not ASCII, so that a directory may treat it as another one;
    /// or there is not one watch for each directory.
    pub fn new<'n>(
        directory: &[u8],
        watches: Vec<Watch>,
        names: impl IntoIterator<Item = &'n [u8]>,
    ) -> Option<Self> {
        let (directory, names_known) = (directory.to_vec(), HashSet::new());
        if watches.len() != directory_ends(&directory).count() + 1 {
            return None;
        }
        let changes = vec![0; watches.len()];
        let (size, last_use, id) = (0, 0, 0);
        let mut record =
            Self { directory, watches, names: names_known, size, last_use, id, changes };
        let complete = names.into_iter().all(|name| record.add(name) == Effect::None);
        complete.then_some(record)
    }

    /// Whether this directory is the given one or below it.
    fn is_below(&self, directory: &[u8]) -> bool {
        let rest = self.directory.strip_prefix(directory);
        rest.is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }

    fn has(&self, name: &[u8]) -> bool {
        self.names.contains(&*name.to_ascii_lowercase())
    }

    fn add(&mut self, name: &[u8]) -> Effect {
        if self.names.insert(name.to_ascii_lowercase().into()) {
            self.size += name.len() + NAME_OVERHEAD;
        }
        if name.is_ascii() && self.size <= MAX_RECORD_SIZE { Effect::None } else { Effect::Drop }
    }

    /// Applies a change. One directory may be at several places of the path, by bind mounts.
    fn apply(&mut self, change: &DirectoryChange) -> Effect {
        let places: Vec<usize> =
            (0..self.watches.len()).filter(|index| self.watches[*index] == change.watch).collect();
        let effects = places.into_iter().map(|place| self.apply_at(place, &change.kind));
        if effects.into_iter().any(|effect| effect == Effect::Drop) {
            return Effect::Drop;
        }
        Effect::None
    }

    fn apply_at(&mut self, place: usize, kind: &ChangeKind) -> Effect {
        self.changes[place] += 1;
        let is_own = place + 1 == self.watches.len();
        match kind {
            ChangeKind::Itself => Effect::Drop,
            ChangeKind::Added(name) if is_own => self.add(name),
            ChangeKind::Removed(_) if is_own => Effect::None,
            ChangeKind::Added(name) | ChangeKind::Removed(name) => self.concerns_path(place, name),
        }
    }

    /// A name has changed in a directory above this one.
    fn concerns_path(&self, place: usize, name: &[u8]) -> Effect {
        let end = directory_ends(&self.directory).nth(place).unwrap_or_default();
        let next = component_behind(&self.directory, end);
        let may_be_next = !name.is_ascii() || name.eq_ignore_ascii_case(next);
        if may_be_next { Effect::Drop } else { Effect::None }
    }
}
