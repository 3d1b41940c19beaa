//! How many requests are answered in a second, by pxemasq and by the installed dnsmasq, in one run.
//!
//! ```text
//! cargo bench --bench replies [-- ROUNDS]
//! ```
//!
//! A client in a namespace of its own keeps 1 or 64 requests under way; the configuration has 1, 100 or 10,000 lines
//! for single machines, which the client asks for in turn. Server and client have a core each.
//! Machines differ and change: only the ratios mean something.

#[path = "../common/mod.rs"]
mod common;

use common::lab::Lab;
use common::machine::{Machine, Running};
use common::measure::{CLIENT_CORE, SERVER_CORE, bind_to_core, cpu_seconds, median};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CONFIG: &str = "/srv/dnsmasq.conf";
const ROUND: Duration = Duration::from_secs(1);
const USUAL_ROUNDS: usize = 3;
const LINES: [usize; 3] = [1, 100, 10_000];
const OUTSTANDING: [usize; 2] = [1, 64];
const SERVED: &str = "port=0\ndhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Install,pxelinux\n\
                      dhcp-boot=pxelinux.0\n";
/// An answer that takes longer is lost.
const PATIENCE: Duration = Duration::from_millis(500);

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok());
    let dnsmasq = match common::installed_dnsmasq() {
        Ok(path) => path,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let servers = [("pxemasq", PathBuf::from(env!("CARGO_BIN_EXE_pxemasq"))), ("dnsmasq", dnsmasq)];
    println!("| lines | under way | pxemasq/s | dnsmasq/s | ratio | CPU per answer, ratio |");
    println!("|---|---|---|---|---|---|");
    for kind in ["dhcp-host", "dhcp-mac", "dhcp-match"] {
        for lines in LINES {
            for outstanding in OUTSTANDING {
                let rounds = rounds.unwrap_or(USUAL_ROUNDS);
                let figures: Vec<[Figures; 2]> = (0..rounds)
                    .map(|_| {
                        [&servers[0], &servers[1]]
                            .map(|(_, program)| measure(program, kind, lines, outstanding))
                    })
                    .collect();
                print_row(&format!("{lines} {kind}"), outstanding, &figures);
            }
        }
    }
}

/// Answers in a second, and microseconds of the server's processor for each.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    cpu: f64,
}

fn print_row(name: &str, outstanding: usize, figures: &[[Figures; 2]]) {
    let rate = |who: usize| median(figures.iter().map(|round| round[who].per_second));
    let ratio = median(figures.iter().map(|[ours, theirs]| ours.per_second / theirs.per_second));
    let cpu = median(figures.iter().map(|[ours, theirs]| ours.cpu / theirs.cpu));
    let (ours, theirs) = (rate(0), rate(1));
    println!("| {name} | {outstanding} | {ours:.0} | {theirs:.0} | {ratio:.2} | {cpu:.2} |");
}

fn measure(program: &Path, kind: &str, lines: usize, outstanding: usize) -> Figures {
    // A laboratory belongs to its thread, and the next one gets another.
    let (program, kind) = (program.to_owned(), kind.to_owned());
    let work = move || {
        let lab = Lab::new(["server", "client"]).expect("a laboratory: run as root");
        let machine = Machine::new(&lab, ["server", "client"], &["eth0 10.9.0.1/16".to_owned()]);
        lab.file(CONFIG, configuration(&kind, lines));
        lab.host("client").ip("addr add 10.9.0.2/16 dev c0");
        let running = machine.start(&program, CONFIG, &["-8", "/dev/null"]).expect("it starts");
        bind_to_core(SERVER_CORE, running.id());
        bind_to_core(CLIENT_CORE, std::process::id());
        let client = lab.host("client").udp("0.0.0.0:68");
        ask(&client, &running, lines, outstanding)
    };
    std::thread::spawn(work).join().expect("no panic")
}

fn configuration(kind: &str, lines: usize) -> String {
    let mut text = vec![SERVED.to_owned()];
    text.extend((0..lines).map(|number| {
        let [.., a, b] = number.to_be_bytes();
        let (mac, tag) = (format!("52:54:00:00:{a:02x}:{b:02x}"), number % 97);
        match kind {
            "dhcp-host" => format!("dhcp-host={mac},set:t{tag}\n"),
            "dhcp-mac" => format!("dhcp-mac=set:t{tag},{mac}\n"),
            _ => format!("dhcp-match=set:t{tag},61,01:{mac}\n"),
        }
    }));
    text.concat()
}

/// Keeps so many requests under way.
fn ask(client: &UdpSocket, running: &Running, machines: usize, outstanding: usize) -> Figures {
    client.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let (mut number, mut answers, mut losses) = (0_u32, 0_u32, 0_usize);
    let mut send = || {
        number += 1;
        let request = request(number, number as usize % machines);
        client.send_to(&request, "10.9.255.255:67").expect("the wire is up");
    };
    (0..outstanding).for_each(|_| send());
    let mut buffer = [0; 2048];
    let before = cpu_seconds(running.id());
    let start = Instant::now();
    while start.elapsed() < ROUND {
        match client.recv(&mut buffer) {
            Ok(_) => {
                answers += 1;
                send();
            }
            // All that were under way are lost.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                losses += outstanding;
                (0..outstanding).for_each(|_| send());
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answers > 0 && losses == 0, "{losses} lost of {answers}");
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = (cpu_seconds(running.id()) - before) * 1e6 / f64::from(answers);
    Figures { per_second: f64::from(answers) / elapsed, cpu }
}

/// A DISCOVER of a BIOS client, as its firmware sends it.
fn request(number: u32, machine: usize) -> Vec<u8> {
    let [.., a, b] = machine.to_be_bytes();
    let mac = [0x52, 0x54, 0, 0, a, b];
    let mut bytes = vec![0; 240];
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    bytes[10] = 0x80;
    bytes[28..34].copy_from_slice(&mac);
    bytes[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
    bytes.extend([53, 1, 1, 57, 2, 5, 0xc0, 93, 2, 0, 0, 94, 3, 1, 2, 1, 61, 7, 1]);
    bytes.extend(mac);
    bytes.extend([97, 17, 0]);
    bytes.extend([7; 16]);
    bytes.extend(
        b"\x3c\x20PXEClient:Arch:00000:UNDI:002001\x37\x07\x01\x03\x2b\x3c\x42\x43\x80\xff",
    );
    bytes
}
