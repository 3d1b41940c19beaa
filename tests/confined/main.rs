//! The restrictions of each process: tables of system calls, Landlock, user and groups.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod attempts;
#[path = "../common/mod.rs"]
mod common;
mod landlock;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod raw;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod tables;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
const TABLES: &[common::harness::Test] = tables::TESTS;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const TABLES: &[common::harness::Test] = &[];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TABLES, landlock::TESTS])
}
