//! Records the frames of a host as a capture (pcap).

use super::lab::Host;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A thread that records.
pub struct Recorder {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<u8>>,
}

/// The header of a pcap file with microseconds and Ethernet frames.
const PCAP_HEADER: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1];
/// Bytes: all frames of a test.
const RECEIVE_BUFFER: usize = 64 << 20;
const POLL_INTERVAL: Duration = Duration::from_millis(1);

impl Recorder {
    /// Records all frames of all interfaces from now on.
    pub fn start(host: &Host) -> Self {
        let socket = host.inside(|| {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
                .expect("root of a namespace can open packet sockets");
            // A busy machine must not lose frames.
            setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).expect("root can enlarge a buffer");
            socket
        });
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        Self { is_over, thread: thread::spawn(move || record(&socket, &stop)) }
    }

    /// The capture until now.
    pub fn finish(self) -> Vec<u8> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread does not panic")
    }
}

fn record(socket: &OwnedFd, is_over: &AtomicBool) -> Vec<u8> {
    let mut pcap = PCAP_HEADER.map(u32::to_le_bytes).concat();
    let mut buffer = [0; 16 << 10];
    loop {
        // The frames that arrived before the end are recorded too.
        let is_last = is_over.load(Ordering::Relaxed);
        while let Ok((size, _)) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
            let seconds = u32::try_from(now.as_secs()).expect("before 2106");
            let length = u32::try_from(size).expect("a frame");
            pcap.extend(
                [seconds, now.subsec_micros(), length, length].map(u32::to_le_bytes).concat(),
            );
            pcap.extend(&buffer[..size]);
        }
        if is_last {
            return pcap;
        }
        thread::sleep(POLL_INTERVAL);
    }
}
