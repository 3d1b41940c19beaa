//! Lexer: lines, spaces, comments, quotes and escapes (docs/dnsmasq/config-language.md, section 1.6).

use crate::error::ParseError;
use crate::input::InputByte;

/// The length in bytes, newline included, at which dnsmasq cuts a line. The rest is a line of its own, also in the line
/// numbers of messages.
pub const MAX_LINE_LEN: usize = 1024;

/// The line in a piece of a file of at most [`MAX_LINE_LEN`] bytes: without its newline, and without what follows a NUL.
pub fn line_of(piece: &[u8]) -> &[u8] {
    let line = piece.strip_suffix(b"\n").unwrap_or(piece);
    // The check makes the common case without NUL faster.
    if line.contains(&0) { line.split(|&byte| byte == 0).next().unwrap_or_default() } else { line }
}

/// The lines of a file, cut as dnsmasq cuts them.
pub(crate) fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pieces = content.split_inclusive(|&byte| byte == b'\n');
    pieces.flat_map(|line| line.chunks(MAX_LINE_LEN)).map(line_of)
}

/// The bytes of a line of a file with their marks, written to `cells`, which is cleared first.
///
/// # Errors
/// A quote is not closed.
pub(crate) fn line(bytes: &[u8], cells: &mut Vec<InputByte>) -> Result<(), ParseError> {
    cells.clear();
    if bytes.first() == Some(&b'#') {
        return Ok(());
    }
    // Most lines contain no quote, no comment and no tab.
    if !bytes.iter().fold(false, |found, &byte| found | is_special(byte)) {
        cells.extend(bytes.iter().enumerate().map(plain));
        return Ok(());
    }
    // `#` starts a comment only after white space that is not quoted. A quoted text between them changes nothing.
    let mut white = true;
    let mut just_closed = false;
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        if byte == b'"' && !just_closed {
            index = quoted(bytes, index + 1, cells)?;
            just_closed = true;
            continue;
        }
        if white && byte == b'#' {
            break;
        }
        just_closed = false;
        white = is_space(byte);
        let cell = plain((index, if white { &b' ' } else { &byte }));
        cells.push(restored(cell));
        index += 1;
    }
    Ok(())
}

/// The bytes of a command-line value: only control bytes have a special meaning.
pub(crate) fn argument(bytes: &[u8]) -> Vec<InputByte> {
    bytes.iter().enumerate().map(|byte| restored(plain(byte))).collect()
}

fn plain((index, &byte): (usize, &u8)) -> InputByte {
    InputByte { byte, quoted: false, column: column(index) }
}

/// Whether a byte can be white space, a quote or the start of a comment.
fn is_special(byte: u8) -> bool {
    byte <= b' ' || byte == b'"' || byte == b'#'
}

