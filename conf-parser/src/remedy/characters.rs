//! Characters that look like others, byte order marks, and comments that are none.

use crate::error::Remedy;
use crate::input::Input;
use crate::table::OptionSpec;

/// The remedy for a line that starts with a byte order mark.
pub(super) fn byte_order_mark(line: Input<'_>) -> Option<Remedy> {
    let bytes = line.bytes();
    let text = if bytes.starts_with(b"\xef\xbb\xbf") {
        "this is a byte order mark (U+FEFF): save the file as UTF-8 without it"
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        "this is the byte order mark of UTF-16: save the file as UTF-8 without a byte order mark"
    } else {
        return None;
    };
    Some(Remedy::new(line, text))
}

/// The remedy for the first character that looks like a character of the syntax.
pub(super) fn typographic(text: Input<'_>) -> Option<Remedy> {
    let bytes = text.bytes();
    let mut chars = std::str::from_utf8(&bytes).ok()?.char_indices();
    let (index, c, advice) = chars.find_map(|(index, c)| Some((index, c, looks_like(c)?)))?;
    let column = usize::from(text.cells()[index].column);
    Some(Remedy { column, text: format!("U+{:04X} is {advice}", u32::from(c)) })
}

/// What the character is, and what to write instead.
fn looks_like(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => "a typographic quotation mark: remove it",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "a typographic hyphen or dash: write -",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => {
            "a special space: write a plain space, or none"
        }
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => {
            "an invisible character: remove it"
        }
        '\u{ff0c}' | '\u{3001}' => "a special comma: write ,",
        '\u{ff1d}' => "a special equals sign: write =",
        '\u{2026}' => "a placeholder for text that was left out: write it in full",
        _ => return None,
    })
}

/// The remedy for `#` without a space before it, and for `;`.
pub(super) fn comment(row: &OptionSpec, field: Input<'_>) -> Option<Remedy> {
    // In these options `#` has a meaning: the port, or all domains.
    let has_meaning = matches!(
        row.keyword,
        "server" | "local" | "rev-server" | "address" | "ipset" | "nftset" | "domain"
    );
    let found =
        |byte| field.cells().iter().position(|cell| cell.is(byte)).filter(|index| *index > 0);
    let (index, text) = match (found(b'#').filter(|_| !has_meaning), found(b';')) {
        (Some(index), _) => (index, "a comment needs a space before #"),
        (None, Some(index)) => {
            (index, "; has no meaning: fields are separated by commas, and a comment begins with #")
        }
        (None, None) => return None,
    };
    Some(Remedy { column: field.cells()[index].column.into(), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use crate::Reader;
    use crate::remedy::tests::{advice, caret};

    #[test]
    fn byte_order_mark_is_named() {
        for line in ["\u{feff}port=0", "\u{feff}# comment", "\u{feff}"] {
            let text = "this is a byte order mark (U+FEFF): save the file as UTF-8 without it";
            assert_eq!(caret(line), (0, text.to_owned()));
        }
        for line in [&b"\xff\xfep"[..], b"\xfe\xff"] {
            let error = Reader::default().line(line).expect_err("it is no keyword");
            assert_eq!(
                error.remedy.as_deref(),
                Some(
                    "this is the byte order mark of UTF-16: save the file as UTF-8 without a byte order mark"
                )
            );
        }
    }

    #[test]
    fn character_that_looks_like_another_is_named() {
        for (line, column, text) in [
            ("tftp–root=/x", 4, "U+2013 is a typographic hyphen or dash: write -"),
            ("\u{a0}port=0", 0, "U+00A0 is a special space: write a plain space, or none"),
            ("port=\u{a0}0", 5, "U+00A0 is a special space: write a plain space, or none"),
            ("pxe-service=“x86PC”,x", 12, "U+201C is a typographic quotation mark: remove it"),
            ("dhcp-range=10.0.0.0，proxy", 19, "U+FF0C is a special comma: write ,"),
            ("port\u{200b}=0", 4, "U+200B is an invisible character: remove it"),
        ] {
            assert_eq!(caret(line), (column, text.to_owned()), "{line}");
        }
    }

    #[test]
    fn character_in_a_field_that_is_accepted_is_not_named() {
        assert_eq!(advice("dhcp-reply-delay=tag:“a”,x"), "expected a number");
    }

    #[test]
    fn comment_without_space_is_found() {
        assert_eq!(caret("port=0#off"), (6, "a comment needs a space before #".to_owned()));
        assert_eq!(
            advice("port=0; off"),
            "; has no meaning: fields are separated by commas, and a comment begins with #"
        );
        assert_eq!(advice("server=1.2.3.4#x"), "expected a port");
    }
}
