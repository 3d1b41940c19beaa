//! The ports that answers come from.

use crate::common::lab::eventually;
use crate::common::required;
use crate::setup::{Setup, TIMEOUT};
use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

crate::tests![
    errors_come_from_sixteen_ports_in_turn_and_transfers_from_others,
    errors_come_from_the_address_that_was_asked,
    errors_and_transfers_have_ports_of_the_range,
    errors_come_from_the_only_port_of_the_range,
    errors_come_from_the_single_port,
];

/// Starts the program, which serves the file `small`.
struct Served {
    setup: Setup,
    _daemon: crate::common::lab::Process,
}

impl Served {
    fn new(config: &str) -> Option<Self> {
        let setup = required(Setup::new(config))?;
        let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
        Some(Self { setup, _daemon: daemon })
    }

    fn client(&self, ip: &str) -> UdpSocket {
        self.setup
            .lab
            .host("client")
            .udp(&SocketAddr::new(ip.parse().expect("an address"), 0).to_string())
    }

    /// Requests a file; the opcode of the answer, and where it comes from.
    fn ask(&self, name: &str, server: SocketAddr) -> (u8, SocketAddr) {
        let client = self.client(if server.is_ipv4() { "10.9.0.2" } else { "fd09::2" });
        let request = format!("\0\x01{name}\0octet\0");
        client.send_to(request.as_bytes(), server).expect("the link is up");
        let mut buffer = [0; 600];
        let (_, from) = client.recv_from(&mut buffer).expect("an answer");
        if buffer[1] == 3 {
            client.send_to(&[0, 4, 0, 1], from).expect("the link is up");
        }
        (buffer[1], from)
    }

    /// The port of the answer.
    fn port(&self, name: &str, opcode: u8) -> u16 {
        let (answered, from) = self.ask(name, ([10, 9, 0, 1], 69).into());
        assert_eq!((answered, from.ip()), (opcode, [10, 9, 0, 1].into()), "{name}");
        from.port()
    }

    fn error_port(&self) -> u16 {
        self.port("absent", 5)
    }

    fn transfer_port(&self) -> u16 {
        self.port("small", 3)
    }
}

fn errors_come_from_sixteen_ports_in_turn_and_transfers_from_others() {
    let Some(served) = Served::new("") else { return };
    let errors: Vec<u16> = (0..16).map(|_| served.error_port()).collect();
    let different: BTreeSet<u16> = errors.iter().copied().collect();
    assert_eq!((different.len(), different.contains(&69)), (16, false), "{errors:?}");
    for port in &errors {
        assert!(!different.contains(&served.transfer_port()));
        assert_eq!(served.error_port(), *port);
    }
    // Nothing is read from the port, so what is sent to it must not stop the errors.
    let client = served.client("10.9.0.2");
    for _ in 0..100 {
        let _ = client.send_to(&[0; 1000], ("10.9.0.1", errors[0]));
    }
    assert_eq!(served.error_port(), errors[0]);
}

/// The socket for errors has no address.
fn errors_come_from_the_address_that_was_asked() {
    let Some(served) = Served::new("") else { return };
    let (server, client) = (served.setup.lab.host("server"), served.setup.lab.host("client"));
    server.ip("addr add 10.9.0.7/24 dev eth0");
    server.ip("addr add fd09::1/64 dev eth0 nodad");
    server.ip("addr add fd09::7/64 dev eth0 nodad");
    client.ip("addr add fd09::2/64 dev c0 nodad");
    for ip in ["10.9.0.1", "10.9.0.7", "fd09::1", "fd09::7"] {
        let server = SocketAddr::new(ip.parse().expect("an address"), 69);
        let (opcode, from) = served.ask("absent", server);
        assert_eq!((opcode, from.ip()), (5, server.ip()));
    }
    // No socket is bound to the address that is removed.
    server.ip("addr del 10.9.0.7/24 dev eth0");
    assert_ne!(served.error_port(), 69);
}

/// The ports of some errors and transfers.
fn ports(served: &Served) -> BTreeSet<u16> {
    (0..10).flat_map(|_| [served.error_port(), served.transfer_port()]).collect()
}

/// A firewall may pass only these.
fn errors_and_transfers_have_ports_of_the_range() {
    const RANGE: RangeInclusive<u16> = 40_000..=40_009;
    let Some(served) = Served::new("tftp-port-range=40000,40009\n") else { return };
    let ports = ports(&served);
    assert!(ports.iter().all(|port| RANGE.contains(port)), "{ports:?}");
}

fn errors_come_from_the_only_port_of_the_range() {
    let Some(served) = Served::new("tftp-port-range=40000,40000\n") else { return };
    for _ in 0..5 {
        assert_eq!(served.error_port(), 40_000);
        assert_eq!(served.transfer_port(), 40_000);
        // The transfer ends with its ACK.
        let is_free = || (!served.setup.lab.host("server").listens_on_udp(40_000)).then_some(());
        eventually(TIMEOUT, is_free).expect("the port is free again");
    }
}

fn errors_come_from_the_single_port() {
    let Some(served) = Served::new("tftp-single-port\n") else { return };
    assert_eq!(ports(&served), BTreeSet::from([69]));
}
