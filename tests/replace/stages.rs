//! The new process ends at each of its stages: the server goes on as before.

use crate::common::lab::eventually;
use crate::common::lockstep::LockstepClient;
use crate::common::random::Random;
use crate::prober::{Measured, Prober};
use crate::proxy::{Moment, Proxy, Stage};
use crate::requests::PORTS;
use crate::scene::{
    CLIENT, CONTROL, RANGES, ROOT, Scene, TIMEOUT, contents, pid_in_file, pid_of_status,
    pid_of_status_command, programs, runs, signal,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pxemasq::control::replacement::{Control, MAX_MESSAGE_LEN, Message};
use pxemasq::control::{Command as Request, Replace, Request as ControlRequest};
use pxemasq::sys::channel::Channel;
use pxemasq::sys::control_socket::connect_to_server;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

crate::tests![
    server_goes_on_after_a_client_has_closed_the_connection_at_each_message,
    requests_that_arrive_while_the_server_does_not_read_are_answered,
    server_goes_on_after_a_new_process_has_stopped_for_ever,
    server_goes_on_after_all_new_processes_were_killed_at_each_message,
    server_goes_on_after_the_new_server_was_killed_at_each_message,
    no_request_is_lost_in_the_sockets_of_a_new_process_that_was_killed,
    server_goes_on_after_the_new_processes_were_killed_at_any_time,
    state_is_consistent_after_the_command_was_killed_at_any_time,
];

const FILE: &str = "file";
const SIZE: usize = 400_000;
/// Points in time at which new processes are killed.
const KILLS: u32 = 40;

/// A server with a transfer that does not end during the test.
struct Running {
    scene: Scene,
    prober: Prober,
    pid: u32,
    /// All processes of the server.
    processes: Vec<u32>,
    transfer: LockstepClient,
}

impl Running {
    fn new() -> Option<Self> {
        let scene = Scene::new()?;
        scene.lab.file(&format!("/srv/tftp/{FILE}"), contents(FILE, SIZE));
        scene.configure(&format!("{ROOT}{RANGES}"));
        let pid = scene.start(&[]);
        let prober = Prober::new(scene.prober());
        let transfer = LockstepClient::ask(scene.client(), CLIENT, FILE).expect("a transfer");
        Some(Self { scene, prober, pid, processes: programs(), transfer })
    }

    /// The server answers, continues its transfer, and is found as before. Nothing is left of the process that was to replace it.
    fn assert_goes_on(&mut self, when: &str) {
        let others = || programs().into_iter().filter(|id| !self.processes.contains(id));
        let ended = eventually(TIMEOUT, || others().next().is_none().then_some(()));
        assert!(ended.is_some(), "{when}: these are left: {:?}", others().collect::<Vec<_>>());
        assert!(runs(self.pid), "{when}: the server has ended: {:#?}", self.scene.lab.syslog());
        let answered = self.prober.ask(&PORTS);
        assert_eq!(answered, Ok(()), "{when}: {:#?}", self.scene.lab.syslog());
        assert_eq!(pid_of_status(), Ok(self.pid), "{when}");
        assert_eq!(pid_in_file(), Some(self.pid), "{when}");
        assert_eq!(self.transfer.step(), Ok(true), "{when}");
    }

    /// At the end: the transfer completes, the server can be replaced, and ends.
    fn finish(mut self) {
        assert_eq!(pid_of_status_command(&self.scene), Some(self.pid));
        let new = self.scene.replace(&[]);
        assert_eq!(pid_in_file(), Some(new));
        assert_eq!(self.prober.ask(&PORTS), Ok(()));
        assert!(self.transfer.finish() == Ok(contents(FILE, SIZE)), "the file differs");
        self.scene.stop(new);
    }
}

/// A process that connects as the new server does.
struct NewServer(Channel);

impl NewServer {
    fn connect() -> Self {
        Self(connect_to_server(CONTROL.as_ref()).expect("a server runs"))
    }

    fn request(&self) {
        let cgroup = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let replace = Replace { version: "0.0.0".to_owned(), cgroup };
        let request = ControlRequest::new(Request::Replace(replace));
        self.0.send_blocking(&request.encode()).expect("it is open");
    }

    /// The next message. Its descriptors are closed.
    fn receive(&self) -> Control {
        let mut buffer = vec![0; MAX_MESSAGE_LEN];
        assert!(self.0.wait(TIMEOUT), "no message");
        let message = self.0.recv_fds_blocking(&mut buffer).expect("it is open");
        let decoded = Message::decode(&buffer[..message.size]);
        let Some(Message::Control(control)) = decoded else { panic!("{decoded:?}") };
        control
    }

    /// `None`: the server has not noticed yet that the new server before has ended, so this one must try again.
    fn receive_offer(&self) -> Option<()> {
        loop {
            match self.receive() {
                Control::Offer(offer) if offer.more => {}
                Control::Offer(_) => return Some(()),
                Control::Refused { is_temporary: true, .. } => return None,
                other => panic!("{other:?}"),
            }
        }
    }

    fn prepared(&self) {
        let prepared = Message::Control(Control::Prepared { pid: std::process::id() });
        self.0.send_blocking(&prepared.encode()).expect("it is open");
    }
}

/// The steps of a new server, as far as this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Last {
    Connected,
    Requested,
    Offered,
    Prepared,
    Going,
}

