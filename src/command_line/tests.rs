//! Tests of the command line.

use super::*;
use std::os::unix::ffi::OsStringExt;

fn read(line: &str) -> (String, Termination) {
    let words: Vec<OsString> =
        line.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect();
    let read = CommandLine::parse(&words, false);
    let shown = |given: &OptionUse| match &given.value {
        Some(value) => format!("{}={}", given.row.keyword, String::from_utf8_lossy(value)),
        None => given.row.keyword.to_owned(),
    };
    (read.options.iter().map(shown).collect::<Vec<_>>().join(" "), read.end)
}

#[test]
fn bundled_letters_are_split_up_to_a_value() {
    assert_eq!(
        read("-kd9p53"),
        ("keep-in-foreground no-daemon leasefile-ro port=53".into(), Termination::Complete)
    );
    assert_eq!(
        read("-i eth0 -ieth1"),
        ("interface=eth0 interface=eth1".into(), Termination::Complete)
    );
    assert_eq!(read("-9 -d"), ("leasefile-ro no-daemon".into(), Termination::Complete));
    assert_eq!(read("-C --test"), ("conf-file=--test".into(), Termination::Complete));
}

/// Found by fuzzing.
#[test]
fn value_of_an_extension_without_value_is_refused() {
    for word in ["--json=strict", "--unconfined=", "--json=x"] {
        assert_eq!(
            read(&format!("-d {word}")),
            ("no-daemon".into(), Termination::Malformed),
            "{word}"
        );
    }
    assert_eq!(read("-d --explain"), ("no-daemon".into(), Termination::Complete));
    assert_eq!(read("-d --json"), ("no-daemon".into(), Termination::Complete));
}

#[test]
fn unambiguous_prefix_is_expanded() {
    assert_eq!(read("--tftp-r=/x --tes"), ("tftp-root=/x test".into(), Termination::Complete));
    assert_eq!(
        read("--pxe-s a,b --dhcp-lease x"),
        ("pxe-service=a,b dhcp-lease=x".into(), Termination::Complete)
    );
    for ambiguous in
        ["--d", "--tftp=/x", "--por=0", "--conf=x", "--dhcp-leas=x", "--Test", "--bogus"]
    {
        assert_eq!(read(ambiguous).1, Termination::Malformed, "{ambiguous}");
    }
}

#[test]
fn optional_value_must_be_in_the_same_word() {
    assert_eq!(
        read("--user=x --user --log-queries=extra -q"),
        ("user=x user log-queries=extra log-queries".into(), Termination::Complete)
    );
    assert_eq!(read("--log-queries extra"), ("log-queries".into(), Termination::ExtraWords));
    assert_eq!(read("--port="), ("port=".into(), Termination::Complete));
}

#[test]
fn options_before_an_invalid_word_are_used() {
    assert_eq!(read("--version --bogus"), ("version".into(), Termination::Malformed));
    assert_eq!(read("--bogus --version"), (String::new(), Termination::Malformed));
    assert_eq!(read("-d -C"), ("no-daemon".into(), Termination::Malformed));
    assert_eq!(read("-d --no-daemon=1"), ("no-daemon".into(), Termination::Malformed));
}

#[test]
fn invalid_word_is_shown_with_a_caret() {
    for (line, shown) in [
        ("-d --nosuch", "  --nosuch\n  ^ expected an option, as --help lists them"),
        ("--no-daemon=1", "  --no-daemon=1\n  ^ expected no value"),
        ("-d -C", "  -C\n  ^ expected a value after it"),
        ("-d x", "  x\n  ^ expected an option"),
    ] {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        assert_eq!(CommandLine::parse(&words, false).error_detail.as_deref(), Some(shown));
    }
}

#[test]
fn word_without_option_is_extra_at_any_position() {
    assert_eq!(read("x -d"), ("no-daemon".into(), Termination::ExtraWords));
    assert_eq!(read("-d -- --test"), ("no-daemon".into(), Termination::ExtraWords));
    assert_eq!(read("-"), (String::new(), Termination::ExtraWords));
    assert_eq!(read("-test"), ("mx-target=est".into(), Termination::Complete));
}

#[test]
fn help_has_a_whole_line_for_every_option() {
    let help = help(None, DEFAULT_WIDTH);
    assert!(help.starts_with("Usage: dnsmasq [options]\n"));
    for row in OPTIONS.iter().filter(|row| row.canonical_name() == row.keyword) {
        let equals = if row.argument == Argument::Required { "=" } else { "" };
        let usage = format!("--{}{equals}{}", row.keyword, row.metavar);
        let shown = |line: &str| {
            line.get(4..)
                .is_some_and(|line| line == usage || line.starts_with(&format!("{usage} ")))
        };
        assert_eq!(help.lines().filter(|line| shown(line)).count(), 1, "{usage}");
        let words = row.help.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&words), "{words}");
    }
    // Only usage can be longer, which has no spaces to break it at.
    let too_long = help.lines().filter(|line| line.chars().count() > DEFAULT_WIDTH);
    assert!(
        too_long.clone().all(|line| line.starts_with('-') || line.starts_with("    -")),
        "{help}"
    );
    assert_eq!(self::help(Some(Page::Dhcp), DEFAULT_WIDTH).lines().nth(1), Some("  1 netmask"));
}

