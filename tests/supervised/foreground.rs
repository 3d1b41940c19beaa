//! Programs that start the server in the foreground and watch the process: procd, runit, s6, the engine of a container. They do not
//! know that another process serves after `--replace`: the first process stays, forwards signals, and ends with the exit code of the
//! server.

use crate::common::lab::{Process, eventually};
use crate::common::{required, subject};
use crate::machine::{MAX_LEAVING, Machine};
use crate::setup::{CONFIG, RANGE, Setup, TIMEOUT, runs, signal, started, status};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::chown;
use std::process::{Command, ExitStatus};

crate::tests![
    watched_process_stays_while_servers_replace_each_other,
    sigterm_to_the_watched_process_ends_the_server,
    sighup_to_the_watched_process_reads_the_files_of_the_server,
    sigusr1_to_the_watched_process_logs_the_state_of_the_server,
    sigusr2_to_the_watched_process_reopens_the_log_of_the_server,
    log_on_standard_error_goes_on_there,
    sigint_to_the_watched_process_ends_a_debug_server,
    watched_process_ends_with_the_exit_code_of_the_server,
    watched_process_fails_when_the_server_is_killed,
    server_goes_on_when_the_watched_process_is_killed,
    watched_process_ends_after_its_transfers_if_the_server_was_stopped,
    first_process_of_a_pid_namespace_is_replaced,
];

/// A server that a supervisor watches, after one replacement.
struct Watched {
    machine: Machine,
    first: Process,
    server: u32,
}

impl Watched {
    fn new(lines: &str, words: &[&str]) -> Option<Self> {
        let machine = required(Machine::new(&format!("{RANGE}{lines}")))?;
        Some(Self::with(machine, words))
    }

    fn with(machine: Machine, words: &[&str]) -> Self {
        let first = machine.foreground(&mut Setup::program(words));
        machine.expect_service();
        assert_eq!(machine.replace(words).0, Some(0));
        let server = machine.daemon();
        assert_ne!(server, first.id());
        machine.expect_servers(&[first.id(), server]);
        machine.expect_service();
        Self { machine, first, server }
    }

    fn signal(&self, number: Signal) {
        signal(self.first.id(), number);
    }

    fn ended(&mut self) -> ExitStatus {
        eventually(TIMEOUT, || self.first.ended()).expect("the watched process ends")
    }
}

fn watched_process_stays_while_servers_replace_each_other() {
    let Some(mut watched) = Watched::new("", &["-k"]) else { return };
    for _ in 0..3 {
        let last = watched.server;
        assert_eq!(watched.machine.replace(&["-k"]), (Some(0), String::new()));
        watched.server = watched.machine.daemon();
        assert_ne!(watched.server, last);
        watched.machine.expect_servers(&[watched.first.id(), watched.server]);
        watched.machine.expect_service();
    }
    assert!(watched.first.ended().is_none());
    watched.signal(Signal::SIGTERM);
    assert_eq!(watched.ended().code(), Some(0));
    watched.machine.expect_end();
}

fn sigterm_to_the_watched_process_ends_the_server() {
    let Some(mut watched) = Watched::new("", &["-k"]) else { return };
    let transfer = watched.machine.transfer();
    watched.signal(Signal::SIGTERM);
    assert_eq!(watched.ended().code(), Some(0));
    watched.machine.expect_end();
    drop(transfer);
    watched.machine.expect_line("exiting on receipt of SIGTERM");
    // The supervisor starts it again.
    assert_eq!(watched.machine.background(&[]), started());
    watched.machine.expect_service();
}

fn sighup_to_the_watched_process_reads_the_files_of_the_server() {
    let Some(watched) = Watched::new("dhcp-hostsfile=/srv/hosts\n", &["-k"]) else { return };
    watched.machine.lab.file("/srv/hosts", "02:00:00:00:00:77,192.0.2.7\n");
    watched.machine.lab.take_syslog();
    watched.signal(Signal::SIGHUP);
    watched.machine.expect_line("read /srv/hosts");
    watched.machine.expect_servers(&[watched.first.id(), watched.server]);
}

