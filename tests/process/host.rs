//! The host process: what it may do, what it does, and what happens when it ends.

use crate::common::lab::{Lab, Process, eventually};
use crate::common::packet::ReceivedPacket;
use crate::common::request::{Request, Step, step};
use crate::common::server_host::{Running, ServerHost};
use crate::common::{required, subject};
use crate::setup::{CONFIG, RANGE, Setup, TIMEOUT, daemon, runs, started, status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;

crate::tests![
    neighbour_entry_is_added_only_if_none_is_known,
    reply_of_other_server_is_forwarded_and_reported,
    end_of_host_process_ends_the_daemon,
    stopped_host_process_delays_only_one_reply,
    root_has_no_capabilities_that_it_does_not_need,
    without_net_admin_replies_are_broadcast_instead_of_adding_an_entry,
];

const NAME: &str = "pxemasq-host";
const LINES: &str = "port=0\ndhcp-range=192.168.77.0,proxy\npxe-service=x86PC,One,one\n";
/// A client with an address chooses a menu item on port 67: the reply is sent to its address.
const CHOICE: &str = "REQUEST ciaddr=192.168.77.60 mac=52:54:00:aa:bb:60 43=470480000000";

/// The process with this name that a process has started.
pub fn child(of: u32, name: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|&id| status(id, "PPid") == of.to_string() && status(id, "Name") == name)
}

fn parse_request(words: &str) -> Request {
    match step(words) {
        Step::Send(request) => request,
        other => panic!("{other:?} is no request"),
    }
}

fn serve<'l>(lab: &'l Lab, lines: &str) -> (ServerHost<'l>, Running) {
    lab.file(CONFIG, lines);
    let machine = ServerHost::new(lab, ["server", "client"], &["eth0 192.168.77.1/24".to_owned()]);
    let running = machine.start(&subject(), CONFIG, &[]).expect("it starts");
    (machine, running)
}

/// The next reply to a request that is sent once.
fn reply(machine: &ServerHost<'_>, running: &Running, request: &str) -> Option<ReceivedPacket> {
    machine.send(running, &parse_request(request));
    eventually(TIMEOUT, || machine.received().pop())
}

fn neighbours(lab: &Lab) -> String {
    lab.host("server").ip("neigh show dev eth0")
}

/// Whether the neighbour table of the server has this address with this hardware address.
fn has_entry(lab: &Lab, address: &str, mac: &str) -> bool {
    neighbours(lab).lines().any(|line| line.starts_with(&format!("{address} lladdr {mac} ")))
}

fn neighbour_entry_is_added_only_if_none_is_known() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (machine, running) = serve(&lab, LINES);
    let received = reply(&machine, &running, CHOICE).expect("a reply");
    assert_eq!((received.to.to_string(), received.mac[5]), ("192.168.77.60:68".to_owned(), 0x60));
    assert!(has_entry(&lab, "192.168.77.60", "52:54:00:aa:bb:60"), "{}", neighbours(&lab));
    let forged = CHOICE.replace("bb:60", "bb:99");
    assert!(reply(&machine, &running, &forged).is_some());
    assert!(has_entry(&lab, "192.168.77.60", "52:54:00:aa:bb:60"), "{}", neighbours(&lab));
    // The hardware type is not that of the interface.
    let other_type = "REQUEST ciaddr=192.168.77.62 htype=06 43=470480000000";
    machine.send(&running, &parse_request(other_type));
    let failed = "dnsmasq-dhcp[ID]: ARP-cache injection failed: Invalid argument";
    let id = format!("[{}]", running.id());
    let logged = || lab.syslog().iter().any(|line| line.replace(&id, "[ID]").ends_with(failed));
    eventually(TIMEOUT, || logged().then_some(())).expect("the line of dnsmasq");
}

fn reply_of_other_server_is_forwarded_and_reported() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (machine, running) = serve(&lab, LINES);
    reply(&machine, &running, "DISCOVER").expect("a reply");
    // A DHCPOFFER of another server with a boot file, by broadcast.
    let mut offer = parse_request("OFFER op=02 yiaddr=192.168.77.50 54=c0a84d09 67=6f74686572");
    offer.from = "192.168.77.9:67".parse().expect("an address");
    offer.to = "255.255.255.255:68".parse().expect("an address");
    machine.send(&running, &offer);
    let reported = || lab.syslog().iter().any(|line| line.contains("192.168.77.9"));
    eventually(TIMEOUT, || reported().then_some(())).expect("a notice about the other server");
}

fn end_of_host_process_ends_the_daemon() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let mut process: Process = setup.foreground(&mut Setup::program(&["-k"]));
    let served = || setup.get("small").is_ok().then_some(());
    eventually(TIMEOUT, served).expect("it serves");
    let host = child(process.id(), NAME).expect("there is a host process");
    kill(Pid::from_raw(host.cast_signed()), Signal::SIGKILL).expect("it runs");
    let ended = eventually(TIMEOUT, || process.ended()).expect("the daemon ends");
    assert_eq!(ended.code(), Some(5));
    let expected =
        "2 dnsmasq: the process pxemasq-host has ended unexpectedly, so this process ends too";
    let logged = || setup.logged(0).iter().any(|line| line.starts_with(expected)).then_some(());
    eventually(TIMEOUT, logged).expect("a line about it");
}

