//! Documents of servers in virtual time.

use super::machines::machines;
use crate::boot_monitor::event::{AnswerKind, ClientEvent, ExpectedStep, ReplySent};
use crate::boot_monitor::machines::Machines;
use crate::config::{Origin, Tftp};
use crate::effect::Effect;
use crate::net::{Address, Interfaces, Link, ReceivedDatagram};
use crate::status::{Machine, Stage, Status};
use crate::tftp::files::memory::Memory;
use crate::tftp::{Context, Input, Server};
use crate::time::Timestamp;
use crate::wire::client_arch::Architecture;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

/// A server, its machines, and what is around them.
struct Hall {
    server: Server,
    machines: Machines,
    tftp: Tftp,
    interfaces: Interfaces,
    files: Memory,
    now: Timestamp,
    sockets: usize,
}

impl Hall {
    fn new(max_transfers: usize) -> Self {
        let link = Link { index: 2, name: "eth0".to_owned(), mtu: 1500, ..Link::default() };
        let ip = Ipv4Addr::new(10, 0, 0, 1).into();
        let address = Address { interface: 2, ip, prefix: 16, label: None };
        Self {
            server: Server::default(),
            machines: Machines::default(),
            tftp: Tftp { max_transfers, ..Tftp::default() },
            interfaces: Interfaces { links: vec![link], addresses: vec![address] },
            files: Memory::with(&[("/srv", &[7; 4096])]),
            now: Timestamp(1000),
            sockets: 0,
        }
    }

    fn machine(&mut self, number: u16, answer: AnswerKind) {
        let event = ClientEvent::ReplySent(ReplySent {
            mac: mac(number),
            answer,
            ip: Some(ip(number)),
            architecture: Some(Architecture(7)),
            is_ipxe: false,
            boot_file: None,
            next: ExpectedStep::Unknown,
            line: Origin::default(),
        });
        self.machines.observe(&event, self.now);
    }

    fn input(&mut self, call: &mut dyn FnMut(&mut Server, &mut Context<'_, Memory>)) {
        let Self { server, tftp, interfaces, files, now, .. } = self;
        let mut effects = Vec::new();
        let mut context = Context { tftp, interfaces, files, effects: &mut effects, now: *now };
        call(server, &mut context);
        for effect in effects {
            match effect {
                Effect::OpenSocket { token, .. } => {
                    let id = self.sockets;
                    self.sockets += 1;
                    self.input(&mut |server, context| {
                        server.handle_input(Input::SocketOpened { token, id }, context);
                    });
                }
                Effect::Observe(event) => self.machines.observe(&event, self.now),
                _ => {}
            }
        }
    }

    fn request(&mut self, number: u16, file: &str) {
        let bytes = format!("\0\x01{file}\0octet\0").into_bytes();
        let local = Ipv4Addr::new(10, 0, 0, 1).into();
        let datagram = ReceivedDatagram { bytes: &bytes, peer: peer(number), local, interface: 2 };
        self.input(&mut |server, context| {
            server.handle_input(Input::Request { listener: 0, datagram }, context);
        });
    }

    fn acknowledge(&mut self, id: usize, number: u16, block: u8) {
        self.input(&mut |server, context| {
            let ack = [0, 4, 0, block];
            let datagrams = std::iter::once((peer(number), &ack[..]));
            server.handle_datagrams(id, datagrams, context);
        });
    }

    /// The client ends its transfer.
    fn cancel(&mut self, id: usize, number: u16) {
        self.input(&mut |server, context| {
            let datagrams = std::iter::once((peer(number), &[0, 5, 0, 0, 0][..]));
            server.handle_datagrams(id, datagrams, context);
        });
    }

    fn document(&self) -> Vec<Machine> {
        machines(&self.machines, &self.server, self.now).0
    }

    fn stages(&self) -> Vec<(String, Stage)> {
        let name = |machine: &Machine| machine.ip.clone().unwrap_or_default();
        self.document().iter().map(|machine| (name(machine), machine.stage)).collect()
    }
}

fn mac(number: u16) -> [u8; 6] {
    let [high, low] = number.to_be_bytes();
    [2, 0, 0, 0, high, low]
}

fn ip(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low)
}

fn peer(number: u16) -> SocketAddr {
    (ip(number), 2000).into()
}

#[test]
fn machine_has_its_stage_at_each_step() {
    let mut hall = Hall::new(0);
    hall.machine(9, AnswerKind::Offer);
    let of = |stage: Stage| vec![("10.0.0.9".to_owned(), stage)];
    assert_eq!(hall.stages(), of(Stage::Offered));
    hall.machine(9, AnswerKind::Pxe);
    assert_eq!(hall.stages(), of(Stage::Asked4011));
    hall.request(9, "none");
    assert_eq!(hall.stages(), of(Stage::Refused));
    hall.files.slow = true;
    hall.request(9, "srv");
    assert_eq!(hall.stages(), of(Stage::WaitsForDisk));
    hall.files.slow = false;
    hall.input(&mut |server, context| {
        let lookup = crate::tftp::files::DiskLookup::File(b"/srv".to_vec());
        server.handle_input(Input::LookedUp(&lookup), context);
        server.resume_next(context);
    });
    assert_eq!(hall.stages(), of(Stage::Loading));
    hall.files.slow = true;
    hall.acknowledge(0, 9, 1);
    assert_eq!(hall.stages(), of(Stage::WaitsForDisk));
    hall.request(8, "srv");
    hall.now = Timestamp(3000);
    assert_eq!(
        hall.stages(),
        [
            ("10.0.0.9".to_owned(), Stage::WaitsForDisk),
            ("10.0.0.8".to_owned(), Stage::WaitsForSlot)
        ]
    );
    let rows = hall.document();
    assert_eq!((rows[0].mac.as_deref(), rows[1].mac.as_deref()), (Some("02:00:00:00:00:09"), None));
    assert_eq!((rows[0].architecture, rows[1].architecture), (Some(7), None));
    assert_eq!(rows[0].architecture_name.as_deref(), Some("x86-64_EFI"));
    assert_eq!(rows[0].last_file.as_deref(), Some("/srv"));
    let transfer = &rows[0].transfers[0];
    assert_eq!((&transfer.file[..], transfer.size), ("/srv", 4096));
    assert_eq!(
        (transfer.acknowledged, transfer.age_ms, transfer.bytes_per_second),
        (512, 2000, 256)
    );
    hall.cancel(0, 9);
    assert_eq!(hall.stages()[0], ("10.0.0.9".to_owned(), Stage::Failed));
}

