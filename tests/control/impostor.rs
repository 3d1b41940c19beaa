//! A server of another user, in place of the control socket: this test program, started again as that user.

use crate::common::lab::{Lab, Process, eventually};
use crate::setup::TIMEOUT;
use pxemasq::sys::control_socket::ControlListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// What the impostor sends.
pub const DOCUMENT: &str = "{\"program\":\"impostor\"}";
const VARIABLE: &str = "CONTROL_TEST_IMPOSTOR";
const PROGRAM: &str = "/srv/impostor";

pub fn is_started() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Starts it as user nobody; it runs when its socket is there.
pub fn start(lab: &Lab, path: &str) -> Process {
    lab.copy(std::env::current_exe().expect("it has a path"), PROGRAM);
    let mut command = Command::new(PROGRAM);
    command.arg(path).env(VARIABLE, "1").uid(65534).gid(65534);
    let process = lab.host("server").spawn(command.stdout(Stdio::null()));
    let is_there = || std::fs::symlink_metadata(path).is_ok().then_some(());
    eventually(TIMEOUT, is_there).expect("it has a socket");
    process
}

/// Answers each connection.
pub fn serve(path: &Path) -> ExitCode {
    let Ok(listener) = ControlListener::bind(path) else { return ExitCode::FAILURE };
    loop {
        if let Ok(connection) = listener.accept() {
            // A client that does not trust it has closed the connection.
            let _ = connection.send(format!(".{DOCUMENT}").as_bytes());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
