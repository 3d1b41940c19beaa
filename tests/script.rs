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

/// The program with `dhcp-script`, and a client.
struct Setup {
    lab: Lab,
    daemon: Process,
}

impl Setup {
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

    /// The log lines of the script without time and process ID, when there are at least `lines` of them.
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
        grep SigBlk /proc/self/status; } >> /srv/calls 2>&1\necho output\necho error >&2\nprintf 'no end'\n";
    let Some(setup) = Setup::new(script, "") else { return };
    assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    assert!(setup.get("none").is_err());
    let output =
        ["7 dnsmasq-script: output", "7 dnsmasq-script: error", "7 dnsmasq-script: no end"];
    assert_eq!(setup.logged(3), output);
    let environment = "/\n0022\n0\n0\n0 1 10\nSigBlk:\t0000000000000000\n";
    let call = format!("4|tftp|6|10.9.0.2|/srv/tftp/small|bar|{environment}");
    assert_eq!(fs::read_to_string("/srv/calls").ok(), Some(call));
    // Bytes of a name are passed as they are.
    fs::remove_file("/srv/calls").expect("the script was called");
    assert_eq!(setup.get("bytes \x01"), Ok(b"12345".to_vec()));
    assert_eq!(setup.logged(6), [output, output].concat());
    let call = fs::read_to_string("/srv/calls").expect("the script was called");
    assert!(call.starts_with("4|tftp|5|10.9.0.2|/srv/tftp/bytes \x01|bar|/\n"), "{call:?}");
}

fn exit_status_of_a_script_is_logged() {
    let script = "#!/bin/sh\ncase $2 in 6) exit 3;; *) kill -9 $$;; esac\n";
    let Some(setup) = Setup::new(script, "") else { return };
    let wanted = [
        "4 dnsmasq: script process exited with status 3",
        "4 dnsmasq: script process killed by signal 9",
        "3 dnsmasq: failed to execute /srv/script.sh: No such file or directory",
        "3 dnsmasq: failed to execute /srv/script.sh: Permission denied",
        "3 dnsmasq: failed to execute /srv/script.sh: Exec format error",
    ];
    setup.get("small").expect("it is there");
    assert_eq!(setup.logged(1), wanted[..1]);
    setup.get("bytes \x01").expect("it is there");
    assert_eq!(setup.logged(2), wanted[..2]);
    fs::remove_file(SCRIPT).expect("the file can be deleted");
    setup.get("small").expect("it is there");
    assert_eq!(setup.logged(3), wanted[..3]);
    setup.lab.file(SCRIPT, "no program");
    setup.get("small").expect("it is there");
    assert_eq!(setup.logged(4), wanted[..4]);
    allow(SCRIPT, 0o755);
    setup.get("small").expect("it is there");
    assert_eq!(setup.logged(5), wanted);
}

/// A script that hangs delays only the next call.
fn hanging_script_does_not_delay_clients() {
    let Some(setup) = Setup::new("#!/bin/sh\nsleep 0.5\necho one\n", "") else { return };
    for _ in 0..4 {
        assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    }
    assert!(setup.logged(0).len() < 4, "the script was not slow");
    assert_eq!(setup.logged(4), ["7 dnsmasq-script: one"; 4]);
}

/// D-025: dnsmasq waits until the output is closed by all processes.
fn background_process_of_a_script_does_not_delay_the_next_call() {
    if common::subject_is_theirs() {
        return common::harness::skip("dnsmasq differs: D-025");
    }
    let Some(setup) = Setup::new("#!/bin/sh\nsleep 100 &\necho one\n", "") else { return };
    for _ in 0..2 {
        assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    }
    assert_eq!(setup.logged(2), ["7 dnsmasq-script: one"; 2]);
}

/// Calls that are queued when the program ends are made.
fn queued_calls_are_made_after_the_daemon_has_ended() {
    let Some(mut setup) = Setup::new("#!/bin/sh\nsleep 0.3\necho >> /srv/calls\n", "") else {
        return;
    };
    for _ in 0..4 {
        assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    }
    // The client has the file before the server has the last ACK.
    let sent = || setup.lab.syslog().iter().filter(|line| line.contains("]: sent ")).count();
    assert!(eventually(TIMEOUT, || (sent() == 4).then_some(())).is_some());
    let daemon = Pid::from_raw(setup.daemon.id().cast_signed());
    kill(daemon, Signal::SIGTERM).expect("the process exists");
    assert!(eventually(TIMEOUT, || setup.daemon.ended()).is_some());
    let all_called = || fs::read("/srv/calls").is_ok_and(|calls| calls.len() == 4).then_some(());
    assert!(eventually(TIMEOUT, all_called).is_some());
}

/// If the process that runs the script is killed, there are no more calls, and nothing else changes.
fn daemon_serves_after_the_script_process_was_killed() {
    let Some(mut setup) = Setup::new("#!/bin/sh\nsleep 100\n", "") else { return };
    setup.get("small").expect("it is there");
    let children = format!("/proc/{0}/task/{0}/children", setup.daemon.id());
    let is_other = |id: &&str| {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        ["pxemasq-files", "pxemasq-host"].contains(&name.trim())
    };
    let child = || -> Option<i32> {
        let all = fs::read_to_string(&children).ok()?;
        all.split_whitespace().find(|id| !is_other(id))?.parse().ok()
    };
    let process = eventually(TIMEOUT, child).expect("there is a script process");
    kill(Pid::from_raw(process), Signal::SIGKILL).expect("the process exists");
    // dnsmasq does not reap its script process.
    if !common::subject_is_theirs() {
        assert!(eventually(TIMEOUT, || child().is_none().then_some(())).is_some());
    }
    for _ in 0..3 {
        assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    }
    assert!(setup.daemon.ended().is_none());
}

/// With a `dhcp-range`, the script may run as another user.
fn script_runs_as_dhcp_scriptuser() {
    let script = "#!/bin/sh\nid -u\nid -G\n";
    let Some(setup) = Setup::new(script, "dhcp-range=10.9.0.0,proxy\ndhcp-scriptuser=nobody\n")
    else {
        return;
    };
    if !setup.lab.knows_user(65534) {
        _ = required::<()>(Err("no other users here".to_owned()));
        return;
    }
    setup.get("small").expect("it is there");
    assert_eq!(setup.logged(2), ["7 dnsmasq-script: 65534", "7 dnsmasq-script: 65534"]);
}
