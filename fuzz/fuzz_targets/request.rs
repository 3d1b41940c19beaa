//! A request on port 67 or 4011: read, decided, answered, logged. The first byte chooses configuration, port and
//! interface; the rest is the datagram.
#![no_main]

#[path = "pace.rs"]
mod pace;

use conf_parser::Reader;
use libfuzzer_sys::fuzz_target;
use pxemasq::config::read::build::Builder;
use pxemasq::config::server_names::ServerNames;
use pxemasq::config::{Config, Origin};
use pxemasq::effect::Effect;
use pxemasq::net::{Address, ReceivedDatagram, Datagram, Interfaces, Link};
use pxemasq::proxydhcp::{self, Port};
use std::net::Ipv4Addr;
use std::sync::OnceLock;
use std::time::Duration;

/// One uses all that looks at a request; one has menus that do not fit; one is small.
const CONFIGS: [&str; 3] = [
    include_str!("../seeds/configurations/everything.conf"),
    include_str!("../seeds/configurations/long-menu.conf"),
    include_str!("../seeds/configurations/small.conf"),
];
/// A reply's option 52 is not counted when its room is.
const LONGEST: usize = 16384 + 3;
const SHORTEST: usize = 300;
const BOOTREPLY: u8 = 2;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let config = &configs()[usize::from(choice & 3) % CONFIGS.len()];
    let port = if choice & 4 == 0 { Port::Server } else { Port::Pxe };
    let interface = if choice & 8 == 0 { 2 } else { 3 };
    let peer = (Ipv4Addr::new(10, 0, 0, 9), 68).into();
    let local = Ipv4Addr::new(10, 0, 0, 1).into();
    let arrival = ReceivedDatagram { bytes, peer, local, interface };
    pace::keep(bytes.len(), Duration::ZERO, || {
        let mut effects = Vec::new();
        let mut names = ServerNames::new(true);
        names.read_hosts(b"10.0.0.80 boot\n10.0.0.81 boot\n");
        proxydhcp::handle_datagram(config, interfaces(), &mut names, port, &arrival, true, &mut effects);
        effects.iter().for_each(|effect| check(effect, bytes));
    });
});

fn check(effect: &Effect, request: &[u8]) {
    match effect {
        Effect::Log(line) => assert!(!line.to_string().contains('\n'), "{line}"),
        Effect::Send(datagram) | Effect::SendDelayed(_, datagram) => answers(datagram, request),
        Effect::Observe(_) => {}
        Effect::SendBatch(_) | Effect::RunScript(_) | Effect::CloseSocket(_) | Effect::LogLimited(..) => {
            panic!("that is of TFTP")
        }
    }
}

/// Whatever was asked, the answer is one to this client.
fn answers(Datagram { bytes, .. }: &Datagram, request: &[u8]) {
    assert!((SHORTEST..=LONGEST).contains(&bytes.len()), "{} bytes", bytes.len());
    assert_eq!(bytes[0], BOOTREPLY);
    for kept in [1..3, 4..8, 24..44, 236..240] {
        assert_eq!(bytes[kept.clone()], request[kept]);
    }
    assert!(bytes[240..].contains(&255), "no end");
}

fn configs() -> &'static [Config] {
    static CONFIG: OnceLock<Vec<Config>> = OnceLock::new();
    CONFIG.get_or_init(|| CONFIGS.iter().map(|text| config(text)).collect())
}

fn config(text: &str) -> Config {
    let mut reader = Reader::default();
    let mut builder = Builder::default();
    for (line, text) in (1..).zip(text.lines()) {
        if let Some(setting) = reader.line(text.as_bytes()).expect("a line of ours") {
            builder.apply(setting, &Origin { file: "c".into(), line });
        }
    }
    builder.finish().config
}

fn interfaces() -> &'static Interfaces {
    static INTERFACES: OnceLock<Interfaces> = OnceLock::new();
    INTERFACES.get_or_init(|| {
        let link = |index, name: &str| Link { index, name: name.to_owned(), ..Link::default() };
        let address = |interface, ip: [u8; 4]| Address {
            interface,
            ip: ip.into(),
            prefix: 24,
            label: None,
        };
        Interfaces {
            links: vec![link(2, "eth0"), link(3, "eth1")],
            addresses: vec![address(2, [10, 0, 0, 1]), address(3, [10, 0, 1, 1])],
        }
    })
}
