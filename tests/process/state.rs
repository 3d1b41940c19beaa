//! The state of the running server (`--status=json`, SIGUSR1), while a client boots half-way.

use crate::common::lab::eventually;
use crate::common::measure::descriptors;
use crate::common::request::{Step, step};
use crate::common::{required, subject_is_theirs};
use crate::setup::{RANGE, Setup, TIMEOUT, daemon, end, signal, started};
use nix::sys::signal::Signal;
use pxemasq::status::{Counters, Drop, Limit, Machine, Stage, Status};
use std::net::UdpSocket;

crate::tests![status_shows_a_booting_machine_at_each_stage, sigusr1_writes_the_state_to_the_log,];

const SIZE: usize = 100_000;
const MAC: &str = "52:54:00:aa:bb:01";

/// The state of the server, as `--status=json` prints it.
fn status(setup: &Setup) -> Status {
    let text = setup.lab.host("server").run(&mut Setup::program(&["--status=json"]));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The only machine, when it is in this stage. A document that is younger than 100 ms is sent again.
fn machine_in(setup: &Setup, stage: Stage) -> Machine {
    let mut last = Vec::new();
    let found = eventually(TIMEOUT, || {
        last = status(setup).machines;
        last.iter().find(|machine| machine.stage == stage).cloned()
    });
    let found = found.unwrap_or_else(|| panic!("not in {stage:?}: {last:?}"));
    assert_eq!(last.len(), 1, "{last:?}");
    found
}

/// Sends a DHCP request from the client.
fn dhcp(setup: &Setup, text: &str, port: u16) {
    let Step::Send(request) = step(text) else { panic!("{text}") };
    let socket = setup.lab.host("client").udp("10.9.0.2:68");
    socket.send_to(&request.bytes, ("10.9.0.1", port)).expect("the link is up");
}

/// A transfer of which each block is acknowledged up to `last`.
fn load(setup: &Setup, last: u16) -> (UdpSocket, std::net::SocketAddr) {
    let socket = setup.lab.host("client").udp("10.9.0.2:0");
    let request = b"\0\x01large\0octet\0blksize\x001000\0tsize\x000\0";
    socket.send_to(request, "10.9.0.1:69").expect("the link is up");
    let mut buffer = [0; 2048];
    let mut peer = socket.recv_from(&mut buffer).expect("an OACK").1;
    for block in 0..=last {
        peer = acknowledge(&socket, peer, block);
    }
    (socket, peer)
}

/// Acknowledges a block, and receives the next one.
fn acknowledge(socket: &UdpSocket, peer: std::net::SocketAddr, block: u16) -> std::net::SocketAddr {
    let [high, low] = block.to_be_bytes();
    socket.send_to(&[0, 4, high, low], peer).expect("the link is up");
    socket.recv_from(&mut [0; 2048]).expect("a block").1
}

fn status_shows_a_booting_machine_at_each_stage() {
    if subject_is_theirs() {
        return;
    }
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    setup.lab.file("/srv/tftp/large", vec![7; SIZE]);
    assert_eq!(setup.background(&[]), started());
    let empty = status(&setup);
    assert_eq!((empty.machines, empty.counters), (Vec::new(), Counters::default()));

    dhcp(&setup, "DISCOVER", 67);
    let machine = machine_in(&setup, Stage::Offered);
    assert_eq!((machine.mac.as_deref(), machine.ip), (Some(MAC), None));
    assert_eq!(
        (machine.architecture, machine.architecture_name.as_deref()),
        (Some(0), Some("x86PC"))
    );

    dhcp(&setup, "REQUEST ciaddr=10.9.0.2", 4011);
    let machine = machine_in(&setup, Stage::Asked4011);
    assert_eq!((machine.mac.as_deref(), machine.ip.as_deref()), (Some(MAC), Some("10.9.0.2")));

    let (socket, peer) = load(&setup, 20);
    let machine = machine_in(&setup, Stage::Loading);
    assert_eq!((machine.mac.as_deref(), machine.transfers.len()), (Some(MAC), 1));
    let transfer = &machine.transfers[0];
    let (size, acknowledged) = (SIZE as u64, 20_000);
    assert_eq!((&transfer.file[..], transfer.size), ("/srv/tftp/large", size));
    assert_eq!(transfer.acknowledged, acknowledged);
    assert_eq!(machine.last_file.as_deref(), Some("/srv/tftp/large"));

    (21..=100).for_each(|block| _ = acknowledge(&socket, peer, block));
    acknowledge_last(&socket, peer);
    assert_eq!(machine_in(&setup, Stage::Loaded).transfers, []);
    assert!(setup.get("none").is_err());
    assert_eq!(machine_in(&setup, Stage::Refused).last_file.as_deref(), Some("/srv/tftp/none"));
    let _other = load(&setup, 0);
    machine_in(&setup, Stage::Loading);
    check_totals(&setup);
    end(daemon().expect("a pid file"));
}

/// A file that ends with a full block is followed by an empty one, which is the last.
fn acknowledge_last(socket: &UdpSocket, peer: std::net::SocketAddr) {
    socket.send_to(&[0, 4, 0, 101], peer).expect("the link is up");
}

fn check_totals(setup: &Setup) {
    // It is no PXE client.
    dhcp(setup, "DISCOVER class=none", 67);
    let all = eventually(TIMEOUT, || {
        let all = status(setup);
        (all.counters.dhcp_requests == 3).then_some(all)
    });
    let Status { counters, limits, pid, started_at, uptime_ms, .. } = all.expect("it is counted");
    let expected = Counters {
        offers: 1,
        pxe_answers: 1,
        dhcp_requests: 3,
        dhcp_drops: vec![Drop { reason: "no-pxe-client".to_owned(), count: 1 }],
        tftp_requests: 3,
        transfers_started: 2,
        transfers_completed: 1,
        files_not_found: 1,
        bytes_sent: SIZE as u64 + 1000,
        // On a slow machine there may be some.
        blocks_repeated: counters.blocks_repeated,
        ..Counters::default()
    };
    assert_eq!(counters, expected);
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert!((1..60_000).contains(&uptime_ms) && now.as_secs() - started_at < 60, "{uptime_ms}");
    let of = |id: &str| -> &Limit { limits.iter().find(|limit| limit.id == id).expect("a limit") };
    assert_eq!((of("transfers").used, of("transfers").limit), (1, 51));
    assert_eq!((of("queued_requests").used, of("observed_machines").used), (0, 1));
    let (used, open) = (of("open_files").used, descriptors(pid) as u64);
    assert!(used.abs_diff(open) <= 3, "{used} in the document, {open} open");
}

/// D-056: dnsmasq writes nothing with `port=0`.
fn sigusr1_writes_the_state_to_the_log() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    setup.lab.file("/srv/tftp/large", vec![7; SIZE]);
    assert_eq!(setup.background(&[]), started());
    let id = daemon().expect("a pid file");
    let (_socket, _) = load(&setup, 3);
    // A transfer has no speed before.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    setup.lab.take_syslog();
    signal(id, Signal::SIGUSR1);
    if subject_is_theirs() {
        end(id);
        assert_eq!(setup.logged(1), ["6 dnsmasq: exiting on receipt of SIGTERM"]);
        return;
    }
    let lines = setup.logged(5);
    let begins = [
        "6 dnsmasq: status: served for ",
        "6 dnsmasq: status: 0 DHCP requests, 0 offers, ",
        "6 dnsmasq: status: 1 TFTP requests, 0 files not found, 0 refused, 0 without an answer, 1 transfers: 0 completed, ",
        "6 dnsmasq: status: limits: transfers 1 of 51, queued requests 0 of 2048, observed machines 1 of 4096, ",
        "6 dnsmasq: status: 10.9.0.2 loads /srv/tftp/large: 3000 of 100000 bytes in 1 s, ",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    end(id);
}
