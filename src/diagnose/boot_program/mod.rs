//! What a boot file is, and whether a client can start it.
//!
//! ```text
//! file ─► identify ─► BootProgram ─► compare with a Client ─► Fit, ProgramReason
//! ```
//!
//! Only the contents count, not the name: `undionly.kpxe` may be a renamed EFI program. What the contents do not show is
//! [`Fit::Unknown`].

mod client;
mod compare;
mod efi;
mod format;
mod ipxe;
mod machine;
mod text;

#[cfg(test)]
mod tests;

pub use client::{Client, Firmware};
pub use compare::{Comparison, Fit, compare, explain_repeated_load};
pub use efi::{EfiProgram, Role};
pub use format::Format;
pub use ipxe::{EmbeddedScript, Ipxe};
pub use machine::Machine;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
pub use text::TextKind;

/// A boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootProgram {
    /// What it is.
    pub format: Format,
    /// Its length in bytes.
    pub len: u64,
    /// iPXE, if its bytes show that it is iPXE. A compressed `ipxe.lkrn` does not show it.
    pub ipxe: Option<Ipxe>,
}

/// Whether a client starts the file at `path`. It reads 4 MiB of it at most.
///
/// Errors: those of open(2) and read(2), and [`io::ErrorKind::InvalidInput`] if it is not a regular file.
pub fn check(path: &Path, client: Client) -> io::Result<Comparison> {
    Ok(compare(&identify(path)?, path, client))
}

/// What the file at `path` is. It reads 4 MiB of it at most. Errors: as for [`check`].
pub fn identify(path: &Path) -> io::Result<BootProgram> {
    // A FIFO is opened without waiting for a writer.
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    BootProgram::read(&mut file, metadata.len())
}

impl BootProgram {
    /// Reads 4 MiB of a file at most. `len`: its length in bytes. Errors: those of `file`.
    pub fn read(mut file: impl Read, len: u64) -> io::Result<Self> {
        let mut header = Vec::new();
        file.by_ref().take(format::HEADER_LEN as u64).read_to_end(&mut header)?;
        let format = format::identify(&header);
        let ipxe = find_ipxe(format, &header, &mut file)?;
        Ok(Self { format, len: len.max(header.len() as u64), ipxe })
    }
}

fn find_ipxe(format: Format, header: &[u8], rest: &mut impl Read) -> io::Result<Option<Ipxe>> {
    Ok(match format {
        Format::Efi(_) | Format::Linux { efi: Some(_) } => {
            ipxe::search(header, rest)?.in_efi_program()
        }
        Format::IpxeBios => Some(ipxe::search(header, rest)?.in_bios_program()),
        _ => None,
    })
}