const STEPS: [Last; 5] =
    [Last::Connected, Last::Requested, Last::Offered, Last::Prepared, Last::Going];

fn proceed_to(last: Last) -> NewServer {
    let connected = || {
        let new = NewServer::connect();
        if last >= Last::Requested {
            new.request();
        }
        if last >= Last::Offered {
            new.receive_offer()?;
        }
        Some(new)
    };
    let new = eventually(TIMEOUT, connected).expect("an offer");
    if last >= Last::Prepared {
        new.prepared();
    }
    if last >= Last::Going {
        assert!(matches!(new.receive(), Control::Go(_)));
    }
    new
}

fn server_goes_on_after_a_client_has_closed_the_connection_at_each_message() {
    let Some(mut running) = Running::new() else { return };
    for _ in 0..3 {
        for last in STEPS {
            drop(proceed_to(last));
            running.assert_goes_on(&format!("{last:?}"));
        }
    }
    running.finish();
}

/// They wait in the sockets.
fn requests_that_arrive_while_the_server_does_not_read_are_answered() {
    let Some(mut running) = Running::new() else { return };
    let new = proceed_to(Last::Going);
    let mut measured = Measured::default();
    for _ in 0..20 {
        running.prober.send(&PORTS, &mut measured);
    }
    assert_eq!(running.transfer.step(), Ok(true), "a transfer goes on meanwhile");
    drop(new);
    running.prober.wait_for_answers(&mut measured);
    assert_eq!(measured.error(), Ok(()));
    running.assert_goes_on("after the new server has ended");
    running.finish();
}

/// A process that hangs does not close the connection. Before `Go` the server reads its sockets anyway; after it, it waits for two
/// seconds.
fn server_goes_on_after_a_new_process_has_stopped_for_ever() {
    let Some(mut running) = Running::new() else { return };
    for last in STEPS {
        let new = proceed_to(last);
        running.assert_goes_on(&format!("{last:?}"));
        if last >= Last::Prepared {
            let late = Message::Control(Control::Serving).encode();
            assert!(new.0.send_blocking(&late).is_err(), "the server has closed the connection");
        }
        drop(new);
    }
    running.finish();
}

