//! Signals to the processes of the daemon: the main process, `pxemasq-files`, `pxemasq-host`, `pxemasq-script`.

use crate::common::lab::{Lab, eventually, record};
use crate::common::measure::{family, status};
use crate::common::{required, subject};
use crate::setup::{
    CLIENT, FILE, LockstepClient, Moment, SERVER, SIZE, Setup, TIMEOUT, contents, write_files,
};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::net::UdpSocket;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

crate::tests![
    daemon_ends_with_code_5_when_the_file_process_is_killed,
    daemon_ends_with_code_5_when_the_host_process_is_killed,
    requests_are_answered_after_the_file_process_was_stopped,
    open_transfers_continue_while_the_file_process_is_stopped,
    clients_are_answered_while_the_host_process_is_stopped,
    helper_processes_end_when_the_main_process_is_killed,
    helper_processes_end_with_the_daemon,
    helper_processes_ignore_the_signals_of_the_daemon,
    sigterm_to_all_processes_ends_the_daemon_once,
    sigterm_to_the_process_group_ends_the_daemon_once,
    sighup_to_all_processes_is_handled_once,
];

const FILES: &str = "pxemasq-files";
const HOST: &str = "pxemasq-host";
/// The time from the end of a helper process to that of the daemon is much shorter.
const MAX_END: Duration = Duration::from_secs(5);
/// More lines for the configuration: all kinds of processes are started.
const CONFIG: &str = "dhcp-script=/srv/script\ndhcp-hostsfile=/srv/machines\n";

impl Setup {
    /// Starts the program in a process group of its own.
    fn in_own_group() -> Option<Self> {
        let lab = required(Lab::new(["server", "client"]))?;
        write_files(&lab, CONFIG);
        lab.program("/srv/script", "#!/bin/sh\n");
        lab.file("/srv/machines", "02:00:00:00:00:77,192.0.2.7\n");
        let (server, client) = (lab.host("server"), lab.host("client"));
        lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
        server.ip("addr add 10.9.0.1/24 dev eth0");
        client.ip("addr add 10.9.0.2/24 dev c0");
        let mut command = Command::new(subject());
        command.args(["-k", "-u", "root", "--group=", "-x", "", "-C", "/srv/dnsmasq.conf"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let daemon = server.spawn(&mut command);
        let setup = Self::with_daemon(lab, daemon);
        eventually(TIMEOUT, || (setup.get(FILE).is_ok()).then_some(())).expect("it serves");
        Some(setup)
    }

    /// The main process and its children, without the scripts, which are children of `pxemasq-script`.
    fn processes(&self) -> Vec<u32> {
        let main = self.id().to_string();
        let all = family(self.id()).into_iter();
        all.filter(|id| *id == self.id() || status(*id, "PPid") == main).collect()
    }

    /// The process of the daemon with this name.
    fn process(&self, name: &str) -> u32 {
        let found = self.processes().into_iter().find(|id| status(*id, "Name") == name);
        found.unwrap_or_else(|| panic!("the daemon has no process {name}"))
    }

    /// The processes of the daemon without the main process. There is at least one.
    fn helpers(&self) -> Vec<u32> {
        let helpers = self.processes()[1..].to_vec();
        assert!(!helpers.is_empty(), "the daemon has one process only");
        helpers
    }

    /// The number of log lines that end with this text.
    fn count(&self, text: &str) -> usize {
        self.lab.syslog().iter().filter(|line| line.ends_with(text)).count()
    }

    /// The log has one line about the signal. A second one would be before the end of the daemon.
    fn assert_terminated_once(&self) {
        const TERMINATED: &str = "exiting on receipt of SIGTERM";
        let logged = || (self.count(TERMINATED) > 0).then_some(());
        assert!(eventually(TIMEOUT, logged).is_some(), "{:#?}", self.lab.syslog());
        assert_eq!(self.count(TERMINATED), 1, "{:#?}", self.lab.syslog());
    }

    /// The daemon ends with this exit code, all processes are gone, and the ports are free.
    fn assert_ends(&mut self, processes: &[u32], code: i32) {
        let ended = eventually(MAX_END, || self.ended());
        assert_eq!(ended.and_then(|status| status.code()), Some(code), "{:#?}", self.lab.syslog());
        assert_gone(processes);
        for port in [67, 69, 4011] {
            assert!(!self.server().listens_on_udp(port), "port {port} is bound");
        }
    }
}

fn assert_gone(processes: &[u32]) {
    for &id in processes {
        eventually(MAX_END, || (!runs(id)).then_some(())).unwrap_or_else(|| panic!("{id} runs"));
    }
}

/// Whether the process exists and has not ended.
fn runs(id: u32) -> bool {
    let state = status(id, "State");
    !state.is_empty() && !state.starts_with('Z') && !state.starts_with('X')
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).expect("a process id"))
}

fn signal(id: u32, signal: Signal) {
    kill(pid(id), signal).expect("it runs");
}

/// Stops a process; it continues when the value is dropped.
struct Stopped(u32);

impl Stopped {
    fn new(id: u32) -> Self {
        signal(id, Signal::SIGSTOP);
        let stopped = || status(id, "State").starts_with('T').then_some(());
        eventually(TIMEOUT, stopped).expect("it is stopped");
        Self(id)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended.
        let _ = kill(pid(self.0), Signal::SIGCONT);
    }
}

