//! What is tried in the packet process.

use crate::common::lab::Lab;
use crate::target::{Kind, OTHER_SOCKET, Target, end};
use crate::tracee::Refusal;
use std::fs;

/// ptrace(2). C libraries differ in the types of these constants.
const PTRACE_SEIZE: u64 = 0x4206;
/// getrlimit(2)
const RLIMIT_CORE: u64 = 4;

/// A call, and whether it must be possible.
struct Attempt {
    what: &'static str,
    possible: bool,
    run: fn(&Target) -> Result<i64, Refusal>,
}

const fn refused(what: &'static str, run: fn(&Target) -> Result<i64, Refusal>) -> Attempt {
    Attempt { what, possible: false, run }
}

const fn possible(what: &'static str, run: fn(&Target) -> Result<i64, Refusal>) -> Attempt {
    Attempt { what, possible: true, run }
}

const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;
const INET: u64 = libc::AF_INET as u64;
const UNIX: u64 = libc::AF_UNIX as u64;
const STREAM: u64 = libc::SOCK_STREAM as u64;
const DATAGRAM: u64 = libc::SOCK_DGRAM as u64;
const RAW: u64 = libc::SOCK_RAW as u64;
const SERVED: &str = "/srv/tftp/small";

#[rustfmt::skip]
const ATTEMPTS: &[Attempt] = &[
    possible("read its process id",           |t| t.call(libc::SYS_getpid, &[])),
    possible("open a UDP socket",             |t| t.call(libc::SYS_socket, &[INET, DATAGRAM])),
    possible("write a line to syslog",        write_to_syslog),
    refused("open /etc/passwd",               |t| t.call(libc::SYS_openat, &[HERE, t.text("/etc/passwd"), 0])),
    refused("open a served file (openat2)",   |t| t.call(libc::SYS_openat2, &[HERE, t.text(SERVED), t.put(&[0; 24]), 24])),
    refused("open a served file (open)",      |t| t.call(libc::SYS_open, &[t.text(SERVED), 0])),
    refused("open a directory",               |t| t.call(libc::SYS_openat, &[HERE, t.text("/srv/tftp"), libc::O_DIRECTORY as u64])),
    refused("list an open directory",         |t| t.call(libc::SYS_getdents64, &[0, t.put(&[0; 512]), 512])),
    refused("stat a file (newfstatat)",       |t| t.call(libc::SYS_newfstatat, &[HERE, t.text(SERVED), t.put(&[0; 256]), 0])),
    refused("stat a file (statx)",            |t| t.call(libc::SYS_statx, &[HERE, t.text(SERVED), 0, 0x7ff, t.put(&[0; 256])])),
    refused("stat a file (stat)",             |t| t.call(libc::SYS_stat, &[t.text(SERVED), t.put(&[0; 256])])),
    refused("check access to a file",         |t| t.call(libc::SYS_access, &[t.text(SERVED), 0])),
    refused("read a link",                    |t| t.call(libc::SYS_readlink, &[t.text("/proc/self/exe"), t.put(&[0; 256]), 256])),
    refused("remove a file (unlink)",         |t| t.call(libc::SYS_unlink, &[t.text(SERVED)])),
    refused("remove the pid file (unlinkat)", |t| t.call(libc::SYS_unlinkat, &[HERE, t.text("/run/dnsmasq.pid"), 0])),
    refused("rename a file",                  |t| t.call(libc::SYS_rename, &[t.text(SERVED), t.text("/srv/tftp/moved")])),
    refused("create a file in memory",        |t| t.call(libc::SYS_memfd_create, &[t.text("x"), 0])),
    refused("watch a directory",              |t| t.call(libc::SYS_inotify_init1, &[0])),

    refused("connect to a TCP port",          connect_to_tcp_port),
    possible("connect the socket of a transfer to its client", connect_udp_socket),
    refused("connect to a unix socket",       connect_to_unix_socket),
    refused("open a TCP socket",              |t| t.call(libc::SYS_socket, &[INET, STREAM])),
    refused("open a raw socket",              |t| t.call(libc::SYS_socket, &[INET, RAW, 1])),
    refused("open a unix datagram socket",    |t| t.call(libc::SYS_socket, &[UNIX, DATAGRAM])),
    refused("open a unix stream",             |t| t.call(libc::SYS_socket, &[UNIX, STREAM])),
    refused("open two unix sockets",          |t| t.call(libc::SYS_socketpair, &[UNIX, STREAM, 0, t.put(&[0; 8])])),
    refused("open a packet socket",           |t| t.call(libc::SYS_socket, &[libc::AF_PACKET as u64, RAW, 0x300])),
    refused("open a netlink socket",          |t| t.call(libc::SYS_socket, &[libc::AF_NETLINK as u64, RAW, 0])),
    refused("open a firewall socket",         |t| t.call(libc::SYS_socket, &[libc::AF_NETLINK as u64, RAW, 12])),
    refused("add an address by a held netlink socket", add_address),
    refused("send a frame by a held packet socket", send_frame),
    refused("send with an address to a unix socket (sendmsg)", sendmsg_to_other_socket),
    refused("send with an address to a unix socket (sendto)", sendto_other_socket),
    refused("replace a firewall table",       |t| set_option(t, libc::IPPROTO_IP, 64)),
    refused("attach a filter",                |t| set_option(t, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER)),
    refused("bind a socket to an interface",  |t| set_option(t, libc::SOL_SOCKET, libc::SO_BINDTODEVICE)),

    refused("send a signal to the file process", |t| t.call(libc::SYS_kill, &[t.helper("pxemasq-files")?, 0])),
    refused("send a signal to the host process", |t| t.call(libc::SYS_kill, &[t.helper("pxemasq-host")?, 0])),
    refused("send a signal to process 1",     |t| t.call(libc::SYS_kill, &[1, 0])),
    refused("send a signal to a thread of process 1", |t| t.call(libc::SYS_tgkill, &[1, 1, 0])),
    refused("open process 1",                 |t| t.call(libc::SYS_pidfd_open, &[1, 0])),
    refused("trace the file process",         |t| t.call(libc::SYS_ptrace, &[PTRACE_SEIZE, t.helper("pxemasq-files")?])),
    refused("write to memory of the file process", |t| t.call(libc::SYS_process_vm_writev, &[t.helper("pxemasq-files")?])),
    refused("start a process (clone)",        |t| start_process(t, libc::SYS_clone)),
    refused("start a process (fork)",         |t| start_process(t, libc::SYS_fork)),
    refused("start a program",                start_program),
    refused("become root",                    |t| t.call(libc::SYS_setuid, &[0])),
    refused("become a member of root's group", |t| t.call(libc::SYS_setgid, &[0])),
    refused("change its groups",              |t| t.call(libc::SYS_setgroups, &[0, 0])),
    refused("raise capabilities",             raise_capabilities),
    refused("enter a user namespace",         |t| t.call(libc::SYS_unshare, &[libc::CLONE_NEWUSER as u64])),
    refused("map executable memory",          |t| t.call(libc::SYS_mmap, &[0, 4096, 7, 0x22, u64::MAX, 0])),
    refused("use io_uring",                   |t| t.call(libc::SYS_io_uring_setup, &[4, t.put(&[0; 128])])),
    refused("allow ptrace and core files",    |t| t.call(libc::SYS_prctl, &[libc::PR_SET_DUMPABLE as u64, 1])),
    refused("set a limit",                    |t| t.call(libc::SYS_prlimit64, &[0, RLIMIT_CORE, t.put(&[0; 16]), 0])),
    refused("copy a descriptor",              |t| t.call(libc::SYS_dup, &[0])),
    refused("open a pipe",                    |t| t.call(libc::SYS_pipe2, &[t.put(&[0; 8]), 0])),
];

