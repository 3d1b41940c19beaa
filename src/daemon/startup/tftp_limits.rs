//! What TFTP needs of the machine before it serves: roots, descriptors, ports.

use crate::byte_text::to_text;
use crate::config::Tftp;
use crate::error::StartupError;
use crate::log_line::TftpLine;
use crate::strerror::strerror;
use crate::sys::limits;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// Looks into every root, as the user we now are. A missing one ends the start, unless `tftp-no-fail`.
pub fn check_roots(tftp: &Tftp) -> Result<Vec<TftpLine>, StartupError> {
    let shown = |root: &[u8]| to_text(root);
    let general =
        tftp.root.iter().map(|root| (&root.value, TftpLine::RootMissing(shown(&root.value))));
    let single = tftp
        .interface_roots
        .iter()
        .rev()
        .map(|root| (&root.value.1, TftpLine::InterfaceRootMissing(shown(&root.value.1))));
    let mut warnings = Vec::new();
    for (root, warning) in general.chain(single).filter(|(root, _)| !root.is_empty()) {
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

/// Descriptors that are not for transfers, as dnsmasq counts them.
const OTHER_FILES: u64 = 30;

/// There can be no more transfers than descriptors and ports (docs/dnsmasq/tftp.md, section 10).
pub fn limit_transfers(tftp: &mut Tftp) -> Option<TftpLine> {
    let open_files = limits::open_files();
    let room = match open_files.checked_sub(OTHER_FILES) {
        None => 5,
        Some(left) if left < 100 && !tftp.single_port => left / 2,
        Some(left) => left.saturating_sub(20),
    };
    let ports = tftp.ports.map_or(u64::MAX, |(first, last)| u64::from(last - first) + 1);
    let most = usize::try_from(room.min(ports)).unwrap_or(usize::MAX);
    (tftp.max_transfers > most).then(|| {
        tftp.max_transfers = most;
        TftpLine::Restricted(most)
    })
}
