//! Boot files for the lab, and an own check whether a firmware can execute one. It does not use the code of the program
//! under test.

/// What executes a boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    Bios,
    Uefi(u16),
    /// iPXE on a BIOS.
    IpxeBios,
    /// iPXE on UEFI of this machine type.
    IpxeUefi(u16),
}

/// PE machine types.
pub const IA32: u16 = 0x014c;
pub const X64: u16 = 0x8664;
pub const ARM64: u16 = 0xaa64;

const PE_HEADER: usize = 0x80;
const EFI_APPLICATION: u8 = 10;
/// The last bytes of a file name its kind, so that a client knows what the file would do.
const KIND: &str = "\0kind ";

/// Texts of the start code of iPXE for BIOS. The rest of such a program is compressed, and an embedded script with it.
const START_CODE: &[u8] = b"PXE->EB:\0 !PXE at \0 entry point at \0\n         UNDI code segment \0";
/// Texts of iPXE for UEFI: how it recognises a script, and its name.
const IPXE_TEXTS: &[u8] = b"#!ipxe\0iPXE 1.21.1 -- http://ipxe.org\0";

/// A file of a kind: `bios`, `efi-x64`, `efi-ia32`, `efi-arm64`, `script`, `html`, `text`, `empty`, `gzip`, `elf`, `bzimage`,
/// `iso`. With `ipxe-` in front the program is iPXE; with `-script` behind it has an embedded script.
pub fn make(kind: &str) -> Vec<u8> {
    let program = kind.trim_start_matches("ipxe-");
    let program = program.trim_end_matches("-script");
    let mut bytes = match program {
        "empty" => return Vec::new(),
        "bios" => bios(),
        "efi-x64" => portable_executable(X64),
        "efi-ia32" => portable_executable(IA32),
        "efi-arm64" => portable_executable(ARM64),
        "script" => return b"#!ipxe\necho hello\nshell\n".to_vec(),
        "html" => return b"<!DOCTYPE html>\n<html><body>Not Found</body></html>\n".to_vec(),
        "text" => return b"Not Found\n".to_vec(),
        "gzip" => [&[0x1f, 0x8b, 8, 0][..], &[0x55; 900]].concat(),
        "elf" => [&b"\x7fELF\x01\x01\x01"[..], &[0; 900]].concat(),
        "bzimage" => linux(),
        "iso" => [&vec![0; 32769][..], b"CD001\x01", &[0; 2042]].concat(),
        other => panic!("{other}: no such kind of file"),
    };
    match kind {
        "ipxe-bios" | "ipxe-bios-script" => {
            bytes.splice(5..5, START_CODE.iter().copied());
        }
        _ if kind.starts_with("ipxe-") => bytes.extend(IPXE_TEXTS),
        _ => {}
    }
    if kind.starts_with("ipxe-efi") && kind.ends_with("-script") {
        bytes.extend(b"#!ipxe\nchain http://192.0.2.1/menu\n");
    }
    bytes.extend(KIND.bytes().chain(kind.bytes()));
    bytes
}

/// A jump and some code, as `pxelinux.0` begins.
fn bios() -> Vec<u8> {
    let code = (0..3000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    [0xea, 5, 0, 0xc0, 7].into_iter().chain(code).collect()
}

/// The boot sector of a Linux kernel: it needs a boot loader.
fn linux() -> Vec<u8> {
    let mut bytes = vec![0x90; 4096];
    bytes[0x1fe..0x206].copy_from_slice(b"\x55\xaa\xeb\x66HdrS");
    bytes
}

/// An EFI application with one section (PE format, sections 3 to 5).
fn portable_executable(machine: u16) -> Vec<u8> {
    let is_32 = machine == IA32;
    let (magic, optional_size): (u16, u16) = if is_32 { (0x10b, 224) } else { (0x20b, 240) };
    let mut bytes = vec![0; 0x400];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &[0x80, 0, 0, 0]);
    put(PE_HEADER, b"PE\0\0");
    put(PE_HEADER + 4, &machine.to_le_bytes());
    put(PE_HEADER + 6, &[1, 0]);
    put(PE_HEADER + 20, &optional_size.to_le_bytes());
    put(PE_HEADER + 22, &[0x22, 0]);
    let optional = PE_HEADER + 24;
    put(optional, &magic.to_le_bytes());
    put(optional + 16, &0x1000_u32.to_le_bytes());
    put(optional + 32, &0x1000_u32.to_le_bytes());
    put(optional + 36, &0x200_u32.to_le_bytes());
    put(optional + 56, &0x2000_u32.to_le_bytes());
    put(optional + 60, &0x200_u32.to_le_bytes());
    put(optional + 68, &[EFI_APPLICATION, 0]);
    put(optional + if is_32 { 92 } else { 108 }, &16_u32.to_le_bytes());
    let section = optional + usize::from(optional_size);
    put(section, b".text\0\0\0");
    for (at, value) in [(8, 0x200_u32), (12, 0x1000), (16, 0x200), (20, 0x200), (36, 0x6000_0020)] {
        put(section + at, &value.to_le_bytes());
    }
    bytes
}

/// The name of the kind of a file that [`make`] has made.
pub fn kind(bytes: &[u8]) -> &str {
    let at = bytes.windows(KIND.len()).rposition(|part| part == KIND.as_bytes());
    at.and_then(|at| std::str::from_utf8(&bytes[at + KIND.len()..]).ok()).unwrap_or_default()
}

/// Why a firmware does not execute a file; `None` if it does.
pub fn fault(firmware: Firmware, bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some("the file is empty".to_owned());
    }
    let machine = efi_machine(bytes);
    match firmware {
        Firmware::IpxeBios | Firmware::IpxeUefi(_) if bytes.starts_with(b"#!ipxe") => None,
        Firmware::Uefi(own) | Firmware::IpxeUefi(own) => match machine {
            Some(machine) if machine == own => None,
            Some(machine) => Some(format!("an EFI application for machine {machine:#06x}")),
            None => Some("no EFI application".to_owned()),
        },
        Firmware::Bios if is_linux(bytes) => Some("a Linux kernel without a loader".to_owned()),
        Firmware::Bios | Firmware::IpxeBios => not_a_bios_program(bytes).map(str::to_owned),
    }
}

/// The machine type of an EFI application.
fn efi_machine(bytes: &[u8]) -> Option<u16> {
    let word = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let header = usize::from(word(0x3c)?);
    let is_application = bytes.starts_with(b"MZ")
        && bytes.get(header..header + 4)? == b"PE\0\0"
        && word(header + 24 + 68)? == u16::from(EFI_APPLICATION);
    is_application.then_some(word(header + 4)?)
}

fn is_linux(bytes: &[u8]) -> bool {
    bytes.get(0x202..0x206) == Some(b"HdrS")
}

/// A BIOS jumps to the first byte of the file.
fn not_a_bios_program(bytes: &[u8]) -> Option<&'static str> {
    let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    match bytes {
        _ if efi_machine(bytes).is_some() => Some("an EFI application"),
        [0x7f, b'E', b'L', b'F', ..] => Some("an ELF program"),
        [0x1f, 0x8b, ..] => Some("compressed by gzip"),
        _ if bytes.get(32769..32774) == Some(b"CD001") => Some("an ISO image"),
        _ if is_text => Some("a text"),
        _ => None,
    }
}
