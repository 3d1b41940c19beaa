//! What would become of a request for a file; and of one that is not there, what there is near it.

use crate::byte_text::path_text;
use crate::config::Tftp;
use crate::strerror::strerror;
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

/// A request for a file.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest<'a> {
    /// The name, as it is asked for.
    pub name: &'a [u8],
    /// The interface it comes in by.
    pub interface: &'a str,
    /// Who asks.
    pub client: IpAddr,
    /// Its hardware address, if that is known otherwise than from the kernel.
    pub mac: Option<[u8; 6]>,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCheck {
    /// The path that the name leads to.
    pub path: PathBuf,
    /// The size of the file in bytes, or why it is not sent.
    pub file: Result<u64, FileProblem>,
}

/// Why a file is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// It is not there; but that is, perhaps.
    NotFound(Option<Suggestion>),
    /// The name climbs out of the root.
    OutsideRoot,
    /// It is a directory, or stranger things.
    NotAFile,
    /// `tftp-secure`: it belongs to somebody else than that user.
    WrongOwner(String),
    /// It may not be read.
    PermissionDenied(DeniedAt),
    /// It leads to a place that the daemon has not reached since it was confined.
    OutsideSandbox(PathBuf),
    /// Something else, in the system's words.
    Other(String),
}

/// Something that may have been meant by a path that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// It.
    pub path: PathBuf,
    /// What it differs in.
    pub by: Difference,
}

/// What a path differs in from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Capitals and small letters.
    Case,
    /// The `.0` at its end, or all that is behind the dot.
    Suffix,
    /// A directory.
    Directory,
    /// The root.
    Root,
}

/// Where somebody's way to a file ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedAt {
    /// The file, or a directory above it.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner's name, or number.
    pub owner: String,
    /// Who may not.
    pub user: String,
}

/// Who may enter, and read (mode bits of one class).
const ENTER: u32 = 1;
const READ: u32 = 4;
/// Directories that are looked into for something near.
const MAX_DIRECTORIES: usize = 200;
/// Names of a directory that are compared.
const MAX_NAMES: usize = 5_000;
/// Where distributions keep what is served.
const COMMON_ROOTS: &[&str] =
    &["/srv/tftp", "/var/lib/tftpboot", "/tftpboot", "/srv/tftpboot", "/var/tftp", "/var/ftpd"];

