//! Files in memory without a name (`memfd_create(2)`), to pass data to another process.

use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io;

/// A new file in memory.
pub fn create() -> io::Result<File> {
    Ok(memfd_create(c"pxemasq", MFdFlags::MFD_CLOEXEC)?.into())
}
