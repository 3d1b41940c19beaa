//! A replacement with each way to start the server, and with each kind of change. In each a transfer goes on while it happens.

use crate::common::download::Download;
use crate::common::lab::{Process, eventually};
use crate::common::lockstep::LockstepClient;
use crate::prober::Prober;
use crate::requests::{PORTS, Port};
use crate::scene::{
    CLIENT, PID_FILE, RANGES, ROOT, Scene, TIMEOUT, contents, pid_in_file, pid_of_status, programs,
    runs, signal,
};
use nix::sys::signal::Signal;
use std::fs;

crate::tests![
    server_in_the_background_is_replaced,
    server_in_the_foreground_is_replaced,
    server_in_debug_mode_is_replaced,
    server_of_root_is_replaced_by_one_of_nobody_and_back,
    server_with_bind_dynamic_is_replaced,
    server_with_bind_interfaces_is_replaced,
    server_with_a_single_port_is_replaced,
    single_port_ends_and_begins_with_the_new_process,
    transfer_over_port_69_continues_although_the_server_does_not_need_its_socket,
    server_with_a_port_range_is_replaced,
    server_with_a_port_range_without_a_free_port_is_replaced,
    wildcard_sockets_are_replaced_by_bound_ones_and_back,
    dhcp_socket_is_bound_to_another_device,
    address_that_was_added_is_served_by_the_new_process,
    dhcp_ends_and_begins_with_the_new_process,
    tftp_ends_and_begins_with_the_new_process,
    signals_to_the_process_that_waits_reach_the_server,
    transfers_of_the_replaced_process_end_with_the_server,
    log_file_is_opened_again_by_both_processes,
];

const FILE: &str = "file";
const SIZE: usize = 200_000;
const SMALL: &str = "hello\n";
const LOG: &str = "/srv/log/dnsmasq.log";
const STDERR: &str = "/srv/log/stderr";

/// A server with a transfer that is in the middle.
struct Running {
    scene: Scene,
    prober: Prober,
    pid: u32,
    /// The started process, if it is in the foreground.
    started: Option<Process>,
    /// Options of the command line.
    words: &'static [&'static str],
    transfer: LockstepClient,
}

impl Running {
    /// Starts the server with these lines, and a log file.
    fn new(lines: &str, words: &'static [&'static str]) -> Option<Self> {
        let scene = Scene::new()?;
        scene.lab.file(&format!("/srv/tftp/{FILE}"), contents(FILE, SIZE));
        scene.lab.file("/srv/tftp/small", SMALL);
        scene.lab.file(LOG, "");
        configure(&scene, lines);
        let is_foreground = words.iter().any(|word| ["-k", "-d"].contains(word));
        let started = is_foreground.then(|| scene.start_in_foreground(words, STDERR));
        let pid = started.as_ref().map_or_else(|| scene.start(words), Process::id);
        let prober = Prober::new(scene.prober());
        let transfer = begin(&scene);
        Some(Self { scene, prober, pid, started, words, transfer })
    }

    fn is_debug(&self) -> bool {
        self.words.contains(&"-d")
    }

    /// Replaces the server by one with these lines, which answers on these ports, and checks everything.
    fn replace(&mut self, lines: &str, ports: &[Port]) {
        configure(&self.scene, lines);
        let old = self.pid;
        self.pid = self.scene.replace(self.words);
        let in_file = (!self.is_debug()).then_some(self.pid);
        assert_eq!(pid_in_file(), in_file);
        assert_eq!(self.prober.ask(ports), Ok(()), "{:#?}", log());
        for port in PORTS.iter().filter(|port| !ports.contains(port)) {
            let number = port.number();
            let closed = || (!self.scene.server().listens_on_udp(number)).then_some(());
            eventually(TIMEOUT, closed).unwrap_or_else(|| panic!("port {number} is not closed"));
        }
        if ports.contains(&Port::Tftp) {
            assert_eq!(get_small(&self.scene, "10.9.0.1:69"), Ok(SMALL.into()));
            assert_logged(self.pid, "sent /srv/tftp/small to 10.9.0.2");
        }
        self.finish_transfer(old);
        if ports.contains(&Port::Tftp) {
            self.transfer = begin(&self.scene);
        }
    }

    /// The replaced process finishes its transfer, and ends, or waits.
    fn finish_transfer(&mut self, old: u32) {
        while self.transfer.step().unwrap_or_else(|error| panic!("{error}: {:#?}", log())) {}
        assert!(self.transfer.got == contents(FILE, SIZE), "the file differs");
        assert_logged(old, &format!("sent /srv/tftp/{FILE} to 10.9.0.2"));
        match &mut self.started {
            Some(process) if process.id() == old => {
                let helpers = || crate::common::measure::family(old).len();
                let alone = eventually(TIMEOUT, || (helpers() == 1).then_some(()));
                alone.expect("it ends its helper processes");
                assert_eq!(process.ended(), None, "it waits for the end of the server");
            }
            _ => {
                let ended = eventually(TIMEOUT, || (!runs(old)).then_some(()));
                ended.expect("it ends after its last transfer");
            }
        }
    }

    /// Ends the server by a signal to this process.
    fn stop_by(mut self, process: u32) {
        signal(process, Signal::SIGTERM);
        self.scene.assert_nothing_left();
        if let Some(process) = &mut self.started {
            let status = eventually(TIMEOUT, || process.ended()).expect("it ends");
            assert_eq!(status.code(), Some(0));
        }
        assert_logged(self.pid, "exiting on receipt of SIGTERM");
    }

    fn stop(self) {
        let pid = self.pid;
        self.stop_by(pid);
    }
}

