//! The interface of the server changes during a boot; its firewall rejects datagrams; its queue is full.

use crate::common::boot_rom::parse_request;
use crate::common::download::Download;
use crate::common::lab::{Host, eventually};
use crate::common::packet::PacketSocket;
use crate::common::required;
use crate::setup::{
    CLIENT, Client, FILE, LockstepClient, Moment, SERVER, SIZE, Setup, TIMEOUT, contents, rom,
};
use std::process::Command;
use std::time::Duration;

crate::tests![
    boot_continues_after_interface_goes_down_and_up,
    boot_continues_after_interface_is_renamed,
    boot_continues_after_interface_was_in_another_namespace,
    boot_continues_after_address_is_removed_and_added,
    boot_continues_after_server_address_changes,
    download_continues_after_route_to_client_changes,
    datagram_blocked_by_firewall_is_sent_again,
    datagram_dropped_by_full_queue_is_sent_again,
    icmp_errors_about_replies_do_not_disturb_other_clients,
];

const MOMENTS: [Moment; 2] = [Moment::AfterReply, Moment::HalfLoaded];
const BINDINGS: [&str; 3] = ["", "bind-dynamic\n", "bind-dynamic\ninterface=eth0\n"];
const ADDRESS: &str = "addr add 10.9.0.1/24 dev eth0";

impl Setup {
    /// Waits until a retransmission fails because there is no route.
    fn wait_for_lost_datagrams(&self, when: Moment, before: u64) {
        let lost = || (self.counted("Ip:", "OutNoRoutes") > before).then_some(());
        if when == Moment::HalfLoaded {
            eventually(TIMEOUT, lost).expect("a block without ACK is sent again");
        }
    }

    /// Boots with the fault for each configuration and moment. The fault must restore the interface.
    fn with_each(fault: impl Fn(&Self, Moment)) {
        for binding in BINDINGS {
            let Some(setup) = Self::new(binding) else { return };
            for when in MOMENTS {
                setup.boot_with(when, || fault(&setup, when));
            }
            setup.assert_serves();
        }
    }
}

fn boot_continues_after_interface_goes_down_and_up() {
    Setup::with_each(|setup, when| {
        let before = setup.counted("Ip:", "OutNoRoutes");
        setup.server().ip("link set eth0 down");
        setup.wait_for_lost_datagrams(when, before);
        setup.server().ip("link set eth0 up");
    });
}

/// As udev and administrators do. Without `interface=` the new name is served; with it, the old name must come back.
fn boot_continues_after_interface_is_renamed() {
    let rename = |server: &Host, from: &str, to: &str| {
        server.ip(&format!("link set {from} down"));
        server.ip(&format!("link set {from} name {to}"));
        server.ip(&format!("link set {to} up"));
    };
    for binding in BINDINGS {
        let Some(setup) = Setup::new(binding) else { return };
        let named = binding.contains("eth0");
        for when in MOMENTS {
            setup.boot_with(when, || {
                rename(setup.server(), "eth0", "lan0");
                if named {
                    rename(setup.server(), "lan0", "eth0");
                }
            });
            if !named {
                rename(setup.server(), "lan0", "eth0");
            }
        }
        setup.assert_serves();
    }
}

/// The interface is moved to a container and back, which removes its address.
fn boot_continues_after_interface_was_in_another_namespace() {
    Setup::with_each(|setup, when| {
        let (server, elsewhere) = (setup.server(), setup.lab.host("elsewhere"));
        let before = setup.counted("Ip:", "OutNoRoutes");
        server.move_interface("eth0", elsewhere);
        setup.wait_for_lost_datagrams(when, before);
        elsewhere.ip("link set eth0 up");
        elsewhere.move_interface("eth0", server);
        server.ip(ADDRESS);
        server.ip("link set eth0 up");
    });
}

/// The address is back before the client gives up.
fn boot_continues_after_address_is_removed_and_added() {
    Setup::with_each(|setup, when| {
        let before = setup.counted("Ip:", "OutNoRoutes");
        setup.server().ip("addr del 10.9.0.1/24 dev eth0");
        setup.wait_for_lost_datagrams(when, before);
        setup.server().ip(ADDRESS);
    });
}

/// The client sends its request again and gets the new address.
fn boot_continues_after_server_address_changes() {
    const NEW: &str = "10.9.0.7";
    for binding in BINDINGS {
        let Some(setup) = Setup::new(binding) else { return };
        let server = setup.server();
        for when in MOMENTS {
            // The client has the old address, and may have started a download from it.
            let packets = PacketSocket::new(setup.client());
            let server_address = rom(&packets).boot().map(|reply| reply.server.to_string());
            assert_eq!(server_address, Ok(SERVER.to_owned()));
            let change = |from: &str, to: &str| {
                server.ip(&format!("addr del {from}/24 dev eth0"));
                server.ip(&format!("addr add {to}/24 dev eth0"));
            };
            if when == Moment::HalfLoaded {
                let reader = LockstepClient::ask(setup.client(), CLIENT, FILE);
                assert_eq!(reader.and_then(|mut reader| reader.step()), Ok(true));
            }
            change(SERVER, NEW);
            setup.boot(Client { address: CLIENT, server: NEW }, Moment::AfterReply, || ());
            change(NEW, SERVER);
        }
        setup.assert_serves();
    }
}

