//! A flood of requests.

use crate::common::boot_rom::parse_request;
use crate::common::measure::kilobytes;
use crate::common::packet::{BROADCAST_MAC, frame};
use crate::common::random::Random;
use crate::link::Link;
use crate::setup::{Client, FILE, Moment, OTHER_CLIENT, SERVER, SIZE, Setup, contents};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

crate::tests![client_boots_during_flood_of_requests,];

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
