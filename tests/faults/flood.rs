//! A flood of requests.

use crate::common::boot_rom::parse_request;
use crate::common::lab::eventually;
use crate::common::measure::kilobytes;
use crate::common::packet::{BROADCAST_MAC, frame};
use crate::common::random::Random;
use crate::link::Link;
use crate::setup::{
    CLIENT, Client, FILE, LockstepClient, Moment, OTHER_CLIENT, SERVER, SIZE, Setup, TIMEOUT,
    contents, receive,
};
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

crate::tests![
    client_boots_during_flood_of_requests,
    transfer_to_closed_port_ends_and_its_address_gets_no_window,
];

const LENGTH: Duration = Duration::from_secs(5);
const REQUESTS: [&str; 2] = [
    "DISCOVER from=0.0.0.0:68 arch=0 class=PXEClient:Arch:00000:UNDI:002001",
    "DISCOVER from=0.0.0.0:68 arch=none class=none 97=none",
];
/// Kilobytes that the flood may add.
const MORE: usize = 1024;

/// Requests of many (forged) hardware addresses. During the flood a client downloads a file and another one boots.
fn client_boots_during_flood_of_requests() {
    let Some(setup) = Setup::new("") else { return };
    // The first flood makes the one-time allocations.
    flood(&setup, Duration::from_secs(2));
    let before = kilobytes(setup.id());
    let sent = flood(&setup, LENGTH);
    assert!(sent > 100_000, "too few requests: {sent}");
    let more = kilobytes(setup.id()).saturating_sub(before);
    println!("{sent} requests in {LENGTH:?}, {more} kB more");
    assert!(more <= MORE, "{more} kB more after {sent} requests");
    setup.assert_serves();
}

/// As for a request with a forged address: the kernel of the victim refuses the reply with an ICMP message.
fn transfer_to_closed_port_ends_and_its_address_gets_no_window() {
    for config in ["tftp-single-port\n", "tftp-port-range=30000,30099\n"] {
        let Some(setup) = Setup::new(config) else { return };
        let mut other_port = LockstepClient::ask(setup.client(), CLIENT, FILE).expect("a transfer");
        let (forged, oack) = request_windows(&setup);
        assert_eq!(oack, b"\0\x06windowsize\x0016\0", "{config}");
        drop(forged);
        let ended =
            || setup.has_logged("failed sending /srv/tftp/pxelinux.0 to 10.9.0.2").then_some(());
        assert!(eventually(TIMEOUT, ended).is_some(), "{config} {:#?}", setup.lab.syslog());
        let (_next, oack) = request_windows(&setup);
        assert_eq!(oack, b"\0\x06windowsize\x001\0", "{config}");
        assert_eq!(other_port.step(), Ok(true));
        assert_eq!(other_port.finish(), Ok(contents(SIZE)), "{config}");
        setup.assert_serves();
    }
}

/// Requests a file with windows. Returns the socket and the first datagram of the server.
fn request_windows(setup: &Setup) -> (UdpSocket, Vec<u8>) {
    let socket = setup.client().udp(&format!("{CLIENT}:0"));
    let request = format!("\0\x01{FILE}\0octet\0windowsize\x0016\0");
    socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the link is up");
    let mut buffer = [0; 1024];
    let (size, _) = receive(&socket, &mut buffer).expect("an option acknowledgement");
    (socket, buffer[..size].to_vec())
}

/// Sends requests for `length`, during which a client downloads a file and another one boots. Returns their number.
fn flood(setup: &Setup, length: Duration) -> usize {
    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let links = REQUESTS.map(|words| (words, Link::new(setup.client(), "c0")));
    std::thread::scope(|scope| {
        for (seed, (words, link)) in links.iter().enumerate() {
            let (over, sent) = (&over, &sent);
            scope.spawn(move || {
                let mut random = Random::new(seed as u64 + 1);
                let request = parse_request(words);
                while !over.load(Ordering::Relaxed) {
                    let mut bytes = request.bytes.clone();
                    // Transaction ID and hardware address.
                    bytes[4..8].fill_with(|| random.byte());
                    bytes[29..34].fill_with(|| random.byte());
                    link.send(&frame(BROADCAST_MAC, link.mac(), request.from, request.to, &bytes));
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let end = Instant::now() + length;
        // After a failure the threads must end too.
        let served = catch_unwind(AssertUnwindSafe(|| {
            assert!(setup.get(FILE) == Ok(contents(SIZE)), "the download during the flood failed");
            setup.boot(Client { address: OTHER_CLIENT, server: SERVER }, Moment::AfterReply, || ());
        }));
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        over.store(true, Ordering::Relaxed);
        served.unwrap_or_else(|panic| resume_unwind(panic));
    });
    sent.into_inner()
}
