//! Boot files made of bytes.

/// The texts of iPXE for UEFI, without an embedded script.
pub const IPXE: &[u8] = b"\0#!gpxe\0#!ipxe\0\0iPXE/%s\0http://ipxe.org/cfg/%s\0";
/// Machines of EFI programs (UEFI 2.10, section 2.1.1).
pub const X64: u16 = 0x8664;
pub const ARM64: u16 = 0xaa64;

/// Offsets of a PE32+ file.
const PE_HEADER: usize = 0x80;
const OPTIONAL_HEADER: usize = PE_HEADER + 24;
const LENGTH: usize = 0x200;
/// An EFI application.
const SUBSYSTEM: u16 = 10;

/// An EFI application without sections, followed by `data`.
pub fn efi_application(machine: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH];
    let mut put = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    put(0, b"MZ");
    put(0x3c, &[0x80, 0, 0, 0]);
    put(PE_HEADER, b"PE\0\0");
    put(PE_HEADER + 4, &machine.to_le_bytes());
    put(PE_HEADER + 20, &240_u16.to_le_bytes());
    put(OPTIONAL_HEADER, &0x20b_u16.to_le_bytes());
    put(OPTIONAL_HEADER + 68, &SUBSYSTEM.to_le_bytes());
    put(OPTIONAL_HEADER + 108, &16_u32.to_le_bytes());
    bytes.extend_from_slice(data);
    bytes
}
