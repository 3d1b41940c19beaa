//! [`Files`]: how the core sees files. On disk they are the daemon's; here are those of the tests.

/// Files that can be opened and read.
pub trait Files {
    /// Opens a file by its path.
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError>;

    /// What the file holds from an offset on: so many bytes, and fewer only where it ends.
    fn read(&mut self, file: FileId, offset: u64, wanted: usize) -> ReadResult<'_>;

    /// Closes a file.
    fn close(&mut self, file: FileId);

    /// Whether there is a directory of that path; `None`: that is not known yet. The daemon tells when it is.
    fn is_directory(&mut self, path: &[u8]) -> Option<bool>;

    /// The hardware address of a neighbour, if it is known.
    fn mac_of(&self, client: std::net::IpAddr) -> Option<[u8; 6]>;
}

/// An open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A file that was opened, and its size then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedFile {
    /// By which it is read.
    pub file: FileId,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a file is not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// There is none.
    NotFound,
    /// It may not be read.
    Denied,
    /// Something else, in the system's words.
    Failed(String),
    /// It is not known yet: the disk is slow. The daemon tells when it is.
    Pending,
}

/// What a disk was asked for and has not told yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiskLookup {
    /// The file of a path.
    File(Vec<u8>),
    /// Whether a path is a directory.
    Directory(Vec<u8>),
}

/// What reading gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadResult<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Nothing yet: the disk is slow. The daemon tells when it is worth another try.
    Pending,
    /// Nothing, ever; the system's words.
    Failed(String),
}

#[cfg(test)]
pub mod memory {
    use super::{FileId, Files, OpenError, OpenedFile, ReadResult};
    use std::collections::HashMap;

    /// Files in memory. A name that ends in `/` is a directory.
    #[derive(Default)]
    pub struct Memory {
        files: HashMap<Vec<u8>, Vec<u8>>,
        open: Vec<Vec<u8>>,
        /// How many files are open.
        pub in_use: usize,
        /// Answer with `Pending`.
        pub slow: bool,
        /// But for this, which the disk has told.
        pub resolved: Option<super::DiskLookup>,
    }

    impl Memory {
        pub fn with(files: &[(&str, &[u8])]) -> Self {
            let files =
                files.iter().map(|(name, bytes)| (name.as_bytes().to_vec(), bytes.to_vec()));
            Self { files: files.collect(), ..Self::default() }
        }

        pub fn put(&mut self, name: &str, bytes: &[u8]) {
            self.files.insert(name.as_bytes().to_vec(), bytes.to_vec());
        }
    }

    impl Files for Memory {
        fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
            if self.slow {
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
