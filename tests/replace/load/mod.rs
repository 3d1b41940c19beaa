//! Replacements under load, with loss of datagrams.

pub mod clients;
mod files;
mod loss;
mod steps;
mod transfer;

use crate::common::lab::eventually;
use crate::prober::{Measured, Prober};
use crate::requests::PORTS;
use crate::scene::{Scene, TIMEOUT, programs, runs};
use clients::{ClientLoad, Counts, Phase};
use files::{Files, Roots, ServedRoots};
use loss::Lost;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use steps::Operator;

/// A run.
pub struct Plan {
    pub clients: ClientLoad,
    /// Lost datagrams of clients per thousand, in each direction.
    pub loss: u32,
    /// Attempts to replace the server, and the time from one to the next.
    pub replacements: usize,
    pub interval: Duration,
    /// A request is sent to each port after each such interval, on a link without loss.
    pub probe_interval: Duration,
}

/// What happened.
pub struct Report {
    pub counts: Counts,
    pub probes: Measured,
    lost: Lost,
    /// How long each command took.
    commands: Vec<Duration>,
    /// Datagrams that the sockets of the server had no space for.
    full_buffers: u64,
    errors: Vec<String>,
}

/// Descriptors of the test: a socket for each transfer, also for some time after it.
const DESCRIPTORS: u64 = 10_000;

impl Plan {
    /// Runs it on this scene, and ends the server.
    pub fn run(&self, scene: &Scene) -> Report {
        allow_open_files();
        let files = Files::write(&scene.lab);
        let roots = ServedRoots::new(Roots::FIRST);
        let mut operator = Operator::start(scene, &roots);
        loss::begin(&scene.lab, self.loss);
        let mut seen = BTreeSet::new();
        let phase = Phase::default();
        let (client, prober) = (scene.client(), scene.prober());
        let (counts, probes, commands, lost) = thread::scope(|scope| {
            let clients =
                scope.spawn(|| client.inside(|| self.clients.run(&files, &roots, &phase)));
            let probes =
                scope.spawn(|| Prober::new(prober).measure(self.probe_interval, &phase.is_over));
            let end = EndOnDrop(&phase);
            let commands = self.replace_repeatedly(&mut operator, &mut seen);
            phase.is_over.store(true, Ordering::Relaxed);
            // It has a time limit.
            while !phase.is_finished.load(Ordering::Relaxed) && !clients.is_finished() {
                thread::sleep(Duration::from_millis(10));
            }
            let lost = loss::end(&scene.lab);
            operator.errors.extend(earlier_processes(&seen, operator.pid));
            drop(end);
            let join = "the thread does not panic";
            (clients.join().expect(join), probes.join().expect(join), commands, lost)
        });
        let full_buffers = scene.full_buffers();
        scene.stop(operator.pid);
        let errors = operator.errors;
        Report { counts, probes, lost, commands, full_buffers, errors }
    }

    fn replace_repeatedly(
        &self,
        operator: &mut Operator<'_>,
        seen: &mut BTreeSet<u32>,
    ) -> Vec<Duration> {
        let start = Instant::now();
        let mut commands = Vec::new();
        for number in 1..=self.replacements {
            let due = start + self.interval * u32::try_from(number).expect("a small number");
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let begin = Instant::now();
            operator.step(number);
            commands.push(begin.elapsed());
            seen.extend(programs());
        }
        thread::sleep(self.interval);
        commands
    }
}

/// Ends the other threads, also after a panic.
struct EndOnDrop<'a>(&'a Phase);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
        self.0.may_end.store(true, Ordering::Relaxed);
    }
}

/// Waits until the processes that were replaced have ended.
fn earlier_processes(seen: &BTreeSet<u32>, server: u32) -> Option<String> {
    let current = crate::common::measure::family(server);
    let left = || -> Vec<u32> {
        seen.iter().copied().filter(|id| runs(*id) && !current.contains(id)).collect()
    };
    let ended = eventually(TIMEOUT, || left().is_empty().then_some(()));
    ended
        .is_none()
        .then(|| format!("these processes have not ended after their transfers: {:?}", left()))
}

fn allow_open_files() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    if soft < DESCRIPTORS {
        setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, hard.max(DESCRIPTORS))
            .expect("root can raise it");
    }
}

impl Report {
    /// What is not as it has to be.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = self.errors.clone();
        errors.extend(self.counts.failures.iter().take(20).cloned());
        errors.extend(self.probes.error().err());
        for (index, port) in PORTS.into_iter().enumerate() {
            let (unanswered, lost) = (self.counts.unanswered[index], self.lost[index]);
            if unanswered > lost {
                let port = port.number();
                errors.push(format!(
                    "port {port}: {unanswered} requests without an answer, {lost} were lost"
                ));
            }
        }
        if self.counts.transfers == 0 || self.counts.machines == 0 {
            errors.push("nothing was loaded".to_owned());
        }
        if !errors.is_empty() && self.full_buffers > 0 {
            errors.push(format!(
                "{} datagrams were dropped because a socket buffer was full",
                self.full_buffers
            ));
        }
        errors
    }

    /// The numbers as tables.
    pub fn print(&self) {
        let Self { counts, probes, lost, commands, .. } = self;
        println!(
            "| replacements | longest command | transfers | machines | failures | buffers full |"
        );
        println!("|---|---|---|---|---|---|");
        println!(
            "| {} | {:.0} ms | {} | {} | {} | {} |\n",
            commands.len(),
            milliseconds(commands.iter().max().copied().unwrap_or_default()),
            counts.transfers,
            counts.machines,
            counts.failures.len(),
            self.full_buffers
        );
        println!(
            "| port | requests | without an answer | lost | probes | unanswered | median | 99.9 % | longest |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for (index, port) in PORTS.into_iter().enumerate() {
            let times = &probes.ports[index];
            println!(
                "| {} | {} | {} | {} | {} | {} | {:.2} ms | {:.1} ms | {:.1} ms |",
                port.number(),
                counts.requests[index],
                counts.unanswered[index],
                lost[index],
                times.sent(),
                times.unanswered(),
                milliseconds(times.quantile(0.5)),
                milliseconds(times.quantile(0.999)),
                milliseconds(times.quantile(1.0)),
            );
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
