//! The recordings against a running program, in namespaces of its own: ours, or with `PXEMASQ_SUBJECT=theirs` the
//! installed dnsmasq, which shows that the recordings are still true. With `PXEMASQ_RECORD=1` they are made anew.

mod common;

use common::fixture::{self, Fixture, Transcript, judge};
use common::lab::{Host, Lab, Process, eventually};
use common::required;
use common::speech::{self, Step, shown, step};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CONFIG: &str = "/srv/dnsmasq.conf";
const SERVER: &str = "192.168.77.1";
const CLIENT: &str = "192.168.77.50";
/// After that long without an answer none is coming.
const QUIET: Duration = Duration::from_millis(150);
/// Fixtures that take longer are played when they are recorded, and in virtual time.
const SLOW: u64 = 3;

#[test]
fn proxydhcp_speaks_as_recorded() {
    play_all("proxydhcp", &[67, 4011]);
}

#[test]
fn tftp_speaks_as_recorded() {
    play_all("tftp", &[69]);
}

fn play_all(folder: &str, ports: &[u16]) {
    if common::subject_is_theirs() && !common::subject().exists() {
        required::<()>(Err("dnsmasq is not installed (Debian: dnsmasq-base)".to_owned()));
        return;
    }
    let recording = std::env::var_os("PXEMASQ_RECORD").is_some();
    let mut failed = Vec::new();
    for (path, mut fixture) in fixture::all::<Fixture>(folder) {
        let waits = fixture
            .steps
            .iter()
            .filter_map(|text| text.strip_prefix("wait ")?.parse::<u64>().ok())
            .sum::<u64>();
        if waits > SLOW && !recording {
            continue;
        }
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let seen = play(&lab, &fixture, ports);
        if recording {
            record(&mut fixture, seen);
            fixture::save(&path, &fixture);
            continue;
        }
        if let Err(report) = verdict(&fixture, &seen) {
            failed.push(format!("{}: {}\n{report}", path.display(), fixture.about));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn verdict(fixture: &Fixture, seen: &Transcript) -> Result<(), String> {
    let blank =
        |transcript: &Transcript| Transcript { version: String::new(), ..transcript.clone() };
    let standing = if common::subject_is_theirs() { "same" } else { &fixture.standing };
    judge(
        standing,
        &blank(&fixture.dnsmasq),
        fixture.ours.as_ref().map(blank).as_ref(),
        &blank(seen),
    )
}

fn record(fixture: &mut Fixture, seen: Transcript) {
    if common::subject_is_theirs() {
        fixture.dnsmasq = Transcript { version: version(), ..seen };
    } else if fixture.standing.starts_with("differs") {
        fixture.ours = Some(seen);
    }
}

fn version() -> String {
    let output =
        Command::new(common::subject()).arg("--version").output().expect("it has a version");
    String::from_utf8_lossy(&output.stdout).split_whitespace().nth(2).unwrap_or_default().to_owned()
}

fn play(lab: &Lab, fixture: &Fixture, ports: &[u16]) -> Transcript {
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "52:54:00:aa:bb:01"));
    server.ip(&format!("addr add {SERVER}/24 dev eth0"));
    client.ip(&format!("addr add {CLIENT}/24 dev c0"));
    for (path, contents) in &fixture.files {
        match contents.bytes() {
            Some(bytes) => lab.file(path, bytes),
            None => lab.file(&format!("{path}/.kept"), ""),
        }
    }
    std::fs::create_dir_all("/srv/tftp").expect("/srv is the laboratory's");
    lab.file(CONFIG, fixture.config.join("\n") + "\n");
    let _daemon = start(server, ports);
    let before = lab.syslog().len();
    let mut play = Play {
        client,
        sockets: BTreeMap::new(),
        last: BTreeMap::new(),
        seen: Transcript::default(),
        step: 0,
    };
    play.open_dhcp(ports);
    play.all(&fixture.steps);
    std::thread::sleep(QUIET);
    let log = lab.syslog();
    play.seen.log = log[before..].iter().filter_map(|line| comparable(line)).collect();
    play.seen
}

fn start(server: &Host, ports: &[u16]) -> Process {
    let args =
        ["-k", "-u", "root", "--group=", "-x", "/run/pid", "-l", "/run/leases", "-C", CONFIG];
    let mut command = Command::new(common::subject());
    let daemon = server.spawn(command.args(args).stdout(Stdio::null()).stderr(Stdio::null()));
    let ready = || ports.iter().all(|port| server.listens_on_udp(*port)).then_some(());
    eventually(Duration::from_secs(5), ready).expect("the server starts");
    std::thread::sleep(QUIET);
    daemon
}

/// `<30>Nov 22 00:35:45 dnsmasq-dhcp[12]: text` → `dnsmasq-dhcp 6 text`; lines of the process itself do not count.
fn comparable(line: &str) -> Option<String> {
    let (code, rest) = line.strip_prefix('<')?.split_once('>')?;
    let (head, text) = rest.split_once("]: ")?;
    let identity = head.rsplit(' ').next()?.split('[').next()?;
    let priority = code.parse::<u32>().ok()? & 7;
    (identity != "dnsmasq").then(|| format!("{identity} {priority} {text}"))
}

/// The client's side.
struct Play<'a> {
    client: &'a Host,
    sockets: BTreeMap<String, UdpSocket>,
    /// Where the last datagram to a socket came from.
    last: BTreeMap<String, SocketAddr>,
    seen: Transcript,
    step: usize,
}

