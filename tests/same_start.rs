//! Starts of pxemasq and of the installed dnsmasq in the same run, with the same configuration: log lines, exit code, sockets
//! and capabilities must be the same.

mod common;

use common::lab::{Lab, eventually};
use common::measure::status;
use common::{installed_dnsmasq, required};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

crate::tests![
    sockets_and_capabilities_without_dhcp_range_are_those_of_dnsmasq,
    sockets_of_interfaces_without_dhcp_are_those_of_dnsmasq,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const CONFIG: &str = "/srv/dnsmasq.conf";
const STDERR: &str = "/run/stderr";
const TIMEOUT: Duration = Duration::from_secs(10);

/// A machine with two interfaces, `eth0` (192.168.10.2) and `eth1` (192.168.11.2), and both programs.
struct Setup {
    lab: Lab,
    dnsmasq: PathBuf,
}

/// What can be seen of a start.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    exit: Option<i32>,
    lines: Vec<String>,
    /// Local addresses of UDP sockets, with the interface that they are bound to.
    sockets: Vec<String>,
    capabilities: String,
}

impl Setup {
    fn new() -> Option<Self> {
        let dnsmasq = required(installed_dnsmasq())?;
        let lab = required(Lab::new(["server", "client"]))?;
        if !lab.knows_user(65534) {
            return required(Err("users are changed: there is only root here".to_owned()));
        }
        let (server, client) = (lab.host("server"), lab.host("client"));
        for (name, peer, last) in [("eth0", "c0", 10), ("eth1", "c1", 11)] {
            let [mac, peer_mac] = [1, 2].map(|end| format!("02:00:00:00:{last}:0{end}"));
            lab.wire(server.plug(name, &mac), client.plug(peer, &peer_mac));
            server.ip(&format!("addr add 192.168.{last}.2/24 dev {name}"));
        }
        lab.file("/srv/tftp/small", "hello\n");
        Some(Self { lab, dnsmasq })
    }

    /// Starts both programs with a configuration, one after the other, and compares.
    fn compare(&self, config: &[&str]) {
        self.lab.file(CONFIG, config.join("\n") + "\n");
        let ours = self.start(Path::new(env!("CARGO_BIN_EXE_pxemasq")));
        let theirs = self.start(&self.dnsmasq);
        assert_eq!(ours, theirs, "{config:#?}");
    }

    /// Starts a program in the foreground with its log on standard error, and ends it when it serves.
    fn start(&self, program: &Path) -> Start {
        let server = self.lab.host("server");
        let stderr = File::create(STDERR).expect("/run is writable");
        let mut command = Command::new(program);
        command.args(["-k", "-C", CONFIG, "--log-facility=-", "-x", "", "-l", "/run/leases"]);
        let mut process =
            server.spawn(command.env("LC_ALL", "C").stdout(Stdio::null()).stderr(stderr));
        let (mut sockets, mut capabilities) = (Vec::new(), String::new());
        // It is the last line of dnsmasq's start.
        let serves = || log().iter().any(|line| line.contains("TFTP root is"));
        let ended = eventually(TIMEOUT, || match process.ended() {
            None if serves() => Some(None),
            None => None,
            ended => Some(ended),
        });
        let ended = ended.expect("it serves or ends").or_else(|| {
            sockets = udp_sockets(&self.lab);
            capabilities = status(process.id(), "CapPrm");
            let id = Pid::from_raw(process.id().cast_signed());
            kill(id, Signal::SIGTERM).expect("it runs");
            eventually(TIMEOUT, || process.ended())
        });
        Start { exit: ended.expect("it ends").code(), lines: log(), sockets, capabilities }
    }
}

/// The lines on standard error without process id, version, and warnings of pxemasq about the configuration (D-045).
fn log() -> Vec<String> {
    let text = fs::read_to_string(STDERR).unwrap_or_default();
    let own = [": started, version ", ": compile time options: ", "dnsmasq: warning: /srv/"];
    let without_id = |line: &str| match (line.find('['), line.find("]: ")) {
        (Some(start), Some(end)) if start < end => [&line[..start], &line[end + 1..]].concat(),
        _ => line.to_owned(),
    };
    let lines = text.lines().map(without_id);
    lines.filter(|line| !own.iter().any(|own| line.contains(own))).collect()
}

fn udp_sockets(lab: &Lab) -> Vec<String> {
    let listed = lab.host("server").run(Command::new("ss").args(["-H", "-l", "-n", "-u"]));
    let local = |line: &str| line.split_whitespace().nth(3).map(str::to_owned);
    let mut sockets: Vec<String> = listed.lines().filter_map(local).collect();
    sockets.sort();
    sockets
}

const TFTP: &str = "port=0\nno-hosts\nenable-tftp\ntftp-root=/srv/tftp";
const BINDINGS: [&str; 3] = ["", "bind-interfaces", "bind-dynamic"];

/// There are no DHCP sockets, so dnsmasq binds none to an interface, and keeps no capability for it.
fn sockets_and_capabilities_without_dhcp_range_are_those_of_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    for binding in BINDINGS {
        setup.compare(&[TFTP, binding, "interface=eth0"]);
    }
    for binding in BINDINGS {
        setup.compare(&[TFTP, binding, "interface=eth0", "dhcp-range=192.168.10.0,proxy"]);
    }
}

/// In dnsmasq, `no-dhcpv6-interface` too removes the TFTP sockets of an interface, and only both versions together exclude it
/// from the choice of the one that DHCP sockets are bound to.
fn sockets_of_interfaces_without_dhcp_are_those_of_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    let both = "no-dhcpv4-interface=eth0\nno-dhcpv6-interface=eth0";
    let each = "no-dhcpv4-interface=eth0\nno-dhcpv6-interface=eth1";
    let options =
        ["no-dhcp-interface=eth0", "no-dhcpv4-interface=eth0", "no-dhcpv6-interface=eth0", both];
    let range = "dhcp-range=192.168.11.0,proxy";
    for binding in BINDINGS {
        for option in options.into_iter().chain([each]) {
            setup.compare(&[TFTP, binding, option]);
            setup.compare(&[TFTP, "enable-tftp=eth0", binding, option]);
            setup.compare(&[TFTP, binding, "interface=eth0\ninterface=eth1", option, range]);
        }
    }
}
