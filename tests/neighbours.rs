//! The kernel's neighbour table is full. It is the same table for all network namespaces of the machine, so this test has a
//! binary of its own: `cargo test` runs one binary after the other.

mod common;

use common::boot_rom::parse_request;
use common::harness::skip;
use common::lab::{Lab, Process, eventually, record};
use common::packet::PacketSocket;
use common::{required, subject, two_hosts};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

crate::tests![full_table_is_reported_for_dhcp_and_tftp_and_new_client_gets_an_entry,];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const TFTP_CONFIG: &str = "/srv/tftp.conf";
const MAX_LIMIT: usize = 16_384;
/// Clients that send a DISCOVER while the table is full.
const CLIENTS: usize = 15;
/// Lines about dropped replies within ten seconds.
const MAX_LINES: usize = 10;
const DROPPED: &str = "Error sending DHCP packet to 255.255.255.255: No buffer space available";

/// A program for DHCP and one for TFTP on the same host. The notices come within ten seconds.
fn full_table_is_reported_for_dhcp_and_tftp_and_new_client_gets_an_entry() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let Some(limit) = required(limit(&lab)) else { return };
    if limit > MAX_LIMIT {
        return skip(format!("the neighbour table may have {limit} entries, too many for a test"));
    }
    lab.file(two_hosts::CONFIG, "port=0\ndhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Lab,lab\n");
    lab.file(TFTP_CONFIG, "port=0\nenable-tftp\ntftp-root=/srv/tftp\n");
    let dhcp = two_hosts::start(&lab, &["-u", "root", "-x", ""], &[], &[67, 4011]);
    let tftp = start_tftp(&lab);
    let ids = [dhcp.id(), tftp.id()];
    let packets = PacketSocket::new(lab.host("client"));
    discover(&packets, 0);
    let answered = || (!packets.received().is_empty()).then_some(());
    eventually(Duration::from_secs(5), answered).expect("the table has space");
    lab.take_syslog();

    fill(&lab, limit + 100);
    let start = Instant::now();
    (1..=CLIENTS).for_each(|client| discover(&packets, client));
    request_file(&packets);
    let full = format!(" entries, limit {limit}, ");
    let is_notice = |line: &String| {
        line.starts_with("the kernel's neighbour table is full: ") && line.contains(&full)
    };
    let reported = |id: u32| lines(&lab, id).iter().any(is_notice);
    let both = || ids.into_iter().all(reported).then_some(());
    let found = eventually(Duration::from_secs(10), both);
    let served = found.map(|()| serve_client_without_entry(&lab, &packets, &dhcp));
    // Other programs of this machine need the table too.
    lab.host("server").ip("neigh flush dev eth0");
    let lines_of_both = ids.map(|id| lines(&lab, id));
    assert!(found.is_some(), "{:?}: {lines_of_both:#?}", start.elapsed());
    let command = "Set a higher limit on this machine, outside of containers: sysctl -w net.ipv4.neigh.default.gc_thresh1=";
    for lines in &lines_of_both {
        let notices = lines.iter().filter(|line| line.contains(command)).count();
        assert_eq!(notices, 1, "{lines:#?}");
    }
    let dropped = lines_of_both[0].iter().filter(|line| *line == DROPPED).count();
    assert_eq!(dropped, MAX_LINES, "{lines_of_both:#?}");
    assert_eq!(served, Some(Ok(())), "{lines_of_both:#?}");
}

