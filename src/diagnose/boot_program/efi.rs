//! EFI programs: PE/COFF files (UEFI 2.10, section 2.1.1).

use super::machine::Machine;
use object::LittleEndian as LE;
use object::pe::{
    IMAGE_DIRECTORY_ENTRY_SECURITY, IMAGE_NT_OPTIONAL_HDR64_MAGIC, IMAGE_SUBSYSTEM_EFI_APPLICATION,
    IMAGE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER, IMAGE_SUBSYSTEM_EFI_RUNTIME_DRIVER, ImageDosHeader,
    ImageNtHeaders32, ImageNtHeaders64, ImageSectionHeader, Subsystem,
};
use object::read::pe::{
    DataDirectories, ImageNtHeaders, ImageOptionalHeader, SectionTable, optional_header_magic,
};

/// The headers of a PE/COFF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfiProgram {
    /// The processor architecture.
    pub machine: Machine,
    /// The kind of program.
    pub role: Role,
    /// Whether it has a certificate table. The signatures in it are not checked.
    pub is_signed: bool,
    /// The length in bytes that the file has at least, according to its headers.
    pub min_len: u64,
}

/// The subsystem of a PE/COFF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An EFI application, as boot files are.
    Application,
    /// An EFI driver.
    Driver,
    /// Not for EFI: a program for Windows, for example.
    NotEfi,
}

/// Reads the headers at the beginning of a file.
pub fn parse(header: &[u8]) -> Option<EfiProgram> {
    let dos = ImageDosHeader::parse(header).ok()?;
    let offset = u64::from(dos.nt_headers_offset());
    if optional_header_magic(header).ok()? == IMAGE_NT_OPTIONAL_HDR64_MAGIC {
        parse_as::<ImageNtHeaders64>(header, offset)
    } else {
        parse_as::<ImageNtHeaders32>(header, offset)
    }
}

fn parse_as<Pe: ImageNtHeaders>(header: &[u8], mut offset: u64) -> Option<EfiProgram> {
    let (headers, directories) = Pe::parse(header, &mut offset).ok()?;
    let sections = headers.sections(header, offset).ok()?;
    let certificates = certificate_table(&directories);
    Some(EfiProgram {
        machine: Machine::from_coff(headers.file_header().machine.get(LE).0),
        role: Role::from_subsystem(headers.optional_header().subsystem()),
        is_signed: certificates.is_some(),
        min_len: end_of_sections(&sections).max(certificates.unwrap_or_default()),
    })
}

/// The end of the certificate table, in bytes from the beginning of the file.
fn certificate_table(directories: &DataDirectories<'_>) -> Option<u64> {
    let entry = directories.get(IMAGE_DIRECTORY_ENTRY_SECURITY)?;
    let (offset, size) = entry.address_range();
    (offset != 0 && size != 0).then(|| u64::from(offset) + u64::from(size))
}

fn end_of_sections(sections: &SectionTable<'_>) -> u64 {
    let ranges = sections.iter().map(ImageSectionHeader::pe_file_range);
    ranges.map(|(offset, size)| u64::from(offset) + u64::from(size)).max().unwrap_or_default()
}

impl Role {
    fn from_subsystem(subsystem: Subsystem) -> Self {
        match subsystem {
            IMAGE_SUBSYSTEM_EFI_APPLICATION => Self::Application,
            IMAGE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER | IMAGE_SUBSYSTEM_EFI_RUNTIME_DRIVER => {
                Self::Driver
            }
            _ => Self::NotEfi,
        }
    }
}
