//! The boot files: the same names in two roots, with different bytes.

use crate::common::lab::Lab;
use crate::scene::contents;
use std::ops::BitOr;
use std::sync::atomic::{AtomicU8, Ordering};

/// Names and sizes. A machine loads the first two; the others are loaded all the time.
pub const FILES: [(&str, usize); 5] = [
    ("pxelinux.0", 42_000),
    ("pxelinux.cfg/default", 300),
    ("kernel", 100_001),
    ("initrd", 150_000),
    ("image", 220_200),
];
/// The files of a machine, in the order of its requests.
pub const OF_A_MACHINE: [usize; 2] = [0, 1];
/// The files that are loaded all the time.
pub const LARGE: [usize; 3] = [2, 3, 4];

pub const ROOT_PATHS: [&str; 2] = ["/srv/tftp", "/srv/other"];

/// A set of roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots(u8);

impl Roots {
    /// The first of [`ROOT_PATHS`].
    pub const FIRST: Self = Self(1);

    /// The root with this index of [`ROOT_PATHS`].
    pub fn only(index: usize) -> Self {
        Self(1 << index)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Roots {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The roots that a request may be answered from at this moment: two during a replacement.
pub struct ServedRoots(AtomicU8);

impl ServedRoots {
    pub fn new(roots: Roots) -> Self {
        Self(AtomicU8::new(roots.0))
    }

    pub fn get(&self) -> Roots {
        Roots(self.0.load(Ordering::SeqCst))
    }

    pub fn set(&self, roots: Roots) {
        self.0.store(roots.0, Ordering::SeqCst);
    }
}

/// The bytes of all files in all roots.
pub struct Files([Vec<Vec<u8>>; 2]);

impl Files {
    /// Writes the files.
    pub fn write(lab: &Lab) -> Self {
        Self(ROOT_PATHS.map(|root| {
            let write = |(name, size): (&str, usize)| {
                let path = format!("{root}/{name}");
                let bytes = contents(&path, size);
                lab.file(&path, &bytes);
                bytes
            };
            FILES.into_iter().map(write).collect()
        }))
    }

    /// Those of the roots whose file has these bytes at this place.
    pub fn matching(&self, roots: Roots, file: usize, offset: usize, data: &[u8]) -> Roots {
        let has = |root: usize| {
            let wanted = self.0[root][file].get(offset..offset + data.len());
            roots.0 & 1 << root != 0 && wanted == Some(data)
        };
        let found = (0..self.0.len()).filter(|root| has(*root)).map(Roots::only);
        found.fold(Roots(0), BitOr::bitor)
    }
}
