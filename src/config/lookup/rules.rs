//! Rules with conditions on tags, found by the tags of a request.

use super::index::TagIndex;
use super::tags::TagSet;
use crate::config::Origin;
use conf_parser::Condition;
use std::ops::Deref;

/// A value for the clients whose tags satisfy the conditions.
#[derive(Clone, Debug)]
pub struct Rule<T> {
    /// The line.
    pub origin: Origin,
    /// All must be true; a rule without conditions applies to all clients.
    pub conditions: Vec<Condition>,
    /// The value.
    pub value: T,
}

impl<T> Rule<T> {
    /// Whether the rule applies to a client with these tags.
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

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { rules: Vec::new(), index: TagIndex::default() }
    }
}

impl<T> Rules<T> {
    /// Adds a rule at the end.
    pub fn push(&mut self, rule: Rule<T>) {
        self.index.add(&rule.conditions, self.rules.len());
        self.rules.push(rule);
    }

    /// Removes all rules after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.index.truncate(count);
        self.rules.truncate(count);
    }

    /// The rules that apply, last one first.
    pub fn matching(&self, tags: &TagSet<'_>) -> Vec<&Rule<T>> {
        let mut indices: Vec<usize> = self.index.candidates(tags.iter()).collect();
        indices.extend(self.index.unconditional());
        indices.sort_unstable();
        indices.dedup();
        let candidates = indices.into_iter().rev().map(|index| &self.rules[index]);
        candidates.filter(|rule| rule.holds(tags)).collect()
    }

    /// The last rule that applies and has conditions, else the last rule without conditions.
    pub fn last_matching(&self, tags: &TagSet<'_>) -> Option<&Rule<T>> {
        let matching = self.matching(tags);
        let conditional = matching.iter().find(|rule| !rule.conditions.is_empty());
        conditional.or_else(|| matching.first()).copied()
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
        for rule in rules {
            self.push(rule);
        }
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
    fn rules_are_found_by_their_tags_last_one_first() {
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