fn configure(scene: &Scene, lines: &str) {
    scene.configure(&format!("log-facility={LOG}\n{lines}"));
}

/// Begins a transfer, and stops in its middle.
fn begin(scene: &Scene) -> LockstepClient {
    let mut transfer = LockstepClient::ask(scene.client(), CLIENT, FILE).expect("a transfer");
    for _ in 0..20 {
        assert_eq!(transfer.step(), Ok(true));
    }
    transfer
}

fn get_small(scene: &Scene, server: &str) -> Result<Vec<u8>, String> {
    Download { file: "small", server, ..Download::DEFAULT }.bytes(scene.client())
}

fn log() -> Vec<String> {
    let text = fs::read_to_string(LOG).expect("a log file");
    text.lines().map(str::to_owned).collect()
}

/// Waits for a line of this process.
fn assert_logged(process: u32, text: &str) {
    let head = format!("[{process}]: {text}");
    let logged = || log().iter().any(|line| line.contains(&head)).then_some(());
    eventually(TIMEOUT, logged).unwrap_or_else(|| panic!("no {head:?} in {:#?}", log()));
}

/// A replacement without a change, and another one.
fn replace_twice(lines: &str, words: &'static [&'static str], ports: &[Port]) {
    let Some(mut running) = Running::new(lines, words) else { return };
    running.replace(lines, ports);
    running.replace(lines, ports);
    running.stop();
}

fn with_ranges(lines: &str) -> String {
    format!("{ROOT}{RANGES}{lines}")
}

fn server_in_the_background_is_replaced() {
    replace_twice(&with_ranges(""), &[], &PORTS);
}

fn server_in_the_foreground_is_replaced() {
    replace_twice(&with_ranges(""), &["-k"], &PORTS);
}

fn server_in_debug_mode_is_replaced() {
    replace_twice(&with_ranges(""), &["-d"], &PORTS);
    assert!(!fs::exists(PID_FILE).expect("the directory is readable"));
}

fn server_of_root_is_replaced_by_one_of_nobody_and_back() {
    let (root, nobody) = (with_ranges("user=root\n"), with_ranges("user=nobody\n"));
    let Some(mut running) = Running::new(&root, &[]) else { return };
    for (lines, user) in [(&nobody, "65534"), (&root, "0"), (&nobody, "65534")] {
        running.replace(lines, &PORTS);
        let id = crate::common::measure::status(running.pid, "Uid");
        assert!(id.starts_with(&format!("{user} ")), "{id}");
    }
    running.stop();
}

