//! Files that are text.

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// A script of iPXE or gPXE.
    IpxeScript,
    /// An HTML page.
    Html,
    /// A file that stands for another one in a Git repository.
    GitLfsPointer,
    /// Any other text.
    Other,
}

/// Bytes that are examined.
const SAMPLE_LEN: usize = 4096;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The kind of text, if `header` is text.
pub fn identify(header: &[u8]) -> Option<TextKind> {
    let sample = &header[..header.len().min(SAMPLE_LEN)];
    if is_script(sample) {
        return Some(TextKind::IpxeScript);
    }
    let begins_utf16 = UTF16_MARKS.iter().any(|mark| sample.starts_with(mark));
    let start = sample.strip_prefix(UTF8_MARK).unwrap_or(sample).trim_ascii_start();
    if is_html(start) {
        return Some(TextKind::Html);
    }
    if start.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some(TextKind::GitLfsPointer);
    }
    (begins_utf16 || is_text(sample)).then_some(TextKind::Other)
}

/// iPXE requires a blank behind the name, and nothing before it.
pub fn is_script(bytes: &[u8]) -> bool {
    let name = bytes.strip_prefix(b"#!ipxe").or_else(|| bytes.strip_prefix(b"#!gpxe"));
    name.and_then(<[u8]>::first).is_some_and(u8::is_ascii_whitespace)
}

fn is_html(start: &[u8]) -> bool {
    let begins = |tag: &[u8]| start.get(..tag.len()).is_some_and(|s| s.eq_ignore_ascii_case(tag));
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body"].into_iter().any(begins)
}

/// UTF-8 without control characters. The sample may end within a character.
fn is_text(sample: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let is_utf8 = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !sample.iter().any(is_control)
}
