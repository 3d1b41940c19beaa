//! A network full of requests.

use crate::common::measure::kilobytes;
use crate::common::packet::{EVERYBODY, frame};
use crate::common::random::Random;
use crate::common::rom::said;
use crate::link::Link;
use crate::scene::{FILE, Moment, NEIGHBOUR, SERVER, SIZE, Scene, Who, contents};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

crate::tests![machines_boot_while_others_flood_the_network,];

const LENGTH: Duration = Duration::from_secs(5);
const REQUESTS: [&str; 2] = [
    "DISCOVER from=0.0.0.0:68 arch=0 class=PXEClient:Arch:00000:UNDI:002001",
    "DISCOVER from=0.0.0.0:68 arch=none class=none 97=none",
];
/// Kilobytes that may be more afterwards.
const MORE: usize = 1024;

/// Thousands of machines are switched on all the time, or somebody says so. Meanwhile a client gets its file, and a machine
/// boots that asks again as firmware does.
fn machines_boot_while_others_flood_the_network() {
    let Some(scene) = Scene::new("") else { return };
    // Whatever is made once is there then.
    flood(&scene, Duration::from_secs(2));
    let before = kilobytes(scene.id());
    let sent = flood(&scene, LENGTH);
    assert!(sent > 100_000, "that was no flood: {sent} requests");
    let more = kilobytes(scene.id()).saturating_sub(before);
    println!("{sent} requests in {LENGTH:?}, {more} kB more");
    assert!(more <= MORE, "{more} kB more after {sent} requests");
    scene.lives();
}

/// How many requests were sent, in a time in which a file is loaded and a machine boots.
fn flood(scene: &Scene, length: Duration) -> usize {
    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let links = REQUESTS.map(|words| (words, Link::new(scene.client(), "c0")));
    std::thread::scope(|scope| {
        for (seed, (words, link)) in links.iter().enumerate() {
            let (over, sent) = (&over, &sent);
            scope.spawn(move || {
                let mut random = Random::new(seed as u64 + 1);
                let said = said(words);
                while !over.load(Ordering::Relaxed) {
                    let mut bytes = said.bytes.clone();
                    // Its transaction, and its hardware address.
                    bytes[4..8].fill_with(|| random.byte());
                    bytes[29..34].fill_with(|| random.byte());
                    link.send(&frame(EVERYBODY, link.mac(), said.from, said.to, &bytes));
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let end = Instant::now() + length;
        // What fails ends the flood too.
        let served = catch_unwind(AssertUnwindSafe(|| {
            assert!(scene.get(FILE) == Ok(contents(SIZE)), "a client that loads");
            scene.boot(Who { address: NEIGHBOUR, server: SERVER }, Moment::Told, || ());
        }));
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        over.store(true, Ordering::Relaxed);
        served.unwrap_or_else(|panic| resume_unwind(panic));
    });
    sent.into_inner()
}
