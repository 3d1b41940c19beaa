//! Ways that end, and ways that do not.

use super::*;
use std::net::Ipv4Addr;

const MAC: Mac = [0x52, 0x54, 0, 1, 2, 3];
const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const ROOT: &str = "/srv/";

fn line() -> Origin {
    Origin { file: "c".into(), line: 3 }
}

const ASK: ExpectedStep = ExpectedStep::ProxyRequest { seconds: 0 };

fn told(ip: Option<Ipv4Addr>, told: Option<&str>, next: ExpectedStep) -> ClientEvent {
    let told = told.map(|file| file.as_bytes().to_vec());
    ClientEvent::ReplySent(ReplySent {
        mac: MAC,
        ip,
        is_ipxe: false,
        boot_file: told,
        next,
        line: line(),
    })
}

fn answered(next: ExpectedStep) -> ClientEvent {
    told(Some(IP), None, next)
}

fn load(file: &str) -> ClientEvent {
    told(Some(IP), Some(file), ExpectedStep::Download)
}

fn path(file: &str) -> Vec<u8> {
    [ROOT, file].concat().into_bytes()
}

fn begins(file: &str) -> ClientEvent {
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

/// Everything that is said in so many seconds.
fn all(onlooker: &mut BootMonitor, seconds: std::ops::Range<u64>) -> Vec<Finding> {
    seconds.flat_map(|second| onlooker.poll(false, Timestamp(second * 1000))).collect()
}

const WHO: ClientKey = ClientKey::Mac(MAC);

#[test]
fn an_offer_without_a_sequel_is_told_once_a_minute() {
    let mut onlooker = BootMonitor::default();
    for second in [0, 4, 8, 70] {
        onlooker.observe(answered(ASK), Timestamp(second * 1000));
        if second == 8 {
            assert_eq!(all(&mut onlooker, 9..38), []);
            let remark = Finding::NoProxyRequest { client: WHO, line: line() };
            assert_eq!(all(&mut onlooker, 38..69), [remark]);
        }
    }
    assert_eq!(all(&mut onlooker, 71..200).len(), 1);
    assert_eq!(
        (onlooker.next_deadline(), onlooker.clients.len()),
        (None, 0),
        "nothing is left to look for"
    );
}

#[test]
fn who_goes_on_is_not_talked_about() {
    let mut onlooker = BootMonitor::default();
    onlooker.observe(answered(ASK), Timestamp(0));
    onlooker.observe(load("a"), Timestamp(1000));
    onlooker.observe(begins("a"), Timestamp(2000));
    assert_eq!(onlooker.observe(sent("a"), Timestamp(3000)), None);
    for name in ["01-52", "0A", "0"] {
        onlooker.observe(missed(name), Timestamp(4000));
    }
    assert_eq!(onlooker.observe(sent("default"), Timestamp(5000)), None);
    assert_eq!(all(&mut onlooker, 5..300), []);
}

#[test]
fn who_is_not_known_by_its_address_may_have_gone_on() {
    let mut onlooker = BootMonitor::default();
    let unknown = || told(None, Some("a"), ExpectedStep::Download);
    onlooker.observe(unknown(), Timestamp(0));
    onlooker.observe(begins("a"), Timestamp(500));
    onlooker.observe(sent("a"), Timestamp(1000));
    assert_eq!(all(&mut onlooker, 1..60), []);
    onlooker.observe(unknown(), Timestamp(200_000));
    assert_eq!(all(&mut onlooker, 200..260).len(), 1);
}

#[test]
fn whoever_hears_us_is_not_unheard() {
    let mut onlooker = BootMonitor::default();
    for second in [0, 2, 4] {
        onlooker.observe(begins("a"), Timestamp(second * 1000));
        onlooker.observe(ClientEvent::FirstAck { client: IP.into() }, Timestamp(second * 1000 + 1));
    }
    assert_eq!(all(&mut onlooker, 5..60), []);
}

#[test]
fn a_miss_behind_a_file_is_one_and_before_an_answer_none() {
    let mut onlooker = BootMonitor::default();
    onlooker.observe(missed("early"), Timestamp(0));
    onlooker.observe(answered(ExpectedStep::Unknown), Timestamp(2000));
    assert_eq!(all(&mut onlooker, 2..20), []);
    // The last acknowledgement of one and the request for another are read in one turn.
    onlooker.observe(missed("b"), Timestamp(20_000));
    onlooker.observe(sent("a"), Timestamp(20_000));
    let at = |second: u64| Timestamp(20_000 + second * 1000);
    (1..20).for_each(|second| _ = onlooker.observe(missed("b"), at(second * 4)));
    assert_eq!(all(&mut onlooker, 100..110).len(), 1, "whoever asks for ever is told of");
    // A long transfer behind it is something.
    onlooker.observe(missed("c"), Timestamp(200_000));
    onlooker.observe(begins("d"), Timestamp(200_001));
    onlooker.observe(ClientEvent::FirstAck { client: IP.into() }, Timestamp(200_002));
    assert_eq!(all(&mut onlooker, 201..230), []);
}

#[test]
fn who_has_to_wait_is_not_late() {
    let mut onlooker = BootMonitor::default();
    onlooker.observe(load("a"), Timestamp(0));
    for second in 0..100 {
        assert_eq!(onlooker.poll(true, Timestamp(second * 1000)), []);
    }
    assert_eq!(all(&mut onlooker, 100..140).len(), 1);
}

#[test]
fn what_was_heard_long_ago_is_no_rival() {
    let mut onlooker = BootMonitor::default();
    let (server, file) = (Ipv4Addr::new(10, 0, 0, 1), b"x".to_vec());
    let rival = OtherServerReply { server, mac: MAC, is_proxy: false, file, next_server: IP };
    onlooker.observe(ClientEvent::OtherServerReply(rival), Timestamp(0));
    assert_eq!(onlooker.observe(answered(ASK), Timestamp(100_000)), None);
}

#[test]
fn a_miss_at_the_end_is() {
    let mut onlooker = BootMonitor::default();
    onlooker.observe(load("a"), Timestamp(0));
    onlooker.observe(missed("a"), Timestamp(1000));
    assert_eq!(all(&mut onlooker, 2..6), []);
    let missed =
        vec![RefusedFile { path: path("a"), reason: RefusalReason::NotFound, line: Some(line()) }];
    assert_eq!(all(&mut onlooker, 6..9), [Finding::FilesRefused { client: WHO, file: missed }]);
}

#[test]
fn the_same_first_stage_thrice_is_a_loop() {
    let mut onlooker = BootMonitor::default();
    for second in [0, 15, 30, 45] {
        onlooker.observe(load("undionly.kpxe"), Timestamp(second * 1000));
        let remark = onlooker.observe(sent("undionly.kpxe"), Timestamp(second * 1000 + 1));
        let times = matches!(remark, Some(Finding::BootLoop { count: 3, .. }));
        assert_eq!(times, second == 30, "{second}: {remark:?}");
    }
}

#[test]
fn a_script_may_come_back_to_itself_and_ipxe_may_not() {
    for (file, is_odd) in [("menu.ipxe", false), ("ipxe.efi", true)] {
        let mut onlooker = BootMonitor::default();
        let told = Some(file.into());
        let (ip, next) = (Some(IP), ExpectedStep::Download);
        let sight = ReplySent { mac: MAC, ip, is_ipxe: true, boot_file: told, next, line: line() };
        onlooker.observe(ClientEvent::ReplySent(sight), Timestamp(0));
        let remarks = (1..4).filter_map(|second| onlooker.observe(sent(file), Timestamp(second)));
        assert_eq!(remarks.count(), usize::from(is_odd), "{file}");
    }
}

#[test]
fn where_another_server_was_heard_nobody_asks_why() {
    let mut onlooker = BootMonitor::default();
    let (server, file) = (Ipv4Addr::new(10, 0, 0, 1), b"x".to_vec());
    let rival = OtherServerReply { server, mac: MAC, is_proxy: false, file, next_server: IP };
    onlooker.observe(answered(ASK), Timestamp(0));
    assert!(onlooker.observe(ClientEvent::OtherServerReply(rival), Timestamp(1)).is_some());
    onlooker.observe(answered(ASK), Timestamp(4000));
    assert_eq!(all(&mut onlooker, 4..100), []);
}

#[test]
fn one_file_after_the_other_is_no_circle() {
    let mut onlooker = BootMonitor::default();
    for (second, file) in (0..).zip(["a", "a", "b", "b", "c", "c"]) {
        onlooker.observe(load(file), Timestamp(second));
        assert_eq!(onlooker.observe(sent(file), Timestamp(second)), None);
    }
}

#[test]
fn what_nobody_wants_to_hear_of_is_not_waited_for() {
    let mut onlooker = BootMonitor::default();
    onlooker.observe(load("a"), Timestamp(0));
    let (client, why) = (IP.into(), RefusalReason::Unreported);
    onlooker.observe(
        ClientEvent::TransferRefused { client, path: path("a"), reason: why },
        Timestamp(1),
    );
    assert_eq!(all(&mut onlooker, 1..100), []);
}

#[test]
fn whoever_gets_further_and_boots_again_does_not_go_round() {
    let mut onlooker = BootMonitor::default();
    for second in [0, 10, 20, 30] {
        onlooker.observe(load("pxelinux.0"), Timestamp(second * 1000));
        for file in ["pxelinux.0", "ldlinux.c32"] {
            assert_eq!(onlooker.observe(sent(file), Timestamp(second * 1000 + 1)), None);
        }
    }
}

#[test]
fn whoever_acknowledges_nothing_is_told_when_he_stops_asking() {
    let mut onlooker = BootMonitor::default();
    for second in [0, 2, 4] {
        onlooker.observe(begins("a"), Timestamp(second * 1000));
    }
    let remark = Finding::NoAcks { client: ClientKey::Ip(IP.into()), path: path("a"), count: 3 };
    assert_eq!(all(&mut onlooker, 5..60), [remark]);
}

#[test]
fn a_rival_is_told_whoever_answers_first() {
    let rival = OtherServerReply {
        server: Ipv4Addr::new(10, 0, 0, 1),
        mac: MAC,
        is_proxy: false,
        file: b"x".to_vec(),
        next_server: IP,
    };
    let mut onlooker = BootMonitor::default();
    assert_eq!(onlooker.observe(ClientEvent::OtherServerReply(rival.clone()), Timestamp(0)), None);
    let remark = Some(Finding::OtherServer(rival.clone(), line()));
    assert_eq!(onlooker.observe(answered(ASK), Timestamp(1)), remark);
    assert_eq!(onlooker.observe(ClientEvent::OtherServerReply(rival.clone()), Timestamp(2)), None);
    assert_eq!(onlooker.observe(ClientEvent::OtherServerReply(rival), Timestamp(61_000)), remark);
}

#[test]
fn a_flood_takes_no_more_than_its_room() {
    let mut onlooker = BootMonitor::default();
    for number in 0..100_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        let mac = [2, 0, a, b, c, d];
        let ip = Some(Ipv4Addr::from(number));
        let (is_ipxe, told, next) = (false, None, ASK);
        let sight = ClientEvent::ReplySent(ReplySent {
            mac,
            ip,
            is_ipxe,
            boot_file: told,
            next,
            line: line(),
        });
        onlooker.observe(sight, Timestamp(0));
    }
    assert_eq!((onlooker.clients.len(), onlooker.mac_by_ip.len()), (MAX_CLIENTS, MAX_CLIENTS));
    assert_eq!(all(&mut onlooker, 0..200).len(), MAX_CLIENTS);
    assert_eq!((onlooker.clients.len(), onlooker.mac_by_ip.len()), (0, 0));
}
