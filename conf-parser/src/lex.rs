//! From the bytes of a file to cells: fields, blanks, comments, quotes, escapes (docs/dnsmasq/config-language.md, section 1.6).

use crate::error::ParseError;
use crate::input::InputByte;

/// A file is read in fields of this many bytes at most, the newline counted. A longer line is cut, and its tail is a
/// line of its own, in messages too.
pub const FIELD: usize = 1024;

/// The line in a field: a NUL drops the rest of it.
pub fn line_of(field: &[u8]) -> &[u8] {
    let line = field.strip_suffix(b"\n").unwrap_or(field);
    // Asking first is faster: there hardly ever is one.
    if line.contains(&0) { line.split(|&byte| byte == 0).next().unwrap_or_default() } else { line }
}

/// The cells of one line as a file holds it. `cells` is cleared first and serves as the buffer.
pub(crate) fn line(bytes: &[u8], cells: &mut Vec<InputByte>) -> Result<(), ParseError> {
    cells.clear();
    if bytes.first() == Some(&b'#') {
        return Ok(());
    }
    // Most lines need no second look.
    if !bytes.iter().fold(false, |found, &byte| found | is_special(byte)) {
        cells.extend(bytes.iter().enumerate().map(plain));
        return Ok(());
    }
    // `#` is a comment after unquoted white space only, and quotes do not change what came before them.
    let mut white = true;
    let mut just_closed = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' && !just_closed {
            at = quoted(bytes, at + 1, cells)?;
            just_closed = true;
            continue;
        }
        if white && byte == b'#' {
            break;
        }
        just_closed = false;
        white = is_space(byte);
        cells.push(InputByte {
            byte: if white { b' ' } else { byte },
            quoted: false,
            column: column(at),
        });
        if !white {
            restore_raw(cells);
        }
        at += 1;
    }
    Ok(())
}

/// The cells of a command-line argument: nothing is special in it.
pub(crate) fn argument(bytes: &[u8]) -> Vec<InputByte> {
    bytes.iter().enumerate().map(plain).collect()
}

fn plain((at, &byte): (usize, &u8)) -> InputByte {
    InputByte { byte, quoted: false, column: column(at) }
}

/// Whether a byte is, or may begin, anything but itself.
fn is_special(byte: u8) -> bool {
    byte <= b' ' || byte == b'"' || byte == b'#'
}

/// The line that these cells are read from, without comment and with quotes only where they are needed.
pub(crate) fn written(cells: &[InputByte]) -> Vec<u8> {
    let mut line = Vec::new();
    let mut quoted = false;
    for cell in cells {
        // Two quoted stretches must not touch; what means the same in quotes and out stays where it is.
        let wanted = match () {
            () if cell.quoted || matches!(cell.byte, b'"' | b'#') => true,
            () if is_space(cell.byte) && cell.byte != b' ' => true,
            () if is_protectable(cell.byte) => false,
            () => quoted,
        };
        if wanted != quoted {
            line.push(b'"');
            quoted = wanted;
        }
        let escape = ESCAPES.iter().find(|(_, byte)| quoted && *byte == cell.byte);
        match escape {
            Some((letter, _)) => line.extend([b'\\', *letter]),
            None => line.push(cell.byte),
        }
    }
    if quoted {
        line.push(b'"');
    }
    line
}

/// Letters that stand for bytes behind a backslash, in quotes.
const ESCAPES: &[(u8, u8)] = &[
    (b'"', b'"'),
    (b'\\', b'\\'),
    (b't', b'\t'),
    (b'n', b'\n'),
    (b'e', 27),
    (b'b', 8),
    (b'r', b'\r'),
];

/// Reads from behind an opening quote; returns the place behind the closing one.
fn quoted(bytes: &[u8], from: usize, cells: &mut Vec<InputByte>) -> Result<usize, ParseError> {
    let mut at = from;
    loop {
        let (byte, width) = match bytes.get(at..) {
            None | Some([]) => {
                return Err(ParseError::structure("missing \"", from - 1, "a closing quote"));
            }
            Some([b'"', ..]) => return Ok(at + 1),
            Some([b'\\', next, ..]) => escaped(*next).map_or((b'\\', 1), |byte| (byte, 2)),
            Some([byte, ..]) => (*byte, 1),
        };
        cells.push(InputByte { byte, quoted: is_protectable(byte), column: column(at) });
        if width == 1 {
            restore_raw(cells);
        }
        at += width;
    }
}

