//! Remedies for common mistakes. A parser finds the column of an error; this module looks at the refused line again and
//! finds what to write instead. It runs only for refused lines.

mod address;
mod architecture;
mod characters;
mod keyword;
pub(crate) mod nearest;
mod option_name;
mod range;

use crate::error::{ParseError, Remedy};
use crate::input::Input;
use crate::table::OptionSpec;
pub(crate) use keyword::unknown_keyword;

/// The error of a value, with the remedy if the mistake is a common one.
pub(crate) fn explained(
    error: ParseError,
    row: &OptionSpec,
    value: Option<Input<'_>>,
) -> ParseError {
    let Some(value) = value else { return error };
    let refused = refused_field(value, error.column);
    let found = refused
        .and_then(characters::typographic)
        .or_else(|| of_keyword(row, value, &error))
        .or_else(|| refused.and_then(|field| general(row, field, &error)))
        .or_else(|| missing_fields(row, value, &error));
    match found {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    }
}

/// The field between commas that contains the column.
fn refused_field(value: Input<'_>, column: usize) -> Option<Input<'_>> {
    value.fields().take_while(|field| field.column() <= column).last()
}

/// The remedy for a mistake that only lines of this keyword have.
fn of_keyword(row: &OptionSpec, value: Input<'_>, error: &ParseError) -> Option<Remedy> {
    match row.keyword {
        "dhcp-range" => range::remedy(value),
        "pxe-service" => architecture::remedy(value, error),
        "dhcp-option" | "dhcp-option-force" | "dhcp-option-pxe" | "dhcp-match" => {
            option_name::remedy(value)
        }
        "listen-address" => address::interface_name(refused_field(value, error.column)?),
        "tftp-port-range" => address::port_range(value),
        _ => None,
    }
}

/// The remedy for a mistake that any line can have.
fn general(row: &OptionSpec, field: Input<'_>, error: &ParseError) -> Option<Remedy> {
    let names_address = ["an address", "IP"].iter().any(|name| error.expected.contains(name));
    let mistaken_address = names_address.then(|| address::remedy(row.keyword, field)).flatten();
    mistaken_address.or_else(|| characters::comment(row, field))
}

/// The syntax of the option, for a value that ends too early.
fn missing_fields(row: &OptionSpec, value: Input<'_>, error: &ParseError) -> Option<Remedy> {
    let ends_there = value.cells().last().is_none_or(|last| error.column > last.column.into());
    let expects_more = error.expected.contains("comma");
    (ends_there && expects_more).then(|| Remedy { column: error.column, text: syntax(row) })
}

/// The error of a value that is missing, or of one that must not be there, with the remedy.
pub(crate) fn of_argument(
    error: ParseError,
    row: &OptionSpec,
    value: Option<Input<'_>>,
) -> ParseError {
    let text = value.map_or_else(|| syntax(row), |value| extraneous_value(row, value));
    let column = error.column;
    error.with_remedy(Remedy { column, text })
}

fn syntax(row: &OptionSpec) -> String {
    format!("something is missing: the syntax is {}={}", row.keyword, row.metavar)
}

/// Values that other programs have for an option that is off.
const NEGATIVE: &[&str] = &["no", "off", "false", "0"];
/// Values that other programs have for an option that is on.
const POSITIVE: &[&str] = &["yes", "on", "true", "1"];

/// The remedy for a value of a keyword that has none.
fn extraneous_value(row: &OptionSpec, value: Input<'_>) -> String {
    let keyword = row.keyword;
    let negative = NEGATIVE.iter().any(|word| value.is_ignoring_case(word));
    if negative {
        format!("{keyword} has no value: remove the line to turn it off")
    } else {
        format!("{keyword} has no value: write {keyword} only")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::Reader;

    /// The caret line of a refused line: the column of the caret, and the text after it.
    pub(crate) fn caret(line: &str) -> (usize, String) {
        let error = Reader::default().line(line.as_bytes()).expect_err(line);
        let report = error.report(line.as_bytes()).to_string();
        let (_, caret) = report.split_once('\n').expect("two lines");
        let (margin, text) = caret.split_once('^').expect("a caret");
        (margin.chars().count() - 2, text.trim_start().to_owned())
    }

    /// The text below a refused line.
    pub(crate) fn advice(line: &str) -> String {
        caret(line).1
    }

    #[test]
    fn value_of_a_keyword_without_value_has_a_remedy() {
        let text = advice("bind-dynamic=yes");
        assert_eq!(text, "bind-dynamic has no value: write bind-dynamic only");
        let text = advice("bind-dynamic=No");
        assert_eq!(text, "bind-dynamic has no value: remove the line to turn it off");
    }

    #[test]
    fn missing_fields_give_the_syntax() {
        for (line, syntax) in [
            ("tftp-root", "tftp-root=<directory>[,<interface>]"),
            ("dhcp-boot=tag:a", "dhcp-boot=[tag:<tag>,...]<file>[,<name>[,<server>]]"),
            ("dhcp-userclass=iPXE", "dhcp-userclass=set:<tag>,<class>"),
        ] {
            assert_eq!(advice(line), format!("something is missing: the syntax is {syntax}"));
        }
    }

    #[test]
    fn repeated_keyword_is_named() {
        let mut reader = Reader::default();
        reader.line(b"port=0").expect("the first line is accepted");
        let error = reader.line(b"port=0").expect_err("it is used twice");
        let remedy = error.remedy.expect("there is a remedy");
        assert_eq!(&*remedy, "port may be used once, and it was used before: remove one of them");
    }

    #[test]
    fn other_mistakes_keep_what_was_expected() {
        assert_eq!(caret("tftp-max=many"), (9, "expected a number".to_owned()));
        assert_eq!(caret("tftp-unique-root=yes"), (17, "expected ip or mac".to_owned()));
    }
}
