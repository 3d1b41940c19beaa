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

/// Opens every root as the user that serves. A root that cannot be opened is an error, or with `tftp-no-fail` a line for the log.
pub fn check_roots(tftp: &Tftp) -> Result<Vec<TftpLine>, StartupError> {
    let shown = |root: &[u8]| to_text(root);
    let general =
        tftp.root.iter().map(|root| (&root.value, TftpLine::RootMissing(shown(&root.value))));
    let by_interface = tftp
        .interface_roots
        .iter()
        .rev()
        .map(|root| (&root.value.1, TftpLine::InterfaceRootMissing(shown(&root.value.1))));
    let mut warnings = Vec::new();
    for (root, warning) in general.chain(by_interface).filter(|(root, _)| !root.is_empty()) {
        match fs::read_dir(OsStr::from_bytes(root)) {
            Ok(_) => {}
            Err(_) if tftp.no_fail => warnings.push(warning),
            Err(error) => {
                return Err(StartupError::file(format!(
                    "TFTP directory {} inaccessible: {}",
                    shown(root),
                    strerror(&error)
                )));
            }
        }
    }
    Ok(warnings)
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
