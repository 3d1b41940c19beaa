//! A disk below the root, with the hosts file or with the log, that does not answer for any time.

use crate::common::download::Download;
use crate::common::lab::{Lab, eventually};
use crate::common::measure::family;
use crate::common::required;
use crate::common::slow_disk::{self, Hang, HangKind, SlowDisk};
use crate::setup::{CLIENT, Client, Moment, OTHER_CLIENT, SERVER, Setup, TIMEOUT};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

crate::tests![
    requests_to_hanging_file_server_do_not_delay_others,
    requests_to_hanging_user_space_disk_do_not_delay_others,
    requests_to_hanging_block_device_do_not_delay_others,
    requests_of_100_clients_to_hanging_block_device_do_not_delay_others,
    hanging_root_does_not_delay_boot_replies,
    daemon_ends_on_sigterm_while_file_server_hangs,
    daemon_ends_on_sigterm_while_user_space_disk_hangs,
    daemon_ends_on_sigterm_while_block_device_hangs,
    sighup_with_hosts_file_on_hanging_file_server_does_not_delay_clients,
    sighup_with_hosts_file_on_hanging_disk_does_not_delay_clients,
    sigusr2_with_log_on_hanging_file_server_does_not_delay_clients,
    sigusr2_with_log_on_hanging_disk_does_not_delay_clients,
];

/// Contents of the file on the disk.
const FOUND: &[u8] = b"found";
const DISK: &str = "/srv/tftp/slow";
/// Requests to the hanging disk.
const WAITING: usize = 300;

/// The kind of the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file system in user space, which dnsmasq and pxemasq can know to be remote.
    UserSpace,
    /// ext4 on a loop device over a file of such a file system: all that the program sees is a local disk.
    BlockDevice,
}

/// Mounts a disk with the file `file` below the root.
fn mount_disk(fuse: File, lab: &Lab, kind: Kind, hang: &Hang) -> Result<(), String> {
    let (place, name, contents) = match kind {
        Kind::UserSpace => (DISK, "file", FOUND.to_vec()),
        Kind::BlockDevice => ("/home/backing", "image", image(lab)?),
    };
    lab.file(&format!("{place}/.directory"), "");
    mount(fuse, place, &[(name, contents)], hang)?;
    if kind == Kind::BlockDevice { attach(lab, "/home/backing/image") } else { Ok(()) }
}

fn mount(fuse: File, place: &str, files: &[(&str, Vec<u8>)], hang: &Hang) -> Result<(), String> {
    let files = files.iter().map(|(name, contents)| ((*name).to_owned(), contents.clone()));
    let none = Duration::ZERO;
    let disk = SlowDisk { files: files.collect(), reading: none, opening: none, broken: None };
    disk.mount_with(fuse, place, hang.clone())
}

/// An ext4 image with a file.
fn image(lab: &Lab) -> Result<Vec<u8>, String> {
    lab.file("/run/contents/file", FOUND);
    shell(lab, "mkfs.ext4 -q -O ^has_journal -d /run/contents /run/image 2M")?;
    fs::read("/run/image").map_err(|fault| fault.to_string())
}

/// Mounts an image by a loop device that reads past the page cache, so that each first read is one of the disk. The device is
/// released when the file system is unmounted.
fn attach(lab: &Lab, image: &str) -> Result<(), String> {
    shell(
        lab,
        &format!(
            "mount -t devtmpfs devices /dev
            device=$(losetup --find --show --read-only --direct-io=on {image})
            mount -t ext4 -o ro $device {DISK} || failed=1
            blockdev --flushbufs $device
            losetup -d $device; umount -l /dev; test -z \"${{failed-}}\""
        ),
    )
}

fn shell(lab: &Lab, script: &str) -> Result<(), String> {
    let mut shell = Command::new("sh");
    let run = || shell.args(["-euc", script]).output();
    let output = lab.host("server").inside(run).map_err(|fault| fault.to_string())?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{script}: {complaint}")) }
}

/// A running program, and a disk below its root that can hang. It is mounted after the start, so that no name is in the caches
/// of the kernel.
fn setup(kind: Kind) -> Option<(Setup, Hang)> {
    let (fuse, hang) = (required(slow_disk::device())?, Hang::default());
    let setup = Setup::with("", &[], &[], |lab| lab.file(&format!("{DISK}/.directory"), ""))?;
    // The answer shows that the start has ended.
    setup.get("none").expect_err("there is no such file");
    required(mount_disk(fuse, &setup.lab, kind, &hang))?;
    Some((setup, hang))
}

/// Sends a request for the file on the disk.
fn ask(setup: &Setup, address: &str) -> UdpSocket {
    let socket = setup.client().udp(&format!("{address}:0"));
    socket.send_to(b"\0\x01slow/file\0octet\0", (SERVER, 69)).expect("the link is up");
    socket
}

