//! Clocks that jump, and time in which the program does not run.

use crate::common::download::Download;
use crate::common::lab::Lab;
use crate::common::packet::Ears;
use crate::common::required;
use crate::scene::{CLIENT, FILE, Moment, NEIGHBOUR, PATIENCE, Reader, SIZE, Scene, contents, rom};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Command;
use std::time::{Duration, Instant};

crate::tests![a_clock_that_jumps_changes_no_transfer, a_pause_of_some_seconds_ends_nothing,];

/// Debian's place for it; the loader knows what `$LIB` is.
pub const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";
/// Within the root, which is what the program may read when it serves.
pub const CLOCK: &str = "/srv/tftp/clock";

pub fn fake_time() -> Result<(), String> {
    let mut date = Command::new("date");
    let shown = date.arg("+%Y").env("LD_PRELOAD", LIBRARY).env("FAKETIME", "1990-06-01 00:00:00");
    let shown = shown.output().map_err(|fault| format!("no program date: {fault}"))?.stdout;
    if shown == b"1990\n" { Ok(()) } else { Err("no libfaketime (Debian: libfaketime)".to_owned()) }
}

/// The clock on the wall is set by days, forward and back, while clients wait for what they have lost. Log lines have the
/// new time; repeats come as before, and nobody is given up.
fn a_clock_that_jumps_changes_no_transfer() {
    let Some(()) = required(fake_time()) else { return };
    let variables = [
        ("LD_PRELOAD", LIBRARY),
        ("FAKETIME_TIMESTAMP_FILE", CLOCK),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let ready = |lab: &Lab| lab.file(CLOCK, "+0\n");
    let Some(scene) = Scene::with("", &[], &variables, ready) else { return };
    let mut reader = Reader::ask(scene.client(), CLIENT, FILE).expect("an answer");
    assert_eq!(reader.step(), Ok(true));
    let mut days = Vec::new();
    for jump in ["+1d", "-1d", "+4000d", "-4000d", "+0"] {
        scene.lab.file(CLOCK, format!("{jump}\n"));
        let start = Instant::now();
        assert_eq!(reader.is_reminded(), Ok(()), "{jump}");
        assert_eq!(reader.step(), Ok(true), "{jump}");
        assert!(scene.get("missing").is_err());
        scene.boot_with(Moment::Half, || ());
        assert!(start.elapsed() < PATIENCE, "{jump}: {:?}", start.elapsed());
        // `<27>Nov 22 00:35:45 dnsmasq-tftp[12]: text`
        let lines = scene.lab.take_syslog();
        let line = lines.iter().find(|line| line.contains("missing not found")).expect("a line");
        days.push(line[4..10].to_owned());
    }
    days.sort();
    days.dedup();
    assert!(days.len() >= 4, "the clock has not jumped: {days:?}");
    assert!(reader.finish() == Ok(contents(SIZE)));
    scene.lives();
}

/// A virtual machine is paused, or its host sleeps; clients ask in vain for as long. They all go on afterwards: who is in
/// the middle of a file, who knows what to load and asks for it, and who asks what that is.
fn a_pause_of_some_seconds_ends_nothing() {
    const PAUSE: Duration = Duration::from_secs(5);
    let Some(scene) = Scene::new("") else { return };
    let signal = |signal| kill(Pid::from_raw(scene.id().cast_signed()), signal).expect("it runs");
    let client = scene.client();
    let ears = Ears::new(client);
    let machine = rom(&ears);
    let mut reader = Reader::ask(client, CLIENT, FILE).expect("an answer");
    assert_eq!(reader.step(), Ok(true));
    let socket = client.udp(&format!("{NEIGHBOUR}:0"));
    let usual = Download { file: FILE, ..Download::USUAL };
    assert_eq!(machine.boot().map(|told| told.file), Ok(FILE.to_owned()));
    signal(Signal::SIGSTOP);
    let asks = std::thread::spawn(move || {
        let mut got = Vec::new();
        usual.by(socket, |block| got.extend_from_slice(block)).map(|()| got)
    });
    let end = Instant::now() + PAUSE;
    while Instant::now() < end {
        assert_eq!(machine.boot(), Err("no offer".to_owned()));
    }
    signal(Signal::SIGCONT);
    assert_eq!(machine.boot().map(|told| told.file), Ok(FILE.to_owned()));
    assert!(reader.finish() == Ok(contents(SIZE)), "who was in the middle");
    assert!(asks.join().expect("no panic") == Ok(contents(SIZE)), "who has asked meanwhile");
    scene.lives();
}
