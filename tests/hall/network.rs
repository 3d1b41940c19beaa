//! The machines, the links and the events that are still to come.

use super::case::{Case, Nanos};
use super::link::Link;
use super::machine::{Machine, Message, Received, State};
use super::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A datagram of a machine reaches the server.
    Arrival { machine: u32, message: Message },
    /// A machine may have waited long enough.
    Deadline { machine: u32 },
}

/// An event in the queue. Events at the same time happen in the order in which they were added.
struct Entry {
    at: Nanos,
    order: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// All that is outside the server.
pub struct Network<'c> {
    case: &'c Case,
    pub machines: Vec<Machine>,
    pub link: Link,
    slow: Vec<Link>,
    queue: BinaryHeap<Reverse<Entry>>,
    order: u64,
    random: Random,
    /// Machines that are neither up nor failed.
    pub open: usize,
    /// Datagrams that the server has sent.
    pub sent: u64,
    /// Datagrams that were lost without a full buffer, in both directions.
    pub lost: u64,
    outbox: Vec<(Nanos, Message)>,
}

impl<'c> Network<'c> {
    pub fn new(case: &'c Case) -> Self {
        let mut start = Random::new(case.seed);
        let spread = usize::try_from(case.spread).unwrap_or_default().max(1);
        let machines = (0..case.machines)
            .map(|_| Machine::new(start.below(spread) as u64, case.client_time, case.stages[0]));
        let machines: Vec<Machine> = machines.collect();
        let slow = case.slow.map_or(vec![], |slow| {
            vec![Link::new(slow.link); usize::try_from(slow.machines).unwrap_or_default()]
        });
        let mut network = Self {
            case,
            open: machines.len(),
            machines,
            link: Link::new(case.link),
            slow,
            queue: BinaryHeap::new(),
            order: 0,
            random: Random::new(case.seed + 1),
            sent: 0,
            lost: 0,
            outbox: Vec::new(),
        };
        (0..case.machines).for_each(|machine| network.set_timer(machine));
        network
    }

    /// The time of the next event.
    pub fn next_event(&self) -> Option<Nanos> {
        self.queue.peek().map(|Reverse(entry)| entry.at)
    }

    /// Handles the next event. Returns the datagram that reaches the server, if it is one.
    pub fn handle_event(&mut self) -> Option<(u32, Message)> {
        let Reverse(Entry { at, event, .. }) = self.queue.pop()?;
        match event {
            Event::Arrival { machine, message } => return Some((machine, message)),
            Event::Deadline { machine } => self.deadline(machine, at),
        }
        None
    }

    fn deadline(&mut self, index: u32, at: Nanos) {
        let machine = &mut self.machines[index as usize];
        if machine.timer_at != Some(at) {
            return;
        }
        machine.timer_at = None;
        let before = machine.state;
        if machine.is_waiting() && machine.deadline <= at {
            machine.on_deadline(&self.case.stages, &mut self.outbox);
        }
        self.after(index, before);
    }

    /// A datagram of the server for a machine. It is delivered now: until it arrives nothing else can reach the machine,
    /// except its own deadlines, which [`Machine::receive`] handles first.
    pub fn deliver(&mut self, machine: u32, sent: Received<'_>) {
        let Received { at: now, bytes, .. } = sent;
        self.sent += 1;
        let Some(mut at) = self.link.send(now, bytes.len()) else { return };
        if let Some(slow) = self.slow.get_mut(machine as usize) {
            let Some(behind) = slow.send(at, bytes.len()) else { return };
            at = behind;
        }
        if self.is_lost() {
            return;
        }
        let receiver = &mut self.machines[machine as usize];
        let before = receiver.state;
        receiver.receive(Received { at, ..sent }, &self.case.stages, &mut self.outbox);
        self.after(machine, before);
    }

    /// Sends what a machine has sent, and sets its timer.
    fn after(&mut self, index: u32, before: State) {
        let mut outbox = std::mem::take(&mut self.outbox);
        for (at, message) in outbox.drain(..) {
            if !self.is_lost() {
                let back = self.slow.get(index as usize).map_or(0, Link::delay);
                let at = at + self.link.delay() + back;
                self.push(at, Event::Arrival { machine: index, message });
            }
        }
        self.outbox = outbox;
        let machine = &self.machines[index as usize];
        if machine.is_waiting() {
            self.set_timer(index);
        } else if before != machine.state {
            self.open -= 1;
        }
    }

    /// A later deadline needs no new entry: the entry is set again when its time has come.
    fn set_timer(&mut self, index: u32) {
        let machine = &mut self.machines[index as usize];
        if machine.timer_at.is_none_or(|set| machine.deadline < set) {
            machine.timer_at = Some(machine.deadline);
            let at = machine.deadline;
            self.push(at, Event::Deadline { machine: index });
        }
    }

    fn push(&mut self, at: Nanos, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Entry { at, order: self.order, event }));
    }

    fn is_lost(&mut self) -> bool {
        let lost = self.case.loss_ppm > 0 && self.random.below(1_000_000) < self.case.loss_ppm;
        self.lost += u64::from(lost);
        lost
    }

    /// Datagrams that found no space in a buffer.
    pub fn dropped(&self) -> u64 {
        self.link.dropped + self.slow.iter().map(|link| link.dropped).sum::<u64>()
    }
}
