//! The maximum number of transfers, and transfers that clients abandon.

use crate::common::lab::{Lab, eventually};
use crate::common::measure::{descriptors, kilobytes};
use crate::common::required;
use crate::setup::{
    CLIENT, Client, FILE, LockstepClient, Moment, OTHER_CLIENT, SERVER, SIZE, Setup, TIMEOUT,
    allow_open_files, contents, receive,
};
use crate::time::{CLOCK, LIBRARY, fake_time};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

crate::tests![
    transfer_without_ack_is_evicted_for_another_client,
    client_boots_soon_after_150_abandoned_requests,
    client_boots_when_another_client_uses_all_ports,
    one_transfer_is_evicted_when_a_client_has_all_slots,
    client_boots_while_60_abandoned_transfers_have_its_address,
    ten_thousand_transfers_take_little_memory_and_are_released,
    ten_thousand_abandoned_transfers_are_released_after_timeout,
];

/// dnsmasq's default for `tftp-max` is 50, and it allows one more.
const DEFAULT_MAX_TRANSFERS: usize = 50 + 1;
/// A boot must not take longer.
const MAX_BOOT_TIME: Duration = Duration::from_secs(5);

impl Setup {
    /// Uses all slots for transfers of one client.
    fn fill_slots(&self) -> Vec<LockstepClient> {
        let ask = |nth| {
            LockstepClient::ask(self.client(), CLIENT, FILE)
                .unwrap_or_else(|error| panic!("{nth}: {error}"))
        };
        (0..DEFAULT_MAX_TRANSFERS).map(ask).collect()
    }

    /// Another client boots in time.
    fn assert_other_client_boots_soon(&self) {
        let start = Instant::now();
        self.boot(Client { address: OTHER_CLIENT, server: SERVER }, Moment::AfterReply, || ());
        assert!(start.elapsed() < MAX_BOOT_TIME, "{:?}", start.elapsed());
    }

    /// Another client boots in time, and the log has the evicted transfer.
    fn assert_evicts(&self) {
        self.assert_other_client_boots_soon();
        for text in [
            "failed sending /srv/tftp/pxelinux.0 to 10.9.0.2",
            "tftp-max=50 reached: a transfer to 10.9.0.2 was dropped for another client (10.9.0.2 never acknowledged it, or held most slots)",
        ] {
            let logged = || self.has_logged(text).then_some(());
            assert!(eventually(TIMEOUT, logged).is_some(), "{:#?}", self.lab.syslog());
        }
    }
}

fn transfer_without_ack_is_evicted_for_another_client() {
    let Some(setup) = Setup::new("") else { return };
    let _transfers = setup.fill_slots();
    setup.assert_evicts();
    setup.assert_serves();
}

/// 150 source addresses send one request each and no ACK, as with forged addresses.
fn client_boots_soon_after_150_abandoned_requests() {
    let Some(setup) = Setup::new("") else { return };
    let request = format!("\0\x01{FILE}\0octet\0");
    let client = setup.client();
    let asks = |nth: usize| {
        client.ip(&format!("addr add 10.9.0.{nth}/24 dev c0"));
        client.udp(&format!("10.9.0.{nth}:0"))
    };
    let sockets: Vec<UdpSocket> = (100..250).map(asks).collect();
    for socket in &sockets {
        socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the link is up");
    }
    setup.assert_other_client_boots_soon();
    setup.assert_serves();
}

/// The port range is smaller than the number of transfers.
fn client_boots_when_another_client_uses_all_ports() {
    let Some(setup) = Setup::new("tftp-port-range=30000,30002\n") else { return };
    let _transfers: Vec<LockstepClient> = (0..3)
        .map(|_| LockstepClient::ask(setup.client(), CLIENT, FILE).expect("a free port"))
        .collect();
    setup.assert_other_client_boots_soon();
    setup.assert_serves();
}

