//! The map of the modules in the doc comment of `src/lib.rs`, one line per module: `2  config  what the lines mean`.

/// The `pub mod` lines of the library.
pub fn modules(library: &str) -> impl Iterator<Item = &str> {
    library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
}

/// Errors in the map: modules that it does not have exactly once, and modules that use one that is not in a lower row.
pub fn faults<'a>(library: &str, uses: impl Fn(&str) -> &'a [&'a str]) -> Vec<String> {
    let rows: Vec<(usize, &str)> = rows(library).collect();
    let count = |module: &str| rows.iter().filter(|(_, shown)| *shown == module).count();
    let all = modules(library).chain(["conf-parser"]);
    let missing = all.filter(|module| count(module) != 1).map(|module| {
        format!("the map shows {module} {} times, and has to show it once", count(module))
    });
    let unknown = rows.iter().map(|(_, module)| *module).filter(|module| {
        *module != "conf-parser" && !modules(library).any(|known| known == *module)
    });
    let unknown = unknown.map(|module| format!("the map shows {module}, which is no module"));
    let row = |module: &str| rows.iter().find(|(_, shown)| *shown == module).map(|(row, _)| *row);
    let upward = rows.iter().flat_map(|(own, module)| {
        let used = uses(module).iter().filter(|used| row(used).is_some_and(|row| row >= *own));
        used.map(|used| format!("{module} uses {used}, which is not in a lower row of the map"))
            .collect::<Vec<_>>()
    });
    missing.chain(unknown).chain(upward).collect()
}

/// The rows of the map with their numbers: those of the first block of text.
fn rows(library: &str) -> impl Iterator<Item = (usize, &str)> {
    let block = library.split("//! ```").nth(1).unwrap_or_default();
    block.lines().filter_map(|line| {
        let mut words = line.strip_prefix("//! ")?.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    })
}

#[test]
fn module_that_is_missing_or_shown_twice_or_below_what_it_uses_is_reported() {
    let library = |rows: &str| {
        format!("//! ```text\n{rows}\n//! 0  conf-parser  x\n//! ```\npub mod a;\npub mod b;\n")
    };
    let uses = |module: &str| if module == "a" { &["b"][..] } else { &[] };
    let faults = |rows| faults(&library(rows), uses);
    assert_eq!(faults("//! 2  a  x\n//! 1  b  y"), [""; 0]);
    assert_eq!(faults("//! 2  a  x"), ["the map shows b 0 times, and has to show it once"]);
    let twice = "//! 2  a  x\n//! 1  b  y\n//! 0  b  y";
    assert_eq!(faults(twice), ["the map shows b 2 times, and has to show it once"]);
    assert_eq!(
        faults("//! 2  a  x\n//! 1  b  y\n//! 1  c  y"),
        ["the map shows c, which is no module"]
    );
    assert_eq!(
        faults("//! 1  a  x\n//! 1  b  y"),
        ["a uses b, which is not in a lower row of the map"]
    );
}
