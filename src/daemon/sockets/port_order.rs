//! The order in which the ports of `tftp-port-range` are tried.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Each port from `first` to `last` once, in a random order, so that the port of a transfer cannot be predicted.
/// Without a range (`first` and `last` are 0) this is port 0: the kernel chooses.
pub fn random_port_order(first: u16, last: u16) -> impl Iterator<Item = u16> {
    // The keys of the hash function are random numbers of the system.
    port_order(first, last, RandomState::new().build_hasher().finish())
}

/// The start and the step come from `random`. A step without a common divisor with the number of ports reaches each port.
fn port_order(first: u16, last: u16, random: u64) -> impl Iterator<Item = u16> {
    let count = u32::from(last.saturating_sub(first)) + 1;
    let (start, step) = (below(random >> 32, count), below(random & 0xffff_ffff, count));
    let step =
        (step..=step + count).find(|step| greatest_common_divisor(*step, count) == 1).unwrap_or(1);
    let ports = (0..u64::from(count))
        .map(move |nth| below(u64::from(start) + nth * u64::from(step), count));
    ports.filter_map(move |offset| first.checked_add(u16::try_from(offset).ok()?))
}

fn below(number: u64, limit: u32) -> u32 {
    u32::try_from(number % u64::from(limit)).unwrap_or_default()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[test]
fn each_port_comes_once_for_any_random_number() {
    for (first, last) in [(0, 0), (69, 69), (4000, 4001), (4000, 4099), (65_500, 65_535)] {
        for random in [0, 1, u64::MAX, 0x1234_5678_9abc_def0, 0x32_0000_0032] {
            let mut ports: Vec<u16> = port_order(first, last, random).collect();
            ports.sort_unstable();
            assert_eq!(ports, (first..=last).collect::<Vec<_>>(), "{random}");
        }
    }
    assert_eq!(port_order(0, 65_535, u64::MAX).count(), 65_536);
}

#[test]
fn first_port_of_a_range_is_random() {
    let first_of = || random_port_order(1, 60_000).next();
    let first = first_of();
    assert!((0..10).any(|_| first_of() != first));
}
