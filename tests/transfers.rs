//! TFTP transfers: many at once, large files, slow disks, unusual networks.

mod common;

use common::download::Download;
use common::lab::files::place;
use common::lab::{Host, Lab, Process, eventually};
use common::measure::cpu_seconds;
use common::slow_disk::{self, SlowDisk};
use common::{required, two_hosts};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

crate::tests![
    slow_disk_delays_only_clients_that_read_it,
    symlink_to_slow_disk_does_not_delay_other_clients,
    file_is_found_in_slow_client_directory,
    client_directory_is_found_by_mac_among_thousands_of_neighbours,
    abandoned_reads_of_slow_disk_leave_no_threads_or_descriptors,
    packets_from_another_port_do_not_block_the_client,
    datagram_from_another_port_is_refused_by_the_kernel_in_a_longer_transfer,
    port_unreachable_does_not_end_a_longer_transfer,
    file_ending_at_a_block_boundary_is_sent_from_slow_disk,
    read_error_ends_the_transfer_with_an_error_message,
    file_over_four_gigabytes_arrives_complete,
    window_arrives_when_blocks_exceed_route_mtu,
    changed_file_is_sent_with_new_contents,
    thousand_simultaneous_requests_are_all_answered,
    open_transfer_takes_at_most_four_kilobytes,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str =
    "port=0\nenable-tftp\ntftp-root=/srv/tftp\ntftp-max=1200\nedns-packet-max=65535\n";
/// Delay of a slow disk. It must not delay clients that read from another disk.
const SLOW: Duration = Duration::from_secs(1);

/// The program and a client.
struct Setup {
    lab: Lab,
    daemon: Process,
}

impl Setup {
    fn new(config: &str) -> Option<Self> {
        let lab = required(Lab::new(["server", "client"]))?;
        lab.file(two_hosts::CONFIG, CONFIG.to_owned() + config);
        let daemon = two_hosts::start(&lab, &["-u", "root", "-x", ""], &[], &[69]);
        // After the first reply, the search for symbolic links is complete.
        let answer = Download::DEFAULT.bytes(lab.host("client"));
        assert_ne!(answer, Err("no answer".to_owned()));
        Some(Self { lab, daemon })
    }

    fn client(&self) -> &Host {
        self.lab.host("client")
    }

    /// Downloads the small file `count` times and returns the longest time.
    fn slowest_of(&self, count: usize) -> Duration {
        let took = (0..count).map(|_| {
            let start = Instant::now();
            let usual = Download { timeout: SLOW / 5, ..Download::DEFAULT };
            assert_eq!(usual.bytes(self.client()), Ok(b"hello\n".to_vec()));
            start.elapsed()
        });
        took.max().expect("there is one at least")
    }
}

/// Pseudo-random bytes: no two blocks are equal.
fn contents(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[2]
    };
    (0..size).map(|_| next()).collect()
}

/// A slow disk delays its own readers only: neither other clients nor lookups of missing names on it.
fn slow_disk_delays_only_clients_that_read_it() {
    let Some(device) = required(slow_disk::device()) else { return };
    let Some(setup) = Setup::new("") else { return };
    let file = contents(150_000);
    let disk = SlowDisk {
        files: BTreeMap::from([("large".to_owned(), file.clone())]),
        reading: SLOW,
        opening: SLOW,
        broken: None,
    };
    let Some(()) = required(disk.mount(device, "/srv/tftp/slow")) else { return };
    let slow = Download { file: "slow/large", windowsize: 16, ..Download::DEFAULT };
    let sockets = [(); 3].map(|()| setup.client().udp("10.9.0.2:0"));
    let readers = sockets.map(|socket| {
        std::thread::spawn(move || {
            let mut all = Vec::new();
            slow.get_with(socket, |block| all.extend_from_slice(block)).map(|()| all)
        })
    });
    let end = Instant::now() + SLOW * 3;
    while Instant::now() < end {
        let took = setup.slowest_of(20);
        assert!(took < SLOW * 3 / 4, "{took:?}");
    }
    assert!(readers.iter().any(|reader| !reader.is_finished()), "the disk was not slow");
    for reader in readers {
        assert_eq!(reader.join().expect("no panic").map(|all| all == file), Ok(true));
    }
    let missing = Download { file: "slow/none", ..Download::DEFAULT }.bytes(setup.client());
    assert_eq!(missing, Err("1 file /srv/tftp/slow/none not found for 10.9.0.2\0".to_owned()));
}

