//! Look-ups of names, so that a disk that hangs stops only the look-ups on it.
//!
//! One thread leads: it receives requests and looks up the names of a batch one after the other. Nearly always this takes
//! no time. If one look-up waits for a disk, another thread takes over the lead and the rest of the batch, and the disk counts
//! as slow: further names on it go to threads of its own (`slow_devices`), until it has not been used for some time.

#[cfg(test)]
mod tests;

use super::opener::{Disk, Found, Lease};
use super::protocol::{LookedUp, Lookup, MAX_MESSAGE_LEN, Outcome, Reply, Request};
use super::services::Services;
use super::slow_devices::{Device, SlowDevice, SlowDevices, device_of};
use crate::sys::channel::Channel;
use crate::sys::threads::{self, ThreadId};
use crate::sys::timer::IntervalTimer;
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

/// The look-ups of all threads.
pub struct Lookups {
    channel: Arc<Channel>,
    disk: Box<dyn Disk>,
    services: Services,
    /// Ends the process, when the channel is closed.
    end: fn(),
    state: Mutex<State>,
    slow: SlowDevices,
    /// It runs while there is a batch.
    timer: IntervalTimer,
}

/// The lead. It is lost when another thread takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lead(u64);

struct State {
    lead: Lead,
    leader: ThreadId,
    batch: Batch,
    /// The number of look-ups that the leader has begun.
    begun: u64,
    /// Whether a thread watches the leader.
    watched: bool,
    /// Leaders that were replaced and wait for a disk, with its device.
    replaced: Vec<(Lead, SlowDevice)>,
}

#[derive(Default)]
struct Batch {
    /// Whether its results are not sent yet.
    active: bool,
    waiting: VecDeque<Lookup>,
    /// The path of the leader's present look-up.
    current: Option<Vec<u8>>,
    results: Results,
}

#[derive(Default)]
struct Results {
    results: Vec<LookedUp>,
    files: Vec<File>,
}

/// The result of one step of the leader.
enum Step {
    /// There may be more names.
    Next,
    /// The batch is complete, and its results were sent.
    Done,
    /// Another thread leads. The device that this one has waited for.
    Replaced(Option<SlowDevice>),
}

/// A look-up that takes longer waits for a disk.
const MAX_LOOKUP_TIME: Duration = Duration::from_millis(2);
/// If the state of the leader is not known, after so many times [`MAX_LOOKUP_TIME`] it counts as waiting: it may also be that it
/// does not get a processor.
const MAX_UNKNOWN: u32 = 25;
/// The stack of a thread, which has no deep calls.
pub const STACK_SIZE: usize = 64 * 1024;

impl Lookups {
    /// Serves until the channel is closed, and then calls `end`, in any thread.
    pub fn serve(
        channel: Arc<Channel>,
        disk: Box<dyn Disk>,
        services: Services,
        end: fn(),
    ) -> io::Result<()> {
        let (lookups, lead) = Self::new(channel, disk, services, end)?;
        lookups.lead(lead);
        Ok(())
    }

    /// No look-ups yet. The calling thread leads.
    fn new(
        channel: Arc<Channel>,
        disk: Box<dyn Disk>,
        services: Services,
        end: fn(),
    ) -> io::Result<(Arc<Self>, Lead)> {
        let lead = Lead(0);
        let state = State {
            lead,
            leader: threads::current(),
            batch: Batch::default(),
            begun: 0,
            watched: false,
            replaced: Vec::new(),
        };
        let timer = IntervalTimer::new()?;
        let slow = SlowDevices::default();
        let lookups = Self { channel, disk, services, end, state: Mutex::new(state), slow, timer };
        Ok((Arc::new(lookups), lead))
    }

