//! 1,000 clients send their requests at the same moment, each for another file. A client whose request or answer was lost sends
//! it again after a second.
//!
//! ```text
//! cargo bench --bench open_storm [-- ROUNDS PROGRAM...]
//! ```

#[path = "../common/mod.rs"]
mod common;
mod programs;
#[allow(dead_code)] // the parts for other benchmarks
mod tftp_load;

use common::lab::Lab;
use nix::sys::resource::{Resource, setrlimit};
use programs::{CONFIG, WORDS, compare};
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};
use tftp_load::{ROOT, Server};

const CLIENTS: usize = 1000;
/// The default of boot ROMs.
const RETRY: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(60);

fn main() {
    let files = 8 * CLIENTS as u64;
    setrlimit(Resource::RLIMIT_NOFILE, files, files).expect("so many descriptors: run as root");
    let names = [
        "ms to the first block of half of the clients",
        "ms to that of the last",
        "CPU in ms",
        "lost",
    ];
    compare(names, storm);
}

fn storm(program: &Path) -> Option<[f64; 4]> {
    let prepare = |lab: &Lab| {
        for nth in 0..CLIENTS {
            lab.file(&format!("{ROOT}/{nth}"), format!("file {nth}"));
        }
    };
    let server = Server::start(program, WORDS, CONFIG, prepare)?;
    let (answers, cpu) = server.measure(ask_all);
    let Answers { after, lost } = answers?;
    let milliseconds = |nth: usize| after[nth].as_secs_f64() * 1e3;
    let lost = u32::try_from(lost).map_or(f64::INFINITY, f64::from);
    Some([milliseconds(CLIENTS / 2), milliseconds(CLIENTS - 1), cpu * 1e3, lost])
}

struct Answers {
    /// The times of the answers, in ascending order.
    after: Vec<Duration>,
    /// The number of requests that were sent again.
    lost: usize,
}

/// Sends all requests, and waits for the first block of each file. `None`: some clients got none.
fn ask_all() -> Option<Answers> {
    let open = |nth| {
        let socket = UdpSocket::bind("10.9.0.2:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        (nth, socket)
    };
    let mut waiting: Vec<(usize, UdpSocket)> = (0..CLIENTS).map(open).collect();
    let start = Instant::now();
    for client in &waiting {
        send(client);
    }
    let (mut asked, mut after, mut lost) = (start, Vec::new(), 0);
    while !waiting.is_empty() && start.elapsed() < GIVE_UP {
        waiting.retain(|client| {
            let answered = is_answered(client);
            after.extend(answered.then(|| start.elapsed()));
            !answered
        });
        if asked.elapsed() > RETRY {
            asked = Instant::now();
            lost += waiting.len();
            for client in &waiting {
                send(client);
            }
        }
    }
    waiting.is_empty().then_some(Answers { after, lost })
}

fn send((nth, socket): &(usize, UdpSocket)) {
    let request = format!("\0\x01{nth}\0octet\0");
    socket.send_to(request.as_bytes(), "10.9.0.1:69").expect("the link is up");
}

/// Whether the block has arrived; it is acknowledged.
fn is_answered((nth, socket): &(usize, UdpSocket)) -> bool {
    let mut buffer = [0; 600];
    let Ok((size, peer)) = socket.recv_from(&mut buffer) else { return false };
    let block = [b"\0\x03\0\x01", format!("file {nth}").as_bytes()].concat();
    assert!(buffer[..size] == block, "{nth}: {}", String::from_utf8_lossy(&buffer[..size]));
    socket.send_to(&[0, 4, 0, 1], peer).expect("the link is up");
    true
}
