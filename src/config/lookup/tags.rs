//! Tags of a request (docs/dnsmasq/proxydhcp.md, section 4).

use super::index::TagIndex;
use crate::byte_text::to_text;
use crate::config::{Located, Origin};
use conf_parser::Condition;
use conf_parser::TagIf;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// All `tag-if` lines, in file order.
#[derive(Clone, Debug, Default)]
pub struct TagIfs {
    rules: Vec<Located<TagIf>>,
    index: TagIndex,
}

impl TagIfs {
    /// Adds a line at the end.
    pub fn push(&mut self, origin: &Origin, rule: TagIf) {
        self.index.add(&rule.conditions, self.rules.len());
        self.rules.push(Located { origin: origin.clone(), value: rule });
    }

    /// All lines, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Located<TagIf>> {
        self.rules.iter()
    }
}

/// The tags of a request, oldest first, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagSet<'c> {
    tags: Vec<(Cow<'c, [u8]>, TagSetBy<'c>)>,
}

/// Source of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSetBy<'c> {
    /// The tag is the name of the interface.
    Interface,
    /// The request itself; no line sets the tag.
    Request,
    /// A line of the configuration.
    Line(&'c Origin),
    /// A `dhcp-host` line: its index in [`Hosts`](super::hosts::Hosts).
    Host(usize),
}

impl<'c> TagSet<'c> {
    /// Sets a tag. An empty tag is ignored: dnsmasq crashes on it.
    pub fn set(&mut self, tag: impl Into<Cow<'c, [u8]>>, by: TagSetBy<'c>) {
        let tag = tag.into();
        if !tag.is_empty() && !self.has(&tag) {
            self.tags.push((tag, by));
        }
    }

    /// Whether a tag is set; case is significant.
    pub fn has(&self, tag: &[u8]) -> bool {
        self.tags.iter().any(|(set, _)| **set == *tag)
    }

    /// Whether all conditions are true; without conditions `true`.
    pub fn satisfies(&self, conditions: &[Condition]) -> bool {
        self.satisfies_all(
            conditions.iter().map(|condition| (&condition.tag[..], condition.negated)),
        )
    }

    /// As [`satisfies`](Self::satisfies), for tags, each with whether it must not be set.
    pub fn satisfies_all<'t>(
        &self,
        mut conditions: impl Iterator<Item = (&'t [u8], bool)>,
    ) -> bool {
        conditions.all(|(tag, negated)| self.has(tag) != negated)
    }

    /// The tags, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.tags.iter().map(|(tag, _)| &**tag)
    }

    /// The tags with their source, oldest first.
    pub fn with_setters(&self) -> impl Iterator<Item = (&[u8], TagSetBy<'c>)> {
        self.tags.iter().map(|(tag, by)| (&**tag, *by))
    }

    /// These tags and those of `tag-if` lines, which are evaluated in file order: each uses the tags of those before it.
    pub fn with_tag_ifs(&self, rules: &'c TagIfs) -> Cow<'_, Self> {
        if rules.rules.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut tags = self.clone();
        tags.add_tag_ifs(rules);
        Cow::Owned(tags)
    }

    /// As [`with_tag_ifs`](Self::with_tag_ifs), without a copy.
    pub fn add_tag_ifs(&mut self, rules: &'c TagIfs) {
        let mut pending: BTreeSet<usize> = rules.index.candidates(self.iter()).collect();
        pending.extend(rules.index.unconditional());
        while let Some(index) = pending.pop_first() {
            let Located { origin, value: rule } = &rules.rules[index];
            if !rule.conditions.iter().all(|condition| self.satisfies_wildcard(condition)) {
                continue;
            }
            for tag in rule.set.iter().rev() {
                self.set(&tag[..], TagSetBy::Line(origin));
                let candidates = rules.index.candidates(std::iter::once(&tag[..]));
                pending.extend(candidates.filter(|other| *other > index));
            }
        }
    }

    /// Only in `tag-if` lines a condition may end in `*`.
    fn satisfies_wildcard(&self, condition: &Condition) -> bool {
        let found = match condition.tag.strip_suffix(b"*") {
            Some(prefix) => self.iter().any(|tag| tag.starts_with(prefix)),
            None => self.has(&condition.tag),
        };
        found != condition.negated
    }

    /// The tags in the order of the log: newest first.
    pub fn names(&self) -> Vec<String> {
        self.tags.iter().rev().map(|(tag, _)| to_text(tag)).collect()
    }

    /// The tags as the log lists them: newest first, separated by commas.
    pub fn listed(&self) -> String {
        self.names().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(tag: &str) -> Condition {
        let negated = tag.starts_with('!');
        Condition { tag: tag.trim_start_matches('!').as_bytes().to_vec(), negated }
    }

    fn tag_if(set: &[&str], conditions: &[&str]) -> TagIf {
        TagIf {
            set: set.iter().map(|tag| tag.as_bytes().to_vec()).collect(),
            conditions: conditions.iter().map(|tag| condition(tag)).collect(),
        }
    }

    #[test]
    fn repeated_tag_keeps_its_oldest_position() {
        let mut tags = TagSet::default();
        for tag in ["lan0", "a", "lan0", "b", ""] {
            tags.set(tag.as_bytes(), TagSetBy::Interface);
        }
        assert_eq!(tags.listed(), "b, a, lan0");
    }

    #[test]
    fn satisfies_requires_all_conditions() {
        let mut tags = TagSet::default();
        tags.set(&b"a"[..], TagSetBy::Interface);
        assert!(tags.satisfies(&[]));
        assert!(tags.satisfies(&[condition("a"), condition("!b")]));
        assert!(!tags.satisfies(&[condition("A")]));
        assert!(!tags.satisfies(&[condition("a*")]), "wildcards are for tag-if");
    }

    #[test]
    fn tag_if_uses_tags_of_earlier_tag_ifs_only() {
        let mut rules = TagIfs::default();
        for rule in [
            tag_if(&["x", "y"], &["lan*"]),
            tag_if(&["z"], &["x", "!lan1*"]),
            tag_if(&["early"], &["late"]),
            tag_if(&["late"], &[]),
        ] {
            rules.push(&Origin::default(), rule);
        }
        let mut tags = TagSet::default();
        tags.set(&b"lan0"[..], TagSetBy::Interface);
        assert_eq!(tags.with_tag_ifs(&rules).listed(), "late, z, x, y, lan0");
    }
}
