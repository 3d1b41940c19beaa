//! Malformed packets and unusual files: the program continues to serve.

mod common;

use common::lab::{Lab, Process};
use common::random::Random;
use common::required;
use common::{request, tftp_text, two_hosts};
use std::net::{SocketAddrV6, UdpSocket};
use std::process::Command;
use std::time::Duration;

crate::tests![
    daemon_serves_after_100000_malformed_datagrams,
    memory_is_bounded_after_20000_clients,
    long_file_names_are_refused_with_short_messages,
    fifo_is_refused_as_a_file,
    link_local_requests_are_answered,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str = "port=0\nlog-dhcp\nenable-tftp\ntftp-root=/srv/tftp\ntftp-max=1000\ndhcp-range=10.9.0.0,proxy\n\
    dhcp-match=set:a,option:client-arch,7\ndhcp-vendorclass=set:b,PXEClient\ndhcp-userclass=set:c,iPXE\n\
    dhcp-name-match=set:d,x*\ntag-if=set:e,tag:a\npxe-prompt=Boot,1\npxe-service=0,One,one\npxe-service=7,Two,two\n\
    dhcp-boot=tag:a,file\ndhcp-option=vendor:PXEClient,6,2b\n";

/// Total number of datagrams to all ports.
const DATAGRAMS: usize = 100_000;

fn daemon_serves_after_100000_malformed_datagrams() {
    for config in ["", "tftp-single-port\n"] {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        lab.file(two_hosts::CONFIG, CONFIG.to_owned() + config);
        send_malformed(&lab, config.is_empty());
    }
}

/// If each transfer has its own socket, no request names an existing file: unfinished transfers would reach `tftp-max`.
fn send_malformed(lab: &Lab, own_sockets: bool) {
    let mut daemon = start(lab);
    let ports = [67, 4011, 69];
    let sockets: Vec<UdpSocket> = (0..8).map(|_| lab.host("client").udp("10.9.0.2:0")).collect();
    let seeds = seeds(if own_sockets { "none" } else { "small" });
    let mut random = Random::new(0x5eed);
    let mut early = Resources::default();
    for nth in 0..DATAGRAMS / 2 {
        let bytes = broken(&mut random, &seeds);
        let to = (std::net::Ipv4Addr::new(10, 9, 0, 1), ports[nth % ports.len()]);
        // If the socket is full, the datagram is lost, as on a network.
        drop(sockets[nth % sockets.len()].send_to(&bytes, to));
        if nth % 100 == 0 {
            // The server needs time to read them: a datagram that is lost in a full queue tests nothing.
            std::thread::sleep(Duration::from_millis(5));
        }
        if nth % 1000 == 0 {
            assert!(daemon.ended().is_none(), "the process ended after {nth} datagrams");
            answers(lab);
        }
        if nth == DATAGRAMS / 20 {
            early = Resources::of(&daemon);
        }
    }
    assert!(daemon.ended().is_none(), "the process ended");
    answers(lab);
    let after = Resources::of(&daemon);
    assert!(after.memory <= early.memory + MORE_MEMORY, "{early:?} {after:?}");
    assert!(after.descriptors <= early.descriptors + MORE_DESCRIPTORS, "{early:?} {after:?}");
}

/// The resources of a process: private memory in kilobytes, and descriptors.
#[derive(Clone, Copy, Debug, Default)]
struct Resources {
    memory: usize,
    descriptors: usize,
}

/// Allowed growth in kilobytes after the first tenth of the datagrams: the state of clients is bounded.
const MORE_MEMORY: usize = 1024;
const MORE_DESCRIPTORS: usize = 8;

impl Resources {
    fn of(daemon: &Process) -> Self {
        let id = daemon.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let memory = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let descriptors = std::fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count();
        Self { memory: memory.expect("the kernel has RssAnon"), descriptors }
    }
}

/// Valid requests, each with a different random hardware address.
fn memory_is_bounded_after_20000_clients() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let daemon = serve(&lab);
    let socket = lab.host("client").udp("10.9.0.2:0");
    let mut random = Random::new(7);
    let mut early = Resources::default();
    for nth in 0..20_000 {
        let mut bytes = datagram("REQUEST port=4011 arch=7 ciaddr=10.9.0.2");
        for byte in &mut bytes[28..34] {
            *byte = random.byte();
        }
        drop(socket.send_to(&bytes, ("10.9.0.1", if nth % 2 == 0 { 67 } else { 4011 })));
        if nth % 50 == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        // After the reply, all earlier datagrams have been read.
        if nth % 500 == 0 {
            answers(&lab);
        }
        // Before this, the memory grows until the state of clients has its maximum.
        if nth == 10_000 {
            early = Resources::of(&daemon);
        }
    }
    answers(&lab);
    let after = Resources::of(&daemon);
    assert!(after.memory <= early.memory + MORE_MEMORY, "{early:?} {after:?}");
}

/// Long names and modes crashed other servers (CVE-2009-2957, CVE-2003-0380).
fn long_file_names_are_refused_with_short_messages() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let mut daemon = serve(&lab);
    for (length, code) in
        [(255, 1), (256, 0), (1024, 0), (2041, 0), (2042, 4), (3000, 4), (60_000, 4)]
    {
        let answer = asked(&lab, "10.9.0.1", &"A".repeat(length));
        assert_eq!(answer[..4], [0, 5, 0, code], "{length}: {}", answer.escape_ascii());
        assert!(answer.len() <= 504 && answer.ends_with(&[0]), "{length}");
    }
    let mode = format!("small\0{}", "B".repeat(1500));
    assert_eq!(asked(&lab, "10.9.0.1", &mode)[..4], [0, 5, 0, 4]);
    answers(&lab);
    assert!(daemon.ended().is_none());
}