/// Starts the command `--replace` through a proxy, and kills with `kill` when `stage` is reached; `false`: there is no such stage,
/// and the server was replaced.
fn kill_at(scene: &Scene, stage: Stage, moment: Moment, kill: impl Fn(u32)) -> bool {
    let mut proxy = Proxy::new(CONTROL);
    let mut command = Scene::command(&["--replace"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = scene.server().spawn(&mut command);
    let mut killed = false;
    proxy.relay(
        |passing| {
            if (passing.stage, passing.moment, stage) == (Stage::Go, Moment::Before, Stage::Go) {
                // It must not serve before it is killed.
                signal(passing.new_process, Signal::SIGSTOP);
            }
            if !killed && (passing.stage, passing.moment) == (stage, moment) {
                kill(passing.new_process);
                killed = true;
            }
            !killed
        },
        || command.ended().is_some(),
    );
    let status = eventually(TIMEOUT, || command.ended()).expect("the command ends");
    assert_eq!(status.success(), !killed, "{stage:?} {moment:?}");
    killed
}

/// Kills all processes but those of the server.
fn kill_all_but(server: &[u32]) {
    loop {
        let new = programs().into_iter().filter(|id| !server.contains(id));
        let killed = new.filter(|id| {
            let pid = Pid::from_raw(id.cast_signed());
            kill(pid, Signal::SIGKILL).is_ok()
        });
        if killed.count() == 0 {
            return;
        }
    }
}

fn kill_the_server(server: u32) {
    kill(Pid::from_raw(server.cast_signed()), Signal::SIGKILL).expect("it runs");
}

/// The stages at which the new process may die without a consequence.
const STAGES: [(Stage, Moment); 8] = [
    (Stage::Request, Moment::Before),
    (Stage::Request, Moment::After),
    (Stage::Offer, Moment::Before),
    (Stage::Offer, Moment::After),
    (Stage::Prepared, Moment::Before),
    (Stage::Prepared, Moment::After),
    (Stage::Go, Moment::Before),
    (Stage::Go, Moment::After),
];

fn server_goes_on_after_all_new_processes_were_killed_at_each_message() {
    let Some(mut running) = Running::new() else { return };
    for (stage, moment) in STAGES {
        let killed = kill_at(&running.scene, stage, moment, |_| kill_all_but(&running.processes));
        assert!(killed, "{stage:?} was not reached");
        running.assert_goes_on(&format!("{moment:?} {stage:?}"));
    }
    running.finish();
}

/// Its helper processes, and the process that waits for its start, end by themselves.
fn server_goes_on_after_the_new_server_was_killed_at_each_message() {
    let Some(mut running) = Running::new() else { return };
    for (stage, moment) in STAGES {
        let killed = kill_at(&running.scene, stage, moment, kill_the_server);
        assert!(killed, "{stage:?} was not reached");
        running.assert_goes_on(&format!("{moment:?} {stage:?}"));
    }
    running.finish();
}

/// The new process binds other sockets before it serves.
fn no_request_is_lost_in_the_sockets_of_a_new_process_that_was_killed() {
    let Some(mut running) = Running::new() else { return };
    running.scene.configure(&format!("{ROOT}{RANGES}bind-interfaces\n"));
    for (stage, moment) in STAGES {
        let is_over = AtomicBool::new(false);
        let measured = thread::scope(|scope| {
            let prober = &mut running.prober;
            let (scene, processes) = (&running.scene, &running.processes);
            let measured = scope.spawn(|| prober.measure(Duration::from_millis(1), &is_over));
            let killed = kill_at(scene, stage, moment, |_| kill_all_but(processes));
            is_over.store(true, Ordering::Relaxed);
            assert!(killed, "{stage:?} was not reached");
            measured.join().expect("the thread does not panic")
        });
        assert_eq!(measured.error(), Ok(()), "{moment:?} {stage:?}");
        running.assert_goes_on(&format!("{moment:?} {stage:?}"));
    }
    running.finish();
}

/// What happens first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Open,
    Serving,
    Killed,
}

fn server_goes_on_after_the_new_processes_were_killed_at_any_time() {
    let Some(mut running) = Running::new() else { return };
    let duration = duration_of_start(&running.scene);
    let mut random = Random::new(60);
    for number in 0..KILLS {
        let jitter = Duration::from_micros(random.below(3000) as u64);
        let delay = duration * number / KILLS + jitter;
        let first = Mutex::new(First::Open);
        let mut proxy = Proxy::new(CONTROL);
        let mut command = Scene::command(&["--replace"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut command = running.scene.server().spawn(&mut command);
        let start = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| {
                proxy.relay(
                    |passing| {
                        let mut first = first.lock().expect("no panic");
                        let serves =
                            (passing.stage, passing.moment) == (Stage::Serving, Moment::Before);
                        if serves && *first == First::Open {
                            *first = First::Serving;
                        }
                        *first != First::Killed
                    },
                    || *first.lock().expect("no panic") != First::Open,
                );
            });
            sleep(delay.saturating_sub(start.elapsed()));
            let is_first = {
                let mut first = first.lock().expect("no panic");
                if *first == First::Open {
                    *first = First::Killed;
                }
                *first == First::Killed
            };
            if is_first {
                kill_all_but(&running.processes);
            }
        });
        eventually(TIMEOUT, || command.ended()).expect("the command ends");
        drop(proxy);
        if first.into_inner().expect("no panic") == First::Serving {
            // The server was replaced first: the rest is done with the new one.
            running = running.replaced();
        }
        running.assert_goes_on(&format!("after {delay:?} of {duration:?}"));
    }
    running.finish();
}

