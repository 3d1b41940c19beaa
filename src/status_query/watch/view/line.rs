//! A line of the screen.

use super::text::{clip, width};
use crate::terminal::{Color, Style};

/// A part of a line in one colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Without control characters.
    pub text: String,
    /// `None`: the colour of the terminal.
    pub color: Option<Color>,
}

/// A line of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Span>);

impl Line {
    /// A line in one colour.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::default().with(text, None)
    }

    /// The line with one more part.
    #[must_use]
    pub fn with(mut self, text: impl Into<String>, color: Option<Color>) -> Self {
        self.0.push(Span { text: text.into(), color });
        self
    }

    /// The columns that it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|span| width(&span.text)).sum()
    }

    /// Its text without colours.
    pub fn text(&self) -> String {
        self.0.iter().map(|span| &*span.text).collect()
    }

    /// Its text with the escape sequences of its colours.
    pub fn paint(&self, style: Style) -> String {
        let paint = |span: &Span| match span.color {
            Some(color) => style.paint(color, &span.text),
            None => span.text.clone(),
        };
        self.0.iter().map(paint).collect()
    }

    /// The line without what does not fit into this width.
    #[must_use]
    pub fn clipped(self, max: usize) -> Self {
        let mut left = max;
        let clipped = self.0.into_iter().map(|span| {
            let text = clip(&span.text, left).to_owned();
            left -= width(&text);
            Span { text, ..span }
        });
        Self(clipped.filter(|span| !span.text.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_that_is_too_long_is_cut_in_the_part_that_reaches_the_width() {
        let line = Line::plain("ab").with("cdef", Some(Color::Red)).with("gh", None);
        assert_eq!((line.width(), line.text()), (8, "abcdefgh".to_owned()));
        let cut = line.clone().clipped(4);
        assert_eq!(cut, Line::plain("ab").with("cd", Some(Color::Red)));
        assert_eq!(cut.paint(Style::Colored), "ab\x1b[31mcd\x1b[0m");
        assert_eq!(cut.paint(Style::Plain), "abcd");
        assert_eq!(line.clone().clipped(8), line);
        assert_eq!(line.clipped(0), Line::default());
    }
}