/// The symbolic link is on a fast disk and its target on a slow one.
fn symlink_to_slow_disk_does_not_delay_other_clients() {
    let Some(device) = required(slow_disk::device()) else { return };
    let Some(setup) = Setup::new("") else { return };
    let files = BTreeMap::from([("file".to_owned(), b"found".to_vec())]);
    let disk = SlowDisk { files, reading: SLOW, opening: SLOW, broken: None };
    let Some(()) = required(disk.mount(device, "/srv/tftp/slow")) else { return };
    for (link, target) in [("link", "slow/file"), ("once", "again"), ("again", "link")] {
        symlink(target, place(&format!("/srv/tftp/{link}"))).expect("the path does not exist yet");
    }
    let through_links = Download { file: "once", ..Download::DEFAULT };
    let socket = setup.client().udp("10.9.0.2:0");
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        through_links.get_with(socket, |block| all.extend_from_slice(block)).map(|()| all)
    });
    while !reader.is_finished() {
        let took = setup.slowest_of(1);
        assert!(took < SLOW * 3 / 4, "{took:?}");
    }
    assert_eq!(reader.join().expect("no panic"), Ok(b"found".to_vec()));
}

/// With `tftp-unique-root` on a slow disk, several lookups are needed one after the other.
fn file_is_found_in_slow_client_directory() {
    let Some(device) = required(slow_disk::device()) else { return };
    let Some(setup) = Setup::new(
        "tftp-root=/srv/tftp/slow\ntftp-unique-root\ntftp-unique-root=mac\ntftp-no-fail\n",
    ) else {
        return;
    };
    let files = BTreeMap::from([("file".to_owned(), b"found".to_vec())]);
    let opening = Duration::from_millis(20);
    let disk = SlowDisk { files, reading: opening, opening, broken: None };
    let Some(()) = required(disk.mount(device, "/srv/tftp/slow")) else { return };
    let file = Download { file: "file", ..Download::DEFAULT };
    assert_eq!(file.bytes(setup.client()), Ok(b"found".to_vec()));
}

/// `tftp-unique-root=mac` needs the hardware address of the client. With more than 64 interfaces the whole table is read.
fn client_directory_is_found_by_mac_among_thousands_of_neighbours() {
    const NEIGHBOURS: u32 = 5000;
    const REQUESTS: usize = 300;
    let Some(setup) = Setup::new("tftp-unique-root=mac\n") else { return };
    let server = setup.lab.host("server");
    let lines = (0..NEIGHBOURS).map(|number| {
        let ip = Ipv4Addr::from(0x0a09_0100 + number);
        format!("neigh add {ip} lladdr 02:00:00:01:00:01 dev eth0 nud permanent\n")
    });
    setup.lab.file("/srv/neighbours", lines.collect::<String>());
    server.ip("-batch /srv/neighbours");
    setup.lab.file("/srv/tftp/02-00-00-00-00-02/own", "own");
    setup.lab.file("/srv/tftp/general", "general");
    let get = |file| Download { file, ..Download::DEFAULT }.bytes(setup.client());
    assert_eq!(get("own"), Ok(b"own".to_vec()));
    assert!(get("general").is_err(), "it is not in the directory of the client");
    // There is no entry for this address, so no result is used again.
    let before = cpu_seconds(setup.daemon.id());
    for _ in 0..REQUESTS {
        let local = Download { server: "127.0.0.1:69", file: "general", ..Download::DEFAULT };
        local.get_with(server.udp("127.0.0.1:0"), |_| ()).expect("the general root");
    }
    let used = cpu_seconds(setup.daemon.id()) - before;
    // A debug build needs five times as long to read 5000 entries for each request.
    assert!(used < 0.3, "{used} s of processor time for {REQUESTS} requests");
    for number in 0..70 {
        server.ip(&format!("link add bridge{number} type bridge"));
    }
    setup.client().ip("addr add 10.9.0.3/24 dev c0");
    // The kernel has an entry for the new address after it has sent the first reply.
    let found = || {
        let own = Download { file: "own", ..Download::DEFAULT };
        own.get_with(setup.client().udp("10.9.0.3:0"), |_| ()).ok()
    };
    eventually(Duration::from_secs(5), found).expect("it is found with many interfaces");
}

