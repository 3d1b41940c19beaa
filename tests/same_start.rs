//! Starts of pxemasq and of the installed dnsmasq in the same run, with the same configuration: log lines, exit code,
//! capabilities, and sockets or replies must be the same. The last tests show differences on purpose (D-045 to D-049).

mod common;

use common::lab::{Lab, allow, eventually, record};
use common::measure::status;
use common::request::{Step, step};
use common::server_host::ServerHost;
use common::{installed_dnsmasq, required};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

crate::tests![
    sockets_without_dhcp_range_are_those_of_dnsmasq,
    sockets_of_interfaces_without_dhcp_are_those_of_dnsmasq,
    sockets_of_addresses_with_labels_are_those_of_dnsmasq,
    root_that_is_not_utf8_is_served_as_by_dnsmasq,
    script_has_signals_and_environment_as_from_dnsmasq,
    path_that_cannot_be_used_ends_the_start_as_in_dnsmasq,
    start_does_not_wait_for_a_lease_file_that_is_a_fifo,
    own_warnings_follow_the_lines_of_dnsmasq,
    empty_menu_text_is_sent,
    bound_single_port_serves_ipv4,
    configuration_with_nothing_to_serve_ends_the_start,
    script_does_not_have_the_socket_of_the_service_manager,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const OURS: &str = env!("CARGO_BIN_EXE_pxemasq");
const CONFIG: &str = "/srv/dnsmasq.conf";
const STDERR: &str = "/run/stderr";
const TIMEOUT: Duration = Duration::from_secs(10);

/// A machine with two interfaces, `eth0` (192.168.10.2) and `eth1` (192.168.11.2), and both programs.
struct Setup {
    lab: Lab,
    dnsmasq: PathBuf,
    /// More environment variables.
    env: Vec<(&'static str, &'static str)>,
}

/// What can be seen of a start.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    exit: Option<i32>,
    lines: Vec<String>,
    /// What the probe found while the program served.
    found: Vec<String>,
}

/// The permitted capabilities of the process that serves, as a hexadecimal number (proc(5)).
type Capabilities = String;

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
        Some(Self { lab, dnsmasq, env: Vec::new() })
    }

    /// Starts both programs with a configuration, one after the other, and compares also their sockets.
    fn compare(&self, config: &[&str]) {
        self.compare_by(udp_sockets, config.join("\n").as_bytes(), &[]);
    }

    /// Starts both programs with a configuration and more arguments, and compares also what the probe finds.
    fn compare_by(&self, probe: Probe, config: &[u8], args: &[&[u8]]) -> Start {
        self.lab.file(CONFIG, [config, b"\n"].concat());
        let (ours, kept) = self.start_with_capabilities(Path::new(OURS), args, probe);
        let (theirs, allowed) = self.start_with_capabilities(&self.dnsmasq, args, probe);
        let shown = (config.escape_ascii(), args.concat());
        assert_eq!(ours, theirs, "{} {}", shown.0, shown.1.escape_ascii());
        let [kept, allowed] = [kept, allowed].map(|set| u64::from_str_radix(&set, 16).unwrap_or(0));
        assert_eq!(kept & !allowed, 0, "capabilities that dnsmasq does not keep: {}", shown.0);
        ours
    }

    /// Starts a program in the foreground with its log on standard error, and ends it when it serves.
    fn start(&self, program: &Path, args: &[&[u8]], probe: Probe) -> Start {
        self.start_with_capabilities(program, args, probe).0
    }

    fn start_with_capabilities(
        &self,
        program: &Path,
        args: &[&[u8]],
        probe: Probe,
    ) -> (Start, Capabilities) {
        let stderr = File::create(STDERR).expect("/run is writable");
        let mut command = Command::new(program);
        command.args(["-k", "-C", CONFIG, "--log-facility=-", "-x", "", "-l", "/run/leases"]);
        command.args(args.iter().map(|word| OsStr::from_bytes(word))).env_clear();
        command
            .envs(self.env.iter().copied())
            .env("LC_ALL", "C")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
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
        (Start { exit: ended.expect("it ends").code(), lines: log(), found }, capabilities)
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
    let reply = request(lab, "127.0.0.1").and_then(|socket| received(&socket));
    vec![reply.expect("a reply")]
}

/// Sends a request for the file `small` to a loopback address.
fn request(lab: &Lab, address: &str) -> Option<UdpSocket> {
    let ip: IpAddr = address.parse().expect("an address");
    let socket = lab.host("server").udp(&SocketAddr::new(ip, 0).to_string());
    socket.send_to(b"\0\x01small\0octet\0", (ip, 69)).ok().map(|_| socket)
}

fn received(socket: &UdpSocket) -> Option<String> {
    let mut bytes = [0; 600];
    let size = socket.recv(&mut bytes).ok()?;
    Some(bytes[..size].escape_ascii().to_string())
}

