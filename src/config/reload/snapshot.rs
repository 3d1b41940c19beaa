//! The contents of the files that are read again, as data: one process can read the files and another one use them.

use crate::config::file_content::{FileContent, ReadError};
use std::borrow::Cow;
use std::io::{self, Write};

/// What was read of the paths of a [`ConfigFileList`](super::file_list::ConfigFileList), in the order of that list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSnapshot<'a> {
    /// One for each path.
    pub paths: Vec<PathContent<'a>>,
}

/// What was read of a configured path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathContent<'a> {
    /// It is no directory, and need not be one.
    File(FileContent<'a>),
    /// The files of a directory, in the order in which they are used.
    Directory(Vec<NamedFile<'a>>),
    /// A directory whose names cannot be read.
    UnreadableDirectory(ReadError),
    /// There is no such path, and it should be a directory.
    MissingDirectory(ReadError),
    /// It should be a directory and is none.
    NoDirectory,
}

/// A file of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile<'a> {
    /// The name in the directory.
    pub name: Cow<'a, [u8]>,
    /// The content.
    pub content: FileContent<'a>,
}

/// A file of a watched directory that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile<'a> {
    /// Index of the directory in the list.
    pub directory: usize,
    /// The name in the directory.
    pub name: Cow<'a, [u8]>,
    /// The content; `None`: it is not read, because it is no regular file.
    pub content: Option<FileContent<'a>>,
}

const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const UNREADABLE_DIRECTORY: u8 = 2;
const MISSING_DIRECTORY: u8 = 3;
const NO_DIRECTORY: u8 = 4;

const NO_ERROR: u8 = 0;
const OS_ERROR: u8 = 1;
const BAD_PATH: u8 = 2;
const FIFO: u8 = 3;
const TOO_LARGE: u8 = 4;

impl<'a> ConfigSnapshot<'a> {
    /// Writes the snapshot as bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn encode(&self, out: &mut impl Write) -> io::Result<()> {
        put_count(out, self.paths.len())?;
        self.paths.iter().try_for_each(|path| path.encode(out))
    }

    /// The snapshot that [`encode`](Self::encode) has written; `None` for any other bytes.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Encoded(bytes);
        let paths = input.list(Encoded::path)?;
        input.0.is_empty().then_some(Self { paths })
    }
}

impl<'a> ChangedFile<'a> {
    /// Writes the file as bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn encode(&self, out: &mut impl Write) -> io::Result<()> {
        put_count(out, self.directory)?;
        put_bytes(out, &self.name)?;
        out.write_all(&[u8::from(self.content.is_some())])?;
        self.content.as_ref().map_or(Ok(()), |content| put_content(out, content))
    }

    /// The file that [`encode`](Self::encode) has written; `None` for any other bytes.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Encoded(bytes);
        let (directory, name) = (input.count()?, input.bytes()?.into());
        let content = match input.byte()? {
            0 => None,
            1 => Some(input.content()?),
            _ => return None,
        };
        input.0.is_empty().then_some(Self { directory, name, content })
    }
}

impl PathContent<'_> {
    fn encode(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::File(content) => {
                out.write_all(&[FILE])?;
                put_content(out, content)
            }
            Self::Directory(files) => {
                out.write_all(&[DIRECTORY])?;
                put_directory(out, files)
            }
            Self::UnreadableDirectory(error) => {
                out.write_all(&[UNREADABLE_DIRECTORY])?;
                put_error(out, *error)
            }
            Self::MissingDirectory(error) => {
                out.write_all(&[MISSING_DIRECTORY])?;
                put_error(out, *error)
            }
            Self::NoDirectory => out.write_all(&[NO_DIRECTORY]),
        }
    }
}

fn put_directory(out: &mut impl Write, files: &[NamedFile<'_>]) -> io::Result<()> {
    put_count(out, files.len())?;
    for file in files {
        put_bytes(out, &file.name)?;
        put_content(out, &file.content)?;
    }
    Ok(())
}

fn put_content(out: &mut impl Write, content: &FileContent<'_>) -> io::Result<()> {
    match content.error {
        Some(error) => put_error(out, error)?,
        None => out.write_all(&[NO_ERROR])?,
    }
    put_bytes(out, &content.bytes)
}

fn put_error(out: &mut impl Write, error: ReadError) -> io::Result<()> {
    let (kind, number) = match error {
        ReadError::Os(number) => (OS_ERROR, number),
        ReadError::BadPath => (BAD_PATH, 0),
        ReadError::Fifo => (FIFO, 0),
        ReadError::TooLarge => (TOO_LARGE, 0),
    };
    out.write_all(&[kind])?;
    out.write_all(&number.to_le_bytes())
}

fn put_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    put_count(out, bytes.len())?;
    out.write_all(bytes)
}

fn put_count(out: &mut impl Write, count: usize) -> io::Result<()> {
    out.write_all(&(count as u64).to_le_bytes())
}

/// Bytes that are not read yet.
struct Encoded<'a>(&'a [u8]);

