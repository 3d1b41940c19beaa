//! Rules that set a tag if a field of the request matches, indexed by field and value.

use super::index::{Index, SubstringIndex};
use crate::config::{Located, Origin};
use conf_parser::Hex;
use conf_parser::ValueType;
use conf_parser::{ClassMatch, NameMatch, OptionMatch, RelayMatch, TagRule};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Field of a request that a rule compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The hardware address.
    Mac,
    /// The option with this code.
    Option(u32),
    /// The items of option 124 with this enterprise number (RFC 3925).
    Enterprise(u32),
    /// The vendor class (option 60).
    VendorClass,
    /// The user class (option 77).
    UserClass,
    /// This sub-option of option 82.
    Relay(u8),
    /// Host name of the client, in lower case.
    Name,
    /// No field: the rule never matches.
    Unindexable,
}

/// How the value of a rule must occur in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// It is equal to the field.
    Exact,
    /// It is a prefix of the field.
    Prefix,
    /// The field contains it.
    Anywhere,
    /// The field contains it at a multiple of its length.
    Chunk,
    /// No index is possible: the rule is always a candidate.
    Unindexed,
}

/// Key of a rule in the index.
pub trait IndexKey {
    /// Field, kind of match and value.
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>);
}

/// Rules of one kind, in file order.
#[derive(Clone, Debug)]
pub struct MatchRules<M> {
    rules: Vec<Located<TagRule<M>>>,
    fields: BTreeMap<Field, FieldIndex>,
}

/// Index of the rules for one field.
#[derive(Clone, Debug, Default)]
struct FieldIndex {
    whole: Index,
    prefix: SubstringIndex,
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
    /// Adds a rule at the end.
    pub fn push(&mut self, origin: &Origin, rule: TagRule<M>) {
        let index = self.rules.len();
        let (field, kind, bytes) = rule.matcher.index_key();
        let entries = self.fields.entry(field).or_default();
        match kind {
            MatchKind::Exact => entries.whole.add(&bytes, index),
            MatchKind::Prefix => entries.prefix.add(&bytes, index),
            MatchKind::Anywhere => entries.anywhere.add(&bytes, index),
            MatchKind::Chunk => entries.chunk.add(&bytes, index),
            MatchKind::Unindexed => entries.unindexed.push(index),
        }
        drop(bytes);
        self.rules.push(Located { origin: origin.clone(), value: rule });
    }

    /// All rules, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Located<TagRule<M>>> {
        self.rules.iter()
    }

    /// The rules that may match a request, last one first. `values` returns the values of a field. The caller must check
    /// each rule.
    pub fn candidates<V: AsRef<[u8]>, I: IntoIterator<Item = V>>(
        &self,
        values: impl Fn(Field) -> I,
    ) -> impl Iterator<Item = &Located<TagRule<M>>> {
        let mut indices = Vec::new();
        for (field, entries) in &self.fields {
            for value in values(*field) {
                entries.candidates(value.as_ref(), &mut indices);
            }
        }
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().rev().map(|index| &self.rules[index])
    }
}

impl FieldIndex {
    fn candidates(&self, value: &[u8], indices: &mut Vec<usize>) {
        indices.extend(self.whole.candidates(value));
        indices.extend(self.prefix.prefixes_of(value));
        indices.extend(self.anywhere.anywhere(value));
        indices.extend(self.chunk.chunks(value));
        indices.extend(&self.unindexed);
    }
}

impl IndexKey for Hex {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        let kind = if self.wildcards.is_empty() { MatchKind::Exact } else { MatchKind::Unindexed };
        (Field::Mac, kind, Cow::from(&self.bytes))
    }
}

impl IndexKey for OptionMatch {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        let (field, value) = match self {
            Self::Code(code, value) => (Field::Option(*code), value),
            Self::Enterprise(number, value) => (Field::Enterprise(*number), value),
            Self::Version6 => return (Field::Unindexable, MatchKind::Unindexed, Cow::default()),
        };
        let kind = match &value.value_type {
            ValueType::Hex(wildcards) if wildcards.is_empty() => MatchKind::Prefix,
            ValueType::Hex(_) | ValueType::Absent => MatchKind::Unindexed,
            ValueType::Number | ValueType::Addresses { .. } => MatchKind::Chunk,
            ValueType::Text => MatchKind::Anywhere,
        };
        (field, kind, Cow::from(&value.bytes))
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
        (Field::Relay(self.suboption), MatchKind::Exact, Cow::from(&self.value))
    }
}

impl IndexKey for NameMatch {
    fn index_key(&self) -> (Field, MatchKind, Cow<'_, [u8]>) {
        let kind = if self.prefix { MatchKind::Prefix } else { MatchKind::Exact };
        (Field::Name, kind, self.name.to_ascii_lowercase().into())
    }
}
