//! Several replacements at the same time or one after the other, and none to replace.

use crate::common::lab::{Process, eventually};
use crate::common::lockstep::LockstepClient;
use crate::common::measure::family;
use crate::prober::Prober;
use crate::requests::PORTS;
use crate::scene::{
    CLIENT, CONTROL, Ended, PID_FILE, RANGES, ROOT, Scene, TIMEOUT, contents, pid_in_file,
    pid_of_status, programs, runs, signal, status,
};
use nix::sys::signal::Signal;
use std::fs;
use std::process::Stdio;

crate::tests![
    of_two_replacements_at_the_same_time_at_least_one_succeeds,
    earlier_processes_finish_their_transfers_after_further_replacements,
    earlier_processes_end_with_the_server,
    replacement_without_a_server_is_an_error,
    server_that_was_killed_is_not_replaced_and_can_be_started,
    replacement_without_a_pid_file_is_an_error,
];

const FILE: &str = "file";
const SIZE: usize = 100_000;
const ROUNDS: usize = 10;

fn scene() -> Option<Scene> {
    let scene = Scene::new()?;
    scene.lab.file(&format!("/srv/tftp/{FILE}"), contents(FILE, SIZE));
    scene.configure(&format!("{ROOT}{RANGES}"));
    Some(scene)
}

fn begin(scene: &Scene) -> LockstepClient {
    let mut transfer = LockstepClient::ask(scene.client(), CLIENT, FILE).expect("a transfer");
    assert_eq!(transfer.step(), Ok(true));
    transfer
}

fn of_two_replacements_at_the_same_time_at_least_one_succeeds() {
    let Some(scene) = scene() else { return };
    let mut server = scene.start(&[]);
    let mut prober = Prober::new(scene.prober());
    for round in 0..ROUNDS {
        let start = |_| {
            let mut command = Scene::command(&["--replace"]);
            scene.server().spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
        };
        let mut commands: Vec<Process> = (0..3).map(start).collect();
        let ended = commands.iter_mut().map(|command| {
            let ended = eventually(TIMEOUT, || command.ended());
            ended.expect("it ends").success()
        });
        let succeeded = ended.filter(|success| *success).count();
        assert!(succeeded > 0, "round {round}: no command has replaced the server");
        let now = pid_of_status().expect("a server runs");
        assert_ne!(now, server);
        assert_eq!(pid_in_file(), Some(now), "round {round}, {succeeded} commands succeeded");
        assert_eq!(prober.ask(&PORTS), Ok(()), "round {round}");
        server = now;
    }
    // Without transfers, only the last server is left.
    let settled = || {
        let server = family(server);
        programs().iter().all(|id| server.contains(id)).then_some(())
    };
    assert!(eventually(TIMEOUT, settled).is_some(), "{server}: {:?}", programs());
    scene.stop(server);
}

fn earlier_processes_finish_their_transfers_after_further_replacements() {
    let Some(scene) = scene() else { return };
    let mut server = scene.start(&[]);
    let mut earlier = Vec::new();
    for _ in 0..5 {
        earlier.push((server, begin(&scene)));
        server = scene.replace(&[]);
    }
    let pids: Vec<u32> = earlier.iter().map(|(pid, _)| *pid).collect();
    assert_eq!(status().expect("a server runs").earlier, pids);
    // Not in the order of their start.
    earlier.swap(0, 3);
    for (pid, transfer) in earlier {
        assert!(runs(pid), "process {pid} has ended before its transfer");
        assert!(transfer.finish() == Ok(contents(FILE, SIZE)), "the file differs");
        eventually(TIMEOUT, || (!runs(pid)).then_some(())).expect("it ends");
        assert!(!status().expect("a server runs").earlier.contains(&pid));
    }
    assert_eq!(pid_in_file(), Some(server));
    scene.stop(server);
}

fn earlier_processes_end_with_the_server() {
    let Some(scene) = scene() else { return };
    let mut server = scene.start(&[]);
    let mut transfers = Vec::new();
    for _ in 0..3 {
        transfers.push(begin(&scene));
        server = scene.replace(&[]);
    }
    scene.stop(server);
}

fn assert_no_server(ended: &Ended) {
    assert_ne!(ended.code, Some(0));
    let expected = format!("\ndnsmasq: no server is running with the control socket {CONTROL}: ");
    assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
    assert_eq!(ended.stderr.trim().lines().count(), 1, "{}", ended.stderr);
    assert!(programs().is_empty());
}

fn replacement_without_a_server_is_an_error() {
    let Some(scene) = scene() else { return };
    for words in [&["--replace"][..], &["--replace", "-k"], &["--replace", "-d"]] {
        assert_no_server(&scene.run(&mut Scene::command(words)));
        for path in [PID_FILE, CONTROL] {
            assert!(!fs::exists(path).expect("the directory is readable"), "{path}");
        }
    }
}

/// Its control socket and its pid file are left.
fn server_that_was_killed_is_not_replaced_and_can_be_started() {
    let Some(scene) = scene() else { return };
    let server = scene.start(&[]);
    for id in family(server) {
        signal(id, Signal::SIGKILL);
    }
    eventually(TIMEOUT, || programs().is_empty().then_some(())).expect("they end");
    assert_no_server(&scene.run(&mut Scene::command(&["--replace"])));
    let server = scene.start(&[]);
    assert_eq!(pid_of_status(), Ok(server));
    scene.stop(scene.replace(&[]));
}

fn replacement_without_a_pid_file_is_an_error() {
    let Some(scene) = scene() else { return };
    let server = scene.start(&[]);
    let ended = scene.run(&mut Scene::command(&["--replace", "--pid-file="]));
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("--pid-file=<path>"), "{}", ended.stderr);
    assert_eq!(pid_of_status(), Ok(server));
    scene.stop(server);
}