    /// Receives requests until the channel is closed, or another thread has taken over.
    fn lead(self: &Arc<Self>, lead: Lead) {
        let mut buffer = vec![0; MAX_MESSAGE_LEN];
        loop {
            let (message, fds) = match self.channel.recv_fds_blocking(&mut buffer) {
                Ok(message) if message.size > 0 => (&buffer[..message.size], message.fds),
                _ => return (self.end)(),
            };
            // Only a packet process that does not work as intended sends another message.
            let Some(request) = Request::decode(message) else { continue };
            let Request::Lookups(batch) = request else {
                self.services.handle(request, fds);
                continue;
            };
            if self.run(batch, lead).is_none() {
                return;
            }
        }
    }

    /// Looks up the names of a batch. `None`: this thread does not lead any more, and must end.
    fn run(self: &Arc<Self>, batch: Vec<Lookup>, lead: Lead) -> Option<()> {
        let mut state = self.state();
        if !state.watched {
            state.watched = self.start_watching();
        }
        state.batch = Batch { active: true, waiting: batch.into(), ..Batch::default() };
        drop(state);
        self.timer.start(MAX_LOOKUP_TIME);
        self.finish(lead)
    }

    /// Looks up the rest of the batch.
    fn finish(self: &Arc<Self>, lead: Lead) -> Option<()> {
        loop {
            match self.step(lead) {
                Step::Next => {}
                Step::Done => return Some(()),
                Step::Replaced(slow) => {
                    if let Some(slow) = slow {
                        self.work_for(slow);
                    }
                    return None;
                }
            }
        }
    }

    fn step(self: &Arc<Self>, lead: Lead) -> Step {
        let mut state = self.state();
        // It may have been replaced between two look-ups.
        if state.lead != lead {
            return Step::Replaced(state.forget_replaced(lead));
        }
        let Some(lookup) = state.batch.waiting.pop_front() else {
            state.batch.active = false;
            let results = std::mem::take(&mut state.batch.results);
            drop(state);
            self.timer.stop();
            self.send(results, true);
            return Step::Done;
        };
        let Some(path) = self.disk.path(&lookup) else {
            state.batch.results.add(lookup.id, Found::Other(Outcome::Denied));
            return Step::Next;
        };
        state.begun += 1;
        state.batch.current = Some(path.clone());
        drop(state);
        if self.defer(&lookup, &path) {
            self.state().finish_look_up(lead);
            return Step::Next;
        }
        let found = self.disk.look_up(lookup.kind, &path, Lease::Report);
        let mut state = self.state();
        state.finish_look_up(lead);
        if state.lead != lead {
            let slow = state.forget_replaced(lead);
            drop(state);
            self.reply(lookup.id, found);
            return Step::Replaced(slow);
        }
        match found {
            Found::Leased => {
                drop(state);
                self.queue(Device::Leased, lookup);
            }
            found => state.batch.results.add(lookup.id, found),
        }
        Step::Next
    }

    /// Queues a look-up if its disk is slow; whether it was queued.
    fn defer(self: &Arc<Self>, lookup: &Lookup, path: &[u8]) -> bool {
        if self.slow.is_empty() {
            return false;
        }
        let device = device_of(path);
        let is_slow = self.slow.contains(device);
        if is_slow {
            self.queue(device, lookup.clone());
        }
        is_slow
    }

    fn queue(self: &Arc<Self>, device: Device, lookup: Lookup) {
        let id = lookup.id;
        let start_worker = |slow| {
            let lookups = self.clone();
            let work = move || lookups.work_for(slow);
            thread::Builder::new().stack_size(STACK_SIZE).spawn(work).is_ok()
        };
        if !self.slow.queue(device, lookup, start_worker) {
            self.reply(id, Found::Other(Outcome::Dropped));
        }
    }

    /// Looks up names on a slow device until it is not slow any more, or has had none for some time.
    fn work_for(&self, slow: SlowDevice) {
        while let Some(lookup) = self.slow.next(slow) {
            let start = Instant::now();
            self.look_up_alone(&lookup);
            for left in self.slow.completed(slow, start.elapsed(), MAX_LOOKUP_TIME) {
                self.look_up_alone(&left);
            }
        }
    }

