//! Checks for TFTP before it serves: roots, descriptors, ports.

use crate::byte_text::to_text;
use crate::config::Tftp;
use crate::error::StartupError;
use crate::log_line::TftpLine;
use crate::strerror::strerror;
use crate::sys::limits;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// Opens every root as the user that serves. A root that cannot be opened is an error; with `tftp-no-fail`, its index among
/// `roots_to_check` is returned.
pub fn check_roots(tftp: &Tftp) -> Result<Vec<u16>, StartupError> {
    let mut missing = Vec::new();
    for ((root, _), index) in roots_to_check(tftp).zip(0..) {
        match fs::read_dir(OsStr::from_bytes(root)) {
            Ok(_) => {}
            Err(_) if tftp.no_fail => missing.push(index),
            Err(error) => {
                return Err(StartupError::file(format!(
                    "TFTP directory {} inaccessible: {}",
                    to_text(root),
                    strerror(&error)
                )));
            }
        }
    }
    Ok(missing)
}

/// The lines about missing roots.
pub fn missing_root_lines(tftp: &Tftp, missing: &[u16]) -> Vec<TftpLine> {
    let lines = roots_to_check(tftp).map(|(_, line)| line).zip(0..);
    lines.filter(|(_, index)| missing.contains(index)).map(|(line, _)| line).collect()
}

/// Each root, in the order of dnsmasq's lines, with the line for the case that it is missing.
fn roots_to_check(tftp: &Tftp) -> impl Iterator<Item = (&[u8], TftpLine)> {
    let general =
        tftp.root.iter().map(|root| (&root.value[..], TftpLine::RootMissing(to_text(&root.value))));
    let by_interface = tftp.interface_roots.iter().rev().map(|root| {
        let root = &root.value.1;
        (&root[..], TftpLine::InterfaceRootMissing(to_text(root)))
    });
    general.chain(by_interface).filter(|(root, _)| !root.is_empty())
}

/// Descriptors that dnsmasq reserves for other files than transfers.
const OTHER_FILES: u64 = 30;

/// Limits the number of transfers by the descriptors and ports (docs/dnsmasq/tftp.md, section 10); the line for the log.
pub fn limit_transfers(tftp: &mut Tftp) -> Option<TftpLine> {
    let open_files = limits::open_files();
    let by_descriptors = match open_files.checked_sub(OTHER_FILES) {
        None => 5,
        Some(left) if left < 100 && !tftp.single_port => left / 2,
        Some(left) => left.saturating_sub(20),
    };
    let ports = tftp.ports.map_or(u64::MAX, |(first, last)| u64::from(last - first) + 1);
    let max = usize::try_from(by_descriptors.min(ports)).unwrap_or(usize::MAX);
    (tftp.max_transfers > max).then(|| {
        tftp.max_transfers = max;
        TftpLine::Restricted(max)
    })
}
