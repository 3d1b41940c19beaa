//! Checks whether a boot file can be read, and suggests a similar path for one that does not exist.

use super::file_name::{END_OPTION, visible};
use super::links::broken_link;
use super::similar_file::explain_missing;
use crate::config::Tftp;
use crate::reason::FileReason;
use crate::strerror::strerror;
use crate::sys::neighbour::NeighbourTable;
use crate::sys::privilege;
use crate::sys::privilege::Identity;
use crate::tftp::admission::pending::LookupCache;
use crate::tftp::files::{DiskLookup, FileId, Files, OpenError, OpenedFile, ReadResult};
use crate::tftp::path::{Requester, resolve, root, root_prefix};
use crate::time::Timestamp;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A TFTP request for a file.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest<'a> {
    /// The name in the request.
    pub name: &'a [u8],
    /// The interface on which it is received.
    pub interface: &'a str,
    /// The address of the client.
    pub client: IpAddr,
    /// The hardware address of the client; `None`: it is read from the kernel's neighbour table.
    pub mac: Option<[u8; 6]>,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCheck {
    /// The path of the file.
    pub path: PathBuf,
    /// The size of the file in bytes, or why it is not sent.
    pub file: Result<u64, FileReason>,
}

/// The first part of a path to which a user has no access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedAt {
    /// The file, or a directory above it.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Name or number of the owner.
    pub owner: String,
    /// The user without access.
    pub user: String,
}

/// Permission bits of one class: search (of a directory) and read.
const SEARCH: u32 = 1;
const READ: u32 = 4;
/// Checks the file of a request with the rights of `identity`; `None`: with those of this process.
pub fn check_request(
    request: FileRequest<'_>,
    tftp: &Tftp,
    identity: Option<&Identity>,
) -> FileCheck {
    let address_text = request.client.to_string();
    let requester = Requester {
        interface: request.interface,
        client: request.client,
        address_text: &address_text,
    };
    let mut cache = LookupCache::new(Timestamp(0));
    let mut directories = StdFiles { mac: request.mac };
    let resolved = match resolve(request.name, tftp, requester, &mut cache, &mut directories) {
        Ok(resolved) => resolved,
        Err(DiskLookup::File(path) | DiskLookup::Directory(path)) => {
            crate::tftp::path::Resolved { path, escapes_root: false }
        }
    };
    let path = PathBuf::from(OsStr::from_bytes(&resolved.path));
    if resolved.escapes_root {
        let reason = FileReason::OutsideRoot { path: visible(&path) };
        return FileCheck { path, file: Err(reason) };
    }
    let root = root_prefix(root(tftp, request.interface).unwrap_or_default());
    check_path(&path, Path::new(OsStr::from_bytes(&root)), identity, tftp.secure)
}

/// Checks a file by its path. `root`: the root that it is below. `secure` (`tftp-secure`): `identity` must own it.
pub fn check_path(
    path: &Path,
    root: &Path,
    identity: Option<&Identity>,
    secure: bool,
) -> FileCheck {
    let file = size(path, root, identity, secure);
    // The file of the name before 0xFF is sent if the exact name does not exist (D-040).
    if file.as_ref().is_err_and(FileReason::is_missing)
        && let Some(before) = before_end_option(path)
        && let Ok(size) = size(before, root, identity, secure)
    {
        return FileCheck { path: before.to_owned(), file: Ok(size) };
    }
    FileCheck { path: path.to_owned(), file }
}

fn before_end_option(path: &Path) -> Option<&Path> {
    let bytes = path.as_os_str().as_bytes();
    let end = bytes.iter().position(|byte| *byte == END_OPTION)?;
    Some(Path::new(OsStr::from_bytes(&bytes[..end])))
}

fn size(
    path: &Path,
    root: &Path,
    identity: Option<&Identity>,
    secure: bool,
) -> Result<u64, FileReason> {
    let error = match fs::metadata(path) {
        Ok(file) if file.is_dir() => return Err(FileReason::IsDirectory { path: visible(path) }),
        Ok(file) if !file.is_file() => return Err(FileReason::NotAFile { path: visible(path) }),
        Ok(file) => {
            let denied = identity.and_then(|identity| denied_reason(path, &file, identity, secure));
            return denied.map_or(Ok(file.len()), Err);
        }
        Err(error) => error,
    };
    let cause = match error.kind() {
        io::ErrorKind::NotFound => Some(explain_missing(path, root)),
        io::ErrorKind::PermissionDenied => {
            last_seen(path, identity).map(|denied| denied.reason(path))
        }
        io::ErrorKind::NotADirectory => not_a_directory(path),
        _ => broken_link(path),
    };
    Err(cause
        .unwrap_or_else(|| FileReason::Failed { path: visible(path), error: strerror(&error) }))
}