/// A line that is read as these bytes, with quotes only where they are necessary.
pub(crate) fn written(cells: &[InputByte]) -> Vec<u8> {
    let mut line = Vec::new();
    let mut quoted = false;
    for cell in cells {
        // Two quoted texts must not be adjacent, so a byte that means the same in both stays on its side.
        let needs_quotes = match () {
            () if cell.quoted || matches!(cell.byte, b'"' | b'#') => true,
            () if is_space(cell.byte) && cell.byte != b' ' => true,
            () if is_protectable(cell.byte) => false,
            () => quoted,
        };
        if needs_quotes != quoted {
            line.push(b'"');
            quoted = needs_quotes;
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

/// Letters after a backslash in quotes, and the bytes that they mean.
const ESCAPES: &[(u8, u8)] = &[
    (b'"', b'"'),
    (b'\\', b'\\'),
    (b't', b'\t'),
    (b'n', b'\n'),
    (b'e', 27),
    (b'b', 8),
    (b'r', b'\r'),
];

/// Reads a quoted text. `from` is the index after the opening quote; the result is the index after the closing one.
fn quoted(bytes: &[u8], from: usize, cells: &mut Vec<InputByte>) -> Result<usize, ParseError> {
    let mut index = from;
    loop {
        let (byte, width) = match bytes.get(index..) {
            None | Some([]) => {
                return Err(ParseError::structure("missing \"", from - 1, "a closing quote"));
            }
            Some([b'"', ..]) => return Ok(index + 1),
            Some([b'\\', next, ..]) => escaped(*next).map_or((b'\\', 1), |byte| (byte, 2)),
            Some([byte, ..]) => (*byte, 1),
        };
        let cell = InputByte { byte, quoted: is_protectable(byte), column: column(index) };
        cells.push(if width == 1 { restored(cell) } else { cell });
        index += width;
    }
}

/// dnsmasq represents quoted characters by control bytes, so a control byte of the input is read as a quoted character.
fn restored(cell: InputByte) -> InputByte {
    const MEANT: &[u8; 32] = b"\x00123456 \x00\x00\x0078\x0090abcdefABCDE\x00F:,.";
    match MEANT.get(usize::from(cell.byte)) {
        Some(&byte) if byte != 0 => InputByte { byte, quoted: true, ..cell },
        _ => cell,
    }
}

fn escaped(letter: u8) -> Option<u8> {
    ESCAPES.iter().find(|(known, _)| *known == letter).map(|(_, byte)| *byte)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12)
}

/// Whether quotes remove the meaning of a byte. Other bytes mean the same inside and outside of quotes.
fn is_protectable(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b' ' | b':' | b',' | b'.')
}

#[expect(clippy::cast_possible_truncation, reason = "it is bounded first")]
fn column(index: usize) -> u16 {
    index.min(u16::MAX as usize) as u16
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
    fn quotes_are_removed_everywhere() {
        assert_eq!(read(r#"x"y z"w"#).unwrap(), "xy zw");
        assert_eq!(read(r#""a" "b""#).unwrap(), "a b");
        assert_eq!(read(r#""a"b"c""#).unwrap(), "abc");
    }

    #[test]
    fn quote_directly_after_a_closing_quote_is_a_character() {
        assert!(read(r#""a""b""#).is_err(), "the last quote opens a text that is not closed");
    }

    #[test]
    fn comment_needs_white_space_before_it() {
        assert_eq!(read("port=53#c").unwrap(), "port=53#c");
        assert_eq!(read("port=53 #c").unwrap(), "port=53 ");
        assert_eq!(read("#c").unwrap(), "");
        assert_eq!(read("\"#\"").unwrap(), "#");
    }

    #[test]
    fn comment_after_a_quote_needs_white_space_before_the_quote() {
        assert_eq!(read("x= \"a\"#b").unwrap(), "x= a");
        assert_eq!(read("x=\"a\"#b").unwrap(), "x=a#b");
    }

    #[test]
    fn escapes_are_read_in_quotes_only() {
        assert_eq!(read("\"\\t\\\"\\\\\\q\"\\t").unwrap(), "\t\"\\\\q\\t");
    }

    #[test]
    fn white_space_becomes_spaces_outside_quotes() {
        assert_eq!(read("a\tb\r").unwrap(), "a b ");
        assert_eq!(read("\"a\tb\"").unwrap(), "a\tb");
    }

    #[test]
    fn quotes_mark_syntax_characters_only() {
        let mut cells = Vec::new();
        line(br#""a,g.1""#, &mut cells).unwrap();
        let protected: Vec<bool> = cells.iter().map(|cell| cell.quoted).collect();
        assert_eq!(protected, [true, true, false, true, true]);
    }

    #[test]
    fn control_bytes_are_read_as_quoted_characters() {
        let mut cells = Vec::new();
        line(b"\x01\x07\x10\x1a\x1c\x1d\x1e\x1f\x1b\x08\"\x0b\"", &mut cells).unwrap();
        let bytes: Vec<u8> = cells.iter().map(|cell| cell.byte).collect();
        assert_eq!(bytes, *b"1 aEF:,.\x1b\x087");
        let bare = cells.iter().filter(|cell| !cell.quoted).count();
        assert_eq!(bare, 2);
        let bytes: Vec<u8> = argument(b"/\x01\x1e\"\t#\x1b").iter().map(|cell| cell.byte).collect();
        assert_eq!(bytes, *b"/1,\"\t#\x1b");
    }

    #[test]
    fn nul_ends_the_line() {
        assert_eq!(line_of(b"a\0b\n"), b"a");
        assert_eq!(line_of(b"a\n"), b"a");
        assert_eq!(line_of(b""), b"");
    }
}
