//! A correct server, into which a test introduces a mistake, and a client that boots from it as firmware does.

use super::common::boot_files::{X64, efi_application};
use super::common::boot_rom::{BootRom, parse_request};
use super::common::download::Download;
use super::common::lab::{Lab, Process, eventually, record};
use super::common::packet::PacketSocket;
use super::common::server_host::ServerHost;
use super::common::subject;
use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

pub const CONFIG: &str = "/srv/dnsmasq.conf";
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 50);
const JOURNAL: &str = "/srv/journal";
const GOOD: &str = "\
port=0
dhcp-range=192.168.77.0,proxy
interface=eth0
enable-tftp
tftp-root=/srv/tftp
dhcp-match=set:ipxe,175
dhcp-boot=tag:ipxe,http://192.168.77.1/menu.ipxe
pxe-service=tag:!ipxe,x86PC,Network,bios/pxelinux.0
pxe-service=tag:!ipxe,x86-64_EFI,Network,boot.efi
pxe-service=tag:!ipxe,BC_EFI,Network,boot.efi
";
/// Time within which the server answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Kind of client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    X64,
    Arm,
    /// Firmware that loads iPXE, which requests a boot file again, three times.
    ChainedIpxe,
    /// Firmware that cannot start its boot file, and loads it three times.
    Restarting,
}

pub struct Scene {
    lab: Lab,
    config: String,
    pub firmware: Firmware,
    /// Whether the DHCP server of the router offers a boot file too.
    pub router_boots: bool,
    port_owner: Option<UdpSocket>,
    server: Option<Process>,
    interface_down: Option<String>,
    dropped_port: Option<u16>,
}

impl Scene {
    pub fn new() -> Result<Self, String> {
        let lab = Lab::new(["server", "client"])?;
        lab.file("/srv/tftp/bios/pxelinux.0", [0xfa, 0x31, 0xc0]);
        lab.file("/srv/tftp/boot.efi", efi_application(X64, b""));
        Ok(Self {
            lab,
            config: GOOD.to_owned(),
            firmware: Firmware::X64,
            router_boots: false,
            port_owner: None,
            server: None,
            interface_down: None,
            dropped_port: None,
        })
    }

    pub fn swap(&mut self, from: &str, to: &str) {
        assert!(self.config.contains(from), "{from}");
        self.config = self.config.replace(from, to);
    }

    /// Removes all lines that begin with a keyword.
    pub fn without(&mut self, keyword: &str) {
        let kept = self.config.lines().filter(|line| !line.starts_with(keyword));
        self.config = kept.map(|line| format!("{line}\n")).collect();
    }

    pub fn add(&mut self, lines: &str) {
        self.config += lines;
    }

    pub fn file(&self, path: &str) {
        self.lab.file(path, "boot me");
    }

    /// Writes an EFI application with these data.
    pub fn efi_application(&self, path: &str, machine: u16, data: &[u8]) {
        self.lab.file(path, efi_application(machine, data));
    }

    pub fn write(&self, path: &str, text: &str) {
        self.lab.file(path, text);
    }

    pub fn replace_by_link(&self, path: &str, target: &str) {
        fs::remove_file(path).expect("there is such a file");
        self.lab.link(target, path);
    }

    pub fn drop_port(&mut self, port: u16) {
        self.dropped_port = Some(port);
    }

    pub fn switch_off(&mut self, interface: &str) {
        self.interface_down = Some(interface.to_owned());
    }

    pub fn take_port(&mut self, port: u16) {
        self.port_owner = Some(self.lab.host("server").udp(&format!("0.0.0.0:{port}")));
    }

    /// Starts the server and boots the client until it fails.
    pub fn run(&mut self) {
        self.lab.file(CONFIG, &self.config);
        let addresses = ["eth0 192.168.77.1/24".to_owned()];
        let machine = ServerHost::new(&self.lab, ["server", "client"], &addresses);
        let server = self.lab.host("server");
        let client = self.lab.host("client");
        client.ip("addr add 192.168.77.50/24 dev c0");
        if let Some(interface) = &self.interface_down {
            server.ip(&format!("link set {interface} down"));
        }
        if let Some(port) = self.dropped_port {
            let rules = format!(
                "add table ip t; add chain ip t in {{ type filter hook input priority 0; }}; \
                 add rule ip t in udp dport {port} drop"
            );
            server.run(Command::new("nft").arg(rules));
        }
        self.server = Some(start(&self.lab));
        let port_67 = || server.listens_on_udp(67).then_some(());
        let started = eventually(ANSWER_TIMEOUT, port_67).is_some();
        if !started || self.port_owner.is_some() || self.interface_down.is_some() {
            return;
        }
        let packets = PacketSocket::new(client);
        self.boot(&packets);
        drop(machine);
    }

