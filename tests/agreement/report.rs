//! Pairs of verdicts, and the contradictions among them.

use super::client::Outcome;
use super::explain::{Explained, Verdict};
use std::collections::BTreeMap;

/// Of this number of pairs one may be undecided: where a file may have a script that is not visible.
const MIN_PAIRS_OF_UNDECIDED: usize = 25;

/// A configuration and a client, with both results.
pub struct Pair {
    pub config: String,
    pub client: &'static str,
    pub explained: Explained,
    pub got: Outcome,
}

#[derive(Default)]
pub struct Report {
    pairs: Vec<Pair>,
    /// Configurations whose start is refused.
    pub skipped: Vec<String>,
}

impl Pair {
    /// `--explain` says what is not so, or what cannot be known.
    fn is_contradiction(&self) -> bool {
        matches!(
            (self.explained.verdict, &self.got),
            (Verdict::Boots, Outcome::Fails(_))
                | (Verdict::DoesNotBoot, Outcome::Boots(_))
                | (Verdict::Boots | Verdict::DoesNotBoot, Outcome::Unknown(_))
        )
    }

    /// `--explain` does not know what the client gets from this machine.
    fn is_undecided(&self) -> bool {
        let is_known = matches!(self.got, Outcome::Boots(_) | Outcome::Fails(_));
        self.explained.verdict == Verdict::Unknown && is_known
    }

    fn text(&self) -> String {
        let Self { config, client, explained, got } = self;
        format!(
            "{config}, {client}:\n    --explain: {:?}: {}\n    client:    {got:?}",
            explained.verdict, explained.text
        )
    }
}

impl Report {
    pub fn add(&mut self, pair: Pair) {
        self.pairs.push(pair);
    }

    /// Prints the counts, and panics if there is a contradiction.
    pub fn end(self, title: &str) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for pair in &self.pairs {
            let got = format!("{:?}", pair.got);
            let got = got.split('(').next().unwrap_or_default();
            let line = format!("--explain {:?}, client {got}", pair.explained.verdict);
            *counts.entry(line).or_default() += 1;
        }
        println!("{title}: {} pairs", self.pairs.len());
        for (line, count) in &counts {
            println!("  {count:5} {line}");
        }
        println!("  {:5} configurations do not start: {:?}", self.skipped.len(), self.skipped);
        if std::env::var_os("PXEMASQ_ALL_PAIRS").is_some() {
            for pair in &self.pairs {
                println!("{}", pair.text());
            }
        }
        let wrong: Vec<String> =
            self.pairs.iter().filter(|pair| pair.is_contradiction()).map(Pair::text).collect();
        assert!(!self.pairs.is_empty(), "there is no configuration that starts");
        let undecided = self.pairs.iter().filter(|pair| pair.is_undecided()).count();
        assert!(
            undecided <= self.pairs.len() / MIN_PAIRS_OF_UNDECIDED,
            "{undecided} are undecided"
        );
        assert!(wrong.is_empty(), "{} contradictions:\n{}", wrong.len(), wrong.join("\n"));
    }
}
