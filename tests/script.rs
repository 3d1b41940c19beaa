//! Calls of `dhcp-script`. `PXEMASQ_SUBJECT=theirs` runs the tests with dnsmasq.

mod common;

use common::download::Download;
use common::lab::{Lab, Process, allow, eventually, record};
use common::{required, two_hosts};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

crate::tests![
    script_is_called_for_each_sent_file,
    exit_status_of_a_script_is_logged,
    hanging_script_does_not_delay_clients,
    background_process_of_a_script_does_not_delay_the_next_call,
    queued_calls_are_made_after_the_daemon_has_ended,
    daemon_serves_after_the_script_process_was_killed,
    script_runs_as_dhcp_scriptuser,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const SCRIPT: &str = "/srv/script.sh";
const TIMEOUT: Duration = Duration::from_secs(5);

/// The program with a script, and a client.
struct Room {
    lab: Lab,
    daemon: Process,
}

impl Room {
    fn new(script: &str, config: &str) -> Option<Self> {
        let lab = required(Lab::new(["server", "client"]))?;
        let usual = format!("port=0\nenable-tftp\ntftp-root=/srv/tftp\ndhcp-script={SCRIPT}\n");
        lab.file(two_hosts::CONFIG, usual + config);
        lab.file("/srv/tftp/bytes \x01", "12345");
        if !script.is_empty() {
            lab.program(SCRIPT, script);
        }
        let words = ["-x", "", "-l", "/run/leases"];
        let daemon = two_hosts::start(&lab, &words, &[("FOO", "bar")], &[69]);
        Some(Self { lab, daemon })
    }

    fn get(&self, file: &str) -> Result<Vec<u8>, String> {
        Download { file, ..Download::DEFAULT }.bytes(self.lab.host("client"))
    }

    /// What is logged of the script, without time and process, when there are so many lines.
    fn logged(&self, lines: usize) -> Vec<String> {
        let of_script = || -> Vec<String> {
            let log = self.lab.syslog();
            let about = |line: &&String| line.contains("dnsmasq-script") || line.contains("script");
            log.iter().filter(about).map(|line| bare(line)).collect()
        };
        eventually(TIMEOUT, || (of_script().len() >= lines).then_some(()));
        of_script()
    }
}

/// `<31>Nov 22 12:55:36 dnsmasq-script[12]: text` as `7 dnsmasq-script: text`.
fn bare(line: &str) -> String {
    let (code, identity, text) = record(line);
    format!("{} {identity}: {text}", code & 7)
}

fn script_is_called_for_each_sent_file() {
    let script = "#!/bin/sh\n\
        { printf '%s|' \"$#\" \"$@\" \"$FOO\"; pwd; umask; id -u; id -G; ls /proc/$$/fd | head -3 | xargs; \
        grep SigBlk /proc/self/status; } >> /srv/told 2>&1\necho said\necho complained >&2\nprintf 'no end'\n";
    let Some(room) = Room::new(script, "") else { return };
    assert_eq!(room.get("small"), Ok(b"hello\n".to_vec()));
    assert!(room.get("none").is_err());
    let said =
        ["7 dnsmasq-script: said", "7 dnsmasq-script: complained", "7 dnsmasq-script: no end"];
    assert_eq!(room.logged(3), said);
    let about = "/\n0022\n0\n0\n0 1 10\nSigBlk:\t0000000000000000\n";
    let about = format!("4|tftp|6|10.9.0.2|/srv/tftp/small|bar|{about}");
    assert_eq!(fs::read_to_string("/srv/told").ok(), Some(about));
    // Bytes of a name are passed as they are.
    fs::remove_file("/srv/told").expect("it was told");
    assert_eq!(room.get("bytes \x01"), Ok(b"12345".to_vec()));
    assert_eq!(room.logged(6), [said, said].concat());
    let told = fs::read_to_string("/srv/told").expect("it was told");
    assert!(told.starts_with("4|tftp|5|10.9.0.2|/srv/tftp/bytes \x01|bar|/\n"), "{told:?}");
}

fn exit_status_of_a_script_is_logged() {
    let script = "#!/bin/sh\ncase $2 in 6) exit 3;; *) kill -9 $$;; esac\n";
    let Some(room) = Room::new(script, "") else { return };
    let wanted = [
        "4 dnsmasq: script process exited with status 3",
        "4 dnsmasq: script process killed by signal 9",
        "3 dnsmasq: failed to execute /srv/script.sh: No such file or directory",
        "3 dnsmasq: failed to execute /srv/script.sh: Permission denied",
        "3 dnsmasq: failed to execute /srv/script.sh: Exec format error",
    ];
    room.get("small").expect("it is there");
    assert_eq!(room.logged(1), wanted[..1]);
    room.get("bytes \x01").expect("it is there");
    assert_eq!(room.logged(2), wanted[..2]);
    fs::remove_file(SCRIPT).expect("it is ours");
    room.get("small").expect("it is there");
    assert_eq!(room.logged(3), wanted[..3]);
    room.lab.file(SCRIPT, "no program");
    room.get("small").expect("it is there");
    assert_eq!(room.logged(4), wanted[..4]);
    allow(SCRIPT, 0o755);
    room.get("small").expect("it is there");
    assert_eq!(room.logged(5), wanted);
}

/// A script that hangs delays only the next call.
fn hanging_script_does_not_delay_clients() {
    let Some(room) = Room::new("#!/bin/sh\nsleep 0.5\necho one\n", "") else { return };
    for _ in 0..4 {
        assert_eq!(room.get("small"), Ok(b"hello\n".to_vec()));
    }
    assert!(room.logged(0).len() < 4, "the script was not slow");
    assert_eq!(room.logged(4), ["7 dnsmasq-script: one"; 4]);
}

/// D-025: dnsmasq waits until the output is closed by all processes.
fn background_process_of_a_script_does_not_delay_the_next_call() {
    if common::subject_is_theirs() {
        return common::harness::skip("dnsmasq differs: D-025");
    }
    let Some(room) = Room::new("#!/bin/sh\nsleep 100 &\necho one\n", "") else { return };
    for _ in 0..2 {
        assert_eq!(room.get("small"), Ok(b"hello\n".to_vec()));
    }
    assert_eq!(room.logged(2), ["7 dnsmasq-script: one"; 2]);
}

/// Calls that are queued when the program ends are made.
fn queued_calls_are_made_after_the_daemon_has_ended() {
    let Some(mut room) = Room::new("#!/bin/sh\nsleep 0.3\necho >> /srv/told\n", "") else { return };
    for _ in 0..4 {
        assert_eq!(room.get("small"), Ok(b"hello\n".to_vec()));
    }
    // The last acknowledgement is on its way when the client has all.
    let sent = || room.lab.syslog().iter().filter(|line| line.contains("]: sent ")).count();
    assert!(eventually(TIMEOUT, || (sent() == 4).then_some(())).is_some());
    let daemon = Pid::from_raw(room.daemon.id().cast_signed());
    kill(daemon, Signal::SIGTERM).expect("it is ours");
    assert!(eventually(TIMEOUT, || room.daemon.ended()).is_some());
    let told = || fs::read("/srv/told").is_ok_and(|told| told.len() == 4).then_some(());
    assert!(eventually(TIMEOUT, told).is_some());
}

/// If the process that runs the script is killed, there are no more calls, and nothing else changes.
fn daemon_serves_after_the_script_process_was_killed() {
    let Some(mut room) = Room::new("#!/bin/sh\nsleep 100\n", "") else { return };
    room.get("small").expect("it is there");
    let children = format!("/proc/{0}/task/{0}/children", room.daemon.id());
    let child = || fs::read_to_string(&children).ok()?.trim().parse().ok();
    let helper = eventually(TIMEOUT, child).expect("there is a helper");
    kill(Pid::from_raw(helper), Signal::SIGKILL).expect("it is ours");
    // dnsmasq leaves the remains of its helper lying about.
    if !common::subject_is_theirs() {
        assert!(eventually(TIMEOUT, || child().is_none().then_some(())).is_some());
    }
    for _ in 0..3 {
        assert_eq!(room.get("small"), Ok(b"hello\n".to_vec()));
    }
    assert!(room.daemon.ended().is_none());
}

/// With a `dhcp-range`, the script may run as another user.
fn script_runs_as_dhcp_scriptuser() {
    let script = "#!/bin/sh\nid -u\nid -G\n";
    let Some(room) = Room::new(script, "dhcp-range=10.9.0.0,proxy\ndhcp-scriptuser=nobody\n")
    else {
        return;
    };
    if !room.lab.knows_user(65534) {
        _ = required::<()>(Err("no other users here".to_owned()));
        return;
    }
    room.get("small").expect("it is there");
    assert_eq!(room.logged(2), ["7 dnsmasq-script: 65534", "7 dnsmasq-script: 65534"]);
}
