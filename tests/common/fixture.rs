//! Recordings of the real dnsmasq: reading, writing, judging. The format is told in `compat-fixtures/README.md`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A conversation, and what dnsmasq did in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fixture {
    /// What it shows, in a sentence.
    pub about: String,
    /// How we stand to it: `same`, or `differs: D-nnn`.
    pub standing: String,
    /// The sections of the specification that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// The server's addresses; none are the usual one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The configuration file.
    pub config: Vec<String>,
    /// Files under the root: text, a number of bytes, or nothing for a directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Contents>,
    /// What the client does, one thing after the other.
    pub steps: Vec<String>,
    /// What dnsmasq did.
    pub dnsmasq: Transcript,
    /// What we do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<Transcript>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Contents {
    Text(String),
    Size(usize),
    Directory(()),
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The version that was recorded.
    #[serde(default)]
    pub version: String,
    /// Datagrams: number of the step, socket of the client, what it holds.
    pub packets: Vec<String>,
    /// Log lines: identity, priority, text.
    pub log: Vec<String>,
}

impl Fixture {
    /// The server's addresses, by interface.
    pub fn machine(&self) -> Vec<String> {
        if self.addresses.is_empty() {
            vec!["eth0 192.168.77.1/24".to_owned()]
        } else {
            self.addresses.clone()
        }
    }
}

impl Contents {
    /// The bytes of a file; `None` is a directory.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Size(size) => {
                Some((0..*size).map(|at| (at * 7 + at / 256 * 3).to_le_bytes()[0]).collect())
            }
            Self::Directory(()) => None,
        }
    }
}

/// Where the recordings are.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compat-fixtures").join(name)
}

/// All recordings of a folder, by name.
pub fn all<T: for<'d> Deserialize<'d>>(name: &str) -> Vec<(PathBuf, T)> {
    let entries = fs::read_dir(folder(name)).expect("the fixtures are part of the project");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), load(&path))).collect()
}

fn load<T: for<'d> Deserialize<'d>>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("a fixture can be read");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a recording back.
pub fn save<T: Serialize>(path: &Path, fixture: &T) {
    let text = serde_json::to_string_pretty(fixture).expect("a fixture is plain data");
    fs::write(path, text + "\n").expect("the fixtures are ours to record");
}

/// The numbered differences.
pub fn ledger() -> String {
    fs::read_to_string(folder("DIVERGENCES.md")).expect("the ledger is part of the project")
}

/// `Err` is what the test prints.
pub fn judge<T: PartialEq + std::fmt::Debug>(
    standing: &str,
    dnsmasq: &T,
    ours: Option<&T>,
    seen: &T,
) -> Result<(), String> {
    let Some(entry) = standing.strip_prefix("differs: ") else {
        assert_eq!(standing, "same", "an unknown standing");
        return if seen == dnsmasq {
            Ok(())
        } else {
            Err(format!("dnsmasq: {dnsmasq:#?}\nseen: {seen:#?}"))
        };
    };
    if !ledger().contains(&format!("## {entry} ")) {
        return Err(format!("{entry} is not in DIVERGENCES.md"));
    }
    if seen == dnsmasq {
        return Err(format!("no longer differs: strike {entry} and mark this fixture `same`"));
    }
    if Some(seen) == ours { Ok(()) } else { Err(format!("ours: {ours:#?}\nseen: {seen:#?}")) }
}

#[test]
fn only_the_expected_result_is_accepted() {
    assert!(judge("same", &1, None, &1).is_ok());
    assert!(judge("same", &1, None, &2).is_err());
    assert!(judge("differs: D-001", &1, Some(&2), &2).is_ok());
    assert!(judge("differs: D-001", &1, Some(&2), &1).is_err(), "promote it");
    assert!(judge("differs: D-001", &1, Some(&2), &3).is_err());
    assert!(judge("differs: D-999", &1, Some(&2), &2).is_err(), "not in the ledger");
}
