//! Symbolic links that lead nowhere.

use super::file_name::visible;
use crate::reason::FileReason;
use crate::sys::limits;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The maximum number of symbolic links, as in the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// The link in a path because of which the path cannot be found. `None`: there is another cause.
pub fn broken_link(path: &Path) -> Option<FileReason> {
    let parts: Vec<&Path> = path.ancestors().collect();
    for part in parts.into_iter().rev() {
        if !fs::symlink_metadata(part).ok()?.is_symlink() {
            continue;
        }
        match fs::metadata(part) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Some(dangling(path, part));
            }
            Err(error) if error.raw_os_error() == Some(limits::ELOOP) => {
                return Some(FileReason::LinkLoop { path: visible(path), link: visible(part) });
            }
            Err(_) => return None,
        }
    }
    None
}

/// The last link of a chain of links.
fn dangling(path: &Path, first: &Path) -> FileReason {
    let (mut link, mut target) = (first.to_owned(), PathBuf::new());
    for _ in 0..MAX_LINKS {
        target = fs::read_link(&link).unwrap_or_default();
        let next = link.parent().unwrap_or(Path::new("/")).join(&target);
        if !fs::symlink_metadata(&next).is_ok_and(|found| found.is_symlink()) {
            break;
        }
        link = next;
    }
    let (path_text, target) = (visible(path), visible(&target));
    if link == path {
        FileReason::DanglingLink { path: path_text, target }
    } else {
        FileReason::DanglingLinkInPath { path: path_text, link: visible(&link), target }
    }
}