    /// Three stages at most.
    fn boot(&self, packets: &PacketSocket) {
        let arch = if self.firmware == Firmware::Arm { 11 } else { 7 };
        let is_loop = matches!(self.firmware, Firmware::ChainedIpxe | Firmware::Restarting);
        let stages = if is_loop { 3 } else { 1 };
        if self.router_boots {
            let [from, to] = ["192.168.77.254:67", "255.255.255.255:68"].map(str::parse);
            packets.send("eth0", from.expect("one"), to.expect("one"), &offer_of_router());
        }
        for stage in 0..stages {
            let is_ipxe = stage > 0 && self.firmware == Firmware::ChainedIpxe;
            let class = if is_ipxe { ",user-class=iPXE" } else { "" };
            let rom = BootRom::new(&format!("arch={arch}{class}"), packets, SERVER, CLIENT);
            let Ok(reply) = rom.boot() else { return };
            if reply.file.is_empty() || reply.file.contains("://") {
                return;
            }
            let server = format!("{SERVER}:69");
            let asked = Download {
                server: &server,
                file: &reply.file,
                max_attempts: 3,
                ..Download::DEFAULT
            };
            let socket = self.lab.host("client").udp(&format!("{CLIENT}:0"));
            if asked.get_with(socket, |_| {}).is_err() {
                return;
            }
        }
    }

    /// Whether the log has a line now or within [`ANSWER_TIMEOUT`].
    pub fn logs(&self, text: &str) -> bool {
        let has_line = || self.lab.syslog().iter().any(|line| record(line).2 == text);
        eventually(ANSWER_TIMEOUT, || has_line().then_some(())).is_some()
    }

    /// Output of `--test` and `--explain`, the log, and standard error of the server.
    pub fn output(&self) -> String {
        let program = subject();
        let arch = if self.firmware == Firmware::Arm { "ARM64_EFI" } else { "x86-64_EFI" };
        let client = format!("mac=52:54:00:aa:bb:01,arch={arch},address=192.168.77.50");
        let output_of = |args: &[&str]| {
            let mut command = Command::new(&program);
            command.args(args).args(["-C", CONFIG]);
            let output = self.lab.host("server").inside(|| command.output()).expect("it runs");
            [output.stderr, output.stdout]
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .concat()
        };
        let log: Vec<String> =
            self.lab.syslog().iter().map(|line| record(line).2.to_owned()).collect();
        [
            output_of(&["--test=strict"]),
            output_of(&["--explain", &client]),
            log.join("\n"),
            fs::read_to_string(JOURNAL).unwrap_or_default(),
        ]
        .join("\n")
    }
}

/// Starts the server as systemd does: standard error is the journal.
fn start(lab: &Lab) -> Process {
    let journal = File::create(Path::new(JOURNAL)).expect("/srv is writable");
    let metadata = journal.metadata().expect("a file");
    let mut command = Command::new(subject());
    command.args(["-k", "-u", "root", "--group=", "-x", "", "-C", CONFIG]);
    command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
    lab.host("server").spawn(command.stdout(Stdio::null()).stderr(journal))
}

/// The offer of a router that is configured for network booting.
fn offer_of_router() -> Vec<u8> {
    let mut bytes = parse_request("DISCOVER from=0.0.0.0:68").bytes[..240].to_vec();
    bytes[0] = 2;
    bytes[16..20].copy_from_slice(&[192, 168, 77, 50]);
    bytes[20..24].copy_from_slice(&[192, 168, 77, 254]);
    bytes[108..116].copy_from_slice(b"router.0");
    bytes.extend([53, 1, 2, 54, 4, 192, 168, 77, 254, 255]);
    bytes
}
