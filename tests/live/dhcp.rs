//! DHCP: a client with a packet socket.

use super::common::fixture::{Fixture, Transcript};
use super::common::lab::{Lab, eventually};
use super::common::packet::ReceivedPacket;
use super::common::request::{Step, step};
use super::common::server_host::{Running, ServerHost};
use super::common::tftp_text::display;
use super::{CONFIG, common, comparable};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Wait for the last datagram.
const SETTLED: Duration = Duration::from_millis(30);

pub fn play(lab: &Lab, fixture: &Fixture) -> Transcript {
    let machine = ServerHost::new(lab, ["server", "client"], &fixture.machine());
    let running = machine.start(&common::subject(), CONFIG, &[]);
    let running = running.unwrap_or_else(|| panic!("no start: {}", fixture.about));
    sleep(SETTLED);
    drop((machine.received(), lab.take_syslog()));
    let mut seen = Transcript::default();
    for (number, text) in (1..).zip(&fixture.steps) {
        match step(text) {
            Step::Wait(seconds) => listen(&machine, number, seconds, &mut seen),
            step => {
                take(&machine, &running, step);
                let packets = machine.received();
                seen.packets
                    .extend(packets.iter().map(|packet| format!("{number} {}", to_text(packet))));
            }
        }
    }
    // Discards delayed datagrams.
    sleep(SETTLED);
    seen.packets
        .extend(machine.received().iter().map(|packet| format!("late {}", to_text(packet))));
    seen.log = lab.take_syslog().iter().filter_map(|line| comparable(line)).collect();
    seen
}

fn take(machine: &ServerHost<'_>, running: &Running, step: Step) {
    match step {
        Step::Send(request) => assert!(machine.send(running, &request), "the program hangs"),
        Step::AddAddress(name, address) => {
            machine.change_addresses("add", &[format!("{name} {address}")]);
        }
        Step::RemoveAddress(name, address) => {
            machine.change_addresses("del", &[format!("{name} {address}")]);
        }
        Step::Reload => {
            let id = i32::try_from(running.id()).expect("process ids are small");
            kill(Pid::from_raw(id), Signal::SIGHUP).expect("it runs");
            sleep(SETTLED);
        }
        Step::Wait(_) => unreachable!("`play` handles this step"),
    }
}

/// Receives for a number of seconds; each datagram with its second.
fn listen(machine: &ServerHost<'_>, number: usize, seconds: u64, seen: &mut Transcript) {
    let start = Instant::now();
    eventually(Duration::from_secs(seconds), || {
        let second = start.elapsed().as_secs_f64().round();
        let packets = machine.received();
        let lines = packets.iter().map(|packet| format!("{number} +{second}s {}", to_text(packet)));
        seen.packets.extend(lines);
        None::<()>
    });
}

fn to_text(packet: &ReceivedPacket) -> String {
    format!("{packet} {}", display(&packet.bytes))
}
