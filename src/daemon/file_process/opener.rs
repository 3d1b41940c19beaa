//! Opens files below the roots, with dnsmasq's rules for access (docs/dnsmasq/tftp.md, section 5).

use super::protocol::{FileFacts, Lookup, LookupKind, Outcome};
use super::roots::Roots;
use crate::sys::file_io::{self, is_ramfs};
use crate::sys::file_system::has_only_reported_changes;
use crate::sys::file_version::nanoseconds;
use crate::sys::{limits, memory_file, privilege};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// The files that look-ups find.
pub trait Disk: Send + Sync {
    /// The path of a look-up; `None`: it is not below its root.
    fn path(&self, lookup: &Lookup) -> Option<Vec<u8>>;

    /// Looks up a path. It may wait for a disk.
    fn look_up(&self, kind: LookupKind, path: &[u8], lease: Lease) -> Found;
}

/// The roots, and the rules for access.
#[derive(Debug)]
pub struct Opener {
    roots: Roots,
    /// `tftp-secure`: only files of the user that serves.
    secure: bool,
}

/// The result of a look-up.
#[derive(Debug)]
pub enum Found {
    /// An open file.
    File(File, FileFacts),
    /// Any other result.
    Other(Outcome),
    /// Another process holds a lease on the file (fcntl(2)), so that opening it has to wait.
    Leased,
}

/// Whether to wait until no other process holds a lease on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Wait.
    Wait,
    /// The result is [`Found::Leased`].
    Report,
}

/// The last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// The name of the file.
    OfFile,
    /// A symbolic link, or there are too many links on the path.
    Link,
}

/// Mode bit: readable for all users.
const WORLD_READABLE: u32 = 0o004;

impl Opener {
    /// An opener for the user of this process.
    pub fn new(roots: Roots, secure: bool) -> Self {
        Self { roots, secure }
    }

    fn open(&self, path: &OsStr, lease: Lease) -> io::Result<Found> {
        let (opened, name) = match file_io::open_no_link(path) {
            Err(error) if error.raw_os_error() == Some(limits::ELOOP) => {
                (file_io::open(path), Name::Link)
            }
            opened => (opened, Name::OfFile),
        };
        let file = match (opened, lease) {
            (Err(error), Lease::Wait) if is_lease(&error) => file_io::open_blocking(path)?,
            (opened, _) => opened?,
        };
        let metadata = file.metadata()?;
        if !self.allows(&metadata) {
            return Ok(Found::Other(Outcome::Denied));
        }
        let facts = FileFacts::of(&file, &metadata, name);
        // With a descriptor of a directory, other files can be opened (openat(2)), so the packet process gets an empty file.
        let file = if facts.is_directory { memory_file::create()? } else { file };
        Ok(Found::File(file, facts))
    }

    fn allows(&self, metadata: &Metadata) -> bool {
        if privilege::is_root() {
            metadata.mode() & WORLD_READABLE != 0
        } else {
            !self.secure || metadata.uid() == privilege::own_uid()
        }
    }
}

impl Disk for Opener {
    fn path(&self, lookup: &Lookup) -> Option<Vec<u8>> {
        self.roots.join(lookup.root, &lookup.name)
    }

    fn look_up(&self, kind: LookupKind, path: &[u8], lease: Lease) -> Found {
        let path = OsStr::from_bytes(path);
        match kind {
            LookupKind::File => self.open(path, lease).unwrap_or_else(|error| refused(&error)),
            LookupKind::Directory => {
                let is_directory = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
                Found::Other(Outcome::Directory(is_directory))
            }
        }
    }
}

fn is_lease(error: &io::Error) -> bool {
    error.raw_os_error() == Some(limits::EWOULDBLOCK)
}

fn refused(error: &io::Error) -> Found {
    Found::Other(match error.raw_os_error() {
        Some(limits::ENOENT) => Outcome::NotFound,
        Some(limits::EACCES) => Outcome::Denied,
        Some(limits::EWOULDBLOCK) => return Found::Leased,
        number => Outcome::Failed(number.unwrap_or_default()),
    })
}

impl FileFacts {
    fn of(file: &File, metadata: &Metadata, name: Name) -> Self {
        let version = [
            metadata.dev().cast_signed(),
            metadata.ino().cast_signed(),
            metadata.size().cast_signed(),
            nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        ];
        let is_regular = metadata.is_file();
        let is_in_memory = is_regular && is_ramfs(file);
        let is_name_reported =
            is_regular && name == Name::OfFile && has_only_reported_changes(file);
        let (device, size, is_directory) = (metadata.dev(), metadata.size(), metadata.is_dir());
        Self { device, version, size, is_regular, is_directory, is_in_memory, is_name_reported }
    }
}
