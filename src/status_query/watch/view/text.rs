//! Text in the columns of a terminal.

use unicode_width::UnicodeWidthChar;

/// A text of the document without characters that move the cursor, control the terminal or have no width, such as the marks that
/// change the direction of a text. They become `?`, so that the columns of a text are known on every terminal.
pub fn clean(text: &str) -> String {
    let visible = |c: char| if c.width().is_some_and(|width| width > 0) { c } else { '?' };
    text.chars().map(visible).collect()
}

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The beginning of a text that fits into these columns.
pub fn clip(text: &str, max: usize) -> &str {
    let mut left = max;
    let too_wide = text.char_indices().find(|(_, c)| {
        let fits = columns(*c) <= left;
        left = left.saturating_sub(columns(*c));
        !fits
    });
    too_wide.map_or(text, |(at, _)| &text[..at])
}

/// The end of a text that fits into these columns.
fn clip_start(text: &str, max: usize) -> &str {
    let mut left = max;
    let too_wide = text.char_indices().rev().find(|(_, c)| {
        let fits = columns(*c) <= left;
        left = left.saturating_sub(columns(*c));
        !fits
    });
    too_wide.map_or(text, |(at, c)| &text[at + c.len_utf8()..])
}

/// The text, cut in its middle if it does not fit into these columns. More of its end is kept: the name of a file is there.
pub fn shorten(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let Some(space) = max.checked_sub(1) else { return String::new() };
    let start = clip(text, space / 3);
    format!("{start}…{}", clip_start(text, space - width(start)))
}

/// The text with spaces after it, in exactly these columns.
pub fn left(text: &str, columns: usize) -> String {
    let text = shorten(text, columns);
    let spaces = columns - width(&text);
    format!("{text}{:spaces$}", "")
}

/// The text with spaces before it, in exactly these columns.
pub fn right(text: &str, columns: usize) -> String {
    let text = shorten(text, columns);
    let spaces = columns - width(&text);
    format!("{:spaces$}{text}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_without_a_width_and_control_characters_are_replaced() {
        let hostile = "a\x1b[2J\x07\u{9b}2J\r\n\t\u{202e}b\u{200b}é\u{301}日";
        assert_eq!(clean(hostile), "a?[2J??2J????b?é?日");
        assert_eq!(width("é日"), 3);
    }

    #[test]
    fn text_that_is_too_long_is_cut_in_its_middle() {
        let path = "/srv/tftp/debian/12/amd64/vmlinuz";
        assert_eq!(shorten(path, 33), path);
        assert_eq!(shorten(path, 20), "/srv/t…amd64/vmlinuz");
        assert_eq!(shorten(path, 1), "…");
        assert_eq!(shorten(path, 0), "");
        // A character of two columns that does not fit is left out.
        assert_eq!(shorten("日本語日本語", 6), "…本語");
        for max in 0..=40 {
            assert!(width(&shorten(path, max)) <= max);
            assert_eq!(width(&left("日本語日本語", max)), max);
            assert_eq!(width(&right("日本語日本語", max)), max);
        }
    }

    #[test]
    fn text_is_aligned_in_its_columns() {
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
    }
}