/// Tries everything, and prints it; the results that are not as they must be.
pub fn faults(lab: &Lab) -> Vec<String> {
    let target = Target::new(lab);
    let mut faults = Vec::new();
    for attempt in ATTEMPTS {
        let result = (attempt.run)(&target);
        let line = format!("{}: {}", attempt.what, described(result));
        println!("{line}");
        if is_refused(result) == attempt.possible || is_inconclusive(result) {
            faults.push(line);
        }
    }
    target.with(|_| ());
    if !target.serves_after_detach() {
        faults.push("the daemon does not serve after it was traced".to_owned());
    }
    assert!(fs::exists(SERVED).expect("the directory is readable"), "{SERVED} was removed");
    faults
}

/// By a restriction of this process: it is killed in debug builds, and gets `ENOSYS` in others. Other errors may have other
/// reasons, such as the permissions of a file.
fn is_refused(result: Result<i64, Refusal>) -> bool {
    let by_filter = [Refusal::Killed, Refusal::Errno(libc::ENOSYS)];
    let without_effect = [Refusal::NotHeld, Refusal::NoEffect];
    result.is_err_and(|refusal| by_filter.contains(&refusal) || without_effect.contains(&refusal))
}

fn is_inconclusive(result: Result<i64, Refusal>) -> bool {
    result.is_err() && !is_refused(result)
}

