//! Names of files that are open for a transfer, so that a further request for such a name needs no look-up.
//!
//! A name still means the open file if its directory has had no change of a name since before the look-up that opened the file
//! ([`Stamp`]), and if the file has the same version: a change of its contents, its permissions or its owner changes the time of
//! change. Nothing is open longer than a transfer needs it. While it is open, another process can get a lease on the file
//! (fcntl(2)) only for reading, which opening it does not break.

use super::absent_names::Stamp;
use crate::tftp::files::FileId;
use std::collections::HashMap;

/// The names of open files, at most one for each.
#[derive(Default)]
pub struct OpenNames {
    by_path: HashMap<Vec<u8>, OpenName>,
    by_file: HashMap<FileId, Vec<u8>>,
}

/// A file that was opened by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenName {
    /// The file.
    pub file: FileId,
    /// The directory of the name before the file was looked up.
    pub stamp: Stamp,
}

impl OpenNames {
    /// The file that was opened by this path last.
    pub fn get(&self, path: &[u8]) -> Option<OpenName> {
        self.by_path.get(path).copied()
    }

    /// A file was opened by this path. Another name of the file is forgotten.
    pub fn insert(&mut self, path: &[u8], name: OpenName) {
        self.forget_file(name.file);
        self.forget(path);
        self.by_path.insert(path.to_vec(), name);
        self.by_file.insert(name.file, path.to_vec());
    }

    /// The path may not lead to the file any more.
    pub fn forget(&mut self, path: &[u8]) {
        if let Some(name) = self.by_path.remove(path) {
            self.by_file.remove(&name.file);
        }
    }

