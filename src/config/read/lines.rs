//! Splits a file into lines as dnsmasq does: a longer line is split after `MAX_LINE_LEN` bytes. Each part counts as a line.

use conf_parser::{MAX_LINE_LEN, line_of};
use std::io::{self, BufRead, Read};

/// Lines of an input, numbered from 1.
pub struct Lines<R> {
    input: R,
    part: Vec<u8>,
    number: usize,
}

/// A line, or a part of one that is too long.
#[derive(Clone, Copy, Debug)]
pub struct Line<'l> {
    /// Number, from 1.
    pub number: usize,
    /// The bytes, without what follows a NUL.
    pub text: &'l [u8],
    /// Number of bytes that were read for it.
    pub size: usize,
}

impl<R: BufRead> Lines<R> {
    pub fn new(input: R) -> Self {
        Self { input, part: Vec::new(), number: 0 }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        self.part.clear();
        let mut limited = self.input.by_ref().take(MAX_LINE_LEN as u64);
        let size = limited.read_until(b'\n', &mut self.part)?;
        if size == 0 {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Line { number: self.number, text: line_of(&self.part), size }))
    }
}

#[test]
fn rest_of_a_line_over_1024_bytes_is_the_next_line() {
    let text = [&[b'a'; 1030][..], b"\nb"].concat();
    let mut lines = Lines::new(&text[..]);
    let sizes = std::iter::from_fn(|| {
        lines.read().unwrap().map(|line| (line.number, line.text.len(), line.size))
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [(1, 1024, 1024), (2, 6, 7), (3, 1, 1)]);
}
