//! Entries of directories that are read at run time, and the names of their files.

use crate::byte_text::path_text;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use conf_parser::is_left_over;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The entries of a directory without backup files of editors (`is_left_over`), joined with `/` as dnsmasq does.
///
/// # Errors
/// The directory cannot be read.
pub fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if !is_left_over(name.as_bytes()) {
            let joined = [directory.as_os_str().as_bytes(), b"/", name.as_bytes()].concat();
            paths.push(path_of(&joined));
        }
    }
    Ok(paths)
}

/// The entries of a directory that is watched.
///
/// # Errors
/// The log line for a path that is no directory or cannot be read.
pub fn watched_entries(directory: &Path) -> Result<Vec<PathBuf>, FileLine> {
    let bad = |reason| FileLine::BadDirectory { path: path_text(directory), reason };
    match fs::metadata(directory) {
        Ok(found) if !found.is_dir() => Err(bad("not a directory".to_owned())),
        Ok(_) => entries(directory).map_err(|error| {
            let path = path_text(directory);
            FileLine::Unwatched { path, reason: strerror(&error) }
        }),
        Err(error) => Err(bad(strerror(&error))),
    }
}

/// The path that a line of the configuration names.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
