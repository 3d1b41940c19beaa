//! The format of a boot file, from its first bytes.

use super::efi::{self, EfiProgram};
use super::text::{self, TextKind};

/// Bytes at the beginning of a file that are read to find its format.
pub const HEADER_LEN: usize = 64 * 1024;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// No bytes.
    Empty,
    /// PE/COFF.
    Efi(EfiProgram),
    /// PE/COFF or a DOS program: the PE header is not within `HEADER_LEN`.
    UnreadableEfi,
    /// EFI programs for several machines in one file, for computers of Apple.
    EfiFat,
    /// A DOS program.
    Dos,
    /// The boot protocol of Linux for x86, which other programs use too: memdisk, `ipxe.lkrn`, wimboot.
    Linux {
        /// The headers of its EFI program, if it is one too.
        efi: Option<EfiProgram>,
    },
    /// A network boot program of SYSLINUX for BIOS.
    Pxelinux,
    /// A network boot program of iPXE for BIOS, or of its predecessor gPXE.
    IpxeBios,
    /// A network boot program of GRUB for BIOS.
    GrubBios,
    /// An option ROM (PCI Firmware Specification, section 5.1).
    OptionRom,
    /// ELF.
    Elf,
    /// Compressed, with the name of the format.
    Compressed(&'static str),
    /// An image of U-Boot, a FIT image or a device tree.
    UBoot,
    /// ISO 9660.
    Iso,
    /// A disk image with a partition table, or a boot sector.
    Disk,
    /// Text.
    Text(TextKind),
    /// None of these.
    Unrecognised,
}

/// Beginnings of files, with their formats.
const MAGIC: &[(&[u8], Format)] = &[
    (b"\x7fELF", Format::Elf),
    (b"\x1f\x8b", Format::Compressed("gzip")),
    (b"\xfd7zXZ\0", Format::Compressed("xz")),
    (b"\x28\xb5\x2f\xfd", Format::Compressed("zstd")),
    (b"BZh", Format::Compressed("bzip2")),
    (b"\x04\x22\x4d\x18", Format::Compressed("lz4")),
    (b"PK\x03\x04", Format::Compressed("zip")),
    (b"\x27\x05\x19\x56", Format::UBoot),
    (b"\xd0\x0d\xfe\xed", Format::UBoot),
    (b"\xb9\xfa\xf1\x0e", Format::EfiFat),
    // pxeboot.img of GRUB: a jump to 0000:8200.
    (b"\xb2\x7f\xea\x00\x82\x00\x00", Format::GrubBios),
];

/// Offsets of signatures.
const BOOT_SECTOR_END: usize = 0x1fe;
const LINUX_HEADER: usize = 0x202;
const GPT_HEADER: usize = 0x200;
const ISO_VOLUME: usize = 0x8001;
const PCI_DATA_POINTER: usize = 0x18;
const PE_POINTER: usize = 0x3c;
/// The text of iPXE's start code for BIOS is in its first bytes.
const START_CODE_LEN: usize = 4096;

/// The format of a file that begins with `header`, which is the whole file or [`HEADER_LEN`] bytes of it.
pub fn identify(header: &[u8]) -> Format {
    if header.is_empty() {
        return Format::Empty;
    }
    if is_at(header, LINUX_HEADER, b"HdrS") {
        return Format::Linux { efi: efi::parse(header) };
    }
    if header.starts_with(b"MZ") {
        return efi_or_dos(header);
    }
    let magic =
        MAGIC.iter().find(|(magic, _)| header.starts_with(magic)).map(|(_, format)| *format);
    magic
        .or_else(|| bios_program(header))
        .or_else(|| image(header))
        .or_else(|| text::identify(header).map(Format::Text))
        .unwrap_or(Format::Unrecognised)
}

fn efi_or_dos(header: &[u8]) -> Format {
    let unread = if pe_offset(header).is_some_and(|offset| offset >= HEADER_LEN / 2) {
        Format::UnreadableEfi
    } else {
        Format::Dos
    };
    efi::parse(header).map_or(unread, Format::Efi)
}

fn bios_program(header: &[u8]) -> Option<Format> {
    let start = &header[..header.len().min(START_CODE_LEN)];
    let has = |text: &[u8]| memchr::memmem::find(start, text).is_some();
    if has(b"PXE->EB:") && has(b"UNDI") {
        Some(Format::IpxeBios)
    } else if memchr::memmem::find(header, b"PXELINUX ").is_some() && header.starts_with(b"\xea") {
        Some(Format::Pxelinux)
    } else {
        is_option_rom(header).then_some(Format::OptionRom)
    }
}

fn image(header: &[u8]) -> Option<Format> {
    if is_at(header, ISO_VOLUME, b"CD001") {
        return Some(Format::Iso);
    }
    let is_disk =
        is_at(header, GPT_HEADER, b"EFI PART") || is_at(header, BOOT_SECTOR_END, b"\x55\xaa");
    is_disk.then_some(Format::Disk)
}

fn is_option_rom(header: &[u8]) -> bool {
    let pointer = word(header, PCI_DATA_POINTER).map(usize::from);
    header.starts_with(b"\x55\xaa") && pointer.is_some_and(|offset| is_at(header, offset, b"PCIR"))
}

fn pe_offset(header: &[u8]) -> Option<usize> {
    let bytes = header.get(PE_POINTER..PE_POINTER + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn word(header: &[u8], offset: usize) -> Option<u16> {
    header.get(offset..offset + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn is_at(header: &[u8], offset: usize, signature: &[u8]) -> bool {
    header.get(offset..).is_some_and(|rest| rest.starts_with(signature))
}
