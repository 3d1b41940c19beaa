//! What `--test` finds in a configuration.

use crate::origin::Origin;
use crate::reason::{ConfigReason, FileReason, Reason, ReplyReason};
use std::fmt;

/// How serious a finding is. The most serious is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The start is refused.
    Error,
    /// The line is configured and cannot work.
    Warning,
    /// The line may be intended.
    Hint,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub level: Level,
    /// The line; `None`: the finding is about the whole configuration, or about this machine.
    pub origin: Option<Origin>,
    /// The problem and the remedy.
    pub reason: Reason,
}

impl Finding {
    /// A finding about a line.
    pub fn at(level: Level, origin: &Origin, reason: impl Into<Reason>) -> Self {
        Self { level, origin: Some(origin.clone()), reason: reason.into() }
    }

    /// A finding about the whole configuration.
    pub fn general(level: Level, reason: impl Into<Reason>) -> Self {
        Self { level, origin: None, reason: reason.into() }
    }
}

/// The findings in the order of their output, each once: the most serious first, and of the reasons that refuse the start
/// the one that explains the most.
pub fn arranged(mut findings: Vec<Finding>) -> Vec<Finding> {
    let rank = |finding: &Finding| match &finding.reason {
        Reason::Start(reason) => reason.rank(),
        _ => 0,
    };
    findings.sort_by_key(|finding| (finding.level, rank(finding)));
    let mut once: Vec<Finding> = Vec::new();
    for finding in &findings {
        if !once.contains(finding) && !findings.iter().any(|other| includes(other, finding)) {
            once.push(finding.clone());
        }
    }
    once
}

/// Whether `other` reports the mistake of `finding` as well: one of them is about the boot file.
fn includes(other: &Finding, finding: &Finding) -> bool {
    let is_same_line = other.origin == finding.origin;
    match (&other.reason, &finding.reason) {
        (Reason::File(FileReason::Unusable { check, .. }), Reason::Config(reason)) => {
            is_shown(check, reason, is_same_line)
        }
        (
            Reason::Config(ConfigReason::AddressAsFile { .. }),
            Reason::File(FileReason::Unusable { .. }),
        )
        | (
            Reason::Config(ConfigReason::ServerNameWithoutDns { .. }),
            Reason::Reply(ReplyReason::ServerNameUnknown { .. }),
        ) => is_same_line,
        (
            Reason::Config(ConfigReason::QuotesInText { keyword: "interface", .. }),
            Reason::Config(ConfigReason::InterfaceMissing { .. }),
        ) => is_same_line,
        _ => false,
    }
}

/// Whether the check of a boot file shows the mistake.
fn is_shown(check: &str, reason: &ConfigReason, is_same_line: bool) -> bool {
    match reason {
        ConfigReason::DanglingLink { path, target } => {
            check.contains(&format!("{path} is a link to {target},"))
        }
        ConfigReason::QuotesInText { text, .. } => {
            is_same_line && check.contains(&format!("/{text}"))
        }
        _ => false,
    }
}

#[test]
fn mistake_that_a_missing_boot_file_shows_is_reported_once() {
    let origin = Origin { file: "c".into(), line: 5 };
    let at = |reason: Reason| Finding::at(Level::Warning, &origin, reason);
    let file = |check: &str| {
        at(FileReason::Unusable { keyword: "dhcp-boot".into(), check: check.into() }.into())
    };
    let link = |path: &str| {
        at(ConfigReason::DanglingLink { path: path.into(), target: "a/b".into() }.into())
    };
    let quotes = |text: &str| {
        at(ConfigReason::QuotesInText { keyword: "dhcp-boot", text: text.into() }.into())
    };
    let of_link = file("/t/a is a link to a/b, which does not exist");
    let kept = arranged(vec![link("/t/a"), of_link.clone(), link("/t/c")]);
    assert_eq!(kept, [of_link, link("/t/c")]);
    let of_quotes = file("/t/'a' does not exist");
    assert_eq!(arranged(vec![quotes("'a'"), of_quotes.clone()]), [of_quotes]);
    assert_eq!(arranged(vec![quotes("'a'")]), [quotes("'a'")]);
    let (text, address) = ("a".into(), std::net::Ipv4Addr::LOCALHOST);
    let address = at(ConfigReason::AddressAsFile { text, address }.into());
    assert_eq!(arranged(vec![address.clone(), file("/t/127.0.0.1 is missing")]), [address]);
    let (keyword, name) = ("dhcp-boot".into(), "b".into());
    let name = at(ConfigReason::ServerNameWithoutDns { keyword, name }.into());
    let unknown = at(ReplyReason::ServerNameUnknown { warning: "b".into() }.into());
    assert_eq!(arranged(vec![unknown, name.clone()]), [name]);
    let (keyword, text) = ("interface", "'e'".into());
    let quotes = at(ConfigReason::QuotesInText { keyword, text }.into());
    let missing = at(ConfigReason::InterfaceMissing { name: "'e'".into() }.into());
    assert_eq!(arranged(vec![missing, quotes.clone()]), [quotes]);
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        })
    }
}

/// `FILE:LINE: reason`, without the level.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}
