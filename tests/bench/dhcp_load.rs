//! A client in its own namespace that keeps a number of DHCP requests in flight, with a number of hardware addresses.

use super::common::lab::Lab;
use super::common::measure::{CLIENT_CORE, SERVER_CORE, bind_to_core, family, family_cpu_seconds};
use super::common::server_host::{Running, ServerHost};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

const CONFIG: &str = "/srv/dnsmasq.conf";
const ROUND: Duration = Duration::from_secs(1);
/// After this time a reply is lost.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Replies per second and CPU microseconds of the server for each.
#[derive(Clone, Copy)]
pub struct Figures {
    pub per_second: f64,
    pub cpu: f64,
}

/// Measures a program with this configuration and these arguments.
pub fn measure(
    program: &Path,
    config: String,
    words: &'static [&'static str],
    machines: usize,
    outstanding: usize,
) -> Figures {
    // A lab belongs to its thread: each run has a new thread.
    let program = program.to_owned();
    let work = move || {
        let lab = Lab::new(["server", "client"]).expect("a lab: run as root");
        let machine = ServerHost::new(&lab, ["server", "client"], &["eth0 10.9.0.1/16".to_owned()]);
        lab.file(CONFIG, config);
        lab.host("client").ip("addr add 10.9.0.2/16 dev c0");
        let running = machine.start(&program, CONFIG, words).expect("it starts");
        for id in family(running.id()) {
            bind_to_core(SERVER_CORE, id);
        }
        bind_to_core(CLIENT_CORE, std::process::id());
        let client = lab.host("client").udp("0.0.0.0:68");
        ask(&client, &running, machines, outstanding)
    };
    std::thread::spawn(work).join().expect("no panic")
}

/// Keeps this number of requests in flight.
fn ask(client: &UdpSocket, running: &Running, machines: usize, outstanding: usize) -> Figures {
    client.set_read_timeout(Some(TIMEOUT)).expect("a socket");
    let (mut number, mut answers, mut losses) = (0_u32, 0_u32, 0_usize);
    let mut send = || {
        number += 1;
        let request = request(number, number as usize % machines);
        client.send_to(&request, "10.9.255.255:67").expect("the link is up");
    };
    for _ in 0..outstanding {
        send();
    }
    let mut buffer = [0; 2048];
    let before = family_cpu_seconds(running.id());
    let start = Instant::now();
    while start.elapsed() < ROUND {
        match client.recv(&mut buffer) {
            Ok(_) => {
                answers += 1;
                send();
            }
            // All requests in flight are lost.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                losses += outstanding;
                for _ in 0..outstanding {
                    send();
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answers > 0 && losses == 0, "{losses} lost of {answers}");
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = (family_cpu_seconds(running.id()) - before) * 1e6 / f64::from(answers);
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
