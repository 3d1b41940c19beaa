//! The paths in a source file, without its test code.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use std::iter::once;

/// A source file without test code: items under `#[cfg(test)]` or `#[test]` are left out, and nothing else.
#[derive(Debug, Default)]
pub struct Source {
    pub paths: Vec<Path>,
    /// Modules of this file that are test code: `#[cfg(test)] mod tests;`.
    pub test_modules: Vec<String>,
    /// The number of `unsafe { ... }` blocks.
    pub unsafe_blocks: usize,
}

/// A path as written: `crate::wire::dhcp`. A `use` with braces gives one path per branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub line: usize,
    /// The modules of this file around it: `mod inner { ... }`.
    pub inside: Vec<String>,
    pub names: Vec<String>,
    /// It is part of a `use`, where a single name is a crate or a module and not a variable.
    pub imported: bool,
}

impl Source {
    /// Reads a source file.
    ///
    /// # Panics
    /// If it is not valid Rust.
    pub fn read(text: &str) -> Self {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|fault| panic!("invalid Rust: {fault}"));
        let mut source = Self::default();
        source.walk(&trees(tokens), &[]);
        source
    }

    fn walk(&mut self, tokens: &[TokenTree], inside: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            at += self
                .test_code(rest)
                .or_else(|| self.inner_module(rest, inside))
                .or_else(|| self.import(rest, inside))
                .or_else(|| self.path(rest, inside))
                .unwrap_or_else(|| self.other(rest, inside));
        }
    }

    /// An item under `#[cfg(test)]`, or the rest of a file under `#![cfg(test)]`.
    fn test_code(&mut self, tokens: &[TokenTree]) -> Option<usize> {
        if is_punctuation(tokens.first(), '#') && is_punctuation(tokens.get(1), '!') {
            return is_test_attribute(tokens.get(2)).then_some(tokens.len());
        }
        if !is_punctuation(tokens.first(), '#') || !is_test_attribute(tokens.get(1)) {
            return None;
        }
        let mut start = 2;
        while is_punctuation(tokens.get(start), '#') {
            start += 2;
        }
        start += visibility(&tokens[start..]);
        let item = &tokens[start..];
        if is_name(item.first(), "mod") && is_punctuation(item.get(2), ';') {
            self.test_modules.extend(name(item.get(1)));
        }
        Some(start + item_length(item)?)
    }

    fn inner_module(&mut self, tokens: &[TokenTree], inside: &[String]) -> Option<usize> {
        let (true, Some(name)) = (is_name(tokens.first(), "mod"), name(tokens.get(1))) else {
            return None;
        };
        let body = braces(tokens.get(2)?)?;
        self.walk(&body, &[inside, &[name]].concat());
        Some(3)
    }

    /// `use a::{b, c as d};` and `extern crate a;`
    fn import(&mut self, tokens: &[TokenTree], inside: &[String]) -> Option<usize> {
        let external = is_name(tokens.first(), "extern") && is_name(tokens.get(1), "crate");
        if !external && !is_name(tokens.first(), "use") {
            return None;
        }
        let start = if external { 2 } else { 1 };
        let end = tokens.iter().position(|token| is_punctuation(Some(token), ';'))?;
        self.branches(&tokens[start..end], inside, &[]);
        Some(end + 1)
    }

    /// The branches of a `use`, each after these names.
    fn branches(&mut self, tokens: &[TokenTree], inside: &[String], before: &[String]) {
        for branch in tokens.split(|token| is_punctuation(Some(token), ',')) {
            let (names, length) = names(branch);
            let all = [before, &names].concat();
            match branch.get(length) {
                Some(token) if braces(token).is_some() => {
                    self.branches(&braces(token).unwrap_or_default(), inside, &all);
                }
                Some(token) if is_punctuation(Some(token), '*') => {
                    let all = all.into_iter().chain(once("*".to_owned())).collect();
                    self.push(token, inside, all, true);
                }
                _ => branch.first().into_iter().for_each(|token| {
                    let is_self = all.len() > 1 && all.last().is_some_and(|name| name == "self");
                    let kept = all.len() - usize::from(is_self);
                    self.push(token, inside, all[..kept].to_vec(), true);
                }),
            }
        }
    }

    fn path(&mut self, tokens: &[TokenTree], inside: &[String]) -> Option<usize> {
        let (names, length) = names(tokens);
        let first = tokens.first().filter(|_| !names.is_empty())?;
        if names[..] == ["unsafe"] && tokens.get(length).and_then(braces).is_some() {
            self.unsafe_blocks += 1;
        }
        self.push(first, inside, names, false);
        Some(length)
    }

    fn other(&mut self, tokens: &[TokenTree], inside: &[String]) -> usize {
        if let Some(TokenTree::Group(group)) = tokens.first() {
            self.walk(&trees(group.stream()), inside);
        }
        1
    }

    fn push(&mut self, token: &TokenTree, inside: &[String], names: Vec<String>, imported: bool) {
        let line = token.span().start().line;
        self.paths.push(Path { line, inside: inside.to_vec(), names, imported });
    }
}

