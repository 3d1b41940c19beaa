//! Checks whether a boot file can be read, and suggests a similar path for one that does not exist.

use crate::byte_text::path_text;
use crate::config::Tftp;
use crate::strerror::strerror;
use crate::sys::neighbour::NeighbourTable;
use crate::sys::privilege;
use crate::sys::privilege::Identity;
use crate::tftp::admission::pending::LookupCache;
use crate::tftp::files::{DiskLookup, FileId, Files, OpenError, OpenedFile, ReadResult};
use crate::tftp::path::{Requester, resolve};
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
    pub file: Result<u64, FileProblem>,
}

/// Why a file is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// It does not exist; a similar path may exist.
    NotFound(Option<Suggestion>),
    /// The name has `..` and leaves the root.
    OutsideRoot,
    /// A directory, a device, a socket or a FIFO.
    NotAFile,
    /// `tftp-secure`: that user does not own it.
    WrongOwner(String),
    /// No permission to read it.
    PermissionDenied(DeniedAt),
    /// Another error, with the text of strerror(3).
    Other(String),
}

/// An existing file with a similar path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The path of the file.
    pub path: PathBuf,
    /// The difference to the missing path.
    pub by: Difference,
}

/// The difference between two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Upper and lower case.
    Case,
    /// The suffix `.0`, or another suffix.
    Suffix,
    /// The directory: the parent, or a subdirectory.
    Directory,
    /// The TFTP root.
    Root,
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
/// Directory entries that are examined for a subdirectory with the file.
const MAX_DIRECTORIES: usize = 200;
/// Directory entries that are compared with a name.
const MAX_NAMES: usize = 5_000;
/// TFTP roots of Linux distributions.
const COMMON_ROOTS: &[&str] =
    &["/srv/tftp", "/var/lib/tftpboot", "/tftpboot", "/srv/tftpboot", "/var/tftp", "/var/ftpd"];

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
        return FileCheck { path, file: Err(FileProblem::OutsideRoot) };
    }
    check_path(&path, identity, tftp.secure)
}

/// Checks a file by its path. `secure` (`tftp-secure`): `identity` must own it.
pub fn check_path(path: &Path, identity: Option<&Identity>, secure: bool) -> FileCheck {
    FileCheck { path: path.to_owned(), file: size(path, identity, secure) }
}

fn size(path: &Path, identity: Option<&Identity>, secure: bool) -> Result<u64, FileProblem> {
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => Err(FileProblem::NotAFile),
        Ok(file) => {
            match identity.and_then(|identity| denied_reason(path, &file, identity, secure)) {
                Some(problem) => Err(problem),
                None => Ok(file.len()),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FileProblem::NotFound(suggest(path)))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(last_seen(path, identity)
                .map_or(FileProblem::Other(strerror(&error)), FileProblem::PermissionDenied))
        }
        Err(error) => Err(FileProblem::Other(strerror(&error))),
    }
}

fn denied_reason(
    path: &Path,
    file: &Metadata,
    identity: &Identity,
    secure: bool,
) -> Option<FileProblem> {
    if secure && !identity.is_root() && !identity.owns(file) {
        return Some(FileProblem::WrongOwner(identity.user_name().to_owned()));
    }
    denied_at(path, identity).map(FileProblem::PermissionDenied)
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
}

/// An existing file with a similar path; the smallest difference first.
pub fn suggest(path: &Path) -> Option<Suggestion> {
    let found = |path: Option<PathBuf>, by: Difference| {
        let path = path.filter(|path| fs::metadata(path).is_ok_and(|found| found.is_file()))?;
        Some(Suggestion { path, by })
    };
    found(differing_in_case(path), Difference::Case)
        .or_else(|| found(Some(toggle_layer_suffix(path)), Difference::Suffix))
        .or_else(|| found(same_stem(path), Difference::Suffix))
        .or_else(|| found(neighbouring_directory(path), Difference::Directory))
        .or_else(|| found(under_common_roots(path), Difference::Root))
}

/// The path without the suffix `.0`, or with it.
fn toggle_layer_suffix(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let other = match bytes.strip_suffix(b".0") {
        Some(base) => base.to_vec(),
        None => [bytes, b".0"].concat(),
    };
    PathBuf::from(OsStr::from_bytes(&other))
}

/// An existing path that differs in case only.
fn differing_in_case(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().skip(1).find(|directory| directory.exists())?;
    let mut found = existing.to_owned();
    for name in path.strip_prefix(existing).ok()? {
        let exact = found.join(name);
        found = if exact.exists() { exact } else { entry_differing_in_case(&found, name)? };
    }
    Some(found)
}