fn not_a_directory(path: &Path) -> Option<FileReason> {
    let is_no_directory = |part: &&Path| fs::metadata(part).is_ok_and(|found| !found.is_dir());
    let part = path.ancestors().skip(1).find(is_no_directory)?;
    Some(FileReason::NotADirectory { path: visible(path), part: visible(part) })
}

fn denied_reason(
    path: &Path,
    file: &Metadata,
    identity: &Identity,
    secure: bool,
) -> Option<FileReason> {
    if secure && !identity.is_root() && !identity.owns(file) {
        let user = identity.user_name().to_owned();
        return Some(FileReason::WrongOwner { path: visible(path), user });
    }
    denied_at(path, identity).map(|denied| denied.reason(path))
}

/// The first part of a path to which `identity` has no access.
pub fn denied_at(path: &Path, identity: &Identity) -> Option<DeniedAt> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    parts.into_iter().find_map(|part| {
        let bit = if part == path { READ } else { SEARCH };
        let found =
            fs::metadata(part).ok().filter(|metadata| !identity.may_access(bit, metadata))?;
        Some(DeniedAt::at(part, &found, identity.user_name()))
    })
}

/// The last part of a path that this process can examine: it has no search permission there.
fn last_seen(path: &Path, identity: Option<&Identity>) -> Option<DeniedAt> {
    let now = identity.is_none().then(Identity::current);
    let user = identity.or(now.as_ref())?.user_name();
    path.ancestors().find_map(|part| Some(DeniedAt::at(part, &fs::metadata(part).ok()?, user)))
}

impl DeniedAt {
    fn at(path: &Path, found: &Metadata, user: &str) -> Self {
        Self {
            path: path.to_owned(),
            mode: found.mode() & 0o7777,
            owner: privilege::name_of(found.uid()),
            user: user.to_owned(),
        }
    }

    /// The reason for the file of a path.
    fn reason(&self, path: &Path) -> FileReason {
        let (access, user) = (self.to_string(), self.user.clone());
        if self.path == path {
            FileReason::Denied { path: visible(path), user, access }
        } else {
            let directory = visible(&self.path);
            FileReason::DirectoryDenied { path: visible(path), user, directory, access }
        }
    }
}

impl fmt::Display for FileCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Ok(size) => write!(f, "{}, {size} bytes", visible(&self.path)),
            Err(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for DeniedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode {:o}, owner {}", self.mode, self.owner)?;
        // As dnsmasq: root could read all files, so it serves only those with read permission for others.
        if self.user == "root" {
            f.write_str("; as root only world-readable files are served")?;
        }
        Ok(())
    }
}

/// Files for resolving names, which only needs directories.
struct StdFiles {
    mac: Option<[u8; 6]>,
}

impl Files for StdFiles {
    fn open(&mut self, _: &[u8]) -> Result<OpenedFile, OpenError> {
        Err(OpenError::NotFound)
    }

    fn read(&mut self, _: FileId, _: u64, _: usize) -> ReadResult<'_> {
        ReadResult::Bytes(&[])
    }

    fn close(&mut self, _: FileId) {}

    fn is_directory(&mut self, path: &[u8]) -> Option<bool> {
        Some(Path::new(OsStr::from_bytes(path)).is_dir())
    }

    fn mac_of(&self, client: IpAddr) -> Option<[u8; 6]> {
        self.mac.or_else(|| NeighbourTable::open().ok()?.find(client)?.try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str) -> FileCheck {
        check_path(Path::new(path), Path::new("/nowhere"), None, false)
    }

    #[test]
    fn control_characters_of_a_path_are_escaped() {
        let check = check("/nowhere/a\nJan 1 forged\u{1b}[2J");
        let path = "/nowhere/a\\x0aJan 1 forged\\x1b[2J";
        assert!(check.to_string().starts_with(&format!("{path} does not exist: the byte 0x0A")));
    }
}