/// A client that requests a lease gets an entry although the table is full, so that a reply to its address is sent. The entries
/// are removed at the end of the program.
fn serve_client_without_entry(
    lab: &Lab,
    packets: &PacketSocket,
    program: &Process,
) -> Result<(), &'static str> {
    let server = lab.host("server");
    let entries = || {
        let all = ["10.9.0.88", "255.255.255.255"];
        all.map(|address| server.ip(&format!("neigh show {address} nud all"))).concat()
    };
    let send = |words: &str| {
        let client = "mac=02:00:00:00:02:01 arch=0 class=PXEClient:Arch:00000:UNDI:002001";
        let request = parse_request(&format!("REQUEST {words} {client}"));
        packets.send("eth0", request.from, request.to, &request.bytes);
    };
    let replied = |to: &str| {
        let to: Ipv4Addr = to.parse().expect("an address");
        let is_reply = || packets.received().iter().any(|one| *one.to.ip() == to).then_some(());
        eventually(Duration::from_secs(2), is_reply)
    };
    packets.received();
    send("from=0.0.0.0:68 50=0a090058");
    let added = || entries().contains("extern_learn").then_some(());
    eventually(Duration::from_secs(2), added).ok_or("no entry was added")?;
    send("port=4011 from=10.9.0.88:4011 to=10.9.0.1 ciaddr=10.9.0.88");
    replied("10.9.0.88").ok_or("no reply to the address")?;
    discover(packets, 0);
    replied("255.255.255.255").ok_or("no broadcast reply")?;
    let pid = Pid::from_raw(program.id().cast_signed());
    kill(pid, Signal::SIGTERM).map_err(|_| "the program has ended")?;
    let removed = || (!entries().contains("extern_learn")).then_some(());
    eventually(Duration::from_secs(2), removed).ok_or("the entries are not removed")
}

fn start_tftp(lab: &Lab) -> Process {
    let mut command = Command::new(subject());
    command.args(["-k", "--group=", "-u", "root", "-x", "", "-C", TFTP_CONFIG]);
    let server = lab.host("server");
    let daemon = server.spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let listens = || server.listens_on_udp(69).then_some(());
    eventually(Duration::from_secs(5), listens).expect("the server starts");
    daemon
}

/// The maximum number of entries (`gc_thresh3`).
fn limit(lab: &Lab) -> Result<usize, String> {
    let table = lab.host("server").ip("ntable show name arp_cache");
    let mut words = table.split_whitespace().skip_while(|word| *word != "thresh3").skip(1);
    let limit = words.next().and_then(|limit| limit.parse().ok());
    limit.ok_or_else(|| "the kernel does not report the limit of its neighbour table".to_owned())
}

/// Adds entries to the server's end of the link until the kernel refuses one, which `ip` ignores.
fn fill(lab: &Lab, count: usize) {
    let entry = |nth: usize| {
        let [high, low] = u16::try_from(nth).expect("a small table").to_be_bytes();
        format!(
            "neigh replace 10.8.{high}.{low} lladdr 02:08:00:00:{high:02x}:{low:02x} dev eth0 nud reachable\n"
        )
    };
    let entries: String = (0..count).map(entry).collect();
    lab.host("server").inside(|| {
        let mut command = Command::new("ip");
        command.args(["-force", "-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut ip = command.spawn().expect("ip is installed");
        ip.stdin
            .take()
            .expect("it is piped")
            .write_all(entries.as_bytes())
            .expect("ip reads all lines");
        ip.wait().expect("it is our child");
    });
}

fn discover(packets: &PacketSocket, client: usize) {
    let words = format!(
        "mac=02:00:00:00:01:{client:02x} arch=0 class=PXEClient:Arch:00000:UNDI:002001 flags=8000"
    );
    let request = parse_request(&format!("DISCOVER from=0.0.0.0:68 {words}"));
    packets.send("eth0", request.from, request.to, &request.bytes);
}

fn request_file(packets: &PacketSocket) {
    let [from, to] =
        ["10.9.0.77:2000", "10.9.0.1:69"].map(|address| address.parse().expect("valid"));
    packets.send("eth0", from, to, b"\0\x01small\0octet\0");
}

/// The texts in the log of one process.
fn lines(lab: &Lab, id: u32) -> Vec<String> {
    let of_process = |line: &String| line.contains(&format!("[{id}]: "));
    let lines = lab.syslog();
    lines.iter().filter(|line| of_process(line)).map(|line| record(line).2.to_owned()).collect()
}
