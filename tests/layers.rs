//! Which module may use which: the layers of the map in `src/lib.rs`, and no import cycles between files.

#[path = "layers/import_cycles.rs"]
mod import_cycles;
#[path = "layers/map.rs"]
mod map;
#[path = "layers/source.rs"]
mod source;
#[path = "layers/tree.rs"]
mod tree;

use source::{Path, Source};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use tree::{Tree, absolute};

/// The dependencies that a module may have.
struct Layer {
    module: &'static str,
    /// Modules of this crate.
    ours: &'static [&'static str],
    /// Other crates.
    crates: &'static [&'static str],
}

const fn layer(
    module: &'static str,
    ours: &'static [&'static str],
    crates: &'static [&'static str],
) -> Layer {
    Layer { module, ours, crates }
}

#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    layer("wire", &[], &["conf_parser"]),
    layer("net", &["byte_text"], &[]),
    layer("error", &["origin"], &[]),
    layer("byte_text", &[], &[]),
    layer("origin", &[], &[]),
    layer("reason", &[], &[]),
    layer("finding", &["origin", "reason"], &[]),
    layer("strerror", &[], &["libc"]),
    layer("time", &[], &[]),
    layer("capture", &["byte_text", "strerror"], &["pcap_parser"]),
    layer("sys", &["byte_text", "net"], &["nix", "libc", "landlock", "seccompiler"]),
    layer("log_line", &["byte_text", "reason", "status", "wire"], &["conf_parser", "log"]),
    layer("terminal", &["byte_text", "log_line", "sys"], &["terminal_size"]),
    layer("config", &["byte_text", "error", "finding", "log_line", "net", "origin", "reason", "strerror", "sys", "wire"], &["conf_parser"]),
    layer("command_line", &["byte_text", "config", "log_line"], &["conf_parser", "getopts"]),
    layer("boot_monitor", &["config", "origin", "reason", "time", "wire"], &[]),
    layer("status", &[], &["serde", "serde_json"]),
    layer("control", &["status"], &["serde", "serde_json"]),
    layer("effect", &["boot_monitor", "log_line", "net"], &[]),
    layer("logging", &["byte_text", "config", "error", "log_line", "strerror", "sys", "terminal"], &["conf_parser", "log", "env_logger"]),
    layer("status_query", &["byte_text", "control", "error", "log_line", "status", "strerror", "sys", "terminal"], &["crossterm", "prometheus", "serde_json", "terminal_size", "unicode_width"]),
    layer("story", &["byte_text", "capture", "error", "log_line", "reason", "strerror", "terminal", "wire"], &["serde", "serde_json"]),
    layer("proxydhcp", &["boot_monitor", "byte_text", "config", "effect", "log_line", "net", "origin", "reason", "wire"], &["conf_parser"]),
    layer("tftp", &["boot_monitor", "byte_text", "config", "effect", "log_line", "net", "time", "wire"], &["conf_parser"]),
    layer("diagnose", &["byte_text", "config", "error", "finding", "log_line", "net", "origin", "reason", "strerror", "sys", "tftp", "time", "wire"], &["conf_parser", "libc", "memchr", "object"]),
    layer("explain", &["byte_text", "capture", "config", "diagnose", "error", "finding", "log_line", "net", "origin", "proxydhcp", "reason", "story", "strerror", "sys", "terminal", "tftp", "wire"], &["conf_parser", "serde", "serde_json"]),
    layer("daemon", &["boot_monitor", "byte_text", "command_line", "config", "control", "diagnose", "effect", "error", "explain", "finding", "log_line", "logging", "net", "origin", "proxydhcp", "reason", "status", "status_query", "story", "strerror", "sys", "terminal", "tftp", "time", "wire"], &["conf_parser", "mio", "serde", "serde_json"]),
];

/// The crates of `[dependencies]` in `Cargo.toml`, as paths name them.
const CRATES: &[&str] = &[
    "conf_parser",
    "crossterm",
    "dlmalloc",
    "env_logger",
    "getopts",
    "landlock",
    "libc",
    "log",
    "memchr",
    "mio",
    "nix",
    "object",
    "pcap_parser",
    "prometheus",
    "seccompiler",
    "serde",
    "serde_json",
    "terminal_size",
    "unicode_width",
];