fn entry_differing_in_case(directory: &Path, name: &OsStr) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.flatten().take(MAX_NAMES);
    let mut names = entries.map(|entry| entry.file_name());
    Some(directory.join(names.find(|other| other.eq_ignore_ascii_case(name))?))
}

/// A file of the same directory with another suffix: `undionly.kpxe` for `undionly.0`.
fn same_stem(path: &Path) -> Option<PathBuf> {
    let stem = [path.file_stem()?.as_bytes(), b"."].concat();
    let entries = fs::read_dir(path.parent()?).ok()?.flatten().take(MAX_NAMES);
    let mut alike = entries.filter(|entry| entry.file_name().as_bytes().starts_with(&stem));
    alike.next().map(|entry| entry.path())
}

/// The same name in the parent directory, or in a subdirectory.
fn neighbouring_directory(path: &Path) -> Option<PathBuf> {
    let (parent, name) = (path.parent()?, path.file_name()?);
    let above = parent.parent().map(|above| above.join(name)).filter(|above| above.exists());
    above.or_else(|| {
        let entries = fs::read_dir(parent).ok()?.flatten().take(MAX_DIRECTORIES);
        let subdirectories = entries.filter(|entry| entry.path().is_dir());
        subdirectories.map(|entry| entry.path().join(name)).find(|path| path.exists())
    })
}

/// The last components of a path below one of the usual TFTP roots.
fn under_common_roots(path: &Path) -> Option<PathBuf> {
    let parts: Vec<_> = path.components().collect();
    let tails = (1..parts.len()).map(|from| parts[from..].iter().collect::<PathBuf>());
    tails
        .flat_map(|tail| COMMON_ROOTS.iter().map(move |root| Path::new(root).join(&tail)))
        .find(|other| other != path && other.is_file())
}

impl fmt::Display for FileCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path);
        match &self.file {
            Ok(size) => write!(f, "{path}, {size} bytes"),
            Err(FileProblem::NotFound(None)) => write!(f, "{path} does not exist"),
            Err(FileProblem::NotFound(Some(suggestion))) => {
                write!(f, "{path} does not exist, but {suggestion}")
            }
            Err(FileProblem::OutsideRoot) => write!(f, "{path} is outside of the TFTP root"),
            Err(FileProblem::NotAFile) => write!(f, "{path} is not a file"),
            Err(FileProblem::WrongOwner(user)) => {
                write!(f, "{path} does not belong to {user} (tftp-secure)")
            }
            Err(FileProblem::PermissionDenied(denied)) if denied.path == self.path => {
                write!(f, "{path} cannot be read by {}: {denied}", denied.user)
            }
            Err(FileProblem::PermissionDenied(denied)) => write!(
                f,
                "{path} cannot be read by {}, without search permission on {}: {denied}",
                denied.user,
                printable(&denied.path)
            ),
            Err(FileProblem::Other(reason)) => write!(f, "{path}: {reason}"),
        }
    }
}

/// A path without control characters: it may contain bytes from the network.
fn printable(path: &Path) -> String {
    let replace = |c: char| if c.is_control() { '?' } else { c };
    path_text(path).chars().map(replace).collect()
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path);
        match self.by {
            Difference::Case => write!(f, "{path} does (differs in case)"),
            Difference::Suffix => write!(f, "{path} does"),
            Difference::Directory => write!(f, "{path} does (in a neighbouring directory)"),
            Difference::Root => write!(f, "{path} does: is tftp-root wrong?"),
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

    #[test]
    fn control_characters_of_a_path_are_replaced() {
        let check = check_path(Path::new("/nowhere/a\nJan 1 forged\u{1b}[2J"), None, false);
        assert_eq!(check.to_string(), "/nowhere/a?Jan 1 forged?[2J does not exist");
    }

    #[test]
    fn similar_path_is_suggested() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("EFI/sub")).unwrap();
        for name in [
            "EFI/Boot.efi",
            "EFI/sub/deep",
            "EFI/pxelinux",
            "top",
            "EFI/grub.0",
            "EFI/undionly.kpxe",
        ] {
            fs::write(at(name), "x").unwrap();
        }
        for (missing, similar) in [
            ("efi/boot.EFI", Some("EFI/Boot.efi")),
            ("EFI/pxelinux.0", Some("EFI/pxelinux")),
            ("EFI/grub", Some("EFI/grub.0")),
            ("EFI/undionly.0", Some("EFI/undionly.kpxe")),
            ("EFI/deep", Some("EFI/sub/deep")),
            ("EFI/top", Some("top")),
            ("efi/none", None),
            ("none/there/is", None),
        ] {
            let found = suggest(&at(missing)).map(|suggestion| suggestion.path);
            assert_eq!(found, similar.map(at), "{missing}");
        }
    }
}