impl Play<'_> {
    /// A socket on the broadcast address hears broadcasts and nothing else.
    fn open_dhcp(&mut self, ports: &[u16]) {
        if ports.contains(&67) {
            for (name, address) in
                [("68", CLIENT), ("4011", CLIENT), ("broadcast:68", "255.255.255.255")]
            {
                let port = name.rsplit(':').next().expect("a name ends in its port");
                let socket = self.client.udp(&format!("{address}:{port}"));
                self.sockets.insert(name.to_owned(), socket);
            }
        }
    }

    fn all(&mut self, steps: &[String]) {
        let mut aligned = false;
        for (number, text) in (1..).zip(steps) {
            self.step = number;
            match step(text) {
                Step::Wait(seconds) => self.listen(Duration::from_secs(seconds), true),
                Step::Say { by, to, bytes } => {
                    // dnsmasq counts whole seconds: begin at the same place in one, once.
                    if to == 69
                        && !std::mem::replace(&mut aligned, true)
                        && steps.iter().any(|text| text.starts_with("wait"))
                    {
                        wait_for_second();
                    }
                    self.say(&by, to, &bytes);
                    self.listen(QUIET, false);
                }
            }
        }
    }

    fn say(&mut self, by: &str, to: u16, bytes: &[u8]) {
        let client = self.client;
        let (speaker, addressee) = (speech::speaker(by), speech::addressee(by));
        let socket = self
            .sockets
            .entry(speaker.to_owned())
            .or_insert_with(|| client.udp(&format!("{CLIENT}:0")));
        let is_request = matches!(bytes, [0, 1 | 2, ..]) || to != 69;
        let server = SocketAddr::new(SERVER.parse().expect("an address"), to);
        let to = self.last.get(addressee).filter(|_| !is_request).copied().unwrap_or(server);
        socket.send_to(bytes, to).expect("the wire is up");
    }

    /// Collects what comes: for so long in all, or until it is quiet for so long.
    fn listen(&mut self, time: Duration, timed: bool) {
        let start = Instant::now();
        let mut last = start;
        while (if timed { start } else { last }).elapsed() < time {
            let mut heard = false;
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
                        shown(&buffer[..size])
                    ));
                    self.last.insert(name.clone(), from);
                    heard = true;
                }
            }
            if heard {
                last = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn wait_for_second() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let into = Duration::from_nanos(now.subsec_nanos().into());
    let left = Duration::from_millis(1100).saturating_sub(into);
    std::thread::sleep(left.min(Duration::from_secs(1)));
}