#[test]
fn machine_that_requests_the_size_only_keeps_its_stage() {
    let mut hall = Hall::new(10);
    hall.machine(9, AnswerKind::Pxe);
    hall.request(9, "srv");
    assert_eq!(hall.stages()[0].1, Stage::Loading);
    hall.cancel(0, 9);
    assert_eq!(hall.stages()[0].1, Stage::Asked4011);
}

#[test]
fn request_that_waits_for_a_slot_shows_its_own_file() {
    let mut hall = Hall::new(0);
    hall.request(9, "none");
    assert_eq!(hall.document()[0].last_file.as_deref(), Some("/none"));
    hall.request(8, "srv");
    hall.request(9, "new");
    let files: Vec<_> =
        hall.document().into_iter().map(|machine| (machine.stage, machine.last_file)).collect();
    let expected = [(Stage::Loading, "/srv"), (Stage::WaitsForSlot, "new")];
    assert_eq!(files, expected.map(|(stage, file)| (stage, Some(file.to_owned()))));
}

#[test]
fn machine_whose_long_transfer_fails_is_shown_for_a_minute() {
    let mut hall = Hall::new(10);
    hall.request(9, "srv");
    hall.acknowledge(0, 9, 1);
    hall.now = Timestamp(500_000);
    hall.cancel(0, 9);
    hall.now = Timestamp(559_999);
    assert_eq!(hall.stages(), [("10.0.0.9".to_owned(), Stage::Failed)]);
    hall.now = Timestamp(560_000);
    assert_eq!(hall.stages(), []);
}

#[test]
fn machine_with_a_transfer_keeps_its_hardware_address_after_a_minute() {
    let mut hall = Hall::new(10);
    hall.machine(1, AnswerKind::Pxe);
    hall.machine(2, AnswerKind::Offer);
    hall.request(1, "srv");
    hall.now = Timestamp(200_000);
    let Hall { machines, server, now, .. } = &mut hall;
    machines.forget(*now, |client| server.has_transfer(client));
    let rows = hall.document();
    let macs: Vec<_> = rows.iter().map(|machine| machine.mac.as_deref()).collect();
    assert_eq!(macs, [Some("02:00:00:00:00:01")]);
}

#[test]
fn machines_with_transfers_come_first_and_others_beyond_the_limit_are_counted() {
    let mut hall = Hall::new(10);
    hall.request(65_000, "srv");
    hall.now = Timestamp(5000);
    for number in 1..=4095 {
        hall.machine(number, AnswerKind::Offer);
    }
    let (rows, omitted) = machines(&hall.machines, &hall.server, hall.now);
    assert_eq!((rows.len(), omitted), (4096, 0));
    // One that the table has no space for is shown while it has a transfer.
    hall.request(65_001, "srv");
    let (rows, omitted) = machines(&hall.machines, &hall.server, hall.now);
    assert_eq!((rows.len(), omitted), (4096, 1));
    let ips: Vec<_> = rows.iter().take(3).map(|machine| machine.ip.as_deref()).collect();
    assert_eq!(ips, [Some("10.0.253.233"), Some("10.0.253.232"), Some("10.0.0.1")]);
    // Others that the table has no space for are counted.
    (5000..5500).for_each(|number| hall.machine(number, AnswerKind::Offer));
    let (rows, omitted) = machines(&hall.machines, &hall.server, hall.now);
    assert_eq!((rows.len(), omitted), (4096, 501));
}

/// In a release build this takes less than 2 ms. The test prints the time: `cargo test --release --lib -- --nocapture thousand`.
#[test]
#[expect(clippy::print_stdout, reason = "the time is not checked: it depends on the machine")]
fn document_of_a_thousand_machines_with_transfers_is_complete() {
    let mut hall = Hall::new(2000);
    for number in 1..=1000 {
        hall.machine(number, AnswerKind::Pxe);
        hall.request(number, "srv");
    }
    hall.now = Timestamp(9000);
    let best = (0..20).map(|_| {
        let begin = Instant::now();
        let (machines, machines_omitted) = machines(&hall.machines, &hall.server, hall.now);
        let status = Status { machines, machines_omitted, ..Status::default() };
        let document = serde_json::to_vec(&status).expect("it is JSON");
        (begin.elapsed(), document)
    });
    let (time, document) = best.min_by_key(|(time, _)| *time).expect("several");
    println!("1000 machines: {time:?}, {} bytes", document.len());
    let status: Status = serde_json::from_slice(&document).expect("it is JSON");
    assert_eq!(status.machines.len(), 1000);
    assert!(status.machines.iter().all(|machine| machine.transfers.len() == 1));
}
