//! Many clients that send their requests at the same moment.

use crate::setup::{Setup, TIMEOUT, allow_open_files};
use std::net::UdpSocket;

crate::tests![requests_of_1000_clients_at_once_are_all_answered,];

const ADDRESSES: usize = 100;
const PER_ADDRESS: usize = 10;
const CLIENTS: usize = ADDRESSES * PER_ADDRESS;

/// No client repeats its request. Each has another file, so there are as many open(2) calls.
fn requests_of_1000_clients_at_once_are_all_answered() {
    let Some(()) = allow_open_files(4 * CLIENTS as u64) else { return };
    let ready = |lab: &crate::common::lab::Lab| {
        for nth in 0..CLIENTS {
            lab.file(&format!("/srv/tftp/{nth}"), format!("file {nth}"));
        }
    };
    let Some(setup) = Setup::with("tftp-max=2000\n", &[], &[], ready) else { return };
    let sockets: Vec<UdpSocket> = (0..CLIENTS).map(|nth| socket(&setup, nth)).collect();
    for (nth, socket) in sockets.iter().enumerate() {
        let request = format!("\0\x01{nth}\0octet\0");
        socket.send_to(request.as_bytes(), "10.9.0.1:69").expect("the link is up");
    }
    let (mut buffer, mut unanswered) = ([0; 600], Vec::new());
    for (nth, socket) in sockets.iter().enumerate() {
        match socket.recv_from(&mut buffer) {
            Ok((size, peer)) => {
                let block = [b"\0\x03\0\x01", format!("file {nth}").as_bytes()].concat();
                assert_eq!(buffer[..size], block, "{nth}");
                socket.send_to(&[0, 4, 0, 1], peer).expect("the link is up");
            }
            Err(_) => unanswered.push(nth),
        }
    }
    let lost = setup.counted("Udp", "RcvbufErrors");
    assert_eq!(unanswered, [0; 0], "{lost} datagrams did not fit into the buffers of sockets");
    setup.assert_serves();
}

/// A socket of a client; ten clients have the same address.
fn socket(setup: &Setup, nth: usize) -> UdpSocket {
    let address = format!("10.9.0.{}", 100 + nth / PER_ADDRESS);
    if nth.is_multiple_of(PER_ADDRESS) {
        setup.client().ip(&format!("addr add {address}/24 dev c0"));
    }
    let socket = setup.client().udp(&format!("{address}:0"));
    socket.set_read_timeout(Some(TIMEOUT)).expect("a socket");
    socket
}
