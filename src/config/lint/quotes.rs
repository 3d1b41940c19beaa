//! Quotation marks that are part of a text, because dnsmasq removes only plain double ones.

use crate::byte_text::to_text;
use crate::reason::ConfigReason;

/// Typographic quotation marks, single quotes, and double quotes on the command line.
const MARKS: &[char] = &[
    '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}', '\u{ab}', '\u{bb}', '\u{2018}', '\u{2019}',
    '\u{201a}', '\'', '"',
];

/// The reason, if the text starts or ends with a quotation mark. An apostrophe within a text is none.
pub fn in_text(keyword: &'static str, bytes: &[u8]) -> Option<ConfigReason> {
    let shown = to_text(bytes);
    let text = shown.trim();
    let quoted = text.starts_with(MARKS) || text.ends_with(MARKS) || has_windows_quotes(bytes);
    quoted.then(|| ConfigReason::QuotesInText { keyword, text: text.to_owned() })
}

/// Typographic quotation marks in the encoding Windows-1252.
fn has_windows_quotes(text: &[u8]) -> bool {
    let is_mark = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, 0x84 | 0x91..=0x94));
    std::str::from_utf8(text).is_err() && (is_mark(text.first()) || is_mark(text.last()))
}

#[test]
fn quotation_mark_at_either_end_is_found() {
    for text in ["“a”", "“Boot", "now”", " „a", "'a'", "\"a\"", "‘a", "a»"] {
        assert!(in_text("dhcp-boot", text.as_bytes()).is_some(), "{text}");
    }
    for text in ["", "a", "Don’t boot", "it's", "5 o'clock", "a \"b\" c", "\u{fc}"] {
        assert!(in_text("dhcp-boot", text.as_bytes()).is_none(), "{text}");
    }
    assert!(in_text("dhcp-boot", b"\x93a\x94").is_some());
    assert!(in_text("dhcp-boot", b"a\xe4").is_none());
}
