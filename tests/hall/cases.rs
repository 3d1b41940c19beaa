//! The cases of the table.

use super::case::{Case, LinkSpec, MILLISECOND, SlowLinks};
use super::manner::Manner;

/// A case with a name that has its parameters. `kb`: the buffer.
pub fn case(machines: u32, window: u16, gbit: u64, kb: u64, loss_percent: usize) -> Case {
    let mut case = Case::new(machines, window, gbit * 1000, kb * 1000);
    case.loss_ppm = loss_percent * 10_000;
    case.name =
        format!("{machines} machines, W {window}, {gbit} Gbit/s, {kb} kB, {loss_percent} % lost");
    case
}

/// Machines of all kinds: EDK2 loads the loader, and other programs the kernel in lockstep.
fn mixed(manner: Manner) -> Case {
    let mut case = case(300, 4, 1, 100, 0);
    case.stages[1].manner = manner;
    case.stages[1].window = 1;
    let program = manner.name();
    case.name = format!("300 machines, W 4 and then {program}, 1 Gbit/s, 100 kB, 0 % lost");
    case
}

/// Two machines are behind a slow link.
pub fn with_slow_machines() -> Case {
    let mut case = case(100, 16, 10, 1000, 0);
    let link = LinkSpec { mbit: 10, buffer: 20_000, delay: 10 * MILLISECOND };
    case.slow = Some(SlowLinks { machines: 2, link });
    case.name.push_str(", 2 of them at 10 Mbit/s");
    case
}

/// All cases of the table.
pub fn all() -> Vec<Case> {
    let mut all = vec![
        case(10, 64, 1, 100, 0),
        case(100, 1, 1, 100, 0),
        case(100, 16, 1, 100, 0),
        case(100, 64, 1, 100, 0),
        case(100, 64, 1, 1000, 0),
        case(1000, 1, 1, 100, 0),
        case(1000, 1, 1, 1000, 0),
        case(1000, 4, 1, 100, 0),
        case(1000, 4, 1, 1000, 0),
        case(1000, 64, 1, 1000, 0),
        case(1000, 64, 1, 10_000, 0),
        case(1000, 64, 1, 100_000, 0),
        case(10_000, 1, 1, 1000, 0),
        case(100, 64, 10, 100, 0),
        case(100, 64, 10, 1000, 0),
        case(1000, 4, 10, 100, 0),
        case(1000, 64, 10, 1000, 0),
        case(1000, 64, 10, 10_000, 0),
        case(1000, 64, 25, 1000, 0),
        case(1000, 64, 25, 10_000, 0),
    ];
    for window in [1, 4, 16, 64] {
        all.extend([1, 5].map(|loss| case(100, window, 10, 10_000, loss)));
    }
    all.push(case(1000, 4, 1, 1000, 1));
    all.extend([Manner::Ipxe, Manner::Pxelinux, Manner::Grub].map(mixed));
    all.push(with_slow_machines());
    all
}
