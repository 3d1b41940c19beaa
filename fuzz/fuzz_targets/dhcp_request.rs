//! A datagram on port 67 or 4011: parsed, evaluated, answered, logged. The first byte selects configuration, port and
//! interface; the rest is the datagram.
#![no_main]

#[path = "cpu_time.rs"]
mod cpu_time;

use conf_parser::Reader;
use libfuzzer_sys::fuzz_target;
use pxemasq::config::read::build::Builder;
use pxemasq::config::server_names::ServerNames;
use pxemasq::config::{Config, Origin};
use pxemasq::effect::Effect;
use pxemasq::net::{Address, Datagram, Interfaces, Link, ReceivedDatagram};
use pxemasq::proxydhcp::{self, Context, DecisionLog, Outcome, Port};
use std::net::Ipv4Addr;
use std::sync::OnceLock;
use std::time::Duration;

/// All options that depend on a request; menus that do not fit into a reply; a minimal configuration.
const CONFIGS: [&str; 3] = [
    include_str!("../seeds/configurations/everything.conf"),
    include_str!("../seeds/configurations/long-menu.conf"),
    include_str!("../seeds/configurations/small.conf"),
];
/// The 3 bytes of option 52 are added after the size check.
const MAX_REPLY_LEN: usize = 16384 + 3;
const MIN_REPLY_LEN: usize = 300;
const BOOTREPLY: u8 = 2;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let config = &configs()[usize::from(choice & 3) % CONFIGS.len()];
    let port = if choice & 4 == 0 { Port::Server } else { Port::Pxe };
    let interface = if choice & 8 == 0 { 2 } else { 3 };
    let peer = (Ipv4Addr::new(10, 0, 0, 9), 68).into();
    let local = Ipv4Addr::new(10, 0, 0, 1).into();
    let arrival = ReceivedDatagram { bytes, peer, local, interface };
    cpu_time::check(bytes.len(), Duration::ZERO, || {
        let mut effects = Vec::new();
        let mut names = ServerNames::new(true);
        names.read_hosts(b"10.0.0.80 boot\n10.0.0.81 boot\n");
        let context = Context { config, interfaces: interfaces(), names: &mut names };
        let outcome = proxydhcp::handle_datagram(
            context,
            port,
            &arrival,
            DecisionLog::On,
            |_| true,
            &mut effects,
        );
        let is_reply =
            |effect: &&Effect| matches!(effect, Effect::Send(_) | Effect::SendDelayed(..));
        let replies = effects.iter().filter(is_reply).count();
        assert_eq!(replies == 1, matches!(outcome, Outcome::Answered(_)));
        for effect in &effects {
            check(effect, bytes);
        }
    });
});

fn check(effect: &Effect, request: &[u8]) {
    match effect {
        Effect::Log(line) => assert!(!line.to_string().contains('\n'), "{line}"),
        Effect::Send(datagram) | Effect::SendDelayed(_, datagram) => check_reply(datagram, request),
        Effect::Observe(_) => {}
        Effect::SendBatch(_)
        | Effect::OpenSocket { .. }
        | Effect::WatchSocket { .. }
        | Effect::CloseSocket(_)
        | Effect::LogLimited(..) => {
            panic!("an effect of the TFTP core: {effect:?}")
        }
    }
}

/// The reply has a valid length, is for this client, and has an end option.
fn check_reply(Datagram { bytes, .. }: &Datagram, request: &[u8]) {
    assert!((MIN_REPLY_LEN..=MAX_REPLY_LEN).contains(&bytes.len()), "{} bytes", bytes.len());
    assert_eq!(bytes[0], BOOTREPLY);
    for range in [1..3, 4..8, 24..44, 236..240] {
        assert_eq!(bytes[range.clone()], request[range]);
    }
    assert!(bytes[240..].contains(&255), "no end option");
}

fn configs() -> &'static [Config] {
    static CONFIG: OnceLock<Vec<Config>> = OnceLock::new();
    CONFIG.get_or_init(|| CONFIGS.iter().map(|text| config(text)).collect())
}

fn config(text: &str) -> Config {
    let mut reader = Reader::default();
    let mut builder = Builder::default();
    for (line, text) in (1..).zip(text.lines()) {
        if let Some(setting) =
            reader.line(text.as_bytes()).expect("the configurations in seeds/ are valid")
        {
            builder.apply(setting, &Origin { file: "c".into(), line });
        }
    }
    builder.finish().config
}

fn interfaces() -> &'static Interfaces {
    static INTERFACES: OnceLock<Interfaces> = OnceLock::new();
    INTERFACES.get_or_init(|| {
        let link = |index, name: &str| Link { index, name: name.to_owned(), ..Link::default() };
        let address =
            |interface, ip: [u8; 4]| Address { interface, ip: ip.into(), prefix: 24, label: None };
        Interfaces {
            links: vec![link(2, "eth0"), link(3, "eth1")],
            addresses: vec![address(2, [10, 0, 0, 1]), address(3, [10, 0, 1, 1])],
        }
    })
}
