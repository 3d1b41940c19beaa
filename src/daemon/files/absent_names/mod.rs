//! Names that are certainly not there, so that the file process need not look them up.
//!
//! pxelinux asks for about ten names for each machine, of which one exists, and each machine asks for other names. So the names
//! in a directory are kept, not results. The file process lists a directory and watches it and all directories above it; this
//! process reads the changes, after it received the requests for which it uses a list. The rules for changes are in [`records`].

mod records;
mod schedule;

pub use self::records::Stamp;
use self::records::{Record, Records};
use self::schedule::Schedule;
use crate::daemon::file_process::MAX_NAMES_LEN;
use crate::daemon::file_process::plain_path::is_plain;
use crate::daemon::file_process::protocol::{ListedDirectory, Request};
use crate::daemon::file_process::roots::Roots;
use crate::sys::directory_changes::{ChangeReader, Changes, DirectoryChange};
use crate::time::Timestamp;

/// Directories whose names are known.
#[derive(Default)]
pub struct AbsentNames {
    /// `None`: changes cannot be read, so nothing is known.
    reader: Option<ChangeReader>,
    records: Records,
    schedule: Schedule,
    listing: Option<Listing>,
    /// A request that is not sent yet.
    outgoing: Option<Request>,
    /// Whether the changes before the last TFTP request and the last result of a look-up were read.
    is_current: bool,
}

/// A directory that is being listed.
struct Listing {
    /// The path whose last existing directory is listed.
    path: Vec<u8>,
    /// What has changed since the request. `None`: anything.
    changes: Option<Vec<DirectoryChange>>,
}

/// Changes during a listing, at most.
const MAX_CHANGES: usize = 4096;

impl AbsentNames {
    /// Nothing is known yet.
    pub fn new(reader: Option<ChangeReader>) -> Self {
        Self { reader, ..Self::default() }
    }

    /// Whether a path is certainly not there now.
    pub fn is_absent(&mut self, path: &[u8]) -> bool {
        // Changes are read only if a record would be used.
        if !self.records.is_absent(path) {
            return false;
        }
        self.make_current();
        self.records.is_absent(path)
    }

    /// The stamp of the directory of a path. `None`: changes of it are not known.
    pub fn stamp(&mut self, path: &[u8]) -> Option<Stamp> {
        // Older changes do not matter for what is looked up now.
        self.records.stamp(path)?;
        self.make_current();
        self.records.stamp(path)
    }

    /// Whether the directory of a stamp has not changed since then.
    pub fn is_unchanged(&mut self, stamp: Stamp) -> bool {
        // Changes are read only if the stamp is the newest one that is known.
        if !self.records.is_unchanged(stamp) {
            return false;
        }
        self.make_current();
        self.records.is_unchanged(stamp)
    }

    /// TFTP requests or results of look-ups were received. A change may have been made before them.
    pub fn expect_changes(&mut self) {
        self.is_current = false;
    }

    /// Reads changes, once for all requests that were received together.
    fn make_current(&mut self) {
        if !self.is_current {
            self.read_changes();
        }
    }

    /// The file process has not found a path. If names in its directory were requested often enough (`Schedule`), the directory is listed.
    pub fn missed(&mut self, path: &[u8], roots: &Roots, now: Timestamp) {
        if self.reader.is_none() || !is_plain(path) {
            return;
        }
        let directory = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        if let Some((root, name)) = roots.split(path)
            && self.schedule.missed(&path[..directory], now)
        {
            // Older changes do not matter for what is listed now.
            self.read_changes();
            self.listing = Some(Listing { path: path.to_vec(), changes: Some(Vec::new()) });
            let unused = self.records.take_unused();
            self.outgoing = Some(Request::ListDirectory { root, name: name.to_vec(), unused });
        }
    }

    /// A request for the file process.
    pub fn take_request(&mut self) -> Option<Request> {
        self.outgoing.take()
    }

    /// Takes the result of a listing: each name has a NUL behind it. `None`: there are no names.
    pub fn listed(&mut self, listed: ListedDirectory, names: Option<&[u8]>, now: Timestamp) {
        self.read_changes();
        let Some(listing) = self.listing.take() else { return };
        let watches = listed.watches.clone();
        let record = names.and_then(|names| listing.record(listed, names));
        self.schedule.finished(record.is_some(), now);
        if let Some(record) = record {
            self.records.insert(record);
        }
        for change in listing.changes.iter().flatten() {
            self.records.apply(change);
        }
        self.records.release(watches);
    }

    fn read_changes(&mut self) {
        let Some(reader) = &self.reader else { return };
        self.is_current = true;
        match reader.changes() {
            Changes::None => {}
            Changes::Any => {
                self.records.clear();
                if let Some(listing) = &mut self.listing {
                    listing.changes = None;
                }
            }
            Changes::Directories(changes) => {
                for change in &changes {
                    self.records.apply(change);
                }
                if let Some(listing) = &mut self.listing {
                    listing.add(changes);
                }
            }
        }
    }
}

impl Listing {
    fn add(&mut self, more: Vec<DirectoryChange>) {
        self.changes = self.changes.take().and_then(|mut changes| {
            changes.extend(more);
            (changes.len() <= MAX_CHANGES).then_some(changes)
        });
    }

