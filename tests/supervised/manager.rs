//! A stand-in for systemd: it starts, reloads and stops a service, and accepts notifications, by the rules of systemd.service(5) and
//! `sd_notify(3)`:
//!
//! - `NotifyAccess=main`: only the main process sends notifications;
//! - `MAINPID=` is a process of the service, that exists, and not the process of `ExecReload=`; for another one the sender must be
//!   root;
//! - the command of `ExecReload=` has no `NOTIFY_SOCKET`;
//! - with `PIDFile=` the file is read again after a reload and when the main process ends;
//! - when the main process ends otherwise, the service has ended, and the rest of its processes get SIGTERM;
//! - a stop sends SIGTERM to all processes of the service (`KillMode=control-group`).

use crate::cgroup::Cgroup;
use crate::common::lab::{allow, eventually};
use crate::common::subject;
use crate::machine::Machine;
use crate::setup::{CONFIG, TIMEOUT, runs};
use nix::cmsg_space;
use nix::sys::signal::Signal;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, setsockopt};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::IoSliceMut;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOCKET: &str = "/run/notify";
const ERRORS: &str = "/srv/reload-errors";

/// `Type=`
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Notify,
    /// With this `PIDFile=`.
    Forking(&'static str),
    Exec,
}

/// The last state that the service has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    None,
    Ready,
    Reloading,
    Stopping,
}

/// A service that runs.
pub struct Service<'m> {
    machine: &'m Machine,
    kind: Type,
    words: Vec<String>,
    pub cgroup: Cgroup,
    socket: UnixDatagram,
    pub main: u32,
    /// The process of `ExecReload=`.
    control: Option<u32>,
    pub state: State,
    /// The exit status of the main process, when the service has ended.
    pub ended: Option<WaitStatus>,
    /// The assignments of all notifications that were accepted, without the time.
    accepted: Vec<String>,
    /// Those that were not, with the reason.
    pub refused: Vec<String>,
    reload_began: Duration,
}