impl<'a> Encoded<'a> {
    fn path(&mut self) -> Option<PathContent<'a>> {
        Some(match self.byte()? {
            FILE => PathContent::File(self.content()?),
            DIRECTORY => PathContent::Directory(self.list(Self::named_file)?),
            UNREADABLE_DIRECTORY => PathContent::UnreadableDirectory(self.error()?),
            MISSING_DIRECTORY => PathContent::MissingDirectory(self.error()?),
            NO_DIRECTORY => PathContent::NoDirectory,
            _ => return None,
        })
    }

    fn named_file(&mut self) -> Option<NamedFile<'a>> {
        Some(NamedFile { name: self.bytes()?.into(), content: self.content()? })
    }

    fn content(&mut self) -> Option<FileContent<'a>> {
        let error = match self.byte()? {
            NO_ERROR => None,
            kind => Some(self.error_of(kind)?),
        };
        Some(FileContent { bytes: self.bytes()?.into(), error })
    }

    fn error(&mut self) -> Option<ReadError> {
        let kind = self.byte()?;
        self.error_of(kind)
    }

    fn error_of(&mut self, kind: u8) -> Option<ReadError> {
        let number = i32::from_le_bytes(self.take(4)?.try_into().ok()?);
        match kind {
            OS_ERROR => Some(ReadError::Os(number)),
            BAD_PATH => Some(ReadError::BadPath),
            FIFO => Some(ReadError::Fifo),
            TOO_LARGE => Some(ReadError::TooLarge),
            _ => None,
        }
    }

    /// No memory is reserved for the count, because it may be wrong.
    fn list<T>(&mut self, element: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.count()?).map(|_| element(self)).collect()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.take(8)?.try_into().ok()?)).ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8], error: Option<ReadError>) -> FileContent<'_> {
        FileContent { bytes: bytes.into(), error }
    }

    fn snapshot() -> ConfigSnapshot<'static> {
        let file = |name: &'static [u8], content| NamedFile { name: name.into(), content };
        let paths = vec![
            PathContent::File(content(b"text", None)),
            PathContent::File(content(b"a", Some(ReadError::Os(5)))),
            PathContent::File(content(b"", Some(ReadError::TooLarge))),
            PathContent::Directory(vec![
                file(b"x", content(b"1", None)),
                file(b"\xFF", content(b"", Some(ReadError::Fifo))),
            ]),
            PathContent::UnreadableDirectory(ReadError::Os(13)),
            PathContent::MissingDirectory(ReadError::BadPath),
            PathContent::NoDirectory,
            PathContent::Directory(Vec::new()),
        ];
        ConfigSnapshot { paths }
    }

    fn encoded(snapshot: &ConfigSnapshot) -> Vec<u8> {
        let mut bytes = Vec::new();
        snapshot.encode(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn snapshot_is_decoded_as_it_was_encoded_and_not_if_it_is_cut() {
        let (snapshot, empty) = (snapshot(), ConfigSnapshot::default());
        let bytes = encoded(&snapshot);
        assert_eq!(ConfigSnapshot::decode(&bytes), Some(snapshot));
        assert_eq!(ConfigSnapshot::decode(&encoded(&empty)), Some(empty));
        for length in 0..bytes.len() {
            assert_eq!(ConfigSnapshot::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(ConfigSnapshot::decode(&[&bytes[..], &[0]].concat()), None);
    }

    #[test]
    fn changed_file_is_decoded_as_it_was_encoded_and_not_if_it_is_cut() {
        for content in [None, Some(content(b"text", Some(ReadError::Os(2))))] {
            let changed = ChangedFile { directory: 7, name: b"name".into(), content };
            let mut bytes = Vec::new();
            changed.encode(&mut bytes).unwrap();
            assert_eq!(ChangedFile::decode(&bytes), Some(changed));
            for length in 0..bytes.len() {
                assert_eq!(ChangedFile::decode(&bytes[..length]), None, "{length}");
            }
        }
    }

    /// Any bytes, and a snapshot with some bytes replaced: what is decoded is encoded to the same bytes, except for numbers of
    /// errors that have none.
    #[test]
    fn arbitrary_bytes_are_decoded_or_refused() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let valid = encoded(&snapshot());
        let mut decoded = 0;
        for round in 0..20_000 {
            let mut bytes = valid.clone();
            if round % 2 == 0 {
                bytes = (0..random() % 64).map(|_| (random() % 6).to_le_bytes()[0]).collect();
            }
            for _ in 0..random() % 4 {
                let index = random().checked_rem(bytes.len() as u64).unwrap_or_default();
                if let Some(byte) = bytes.get_mut(usize::try_from(index).unwrap()) {
                    *byte = random().to_le_bytes()[0];
                }
            }
            let _ = ChangedFile::decode(&bytes);
            if let Some(snapshot) = ConfigSnapshot::decode(&bytes) {
                assert_eq!(ConfigSnapshot::decode(&encoded(&snapshot)), Some(snapshot));
                decoded += 1;
            }
        }
        assert!(decoded > 1000, "{decoded}");
    }
}
