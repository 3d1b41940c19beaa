//! Whether a file can be written, without opening or creating it (access(2)).

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use std::io;
use std::path::Path;

/// Whether a file can be opened for writing, or created if it does not exist.
pub fn writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    match access(path, AccessFlags::W_OK) {
        Err(Errno::ENOENT) => new_entry(path),
        result => result.map_err(io::Error::from),
    }
}

/// Whether a file can be replaced by a new one, or created.
pub fn creatable(path: &Path) -> io::Result<()> {
    if path.is_dir() { Err(Errno::EEXIST.into()) } else { new_entry(path) }
}

/// Whether the directory of a path can have a new entry.
fn new_entry(path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let directory = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    if directory.exists() && !directory.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).map_err(io::Error::from)
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn nothing_is_created_and_a_missing_directory_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("file"), "x").unwrap();
    let code = |result: io::Result<()>| result.err().and_then(|error| error.raw_os_error());
    for (name, write, create) in [
        ("file", None, None),
        ("new", None, None),
        ("none/new", Some(libc::ENOENT), Some(libc::ENOENT)),
        ("file/new", Some(libc::ENOTDIR), Some(libc::ENOTDIR)),
        ("", Some(libc::EISDIR), Some(libc::EEXIST)),
    ] {
        assert_eq!(
            (code(writable(&at(name))), code(creatable(&at(name)))),
            (write, create),
            "{name}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
