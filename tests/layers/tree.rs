//! The source files of a crate, and the file that a path refers to.

use super::source::{Path, Source};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path as FilePath, PathBuf};

/// The files of a crate without its test files, by their name below `src`: `tftp/transfer/mod.rs`.
pub struct Tree {
    pub files: BTreeMap<String, Source>,
    /// The file of each module.
    modules: BTreeMap<Vec<String>, String>,
}

impl Tree {
    /// Reads all files below a directory, at every depth.
    pub fn read(directory: &FilePath) -> Self {
        let texts = files(directory).into_iter().map(|path| {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
            let name =
                path.strip_prefix(directory).expect("it is below").to_string_lossy().into_owned();
            (name, text)
        });
        Self::of(texts)
    }

    /// Files by name and text. Those that are `#[cfg(test)] mod x;` somewhere are left out, with the files below them.
    pub fn of(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: BTreeMap<String, Source> =
            texts.into_iter().map(|(name, text)| (name, Source::read(&text))).collect();
        let tests: Vec<Vec<String>> = files
            .iter()
            .flat_map(|(name, source)| {
                let child =
                    |test: &String| [&module(name)[..], std::slice::from_ref(test)].concat();
                source.test_modules.iter().map(child).collect::<Vec<_>>()
            })
            .collect();
        files.retain(|name, _| !tests.iter().any(|test| module(name).starts_with(test)));
        let modules = files.keys().map(|name| (module(name), name.clone())).collect();
        Self { files, modules }
    }

    /// The file that defines the module a path refers to: `crate::config::rules::Rule` is in `config/rules.rs`.
    /// `None`: to another crate, or to a name that is defined or imported in the file itself.
    pub fn target(&self, file: &str, path: &Path) -> Option<&str> {
        let names = absolute(file, path).or_else(|| {
            let below = [&module(file)[..], &path.inside, &path.names].concat();
            let child = &below[..=below.len() - path.names.len()];
            self.modules.contains_key(child).then_some(below)
        })?;
        let deepest = (0..=names.len()).rev().find_map(|end| self.modules.get(&names[..end]));
        deepest.map(String::as_str)
    }
}

/// The module that a file is, from the root of its crate: `tftp/transfer/mod.rs` is `tftp::transfer`.
pub fn module(file: &str) -> Vec<String> {
    let mut names: Vec<String> =
        file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(names.last().map(|name| &**name), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

/// The names of a path from the root of the crate; `None` unless it begins with `crate`, `self` or `super`.
pub fn absolute(file: &str, path: &Path) -> Option<Vec<String>> {
    let mut names = match &*path.names[0] {
        "crate" => Vec::new(),
        "self" | "super" => [module(file), path.inside.clone()].concat(),
        _ => return None,
    };
    let climbs = |name: &&String| matches!(&***name, "crate" | "self" | "super");
    let words = path.names.iter().take_while(climbs);
    for _ in words.clone().filter(|name| *name == "super") {
        names.pop();
    }
    names.extend(path.names[words.count()..].iter().cloned());
    Some(names)
}

/// All source files below a directory, at every depth.
pub fn files(directory: &FilePath) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|fault| panic!("{}: {fault}", directory.display()));
    let paths = entries.map(|entry| entry.expect("directories can be read").path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

#[test]
fn path_resolves_to_the_file_of_its_deepest_module() {
    let names = ["lib.rs", "a/mod.rs", "a/b/mod.rs", "a/b/c.rs", "d.rs"];
    let tree = Tree::of(names.map(|name| (name.to_owned(), String::new())));
    let target = |file: &str, text: &str| {
        let source = Source::read(&format!("use {text};"));
        tree.target(file, &source.paths[0]).map(str::to_owned)
    };
    for (file, path, wanted) in [
        ("d.rs", "crate::a::b::c::Item", Some("a/b/c.rs")),
        ("d.rs", "crate::a::Item", Some("a/mod.rs")),
        ("a/b/c.rs", "super::super::Item", Some("a/mod.rs")),
        ("a/b/c.rs", "super::super::super::d::Item", Some("d.rs")),
        ("a/b/c.rs", "crate::Item", Some("lib.rs")),
        ("a/mod.rs", "self::b::c", Some("a/b/c.rs")),
        ("a/mod.rs", "b::Item", Some("a/b/mod.rs")),
        ("a/mod.rs", "std::fs", None),
    ] {
        assert_eq!(target(file, path).as_deref(), wanted, "{path} in {file}");
    }
}

#[test]
fn test_files_and_all_below_them_are_left_out() {
    let texts = [
        ("a/mod.rs", "#[cfg(test)] mod tests; mod b;"),
        ("a/b.rs", ""),
        ("a/tests/mod.rs", "mod c;"),
        ("a/tests/c.rs", ""),
    ];
    let tree = Tree::of(texts.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert_eq!(tree.files.keys().collect::<Vec<_>>(), ["a/b.rs", "a/mod.rs"]);
}
