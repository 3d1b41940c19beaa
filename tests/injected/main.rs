//! System calls that are injected into the running packet process with ptrace(2), as by an attacker who controls it.

#[cfg(target_arch = "x86_64")]
mod attempts;
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_arch = "x86_64")]
mod target;
#[cfg(target_arch = "x86_64")]
mod tracee;

crate::tests![controlled_packet_process_cannot_leave_its_restrictions];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

#[cfg(target_arch = "x86_64")]
fn controlled_packet_process_cannot_leave_its_restrictions() {
    use common::{lab::Lab, required, subject_is_theirs};
    let ours = (!subject_is_theirs()).then_some(());
    let Some(()) = required(ours.ok_or("dnsmasq has no restrictions".to_owned())) else { return };
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let known = lab.knows_user(65534).then_some(());
    let known = known.ok_or("users are changed: there is only root here".to_owned());
    let Some(()) = required(known) else { return };
    let faults = attempts::faults(&lab);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[cfg(not(target_arch = "x86_64"))]
fn controlled_packet_process_cannot_leave_its_restrictions() {
    common::harness::skip("calls are injected with the registers of x86-64");
}
