//! Starts of pxemasq and of the installed dnsmasq in the same run, with the same configuration: log lines, exit code,
//! capabilities, and sockets or replies must be the same.

mod common;

use common::lab::{Lab, allow, eventually};
use common::measure::status;
use common::{installed_dnsmasq, required};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

crate::tests![
    sockets_and_capabilities_without_dhcp_range_are_those_of_dnsmasq,
    sockets_of_interfaces_without_dhcp_are_those_of_dnsmasq,
    root_that_is_not_utf8_is_served_as_by_dnsmasq,
    script_has_signals_and_environment_as_from_dnsmasq,
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
    /// What the probe found while the program served.
    found: Vec<String>,
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

    /// Starts both programs with a configuration, one after the other, and compares also their sockets.
    fn compare(&self, config: &[&str]) {
        self.compare_by(udp_sockets, config.join("\n").as_bytes(), &[]);
    }

    /// Starts both programs with a configuration and more arguments, and compares also what the probe finds.
    fn compare_by(&self, probe: Probe, config: &[u8], args: &[&[u8]]) -> Start {
        self.lab.file(CONFIG, [config, b"\n"].concat());
        let ours = self.start(Path::new(env!("CARGO_BIN_EXE_pxemasq")), args, probe);
        let theirs = self.start(&self.dnsmasq, args, probe);
        let shown = (config.escape_ascii(), args.concat());
        assert_eq!(ours, theirs, "{} {}", shown.0, shown.1.escape_ascii());
        ours
    }

    /// Starts a program in the foreground with its log on standard error, and ends it when it serves.
    fn start(&self, program: &Path, args: &[&[u8]], probe: Probe) -> Start {
        let stderr = File::create(STDERR).expect("/run is writable");
        let mut command = Command::new(program);
        command.args(["-k", "-C", CONFIG, "--log-facility=-", "-x", "", "-l", "/run/leases"]);
        command.args(args.iter().map(|word| OsStr::from_bytes(word))).env_clear();
        command.env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let server = self.lab.host("server");
        let mut process = server.spawn(command.stdout(Stdio::null()).stderr(stderr));
        let (mut found, mut capabilities) = (Vec::new(), String::new());
        // It is the last line of dnsmasq's start.
        let serves = || log().iter().any(|line| line.contains("TFTP root is"));
        let ended = eventually(TIMEOUT, || match process.ended() {
            None if serves() => Some(None),
            None => None,
            ended => Some(ended),
        });
        let ended = ended.expect("it serves or ends").or_else(|| {
            found = probe(&self.lab);
            capabilities = status(process.id(), "CapPrm");
            let id = Pid::from_raw(process.id().cast_signed());
            kill(id, Signal::SIGTERM).expect("it runs");
            eventually(TIMEOUT, || process.ended())
        });
        Start { exit: ended.expect("it ends").code(), lines: log(), found, capabilities }
    }
}

/// Looks at a program that serves.
type Probe = fn(&Lab) -> Vec<String>;

/// The lines on standard error without process id, version, and warnings of pxemasq about the configuration (D-045). Bytes that
/// are not UTF-8 are replaced as in pxemasq (D-019).
fn log() -> Vec<String> {
    let bytes = fs::read(STDERR).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let own = [": started, version ", ": compile time options: ", "dnsmasq: warning: /srv/"];
    let without_id = |line: &str| match (line.find('['), line.find("]: ")) {
        (Some(start), Some(end)) if start < end => [&line[..start], &line[end + 1..]].concat(),
        _ => line.to_owned(),
    };
    let lines = text.lines().map(without_id);
    lines.filter(|line| !own.iter().any(|own| line.contains(own))).collect()
}

/// Local addresses of UDP sockets, with the interface that they are bound to.
fn udp_sockets(lab: &Lab) -> Vec<String> {
    let listed = lab.host("server").run(Command::new("ss").args(["-H", "-l", "-n", "-u"]));
    let local = |line: &str| line.split_whitespace().nth(3).map(str::to_owned);
    let mut sockets: Vec<String> = listed.lines().filter_map(local).collect();
    sockets.sort();
    sockets
}

