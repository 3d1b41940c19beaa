//! Each row and each condition of the tables of system calls, tried in child processes.

use crate::attempts::{self, ALL, Attempt, FILES, HOST, PACKETS, parameters};
use crate::raw::{Outcome, outcomes};
use pxemasq::sys::profile::Process;
use pxemasq::sys::seccomp::{Condition, Row, Table};
use seccompiler::SeccompAction;

crate::tests![
    each_process_may_make_exactly_the_calls_of_its_table,
    sockets_of_every_other_family_are_refused,
    table_without_a_row_or_condition_is_detected,
];

/// The error number of a call that the table does not allow. The kernel has no such error.
const REFUSED: u16 = 4000;

const PROCESSES: [(Process, u8); 3] =
    [(Process::Packets, PACKETS), (Process::Files, FILES), (Process::Host, HOST)];

/// Attempts whose outcome is not the expected one.
fn faults(table: &Table, process: u8, attempts: &[Attempt]) -> Vec<String> {
    let action = SeccompAction::Errno(REFUSED.into());
    let programs = table.programs(&parameters(), action).expect("the table is valid");
    let results = outcomes(&programs, attempts);
    let fault = |(attempt, outcome): (&Attempt, Outcome)| {
        let refused = outcome == Outcome::Returned(REFUSED.into());
        let unavailable = outcome == Outcome::Returned(libc::ENOSYS);
        let expected = if attempt.allowed & process != 0 {
            (!refused && !unavailable, "allowed")
        } else if attempt.unavailable & process != 0 {
            (unavailable, "unavailable")
        } else {
            (refused, "refused")
        };
        let Attempt { what, name, arguments, .. } = attempt;
        (!expected.0).then(|| {
            format!("{what}: {name}{arguments:x?} must be {}, but {outcome:?}", expected.1)
        })
    };
    attempts.iter().zip(results).filter_map(fault).collect()
}

fn each_process_may_make_exactly_the_calls_of_its_table() {
    let attempts = attempts::all();
    for (process, mask) in PROCESSES {
        let faults = faults(&Table::of(process), mask, &attempts);
        assert!(faults.is_empty(), "{process:?}:\n{}", faults.join("\n"));
    }
}

/// All families, with all types; all protocols of netlink.
fn sockets_of_every_other_family_are_refused() {
    const FAMILIES: u64 = 64;
    const TYPES: u64 = 16;
    const PROTOCOLS: u64 = 32;
    let may = |family: u64, kind: u64| {
        let is = |known_family: i32, known_kind: i32| {
            family == u64::from(known_family.cast_unsigned())
                && kind == u64::from(known_kind.cast_unsigned())
        };
        let udp = is(libc::AF_INET, libc::SOCK_DGRAM) || is(libc::AF_INET6, libc::SOCK_DGRAM);
        if udp {
            PACKETS
        } else if is(libc::AF_UNIX, libc::SOCK_STREAM) {
            FILES
        } else {
            0
        }
    };
    let plain = (0..FAMILIES).flat_map(|family| (0..TYPES).map(move |kind| (family, kind, 0)));
    let netlink = u64::from(libc::AF_NETLINK.cast_unsigned());
    let of_netlink =
        (0..PROTOCOLS).flat_map(|protocol| [(netlink, 2, protocol), (netlink, 3, protocol)]);
    let attempts: Vec<Attempt> = plain
        .chain(of_netlink)
        .map(|(family, kind, protocol)| Attempt::socket(may(family, kind), family, kind, protocol))
        .collect();
    for (process, mask) in PROCESSES {
        let faults = faults(&Table::of(process), mask, &attempts);
        assert!(faults.is_empty(), "{process:?}:\n{}", faults.join("\n"));
    }
}

/// A change of a table, which the attempts must detect.
struct Mutation {
    what: String,
    table: Table,
}

fn table_without_a_row_or_condition_is_detected() {
    let attempts = attempts::all();
    let (mut rows, mut tried, mut undetected) = (0, 0, Vec::new());
    for (process, mask) in PROCESSES {
        let table = Table::of(process);
        rows += table.allowed.len() + table.unavailable.len();
        for mutation in mutations(&table) {
            tried += 1;
            // A change concerns one call.
            if faults(&mutation.table, mask, &attempts).is_empty() {
                undetected.push(format!("{process:?}: {}", mutation.what));
            }
        }
    }
    println!("{rows} rows, {tried} mutations, {} undetected", undetected.len());
    assert!(undetected.is_empty(), "no attempt detects:\n{}", undetected.join("\n"));
}

/// The table without each row, and with each condition loosened.
fn mutations(table: &Table) -> Vec<Mutation> {
    let mut all = Vec::new();
    for index in 0..table.unavailable.len() {
        let mut without = table.clone();
        let row = without.unavailable.remove(index);
        all.push(Mutation { what: format!("{} is not unavailable", row.name), table: without });
    }
    for (index, row) in table.allowed.iter().enumerate() {
        let mut without = table.clone();
        without.allowed.remove(index);
        let name = format!("{} ({}) {:?}", row.name, row.purpose, row.conditions);
        all.push(Mutation { what: format!("without {name}"), table: without });
        for looser in looser(row.conditions) {
            let what = format!("{name} as {looser:?}");
            let mut table = table.clone();
            table.allowed[index] = Row { conditions: looser.leak(), ..*row };
            all.push(Mutation { what, table });
        }
    }
    all
}

/// The conditions without each one, and with each one weaker.
fn looser(conditions: &[Condition]) -> Vec<Vec<Condition>> {
    let mut all = Vec::new();
    for (index, condition) in conditions.iter().enumerate() {
        let mut without = conditions.to_vec();
        without.remove(index);
        all.push(without);
        for weaker in weaker(*condition) {
            let mut weakened = conditions.to_vec();
            weakened[index] = weaker;
            all.push(weakened);
        }
    }
    all
}

fn weaker(condition: Condition) -> Vec<Condition> {
    match condition {
        Condition::Masked(argument, mask, value) if mask.count_ones() > 1 => {
            let bits = (0..u64::BITS).map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
            bits.map(|bit| Condition::Masked(argument, mask & !bit, value & !bit)).collect()
        }
        // The low half of a pointer.
        Condition::Null(argument) => vec![Condition::Is(argument, 0)],
        _ => Vec::new(),
    }
}

const _: () = assert!(ALL == PACKETS | FILES | HOST, "a process has no attempts");
