//! Who may use whom. The rows are those of the picture in `src/lib.rs`; a line that breaks one is printed.

use std::fs;
use std::path::{Path, PathBuf};

/// A module, what it may use of ours, and of other crates.
type Floor = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const FLOORS: &[Floor] = &[
    ("wire",         &[],                                                                  &["conf_parser"]),
    ("net",          &[],                                                                  &[]),
    ("failure",      &[],                                                                  &[]),
    ("reason",       &[],                                                                  &["libc"]),
    ("sys",          &["net"],                                                             &["nix", "libc", "landlock", "seccompiler"]),
    ("config",       &["wire", "net", "failure", "reason", "log_line"],                    &["conf_parser"]),
    ("log_line",     &["wire"],                                                            &["conf_parser", "log"]),
    ("millis",       &[],                                                                  &[]),
    ("sight",        &["config"],                                                          &[]),
    ("effect",       &["net", "log_line", "sight"],                                        &[]),
    ("proxydhcp",    &["wire", "net", "config", "log_line", "effect", "sight"],            &["conf_parser"]),
    ("tftp",         &["wire", "net", "config", "log_line", "effect", "sight", "millis"],
                                                                                       &["conf_parser"]),
    ("onlooker",     &["config", "effect", "sight", "millis", "wire"],                     &[]),
    ("journal",      &["config", "failure", "reason", "log_line", "sys"],                  &["conf_parser", "log", "env_logger"]),
    ("command_line", &["log_line"],                                                        &["conf_parser", "getopts"]),
    ("boot_file",    &["config", "failure", "reason", "millis", "sys", "tftp"],            &[]),
    ("explain",      &["boot_file", "config", "failure", "reason", "net", "proxydhcp", "story", "sys", "wire"],
                                                                                       &["conf_parser", "pcap_parser"]),
    ("story",        &["failure", "reason", "journal", "log_line", "wire"],                &[]),
    ("daemon",       &["story", "boot_file", "explain", "config", "millis", "onlooker", "sight", "wire", "effect", "failure", "reason", "journal", "log_line", "net", "proxydhcp", "sys", "tftp", "command_line"],
                                                                                       &["conf_parser", "mio"]),
];

/// What only one place may name.
const CRATES: &[&str] = &[
    "conf_parser",
    "nix",
    "libc",
    "landlock",
    "seccompiler",
    "log",
    "env_logger",
    "getopts",
    "mio",
    "nom",
    "pcap_parser",
];
/// The cores have no clock, no files, no sockets.
const PURE: &[&str] = &["wire", "net", "log_line", "effect", "proxydhcp", "tftp", "onlooker"];
const IMPURE: &[&str] = &["std::fs", "std::time", "std::process", "UdpSocket", "std::env"];

#[test]
fn nobody_reaches_above_his_floor() {
    let mut broken = Vec::new();
    for (module, ours, others) in FLOORS {
        for path in sources(module) {
            let text = fs::read_to_string(&path).expect("sources can be read");
            // Unit tests may stand on anything.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in
                (1..).zip(code.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                let bad_own = modules(line).find(|used| used != module && !ours.contains(used));
                let bad_crate =
                    CRATES.iter().find(|name| uses(line, name) && !others.contains(name));
                let impure =
                    IMPURE.iter().find(|name| PURE.contains(module) && line.contains(**name));
                if let Some(used) = bad_own.or(bad_crate.copied()).or(impure.copied()) {
                    broken.push(format!(
                        "{}:{number}: {module} uses {used}: {}",
                        path.display(),
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_module_has_a_floor() {
    let library = fs::read_to_string(root().join("lib.rs")).expect("sources can be read");
    for module in
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
    {
        assert!(FLOORS.iter().any(|(name, ..)| *name == module), "{module}");
    }
}

/// The list of the README is the list of the sources.
#[test]
fn every_unsafe_block_is_told() {
    let readme = fs::read_to_string(root().join("../README.md")).expect("it is there");
    let told: Vec<(&str, usize)> = readme
        .lines()
        .filter_map(|line| {
            let (module, rest) = line.strip_prefix("| `sys::")?.split_once("` | ")?;
            Some((module, rest.split(' ').next()?.parse().ok()?))
        })
        .collect();
    let mut found = Vec::new();
    for path in sources("sys") {
        let text = fs::read_to_string(&path).expect("sources can be read");
        // Tests stand at the end.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let count = code.split("#[test]").next().unwrap_or_default().matches("unsafe {").count();
        let module = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        found.extend((count > 0).then_some((module, count)));
    }
    found.sort();
    let found: Vec<(&str, usize)> = found.iter().map(|(name, count)| (&**name, *count)).collect();
    assert_eq!(told, found);
    let all: usize = found.iter().map(|(_, count)| count).sum();
    assert!(readme.contains(&format!("{all} `unsafe` blocks")), "{all}");
}

/// Modules of ours that a line names behind `crate::`.
fn modules(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).filter_map(|rest| {
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        FLOORS.iter().any(|(module, ..)| *module == name).then_some(name)
    })
}

/// Whether a line names a crate, and not a module or word of the same spelling.
fn uses(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources(module: &str) -> Vec<PathBuf> {
    let file = root().join(format!("{module}.rs"));
    if file.exists() {
        return vec![file];
    }
    let entries = fs::read_dir(root().join(module)).expect("a module is a file or a folder");
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}
