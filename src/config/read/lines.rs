//! A file line by line, as dnsmasq cuts it: in pieces of at most [`PIECE`] bytes, each of which counts as a line.

use conf_parser::{MAX_LINE_LEN, line_of};
use std::io::{self, BufRead, Read};

/// The lines of something, from 1.
pub struct Lines<R> {
    input: R,
    piece: Vec<u8>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// All of `input`.
    pub fn new(input: R) -> Self {
        Self { input, piece: Vec::new(), number: 0 }
    }

    /// The next one and its number.
    pub fn read(&mut self) -> io::Result<Option<(usize, &[u8])>> {
        self.piece.clear();
        let mut limited = self.input.by_ref().take(MAX_LINE_LEN as u64);
        if limited.read_until(b'\n', &mut self.piece)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some((self.number, line_of(&self.piece))))
    }
}

#[test]
fn what_is_too_long_goes_on_in_the_next_line() {
    let text = [&[b'a'; 1030][..], b"\nb"].concat();
    let mut lines = Lines::new(&text[..]);
    let sizes =
        std::iter::from_fn(|| lines.read().unwrap().map(|(number, line)| (number, line.len())));
    assert_eq!(sizes.collect::<Vec<_>>(), [(1, 1024), (2, 6), (3, 1)]);
}