fn fifo_is_refused_as_a_file() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let mut daemon = serve(&lab);
    lab.host("server").run(Command::new("mkfifo").args(["-m", "644", "/srv/tftp/fifo"]));
    assert_eq!(
        asked(&lab, "10.9.0.1", "fifo"),
        b"\0\x05\0\0cannot read /srv/tftp/fifo: Illegal seek\0"
    );
    answers(&lab);
    assert!(daemon.ended().is_none());
}

fn link_local_requests_are_answered() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let _daemon = serve(&lab);
    let (server, client) = (lab.host("server"), lab.host("client"));
    server.ip("-6 addr add fe80::1/64 dev eth0 nodad");
    client.ip("-6 addr add fe80::2/64 dev c0 nodad");
    // A link-local address needs the interface index, from `3: c0@if2: ...`.
    let shown = client.ip("-o link show c0");
    let index: u32 = shown
        .split(':')
        .next()
        .and_then(|index| index.trim().parse().ok())
        .expect("ip shows the index");
    let socket = client.udp(&format!("[fe80::2%{index}]:0"));
    let to = SocketAddrV6::new("fe80::1".parse().expect("an address"), 69, 0, index);
    let mut buffer = [0; 64];
    let answer = (0..3).find_map(|_| {
        socket.send_to(b"\0\x01small\0octet\0", to).expect("the link is up");
        socket.recv(&mut buffer).ok()
    });
    assert_eq!(answer.map(|size| &buffer[..size]), Some(&b"\0\x03\0\x01hello\n"[..]));
}

/// Writes the configuration and starts the program.
fn serve(lab: &Lab) -> Process {
    lab.file(two_hosts::CONFIG, CONFIG);
    start(lab)
}

/// Starts the program.
fn start(lab: &Lab) -> Process {
    two_hosts::start(lab, &["-u", "root", "-x", "/run/pid"], &[], &[67, 69, 4011])
}

/// Checks that a valid client gets its file and a reply on port 4011.
fn answers(lab: &Lab) {
    assert_eq!(asked(lab, "10.9.0.1", "small"), b"\0\x03\0\x01hello\n");
    let bytes = datagram("REQUEST port=4011 arch=7 ciaddr=10.9.0.2");
    let socket = lab.host("client").udp("10.9.0.2:0");
    let mut buffer = [0; 2048];
    let answer = (0..3).find_map(|_| {
        socket.send_to(&bytes, "10.9.0.1:4011").expect("the link is up");
        socket.recv(&mut buffer).ok()
    });
    assert!(answer.is_some_and(|size| size >= 300 && buffer[0] == 2), "no answer on 4011");
}

/// Sends a read request, up to three times, and returns the first datagram of the server.
fn asked(lab: &Lab, server: &str, file: &str) -> Vec<u8> {
    let socket = lab.host("client").udp("10.9.0.2:0");
    let request = format!("\0\x01{file}\0octet\0");
    let mut buffer = [0; 2048];
    for _ in 0..3 {
        socket.send_to(request.as_bytes(), (server, 69)).expect("the link is up");
        if let Ok((size, from)) = socket.recv_from(&mut buffer) {
            drop(socket.send_to(&[0, 4, 0, 1], from));
            return buffer[..size].to_vec();
        }
    }
    panic!("no reply");
}

/// Valid datagrams, which [`broken`] changes.
fn seeds(file: &str) -> Vec<Vec<u8>> {
    let asks = format!("RRQ {file} octet blksize 1408 tsize 0 windowsize 4 timeout 3");
    let lines = [
        &*asks,
        "DISCOVER arch=0",
        "DISCOVER arch=7 77=0469505845 12=7863 82=010400000001 175=010101",
        "REQUEST port=4011 arch=7 ciaddr=10.9.0.2 43=470480000000 125=00000de904010161",
        "INFORM arch=0 81=040000017802",
        "RRQ ../../etc/passwd netascii",
        "WRQ x octet",
        "ACK 1",
        "ERROR 8 no",
    ];
    lines.iter().map(|line| datagram(line)).collect()
}

fn datagram(words: &str) -> Vec<u8> {
    if matches!(words.split(' ').next(), Some("DISCOVER" | "REQUEST" | "INFORM"))
        && let request::Step::Send(request) = request::step(words)
    {
        return request.bytes;
    }
    match tftp_text::step(words) {
        tftp_text::Step::Send { bytes, .. } => bytes,
        tftp_text::Step::Wait(_) => unreachable!("no line is a wait"),
    }
}

/// Random bytes, or a valid datagram with bytes changed, removed or appended.
fn broken(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    if random.once_in(8) {
        let size = random.below(700);
        return (0..size).map(|_| random.byte()).collect();
    }
    let mut bytes = random.of(seeds);
    for _ in 0..random.below(6) {
        let at = random.below(bytes.len());
        bytes[at] = random.byte();
    }
    match random.below(4) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => bytes.extend((0..random.below(80)).map(|_| 255_u8)),
        _ => {}
    }
    bytes
}
