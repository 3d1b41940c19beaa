//! A link that loses, duplicates, delays, reorders and corrupts frames.
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

/// What happens to a frame.
#[derive(Clone, Copy)]
enum Kind {
    Lost,
    Corrupted,
    Duplicated,
    Reordered,
    Delayed,
}

/// Number of frames per kind.
#[derive(Default)]
struct Tally([AtomicUsize; 5]);

/// One direction of the link.
struct Direction<'t> {
    from: &'t Link,
    to: &'t Link,
    random: Random,
    /// Frames per hundred of each kind.
    rate: &'t AtomicUsize,
    tally: &'t Tally,
    /// Delayed frames and the time when they are sent.
    late: Vec<(Instant, Vec<u8>)>,
    /// A frame that is sent after the next one.
    held: Option<(Instant, Vec<u8>)>,
}

/// Limit of the test.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Attempts of the firmware.
const MAX_ATTEMPTS: usize = 20;
/// A reordered frame is sent after this time if no other frame follows.
const REORDER_TIMEOUT: Duration = Duration::from_millis(50);
const MAX_DELAY_MS: usize = 20;
/// Offset of the UDP checksum after the Ethernet and IP headers and the ports.
const ETHERNET: usize = 14;
const PORTS: std::ops::Range<usize> = 34..38;
const CHECKSUM: std::ops::Range<usize> = 40..42;

impl Direction<'_> {
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
            for (_, frame) in due.chain(held) {
                self.to.send(&frame);
            }
        }
    }

    fn pass(&mut self, mut frame: Vec<u8>) {
        if self.draw(Kind::Lost) {
            return;
        }
        if self.draw(Kind::Corrupted) && !self.corrupt(&mut frame) {
            return;
        }
        if self.draw(Kind::Duplicated) {
            self.to.send(&frame);
        }
        let now = Instant::now();
        if self.held.is_none() && self.draw(Kind::Reordered) {
            self.held = Some((now + REORDER_TIMEOUT, frame));
        } else if self.draw(Kind::Delayed) {
            let delay = Duration::from_millis(1 + self.random.below(MAX_DELAY_MS) as u64);
            self.late.push((now + delay, frame));
        } else {
            self.to.send(&frame);
            if let Some((_, frame)) = self.held.take() {
                self.to.send(&frame);
            }
        }
    }

    fn draw(&mut self, kind: Kind) -> bool {
        let happens = self.random.below(100) < self.rate.load(Ordering::Relaxed);
        self.tally.0[kind as usize].fetch_add(usize::from(happens), Ordering::Relaxed);
        happens
    }

    /// Flips bits or truncates the frame. `false`: the change would not be detected by a checksum, so the frame is lost, as
    /// with the checksum of Ethernet.
    fn corrupt(&mut self, frame: &mut Vec<u8>) -> bool {
        let ports = frame.get(PORTS).unwrap_or(&[0; 4]).chunks(2);
        let dhcp = |port: &[u8]| [67_u16, 68, 4011].iter().any(|known| port == known.to_be_bytes());
        let is_udp = frame[12..14] == [8, 0] && frame.len() > CHECKSUM.end;
        if !is_udp || ports.into_iter().any(dhcp) || frame[CHECKSUM] == [0, 0] {
            return false;
        }
        let at = ETHERNET + self.random.below(frame.len() - ETHERNET);
        match self.random.below(4) {
            0 => frame.truncate(at),
            // Frames that the other thread sent.
            1 => frame[CHECKSUM.end..].fill_with(|| self.random.byte()),
            _ => frame[at] ^= 1 << self.random.below(8),
        }
        true
    }
}

/// A client boots, and clients with and without windows download `size` bytes, over a link with this error rate.
fn assert_boots(rate: usize, size: usize) {
    let Some(lab) = required(Lab::new(["server", "middle", "client"])) else { return };
    let [server, middle, client] = ["server", "middle", "client"].map(|name| lab.host(name));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), middle.plug("s0", "02:00:00:00:00:0a"));
    lab.wire(middle.plug("k0", "02:00:00:00:00:0b"), client.plug("c0", "02:00:00:00:00:02"));
    let real = disable_offloading(server, "eth0").and_then(|()| disable_offloading(client, "c0"));
    let Some(()) = required(real) else { return };
    write_files(&lab, "");
    lab.file("/srv/tftp/part", contents(size));
    // One socket for both directions: it does not receive the frames that it sends.
    let ends = [Link::new(middle, "s0"), Link::new(middle, "k0")];
    let daemon = two_hosts::serve(&lab, &["-u", "root", "-x", ""], &[], &[67, 69, 4011]);
    let setup = Setup::with_daemon(lab, daemon);
    let (tally, rate, over) = (Tally::default(), AtomicUsize::new(rate), AtomicBool::new(false));
    let way = |seed, from, to| {
        let (random, late, held) = (Random::new(seed), Vec::new(), None);
        Direction { from, to, random, rate: &rate, tally: &tally, late, held }
    };
    let mut ways = [way(1, &ends[0], &ends[1]), way(2, &ends[1], &ends[0])];
    let alive = std::thread::scope(|scope| {
        for way in &mut ways {
            let _ = scope.spawn(|| way.carry(&over));
        }
        // Ends the threads also after a failure.
        let alive = catch_unwind(AssertUnwindSafe(|| {
            load(&setup, size);
            // The last check is without errors.
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
    machine.max_attempts = MAX_ATTEMPTS;
    // A delayed reply can be taken for the next one: then the client starts again.
    let reply = eventually(TIME_LIMIT, || machine.boot().ok().filter(|reply| reply.file == FILE));
    assert!(reply.is_some(), "no reply with the boot file");
    for (windowsize, reader) in readers {
        assert!(reader.join().expect("no panic") == Ok(wanted.clone()), "{windowsize}");
    }
}

/// Disables checksum offloading. With it, the frames of a veth pair have no checksums and may be unsegmented.
fn disable_offloading(host: &Host, interface: &str) -> Result<(), String> {
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
    assert_boots(1, SIZE);
}

fn boot_succeeds_with_five_percent_frame_errors() {
    assert_boots(5, SIZE);
}

/// About six of ten exchanges are lost, so this takes longer.
fn boot_succeeds_with_twenty_percent_frame_errors() {
    assert_boots(20, SIZE / 10);
}
