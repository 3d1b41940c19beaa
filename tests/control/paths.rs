//! What may be at the path of the control socket. The start does not depend on it.

use crate::client::{SOCKET, answering, status_as};
use crate::common::lab::eventually;
use crate::common::{required, subject};
use crate::setup::{CONFIG, RANGE, Setup, TIMEOUT, daemon, end, runs, signal, started};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

crate::tests![
    start_with_another_file_at_the_path_has_the_usual_log_and_status_names_the_cause,
    start_with_a_path_that_is_too_long_has_the_usual_log_and_status_names_the_cause,
    debug_mode_without_a_writable_directory_starts_and_status_names_the_cause,
    failed_start_leaves_no_socket,
    socket_of_a_killed_server_is_replaced,
    second_server_with_the_same_pid_file_has_no_control_socket,
];

/// The log of a start with these words, without the line of the version.
fn log_of(setup: &Setup, words: &[&str], pid_file: &str) -> Vec<String> {
    setup.lab.take_syslog();
    assert_eq!(setup.background(words), started());
    let log = setup.logged(4);
    let text = fs::read_to_string(pid_file).expect("a pid file");
    let error = answering(&status_as(setup, 0, words));
    let id: u32 = text.trim().parse().expect("a number");
    match pid_file {
        "/srv/usual.pid" => assert_eq!(error, Ok(id.into())),
        _ => assert!(error.is_err(), "{pid_file}"),
    }
    end(id);
    log
}

fn start_with_another_file_at_the_path_has_the_usual_log_and_status_names_the_cause() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let usual = log_of(&setup, &["-x", "/srv/usual.pid"], "/srv/usual.pid");
    setup.lab.file("/srv/file.pid.control", "kept");
    fs::create_dir("/srv/directory.pid.control").expect("/srv is writable");
    symlink("/srv/file.pid.control", "/srv/link.pid.control").expect("/srv is writable");
    symlink("/srv/none", "/srv/dangling.pid.control").expect("/srv is writable");
    for name in ["file", "directory", "link", "dangling"] {
        let pid_file = format!("/srv/{name}.pid");
        let words = ["-x", &pid_file];
        assert_eq!(log_of(&setup, &words, &pid_file), usual, "{name}");
        let path = format!("{pid_file}.control");
        assert!(fs::symlink_metadata(&path).is_ok(), "{name} was removed");
        let error = answering(&status_as(&setup, 0, &words)).expect_err("there is no socket");
        assert!(error.starts_with(&format!("{path} is no socket")), "{error}");
    }
    assert_eq!(fs::read_to_string("/srv/file.pid.control").ok().as_deref(), Some("kept"));
    assert!(!fs::exists("/srv/none").expect("/srv is readable"));
}

fn start_with_a_path_that_is_too_long_has_the_usual_log_and_status_names_the_cause() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let usual = log_of(&setup, &["-x", "/srv/usual.pid"], "/srv/usual.pid");
    let pid_file = format!("/srv/{}.pid", "x".repeat(100));
    let words = ["-x", &pid_file];
    assert_eq!(log_of(&setup, &words, &pid_file), usual);
    let error = answering(&status_as(&setup, 0, &words)).expect_err("there is no socket");
    assert!(error.contains("has 117 bytes, and at most 107 are possible"), "{error}");
}

/// With `-d` no pid file is written, so the start does not need its directory.
fn debug_mode_without_a_writable_directory_starts_and_status_names_the_cause() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    fs::create_dir("/srv/fixed").expect("/srv is writable");
    let mount = |words: &[&str]| Command::new("mount").args(words).status();
    let mounted = mount(&["-t", "tmpfs", "-o", "ro", "tmpfs", "/srv/fixed"]);
    assert!(mounted.is_ok_and(|ended| ended.success()), "mount");
    for pid_file in ["/srv/none/pid", "/srv/fixed/pid"] {
        let words = ["-x", pid_file];
        let mut server = setup.foreground(Setup::program(&["-d"]).args(words));
        let error = answering(&status_as(&setup, 0, &words)).expect_err("there is no socket");
        let expected = format!("no server is running with the control socket {pid_file}.control");
        assert!(error.starts_with(&expected), "{error}");
        assert!(server.ended().is_none());
    }
    let words = ["-x", "/srv/debug.pid"];
    let server = setup.foreground(Setup::program(&["-d"]).args(words));
    assert_eq!(answering(&status_as(&setup, 0, &words)), Ok(server.id().into()));
    signal(server.id(), Signal::SIGTERM);
    let is_gone = || fs::symlink_metadata("/srv/debug.pid.control").is_err().then_some(());
    eventually(TIMEOUT, is_gone).expect("it is removed at the end");
}

fn failed_start_leaves_no_socket() {
    let Some(setup) = required(Setup::new("tftp-root=/srv/none\n")) else { return };
    for words in [&[][..], &["-k"]] {
        assert_eq!(setup.background(words).code, Some(3));
        assert!(fs::symlink_metadata(SOCKET).is_err(), "{words:?}");
    }
    let error = answering(&status_as(&setup, 0, &[])).expect_err("no server");
    assert!(error.starts_with("no server is running"), "{error}");
}

fn socket_of_a_killed_server_is_replaced() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    for _ in 0..3 {
        assert_eq!(setup.background(&[]), started());
        let id = daemon().expect("a pid file");
        assert_eq!(answering(&status_as(&setup, 0, &[])), Ok(id.into()));
        signal(id, Signal::SIGKILL);
        eventually(TIMEOUT, || (!runs(id)).then_some(())).expect("it ends");
        assert!(fs::symlink_metadata(SOCKET).is_ok());
        // The other processes end after it.
        let gone = || {
            let error = answering(&status_as(&setup, 0, &[])).expect_err("no server");
            error.starts_with("no server is running").then_some(())
        };
        eventually(TIMEOUT, gone).expect("the message");
    }
}

/// In another network namespace both can serve. dnsmasq overwrites the pid file.
fn second_server_with_the_same_pid_file_has_no_control_socket() {
    let Some(setup) = required(Setup::new("")) else { return };
    assert_eq!(setup.background(&[]), started());
    let first = daemon().expect("a pid file");
    assert_eq!(status_as(&setup, 0, &[]).stderr, b"");
    let client = setup.lab.host("client");
    let mut command = Command::new(subject());
    let command = command.args(["-k", "-C", CONFIG]).stdout(Stdio::null()).stderr(Stdio::null());
    let second = client.spawn(command);
    eventually(TIMEOUT, || (daemon() == Some(second.id())).then_some(())).expect("it starts");
    eventually(TIMEOUT, || client.listens_on_udp(69).then_some(())).expect("it serves");
    let output = status_as(&setup, 0, &[]);
    assert_eq!(answering(&output), Ok(first.into()));
    let notice = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = format!(
        "process {first} has answered, but /var/run/dnsmasq.pid names process {}.",
        second.id()
    );
    assert!(notice.starts_with(&expected), "{notice}");
    end(first);
}
