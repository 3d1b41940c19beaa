//! Every test of a binary without the harness of the standard library is run.

use std::fs;
use std::path::{Path, PathBuf};

/// Without that harness the compiler drops every function under `#[test]` and does not warn of it.
#[test]
fn binaries_with_their_own_main_have_no_test_attribute() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let names = own_main(&manifest);
    assert!(names.contains(&"lab"), "the manifest is read as it is written: {names:?}");
    let left: Vec<PathBuf> =
        names.iter().flat_map(|name| files(name)).filter(has_attribute).collect();
    assert!(left.is_empty(), "#[test] has no effect here, use tests!: {left:?}");
}

/// The `[[test]]` sections with `harness = false`.
fn own_main(manifest: &str) -> Vec<&str> {
    let sections = manifest.split("\n[").filter_map(|section| section.strip_prefix("[test]]\n"));
    let sections = sections.filter(|section| section.contains("harness = false"));
    sections.filter_map(|section| section.strip_prefix("name = \"")?.split('"').next()).collect()
}

fn has_attribute(path: &PathBuf) -> bool {
    let text = fs::read_to_string(path).expect("sources can be read");
    text.lines().any(|line| line.trim() == "#[test]")
}

/// The files of a test binary: one, or those of its directory.
fn files(name: &str) -> Vec<PathBuf> {
    let file = root().join(format!("tests/{name}.rs"));
    if file.exists() {
        return vec![file];
    }
    let entries = fs::read_dir(root().join("tests").join(name)).expect("a file or a directory");
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
