//! Start, privileges, signals, end.

use crate::common::download::Download;
use crate::common::lab::eventually;
use crate::common::{required, subject, subject_is_theirs};
use crate::setup::{
    CONFIG, Ended, RANGE, Setup, TIMEOUT, daemon, end, runs, signal, started, status,
};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

crate::tests![
    daemon_in_background_serves_after_the_started_process_has_ended,
    error_in_background_is_printed_at_the_terminal,
    only_needed_privileges_of_root_are_kept,
    files_of_the_start_have_owner_and_mode_of_dnsmasq,
    missing_capability_ends_the_start,
    signals_have_the_effects_of_dnsmasq,
    lease_file_is_checked_and_not_changed,
    leases_are_read_from_the_script_with_leasefile_ro,
    idle_daemon_uses_no_processor_time,
    process_that_uses_the_port_is_named_at_a_terminal,
    dnsmasq_of_libvirt_on_the_port_is_not_to_be_stopped,
    interface_that_appears_after_the_start_is_served,
    address_that_is_added_after_the_start_is_served,
];

fn daemon_in_background_serves_after_the_started_process_has_ended() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    symlink("/srv/elsewhere", "/run/dnsmasq.pid").expect("/run is writable");
    let line = format!("umask 077; exec 9</dev/zero; exec {} -C {CONFIG}", subject().display());
    assert_eq!(setup.run(Command::new("sh").args(["-c", &line])), started());
    assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));

    let id = daemon().expect("a pid file");
    let file = fs::symlink_metadata("/run/dnsmasq.pid").expect("a pid file");
    assert!(file.is_file() && !fs::exists("/srv/elsewhere").expect("the directory is readable"));
    assert_eq!((file.mode() & 0o7777, file.uid(), file.gid()), (0o644, 65534, 65534));
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let (parent, session) = (fields[1], fields[3]);
    assert_ne!(parent, std::process::id().to_string());
    assert!(session != id.to_string() && session != "0", "it has no session of its own: {stat}");
    let link = |path: &str| fs::read_link(format!("/proc/{id}/{path}")).unwrap_or_default();
    for fd in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(link(fd), std::path::Path::new("/dev/null"));
    }
    let others = fs::read_dir(format!("/proc/{id}/fd")).expect("descriptors").flatten();
    let zero = others.filter(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.ends_with("zero")));
    assert_eq!(zero.count(), 0, "a descriptor of the parent process is open");
    assert_eq!((link("cwd").to_str(), &status(id, "Umask")[..]), (Some("/"), "0022"));
    let leases = fs::metadata("/var/lib/misc/dnsmasq.leases").expect("a lease file");
    assert_eq!((leases.len(), leases.mode() & 0o7777, leases.uid()), (0, 0o644, 0));

    setup.logged(5);
    end(id);
    // Only root can delete files in /run, so the PID file remains.
    assert!(fs::exists("/run/dnsmasq.pid").expect("the directory is readable"));
    let log = setup.logged(6);
    assert_eq!(
        log,
        [
            "6 dnsmasq: started, version",
            "6 dnsmasq: compile time options:",
            "6 dnsmasq-dhcp: DHCP, proxy on subnet 10.9.0.0",
            "6 dnsmasq-tftp: TFTP root is /srv/tftp  ",
            "6 dnsmasq-tftp: sent /srv/tftp/small to 10.9.0.2",
            "6 dnsmasq: exiting on receipt of SIGTERM",
        ]
    );
}

fn error_in_background_is_printed_at_the_terminal() {
    let Some(setup) = required(Setup::new("tftp-root=/srv/none\n")) else { return };
    let sentence = "TFTP directory /srv/none inaccessible: No such file or directory";
    let ended = setup.background(&["--log-facility=/srv/log"]);
    assert_eq!(ended, Ended { code: Some(3), stderr: format!("\ndnsmasq: {sentence}\n") });
    let wanted = [format!("2 dnsmasq: {sentence}"), "2 dnsmasq: FAILED to start up".to_owned()];
    assert_eq!(setup.logged(2), wanted, "the log of the started process");
    assert_eq!(fs::read_to_string("/srv/log").ok().as_deref(), Some(""));
    let id = daemon().expect("the pid file is left");
    let gone = || (!runs(id)).then_some(());
    eventually(Duration::from_secs(5), gone).expect("it ends");
}