#[test]
fn help_shows_what_is_served_accepted_and_refused() {
    let help = help(None, 100);
    let sections: Vec<&str> = help.split("\n\n").skip(1).collect();
    let section =
        |option: &str| sections.iter().position(|text| text.contains(&format!("--{option}")));
    let expected = [
        ("test=strict ", 0),
        ("story", 0),
        ("tftp-root=", 1),
        ("test ", 1),
        ("cache-size", 2),
        ("enable-dbus", 2),
        ("server=", 3),
        ("dhcp-relay=", 4),
    ];
    for (option, number) in expected {
        assert_eq!(section(option), Some(number), "{option}");
    }
    assert_eq!(sections.len(), 5);
}

fn bytes_of(words: &[&[u8]]) -> CommandLine {
    let words: Vec<OsString> = words.iter().map(|word| OsString::from_vec(word.to_vec())).collect();
    CommandLine::parse(&words, false)
}

#[test]
fn value_that_is_not_utf8_keeps_its_bytes() {
    let all: Vec<u8> = (1..=255).collect();
    let long = [b"--tftp-root=/srv/", &all[..]].concat();
    let abbreviated = [b"--tftp-r=/srv/", &all[..]].concat();
    let (value, glued) = ([b"/srv/", &all[..]].concat(), [b"-C/srv/", &all[..]].concat());
    for (words, keyword) in [
        (&[&long[..]][..], "tftp-root"),
        (&[&abbreviated[..]], "tftp-root"),
        (&[b"-7", &value[..]], "conf-dir"),
        (&[&glued[..]], "conf-file"),
        (&[b"-dC", &value], "conf-file"),
        (&[b"--log-facility", &value], "log-facility"),
    ] {
        let read = bytes_of(words);
        let last = read.options.last().expect("an option");
        assert_eq!((last.row.keyword, last.value.as_ref()), (keyword, Some(&value)));
        assert_eq!(read.end, Termination::Complete);
    }
}

#[test]
fn private_use_characters_of_to_text_keep_their_bytes() {
    let value = "\u{10FFE9}\u{10FFFF}".as_bytes();
    let read = bytes_of(&[b"-C", value, b"-C", b"\xE9\xFF"]);
    let values: Vec<_> = read.options.iter().map(|given| given.value.as_deref()).collect();
    assert_eq!(values, [Some(value), Some(b"\xE9\xFF")]);
}

#[test]
fn option_name_that_is_not_utf8_is_refused() {
    for word in
        [&b"--bogus\xE9"[..], b"--\xE9", b"-\xE9", b"-d\xE9", b"--test\xE9", b"--no-daemon=\xE9"]
    {
        let read = bytes_of(&[b"-k", word]);
        assert_eq!(
            (read.options[0].row.keyword, read.end),
            ("keep-in-foreground", Termination::Malformed)
        );
        let error_detail = read.error_detail.expect("a word");
        assert!(to_bytes(&error_detail).starts_with(&[b"  ", word].concat()), "{error_detail}");
    }
}

#[test]
fn word_without_option_is_extra_unless_it_is_ascii_space() {
    for (word, end) in [
        (&b" \t\n\x0b\x0c\r"[..], Termination::Complete),
        (b"", Termination::Complete),
        (b"\xE9", Termination::ExtraWords),
        (b"\xA0", Termination::ExtraWords),
        ("\u{a0}".as_bytes(), Termination::ExtraWords),
        (b"\x1c", Termination::ExtraWords),
    ] {
        assert_eq!(bytes_of(&[word]).end, end, "{word:?}");
    }
}

#[test]
fn values_of_extensions_keep_their_bytes() {
    let read = bytes_of(&[b"--explain", b"pcap=/\xE9", b"--explain=log=/\xE8"]);
    let clients: Vec<_> = read.extensions.explain.iter().map(|client| to_bytes(client)).collect();
    assert_eq!(clients, [&b"pcap=/\xE9"[..], b"log=/\xE8"]);
    let read = bytes_of(&[b"--explain", b"-d", b"--explain=uefi", b"--explain", b"mac=1:2"]);
    assert_eq!(read.extensions.explain, ["", "uefi", "mac=1:2"]);
    let read = bytes_of(&[b"--story", b"/\xE9"]);
    assert_eq!(to_bytes(&read.extensions.args[0]), &b"/\xE9"[..]);
}