fn stopped_host_process_delays_only_one_reply() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (machine, running) = serve(&lab, LINES);
    let host = child(running.id(), NAME).expect("there is a host process");
    let host = Pid::from_raw(host.cast_signed());
    kill(host, Signal::SIGSTOP).expect("it runs");
    assert!(reply(&machine, &running, CHOICE).is_some());
    let start = std::time::Instant::now();
    for _ in 0..20 {
        assert!(reply(&machine, &running, CHOICE).is_some());
    }
    // Each would wait for a second if the first were not remembered.
    assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    let timed_out = "ARP-cache injection failed: Connection timed out";
    let lines = || lab.syslog().iter().filter(|line| line.ends_with(timed_out)).count();
    eventually(TIMEOUT, || (lines() == 21).then_some(())).expect("a line for each");
    kill(host, Signal::SIGCONT).expect("it runs");
    // An address that was used without an entry is resolved by ARP.
    let mut last = 60;
    let added = || {
        last += 1;
        let other = CHOICE.replace("77.60", &format!("77.{last}"));
        machine.send(&running, &parse_request(&other));
        has_entry(&lab, &format!("192.168.77.{last}"), "52:54:00:aa:bb:60").then_some(())
    };
    eventually(TIMEOUT, added).expect("it works again");
}

/// The sets of `/proc/ID/status`: inheritable, permitted, effective, bounding, ambient.
fn capabilities(id: u32) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .map(|set| u64::from_str_radix(&status(id, set), 16).expect("a number"))
}

fn root_has_no_capabilities_that_it_does_not_need() {
    let (bind, admin, raw) = (1 << 10, 1 << 12, 1 << 13);
    for (words, packet, host) in [
        (&["-u", "root"][..], 0, admin),
        (&["-u", "root", "--bind-dynamic"], bind, admin),
        (&["-u", "root", "--bind-dynamic", "--interface=eth0"], bind, admin | raw),
        (&["-u", "nobody"], 0, admin),
    ] {
        let Some(setup) = required(Setup::new(RANGE)) else { return };
        assert_eq!(setup.background(words), started());
        let id = daemon().expect("a pid file");
        let child = child(id, NAME).expect("there is a host process");
        let expected = |kept: u64| [0, kept, kept, kept, 0];
        assert_eq!(capabilities(id), expected(packet), "{words:?}");
        assert_eq!(capabilities(child), expected(host), "{words:?}");
        assert_eq!(status(id, "Uid"), status(child, "Uid"));
        let is_root = status(id, "Uid") == "0 0 0 0";
        assert_eq!(is_root, words[1] == "root");
        crate::setup::end(id);
        eventually(TIMEOUT, || (!runs(child)).then_some(())).expect("it ends with the daemon");
    }
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let debug = setup.foreground(&mut Setup::program(&["-d"]));
    let ready = || child(debug.id(), NAME).filter(|&id| capabilities(id)[1] == admin);
    eventually(TIMEOUT, ready).expect("the host process is confined");
    eventually(TIMEOUT, || (capabilities(debug.id()) == [0; 5]).then_some(())).expect("confined");
}

fn without_net_admin_replies_are_broadcast_instead_of_adding_an_entry() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    lab.file(CONFIG, LINES);
    let machine = ServerHost::new(&lab, ["server", "client"], &["eth0 192.168.77.1/24".to_owned()]);
    let own = subject();
    let lacking = ["--bounding-set=-net_admin", "--inh-caps=-all"].map(str::to_owned);
    lab.program(
        "/srv/container",
        &format!("#!/bin/sh\nexec setpriv {} {} \"$@\"\n", lacking.join(" "), own.display()),
    );
    let running = machine.start("/srv/container".as_ref(), CONFIG, &[]).expect("it starts");
    let warning = "the capability CAP_NET_ADMIN is missing, so no neighbour entry can be added: replies that need \
                   one are broadcast; add the capability to the container or to the service";
    let warned = || lab.syslog().iter().filter(|line| line.contains(warning)).count();
    eventually(TIMEOUT, || (warned() == 1).then_some(())).expect("one warning");
    let received = reply(&machine, &running, CHOICE).expect("a reply");
    assert_eq!(received.to_string(), "eth0 192.168.77.1:67 > 255.255.255.255:68");
    assert_eq!(received.mac, [0xff; 6]);
    assert!(!neighbours(&lab).contains("192.168.77.60"), "{}", neighbours(&lab));
    assert!(!lab.syslog().iter().any(|line| line.contains("ARP-cache")));
    drop(running);
}