/// The client acknowledges slowly. One of its transfers is evicted, the others continue.
fn one_transfer_is_evicted_when_a_client_has_all_slots() {
    let Some(setup) = Setup::new("") else { return };
    let mut transfers = setup.fill_slots();
    for reader in &mut transfers {
        assert_eq!(reader.step(), Ok(true));
    }
    let over = AtomicBool::new(false);
    let mut transfers: Vec<Option<LockstepClient>> = transfers.into_iter().map(Some).collect();
    let mut errors = Vec::new();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            // Ends after 10 rounds if the other client is not served.
            let turns = (0..DEFAULT_MAX_TRANSFERS).cycle().take(10 * DEFAULT_MAX_TRANSFERS);
            for nth in turns.take_while(|_| !over.load(Ordering::Relaxed)) {
                // The evicted transfer returns an error. Nothing follows it.
                if let Some(Err(error)) = transfers[nth].as_mut().map(LockstepClient::step) {
                    errors.push(error);
                    transfers[nth] = None;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        setup.assert_evicts();
        over.store(true, Ordering::Relaxed);
        slow.join().expect("no panic");
    });
    let ended: Vec<_> = transfers.into_iter().flatten().map(LockstepClient::finish).collect();
    let complete = ended.iter().filter(|got| **got == Ok(contents(SIZE))).count();
    errors.extend(ended.into_iter().filter_map(Result::err));
    assert_eq!(errors, ["too many transfers\0"], "{complete} are complete");
    assert_eq!(complete, DEFAULT_MAX_TRANSFERS - 1);
    setup.assert_serves();
}

/// As behind a NAT address: other clients with this address acknowledge one block and then disappear.
fn client_boots_while_60_abandoned_transfers_have_its_address() {
    let Some(setup) = Setup::new("") else { return };
    let mut transfers = setup.fill_slots();
    for abandoned in &mut transfers {
        assert_eq!(abandoned.step(), Ok(true));
    }
    let waiting: Vec<UdpSocket> = (0..60 - DEFAULT_MAX_TRANSFERS)
        .map(|_| {
            let socket = setup.client().udp(&format!("{CLIENT}:0"));
            let request = format!("\0\x01{FILE}\0octet\0");
            socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the link is up");
            socket
        })
        .collect();
    let notice = "tftp-max=50 reached: a transfer to 10.9.0.2 was dropped for a new request from the same address";
    // A transfer has to be idle for ten seconds. Without the eviction it ends after two minutes.
    let mut buffer = [0; 1024];
    for socket in &waiting {
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has a timeout");
        let (size, _) = receive(socket, &mut buffer).expect("the first block");
        assert_eq!((size, &buffer[..4]), (516, &[0, 3, 0, 1][..]));
    }
    let logged = || setup.has_logged(notice).then_some(());
    assert!(eventually(TIMEOUT, logged).is_some(), "{:#?}", setup.lab.syslog());
    drop((transfers, waiting));
    setup.assert_serves();
}

/// Clients that send requests and then nothing.
struct Abandoned(Vec<(UdpSocket, BTreeSet<SocketAddr>)>);

const ADDRESSES: usize = 20;
const PER_ADDRESS: usize = 500;
const TOTAL: usize = ADDRESSES * PER_ADDRESS;
/// Requests in flight.
const IN_FLIGHT: usize = 50;