/// Waits until a thread of the program opens a file on the disk.
fn wait_until_reached(setup: &Setup, hang: &Hang) {
    let reached = || (hang.has_waiting() && looks_up_name(setup.id())).then_some(());
    assert!(
        eventually(TIMEOUT, reached).is_some(),
        "the program does not wait: {:?}",
        calls(setup.id())
    );
}

/// Whether a thread of the daemon is in a system call that looks for a name.
fn looks_up_name(daemon: u32) -> bool {
    const LOOK_UPS: &[libc::c_long] = &[
        libc::SYS_openat,
        libc::SYS_openat2,
        // Used by musl.
        #[cfg(target_arch = "x86_64")]
        libc::SYS_stat,
        libc::SYS_statx,
        libc::SYS_newfstatat,
        libc::SYS_readlinkat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_readlink,
    ];
    let is_look_up = |call: &String| LOOK_UPS.iter().any(|look_up| *call == look_up.to_string());
    calls(daemon).iter().any(is_look_up)
}

/// The numbers of the system calls in which the threads of the daemon are.
fn calls(daemon: u32) -> Vec<String> {
    let threads =
        |id: u32| fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let call = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    family(daemon).into_iter().flat_map(threads).map(call).collect()
}

fn boot_other(setup: &Setup) {
    setup.boot(Client { address: OTHER_CLIENT, server: SERVER }, Moment::AfterReply, || ());
}

/// A request of the other client: D-035 does not limit it by the requests of the first one.
fn get_other(setup: &Setup, file: &str) -> Result<(), String> {
    let socket = setup.client().udp(&format!("{OTHER_CLIENT}:0"));
    Download { file, ..Download::DEFAULT }.get_with(socket, |_| ())
}

/// Hundreds of requests of these clients wait. Another client boots; when the disk is back, those that waited get the file.
fn check_others(kind: Kind, how: HangKind, clients: &[String]) {
    let Some((setup, hang)) = setup(kind) else { return };
    for client in clients.iter().filter(|client| *client != CLIENT) {
        setup.client().ip(&format!("addr add {client}/24 dev c0"));
    }
    let hanging = hang.start(how);
    let asking = clients.iter().cycle().take(WAITING);
    let waiting: Vec<UdpSocket> = asking.map(|client| ask(&setup, client)).collect();
    wait_until_reached(&setup, &hang);
    for _ in 0..3 {
        boot_other(&setup);
    }
    assert_eq!(
        get_other(&setup, "none"),
        Err("1 file /srv/tftp/none not found for 10.9.0.3\0".into())
    );
    for socket in &waiting {
        socket.set_nonblocking(true).expect("a socket");
        let received = socket.recv(&mut [0; 600]).map_err(|fault| fault.kind());
        assert_eq!(received, Err(ErrorKind::WouldBlock), "an answer from a disk that hangs");
    }
    drop(hanging);
    assert_served(waiting, b"\0\x01slow/file\0octet\0");
    setup.assert_serves();
}

/// Repeats the requests that are not answered until every client has the file.
fn assert_served(mut waiting: Vec<UdpSocket>, request: &[u8]) {
    for socket in &waiting {
        socket.set_nonblocking(true).expect("a socket");
    }
    let mut asked = Instant::now();
    let served = || {
        waiting.retain(|socket| !is_served(socket));
        if asked.elapsed() > Duration::from_millis(500) {
            asked = Instant::now();
            for socket in &waiting {
                socket.send_to(request, (SERVER, 69)).expect("the link is up");
            }
        }
        waiting.is_empty().then_some(())
    };
    eventually(TIMEOUT * 3, served).expect("the file is sent when the disk is back");
}

/// Whether the file has arrived; it is acknowledged.
fn is_served(socket: &UdpSocket) -> bool {
    let mut buffer = [0; 600];
    let Ok((size, peer)) = socket.recv_from(&mut buffer) else { return false };
    assert_eq!(&buffer[..size], [b"\0\x03\0\x01", FOUND].concat());
    socket.send_to(b"\0\x04\0\x01", peer).expect("the link is up");
    true
}

fn requests_to_hanging_file_server_do_not_delay_others() {
    check_others(Kind::UserSpace, HangKind::NotRead, &[CLIENT.to_owned()]);
}

fn requests_to_hanging_user_space_disk_do_not_delay_others() {
    check_others(Kind::UserSpace, HangKind::NotAnswered, &[CLIENT.to_owned()]);
}

fn requests_to_hanging_block_device_do_not_delay_others() {
    check_others(Kind::BlockDevice, HangKind::NotAnswered, &[CLIENT.to_owned()]);
}

fn requests_of_100_clients_to_hanging_block_device_do_not_delay_others() {
    let clients: Vec<String> = (100..200).map(|nth| format!("10.9.0.{nth}")).collect();
    check_others(Kind::BlockDevice, HangKind::NotAnswered, &clients);
}

