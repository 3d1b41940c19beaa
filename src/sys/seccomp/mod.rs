//! The system calls that each process of the program may make, and their purpose (seccomp(2)).
//!
//! A table is a list of rows. To allow a call, add a row to the table of the process, and an attempt to
//! `tests/confined/attempts/allowed.rs`.

use super::profile::{Parameters, Process, Role};
use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A row of a table: purpose, call, and conditions that must all hold.
macro_rules! row {
    ($purpose:literal, $call:ident $(, $condition:expr)* $(,)?) => {
        crate::sys::seccomp::Row {
            purpose: $purpose,
            name: stringify!($call),
            call: libc::$call,
            conditions: &[$($condition),*],
        }
    };
}

/// A row for `setsockopt` with this level and option.
macro_rules! option {
    ($purpose:literal, $level:ident, $option:ident) => {
        row!($purpose, SYS_setsockopt, Is(1, $level), Is(2, libc::$option as u64))
    };
}

mod common;
mod files;
mod host;
mod packets;

/// A system call that is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What the process uses it for.
    pub purpose: &'static str,
    /// The name of the constant: `SYS_read`.
    pub name: &'static str,
    /// The number of the call.
    pub call: c_long,
    /// Conditions for the arguments. All must hold. If a call has several rows, one of them must hold.
    pub conditions: &'static [Condition],
}

/// A condition for an argument; the first argument is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Equal to the value.
    Is(u8, u64),
    /// Equal to the value under the mask: argument, mask, value.
    Masked(u8, u64, u64),
    /// A null pointer.
    Null(u8),
    /// Argument 0 is a descriptor with this role.
    Only(Role),
    /// Argument 0 is no descriptor with this role.
    Except(Role),
    /// Argument 0 is the id of this process.
    ThisProcess,
}

use Condition::{Except, Is, Masked, Null, Only, ThisProcess};

/// The system calls of a process.
#[derive(Clone, Debug)]
pub struct Table {
    /// The calls that are allowed.
    pub allowed: Vec<Row>,
    /// Calls for which the C library or the standard library uses another one if they return ENOSYS, also in debug builds.
    pub unavailable: Vec<Row>,
}

/// Why seccomp does not restrict this process.
#[derive(Debug)]
pub enum SeccompError {
    /// seccompiler does not support this architecture.
    Architecture(&'static str),
    /// The filter cannot be built.
    Filter(BackendError),
    /// The kernel did not accept the filter.
    Kernel(seccompiler::Error),
}

impl fmt::Display for SeccompError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(name) => write!(f, "not for {name}"),
            Self::Filter(error) => error.fmt(f),
            Self::Kernel(error) => error.fmt(f),
        }
    }
}

/// Installs the filters of a process on all its threads; the number of allowed system calls.
pub fn install(process: Process, parameters: &Parameters) -> Result<usize, SeccompError> {
    let table = Table::of(process);
    for program in table.programs(parameters, REFUSED)? {
        // A thread that waited for a disk during the start may still run.
        apply_filter_all_threads(&program).map_err(SeccompError::Kernel)?;
    }
    Ok(table.allowed.iter().map(|row| row.call).collect::<BTreeSet<_>>().len())
}

const ENOSYS: SeccompAction = SeccompAction::Errno(libc::ENOSYS as u32);
/// A call that is not in the table returns ENOSYS: a C library uses another call, or the operation fails. In debug builds it
/// kills the process, so that tests find calls that are missing in the table.
const REFUSED: SeccompAction =
    if cfg!(debug_assertions) { SeccompAction::KillProcess } else { ENOSYS };

impl Table {
    /// The table of a process.
    pub fn of(process: Process) -> Self {
        let (allowed, unavailable): (&[&[Row]], &[Row]) = match process {
            Process::Packets => (packets::ALLOWED, common::UNAVAILABLE_THREADS),
            Process::Files => (files::ALLOWED, common::UNAVAILABLE_THREADS),
            Process::Host => (host::ALLOWED, &[]),
        };
        Self { allowed: allowed.concat(), unavailable: unavailable.to_vec() }
    }

    /// The filters, in the order in which they must be installed: after the last one no other can be installed. `refused`: the
    /// action for calls that are not in the table.
    pub fn programs(
        &self,
        parameters: &Parameters,
        refused: SeccompAction,
    ) -> Result<Vec<BpfProgram>, SeccompError> {
        let unavailable: BTreeMap<_, _> =
            self.unavailable.iter().map(|row| (row.call, Vec::new())).collect();
        let mut rules = self.rules(parameters).map_err(SeccompError::Filter)?;
        // The kernel evaluates both filters. A call for which the first returns ENOSYS must be allowed by the second, because
        // its action could be stricter.
        rules.extend(unavailable.clone());
        let first =
            (!unavailable.is_empty()).then_some((unavailable, SeccompAction::Allow, ENOSYS));
        let filters = first.into_iter().chain([(rules, refused, SeccompAction::Allow)]);
        filters.map(|(rules, otherwise, then)| program(rules, otherwise, then)).collect()
    }

