//! A wire that loses, doubles, delays, swaps and spoils what passes.
//!
//! ```text
//! server eth0 ── s0  middle  k0 ── c0 client
//!                 └─ frames ─┘   a thread for each direction
//! ```

use crate::common::download::Download;
use crate::common::lab::{Host, Lab, eventually};
use crate::common::packet::PacketSocket;
use crate::common::random::Random;
use crate::common::{required, two_hosts};
use crate::link::Link;
use crate::setup::{FILE, SIZE, Setup, contents, rom, write_files};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

crate::tests![
    boot_succeeds_with_one_percent_frame_errors,
    boot_succeeds_with_five_percent_frame_errors,
    boot_succeeds_with_twenty_percent_frame_errors,
];

/// What may happen to a frame.
#[derive(Clone, Copy)]
enum Kind {
    Lost,
    Spoiled,
    Doubled,
    Swapped,
    Delayed,
}

/// How often each has happened.
#[derive(Default)]
struct Tally([AtomicUsize; 5]);

/// One direction.
struct Way<'t> {
    from: &'t Link,
    to: &'t Link,
    random: Random,
    /// Of a hundred frames, so many of each kind.
    rate: &'t AtomicUsize,
    tally: &'t Tally,
    /// Frames that come later, and when.
    late: Vec<(Instant, Vec<u8>)>,
    /// One that lets another pass.
    held: Option<(Instant, Vec<u8>)>,
}

/// Nobody waits for longer than that.
const LONG: Duration = Duration::from_secs(60);
/// Firmware gives up some day.
const TRIES: usize = 20;
/// Nobody passes one that waits for so long.
const HELD: Duration = Duration::from_millis(50);
const LONGEST_DELAY: usize = 20;
/// Behind Ethernet's head and IP's, the ports, and UDP's checksum.
const ETHERNET: usize = 14;
const PORTS: std::ops::Range<usize> = 34..38;
const CHECKSUM: std::ops::Range<usize> = 40..42;

impl Way<'_> {
    fn carry(&mut self, over: &AtomicBool) {
        let mut buffer = vec![0; 4096];
        while !over.load(Ordering::Relaxed) {
            if let Some(frame) = self.from.receive(&mut buffer) {
                let frame = frame.to_vec();
                self.pass(frame);
            }
            let now = Instant::now();
            let held = self.held.take_if(|(until, _)| *until <= now);
            let due = self.late.extract_if(.., |(at, _)| *at <= now);
            due.chain(held).for_each(|(_, frame)| self.to.send(&frame));
        }
    }

    fn pass(&mut self, mut frame: Vec<u8>) {
        if self.happens(Kind::Lost) {
            return;
        }
        if self.happens(Kind::Spoiled) && !self.spoil(&mut frame) {
            return;
        }
        if self.happens(Kind::Doubled) {
            self.to.send(&frame);
        }
        let now = Instant::now();
        if self.held.is_none() && self.happens(Kind::Swapped) {
            self.held = Some((now + HELD, frame));
        } else if self.happens(Kind::Delayed) {
            let delay = Duration::from_millis(1 + self.random.below(LONGEST_DELAY) as u64);
            self.late.push((now + delay, frame));
        } else {
            self.to.send(&frame);
            self.held.take().into_iter().for_each(|(_, frame)| self.to.send(&frame));
        }
    }

    fn happens(&mut self, kind: Kind) -> bool {
        let happens = self.random.below(100) < self.rate.load(Ordering::Relaxed);
        self.tally.0[kind as usize].fetch_add(usize::from(happens), Ordering::Relaxed);
        happens
    }

    /// Changes a bit, or more, or cuts the end off. Where no checksum would tell, a frame is lost instead, as with
    /// Ethernet's own: `false`.
    fn spoil(&mut self, frame: &mut Vec<u8>) -> bool {
        let ports = frame.get(PORTS).unwrap_or(&[0; 4]).chunks(2);
        let dhcp = |port: &[u8]| [67_u16, 68, 4011].iter().any(|known| port == known.to_be_bytes());
        let is_udp = frame[12..14] == [8, 0] && frame.len() > CHECKSUM.end;
        if !is_udp || ports.into_iter().any(dhcp) || frame[CHECKSUM] == [0, 0] {
            return false;
        }
        let at = ETHERNET + self.random.below(frame.len() - ETHERNET);
        match self.random.below(4) {
            0 => frame.truncate(at),
            // What somebody else has sent.
            1 => frame[CHECKSUM.end..].fill_with(|| self.random.byte()),
            _ => frame[at] ^= 1 << self.random.below(8),
        }
        true
    }
}

