//! Replays all recordings with the cores in this process, in virtual time and without root.

#[path = "../common/mod.rs"]
mod common;
mod dhcp;
mod tftp;

use common::fixture::{self, Fixture, Transcript, compare};
use pxemasq::config::Config;
use pxemasq::config::read::load::Loader;
use pxemasq::log_line::Line;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

#[test]
fn proxydhcp_answers_as_recorded() {
    replay("proxydhcp", dhcp::play);
}

#[test]
fn tftp_answers_as_recorded() {
    replay("tftp", tftp::play);
}

/// Each entry of `DIVERGENCES.md` names a test or a fixture that exists.
#[test]
fn every_divergence_names_an_existing_test_or_fixture() {
    for entry in fixture::divergences().split("\n## ").skip(1) {
        let name = entry.lines().next().unwrap_or_default();
        let quoted: Vec<&str> = entry.split('`').skip(1).step_by(2).collect();
        let is_fixture = |word: &&&str| fixture::folder(&format!("{word}.json")).exists();
        let is_test =
            |word: &&&str| sources().iter().any(|text| text.contains(&format!("fn {word}()")));
        assert!(quoted.iter().any(|word| is_fixture(&word) || is_test(&word)), "{name}");
    }
}

/// The sections of `docs/dnsmasq/proxydhcp.md` about datagrams and log lines.
const SECTIONS: &[&str] = &[
    "1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3", "3.4",
    "3.5", "4.1", "4.2", "4.3", "4.4", "4.5", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "6.1",
    "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "6.8", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6",
    "7.7",
];

#[derive(Clone, Deserialize)]
struct Covers {
    #[serde(default)]
    covers: Vec<String>,
}

#[test]
fn every_section_of_proxydhcp_has_a_fixture() {
    let all = ["proxydhcp", "startup"].map(fixture::all::<Covers>).concat();
    let covered: BTreeSet<String> = all.into_iter().flat_map(|(_, one)| one.covers).collect();
    let sections: BTreeSet<String> = SECTIONS.iter().map(|&section| section.to_owned()).collect();
    assert_eq!(covered, sections);
}

/// The text of all source files.
fn sources() -> Vec<String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<_> = ["src", "tests", "conf-parser"].map(|name| top.join(name)).into();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in
            fs::read_dir(folder).expect("sources can be read").flatten().map(|entry| entry.path())
        {
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.extend(fs::read_to_string(path));
            }
        }
    }
    texts
}

fn replay(folder: &str, play: fn(&Fixture) -> Transcript) {
    let mut failed = Vec::new();
    for (path, fixture) in fixture::all::<Fixture>(folder) {
        let seen = play(&fixture);
        let blank =
            |transcript: &Transcript| Transcript { version: String::new(), ..transcript.clone() };
        let ours = fixture.ours.as_ref().map(blank);
        if let Err(report) =
            compare(&fixture.standing, &blank(&fixture.dnsmasq), ours.as_ref(), &seen)
        {
            failed.push(format!("{}: {}\n{report}", path.display(), fixture.about));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn config(lines: &[String]) -> Config {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all((lines.join("\n") + "\n").as_bytes()).expect("the file can be written");
    let mut loader = Loader::default();
    loader.file(file.path().as_os_str().as_encoded_bytes()).expect("fixtures can be read");
    loader.finish().expect("the configuration of a fixture is valid").config
}

fn logged(line: &Line) -> String {
    format!("{} {} {line}", line.identity(), line.priority() as u8)
}

/// The files of a fixture in a temporary directory in place of `/srv`, which only root can write.
struct Served(tempfile::TempDir);

impl Served {
    fn new(fixture: &Fixture) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for (path, contents) in &fixture.files {
            let place = folder
                .path()
                .join(path.strip_prefix("/srv/").expect("all files of a fixture are in /srv"));
            fs::create_dir_all(place.parent().expect("a parent directory"))
                .expect("the directory can be created");
            fs::write(place, contents.bytes().unwrap_or_default())
                .expect("the file can be written");
        }
        Self(folder)
    }

    /// Replaces `/srv` by the path of the directory.
    fn moved(&self, line: &str) -> String {
        line.replace("/srv", &self.0.path().display().to_string())
    }

    /// Replaces the path of the directory by `/srv`.
    fn back(&self, line: &str) -> String {
        line.replace(&self.0.path().display().to_string(), "/srv")
    }
}