fn only_needed_privileges_of_root_are_kept() {
    for (config, words, kept) in [
        (RANGE, &[][..], 0_u64),
        (RANGE, &["--no-ping"], 0),
        ("", &[], 0),
        ("", &["--bind-dynamic"], 1 << 10),
    ] {
        let Some(setup) = required(Setup::new(config)) else { return };
        assert_eq!(setup.background(words), started());
        let id = daemon().expect("a pid file");
        setup.get("small").expect("it serves");
        let group = status(id, "Gid");
        let gid = group.split(' ').next().expect("a number");
        assert_eq!(group, [gid; 4].join(" "));
        for task in fs::read_dir(format!("/proc/{id}/task")).expect("threads").flatten() {
            let task: u32 = task.file_name().to_str().expect("a number").parse().expect("one");
            assert_eq!(status(task, "Uid"), ["65534"; 4].join(" "));
            assert_eq!(status(task, "Groups"), "");
            for set in ["CapPrm", "CapEff"] {
                assert_eq!(
                    u64::from_str_radix(&status(task, set), 16),
                    Ok(kept),
                    "{set} {words:?}"
                );
            }
            for set in ["CapInh", "CapAmb"] {
                assert_eq!(u64::from_str_radix(&status(task, set), 16), Ok(0), "{set}");
            }
        }
        end(id);
    }
}

/// Name, owner and mode of a file, and whether it is sent: as user `nobody`, as `nobody` with `tftp-secure`, as root, as
/// root with `tftp-secure`.
#[rustfmt::skip]
const OWNED: &[(&str, u32, u32, [bool; 4])] = &[
    ("root-644",   0,     0o644, [true,  false, true,  true]),
    ("root-600",   0,     0o600, [false, false, false, false]),
    ("nobody-644", 65534, 0o644, [true,  true,  true,  true]),
    ("nobody-600", 65534, 0o600, [true,  true,  false, false]),
    ("other-644",  2,     0o644, [true,  false, true,  true]),
    ("other-604",  2,     0o604, [true,  false, true,  true]),
];

fn files_of_the_start_have_owner_and_mode_of_dnsmasq() {
    let ways = [
        ("", "-unobody"),
        ("tftp-secure\n", "-unobody"),
        ("", "-uroot"),
        ("tftp-secure\n", "-uroot"),
    ];
    for (way, (config, user)) in ways.into_iter().enumerate() {
        let Some(setup) = required(Setup::new(config)) else { return };
        for (name, owner, mode, _) in OWNED {
            let path = format!("/srv/tftp/{name}");
            fs::write(&path, name).expect("the TFTP root is writable");
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode))
                .expect("root can do this");
            chown(&path, Some(*owner), None).expect("root can do this");
        }
        assert_eq!(setup.background(&[user]), started());
        for (name, _, _, gets) in OWNED {
            let denied = format!("2 cannot access /srv/tftp/{name}: Permission denied\0");
            let expected = if gets[way] { Ok(name.as_bytes().to_vec()) } else { Err(denied) };
            assert_eq!(setup.get(name), expected, "{user} {config}");
        }
        end(daemon().expect("a pid file"));
    }
}

