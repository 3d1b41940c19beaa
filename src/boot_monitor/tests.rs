//! Boots that complete, and boots that stop.

use super::*;
use crate::boot_monitor::event::AnswerKind;
use crate::config::Origin;
use crate::wire::client_arch::Architecture;
use std::net::Ipv4Addr;

const MAC: Mac = [0x52, 0x54, 0, 1, 2, 3];
const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const ROOT: &str = "/srv/";

fn line() -> Origin {
    Origin { file: "c".into(), line: 3 }
}

const ASK: ExpectedStep = ExpectedStep::ProxyRequest { seconds: 0 };

fn reply(ip: Option<Ipv4Addr>, file: Option<&str>, next: ExpectedStep) -> ReplySent {
    let boot_file = file.map(|file| file.as_bytes().to_vec());
    let architecture = Some(Architecture(7));
    let answer = AnswerKind::Offer;
    ReplySent { mac: MAC, answer, ip, architecture, is_ipxe: false, boot_file, next, line: line() }
}

fn reply_event(ip: Option<Ipv4Addr>, file: Option<&str>, next: ExpectedStep) -> ClientEvent {
    ClientEvent::ReplySent(reply(ip, file, next))
}

fn replied(next: ExpectedStep) -> ClientEvent {
    reply_event(Some(IP), None, next)
}

fn load(file: &str) -> ClientEvent {
    reply_event(Some(IP), Some(file), ExpectedStep::Download)
}

fn path(file: &str) -> Vec<u8> {
    [ROOT, file].concat().into_bytes()
}

fn started(file: &str) -> ClientEvent {
    ClientEvent::TransferStarted { client: IP.into(), path: path(file) }
}

fn sent(file: &str) -> ClientEvent {
    let transfer = CompletedTransfer { size: 1, client: IP.into(), path: path(file) };
    ClientEvent::TransferCompleted(transfer)
}

fn missed(file: &str) -> ClientEvent {
    ClientEvent::TransferRefused {
        client: IP.into(),
        path: path(file),
        reason: RefusalReason::NotFound,
    }
}

/// All findings of polls in these seconds.
fn all(monitor: &mut BootMonitor, seconds: std::ops::Range<u64>) -> Vec<Finding> {
    seconds.flat_map(|second| monitor.poll(false, Timestamp(second * 1000))).collect()
}

const CLIENT: ClientKey = ClientKey::Mac(MAC);

#[test]
fn offer_without_request_to_port_4011_is_reported_once_a_minute() {
    let mut monitor = BootMonitor::default();
    for second in [0, 4, 8, 70] {
        monitor.observe(replied(ASK), Timestamp(second * 1000));
        if second == 8 {
            assert_eq!(all(&mut monitor, 9..38), []);
            let finding = Finding::NoProxyRequest { client: CLIENT, line: line() };
            assert_eq!(all(&mut monitor, 38..69), [finding]);
        }
    }
    assert_eq!(all(&mut monitor, 71..200).len(), 1);
    assert_eq!(
        (monitor.next_deadline(), monitor.clients.len()),
        (None, 0),
        "nothing is left to look for"
    );
}

#[test]
fn client_that_continues_is_not_reported() {
    let mut monitor = BootMonitor::default();
    monitor.observe(replied(ASK), Timestamp(0));
    monitor.observe(load("a"), Timestamp(1000));
    monitor.observe(started("a"), Timestamp(2000));
    assert_eq!(monitor.observe(sent("a"), Timestamp(3000)), None);
    for name in ["01-52", "0A", "0"] {
        monitor.observe(missed(name), Timestamp(4000));
    }
    assert_eq!(monitor.observe(sent("default"), Timestamp(5000)), None);
    assert_eq!(all(&mut monitor, 5..300), []);
}

#[test]
fn download_from_unknown_address_may_be_of_same_client() {
    let mut monitor = BootMonitor::default();
    let unknown = || reply_event(None, Some("a"), ExpectedStep::Download);
    monitor.observe(unknown(), Timestamp(0));
    monitor.observe(started("a"), Timestamp(500));
    monitor.observe(sent("a"), Timestamp(1000));
    assert_eq!(all(&mut monitor, 1..60), []);
    monitor.observe(unknown(), Timestamp(200_000));
    assert_eq!(all(&mut monitor, 200..260).len(), 1);
}