    fn look_up_alone(&self, lookup: &Lookup) {
        let found = match self.disk.path(lookup) {
            Some(path) => self.disk.look_up(lookup.kind, &path, Lease::Wait),
            None => Found::Other(Outcome::Denied),
        };
        self.reply(lookup.id, found);
    }

    /// Sends the result of one look-up that is not part of a batch any more.
    fn reply(&self, id: u32, found: Found) {
        let mut results = Results::default();
        results.add(id, found);
        self.send(results, false);
    }

    fn send(&self, results: Results, batch_done: bool) {
        let Results { results, files } = results;
        let fds: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        let reply = |results| Reply::LookedUp { batch_done, results };
        let sent = reply(results);
        let Err(error) = self.channel.send_fds(&sent.encode(), &fds) else { return };
        let Reply::LookedUp { mut results, .. } = sent else { return };
        // There is no descriptor, or too many are in flight (unix(7), ETOOMANYREFS).
        let failed = Outcome::Failed(error.raw_os_error().unwrap_or_default());
        for result in &mut results {
            if matches!(result.outcome, Outcome::File(_)) {
                result.outcome = failed;
            }
        }
        // If this fails too, the packet process has ended.
        let _ = self.channel.send_fds(&reply(results).encode(), &[]);
    }

    /// Starts a thread that takes over when the leader waits for a disk.
    fn start_watching(self: &Arc<Self>) -> bool {
        let lookups = self.clone();
        let watch = move || lookups.watch();
        thread::Builder::new().stack_size(STACK_SIZE).spawn(watch).is_ok()
    }

    fn watch(self: &Arc<Self>) {
        let (mut begun, mut unknown) = (0, 0);
        loop {
            self.timer.wait();
            let Some((present, leader)) = self.state().present_look_up() else { continue };
            if present != begun {
                (begun, unknown) = (present, 0);
                continue;
            }
            unknown += 1;
            // Without the lock: a leader that waits for it does not wait for a disk.
            if !threads::is_waiting(leader).unwrap_or(unknown > MAX_UNKNOWN) {
                continue;
            }
            let state = self.state();
            if state.present_look_up() == Some((present, leader)) {
                let lead = self.take_over(state);
                if self.finish(lead).is_some() {
                    self.lead(lead);
                }
                return;
            }
        }
    }

    /// Makes the calling thread the leader.
    fn take_over(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> Lead {
        let device = state.batch.current.take().map_or(Device::Unknown, |path| device_of(&path));
        let (replaced, slow) = (state.lead, self.slow.mark(device));
        state.replaced.push((replaced, slow));
        state.lead.0 += 1;
        state.leader = threads::current();
        state.watched = self.start_watching();
        state.lead
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The leader's present look-up has a result.
    fn finish_look_up(&mut self, lead: Lead) {
        if self.lead == lead {
            self.batch.current = None;
        }
    }

    /// The number of the leader's present look-up, and the leader; `None`: it looks up nothing.
    fn present_look_up(&self) -> Option<(u64, ThreadId)> {
        let is_looking_up = self.batch.active && self.batch.current.is_some();
        is_looking_up.then_some((self.begun, self.leader))
    }

    /// The device that a replaced leader has waited for.
    fn forget_replaced(&mut self, lead: Lead) -> Option<SlowDevice> {
        let index = self.replaced.iter().position(|(replaced, _)| *replaced == lead)?;
        Some(self.replaced.swap_remove(index).1)
    }
}

impl Results {
    fn add(&mut self, id: u32, found: Found) {
        let outcome = match found {
            Found::File(file, facts) => {
                self.files.push(file);
                Outcome::File(facts)
            }
            Found::Other(outcome) => outcome,
            Found::Leased => Outcome::Dropped,
        };
        self.results.push(LookedUp { id, outcome });
    }
}