impl Abandoned {
    /// Sends all requests and waits for one reply to each.
    fn ask(setup: &Setup) -> Self {
        let request = format!("\0\x01{FILE}\0octet\0blksize\x001468\0");
        let open = |address: usize| {
            let socket = setup.client().udp(&format!("10.9.0.{}:0", 100 + address));
            let (mut peers, mut buffer) = (BTreeSet::new(), [0; 600]);
            while peers.len() < PER_ADDRESS {
                let wanted = peers.len() + IN_FLIGHT;
                for _ in 0..IN_FLIGHT {
                    socket.send_to(request.as_bytes(), (SERVER, 69)).expect("the link is up");
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

    /// Acknowledges the OACK of each `of`th transfer, and nothing after it.
    fn acknowledge(&self, of: usize) {
        for (socket, peers) in &self.0 {
            for peer in peers.iter().step_by(of) {
                socket.send_to(&[0, 4, 0, 0], peer).expect("the link is up");
            }
        }
    }

    /// Ends each `of`th transfer with an error.
    fn end(&mut self, of: usize) {
        for (socket, peers) in &mut self.0 {
            let gone: Vec<SocketAddr> = peers.iter().copied().step_by(of).collect();
            for (nth, peer) in gone.iter().enumerate() {
                socket.send_to(b"\0\x05\0\0gone\0", peer).expect("the link is up");
                peers.remove(peer);
                if nth % IN_FLIGHT == 0 {
                    std::thread::yield_now();
                }
            }
        }
    }
}

/// A server that allows all these transfers, and a client with all these addresses.
fn setup_for_many(variables: &[(&str, &str)], ready: impl FnOnce(&Lab)) -> Option<Setup> {
    allow_open_files(TOTAL as u64 + 500)?;
    // With the sandbox, libfaketime cannot read the file of the clock.
    let words: &[&str] = if variables.is_empty() { &[] } else { &["--unconfined"] };
    let setup = Setup::with("tftp-max=10100\n", words, variables, ready)?;
    for nth in 0..ADDRESSES {
        setup.client().ip(&format!("addr add 10.9.0.{}/24 dev c0", 100 + nth));
    }
    assert!(setup.get(FILE) == Ok(contents(SIZE)));
    Some(setup)
}

/// Memory of 10,000 transfers. Half of them end with an error, then the others: all descriptors and most memory are free again.
fn ten_thousand_transfers_take_little_memory_and_are_released() {
    /// Bytes per transfer.
    const EACH: usize = 2048;
    /// Kilobytes that the third round may add: the allocator keeps memory of the rounds before.
    const MORE: usize = 256;
    let Some(setup) = setup_for_many(&[], |_| ()) else { return };
    let open = || descriptors(setup.id());
    let fewer_than = |most: usize| eventually(TIMEOUT, || (open() <= most).then_some(()));
    let (before, memory) = (open(), kilobytes(setup.id()));
    let mut after = Vec::new();
    for _ in 0..3 {
        let mut transfers = Abandoned::ask(&setup);
        // The file of the last transfer may still be open.
        assert!(open() + 2 >= before + TOTAL, "{} descriptors", open());
        let each = kilobytes(setup.id()).saturating_sub(memory) * 1024 / TOTAL;
        println!("{each} bytes for each of {TOTAL}");
        assert!(each <= EACH, "{each} bytes");
        assert!(setup.get(FILE) == Ok(contents(SIZE)), "another client gets no file");
        transfers.end(2);
        // One more for the file, which all transfers share.
        fewer_than(before + TOTAL / 2 + 1).expect("the ended transfers are released");
        assert!(setup.get(FILE) == Ok(contents(SIZE)), "another client gets no file");
        transfers.end(1);
        fewer_than(before).expect("all descriptors are closed");
        after.push(kilobytes(setup.id()));
    }
    assert!(after[2] <= after[1] + MORE, "{after:?} kilobytes");
    setup.assert_serves();
}

/// No client sends anything for two minutes of the clock that the program uses.
fn ten_thousand_abandoned_transfers_are_released_after_timeout() {
    let Some(()) = required(fake_time()) else { return };
    let variables = [
        ("LD_PRELOAD", LIBRARY),
        ("FAKETIME_TIMESTAMP_FILE", CLOCK),
        ("FAKETIME_CACHE_DURATION", "1"),
    ];
    let Some(setup) = setup_for_many(&variables, |lab| lab.file(CLOCK, "+0\n")) else { return };
    let open = || descriptors(setup.id());
    let before = open();
    let transfers = Abandoned::ask(&setup);
    transfers.acknowledge(2);
    assert!(setup.get(FILE) == Ok(contents(SIZE)), "another client gets no file");
    assert!(open() + 2 >= before + TOTAL, "{} descriptors", open());
    setup.lab.file(CLOCK, "+125\n");
    let gone = || (open() <= before).then_some(());
    assert!(eventually(TIMEOUT, gone).is_some(), "{} descriptors", open() - before);
    setup.assert_serves();
}
