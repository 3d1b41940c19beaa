//! Rules that hold for clients with certain tags, found by the tags that a client has.

use super::index::Index;
use super::tags::TagSet;
use crate::config::Origin;
use conf_parser::Condition;
use std::ops::Deref;

/// Something that holds for the clients that fulfil its conditions.
#[derive(Clone, Debug)]
pub struct Rule<T> {
    /// Where it was written.
    pub origin: Origin,
    /// All must hold; none holds for everybody.
    pub conditions: Vec<Condition>,
    /// What it says.
    pub value: T,
}

impl<T> Rule<T> {
    /// Whether it is for a client with these tags.
    pub fn holds(&self, tags: &TagSet) -> bool {
        tags.satisfies(&self.conditions)
    }
}

/// Rules of one kind, in file order.
#[derive(Clone, Debug)]
pub struct Rules<T> {
    rules: Vec<Rule<T>>,
    index: TagIndex,
}

/// Places of rules by a tag that they ask for.
#[derive(Clone, Debug, Default)]
pub struct TagIndex {
    by_tag: Index,
    /// Those that ask for none in particular.
    unconditional: Vec<usize>,
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { rules: Vec::new(), index: TagIndex::default() }
    }
}

impl<T> Rules<T> {
    /// Adds a rule.
    pub fn push(&mut self, rule: Rule<T>) {
        self.index.add(&rule.conditions, self.rules.len());
        self.rules.push(rule);
    }

    /// Forgets all rules behind the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.index.truncate(count);
        self.rules.truncate(count);
    }

    /// The rules that hold, last one first.
    pub fn matching(&self, tags: &TagSet<'_>) -> Vec<&Rule<T>> {
        let mut near: Vec<usize> = self.index.candidates(tags.iter()).collect();
        near.extend(&self.index.unconditional);
        near.sort_unstable();
        near.dedup();
        let near = near.into_iter().rev().map(|at| &self.rules[at]);
        near.filter(|rule| rule.holds(tags)).collect()
    }

    /// The last one with conditions that hold, else the last one without conditions.
    pub fn last_matching(&self, tags: &TagSet<'_>) -> Option<&Rule<T>> {
        let holding = self.matching(tags);
        let with = holding.iter().find(|rule| !rule.conditions.is_empty());
        with.or_else(|| holding.first()).copied()
    }
}

impl<T> Deref for Rules<T> {
    type Target = [Rule<T>];

    fn deref(&self) -> &[Rule<T>] {
        &self.rules
    }
}

impl<T> Extend<Rule<T>> for Rules<T> {
    fn extend<I: IntoIterator<Item = Rule<T>>>(&mut self, rules: I) {
        rules.into_iter().for_each(|rule| self.push(rule));
    }
}

impl TagIndex {
    /// Files a rule under the first tag that it asks for. In a `tag-if` a tag may end in `*`, which is none.
    pub fn add(&mut self, conditions: &[Condition], place: usize) {
        let plain = |condition: &&Condition| !condition.negated && !condition.tag.ends_with(b"*");
        match conditions.iter().find(plain) {
            Some(condition) => self.by_tag.add(&condition.tag, place),
            None => self.unconditional.push(place),
        }
    }

    fn truncate(&mut self, count: usize) {
        self.by_tag.truncate_places(count);
        self.unconditional.retain(|place| *place < count);
    }

    /// Those that may hold because of these tags.
    pub fn candidates<'a>(
        &'a self,
        tags: impl Iterator<Item = &'a [u8]>,
    ) -> impl Iterator<Item = usize> {
        tags.flat_map(|tag| self.by_tag.candidates(tag))
    }

    /// Those that ask for no tag in particular.
    pub fn unconditional(&self) -> &[usize] {
        &self.unconditional
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lookup::tags::TagSetBy;

    fn rule(line: usize, conditions: &[&str]) -> Rule<usize> {
        let condition = |word: &&str| Condition {
            tag: word.trim_start_matches('!').into(),
            negated: word.starts_with('!'),
        };
        let origin = Origin { file: "c".into(), line };
        Rule { origin, conditions: conditions.iter().map(condition).collect(), value: line }
    }

    #[test]
    fn rules_that_hold_are_found_by_their_tags_last_one_first() {
        let mut rules = Rules::default();
        rules.extend([rule(1, &[]), rule(2, &["a"]), rule(3, &["!b"]), rule(4, &["b", "a"])]);
        let mut tags = TagSet::default();
        let lines = |rules: &Rules<usize>, tags: &TagSet| {
            rules.matching(tags).iter().map(|rule| rule.value).collect::<Vec<_>>()
        };
        assert_eq!(lines(&rules, &tags), [3, 1]);
        tags.set(&b"a"[..], TagSetBy::Interface);
        assert_eq!(lines(&rules, &tags), [3, 2, 1]);
        assert_eq!(rules.last_matching(&tags).map(|rule| rule.value), Some(3));
        tags.set(&b"b"[..], TagSetBy::Interface);
        assert_eq!(lines(&rules, &tags), [4, 2, 1]);
        rules.truncate(1);
        assert_eq!(rules.matching(&tags).len(), 1);
    }
}