/// A machine asks what to load, and clients in lockstep and with windows load so many bytes, over a wire of that kind.
fn survives(rate: usize, size: usize) {
    let Some(lab) = required(Lab::new(["server", "middle", "client"])) else { return };
    let [server, middle, client] = ["server", "middle", "client"].map(|name| lab.host(name));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), middle.plug("s0", "02:00:00:00:00:0a"));
    lab.wire(middle.plug("k0", "02:00:00:00:00:0b"), client.plug("c0", "02:00:00:00:00:02"));
    let real = real_checksums(server, "eth0").and_then(|()| real_checksums(client, "c0"));
    let Some(()) = required(real) else { return };
    write_files(&lab, "");
    lab.file("/srv/tftp/part", contents(size));
    // One for both directions: what is sent by it, it does not hear.
    let ends = [Link::new(middle, "s0"), Link::new(middle, "k0")];
    let daemon = two_hosts::serve(&lab, &["-u", "root", "-x", ""], &[], &[67, 69, 4011]);
    let setup = Setup::with_daemon(lab, daemon);
    let (tally, rate, over) = (Tally::default(), AtomicUsize::new(rate), AtomicBool::new(false));
    let way = |seed, from, to| {
        let (random, late, held) = (Random::new(seed), Vec::new(), None);
        Way { from, to, random, rate: &rate, tally: &tally, late, held }
    };
    let mut ways = [way(1, &ends[0], &ends[1]), way(2, &ends[1], &ends[0])];
    let alive = std::thread::scope(|scope| {
        ways.iter_mut().for_each(|way| drop(scope.spawn(|| way.carry(&over))));
        // A wire that goes on for ever would hide what has failed.
        let alive = catch_unwind(AssertUnwindSafe(|| {
            load(&setup, size);
            // The end is for a wire that is good again.
            rate.store(0, Ordering::Relaxed);
            setup.assert_serves();
        }));
        over.store(true, Ordering::Relaxed);
        alive
    });
    alive.unwrap_or_else(|panic| resume_unwind(panic));
    let Tally(kinds) = tally;
    assert!(
        kinds.iter().all(|kind| kind.load(Ordering::Relaxed) > 0),
        "it was too good: {kinds:?}"
    );
}

fn load(setup: &Setup, size: usize) {
    let wanted = contents(size);
    let get = |windowsize| {
        let (socket, timeout) = (setup.client().udp("10.9.0.2:0"), Duration::from_millis(100));
        let download =
            Download { file: "part", windowsize, timeout, max_attempts: 600, ..Download::DEFAULT };
        move || {
            let mut got = Vec::new();
            download.get_with(socket, |block| got.extend_from_slice(block)).map(|()| got)
        }
    };
    let readers = [1, 16].map(|windowsize| (windowsize, std::thread::spawn(get(windowsize))));
    let packets = PacketSocket::new(setup.client());
    let mut machine = rom(&packets);
    machine.max_attempts = TRIES;
    // What comes late may be taken for the next answer: then it begins anew.
    let told = eventually(LONG, || machine.boot().ok().filter(|told| told.file == FILE));
    assert!(told.is_some(), "nobody tells it what to load");
    for (windowsize, reader) in readers {
        assert!(reader.join().expect("no panic") == Ok(wanted.clone()), "{windowsize}");
    }
}

/// Between namespaces checksums are left out, and datagrams stay together: nobody else can see or spoil them.
fn real_checksums(host: &Host, interface: &str) -> Result<(), String> {
    let mut ethtool = Command::new("ethtool");
    let ended = host.inside(|| ethtool.args(["-K", interface, "tx", "off"]).output());
    match ended {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("no checksums: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(fault) => Err(format!("the program ethtool (Debian: ethtool) does not run: {fault}")),
    }
}

fn boot_succeeds_with_one_percent_frame_errors() {
    survives(1, SIZE);
}

fn boot_succeeds_with_five_percent_frame_errors() {
    survives(5, SIZE);
}

/// Of ten datagrams and their answers six are lost, so it takes its time.
fn boot_succeeds_with_twenty_percent_frame_errors() {
    survives(20, SIZE / 10);
}
