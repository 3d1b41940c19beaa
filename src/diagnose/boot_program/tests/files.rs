//! Boot files made of bytes.

/// A PE/COFF file with one section.
#[derive(Clone, Copy, Debug)]
pub struct Pe {
    pub machine: u16,
    pub subsystem: u16,
    pub is_signed: bool,
    /// Bytes of its section.
    pub section: &'static [u8],
}

const PE_OFFSET: usize = 0x80;
const SECTION_OFFSET: usize = 0x400;
const CERTIFICATE_LEN: usize = 64;

impl Pe {
    /// An EFI application for a machine.
    pub fn of(machine: u16) -> Self {
        Self { machine, subsystem: 10, is_signed: false, section: b"code" }
    }

    fn is_32_bit(&self) -> bool {
        matches!(self.machine, 0x014c | 0x01c2 | 0x01c4 | 0x5032 | 0x6232)
    }

    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; SECTION_OFFSET];
        put(&mut bytes, 0, b"MZ");
        put(&mut bytes, 0x3c, &word(PE_OFFSET));
        put(&mut bytes, PE_OFFSET, b"PE\0\0");
        let optional = PE_OFFSET + 24;
        let (magic, directories) = if self.is_32_bit() { (0x10b_u16, 96) } else { (0x20b, 112) };
        put(&mut bytes, PE_OFFSET + 4, &self.machine.to_le_bytes());
        put(&mut bytes, PE_OFFSET + 6, &1_u16.to_le_bytes());
        let optional_len = u16::try_from(directories + 16 * 8).unwrap();
        put(&mut bytes, PE_OFFSET + 20, &optional_len.to_le_bytes());
        put(&mut bytes, optional, &magic.to_le_bytes());
        put(&mut bytes, optional + 68, &self.subsystem.to_le_bytes());
        put(&mut bytes, optional + directories - 4, &word(16));
        let section = optional + usize::from(optional_len);
        put(&mut bytes, section, b".data\0\0\0");
        for (offset, value) in
            [(8, self.section.len()), (12, 0x1000), (16, self.section.len()), (20, SECTION_OFFSET)]
        {
            put(&mut bytes, section + offset, &word(value));
        }
        bytes.extend_from_slice(self.section);
        if self.is_signed {
            let end = bytes.len();
            put(&mut bytes, optional + directories + 4 * 8, &word(end));
            put(&mut bytes, optional + directories + 4 * 8 + 4, &word(CERTIFICATE_LEN));
            bytes.resize(end + CERTIFICATE_LEN, 0);
        }
        bytes
    }
}

fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

/// `value` at `offset` of a file of `len` bytes.
fn at(len: usize, offset: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; len];
    put(&mut bytes, offset, value);
    bytes
}

/// The texts of iPXE, as in `snponly.efi` of Debian 12.
const IPXE: &[u8] = b"\0#!gpxe\0#!ipxe\0\0iPXE/%s\0http://ipxe.org/cfg/%s\0";

fn ipxe(more: &[u8]) -> Vec<u8> {
    [&Pe { section: IPXE, ..Pe::of(0x8664) }.bytes(), more].concat()
}

/// A file by its name in the tables of the tests.
pub fn file(name: &str) -> Vec<u8> {
    efi_file(name).or_else(|| other_file(name)).unwrap_or_else(|| panic!("no file {name}"))
}

