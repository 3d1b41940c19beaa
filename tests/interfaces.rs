//! Interfaces and addresses that change while the program runs. `PXEMASQ_SUBJECT=theirs` runs the test with dnsmasq.

mod common;

use common::lab::{Lab, eventually};
use common::packet::ReceivedPacket;
use common::request::{Request, Step, step};
use common::server_host::{Running, ServerHost};
use common::{required, subject};
use std::time::Duration;

crate::tests![
    interface_added_after_start_is_served_once_it_has_an_address,
    removed_interface_is_served_again_when_recreated,
    loss_of_the_only_interface_is_logged_once,
    reply_comes_from_the_new_address_after_a_change,
    loopback_client_is_answered,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str = "/srv/dnsmasq.conf";
const LINES: &str = "port=0\ndhcp-range=192.168.77.0,proxy\ndhcp-range=10.1.0.0,proxy\n\
                     pxe-service=x86PC,One,one\n";
const TIMEOUT: Duration = Duration::from_secs(3);

fn start_server<'l>(lab: &'l Lab, more: &str) -> (ServerHost<'l>, Running) {
    lab.file(CONFIG, format!("{LINES}{more}"));
    let machine = ServerHost::new(lab, ["server", "client"], &["eth0 192.168.77.1/24".to_owned()]);
    let running = machine.start(&subject(), CONFIG, &[]).expect("it starts");
    (machine, running)
}

fn parse_request(words: &str) -> Request {
    match step(words) {
        Step::Send(request) => request,
        other => panic!("{other:?} is no request"),
    }
}

/// Repeats the request until there is a reply: a new link is not up at once.
fn answer(machine: &ServerHost<'_>, running: &Running, words: &str) -> Option<ReceivedPacket> {
    eventually(TIMEOUT, || {
        machine.send(running, &parse_request(words));
        machine.received().pop()
    })
}

fn interface_added_after_start_is_served_once_it_has_an_address() {
    for binding in ["", "bind-dynamic\n"] {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let (mut machine, running) = start_server(&lab, binding);
        machine.add_interface("eth1");
        let silent = parse_request("DISCOVER on=eth1");
        machine.send(&running, &silent);
        assert!(machine.received().is_empty(), "it has no address yet");
        machine.change_addresses("add", &["eth1 10.1.0.1/24".to_owned()]);
        let received = answer(&machine, &running, "DISCOVER on=eth1").expect("an answer");
        assert_eq!(received.to_string(), "eth1 10.1.0.1:67 > 255.255.255.255:68");
    }
}

fn removed_interface_is_served_again_when_recreated() {
    for binding in ["", "bind-dynamic\n", "bind-dynamic\ninterface=eth0\n"] {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let (mut machine, mut running) = start_server(&lab, binding);
        answer(&machine, &running, "DISCOVER").expect("an answer");
        machine.remove_interface("eth0");
        machine.add_interface("eth0");
        machine.change_addresses("add", &["eth0 192.168.77.1/24".to_owned()]);
        let received = answer(&machine, &running, "DISCOVER").expect("an answer as before");
        assert_eq!(received.to_string(), "eth0 192.168.77.1:67 > 255.255.255.255:68", "{binding}");
        assert!(!running.ended());
        let lines = lab.syslog();
        let lost =
            lines.iter().filter(|line| line.ends_with("error binding DHCP socket to device eth0"));
        // The interface may be back before the program reads the event of its removal.
        assert!(lost.count() <= 1, "{lines:#?}");
    }
}

fn loss_of_the_only_interface_is_logged_once() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (mut machine, running) = start_server(&lab, "bind-interfaces\ninterface=eth0\n");
    let lost = || {
        let lines = lab.syslog();
        let text = "dnsmasq[ID]: error binding DHCP socket to device eth0";
        let id = format!("[{}]", running.id());
        lines.iter().filter(|line| line.replace(&id, "[ID]").ends_with(text)).count()
    };
    machine.remove_interface("eth0");
    eventually(TIMEOUT, || (lost() == 1).then_some(())).expect("an error");
    machine.add_interface("eth0");
    machine.change_addresses("add", &["eth0 192.168.77.1/24".to_owned()]);
    answer(&machine, &running, "DISCOVER").expect("an answer on the new interface");
    machine.remove_interface("eth0");
    // A second line would be logged before the reply.
    machine.add_interface("eth0");
    machine.change_addresses("add", &["eth0 192.168.77.1/24".to_owned()]);
    answer(&machine, &running, "DISCOVER").expect("an answer on the next interface");
    assert_eq!(lost(), 1);
}

fn reply_comes_from_the_new_address_after_a_change() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (machine, running) = start_server(&lab, "");
    for address in ["192.168.77.1", "192.168.77.9", "192.168.77.200"] {
        machine.flush_addresses(&["eth0"]);
        machine.change_addresses("add", &[format!("eth0 {address}/24")]);
        machine.send(&running, &parse_request("DISCOVER"));
        let received = machine.received();
        let from: Vec<String> =
            received.iter().map(|received| received.from.ip().to_string()).collect();
        assert_eq!(from, [address]);
    }
}

fn loopback_client_is_answered() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (_machine, _running) = start_server(&lab, "interface=eth0\ndhcp-range=127.0.0.0,proxy\n");
    let client = lab.host("server").udp("127.0.0.1:0");
    let request = parse_request("REQUEST port=4011 ciaddr=127.0.0.1").bytes;
    client.send_to(&request, "127.0.0.1:4011").expect("loopback is up");
    let mut answer = [0; 1024];
    let (size, from) = client.recv_from(&mut answer).expect("an answer");
    assert_eq!((answer[0], from.to_string()), (2, "127.0.0.1:4011".to_owned()));
    assert!(size >= 300);
}
