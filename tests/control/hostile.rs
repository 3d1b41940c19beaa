//! Clients of root that send malformed requests. Machines boot meanwhile, and nothing is left.

use crate::client::{
    SOCKET, answer, answering, ask, assert_holds, connect, file_process, held, status_as,
    status_request, waits,
};
use crate::common::boot_rom::BootRom;
use crate::common::lab::eventually;
use crate::common::measure::cpu_seconds;
use crate::common::packet::PacketSocket;
use crate::common::random::Random;
use crate::common::required;
use crate::setup::{RANGE, Setup, TIMEOUT, daemon, end, runs, signal, started};
use nix::sys::signal::Signal;
use pxemasq::control::{ERROR, LAST};
use pxemasq::sys::channel::Channel;
use pxemasq::sys::control_socket::connect_to_server;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

crate::tests![
    silent_clients_keep_out_no_other_client_and_are_closed_after_ten_seconds,
    malformed_requests_have_an_error_or_end_the_connection,
    clients_that_do_not_read_are_closed_after_four_seconds,
    thousands_of_requests_cause_ten_documents_per_second,
    stopped_packet_process_is_an_error_after_four_seconds,
    missing_descriptor_causes_a_pause_and_no_loop,
    clients_that_are_killed_leave_nothing,
];

/// The running program and what its file process holds without clients.
struct Scene {
    setup: Setup,
    files: u32,
    before: [usize; 2],
}

impl Scene {
    fn new() -> Option<Self> {
        Self::with(&[])
    }

    fn with(words: &[&str]) -> Option<Self> {
        let setup = required(Setup::new(RANGE))?;
        assert_eq!(setup.background(words), started());
        let files = file_process();
        let scene = Self { setup, files, before: [0; 2] };
        // The first look-up and the first client start threads that stay.
        scene.assert_boots();
        assert_eq!(ask(&connect(), &status_request()).expect("an answer").0, LAST);
        sleep(Duration::from_millis(200));
        Some(Self { before: held(files), ..scene })
    }

    /// A machine gets its answers and its file.
    fn assert_boots(&self) {
        let packets = PacketSocket::new(self.setup.lab.host("client"));
        let addresses = ["10.9.0.1", "10.9.0.2"].map(|text| text.parse().expect("an address"));
        let reply = BootRom::new("arch=x86PC", &packets, addresses[0], addresses[1]).boot();
        assert_eq!(reply.expect("an answer").file, "pxelinux.0");
        assert_eq!(self.setup.get("small"), Ok(b"hello\n".to_vec()));
    }

    /// Root gets an answer, a machine boots, and the file process holds what it held before.
    fn assert_unharmed(self) {
        let Self { setup, files, before } = &self;
        let id = daemon().expect("a pid file");
        assert_eq!(answering(&status_as(setup, 0, &[])), Ok(id.into()));
        self.assert_boots();
        assert_holds(*files, *before);
        end(id);
    }
}

fn silent_clients_keep_out_no_other_client_and_are_closed_after_ten_seconds() {
    let Some(scene) = Scene::new() else { return };
    let begin = Instant::now();
    let silent: Vec<Channel> = (0..8).map(|_| connect()).collect();
    sleep(Duration::from_millis(200));
    for _ in 0..3 {
        let found = answering(&status_as(&scene.setup, 0, &[]));
        assert_eq!(found, Ok(daemon().expect("a pid file").into()));
    }
    scene.assert_boots();
    assert!(begin.elapsed() < TIMEOUT, "an answer has waited for the silent clients");
    let closed: Vec<bool> = silent.iter().map(|client| client.wait(Duration::ZERO)).collect();
    assert_eq!(closed.iter().filter(|closed| **closed).count(), 1, "{closed:?}");
    for client in &silent {
        assert_eq!(answer(client, Duration::from_secs(12)), None);
    }
    assert!(begin.elapsed() > Duration::from_secs(10));
    scene.assert_unharmed();
}