fn described(result: Result<i64, Refusal>) -> String {
    match result {
        Ok(value) => format!("possible ({value})"),
        Err(Refusal::Killed) => "refused (the process was killed)".to_owned(),
        Err(Refusal::NoEffect) => "refused (no effect)".to_owned(),
        Err(Refusal::NotHeld) => "refused (it holds no such socket)".to_owned(),
        Err(Refusal::NoProcess) => "not tried (the process does not run)".to_owned(),
        Err(Refusal::Errno(error)) => {
            format!("error {}", nix::errno::Errno::from_raw(error))
        }
    }
}

fn number(value: i64) -> u64 {
    value.cast_unsigned()
}

/// `sockaddr_in` of a port of the client.
fn client_address(port: u16) -> Vec<u8> {
    let family = u16::try_from(libc::AF_INET).expect("it is small").to_ne_bytes();
    [&family[..], &port.to_be_bytes(), &[10, 9, 0, 2], &[0; 8]].concat()
}

/// `sockaddr_un` of a path.
fn unix_address(path: &str) -> Vec<u8> {
    let family = u16::try_from(libc::AF_UNIX).expect("it is small").to_ne_bytes();
    [&family[..], path.as_bytes(), b"\0"].concat()
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("it is short")
}

fn connect(target: &Target, family: u64, kind: u64, address: &[u8]) -> Result<i64, Refusal> {
    let socket = number(target.call(libc::SYS_socket, &[family, kind])?);
    target.call(libc::SYS_connect, &[socket, target.put(address), length(address)])
}

fn connect_to_tcp_port(target: &Target) -> Result<i64, Refusal> {
    connect(target, INET, STREAM, &client_address(80))
}

fn connect_udp_socket(target: &Target) -> Result<i64, Refusal> {
    connect(target, INET, DATAGRAM, &client_address(80))
}

fn connect_to_unix_socket(target: &Target) -> Result<i64, Refusal> {
    connect(target, UNIX, DATAGRAM, &unix_address(OTHER_SOCKET))
}

/// Sets an option of a new UDP socket.
fn set_option(target: &Target, level: i32, option: i32) -> Result<i64, Refusal> {
    let socket = number(target.call(libc::SYS_socket, &[INET, DATAGRAM])?);
    let value = target.text("eth0");
    let [level, option] = [level, option].map(|number| u64::from(number.cast_unsigned()));
    target.call(libc::SYS_setsockopt, &[socket, level, option, value, 5])
}

/// Sends a line on each datagram socket that it holds; one is that of syslog.
fn write_to_syslog(target: &Target) -> Result<i64, Refusal> {
    const LINE: &str = "<30>Jan  1 00:00:00 dnsmasq[1]: injected";
    for socket in target.held(Kind::UnixDatagram) {
        target.call(
            libc::SYS_sendto,
            &[socket, target.text(LINE), length(LINE.as_bytes()), 0, 0, 0],
        )?;
    }
    let arrived = || target.lab.syslog().iter().any(|line| line.ends_with("injected")).then_some(1);
    crate::common::lab::eventually(std::time::Duration::from_secs(2), arrived)
        .ok_or(Refusal::NotHeld)
}

