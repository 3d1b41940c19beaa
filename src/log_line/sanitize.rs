//! Removes control characters from log lines: names of files and the output of scripts may contain any character.

use super::text_of;
use std::borrow::Cow;
use std::fmt;

/// Replaces each control character except the tab by `?`, so that a text cannot add a line or control the terminal.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\t';
    if text.contains(is_control) { text.replace(is_control, "?").into() } else { text.into() }
}

/// [`sanitize`] for format arguments.
pub fn sanitized(arguments: fmt::Arguments<'_>) -> String {
    let text = text_of(arguments);
    if is_printable_ascii(&text) { text } else { sanitize(&text).into_owned() }
}

/// Whether a text has no character to replace: most lines have only these.
fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

#[test]
fn control_characters_except_tabs_are_replaced() {
    let forged =
        "read /hosts/x\x1b[2J\nNov 23 01:00:00 dnsmasq-tftp[1]: sent forged\u{9b}2J\r\x7f\té";
    let sanitized = "read /hosts/x?[2J?Nov 23 01:00:00 dnsmasq-tftp[1]: sent forged?2J??\té";
    assert_eq!(sanitize(forged), sanitized);
    assert_eq!(super::sanitize::sanitized(format_args!("{forged}")), sanitized);
}
