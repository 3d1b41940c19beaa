//! Configuration lines and the binary: accepted or refused, with the exact message. Needs no root.
//! With `PXEMASQ_RECORD=1 PXEMASQ_SUBJECT=theirs` the results of the installed dnsmasq are written to the fixtures.

mod common;

use common::fixture;
use conf_parser::Reader;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

crate::tests![
    lines_have_the_recorded_result,
    every_parse_error_has_a_column_and_an_expectation,
    accepted_line_parses_to_the_same_setting_after_rewriting,
    terminal_shows_the_invalid_line_with_a_caret,
    unsupported_option_is_refused_with_its_line,
    configuration_without_service_is_refused,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// Configuration files of one or two lines, with dnsmasq's results.
#[derive(Debug, Serialize, Deserialize)]
struct Cases {
    /// What the cases have in common.
    about: String,
    /// Version of dnsmasq that was recorded.
    version: String,
    cases: Vec<Case>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    /// Content of the file; `\n` separates lines.
    file: String,
    /// Exit code of `--test`.
    #[serde(default)]
    exit: i32,
    /// First line of standard error, without the name of the file.
    #[serde(default, rename = "says")]
    message: String,
}

fn lines_have_the_recorded_result() {
    let recording = std::env::var_os("PXEMASQ_RECORD").is_some() && common::subject_is_theirs();
    let folder = TempDir::new().expect("a temporary directory");
    let mut failed = Vec::new();
    for (path, mut cases) in fixture::all::<Cases>("language") {
        for case in &mut cases.cases {
            let seen = result(&folder, &case.file);
            if recording {
                *case = seen;
            } else if seen != *case {
                failed.push(format!("dnsmasq: {case:?}\nseen:    {seen:?}"));
            }
        }
        if recording {
            fixture::save(&path, &cases);
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn result(folder: &TempDir, file: &str) -> Case {
    let path = folder.path().join("c.conf");
    fs::write(&path, file.to_owned() + "\n").expect("the file can be written");
    let output = run(&["--test", "-C"], &path);
    let stderr =
        String::from_utf8_lossy(&output.stderr).replace(&path.display().to_string(), "FILE");
    let first = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let message = first.strip_prefix("dnsmasq: ").unwrap_or(first).to_owned();
    Case { file: file.to_owned(), exit: output.status.code().unwrap_or(-1), message }
}

fn run(args: &[&str], path: &Path) -> std::process::Output {
    let mut command = Command::new(common::subject());
    command.args(args).arg(path).env("LC_ALL", "C").output().expect("the program runs")
}

fn every_parse_error_has_a_column_and_an_expectation() {
    for (_, cases) in fixture::all::<Cases>("language") {
        for case in cases.cases {
            let mut reader = Reader::default();
            for line in case.file.lines() {
                if let Err(fault) = reader.line(line.as_bytes()) {
                    assert!(!fault.expected.is_empty(), "{line}: {fault:?}");
                    assert!(fault.column <= line.len(), "{line}: {fault:?}");
                }
            }
        }
    }
}

fn accepted_line_parses_to_the_same_setting_after_rewriting() {
    let mut count = 0;
    for (_, cases) in fixture::all::<Cases>("language") {
        for line in cases.cases.iter().flat_map(|case| case.file.lines()) {
            let read = |line: &[u8]| {
                let setting = Reader::default().line(line).ok().flatten()?;
                Some((setting.row.keyword, setting.directive))
            };
            let Some(accepted) = read(line.as_bytes()) else { continue };
            let rewritten =
                Reader::default().rewritten(line.as_bytes()).expect("the line is valid");
            let again = read(&rewritten).expect("the rewritten line is accepted");
            // Checks of the system store their column, which changes if quotes are removed.
            if !line.contains('"') {
                assert_eq!(again, accepted, "{line}");
            }
            assert_eq!(again.0, accepted.0, "{line}");
            count += 1;
        }
    }
    assert!(count > 200, "{count} lines were accepted");
}

fn terminal_shows_the_invalid_line_with_a_caret() {
    let folder = TempDir::new().expect("a temporary directory");
    let path = folder.path().join("c.conf");
    for (file, arguments, expected) in [
        (
            "port=0\npxe-service=x86PCx,\"Menu\",pxelinux\n",
            "",
            "error at line 2 of FILE\n  pxe-service=x86PCx,\"Menu\",pxelinux\n              ^ did you mean x86PC? expected a client architecture: x86PC (BIOS), x86-64_EFI, BC_EFI, ARM64_EFI, IA32_EFI or a number",
        ),
        (
            "port=0\nconf-file=/nosuch/file\n",
            "",
            "cannot read /nosuch/file: No such file or directory\n  see FILE:2",
        ),
        (
            "cname=a,b\ncname=a,c\n",
            "",
            "duplicate CNAME at line 2 of FILE\n  cname=a,c\n  ^ expected each alias once",
        ),
        (
            "tftp-rot=/srv\n",
            "",
            "bad option at line 1 of FILE\n  tftp-rot=/srv\n  ^ did you mean tftp-root?",
        ),
        (
            "conf-dir=/etc/none/*.conf\n",
            "",
            "cannot access directory /etc/none/*.conf: No such file or directory\n  see FILE:1\n  write conf-dir=/etc/none,*.conf",
        ),
        (
            "",
            "--tftp-rot=/srv",
            "bad command line options: try --help\n  --tftp-rot=/srv\n  ^ did you mean --tftp-root?",
        ),
        (
            "",
            "--tftp-port-range=1,x",
            "bad command line options: bad port range\n  --tftp-port-range=1,x\n                      ^ expected a number",
        ),
        (
            "",
            "--nosuch",
            "bad command line options: try --help\n  --nosuch\n  ^ expected an option, as --help lists them",
        ),
    ] {
        fs::write(&path, file).expect("the file can be written");
        let shown = path.display().to_string();
        let command = format!("{} --test -C {shown} {arguments}", env!("CARGO_BIN_EXE_pxemasq"));
        // script(1) gives the program a terminal.
        let output = Command::new("script").args(["-qec", &command, "/dev/null"]).output();
        let output = output.map_err(|_| "no script(1) (Debian: bsdutils)".to_owned());
        let Some(output) = common::required(output) else { return };
        let seen =
            String::from_utf8_lossy(&output.stdout).replace('\r', "").replace(&shown, "FILE");
        assert_eq!(seen, format!("\ndnsmasq: {expected}\n"));
    }
}

fn unsupported_option_is_refused_with_its_line() {
    let folder = TempDir::new().expect("a temporary directory");
    let path = folder.path().join("c.conf");
    for (line, message) in [
        (
            "server=9.9.9.9",
            "server: DNS is not served; remove the line, or set port=0 so that dnsmasq ignores it as well",
        ),
        ("port=0\nenable-ra", "enable-ra is not served: no router advertisements; remove the line"),
        (
            "port=0\ndhcp-relay=10.0.0.1,10.0.0.2",
            "dhcp-relay is not served: no relay agent; remove the line",
        ),
        (
            "port=0\ndhcp-split-relay=10.0.0.1,10.0.0.2,eth0",
            "dhcp-split-relay is not served: no relay agent; remove the line",
        ),
        ("port=0\ndhcp-range=fd00::,ra-only", "dhcp-range: DHCPv6 is not served; remove the line"),
        (
            "port=0\ndhcp-range=192.0.2.20,192.0.2.90,255.255.255.0",
            "dhcp-range: pxemasq hands out no addresses; remove the line, or write dhcp-range=192.0.2.0,proxy if another DHCP \
             server hands them out",
        ),
        (
            "port=0\ndhcp-range=192.0.2.0,static",
            "dhcp-range: pxemasq hands out no addresses; remove the line, or write dhcp-range=192.0.2.0,proxy if another DHCP \
             server hands them out",
        ),
    ] {
        let enabled = format!("enable-tftp\n{line}\n");
        fs::write(&path, &enabled).expect("the file can be written");
        let output = run(&["-d", "-C"], &path);
        let number = enabled.lines().count();
        let expected = format!("\ndnsmasq: {}:{number}: {message}\n", path.display());
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()),
            (Some(1), expected)
        );
    }
}

fn configuration_without_service_is_refused() {
    let folder = TempDir::new().expect("a temporary directory");
    let path = folder.path().join("c.conf");
    fs::write(&path, "port=0\n").expect("the file can be written");
    let output = run(&["-d", "-C"], &path);
    let expected = "\ndnsmasq: nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp\n";
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
        (Some(1), expected)
    );
}
