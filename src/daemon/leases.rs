//! The lease database, which is a DHCP server's: we lend nothing, and keep it as it is (spec: daemon, section 4.2).

use crate::config::Config;
use crate::failure::{Failure, reason};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const USUAL: &str = "/var/lib/misc/dnsmasq.leases";

/// Opens it, or makes it, where there are ranges.
pub fn open(config: &Config) -> Result<Option<File>, Failure> {
    let process = &config.process;
    if config.dhcp.ranges.is_empty() || !process.lease_file_kept {
        return Ok(None);
    }
    let path = process.lease_file.as_deref().unwrap_or(Path::new(USUAL));
    let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o644).open(path);
    let failed = |error| {
        let shown = path.display();
        Failure::file(format!("cannot open or create lease file {shown}: {}", reason(&error)))
    };
    opened.map(Some).map_err(failed)
}