/// The log has an error about the end, and the daemon ends.
fn check_killed(name: &str) {
    let Some(mut setup) = Setup::in_own_group() else { return };
    let (processes, victim) = (setup.processes(), setup.process(name));
    setup.lab.take_syslog();
    signal(victim, Signal::SIGKILL);
    setup.assert_ends(&processes, 5);
    // Priorities 0 to 3 are errors (syslog(3)).
    let is_error = |line: &String| record(line).0 & 7 <= 3;
    let logged = || setup.lab.syslog().iter().any(is_error).then_some(());
    assert!(eventually(TIMEOUT, logged).is_some(), "{:#?}", setup.lab.syslog());
}

fn daemon_ends_with_code_5_when_the_file_process_is_killed() {
    check_killed(FILES);
}

fn daemon_ends_with_code_5_when_the_host_process_is_killed() {
    check_killed(HOST);
}

/// Each client sends one request only.
fn requests_are_answered_after_the_file_process_was_stopped() {
    const CLIENTS: usize = 40;
    let Some(setup) = Setup::in_own_group() else { return };
    let stopped = Stopped::new(setup.process(FILES));
    let names = (0..CLIENTS).map(|nth| if nth % 2 == 0 { FILE } else { "none" });
    let clients: Vec<(UdpSocket, &str)> = names
        .map(|name| {
            let socket = setup.client().udp(&format!("{CLIENT}:0"));
            let request = format!("\0\x01{name}\0octet\0");
            socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the link is up");
            (socket, name)
        })
        .collect();
    // A process that is stopped cannot answer; the daemon has read all requests when it replies to a boot.
    boot_reply(&setup);
    drop(stopped);
    for (socket, name) in clients {
        socket.set_read_timeout(Some(TIMEOUT)).expect("a socket");
        let mut buffer = [0; 600];
        let size = socket.recv(&mut buffer).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let expected: &[u8] = if name == FILE { &[0, 3, 0, 1] } else { &[0, 5, 0, 1] };
        assert_eq!(&buffer[..size][..4], expected, "{name}");
    }
    setup.assert_serves();
}

fn boot_reply(setup: &Setup) {
    let packets = crate::common::packet::PacketSocket::new(setup.client());
    let booted = || crate::setup::rom(&packets).boot().ok();
    eventually(TIMEOUT, booted).expect("a boot reply");
}

fn open_transfers_continue_while_the_file_process_is_stopped() {
    let Some(setup) = Setup::in_own_group() else { return };
    let mut reader = LockstepClient::ask(setup.client(), CLIENT, FILE).expect("an answer");
    assert_eq!(reader.step(), Ok(true));
    let stopped = Stopped::new(setup.process(FILES));
    assert!(reader.finish() == Ok(contents(SIZE)), "the transfer ended");
    drop(stopped);
    setup.assert_serves();
}

fn clients_are_answered_while_the_host_process_is_stopped() {
    let Some(setup) = Setup::in_own_group() else { return };
    let stopped = Stopped::new(setup.process(HOST));
    setup.boot_with(Moment::AfterReply, || ());
    drop(stopped);
    setup.assert_serves();
}

fn helper_processes_end_when_the_main_process_is_killed() {
    let Some(mut setup) = Setup::in_own_group() else { return };
    let helpers = setup.helpers();
    signal(setup.id(), Signal::SIGKILL);
    eventually(TIMEOUT, || setup.ended()).expect("it is killed");
    assert_gone(&helpers);
}

fn helper_processes_end_with_the_daemon() {
    let Some(mut setup) = Setup::in_own_group() else { return };
    let processes = setup.processes();
    for name in [FILES, HOST] {
        setup.process(name);
    }
    signal(setup.id(), Signal::SIGTERM);
    setup.assert_ends(&processes, 0);
}

fn helper_processes_ignore_the_signals_of_the_daemon() {
    let Some(setup) = Setup::in_own_group() else { return };
    let helpers = setup.helpers();
    let signals = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
    ];
    for (&helper, sent) in helpers.iter().flat_map(|id| signals.map(|signal| (id, signal))) {
        signal(helper, sent);
        setup.get("small").expect_err("there is no such file");
    }
    setup.boot_with(Moment::AfterReply, || ());
    assert_eq!(setup.helpers(), helpers);
    assert_eq!(setup.count("exiting on receipt of SIGTERM"), 0);
    setup.assert_serves();
}

fn sigterm_to_all_processes_ends_the_daemon_once() {
    let Some(mut setup) = Setup::in_own_group() else { return };
    let mut processes = setup.processes();
    // The helpers are first.
    processes.reverse();
    for &id in &processes {
        // The last one may have ended.
        let _ = kill(pid(id), Signal::SIGTERM);
    }
    setup.assert_ends(&processes, 0);
    setup.assert_terminated_once();
}

fn sigterm_to_the_process_group_ends_the_daemon_once() {
    let Some(mut setup) = Setup::in_own_group() else { return };
    let processes = setup.processes();
    killpg(pid(setup.id()), Signal::SIGTERM).expect("it runs");
    setup.assert_ends(&processes, 0);
    setup.assert_terminated_once();
}

fn sighup_to_all_processes_is_handled_once() {
    const READ: &str = "read /srv/machines";
    let Some(setup) = Setup::in_own_group() else { return };
    let processes = setup.processes();
    for times in [2, 3] {
        for &id in &processes {
            signal(id, Signal::SIGHUP);
        }
        let read = || (setup.count(READ) >= times).then_some(());
        eventually(TIMEOUT, read).expect("the file is read again");
        // A second reading would be in the log before the answer to a boot.
        setup.boot_with(Moment::AfterReply, || ());
        assert_eq!(setup.count(READ), times);
    }
    killpg(pid(setup.id()), Signal::SIGHUP).expect("it runs");
    eventually(TIMEOUT, || (setup.count(READ) == 4).then_some(())).expect("it is read again");
    assert_eq!(setup.processes(), processes);
    setup.assert_serves();
}
