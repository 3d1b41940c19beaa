//! Recordings of dnsmasq: reads, writes and compares them. `compat-fixtures/README.md` describes the format.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The steps of a client and what dnsmasq did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fixture {
    /// What it shows, in one sentence.
    pub about: String,
    /// Whether pxemasq does the same: `same`, or `differs: D-nnn` with an entry of `DIVERGENCES.md`.
    pub standing: String,
    /// The sections of `docs/dnsmasq` that it proves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// The addresses of the server; empty for the default one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The configuration file.
    pub config: Vec<String>,
    /// Files below the TFTP root: text, a size, or `null` for a directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Contents>,
    /// What the client does, in order.
    pub steps: Vec<String>,
    /// What dnsmasq did.
    pub dnsmasq: Transcript,
    /// What pxemasq does, if it differs.
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

/// Datagrams and log lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The version of dnsmasq.
    #[serde(default)]
    pub version: String,
    /// Datagrams: number of the step, socket of the client, contents.
    pub packets: Vec<String>,
    /// Log lines: identity, priority, text.
    pub log: Vec<String>,
}

impl Fixture {
    /// The addresses of the server, with interface names.
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

/// The directory of the recordings.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compat-fixtures").join(name)
}

/// All recordings of a folder, by name.
pub fn all<T: for<'d> Deserialize<'d>>(name: &str) -> Vec<(PathBuf, T)> {
    let entries = fs::read_dir(folder(name)).expect("the fixtures are part of the repository");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), load(&path))).collect()
}

fn load<T: for<'d> Deserialize<'d>>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("a fixture can be read");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a recording.
pub fn save<T: Serialize>(path: &Path, fixture: &T) {
    let text = serde_json::to_string_pretty(fixture).expect("a fixture can be written as JSON");
    fs::write(path, text + "\n").expect("fixtures are writable");
}

/// The text of `DIVERGENCES.md`.
pub fn divergences() -> String {
    fs::read_to_string(folder("DIVERGENCES.md")).expect("DIVERGENCES.md is part of the repository")
}

/// Compares a result with a recording. The error is the message of the test.
pub fn compare<T: PartialEq + std::fmt::Debug>(
    standing: &str,
    dnsmasq: &T,
    ours: Option<&T>,
    seen: &T,
) -> Result<(), String> {
    let Some(entry) = standing.strip_prefix("differs: ") else {
        assert_eq!(standing, "same", "standing is `same` or `differs: D-nnn`");
        return if seen == dnsmasq {
            Ok(())
        } else {
            Err(format!("dnsmasq: {dnsmasq:#?}\nseen: {seen:#?}"))
        };
    };
    if !divergences().contains(&format!("## {entry} ")) {
        return Err(format!("{entry} is not in DIVERGENCES.md"));
    }
    if seen == dnsmasq {
        return Err(format!("this no longer differs: delete {entry} and mark the fixture `same`"));
    }
    if Some(seen) == ours { Ok(()) } else { Err(format!("ours: {ours:#?}\nseen: {seen:#?}")) }
}

#[test]
fn only_the_expected_result_is_accepted() {
    assert!(compare("same", &1, None, &1).is_ok());
    assert!(compare("same", &1, None, &2).is_err());
    assert!(compare("differs: D-001", &1, Some(&2), &2).is_ok());
    assert!(compare("differs: D-001", &1, Some(&2), &1).is_err(), "pxemasq no longer differs");
    assert!(compare("differs: D-001", &1, Some(&2), &3).is_err());
    assert!(
        compare("differs: D-999", &1, Some(&2), &2).is_err(),
        "DIVERGENCES.md has no such entry"
    );
}