/// Adds an address by each netlink socket that it holds.
fn add_address(target: &Target) -> Result<i64, Refusal> {
    const ADDRESS: [u8; 4] = [10, 77, 0, 1];
    // nlmsghdr (rtnetlink(7)): length, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE; ifaddrmsg; IFA_LOCAL.
    let body = [&[2, 32, 0, 0], &1_u32.to_ne_bytes()[..], &[8, 0, 2, 0], &ADDRESS].concat();
    let size = u32::try_from(16 + body.len()).expect("it is short");
    let header =
        [&size.to_ne_bytes()[..], &20_u16.to_ne_bytes(), &0x405_u16.to_ne_bytes(), &[0; 8]];
    let message = [&header.concat()[..], &body].concat();
    let mut refusal = Refusal::NotHeld;
    for socket in target.held(Kind::Netlink) {
        let at = target.put(&message);
        match target.call(libc::SYS_sendto, &[socket, at, length(&message), 0, 0, 0]) {
            Ok(_) => refusal = Refusal::NoEffect,
            Err(refused) => return Err(refused),
        }
    }
    // The answer of the kernel is not read: only the address counts.
    let addresses = target.lab.host("server").ip("-4 addr show");
    if addresses.contains("10.77.0.1") { Ok(0) } else { Err(refusal) }
}

/// Sends an IPv4 packet to all hosts by each packet socket that it holds.
fn send_frame(target: &Target) -> Result<i64, Refusal> {
    let link = target.lab.host("server").ip("-oneline link show eth0");
    let index = link.split(':').next().and_then(|index| index.parse::<i32>().ok()).expect("a link");
    let family = u16::try_from(libc::AF_PACKET).expect("it is small").to_ne_bytes();
    // sockaddr_ll (packet(7)).
    let address = [
        &family[..],
        &0x0800_u16.to_be_bytes(),
        &index.to_ne_bytes(),
        &[0, 0, 0, 6],
        &[0xff; 6],
        &[0; 2],
    ];
    let address = address.concat();
    let mut sent = Err(Refusal::NotHeld);
    for socket in target.held(Kind::Packet) {
        let packet = target.put(&[0x45; 40]);
        let to = target.put(&address);
        sent = target.call(libc::SYS_sendto, &[socket, packet, 40, 0, to, length(&address)]);
    }
    sent
}

fn sendmsg_to_other_socket(target: &Target) -> Result<i64, Refusal> {
    let address = unix_address(OTHER_SOCKET);
    let part = [target.put(b"x"), 1].map(u64::to_ne_bytes).concat();
    let fields = [target.put(&address), length(&address), target.put(&part), 1, 0, 0, 0];
    let message = fields.map(u64::to_ne_bytes).concat();
    send_to_other_socket(target, |target, socket| {
        target.call(libc::SYS_sendmsg, &[socket, target.put(&message), 0])
    })
}

fn sendto_other_socket(target: &Target) -> Result<i64, Refusal> {
    let address = unix_address(OTHER_SOCKET);
    send_to_other_socket(target, |target, socket| {
        let (byte, to) = (target.put(b"x"), target.put(&address));
        target.call(libc::SYS_sendto, &[socket, byte, 1, 0, to, length(&address)])
    })
}

/// Sends on each datagram socket that the process holds. Only a message that arrives counts as success.
fn send_to_other_socket(
    target: &Target,
    send: impl Fn(&Target, u64) -> Result<i64, Refusal>,
) -> Result<i64, Refusal> {
    let mut result = Err(Refusal::NotHeld);
    for socket in target.held(Kind::UnixDatagram) {
        result = send(target, socket);
        if result == Err(Refusal::Killed) {
            break;
        }
    }
    let arrived = target.other_socket.recv(&mut [0; 8]).is_ok();
    if arrived { Ok(1) } else { result }
}

/// A new process is ended at once.
fn start_process(target: &Target, call: i64) -> Result<i64, Refusal> {
    let child = target.call(call, &[libc::SIGCHLD as u64])?;
    end(child);
    Ok(child)
}

/// After it, the process is another program.
fn start_program(target: &Target) -> Result<i64, Refusal> {
    let result = target.call(libc::SYS_execve, &[target.text("/bin/true"), 0, 0]);
    if result.is_ok() {
        target.stop();
    }
    result
}

/// `capset` (capabilities(7)): version 3, this process; effective, permitted and inheritable sets.
fn raise_capabilities(target: &Target) -> Result<i64, Refusal> {
    let header = target.put(&[0x2008_0522_u32, 0].map(u32::to_ne_bytes).concat());
    let sets = target.put(&[u32::MAX; 6].map(u32::to_ne_bytes).concat());
    target.call(libc::SYS_capset, &[header, sets])
}
