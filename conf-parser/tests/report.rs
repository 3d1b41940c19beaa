//! The report of any refused line is two lines, with the caret inside or directly behind the line.

use conf_parser::{OPTIONS, parse_line};
use proptest::prelude::*;

/// Pieces of lines in which remedies are looked for, and bytes that are no UTF-8.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..OPTIONS.len()).prop_map(|index| OPTIONS[index].keyword.as_bytes().to_vec()),
        prop::sample::select(
            &[
                "\u{feff}",
                "“",
                "–",
                "é",
                "\u{a0}",
                "=",
                ",",
                "/",
                "/24",
                ":",
                ";",
                "#",
                " ",
                "-",
                "--",
                "\"",
                "10.0.0.0",
                "10.0.0.300",
                "255.255.0.0",
                "proxy",
                "Static",
                "tag:a",
                "set:b",
                "option:",
                "x86PC",
                "0x7",
                "client-arch",
                "fd00::1",
                "93",
                "7",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn report_of_any_refused_line_has_its_caret_at_the_line(
        pieces in prop::collection::vec(piece(), 1..9)
    ) {
        let line = pieces.concat();
        if let Err(error) = parse_line(&line) {
            prop_assert!(error.column <= line.len(), "{}: {error}", line.escape_ascii());
            let report = error.report(&line).to_string();
            prop_assert_eq!(report.lines().count(), 2, "{}", line.escape_ascii());
            prop_assert!(report.contains("\n  "), "{}", report);
        }
    }
}
