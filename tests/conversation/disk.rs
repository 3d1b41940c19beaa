//! The files of the simulation. They are in memory; the disk can be slow.

use pxemasq::tftp::files::{DiskLookup, FileId, Files, OpenError, OpenedFile, ReadResult};
use std::net::IpAddr;

/// Names and sizes in bytes.
pub const FILES: [(&str, usize); 8] = [
    ("empty", 0),
    ("one", 1),
    ("short", 511),
    ("full", 512),
    ("more", 513),
    ("loader", 3000),
    ("exact", 8192),
    ("kernel", 40_000),
];
/// The TFTP root.
const ROOT: &str = "/";

/// The bytes of a file: with newlines for netascii, and different in each block.
pub fn contents(file: usize) -> Vec<u8> {
    let byte =
        |at: usize| if at % 7 == 3 { b'\n' } else { (at * 31 + at / 256 + file).to_le_bytes()[0] };
    (0..FILES[file].1).map(byte).collect()
}

/// All files, and the operations that wait for the slow disk.
pub struct Disk {
    all: Vec<Vec<u8>>,
    open: Vec<Option<usize>>,
    /// While it is set, reads and lookups return `Pending`.
    pub slow: bool,
    parts: Vec<(FileId, u64)>,
    names: Vec<DiskLookup>,
}

impl Disk {
    pub fn new() -> Self {
        let all = (0..FILES.len()).map(contents).collect();
        Self { all, open: Vec::new(), slow: false, parts: Vec::new(), names: Vec::new() }
    }

    /// Returns and removes the reads and lookups that returned `Pending`.
    pub fn take_pending(&mut self) -> (Vec<(FileId, u64)>, Vec<DiskLookup>) {
        (std::mem::take(&mut self.parts), std::mem::take(&mut self.names))
    }

    /// Number of open files.
    pub fn in_use(&self) -> usize {
        self.open.iter().flatten().count()
    }
}

impl Files for Disk {
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
        if self.slow {
            self.names.push(DiskLookup::File(path.to_vec()));
            return Err(OpenError::Pending);
        }
        let is = |name: &str| [ROOT.as_bytes(), name.as_bytes()].concat() == path;
        let file = FILES.iter().position(|(name, _)| is(name)).ok_or(OpenError::NotFound)?;
        self.open.push(Some(file));
        Ok(OpenedFile { file: FileId(self.open.len() - 1), size: self.all[file].len() as u64 })
    }

    fn read(&mut self, file: FileId, offset: u64, wanted: usize) -> ReadResult<'_> {
        if self.slow {
            self.parts.push((file, offset));
            return ReadResult::Pending;
        }
        let bytes = &self.all[self.open[file.0].expect("the file is open")];
        let left = bytes.get(usize::try_from(offset).expect("small")..).unwrap_or_default();
        ReadResult::Bytes(&left[..left.len().min(wanted)])
    }

    fn close(&mut self, file: FileId) {
        assert!(self.open[file.0].take().is_some(), "a file is closed twice");
    }

    fn is_directory(&mut self, _: &[u8]) -> Option<bool> {
        Some(false)
    }

    fn mac_of(&self, _: IpAddr) -> Option<[u8; 6]> {
        None
    }
}
