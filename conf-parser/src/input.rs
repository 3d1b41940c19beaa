//! [`Text`]: what stands in a line after quotes and comments are gone, as input for nom.
//!
//! Quotes do two things in this language: they vanish, and they *protect* what they held. A protected comma is no
//! separator, a protected digit no digit (docs/dnsmasq/config-language.md, section 1.6). A plain string could not tell, so
//! each byte remembers it, and the column it was written in.

use nom::{Input as _, Needed};
use std::borrow::Cow;
use std::iter::{Copied, Enumerate};
use std::slice::Iter;

/// One byte of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputByte {
    /// The byte, after escapes.
    pub byte: u8,
    /// Came out of quotes, and is one of the characters that quotes protect.
    pub quoted: bool,
    /// Where it was written: bytes from the start of the line.
    pub column: u16,
}

impl InputByte {
    /// Whether this is `byte` in its structural meaning.
    pub fn is(self, byte: u8) -> bool {
        self.byte == byte && !self.quoted
    }

    /// Whether this is a blank that separates.
    pub fn is_blank(self) -> bool {
        self.is(b' ')
    }
}

/// A stretch of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    input_bytes: &'a [InputByte],
    /// The column after the last cell, for faults that miss something.
    end: u16,
}

impl<'a> Input<'a> {
    /// All of a lexed line.
    pub fn new(cells: &'a [InputByte]) -> Self {
        let end = cells.last().map_or(0, |cell| cell.column.saturating_add(1));
        Self { input_bytes: cells, end }
    }

    /// The cells.
    pub fn cells(self) -> &'a [InputByte] {
        self.input_bytes
    }

    /// The bytes as they are stored: protection is gone.
    pub fn bytes(self) -> Vec<u8> {
        self.input_bytes.iter().map(|cell| cell.byte).collect()
    }

    /// The bytes as structure sees them: a protected one is `\0`, which no keyword holds.
    pub fn structural_bytes(self) -> impl Iterator<Item = u8> {
        self.input_bytes.iter().map(|cell| if cell.quoted { 0 } else { cell.byte })
    }

    /// The same without protection: for options that look at a value as if it were not quoted.
    pub fn unquoted(self) -> Cow<'a, [InputByte]> {
        if self.input_bytes.iter().any(|cell| cell.quoted) {
            self.input_bytes.iter().map(|&cell| InputByte { quoted: false, ..cell }).collect()
        } else {
            self.input_bytes.into()
        }
    }

    /// Whether nothing is left.
    pub fn is_empty(self) -> bool {
        self.input_bytes.is_empty()
    }

    /// The column this stretch begins at.
    pub fn column(self) -> usize {
        self.input_bytes.first().map_or(self.end, |cell| cell.column).into()
    }

    /// Whether this is exactly `word`, unprotected.
    pub fn is(self, word: &str) -> bool {
        self.input_bytes.len() == word.len() && self.structural_bytes().eq(word.bytes())
    }

    /// As [`Text::is`], letters in either case.
    pub fn is_ignoring_case(self, word: &str) -> bool {
        self.input_bytes.len() == word.len()
            && self.structural_bytes().zip(word.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(&b))
    }

    /// What follows `prefix`, if this begins with it, unprotected.
    pub fn strip_prefix(self, prefix: &str) -> Option<Self> {
        let fits = self.input_bytes.len() >= prefix.len()
            && self.structural_bytes().zip(prefix.bytes()).all(|(a, b)| a == b);
        fits.then(|| self.take_from(prefix.len()))
    }

    /// Without leading and trailing blanks.
    #[must_use]
    pub fn trim(self) -> Self {
        self.trim_start().trim_end()
    }

    /// Without leading blanks.
    #[must_use]
    pub fn trim_start(self) -> Self {
        let blanks = self.input_bytes.iter().take_while(|cell| cell.is_blank()).count();
        self.take_from(blanks)
    }

    /// Without trailing blanks.
    #[must_use]
    pub fn trim_end(self) -> Self {
        let blanks = self.input_bytes.iter().rev().take_while(|cell| cell.is_blank()).count();
        self.take(self.input_bytes.len() - blanks)
    }

    /// Cut at the first unprotected `byte`, which is dropped.
    pub fn split_once(self, byte: u8) -> Option<(Self, Self)> {
        let at = self.input_bytes.iter().position(|cell| cell.is(byte))?;
        Some((self.take(at), self.take_from(at + 1)))
    }

    /// Cut at the first comma; blanks around it vanish, those at either end stay.
    pub fn split_comma(self) -> (Self, Option<Self>) {
        self.split_trimmed(b',')
    }

    /// Cut at the first unprotected `byte`; blanks around it vanish, those at either end stay.
    pub fn split_trimmed(self, byte: u8) -> (Self, Option<Self>) {
        match self.split_once(byte) {
            Some((field, rest)) => (field.trim_end(), Some(rest.trim_start())),
            None => (self, None),
        }
    }

    /// The fields between commas; at least one.
    pub fn fields(self) -> impl Iterator<Item = Self> {
        let mut left = Some(self);
        std::iter::from_fn(move || {
            let (field, rest) = left?.split_comma();
            left = rest;
            Some(field)
        })
    }

    /// At most `most` fields between commas, of which the last one keeps its own.
    pub fn split(self, most: usize) -> Vec<Self> {
        let mut fields = Vec::new();
        let mut left = Some(self);
        while let Some(text) = left {
            let (field, rest) =
                if fields.len() + 1 == most { (text, None) } else { text.split_comma() };
            fields.push(field);
            left = rest;
        }
        fields
    }

    fn part(self, cells: &'a [InputByte], next: Option<&InputByte>) -> Self {
        Self { input_bytes: cells, end: next.map_or(self.end, |cell| cell.column) }
    }
}

impl<'a> nom::Input for Input<'a> {
    type Item = InputByte;
    type Iter = Copied<Iter<'a, InputByte>>;
    type IterIndices = Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.input_bytes.len()
    }

    fn take(&self, index: usize) -> Self {
        self.part(&self.input_bytes[..index], self.input_bytes.get(index))
    }

    fn take_from(&self, index: usize) -> Self {
        self.part(&self.input_bytes[index..], None)
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.take_from(index), self.take(index))
    }

    fn position<P: Fn(InputByte) -> bool>(&self, predicate: P) -> Option<usize> {
        self.input_bytes.iter().position(|&cell| predicate(cell))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.input_bytes.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        if self.input_bytes.len() >= count {
            Ok(count)
        } else {
            Err(Needed::new(count - self.input_bytes.len()))
        }
    }
}
