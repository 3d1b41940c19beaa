//! The schedule in virtual time.

use super::*;
use std::collections::HashMap;

/// A processor that serves some transfers in each millisecond. A transfer that was served is ready again after the round trip.
struct Hall {
    schedule: Schedule,
    held: HashMap<usize, (Ticket, Timestamp)>,
    remaining: Vec<u64>,
    /// When the ACK of a transfer arrives.
    arrivals: VecDeque<(Timestamp, usize)>,
    longest_hold: Duration,
    /// When a transfer was taken for the last time.
    ends: Vec<Option<Timestamp>>,
}

impl Hall {
    fn new(blocks: &[u64]) -> Self {
        Self {
            schedule: Schedule::default(),
            held: HashMap::new(),
            remaining: blocks.to_vec(),
            arrivals: (0..blocks.len()).map(|id| (Timestamp(0), id)).collect(),
            longest_hold: Duration::ZERO,
            ends: vec![None; blocks.len()],
        }
    }

    fn receive(&mut self, now: Timestamp) {
        while let Some((_, id)) = self.arrivals.front().copied().filter(|(when, _)| *when <= now) {
            self.arrivals.pop_front();
            let ticket = self.schedule.add(id, self.remaining[id], now);
            assert!(self.held.insert(id, (ticket, now)).is_none());
        }
    }

    /// Takes one transfer. `false`: the turn is over.
    fn serve(&mut self, now: Timestamp, round_trip: Duration) -> bool {
        let held = &self.held;
        let is_held = |id, ticket| held.get(&id).is_some_and(|hold| hold.0 == ticket);
        let Some(id) = self.schedule.take(now, is_held) else { return false };
        let (_, since) = self.held.remove(&id).expect("it was held");
        self.longest_hold = self.longest_hold.max(now - since);
        self.remaining[id] -= 1;
        if self.remaining[id] == 0 {
            self.ends[id] = Some(now);
        } else {
            self.arrivals.push_back((now + round_trip, id));
        }
        true
    }

    /// Serves `per_ms` transfers in each millisecond until all have ended.
    fn run(&mut self, per_ms: usize) {
        let mut now = Timestamp(0);
        while self.ends.iter().any(Option::is_none) {
            self.receive(now);
            let mut left = per_ms;
            while left > 0 && !self.schedule.is_empty() {
                left -= usize::from(self.serve(now, Duration::from_millis(1)));
            }
            now = now + Duration::from_millis(1);
        }
    }

    fn median_end(&self) -> Timestamp {
        let mut ends: Vec<_> = self.ends.iter().flatten().copied().collect();
        ends.sort();
        ends[ends.len() / 2]
    }
}

/// All transfers that are added at the same time reach the limit at the same time. From then on the oldest is the next, so the
/// others wait while those before them are served.
#[test]
fn no_transfer_is_held_longer_than_the_limit_and_the_service_of_older_ones() {
    for (count, blocks) in [(10, 40), (100, 40), (1_000, 40), (10_000, 10), (32_000, 3)] {
        let mut hall = Hall::new(&vec![blocks; count]);
        hall.run(80);
        let service_of_older = Duration::from_millis(count as u64 / 80 + 2);
        assert!(
            hall.longest_hold <= HOLD_LIMIT + service_of_older,
            "{count} transfers: {:?}",
            hall.longest_hold
        );
    }
}

#[test]
fn half_of_the_transfers_end_in_little_more_than_half_of_the_time() {
    let mut hall = Hall::new(&vec![500; 1_000]);
    hall.run(80);
    let last = hall.ends.iter().flatten().max().copied().expect("all have ended");
    assert!(
        last.0 * 100 <= 500 * 1_000 / 80 * 105,
        "the processor is idle only at the end: {last:?}"
    );
    assert!(hall.median_end().0 * 100 <= last.0 * 60, "{:?} of {last:?}", hall.median_end());
}

/// Fewer transfers than a turn has room for: the order is that of the ACKs, and no transfer is held.
#[test]
fn without_overload_transfers_send_in_the_order_of_their_acks() {
    let mut schedule = Schedule::default();
    let remaining = |id: usize| (1000 - id) as u64;
    let tickets: Vec<_> =
        (0..TRANSFERS_PER_TURN).map(|id| schedule.add(id, remaining(id), Timestamp(0))).collect();
    let taken: Vec<_> =
        std::iter::from_fn(|| schedule.take(Timestamp(0), |id, ticket| tickets[id] == ticket))
            .collect();
    assert_eq!(taken, (0..TRANSFERS_PER_TURN).collect::<Vec<_>>());
    assert!(schedule.is_empty());
}

#[test]
fn more_transfers_than_a_turn_has_room_for_send_with_fewest_bytes_first() {
    let mut schedule = Schedule::default();
    let count = 2 * TRANSFERS_PER_TURN;
    let tickets: Vec<_> =
        (0..count).map(|id| schedule.add(id, (count - id) as u64, Timestamp(0))).collect();
    let mut turn = |now| -> Vec<usize> {
        let take = || schedule.take(now, |id, ticket| tickets[id] == ticket);
        std::iter::from_fn(take).collect()
    };
    let shortest: Vec<_> = (TRANSFERS_PER_TURN..count).rev().collect();
    assert_eq!(turn(Timestamp(0)), shortest);
    let rest: Vec<_> = (0..TRANSFERS_PER_TURN).rev().collect();
    assert_eq!(turn(Timestamp(1)), rest);
}

/// Transfers of any size, that begin and end at any time: the oldest is taken as soon as it is held for the limit.
#[test]
fn oldest_transfer_is_taken_at_the_limit_whatever_arrives() {
    let mut random = 1_u64;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let mut schedule = Schedule::default();
    let mut held: HashMap<usize, (Ticket, Timestamp)> = HashMap::new();
    let mut longest = Duration::ZERO;
    for ms in 0..20_000 {
        let now = Timestamp(ms);
        // Up to 150 new ones in each millisecond, in phases with overload and without it; the processor can serve 50.
        let most = if ms / 1000 % 2 == 0 { 150 } else { 30 };
        for _ in 0..next(most) {
            let id = usize::try_from(next(9_000)).expect("small");
            if let std::collections::hash_map::Entry::Vacant(entry) = held.entry(id) {
                entry.insert((schedule.add(id, next(1 << 30), now), now));
            }
        }
        if let Some(&id) = held.keys().next().filter(|_| next(10) == 0) {
            held.remove(&id);
            schedule.remove();
        }
        let mut left = 50;
        while left > 0 && !schedule.is_empty() {
            let taken =
                schedule.take(now, |id, ticket| held.get(&id).is_some_and(|hold| hold.0 == ticket));
            let Some(id) = taken else { continue };
            left -= 1;
            longest = longest.max(now - held.remove(&id).expect("it was held").1);
        }
        assert_eq!(schedule.is_empty(), held.is_empty());
        let oldest = held.values().map(|hold| now - hold.1).max().unwrap_or_default();
        // 50 in each millisecond are more than the 9,000 that can be held at most, in 200 ms.
        assert!(oldest <= HOLD_LIMIT + Duration::from_millis(1), "{ms}: {oldest:?}");
    }
    assert!(longest >= Duration::from_millis(100), "there was overload");
    let entries = schedule.by_remaining.len() + schedule.by_age.len();
    assert!(entries <= 4 * (MAX_IGNORED + 4 * held.len()), "{entries} entries");
}