fn efi_file(name: &str) -> Option<Vec<u8>> {
    let pe = |machine| Pe::of(machine).bytes();
    let utf16: Vec<u8> = "autoexec.ipxe".bytes().flat_map(|byte| [byte, 0]).collect();
    Some(match name {
        "ia32.efi" => pe(0x014c),
        "x64.efi" => pe(0x8664),
        "arm.efi" => pe(0x01c2),
        "arm64.efi" => pe(0xaa64),
        "riscv64.efi" => pe(0x5064),
        "loongarch64.efi" => pe(0x6264),
        "itanium.efi" => pe(0x0200),
        "ebc.efi" => pe(0x0ebc),
        "mips.efi" => pe(0x0166),
        "shim.efi" => Pe { is_signed: true, ..Pe::of(0x8664) }.bytes(),
        "driver.efi" => Pe { subsystem: 11, ..Pe::of(0x8664) }.bytes(),
        "windows.exe" => Pe { subsystem: 3, ..Pe::of(0x8664) }.bytes(),
        "cut.efi" => pe(0x8664)[..0x402].to_vec(),
        "stub-kernel" => {
            let mut bytes = pe(0x8664);
            put(&mut bytes, 0x202, b"HdrS");
            bytes
        }
        "ipxe.efi" => ipxe(b""),
        "ipxe-embedded.efi" => ipxe(b"#!ipxe\ndhcp\nchain http://x/menu\n"),
        "ipxe-embedded-gpxe.efi" => ipxe(b"#!gpxe\r\ndhcp\r\n"),
        "ipxe-autoexec.efi" => ipxe(b"autoexec.ipxe\0"),
        "ipxe-utf16-autoexec.efi" => ipxe(&utf16),
        "ipxe-no-magic.efi" => [pe(0x8664), b"iPXE http://ipxe.org/".to_vec()].concat(),
        "ipxe-huge.efi" => ipxe(&vec![0; 5 << 20]),
        _ => return None,
    })
}

fn other_file(name: &str) -> Option<Vec<u8>> {
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
    Some(match name {
        "empty" => Vec::new(),
        "kernel" => at(0x8000, 0x202, b"HdrS"),
        "pxelinux" => [&b"\xea\x24\x7c\0\0"[..], &[0; 40], b"PXELINUX 6.04 PXE \0"].concat(),
        "undionly" => [&b"\xea\x05\0\xc0\x07"[..], b"PXE->EB:\0UNDI code segment"].concat(),
        "grub-pc" => [&b"\xb2\x7f\xea\0\x82\0\0"[..], &[0; 2000]].concat(),
        "blob" => b"\xfa\x31\xc0\x8e\xd8\x00\x01".to_vec(),
        "huge-blob" => at(700_000, 0, b"\xfa\x31\xc0"),
        "huge-pxelinux" => [file("pxelinux"), vec![0; 700_000]].concat(),
        "option-rom" => [&at(0x40, 0, b"\x55\xaa\x02")[..0x18], b"\x1c\0\0\0PCIR"].concat(),
        "dos" => at(0x200, 0, b"MZ\x90"),
        "mz-far" => [&at(0x40, 0, b"MZ")[..0x3c], &word(0x20_0000), &[0; 0x200]].concat(),
        "elf" => b"\x7fELF\x02\x01\x01\0".to_vec(),
        "gzip" => b"\x1f\x8b\x08\0".to_vec(),
        "xz" => b"\xfd7zXZ\0\0".to_vec(),
        "zstd" => b"\x28\xb5\x2f\xfd\x04".to_vec(),
        "fit" => b"\xd0\x0d\xfe\xed\0".to_vec(),
        "iso" => at(0x1_0000, 0x8001, b"CD001"),
        "gpt" => at(0x1_0000, 0x200, b"EFI PART"),
        "mbr" => at(0x200, 0x1fe, b"\x55\xaa"),
        "huge-disk" => at(0x10_0000, 0x1fe, b"\x55\xaa"),
        "script" => b"#!ipxe\nboot\n".to_vec(),
        "script-crlf" => b"#!ipxe\r\nboot\r\n".to_vec(),
        "config" => b"default linux\n".to_vec(),
        "utf16" => b"\xff\xfe#\0!\0".to_vec(),
        "html" => b"<!DOCTYPE html>\n<title>404</title>".to_vec(),
        "html-blanks" => b"\xef\xbb\xbf\r\n  <HTML lang=en>".to_vec(),
        "lfs" => lfs.into(),
        _ => return None,
    })
}
