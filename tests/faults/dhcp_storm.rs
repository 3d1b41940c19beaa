//! Many machines that send a DISCOVER in the same instant. The server is stopped while they send (SIGSTOP), so that all requests
//! wait in the buffer of its socket and are then read together.

use crate::common::boot_rom::parse_request;
use crate::common::lab::eventually;
use crate::common::packet::{BROADCAST_MAC, frame};
use crate::common::required;
use crate::link::Link;
use crate::setup::{Setup, TIMEOUT};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

crate::tests![
    discovers_of_3000_machines_in_one_instant_are_all_answered,
    replies_that_the_link_takes_slowly_all_arrive,
    reply_that_cannot_be_sent_does_not_hold_up_the_others,
];

const DISCOVER: &str = "DISCOVER from=0.0.0.0:68 arch=0 class=PXEClient:Arch:00000:UNDI:002001";
const MACHINES: u32 = 3000;
/// The replies to all machines, until they are read.
const CLIENT_BUFFER: usize = 32 << 20;
/// After this time without a reply, the rest is lost.
const QUIET: Duration = Duration::from_secs(3);

/// Each machine sends once: firmware would repeat after four seconds.
fn discovers_of_3000_machines_in_one_instant_are_all_answered() {
    let Some(setup) = Setup::new("") else { return };
    let Some(client) = client(&setup) else { return };
    while_stopped(&setup, || discover(&setup, MACHINES));
    assert_eq!(answered(&client, MACHINES), MACHINES as usize, "{}", lost(&setup));
    setup.assert_serves();
}

/// A queue of the interface that sends slower than the program answers: the replies wait in the send buffer.
fn replies_that_the_link_takes_slowly_all_arrive() {
    const COUNT: u32 = 1000;
    let Some(setup) = Setup::new("") else { return };
    let Some(client) = client(&setup) else { return };
    let words = "qdisc add dev eth0 root tbf burst 3000 rate 5mbit limit 4000000";
    let mut tc = Command::new("tc");
    let made = setup.server().inside(|| tc.args(words.split(' ')).output());
    let made = made.is_ok_and(|output| output.status.success());
    let Some(()) = required(made.then_some(()).ok_or("no tbf in this kernel".to_owned())) else {
        return;
    };
    while_stopped(&setup, || discover(&setup, COUNT));
    assert_eq!(answered(&client, COUNT), COUNT as usize, "{}", lost(&setup));
    setup.assert_serves();
}

/// A relay agent to which there is no route. The line about it comes after those of its request.
fn reply_that_cannot_be_sent_does_not_hold_up_the_others() {
    let Some(setup) = Setup::new("dhcp-range=10.99.0.0,proxy,255.255.255.0\n") else { return };
    let Some(client) = client(&setup) else { return };
    let link = Link::new(setup.client(), "c0");
    while_stopped(&setup, || {
        for number in 0..30 {
            let relay = if number % 10 == 4 { [10, 99, 0, 1] } else { [0; 4] };
            send(&link, number, relay);
        }
    });
    assert_eq!(answered(&client, 27), 27);
    let has_all = || (lines(&setup).len() == 33).then_some(());
    let logged = eventually(TIMEOUT, has_all);
    let lines = lines(&setup);
    assert!(logged.is_some(), "{lines:#?}");
    for (at, line) in lines.iter().enumerate() {
        let failed = [5, 16, 27].contains(&at);
        let expected = if failed {
            "Error sending DHCP packet to 10.99.0.1: Network is unreachable".to_owned()
        } else {
            let number = at - [5, 16, 27].iter().filter(|failed| **failed < at).count();
            format!("PXE(eth0) 52:54:00:00:00:{number:02x} proxy")
        };
        assert!(line.ends_with(&expected), "{at}: {line}, not {expected}");
    }
    setup.assert_serves();
}

/// The lines about requests and replies.
fn lines(setup: &Setup) -> Vec<String> {
    let is_about_reply = |line: &String| line.contains("PXE(") || line.contains("Error sending");
    setup.lab.syslog().into_iter().filter(is_about_reply).collect()
}

/// The socket that receives all replies.
fn client(setup: &Setup) -> Option<UdpSocket> {
    let socket = setup.client().udp("0.0.0.0:68");
    socket.set_read_timeout(Some(QUIET)).expect("a socket");
    // The program needs the same capability for its buffer.
    let enlarged = setsockopt(&socket, RcvBufForce, &CLIENT_BUFFER);
    required(enlarged.map_err(|error| format!("SO_RCVBUFFORCE: {error}")))?;
    Some(socket)
}

/// Runs `work` while the server does not.
fn while_stopped(setup: &Setup, work: impl FnOnce()) {
    let server = Pid::from_raw(setup.id().cast_signed());
    kill(server, Signal::SIGSTOP).expect("it runs");
    work();
    kill(server, Signal::SIGCONT).expect("it was stopped");
}

fn discover(setup: &Setup, machines: u32) {
    let link = Link::new(setup.client(), "c0");
    (0..machines).for_each(|number| send(&link, number, [0; 4]));
}

/// Sends the DISCOVER of a machine, by a relay agent unless that is zero.
fn send(link: &Link, number: u32, relay: [u8; 4]) {
    let mut request = parse_request(DISCOVER);
    let number = number.to_be_bytes();
    // Transaction ID, relay agent and hardware address.
    request.bytes[4..8].copy_from_slice(&number);
    request.bytes[24..28].copy_from_slice(&relay);
    request.bytes[28..34].copy_from_slice(&[[0x52, 0x54].as_slice(), &number].concat());
    link.send(&frame(BROADCAST_MAC, link.mac(), request.from, request.to, &request.bytes));
}

/// The number of machines that got a reply.
fn answered(client: &UdpSocket, machines: u32) -> usize {
    let (mut buffer, mut numbers) = ([0; 1500], BTreeSet::new());
    while numbers.len() < machines as usize
        && let Ok(size) = client.recv(&mut buffer)
    {
        numbers.insert(buffer[..size][4..8].to_vec());
    }
    numbers.len()
}

fn lost(setup: &Setup) -> String {
    let [received, sent] = ["RcvbufErrors", "SndbufErrors"].map(|name| setup.counted("Udp:", name));
    format!(
        "{received} datagrams did not fit into receive buffers of the server, {sent} into send buffers"
    )
}
