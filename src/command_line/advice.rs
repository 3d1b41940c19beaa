//! What to write instead of an option that does not exist.

use super::{EXTENSION_OPTIONS, KNOWN_OPTION};
use conf_parser::{OPTIONS, nearest};

/// The number of options that are listed for an abbreviation.
const MAX_LISTED: usize = 6;

/// The text after the caret below an invalid word. `expected` is what the parser expected.
pub fn advice(word: &str, expected: &str) -> String {
    let unknown = word.strip_prefix("--").filter(|_| expected == KNOWN_OPTION);
    unknown.and_then(similar).unwrap_or_else(|| format!("expected {expected}"))
}

fn similar(word: &str) -> Option<String> {
    let name = word.split('=').next()?;
    let long: Vec<&str> =
        names().filter(|option| !name.is_empty() && option.starts_with(name)).collect();
    if long.len() > 1 {
        let listed = long.iter().take(MAX_LISTED).map(|option| format!("--{option}"));
        let more = if long.len() > MAX_LISTED { ", ..." } else { "" };
        return Some(format!(
            "several options start with --{name}: {}{more}",
            listed.collect::<Vec<_>>().join(", ")
        ));
    }
    nearest(name, names()).map(|option| format!("did you mean --{option}?"))
}

fn names() -> impl Iterator<Item = &'static str> {
    let own = EXTENSION_OPTIONS.iter().map(|(name, ..)| *name);
    OPTIONS.iter().map(|row| row.keyword).chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_option_gives_the_nearest_one() {
        for (word, meant) in [
            ("--tftp-rot=/srv", "tftp-root"),
            ("--explian=x", "explain"),
            ("--storry", "story"),
            ("--conf_file=x", "conf-file"),
        ] {
            assert_eq!(advice(word, KNOWN_OPTION), format!("did you mean --{meant}?"), "{word}");
        }
    }

    #[test]
    fn ambiguous_abbreviation_gives_the_options() {
        assert_eq!(
            advice("--no-r", KNOWN_OPTION),
            "several options start with --no-r: --no-resolv, --no-round-robin"
        );
        assert!(advice("--dhcp", KNOWN_OPTION).ends_with(", ..."));
    }

    #[test]
    fn option_without_a_near_one_keeps_what_was_expected() {
        for word in ["--nosuch", "--=x", "-!", "word"] {
            assert_eq!(advice(word, KNOWN_OPTION), "expected an option, as --help lists them");
        }
        assert_eq!(advice("--explian", "no value"), "expected no value");
    }
}
