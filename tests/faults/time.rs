//! Clock jumps, and pauses of the process.

use crate::common::download::Download;
use crate::common::lab::Lab;
use crate::common::packet::PacketSocket;
use crate::common::required;
use crate::setup::{
    CLIENT, FILE, LockstepClient, Moment, OTHER_CLIENT, SIZE, Setup, TIMEOUT, contents, rom,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Command;
use std::time::{Duration, Instant};

crate::tests![
    wall_clock_jump_does_not_affect_transfers,
    transfer_continues_after_the_process_was_stopped,
];

/// Path in Debian; the dynamic linker replaces `$LIB`.
pub const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";
pub const CLOCK: &str = "/srv/tftp/clock";

pub fn fake_time() -> Result<(), String> {
    let mut date = Command::new("date");
    let shown = date.arg("+%Y").env("LD_PRELOAD", LIBRARY).env("FAKETIME", "1990-06-01 00:00:00");
    let shown = shown.output().map_err(|fault| format!("no program date: {fault}"))?.stdout;
    if shown == b"1990\n" { Ok(()) } else { Err("no libfaketime (Debian: libfaketime)".to_owned()) }
}

/// The wall clock is set by days, forward and back, while clients wait for retransmissions. Log lines have the new time;
/// retransmissions come as before, and no transfer is ended.
fn wall_clock_jump_does_not_affect_transfers() {
    let Some(()) = required(fake_time()) else { return };
    let variables = [
        ("LD_PRELOAD", LIBRARY),
        ("FAKETIME_TIMESTAMP_FILE", CLOCK),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let ready = |lab: &Lab| lab.file(CLOCK, "+0\n");
    // With the sandbox, libfaketime cannot read the file of the clock.
    let Some(setup) = Setup::with("", &["--unconfined"], &variables, ready) else { return };
    let mut reader = LockstepClient::ask(setup.client(), CLIENT, FILE).expect("an answer");
    assert_eq!(reader.step(), Ok(true));
    let mut days = Vec::new();
    for jump in ["+1d", "-1d", "+4000d", "-4000d", "+0"] {
        setup.lab.file(CLOCK, format!("{jump}\n"));
        let start = Instant::now();
        assert_eq!(reader.wait_for_retransmission(), Ok(()), "{jump}");
        assert_eq!(reader.step(), Ok(true), "{jump}");
        assert!(setup.get("missing").is_err());
        setup.boot_with(Moment::HalfLoaded, || ());
        assert!(start.elapsed() < TIMEOUT, "{jump}: {:?}", start.elapsed());
        // `<27>Nov 22 00:35:45 dnsmasq-tftp[12]: text`
        let lines = setup.lab.take_syslog();
        let line = lines.iter().find(|line| line.contains("missing not found")).expect("a line");
        days.push(line[4..10].to_owned());
    }
    days.sort();
    days.dedup();
    assert!(days.len() >= 4, "the clock was not changed: {days:?}");
    assert!(reader.finish() == Ok(contents(SIZE)));
    setup.assert_serves();
}

/// The process is stopped, as in a paused virtual machine. Afterwards all clients continue: one in a transfer, one that
/// sends its read request, and one that sends its DHCP request.
fn transfer_continues_after_the_process_was_stopped() {
    const PAUSE: Duration = Duration::from_secs(5);
    let Some(setup) = Setup::new("") else { return };
    let signal = |signal| kill(Pid::from_raw(setup.id().cast_signed()), signal).expect("it runs");
    let client = setup.client();
    let packets = PacketSocket::new(client);
    let machine = rom(&packets);
    let mut reader = LockstepClient::ask(client, CLIENT, FILE).expect("an answer");
    assert_eq!(reader.step(), Ok(true));
    let socket = client.udp(&format!("{OTHER_CLIENT}:0"));
    let usual = Download { file: FILE, ..Download::DEFAULT };
    assert_eq!(machine.boot().map(|reply| reply.file), Ok(FILE.to_owned()));
    signal(Signal::SIGSTOP);
    let asks = std::thread::spawn(move || {
        let mut got = Vec::new();
        usual.get_with(socket, |block| got.extend_from_slice(block)).map(|()| got)
    });
    let end = Instant::now() + PAUSE;
    while Instant::now() < end {
        assert_eq!(machine.boot(), Err("no offer".to_owned()));
    }
    signal(Signal::SIGCONT);
    assert_eq!(machine.boot().map(|reply| reply.file), Ok(FILE.to_owned()));
    assert!(reader.finish() == Ok(contents(SIZE)), "the transfer that was in progress failed");
    assert!(
        asks.join().expect("no panic") == Ok(contents(SIZE)),
        "the request during the pause failed"
    );
    setup.assert_serves();
}
