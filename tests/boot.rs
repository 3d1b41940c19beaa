//! Emulated machines with real firmware boot Linux from the program under test. Another host is the DHCP server, which
//! sends no boot options.

mod common;

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::iter::once;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt,
};

use common::firmware::{
    Firmware, LDLINUX, LDLINUX_EFI, LPXELINUX, MAC, Machine, PXELINUX, Payload, SYSLINUX_EFI,
};
use common::lab::{Host, Lab, Process, Switch, eventually};
use common::required;

crate::tests![
    bios_client_boots_tiny_core_from_pxelinux_menu,
    bios_client_boots_arch_linux_over_http,
    uefi_client_gets_loader_of_its_architecture,
    client_with_ipxe_boots_by_recipe,
    client_does_not_boot_without_replies_on_port_4011,
    story_has_the_verdict_that_the_log_shows,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

fn bios_client_boots_tiny_core_from_pxelinux_menu() {
    let Some((lan, payload)) = lan("192.168.10") else { return };
    tiny_core(&lan.lab, &payload);
    let log = lan
        .boot(Firmware::Bios, &payload, &["-9", "-d"])
        .unwrap_or_else(|report| panic!("{report}"));
    let searched = search("/home/tftpboot", Ipv4Addr::new(192, 168, 10, 50));
    assert_eq!(log, [lines(TINY_CORE_OFFERS), searched, lines(TINY_CORE_FILES)].concat());
    assert_story("boots system-sent");
}

fn bios_client_boots_arch_linux_over_http() {
    let Some((lan, payload)) = lan("192.168.1") else { return };
    arch(&lan.lab, &payload);
    serve_by_http(lan.server(), "/run/archiso");
    let log =
        lan.boot(Firmware::Bios, &payload, &["-d"]).unwrap_or_else(|report| panic!("{report}"));
    let searched = search("/srv/tftp/archlinux-iso", Ipv4Addr::new(192, 168, 1, 50));
    assert_eq!(log, [lines(ARCH_OFFERS), searched, lines(ARCH_FILES)].concat());
    assert_story("unknown last-file");
}

fn uefi_client_gets_loader_of_its_architecture() {
    let Some((lan, payload)) = lan("192.168.10") else { return };
    four_architectures(&lan.lab, &payload);
    let log =
        lan.boot(Firmware::Uefi64, &payload, &["-d"]).unwrap_or_else(|report| panic!("{report}"));
    let searched = search("/srv/tftp/efi64", Ipv4Addr::new(192, 168, 10, 50));
    assert_eq!(log, [lines(UEFI_OFFERS), searched, lines(UEFI_FILES)].concat());
    assert_story("boots system-sent");
}

/// The ROM of the network card is iPXE, so the client starts at the second stage of the recipe.
fn client_with_ipxe_boots_by_recipe() {
    let Some((lan, payload)) = lan("192.168.1") else { return };
    ipxe_chain(&lan.lab, &payload);
    serve_by_http(lan.server(), "/srv/http");
    let log = lan.boot(Firmware::Bios, &payload, &["-d"]);
    let log = log.unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(log[2..], ["dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy"]);
    assert_story("unknown nothing-requested");
}

/// The logs of both programs, with and without the lines of `log-dhcp` and `log-debug`. The tests above check `--story`
/// with other logs.
fn story_has_the_verdict_that_the_log_shows() {
    let Some(dnsmasq) = required(common::installed_dnsmasq()) else { return };
    let (ours, dnsmasq) = (Path::new(OURS), &*dnsmasq);
    let (bios, uefi) = (Firmware::Bios, Firmware::Uefi64);
    let details = &["-d", "--log-dhcp", "--log-debug"][..];
    assert_story_of_boot(dnsmasq, bios, TINY_CORE_LAB, &["-d"], "boots system-sent");
    assert_story_of_boot(dnsmasq, uefi, UEFI_LAB, &["-d"], "boots system-sent");
    assert_story_of_boot(ours, uefi, UEFI_LAB, details, "boots system-sent");
    assert_story_of_boot(dnsmasq, bios, ARCH_LAB, &["-d", "--log-dhcp"], "unknown last-file");
    assert_story_of_boot(ours, bios, IPXE_LAB, &["-d", "--log-debug"], "unknown url-sent");
}

/// A network prefix, the files on it, and the root of the HTTP server, if there is one.
type LabFiles = (&'static str, fn(&Lab, &Payload), Option<&'static str>);

const TINY_CORE_LAB: LabFiles = ("192.168.10", tiny_core, None);
const UEFI_LAB: LabFiles = ("192.168.10", four_architectures, None);
const ARCH_LAB: LabFiles = ("192.168.1", arch, Some("/run/archiso"));
const IPXE_LAB: LabFiles = ("192.168.1", ipxe_chain, Some("/srv/http"));

fn assert_story_of_boot(
    program: &Path,
    firmware: Firmware,
    (net, set_up, http_root): LabFiles,
    args: &[&str],
    expected: &str,
) {
    let Some((lan, payload)) = lan(net) else { return };
    set_up(&lan.lab, &payload);
    if let Some(root) = http_root {
        serve_by_http(lan.server(), root);
    }
    let report = lan.boot_from(program, firmware, &payload, args);
    report.unwrap_or_else(|report| panic!("{report}"));
    assert_story(expected);
}

/// Checks the only boot that `--story` finds in the log of the server.
fn assert_story(expected: &str) {
    let output = Command::new(OURS).args(["--story=json", LOG]).output().expect("pxemasq runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let story: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let boots = story["boots"].as_array().expect("a list of boots");
    let verdict = |boot: &serde_json::Value| {
        let part = |name| boot["verdict"][name].as_str().expect("a text").to_owned();
        format!("{} {}", part("verdict"), part("id"))
    };
    let verdicts: Vec<String> = boots.iter().map(verdict).collect();
    let log = fs::read_to_string(LOG).unwrap_or_default();
    assert_eq!(verdicts, [expected], "{text}\n{log}");
    assert_eq!(boots[0]["mac"], MAC, "{text}\n{log}");
}

/// Shows that the tests above depend on the replies on port 4011. Needs nftables.
fn client_does_not_boot_without_replies_on_port_4011() {
    if env::var_os("CI").is_none() && env::var_os("PXEMASQ_SUPPRESS_4011").is_none() {
        return common::harness::skip("it takes minutes: set PXEMASQ_SUPPRESS_4011=1 or CI=true");
    }
    let timeout = "PXEBS (net0 type 128)..... Connection timed out";
    boot_fails_without_port_4011(Firmware::Bios, tiny_core, timeout);
    let nothing = "PXE-E16: No valid offer received.";
    boot_fails_without_port_4011(Firmware::Uefi64, four_architectures, nothing);
}

fn boot_fails_without_port_4011(
    firmware: Firmware,
    set_up: fn(&Lab, &Payload),
    last_message: &str,
) {
    let Some((lan, payload)) = lan("192.168.10") else { return };
    set_up(&lan.lab, &payload);
    lan.server().run(Command::new("nft").arg(DROP_4011));
    let report = lan.boot(firmware, &payload, &["-d"]).expect_err("no answer, no boot");
    assert!(report.contains(last_message), "{report}");
}

/// The configuration of a recipe in `docs/recipes.md`.
fn recipe(name: &str) -> &'static str {
    let recipes = include_str!("../docs/recipes.md");
    let (_, recipe) = recipes.split_once(&format!("## {name}\n")).expect("a recipe");
    let (_, config) = recipe.split_once("```ini\n").expect("its configuration");
    config.split("```").next().unwrap_or_default()
}

/// All files by TFTP, with a menu that has a timeout.
fn tiny_core(lab: &Lab, payload: &Payload) {
    lab.file("/etc/dnsmasq.conf", TINY_CORE);
    lab.copy(PXELINUX, "/home/tftpboot/pxelinux.0");
    lab.copy(LDLINUX, "/home/tftpboot/ldlinux.c32");
    lab.copy(&payload.kernel, "/home/tftpboot/vmlinuz");
    lab.file("/home/tftpboot/initramfs", &payload.initramfs);
    lab.file("/home/tftpboot/pxelinux.cfg/default", loader_menu(""));
}

/// The files are on a mounted image, the TFTP root has only links into it, and the large files are sent by HTTP.
fn arch(lab: &Lab, payload: &Payload) {
    lab.file("/etc/dnsmasq.conf", "conf-dir=/etc/dnsmasq.d\n");
    lab.file("/etc/dnsmasq.d/archiso.conf", ARCH);
    lab.copy(LPXELINUX, "/run/archiso/boot/syslinux/lpxelinux.0");
    lab.copy(LDLINUX, "/run/archiso/boot/syslinux/ldlinux.c32");
    lab.copy(&payload.kernel, "/run/archiso/arch/boot/x86_64/vmlinuz");
    lab.file("/run/archiso/arch/boot/x86_64/initramfs", &payload.initramfs);
    let menu = loader_menu("http://192.168.1.2/arch/boot/x86_64/");
    lab.file("/run/archiso/boot/syslinux/pxelinux.cfg/default", menu);
    for name in ["lpxelinux.0", "ldlinux.c32", "pxelinux.cfg"] {
        let target = format!("/run/archiso/boot/syslinux/{name}");
        lab.link(&target, &format!("/srv/tftp/archlinux-iso/{name}"));
    }
}

/// The second stage of the recipe, with all files by HTTP.
fn ipxe_chain(lab: &Lab, payload: &Payload) {
    lab.file("/etc/dnsmasq.conf", recipe("iPXE chain"));
    lab.file("/srv/tftp/.kept", "");
    lab.copy(&payload.kernel, "/srv/http/vmlinuz");
    lab.file("/srv/http/initramfs", &payload.initramfs);
    lab.file("/srv/http/menu.ipxe", IPXE_MENU);
}

/// One boot file per architecture.
fn four_architectures(lab: &Lab, payload: &Payload) {
    lab.file("/etc/dnsmasq.conf", FOUR_ARCHITECTURES);
    lab.copy(SYSLINUX_EFI, "/srv/tftp/efi64/syslinux.efi");
    lab.copy(LDLINUX_EFI, "/srv/tftp/efi64/ldlinux.e64");
    lab.copy(&payload.kernel, "/srv/tftp/efi64/vmlinuz");
    lab.file("/srv/tftp/efi64/initramfs", &payload.initramfs);
    lab.file("/srv/tftp/efi64/pxelinux.cfg/default", loader_menu(""));
}

/// The menu of pxelinux and syslinux.efi.
fn loader_menu(place: &str) -> String {
    format!(
        "DEFAULT linux\nLABEL linux\nKERNEL {place}vmlinuz\nINITRD {place}initramfs\n\
         APPEND console=ttyS0 quiet\n"
    )
}

/// Both loaders first request specific names: the hardware address, then prefixes of the IP address in hexadecimal.
fn search(directory: &str, machine: Ipv4Addr) -> Vec<String> {
    let digits = format!("{:08X}", machine.to_bits());
    let card = format!("01-{}", MAC.replace(':', "-"));
    once(card.as_str())
        .chain((1..=8).rev().map(|length| &digits[..length]))
        .map(|name| format!("{directory}/pxelinux.cfg/{name}"))
        .map(|file| format!("dnsmasq-tftp: file {file} not found for {machine}"))
        .collect()
}

/// One network with a switch.
///
/// ```text
///   router .1 (DHCP only)     server .2 (the program under test)     machine .50
///        └───────────────────────── switch ─────────────────────────────┘
/// ```
struct Lan {
    lab: Lab,
    switch: Switch,
    _router: Process,
}

/// Creates the network with this prefix, and the files to boot.
fn lan(net: &str) -> Option<(Lan, Payload)> {
    let payload = required(Payload::pack())?;
    let lab = required(Lab::new(["router", "server"]))?;
    let switch = required(Switch::new())?;
    for (number, name) in [(1, "router"), (2, "server")] {
        let host = lab.host(name);
        switch.attach(&lab, host.plug("eth0", &format!("02:00:00:00:00:0{number}")));
        host.ip(&format!("addr add {net}.{number}/24 dev eth0"));
    }
    let router = lease_out(&lab, net);
    advertise(lab.host("router"));
    Some((Lan { lab, switch, _router: router }, payload))
}

/// Starts the DHCP server. It has one address to assign and probes it with one ARP request.
fn lease_out(lab: &Lab, net: &str) -> Process {
    let address = format!("start {net}.50\nend {net}.50\nlease_file /run/udhcpd.leases\n");
    let options = format!("option subnet 255.255.255.0\noption router {net}.1\n");
    lab.file("/run/udhcpd.conf", format!("interface eth0\n{address}{options}"));
    let udhcpd = ["udhcpd", "-f", "-a", "1", "/run/udhcpd.conf"];
    let log = File::create("/run/udhcpd.log").expect("/run is writable");
    lab.host("router").spawn(Command::new("busybox").args(udhcpd).stderr(log))
}

/// Answers IPv6 router solicitations: no router. Without it, iPXE waits 16 seconds for an answer.
fn advertise(router: &Host) {
    if !fs::exists("/proc/sys/net/ipv6").unwrap_or(false) {
        return;
    }
    router.ip("-6 addr add fe80::1/64 dev eth0 nodad");
    let (family, kind) = (AddressFamily::Inet6, SockType::Raw);
    let raw = || socket(family, kind, SockFlag::SOCK_CLOEXEC, SockProtocol::IcmpV6);
    // `UdpSocket` has methods for datagrams that also work on a raw socket.
    let socket = UdpSocket::from(router.inside(raw).expect("root may have raw sockets"));
    setsockopt(&socket, sockopt::Ipv6Ttl, &255).expect("255 is a hop limit");
    socket.join_multicast_v6(&ALL_ROUTERS, 0).expect("eth0 is up");
    thread::spawn(move || {
        let mut datagram = [0; 1500];
        while let Ok((_, asker)) = socket.recv_from(&mut datagram) {
            if datagram[0] == ROUTER_SOLICITATION {
                drop(socket.send_to(&NO_ROUTER, asker));
            }
        }
    });
}

/// Serves the files of a directory by HTTP.
fn serve_by_http(server: &Host, root: &'static str) {
    let listener = server.inside(|| TcpListener::bind("0.0.0.0:80")).expect("port 80 is free");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(answer(stream, root));
        }
    });
}

