//! A long run under load with faults.
//!
//! ```text
//! cargo bench --bench soak [-- MINUTES]
//! ```
//!
//! BIOS, UEFI and iPXE clients boot one after the other while others download files. Two percent of the datagrams are lost
//! in each direction. Other hosts send invalid datagrams and abandon transfers. Meanwhile the files are reloaded, the log is
//! moved, the interface goes down and loses its address. Each boot must end with the correct bytes; memory and descriptors
//! of the daemon must not grow after the first tenth of the time.

#[path = "../common/mod.rs"]
mod common;

use common::boot_rom::BootRom;
use common::download::Download;
use common::lab::{Host, Lab, Process};
use common::packet::PacketSocket;
use common::random::Random;
use common::two_hosts;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const DEFAULT_MINUTES: u64 = 10;
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// Source address of the invalid datagrams.
const STRANGER: &str = "10.9.0.3:0";
const LOG: &str = "/srv/log/dnsmasq.log";
const HOSTS: &str = "/srv/machines";
const CONFIG: &str = "port=0\nlog-dhcp\nlog-debug\nenable-tftp\ntftp-root=/srv/tftp\ndhcp-range=10.9.0.0,proxy\n\
    dhcp-hostsfile=/srv/machines\ndhcp-userclass=set:ipxe,iPXE\npxe-prompt=Boot,0\n\
    pxe-service=tag:!ipxe,x86PC,Install,pxelinux\npxe-service=tag:!ipxe,x86-64_EFI,Install,boot.efi\n\
    dhcp-boot=tag:ipxe,boot.ipxe\ndhcp-boot=pxelinux.0\n";
const LOSS: &str = "add table inet bad\nadd chain inet bad in { type filter hook input priority 0; }\n\
    add rule inet bad in meta l4proto udp numgen random mod 100 < 2 drop\n";
const FILES: [(&str, usize); 5] = [
    ("pxelinux.0", 42_000),
    ("boot.efi", 900_000),
    ("boot.ipxe", 300),
    ("kernel", 2_000_000),
    ("initrd", 3_000_001),
];
/// Kinds of clients, their boot files and options.
const MACHINES: [(&str, usize, usize); 3] = [
    ("arch=x86PC", 1408, 1),
    ("arch=x86-64_EFI", 1468, 4),
    ("arch=x86PC,user-class=iPXE", 1432, 1),
];
const LOADERS: usize = 6;
/// A boot that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Allowed growth: a tenth, and this.
const KILOBYTES: usize = 256;
const DESCRIPTORS: usize = 8;

#[derive(Default)]
struct Tally {
    over: AtomicBool,
    boots: AtomicUsize,
    loads: AtomicUsize,
    bytes: AtomicUsize,
    nonsense: AtomicUsize,
    failures: AtomicUsize,
}

/// Private kilobytes, descriptors, threads.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    memory: usize,
    descriptors: usize,
    threads: usize,
}

/// A measured value and its allowed growth.
type Measure = (&'static str, fn(&Sample) -> usize, usize);

const MEASURES: [Measure; 3] = [
    ("kilobytes of its own", |sample| sample.memory, KILOBYTES),
    ("descriptors", |sample| sample.descriptors, DESCRIPTORS),
    ("threads", |sample| sample.threads, DESCRIPTORS),
];

fn main() -> ExitCode {
    let minutes = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(DEFAULT_MINUTES);
    let length = Duration::from_secs(60 * minutes);
    let lab = match Lab::new(["server", "client"]) {
        Ok(lab) => lab,
        Err(reason) => {
            println!("skipped: {reason}");
            return ExitCode::SUCCESS;
        }
    };
    for (name, size) in FILES {
        lab.file(&format!("/srv/tftp/{name}"), contents(name, size));
    }
    lab.file(two_hosts::CONFIG, CONFIG);
    lab.file(HOSTS, "");
    lab.file(LOG, "");
    let mut daemon =
        two_hosts::start(&lab, &["-u", "root", "-x", "", "-8", LOG], &[], &[67, 69, 4011]);
    for name in ["server", "client"] {
        let _ = lab.host(name).run(Command::new("nft").arg(LOSS));
    }
    let tally = Tally::default();
    let client = lab.host("client");
    drop(client.ip("addr add 10.9.0.3/24 dev c0"));
    let samples = std::thread::scope(|scope| {
        let tally = &tally;
        scope.spawn(|| boot(client, tally));
        (0..LOADERS).for_each(|number| drop(scope.spawn(move || load(client, tally, number))));
        scope.spawn(|| disturb(client, tally));
        let samples = trouble(&lab, &mut daemon, length);
        tally.over.store(true, Ordering::Relaxed);
        samples
    });
    compare(&tally, &samples, minutes, daemon.ended().is_none())
}

fn contents(name: &str, size: usize) -> Vec<u8> {
    let mut random = Random::new(name.len() as u64);
    (0..size).map(|_| random.byte()).collect()
}

/// Boots all kinds of clients in turn.
fn boot(client: &Host, tally: &Tally) {
    let packets = PacketSocket::new(client);
    for (kind, blksize, windowsize) in MACHINES.into_iter().cycle() {
        if tally.over.load(Ordering::Relaxed) {
            return;
        }
        let rom = BootRom::new(kind, &packets, SERVER, CLIENT);
        let booted = retry(|| {
            let reply = rom.boot()?;
            fetch(client, &reply.file, blksize, windowsize, tally)
        });
        tally.count(&tally.boots, kind, booted);
    }
}

/// Downloads large files one after the other.
fn load(client: &Host, tally: &Tally, number: usize) {
    let mut random = Random::new(number as u64 + 1);
    while !tally.over.load(Ordering::Relaxed) {
        let (name, _) = random.of(&FILES);
        let (blksize, windowsize) = (random.of(&[512, 1024, 1468]), random.of(&[1, 2, 4, 16, 64]));
        let loaded = retry(|| fetch(client, name, blksize, windowsize, tally));
        tally.count(&tally.loads, name, loaded);
    }
}

/// Retries a boot, as firmware does.
fn retry(mut work: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match work() {
            Err(_) if start.elapsed() < TIMEOUT => {}
            done => return done,
        }
    }
}

