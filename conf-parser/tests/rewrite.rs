//! The canonical form of an accepted line is read as the same directive.

use conf_parser::{Directive, OPTIONS, Reader};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn read(line: &[u8]) -> Option<Directive> {
    Reader::default().line(line).ok().flatten().map(|setting| setting.directive)
}

/// Values of all kinds of options, with and without quotes, and separators.
fn value() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,8}",
        "[0-9]{1,6}",
        "\"[a-z0-9 ,.:#]{0,9}\"",
        "\"\\\\[\"tnebrq\\\\]\"",
        "(tag|set|net|vendor|encap|option|option6|id):[a-z0-9!#-]{0,6}",
        "([0-9a-f]{2}:){5}[0-9a-f*]{1,2}",
        "(10|192|0)\\.0\\.0\\.[0-9]{1,3}",
        "[\\x01-\\x1f]",
        Just("#".to_owned()),
        Just("proxy".to_owned()),
    ];
    let separator = prop_oneof![Just(","), Just(" , "), Just("/"), Just(" "), Just(""), Just("=")];
    proptest::collection::vec((word, separator), 0..5).prop_map(|pieces| {
        pieces.iter().map(|(word, separator)| word.clone() + separator).collect()
    })
}

#[test]
fn accepted_line_has_the_same_directive_after_rewriting() {
    let config =
        ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut accepted = 0;
    let line = (0..OPTIONS.len(), value(), any::<bool>());
    let lines = line.prop_map(|(at, value, bare)| {
        let keyword = OPTIONS[at].keyword;
        if bare { keyword.to_owned() } else { format!("{keyword} = {value} # x") }
    });
    let mut runner = TestRunner::new(config);
    for _ in 0..runner.config().cases {
        let line = lines.new_tree(&mut runner).expect("a line can be made").current();
        let Some(directive) = read(line.as_bytes()) else { continue };
        accepted += 1;
        let written = Reader::default().rewritten(line.as_bytes()).expect("it was read before");
        let again = read(&written);
        assert_eq!(without_columns(again.as_ref()), without_columns(Some(&directive)), "{line:?}");
        let twice =
            Reader::default().rewritten(&written).expect("rewritten output has closed quotes");
        assert_eq!(twice, written, "{line:?}");
    }
    assert!(accepted > 1_000, "only {accepted} lines were accepted");
}

/// Columns depend on the form of the line, so they are removed.
fn without_columns(directive: Option<&Directive>) -> String {
    let shown = format!("{directive:?}");
    let mut parts = shown.split("column: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |sum, part| sum + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn rewritten_line_has_quotes_only_where_necessary() {
    for (line, written) in [
        (" port = 53 # x", "port = 53"),
        (r#"pxe-service=x86PC,"Boot, now",p"x"e"#, r#"pxe-service=x86PC,"Boot, now",pxe"#),
        (r#"dhcp-boot="a""b"#, r#"dhcp-boot="a\""b"#),
        ("dhcp-boot=a#b", r##"dhcp-boot=a"#"b"##),
    ] {
        let rewritten = Reader::default().rewritten(line.as_bytes()).expect("quotes are closed");
        assert_eq!(String::from_utf8_lossy(&rewritten), written, "{line}");
    }
}