fn missing_capability_ends_the_start() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    for (lacks, code, sentence) in [
        ("net_raw", 5, "process is missing required capability NET_RAW"),
        // D-039: without a pool, NET_ADMIN is not needed.
        ("net_raw,-net_admin", 5, "process is missing required capability NET_RAW"),
        ("net_bind_service", 2, "failed to bind DHCP server socket: Permission denied"),
        ("setuid", 5, "setting capabilities failed: Operation not permitted"),
        ("setgid", 5, "failed to change group-id to dip: Operation not permitted"),
    ] {
        let mut command = Command::new("setpriv");
        command.args([&format!("--bounding-set=-{lacks}"), "--inh-caps=-all"]).arg(subject());
        let ended = setup.run(command.args(["-C", CONFIG]));
        let stderr = format!("\ndnsmasq: {sentence}\n");
        assert_eq!(ended, Ended { code: Some(code), stderr }, "without {lacks}");
    }
}

fn signals_have_the_effects_of_dnsmasq() {
    let Some(setup) = required(Setup::new("")) else { return };
    assert_eq!(setup.background(&["-x", "/srv/pid/pid"]).code, Some(3));
    setup.lab.file("/srv/pid/old", "");
    chown("/srv/pid", Some(65534), None).expect("root can change the owner");
    assert_eq!(setup.background(&["-x", "/srv/pid/pid"]), started());
    let text = fs::read_to_string("/srv/pid/pid").expect("a pid file");
    let id: u32 = text.trim_end_matches('\n').parse().expect("a number and a newline");
    // Waits for the lines of the start.
    setup.logged(3);
    setup.lab.take_syslog();
    for name in ["USR1", "USR2", "ALRM", "HUP", "INT", "CHLD", "PIPE", "WINCH"] {
        signal(id, format!("SIG{name}").parse().expect("a signal"));
    }
    setup.get("small").expect("it serves");
    assert!(runs(id));
    // D-056: SIGUSR1 writes the state.
    let states = if subject_is_theirs() { 0 } else { 4 };
    setup.logged(states + 1);
    end(id);
    assert!(
        !fs::exists("/srv/pid/pid").expect("the directory is readable"),
        "the user can delete files in this directory"
    );
    let wanted = [
        "6 dnsmasq-tftp: sent /srv/tftp/small to 10.9.0.2",
        "6 dnsmasq: exiting on receipt of SIGTERM",
    ];
    let logged = setup.logged(states + 2);
    let (state, others): (Vec<&str>, Vec<&str>) =
        logged.iter().map(String::as_str).partition(|line| line.starts_with("6 dnsmasq: status: "));
    assert_eq!((state.len(), &others[..]), (states, &wanted[..]));

    let mut debug = setup.foreground(&mut Setup::program(&["-d", "-x", "/srv/pid/pid"]));
    assert!(
        !fs::exists("/srv/pid/pid").expect("the directory is readable"),
        "-d writes no PID file"
    );
    signal(debug.id(), Signal::SIGINT);
    let ended = eventually(TIMEOUT, || debug.ended()).expect("it ends");
    assert_eq!(ended.code(), Some(5));
}

fn lease_file_is_checked_and_not_changed() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let ended = setup.background(&["-l", "/srv/none/leases"]);
    let sentence = "cannot open or create lease file /srv/none/leases: No such file or directory";
    assert_eq!(ended, Ended { code: Some(3), stderr: format!("\ndnsmasq: {sentence}\n") });
    setup.logged(2);
    setup.lab.take_syslog();

    let kept = "0 52:54:00:00:00:01 10.9.0.50 hosta *\nfoo bar\n";
    setup.lab.file("/srv/leases", kept);
    assert_eq!(setup.background(&["-l", "/srv/leases"]), started());
    let warning = "4 dnsmasq: ignoring invalid line in lease database: foo bar   ...";
    assert_eq!(setup.logged(2)[0], warning);
    end(daemon().expect("a pid file"));
    assert_eq!(fs::read_to_string("/srv/leases").ok().as_deref(), Some(kept));

    let many = setup.background(&["-l", "/srv/leases", "-X", "0"]);
    assert_eq!(many, Ended { code: Some(5), stderr: "\ndnsmasq: too many stored leases\n".into() });

    assert_eq!(setup.background(&["-9", "-l", "/srv/other"]), started());
    assert!(!fs::exists("/srv/other").expect("the directory is readable"));
    end(daemon().expect("a pid file"));
}

