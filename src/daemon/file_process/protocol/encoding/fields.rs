//! Reads the fields of a message.

use super::super::{Cause, ListedDirectory, Reply, Started, Unwatched};
use crate::daemon::file_process::roots::RootNumber;
use crate::sys::directory_changes::Watch;

/// The rest of a message.
pub struct Fields<'b>(pub &'b [u8]);

impl<'b> Fields<'b> {
    /// The next bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next number.
    pub fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    /// A root and a name below it.
    pub fn name(&mut self) -> Option<(RootNumber, &'b [u8])> {
        let root = u16::from_ne_bytes(self.array()?);
        let length = u16::from_ne_bytes(self.array()?);
        let (name, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some((root, name))
    }

    /// The rest of the message as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }

    /// The rest of the message as the result of the start.
    pub fn started(&mut self) -> Option<Started> {
        let count = u16::from_ne_bytes(self.array()?);
        let missing_roots: Option<Vec<u16>> =
            (0..count).map(|_| self.array().map(u16::from_ne_bytes)).collect();
        Some(Started { missing_roots: missing_roots?, restrictions: self.text() })
    }

    /// The rest of the message as numbers of watched directories.
    pub fn watches(&mut self) -> Option<Vec<Watch>> {
        self.all(|fields| fields.array().map(Watch::from_ne_bytes))
    }

    /// The rest of the message as the result of a listing.
    pub fn directory_listed(&mut self, end: Option<u16>) -> Option<Reply> {
        let size = u64::from_ne_bytes(self.array()?);
        Some(Reply::DirectoryListed(ListedDirectory { watches: self.watches()?, end }, size))
    }

    /// A directory that cannot be watched.
    pub fn unwatched(&mut self) -> Option<Unwatched> {
        let index = u16::from_ne_bytes(self.array()?);
        Some(Unwatched { index, error: i32::from_ne_bytes(self.array()?) })
    }

    /// All elements up to the end; `None`: one of them is malformed.
    pub fn all<T>(&mut self, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut elements = Vec::new();
        while !self.0.is_empty() {
            elements.push(element(self)?);
        }
        Some(elements)
    }

    /// The rest of the message as a cause.
    pub fn cause(&mut self) -> Option<Cause> {
        let file = u16::from_ne_bytes(self.array()?);
        Some(Cause { file, text: self.text() })
    }
}
