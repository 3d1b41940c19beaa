//! Hash indexes by bytes, so that a request does not scan the whole configuration.
//!
//! An index stores hashes and no keys, so that a million keys take 16 MB. It may return false positives: the caller must
//! check each candidate.

use conf_parser::Condition;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;

/// Positions in a list by key. A key may have several positions, and a position several keys.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// The last entry of each bucket. The number of buckets is 0 or a power of two.
    buckets: Vec<Option<Number>>,
}

/// Number of an entry, from 1.
type Number = NonZeroU32;

#[derive(Clone, Debug)]
struct Entry {
    position: u32,
    hash: u32,
    /// The entry of the same bucket before this one.
    before: Option<Number>,
}

/// A configuration of that size does not fit into memory.
const TOO_MANY_ENTRIES: &str = "fewer than 2³² entries";
const FIRST_BUCKETS: usize = 4;

impl Index {
    /// Adds a key of a position.
    ///
    /// # Panics
    /// There are 2³² entries.
    pub fn add(&mut self, key: &[u8], position: usize) {
        if self.entries.len() == self.buckets.len() {
            self.grow();
        }
        let number = self.entries.len() + 1;
        let position = u32::try_from(position).expect(TOO_MANY_ENTRIES);
        let hash = hash(key);
        let before = self.put_last(hash, number);
        self.entries.push(Entry { position, hash, before });
    }

    /// Makes this the last entry of its bucket; the one before it.
    fn put_last(&mut self, hash: u32, number: usize) -> Option<Number> {
        let number = u32::try_from(number).ok().and_then(Number::new).expect(TOO_MANY_ENTRIES);
        let bucket = self.bucket(hash);
        self.buckets[bucket].replace(number)
    }

    /// There must be a bucket.
    fn bucket(&self, hash: u32) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    /// Doubles the number of buckets. The entries keep their order within each.
    fn grow(&mut self) {
        let count = (self.buckets.len() * 2).max(FIRST_BUCKETS);
        self.buckets.clear();
        self.buckets.resize(count, None);
        for index in 0..self.entries.len() {
            self.entries[index].before = self.put_last(self.entries[index].hash, index + 1);
        }
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
            // The last entry of all is the last of its bucket.
            let bucket = self.bucket(entry.hash);
            self.buckets[bucket] = entry.before;
        }
    }

    /// Removes the positions from `count` on. The keys must have been added in the order of the positions.
    pub fn truncate_positions(&mut self, count: usize) {
        self.truncate(self.entries.partition_point(|entry| (entry.position as usize) < count));
    }

    /// Positions that may have this key, the last added first.
    pub fn candidates(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let hash = if self.entries.is_empty() { 0 } else { hash(key) };
        let mut next = if self.entries.is_empty() { None } else { self.buckets[self.bucket(hash)] };
        let entries = std::iter::from_fn(move || {
            let entry = &self.entries[next?.get() as usize - 1];
            next = entry.before;
            Some(entry)
        });
        entries.filter(move |entry| entry.hash == hash).map(|entry| entry.position as usize)
    }
}

/// The upper half of the hash.
fn hash(key: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
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
    fn keys_of_a_large_index_are_found_before_and_after_truncate() {
        let mut index = Index::default();
        let key = |number: usize| (number % 700).to_be_bytes();
        for number in 0..1000 {
            index.add(&key(number), number);
        }
        let found = |index: &Index, number| index.candidates(&key(number)).collect::<Vec<_>>();
        assert_eq!(found(&index, 299), [999, 299]);
        assert_eq!(found(&index, 300), [300]);
        index.truncate(900);
        assert_eq!(found(&index, 299), [299]);
        assert_eq!(found(&index, 199), [899, 199]);
        index.truncate(0);
        assert!((0..700).all(|number| found(&index, number).is_empty()));
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