fn server_with_bind_dynamic_is_replaced() {
    replace_twice(&with_ranges("bind-dynamic\nexcept-interface=lo\n"), &[], &PORTS);
}

fn server_with_bind_interfaces_is_replaced() {
    replace_twice(&with_ranges("bind-interfaces\n"), &[], &PORTS);
}

fn server_with_a_single_port_is_replaced() {
    replace_twice(&with_ranges("tftp-single-port\n"), &[], &PORTS);
}

fn single_port_ends_and_begins_with_the_new_process() {
    let (single, many) = (with_ranges("tftp-single-port\n"), with_ranges(""));
    let bound = with_ranges("bind-interfaces\n");
    let Some(mut running) = Running::new(&single, &[]) else { return };
    for lines in [&many, &single, &bound, &single] {
        running.replace(lines, &PORTS);
    }
    running.stop();
}

fn transfer_over_port_69_continues_although_the_server_does_not_need_its_socket() {
    let single = with_ranges("tftp-single-port\nbind-interfaces\n");
    let other_interface = with_ranges("bind-interfaces\ninterface=eth1\nexcept-interface=lo\n");
    let common = format!("port=0\nlog-facility={LOG}\n");
    for lines in [format!("{common}enable-tftp\n{other_interface}"), format!("{common}{RANGES}")] {
        let Some(mut running) = Running::new(&single, &[]) else { return };
        running.scene.lab.file(crate::scene::CONFIG, lines);
        let old = running.pid;
        running.pid = running.scene.replace(&[]);
        running.finish_transfer(old);
        // 10.9.0.1:69 (proc_net_udp(5))
        let sockets = || fs::read_to_string("/proc/thread-self/net/udp").expect("it is readable");
        let is_closed = || {
            let open = running.scene.server().inside(sockets).contains("0100090A:0045");
            (!open).then_some(())
        };
        eventually(TIMEOUT, is_closed).expect("the socket is closed");
        running.stop();
    }
}

fn server_with_a_port_range_is_replaced() {
    replace_twice(&with_ranges("tftp-port-range=40000,40009\n"), &[], &PORTS);
}

/// The replaced process has the only port until its transfer has ended.
fn server_with_a_port_range_without_a_free_port_is_replaced() {
    let lines = with_ranges("tftp-port-range=40000,40000\n");
    let Some(mut running) = Running::new(&lines, &[]) else { return };
    let old = running.pid;
    running.pid = running.scene.replace(&[]);
    assert_eq!(running.prober.ask(&[Port::Dhcp, Port::Pxe]), Ok(()));
    running.finish_transfer(old);
    let served = || (get_small(&running.scene, "10.9.0.1:69") == Ok(SMALL.into())).then_some(());
    eventually(TIMEOUT, served).expect("the port is free again");
    running.stop();
}

fn wildcard_sockets_are_replaced_by_bound_ones_and_back() {
    let wildcard = with_ranges("");
    let bound = with_ranges("interface=eth0\ninterface=eth1\nbind-interfaces\n");
    let dynamic = with_ranges("bind-dynamic\ninterface=eth0\ninterface=eth1\n");
    let Some(mut running) = Running::new(&wildcard, &[]) else { return };
    for lines in [&bound, &wildcard, &dynamic, &bound, &dynamic, &wildcard] {
        running.replace(lines, &PORTS);
    }
    running.stop();
}

/// With one interface, the DHCP sockets are bound to it.
fn dhcp_socket_is_bound_to_another_device() {
    let both = with_ranges("bind-interfaces\ninterface=eth0\ninterface=eth1\n");
    let one = with_ranges("bind-interfaces\ninterface=eth1\nlisten-address=10.9.0.1,10.9.1.1\n");
    let Some(mut running) = Running::new(&both, &[]) else { return };
    for lines in [&one, &both, &one] {
        running.replace(lines, &PORTS);
    }
    running.stop();
}