fn malformed_requests_have_an_error_or_end_the_connection() {
    let Some(scene) = Scene::new() else { return };
    let client = connect();
    let other_version = br#"{"protocol":2,"request":"status"}"#;
    let mut long = status_request();
    long.resize(4097, b' ');
    let deep = [&br#"{"protocol":1,"request":"#[..], &[b'['; 4000]].concat();
    for (message, expected) in [
        (&b"\0"[..], "this is no request of pxemasq"),
        (b"{}", "this is no request of pxemasq"),
        (&deep, "this is no request of pxemasq"),
        (other_version, "the running server has version 1"),
        (br#"{"protocol":1,"request":"stop"}"#, "unknown request"),
        (&long, "the request is longer than 4096 bytes"),
        (&vec![b'x'; 100_000], "the request is longer than 4096 bytes"),
    ] {
        let (kind, text) = ask(&client, message).expect("an answer");
        assert!(kind == ERROR && text.starts_with(expected), "{text}");
    }
    long.truncate(4096);
    assert_eq!(ask(&client, &long).expect("an answer").0, LAST, "4,096 bytes are not too long");
    let mut random = Random::new(7);
    for _ in 0..2000 {
        let size = random.below(300) + 1;
        let message: Vec<u8> = (0..size).map(|_| random.below(256).to_le_bytes()[0]).collect();
        assert_eq!(ask(&client, &message).expect("an answer").0, ERROR);
    }
    // Descriptors with a message are closed.
    let file = File::open("/dev/null").expect("it is there");
    for _ in 0..20 {
        client.send_fds(&status_request(), &[file.as_fd(); 250]).expect("it can be sent");
        assert_eq!(answer(&client, TIMEOUT).expect("an answer").0, LAST);
    }
    assert_eq!(ask(&client, b""), None, "an empty message ends the connection");
    scene.assert_unharmed();
}

/// They send requests until the answers do not fit into the connection.
fn clients_that_do_not_read_are_closed_after_four_seconds() {
    let Some(scene) = Scene::new() else { return };
    let clients: Vec<Channel> = (0..8).map(|_| connect()).collect();
    let mut sent = 0;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        for client in &clients {
            while client.send(&status_request()).is_ok() {
                sent += 1;
            }
        }
    }
    assert!(sent > 8 * 300, "the answers to {sent} requests fit");
    scene.assert_boots();
    // All connections are being answered: this one waits.
    let found = answering(&status_as(&scene.setup, 0, &[]));
    assert_eq!(found, Ok(daemon().expect("a pid file").into()));
    assert!(begin.elapsed() < Duration::from_secs(12));
    let is_closed = |client: &Channel| {
        client.send(b"x").is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
    };
    let all = || clients.iter().all(is_closed).then_some(());
    eventually(Duration::from_secs(10), all).expect("all were closed");
    scene.assert_unharmed();
}

fn thousands_of_requests_cause_ten_documents_per_second() {
    const TIME: Duration = Duration::from_secs(2);
    let Some(scene) = Scene::new() else { return };
    let packets = daemon().expect("a pid file");
    let before = (waits(packets), cpu_seconds(packets));
    let begin = Instant::now();
    let counts: Vec<u64> = scope(|scope| {
        let clients = (0..4).map(|_| {
            scope.spawn(|| {
                let mut count = 0;
                while begin.elapsed() < TIME {
                    // Half of the clients connect for each request.
                    let client = connect();
                    for _ in 0..=count % 2 {
                        assert_eq!(ask(&client, &status_request()).expect("an answer").0, LAST);
                        count += 1;
                    }
                }
                count
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().expect("it ends")).collect()
    });
    let after = (waits(packets), cpu_seconds(packets));
    let requests: u64 = counts.iter().sum();
    println!("{requests} requests: the packet process has waited {} times", after.0 - before.0);
    assert!(requests > 1000, "{requests} requests");
    // 21 documents, and the events of its idle time.
    assert!(after.0 - before.0 < 60, "it was woken {} times", after.0 - before.0);
    assert!(after.1 - before.1 < 0.3, "{} s of processor time", after.1 - before.1);
    scene.assert_unharmed();
}

fn stopped_packet_process_is_an_error_after_four_seconds() {
    let Some(scene) = Scene::new() else { return };
    let packets = daemon().expect("a pid file");
    signal(packets, Signal::SIGSTOP);
    let begin = Instant::now();
    let asking = |_| {
        let client = connect();
        client.send(&status_request()).expect("it fits");
        client
    };
    let clients: Vec<Channel> = (0..12).map(asking).collect();
    for client in &clients {
        let (kind, text) = answer(client, Duration::from_secs(15)).expect("an answer");
        assert!(kind == ERROR && text.contains("it is busy or stopped"), "{text}");
    }
    // Eight at a time.
    assert!((5..15).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    let error = answering(&status_as(&scene.setup, 0, &[])).expect_err("it is stopped");
    assert!(error.contains("it is busy or stopped"), "{error}");
    drop(clients);
    signal(packets, Signal::SIGCONT);
    scene.assert_unharmed();
}

fn missing_descriptor_causes_a_pause_and_no_loop() {
    // Limits of another user need CAP_SYS_RESOURCE.
    let Some(scene) = Scene::with(&["-uroot", "--group="]) else { return };
    let limit = |value: &str| {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &scene.files.to_string(), &format!("--nofile={value}")]);
        assert!(command.status().is_ok_and(|ended| ended.success()), "prlimit");
    };
    // Each new descriptor has a higher number.
    limit("3:");
    let client = connect();
    client.send(&status_request()).expect("it fits");
    let before = (waits(scene.files), cpu_seconds(scene.files));
    sleep(Duration::from_secs(2));
    assert!(!client.wait(Duration::ZERO), "there was a descriptor");
    let after = (waits(scene.files), cpu_seconds(scene.files));
    assert!((10..40).contains(&(after.0 - before.0)), "{} attempts", after.0 - before.0);
    assert!(after.1 - before.1 < 0.2, "{} s of processor time", after.1 - before.1);
    limit("1024:");
    assert_eq!(answer(&client, TIMEOUT).expect("an answer").0, LAST);
    drop(client);
    scene.assert_unharmed();
}

/// `--status` that is killed at any time.
fn clients_that_are_killed_leave_nothing() {
    let Some(scene) = Scene::new() else { return };
    for delay in 0..100 {
        let mut command = Setup::program(&["--status"]);
        let mut client =
            scene.setup.lab.host("server").spawn(command.stdout(std::process::Stdio::null()));
        sleep(Duration::from_micros(delay * 200));
        if client.ended().is_none() {
            signal(client.id(), Signal::SIGKILL);
        }
    }
    for _ in 0..100 {
        let client = connect_to_server(Path::new(SOCKET)).expect("it accepts connections");
        client.send(&status_request()).expect("it fits");
    }
    assert!(runs(scene.files));
    scene.assert_unharmed();
}
