//! Interfaces that come and go while the program runs. With `PXEMASQ_SUBJECT=theirs` the same is shown of dnsmasq.

mod common;

use common::lab::{Lab, eventually};
use common::machine::{Machine, Running};
use common::packet::Heard;
use common::request::{Said, Step, step};
use common::{required, subject};
use std::time::Duration;

crate::tests![
    an_interface_that_comes_later_is_served,
    one_that_goes_and_comes_back_is_served_again,
    the_loss_of_the_only_interface_is_told_once,
    an_address_that_changes_is_the_one_that_answers,
    loopback_is_served_like_any_other,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str = "/srv/dnsmasq.conf";
const LINES: &str = "port=0\ndhcp-range=192.168.77.0,proxy\ndhcp-range=10.1.0.0,proxy\n\
                     pxe-service=x86PC,One,one\n";
const PATIENCE: Duration = Duration::from_secs(3);

fn stage<'l>(lab: &'l Lab, more: &str) -> (Machine<'l>, Running) {
    lab.file(CONFIG, format!("{LINES}{more}"));
    let machine = Machine::new(lab, ["server", "client"], &["eth0 192.168.77.1/24".to_owned()]);
    let running = machine.start(&subject(), CONFIG, &[]).expect("it starts");
    (machine, running)
}

fn said(words: &str) -> Said {
    match step(words) {
        Step::Say(said) => said,
        other => panic!("{other:?} says nothing"),
    }
}

/// Asked until it answers: a link needs a moment, and firmware asks again too.
fn answer(machine: &Machine<'_>, running: &Running, words: &str) -> Option<Heard> {
    eventually(PATIENCE, || {
        machine.say(running, &said(words));
        machine.heard().pop()
    })
}

fn an_interface_that_comes_later_is_served() {
    for binding in ["", "bind-dynamic\n"] {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let (mut machine, running) = stage(&lab, binding);
        machine.lay("eth1");
        let silent = said("DISCOVER on=eth1");
        machine.say(&running, &silent);
        assert!(machine.heard().is_empty(), "it has no address yet");
        machine.addresses("add", &["eth1 10.1.0.1/24".to_owned()]);
        let heard = answer(&machine, &running, "DISCOVER on=eth1").expect("an answer");
        assert_eq!(heard.to_string(), "eth1 10.1.0.1:67 > 255.255.255.255:68");
    }
}

fn one_that_goes_and_comes_back_is_served_again() {
    for binding in ["", "bind-dynamic\n", "bind-dynamic\ninterface=eth0\n"] {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        let (mut machine, mut running) = stage(&lab, binding);
        answer(&machine, &running, "DISCOVER").expect("an answer");
        machine.pull("eth0");
        machine.lay("eth0");
        machine.addresses("add", &["eth0 192.168.77.1/24".to_owned()]);
        let heard = answer(&machine, &running, "DISCOVER").expect("an answer as before");
        assert_eq!(heard.to_string(), "eth0 192.168.77.1:67 > 255.255.255.255:68", "{binding}");
        assert!(!running.ended());
        let told = lab.syslog();
        let lost =
            told.iter().filter(|line| line.ends_with("error binding DHCP socket to device eth0"));
        // It may be back before anybody has noticed that it was gone.
        assert!(lost.count() <= 1, "{told:#?}");
    }
}

fn the_loss_of_the_only_interface_is_told_once() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (mut machine, running) = stage(&lab, "bind-interfaces\ninterface=eth0\n");
    let lost = || {
        let lines = lab.syslog();
        let text = "dnsmasq[ID]: error binding DHCP socket to device eth0";
        let id = format!("[{}]", running.id());
        lines.iter().filter(|line| line.replace(&id, "[ID]").ends_with(text)).count()
    };
    machine.pull("eth0");
    eventually(PATIENCE, || (lost() == 1).then_some(())).expect("an error");
    machine.lay("eth0");
    machine.addresses("add", &["eth0 192.168.77.1/24".to_owned()]);
    answer(&machine, &running, "DISCOVER").expect("it is bound to the new one");
    machine.pull("eth0");
    // The loss of its address is noticed too; by then the line would be there.
    machine.lay("eth0");
    machine.addresses("add", &["eth0 192.168.77.1/24".to_owned()]);
    answer(&machine, &running, "DISCOVER").expect("and to the next");
    assert_eq!(lost(), 1);
}

fn an_address_that_changes_is_the_one_that_answers() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (machine, running) = stage(&lab, "");
    for address in ["192.168.77.1", "192.168.77.9", "192.168.77.200"] {
        machine.forget_addresses(&["eth0"]);
        machine.addresses("add", &[format!("eth0 {address}/24")]);
        machine.say(&running, &said("DISCOVER"));
        let heard = machine.heard();
        let from: Vec<String> = heard.iter().map(|heard| heard.from.ip().to_string()).collect();
        assert_eq!(from, [address]);
    }
}

fn loopback_is_served_like_any_other() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (_machine, _running) = stage(&lab, "interface=eth0\ndhcp-range=127.0.0.0,proxy\n");
    let client = lab.host("server").udp("127.0.0.1:0");
    let request = said("REQUEST port=4011 ciaddr=127.0.0.1").bytes;
    client.send_to(&request, "127.0.0.1:4011").expect("loopback is up");
    let mut answer = [0; 1024];
    let (size, from) = client.recv_from(&mut answer).expect("an answer");
    assert_eq!((answer[0], from.to_string()), (2, "127.0.0.1:4011".to_owned()));
    assert!(size >= 300);
}