/// The kernel keeps the route of a connected socket until it changes.
fn download_continues_after_route_to_client_changes() {
    let Some(setup) = Setup::new("") else { return };
    let (server, client) = (setup.server(), setup.client());
    setup
        .lab
        .wire(server.plug("eth1", "02:00:00:00:00:05"), client.plug("c1", "02:00:00:00:00:06"));
    for windowsize in [1, 4] {
        let mut had = 0;
        let mut got = Vec::new();
        let download = Download { file: FILE, windowsize, ..Download::DEFAULT };
        let sent = download.get(client, |block| {
            got.extend_from_slice(block);
            if had <= SIZE / 2 && got.len() > SIZE / 2 {
                client.ip("route add 10.9.0.1/32 dev c1 src 10.9.0.2");
                server.ip("route add 10.9.0.2/32 dev eth1");
                client.ip("link set c0 down");
            }
            had = got.len();
        });
        assert_eq!(sent, Ok(()), "windowsize {windowsize}");
        assert!(got == contents(SIZE), "windowsize {windowsize}");
        client.ip("link set c0 up");
        server.ip("route del 10.9.0.2/32 dev eth1");
        client.ip("route del 10.9.0.1/32 dev c1");
    }
}

/// A firewall that drops or rejects what the server sends: the system call fails with `EPERM`.
fn datagram_blocked_by_firewall_is_sent_again() {
    for verdict in ["drop", "reject"] {
        let Some(setup) = Setup::new("") else { return };
        let server = setup.server();
        let nft = |words: &str| server.run(Command::new("nft").arg(words));
        let refuse = || {
            nft(&format!(
                "add table inet filter\nadd chain inet filter out {{ type filter hook output priority 0; }}\n\
                 add rule inet filter out meta l4proto udp counter {verdict}\n"
            ))
        };
        let refused = || {
            let shown = nft("list table inet filter");
            let count = shown.split("counter packets ").nth(1)?.split(' ').next()?.parse().ok()?;
            Some(count).filter(|count: &u32| *count >= 3)
        };
        // During a transfer: a block without ACK is sent again.
        setup.boot_with(Moment::HalfLoaded, || {
            refuse();
            eventually(TIMEOUT, refused).expect("the datagram is sent again");
            nft("delete table inet filter");
        });
        refuse();
        let packets = PacketSocket::new(setup.client());
        assert_eq!(rom(&packets).boot(), Err("no offer".to_owned()));
        // The reply to a read request.
        let socket = setup.client().udp("10.9.0.2:0");
        let asks = std::thread::spawn(move || {
            let mut got = Vec::new();
            let usual = Download { file: FILE, ..Download::DEFAULT };
            usual.get_with(socket, |block| got.extend_from_slice(block)).map(|()| got)
        });
        eventually(TIMEOUT, refused).expect("the datagram is sent again");
        nft("delete table inet filter");
        assert!(asks.join().expect("no panic") == Ok(contents(SIZE)));
        assert!(setup.has_logged("Operation not permitted"), "{:#?}", setup.lab.syslog());
        setup.assert_serves();
    }
}

/// A short queue drops datagrams (`ENOBUFS`, which the kernel does not report); a slow one fills the socket (`EAGAIN`).
fn datagram_dropped_by_full_queue_is_sent_again() {
    let queues = [("rate 50mbit limit 6000", 16), ("rate 3mbit limit 4000000", 64)];
    for (queue, windowsize) in queues {
        let Some(setup) = Setup::new("") else { return };
        let words = format!("qdisc add dev eth0 root tbf burst 3000 {queue}");
        let mut tc = Command::new("tc");
        let made = setup.server().inside(|| tc.args(words.split(' ')).output());
        let made = made.is_ok_and(|output| output.status.success());
        let Some(()) = required(made.then_some(()).ok_or("no tbf in this kernel".to_owned()))
        else {
            return;
        };
        let timeout = Duration::from_millis(50);
        let download =
            Download { file: FILE, windowsize, timeout, max_attempts: 200, ..Download::DEFAULT };
        assert!(download.bytes(setup.client()) == Ok(contents(SIZE)), "{queue}");
        let shown =
            setup.server().run(Command::new("tc").args(["-s", "qdisc", "show", "dev", "eth0"]));
        let (lost, full) =
            (!shown.contains("dropped 0,"), setup.counted("Udp:", "SndbufErrors") > 0);
        assert!(
            if queue == queues[0].0 { lost } else { full },
            "{queue}: no datagram was dropped: {shown}"
        );
        setup.assert_serves();
    }
}

/// Each reply is answered with `port unreachable`. If these errors stayed in the queue of the socket, they would take the space
/// of requests.
fn icmp_errors_about_replies_do_not_disturb_other_clients() {
    const ERRORS: u64 = 400;
    let Some(setup) = Setup::new("") else { return };
    setup.client().sysctl("net/ipv4/icmp_ratelimit", "0");
    let packets = PacketSocket::new(setup.client());
    let words = "from=10.9.0.2:4011 to=10.9.0.1 port=4011 ciaddr=10.9.0.2 mac=02:00:00:00:00:0a arch=0 \
                 class=PXEClient:Arch:00000:UDI:002001";
    let request = parse_request(&format!("REQUEST {words}"));
    let before = setup.counted("Icmp:", "InDestUnreachs");
    for count in 1..=ERRORS {
        packets.send("eth0", request.from, request.to, &request.bytes);
        let refused = || (setup.counted("Icmp:", "InDestUnreachs") >= before + count).then_some(());
        eventually(TIMEOUT, refused).expect("the client has no socket for the reply");
    }
    assert!(!setup.has_logged("Error sending DHCP packet"));
    setup.assert_serves();
}
