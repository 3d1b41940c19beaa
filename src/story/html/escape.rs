//! Text that a client or a configuration chose, as HTML.

use std::fmt::{self, Write};

/// Text with the characters replaced that HTML reserves. Characters that HTML does not allow, or that change the direction
/// of the text after them, are U+FFFD.
pub struct Escaped<'t>(pub &'t str);

/// A path: its directories are muted, and a line can end after each `/`.
pub struct EscapedPath<'t>(pub &'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if c.is_control() || changes_direction(c) => f.write_char('\u{fffd}'),
            c => f.write_char(c),
        })
    }
}

impl fmt::Display for EscapedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_start = self.0.rfind('/').map_or(0, |slash| slash + 1);
        let (directories, name) = self.0.split_at(name_start);
        if !directories.is_empty() {
            f.write_str("<span class=\"muted\">")?;
            for part in directories.split_inclusive('/') {
                write!(f, "{}<wbr>", Escaped(part))?;
            }
            f.write_str("</span>")?;
        }
        write!(f, "{}", Escaped(name))
    }
}

/// The marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm.
fn changes_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn reserved_and_forbidden_characters_are_replaced() {
    let text = "<b>&\"'\u{202e}\u{1b}\u{85}é";
    assert_eq!(Escaped(text).to_string(), "&lt;b&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}\u{fffd}é");
}

#[test]
fn line_of_a_path_can_end_after_each_directory() {
    let path = EscapedPath("/a<b/c.0").to_string();
    assert_eq!(path, "<span class=\"muted\">/<wbr>a&lt;b/<wbr></span>c.0");
    assert_eq!(EscapedPath("c.0").to_string(), "c.0");
}