impl Running {
    /// The server was replaced: its transfer is finished, and another one begins.
    fn replaced(self) -> Self {
        let Self { scene, mut prober, pid, transfer, .. } = self;
        assert!(transfer.finish() == Ok(contents(FILE, SIZE)), "the file differs");
        eventually(TIMEOUT, || (!runs(pid)).then_some(())).expect("the replaced process ends");
        assert_eq!(prober.ask(&PORTS), Ok(()));
        let transfer = LockstepClient::ask(scene.client(), CLIENT, FILE).expect("a transfer");
        let pid = pid_of_status().expect("a server runs");
        Self { scene, prober, pid, processes: programs(), transfer }
    }
}

/// About how long a start takes until the new process serves: this error is found near its end.
fn duration_of_start(scene: &Scene) -> Duration {
    scene.configure(&format!("tftp-root=/srv/none\n{RANGES}"));
    let start = Instant::now();
    assert_eq!(scene.run(&mut Scene::command(&["--replace"])).code, Some(3));
    scene.configure(&format!("{ROOT}{RANGES}"));
    start.elapsed() * 3 / 2
}

/// The process that was started may be killed alone, for example by a user. Then either server serves, and is found.
fn state_is_consistent_after_the_command_was_killed_at_any_time() {
    let Some(mut running) = Running::new() else { return };
    let duration = duration_of_start(&running.scene);
    for number in 0..KILLS / 2 {
        let mut command = Scene::command(&["--replace"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let command = running.scene.server().spawn(&mut command);
        let delay = duration * number * 2 / KILLS;
        sleep(delay);
        drop(command);
        // Either all new processes end, or the previous server does not serve any more.
        let settled = || {
            let new = programs().into_iter().any(|id| !running.processes.contains(&id));
            let serving = pid_of_status().ok()?;
            (!new || serving != running.pid).then_some(serving)
        };
        let serving = eventually(TIMEOUT, settled);
        let serving = serving.unwrap_or_else(|| panic!("after {delay:?}: {:?}", pid_of_status()));
        let written = eventually(TIMEOUT, || (pid_in_file() == Some(serving)).then_some(()));
        if written.is_none() {
            // It was killed in the moment between the message of the new process and the change of the file.
            assert_eq!(pid_in_file(), Some(running.pid), "after {delay:?}: {serving} serves");
            assert_ne!(serving, running.pid, "after {delay:?}");
            let repaired = running.scene.replace(&[]);
            assert_eq!(pid_in_file(), Some(repaired));
        }
        if serving != running.pid {
            running = running.replaced();
        }
        running.assert_goes_on(&format!("after {delay:?} of {duration:?}"));
    }
    running.finish();
}
