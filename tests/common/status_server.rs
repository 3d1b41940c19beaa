//! A server that answers `--status` with given documents, in place of the program.

use pxemasq::control::{Command, ERROR, LAST, MAX_PART_LEN, MORE, Request, socket_path};
use pxemasq::status::{Counters, Drop, Limit, Machine, SCHEMA, Stage, Status, Transfer};
use pxemasq::sys::channel::Channel;
use pxemasq::sys::control_socket::ControlListener;
use pxemasq::sys::fds::wait_any_readable;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use tempfile::TempDir;

/// The server. Its thread ends with the process of the test.
pub struct StatusServer(TempDir);

impl StatusServer {
    /// Answers with the first document, and with the others for the processes that it has replaced.
    pub fn start(documents: Vec<String>) -> Self {
        let server = Self(TempDir::new().expect("a temporary directory"));
        let listener = ControlListener::bind(&socket_path(&server.pid_file())).expect("it binds");
        thread::spawn(move || {
            loop {
                wait_any_readable(&[listener.as_fd()], None);
                if let Ok(connection) = listener.accept() {
                    answer(&connection, &documents);
                }
            }
        });
        server
    }

    /// The same with states.
    pub fn of(states: &[Status]) -> Self {
        let json = |state| serde_json::to_string(state).expect("it is JSON");
        Self::start(states.iter().map(json).collect())
    }

    pub fn pid_file(&self) -> PathBuf {
        self.0.path().join("pid")
    }

    /// Runs the program with these arguments and the pid file of the server.
    pub fn ask(&self, arguments: &[&str]) -> Output {
        ask(&self.pid_file(), arguments)
    }
}

/// Runs the program with these arguments and this pid file.
pub fn ask(pid_file: &Path, arguments: &[&str]) -> Output {
    let mut path = OsString::from("--pid-file=");
    path.push(pid_file);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pxemasq"));
    command.args(arguments).args(["--conf-file", "--port=0"]).arg(path);
    command.env_remove("COLUMNS").output().expect("pxemasq runs")
}

fn answer(connection: &Channel, documents: &[String]) {
    let mut buffer = [0; 4096];
    let Some(request) = connection.recv_blocking(&mut buffer) else { return };
    let request = Request::decode(request).expect("it is a request");
    let Command::Status { earlier } = request.command else { panic!("{request:?}") };
    let send = |kind: u8, part: &[u8]| connection.send_blocking(&[&[kind], part].concat());
    let Some(document) = documents.get(usize::from(earlier)) else {
        let _ = send(ERROR, b"there is no such process");
        return;
    };
    let mut rest = document.as_bytes();
    // If the client has ended, sending fails.
    while let Some((part, left)) = rest.split_at_checked(MAX_PART_LEN) {
        let _ = send(MORE, part);
        rest = left;
    }
    let _ = send(LAST, rest);
}

/// A state in which no field is empty.
pub fn full_state() -> Status {
    Status {
        schema: SCHEMA,
        program: "pxemasq".to_owned(),
        version: "0.1.0".to_owned(),
        pid: 1234,
        uptime_ms: 11_520_000,
        started_at: 1_764_520_081,
        replaced: false,
        has_replaced: true,
        earlier: vec![1200],
        machines: vec![loading_machine()],
        machines_omitted: 2,
        counters: counters(),
        limits: vec![Limit {
            id: "transfers".to_owned(),
            used: 45,
            limit: 50,
            setting: "tftp-max".to_owned(),
        }],
    }
}

/// The state of a process that was replaced, with another transfer to the same machine.
pub fn earlier_state() -> Status {
    Status { pid: 1200, replaced: true, earlier: vec![], machines_omitted: 0, ..full_state() }
}

fn loading_machine() -> Machine {
    let transfer = Transfer {
        file: "/srv/tftp/initrd.img".to_owned(),
        size: 95_000_000,
        acknowledged: 38_000_000,
        age_ms: 4200,
        bytes_per_second: 9_000_000,
        waits_for_disk: false,
        repeated_blocks: 3,
    };
    Machine {
        mac: Some("52:54:00:12:34:56".to_owned()),
        ip: Some("192.168.1.101".to_owned()),
        architecture: Some(7),
        architecture_name: Some("x86-64_EFI".to_owned()),
        stage: Stage::Loading,
        idle_ms: 12,
        last_file: Some("/srv/tftp/initrd.img".to_owned()),
        transfers: vec![transfer],
    }
}

fn counters() -> Counters {
    Counters {
        offers: 800,
        pxe_answers: 350,
        dhcp_requests: 1180,
        dhcp_drops: vec![Drop { reason: "no-pxe-client".to_owned(), count: 30 }],
        dhcp_send_errors: 1,
        tftp_requests: 5000,
        transfers_started: 4900,
        transfers_completed: 4800,
        transfers_failed: 60,
        transfers_cancelled: 50,
        transfers_evicted: 2,
        files_not_found: 12,
        files_refused: 3,
        tftp_drops: 85,
        bytes_sent: 9_300_000_000,
        blocks_repeated: 120,
    }
}