/// The names of the path that begins here, up to braces, `*` or `<`, and its number of tokens.
fn names(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    let mut at = 2 * usize::from(is_separator(tokens));
    while let Some(name) = name(tokens.get(at)) {
        names.push(name);
        at += 1;
        if !is_separator(&tokens[at..]) {
            break;
        }
        at += 2;
    }
    (names, at)
}

/// Number of tokens of an item, up to its semicolon or closing brace. `None`: not an item but a field, a match arm or a
/// statement, which is kept.
fn item_length(tokens: &[TokenTree]) -> Option<usize> {
    let is_constant = is_name(tokens.first(), "const") && !is_name(tokens.get(1), "fn");
    let with_semicolon = ["use", "static", "type", "let"];
    let with_braces =
        ["fn", "mod", "impl", "struct", "enum", "trait", "unsafe", "async", "const", "macro_rules"];
    let first = name(tokens.first())?;
    let may_have_braces = if is_constant || with_semicolon.contains(&&*first) {
        false
    } else if with_braces.contains(&&*first) {
        true
    } else {
        return None;
    };
    let is_end = |token: &TokenTree| {
        is_punctuation(Some(token), ';') || may_have_braces && braces(token).is_some()
    };
    tokens.iter().position(is_end).map(|end| end + 1)
}

/// Number of tokens of `pub`, `pub(crate)` or `pub(in path)`.
fn visibility(tokens: &[TokenTree]) -> usize {
    let has_place = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis);
    match tokens {
        [first, second, ..] if is_name(Some(first), "pub") && has_place(second) => 2,
        [first, ..] if is_name(Some(first), "pub") => 1,
        _ => 0,
    }
}

/// `[cfg(test)]`, `[cfg(all(test, ...))]` or `[test]`: test code.
fn is_test_attribute(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    let text = group.stream().to_string().replace(' ', "");
    matches!(&*text, "cfg(test)" | "test") || text.starts_with("cfg(all(test,")
}

fn is_separator(tokens: &[TokenTree]) -> bool {
    let joint = |token: &TokenTree| matches!(token, TokenTree::Punct(found) if found.spacing() == Spacing::Joint);
    tokens.first().is_some_and(joint)
        && is_punctuation(tokens.first(), ':')
        && is_punctuation(tokens.get(1), ':')
}

fn is_punctuation(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == wanted)
}

fn is_name(token: Option<&TokenTree>, wanted: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(found)) if found == wanted)
}

fn name(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(name)) => Some(name.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

fn braces(token: &TokenTree) -> Option<Vec<TokenTree>> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Some(trees(group.stream()))
        }
        _ => None,
    }
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

#[test]
fn branches_of_a_use_are_read_one_by_one() {
    let source = Source::read("use crate::{a, b::{c as d, self, *}};\nuse mio;\nextern crate nix;");
    let read: Vec<String> = source.paths.iter().map(|path| path.names.join("::")).collect();
    assert_eq!(read, ["crate::a", "crate::b::c", "crate::b", "crate::b::*", "mio", "nix"]);
    assert!(source.paths.iter().all(|path| path.imported));
    assert_eq!(source.paths[5].line, 3);
}

#[test]
fn only_the_item_under_a_test_attribute_is_left_out() {
    let text = "#[cfg(test)]\nmod tests;\nuse a::a;\n#[cfg(test)]\n#[allow(x)]\npub(crate) fn f() { b::b() }\nfn g() { c::c() }\n\
                #[cfg(test)]\nuse d::{d};\nconst E: e::E = 1;\n#[cfg(test)]\nmod more { use f::f; }\n#[test]\nfn h() { h::h() }\nstruct G { g: g::G }";
    let source = Source::read(text);
    let paths = source.paths.iter().filter(|path| path.names.len() > 1);
    let read: Vec<(usize, &str)> = paths.map(|path| (path.line, &*path.names[0])).collect();
    assert_eq!(read, [(3, "a"), (7, "c"), (10, "e"), (15, "g")]);
    assert_eq!(source.test_modules, ["tests"]);
    assert!(Source::read("#![cfg(test)]\nuse a::a;").paths.is_empty());
}

#[test]
fn paths_in_macros_are_read_and_those_in_texts_and_comments_are_not() {
    let text =
        "/// a::a\nfn f() { // b::b\n assert!(matches!(x, c::c { .. }), \"d::d\", '\"', e::e) }";
    let source = Source::read(text);
    let paths = source.paths.iter().filter(|path| path.names.len() > 1);
    assert_eq!(paths.map(|path| &*path.names[0]).collect::<Vec<_>>(), ["c", "e"]);
}

#[test]
fn path_in_an_inner_module_has_its_name() {
    let source = Source::read("mod inner { use super::x; fn f() { unsafe { } } }");
    assert_eq!(source.paths[0].inside, ["inner"]);
    assert_eq!(source.unsafe_blocks, 1);
}
