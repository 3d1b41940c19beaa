//! TFTP: a client with UDP sockets.

use super::common::fixture::{Fixture, Transcript};
use super::common::lab::{Host, Lab, Process, eventually};
use super::common::tftp_text::{self, Step, display, step};
use super::{CONFIG, QUIET, common, comparable};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SERVER: &str = "192.168.77.1";
const CLIENT: &str = "192.168.77.50";
const TFTP: u16 = 69;

pub fn play(lab: &Lab, fixture: &Fixture) -> Transcript {
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "52:54:00:aa:bb:01"));
    server.ip(&format!("addr add {SERVER}/24 dev eth0"));
    client.ip(&format!("addr add {CLIENT}/24 dev c0"));
    std::fs::create_dir_all("/srv/tftp").expect("/srv is writable");
    let _daemon = start(server);
    let before = lab.syslog().len();
    let mut play = Play {
        client,
        sockets: BTreeMap::new(),
        last: BTreeMap::new(),
        seen: Transcript::default(),
        step: 0,
    };
    play.all(&fixture.steps);
    std::thread::sleep(QUIET);
    let log = lab.syslog();
    play.seen.log = log[before..].iter().filter_map(|line| comparable(line)).collect();
    play.seen
}

fn start(server: &Host) -> Process {
    let args =
        ["-k", "-u", "root", "--group=", "-x", "/run/pid", "-l", "/run/leases", "-C", CONFIG];
    let mut command = Command::new(common::subject());
    let daemon = server.spawn(command.args(args).stdout(Stdio::null()).stderr(Stdio::null()));
    let ready = || server.listens_on_udp(TFTP).then_some(());
    eventually(Duration::from_secs(5), ready).expect("the server starts");
    std::thread::sleep(QUIET);
    daemon
}

/// The sockets of the client.
struct Play<'a> {
    client: &'a Host,
    sockets: BTreeMap<String, UdpSocket>,
    /// Source of the last datagram, by socket.
    last: BTreeMap<String, SocketAddr>,
    seen: Transcript,
    step: usize,
}

impl Play<'_> {
    fn all(&mut self, steps: &[String]) {
        let mut aligned = false;
        for (number, text) in (1..).zip(steps) {
            self.step = number;
            match step(text) {
                Step::Wait(seconds) => self.listen(Duration::from_secs(seconds), true),
                Step::Send { by, bytes } => {
                    // dnsmasq counts whole seconds: start at the beginning of one.
                    if !std::mem::replace(&mut aligned, true)
                        && steps.iter().any(|text| text.starts_with("wait"))
                    {
                        wait_for_second();
                    }
                    self.say(&by, &bytes);
                    self.listen(QUIET, false);
                }
            }
        }
    }

    fn say(&mut self, by: &str, bytes: &[u8]) {
        let client = self.client;
        let (sender, receiver) = (tftp_text::sender(by), tftp_text::receiver(by));
        let socket = self
            .sockets
            .entry(sender.to_owned())
            .or_insert_with(|| client.udp(&format!("{CLIENT}:0")));
        let is_request = matches!(bytes, [0, 1 | 2, ..]);
        let server = SocketAddr::new(SERVER.parse().expect("an address"), TFTP);
        let to = self.last.get(receiver).filter(|_| !is_request).copied().unwrap_or(server);
        socket.send_to(bytes, to).expect("the link is up");
    }

    /// Receives for a total time, or until no datagram arrives for a time.
    fn listen(&mut self, time: Duration, timed: bool) {
        let start = Instant::now();
        let mut last = start;
        while (if timed { start } else { last }).elapsed() < time {
            let mut received = false;
            for (name, socket) in &self.sockets {
                socket.set_nonblocking(true).expect("a socket");
                let mut buffer = [0; 4096];
                while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                    let when = if timed {
                        format!("+{}s ", start.elapsed().as_secs_f64().round())
                    } else {
                        String::new()
                    };
                    self.seen.packets.push(format!(
                        "{} {when}{name} {}",
                        self.step,
                        display(&buffer[..size])
                    ));
                    self.last.insert(name.clone(), from);
                    received = true;
                }
            }
            if received {
                last = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn wait_for_second() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is later than 1970");
    let into = Duration::from_nanos(now.subsec_nanos().into());
    let left = Duration::from_millis(1100).saturating_sub(into);
    std::thread::sleep(left.min(Duration::from_secs(1)));
}