/// Clients end their transfers while the disk hangs: threads and descriptors are released.
fn abandoned_reads_of_slow_disk_leave_no_threads_or_descriptors() {
    const CLIENTS: usize = 40;
    let Some(device) = required(slow_disk::device()) else { return };
    let Some(setup) = Setup::new("") else { return };
    let files = BTreeMap::from([("file".to_owned(), contents(9000))]);
    // Longer than the loop below.
    let reading = Duration::from_secs(15);
    let disk = SlowDisk { files, reading, opening: Duration::ZERO, broken: None };
    let Some(()) = required(disk.mount(device, "/srv/tftp/slow")) else { return };
    let count = |what: &str| {
        let entries = fs::read_dir(format!("/proc/{}/{what}", setup.daemon.id()));
        entries.map_or(0, Iterator::count)
    };
    let (threads, descriptors) = (count("task"), count("fd"));
    let mut buffer = [0; 600];
    let mut unanswered = 0;
    for _ in 0..CLIENTS {
        let socket = setup.client().udp("10.9.0.2:0");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        let request = b"\0\x01slow/file\0octet\0tsize\x000\0";
        socket.send_to(request, "10.9.0.1:69").expect("the link is up");
        match socket.recv_from(&mut buffer) {
            Ok((_, from)) => {
                socket.send_to(&[0, 4, 0, 0], from).expect("the link is up");
                socket.send_to(b"\0\x05\0\0enough\0", from).expect("the link is up");
            }
            // When all threads of the disk are blocked.
            Err(_) => unanswered += 1,
        }
    }
    setup.slowest_of(1);
    let (more_threads, more_descriptors) = (count("task") - threads, count("fd") - descriptors);
    assert!(more_threads <= 4, "{more_threads} threads");
    assert!(more_descriptors <= unanswered + 8, "{more_descriptors} for {unanswered}");
}

/// Packets from an unknown TID (RFC 1350, section 4) are in the queue before the ACK of the client.
fn packets_from_another_port_do_not_block_the_client() {
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file("/srv/tftp/two", contents(600));
    let (client, other_port) = (setup.client().udp("10.9.0.2:0"), setup.client().udp("10.9.0.2:0"));
    client.send_to(b"\0\x01two\0octet\0", "10.9.0.1:69").expect("the link is up");
    let mut buffer = [0; 600];
    let (size, from) = client.recv_from(&mut buffer).expect("the first block");
    assert_eq!(size, 516);
    let daemon = Pid::from_raw(setup.daemon.id().cast_signed());
    kill(daemon, Signal::SIGSTOP).expect("the process exists");
    for _ in 0..3 {
        let _ = other_port.send_to(&[0, 4, 0, 1], from);
    }
    client.send_to(&[0, 4, 0, 1], from).expect("the link is up");
    kill(daemon, Signal::SIGCONT).expect("the process exists");
    // Shorter than the retransmission timeout.
    client.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
    assert_eq!(client.recv(&mut buffer).ok(), Some(4 + 600 - 512));
    assert_eq!(buffer[..4], [0, 3, 0, 2]);
}