const TFTP: &str = "port=0\nno-hosts\nenable-tftp\ntftp-root=/srv/tftp";
const BINDINGS: [&str; 3] = ["", "bind-interfaces", "bind-dynamic"];

/// There are no DHCP sockets, so dnsmasq binds none to an interface, and keeps no capability for it.
fn sockets_without_dhcp_range_are_those_of_dnsmasq() {
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

/// For `interface` and `except-interface` the label is the name of the address, for the other options it is not.
fn sockets_of_addresses_with_labels_are_those_of_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    setup.lab.host("server").ip("addr add 192.168.12.2/24 dev eth0 label eth0:1");
    let range = "dhcp-range=192.168.10.0,proxy";
    for binding in ["bind-interfaces", "bind-dynamic"] {
        for name in ["eth0", "eth0:1"] {
            setup.compare(&[TFTP, binding, &format!("enable-tftp={name}")]);
            for option in ["interface", "except-interface", "no-dhcp-interface"] {
                setup.compare(&[TFTP, binding, &format!("{option}={name}")]);
            }
            let refused = format!("no-dhcp-interface={name}");
            setup.compare(&[TFTP, binding, "interface=eth0:1", &refused, range]);
            setup.compare(&[TFTP, binding, "interface=eth0", &refused, range]);
        }
        setup.compare(&[TFTP, binding, "interface=eth0:*"]);
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

/// The exit code of a start that fails, its standard error, and the lines of the system log.
fn failure(setup: &Setup, program: &Path, words: &[&str]) -> (Option<i32>, String, Vec<String>) {
    setup.lab.take_syslog();
    let stderr = File::create(STDERR).expect("/run is writable");
    let mut command = Command::new(program);
    command.args(["-C", CONFIG]).args(words).env("LC_ALL", "C");
    let server = setup.lab.host("server");
    let mut process = server.spawn(command.stdout(Stdio::null()).stderr(stderr));
    let ended = eventually(TIMEOUT, || process.ended()).expect("it ends").code();
    let failed = || setup.lab.syslog().iter().any(|line| line.ends_with("FAILED to start up"));
    eventually(TIMEOUT, || failed().then_some(())).expect("the failure is logged");
    // In the background, the process that has opened the ports may end later.
    let is_free = || !server.listens_on_udp(67) && !server.listens_on_udp(69);
    eventually(TIMEOUT, || is_free().then_some(())).expect("the ports are closed");
    let text = |line: &String| {
        let (code, identity, text) = record(line);
        format!("{code} {identity}: {text}")
    };
    let log = setup.lab.syslog().iter().map(text).collect();
    (ended, fs::read_to_string(STDERR).expect("it is text"), log)
}

/// The pid file replaces sockets and links, and is not written with `-d`.
fn path_that_cannot_be_used_ends_the_start_as_in_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    setup.lab.file(CONFIG, format!("{TFTP}\ndhcp-range=192.168.10.0,proxy\n"));
    setup.lab.file("/srv/file", "");
    setup.lab.link("/srv/loop", "/srv/loop");
    setup.lab.link("/srv/none/x", "/srv/dangling");
    let _socket = UnixDatagram::bind("/srv/socket").expect("/srv is writable");
    let fixed = ["/srv/none/x", "/srv/file/x", "/srv/tftp", "/srv/tftp/"];
    let replaced = ["/srv/loop", "/srv/dangling", "/srv/socket"];
    for mode in [&["-k"][..], &[], &["-d"]] {
        for option in ["--log-facility", "--pid-file", "--dhcp-leasefile"] {
            let is_pid = option == "--pid-file";
            let paths = fixed.iter().chain(replaced.iter().filter(|_| !is_pid));
            for path in paths.filter(|_| !is_pid || mode != ["-d"]) {
                let value = format!("{option}={path}");
                let mut words = vec![&*value];
                words.extend(mode);
                words.extend((!is_pid).then_some("--pid-file="));
                words.extend((option != "--dhcp-leasefile").then_some("-l/run/leases"));
                let ours = failure(&setup, Path::new(OURS), &words);
                assert_eq!(ours, failure(&setup, &setup.dnsmasq, &words), "{words:?}");
                assert_eq!(ours.0, Some(3), "{words:?}");
            }
        }
    }
}

/// D-028.
fn start_does_not_wait_for_a_lease_file_that_is_a_fifo() {
    let Some(setup) = Setup::new() else { return };
    let fifo = "/run/leases";
    mkfifo(fifo, Mode::S_IRUSR | Mode::S_IWUSR).expect("/run is writable");
    setup.lab.file(CONFIG, format!("{TFTP}\ndhcp-range=192.168.10.0,proxy\n"));
    let start = setup.start(Path::new(OURS), &[], reply);
    assert_eq!((start.exit, start.found.len()), (Some(0), 1), "{start:#?}");
}

/// D-045: warnings of pxemasq are logged after the lines of dnsmasq, which are the same.
fn own_warnings_follow_the_lines_of_dnsmasq() {
    let Some(setup) = Setup::new() else { return };
    setup.compare(&[TFTP, "dhcp-range=192.168.10.0,proxy"]);
    setup.start(Path::new(OURS), &[], udp_sockets);
    let text = fs::read_to_string(STDERR).expect("it is text");
    let mut after = text.lines().skip_while(|line| !line.contains("TFTP root is")).skip(1);
    let warning = "warning: /srv/dnsmasq.conf:5: a proxy range answers no client without a \
                   pxe-service or pxe-prompt";
    assert!(after.next().is_some_and(|line| line.ends_with(warning)), "{text}");
}

/// D-046: dnsmasq 2.90 is killed by SIGSEGV.
fn empty_menu_text_is_sent() {
    let Some(dnsmasq) = required(installed_dnsmasq()) else { return };
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    lab.file(
        CONFIG,
        "port=0\nno-ping\ndhcp-range=192.168.77.0,proxy\npxe-service=x86PC,\"\",one\n",
    );
    let machine = ServerHost::new(&lab, ["server", "client"], &["eth0 192.168.77.1/24".to_owned()]);
    let Step::Send(discover) = step("DISCOVER") else { unreachable!("it is a request") };
    let mut theirs = machine.start(&dnsmasq, CONFIG, &[]).expect("it starts");
    // A new link is not up at once.
    let killed = eventually(TIMEOUT, || {
        machine.send(&theirs, &discover);
        theirs.ended().then_some(())
    });
    assert!(killed.is_some() && machine.received().is_empty());
    let mut ours = machine.start(Path::new(OURS), CONFIG, &[]).expect("it starts");
    machine.send(&ours, &discover);
    let received = machine.received();
    // Option 43: sub-option 9, the menu, has one item of type 0x8000 and a text of length 0.
    let menu = [9, 3, 0x80, 0, 0];
    let has_menu = |packet: &[u8]| packet.windows(menu.len()).any(|part| part == menu);
    assert!(received.len() == 1 && has_menu(&received[0].bytes), "{received:#?}");
    assert!(!ours.ended());
}

/// D-047: with `bind-interfaces` and `tftp-single-port`, dnsmasq 2.90 does not answer over IPv4 after most starts. After some it
/// does, so only its answer over IPv6 is compared.
fn bound_single_port_serves_ipv4() {
    let Some(setup) = Setup::new() else { return };
    setup.lab.file(CONFIG, format!("{TFTP}\nbind-interfaces\ntftp-single-port\n"));
    let replies: Probe = |lab| {
        let sockets = ["127.0.0.1", "::1"].map(|address| request(lab, address).expect("loopback"));
        // The reply to the second request comes after the first one was handled.
        let [_, second] = &sockets;
        let second = received(second);
        let [first, _] = sockets;
        first.set_nonblocking(true).expect("a socket");
        [received(&first), second].map(Option::unwrap_or_default).to_vec()
    };
    let data = "\\x00\\x03\\x00\\x01hello\\n";
    assert_eq!(setup.start(&setup.dnsmasq, &[], replies).found[1], data);
    assert_eq!(setup.start(Path::new(OURS), &[], replies).found, [data, data]);
}

/// D-048: dnsmasq serves DNS, or nothing.
fn configuration_with_nothing_to_serve_ends_the_start() {
    let Some(setup) = Setup::new() else { return };
    for config in ["port=0", "port=0\ntftp-root=/srv/tftp", "port=5353\nlisten-address=127.0.0.1"] {
        setup.lab.file(CONFIG, config.to_owned() + "\n");
        let ours = setup.start(Path::new(OURS), &[], udp_sockets);
        let message = "dnsmasq: nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp";
        assert_eq!((ours.exit, ours.lines), (Some(1), vec![String::new(), message.to_owned()]));
        let mut test = Command::new(&setup.dnsmasq);
        let accepted = test.args(["--test", "-C", CONFIG]).stderr(Stdio::null()).status();
        assert!(accepted.is_ok_and(|status| status.success()), "{config}");
    }
}

/// D-049: the script cannot report to the service manager in the name of the daemon.
fn script_does_not_have_the_socket_of_the_service_manager() {
    let Some(mut setup) = Setup::new() else { return };
    setup.env.push(("NOTIFY_SOCKET", "/run/none"));
    setup.lab.file(CALL, "");
    let script =
        format!("#!/bin/sh\necho socket=$NOTIFY_SOCKET >> {CALL}\necho tftp end >> {CALL}\n");
    setup.lab.program(SCRIPT, &script);
    setup.lab.file(CONFIG, format!("{TFTP}\ndhcp-script={SCRIPT}\n"));
    let socket = |program: &Path| setup.start(program, &[], call).found;
    assert_eq!(socket(&setup.dnsmasq), ["socket=/run/none", "tftp end"]);
    assert_eq!(socket(Path::new(OURS)), ["socket=", "tftp end"]);
}
