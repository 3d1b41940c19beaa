//! One boot in the log formats of several programs.

use super::super::correlated;

const MESSAGES: [(&str, &str); 4] = [
    ("dnsmasq-dhcp", "PXE(eth0) 52:54:00:12:34:56 proxy"),
    ("dnsmasq-dhcp", "PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0"),
    ("dnsmasq-tftp", "sent /srv/tftp/pxelinux.0 to 10.0.0.9"),
    ("dnsmasq-tftp", "sent /srv/tftp/vmlinuz to 10.0.0.9"),
];

/// The format of a line, its name, and whether it has times. `{i}`: identifier, `{m}`: message.
const FORMATS: &[(&str, &str, bool)] = &[
    ("RFC 3164", "Nov 30 09:00:0{n} srv {i}[812]: {m}", true),
    ("RFC 3164 with priority", "<30>Nov 30 09:00:0{n} srv {i}[812]: {m}", true),
    ("RFC 5424", "<30>1 2026-11-30T09:00:0{n}.003Z srv {i} 812 - - {m}", true),
    (
        "RFC 5424 with structured data",
        "<30>1 2026-11-30T09:00:0{n}.003+01:00 srv {i} 812 - [meta sequenceId=\"7\"] {m}",
        true,
    ),
    ("rsyslog", "2026-11-30T09:00:0{n}.003514+00:00 srv {i}[812]: {m}", true),
    ("journalctl -o short-iso", "2026-11-30T09:00:0{n}+0000 srv {i}[812]: {m}", true),
    ("journalctl -o short-precise", "Nov 30 09:00:0{n}.250000 srv {i}[812]: {m}", true),
    ("journalctl -o short-full", "Mon 2026-11-30 09:00:0{n} UTC srv {i}[812]: {m}", true),
    (
        "journalctl of a service that logs to standard error",
        "Nov 30 09:00:0{n} srv dnsmasq[812]: {i}: {m}",
        true,
    ),
    ("the same with the name pxemasq", "Nov 30 09:00:0{n} srv pxemasq[812]: {i}: {m}", true),
    ("log-facility", "Nov 30 09:00:0{n} {i}[812]: {m}", true),
    ("standard error", "{i}: {m}", false),
    ("messages only", "{m}", false),
    ("OpenWrt", "Mon Nov 30 09:00:0{n} 2026 daemon.info {i}[812]: {m}", true),
    ("busybox", "Nov 30 09:00:0{n} srv daemon.info {i}[812]: {m}", true),
    ("docker logs -t", "2026-11-30T09:00:0{n}.123456789Z {i}: {m}", true),
    ("podman", "2026-11-30T09:00:0{n}.123456789+01:00 stderr F {i}: {m}", true),
    ("docker compose", "tftp-1  | {i}: {m}", false),
    (
        "files of Docker",
        r#"{"log":"{i}: {m}\n","stream":"stderr","time":"2026-11-30T09:00:0{n}.123456789Z"}"#,
        true,
    ),
    (
        "journalctl -o json",
        r#"{"MESSAGE":"{m}","SYSLOG_IDENTIFIER":"{i}","_PID":"812","_HOSTNAME":"srv","__REALTIME_TIMESTAMP":"176383380{n}250000"}"#,
        true,
    ),
    (
        "journalctl -o json of a service",
        r#"{"MESSAGE":"{i}: {m}","SYSLOG_IDENTIFIER":"pxemasq","_PID":"812","__REALTIME_TIMESTAMP":"176383380{n}250000"}"#,
        true,
    ),
];

#[test]
fn boot_is_found_in_each_log_format() {
    for (name, format, has_times) in FORMATS {
        let line = |(number, (identifier, message)): (usize, &(&str, &str))| {
            let line = format.replace("{n}", &number.to_string());
            line.replace("{i}", identifier).replace("{m}", message) + "\n"
        };
        let log: String = MESSAGES.iter().enumerate().map(line).collect();
        let boots = correlated(&log).into_boots();
        assert_eq!(boots.len(), 1, "{name}:\n{log}");
        let boot = &boots[0];
        assert_eq!(boot.client(), "52:54:00:12:34:56 (10.0.0.9)", "{name}");
        assert_eq!(boot.steps.len(), 4, "{name}: {boot}");
        assert_eq!(boot.verdict().verdict.id(), "boots", "{name}: {boot}");
        assert_eq!(boot.started_at.is_some(), *has_times, "{name}: {boot}");
        let length = if *has_times { 3 } else { 0 };
        assert_eq!(boot.length.as_secs(), length, "{name}: {boot}");
    }
}

#[test]
fn lines_of_old_releases_are_read() {
    let log = "Feb  3 09:01:10 srv dnsmasq[812]: DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56 pc
Feb  3 09:01:11 srv dnsmasq[812]: TFTP sent /srv/tftp/pxelinux.0 to 10.0.0.9
Feb  3 09:01:12 srv dnsmasq-tftp[812]: TFTP error 0 TFTP Aborted received from 10.0.0.9
Feb  3 09:01:12 srv dnsmasq-tftp[812]: TFTP failed sending /srv/tftp/vmlinuz to 10.0.0.9";
    let boots = correlated(log).into_boots();
    assert_eq!(boots.len(), 1);
    assert_eq!(boots[0].client(), "52:54:00:12:34:56 (10.0.0.9)");
    let text = "it broke off /srv/tftp/vmlinuz once with error 0 TFTP Aborted";
    assert_eq!(boots[0].verdict().text, text);
}

#[test]
fn identifier_in_a_path_is_not_that_of_the_line() {
    let log = "Nov 30 09:00:01 srv dnsmasq-tftp[812]: file /t/x dnsmasq-dhcp: PXE(eth0) 52:54:00:00:00:01 proxy not found for 10.0.0.9";
    let boots = correlated(log).into_boots();
    assert_eq!(boots.len(), 1);
    assert_eq!(boots[0].client(), "10.0.0.9");
}

#[test]
fn journal_record_with_bytes_is_read() {
    let bytes: Vec<String> = b"sent /t/\xe9 to 10.0.0.9".iter().map(u8::to_string).collect();
    let log = format!(
        r#"{{"MESSAGE":[{}],"SYSLOG_IDENTIFIER":"dnsmasq-tftp","__REALTIME_TIMESTAMP":"1763833800250000"}}"#,
        bytes.join(",")
    );
    let boots = correlated(&log).into_boots();
    assert_eq!(boots[0].files().collect::<Vec<_>>(), ["/t/\u{fffd}"]);
}