/// Requests the file `long` in blocks of 512 bytes and acknowledges `count` of them. Returns the next one and its sender.
fn acknowledge_blocks(client: &UdpSocket, count: u16) -> (Vec<u8>, SocketAddr) {
    client.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
    client.send_to(b"\0\x01long\0octet\0", "10.9.0.1:69").expect("the link is up");
    let mut buffer = [0; 600];
    for block in 1..=count {
        let (_, from) = client.recv_from(&mut buffer).expect("a block");
        assert_eq!(buffer[2..4], block.to_be_bytes());
        acknowledge(client, block, from);
    }
    let (size, from) = client.recv_from(&mut buffer).expect("a block");
    (buffer[..size].to_vec(), from)
}

fn acknowledge(client: &UdpSocket, block: u16, server: SocketAddr) {
    let [high, low] = block.to_be_bytes();
    client.send_to(&[0, 4, high, low], server).expect("the link is up");
}

/// D-055: before 32 blocks it gets an error from the program, after them ICMP `port unreachable` from the kernel.
fn datagram_from_another_port_is_refused_by_the_kernel_in_a_longer_transfer() {
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file("/srv/tftp/long", contents(100 * 512 + 1));
    let mut buffer = [0; 600];
    for (blocks, is_refused) in [(20, false), (40, true)] {
        let client = setup.client().udp("10.9.0.2:0");
        let (next, server) = acknowledge_blocks(&client, blocks);
        let other_port = setup.client().udp("10.9.0.2:0");
        other_port.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
        other_port.connect(server).expect("a route");
        other_port.send(&[&[0, 4], &next[2..4]].concat()).expect("the link is up");
        let answer = other_port.recv(&mut buffer);
        if is_refused {
            let error = answer.expect_err("no answer").kind();
            assert_eq!(error, std::io::ErrorKind::ConnectionRefused);
        } else {
            assert_eq!(buffer[..answer.expect("an error")][..4], [0, 5, 0, 5]);
        }
        acknowledge(&client, blocks + 1, server);
        client.recv(&mut buffer).expect("the next block");
        assert_eq!(
            buffer[2..4],
            (blocks + 2).to_be_bytes(),
            "the ACK of the other port has no effect"
        );
    }
    let lines = setup.lab.syslog().iter().filter(|line| line.contains("TID mismatch")).count();
    assert_eq!(lines, 1, "{:#?}", setup.lab.syslog());
}

/// The number of ICMP `destination unreachable` messages that the server has received.
fn refusals(setup: &Setup) -> u64 {
    let path = format!("/proc/{}/net/snmp", setup.daemon.id());
    let text = fs::read_to_string(path).expect("the daemon runs");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let found = names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "InDestUnreachs");
    found.and_then(|(_, value)| value.parse().ok()).expect("the kernel counts it")
}

/// D-043: without a known port, ICMP has no effect. The kernel reports it to a connected socket.
fn port_unreachable_does_not_end_a_longer_transfer() {
    let Some(setup) = Setup::new("") else { return };
    let file = contents(100 * 512 + 1);
    setup.lab.file("/srv/tftp/long", &file);
    let client = setup.client().udp("10.9.0.2:0");
    let address = client.local_addr().expect("it is bound");
    let (next, server) = acknowledge_blocks(&client, 40);
    drop(client);
    // The server sends the block again, and the kernel of the client refuses it.
    eventually(Duration::from_secs(10), || (refusals(&setup) > 0).then_some(()))
        .expect("the server gets an ICMP message");
    let client = setup.client().udp(&address.to_string());
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let mut buffer = [0; 600];
    let mut got = Vec::new();
    let mut block = u16::from_be_bytes([next[2], next[3]]);
    while block <= 101 {
        let (size, _) = client.recv_from(&mut buffer).expect("a block");
        if buffer[2..4] == block.to_be_bytes() {
            got.extend_from_slice(&buffer[4..size]);
            acknowledge(&client, block, server);
            block += 1;
        }
    }
    assert!(got == file[40 * 512..]);
    assert!(!setup.lab.syslog().iter().any(|line| line.contains("failed sending")));
}

