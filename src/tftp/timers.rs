//! When which transfer has something to do. Nothing here walks all transfers.

use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Deadlines of transfers, the earliest first.
///
/// With each datagram a deadline moves on, mostly to be moved again before it comes. So an entry stays where it is
/// until its time has come, and is only then put where it belongs; earlier ones are added at once.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

/// The entry that wakes a transfer; a later one of the heap means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerHandle(Option<Timestamp>);

impl Timers {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// When to look at [`Timers::due`] next.
    pub fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((when, _))| *when)
    }

    /// A transfer wants to be woken, whatever it wanted before.
    pub fn set(&mut self, id: usize, deadline: Timestamp, alarm: &mut TimerHandle) {
        if alarm.0.is_none_or(|set| deadline < set) {
            alarm.0 = Some(deadline);
            self.heap.push(Reverse((deadline, id)));
        }
    }

    /// The next transfer whose time may have come, with the time that was set. To be shown to [`Alarm::rings`].
    pub fn due(&mut self, now: Timestamp) -> Option<(usize, Timestamp)> {
        let Reverse((when, id)) = *self.heap.peek().filter(|Reverse((when, _))| *when <= now)?;
        self.heap.pop();
        Some((id, when))
    }
}

impl TimerHandle {
    /// Whether this entry is the transfer's, and not one that was overtaken. It is used up then.
    pub fn fires(&mut self, when: Timestamp) -> bool {
        let rings = self.0 == Some(when);
        if rings {
            self.0 = None;
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_moves_on_costs_one_entry() {
        let (mut timers, mut alarm) = (Timers::default(), TimerHandle::default());
        (5..1000).for_each(|when| timers.set(1, Timestamp(when), &mut alarm));
        assert_eq!((timers.heap.len(), timers.next()), (1, Some(Timestamp(5))));
        assert_eq!(timers.due(Timestamp(4)), None);
        let (id, when) = timers.due(Timestamp(5)).unwrap();
        assert!(id == 1 && alarm.fires(when));
    }

    #[test]
    fn an_earlier_deadline_overtakes() {
        let (mut timers, mut alarm) = (Timers::default(), TimerHandle::default());
        timers.set(1, Timestamp(9), &mut alarm);
        timers.set(1, Timestamp(3), &mut alarm);
        let rung =
            std::iter::from_fn(|| timers.due(Timestamp(10))).map(|(_, when)| alarm.fires(when));
        assert_eq!(rung.collect::<Vec<_>>(), [true, false]);
    }
}