fn answer(mut stream: TcpStream, root: &str) -> io::Result<()> {
    let mut request = [0; 4096];
    let length = stream.read(&mut request)?;
    let request = String::from_utf8_lossy(&request[..length]);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let Ok(file) = fs::read(format!("{root}{path}")) else {
        return stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n");
    };
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", file.len())?;
    stream.write_all(&file)
}

impl Lan {
    fn server(&self) -> &Host {
        self.lab.host("server")
    }

    /// Boots a machine and returns the log of the program under test. The error has the output of both.
    fn boot(
        &self,
        machine: Firmware,
        payload: &Payload,
        args: &[&str],
    ) -> Result<Vec<String>, String> {
        self.boot_from(&common::subject(), machine, payload, args)
    }

    /// The same with a program that is not the one under test.
    fn boot_from(
        &self,
        program: &Path,
        machine: Firmware,
        payload: &Payload,
        args: &[&str],
    ) -> Result<Vec<String>, String> {
        let stderr = File::create(LOG).expect("/run is writable");
        let _proxy = self.server().spawn(Command::new(program).args(args).stderr(stderr));
        let ready =
            || [67, 69].iter().all(|&port| self.server().listens_on_udp(port)).then_some(());
        let log = || fs::read_to_string(LOG).unwrap_or_default();
        eventually(Duration::from_secs(5), ready)
            .ok_or_else(|| format!("No server:\n{}", log()))?;
        Machine::switch_on(&self.lab, &self.switch, machine)
            .boots_within(LIMIT, payload)
            .map_err(|report| format!("{report}\nLog of the server:\n{}", log()))?;
        Ok(log().lines().filter_map(comparable).collect())
    }
}