#[test]
fn client_that_acknowledges_is_not_reported_as_silent() {
    let mut monitor = BootMonitor::default();
    for second in [0, 2, 4] {
        monitor.observe(started("a"), Timestamp(second * 1000));
        monitor.observe(ClientEvent::FirstAck { client: IP.into() }, Timestamp(second * 1000 + 1));
    }
    assert_eq!(all(&mut monitor, 5..60), []);
}

#[test]
fn missing_file_before_reply_or_before_other_file_is_not_reported() {
    let mut monitor = BootMonitor::default();
    monitor.observe(missed("early"), Timestamp(0));
    monitor.observe(replied(ExpectedStep::Unknown), Timestamp(2000));
    assert_eq!(all(&mut monitor, 2..20), []);
    // The last acknowledgement of one and the request for another are read in one turn.
    monitor.observe(missed("b"), Timestamp(20_000));
    monitor.observe(sent("a"), Timestamp(20_000));
    let at = |second: u64| Timestamp(20_000 + second * 1000);
    (1..20).for_each(|second| _ = monitor.observe(missed("b"), at(second * 4)));
    assert_eq!(all(&mut monitor, 100..110).len(), 1, "a client that asks for ever is reported");
    // A long transfer behind it is something.
    monitor.observe(missed("c"), Timestamp(200_000));
    monitor.observe(started("d"), Timestamp(200_001));
    monitor.observe(ClientEvent::FirstAck { client: IP.into() }, Timestamp(200_002));
    assert_eq!(all(&mut monitor, 201..230), []);
}

#[test]
fn missing_download_is_not_reported_while_requests_are_queued() {
    let mut monitor = BootMonitor::default();
    monitor.observe(load("a"), Timestamp(0));
    for second in 0..100 {
        assert_eq!(monitor.poll(true, Timestamp(second * 1000)), []);
    }
    assert_eq!(all(&mut monitor, 100..140).len(), 1);
}

#[test]
fn old_reply_of_other_server_is_not_reported() {
    let mut monitor = BootMonitor::default();
    let (server, file) = (Ipv4Addr::new(10, 0, 0, 1), b"x".to_vec());
    let reply = OtherServerReply { server, mac: MAC, is_proxy: false, file, next_server: IP };
    monitor.observe(ClientEvent::OtherServerReply(reply), Timestamp(0));
    assert_eq!(monitor.observe(replied(ASK), Timestamp(100_000)), None);
}

#[test]
fn missing_file_is_reported_if_client_stops() {
    let mut monitor = BootMonitor::default();
    monitor.observe(load("a"), Timestamp(0));
    monitor.observe(missed("a"), Timestamp(1000));
    assert_eq!(all(&mut monitor, 2..6), []);
    let missed =
        vec![RefusedFile { path: path("a"), reason: RefusalReason::NotFound, line: Some(line()) }];
    assert_eq!(all(&mut monitor, 6..9), [Finding::FilesRefused { client: CLIENT, file: missed }]);
}

#[test]
fn third_load_of_boot_file_is_loop() {
    let mut monitor = BootMonitor::default();
    for second in [0, 15, 30, 45] {
        monitor.observe(load("undionly.kpxe"), Timestamp(second * 1000));
        let finding = monitor.observe(sent("undionly.kpxe"), Timestamp(second * 1000 + 1));
        let times = matches!(finding, Some(Finding::BootLoop(BootLoop { count: 3, .. })));
        assert_eq!(times, second == 30, "{second}: {finding:?}");
    }
}

#[test]
fn script_may_be_loaded_again_and_ipxe_may_not() {
    for (file, is_odd) in [("menu.ipxe", false), ("ipxe.efi", true)] {
        let mut monitor = BootMonitor::default();
        let event =
            ReplySent { is_ipxe: true, ..reply(Some(IP), Some(file), ExpectedStep::Download) };
        monitor.observe(ClientEvent::ReplySent(event), Timestamp(0));
        let remarks = (1..4).filter_map(|second| monitor.observe(sent(file), Timestamp(second)));
        assert_eq!(remarks.count(), usize::from(is_odd), "{file}");
    }
}

