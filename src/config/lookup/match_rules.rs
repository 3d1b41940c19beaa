//! Rules that set a tag on clients that look like something, found without walking them all.

use super::index::{Index, SubstringIndex};
use crate::config::{Located, Origin};
use conf_parser::Hex;
use conf_parser::ValueType;
use conf_parser::{ClassMatch, NameMatch, OptionMatch, RelayMatch, TagRule};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where in a request a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The hardware address.
    Mac,
    /// The option of that code.
    Option(u32),
    /// The items of option 124 of that enterprise (RFC 3925).
    Enterprise(u32),
    /// The vendor class (option 60).
    VendorClass,
    /// The user class (option 77).
    UserClass,
    /// That sub-option of option 82.
    Relay(u8),
    /// The client's name, in small letters.
    Name,
    /// Nowhere: such a rule never fits.
    Unindexable,
}

/// How what it looks for must stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// It is all of it.
    Whole,
    /// It is how it begins.
    Beginning,
    /// It is in it.
    Anywhere,
    /// It is in it, at a multiple of its own length.
    Chunk,
    /// It has to be asked for.
    Unindexed,
}

/// What a rule looks for.
pub trait IndexKey {
    /// Where, how, and what.
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>);
}

/// Rules of one kind, in file order.
#[derive(Clone, Debug)]
pub struct MatchRules<M> {
    rules: Vec<Located<TagRule<M>>>,
    fields: BTreeMap<Field, FieldIndex>,
}

/// Rules that look at the same place.
#[derive(Clone, Debug, Default)]
struct FieldIndex {
    whole: Index,
    beginning: SubstringIndex,
    anywhere: SubstringIndex,
    chunk: SubstringIndex,
    unindexed: Vec<usize>,
}

impl<M> Default for MatchRules<M> {
    fn default() -> Self {
        Self { rules: Vec::new(), fields: BTreeMap::new() }
    }
}

impl<M: IndexKey> MatchRules<M> {
    /// Adds a rule.
    pub fn push(&mut self, origin: &Origin, rule: TagRule<M>) {
        let at = self.rules.len();
        let (place, how, bytes) = rule.matcher.index_key();
        let shelf = self.fields.entry(place).or_default();
        match how {
            MatchKind::Whole => shelf.whole.add(&bytes, at),
            MatchKind::Beginning => shelf.beginning.add(&bytes, at),
            MatchKind::Anywhere => shelf.anywhere.add(&bytes, at),
            MatchKind::Chunk => shelf.chunk.add(&bytes, at),
            MatchKind::Unindexed => shelf.unindexed.push(at),
        }
        drop(bytes);
        self.rules.push(Located { origin: origin.clone(), value: rule });
    }

    /// All rules, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Located<TagRule<M>>> {
        self.rules.iter()
    }

    /// The rules that may fit a request, last one first; `at` tells what stands at a place. They are to be asked.
    pub fn candidates<V: AsRef<[u8]>, I: IntoIterator<Item = V>>(
        &self,
        at: impl Fn(Field) -> I,
    ) -> impl Iterator<Item = &Located<TagRule<M>>> {
        let mut near = Vec::new();
        for (place, shelf) in &self.fields {
            for value in at(*place) {
                shelf.candidates(value.as_ref(), &mut near);
            }
        }
        near.sort_unstable();
        near.dedup();
        near.into_iter().rev().map(|at| &self.rules[at])
    }
}

impl FieldIndex {
    fn candidates(&self, value: &[u8], near: &mut Vec<usize>) {
        near.extend(self.whole.candidates(value));
        near.extend(self.beginning.beginnings(value));
        near.extend(self.anywhere.anywhere(value));
        near.extend(self.chunk.chunks(value));
        near.extend(&self.unindexed);
    }
}

impl IndexKey for Hex {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        let how = if self.wildcards.is_empty() { MatchKind::Whole } else { MatchKind::Unindexed };
        (Field::Mac, how, Cow::from(&self.bytes))
    }
}

impl IndexKey for OptionMatch {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        let (place, value) = match self {
            Self::Code(code, value) => (Field::Option(*code), value),
            Self::Enterprise(number, value) => (Field::Enterprise(*number), value),
            Self::Version6 => return (Field::Unindexable, MatchKind::Unindexed, Cow::default()),
        };
        let how = match &value.value_type {
            ValueType::Hex(wild) if wild.is_empty() => MatchKind::Beginning,
            ValueType::Hex(_) | ValueType::Absent => MatchKind::Unindexed,
            ValueType::Number | ValueType::Addresses { .. } => MatchKind::Chunk,
            ValueType::Text => MatchKind::Anywhere,
        };
        (place, how, Cow::from(&value.bytes))
    }
}

impl IndexKey for ClassMatch {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        match self {
            Self::Vendor(text) => (Field::VendorClass, MatchKind::Anywhere, text.into()),
            Self::User(text) => (Field::UserClass, MatchKind::Anywhere, text.into()),
        }
    }
}

impl IndexKey for RelayMatch {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        (Field::Relay(self.suboption), MatchKind::Whole, Cow::from(&self.value))
    }
}

impl IndexKey for NameMatch {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        let how = if self.prefix { MatchKind::Beginning } else { MatchKind::Whole };
        (Field::Name, how, self.name.to_ascii_lowercase().into())
    }
}