/// Modules without clock, files and sockets.
const PURE: &[&str] = &[
    "wire",
    "net",
    "log_line",
    "effect",
    "proxydhcp",
    "tftp",
    "boot_monitor",
    "reason",
    "status",
    "control",
    "conf_parser",
];
const IMPURE: &[&str] = &["std::fs", "std::time", "std::process", "std::env", "std::thread"];
/// A span of time is a value. Only `Instant` and `SystemTime` read a clock.
const SPAN: &str = "std::time::Duration";
/// Types of the standard library that are sockets, in any of its modules.
const SOCKETS: &[&str] =
    &["UdpSocket", "TcpStream", "TcpListener", "UnixDatagram", "UnixStream", "UnixListener"];

/// Forbidden dependencies of a file: `tftp/mod.rs:7: tftp uses daemon: crate::daemon::End`.
fn violations(module: &str, file: &str, source: &Source) -> Vec<String> {
    let found = source.paths.iter().filter_map(|path| {
        let names = absolute(file, path);
        let used = match &names {
            Some(names) => forbidden_module(module, names),
            None => forbidden_crate(module, path).or_else(|| impure(module, path)),
        }?;
        Some(format!("{file}:{}: {module} uses {used}: {}", path.line, path.names.join("::")))
    });
    found.collect()
}

/// The forbidden module of this crate that a path names. `crate::*` names all of them.
fn forbidden_module(module: &str, names: &[String]) -> Option<String> {
    let used = names.first()?;
    let layer = LAYERS.iter().find(|layer| layer.module == module);
    let may = used == module || layer.is_none_or(|layer| layer.ours.contains(&&**used));
    (!may).then(|| used.clone())
}

fn forbidden_crate(module: &str, path: &Path) -> Option<String> {
    let name = &path.names[0];
    // A single name is a crate in a `use` only.
    let is_crate = CRATES.contains(&&**name) && (path.imported || path.names.len() > 1);
    let layer = LAYERS.iter().find(|layer| layer.module == module)?;
    (is_crate && !layer.crates.contains(&&**name)).then(|| name.clone())
}