fn address_that_was_added_is_served_by_the_new_process() {
    for lines in ["bind-interfaces\ninterface=eth0\ninterface=eth1\n", ""] {
        let lines = with_ranges(lines);
        let Some(mut running) = Running::new(&lines, &[]) else { return };
        running.scene.server().ip("addr add 10.9.0.7/24 dev eth0");
        running.replace(&lines, &PORTS);
        assert_eq!(get_small(&running.scene, "10.9.0.7:69"), Ok(SMALL.into()), "{lines}");
        running.scene.server().ip("addr del 10.9.0.7/24 dev eth0");
        running.replace(&lines, &PORTS);
        running.stop();
    }
}

fn dhcp_ends_and_begins_with_the_new_process() {
    let Some(mut running) = Running::new(&with_ranges(""), &[]) else { return };
    running.replace(ROOT, &[Port::Tftp]);
    running.replace(&with_ranges(""), &PORTS);
    running.stop();
}

fn tftp_ends_and_begins_with_the_new_process() {
    let with_tftp = with_ranges("");
    let without = format!("port=0\nlog-facility={LOG}\n{RANGES}");
    let Some(mut running) = Running::new(&with_tftp, &[]) else { return };
    let old = running.pid;
    running.scene.lab.file(crate::scene::CONFIG, without);
    running.pid = running.scene.replace(&[]);
    assert_eq!(running.prober.ask(&[Port::Dhcp, Port::Pxe]), Ok(()));
    let closed = || (!running.scene.server().listens_on_udp(69)).then_some(());
    eventually(TIMEOUT, closed).expect("port 69 is closed");
    running.finish_transfer(old);
    configure(&running.scene, &with_tftp);
    running.pid = running.scene.replace(&[]);
    assert_eq!(running.prober.ask(&PORTS), Ok(()));
    running.stop();
}

/// The program that has started the server has only the process id of the first process.
fn signals_to_the_process_that_waits_reach_the_server() {
    let lines = with_ranges("dhcp-hostsfile=/srv/hosts\n");
    let Some(scene) = Scene::new() else { return };
    drop(scene);
    for is_loading in [true, false] {
        let Some(mut running) = Running::new(&with_ranges(""), &["-k"]) else { return };
        running.scene.lab.file("/srv/hosts", "52:54:00:00:00:01,set:a\n");
        let first = running.pid;
        if is_loading {
            configure(&running.scene, &lines);
            running.pid = running.scene.replace(&["-k"]);
        } else {
            running.replace(&lines, &PORTS);
            running.replace(&lines, &PORTS);
        }
        assert_logged(running.pid, "read /srv/hosts");
        let reads = || log().iter().filter(|line| line.ends_with("read /srv/hosts")).count();
        let before = reads();
        signal(first, Signal::SIGHUP);
        eventually(TIMEOUT, || (reads() > before).then_some(())).expect("it reads the file again");
        running.stop_by(first);
    }
}

/// As without a replacement, SIGTERM ends everything.
fn transfers_of_the_replaced_process_end_with_the_server() {
    for words in [&[][..], &["-k"]] {
        let Some(mut running) = Running::new(&with_ranges(""), words) else { return };
        running.pid = running.scene.replace(words);
        running.stop();
    }
}

fn log_file_is_opened_again_by_both_processes() {
    let Some(mut running) = Running::new(&with_ranges("user=root\n"), &[]) else { return };
    let old = running.pid;
    running.pid = running.scene.replace(&[]);
    fs::rename(LOG, "/srv/log/old").expect("/srv is writable");
    signal(running.pid, Signal::SIGUSR2);
    eventually(TIMEOUT, || fs::exists(LOG).ok().filter(|exists| *exists)).expect("a new file");
    assert_eq!(get_small(&running.scene, "10.9.0.1:69"), Ok(SMALL.into()));
    assert_logged(running.pid, "sent /srv/tftp/small to 10.9.0.2");
    running.finish_transfer(old);
    assert_eq!(pid_of_status(), Ok(running.pid));
    assert!(programs().contains(&running.pid));
    running.stop();
}
