//! TFTP roots.

use crate::byte_text::path_text;
use crate::config::{Config, Origin, Tftp};
use crate::diagnose::boot_file::{DeniedAt, denied_at};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, StartReason};
use crate::strerror::strerror;
use crate::sys::privilege::Identity;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directory entries of a root that are examined.
const MAX_ENTRIES: usize = 1_000;
/// Findings about links.
const MAX_LINKS: usize = 5;

/// All TFTP roots with their lines. A relative root is relative to `/`, the directory of the daemon.
pub fn roots(tftp: &Tftp) -> impl Iterator<Item = (&Origin, PathBuf)> {
    named_roots(tftp).map(|(origin, root)| (origin, Path::new("/").join(root)))
}

/// All TFTP roots as the lines name them.
fn named_roots(tftp: &Tftp) -> impl Iterator<Item = (&Origin, &Path)> {
    let general = tftp.root.iter().map(|root| (&root.origin, &root.value));
    let single = tftp.interface_roots.iter().map(|root| (&root.origin, &root.value.1));
    let named = general.chain(single).filter(|(_, root)| !root.is_empty());
    named.map(|(origin, root)| (origin, Path::new(OsStr::from_bytes(root))))
}

/// Roots that `identity` cannot open. The start is refused with dnsmasq's message, unless there is `tftp-no-fail`.
pub fn inaccessible_roots(config: &Config, identity: Option<&Identity>) -> Vec<Finding> {
    let Some(tftp) = config.tftp.as_deref() else { return Vec::new() };
    let finding = |(origin, root): (&Origin, &Path)| {
        // In debug mode the daemon does not change to `/`.
        let directory = if config.process.debug { Path::new("") } else { Path::new("/") };
        let error = open_error(&directory.join(root), identity)?;
        let path = path_text(root);
        Some(if tftp.no_fail {
            Finding::at(Level::Warning, origin, ConfigReason::RootUnreadable { path, error })
        } else {
            let message = format!("TFTP directory {path} inaccessible: {error}");
            Finding::at(Level::Error, origin, StartReason::Root { message })
        })
    };
    named_roots(tftp).filter_map(finding).collect()
}

/// Why a root cannot be opened.
fn open_error(root: &Path, identity: Option<&Identity>) -> Option<String> {
    if let Err(error) = fs::read_dir(root) {
        return Some(strerror(&error));
    }
    let denied = identity.and_then(|identity| denied_at(root, identity))?;
    let DeniedAt { path, user, .. } = &denied;
    let what = if path == root { "cannot read" } else { "has no search permission on" };
    Some(format!("Permission denied: {user} {what} {}: {denied}", path_text(path)))
}

/// Roots without search permission for the user that serves files.
pub fn closed_roots(tftp: &Tftp, identity: &Identity) -> Vec<Finding> {
    let closed = |(origin, path): (&Origin, PathBuf)| {
        let within = path.join("*");
        let denied = denied_at(&within, identity)?;
        let user = identity.user_name().to_owned();
        let path = path_text(&denied.path);
        let reason = ConfigReason::RootClosed { user, path, denied: denied.to_string() };
        Some(Finding::at(Level::Warning, origin, reason))
    };
    roots(tftp).filter_map(closed).collect()
}

/// Links in a root that lead nowhere. Whether a client requests them is unknown.
pub fn dangling_links(tftp: &Tftp) -> Vec<Finding> {
    let links = roots(tftp).flat_map(|(origin, root)| {
        let entries = fs::read_dir(root).into_iter().flatten().flatten().take(MAX_ENTRIES);
        entries.filter_map(move |entry| Some((origin, dangling(&entry)?)))
    });
    links.take(MAX_LINKS).map(|(origin, reason)| Finding::at(Level::Hint, origin, reason)).collect()
}

fn dangling(entry: &fs::DirEntry) -> Option<ConfigReason> {
    let path = entry.path();
    if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) || path.exists() {
        return None;
    }
    let target = path_text(&fs::read_link(&path).ok()?);
    Some(ConfigReason::DanglingLink { path: path_text(&path), target })
}