fn sigusr1_to_the_watched_process_logs_the_state_of_the_server() {
    let Some(watched) = Watched::new("", &["-k"]) else { return };
    watched.machine.lab.take_syslog();
    watched.signal(Signal::SIGUSR1);
    let line = format!("dnsmasq[{}]: ", watched.server);
    let is_logged = || {
        let lines = watched.machine.lab.syslog();
        lines.iter().any(|text| text.contains(&line) && text.contains(" TFTP requests, "))
    };
    let logged = eventually(TIMEOUT, || is_logged().then_some(()));
    assert!(logged.is_some(), "{:?}", watched.machine.lab.syslog());
}

fn sigusr2_to_the_watched_process_reopens_the_log_of_the_server() {
    let Some(machine) = required(Machine::new("log-facility=/srv/log/all\n")) else { return };
    machine.lab.file("/srv/log/old", "");
    chown("/srv/log", Some(65534), None).expect("root can change the owner");
    let watched = Watched::with(machine, &["-k"]);
    let transfer = watched.machine.transfer();
    assert_eq!(watched.machine.replace(&["-k"]), (Some(0), String::new()));
    fs::rename("/srv/log/all", "/srv/log/all.1").expect("/srv is writable");
    watched.signal(Signal::SIGUSR2);
    let exists = || fs::exists("/srv/log/all").expect("/srv is readable").then_some(());
    eventually(TIMEOUT, exists).expect("a new log");
    watched.machine.expect_service();
    let expect_line = |line: &str| {
        let is_logged = || fs::read_to_string("/srv/log/all").unwrap_or_default().contains(line);
        eventually(TIMEOUT, || is_logged().then_some(())).unwrap_or_else(|| panic!("{line}"));
    };
    expect_line("sent /srv/tftp/small");
    // The process that was replaced and still has a transfer, too.
    transfer.finish();
    expect_line("sent /srv/tftp/large");
}

/// As in a container: `log-facility=-`.
fn log_on_standard_error_goes_on_there() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    let words = ["-k", "--log-facility=-"];
    let log = fs::File::create("/srv/container").expect("/srv is writable");
    let mut command = Setup::program(&words);
    let first = machine.lab.host("server").spawn(command.stderr(log));
    machine.expect_service();
    let text = || fs::read_to_string("/srv/container").expect("it exists");
    for _ in 0..2 {
        let (code, errors) = machine.replace(&words);
        assert_eq!((code, &errors[..]), (Some(0), ""));
        let sent = |text: &str| text.matches("sent /srv/tftp/small").count();
        let before = sent(&text());
        machine.expect_service();
        let is_logged = || (sent(&text()) > before).then_some(());
        assert!(eventually(TIMEOUT, is_logged).is_some(), "{}", text());
        assert_eq!(sent(&fs::read_to_string("/srv/stderr").expect("it exists")), 0);
    }
    drop(first);
}

fn sigint_to_the_watched_process_ends_a_debug_server() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    let mut first = machine.foreground(&mut Setup::program(&["-d"]));
    machine.expect_service();
    assert_eq!(machine.replace(&["-d"]).0, Some(0));
    let two = || (machine.servers().len() == 2).then_some(());
    eventually(TIMEOUT, two).expect("the first process waits");
    machine.expect_service();
    signal(first.id(), Signal::SIGINT);
    let ended = eventually(TIMEOUT, || first.ended()).expect("it ends");
    assert_eq!(ended.code(), Some(5));
    machine.expect_end();
}

/// A process that the server needs has ended: the server ends with 5.
fn watched_process_ends_with_the_exit_code_of_the_server() {
    let Some(mut watched) = Watched::new("", &["-k"]) else { return };
    let server = watched.server.to_string();
    let processes = watched.machine.processes();
    let files = processes
        .into_iter()
        .find(|&id| status(id, "Name") == "pxemasq-files" && status(id, "PPid") == server);
    signal(files.expect("the file process of the server"), Signal::SIGKILL);
    assert_eq!(watched.ended().code(), Some(5));
    watched.machine.expect_end();
}

