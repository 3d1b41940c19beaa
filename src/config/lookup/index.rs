//! Hash indexes by bytes, so that a request does not scan the whole configuration.
//!
//! An index stores hashes and no keys, so that 200,000 keys take little memory. It may return false positives: the caller
//! must check each candidate.

use conf_parser::Condition;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;

/// Positions in a list by key. A key may have several positions, and a position several keys.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// The last entry of each hash.
    last: HashMap<u64, Number>,
}

/// Number of an entry, from 1.
type Number = NonZeroU32;

#[derive(Clone, Debug)]
struct Entry {
    position: u32,
    /// The entry of the same hash before this one.
    before: Option<Number>,
    hash: u64,
}

/// A configuration of that size does not fit into memory.
const TOO_MANY_ENTRIES: &str = "fewer than 2³² entries";

impl Index {
    /// Adds a key of a position.
    ///
    /// # Panics
    /// There are 2³² entries.
    pub fn add(&mut self, key: &[u8], position: usize) {
        let number = u32::try_from(self.entries.len() + 1).ok().and_then(Number::new);
        let number = number.expect(TOO_MANY_ENTRIES);
        let position = u32::try_from(position).expect(TOO_MANY_ENTRIES);
        let hash = hash(key);
        let before = self.last.insert(hash, number);
        self.entries.push(Entry { position, before, hash });
    }

    /// Number of keys.
    pub fn key_count(&self) -> usize {
        self.entries.len()
    }

    /// Removes all keys after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        while self.entries.len() > count
            && let Some(entry) = self.entries.pop()
        {
            match entry.before {
                Some(before) => self.last.insert(entry.hash, before),
                None => self.last.remove(&entry.hash),
            };
        }
    }

    /// Removes the positions from `count` on. The keys must have been added in the order of the positions.
    pub fn truncate_positions(&mut self, count: usize) {
        self.truncate(self.entries.partition_point(|entry| (entry.position as usize) < count));
    }

    /// Positions that may have this key, the last added first.
    pub fn candidates(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let mut next = if self.last.is_empty() { None } else { self.last.get(&hash(key)).copied() };
        std::iter::from_fn(move || {
            let entry = &self.entries[next?.get() as usize - 1];
            next = entry.before;
            Some(entry.position as usize)
        })
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Positions by texts that are searched for in longer values.
#[derive(Clone, Debug, Default)]
pub struct SubstringIndex {
    by_length: BTreeMap<usize, Index>,
}

impl SubstringIndex {
    /// Adds a text of a position.
    pub fn add(&mut self, text: &[u8], position: usize) {
        self.by_length.entry(text.len()).or_default().add(text, position);
    }

    /// Positions whose text may be a prefix of `value`.
    pub fn prefixes_of(&self, value: &[u8]) -> impl Iterator<Item = usize> {
        let fitting = self.by_length.range(..=value.len());
        fitting.flat_map(|(length, index)| index.candidates(&value[..*length]))
    }

    /// Positions whose text `value` may contain.
    pub fn anywhere(&self, value: &[u8]) -> impl Iterator<Item = usize> {
        self.steps(value, |_| 1)
    }

    /// Positions whose text `value` may contain at a multiple of the length of the text.
    pub fn chunks(&self, value: &[u8]) -> impl Iterator<Item = usize> {
        self.steps(value, |length| length.max(1))
    }

    fn steps(&self, value: &[u8], step: impl Fn(usize) -> usize) -> impl Iterator<Item = usize> {
        self.by_length.range(..=value.len()).flat_map(move |(&length, index)| {
            let starts = (0..=value.len() - length).step_by(step(length));
            starts.flat_map(move |start| index.candidates(&value[start..start + length]))
        })
    }
}

/// Positions of rules by one tag that each rule requires.
#[derive(Clone, Debug, Default)]
pub struct TagIndex {
    by_tag: Index,
    /// Rules that require no particular tag.
    unconditional: Vec<usize>,
}

impl TagIndex {
    /// Adds a rule under the first tag that it requires. In a `tag-if` line a tag may end in `*`: such a tag is no key.
    pub fn add(&mut self, conditions: &[Condition], position: usize) {
        let plain = |condition: &&Condition| !condition.negated && !condition.tag.ends_with(b"*");
        match conditions.iter().find(plain) {
            Some(condition) => self.by_tag.add(&condition.tag, position),
            None => self.unconditional.push(position),
        }
    }

    /// Removes the positions from `count` on.
    pub fn truncate(&mut self, count: usize) {
        self.by_tag.truncate_positions(count);
        self.unconditional.retain(|position| *position < count);
    }

    /// Positions of rules that may hold because of these tags. The caller must check each rule.
    pub fn candidates<'a>(
        &'a self,
        tags: impl Iterator<Item = &'a [u8]>,
    ) -> impl Iterator<Item = usize> {
        tags.flat_map(|tag| self.by_tag.candidates(tag))
    }

    /// Positions of rules that require no particular tag.
    pub fn unconditional(&self) -> &[usize] {
        &self.unconditional
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_position_is_first_and_truncate_removes_it() {
        let mut index = Index::default();
        for (position, key) in [(0, "a"), (1, "b"), (2, "a"), (2, "c"), (3, "a")] {
            index.add(key.as_bytes(), position);
        }
        assert_eq!(index.candidates(b"a").collect::<Vec<_>>(), [3, 2, 0]);
        index.truncate_positions(2);
        assert_eq!(index.candidates(b"a").collect::<Vec<_>>(), [0]);
        assert_eq!(index.candidates(b"b").collect::<Vec<_>>(), [1]);
        assert_eq!(index.candidates(b"c").count(), 0);
        index.add(b"c", 2);
        assert_eq!(index.candidates(b"c").collect::<Vec<_>>(), [2]);
        index.truncate(1);
        assert_eq!((index.key_count(), index.candidates(b"a").next()), (1, Some(0)));
    }

    #[test]
    fn texts_are_found_as_prefix_anywhere_or_by_chunk() {
        let mut texts = SubstringIndex::default();
        texts.add(b"ab", 0);
        texts.add(b"", 1);
        texts.add(b"c", 2);
        let sorted = |found: Vec<usize>| std::collections::BTreeSet::from_iter(found);
        assert_eq!(sorted(texts.prefixes_of(b"abc").collect()), [0, 1].into());
        assert_eq!(sorted(texts.anywhere(b"xabc").collect()), [0, 1, 2].into());
        assert_eq!(sorted(texts.chunks(b"xabc").collect()), [1, 2].into());
        assert_eq!(sorted(texts.chunks(b"xxab").collect()), [0, 1].into());
        assert_eq!(sorted(texts.anywhere(b"").collect()), [1].into());
    }
}
