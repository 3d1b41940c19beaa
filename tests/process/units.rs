//! Service managers: the service types of systemd and the command lines of distributions. A socket of the test receives the
//! notifications (`sd_notify(3)`). `tests/packages` runs the init files of Debian, Arch and Tiny Core.

use crate::common::lab::{Process, allow, eventually};
use crate::common::required;
use crate::setup::{CONFIG, Setup, TIMEOUT, end, runs, signal};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

crate::tests![
    forking_service_has_pid_file_when_started_process_ends,
    notify_service_sends_ready_reloading_and_stopping,
    exec_service_serves_until_sigterm,
    configuration_of_openwrt_is_served,
];

const RANGE: &str = "dhcp-range=10.9.0.0,proxy\n";
const SOCKET: &str = "/run/notify";

/// `Type=forking` with a `PIDFile=` (systemd.service(5)): the file exists when the started process ends.
fn forking_service_has_pid_file_when_started_process_ends() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    setup.lab.file("/run/dnsmasq/old", "");
    std::os::unix::fs::chown("/run/dnsmasq", Some(65534), None).expect("root can change the owner");
    let pid_file = "/run/dnsmasq/dnsmasq.pid";
    let words =
        ["-x", pid_file, "-u", "nobody", "-7", "/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new"];
    let more = [
        "--local-service",
        "--trust-anchor=.,20326,8,2,E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ];
    setup.lab.file("/etc/dnsmasq.d/a.conf", "tftp-no-blocksize\n");
    setup.lab.file("/etc/dnsmasq.d/b.conf.dpkg-old", "nonsense\n");
    let started = setup.run(Setup::program(&words).args(more));
    assert_eq!((started.code, &started.stderr[..]), (Some(0), ""));
    // Without waiting: the file must exist already.
    let text = fs::read_to_string(pid_file).expect("a pid file");
    let id: u32 = text.trim().parse().expect("a number");
    assert!(runs(id) && setup.lab.host("server").listens_on_udp(69));
    assert!([0, 65534].contains(&fs::metadata(pid_file).expect("a pid file").uid()));
    setup.get("small").expect("it serves");
    end(id);
    assert!(!fs::exists(pid_file).expect("the directory is readable"));
}

/// A socket that receives the notifications in place of systemd.
struct Manager(UnixDatagram);

impl Manager {
    fn new() -> Self {
        let socket = UnixDatagram::bind(SOCKET).expect("a socket");
        allow(SOCKET, 0o777);
        socket.set_read_timeout(Some(TIMEOUT)).expect("a socket");
        Self(socket)
    }

    fn notification(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let size = self.0.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..size]).into_owned())
    }

    fn start(setup: &Setup, words: &[&str]) -> Process {
        let mut command = Setup::program(words);
        setup.lab.host("server").spawn(command.env("NOTIFY_SOCKET", SOCKET))
    }
}

/// `Type=notify`, and `Type=notify-reload`.
fn notify_service_sends_ready_reloading_and_stopping() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let manager = Manager::new();
    let mut daemon = Manager::start(&setup, &["-k", "--pid-file"]);
    let ready = format!("READY=1\nMAINPID={}", daemon.id());
    assert_eq!(manager.notification(), Some(ready.clone()));
    assert!(
        setup.lab.host("server").listens_on_udp(69),
        "READY was sent before the port was bound"
    );
    setup.get("small").expect("it serves");
    signal(daemon.id(), Signal::SIGHUP);
    let reloading = manager.notification().unwrap_or_default();
    let since_boot = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").map(str::parse::<u64>);
    assert!(since_boot.is_some_and(|number| number.is_ok_and(|number| number > 0)), "{reloading}");
    assert_eq!(manager.notification(), Some(ready));
    signal(daemon.id(), Signal::SIGTERM);
    assert_eq!(manager.notification().as_deref(), Some("STOPPING=1"));
    let ended = eventually(TIMEOUT, || daemon.ended()).expect("it ends");
    assert_eq!(ended.code(), Some(0));

    // In the background, MAINPID is the process ID of the daemon. A failed start sends no READY.
    let started = setup.run(Setup::program(&[]).env("NOTIFY_SOCKET", SOCKET));
    assert_eq!(started.code, Some(0));
    let id = crate::setup::daemon().expect("a pid file");
    assert_eq!(manager.notification(), Some(format!("READY=1\nMAINPID={id}")));
    end(id);
    assert_eq!(manager.notification().as_deref(), Some("STOPPING=1"));
    let failed = setup.run(Setup::program(&["-x", "/srv/none/pid"]).env("NOTIFY_SOCKET", SOCKET));
    assert_eq!(failed.code, Some(3));
    manager.0.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
    assert_eq!(manager.notification(), None);
}

/// `Type=exec` and `Type=simple`: the started process serves until SIGTERM.
fn exec_service_serves_until_sigterm() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let mut daemon = setup.foreground(&mut Setup::program(&["-k", "--enable-dbus", "--pid-file"]));
    setup.get("small").expect("it serves");
    let started = setup.logged(5);
    assert!(
        started.iter().any(|line| line.contains("enable-dbus is ignored")),
        "a warning: {started:?}"
    );
    signal(daemon.id(), Signal::SIGTERM);
    let ended = eventually(TIMEOUT, || daemon.ended()).expect("it ends");
    assert_eq!(ended.code(), Some(0));
}

/// The command line of `OpenWrt`'s procd, and the configuration that its init script writes.
fn configuration_of_openwrt_is_served() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let config = "/var/etc/dnsmasq.conf.cfg01411c";
    let lines = format!(
        "# auto-generated config file from /etc/config/dhcp\nconf-file={CONFIG}\n\
        domain-needed\nlocalise-queries\nread-ethers\nexpand-hosts\nbind-dynamic\nlocal-service\n\
        edns-packet-max=1232\ndomain=lan\nlocal=/lan/\ndhcp-leasefile=/run/leases\n\
        dhcp-script=/usr/lib/dnsmasq/dhcp-script.sh\nscript-arp\n\
        dhcp-broadcast=tag:needs-broadcast\nconf-dir=/run/dnsmasq.d\nuser=nobody\ngroup=nogroup\n\n\
        dhcp-ignore-names=tag:dhcp_bogus_hostname\nbogus-priv\n"
    );
    setup.lab.file("/run/openwrt.conf", lines);
    setup.lab.file("/run/dnsmasq.d/x", "");
    setup.lab.file("/run/dnsmasq/x", "");
    fs::create_dir_all("/run/etc").expect("/run is writable");
    let config = config.replace("/var/etc", "/run/etc");
    fs::rename("/run/openwrt.conf", &config).expect("the file can be renamed");
    let mut command = Command::new(crate::common::subject());
    command.args(["-C", &config, "-k", "-x", "/run/dnsmasq/dnsmasq.cfg01411c.pid"]);
    let daemon = setup.foreground(&mut command);
    let text = fs::read_to_string("/run/dnsmasq/dnsmasq.cfg01411c.pid").expect("a pid file");
    assert_eq!(text, format!("{}\n", daemon.id()));
    setup.get("small").expect("it serves");
}