#[test]
fn missing_request_is_not_reported_after_reply_of_other_server() {
    let mut monitor = BootMonitor::default();
    let (server, file) = (Ipv4Addr::new(10, 0, 0, 1), b"x".to_vec());
    let reply = OtherServerReply { server, mac: MAC, is_proxy: false, file, next_server: IP };
    monitor.observe(replied(ASK), Timestamp(0));
    assert!(monitor.observe(ClientEvent::OtherServerReply(reply), Timestamp(1)).is_some());
    monitor.observe(replied(ASK), Timestamp(4000));
    assert_eq!(all(&mut monitor, 4..100), []);
}

#[test]
fn different_boot_files_are_no_loop() {
    let mut monitor = BootMonitor::default();
    for (second, file) in (0..).zip(["a", "a", "b", "b", "c", "c"]) {
        monitor.observe(load(file), Timestamp(second));
        assert_eq!(monitor.observe(sent(file), Timestamp(second)), None);
    }
}

#[test]
fn unreported_refusal_ends_wait_for_download() {
    let mut monitor = BootMonitor::default();
    monitor.observe(load("a"), Timestamp(0));
    let (client, why) = (IP.into(), RefusalReason::Unreported);
    monitor.observe(
        ClientEvent::TransferRefused { client, path: path("a"), reason: why },
        Timestamp(1),
    );
    assert_eq!(all(&mut monitor, 1..100), []);
}

#[test]
fn client_that_loads_other_files_is_not_in_loop() {
    let mut monitor = BootMonitor::default();
    for second in [0, 10, 20, 30] {
        monitor.observe(load("pxelinux.0"), Timestamp(second * 1000));
        for file in ["pxelinux.0", "ldlinux.c32"] {
            assert_eq!(monitor.observe(sent(file), Timestamp(second * 1000 + 1)), None);
        }
    }
}

#[test]
fn client_without_acks_is_reported_when_it_stops() {
    let mut monitor = BootMonitor::default();
    for second in [0, 2, 4] {
        monitor.observe(started("a"), Timestamp(second * 1000));
    }
    let finding = Finding::NoAcks { client: ClientKey::Ip(IP.into()), path: path("a"), count: 3 };
    assert_eq!(all(&mut monitor, 5..60), [finding]);
}

fn without_file(is_empty_reply: bool) -> ClientEvent {
    let reason = if is_empty_reply {
        BootReason::NoBootFile { architecture: "11".into(), near: String::new() }
    } else {
        BootReason::NoReply { reason: "it is too short".into() }
    };
    ClientEvent::NoBootFile { mac: MAC, reason }
}

#[test]
fn client_without_boot_file_is_reported_once_a_minute() {
    for is_empty_reply in [true, false] {
        let mut monitor = BootMonitor::default();
        let mut reported = Vec::new();
        for second in 0..130 {
            let now = Timestamp(second * 1000);
            let may_report = monitor.may_report_no_boot_file(MAC, now);
            let finding = monitor.observe(without_file(is_empty_reply), now);
            assert_eq!(finding.is_some(), may_report, "{second}");
            reported.extend(finding.map(|_| second));
        }
        assert_eq!(reported, [0, 60, 120]);
    }
}

#[test]
fn missing_request_is_not_reported_after_empty_reply() {
    for (is_empty_reply, reports) in [(true, 0), (false, 1)] {
        let mut monitor = BootMonitor::default();
        for second in [0, 4, 8] {
            monitor.observe(replied(ASK), Timestamp(second * 1000));
            monitor.observe(without_file(is_empty_reply), Timestamp(second * 1000));
        }
        assert_eq!(all(&mut monitor, 9..60).len(), reports);
    }
}

#[test]
fn client_without_boot_file_is_not_searched_for_if_there_are_too_many_clients() {
    let mut monitor = BootMonitor::default();
    for number in 0..MAX_CLIENTS {
        let [a, b, c, d] = u32::try_from(number).unwrap().to_be_bytes();
        let reason = BootReason::NoReply { reason: String::new() };
        let event = ClientEvent::NoBootFile { mac: [2, 0, a, b, c, d], reason };
        assert!(monitor.observe(event, Timestamp(0)).is_some());
    }
    assert!(!monitor.may_report_no_boot_file(MAC, Timestamp(0)));
    assert_eq!(monitor.observe(without_file(true), Timestamp(0)), None);
}

