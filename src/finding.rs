//! What `--test` finds in a configuration.

use crate::origin::Origin;
#[cfg(test)]
use crate::reason::ConfiguredFile;
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

/// Whether `other` reports the mistake of `finding` as well.
fn includes(other: &Finding, finding: &Finding) -> bool {
    let is_same_line = other.origin == finding.origin;
    match (&other.reason, &finding.reason) {
        (Reason::ConfiguredFile(file), Reason::Config(reason)) => {
            is_shown(&file.reason, reason, is_same_line)
        }
        (Reason::Config(ConfigReason::AddressAsFile { .. }), Reason::ConfiguredFile(_))
        | (
            Reason::Config(ConfigReason::ServerNameWithoutDns { .. }),
            Reason::Reply(ReplyReason::ServerNameUnknown { .. }),
        )
        | (
            Reason::Config(ConfigReason::QuotesInText { keyword: "interface", .. }),
            Reason::Config(ConfigReason::InterfaceMissing { .. }),
        ) => is_same_line,
        _ => false,
    }
}

/// Whether the check of a boot file shows the mistake.
fn is_shown(file: &FileReason, reason: &ConfigReason, is_same_line: bool) -> bool {
    match (file, reason) {
        (
            FileReason::DanglingLink { path: link, .. }
            | FileReason::DanglingLinkInPath { link, .. },
            ConfigReason::DanglingLink { path, .. },
        ) => link == path,
        (FileReason::Quotes { path, .. }, ConfigReason::QuotesInText { text, .. }) => {
            is_same_line && path.contains(&format!("/{text}"))
        }
        _ => false,
    }
}

#[test]
fn mistake_that_another_finding_shows_is_reported_once() {
    let origin = Origin { file: "c".into(), line: 5 };
    let at = |reason: Reason| Finding::at(Level::Warning, &origin, reason);
    let file = |reason: FileReason| {
        let (keyword, remark) = ("dhcp-boot".to_owned(), String::new());
        at(ConfiguredFile { keyword, reason, remark }.into())
    };
    let link = |path: &str| {
        at(ConfigReason::DanglingLink { path: path.into(), target: "b".into() }.into())
    };
    let quotes = |keyword| at(ConfigReason::QuotesInText { keyword, text: "'a'".into() }.into());
    let of_link = file(FileReason::DanglingLink { path: "/t/a".into(), target: "b".into() });
    let kept = arranged(vec![link("/t/a"), of_link.clone(), link("/t/c")]);
    assert_eq!(kept, [of_link, link("/t/c")]);
    let of_quotes = file(FileReason::Quotes { path: "/t/'a'".into(), but: String::new() });
    assert_eq!(arranged(vec![quotes("dhcp-boot"), of_quotes.clone()]), [of_quotes]);
    assert_eq!(arranged(vec![quotes("dhcp-boot")]), [quotes("dhcp-boot")]);
    let (text, address) = ("a".into(), std::net::Ipv4Addr::LOCALHOST);
    let address = at(ConfigReason::AddressAsFile { text, address }.into());
    let missing = file(FileReason::NotFound { path: "/t/127.0.0.1".into() });
    assert_eq!(arranged(vec![address.clone(), missing]), [address]);
    let (keyword, name) = ("dhcp-boot".into(), "b".into());
    let name = at(ConfigReason::ServerNameWithoutDns { keyword, name }.into());
    let unknown = at(ReplyReason::ServerNameUnknown { warning: "b".into() }.into());
    assert_eq!(arranged(vec![unknown, name.clone()]), [name]);
    let missing = at(ConfigReason::InterfaceMissing { name: "'a'".into() }.into());
    assert_eq!(arranged(vec![missing, quotes("interface")]), [quotes("interface")]);
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
