//! Reading files of the configuration: never more than a limit, and without waiting for a writer of a FIFO (D-038).

use crate::strerror::strerror;
use crate::sys::file_io::{is_anonymous_pipe, open_config_file, set_blocking};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Maximum number of bytes that one pass reads, over all its files. A million `dhcp-host` lines are about 50 MB, so five
/// million fit; the rules that are made of them fit into the memory of a small server.
pub const MAX_TOTAL_SIZE: u64 = 256 << 20;

/// Why a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// An error number of the system.
    Os(i32),
    /// The path contains a NUL.
    BadPath,
    /// It is a FIFO, and reading it may wait forever.
    Fifo,
    /// With this file, more than [`MAX_TOTAL_SIZE`] bytes would be read.
    TooLarge,
}

impl ReadError {
    /// The reason and, if the error is not one of the system, the remedy.
    pub fn reason(self) -> String {
        match self {
            Self::Os(number) => strerror(&io::Error::from_raw_os_error(number)),
            Self::BadPath => "file name contained an unexpected NUL byte".to_owned(),
            Self::Fifo => "it is a FIFO, use a regular file".to_owned(),
            Self::TooLarge => {
                let mebibytes = MAX_TOTAL_SIZE >> 20;
                format!("with it, more than {mebibytes} MiB must be read, use smaller files")
            }
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or(Self::BadPath, Self::Os)
    }
}

/// What was read of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent<'a> {
    /// The bytes, up to the error if there is one.
    pub bytes: Cow<'a, [u8]>,
    /// Why not all bytes were read.
    pub error: Option<ReadError>,
}

impl<'a> FileContent<'a> {
    /// The bytes of a file that was read to its end.
    ///
    /// # Errors
    /// The file was not read to its end.
    pub fn complete(self) -> Result<Cow<'a, [u8]>, ReadError> {
        self.error.map_or(Ok(self.bytes), Err)
    }
}

impl From<ReadError> for FileContent<'_> {
    fn from(error: ReadError) -> Self {
        Self { bytes: Cow::default(), error: Some(error) }
    }
}

/// The number of bytes that a pass may still read.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    left: u64,
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self { left: MAX_TOTAL_SIZE }
    }
}

impl ReadLimit {
    /// Counts bytes that were read.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn count(&mut self, size: usize) -> Result<(), ReadError> {
        let left = u64::try_from(size).ok().and_then(|size| self.left.checked_sub(size));
        self.left = left.ok_or(ReadError::TooLarge)?;
        Ok(())
    }

    /// Reads a file. A FIFO is refused. Of a file that exceeds the limit nothing is kept, so that files after it can be read.
    pub fn read(&mut self, path: &Path) -> FileContent<'static> {
        match open_config_file(path) {
            Ok(file) => self.read_open(&file).unwrap_or_else(FileContent::from),
            Err(error) => ReadError::from(error).into(),
        }
    }

    /// As [`read`](Self::read), for a file that is open already.
    pub fn read_open(&mut self, file: &File) -> Result<FileContent<'static>, ReadError> {
        let metadata = file.metadata()?;
        if metadata.file_type().is_fifo() {
            return Err(ReadError::Fifo);
        }
        if metadata.is_file() && metadata.len() > self.left {
            return Err(ReadError::TooLarge);
        }
        let mut bytes = Vec::new();
        bytes.reserve_exact(usize::try_from(metadata.len()).unwrap_or_default());
        self.read_input(file, bytes)
    }

    /// Reads an input to its end and appends what it read to `bytes`.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn read_input(
        &mut self,
        input: impl Read,
        mut bytes: Vec<u8>,
    ) -> Result<FileContent<'static>, ReadError> {
        let read = input.take(self.left + 1).read_to_end(&mut bytes);
        self.count(bytes.len())?;
        let error = read.err().map(ReadError::from);
        Ok(FileContent { bytes: bytes.into(), error })
    }
}

/// Opens a file of the configuration that is read once, at the start. A pipe without a name, for example of `<(command)`, is read
/// to its end; a FIFO with a name is refused.
///
/// # Errors
/// The file cannot be opened.
pub fn open_once(path: &Path) -> Result<File, ReadError> {
    let file = open_config_file(path)?;
    let file_type = file.metadata()?.file_type();
    if file_type.is_fifo() && !is_anonymous_pipe(&file) {
        return Err(ReadError::Fifo);
    }
    if !file_type.is_file() {
        set_blocking(&file)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn fifo_and_endless_device_are_refused_and_the_next_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut limit = ReadLimit { left: 3 };
        assert_eq!(limit.read(&fifo), ReadError::Fifo.into());
        assert_eq!(open_once(&fifo).unwrap_err(), ReadError::Fifo);
        assert_eq!(limit.read(Path::new("/dev/zero")), ReadError::TooLarge.into());
        assert_eq!(limit.read(Path::new("/dev/null")).complete(), Ok(Cow::default()));
        let file = folder.path().join("file");
        std::fs::write(&file, "abcd").unwrap();
        assert_eq!(limit.read(&file), ReadError::TooLarge.into());
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(limit.read(&file).complete(), Ok(b"abc".into()));
        assert_eq!(limit.read(&file), ReadError::TooLarge.into());
    }

    #[test]
    fn size_of_a_large_file_is_checked_before_it_is_read() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(MAX_TOTAL_SIZE + 1).unwrap();
        assert_eq!(ReadLimit::default().read_open(&file), Err(ReadError::TooLarge));
    }

    #[test]
    fn error_has_the_text_of_the_system() {
        let read = |path: &str| ReadLimit::default().read(Path::new(path)).complete().unwrap_err();
        for (path, reason) in [
            ("/nothing/of/that/name", "No such file or directory"),
            ("/", "Is a directory"),
            ("a\0b", "file name contained an unexpected NUL byte"),
        ] {
            assert_eq!(read(path).reason(), reason);
            let before = strerror(&std::fs::read(path).unwrap_err());
            assert_eq!(read(path).reason(), before);
        }
    }

    #[test]
    fn pipe_without_a_name_is_read_when_its_writer_is_late() {
        let (reader, mut writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let mut file = open_once(Path::new(&path)).unwrap();
        let late = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            io::Write::write_all(&mut writer, b"text").unwrap();
        });
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        late.join().unwrap();
        assert_eq!(text, "text");
    }
}