    /// The file is closed.
    pub fn forget_file(&mut self, file: FileId) {
        if let Some(path) = self.by_file.remove(&file) {
            self.by_path.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Located, Origin, Tftp};
    use crate::daemon::file_process::DirectoryLister;
    use crate::daemon::file_process::opener::{Disk, Found, Lease, Opener};
    use crate::daemon::file_process::protocol::{LookedUp, Outcome, Request};
    use crate::daemon::file_process::roots::Roots;
    use crate::daemon::files::DiskFiles;
    use crate::daemon::files::lookups::Lookups;
    use crate::sys::directory_changes::ChangeReader;
    use crate::tftp::files::{DiskLookup, Files, OpenError, OpenedFile};
    use crate::time::Timestamp;
    use std::fs::{self, File, Permissions};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::thread;
    use std::time::Duration;

    /// Both processes in one, with a folder as the root, which has the files `file` and `sub/file` and the link `link`.
    struct Scene {
        folder: tempfile::TempDir,
        opener: Opener,
        lister: DirectoryLister,
        files: DiskFiles,
        now: Timestamp,
    }

    /// A change of a file, and what changes.
    type Change = (&'static str, fn(&Path));

    /// After this time, a file counts as unchanged.
    const AGE: Duration = Duration::from_millis(1200);

    impl Scene {
        /// `None`: the folder is on a file system whose directories are not listed.
        fn new() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("sub")).unwrap();
            for file in ["file", "sub/file", "other"] {
                fs::write(folder.path().join(file), "one").unwrap();
            }
            symlink("file", folder.path().join("link")).unwrap();
            let value = folder.path().as_os_str().as_bytes().to_vec();
            let root = Some(Located { origin: Origin::default(), value });
            let roots = Roots::from_config(&Tftp { root, ..Tftp::default() });
            let reader = ChangeReader::open().unwrap();
            let lister = DirectoryLister::new(roots.clone(), reader.watcher().ok());
            let lookups = Lookups::new(roots.clone(), Some(reader));
            let files = DiskFiles { lookups, ..DiskFiles::default() };
            let (opener, now) = (Opener::new(roots, false), Timestamp(1_000_000));
            let mut scene = Self { folder, opener, lister, files, now };
            thread::sleep(AGE);
            for _ in 0..3 {
                assert_eq!(scene.request("sub/none").0, Err(OpenError::NotFound));
                scene.list();
            }
            (scene.request("sub/none") == (Err(OpenError::NotFound), false)).then_some(scene)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// Opens a file; the result, and whether it was looked up.
        fn request(&mut self, name: &str) -> (Result<OpenedFile, OpenError>, bool) {
            let path = self.at(name).as_os_str().as_bytes().to_vec();
            self.now = Timestamp(self.now.0 + 1000);
            self.files.expect_changes();
            let opened = self.files.open(&path);
            let Some(lookup) = self.files.outgoing().pop_front() else { return (opened, false) };
            assert_eq!(opened, Err(OpenError::Pending));
            let path = self.opener.path(&lookup).unwrap();
            let (outcome, fds) = match self.opener.look_up(lookup.kind, &path, Lease::Wait) {
                Found::File(file, facts) => (Outcome::File(facts), vec![file.into()]),
                Found::Other(outcome) => (outcome, Vec::new()),
                Found::Leased => unreachable!(),
            };
            let results = vec![LookedUp { id: lookup.id, outcome }];
            let done = self.files.looked_up(results, fds, self.now);
            let opened = self.files.open(&path);
            for lookup in &done {
                self.files.forget(lookup);
            }
            (opened, true)
        }

        fn list(&mut self) {
            let Some(Request::ListDirectory { root, name, unused }) = self.files.listing_request()
            else {
                return;
            };
            let (listed, names) = self.lister.list(root, &name, &unused);
            self.files.listed(listed, Some(&names), self.now);
        }

        fn file(&mut self, name: &str) -> FileId {
            self.request(name).0.unwrap().file
        }

        fn is_looked_up(&mut self, name: &str) -> bool {
            self.request(name).1
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn name_of_an_open_file_is_not_looked_up_again_until_it_is_closed() {
        let Some(mut scene) = Scene::new() else { return };
        for name in ["sub/file", "file"] {
            let first = scene.request(name);
            let again = scene.request(name);
            assert_eq!(again, (first.0.clone(), false), "{name}");
            let file = first.0.unwrap().file;
            scene.files.close(file);
            assert!(!scene.is_looked_up(name), "it is still open");
            scene.files.close(file);
            scene.files.close(file);
            assert!(scene.is_looked_up(name));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn link_and_file_that_was_changed_just_now_are_looked_up_each_time() {
        let Some(mut scene) = Scene::new() else { return };
        let file = scene.file("file");
        assert_eq!(scene.file("link"), file);
        assert!(scene.is_looked_up("link"));
        fs::write(scene.at("other"), "two").unwrap();
        assert!(scene.is_looked_up("other"));
        assert!(scene.is_looked_up("other"));
        thread::sleep(AGE);
        assert!(scene.is_looked_up("other"));
        assert!(!scene.is_looked_up("other"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn name_is_looked_up_after_each_change() {
        let changes: [Change; 10] = [
            ("contents", |path| fs::write(path, "two").unwrap()),
            ("mode", |path| fs::set_permissions(path, Permissions::from_mode(0o604)).unwrap()),
            ("removal", |path| fs::remove_file(path).unwrap()),
            ("another file", |path| fs::rename(path.with_file_name("new"), path).unwrap()),
            ("another name", |path| fs::hard_link(path, path.with_file_name("hard")).unwrap()),
            ("a link", |path| {
                fs::rename(path, path.with_file_name("away")).unwrap();
                symlink("away", path).unwrap();
            }),
            ("another directory", |path| {
                let directory = path.parent().unwrap();
                fs::rename(directory, directory.with_file_name("away")).unwrap();
                fs::create_dir(directory).unwrap();
                fs::write(path, "two").unwrap();
            }),
            ("mode of the directory", |path| {
                let directory = path.parent().unwrap();
                fs::set_permissions(directory, Permissions::from_mode(0o711)).unwrap();
            }),
            ("a new name beside it", |path| fs::write(path.with_file_name("x"), "").unwrap()),
            ("size", |path| File::options().write(true).open(path).unwrap().set_len(1).unwrap()),
        ];
        for (change, make) in changes {
            let Some(mut scene) = Scene::new() else { return };
            fs::write(scene.at("sub/new"), "two").unwrap();
            scene.file("sub/file");
            assert!(!scene.is_looked_up("sub/file"));
            make(&scene.at("sub/file"));
            assert!(scene.is_looked_up("sub/file"), "{change}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn change_during_the_look_up_is_seen_by_the_next_request() {
        let Some(mut scene) = Scene::new() else { return };
        let path = scene.at("sub/file").as_os_str().as_bytes().to_vec();
        assert_eq!(scene.files.open(&path), Err(OpenError::Pending));
        fs::write(scene.at("sub/new"), "three").unwrap();
        fs::rename(scene.at("sub/new"), scene.at("sub/file")).unwrap();
        thread::sleep(AGE);
        let lookup = scene.files.outgoing().pop_front().unwrap();
        let Found::File(file, facts) = scene.opener.look_up(lookup.kind, &path, Lease::Wait) else {
            panic!()
        };
        let results = vec![LookedUp { id: lookup.id, outcome: Outcome::File(facts) }];
        let done = scene.files.looked_up(results, vec![file.into()], scene.now);
        assert_eq!(done, [DiskLookup::File(path.clone())]);
        assert_eq!(scene.files.open(&path).unwrap().size, 5);
        for lookup in &done {
            scene.files.forget(lookup);
        }
        assert!(scene.is_looked_up("sub/file"));
    }
}
