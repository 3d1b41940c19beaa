//! Configuration lines against the binary: accepted, refused, and the exact complaint. Needs no root.
//! With `PXEMASQ_RECORD=1 PXEMASQ_SUBJECT=theirs` the verdicts are those of the installed dnsmasq, written down.

mod common;

use common::fixture;
use conf_parser::Reader;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

crate::tests![
    lines_have_the_verdict_that_was_recorded,
    every_fault_tells_what_was_expected_and_where,
    what_is_accepted_reads_the_same_when_it_is_written,
    a_person_sees_the_line,
    what_cannot_be_served_is_refused_by_name,
    nothing_to_serve_is_refused,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// Configuration files of a line or two, with dnsmasq's verdicts.
#[derive(Debug, Serialize, Deserialize)]
struct Cases {
    /// What they have in common.
    about: String,
    /// The version that was recorded.
    version: String,
    cases: Vec<Case>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    /// The file; `\n` separates lines.
    file: String,
    /// Exit code of `--test`.
    #[serde(default)]
    exit: i32,
    /// First line of standard error, without the name of the file.
    #[serde(default)]
    says: String,
}

fn lines_have_the_verdict_that_was_recorded() {
    let recording = std::env::var_os("PXEMASQ_RECORD").is_some() && common::subject_is_theirs();
    let folder = TempDir::new().expect("a temporary folder");
    let mut failed = Vec::new();
    for (path, mut cases) in fixture::all::<Cases>("language") {
        for case in &mut cases.cases {
            let seen = verdict(&folder, &case.file);
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

fn verdict(folder: &TempDir, file: &str) -> Case {
    let path = folder.path().join("c.conf");
    fs::write(&path, file.to_owned() + "\n").expect("room for a file");
    let output = run(&["--test", "-C"], &path);
    let stderr =
        String::from_utf8_lossy(&output.stderr).replace(&path.display().to_string(), "FILE");
    let first = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let says = first.strip_prefix("dnsmasq: ").unwrap_or(first).to_owned();
    Case { file: file.to_owned(), exit: output.status.code().unwrap_or(-1), says }
}

fn run(args: &[&str], path: &Path) -> std::process::Output {
    let mut command = Command::new(common::subject());
    command.args(args).arg(path).env("LC_ALL", "C").output().expect("the program runs")
}

fn every_fault_tells_what_was_expected_and_where() {
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

fn what_is_accepted_reads_the_same_when_it_is_written() {
    let mut count = 0;
    for (_, cases) in fixture::all::<Cases>("language") {
        for line in cases.cases.iter().flat_map(|case| case.file.lines()) {
            let read = |line: &[u8]| {
                let setting = Reader::default().line(line).ok().flatten()?;
                Some((setting.row.keyword, setting.directive))
            };
            let Some(accepted) = read(line.as_bytes()) else { continue };
            let written = Reader::default().rewritten(line.as_bytes()).expect("it was read");
            let again = read(&written).expect("it was accepted");
            // Questions to the machine tell their column, which quotes may move.
            if !line.contains('"') {
                assert_eq!(again, accepted, "{line}");
            }
            assert_eq!(again.0, accepted.0, "{line}");
            count += 1;
        }
    }
    assert!(count > 200, "{count} lines were accepted");
}

fn a_person_sees_the_line() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("c.conf");
    for (file, more, wanted) in [
        (
            "port=0\npxe-service=x86PCx,\"Menu\",pxelinux\n",
            "",
            "error at line 2 of FILE\n  pxe-service=x86PCx,\"Menu\",pxelinux\n              ^ expected a client architecture",
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
            "",
            "--tftp-port-range=1,x",
            "bad command line options: bad port range\n  --tftp-port-range=1,x\n                      ^ expected a number",
        ),
        (
            "",
            "--bogus",
            "bad command line options: try --help\n  --bogus\n  ^ expected an option, as --help lists them",
        ),
    ] {
        fs::write(&path, file).expect("room for a file");
        let shown = path.display().to_string();
        let command = format!("{} --test -C {shown} {more}", env!("CARGO_BIN_EXE_pxemasq"));
        // script(1) gives the program a terminal.
        let output = Command::new("script").args(["-qec", &command, "/dev/null"]).output();
        let output = output.map_err(|_| "no script(1) (Debian: bsdutils)".to_owned());
        let Some(output) = common::required(output) else { return };
        let seen =
            String::from_utf8_lossy(&output.stdout).replace('\r', "").replace(&shown, "FILE");
        assert_eq!(seen, format!("\ndnsmasq: {wanted}\n"));
    }
}

fn what_cannot_be_served_is_refused_by_name() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("c.conf");
    for (line, words) in [
        ("server=9.9.9.9", "server is not served: there is no DNS service: set port=0"),
        ("port=0\nenable-ra", "enable-ra is not served: no router advertisements"),
        ("port=0\ndhcp-relay=10.0.0.1,10.0.0.2", "dhcp-relay is not served: no relay agent"),
        (
            "port=0\ndhcp-split-relay=10.0.0.1,10.0.0.2,eth0",
            "dhcp-split-relay is not served: no relay agent",
        ),
        ("port=0\ndhcp-range=fd00::,ra-only", "dhcp-range: DHCPv6 is not served"),
        (
            "port=0\ndhcp-range=127.0.0.2,127.0.0.9,255.0.0.0",
            "dhcp-range: this server assigns no addresses, and this machine is on that network",
        ),
    ] {
        // In a bare network namespace even loopback has no address to be on.
        if words.ends_with("on that network") && std::net::UdpSocket::bind("127.0.0.1:0").is_err() {
            continue;
        }
        let enabled = format!("enable-tftp\n{line}\n");
        fs::write(&path, &enabled).expect("room for a file");
        let output = run(&["-d", "-C"], &path);
        let at = enabled.lines().count();
        let wanted = format!("\ndnsmasq: {}:{at}: {words}\n", path.display());
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()),
            (Some(1), wanted)
        );
    }
}

fn nothing_to_serve_is_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("c.conf");
    fs::write(&path, "port=0\n").expect("room for a file");
    let output = run(&["-d", "-C"], &path);
    let wanted = "\ndnsmasq: nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp\n";
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
        (Some(1), wanted)
    );
}
