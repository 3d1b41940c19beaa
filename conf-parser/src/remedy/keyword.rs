//! Lines with an unknown keyword.

use super::characters::{byte_order_mark, typographic};
use super::nearest::nearest;
use super::{NEGATIVE, POSITIVE};
use crate::error::{ParseError, Remedy};
use crate::input::Input;
use crate::table::{Argument, OPTIONS, OptionSpec, find_name, find_short};

/// The error of a line whose keyword dnsmasq does not have. `keyword` is the text before `=`, or the whole line.
pub(crate) fn unknown_keyword(line: Input<'_>, keyword: Input<'_>) -> ParseError {
    let error = ParseError::structure("bad option", keyword.column(), "a keyword");
    let remedy = byte_order_mark(line)
        .or_else(|| other_syntax(line))
        .or_else(|| dashes(line))
        .or_else(|| without_equals_sign(keyword))
        .or_else(|| typographic(keyword))
        .or_else(|| similar(keyword));
    match remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    }
}

/// Comments and sections of other configuration languages.
fn other_syntax(line: Input<'_>) -> Option<Remedy> {
    let starts_with = |prefix| line.strip_prefix(prefix).is_some();
    let text = if starts_with(";") || starts_with("//") {
        "a comment begins with #"
    } else if starts_with("[") {
        "the file has no sections: remove the line"
    } else {
        return None;
    };
    Some(Remedy::new(line, text))
}

/// An option as on the command line.
fn dashes(line: Input<'_>) -> Option<Remedy> {
    let text = String::from_utf8(line.bytes()).ok()?;
    let option = text.strip_prefix('-')?;
    let (name, value) = split_name(option.trim_start_matches('-'));
    let (row, value) = match (find_name(name), option.as_bytes().first()) {
        (Some(row), _) => (row, value),
        (None, Some(letter)) if letter.is_ascii() => (find_short(*letter)?, &option[1..]),
        _ => return None,
    };
    let text = format!("a file has no dash before a keyword: {}", write(row, value));
    Some(Remedy::new(line, text))
}

/// A keyword and its value with a space or a colon between them.
fn without_equals_sign(keyword: Input<'_>) -> Option<Remedy> {
    let text = String::from_utf8(keyword.bytes()).ok()?;
    let (name, value) = split_name(&text);
    let row = find_name(name).filter(|_| !value.is_empty())?;
    let column = usize::from(keyword.cells().get(name.len())?.column);
    Some(Remedy { column, text: write(row, value) })
}

/// A name, and what follows it after `=`, `:` or a space.
fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(['=', ':', ' ']).unwrap_or(text.len());
    (&text[..end], &text[end..])
}

/// The line as it should be. `value` may start with a separator.
fn write(row: &OptionSpec, value: &str) -> String {
    let (keyword, value) = (row.keyword, value.trim_start_matches(['=', ':', ' ']));
    match row.argument {
        Argument::None | Argument::Optional if NEGATIVE.contains(&value) => {
            format!("remove the line to turn {keyword} off")
        }
        Argument::Required | Argument::Optional
            if !value.is_empty() && !POSITIVE.contains(&value) =>
        {
            format!("write {keyword}={value}")
        }
        _ => format!("write {keyword}"),
    }
}

fn similar(keyword: Input<'_>) -> Option<Remedy> {
    if let Some((before, _)) = keyword.split_once(b'#')
        && OPTIONS.iter().any(|row| before.is(row.keyword))
    {
        let column = before.column() + before.cells().len();
        return Some(Remedy { column, text: "a comment needs a space before #".to_owned() });
    }
    let word = String::from_utf8(keyword.bytes()).ok()?;
    if find_name(&word).is_some() {
        return Some(Remedy::new(keyword, "write the keyword without quotation marks"));
    }
    let meant = nearest(&word, OPTIONS.iter().map(|row| row.keyword))?;
    Some(Remedy::new(keyword, format!("did you mean {meant}?")))
}

#[cfg(test)]
mod tests {
    use crate::remedy::tests::{advice, caret};

    #[test]
    fn similar_keyword_is_proposed() {
        assert_eq!(caret("  tftp-rot=/srv"), (2, "did you mean tftp-root?".to_owned()));
        assert_eq!(advice("dhcp_range = 10.0.0.0,proxy"), "did you mean dhcp-range?");
        assert_eq!(advice("nosuch=1"), "expected a keyword");
        assert_eq!(advice("=1"), "expected a keyword");
    }

    #[test]
    fn keyword_without_equals_sign_is_found() {
        assert_eq!(caret("port 0"), (4, "write port=0".to_owned()));
        assert_eq!(advice("port: 0"), "write port=0");
        assert_eq!(advice("bind-dynamic yes"), "write bind-dynamic");
        assert_eq!(advice("enable-tftp: true"), "write enable-tftp");
        assert_eq!(advice("enable-tftp yes"), "write enable-tftp");
        assert_eq!(advice("no-daemon: no"), "remove the line to turn no-daemon off");
        assert_eq!(caret("enable-tftp#x"), (11, "a comment needs a space before #".to_owned()));
        assert_eq!(advice("dhcp-boot pxelinux.0,a=b"), "write dhcp-boot=pxelinux.0,a");
    }

    #[test]
    fn option_of_the_command_line_is_found() {
        assert_eq!(advice("--port=0"), "a file has no dash before a keyword: write port=0");
        assert_eq!(advice("-p 0"), "a file has no dash before a keyword: write port=0");
        assert_eq!(advice("-port=0"), "a file has no dash before a keyword: write port=0");
        assert_eq!(advice("-d"), "a file has no dash before a keyword: write no-daemon");
    }

    #[test]
    fn syntax_of_other_languages_is_named() {
        assert_eq!(advice("; port=0"), "a comment begins with #");
        assert_eq!(advice("// port=0"), "a comment begins with #");
        assert_eq!(advice("[dnsmasq]"), "the file has no sections: remove the line");
        assert_eq!(advice(r#""dhcp-boot"=x"#), "write the keyword without quotation marks");
    }
}