/// The supervisor has to start it again.
fn watched_process_fails_when_the_server_is_killed() {
    let Some(mut watched) = Watched::new("", &["-k"]) else { return };
    signal(watched.server, Signal::SIGKILL);
    let ended = watched.ended();
    assert!(!ended.success(), "{ended:?}");
    watched.machine.expect_end();
    let again = watched.machine.foreground(&mut Setup::program(&["-k"]));
    watched.machine.expect_service();
    assert_eq!(watched.machine.daemon(), again.id());
}

/// As the transfers of the server do not fail, it is not ended. A supervisor that starts the program again gets "Address already in
/// use", and the operator has to end the server by its pid file: docs/operation.md.
fn server_goes_on_when_the_watched_process_is_killed() {
    let Some(mut watched) = Watched::new("", &["-k"]) else { return };
    watched.signal(Signal::SIGKILL);
    watched.ended();
    watched.machine.expect_servers(&[watched.server]);
    watched.machine.expect_service();
    let (code, message) = watched.machine.run_to_end(&mut Setup::program(&["-k"]));
    assert_eq!(code, Some(2), "{message}");
    signal(watched.server, Signal::SIGTERM);
    watched.machine.expect_end();
}

/// The server is ended by its pid file while the watched process has transfers.
fn watched_process_ends_after_its_transfers_if_the_server_was_stopped() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    let mut first = machine.foreground(&mut Setup::program(&["-k"]));
    let transfer = machine.transfer();
    assert_eq!(machine.replace(&["-k"]), (Some(0), String::new()));
    signal(machine.daemon(), Signal::SIGTERM);
    let ended = eventually(TIMEOUT, || first.ended()).expect("it ends");
    assert_eq!(ended.code(), Some(0));
    drop(transfer);
    machine.expect_end();
}

/// As in a container, where `--replace` is run by `podman exec` or `kubectl exec`.
fn first_process_of_a_pid_namespace_is_replaced() {
    let Some(machine) = required(Machine::new(RANGE)) else { return };
    let program = subject();
    let mut engine = Command::new("unshare");
    engine.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(&program);
    engine.args(["-C", CONFIG, "-k", "--log-facility=-"]);
    let mut engine = machine.foreground(&mut engine);
    machine.expect_service();
    assert_eq!(machine.daemon(), 1);
    let [first] = machine.servers()[..] else { panic!("{:?}", machine.servers()) };
    let mut last = 1;
    for _ in 0..3 {
        let mut exec = Command::new("nsenter");
        exec.args(["--target", &first.to_string(), "--pid", "--mount", "--"]).arg(&program);
        exec.args(["--replace", "-C", CONFIG, "-k", "--log-facility=-"]);
        assert_eq!(machine.run_to_end(&mut exec).0, Some(0));
        let new = machine.daemon();
        assert_ne!(new, last);
        last = new;
        machine.expect_service();
        let two = || (machine.servers().len() == 2).then_some(());
        eventually(MAX_LEAVING, two).unwrap_or_else(|| panic!("{:?}", machine.servers()));
        assert!(runs(first));
    }
    // Processes without parent belong to the first process, which reaps them.
    let children = || {
        let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let zombie = |id: &u32| status(*id, "PPid") == first.to_string() && !runs(*id);
        ids.filter(zombie).count()
    };
    let reaped = eventually(TIMEOUT, || (children() == 0).then_some(()));
    assert!(reaped.is_some(), "{} zombies", children());
    signal(first, Signal::SIGTERM);
    let ended = eventually(TIMEOUT, || engine.ended()).expect("the container ends");
    assert_eq!(ended.code(), Some(0));
    machine.expect_end();
}