fn leases_are_read_from_the_script_with_leasefile_ro() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    for (script, ended) in [
        (
            "exit 3",
            Ended {
                code: Some(13),
                stderr: "\ndnsmasq: lease-init script returned exit code 3\n".into(),
            },
        ),
        ("echo foo", started()),
    ] {
        let script = format!("#!/bin/sh\n[ $1 = init ] && pwd > /srv/directory\n{script}\n");
        setup.lab.program("/srv/init", &script);
        let mut command = Setup::program(&["-9", "--dhcp-script=/srv/init"]);
        assert_eq!(setup.run(command.current_dir("/srv/tftp")), ended);
        assert_eq!(fs::read_to_string("/srv/directory").ok().as_deref(), Some("/srv/tftp\n"));
    }
    assert!(setup.logged(3).contains(&"3 dnsmasq: failed to parse lease database cleanly".into()));
    end(daemon().expect("a pid file"));
    let missing = setup.background(&["-9", "--dhcp-script=/srv/none"]);
    let sentence = "cannot run lease-init script /srv/none: No such file or directory";
    let stderr = missing.stderr.lines().last().unwrap_or_default().to_owned();
    assert_eq!((missing.code, stderr), (Some(3), format!("dnsmasq: {sentence}")));
}

/// Without requests, no thread wakes up.
fn idle_daemon_uses_no_processor_time() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    assert_eq!(setup.background(&[]), started());
    let id = daemon().expect("a pid file");
    setup.get("small").expect("it serves");
    // One second after something was sent, it reads the size of the neighbour table.
    sleep(Duration::from_secs(2));
    let woken = || -> u64 {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).expect("threads").flatten();
        let numbers = tasks.filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
        numbers.filter_map(|task| status(task, "voluntary_ctxt_switches").parse::<u64>().ok()).sum()
    };
    let before = woken();
    sleep(Duration::from_secs(3));
    assert_eq!(woken(), before, "a thread woke up without a request");
}

/// At a terminal, the error names the process that uses the port. For other programs it is dnsmasq's message (D-001).
fn process_that_uses_the_port_is_named_at_a_terminal() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    if subject_is_theirs() {
        return crate::common::harness::skip("dnsmasq differs: D-001");
    }
    let _holder = setup.lab.host("server").udp("0.0.0.0:67");
    let message = "\ndnsmasq: failed to bind DHCP server socket: Address already in use\n";
    let ended = setup.background(&[]);
    assert_eq!(ended, Ended { code: Some(2), stderr: message.to_owned() });
    // systemd sets `JOURNAL_STREAM` if standard error is the journal.
    let journal = fs::File::create("/srv/journal").expect("/srv is writable");
    let found = journal.metadata().expect("it is there");
    let stream = format!("{}:{}", found.dev(), found.ino());
    let mut command = Setup::program(&["-k"]);
    let mut daemon =
        setup.lab.host("server").spawn(command.env("JOURNAL_STREAM", stream).stderr(journal));
    eventually(TIMEOUT, || daemon.ended()).expect("it ends");
    let seen = fs::read_to_string("/srv/journal").expect("it was written");
    let holder =
        format!("(process {}): stop it, or move it to another address", std::process::id());
    assert!(seen.contains("port 67 is taken by ") && seen.contains(&holder), "{seen}");
}

