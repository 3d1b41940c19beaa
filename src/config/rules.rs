//! Rules that hold for clients with certain tags, found by the tags that a client has.

use super::Origin;
use super::index::Index;
use super::tags::TagSet;
use conf_parser::words::Condition;
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
        tags.fulfil(&self.conditions)
    }
}

/// Rules of one kind, in file order.
#[derive(Clone, Debug)]
pub struct Rules<T> {
    rules: Vec<Rule<T>>,
    filed: ByTag,
}

/// Places of rules by a tag that they ask for.
#[derive(Clone, Debug, Default)]
pub struct ByTag {
    by_tag: Index,
    /// Those that ask for none in particular.
    open: Vec<usize>,
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { rules: Vec::new(), filed: ByTag::default() }
    }
}

impl<T> Rules<T> {
    /// Adds a rule.
    pub fn push(&mut self, rule: Rule<T>) {
        self.filed.add(&rule.conditions, self.rules.len());
        self.rules.push(rule);
    }

    /// Forgets all rules behind the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.filed.truncate(count);
        self.rules.truncate(count);
    }

    /// The rules that hold, last one first.
    pub fn holding(&self, tags: &TagSet<'_>) -> Vec<&Rule<T>> {
        let mut near: Vec<usize> = self.filed.near(tags.iter()).collect();
        near.extend(&self.filed.open);
        near.sort_unstable();
        near.dedup();
        let near = near.into_iter().rev().map(|at| &self.rules[at]);
        near.filter(|rule| rule.holds(tags)).collect()
    }

    /// The last one with conditions that hold, else the last one without conditions.
    pub fn last_holding(&self, tags: &TagSet<'_>) -> Option<&Rule<T>> {
        let holding = self.holding(tags);
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

impl ByTag {
    /// Files a rule under the first tag that it asks for. In a `tag-if` a tag may end in `*`, which is none.
    pub fn add(&mut self, conditions: &[Condition], place: usize) {
        let plain = |condition: &&Condition| !condition.negated && !condition.tag.ends_with(b"*");
        match conditions.iter().find(plain) {
            Some(condition) => self.by_tag.add(&condition.tag, place),
            None => self.open.push(place),
        }
    }

    fn truncate(&mut self, count: usize) {
        self.by_tag.truncate_places(count);
        self.open.retain(|place| *place < count);
    }

    /// Those that may hold because of these tags.
    pub fn near<'a>(&'a self, tags: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = usize> {
        tags.flat_map(|tag| self.by_tag.places(tag))
    }

    /// Those that ask for no tag in particular.
    pub fn open(&self) -> &[usize] {
        &self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tags::Setter;

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
            rules.holding(tags).iter().map(|rule| rule.value).collect::<Vec<_>>()
        };
        assert_eq!(lines(&rules, &tags), [3, 1]);
        tags.set(&b"a"[..], Setter::Interface);
        assert_eq!(lines(&rules, &tags), [3, 2, 1]);
        assert_eq!(rules.last_holding(&tags).map(|rule| rule.value), Some(3));
        tags.set(&b"b"[..], Setter::Interface);
        assert_eq!(lines(&rules, &tags), [4, 2, 1]);
        rules.truncate(1);
        assert_eq!(rules.holding(&tags).len(), 1);
    }
}