/// The last read returns 0 bytes.
fn file_ending_at_a_block_boundary_is_sent_from_slow_disk() {
    let Some(device) = required(slow_disk::device()) else { return };
    let Some(setup) = Setup::new("") else { return };
    let sizes = [0, 1467, 1468, 2 * 1468, 65_536, 64 * 1468];
    let files = sizes.map(|size| (size.to_string(), contents(size)));
    let reading = Duration::from_millis(5);
    let disk = SlowDisk { files: files.clone().into(), reading, opening: reading, broken: None };
    let Some(()) = required(disk.mount(device, "/srv/tftp/slow")) else { return };
    for (name, file) in files {
        for windowsize in [1, 16] {
            let path = format!("slow/{name}");
            let got =
                Download { file: &path, windowsize, ..Download::DEFAULT }.bytes(setup.client());
            assert!(got.as_ref() == Ok(&file), "{name}: {:?}", got.map(|all| all.len()));
        }
    }
}

fn read_error_ends_the_transfer_with_an_error_message() {
    /// Offset of the read error.
    const BROKEN: usize = 400_000;
    /// The program reads up to this many bytes at once: all of them can be lost.
    const RUN: usize = 128 << 10;
    let Some(device) = required(slow_disk::device()) else { return };
    let Some(setup) = Setup::new("") else { return };
    let file = contents(600_000);
    let files = BTreeMap::from([("large".to_owned(), file.clone())]);
    let wait = Duration::from_millis(100);
    let disk = SlowDisk { files, reading: wait, opening: Duration::ZERO, broken: Some(BROKEN) };
    let Some(()) = required(disk.mount(device, "/srv/tftp/slow")) else { return };
    let mut got = Vec::new();
    let ended = Download { file: "slow/large", ..Download::DEFAULT }
        .get_with(setup.client().udp("10.9.0.2:0"), |block| got.extend_from_slice(block));
    let words = "cannot read /srv/tftp/slow/large: Input/output error";
    assert_eq!(ended, Err(format!("0 {words}\0")));
    assert!(got.len() >= BROKEN - RUN && file.starts_with(&got), "{} bytes", got.len());
    let logged = || setup.lab.syslog().iter().any(|line| line.ends_with(words)).then_some(());
    assert!(eventually(Duration::from_secs(5), logged).is_some(), "{:#?}", setup.lab.syslog());
    setup.slowest_of(1);
}

/// The size exceeds 32 bits, and block numbers wrap to 0. RFC 1350 does not define the wrap; clients expect 0.
fn file_over_four_gigabytes_arrives_complete() {
    let Some(setup) = Setup::new("") else { return };
    for end in ["server", "client"] {
        let name = if end == "server" { "eth0" } else { "c0" };
        setup.lab.host(end).ip(&format!("link set {name} mtu 65535"));
    }
    let size = (4 << 30) + 100_u64;
    let file = File::create("/srv/tftp/sparse").expect("/srv is writable");
    file.set_len(size).expect("a sparse file");
    std::os::unix::fs::FileExt::write_all_at(&file, b"the end", size - 7)
        .expect("the file system has space");
    // More than 65,536 blocks.
    let blksize = 65_000;
    assert!(size / blksize as u64 > 1 << 16);
    let (mut got, mut last) = (0, Vec::new());
    let download = Download { file: "sparse", blksize, windowsize: 16, ..Download::DEFAULT };
    let result = download.get(setup.client(), |block| {
        got += block.len() as u64;
        if block.len() < blksize {
            last = block.to_vec();
        }
    });
    assert_eq!((result, got), (Ok(()), size));
    assert!(last.ends_with(b"the end"));
}

