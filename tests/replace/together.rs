//! Several replacements at the same time or one after the other, and none to replace.

use crate::common::lab::{Process, eventually};
use crate::common::lockstep::LockstepClient;
use crate::common::measure::{descriptors, family};
use crate::prober::Prober;
use crate::requests::PORTS;
use crate::scene::{
    CLIENT, CONFIG, CONTROL, Ended, PID_FILE, RANGES, ROOT, Scene, TIMEOUT, contents, pid_in_file,
    pid_of_status, programs, runs, signal, status, succeeded,
};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::process::Stdio;

crate::tests![
    of_two_replacements_at_the_same_time_at_least_one_succeeds,
    earlier_processes_finish_their_transfers_after_further_replacements,
    earlier_processes_end_with_the_server,
    descriptors_and_helper_processes_do_not_become_more,
    pid_file_has_owner_and_mode_of_a_start,
    pid_file_is_written_beside_a_link_of_the_serving_user,
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
        // The document may be some time old.
        let forgotten = || (!status().ok()?.earlier.contains(&pid)).then_some(());
        eventually(TIMEOUT, forgotten).expect("the server notices its end");
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

fn descriptors_and_helper_processes_do_not_become_more() {
    let Some(scene) = scene() else { return };
    scene.start(&[]);
    let counted = |server: u32| {
        let settled = || {
            let server = family(server);
            programs().iter().all(|id| server.contains(id)).then_some(server)
        };
        let family = eventually(TIMEOUT, settled).expect("the earlier processes end");
        // Ended links are closed then.
        let all = || -> usize { family.iter().map(|id| descriptors(*id)).sum() };
        (family.len(), all())
    };
    let before = counted(scene.replace(&[]));
    let mut server = 0;
    for _ in 0..10 {
        server = scene.replace(&[]);
    }
    let after = eventually(TIMEOUT, || Some(counted(server)).filter(|after| *after == before));
    assert!(after.is_some(), "{before:?}, and {:?} after ten replacements", counted(server));
    scene.stop(server);
}

fn pid_file_has_owner_and_mode_of_a_start() {
    let Some(scene) = scene() else { return };
    let found = || {
        let file = fs::metadata(PID_FILE).expect("a pid file");
        (file.mode() & 0o7777, file.uid(), file.gid())
    };
    scene.start(&[]);
    let before = found();
    let program = crate::common::subject();
    let line = format!("umask 077; exec {} -C {CONFIG} --replace", program.display());
    let ended = scene.run(std::process::Command::new("sh").args(["-c", &line]));
    assert_eq!(ended, succeeded());
    assert_eq!(found(), before);
    scene.stop(pid_in_file().expect("a pid file"));
}

/// The directory of the pid file may belong to the user that serves. Root does not write through its links.
fn pid_file_is_written_beside_a_link_of_the_serving_user() {
    let Some(scene) = scene() else { return };
    scene.lab.file("/srv/pid/x", "");
    chown("/srv/pid", Some(65534), None).expect("root can change the owner");
    scene.lab.file("/srv/other", "other\n");
    let words = ["--pid-file=/srv/pid/pid"];
    assert_eq!(scene.run(&mut Scene::command(&words)), succeeded());
    // The name of a temporary file is that of the pid file and the next process id.
    let last = fs::read_to_string("/proc/loadavg").expect("/proc is mounted");
    let last: u32 = last.split_whitespace().last().and_then(|id| id.parse().ok()).expect("an id");
    for id in last..last + 5000 {
        symlink("/srv/other", format!("/srv/pid/pid.{id}")).expect("it is writable");
    }
    let ended = scene.run(&mut Scene::command(&["--pid-file=/srv/pid/pid", "--replace"]));
    assert_eq!(ended, succeeded());
    assert_eq!(fs::read_to_string("/srv/other").ok().as_deref(), Some("other\n"));
    let file = fs::symlink_metadata("/srv/pid/pid").expect("a pid file");
    assert!(file.is_file());
    let server = fs::read_to_string("/srv/pid/pid").expect("a pid file");
    scene.stop(server.trim().parse().expect("a number"));
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