/// The reply to a request for the file `small` on the loopback interface.
fn reply(lab: &Lab) -> Vec<String> {
    let socket = lab.host("server").udp("127.0.0.1:0");
    socket.send_to(b"\0\x01small\0octet\0", "127.0.0.1:69").expect("loopback is up");
    let mut bytes = [0; 600];
    let size = socket.recv(&mut bytes).expect("a reply");
    vec![bytes[..size].escape_ascii().to_string()]
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

/// Roots of the command line and of the configuration file are bytes, also those of one interface. dnsmasq reads the byte 0x01
/// as the digit 1, because it represents quoted characters by control bytes.
fn root_that_is_not_utf8_is_served_as_by_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    let config = b"port=0\nno-hosts\nenable-tftp";
    for root in [&b"/srv/caf\xE9"[..], b"/srv/\xC3\xE9\xFF", b"/srv/\xE9\x01"] {
        let directory = OsStr::from_bytes(root).to_owned();
        let served = directory.as_bytes().iter().map(|&byte| if byte == 1 { b'1' } else { byte });
        let served = PathBuf::from(OsStr::from_bytes(&served.collect::<Vec<u8>>()));
        fs::create_dir(&served).expect("/srv is writable");
        fs::write(served.join("small"), root).expect("/srv is writable");
        let option = [b"tftp-root=", root].concat();
        let general = [b"--", &option[..]].concat();
        let of_lo = [&option, &b",lo"[..]].concat();
        let in_file = |lines: &[&[u8]]| [config, lines.concat().as_slice()].concat();
        let starts = [
            setup.compare_by(reply, config, &[&general]),
            setup.compare_by(reply, config, &[b"--tftp-root=/srv", &[b"--", &of_lo[..]].concat()]),
            setup.compare_by(reply, &in_file(&[b"\n", &option]), &[]),
            setup.compare_by(reply, &in_file(&[b"\ntftp-root=/srv\n", &of_lo]), &[]),
        ];
        let data = [format!("\\x00\\x03\\x00\\x01{}", root.escape_ascii())];
        assert!(starts.iter().all(|start| start.found == data), "{starts:#?}");
        fs::remove_dir_all(&served).expect("/srv is writable");
        setup.compare_by(reply, config, &[&general]);
        setup.compare_by(reply, config, &[&general, b"--tftp-no-fail"]);
    }
}

const SCRIPT: &str = "/srv/script";
const CALL: &str = "/srv/call";

/// Loads the file `small` and returns what the script wrote.
fn call(lab: &Lab) -> Vec<String> {
    let socket = lab.host("server").udp("127.0.0.1:0");
    socket.send_to(b"\0\x01small\0octet\0", "127.0.0.1:69").expect("loopback is up");
    let (_, from) = socket.recv_from(&mut [0; 600]).expect("a reply");
    socket.send_to(b"\0\x04\0\x01", from).expect("loopback is up");
    let complete = || fs::read_to_string(CALL).ok().filter(|text| text.ends_with("tftp end\n"));
    let text = eventually(TIMEOUT, complete).expect("the script is called");
    // The file stays, with its mode.
    fs::write(CALL, "").expect("/srv is writable");
    text.lines().map(str::to_owned).collect()
}

/// SIGINT, SIGPIPE, SIGALRM and SIGTERM are ignored in dnsmasq's script. The lease-init script ignores SIGPIPE.
fn script_has_signals_and_environment_as_from_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    // Without an external program for /proc: grep and others handle signals.
    let script = format!(
        "#!/bin/sh\nexec 2>&1 >> {CALL}\necho $1 \"$0\" $#\n\
        while read -r line; do case $line in Sig[BI]*|Cap*|Umask*|Uid*|Gid*|Groups*|Threads*|Seccomp:*) echo $line;; esac; \
        done < /proc/$$/status\n\
        pwd; umask; env | sort; event=$1; set -- /proc/$$/fd/*\n\
        for fd; do echo ${{fd##*/}} $(readlink $fd | tr -d 0-9) $(test -w $fd && echo w); done\necho $event end\n"
    );
    setup.lab.program(SCRIPT, &script);
    setup.lab.file(CALL, "");
    allow(CALL, 0o666);
    let config = format!("{TFTP}\ndhcp-script={SCRIPT}\n");
    let range = "dhcp-range=192.168.10.0,proxy\nleasefile-ro\n";
    let as_user = format!("{range}dhcp-scriptuser=nobody\nno-ping\n");
    let seen = setup.compare_by(call, config.as_bytes(), &[]).found;
    // SIGINT is 2, SIGPIPE 13, SIGALRM 14, SIGTERM 15.
    let ignored = seen.iter().find(|line| line.starts_with("SigIgn:")).expect("a line");
    assert!(ignored.ends_with("7002"), "{seen:#?}");
    setup.compare_by(call, (config.clone() + range).as_bytes(), &[]);
    setup.compare_by(call, (config + &as_user).as_bytes(), &[]);
}
