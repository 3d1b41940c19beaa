//! [`Files`]: the interface to files. `daemon/files` has those on disk.

/// Files that can be opened and read.
pub trait Files {
    /// Opens a file by its path.
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError>;

    /// Reads `len` bytes from an offset, or fewer at the end of the file.
    fn read(&mut self, file: FileId, offset: u64, len: usize) -> ReadResult<'_>;

    /// Closes a file.
    fn close(&mut self, file: FileId);

    /// Whether there is a directory of this path. `None`: not known yet; `Input::LookedUp` follows.
    fn is_directory(&mut self, path: &[u8]) -> Option<bool>;

    /// The hardware address of a client, if the neighbour table has it.
    fn mac_of(&self, client: std::net::IpAddr) -> Option<[u8; 6]>;
}

/// An open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A file that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedFile {
    /// Its number.
    pub file: FileId,
    /// Its size when it was opened, in bytes.
    pub size: u64,
}

/// Why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// There is no such file.
    NotFound,
    /// It may not be read.
    Denied,
    /// Another error: the message of the system.
    Failed(String),
    /// Not known yet; `Input::LookedUp` follows.
    Pending,
}

/// A look-up that the disk has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiskLookup {
    /// The file of a path.
    File(Vec<u8>),
    /// Whether a path is a directory.
    Directory(Vec<u8>),
}

/// The result of [`Files::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadResult<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// The bytes are not in memory yet; `Input::DiskRead` follows.
    Pending,
    /// Reading failed: the message of the system.
    Failed(String),
}

#[cfg(test)]
pub mod memory {
    use super::{FileId, Files, OpenError, OpenedFile, ReadResult};
    use std::collections::HashMap;

    /// Files in memory, for tests. A name that ends in `/` is a directory.
    #[derive(Default)]
    pub struct Memory {
        files: HashMap<Vec<u8>, Vec<u8>>,
        open: Vec<Vec<u8>>,
        /// How many files are open.
        pub in_use: usize,
        /// Answer with `Pending`, except for `resolved`.
        pub slow: bool,
        /// A look-up that has a result although the disk is slow.
        pub resolved: Option<super::DiskLookup>,
    }

    impl Memory {
        pub fn with(files: &[(&str, &[u8])]) -> Self {
            let files =
                files.iter().map(|(name, bytes)| (name.as_bytes().to_vec(), bytes.to_vec()));
            Self { files: files.collect(), ..Self::default() }
        }

        pub fn put(&mut self, name: &str, bytes: &[u8]) {
            self.put_bytes(name.as_bytes(), bytes);
        }

        pub fn put_bytes(&mut self, name: &[u8], bytes: &[u8]) {
            self.files.insert(name.to_vec(), bytes.to_vec());
        }
    }

    impl Files for Memory {
        fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
            let lookup = Some(super::DiskLookup::File(path.to_vec()));
            if self.slow && self.resolved != lookup {
                return Err(OpenError::Pending);
            }
            let bytes = self.files.get(path).ok_or(OpenError::NotFound)?;
            self.open.push(path.to_vec());
            self.in_use += 1;
            Ok(OpenedFile { file: FileId(self.open.len() - 1), size: bytes.len() as u64 })
        }

        fn read(&mut self, file: FileId, offset: u64, wanted: usize) -> ReadResult<'_> {
            if self.slow {
                return ReadResult::Pending;
            }
            let path = &self.open[file.0];
            if path.ends_with(b"/") {
                return ReadResult::Failed("Is a directory".to_owned());
            }
            let bytes =
                self.files[path].get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            ReadResult::Bytes(&bytes[..bytes.len().min(wanted)])
        }

        fn close(&mut self, _: FileId) {
            self.in_use -= 1;
        }

        fn is_directory(&mut self, path: &[u8]) -> Option<bool> {
            let is = self.files.keys().any(|name| name.starts_with(path) && path.ends_with(b"/"));
            let lookup = Some(super::DiskLookup::Directory(path.to_vec()));
            (!self.slow || self.resolved == lookup).then_some(is)
        }

        fn mac_of(&self, _: std::net::IpAddr) -> Option<[u8; 6]> {
            Some([2, 0, 0, 0xc, 0, 0])
        }
    }
}
