//! Removes control characters from log lines: names of files and the output of scripts may contain any character.

use std::borrow::Cow;
use std::fmt;

/// Replaces each control character except the tab by `?`, so that a text cannot add a line or control the terminal.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\t';
    // Nearly all lines, and faster than to look at each character.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    if text.contains(is_control) { text.replace(is_control, "?").into() } else { text.into() }
}

/// [`sanitize`] for format arguments.
pub fn sanitized(arguments: fmt::Arguments<'_>) -> String {
    let text = arguments.to_string();
    match sanitize(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => clean,
    }
}

#[test]
fn control_characters_except_tabs_are_replaced() {
    let forged =
        "read /hosts/x\x1b[2J\nNov 23 01:00:00 dnsmasq-tftp[1]: sent forged\u{9b}2J\r\x7f\té";
    let clean = "read /hosts/x?[2J?Nov 23 01:00:00 dnsmasq-tftp[1]: sent forged?2J??\té";
    assert_eq!(sanitize(forged), clean);
    assert_eq!(sanitized(format_args!("{forged}")), clean);
}