/// libvirt, LXD, Incus and `NetworkManager` start a dnsmasq for each of their networks. It is not stopped: both can run.
fn dnsmasq_of_libvirt_on_the_port_is_not_to_be_stopped() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    if subject_is_theirs() {
        return crate::common::harness::skip("dnsmasq differs: D-001");
    }
    let theirs = std::path::Path::new("/usr/sbin/dnsmasq");
    let installed =
        theirs.exists().then_some(()).ok_or_else(|| "dnsmasq is not installed".to_owned());
    let Some(()) = required(installed) else { return };
    let server = setup.lab.host("server");
    server.ip("link add virbr0 type bridge");
    server.ip("addr add 192.168.122.1/24 dev virbr0");
    server.ip("link set virbr0 up");
    let file = "/srv/libvirt/dnsmasq/default.conf";
    setup.lab.file(
        file,
        "port=0\nbind-dynamic\ninterface=virbr0\nexcept-interface=lo\ndhcp-range=192.168.122.2,192.168.122.254\n\
         dhcp-leasefile=/srv/leases\npid-file=/srv/libvirt.pid\nuser=root\n",
    );
    let mut command = Command::new(theirs);
    let mut other = server.spawn(command.args(["-k", &format!("--conf-file={file}")]));
    eventually(TIMEOUT, || server.listens_on_udp(67).then_some(())).expect("it listens");
    let journal = fs::File::create("/srv/journal").expect("/srv is writable");
    let found = journal.metadata().expect("it is there");
    let stream = format!("{}:{}", found.dev(), found.ino());
    let mut command = Setup::program(&["-k"]);
    let mut daemon = server.spawn(command.env("JOURNAL_STREAM", stream).stderr(journal));
    eventually(TIMEOUT, || daemon.ended()).expect("it ends");
    let seen = fs::read_to_string("/srv/journal").expect("it was written");
    let expected = "for virbr0: both can run if this configuration has bind-dynamic, and interface= with the interfaces to serve";
    assert!(seen.contains("dnsmasq of libvirt") && seen.contains(expected), "{seen}");
    // What the message says is true.
    setup.lab.file(CONFIG, format!("port=0\n{RANGE}bind-dynamic\ninterface=eth0\n"));
    assert_eq!(setup.background(&[]), started());
    assert!(other.ended().is_none(), "the other one runs");
    end(self::daemon().expect("a pid file"));
}

/// At boot, the network may be configured after the program has started.
fn interface_that_appears_after_the_start_is_served() {
    for binding in ["", "bind-dynamic\n", "bind-interfaces\n"] {
        let config = format!("{RANGE}interface=eth1\n{binding}");
        let Some(setup) = required(Setup::new(&config)) else { return };
        let ended = setup.background(&[]);
        if binding.starts_with("bind-interfaces") {
            let stderr = "\ndnsmasq: unknown interface eth1\n".to_owned();
            assert_eq!(ended, Ended { code: Some(2), stderr });
            continue;
        }
        assert_eq!(ended, started());
        let warning = "4 dnsmasq: warning: interface eth1 does not currently exist".to_owned();
        assert!(setup.logged(4).contains(&warning), "{binding}: {:#?}", setup.logged(4));
        let server = setup.lab.host("server");
        for words in ["link set eth0 down", "link set eth0 name eth1", "link set eth1 up"] {
            server.ip(words);
        }
        assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()), "{binding}");
        // The same for an address.
        server.ip("addr add 10.9.0.7/24 dev eth1");
        let download = Download { file: "small", server: "10.9.0.7:69", ..Download::DEFAULT };
        assert_eq!(download.bytes(setup.lab.host("client")), Ok(b"hello\n".to_vec()), "{binding}");
        end(daemon().expect("a pid file"));
    }
}

fn address_that_is_added_after_the_start_is_served() {
    for binding in ["", "bind-dynamic\n"] {
        let config = format!("listen-address=10.9.0.7\n{binding}");
        let Some(setup) = required(Setup::new(&config)) else { return };
        assert_eq!(setup.background(&[]), started());
        let server = setup.lab.host("server");
        server.ip("addr add 10.9.0.7/24 dev eth0");
        let download = Download { file: "small", server: "10.9.0.7:69", ..Download::DEFAULT };
        assert_eq!(download.bytes(setup.lab.host("client")), Ok(b"hello\n".to_vec()), "{binding}");
        end(daemon().expect("a pid file"));
    }
}
