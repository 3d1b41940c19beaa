//! The host process: adds neighbour entries, binds sockets again, and forwards replies of other DHCP servers.
//!
//! One thread does everything. It waits for the packet process only to send an answer, for which that process waits.

use super::kept_neighbours::KeptNeighbours;
use super::protocol::{Action, MAX_REQUEST_LEN, Report, Request};
use crate::daemon::startup::sandbox::Limits;
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::dhcp_sniffer::{DhcpSniffer, SniffedReply};
use crate::sys::fds::wait_readable;
use crate::sys::interfaces::RouteSocket;
use crate::sys::limits::{EINVAL, EIO};
use crate::sys::neighbour;
use crate::sys::profile::{Profile, Role};
use crate::sys::udp::bind_to_device;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// What the process is given at its start.
pub struct HostSetup {
    /// What it may keep.
    pub limits: Limits,
    /// The packet socket.
    pub sniffer: Option<DhcpSniffer>,
    /// The interface that DHCP sockets may be bound to.
    pub device: Option<String>,
}

/// The sockets of the two DHCP ports.
const MAX_SOCKETS: usize = 2;
/// Larger than any UDP datagram.
const RECEIVE_BUFFER_LEN: usize = 64 * 1024;
/// Datagrams of other servers that are read before the channel.
const MAX_REPLIES_PER_TURN: usize = 16;

/// Runs until the channel is closed.
pub fn run(channel: &Channel, setup: &HostSetup) {
    let report = match prepare(channel, setup) {
        Ok((route, restrictions)) => {
            if channel.send_blocking(&Report::Ready(restrictions).encode()).is_ok() {
                serve(channel, setup, &route);
            }
            return;
        }
        Err(error) => Report::Failed(error.exit_code(), error.to_string()),
    };
    let _ = channel.send_blocking(&report.encode());
}

/// Gives up rights. The socket to rtnetlink, and the restrictions for the log.
fn prepare(channel: &Channel, setup: &HostSetup) -> Result<(RouteSocket, String), StartupError> {
    let route = RouteSocket::open().map_err(|error| {
        StartupError::other(format!("cannot create netlink socket: {}", strerror(&error)))
    })?;
    setup.limits.drop_privileges()?;
    let roles = [(Role::Channel, channel.as_raw_fd()), (Role::Netlink, route.as_raw_fd())];
    let restrictions = setup.limits.confine(&Profile::host(&roles));
    Ok((route, restrictions))
}

fn serve(channel: &Channel, setup: &HostSetup, route: &RouteSocket) {
    let mut buffer = vec![0; RECEIVE_BUFFER_LEN];
    let mut kept = KeptNeighbours::new(route);
    loop {
        let (request, reply) = wait_readable(channel, setup.sniffer.as_ref());
        if request && !answer_next(channel, setup, &mut kept) {
            kept.remove_all();
            return;
        }
        if reply && let Some(sniffer) = &setup.sniffer {
            forward(channel, sniffer, &mut buffer);
        }
    }
}

/// Answers the next request; `false`: the channel is closed.
fn answer_next(channel: &Channel, setup: &HostSetup, kept: &mut KeptNeighbours<'_>) -> bool {
    let mut buffer = [0; MAX_REQUEST_LEN];
    let message = match channel.receive_fds(&mut buffer) {
        Ok(message) => message,
        Err(error) => {
            return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
        }
    };
    if message.size == 0 {
        return false;
    }
    let Some(Request { number, action }) = Request::decode(&buffer[..message.size]) else {
        return true;
    };
    let done = match action {
        Some(Action::AddNeighbour(address, client)) if message.fds.is_empty() => {
            neighbour::insert(kept.route, address, &client)
        }
        Some(Action::KeepNeighbour(address, client)) if message.fds.is_empty() => {
            kept.add(address, &client)
        }
        Some(Action::BindSockets) => bind_sockets(&message.fds, setup.device.as_deref()),
        _ => Err(invalid_argument()),
    };
    let error = done.err().map_or(0, |error| error.raw_os_error().unwrap_or(EIO));
    channel.send_blocking(&Report::Answer(number, error).encode()).is_ok()
}

fn bind_sockets(sockets: &[OwnedFd], device: Option<&str>) -> io::Result<()> {
    let device = device.ok_or_else(invalid_argument)?;
    if !(1..=MAX_SOCKETS).contains(&sockets.len()) {
        return Err(invalid_argument());
    }
    sockets.iter().try_for_each(|fd| bind_to_device(fd, device))
}

/// Forwards datagrams of other servers. Those for which the channel has no space are dropped.
fn forward(channel: &Channel, sniffer: &DhcpSniffer, buffer: &mut [u8]) {
    for _ in 0..MAX_REPLIES_PER_TURN {
        let Some(SniffedReply { from, bytes }) = sniffer.next(buffer) else { return };
        let _ = channel.send(&Report::Reply(from, bytes.to_vec()).encode());
    }
}

fn invalid_argument() -> io::Error {
    io::Error::from_raw_os_error(EINVAL)
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn malformed_request_is_answered_with_einval_or_ignored() {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    let (own, other) = Channel::pair().unwrap();
    let limits = Limits { identity: None, capabilities: Vec::new(), unconfined: true };
    let setup = HostSetup { limits, sniffer: None, device: None };
    let route = RouteSocket::open().unwrap();
    let host = std::thread::spawn(move || serve(&other, &setup, &route));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = crate::net::NeighbourEntry { interface: 1, hardware_type: 1, mac: vec![2; 6] };
    let bind = Request::encode(2, &Action::BindSockets);
    let broadcast = Action::AddNeighbour([255; 4].into(), client.clone());
    // The loopback interface has another hardware type.
    let other_type = Action::AddNeighbour([10, 0, 0, 9].into(), client);
    let mut buffer = [0; 64];
    // Without a number there is no answer.
    own.send(b"no").unwrap();
    for (message, sockets, number) in [
        (b"\x01\0\0\0?".to_vec(), 0, u32::from_ne_bytes(*b"\x01\0\0\0")),
        // No interface is configured.
        (bind.clone(), 1, 2),
        (bind, 3, 2),
        (Request::encode(3, &broadcast), 0, 3),
        (Request::encode(4, &other_type), 0, 4),
        (Request::encode(5, &other_type), 1, 5),
        (vec![0; 4000], 0, 0),
    ] {
        own.send_fds(&message, &vec![socket.as_fd(); sockets]).unwrap();
        let answer = own.recv_blocking(&mut buffer).unwrap();
        assert_eq!(Report::decode(answer), Some(Report::Answer(number, EINVAL)), "{message:?}");
    }
    drop(own);
    host.join().unwrap();
}
