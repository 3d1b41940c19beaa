//! Transfers that nobody follows, and as many as there may be.

use crate::common::lab::{Lab, eventually};
use crate::common::measure::{descriptors, kilobytes};
use crate::common::required;
use crate::scene::{
    CLIENT, FILE, Moment, NEIGHBOUR, PATIENCE, Reader, SERVER, SIZE, Scene, Who, contents, receive,
};
use crate::time::{CLOCK, LIBRARY, fake_time};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

crate::tests![
    a_client_that_never_answers_keeps_nobody_out,
    a_storm_of_requests_is_over_soon,
    a_client_that_has_all_ports_keeps_nobody_out,
    a_client_with_many_transfers_keeps_nobody_out,
    ten_thousand_transfers_cost_little_and_leave_nothing_behind,
    ten_thousand_abandoned_transfers_leave_nothing_behind,
];

/// dnsmasq's number, and the one more that there always is.
const USUAL: usize = 50 + 1;
/// A client that comes has its file by then.
const SOON: Duration = Duration::from_secs(5);

impl Scene {
    /// So many transfers of one client.
    fn crowd(&self) -> Vec<Reader> {
        let ask = |nth| {
            Reader::ask(self.client(), CLIENT, FILE)
                .unwrap_or_else(|error| panic!("{nth}: {error}"))
        };
        (0..USUAL).map(ask).collect()
    }

    /// Somebody else boots, and is not kept waiting.
    fn boots_soon(&self) {
        let start = Instant::now();
        self.boot(Who { address: NEIGHBOUR, server: SERVER }, Moment::Told, || ());
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }

    /// Somebody else boots at once, and the log says at whose cost.
    fn has_room(&self) {
        self.boots_soon();
        for text in [
            "failed sending /srv/tftp/pxelinux.0 to 10.9.0.2",
            "tftp-max=50 reached: a transfer to 10.9.0.2 was dropped for another client (10.9.0.2 never acknowledged it, or held most slots)",
        ] {
            let told = || self.has_told(text).then_some(());
            assert!(eventually(PATIENCE, told).is_some(), "{:#?}", self.lab.syslog());
        }
    }
}

fn a_client_that_never_answers_keeps_nobody_out() {
    let Some(scene) = Scene::new("") else { return };
    let _crowd = scene.crowd();
    scene.has_room();
    scene.lives();
}

/// A hundred and fifty ask once and are gone, as a forger makes it look.
fn a_storm_of_requests_is_over_soon() {
    let Some(scene) = Scene::new("") else { return };
    let request = format!("\0\x01{FILE}\0octet\0");
    let client = scene.client();
    let asks = |nth: usize| {
        client.ip(&format!("addr add 10.9.0.{nth}/24 dev c0"));
        client.udp(&format!("10.9.0.{nth}:0"))
    };
    let sockets: Vec<UdpSocket> = (100..250).map(asks).collect();
    for socket in &sockets {
        socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the wire is up");
    }
    scene.boots_soon();
    scene.lives();
}

/// There are fewer ports than transfers may be.
fn a_client_that_has_all_ports_keeps_nobody_out() {
    let Some(scene) = Scene::new("tftp-port-range=30000,30002\n") else { return };
    let _crowd: Vec<Reader> = (0..3)
        .map(|_| Reader::ask(scene.client(), CLIENT, FILE).expect("a port for each"))
        .collect();
    scene.boots_soon();
    scene.lives();
}

/// It has all places, and is slow with each. One of them is for somebody else, the others go on.
fn a_client_with_many_transfers_keeps_nobody_out() {
    let Some(scene) = Scene::new("") else { return };
    let mut crowd = scene.crowd();
    crowd.iter_mut().for_each(|reader| assert_eq!(reader.step(), Ok(true)));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            // If nobody is served, it ends too.
            let turns = (0..USUAL).cycle().take(10 * USUAL);
            for nth in turns.take_while(|_| !over.load(Ordering::Relaxed)) {
                // The one that has to go is told so.
                drop(crowd[nth].step());
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        scene.has_room();
        over.store(true, Ordering::Relaxed);
        slow.join().expect("no panic");
    });
    let ended: Vec<_> = crowd.into_iter().map(Reader::finish).collect();
    let whole = ended.iter().filter(|got| **got == Ok(contents(SIZE))).count();
    let told: Vec<_> = ended.iter().filter_map(|got| got.as_ref().err()).collect();
    assert_eq!(told, ["too many transfers\0"], "{whole} are whole");
    assert_eq!(whole, USUAL - 1);
    scene.lives();
}

/// A room of machines that ask and go away.
struct Abandoned(Vec<(UdpSocket, BTreeSet<SocketAddr>)>);

const ADDRESSES: usize = 20;
const OF_EACH: usize = 500;
const ALL: usize = ADDRESSES * OF_EACH;
/// Requests that are on their way at once.
const TOGETHER: usize = 50;

