//! Rules that set a tag on clients that look like something, found without walking them all.

use super::index::{Index, Texts};
use super::{Origin, Placed};
use conf_parser::option::dhcp_match::{ClassMatch, NameMatch, OptionMatch, RelayMatch, TagRule};
use conf_parser::option::option_value::Form;
use conf_parser::words::Hex;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where in a request a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
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
    Nowhere,
}

/// How what it looks for must stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
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
pub trait Sought {
    /// Where, how, and what.
    fn sought(&self) -> (Place, How, Cow<'_, [u8]>);
}

/// Rules of one kind, in file order.
#[derive(Clone, Debug)]
pub struct Matches<M> {
    rules: Vec<Placed<TagRule<M>>>,
    shelves: BTreeMap<Place, Shelf>,
}

/// Rules that look at the same place.
#[derive(Clone, Debug, Default)]
struct Shelf {
    whole: Index,
    beginning: Texts,
    anywhere: Texts,
    chunk: Texts,
    unindexed: Vec<usize>,
}

impl<M> Default for Matches<M> {
    fn default() -> Self {
        Self { rules: Vec::new(), shelves: BTreeMap::new() }
    }
}

impl<M: Sought> Matches<M> {
    /// Adds a rule.
    pub fn push(&mut self, origin: &Origin, rule: TagRule<M>) {
        let at = self.rules.len();
        let (place, how, bytes) = rule.matcher.sought();
        let shelf = self.shelves.entry(place).or_default();
        match how {
            How::Whole => shelf.whole.add(&bytes, at),
            How::Beginning => shelf.beginning.add(&bytes, at),
            How::Anywhere => shelf.anywhere.add(&bytes, at),
            How::Chunk => shelf.chunk.add(&bytes, at),
            How::Unindexed => shelf.unindexed.push(at),
        }
        drop(bytes);
        self.rules.push(Placed { origin: origin.clone(), value: rule });
    }

    /// All rules, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Placed<TagRule<M>>> {
        self.rules.iter()
    }

    /// The rules that may fit a request, last one first; `at` tells what stands at a place. They are to be asked.
    pub fn near<V: AsRef<[u8]>, I: IntoIterator<Item = V>>(
        &self,
        at: impl Fn(Place) -> I,
    ) -> impl Iterator<Item = &Placed<TagRule<M>>> {
        let mut near = Vec::new();
        for (place, shelf) in &self.shelves {
            for value in at(*place) {
                shelf.near(value.as_ref(), &mut near);
            }
        }
        near.sort_unstable();
        near.dedup();
        near.into_iter().rev().map(|at| &self.rules[at])
    }
}

impl Shelf {
    fn near(&self, value: &[u8], near: &mut Vec<usize>) {
        near.extend(self.whole.places(value));
        near.extend(self.beginning.beginnings(value));
        near.extend(self.anywhere.anywhere(value));
        near.extend(self.chunk.chunks(value));
        near.extend(&self.unindexed);
    }
}

impl Sought for Hex {
    fn sought(&self) -> (Place, How, Cow<'_, [u8]>) {
        let how = if self.wild.is_empty() { How::Whole } else { How::Unindexed };
        (Place::Mac, how, Cow::from(&self.bytes))
    }
}

impl Sought for OptionMatch {
    fn sought(&self) -> (Place, How, Cow<'_, [u8]>) {
        let (place, value) = match self {
            Self::Code(code, value) => (Place::Option(*code), value),
            Self::Enterprise(number, value) => (Place::Enterprise(*number), value),
            Self::Version6 => return (Place::Nowhere, How::Unindexed, Cow::default()),
        };
        let how = match &value.form {
            Form::Hex(wild) if wild.is_empty() => How::Beginning,
            Form::Hex(_) | Form::Absent => How::Unindexed,
            Form::Number | Form::Addresses { .. } => How::Chunk,
            Form::Text => How::Anywhere,
        };
        (place, how, Cow::from(&value.bytes))
    }
}

impl Sought for ClassMatch {
    fn sought(&self) -> (Place, How, Cow<'_, [u8]>) {
        match self {
            Self::Vendor(text) => (Place::VendorClass, How::Anywhere, text.into()),
            Self::User(text) => (Place::UserClass, How::Anywhere, text.into()),
        }
    }
}

impl Sought for RelayMatch {
    fn sought(&self) -> (Place, How, Cow<'_, [u8]>) {
        (Place::Relay(self.suboption), How::Whole, Cow::from(&self.value))
    }
}

impl Sought for NameMatch {
    fn sought(&self) -> (Place, How, Cow<'_, [u8]>) {
        let how = if self.prefix { How::Beginning } else { How::Whole };
        (Place::Name, how, self.name.to_ascii_lowercase().into())
    }
}
