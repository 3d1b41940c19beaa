//! Starts from a shell: in the background, and in the foreground of a terminal.

use crate::common::lab::eventually;
use crate::common::{required, subject};
use crate::machine::Machine;
use crate::setup::{CONFIG, RANGE, Setup, TIMEOUT, started};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

crate::tests![
    server_in_background_is_replaced_and_ended_by_its_pid_file,
    user_of_the_pid_file_is_that_of_a_start,
    options_of_the_running_process_start_the_next_one,
    replacement_without_a_server_fails,
    replacement_by_a_wrong_configuration_prints_the_error,
    log_of_a_debug_server_goes_on_in_its_terminal,
];

fn server_in_background_is_replaced_and_ended_by_its_pid_file() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    assert_eq!(machine.background(&[]), started());
    let mut last = machine.daemon();
    for _ in 0..3 {
        assert_eq!(machine.replace(&[]), (Some(0), String::new()));
        let new = machine.daemon();
        assert_ne!(new, last);
        machine.expect_servers(&[new]);
        machine.expect_service();
        last = new;
    }
    let transfer = machine.transfer();
    assert_eq!(machine.replace(&[]), (Some(0), String::new()));
    machine.expect_servers(&[last, machine.daemon()]);
    let line = "kill $(cat /run/dnsmasq.pid)";
    assert_eq!(machine.run_to_end(Command::new("sh").args(["-c", line])), (Some(0), String::new()));
    machine.expect_end();
    drop(transfer);
    assert_eq!(machine.background(&[]), started());
    machine.expect_service();
}

fn user_of_the_pid_file_is_that_of_a_start() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    let path = "/run/dnsmasq/dnsmasq.pid";
    machine.lab.file("/run/dnsmasq/old", "");
    std::os::unix::fs::chown("/run/dnsmasq", Some(65534), None).expect("root can change the owner");
    let facts = || {
        let file = fs::symlink_metadata(path).expect("a pid file");
        (file.mode(), file.uid(), file.gid())
    };
    let words = ["-x", path, "-u", "nobody"];
    assert_eq!(machine.background(&words), started());
    let (before, text) = (facts(), fs::read_to_string(path).expect("a pid file"));
    assert_eq!(machine.replace(&words), (Some(0), String::new()));
    assert_eq!(facts(), before);
    assert_ne!(fs::read_to_string(path).expect("a pid file"), text);
    machine.expect_servers(&machine.servers());
    machine.expect_service();
}

/// The line of docs/operation.md.
fn options_of_the_running_process_start_the_next_one() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operation.md");
    let manual = fs::read_to_string(manual).expect("it exists");
    let line = manual.lines().find(|line| line.trim().starts_with("xargs")).expect("a line");
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    assert_eq!(machine.background(&["--log-dhcp"]), started());
    for _ in 0..2 {
        let last = machine.daemon();
        let mut shell = Command::new("sh");
        assert_eq!(machine.run_to_end(shell.args(["-c", line])), (Some(0), String::new()));
        let new = machine.daemon();
        assert_ne!(new, last);
        let words = fs::read_to_string(format!("/proc/{new}/cmdline")).expect("it runs");
        assert!(words.contains("\0--log-dhcp\0"), "{words}");
        machine.expect_service();
    }
}

fn replacement_without_a_server_fails() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    for (words, expected) in [(&[][..], 5), (&["-k"], 5), (&["--pid-file"], 1)] {
        let (code, message) = machine.replace(words);
        assert_eq!(code, Some(expected), "{message}");
        assert!(message.starts_with("\ndnsmasq: "), "{message}");
        machine.expect_end();
    }
    // What a killed server has left.
    assert_eq!(machine.background(&[]), started());
    let id = machine.daemon();
    crate::setup::signal(id, nix::sys::signal::Signal::SIGKILL);
    machine.expect_end();
    let (code, message) = machine.replace(&[]);
    assert!(code.is_some_and(|code| code > 0) && message.starts_with("\ndnsmasq: "), "{message}");
    machine.expect_end();
}

fn replacement_by_a_wrong_configuration_prints_the_error() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    assert_eq!(machine.background(&[]), started());
    let old = machine.daemon();
    // The port is in use for a start.
    assert_eq!(machine.run_to_end(&mut Setup::program(&[])).0, Some(2));
    let message = "\ndnsmasq: unknown user or group: unknown\n";
    assert_eq!(machine.replace(&["--user=unknown"]), (Some(1), message.to_owned()));
    machine.expect_servers(&[old]);
    assert_eq!(machine.daemon(), old);
    machine.expect_service();
}

/// A server in debug mode logs to standard error: a replacement from another terminal does not change where that is.
fn log_of_a_debug_server_goes_on_in_its_terminal() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    let terminal = File::create("/srv/terminal").expect("/srv is writable");
    let mut command = Command::new(subject());
    command.args(["-C", CONFIG, "-d"]).stdout(Stdio::null()).stderr(terminal);
    let first = machine.lab.host("server").spawn(&mut command);
    machine.expect_service();
    let (code, second) = machine.replace(&["-d"]);
    assert_eq!(code, Some(0), "{second}");
    let text = || fs::read_to_string("/srv/terminal").expect("it exists");
    let before = text().matches("sent /srv/tftp/small").count();
    machine.expect_service();
    let is_logged = || text().matches("sent /srv/tftp/small").count() > before;
    assert!(eventually(TIMEOUT, || is_logged().then_some(())).is_some(), "{}", text());
    let second = fs::read_to_string("/srv/stderr").expect("it exists");
    assert!(!second.contains("sent /srv/tftp/small"), "{second}");
    assert_eq!(machine.servers().len(), 2, "the first process waits");
    crate::setup::signal(first.id(), nix::sys::signal::Signal::SIGINT);
    machine.expect_end();
}