fn refused(client: u8, file: &str, reason: RefusalReason) -> ClientEvent {
    let client = Ipv4Addr::new(10, 0, 0, client).into();
    ClientEvent::TransferRefused { client, path: path(file), reason }
}

#[test]
fn unreadable_file_is_reported_at_once_and_once_a_minute_for_all_clients() {
    let mut monitor = BootMonitor::default();
    monitor.observe(load("a"), Timestamp(0));
    let mut reported = Vec::new();
    for second in 0..130 {
        let client = 1 + u8::try_from(second % 20).unwrap();
        for (file, reason) in
            [("a", RefusalReason::PermissionDenied), ("loop", RefusalReason::Unreadable)]
        {
            let now = Timestamp(second * 1000);
            let finding = monitor.observe(refused(client, file, reason), now);
            if let Some(Finding::FileUnreadable { file, .. }) = finding {
                reported.push((second, file));
            }
            assert_eq!(monitor.poll(false, now), []);
        }
        // The client gets another file.
        monitor.observe(sent("b"), Timestamp(second * 1000));
    }
    let seconds: Vec<u64> = reported.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [0, 0, 60, 60, 120, 120]);
    assert_eq!(reported[0].1.path, path("a"));
}

#[test]
fn line_of_unreadable_file_is_reported() {
    let mut monitor = BootMonitor::default();
    monitor.observe(load("a"), Timestamp(0));
    let finding = monitor.observe(refused(9, "a", RefusalReason::PermissionDenied), Timestamp(1));
    let Some(Finding::FileUnreadable { client, file }) = finding else { panic!("{finding:?}") };
    assert_eq!((client, file.line), (CLIENT, Some(line())));
}

#[test]
fn number_of_unreadable_files_is_limited() {
    let mut monitor = BootMonitor::default();
    let reported = (0..1000).filter(|number| {
        let event = refused(9, &number.to_string(), RefusalReason::PermissionDenied);
        monitor.observe(event, Timestamp(0)).is_some()
    });
    assert_eq!(reported.count(), MAX_UNREADABLE_FILES);
    let event = refused(9, "new", RefusalReason::PermissionDenied);
    assert!(monitor.observe(event, Timestamp(60_000)).is_some());
}

#[test]
fn line_of_a_name_with_0xff_is_reported() {
    let mut monitor = BootMonitor::default();
    monitor.observe(load("A"), Timestamp(0));
    let bytes = [&path("a")[..], b"\xff\x01"].concat();
    let (client, reason) = (IP.into(), RefusalReason::NotFound);
    let event = ClientEvent::TransferRefused { client, path: bytes, reason };
    monitor.observe(event, Timestamp(1000));
    let findings = all(&mut monitor, 2..9);
    let [Finding::FilesRefused { file, .. }] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(file[0].line, Some(line()));
}

#[test]
fn other_server_is_reported_whichever_reply_is_first() {
    let reply = OtherServerReply {
        server: Ipv4Addr::new(10, 0, 0, 1),
        mac: MAC,
        is_proxy: false,
        file: b"x".to_vec(),
        next_server: IP,
    };
    let mut monitor = BootMonitor::default();
    assert_eq!(monitor.observe(ClientEvent::OtherServerReply(reply.clone()), Timestamp(0)), None);
    let finding = Some(Finding::OtherServer(reply.clone(), line()));
    assert_eq!(monitor.observe(replied(ASK), Timestamp(1)), finding);
    assert_eq!(monitor.observe(ClientEvent::OtherServerReply(reply.clone()), Timestamp(2)), None);
    assert_eq!(monitor.observe(ClientEvent::OtherServerReply(reply), Timestamp(61_000)), finding);
}

#[test]
fn number_of_clients_is_limited() {
    let mut monitor = BootMonitor::default();
    for number in 0..100_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        let mac = [2, 0, a, b, c, d];
        let ip = Some(Ipv4Addr::from(number));
        let event = ClientEvent::ReplySent(ReplySent { mac, ..reply(ip, None, ASK) });
        monitor.observe(event, Timestamp(0));
    }
    assert_eq!((monitor.clients.len(), monitor.mac_by_ip.len()), (MAX_CLIENTS, MAX_CLIENTS));
    assert_eq!(all(&mut monitor, 0..200).len(), MAX_CLIENTS);
    assert_eq!((monitor.clients.len(), monitor.mac_by_ip.len()), (0, 0));
}
