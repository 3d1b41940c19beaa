//! A client on a link without loss that sends requests to all ports, and measures when they are answered.

use crate::common::lab::Host;
use crate::requests::{
    PORTS, Port, absent_file, discover, number_of_error, number_of_reply, pxe_request,
};
use crate::scene::{PROBER, PROBER_BROADCAST, SERVER_FOR_PROBER};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use nix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The sockets of the client, in the order of [`PORTS`].
pub struct Prober {
    sockets: [UdpSocket; 3],
    numbers: u32,
}

/// What was measured.
#[derive(Default)]
pub struct Measured {
    /// In the order of [`PORTS`].
    pub ports: [PortTimes; 3],
}

/// The requests to one port.
#[derive(Default)]
pub struct PortTimes {
    /// When the requests that are not answered were sent, in the time of `CLOCK_REALTIME`.
    open: HashMap<u32, Duration>,
    /// From the request to its answer.
    pub times: Vec<Duration>,
}

/// An answer needs longer only if it is lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const RECEIVE_BUFFER: usize = 8 << 20;

impl Prober {
    pub fn new(host: &Host) -> Self {
        let sockets = ["0.0.0.0:68", &format!("{PROBER}:4011"), &format!("{PROBER}:0")]
            .map(|address| host.udp(address));
        for socket in &sockets {
            socket.set_nonblocking(true).expect("a socket");
            setsockopt(socket, RcvBufForce, &RECEIVE_BUFFER).expect("root can enlarge a buffer");
            setsockopt(socket, ReceiveTimestampns, &true).expect("a socket has time stamps");
        }
        Self { sockets, numbers: 0 }
    }

    /// Sends a request to each of these ports, and waits for the answers. The error names the ports without an answer.
    pub fn ask(&mut self, ports: &[Port]) -> Result<(), String> {
        let mut measured = Measured::default();
        self.send(ports, &mut measured);
        self.wait_for_answers(&mut measured);
        measured.error()
    }

    /// Sends a request to each port at these intervals until `is_over`.
    pub fn measure(&mut self, interval: Duration, is_over: &AtomicBool) -> Measured {
        let mut measured = Measured::default();
        let mut next = Instant::now();
        while !is_over.load(Ordering::Relaxed) {
            self.send(&PORTS, &mut measured);
            next = (next + interval).max(Instant::now());
            while let Some(rest) = next.checked_duration_since(Instant::now()) {
                self.receive(rest, &mut measured);
            }
        }
        self.wait_for_answers(&mut measured);
        measured
    }

    /// Sends a request to each of these ports.
    pub fn send(&mut self, ports: &[Port], measured: &mut Measured) {
        self.numbers += 1;
        let number = self.numbers;
        for port in ports {
            let (server, request) = match port {
                Port::Dhcp => (PROBER_BROADCAST, discover(number, number)),
                Port::Pxe => (SERVER_FOR_PROBER, pxe_request(number, number, PROBER)),
                Port::Tftp => (SERVER_FOR_PROBER, absent_file(number)),
            };
            let index = *port as usize;
            measured.ports[index].open.insert(number, now());
            let sent = self.sockets[index].send_to(&request, (server, port.number()));
            sent.expect("the link is up");
        }
    }

    /// Waits until all requests are answered, at most for [`ANSWER_TIMEOUT`].
    pub fn wait_for_answers(&self, measured: &mut Measured) {
        let end = Instant::now() + ANSWER_TIMEOUT;
        while measured.unanswered() > 0 && Instant::now() < end {
            self.receive(Duration::from_millis(50), measured);
        }
    }

    /// Receives what arrives in this time.
    fn receive(&self, time: Duration, measured: &mut Measured) {
        let mut fds =
            self.sockets.each_ref().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN));
        if ppoll(&mut fds, Some(time.into()), None).is_ok_and(|ready| ready > 0) {
            for port in PORTS {
                self.read(port, &mut measured.ports[port as usize]);
            }
        }
    }

    fn read(&self, port: Port, times: &mut PortTimes) {
        let mut buffer = [0; 2048];
        while let Some((size, at)) = receive_with_time(&self.sockets[port as usize], &mut buffer) {
            let bytes = &buffer[..size];
            let number =
                if port == Port::Tftp { number_of_error(bytes) } else { number_of_reply(bytes) };
            if let Some(sent) = number.and_then(|number| times.open.remove(&number)) {
                times.times.push(at.saturating_sub(sent));
            }
        }
    }
}

/// A datagram, and when the kernel has received it. So it does not matter when this thread runs.
fn receive_with_time(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, Duration)> {
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags);
    let message = message.ok()?;
    let at = message.cmsgs().ok()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
        _ => None,
    });
    Some((message.bytes, at?))
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_REALTIME).expect("the clock is set").into()
}

impl Measured {
    pub fn unanswered(&self) -> usize {
        self.ports.iter().map(|port| port.open.len()).sum()
    }

    /// An error if a request was not answered.
    pub fn error(&self) -> Result<(), String> {
        let unanswered: Vec<String> = PORTS
            .into_iter()
            .zip(&self.ports)
            .filter(|(_, times)| !times.open.is_empty())
            .map(|(port, times)| format!("{} on port {}", times.open.len(), port.number()))
            .collect();
        if unanswered.is_empty() {
            return Ok(());
        }
        Err(format!("requests without an answer: {}", unanswered.join(", ")))
    }
}

impl PortTimes {
    pub fn sent(&self) -> usize {
        self.times.len() + self.open.len()
    }

    pub fn unanswered(&self) -> usize {
        self.open.len()
    }

    /// This share of the answers came within this time.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let index = (sorted.len() as f64 * share) as usize;
        sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}
