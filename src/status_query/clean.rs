//! Text of the server that is safe to print: names of files are chosen by other programs and other users.

use crate::byte_text::to_utf8;
use crate::log_line::sanitize::sanitize;

/// Replaces control characters, the tab too, and characters that change the direction of text, by `?`.
pub fn clean(text: &str) -> String {
    sanitize(&to_utf8(text)).replace(|c| c == '\t' || changes_direction(c), "?")
}

/// JSON with each character that a terminal could take for a command as an escape sequence of JSON.
pub fn clean_json(document: &str) -> String {
    if document.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return document.to_owned();
    }
    let escaped = |c: char| match c {
        '\n' | ' '..='~' => c.to_string(),
        c if c.is_control() || changes_direction(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    to_utf8(document).chars().map(escaped).collect()
}

/// The characters of Unicode's algorithm for text in two directions (UAX 9, section 2).
fn changes_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn no_character_controls_the_terminal() {
    let hostile = "a\x1b[2J\n\t\x07\u{9b}5m\x7f\u{202e}é\u{10ff9b}";
    assert_eq!(clean(hostile), "a?[2J????5m??é\u{fffd}");
    let json = serde_json::to_string(hostile).unwrap();
    let printed = clean_json(&json);
    let is_safe = |c: char| !c.is_control() && !changes_direction(c) && c < '\u{10ff00}';
    assert!(printed.chars().all(is_safe), "{printed:?}");
    let read: String = serde_json::from_str(&printed).unwrap();
    assert_eq!(read, hostile.replace('\u{10ff9b}', "\u{fffd}"));
    assert_eq!(clean_json("{\n \"a\": 1 }"), "{\n \"a\": 1 }");
}
