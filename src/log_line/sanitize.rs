//! Removes control characters from log lines: names of files and the output of scripts may contain any character.

use std::borrow::Cow;
use std::fmt;

/// Replaces each control character except the tab by `?`, so that a text cannot add a line or control the terminal.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\t';
    if text.contains(is_control) { text.replace(is_control, "?").into() } else { text.into() }
}

/// [`sanitize`] for format arguments.
pub struct Sanitized<'a>(pub &'a fmt::Arguments<'a>);

impl fmt::Display for Sanitized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            Some(text) => f.write_str(&sanitize(text)),
            None => f.write_str(&sanitize(&self.0.to_string())),
        }
    }
}

#[test]
fn control_characters_except_tabs_are_replaced() {
    let forged =
        "read /hosts/x\x1b[2J\nNov 23 01:00:00 dnsmasq-tftp[1]: sent forged\u{9b}2J\r\x7f\té";
    let sanitized = "read /hosts/x?[2J?Nov 23 01:00:00 dnsmasq-tftp[1]: sent forged?2J??\té";
    assert_eq!(sanitize(forged), sanitized);
    assert_eq!(Sanitized(&format_args!("{forged}")).to_string(), sanitized);
}
