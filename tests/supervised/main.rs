//! `--replace` with the programs that start and watch the server: systemd, procd, runit, s6, container engines, a shell.
//! `tests/packages/systemd` runs the units of the packages with systemd itself.

#[path = "../common/mod.rs"]
mod common;

mod cgroup;
mod foreground;
mod machine;
mod manager;
#[path = "../process/setup.rs"]
#[allow(dead_code)] // tests/process uses the rest
mod setup;
mod shell;
mod systemd;

fn main() -> std::process::ExitCode {
    // As systemd: the processes whose parents have ended are children of the test, which sees their exit codes.
    nix::sys::prctl::set_child_subreaper(true).expect("every process may do this");
    common::harness::run(&[foreground::TESTS, shell::TESTS, systemd::TESTS])
}