impl<'m> Service<'m> {
    /// `systemctl start`: runs the program with these arguments until it is ready, by the rules of its type.
    pub fn start(machine: &'m Machine, kind: Type, words: &[&str]) -> Result<Self, String> {
        let cgroup = Cgroup::new()?;
        let socket = UnixDatagram::bind(SOCKET).expect("a socket");
        allow(SOCKET, 0o777);
        setsockopt(&socket, PassCred, &true).expect("a socket");
        let words = words.iter().map(|&word| word.to_owned()).collect();
        let (accepted, refused) = (Vec::new(), Vec::new());
        let (state, reload_began) = (State::None, Duration::ZERO);
        let (main, control, ended) = (0, None, None);
        let mut service = Self {
            machine,
            kind,
            words,
            cgroup,
            socket,
            main,
            control,
            state,
            ended,
            accepted,
            refused,
            reload_began,
        };
        service.run_start();
        Ok(service)
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = self.cgroup.command(&subject());
        command.args(["-C", CONFIG]).args(&self.words).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run_start(&mut self) {
        let mut command = self.command(&[]);
        if self.kind == Type::Notify {
            command.env("NOTIFY_SOCKET", SOCKET);
        }
        let spawned = self.machine.lab.host("server").inside(|| command.spawn());
        let mut child = spawned.expect("it can be started");
        self.main = child.id();
        match self.kind {
            Type::Forking(_) => {
                assert!(child.wait().expect("it ends").success());
                self.load_pid_file().expect("a pid file");
            }
            Type::Exec => self.machine.expect_service(),
            Type::Notify => self.wait_for(State::Ready),
        }
    }

    /// `systemctl reload`: the exit code of `ExecReload=`, which is the start with `--replace`, and its standard error.
    pub fn reload(&mut self) -> (Option<i32>, String) {
        let mut command = self.command(&["--replace"]);
        command.env("MAINPID", self.main.to_string());
        command.stderr(File::create(ERRORS).expect("/srv is writable"));
        self.turn();
        self.reload_began = since_boot();
        let spawned = self.machine.lab.host("server").inside(|| command.spawn());
        let mut child = spawned.expect("it can be started");
        self.control = Some(child.id());
        let status = eventually(3 * TIMEOUT, || {
            self.turn();
            child.try_wait().expect("it is a child of the test")
        });
        let code = status.expect("the command of ExecReload= ends").code();
        self.turn();
        self.control = None;
        let _ = self.load_pid_file();
        if self.state == State::Reloading {
            self.wait_for(State::Ready);
        }
        (code, fs::read_to_string(ERRORS).expect("it exists"))
    }

    /// `systemctl stop`: how long it takes until no process of the service runs.
    pub fn stop(&mut self) -> Duration {
        let start = Instant::now();
        self.cgroup.signal(Signal::SIGTERM);
        let has_ended = || {
            self.turn();
            (self.ended.is_some() && self.cgroup.processes().is_empty()).then_some(())
        };
        let ended = eventually(2 * TIMEOUT, has_ended);
        assert!(ended.is_some(), "{:?}, {:?}", self.ended, self.cgroup.processes());
        start.elapsed()
    }

    /// Waits for this state. The service must not end before.
    pub fn wait_for(&mut self, state: State) {
        let arrived = eventually(TIMEOUT, || {
            self.turn();
            (self.state == state).then_some(())
        });
        assert!(arrived.is_some(), "{state:?}: {:?} {:?}", self.accepted, self.refused);
    }

    /// Handles what has happened: the notifications, then the end of the main process.
    pub fn turn(&mut self) {
        self.receive();
        if self.ended.is_none()
            && let Some(status) = end_of(self.main)
        {
            self.receive();
            if self.load_pid_file().is_err() {
                self.ended = Some(status);
                self.cgroup.signal(Signal::SIGTERM);
            }
        }
    }

    /// The assignments that were accepted since the last call.
    pub fn take_accepted(&mut self) -> Vec<String> {
        self.turn();
        std::mem::take(&mut self.accepted)
    }

    /// Asserts that the service runs with this main process.
    pub fn expect_main(&mut self, main: u32) {
        self.turn();
        assert_eq!((self.main, self.ended), (main, None), "{:?}", self.refused);
        assert!(runs(main));
    }

    fn receive(&mut self) {
        while let Some((text, sender)) = receive(&self.socket) {
            if sender.pid().cast_unsigned() == self.main {
                self.accept(&text, sender);
            } else {
                let reason = format!("{} is not the main process {}", sender.pid(), self.main);
                self.refused.push(format!("{reason}: {text}"));
            }
        }
    }

    fn accept(&mut self, text: &str, sender: UnixCredentials) {
        for line in text.lines() {
            let (name, value) = line.split_once('=').expect("an assignment");
            match (name, value) {
                ("MAINPID", id) => {
                    let id = id.parse().expect("a process id");
                    if let Err(reason) = self.check_main(id, sender.uid()) {
                        self.refused.push(format!("{reason}: {text}"));
                        continue;
                    }
                    self.main = id;
                }
                ("READY", "1") => self.state = State::Ready,
                ("RELOADING", "1") => self.state = State::Reloading,
                ("STOPPING", "1") => self.state = State::Stopping,
                ("MONOTONIC_USEC", time) => {
                    let time = Duration::from_micros(time.parse().expect("a time"));
                    assert!((self.reload_began..=since_boot()).contains(&time), "{time:?}");
                    continue;
                }
                _ => panic!("{line}"),
            }
            self.accepted.push(line.to_owned());
        }
    }

    /// Whether the process may become the main process.
    fn check_main(&self, id: u32, sender: u32) -> Result<(), String> {
        if id == self.main {
            return Ok(());
        }
        if Some(id) == self.control {
            return Err(format!("{id} is the process of ExecReload="));
        }
        if !runs(id) {
            return Err(format!("there is no process {id}"));
        }
        if sender != 0 && !self.cgroup.processes().contains(&id) {
            return Err(format!("{id} does not belong to the service"));
        }
        Ok(())
    }

    /// Reads `PIDFile=`.
    fn load_pid_file(&mut self) -> Result<(), String> {
        let Type::Forking(path) = self.kind else { return Err("there is none".to_owned()) };
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let id = text.trim().parse().map_err(|_| text)?;
        if !runs(id) || !self.cgroup.processes().contains(&id) {
            return Err(format!("{id} is no process of the service"));
        }
        self.main = id;
        Ok(())
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(SOCKET);
    }
}

/// The exit status of a child process, which is reaped.
pub fn end_of(id: u32) -> Option<WaitStatus> {
    let pid = Pid::from_raw(id.cast_signed());
    match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) => None,
        Ok(status) => Some(status),
        Err(error) => panic!("{id} is no child process of the test: {error}"),
    }
}

/// The next notification, and its sender.
fn receive(socket: &UnixDatagram) -> Option<(String, UnixCredentials)> {
    let mut buffer = [0; 4096];
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let mut space = cmsg_space!(UnixCredentials);
    let flags = MsgFlags::MSG_DONTWAIT;
    let received = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags).ok()?;
    let sender = received.cmsgs().expect("they fit").find_map(|message| match message {
        ControlMessageOwned::ScmCredentials(sender) => Some(sender),
        _ => None,
    });
    let sender = sender.expect("the credentials of the sender");
    let size = received.bytes;
    Some((String::from_utf8_lossy(&buffer[..size]).into_owned(), sender))
}

fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock").into()
}
