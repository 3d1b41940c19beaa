//! iPXE in a boot file, and whether it has an embedded script.
//!
//! `EMBED=` puts a script unchanged into the data of iPXE. iPXE also contains the texts `#!ipxe` and `#!gpxe`, with which it
//! recognises scripts: there a zero follows, and in a script a blank, because iPXE requires one. Builds for BIOS are compressed
//! except for their start code, so that no script is visible in them. Builds for UEFI are not.

use super::text::is_script;
use memchr::memmem;
use std::io::{self, Read};

/// iPXE, as its bytes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipxe {
    /// Its embedded script.
    pub script: EmbeddedScript,
    /// Whether it looks for a script `autoexec.ipxe` in the directory that it was loaded from.
    pub loads_autoexec: bool,
}

/// Whether iPXE has an embedded script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbeddedScript {
    /// It has one.
    Present,
    /// It has none.
    Absent,
    /// The file is compressed, or was not read to its end.
    Unknown,
}

/// Texts that were found in a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts {
    /// A script, with its first line.
    has_script: bool,
    /// The text with which iPXE recognises scripts.
    has_script_magic: bool,
    has_name: bool,
    has_website: bool,
    has_autoexec: bool,
    /// Whether the whole file was read.
    is_complete: bool,
}

/// Bytes of a file that are searched.
pub const MAX_SEARCHED: usize = 4 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
/// The longest text, and the byte behind it.
const OVERLAP: usize = 32;
const AUTOEXEC_UTF16: &[u8] = b"a\0u\0t\0o\0e\0x\0e\0c\0.\0i\0p\0x\0e\0";

/// Searches the rest of a file whose beginning is known.
pub fn search(header: &[u8], rest: &mut impl Read) -> io::Result<Texts> {
    let mut texts = Texts::default();
    texts.add(header);
    let mut buffer = header[header.len().saturating_sub(OVERLAP)..].to_vec();
    let mut searched = header.len();
    while searched < MAX_SEARCHED {
        let kept = buffer.len();
        let read = rest.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)?;
        searched += read;
        if read == 0 {
            texts.is_complete = true;
            break;
        }
        texts.add(&buffer);
        buffer.drain(..(kept + read).saturating_sub(OVERLAP));
    }
    Ok(texts)
}

impl Texts {
    fn add(&mut self, bytes: &[u8]) {
        let has = |text: &[u8]| memmem::find(bytes, text).is_some();
        for start in memmem::find_iter(bytes, b"#!") {
            let found = &bytes[start..];
            self.has_script |= is_script(found);
            self.has_script_magic |= found.starts_with(b"#!ipxe\0");
        }
        self.has_name |= has(b"iPXE");
        self.has_website |= has(b"ipxe.org");
        self.has_autoexec |= has(b"autoexec.ipxe") || has(AUTOEXEC_UTF16);
    }

    /// iPXE, if an EFI program with these texts is iPXE.
    pub fn in_efi_program(self) -> Option<Ipxe> {
        let is_ipxe = self.has_script_magic || (self.has_name && self.has_website);
        let script = if self.has_script {
            EmbeddedScript::Present
        } else if self.is_complete && self.has_script_magic {
            EmbeddedScript::Absent
        } else {
            EmbeddedScript::Unknown
        };
        is_ipxe.then_some(Ipxe { script, loads_autoexec: self.has_autoexec })
    }

    /// iPXE for BIOS: what is not visible may be compressed.
    pub fn in_bios_program(self) -> Ipxe {
        let script =
            if self.has_script { EmbeddedScript::Present } else { EmbeddedScript::Unknown };
        Ipxe { script, loads_autoexec: false }
    }
}
