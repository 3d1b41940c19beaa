//! The files of the stages. Their content does not matter, so all of them are one buffer.

use super::case::Stage;
use pxemasq::tftp::files::{FileId, Files, OpenError, OpenedFile, ReadResult};
use std::net::IpAddr;

/// Files that are named by the number of their stage.
pub struct HallFiles {
    sizes: Vec<u64>,
    buffer: Vec<u8>,
}

/// More than a window.
const BUFFER_LEN: usize = 128 * 1024;

impl HallFiles {
    pub fn new(stages: &[Stage]) -> Self {
        Self {
            sizes: stages.iter().map(|stage| stage.bytes).collect(),
            buffer: vec![0; BUFFER_LEN],
        }
    }
}

impl Files for HallFiles {
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
        let name = std::str::from_utf8(path).ok().map(|path| path.trim_start_matches('/'));
        let file = name.and_then(|name| name.parse().ok()).ok_or(OpenError::NotFound)?;
        let size = *self.sizes.get(file).ok_or(OpenError::NotFound)?;
        Ok(OpenedFile { file: FileId(file), size })
    }

    fn read(&mut self, _: FileId, _: u64, len: usize) -> ReadResult<'_> {
        ReadResult::Bytes(&self.buffer[..len])
    }

    fn close(&mut self, _: FileId) {}

    fn is_directory(&mut self, _: &[u8]) -> Option<bool> {
        Some(false)
    }

    fn mac_of(&self, _: IpAddr) -> Option<[u8; 6]> {
        None
    }
}