/// The kernel cannot segment datagrams that exceed the route MTU (`EINVAL`): they are sent one by one.
fn window_arrives_when_blocks_exceed_route_mtu() {
    let Some(setup) = Setup::new("") else { return };
    let file = contents(300_000);
    setup.lab.file("/srv/tftp/large", &file);
    let (server, client) = (setup.lab.host("server"), setup.client());
    let arrives = |how: &str| {
        for windowsize in [2, 16, 64] {
            let download = Download { file: "large", windowsize, ..Download::DEFAULT };
            let got = download.bytes(client);
            assert!(
                got.as_ref() == Ok(&file),
                "{how}, {windowsize}: {:?}",
                got.map(|all| all.len())
            );
        }
    };
    arrives("plain");
    server.ip("route change 10.9.0.0/24 dev eth0 mtu 1000");
    arrives("a narrow route");
    server.ip("route change 10.9.0.0/24 dev eth0");
}

/// A file is changed in place while it is sent, and another client requests it.
fn changed_file_is_sent_with_new_contents() {
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file("/srv/tftp/file", "one");
    let first = setup.client().udp("10.9.0.2:0");
    first.send_to(b"\0\x01file\0octet\0", "10.9.0.1:69").expect("the link is up");
    let mut buffer = [0; 600];
    assert_eq!(first.recv(&mut buffer).ok(), Some(7));
    fs::write("/srv/tftp/file", "two and more").expect("the file can be written");
    let file = Download { file: "file", ..Download::DEFAULT };
    assert_eq!(file.bytes(setup.client()), Ok(b"two and more".to_vec()));
    fs::write("/srv/tftp/file", "and much less").expect("the file can be written");
    assert_eq!(file.bytes(setup.client()), Ok(b"and much less".to_vec()));
}

/// All clients send their requests before the first reply.
fn thousand_simultaneous_requests_are_all_answered() {
    const CLIENTS: usize = 8;
    const EACH: usize = 125;
    let Some(setup) = Setup::new("") else { return };
    let daemon = Pid::from_raw(setup.daemon.id().cast_signed());
    kill(daemon, Signal::SIGSTOP).expect("the process exists");
    let sockets: Vec<_> = (0..CLIENTS).map(|_| setup.client().udp("10.9.0.2:0")).collect();
    for nth in 0..EACH {
        for socket in &sockets {
            let request = format!("\0\x01missing-{nth}\0octet\0");
            socket.send_to(request.as_bytes(), "10.9.0.1:69").expect("the link is up");
        }
    }
    kill(daemon, Signal::SIGCONT).expect("the process exists");
    for socket in &sockets {
        let mut buffer = [0; 512];
        for nth in 0..EACH {
            assert!(socket.recv(&mut buffer).is_ok(), "{nth} answers of {EACH}");
        }
    }
}

/// Private memory per open transfer.
fn open_transfer_takes_at_most_four_kilobytes() {
    const OPEN: usize = 300;
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file("/srv/tftp/large", contents(300_000));
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", setup.daemon.id()));
        let status = status.expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("RssAnon"))
            .expect("the kernel has RssAnon");
        line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0_usize)
    };
    let mut buffer = [0; 2048];
    // The client does not acknowledge its window.
    let mut open = || {
        let socket = setup.client().udp("10.9.0.2:0");
        let request = b"\0\x01large\0octet\0blksize\x001468\0tsize\x000\0windowsize\x0016\0";
        socket.send_to(request, "10.9.0.1:69").expect("the link is up");
        let (_, from) = socket.recv_from(&mut buffer).expect("an answer");
        socket.send_to(&[0, 4, 0, 0], from).expect("the link is up");
        for _ in 0..16 {
            let _ = socket.recv(&mut buffer).expect("a window");
        }
        socket
    };
    let mut sockets = vec![open()];
    let before = resident();
    sockets.extend((0..OPEN).map(|_| open()));
    let each = (resident() - before) * 1024 / OPEN;
    assert!(each <= 4096, "{each} bytes");
}