    /// The rules by number of the call. A call with no rules is allowed with any arguments.
    fn rules(&self, parameters: &Parameters) -> Result<Rules, BackendError> {
        let mut alternatives: BTreeMap<c_long, Vec<Vec<Comparison>>> = BTreeMap::new();
        for row in &self.allowed {
            let of_call = row.alternatives(parameters);
            // A call that is allowed only for descriptors of a role that has none is refused.
            if !of_call.is_empty() {
                alternatives.entry(row.call).or_default().extend(of_call);
            }
        }
        alternatives.into_iter().map(|(call, any)| Ok((call, rules_of_call(&any)?))).collect()
    }
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn rules_of_call(alternatives: &[Vec<Comparison>]) -> Result<Vec<SeccompRule>, BackendError> {
    if alternatives.iter().any(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let rule = |comparisons: &Vec<Comparison>| {
        let conditions = comparisons.iter().map(Comparison::condition).collect::<Result<_, _>>()?;
        SeccompRule::new(conditions)
    };
    alternatives.iter().map(rule).collect()
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    then: SeccompAction,
) -> Result<BpfProgram, SeccompError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| SeccompError::Architecture(std::env::consts::ARCH))?;
    let filter = SeccompFilter::new(rules, otherwise, then, arch);
    filter.and_then(BpfProgram::try_from).map_err(SeccompError::Filter)
}

/// A comparison of an argument with a value.
#[derive(Clone)]
struct Comparison {
    argument: u8,
    length: Length,
    op: Op,
    value: u64,
}

impl Comparison {
    fn new(argument: u8, op: Op, value: u64) -> Self {
        Self { argument, length: Length::Dword, op, value }
    }

    fn of_descriptor(op: Op, fd: i32) -> Self {
        Self::new(0, op, fd.cast_unsigned().into())
    }

    fn condition(&self) -> Result<SeccompCondition, BackendError> {
        let Self { argument, length, op, value } = self.clone();
        SeccompCondition::new(argument, length, op, value)
    }
}

impl Row {
    /// The comparisons of which one list must hold.
    fn alternatives(&self, parameters: &Parameters) -> Vec<Vec<Comparison>> {
        self.conditions.iter().fold(vec![Vec::new()], |lists, condition| {
            let more = condition.alternatives(parameters);
            let joined = lists.iter().flat_map(|list| more.iter().map(move |more| (list, more)));
            joined.map(|(list, more)| [&list[..], more].concat()).collect()
        })
    }
}

impl Condition {
    /// The comparisons of which one list must hold: one for each descriptor of a role that is required.
    fn alternatives(self, parameters: &Parameters) -> Vec<Vec<Comparison>> {
        let one = |argument, op, value| vec![vec![Comparison::new(argument, op, value)]];
        let descriptors = |role, op: Op| {
            parameters.of(role).map(move |fd| Comparison::of_descriptor(op.clone(), fd))
        };
        match self {
            Is(argument, value) => one(argument, Op::Eq, value),
            Masked(argument, mask, value) => one(argument, Op::MaskedEq(mask), value),
            Null(argument) => {
                vec![vec![Comparison { argument, length: Length::Qword, op: Op::Eq, value: 0 }]]
            }
            Only(role) => descriptors(role, Op::Eq).map(|is| vec![is]).collect(),
            Except(role) => vec![descriptors(role, Op::Ne).collect()],
            ThisProcess => one(0, Op::Eq, parameters.process.into()),
        }
    }
}

/// Values of arguments that several tables use.
mod value {
    pub const AF_INET: u64 = libc::AF_INET as u64;
    pub const AF_INET6: u64 = libc::AF_INET6 as u64;
    pub const AF_UNIX: u64 = libc::AF_UNIX as u64;
    /// Mask of a socket's type, without its flags (socket(2)).
    pub const TYPE_MASK: u64 = 0xf;
    pub const SOCK_DGRAM: u64 = libc::SOCK_DGRAM as u64;
    pub const SOCK_STREAM: u64 = libc::SOCK_STREAM as u64;
    pub const SOCKADDR_IN: u64 = size_of::<libc::sockaddr_in>() as u64;
    pub const SOCKADDR_IN6: u64 = size_of::<libc::sockaddr_in6>() as u64;
    pub const SO_PEERCRED: u64 = libc::SO_PEERCRED as u64;
    pub const SOL_SOCKET: u64 = libc::SOL_SOCKET as u64;
    pub const IPPROTO_IP: u64 = libc::IPPROTO_IP as u64;
    pub const IPPROTO_IPV6: u64 = libc::IPPROTO_IPV6 as u64;
    pub const CLONE_THREAD: u64 = libc::CLONE_THREAD as u64;
    pub const PROT_EXEC: u64 = libc::PROT_EXEC as u64;
    pub const SIGABRT: u64 = libc::SIGABRT as u64;
}

#[test]
fn each_descriptor_of_a_role_is_compared() {
    let counts = |condition: Condition, fds: &[i32]| -> Vec<usize> {
        let descriptors = fds.iter().map(|fd| (Role::Channel, *fd)).collect();
        let lists = condition.alternatives(&Parameters { process: 1, descriptors });
        lists.iter().map(Vec::len).collect()
    };
    assert_eq!(counts(Only(Role::Channel), &[3, 4]), [1, 1]);
    assert_eq!(counts(Only(Role::Channel), &[]), [0; 0], "the row allows nothing");
    assert_eq!(counts(Except(Role::Channel), &[3, 4]), [2]);
    assert_eq!(counts(Except(Role::Channel), &[]), [0], "the row has no condition");
}
