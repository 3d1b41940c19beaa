//! What a line may hold: names of files, and what scripts say, may have any characters.

use std::borrow::Cow;
use std::fmt;

/// Text without characters that move the cursor, end the line, or speak to the terminal: `?` stands for each. Tabs stay.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| c.is_control() && c != '\t';
    if text.contains(is_bad) { text.replace(is_bad, "?").into() } else { text.into() }
}

/// The same, of something that is not text yet.
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
fn nothing_forges_a_line_or_speaks_to_the_terminal() {
    let forged =
        "read /hosts/x\x1b[2J\nNov 23 01:00:00 dnsmasq-tftp[1]: sent forged\u{9b}2J\r\x7f\té";
    let told = "read /hosts/x?[2J?Nov 23 01:00:00 dnsmasq-tftp[1]: sent forged?2J??\té";
    assert_eq!(sanitize(forged), told);
    assert_eq!(Sanitized(&format_args!("{forged}")).to_string(), told);
}