/// The log line without its transaction ID, unless it is 0, which iPXE sends to port 4011. `None` for lines of the process.
fn comparable(line: &str) -> Option<String> {
    let (identity, text) = line.split_once(": ").filter(|(identity, _)| *identity != "dnsmasq")?;
    match text.split_once(' ').filter(|(number, _)| number.parse::<u32>().is_ok_and(|n| n > 0)) {
        Some((_, text)) => Some(format!("{identity}: XID {text}")),
        None => Some(line.to_owned()),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// A boot takes 10 to 20 seconds on a slow processor.
const LIMIT: Duration = Duration::from_secs(90);
const LOG: &str = "/run/proxy.log";
const OURS: &str = env!("CARGO_BIN_EXE_pxemasq");

const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ROUTER_SOLICITATION: u8 = 133;

/// A router advertisement (RFC 4861, section 4.2): hop limit 64, router lifetime 0, no prefixes.
const NO_ROUTER: [u8; 16] = [134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const IPXE_MENU: &str = "#!ipxe\nkernel http://192.168.1.2/vmlinuz console=ttyS0 quiet\n\
                         initrd http://192.168.1.2/initramfs\nboot\n";

const DROP_4011: &str = "add table ip t; add chain ip t in { type filter hook input priority 0; }; \
                         add rule ip t in udp dport 4011 drop";

const TINY_CORE: &str = r#"# no DNS
port=0
# log each request and reply
log-dhcp
# serve files
enable-tftp
# which files
tftp-root=/home/tftpboot
# what to load
dhcp-boot=pxelinux.0
# no discovery of boot servers by broadcast or multicast
dhcp-option=vendor:PXEClient,6,2b
# keep the file name where old machines look for it
dhcp-no-override
# three seconds to choose
pxe-prompt="Press F8 for boot menu", 3
# the first choice
pxe-service=X86PC, "Boot from network", pxelinux
# the second choice
pxe-service=X86PC, "Boot from local hard disk", 0
# the router assigns the addresses
dhcp-range=192.168.10.0,proxy
"#;

const TINY_CORE_OFFERS: &str = "\
dnsmasq-dhcp: DHCP, proxy on subnet 192.168.10.0
dnsmasq-tftp: TFTP root is /home/tftpboot  
dnsmasq-dhcp: XID available DHCP subnet: 192.168.10.0/255.255.255.0
dnsmasq-dhcp: XID vendor class: PXEClient:Arch:00000:UNDI:002001
dnsmasq-dhcp: XID user class: iPXE
dnsmasq-dhcp: XID PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: XID tags: eth0
dnsmasq-dhcp: XID bootfile name: pxelinux.0
dnsmasq-dhcp: XID broadcast response
dnsmasq-dhcp: XID sent size:  1 option: 53 message-type  2
dnsmasq-dhcp: XID sent size:  4 option: 54 server-identifier  192.168.10.2
dnsmasq-dhcp: XID sent size:  9 option: 60 vendor-class  50:58:45:43:6c:69:65:6e:74
dnsmasq-dhcp: XID sent size: 17 option: 97 client-machine-id  00:00:00:00:00:00:00:00:40:80:00:52:54:00...
dnsmasq-dhcp: XID sent size: 91 option: 43 vendor-encap  06:01:03:08:07:80:00:01:c0:a8:0a:02:09:30...
dnsmasq-dhcp: XID available DHCP subnet: 192.168.10.0/255.255.255.0
dnsmasq-dhcp: XID vendor class: PXEClient:Arch:00000:UNDI:002001
dnsmasq-dhcp: XID user class: iPXE
dnsmasq-dhcp: 0 available DHCP subnet: 192.168.10.0/255.255.255.0
dnsmasq-dhcp: 0 vendor class: PXEClient
dnsmasq-dhcp: 0 user class: iPXE
dnsmasq-dhcp: 0 PXE(eth0) 192.168.10.50 52:54:00:12:34:56 pxelinux.0
dnsmasq-dhcp: 0 tags: eth0
dnsmasq-dhcp: 0 bootfile name: pxelinux.0
dnsmasq-dhcp: 0 next server: 192.168.10.2
dnsmasq-dhcp: 0 broadcast response
dnsmasq-dhcp: 0 sent size:  1 option: 53 message-type  5
dnsmasq-dhcp: 0 sent size:  4 option: 54 server-identifier  192.168.10.2
dnsmasq-dhcp: 0 sent size:  9 option: 60 vendor-class  50:58:45:43:6c:69:65:6e:74
dnsmasq-dhcp: 0 sent size: 17 option: 97 client-machine-id  00:00:00:00:00:00:00:00:40:80:00:52:54:00...
dnsmasq-dhcp: 0 sent size: 35 option: 43 vendor-encap  47:04:80:00:00:00:0a:17:03:50:72:65:73:73...
dnsmasq-tftp: sent /home/tftpboot/pxelinux.0 to 192.168.10.50
dnsmasq-tftp: sent /home/tftpboot/ldlinux.c32 to 192.168.10.50";

const TINY_CORE_FILES: &str = "\
dnsmasq-tftp: sent /home/tftpboot/pxelinux.cfg/default to 192.168.10.50
dnsmasq-tftp: sent /home/tftpboot/vmlinuz to 192.168.10.50
dnsmasq-tftp: sent /home/tftpboot/initramfs to 192.168.10.50";

const ARCH: &str = r#"port=0
dhcp-range=192.168.1.136,proxy,255.255.255.0
dhcp-option=vendor:PXEClient,6,2b
dhcp-no-override
pxe-service=X86PC, "Boot from network", lpxelinux
enable-tftp
tftp-root=/srv/tftp/archlinux-iso
"#;

const ARCH_OFFERS: &str = "\
dnsmasq-dhcp: DHCP, proxy on subnet 192.168.1.136
dnsmasq-tftp: TFTP root is /srv/tftp/archlinux-iso  
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 192.168.1.50 52:54:00:12:34:56 lpxelinux.0
dnsmasq-tftp: sent /srv/tftp/archlinux-iso/lpxelinux.0 to 192.168.1.50
dnsmasq-tftp: sent /srv/tftp/archlinux-iso/ldlinux.c32 to 192.168.1.50";

/// The other files are sent by HTTP.
const ARCH_FILES: &str =
    "dnsmasq-tftp: sent /srv/tftp/archlinux-iso/pxelinux.cfg/default to 192.168.1.50";

/// iPXE is detected by option 175 and by its user class.
const FOUR_ARCHITECTURES: &str = r#"port=0
enable-tftp
tftp-root=/srv/tftp
dhcp-range=192.168.10.0,proxy
dhcp-match=set:ipxe,175
dhcp-userclass=set:ipxe,iPXE
pxe-service=tag:!ipxe,X86PC,"BIOS",bios/pxelinux
pxe-service=tag:!ipxe,7,"UEFI x64",efi64/syslinux.efi
pxe-service=tag:!ipxe,9,"UEFI x64",efi64/syslinux.efi
pxe-service=tag:!ipxe,IA32_EFI,"UEFI IA32",efi32/syslinux.efi
pxe-service=tag:!ipxe,ARM64_EFI,"UEFI ARM64",arm64/grubaa64.efi
pxe-service=tag:ipxe,X86PC,"iPXE",boot.ipxe
pxe-service=tag:ipxe,7,"iPXE",boot.ipxe
"#;

/// OVMF first requests only the size and then aborts. (dnsmasq 2.90 logs that as `sent`: D-004.)
const UEFI_OFFERS: &str = "\
dnsmasq-dhcp: DHCP, proxy on subnet 192.168.10.0
dnsmasq-tftp: TFTP root is /srv/tftp  
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: error 8 User aborted the transfer received from 192.168.10.50
dnsmasq-tftp: failed sending /srv/tftp/efi64/syslinux.efi to 192.168.10.50
dnsmasq-tftp: sent /srv/tftp/efi64/syslinux.efi to 192.168.10.50
dnsmasq-tftp: sent /srv/tftp/efi64/ldlinux.e64 to 192.168.10.50";

const UEFI_FILES: &str = "\
dnsmasq-tftp: sent /srv/tftp/efi64/pxelinux.cfg/default to 192.168.10.50
dnsmasq-tftp: sent /srv/tftp/efi64/vmlinuz to 192.168.10.50
dnsmasq-tftp: sent /srv/tftp/efi64/initramfs to 192.168.10.50";
