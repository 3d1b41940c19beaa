//! [`Input`]: a line without quotes and comments, as input for nom.
//!
//! dnsmasq removes quotes, and a quoted character loses its meaning: a quoted comma does not separate, a quoted digit
//! is no digit (docs/dnsmasq/config-language.md, section 1.6). So each byte keeps a mark whether it was quoted, and
//! the column of the source line that it comes from.

use nom::{Compare, CompareResult, Input as _, Needed};
use std::borrow::Cow;
use std::iter::{Copied, Enumerate};
use std::slice::Iter;

/// One byte of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputByte {
    /// The byte, after escapes.
    pub(crate) byte: u8,
    /// It was in quotes, and is one of the characters whose meaning quotes remove.
    pub(crate) quoted: bool,
    /// Offset in bytes from the start of the source line.
    pub(crate) column: u16,
}

impl InputByte {
    /// Whether this is `byte`, and not quoted.
    pub(crate) fn is(self, byte: u8) -> bool {
        self.byte == byte && !self.quoted
    }

    /// Whether this is a space that separates.
    pub(crate) fn is_blank(self) -> bool {
        self.is(b' ')
    }

    /// The byte as the syntax treats it: a quoted one is `\0`, which no keyword contains.
    fn structural(self) -> u8 {
        if self.quoted { 0 } else { self.byte }
    }
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Input<'a> {
    input_bytes: &'a [InputByte],
    /// The column after the last byte, for errors about something that is missing.
    end: u16,
}

impl<'a> Input<'a> {
    /// The whole of a line.
    pub(crate) fn new(cells: &'a [InputByte]) -> Self {
        let end = cells.last().map_or(0, |cell| cell.column.saturating_add(1));
        Self { input_bytes: cells, end }
    }

    /// The bytes with their marks.
    pub(crate) fn cells(self) -> &'a [InputByte] {
        self.input_bytes
    }

    /// The bytes as they are stored: the marks are dropped.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.input_bytes.iter().map(|cell| cell.byte).collect()
    }

    /// The bytes as the syntax treats them: a quoted one is `\0`, which no keyword contains.
    pub(crate) fn structural_bytes(self) -> impl Iterator<Item = u8> {
        self.input_bytes.iter().map(|cell| cell.structural())
    }

    /// The same without marks, for options that treat a quoted value as if it had no quotes.
    pub(crate) fn unquoted(self) -> Cow<'a, [InputByte]> {
        if self.input_bytes.iter().any(|cell| cell.quoted) {
            self.input_bytes.iter().map(|&cell| InputByte { quoted: false, ..cell }).collect()
        } else {
            self.input_bytes.into()
        }
    }

    /// Whether it contains `byte`, not quoted.
    pub(crate) fn contains(self, byte: u8) -> bool {
        self.input_bytes.iter().any(|cell| cell.is(byte))
    }

    /// Whether its length is 0.
    pub(crate) fn is_empty(self) -> bool {
        self.input_bytes.is_empty()
    }

    /// The column of the first byte.
    pub(crate) fn column(self) -> usize {
        self.input_bytes.first().map_or(self.end, |cell| cell.column).into()
    }

    /// Whether this is exactly `word`, not quoted.
    pub(crate) fn is(self, word: &str) -> bool {
        self.input_bytes.len() == word.len() && self.structural_bytes().eq(word.bytes())
    }

    /// As [`Input::is`], letters in either case.
    pub(crate) fn is_ignoring_case(self, word: &str) -> bool {
        self.input_bytes.len() == word.len() && self.compare_no_case(word) == CompareResult::Ok
    }

    /// What follows `prefix`, if this starts with it, not quoted.
    pub(crate) fn strip_prefix(self, prefix: &str) -> Option<Self> {
        (self.compare(prefix) == CompareResult::Ok).then(|| self.take_from(prefix.len()))
    }

    /// Without leading and trailing spaces.
    #[must_use]
    pub(crate) fn trim(self) -> Self {
        self.trim_start().trim_end()
    }

    /// Without leading spaces.
    #[must_use]
    pub(crate) fn trim_start(self) -> Self {
        let blanks = self.input_bytes.iter().take_while(|cell| cell.is_blank()).count();
        self.take_from(blanks)
    }

    /// Without trailing spaces.
    #[must_use]
    pub(crate) fn trim_end(self) -> Self {
        let blanks = self.input_bytes.iter().rev().take_while(|cell| cell.is_blank()).count();
        self.take(self.input_bytes.len() - blanks)
    }

    /// Splits at the first `byte` that is not quoted; that byte is dropped.
    pub(crate) fn split_once(self, byte: u8) -> Option<(Self, Self)> {
        let index = self.input_bytes.iter().position(|cell| cell.is(byte))?;
        Some((self.take(index), self.take_from(index + 1)))
    }

    /// Splits at the first comma; spaces around the comma are dropped, those at either end are kept.
    pub(crate) fn split_comma(self) -> (Self, Option<Self>) {
        self.split_trimmed(b',')
    }

    /// Splits at the first `byte` that is not quoted; spaces around it are dropped, those at either end are kept.
    pub(crate) fn split_trimmed(self, byte: u8) -> (Self, Option<Self>) {
        match self.split_once(byte) {
            Some((field, rest)) => (field.trim_end(), Some(rest.trim_start())),
            None => (self, None),
        }
    }

    /// The fields between commas; at least one.
    pub(crate) fn fields(self) -> impl Iterator<Item = Self> {
        let mut left = Some(self);
        std::iter::from_fn(move || {
            let (field, rest) = left?.split_comma();
            left = rest;
            Some(field)
        })
    }

    /// At most `max` fields between commas; the last one keeps further commas.
    pub(crate) fn split(self, max: usize) -> Vec<Self> {
        let mut fields = Vec::new();
        let mut left = Some(self);
        while let Some(text) = left {
            let (field, rest) =
                if fields.len() + 1 == max { (text, None) } else { text.split_comma() };
            fields.push(field);
            left = rest;
        }
        fields
    }

    fn part(self, cells: &'a [InputByte], next: Option<&InputByte>) -> Self {
        Self { input_bytes: cells, end: next.map_or(self.end, |cell| cell.column) }
    }

    fn compare_by(self, word: &str, same: fn(&u8, &u8) -> bool) -> CompareResult {
        if !self.structural_bytes().zip(word.bytes()).all(|(a, b)| same(&a, &b)) {
            CompareResult::Error
        } else if self.input_bytes.len() < word.len() {
            CompareResult::Incomplete
        } else {
            CompareResult::Ok
        }
    }
}

/// A quoted byte is equal to nothing.
impl Compare<&str> for Input<'_> {
    fn compare(&self, word: &str) -> CompareResult {
        self.compare_by(word, u8::eq)
    }

    fn compare_no_case(&self, word: &str) -> CompareResult {
        self.compare_by(word, u8::eq_ignore_ascii_case)
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
