//! Robustness: killed under load, started with unusual settings, stopped during the start.

use crate::common::download::Download;
use crate::common::lab::eventually;
use crate::common::{required, subject, subject_is_theirs};
use crate::stand::{CONFIG, PATIENCE, RANGE, Stand, daemon, end, runs, signal, started};
use nix::sys::signal::Signal;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

crate::tests![
    daemon_killed_under_load_serves_after_each_restart,
    ignored_signals_and_unread_output_of_the_caller_have_no_effect,
    inherited_children_are_reaped,
    signals_after_the_end_have_no_effect,
    start_is_ended_by_a_signal,
];

/// Killed under load a hundred times and started again: nothing that is left keeps it from serving.
fn daemon_killed_under_load_serves_after_each_restart() {
    let Some(stand) = required(Stand::new(RANGE)) else { return };
    stand.lab.file("/srv/tftp/large", vec![7; 3_000_000]);
    let client = stand.lab.host("client");
    let calm = AtomicBool::new(false);
    // Clients that are left alone ask anew, as firmware does, until they have it; and once more in the end.
    let patience = Duration::from_millis(50);
    let usual = Download { file: "large", windowsize: 4, patience, tries: 2, ..Download::USUAL };
    let load = || {
        while !calm.load(Ordering::Relaxed) || usual.get(client, |_| {}).is_err() {
            drop(usual.get(client, |_| {}));
        }
    };
    let slowest = std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(load)));
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let start = Instant::now();
            assert_eq!(stand.background(&[]), started());
            assert_eq!(stand.get("small"), Ok(b"hello\n".to_vec()));
            slowest = slowest.max(start.elapsed());
            sleep(Duration::from_millis(10));
            let id = daemon().expect("a pid file");
            signal(id, Signal::SIGKILL);
            eventually(PATIENCE, || (!runs(id)).then_some(())).expect("it ends");
        }
        assert_eq!(stand.background(&[]), started());
        calm.store(true, Ordering::Relaxed);
        slowest
    });
    end(daemon().expect("a pid file"));
    // What is built for tests is slow, and so is a machine that runs many of them: the README has the figure.
    println!("it served again after {slowest:?} at most");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

/// The caller may ignore signals, or not read the output.
fn ignored_signals_and_unread_output_of_the_caller_have_no_effect() {
    let Some(stand) = required(Stand::new("dhcp-script=/srv/script\n")) else { return };
    stand.lab.program("/srv/script", "#!/bin/sh\necho told\n");
    let line =
        format!("trap '' CHLD HUP TERM; exec {} -C {CONFIG} --log-debug", subject().display());
    assert_eq!(stand.run(Command::new("sh").args(["-c", &line])), started());
    let id = daemon().expect("a pid file");
    stand.get("small").expect("it serves");
    let told = "7 dnsmasq-script: told".to_owned();
    eventually(PATIENCE, || stand.logged(1).contains(&told).then_some(())).expect("it is told");
    end(id);
    let full = || fs::File::options().write(true).open("/dev/full").expect("there is one");
    let ended = |words: &[&str]| {
        let mut command = Command::new(subject());
        command.args(words).stdout(full()).stderr(full()).status().expect("it runs").code()
    };
    if !subject_is_theirs() {
        assert_eq!((ended(&["--version"]), ended(&["--help"])), (Some(0), Some(0)));
    }
    assert_eq!(ended(&["--nonsense"]), Some(1));
}

/// Process 1 of a container inherits children that it did not start.
fn inherited_children_are_reaped() {
    let Some(stand) = required(Stand::new("")) else { return };
    let line = format!("(sleep 0.2 & exit); exec {} -k -x '' -C {CONFIG}", subject().display());
    let mut first = Command::new("unshare");
    first.args(["--pid", "--fork", "--kill-child", "sh", "-c", &line]);
    let process = stand.foreground(&mut first);
    let children = |of: u32| -> Vec<u32> {
        let path = format!("/proc/{of}/task/{of}/children");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
    };
    let first = children(process.id())[0];
    let alone = || children(first).is_empty().then_some(());
    eventually(PATIENCE, alone).expect("the sleeper is gone, and nothing is left of it");
    // It is another user's now, and would outlive whoever started it.
    end(first);
}

fn signals_after_the_end_have_no_effect() {
    let Some(stand) = required(Stand::new("")) else { return };
    for _ in 0..20 {
        let mut daemon = stand.foreground(&mut Stand::program(&["-k", "-x", ""]));
        signal(daemon.id(), Signal::SIGTERM);
        for _ in 0..3 {
            _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(daemon.id().cast_signed()),
                Signal::SIGHUP,
            );
        }
        let ended = eventually(PATIENCE, || daemon.ended()).expect("it ends");
        assert_eq!(ended.code(), Some(0));
    }
}

fn start_is_ended_by_a_signal() {
    let Some(stand) = required(Stand::new(RANGE)) else { return };
    stand.lab.program("/srv/init", "#!/bin/sh\nexec sleep 3\n");
    for end in [Signal::SIGTERM, Signal::SIGINT] {
        let mut command = Stand::program(&["-9", "--dhcp-script=/srv/init"]);
        let mut process = stand.lab.host("server").spawn(&mut command);
        sleep(Duration::from_millis(200));
        signal(process.id(), end);
        let ended =
            eventually(Duration::from_secs(1), || process.ended()).expect("it ends at once");
        assert_eq!(ended.code(), Some(5));
    }
    assert_eq!(stand.logged(0), [""; 0], "silently");
}
