//! Robustness: killed under load, started with unusual signal dispositions, stopped during the start.

use crate::common::download::Download;
use crate::common::lab::eventually;
use crate::common::{required, subject, subject_is_theirs};
use crate::setup::{CONFIG, RANGE, Setup, TIMEOUT, daemon, end, runs, signal, started};
use nix::sys::signal::Signal;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

crate::tests![
    server_restarts_at_once_after_each_of_100_kills,
    ignored_signals_and_closed_pipes_of_the_parent_have_no_effect,
    inherited_children_are_reaped,
    signal_during_shutdown_has_no_effect,
    signal_during_start_ends_the_process,
    clients_are_served_while_files_are_reloaded_without_pause,
];

/// Kills the program under load 100 times and starts it again: what the killed process left does not prevent the start.
fn server_restarts_at_once_after_each_of_100_kills() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    setup.lab.file("/srv/tftp/large", vec![7; 3_000_000]);
    let client = setup.lab.host("client");
    let restarted = AtomicBool::new(false);
    // Clients send their requests again, as firmware does, until they have the file; and once more at the end.
    let timeout = Duration::from_millis(50);
    let usual =
        Download { file: "large", windowsize: 4, timeout, max_attempts: 2, ..Download::DEFAULT };
    let load = || {
        while !restarted.load(Ordering::Relaxed) || usual.get(client, |_| {}).is_err() {
            drop(usual.get(client, |_| {}));
        }
    };
    let slowest = std::thread::scope(|scope| {
        for _ in 0..2 {
            let _ = scope.spawn(load);
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let start = Instant::now();
            assert_eq!(setup.background(&[]), started());
            assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
            slowest = slowest.max(start.elapsed());
            sleep(Duration::from_millis(10));
            let id = daemon().expect("a pid file");
            signal(id, Signal::SIGKILL);
            eventually(TIMEOUT, || (!runs(id)).then_some(())).expect("it ends");
        }
        assert_eq!(setup.background(&[]), started());
        restarted.store(true, Ordering::Relaxed);
        slowest
    });
    end(daemon().expect("a pid file"));
    // Debug builds and parallel tests are slow: README.md has the time of a release build.
    println!("it served again after {slowest:?} at most");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

/// The parent may ignore signals, and close the read end of the standard output.
fn ignored_signals_and_closed_pipes_of_the_parent_have_no_effect() {
    let Some(setup) = required(Setup::new("dhcp-script=/srv/script\n")) else { return };
    setup.lab.program("/srv/script", "#!/bin/sh\necho called\n");
    let line =
        format!("trap '' CHLD HUP TERM; exec {} -C {CONFIG} --log-debug", subject().display());
    assert_eq!(setup.run(Command::new("sh").args(["-c", &line])), started());
    let id = daemon().expect("a pid file");
    setup.get("small").expect("it serves");
    let line = "7 dnsmasq-script: called".to_owned();
    eventually(TIMEOUT, || setup.logged(1).contains(&line).then_some(()))
        .expect("the script was called");
    end(id);
    let full = || fs::File::options().write(true).open("/dev/full").expect("/dev/full exists");
    let ended = |words: &[&str]| {
        let mut command = Command::new(subject());
        command.args(words).stdout(full()).stderr(full()).status().expect("it runs").code()
    };
    if !subject_is_theirs() {
        assert_eq!((ended(&["--version"]), ended(&["--help"])), (Some(0), Some(0)));
    }
    assert_eq!(ended(&["--nonsense"]), Some(1));
}

/// SIGHUP comes more often than the hosts file can be read. dnsmasq serves too, in the pauses between two readings.
fn clients_are_served_while_files_are_reloaded_without_pause() {
    let config = format!("{RANGE}dhcp-hostsfile=/srv/hosts\n");
    let Some(setup) = required(Setup::new(&config)) else { return };
    let host = |nth: u32| {
        format!("52:54:00:{:02x}:{:02x}:{:02x},set:a\n", nth >> 16, nth >> 8 & 255, nth & 255)
    };
    setup.lab.file("/srv/hosts", (0..50_000).map(host).collect::<String>());
    setup.lab.file("/srv/tftp/large", vec![7; 200_000]);
    let mut daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    let (id, served) = (daemon.id(), AtomicBool::new(false));
    let got = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !served.load(Ordering::Relaxed) {
                signal(id, Signal::SIGHUP);
                sleep(Duration::from_millis(1));
            }
        });
        // A client in lockstep needs 136 turns of the loop.
        let download = Download { file: "large", ..Download::DEFAULT };
        let got = download.get(setup.lab.host("client"), |_| {});
        served.store(true, Ordering::Relaxed);
        got
    });
    assert_eq!(got, Ok(()));
    signal(id, Signal::SIGTERM);
    assert!(eventually(TIMEOUT, || daemon.ended()).is_some_and(|ended| ended.success()));
}

/// As the first process of a container, it inherits children that it did not start.
fn inherited_children_are_reaped() {
    let Some(setup) = required(Setup::new("")) else { return };
    let line = format!("(sleep 0.2 & exit); exec {} -k -x '' -C {CONFIG}", subject().display());
    let mut first = Command::new("unshare");
    first.args(["--pid", "--fork", "--kill-child", "sh", "-c", &line]);
    let process = setup.foreground(&mut first);
    let children = |of: u32| -> Vec<u32> {
        let path = format!("/proc/{of}/task/{of}/children");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
    };
    let first = children(process.id())[0];
    // Its own helper processes are children too.
    let is_helper = |id: &u32| {
        fs::read_to_string(format!("/proc/{id}/comm"))
            .is_ok_and(|name| name.starts_with("pxemasq-"))
    };
    let alone = || children(first).iter().all(is_helper).then_some(());
    eventually(TIMEOUT, alone).expect("the inherited child is reaped");
    // Dropping the process does not end the daemon, because it has another user.
    end(first);
}

fn signal_during_shutdown_has_no_effect() {
    let Some(setup) = required(Setup::new("")) else { return };
    for _ in 0..20 {
        let mut daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
        signal(daemon.id(), Signal::SIGTERM);
        for _ in 0..3 {
            _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(daemon.id().cast_signed()),
                Signal::SIGHUP,
            );
        }
        let ended = eventually(TIMEOUT, || daemon.ended()).expect("it ends");
        assert_eq!(ended.code(), Some(0));
    }
}

fn signal_during_start_ends_the_process() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    setup.lab.program("/srv/init", "#!/bin/sh\nexec sleep 3\n");
    for end in [Signal::SIGTERM, Signal::SIGINT] {
        let mut command = Setup::program(&["-9", "--dhcp-script=/srv/init"]);
        let mut process = setup.lab.host("server").spawn(&mut command);
        sleep(Duration::from_millis(200));
        signal(process.id(), end);
        let ended =
            eventually(Duration::from_secs(1), || process.ended()).expect("it ends at once");
        assert_eq!(ended.code(), Some(5));
    }
    assert_eq!(setup.logged(0), [""; 0], "a signal during the start is not logged");
}
