//! Mistakes in the name of a file: characters around it, a URL, or a root in front of it.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A mistake in a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameMistake {
    /// It ends with a carriage return.
    CarriageReturn,
    /// It has a control character, or 0xFF.
    StrayByte(u8),
    /// It begins or ends with a blank.
    Blanks,
    /// It has quotation marks.
    Quotes,
    /// It is a URL.
    Url,
    /// It has percent escapes.
    PercentEscapes,
    /// It begins with that root.
    Root(Vec<u8>),
}

/// The end option, which follows the last option of a DHCP packet (RFC 2132, section 3.2).
pub const END_OPTION: u8 = 0xff;
const DELETE: u8 = 0x7f;

/// A path as text. Control characters and bytes that are not UTF-8 become `\\x01`: a path may come from the network.
pub fn visible(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                let _ = write!(text, "\\x{:02x}", u32::from(c));
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Quotation marks that editors and word processors insert.
const QUOTES: &[&str] =
    &["\"", "'", "`", "“", "”", "„", "‟", "‘", "’", "‚", "‛", "«", "»", "‹", "›", "″", "′"];

/// Removes one mistake. `None`: the name does not have it.
type Step = fn(&[u8]) -> Option<(NameMistake, Vec<u8>)>;

/// The name without its mistakes, one after the other: each mistake, and the name without it and those before it.
/// `roots`: without `/` at the ends.
pub fn mistakes(name: &[u8], roots: &[&[u8]]) -> Vec<(NameMistake, Vec<u8>)> {
    let steps: [Step; 6] = [
        without_carriage_return,
        without_stray_bytes,
        without_blanks,
        without_quotes,
        without_server,
        without_escapes,
    ];
    let mut found: Vec<(NameMistake, Vec<u8>)> = Vec::new();
    for step in steps {
        let present = found.last().map_or(name, |(_, name)| name);
        found.extend(step(present));
    }
    let present = found.last().map_or(name, |(_, name)| name);
    let without_root = roots.iter().find_map(|root| without_root(present, root));
    found.extend(without_root);
    found
}

fn without_carriage_return(name: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let end = name.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'))? + 1;
    let rest = &name[end..];
    rest.contains(&b'\r').then(|| (NameMistake::CarriageReturn, name[..end].to_vec()))
}

fn without_stray_bytes(name: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let is_stray = |byte: &u8| byte.is_ascii_control() || *byte == END_OPTION || *byte == DELETE;
    let end = name.iter().position(is_stray)?;
    Some((NameMistake::StrayByte(name[end]), name[..end].to_vec()))
}

fn without_blanks(name: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let trimmed = name.trim_ascii();
    (trimmed.len() < name.len()).then(|| (NameMistake::Blanks, trimmed.to_vec()))
}

fn without_quotes(name: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let text = std::str::from_utf8(name).ok()?;
    let bare = QUOTES.iter().fold(text.to_owned(), |text, quote| text.replace(quote, ""));
    (bare != text).then(|| (NameMistake::Quotes, bare.trim().as_bytes().to_vec()))
}

/// `http://server/path`, or with one `/`, as a path without `//` has it.
fn without_server(name: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let text = std::str::from_utf8(name).ok()?.trim_start_matches('/');
    let (scheme, rest) = text.split_once(":/")?;
    let is_scheme =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // A letter of a Windows drive is no scheme.
    if scheme.len() < 2 || !is_scheme {
        return None;
    }
    let path = rest.trim_start_matches('/').split_once('/').map_or("", |(_, path)| path);
    Some((NameMistake::Url, path.as_bytes().to_vec()))
}

fn without_escapes(name: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let (mut decoded, mut rest) = (Vec::new(), name);
    while let [first, after @ ..] = rest {
        let byte = escaped(rest);
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[3..] } else { after };
    }
    (decoded != name).then_some((NameMistake::PercentEscapes, decoded))
}

/// The byte of `%2F`.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn without_root(name: &[u8], root: &[u8]) -> Option<(NameMistake, Vec<u8>)> {
    let slashes = name.iter().take_while(|byte| **byte == b'/').count();
    let rest = name[slashes..].strip_prefix(root).filter(|_| !root.is_empty())?;
    let rest = rest.strip_prefix(b"/")?;
    Some((NameMistake::Root([b"/", root].concat()), rest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_of_a_name_are_removed_in_order() {
        let root = |root: &str| NameMistake::Root(root.into());
        for (name, expected) in [
            (&b"boot.efi"[..], vec![]),
            (b"a\xff", vec![(NameMistake::StrayByte(0xff), "a")]),
            (b"a\x01\xff", vec![(NameMistake::StrayByte(1), "a")]),
            (b"a\r", vec![(NameMistake::CarriageReturn, "a")]),
            (b" a b ", vec![(NameMistake::Blanks, "a b")]),
            (b"\"a\"", vec![(NameMistake::Quotes, "a")]),
            ("“a”.0".as_bytes(), vec![(NameMistake::Quotes, "a.0")]),
            (b"http://h:80/x/a", vec![(NameMistake::Url, "x/a")]),
            (b"/tftp:/10.0.0.1/a", vec![(NameMistake::Url, "a")]),
            (b"http://h", vec![(NameMistake::Url, "")]),
            (b"C:/a", vec![]),
            (b"a%20b%2", vec![(NameMistake::PercentEscapes, "a b%2")]),
            (b"/tftpboot/a", vec![(root("/tftpboot"), "a")]),
            (b"srv/tftp/x/a", vec![(root("/srv/tftp"), "x/a")]),
            (b"tftpbooting/a", vec![]),
            (
                b"'/tftpboot/a' ",
                vec![
                    (NameMistake::Blanks, "'/tftpboot/a'"),
                    (NameMistake::Quotes, "/tftpboot/a"),
                    (root("/tftpboot"), "a"),
                ],
            ),
        ] {
            let found = mistakes(name, &[b"tftpboot", b"srv/tftp"]);
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(mistake, rest)| (mistake, rest.as_bytes().to_vec()))
                .collect();
            assert_eq!(found, expected, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn bytes_that_are_not_printable_are_escaped() {
        let path = std::ffi::OsStr::from_bytes(b"/\xc3\xa4\n\xff");
        assert_eq!(visible(Path::new(path)), "/\u{e4}\\x0a\\xff");
    }

    #[test]
    fn any_bytes_are_a_name() {
        for first in 0..=255 {
            for second in 0..=255 {
                let _ = mistakes(&[first, second, b'%', first, second], &[b"a", b""]);
            }
        }
    }
}
