//! Follows a log on standard input. A log that ends without a pause is printed as a file is. After a pause, each step is
//! printed as it comes, and the verdict when the client was quiet.

use super::boot::{Boot, Step, StepKind};
use super::correlate::BootCorrelator;
use super::line_reader::next_line;
use super::output::print_all;
use super::request::{OutputFormat, StoryRequest};
use super::source::Source;
use super::text::{count, offset, paint_step, verdict_lines};
use crate::reason::Verdict;
use crate::terminal::{Style, print_folded};
use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// A pause of this length after a line: the log is being written.
const PAUSE: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A step that is the last one may still be replaced, for example an error by the file that follows it.
const SETTLE_TIME: Duration = Duration::from_millis(700);
/// After this time without a step, a boot has ended, if its verdict is known.
const QUIET_PERIOD: Duration = Duration::from_secs(5);
/// The same if its verdict is not known.
const UNKNOWN_PERIOD: Duration = Duration::from_secs(15);
/// Lines that the reading thread may be ahead.
const QUEUE_CAPACITY: usize = 1024;

/// What was printed of a boot.
struct Progress {
    last_step: Instant,
    /// The steps that were printed.
    printed: Vec<Step>,
}

struct Follower<'r> {
    request: &'r StoryRequest,
    style: Style,
    correlator: BootCorrelator,
    /// Boots that may have steps or a verdict to print, by index.
    open: HashMap<usize, Progress>,
    is_live: bool,
}

/// Prints the boots of standard input.
pub fn follow_stdin(request: &StoryRequest) {
    let lines = stdin_lines();
    let mut follower = Follower {
        request,
        style: Style::of_stdout(),
        correlator: BootCorrelator::default(),
        open: HashMap::new(),
        is_live: false,
    };
    let start = Instant::now();
    let mut last_line = None;
    loop {
        match lines.recv_timeout(POLL_INTERVAL) {
            Ok(line) => {
                last_line = Some(Instant::now());
                follower.add(&line, start.elapsed());
            }
            Err(RecvTimeoutError::Timeout) => {
                follower.is_live |= last_line.is_some_and(|last| last.elapsed() >= PAUSE);
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if follower.is_live && request.format == OutputFormat::Text {
            follower.print_settled();
        }
    }
    follower.finish();
}

impl Follower<'_> {
    fn add(&mut self, line: &str, since_start: Duration) {
        // The time of arrival is that of the step only if the log is being written.
        let now = self.is_live.then_some(since_start.as_secs_f64());
        let Some(index) = self.correlator.add(line, now) else { return };
        let new = || Progress { last_step: Instant::now(), printed: Vec::new() };
        self.open.entry(index).or_insert_with(new).last_step = Instant::now();
    }

    /// Prints the steps that cannot be replaced any more, and the verdict of each boot that has ended.
    fn print_settled(&mut self) {
        let mut indexes: Vec<usize> = self.open.keys().copied().collect();
        indexes.sort_unstable();
        for index in indexes {
            let Some(progress) = self.open.get_mut(&index) else { continue };
            let boot = &self.correlator.boots()[index];
            let quiet = progress.last_step.elapsed();
            let has_ended = quiet >= period(boot);
            if !self.request.filter.passes(boot) {
                if has_ended {
                    self.open.remove(&index);
                }
                continue;
            }
            if boot.is_certain() || (has_ended && boot.is_evident()) {
                print_steps(boot, progress, quiet >= SETTLE_TIME, self.style);
            }
            if has_ended {
                print_verdict(boot, self.style);
                self.open.remove(&index);
            }
        }
    }

    /// The end of standard input.
    fn finish(mut self) {
        if !self.is_live || self.request.format != OutputFormat::Text {
            return print_all(self.request, self.correlator, Source::Log);
        }
        let mut open: Vec<(usize, Progress)> = self.open.drain().collect();
        open.sort_unstable_by_key(|(index, _)| *index);
        for (index, mut progress) in open {
            let boot = &self.correlator.boots()[index];
            if self.request.filter.passes(boot) && boot.is_evident() {
                print_steps(boot, &mut progress, true, self.style);
                print_verdict(boot, self.style);
            }
        }
        let boots = self.request.filter.apply(self.correlator.into_boots());
        if !boots.is_empty() {
            print_folded(&count(&boots));
        }
    }
}

fn period(boot: &Boot) -> Duration {
    match boot.verdict().verdict {
        Verdict::Boots | Verdict::DoesNotBoot => QUIET_PERIOD,
        Verdict::Unknown => UNKNOWN_PERIOD,
    }
}

/// Prints the steps after those that were printed before; the last one only if it is settled.
fn print_steps(boot: &Boot, progress: &mut Progress, is_settled: bool, style: Style) {
    let is_known = |(step, printed): &(&Step, &Step)| is_same(&step.kind, &printed.kind);
    let known = boot.steps.iter().zip(&progress.printed).take_while(is_known).count();
    let unsettled = usize::from(!is_settled && !is_immediate(boot));
    let end = boot.steps.len().saturating_sub(unsettled).max(known);
    for step in &boot.steps[known..end] {
        let line =
            format!("{}  {:>9}  {}\n", client(boot), offset(step), paint_step(&step.kind, style));
        print_folded(&line);
    }
    progress.printed = boot.steps[..end].to_vec();
}

/// The beginning of a transfer is printed at once.
fn is_immediate(boot: &Boot) -> bool {
    boot.steps.last().is_some_and(|step| matches!(step.kind, StepKind::Loading { .. }))
}

fn print_verdict(boot: &Boot, style: Style) {
    if boot.is_evident() {
        print_folded(&format!("{}{}", client(boot), verdict_lines(boot, style)));
    }
}

/// The name of the client, else its addresses.
fn client(boot: &Boot) -> String {
    match &boot.name {
        Some(name) => format!("{name} {}", boot.client()),
        None => boot.client(),
    }
}

/// Whether two steps are the same one, perhaps with another count or with its duration.
fn is_same(one: &StepKind, other: &StepKind) -> bool {
    match (one, other) {
        (StepKind::File { path, .. }, StepKind::File { path: other, .. }) => path == other,
        (StepKind::Answered { port, .. }, StepKind::Answered { port: other, .. }) => port == other,
        (StepKind::NotFound { .. }, StepKind::NotFound { .. })
        | (StepKind::Dropped { .. }, StepKind::Dropped { .. })
        | (StepKind::Requested { .. }, StepKind::Requested { .. }) => true,
        (StepKind::ClientError { path, .. }, StepKind::ClientError { path: other, .. }) => {
            path == other
        }
        _ => one == other,
    }
}

/// Reads in a thread of its own, so that the caller can wait for lines with a timeout.
fn stdin_lines() -> Receiver<String> {
    let (sender, receiver) = sync_channel(QUEUE_CAPACITY);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(line)) = next_line(&mut input) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
