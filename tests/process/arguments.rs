//! Arguments are any bytes: paths need not be UTF-8.

use crate::common::lab::{Process, eventually};
use crate::common::{required, subject, subject_is_theirs};
use crate::setup::{Setup, TIMEOUT};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

crate::tests![
    path_that_is_not_utf8_is_used_as_given,
    message_has_bytes_of_argument,
    log_line_about_argument_is_utf8,
];

fn bytes(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// The program with this command line.
fn command(words: &[&[u8]]) -> Command {
    let mut command = Command::new(subject());
    command.args(words.iter().map(|word| bytes(word)));
    command
}

fn served(setup: &Setup, words: &[&[u8]]) -> Process {
    let process = setup.foreground(&mut command(&[&[&b"-k"[..], b"-x", b""], words].concat()));
    assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    process
}

/// A command line, its exit code, and dnsmasq's message.
type Failing<'a> = (Vec<&'a [u8]>, i32, &'a [u8]);

/// Exit code and standard error of a start that fails.
fn failed(setup: &Setup, words: &[&[u8]]) -> (Option<i32>, Vec<u8>) {
    let ended = setup.lab.host("server").inside(|| {
        let mut command = command(words);
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).output()
    });
    let ended = ended.expect("it can be started");
    (ended.status.code(), ended.stderr)
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn path_that_is_not_utf8_is_used_as_given() {
    let Some(setup) = required(Setup::new("")) else { return };
    fs::rename("/srv/tftp", bytes(b"/srv/\xE9")).expect("the file can be renamed");
    drop(served(&setup, &[b"-p0", b"-C/dev/null", b"--enable-tftp", b"--tftp-root=/srv/\xE9"]));

    // Values in the next word, in the same word, and after an abbreviated name.
    fs::create_dir(bytes(b"/srv/d\xE9")).expect("the directory can be created");
    fs::write(bytes(b"/srv/c\xE9"), b"port=0\nenable-tftp\n").expect("the file can be written");
    fs::write(bytes(b"/srv/d\xE9/x"), b"tftp-root=/srv/\xE9\n").expect("the file can be written");
    let words: [&[u8]; 6] =
        [b"-C", b"/srv/c\xE9", b"-7/srv/d\xE9", b"-u", b"root", b"--log-f=/srv/l\xE9"];
    let process = served(&setup, &words);
    let is_logged = || has(&fs::read(bytes(b"/srv/l\xE9")).ok()?, b"dnsmasq-tftp[").then_some(());
    assert!(eventually(TIMEOUT, is_logged).is_some(), "the log file has no line of TFTP");
    drop(process);
}

fn message_has_bytes_of_argument() {
    let Some(setup) = required(Setup::new("")) else { return };
    let tftp: [&[u8]; 3] = [b"-p0", b"-C/dev/null", b"--enable-tftp"];
    let with = |word: &'static [u8]| -> Vec<&'static [u8]> { [&tftp[..], &[word]].concat() };
    let cases: [Failing; 11] = [
        (vec![b"-C/srv/\xE9"], 3, b"cannot read /srv/\xE9: No such file or directory"),
        (vec![b"--conf-file=/srv/\xE9"], 3, b"cannot read /srv/\xE9: No such file or directory"),
        (
            vec![b"-7", b"/srv/\xE9"],
            3,
            b"cannot access directory /srv/\xE9: No such file or directory",
        ),
        (vec![b"--conf-script=exit 3;\xE9"], 10, b"exit 3;\xE9 returns non-zero error code"),
        (
            with(b"--tftp-root=/\xE9"),
            3,
            b"TFTP directory /\xE9 inaccessible: No such file or directory",
        ),
        (with(b"--log-facility=/\xE9/x"), 3, b"cannot open log /\xE9/x: No such file or directory"),
        (
            with(b"--pid-file=/\xE9/x"),
            3,
            b"failed to open pidfile /\xE9/x: No such file or directory",
        ),
        (with(b"--user=\xE9"), 1, b"unknown user or group: \xE9"),
        (with(b"--pxe-service=\xE9"), 1, b"bad command line options: try --help"),
        (with(b"--bogus\xE9"), 1, b"bad command line options: try --help"),
        (with("\u{a0}".as_bytes()), 1, b"junk found in command line"),
    ];
    for (words, code, sentence) in cases {
        let (exit, stderr) = failed(&setup, &words);
        let wanted = [b"\ndnsmasq: ", sentence, b"\n"].concat();
        assert_eq!(
            (exit, stderr.escape_ascii().to_string()),
            (Some(code), wanted.escape_ascii().to_string())
        );
    }
}

/// D-019: the log is UTF-8, and dnsmasq's is not.
fn log_line_about_argument_is_utf8() {
    let Some(setup) = required(Setup::new("")) else { return };
    let words: [&[u8]; 4] = [b"-p0", b"-C/dev/null", b"--enable-tftp", b"--tftp-root=/\xE9"];
    let (_, stderr) = failed(&setup, &[&words[..], &[b"-k", b"--log-facility=-"]].concat());
    let root: &[u8] = if subject_is_theirs() { b"/\xE9" } else { "/\u{fffd}".as_bytes() };
    let wanted = [b"TFTP directory ", root, b" inaccessible: No such file or directory\n"].concat();
    assert!(has(&stderr, &wanted), "{}", stderr.escape_ascii());
}
