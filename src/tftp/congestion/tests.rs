//! The bound in virtual time.

use super::bound::Bound;
use super::flight::Flight;
use crate::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr};

/// Reproducible random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

const SEGMENT: usize = 1472;

fn client(index: u64) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + u32::try_from(index).unwrap()).into()
}

/// Sends windows of four blocks to as many clients as a random number says, in each millisecond. `is_lost`: whether a window
/// is lost that is sent while this number of bytes is in flight.
fn play(clients: u64, millis: u64, mut is_lost: impl FnMut(u64) -> bool) -> Bound {
    let (mut bound, mut random) = (Bound::default(), Random(0x9e37_79b9));
    for ms in 0..millis {
        let (now, mut flights) = (Timestamp(ms), Vec::new());
        for index in 0..random.below(100) {
            if bound.has_room() {
                let (level, mut flight) = (bound.in_flight(), Flight::new(SEGMENT));
                flight.send(&(1..5), &mut bound, now);
                flights.push((index % clients, is_lost(level), flight));
            }
        }
        for (index, is_lost, mut flight) in flights {
            if is_lost {
                flight.lose_from(1, client(index), &mut bound, now);
            } else {
                flight.acknowledge(5, &mut bound, now, now);
            }
        }
        assert_eq!(bound.in_flight(), 0);
    }
    bound
}

#[test]
fn losses_while_many_bytes_are_in_flight_bring_a_bound() {
    let bound = play(50, 1000, |level| level > 200_000);
    let bytes = bound.bytes().expect("there is a bound");
    assert!((100_000..=250_000).contains(&bytes), "{bytes}");
}

/// The share of losses is that of a bad cable or a full radio channel: fewer bytes in flight would not help.
#[test]
fn losses_that_do_not_depend_on_the_bytes_in_flight_bring_no_bound() {
    for percent in [1, 5, 20] {
        for seed in 1..20 {
            let mut random = Random(seed);
            let bound = play(50, 1000, |_| random.below(100) < percent);
            assert_eq!(bound.bytes(), None, "{percent} %, seed {seed}");
        }
    }
}

/// Two clients behind a slow link lose blocks. The others must not wait for them.
#[test]
fn losses_of_two_clients_bring_no_bound() {
    assert_eq!(play(2, 1000, |level| level > 100_000).bytes(), None);
}

#[test]
fn bound_ends_two_seconds_after_the_last_loss() {
    let mut bound = play(50, 1000, |level| level > 200_000);
    assert!(bound.bytes().is_some());
    for (ms, is_bounded) in [(2000, true), (4000, false)] {
        let mut flight = Flight::new(SEGMENT);
        flight.send(&(1..2), &mut bound, Timestamp(ms));
        flight.acknowledge(2, &mut bound, Timestamp(ms), Timestamp(ms));
        assert_eq!(bound.bytes().is_some(), is_bounded, "{ms} ms");
    }
}

/// Whatever happens to transfers in whatever order: nothing is counted twice or below zero, and at the end nothing is left.
#[test]
fn bytes_in_flight_are_those_of_all_flights_whatever_happens() {
    for seed in 1..200 {
        let (mut bound, mut random, mut ms) = (Bound::default(), Random(seed), 0);
        let mut flights: Vec<(u64, Flight)> = (0..20).map(|_| (1, Flight::new(SEGMENT))).collect();
        for _ in 0..2000 {
            ms += random.below(3) * random.below(2);
            let now = Timestamp(ms);
            let index = random.below(20);
            let (next, flight) = &mut flights[usize::try_from(index).unwrap()];
            match random.below(6) {
                0 | 1 => {
                    let blocks = *next..*next + 1 + random.below(64);
                    flight.send(&blocks, &mut bound, now);
                    *next = blocks.end;
                }
                2 => flight.acknowledge(*next - random.below(*next), &mut bound, now, now),
                3 => flight.lose_from(*next - random.below(*next), client(index), &mut bound, now),
                4 => flight.cut(*next - random.below(*next), &mut bound),
                _ => flight.leave(&mut bound),
            }
            bound.expire(now);
            let most: u64 = flights.iter().map(|(_, flight)| flight.bytes()).sum();
            assert!(bound.in_flight() <= most, "seed {seed}: {} of {most}", bound.in_flight());
        }
        for (_, flight) in &mut flights {
            flight.leave(&mut bound);
        }
        assert_eq!(bound.in_flight(), 0, "seed {seed}");
    }
}