/// Uses of the clock, files and sockets in a pure module. `use std::*` and `use std as x` name all of it.
fn impure(module: &str, path: &Path) -> Option<String> {
    let text = path.names.join("::");
    if text == SPAN {
        return None;
    }
    let is_part = |whole: &&&str| {
        text.strip_prefix(**whole).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let socket = SOCKETS.iter().find(|socket| path.names.iter().any(|name| name == *socket));
    let all = ["std::*", "std::net::*"].iter().find(|all| **all == text);
    let all = all.or_else(|| (path.imported && text == "std").then_some(&"std"));
    let found = IMPURE.iter().find(is_part).or(socket).or(all).filter(|_| PURE.contains(&module));
    found.map(|found| (*found).to_owned())
}

#[test]
fn modules_use_only_what_their_layer_may_use() {
    let tree = Tree::read(&root().join("src"));
    let mut files = Vec::new();
    let mut broken = Vec::new();
    for (file, source) in &tree.files {
        let module = tree::module(file).first().cloned().unwrap_or_default();
        broken.extend(violations(&module, file, source));
        files.push(&**file);
    }
    let parser = Tree::read(&root().join("conf-parser/src"));
    for (file, source) in &parser.files {
        broken.extend(violations("conf_parser", file, source));
    }
    for nested in ["tftp/mod.rs", "tftp/transfer/mod.rs", "tftp/transfer/rto.rs"] {
        assert!(files.contains(&nested), "{nested} was not read");
    }
    assert!(parser.files.contains_key("option/pxe.rs"), "option/pxe.rs was not read");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_file_on_disk_is_read_unless_it_is_test_code() {
    let tree = Tree::read(&root().join("src"));
    let left_out = |path: &PathBuf| {
        let path = path.strip_prefix(root().join("src")).expect("it is below").to_string_lossy();
        (!tree.files.contains_key(&*path)).then(|| path.into_owned())
    };
    let mut left_out: Vec<String> =
        tree::files(&root().join("src")).iter().filter_map(left_out).collect();
    left_out.sort();
    let tests = [
        "boot_monitor/tests.rs",
        "command_line/tests.rs",
        "config/reload/tests.rs",
        "daemon/file_process/control/tests.rs",
        "daemon/file_process/lookups/tests.rs",
        "daemon/file_process/protocol/encoding/tests.rs",
        "daemon/files/absent_names/records/tests.rs",
        "daemon/status/tests.rs",
        "diagnose/boot_program/tests.rs",
        "diagnose/boot_program/tests/files.rs",
        "diagnose/boot_program/tests/fits.rs",
        "diagnose/boot_program/tests/robustness.rs",
        "explain/tests/clients.rs",
        "explain/tests/mod.rs",
        "logging/file_writer/tests.rs",
        "logging/tests.rs",
        "proxydhcp/tests.rs",
        "proxydhcp/tests/expected_step.rs",
        "proxydhcp/tests/no_boot_file.rs",
        "status_query/watch/view/tests.rs",
        "story/capture/tests.rs",
        "story/event/tests.rs",
        "story/log_record/tests.rs",
        "story/tests.rs",
        "story/tests/output.rs",
        "story/tests/round_trip.rs",
        "story/tests/verdicts/complete.rs",
        "story/tests/verdicts/formats.rs",
        "story/tests/verdicts/mod.rs",
        "story/tests/verdicts/not_answered.rs",
        "story/tests/verdicts/offered.rs",
        "story/tests/verdicts/several.rs",
        "story/tests/verdicts/stopped.rs",
        "story/tests/verdicts/system.rs",
        "tftp/congestion/tests.rs",
        "tftp/schedule/tests.rs",
        "tftp/tests/admission.rs",
        "tftp/tests/admission/sockets.rs",
        "tftp/tests/congestion.rs",
        "tftp/tests/counters.rs",
        "tftp/tests/mod.rs",
        "tftp/tests/names.rs",
        "tftp/tests/reflection.rs",
        "tftp/tests/refusals.rs",
        "tftp/transfer/loss_tests.rs",
        "tftp/transfer/lossy_network.rs",
        "tftp/transfer/tests.rs",
    ];
    assert_eq!(left_out, tests);
}

#[test]
fn forbidden_use_below_test_modules_is_reported() {
    let reported = |text: &str| {
        let text = format!("use crate::wire;\n#[cfg(test)]\nmod tests;\n{text}\n");
        violations("tftp", "tftp/mod.rs", &Source::read(&text))
    };
    for (text, used) in [
        ("use std::time::Instant;", "std::time: std::time::Instant"),
        ("use std::time::{Duration, SystemTime};", "std::time: std::time::SystemTime"),
        ("use std::fs;", "std::fs: std::fs"),
        ("use std::{collections::HashMap, fs::File};", "std::fs: std::fs::File"),
        ("fn f() { std::fs::read(x) }", "std::fs: std::fs::read"),
        ("use std::net::{Ipv4Addr, UdpSocket};", "UdpSocket: std::net::UdpSocket"),
        ("use std::*;", "std::*: std::*"),
        ("use std as x;", "std: std"),
        ("use crate::daemon::End;", "daemon: crate::daemon::End"),
        ("use crate::{wire::tftp, daemon::{self}};", "daemon: crate::daemon"),
        ("use super::daemon::End;", "daemon: super::daemon::End"),
        ("fn f() { debug_assert!(crate::daemon::f()) }", "daemon: crate::daemon::f"),
        ("use crate::*;", "*: crate::*"),
        ("use mio::Poll;", "mio: mio::Poll"),
        ("use mio;", "mio: mio"),
        ("extern crate nix;", "nix: nix"),
        ("fn f() { ::libc::getpid() }", "libc: libc::getpid"),
    ] {
        assert_eq!(reported(text), [format!("tftp/mod.rs:4: tftp uses {used}")]);
    }
    let nested =
        Source::read("use super::super::daemon::End;\nmod x { use super::super::super::sys; }");
    let expected = ["daemon: super::super::daemon::End", "sys: super::super::super::sys"];
    let expected = expected
        .iter()
        .zip(1..)
        .map(|(used, line)| format!("tftp/transfer/mod.rs:{line}: tftp uses {used}"));
    assert_eq!(violations("tftp", "tftp/transfer/mod.rs", &nested), expected.collect::<Vec<_>>());
}

#[test]
fn permitted_use_and_test_code_are_not_reported() {
    let text = "use crate::wire::tftp;\nuse super::queue;\nuse std::net::Ipv4Addr;\nuse std::time::Duration;\nuse conf_parser::Text;\n\
                /// [`std::fs`]\nfn f(mio: &str) { \"use std::fs;\"; mio.len(); log(mio) }\n\
                #[cfg(test)]\nmod tests { use std::fs; use crate::daemon::End; }\n";
    assert_eq!(violations("tftp", "tftp/transfer/mod.rs", &Source::read(text)), [""; 0]);
    // Only the cores are pure, and only they have no clock.
    assert_eq!(violations("daemon", "daemon/mod.rs", &Source::read("use std::fs;")), [""; 0]);
}

#[test]
fn every_module_has_a_layer() {
    let layers: BTreeSet<&str> = LAYERS.iter().map(|layer| layer.module).collect();
    assert_eq!(layers, map::modules(&library()).collect());
    assert_eq!(layers.len(), LAYERS.len(), "a module has two layers");
}

#[test]
fn map_of_the_library_agrees_with_the_layers() {
    let uses = |module: &str| {
        let layer = LAYERS.iter().find(|layer| layer.module == module);
        layer.map_or(&[][..], |layer| layer.ours)
    };
    assert_eq!(map::faults(&library(), uses), [""; 0]);
}

#[test]
fn every_dependency_is_a_crate_of_the_table() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let sections = manifest.split("\n[").filter(|section| {
        let head = section.split('\n').next().unwrap_or_default();
        head == "dependencies]" || head.starts_with("target.") && head.ends_with(".dependencies]")
    });
    let names = sections.flat_map(|section| section.lines().skip(1)).filter_map(|line| {
        let (name, _) = line.split_once(" = ").filter(|_| !line.starts_with('#'))?;
        Some(name.replace('-', "_"))
    });
    let names: BTreeSet<String> = names.collect();
    assert_eq!(names, CRATES.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn files_have_no_import_cycles() {
    let imports = import_cycles::imports(&Tree::read(&root().join("src")));
    assert_eq!(import_cycles::faults(&imports, &[]), [""; 0]);
    let imports = import_cycles::imports(&Tree::read(&root().join("conf-parser/src")));
    assert_eq!(import_cycles::faults(&imports, &[]), [""; 0]);
}

#[test]
fn readme_lists_every_unsafe_block() {
    let readme = fs::read_to_string(root().join("README.md")).expect("it is there");
    let listed: Vec<(String, usize)> = readme
        .lines()
        .filter_map(|line| {
            let (module, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let count = rest.split(' ').next()?.parse().ok()?;
            module.starts_with("sys::").then(|| (module.to_owned(), count))
        })
        .collect();
    let tree = Tree::read(&root().join("src"));
    let found = tree.files.iter().filter(|(_, source)| source.unsafe_blocks > 0);
    let mut found: Vec<(String, usize)> =
        found.map(|(file, source)| (tree::module(file).join("::"), source.unsafe_blocks)).collect();
    found.sort();
    assert_eq!(listed, found);
    let all: usize = found.iter().map(|(_, count)| count).sum();
    assert!(readme.contains(&format!("{all} `unsafe` blocks")), "{all}");
}

fn library() -> String {
    fs::read_to_string(root().join("src/lib.rs")).expect("it is there")
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}