/// dnsmasq writes protected characters as control bytes, and takes such bytes in a file for them.
fn restore_raw(cells: &mut [InputByte]) {
    const MEANT: &[u8; 32] = b"\x00123456 \x00\x00\x0078\x0090abcdefABCDE\x00F:,.";
    if let Some(cell) = cells.last_mut()
        && let Some(&meant) = MEANT.get(usize::from(cell.byte)).filter(|&&meant| meant != 0)
    {
        (cell.byte, cell.quoted) = (meant, true);
    }
}

fn escaped(letter: u8) -> Option<u8> {
    ESCAPES.iter().find(|(known, _)| *known == letter).map(|(_, byte)| *byte)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12)
}

/// What quotes hide from the parsers. All else means the same inside them and out.
fn is_protectable(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b' ' | b':' | b',' | b'.')
}

#[expect(clippy::cast_possible_truncation, reason = "it is bounded first")]
fn column(at: usize) -> u16 {
    at.min(u16::MAX as usize) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Result<String, ParseError> {
        let mut cells = Vec::new();
        line(source.as_bytes(), &mut cells)?;
        Ok(cells.iter().map(|cell| char::from(cell.byte)).collect())
    }

    #[test]
    fn quotes_vanish_wherever_they_stand() {
        assert_eq!(read(r#"x"y z"w"#).unwrap(), "xy zw");
        assert_eq!(read(r#""a" "b""#).unwrap(), "a b");
        assert_eq!(read(r#""a"b"c""#).unwrap(), "abc");
    }

    #[test]
    fn a_mark_behind_a_closing_quote_opens_nothing() {
        assert!(read(r#""a""b""#).is_err(), "the third mark opens a string that never ends");
    }

    #[test]
    fn a_comment_needs_white_space_before_it() {
        assert_eq!(read("port=53#c").unwrap(), "port=53#c");
        assert_eq!(read("port=53 #c").unwrap(), "port=53 ");
        assert_eq!(read("#c").unwrap(), "");
        assert_eq!(read("\"#\"").unwrap(), "#");
    }

    #[test]
    fn behind_a_quote_what_stood_before_it_decides() {
        assert_eq!(read("x= \"a\"#b").unwrap(), "x= a");
        assert_eq!(read("x=\"a\"#b").unwrap(), "x=a#b");
    }

    #[test]
    fn escapes_live_in_quotes_only() {
        assert_eq!(read("\"\\t\\\"\\\\\\q\"\\t").unwrap(), "\t\"\\\\q\\t");
    }

    #[test]
    fn white_space_becomes_blanks_outside_quotes() {
        assert_eq!(read("a\tb\r").unwrap(), "a b ");
        assert_eq!(read("\"a\tb\"").unwrap(), "a\tb");
    }

    #[test]
    fn only_structure_is_protected() {
        let mut cells = Vec::new();
        line(br#""a,g.1""#, &mut cells).unwrap();
        let protected: Vec<bool> = cells.iter().map(|cell| cell.quoted).collect();
        assert_eq!(protected, [true, true, false, true, true]);
    }

    #[test]
    fn control_bytes_are_protected_characters() {
        let mut cells = Vec::new();
        line(b"\x01\x07\x10\x1a\x1c\x1d\x1e\x1f\x1b\x08\"\x0b\"", &mut cells).unwrap();
        let bytes: Vec<u8> = cells.iter().map(|cell| cell.byte).collect();
        assert_eq!(bytes, *b"1 aEF:,.\x1b\x087");
        let bare = cells.iter().filter(|cell| !cell.quoted).count();
        assert_eq!(bare, 2);
    }

    #[test]
    fn a_nul_ends_its_line() {
        assert_eq!(line_of(b"a\0b\n"), b"a");
        assert_eq!(line_of(b"a\n"), b"a");
        assert_eq!(line_of(b""), b"");
    }
}