/// Looks for a file as a request for it would, by somebody's rights; `None`: nobody's in particular.
pub fn check_request(
    wanted: FileRequest<'_>,
    tftp: &Tftp,
    identity: Option<&Identity>,
) -> FileCheck {
    let shown = wanted.client.to_string();
    let asker =
        Requester { interface: wanted.interface, client: wanted.client, address_text: &shown };
    let mut history = LookupCache::new(Timestamp(0));
    let mut directories = StdFiles { mac: wanted.mac };
    let resolved = match resolve(wanted.name, tftp, asker, &mut history, &mut directories) {
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

/// Looks for a file by its path, by somebody's rights. `secure`: it is to belong to them.
pub fn check_path(path: &Path, identity: Option<&Identity>, secure: bool) -> FileCheck {
    FileCheck { path: path.to_owned(), file: size(path, identity, secure) }
}

fn size(path: &Path, identity: Option<&Identity>, secure: bool) -> Result<u64, FileProblem> {
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => Err(FileProblem::NotAFile),
        Ok(file) => {
            match identity.and_then(|identity| denied_reason(path, &file, identity, secure)) {
                Some(trouble) => Err(trouble),
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

/// The first part of a path that is closed to somebody.
pub fn denied_at(path: &Path, identity: &Identity) -> Option<DeniedAt> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    parts.into_iter().find_map(|part| {
        let bit = if part == path { READ } else { ENTER };
        let found =
            fs::metadata(part).ok().filter(|metadata| !identity.may_access(bit, metadata))?;
        Some(DeniedAt::at(part, &found, identity.user_name()))
    })
}

/// The last part of a path that we can see: what is behind it is closed to us.
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

/// What may have been meant by a path that is not there, nearest first.
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

/// The same path without `.0`, or with it.
fn toggle_layer_suffix(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let other = match bytes.strip_suffix(b".0") {
        Some(base) => base.to_vec(),
        None => [bytes, b".0"].concat(),
    };
    PathBuf::from(OsStr::from_bytes(&other))
}

/// The same path in other letters.
fn differing_in_case(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    let parent = if parent.exists() { parent.to_owned() } else { differing_in_case(parent)? };
    let name = path.file_name()?;
    if parent.join(name).exists() {
        return Some(parent.join(name));
    }
    let entries = fs::read_dir(&parent).ok()?.flatten().take(MAX_NAMES);
    let mut same =
        entries.map(|entry| entry.file_name()).filter(|other| other.eq_ignore_ascii_case(name));
    Some(parent.join(same.next()?))
}

/// A file beside it that ends otherwise: `undionly.kpxe` for `undionly.0`.
fn same_stem(path: &Path) -> Option<PathBuf> {
    let stem = [path.file_stem()?.as_bytes(), b"."].concat();
    let entries = fs::read_dir(path.parent()?).ok()?.flatten().take(MAX_NAMES);
    let mut alike = entries.filter(|entry| entry.file_name().as_bytes().starts_with(&stem));
    alike.next().map(|entry| entry.path())
}

/// The same name in the directory above, or in one beside the file.
fn neighbouring_directory(path: &Path) -> Option<PathBuf> {
    let (parent, name) = (path.parent()?, path.file_name()?);
    let above = parent.parent().map(|above| above.join(name)).filter(|above| above.exists());
    above.or_else(|| {
        let entries = fs::read_dir(parent).ok()?.flatten().take(MAX_DIRECTORIES);
        let beside = entries.filter(|entry| entry.path().is_dir());
        beside.map(|entry| entry.path().join(name)).find(|path| path.exists())
    })
}

/// The end of a path below one of the roots that distributions have.
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
            Err(FileProblem::NotFound(Some(near))) => {
                write!(f, "{path} does not exist, but {near}")
            }
            Err(FileProblem::OutsideRoot) => write!(f, "{path} is outside of the root"),
            Err(FileProblem::NotAFile) => write!(f, "{path} is not a file"),
            Err(FileProblem::WrongOwner(user)) => {
                write!(f, "{path} does not belong to {user} (tftp-secure)")
            }
            Err(FileProblem::PermissionDenied(barrier)) if barrier.path == self.path => {
                write!(f, "{path} cannot be read by {}: {barrier}", barrier.user)
            }
            Err(FileProblem::PermissionDenied(barrier)) => write!(
                f,
                "{path} cannot be read by {}, who may not enter {}: {barrier}",
                barrier.user,
                printable(&barrier.path)
            ),
            Err(FileProblem::OutsideSandbox(target)) => write!(
                f,
                "{path} leads to {}, where nothing led when this program started: restart it, or start it with --unconfined",
                printable(target)
            ),
            Err(FileProblem::Other(reason)) => write!(f, "{path}: {reason}"),
        }
    }
}

/// A path in one line: who asks for it may put anything into it.
fn printable(path: &Path) -> String {
    let clean = |c: char| if c.is_control() { '?' } else { c };
    path_text(path).chars().map(clean).collect()
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path);
        match self.by {
            Difference::Case => write!(f, "{path} does: letters differ"),
            Difference::Suffix => write!(f, "{path} does"),
            Difference::Directory => write!(f, "{path} does, a directory away"),
            Difference::Root => write!(f, "{path} does: is tftp-root wrong?"),
        }
    }
}

impl fmt::Display for DeniedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode {:o}, owner {}", self.mode, self.owner)?;
        // dnsmasq's rule for root.
        let rule = if self.user == "root" {
            "; what root serves, everybody has to be allowed to read"
        } else {
            ""
        };
        f.write_str(rule)
    }
}

/// Which directories there are is all that names need to be resolved.
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
        self.mac.or_else(|| crate::sys::neighbour::find(client)?.try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_begin_a_line_of_its_own() {
        let outcome = check_path(Path::new("/nowhere/a\nJan 1 forged\u{1b}[2J"), None, false);
        assert_eq!(outcome.to_string(), "/nowhere/a?Jan 1 forged?[2J does not exist");
    }

    #[test]
    fn what_was_meant_is_found() {
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
        for (asked, meant) in [
            ("efi/boot.EFI", Some("EFI/Boot.efi")),
            ("EFI/pxelinux.0", Some("EFI/pxelinux")),
            ("EFI/grub", Some("EFI/grub.0")),
            ("EFI/undionly.0", Some("EFI/undionly.kpxe")),
            ("EFI/deep", Some("EFI/sub/deep")),
            ("EFI/top", Some("top")),
            ("efi/none", None),
            ("none/there/is", None),
        ] {
            let found = suggest(&at(asked)).map(|near| near.path);
            assert_eq!(found, meant.map(at), "{asked}");
        }
    }
}
