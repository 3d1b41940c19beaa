//! Import cycles between files.

use super::tree::{Tree, module};
use std::collections::{BTreeMap, BTreeSet};

/// For each file, the files that it imports from.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// An import that closes a cycle: the file, and the file that it imports from.
pub type Known = (&'static str, &'static str);

/// The imports of all files.
///
/// Imports from child modules are left out, imports from parent modules count. So a `mod.rs` that uses its children, which
/// in turn use its items (`use super::Item`), is no cycle: it is usual in Rust. The same applies to `lib.rs`.
pub fn imports(tree: &Tree) -> Imports {
    let of_file = |(file, source): (&String, &super::source::Source)| {
        let targets = source.paths.iter().filter_map(|path| tree.target(file, path));
        let counted = targets.filter(|target| !module(target).starts_with(&module(file)));
        (file.clone(), counted.map(str::to_owned).collect())
    };
    tree.files.iter().map(of_file).collect()
}

/// Errors in a list of known cycles: cycles that it does not have, and entries that are no cycle.
pub fn faults(imports: &Imports, known: &[Known]) -> Vec<String> {
    let without = |left_out: &dyn Fn(&Known) -> bool| {
        let mut imports = imports.clone();
        for (from, to) in known.iter().filter(|entry| left_out(entry)) {
            imports.entry((*from).to_owned()).or_default().remove(*to);
        }
        imports
    };
    let new = cycle(&without(&|_| true));
    let new = new.map(|files| format!("these files import each other: {}", files.join(" -> ")));
    let is_stale = |entry: &&Known| cycle(&without(&|other| other != *entry)).is_none();
    let stale = known.iter().filter(is_stale);
    let stale = stale
        .map(|(from, to)| format!("{from} -> {to} is no import cycle: remove it from the list"));
    if new.is_some() { new.into_iter().collect() } else { stale.collect() }
}

/// A cycle, if there is one: each file imports from the next one; the last is the first.
fn cycle(imports: &Imports) -> Option<Vec<String>> {
    let mut finished = BTreeSet::new();
    imports.keys().find_map(|file| search(imports, file, &mut Vec::new(), &mut finished))
}

fn search(
    imports: &Imports,
    file: &str,
    way: &mut Vec<String>,
    finished: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(at) = way.iter().position(|before| before == file) {
        return Some([&way[at..], &[file.to_owned()]].concat());
    }
    if finished.contains(file) {
        return None;
    }
    way.push(file.to_owned());
    let found = imports[file].iter().find_map(|next| search(imports, next, way, finished));
    way.pop();
    finished.insert(file.to_owned());
    found
}

fn example(texts: &[(&str, &str)]) -> Imports {
    let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    imports(&Tree::of(texts))
}

#[test]
fn import_cycle_is_reported_unless_an_entry_allows_it() {
    let three = example(&[
        ("a.rs", "use crate::{b::B, std};"),
        ("b.rs", "fn f() { crate::c::g() }"),
        ("c.rs", "use super::a::A;"),
    ]);
    let report = ["these files import each other: a.rs -> b.rs -> c.rs -> a.rs"];
    assert_eq!(faults(&three, &[]), report);
    assert_eq!(faults(&three, &[("c.rs", "a.rs")]), [""; 0]);
    assert_eq!(faults(&three, &[("c.rs", "b.rs")]), report);
}

#[test]
fn entry_without_import_cycle_is_reported() {
    let open = example(&[
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
    ]);
    assert_eq!(faults(&open, &[]), [""; 0]);
    let report = |entry| [format!("{entry} is no import cycle: remove it from the list")];
    assert_eq!(faults(&open, &[("a.rs", "b.rs")]), report("a.rs -> b.rs"));
    assert_eq!(faults(&open, &[("b.rs", "gone.rs")]), report("b.rs -> gone.rs"));
}

#[test]
fn parent_that_imports_its_children_is_no_cycle() {
    let family = ("a/mod.rs", "mod b; use b::B;");
    assert_eq!(faults(&example(&[family, ("a/b.rs", "use super::A;")]), &[]), [""; 0]);
    let two = example(&[
        family,
        ("a/b.rs", "use super::A; use crate::c::C;"),
        ("c.rs", "use crate::a::A;"),
    ]);
    assert_eq!(faults(&two, &[]), [""; 0], "a/mod.rs does not import c.rs");
    let two = example(&[
        ("a/mod.rs", "mod b; use crate::c::C;"),
        ("a/b.rs", "use super::A;"),
        ("c.rs", "use crate::a::b::B;"),
    ]);
    assert_eq!(
        faults(&two, &[]),
        ["these files import each other: a/b.rs -> a/mod.rs -> c.rs -> a/b.rs"]
    );
}