fn fetch(
    client: &Host,
    name: &str,
    blksize: usize,
    windowsize: usize,
    tally: &Tally,
) -> Result<(), String> {
    let size = FILES.iter().find(|(file, _)| *file == name).ok_or(format!("no file {name}"))?.1;
    let timeout = Duration::from_millis(100);
    let wish = Download {
        file: name,
        blksize,
        windowsize,
        timeout,
        max_attempts: 50,
        ..Download::DEFAULT
    };
    let got = wish.bytes(client)?;
    tally.bytes.fetch_add(got.len(), Ordering::Relaxed);
    if got == contents(name, size) { Ok(()) } else { Err(format!("{name}: other bytes")) }
}

/// Sends invalid datagrams to all ports and abandons transfers.
fn disturb(client: &Host, tally: &Tally) {
    let mut random = Random::new(99);
    let mut socket = client.udp(STRANGER);
    while !tally.over.load(Ordering::Relaxed) {
        let bytes: Vec<u8> = match random.below(3) {
            0 => b"\0\x01kernel\0octet\0blksize\x001468\0tsize\x000\0".to_vec(),
            1 => (0..random.below(600)).map(|_| random.byte()).collect(),
            _ => {
                [&[1, 1, 6, 0][..], &(0..500).map(|_| random.byte()).collect::<Vec<u8>>()].concat()
            }
        };
        // While the interface is down, datagrams are lost.
        drop(socket.send_to(&bytes, (SERVER, random.of(&[67, 69, 69, 4011]))));
        tally.nonsense.fetch_add(1, Ordering::Relaxed);
        if random.once_in(10) {
            socket = client.udp(STRANGER);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Causes the faults of the server in turn and measures the daemon each second.
fn trouble(lab: &Lab, daemon: &mut Process, length: Duration) -> Vec<Sample> {
    let (server, start) = (lab.host("server"), Instant::now());
    let signal = |signal| _ = kill(Pid::from_raw(daemon.id().cast_signed()), signal);
    let mut samples = Vec::new();
    for second in 1.. {
        std::thread::sleep(Duration::from_secs(1));
        samples.push(Sample::of(daemon.id()));
        if start.elapsed() > length || fs::metadata(format!("/proc/{}", daemon.id())).is_err() {
            break;
        }
        match second % 60 {
            5 | 15 | 25 | 35 => {
                // As editors do: a new file replaces the old one.
                lab.file("/srv/machines.new", format!("52:54:00:00:00:01,set:t{second}\n"));
                drop(fs::rename("/srv/machines.new", HOSTS));
                signal(Signal::SIGHUP);
            }
            20 => {
                drop(fs::rename(LOG, format!("{LOG}.1")));
                signal(Signal::SIGUSR2);
            }
            30 => drop(server.ip("link set eth0 down")),
            31 => drop(server.ip("link set eth0 up")),
            50 => drop(server.ip("addr del 10.9.0.1/24 dev eth0")),
            51 => drop(server.ip("addr add 10.9.0.1/24 dev eth0")),
            0 => println!("{} min: {:?}", second / 60, samples[samples.len() - 1]),
            _ => {}
        }
    }
    samples
}

fn compare(tally: &Tally, samples: &[Sample], minutes: u64, alive: bool) -> ExitCode {
    let value = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let of = |part: &[Sample], what: fn(&Sample) -> usize| part.iter().map(what).max().unwrap_or(0);
    let quarter = samples.len() / 4;
    let early = &samples[samples.len() / 10..(samples.len() / 10 + quarter).min(samples.len())];
    let late = &samples[samples.len() - quarter..];
    println!("| minutes | boots | files | MB | nonsense | failures |\n|---|---|---|---|---|---|");
    let (boots, loads, failures) =
        (value(&tally.boots), value(&tally.loads), value(&tally.failures));
    let megabytes = value(&tally.bytes) / 1_000_000;
    println!(
        "| {minutes} | {boots} | {loads} | {megabytes} | {} | {failures} |\n",
        value(&tally.nonsense)
    );
    println!("| most of | early | late |\n|---|---|---|");
    let mut flat = true;
    for (name, what, more) in MEASURES {
        let (before, after) = (of(early, what), of(late, what));
        println!("| {name} | {before} | {after} |");
        flat &= after <= before + before / 10 + more;
    }
    if alive && flat && failures == 0 && boots > 0 && loads > 0 {
        return ExitCode::SUCCESS;
    }
    println!("\nnot as it should be: alive {alive}, flat {flat}, {failures} failures");
    ExitCode::FAILURE
}

impl Tally {
    fn count(&self, successes: &AtomicUsize, what: &str, done: Result<(), String>) {
        match done {
            Ok(()) => _ = successes.fetch_add(1, Ordering::Relaxed),
            Err(reason) => {
                println!("{what}: {reason}");
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Sample {
    fn of(id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Self {
            memory: value("RssAnon:").unwrap_or_default(),
            threads: value("Threads:").unwrap_or_default(),
            descriptors: fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count),
        }
    }
}