impl Abandoned {
    /// All of them ask, and are answered once.
    fn ask(scene: &Scene) -> Self {
        let request = format!("\0\x01{FILE}\0octet\0blksize\x001468\0");
        let open = |address: usize| {
            let socket = scene.client().udp(&format!("10.9.0.{}:0", 100 + address));
            let (mut peers, mut buffer) = (BTreeSet::new(), [0; 600]);
            while peers.len() < OF_EACH {
                let wanted = peers.len() + TOGETHER;
                for _ in 0..TOGETHER {
                    socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the wire is up");
                }
                while peers.len() < wanted {
                    let (_, peer) = receive(&socket, &mut buffer).expect("an answer");
                    peers.insert(peer);
                }
            }
            (socket, peers)
        };
        Self((0..ADDRESSES).map(open).collect())
    }

    /// Every second one has the beginning, and never says anything again.
    fn acknowledge(&self, of: usize) {
        for (socket, peers) in &self.0 {
            for peer in peers.iter().step_by(of) {
                socket.send_to(&[0, 4, 0, 0], peer).expect("the wire is up");
            }
        }
    }

    /// Every second one of those that are left says that it has gone.
    fn leave(&mut self, of: usize) {
        for (socket, peers) in &mut self.0 {
            let gone: Vec<SocketAddr> = peers.iter().copied().step_by(of).collect();
            for (nth, peer) in gone.iter().enumerate() {
                socket.send_to(b"\0\x05\0\0gone\0", peer).expect("the wire is up");
                peers.remove(peer);
                if nth % TOGETHER == 0 {
                    std::thread::yield_now();
                }
            }
        }
    }
}

/// The usual scene, with room and addresses for all of them.
fn hall(variables: &[(&str, &str)], ready: impl FnOnce(&Lab)) -> Option<Scene> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    let enough = ALL as u64 + 500;
    if soft < enough {
        let raised = setrlimit(Resource::RLIMIT_NOFILE, enough, hard.max(enough));
        required(raised.map_err(|_| format!("only {hard} descriptors")))?;
    }
    let scene = Scene::with("tftp-max=10100\n", &[], variables, ready)?;
    for nth in 0..ADDRESSES {
        scene.client().ip(&format!("addr add 10.9.0.{}/24 dev c0", 100 + nth));
    }
    assert!(scene.get(FILE) == Ok(contents(SIZE)));
    Some(scene)
}

/// Ten thousand, and what each costs. Half of them say that they have gone; the others do later. Then all is as before.
fn ten_thousand_transfers_cost_little_and_leave_nothing_behind() {
    /// Bytes of memory for each.
    const EACH: usize = 2048;
    /// Kilobytes more that a third time may take: what was had once is kept for the next time.
    const MORE: usize = 256;
    let Some(scene) = hall(&[], |_| ()) else { return };
    let open = || descriptors(scene.id());
    let fewer_than = |most: usize| eventually(PATIENCE, || (open() <= most).then_some(()));
    let (before, memory) = (open(), kilobytes(scene.id()));
    let mut after = Vec::new();
    for _ in 0..3 {
        let mut crowd = Abandoned::ask(&scene);
        // The file that was sent just before may still have been open.
        assert!(open() + 2 >= before + ALL, "{} descriptors", open());
        let each = kilobytes(scene.id()).saturating_sub(memory) * 1024 / ALL;
        println!("{each} bytes for each of {ALL}");
        assert!(each <= EACH, "{each} bytes");
        assert!(scene.get(FILE) == Ok(contents(SIZE)), "somebody else is served");
        crowd.leave(2);
        // And the file that they share.
        fewer_than(before + ALL / 2 + 1).expect("those who have gone are forgotten");
        assert!(scene.get(FILE) == Ok(contents(SIZE)), "somebody else is served");
        crowd.leave(1);
        fewer_than(before).expect("nothing is left open");
        after.push(kilobytes(scene.id()));
    }
    assert!(after[2] <= after[1] + MORE, "{after:?} kilobytes");
    scene.lives();
}

/// They say nothing at all, and two minutes pass: on the clock that the program looks at.
fn ten_thousand_abandoned_transfers_leave_nothing_behind() {
    let Some(()) = required(fake_time()) else { return };
    let variables = [
        ("LD_PRELOAD", LIBRARY),
        ("FAKETIME_TIMESTAMP_FILE", CLOCK),
        ("FAKETIME_CACHE_DURATION", "1"),
    ];
    let Some(scene) = hall(&variables, |lab| lab.file(CLOCK, "+0\n")) else { return };
    let open = || descriptors(scene.id());
    let before = open();
    let crowd = Abandoned::ask(&scene);
    crowd.acknowledge(2);
    assert!(scene.get(FILE) == Ok(contents(SIZE)), "somebody else is served");
    assert!(open() + 2 >= before + ALL, "{} descriptors", open());
    scene.lab.file(CLOCK, "+125\n");
    let gone = || (open() <= before).then_some(());
    assert!(eventually(PATIENCE, gone).is_some(), "{} descriptors", open() - before);
    scene.lives();
}