    /// The record of a result. `None`: the directory was not listed, the result is malformed, or anything may have changed.
    fn record(&self, listed: ListedDirectory, names: &[u8]) -> Option<Record> {
        let end = usize::from(listed.end?);
        let is_directory = self.path.get(end) == Some(&b'/') && names.len() <= MAX_NAMES_LEN;
        if self.changes.is_none() || !is_directory {
            return None;
        }
        let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Record::new(&self.path[..end], listed.watches, names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Located, Origin, Tftp};
    use crate::daemon::file_process::DirectoryLister;
    use crate::daemon::file_process::plain_path::directory_ends;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// Both processes in one, with a folder as the root.
    struct Scene {
        folder: tempfile::TempDir,
        roots: Roots,
        lister: DirectoryLister,
        names: AbsentNames,
        now: Timestamp,
    }

    impl Scene {
        /// `None`: the folder is on a file system whose directories are not listed.
        fn new() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let value = folder.path().as_os_str().as_bytes().to_vec();
            let root = Some(Located { origin: Origin::default(), value });
            let roots = Roots::from_config(&Tftp { root, ..Tftp::default() });
            let reader = ChangeReader::open().unwrap();
            let lister = DirectoryLister::new(roots.clone(), reader.watcher().ok());
            let names = AbsentNames::new(Some(reader));
            let now = Timestamp(1_000_000);
            let mut scene = Self { folder, roots, lister, names, now };
            scene.request("probe");
            scene.request("probe");
            scene.request("probe").then_some(scene)
        }

        fn at(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join(name)
        }

        fn bytes(&self, name: &str) -> Vec<u8> {
            self.at(name).as_os_str().as_bytes().to_vec()
        }

        fn knows_absent(&mut self, name: &str) -> bool {
            let path = self.bytes(name);
            self.names.expect_changes();
            self.names.is_absent(&path)
        }

        /// Requests a name that is not there; whether no look-up was necessary.
        fn request(&mut self, name: &str) -> bool {
            if self.knows_absent(name) {
                return true;
            }
            self.look_up(name);
            self.list(|_| {});
            false
        }

        fn look_up(&mut self, name: &str) {
            self.now = Timestamp(self.now.0 + 1000);
            let path = self.bytes(name);
            self.names.missed(&path, &self.roots, self.now);
        }

        /// Lists the directory that was requested. `meanwhile` runs before the result is taken.
        fn list(&mut self, meanwhile: impl Fn(&Path)) {
            let Some(Request::ListDirectory { root, name, unused }) = self.names.take_request()
            else {
                return;
            };
            let (listed, names) = self.lister.list(root, &name, &unused);
            meanwhile(self.folder.path());
            self.names.listed(listed, Some(&names), self.now);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn name_is_absent_until_it_is_created() {
        let Some(mut scene) = Scene::new() else { return };
        assert!(scene.request("a"));
        assert!(scene.request("sub/a"));
        fs::write(scene.at("a"), "").unwrap();
        assert!(!scene.knows_absent("a"));
        fs::create_dir(scene.at("sub")).unwrap();
        assert!(!scene.knows_absent("sub/a"));
        assert!(scene.request("other"), "the record is still used");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn changes_are_read_once_for_requests_that_were_received_together() {
        let Some(mut scene) = Scene::new() else { return };
        let path = scene.bytes("a");
        assert!(scene.knows_absent("a"));
        fs::write(scene.at("a"), "").unwrap();
        assert!(scene.names.is_absent(&path), "the request came before the change");
        scene.names.expect_changes();
        assert!(!scene.names.is_absent(&path));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn change_during_the_listing_is_applied_to_its_result() {
        let Some(mut scene) = Scene::new() else { return };
        fs::create_dir(scene.at("sub")).unwrap();
        scene.look_up("sub/a");
        scene.look_up("sub/a");
        scene.list(|folder| fs::write(folder.join("sub/a"), "").unwrap());
        assert!(!scene.knows_absent("sub/a"));
        assert!(scene.knows_absent("sub/b"));
        fs::create_dir(scene.at("next")).unwrap();
        scene.look_up("next/a");
        scene.look_up("next/a");
        scene.list(|folder| {
            fs::remove_dir(folder.join("next")).unwrap();
            fs::write(folder.join("file"), "").unwrap();
        });
        assert!(!scene.knows_absent("next/a"), "the directory was replaced");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn directory_behind_a_link_is_not_listed() {
        let Some(mut scene) = Scene::new() else { return };
        fs::create_dir(scene.at("real")).unwrap();
        symlink("real", scene.at("link")).unwrap();
        for _ in 0..4 {
            assert!(!scene.request("link/a"));
        }
        for _ in 0..4 {
            // After the pause that follows a failure.
            scene.request("real/a");
        }
        assert!(scene.request("real/a"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn without_a_reader_nothing_is_listed() {
        let Some(mut scene) = Scene::new() else { return };
        scene.names = AbsentNames::new(None);
        for _ in 0..4 {
            assert!(!scene.request("a"));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn malformed_result_is_not_used() {
        let Some(mut scene) = Scene::new() else { return };
        fs::create_dir(scene.at("sub")).unwrap();
        let depth = directory_ends(&scene.bytes("sub")).count();
        let end = u16::try_from(scene.bytes("sub").len()).unwrap();
        for (watches, end) in [
            (vec![7; depth + 1], Some(end + 1)),
            (vec![7; depth + 1], Some(u16::MAX)),
            (vec![7; depth], Some(end)),
            (vec![7; depth + 1], None),
        ] {
            scene.names.schedule = Schedule::default();
            scene.look_up("sub/a");
            scene.look_up("sub/a");
            assert!(scene.names.take_request().is_some());
            scene.names.listed(ListedDirectory { watches, end }, Some(b"b\0"), scene.now);
            assert!(!scene.knows_absent("sub/a"));
        }
        scene.names.listed(ListedDirectory::default(), None, scene.now);
    }
}
