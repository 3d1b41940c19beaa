//! Which names are not in a directory, as values: lists of names, and changes that are applied to them.
//!
//! A record has at least all names of its directory: new names are added, and names that are removed stay. So a name that a record
//! does not have is not there. Any other change of the directory or of one above it drops the record.

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

    /// Adds a record, and drops the least recently used ones while there are too many.
    pub fn insert(&mut self, mut record: Record) {
        self.unused.retain(|watch| !record.watches.contains(watch));
        self.uses += 1;
        record.last_use = self.uses;
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
        let mut record = Self { directory, watches, names: names_known, size: 0, last_use: 0 };
        let complete = names.into_iter().all(|name| record.add(name) == Effect::None);
        complete.then_some(record)
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

#[cfg(test)]
mod tests {
    use super::*;

    const WATCHES: [Watch; 3] = [1, 2, 3];

    fn record() -> Record {
        Record::new(b"/srv/tftp", WATCHES.to_vec(), [&b"pxelinux.cfg"[..], b"Small"]).unwrap()
    }

    fn records() -> Records {
        let mut records = Records::default();
        records.insert(record());
        records
    }

    fn added(watch: Watch, name: &[u8]) -> DirectoryChange {
        DirectoryChange { watch, kind: ChangeKind::Added(name.to_vec()) }
    }

    fn removed(watch: Watch, name: &[u8]) -> DirectoryChange {
        DirectoryChange { watch, kind: ChangeKind::Removed(name.to_vec()) }
    }

    fn itself(watch: Watch) -> DirectoryChange {
        DirectoryChange { watch, kind: ChangeKind::Itself }
    }

    fn knows_absent(change: &DirectoryChange) -> bool {
        let mut records = records();
        records.apply(change);
        records.is_absent(b"/srv/tftp/none")
    }

    #[test]
    fn name_that_is_not_in_the_list_is_absent() {
        let mut records = records();
        for path in ["/srv/tftp/none", "/srv/tftp/none/below", "/srv/tftp/pxelinux", "/srv/tftp/x."]
        {
            assert!(records.is_absent(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn nothing_is_known_about_names_in_the_list_and_other_paths() {
        let mut records = records();
        for path in [
            "/srv/tftp/pxelinux.cfg",
            "/srv/tftp/pxelinux.cfg/default",
            "/srv/tftp/small",
            "/srv/tftp/SMALL",
            "/srv/tftp",
            "/srv/tftp/",
            "/srv/tftp/none/",
            "/srv/tftp//none",
            "/srv/tftp/./none",
            "/srv/tftp/../none",
            "/srv/tftp/none/../small",
            "/srv/tftp/n\u{f6}ne",
            "/srv/tftpd/none",
            "/srv/none",
            "/none",
            "",
        ] {
            assert!(!records.is_absent(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn deepest_known_directory_decides() {
        let mut records = records();
        let watches = [&WATCHES[..], &[4]].concat();
        records.insert(Record::new(b"/srv/tftp/pxelinux.cfg", watches, [&b"default"[..]]).unwrap());
        assert!(records.is_absent(b"/srv/tftp/pxelinux.cfg/01-02-00-00-00-00-01"));
        assert!(!records.is_absent(b"/srv/tftp/pxelinux.cfg/default"));
        assert!(records.is_absent(b"/srv/tftp/none"));
    }

    #[test]
    fn root_directory_has_the_empty_path() {
        let mut records = Records::default();
        records.insert(Record::new(b"", vec![1], [&b"srv"[..]]).unwrap());
        assert!(records.is_absent(b"/none/a"));
        assert!(!records.is_absent(b"/srv/a"));
        records.apply(&added(1, b"none"));
        assert!(!records.is_absent(b"/none/a"));
    }

    #[test]
    fn new_name_in_the_directory_is_not_absent() {
        let mut records = records();
        records.apply(&added(3, b"None"));
        assert!(!records.is_absent(b"/srv/tftp/none"));
        assert!(records.is_absent(b"/srv/tftp/other"));
        records.apply(&removed(3, b"None"));
        assert!(!records.is_absent(b"/srv/tftp/none"), "it may be there in another case");
    }

    #[test]
    fn change_of_a_directory_on_the_path_drops_the_record() {
        for watch in WATCHES {
            assert!(!knows_absent(&itself(watch)), "{watch}");
        }
        for change in [added(1, b"srv"), removed(1, b"SRV"), added(2, b"tftp"), removed(2, b"tftp")]
        {
            assert!(!knows_absent(&change), "{change:?}");
        }
        for change in [added(1, "\u{df}".as_bytes()), removed(2, b"\xff"), added(3, b"\xe4")] {
            assert!(!knows_absent(&change), "{change:?}");
        }
    }

    #[test]
    fn other_changes_do_not_matter() {
        let elsewhere = [added(1, b"tftp"), removed(2, b"srv"), added(2, b"none"), itself(4)];
        for change in elsewhere.into_iter().chain([removed(3, b"small"), removed(3, b"\xff")]) {
            assert!(knows_absent(&change), "{change:?}");
        }
    }

    #[test]
    fn directory_at_two_places_of_a_path_is_changed_at_both() {
        let twice = || Record::new(b"/srv/tftp", vec![1, 2, 2], [&b"a"[..]]).unwrap();
        let mut records = Records::default();
        records.insert(twice());
        records.apply(&added(2, b"none"));
        assert!(!records.is_absent(b"/srv/tftp/none"));
        records.apply(&removed(2, b"tftp"));
        assert!(!records.is_absent(b"/srv/tftp/other"));
    }

    #[test]
    fn record_needs_a_watch_for_each_directory_and_ascii_names() {
        assert!(Record::new(b"/srv", vec![1, 2], []).is_some());
        assert!(Record::new(b"/srv", vec![1], []).is_none());
        assert!(Record::new(b"/srv", vec![1, 2, 3], []).is_none());
        assert!(Record::new(b"/srv", vec![1, 2], ["\u{fc}".as_bytes()]).is_none());
    }

    #[test]
    fn watches_of_dropped_records_are_unused_unless_another_record_has_them() {
        let mut records = records();
        records.insert(Record::new(b"/srv", vec![1, 2], []).unwrap());
        records.apply(&itself(3));
        assert_eq!(records.take_unused(), [3]);
        assert!(records.take_unused().is_empty());
        records.release(vec![2, 9]);
        assert_eq!(records.take_unused(), [9]);
        records.clear();
        assert!(!records.is_absent(b"/srv/none"));
        records.insert(Record::new(b"/tmp", vec![1, 5], []).unwrap());
        assert_eq!(records.take_unused(), [2]);
    }

    #[test]
    fn least_recently_used_records_are_dropped() {
        let mut records = Records::default();
        let directory = |number: i32| format!("/{number}").into_bytes();
        for number in 0..40 {
            records.insert(Record::new(&directory(number), vec![1, number + 2], []).unwrap());
            assert!(records.is_absent(b"/0/none"), "it is used each time");
        }
        assert_eq!(records.records.len(), MAX_RECORDS);
        assert!(records.is_absent(b"/39/none"));
        assert!(!records.is_absent(b"/1/none"));
        assert_eq!(records.take_unused().len(), 8);
    }

    #[test]
    fn memory_of_names_is_bounded() {
        let names: Vec<_> = (0..4000).map(|number| format!("{number:0>60}").into_bytes()).collect();
        let names = || names.iter().map(|name| &name[..]);
        let mut records = Records::default();
        for number in 0..10 {
            let directory = format!("/{number}").into_bytes();
            records.insert(Record::new(&directory, vec![1, number + 2], names()).unwrap());
            assert!(records.size() <= MAX_SIZE);
        }
        assert_eq!(records.records.len(), 3);
        for number in 0..1000 {
            records.apply(&added(11, format!("new-{number:0>60}").as_bytes()));
        }
        assert_eq!(records.records.len(), 2, "too many names were added to the last one");
        let long = vec![b'x'; MAX_RECORD_SIZE];
        assert!(Record::new(b"/a", vec![1, 2], names().chain([&long[..]])).is_none());
    }
}
