//! Names of the files of directories that are read at run time.

use conf_parser::is_left_over;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The names in a directory without backup files of editors (`is_left_over`), in the order of the directory.
///
/// # Errors
/// The directory cannot be read.
pub fn entry_names(directory: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().into_vec();
        if !is_left_over(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The path of a file of a directory, joined with `/` as dnsmasq does.
pub fn joined(directory: &Path, name: &[u8]) -> PathBuf {
    path_of(&[directory.as_os_str().as_bytes(), b"/", name].concat())
}

/// The path that a line of the configuration names.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
