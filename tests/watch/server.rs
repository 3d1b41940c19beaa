//! A control socket that answers with documents of the test.

use pxemasq::control::{Command, LAST, MAX_PART_LEN, MAX_REQUEST_LEN, MORE, Request};
use pxemasq::status::{Counters, Machine, SCHEMA, Stage, Status, Transfer};
use pxemasq::sys::channel::Channel;
use pxemasq::sys::control_socket::{ControlListener, connect_to_server};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What the server does with a request.
#[derive(Clone)]
pub enum Answer {
    Document(Box<Status>),
    /// It does not answer.
    None,
    /// It closes the connection.
    Close,
}

/// Connections that were accepted before [`Server::replace`] have the answer `old`.
struct State {
    old: Answer,
    new: Answer,
    /// The number of connections that have the answer `old`.
    replaced: usize,
    accepted: usize,
    stopped: bool,
}

pub struct Server {
    path: PathBuf,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(path: &Path, status: Status) -> Self {
        let listener = ControlListener::bind(path).expect("a socket");
        let answer = Answer::Document(Box::new(status));
        let state =
            State { old: answer.clone(), new: answer, replaced: 0, accepted: 0, stopped: false };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let thread = Some(thread::spawn(move || accept(&listener, &shared)));
        Self { path: path.to_owned(), state, thread }
    }

    /// Changes the answer to further requests.
    pub fn set(&self, answer: Answer) {
        self.state.lock().expect("no panic").new = answer;
    }

    pub fn set_status(&self, status: &Status) {
        self.set(Answer::Document(Box::new(status.clone())));
    }

    /// Another process serves new connections; those that are open get the answer `old`.
    pub fn replace(&self, old: Answer, new: &Status) {
        let mut state = self.state.lock().expect("no panic");
        (state.old, state.replaced) = (old, state.accepted);
        state.new = Answer::Document(Box::new(new.clone()));
    }

    pub fn connections(&self) -> usize {
        self.state.lock().expect("no panic").accepted
    }

    /// Closes the socket and its connections, and leaves its file.
    pub fn stop(&mut self) {
        self.state.lock().expect("no panic").stopped = true;
        let Some(thread) = self.thread.take() else { return };
        // The thread waits for a connection.
        if connect_to_server(&self.path).is_ok() {
            thread.join().expect("no panic");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &ControlListener, state: &Arc<Mutex<State>>) {
    while let Ok(connection) = listener.accept() {
        let mut locked = state.lock().expect("no panic");
        if locked.stopped {
            return;
        }
        let number = locked.accepted;
        locked.accepted += 1;
        drop(locked);
        let state = state.clone();
        thread::spawn(move || serve(&connection, number, &state));
    }
}

fn serve(connection: &Channel, number: usize, state: &Mutex<State>) {
    let mut buffer = [0; MAX_REQUEST_LEN];
    while let Some(request) = connection.recv_blocking(&mut buffer) {
        let request = Request::decode(request).expect("a request");
        assert_eq!(request.command, Command::Status { earlier: 0 });
        let locked = state.lock().expect("no panic");
        if locked.stopped {
            return;
        }
        let is_old = number < locked.replaced;
        let answer = if is_old { locked.old.clone() } else { locked.new.clone() };
        drop(locked);
        match answer {
            Answer::Document(status) => send(connection, &status),
            Answer::None => {}
            Answer::Close => return,
        }
    }
}

fn send(connection: &Channel, status: &Status) {
    let document = serde_json::to_vec(status).expect("JSON");
    let parts: Vec<&[u8]> = document.chunks(MAX_PART_LEN).collect();
    for (index, part) in parts.iter().enumerate() {
        let kind = if index + 1 == parts.len() { LAST } else { MORE };
        // The view may have ended.
        let _ = connection.send_blocking(&[&[kind], *part].concat());
    }
}

/// A server of this process id, whose machines load a file of 100 MB.
pub fn status(pid: u32, machines: u32) -> Status {
    Status {
        schema: SCHEMA,
        program: "pxemasq".to_owned(),
        version: "0.1.0".to_owned(),
        pid,
        uptime_ms: 60_000,
        machines: (0..machines).map(machine).collect(),
        counters: Counters { offers: u64::from(machines), ..Counters::default() },
        ..Status::default()
    }
}

fn machine(number: u32) -> Machine {
    let transfer = Transfer {
        file: format!("/srv/tftp/debian/{number}/initrd.img"),
        size: 100_000_000,
        acknowledged: 10_000_000,
        age_ms: 10_000,
        bytes_per_second: 1_000_000,
        ..Transfer::default()
    };
    Machine {
        mac: Some(format!("52:54:00:00:{:02x}:{:02x}", number >> 8, number & 255)),
        ip: Some(format!("10.0.{}.{}", number >> 8, number & 255)),
        architecture: Some(7),
        architecture_name: Some("UEFI x64".to_owned()),
        stage: Stage::Loading,
        idle_ms: 10,
        transfers: vec![transfer],
        ..Machine::default()
    }
}

/// The same server half a second later, in which each machine has loaded this many bytes.
pub fn later(status: &Status, bytes: u64) -> Status {
    let mut later = status.clone();
    later.uptime_ms += 500;
    for transfer in later.machines.iter_mut().flat_map(|machine| &mut machine.transfers) {
        transfer.acknowledged += bytes;
        transfer.age_ms += 500;
        later.counters.bytes_sent += bytes;
    }
    later
}
