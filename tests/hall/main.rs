//! A hall of machines in virtual time: what congestion control changes for all of them (docs/congestion.md).

#![allow(dead_code)] // the example uses another part

mod case;
mod cases;
mod files;
mod link;
mod machine;
mod manner;
mod network;
#[path = "../common/random.rs"]
mod random;
mod report;
mod server;
mod simulation;
mod sockets;

use case::{Case, MILLISECOND};
use cases::case;
use report::Report;

/// Without and with congestion control.
fn both(case: &Case) -> [Report; 2] {
    [case.uncontrolled(), case.clone()].map(|case| simulation::run(&case))
}

/// All machines come up, in about the same time as without control: half of them, and the last. The random numbers of both
/// runs are the same, but they belong to other datagrams, so a lost request of one machine (4 s) may be in one run only.
fn assert_not_slower(case: &Case, percent: u64, [without, with]: &[Report; 2]) {
    assert_eq!(with.up.len(), with.machines as usize, "{}: all machines come up", case.name);
    for share in [50, 100] {
        let Some(before) = without.percentile(share) else { continue };
        let after = with.percentile(share).expect("all came up");
        let most = before + before * percent / 100 + 20 * MILLISECOND;
        assert!(after <= most, "{}: {share} % up after {after} ns, {before} without", case.name);
    }
}

/// The buffer holds the windows of all machines: nothing is lost, so there is never a bound.
#[test]
fn hall_without_overflow_is_the_same_with_and_without_control() {
    for window in [1, 4, 16] {
        let [without, with] = both(&case(30, window, 1, 10_000, 0));
        assert_eq!((with.up.len(), with.repeated, with.dropped), (30, 0, 0));
        assert_eq!((with.up, with.sent), (without.up, without.sent));
    }
}

/// The windows of all machines are many times the buffer.
#[test]
fn control_prevents_most_drops_if_windows_overflow_the_buffer() {
    for (case, factor) in [
        (case(100, 16, 1, 100, 0), 3),
        (case(100, 64, 1, 1000, 0), 5),
        (case(300, 4, 1, 300, 0), 5),
    ] {
        let reports = both(&case);
        assert_not_slower(&case, 0, &reports);
        let [without, with] = reports.map(|report| report.dropped);
        assert!(without > 1000, "{}: the buffer overflows", case.name);
        assert!(with * factor <= without, "{}: {with} drops, {without} without", case.name);
    }
}

/// In lockstep 1000 blocks are in flight, 15 times the buffer. Without control some machines have the link while others wait
/// for longer and longer timeouts, so the first half is up earlier, and the last later.
#[test]
fn last_machine_in_lockstep_over_a_small_buffer_is_up_earlier_with_control() {
    let mut case = case(1000, 1, 1, 100, 0);
    case.stages.iter_mut().for_each(|stage| stage.bytes = 100_000);
    let reports = both(&case);
    let [without, with] = [&reports[0], &reports[1]].map(|report| report.percentile(100));
    let after = with.expect("all machines come up");
    assert!(without.is_none_or(|before| after < before), "{after} ns, {without:?} without");
}

/// A bad cable: the link is nearly empty, and fewer bytes in flight would not help.
#[test]
fn random_loss_does_not_slow_machines_down() {
    for (window, loss) in [(1, 1), (1, 5), (4, 1), (16, 1)] {
        let case = case(50, window, 10, 10_000, loss);
        let [without, with] = both(&case);
        assert_eq!(with.up.len(), 50);
        let [before, after] = [&without, &with].map(|report| report.percentile(50));
        assert!(
            after <= before.map(|time| time + time / 10),
            "{}: {after:?} {before:?}",
            case.name
        );
    }
}

#[test]
fn machines_with_a_slow_link_do_not_slow_others_down() {
    let case = cases::with_slow_machines();
    let [without, with] = both(&case);
    assert_eq!(with.up.len(), 100);
    for share in [50, 98] {
        let [before, after] = [&without, &with].map(|report| report.percentile(share));
        assert!(after <= before.map(|time| time + time / 20), "{share} %: {after:?} {before:?}");
    }
}
