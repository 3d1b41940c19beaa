//! The control socket of a server that starts. A start that fails must not leave its file.

use super::Bound;
use crate::control::socket_path;
use crate::sys::control_socket::ControlListener;
use std::fs;
use std::path::{Path, PathBuf};

/// A file that is removed when the value is dropped.
pub struct CreatedFile(PathBuf);

impl CreatedFile {
    /// The file at this path.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The file stays.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Bound {
    /// The control socket for the file process. `None`: there is no pid file, or the socket cannot be created.
    pub(super) fn open_control(&mut self) -> Option<(ControlListener, PathBuf)> {
        let path = socket_path(self.config.process.pid_file.as_deref()?);
        let taken_over = self.predecessor.as_mut().and_then(|server| server.control.take());
        let listener = taken_over.or_else(|| {
            let listener = ControlListener::bind(&path).ok()?;
            self.opened.created = Some(CreatedFile::new(&path));
            Some(listener)
        })?;
        self.opened.control = listener.try_clone().ok();
        Some((listener, path))
    }
}

impl Drop for CreatedFile {
    fn drop(&mut self) {
        // Without root's rights it may stay. The next start replaces it.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn file_is_removed_unless_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    CreatedFile::new(&path).keep();
    assert!(path.exists());
    drop(CreatedFile::new(&path));
    assert!(!path.exists());
}
