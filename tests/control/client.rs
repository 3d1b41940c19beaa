//! Clients of the control socket, and what they cause in the process that serves it.

use crate::common::lab::eventually;
use crate::common::measure::family;
use crate::setup::{CONFIG, Setup, TIMEOUT, daemon, status};
use pxemasq::control::{Command as Requested, MAX_PART_LEN, Request};
use pxemasq::sys::channel::Channel;
use pxemasq::sys::control_socket::connect_to_server;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// The control socket with the default pid file.
pub const SOCKET: &str = "/run/dnsmasq.pid.control";

pub fn connect() -> Channel {
    connect_to_server(Path::new(SOCKET)).expect("it accepts connections")
}

pub fn status_request() -> Vec<u8> {
    Request::new(Requested::Status { earlier: 0 }).encode()
}

/// The next part of an answer: its kind and its text. `None`: the connection was closed.
pub fn answer(client: &Channel, limit: Duration) -> Option<(u8, String)> {
    let mut buffer = vec![0; MAX_PART_LEN + 1];
    assert!(client.wait(limit), "no answer");
    let (kind, text) = client.recv_blocking(&mut buffer)?.split_first()?;
    Some((*kind, String::from_utf8_lossy(text).into_owned()))
}

/// Sends a message and returns the answer.
pub fn ask(client: &Channel, message: &[u8]) -> Option<(u8, String)> {
    client.send(message).expect("the message fits");
    answer(client, TIMEOUT)
}

/// `--status` with the configuration and these words, as this user; 0: root.
pub fn status_as(setup: &Setup, user: u32, words: &[&str]) -> Output {
    run_as(setup, user, &[&["--status=json"], words].concat())
}

/// The program with the configuration and these words, as this user; 0: root.
pub fn run_as(setup: &Setup, user: u32, words: &[&str]) -> Output {
    const PROGRAM: &str = "/srv/pxemasq";
    if !Path::new(PROGRAM).exists() {
        setup.lab.copy(env!("CARGO_BIN_EXE_pxemasq"), PROGRAM);
    }
    let id = user.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", PROGRAM]);
    command.args(["-C", CONFIG]).args(words).env("LC_ALL", "C").stdin(Stdio::null());
    command.output().expect("setpriv is installed")
}

/// The process that answers, or the error.
pub fn answering(output: &Output) -> Result<u64, String> {
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(text.trim().trim_start_matches("dnsmasq: ").to_owned());
    }
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    Ok(status["pid"].as_u64().expect("a process id"))
}

/// The file process of the daemon.
pub fn file_process() -> u32 {
    let all = family(daemon().expect("a pid file"));
    all.into_iter().find(|id| status(*id, "Name") == "pxemasq-files").expect("it runs")
}

/// The numbers of descriptors and threads of a process.
pub fn held(id: u32) -> [usize; 2] {
    ["fd", "task"].map(|what| fs::read_dir(format!("/proc/{id}/{what}")).expect("it runs").count())
}

/// Waits until a process holds no more than this.
pub fn assert_holds(id: u32, expected: [usize; 2]) {
    let is_back = || (held(id) == expected).then_some(());
    let found = eventually(TIMEOUT, is_back);
    assert!(found.is_some(), "descriptors, threads: {:?}, before {expected:?}", held(id));
}

/// How often all threads of a process have waited.
pub fn waits(id: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).expect("it runs").flatten();
    let numbers = tasks.filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter_map(|task| status(task, "voluntary_ctxt_switches").parse::<u64>().ok()).sum()
}