/// Every name is below the disk. proxyDHCP needs no file.
fn hanging_root_does_not_delay_boot_replies() {
    let (config, file) = ("tftp-root=/home/slow\n", ("file", FOUND.to_vec()));
    let Some((setup, hang)) = setup_with_files(config, &[], file) else { return };
    let hanging = hang.start(HangKind::NotAnswered);
    let socket = setup.client().udp(&format!("{CLIENT}:0"));
    socket.send_to(b"\0\x01file\0octet\0", (SERVER, 69)).expect("the link is up");
    wait_until_reached(&setup, &hang);
    let packets = crate::common::packet::PacketSocket::new(setup.client());
    let booted = || crate::setup::rom(&packets).boot().ok();
    let reply = eventually(TIMEOUT, booted).expect("a boot reply while the disk hangs");
    assert_eq!(reply.file, "pxelinux.0");
    drop(hanging);
    assert_served(vec![socket], b"\0\x01file\0octet\0");
}

/// The main process ends, and its ports are free; a process that waits for a disk and cannot be killed ends after that.
fn check_end(kind: Kind, how: HangKind) {
    let Some((mut setup, hang)) = setup(kind) else { return };
    let processes = family(setup.id());
    let hanging = hang.start(how);
    let _socket = ask(&setup, CLIENT);
    wait_until_reached(&setup, &hang);
    signal(setup.id(), Signal::SIGTERM);
    let ended = eventually(TIMEOUT, || setup.ended());
    assert_eq!(ended.map(|status| status.code()), Some(Some(0)), "while the disk hangs");
    let logged = || setup.has_logged("exiting on receipt of SIGTERM").then_some(());
    assert!(eventually(TIMEOUT, logged).is_some(), "{:#?}", setup.lab.syslog());
    for port in [67, 69, 4011] {
        assert!(!setup.server().listens_on_udp(port), "{port} is bound");
    }
    drop(hanging);
    for id in processes {
        let gone = || (!fs::exists(format!("/proc/{id}")).unwrap_or(true)).then_some(());
        eventually(TIMEOUT, gone).unwrap_or_else(|| panic!("process {id} runs"));
    }
}

fn daemon_ends_on_sigterm_while_file_server_hangs() {
    check_end(Kind::UserSpace, HangKind::NotRead);
}

fn daemon_ends_on_sigterm_while_user_space_disk_hangs() {
    check_end(Kind::UserSpace, HangKind::NotAnswered);
}

fn daemon_ends_on_sigterm_while_block_device_hangs() {
    check_end(Kind::BlockDevice, HangKind::NotAnswered);
}

/// A running program with files of its own on a disk that can hang.
fn setup_with_files(config: &str, words: &[&str], file: (&str, Vec<u8>)) -> Option<(Setup, Hang)> {
    let (fuse, hang) = (required(slow_disk::device())?, Hang::default());
    let mut mounted = Ok(());
    let ready = |lab: &Lab| {
        lab.file("/home/slow/.directory", "");
        mounted = mount(fuse, "/home/slow", &[file], &hang);
    };
    let setup = Setup::with(config, words, &[], ready)?;
    required(mounted)?;
    Some((setup, hang))
}

fn check_sighup(how: HangKind) {
    let hosts = ("hosts", b"02:00:00:00:00:77,192.0.2.7\n".to_vec());
    let config = "dhcp-hostsfile=/home/slow/hosts\n";
    let Some((setup, hang)) = setup_with_files(config, &[], hosts) else { return };
    let count = || {
        let lines = setup.lab.syslog();
        lines.iter().filter(|line| line.ends_with("read /home/slow/hosts")).count()
    };
    eventually(TIMEOUT, || (count() == 1).then_some(())).expect("the file is read at the start");
    let hanging = hang.start(how);
    signal(setup.id(), Signal::SIGHUP);
    wait_until_reached(&setup, &hang);
    boot_other(&setup);
    assert_eq!(count(), 1);
    drop(hanging);
    let read = || (count() == 2).then_some(());
    eventually(TIMEOUT, read).unwrap_or_else(|| panic!("{:#?}", setup.lab.syslog()));
    setup.assert_serves();
}

fn sighup_with_hosts_file_on_hanging_file_server_does_not_delay_clients() {
    check_sighup(HangKind::NotRead);
}

fn sighup_with_hosts_file_on_hanging_disk_does_not_delay_clients() {
    check_sighup(HangKind::NotAnswered);
}

fn check_sigusr2(how: HangKind) {
    let words = ["-8", "/home/slow/log"];
    let Some((setup, hang)) = setup_with_files("", &words, ("log", Vec::new())) else { return };
    boot_other(&setup);
    let hanging = hang.start(how);
    signal(setup.id(), Signal::SIGUSR2);
    wait_until_reached(&setup, &hang);
    for _ in 0..3 {
        boot_other(&setup);
    }
    drop(hanging);
    setup.assert_serves();
}

fn sigusr2_with_log_on_hanging_file_server_does_not_delay_clients() {
    check_sigusr2(HangKind::NotRead);
}

fn sigusr2_with_log_on_hanging_disk_does_not_delay_clients() {
    check_sigusr2(HangKind::NotAnswered);
}

fn signal(id: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(id).expect("a process id"));
    kill(pid, signal).expect("it runs");
}
