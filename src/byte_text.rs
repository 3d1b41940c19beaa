//! Bytes as a `String`, without loss.
//!
//! dnsmasq takes and prints bytes; getopts and `fmt` take only UTF-8. Each byte that is not part of a UTF-8 character is
//! replaced by one character: U+10FF80 for 0x80 up to U+10FFFF for 0xFF, the last 128 code points. [`to_bytes`] restores
//! the bytes where they are used or printed. Such a character in the input is replaced byte by byte, so no two inputs
//! give the same text.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The character for byte 0; only those for 0x80 to 0xFF are used.
const BASE: u32 = 0x10_FF00;
/// The UTF-8 form of the characters begins with this byte.
const LEAD: u8 = 0xF4;

/// Any bytes as text.
pub fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        if has_lead(chunk.valid()) {
            chunk.valid().chars().for_each(|c| push(&mut text, c));
        } else {
            text.push_str(chunk.valid());
        }
        text.extend(chunk.invalid().iter().map(|&byte| replacement(byte)));
    }
    text
}

/// A path as text.
pub fn path_text(path: &Path) -> String {
    to_text(path.as_os_str().as_bytes())
}

/// The bytes of a text that [`to_text`] made.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !has_lead(text) {
        return text.as_bytes().into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match replaced(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.into()
}

/// The path of a text that [`to_text`] made.
pub fn to_path(text: &str) -> Cow<'_, Path> {
    match to_bytes(text) {
        Cow::Borrowed(bytes) => Path::new(OsStr::from_bytes(bytes)).into(),
        Cow::Owned(bytes) => Path::new(OsStr::from_bytes(&bytes)).to_owned().into(),
    }
}

/// The text for what must be UTF-8 (the log, JSON, HTML): U+FFFD for bytes that are not.
pub fn to_utf8(text: &str) -> Cow<'_, str> {
    match to_bytes(text) {
        Cow::Borrowed(_) => text.into(),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

/// Whether there may be replaced bytes: most text has none, and is not copied.
fn has_lead(text: &str) -> bool {
    text.as_bytes().contains(&LEAD)
}

fn push(text: &mut String, c: char) {
    if replaced(c).is_some() {
        text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(replacement));
    } else {
        text.push(c);
    }
}

fn replacement(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn replaced(c: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(c).checked_sub(BASE)?).ok()?;
    Some(byte).filter(|byte| !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        let last = "a\u{10FFE9}\u{10FF7F}\u{10FFFF}é".as_bytes();
        for bytes in [&b""[..], b"plain", b"/srv/\xE9", "/srv/é".as_bytes(), &all, last, &last[..3]]
        {
            assert_eq!(to_bytes(&to_text(bytes)), bytes);
        }
        for first in 0..=255 {
            for second in 0..=255 {
                let bytes = [b'a', first, second, b'b'];
                assert_eq!(to_bytes(&to_text(&bytes)), &bytes[..]);
            }
        }
    }

    #[test]
    fn different_bytes_give_different_text() {
        assert_ne!(to_text(b"\xE9"), to_text("\u{10FFE9}".as_bytes()));
        assert_eq!(to_text("é\u{10FF7F}".as_bytes()), "é\u{10FF7F}");
    }

    #[test]
    fn utf8_form_has_no_replaced_bytes() {
        let last = "é\u{10FFE9}".as_bytes();
        for bytes in [&b"/srv/\xE9"[..], b"\xE2\x82", "/srv/é".as_bytes(), last] {
            assert_eq!(to_utf8(&to_text(bytes)), String::from_utf8_lossy(bytes));
        }
    }
}
