//! The lab and the test harness.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use common::lab::{Lab, Switch, eventually};
use common::required;

crate::tests![
    datagram_reaches_only_the_host_on_the_same_link,
    switch_connects_three_hosts,
    program_sees_private_files_and_its_syslog_lines_are_captured,
    thread_returns_to_its_namespace_after_panic,
    dropped_process_is_killed,
    write_outside_private_directories_panics,
    etc_has_only_the_files_of_the_lab,
    test_without_its_program_is_reported_as_ignored_with_the_reason,
    test_without_its_program_fails_when_ci_is_set,
    test_that_can_run_is_reported_as_ok_when_ci_is_set,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

fn datagram_reaches_only_the_host_on_the_same_link() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("eth0", "02:00:00:00:00:02"));
    server.ip("addr add 10.9.0.1/24 dev eth0");
    client.ip("addr add 10.9.0.2/24 dev eth0");
    let (receiver, sender) = (server.udp("0.0.0.0:67"), client.udp("10.9.0.2:68"));
    sender.send_to(b"hello", "10.9.0.255:67").expect("the link is up");
    let mut datagram = [0; 9];
    let (length, from) = receiver.recv_from(&mut datagram).expect("a datagram");
    assert_eq!((&datagram[..length], from.to_string()), (&b"hello"[..], "10.9.0.2:68".into()));
    assert!(server.listens_on_udp(67) && !client.listens_on_udp(67) && client.listens_on_udp(68));
}

fn switch_connects_three_hosts() {
    let Some(lab) = required(Lab::new(["one", "two", "three"])) else { return };
    let switch = Switch::new().expect("a network namespace, as for the hosts");
    for (n, name) in ["one", "two", "three"].iter().enumerate() {
        switch.attach(&lab, lab.host(name).plug("eth0", &format!("02:00:00:00:00:0{n}")));
        lab.host(name).ip(&format!("addr add 10.9.0.{}/24 dev eth0", n + 1));
    }
    let receiver = lab.host("three").udp("10.9.0.3:69");
    lab.host("one").udp("10.9.0.1:0").send_to(b"1", "10.9.0.3:69").expect("the switch is up");
    lab.host("two").udp("10.9.0.2:0").send_to(b"2", "10.9.0.3:69").expect("the switch is up");
    let mut byte = [0];
    assert_eq!(receiver.recv_from(&mut byte).expect("a datagram").1.ip().to_string(), "10.9.0.1");
    assert_eq!(receiver.recv_from(&mut byte).expect("a datagram").1.ip().to_string(), "10.9.0.2");
}

fn program_sees_private_files_and_its_syslog_lines_are_captured() {
    let Some(lab) = required(Lab::new(["server"])) else { return };
    lab.file("/home/tftpboot/a", "text");
    let output = lab.host("server").run(Command::new("sh").args(["-c", "cat /home/*/*; ls /srv"]));
    assert_eq!(output, "text");
    lab.host("server").run(Command::new("busybox").args(["logger", "-t", "me", "hello"]));
    let logged = || lab.syslog().iter().any(|line| line.ends_with("me: hello")).then_some(());
    eventually(Duration::from_secs(2), logged).expect("a line");
}

fn thread_returns_to_its_namespace_after_panic() {
    let network = || fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
    let Some(lab) = required(Lab::new(["server"])) else { return };
    let home = network();
    assert_ne!(lab.host("server").inside(network), home);
    let ended =
        catch_unwind(AssertUnwindSafe(|| lab.host("server").inside(|| panic!("on purpose"))));
    assert!(ended.is_err());
    assert_eq!(network(), home);
}

fn dropped_process_is_killed() {
    let Some(lab) = required(Lab::new(["server"])) else { return };
    let process = lab.host("server").spawn(Command::new("sleep").arg("1000").stdout(Stdio::null()));
    let path = format!("/proc/{}", process.id());
    assert!(Path::new(&path).exists());
    drop(process);
    assert!(!Path::new(&path).exists());
}

fn write_outside_private_directories_panics() {
    let Some(lab) = required(Lab::new([])) else { return };
    let written = catch_unwind(AssertUnwindSafe(|| lab.file("/var/log/x", "")));
    let complaint = *written.expect_err("a panic").downcast::<String>().expect("a text");
    assert_eq!(complaint, "/var/log/x is not private to the lab");
}

fn etc_has_only_the_files_of_the_lab() {
    let Some(_lab) = required(Lab::new([])) else { return };
    let names = fs::read_dir("/etc").expect("a directory").flatten().map(|file| file.file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("ASCII")).collect();
    names.retain(|name| !name.starts_with("ld.so."));
    names.sort();
    assert_eq!(names, ["group", "hosts", "nsswitch.conf", "passwd"]);
}

/// A test of this file that needs network namespaces and the program ip.
const EXAMPLE: &str = "dropped_process_is_killed";

/// Runs the example in a new process. Returns whether it succeeds, and its output.
fn example(variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(env::current_exe().expect("/proc is mounted"));
    command.args(["--exact", EXAMPLE]).env_remove("CI").envs(variables.iter().copied());
    let output = command.output().expect("this program can be started again");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A directory without the program ip.
const NO_PROGRAMS: (&str, &str) = ("PATH", "/proc/self/task");

fn test_without_its_program_is_reported_as_ignored_with_the_reason() {
    let (success, output) = example(&[NO_PROGRAMS]);
    let reason = "ignored (the program ip (Debian: iproute2) does not run: ";
    assert!(output.contains(&format!("\ntest {EXAMPLE} ... {reason}")), "{output}");
    assert!(output.contains("\ntest result: ok. 0 passed; 0 failed; 1 ignored; "), "{output}");
    assert!(success, "{output}");
}

fn test_without_its_program_fails_when_ci_is_set() {
    let (success, output) = example(&[NO_PROGRAMS, ("CI", "true")]);
    assert!(output.contains(&format!("\ntest {EXAMPLE} ... FAILED")), "{output}");
    assert!(output.contains("\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; "), "{output}");
    assert!(!success, "{output}");
}

/// Shows that the two tests above fail because of the missing program only.
fn test_that_can_run_is_reported_as_ok_when_ci_is_set() {
    let Some(_lab) = required(Lab::new(["server"])) else { return };
    let (success, output) = example(&[("CI", "true")]);
    assert!(output.contains("\ntest result: ok. 1 passed; 0 failed; 0 ignored; "), "{output}");
    assert!(success, "{output}");
}
