//! The deadlines of all transfers. No operation visits all of them.

use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Deadlines of transfers, the earliest first.
///
/// Each datagram moves a deadline to a later time, usually before it has come. So an entry of the heap is not moved: when
/// its time has come, the transfer gets a new entry for its real deadline. An earlier deadline gets an entry at once.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

/// The time of the valid entry of a transfer. All other entries of the transfer are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerHandle(Option<Timestamp>);

impl Timers {
    /// The number of entries, ignored ones included.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// The time of the first entry.
    pub fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((when, _))| *when)
    }

    /// Sets the deadline of a transfer.
    pub fn set(&mut self, id: usize, deadline: Timestamp, handle: &mut TimerHandle) {
        if handle.0.is_none_or(|set| deadline < set) {
            handle.0 = Some(deadline);
            self.heap.push(Reverse((deadline, id)));
        }
    }

    /// Removes the first entry if its time has come: the transfer and the time, for [`TimerHandle::fires`].
    pub fn due(&mut self, now: Timestamp) -> Option<(usize, Timestamp)> {
        let Reverse((when, id)) = *self.heap.peek().filter(|Reverse((when, _))| *when <= now)?;
        self.heap.pop();
        Some((id, when))
    }
}

impl TimerHandle {
    /// Whether an entry with this time is the valid one of the transfer. If so, the transfer has no valid entry any more.
    pub fn fires(&mut self, when: Timestamp) -> bool {
        let is_valid = self.0 == Some(when);
        if is_valid {
            self.0 = None;
        }
        is_valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_deadline_needs_no_new_entry() {
        let (mut timers, mut handle) = (Timers::default(), TimerHandle::default());
        (5..1000).for_each(|when| timers.set(1, Timestamp(when), &mut handle));
        assert_eq!((timers.heap.len(), timers.next()), (1, Some(Timestamp(5))));
        assert_eq!(timers.due(Timestamp(4)), None);
        let (id, when) = timers.due(Timestamp(5)).unwrap();
        assert!(id == 1 && handle.fires(when));
    }

    #[test]
    fn earlier_deadline_fires_first() {
        let (mut timers, mut handle) = (Timers::default(), TimerHandle::default());
        timers.set(1, Timestamp(9), &mut handle);
        timers.set(1, Timestamp(3), &mut handle);
        let valid =
            std::iter::from_fn(|| timers.due(Timestamp(10))).map(|(_, when)| handle.fires(when));
        assert_eq!(valid.collect::<Vec<_>>(), [true, false]);
    }
}
